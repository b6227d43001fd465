"""Implement the fixture ``scanready``: call it with a target and get its report."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from typing import Any

import pytest

from scanready.inventory import InventoryError, credential_from, parse_target
from scanready.inventory.arguments import require_credential, require_target, require_texts
from scanready.model import Agent, Credential, Target

from .checked import CheckedReport
from .session import Checks

# So that an account given as an object is not taken for another of its name. It is this process's own, kept nowhere.
_SALT = secrets.token_bytes(16)


class Scanready:
    """Checks targets. Each is checked once in a session, by all workers of pytest-xdist together."""

    def __init__(self, checks: Checks) -> None:
        self._checks = checks

    @property
    def agent(self) -> Agent:
        """The host these tests run on."""
        return self._checks.agent

    def __call__(
        self,
        target: str | Target,
        *,
        credential: str | Credential | None = None,
        user: str | None = None,
        password_from: str | None = None,
        key_file: str | None = None,
        depth: str | None = None,
        timeout: float | None = None,
        fresh: bool = False,
    ) -> CheckedReport:
        """Check a target, or return what was found before.

        A target that the session's inventory has, too, is checked with the credential it has there.

        Args:
            target: as on the command line, with its type: ``"smb://fs01/finance"``; or a :class:`scanready.Target`.
            credential: one of the inventory's by name, or a :class:`scanready.Credential`.
            user: an account that is in no inventory; with ``password_from``, a reference such as ``env:ER_PW``, or
                with ``key_file``.
            depth: the last step that is asked and judged.
            timeout: seconds for the whole target.
            fresh: check again. A refused credential is not tried again all the same.

        Raises:
            InventoryError: the target or a reference cannot be read, all problems at once.
            TypeError: an argument has another type than listed here, or an account is given in two ways.
            ValueError: there is no such depth, or the time is none.
        """
        __tracebackhide__ = True
        try:
            found, secret = self._asked(target, credential, user, password_from, key_file)
            settings = self._checks.settings(self._checks.described, depth, timeout)
        except (InventoryError, TypeError, ValueError, pytest.UsageError) as error:
            # The author of the test needs its line and the message, not the lines of scanready between them.
            wrong: Exception | None = error.with_traceback(None)
        else:
            wrong = None
        if wrong is not None:
            raise wrong from None
        return self._checks.check(found, settings, secret=secret, fresh=fresh)

    def _asked(
        self,
        target: str | Target,
        credential: str | Credential | None,
        user: str | None,
        password_from: str | None,
        key_file: str | None,
    ) -> tuple[Target, str]:
        """Return the target with its account, and a text that distinguishes the account."""
        require_target(target)
        if not isinstance(credential, str):
            require_credential(credential)
        accounts = {"user": user, "password_from": password_from, "key_file": key_file}
        require_texts(**{name: value for name, value in accounts.items() if value is not None})
        account, secret = self._account(credential, user, password_from, key_file)
        return self._checks.in_inventory(self._target(target, account)), secret

    def _account(
        self, credential: str | Credential | None, user: str | None, password_from: str | None, key_file: str | None
    ) -> tuple[Credential | None, str]:
        """Return the account, and a text that distinguishes it from another of the same name."""
        __tracebackhide__ = True
        if credential is not None and (user, password_from, key_file) != (None, None, None):
            raise TypeError("give either `credential`, or `user` with `password_from` or `key_file`")
        if isinstance(credential, str):
            return self._checks.credential(credential), ""
        if credential is not None:
            return credential, _told_apart(credential)
        if (user, password_from, key_file) == (None, None, None):
            return None, ""
        return credential_from(user, password_from, key_file), password_from or ""

    def _target(self, target: str | Target, account: Credential | None) -> Target:
        __tracebackhide__ = True
        if isinstance(target, Target):
            return replace(target, credential=account) if account else target
        found = parse_target(target, credential=account)
        if len(found) != 1:
            raise ValueError(f"{target!r} has no type: write it with one, as in {found[0].type}://{target}")
        return found[0]


def _told_apart(credential: Credential) -> str:
    private: tuple[Any, ...] = (credential.password, credential.key_passphrase)
    return hashlib.sha256(_SALT + repr(private).encode()).hexdigest()
