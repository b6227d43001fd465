"""Define the options of the lockout guard, and read what they say before anything is contacted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from scanready.cli.messages import did_you_mean, fitting
from scanready.model import Target

from .options import option
from .policy import EVERY_ONE, RETRY_AFTER, Policy
from .prepare import Unusable

if TYPE_CHECKING:
    from scanready.inventory import Inventory

    from .guard_files import Elsewhere

_RETRY = "--retry-refused"


class RetryingCommand(click.Command):
    """Accept ``--retry-refused`` with and without ``=NAME``; without it, the next argument is no name."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Write the name for every credential where there is none."""
        end = args.index("--") if "--" in args else len(args)
        args = [f"{_RETRY}={EVERY_ONE}" if word == _RETRY else word for word in args[:end]] + args[end:]
        return super().parse_args(ctx, args)


NO_LOGIN = option("--no-login", is_flag=True, help="Use no password or key: check up to the login prompt.")
_RETRY_REFUSED = option(
    _RETRY,
    metavar="[=NAME]",
    help="Try a credential once that an earlier run found refused. Without =NAME: every one.",
)
_GUARD = option(
    "--guard",
    "guards",
    multiple=True,
    metavar="FILE",
    help="Withhold credentials that another agent found refused; FILE is its export. Repeatable.",
)


def login_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say whether a login is made; :class:`Logins` takes their values."""
    return NO_LOGIN(_RETRY_REFUSED(function))


def guard_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add those of :func:`login_options`, and ``--guard``."""
    return login_options(_GUARD(function))


class Logins(NamedTuple):
    """The options of the lockout guard.

    Attributes:
        no_login: no login is made.
        retried: the credential of ``--retry-refused``.
        elsewhere: the logins of other agents; None without a file.
        guards: the files that have them.
    """

    no_login: bool
    retried: str
    elsewhere: Elsewhere | None
    guards: tuple[str, ...] = ()

    @classmethod
    def taken(cls, options: dict[str, Any]) -> Logins:
        """Take the values out of those of a command.

        Raises:
            click.UsageError: a file of ``--guard`` cannot be read.
        """
        no_login, retried = options.pop("no_login"), options.pop("retry_refused")
        guards = options.pop("guards", ())
        return cls(no_login, retried or "", _read(guards), tuple(map(os.path.realpath, guards)))

    def resumed(self, guards: Sequence[str], *, no_login: bool) -> Logins:
        """Return those of a run that goes on: without ``--guard``, the files that it was started with.

        Raises:
            click.UsageError: one of these files cannot be read any more.
        """
        kept = self._replace(no_login=self.no_login or no_login)
        return kept if self.guards else kept._replace(elsewhere=_read(guards), guards=tuple(guards))

    @property
    def kept(self) -> dict[str, Any]:
        """The options that a stored run keeps for ``--resume``."""
        return {"no_login": self.no_login, "guards": self.guards}

    @property
    def secrets(self) -> tuple[str, ...] | None:
        """The credentials whose secrets are looked up; None for all that targets use."""
        return () if self.no_login else None

    def applied_to(self, inventory: Inventory) -> Inventory:
        """Return the inventory, with the names of its accounts only if no login is made."""
        if not self.no_login:
            return inventory
        return replace(inventory, targets=[_by_name_only(target) for target in inventory.targets])

    def policy(self, inventory: Inventory | None, targets: Iterable[Target]) -> Policy:
        """Return when a refusal of an earlier run stops binding; check the targets of each credential.

        Raises:
            click.UsageError: no target uses the credential of ``--retry-refused``.
            Unusable: this agent's own file does not permit a credential at its target.
        """
        if inventory is not None and not self.no_login:
            _check_places(inventory, targets)
        after = (inventory and inventory.retry_after) or RETRY_AFTER
        if self.retried and self.retried != EVERY_ONE:
            used = sorted({account.name for target in targets for account in target.credentials})
            if self.retried not in used:
                near = did_you_mean(self.retried, used)
                raise click.UsageError(f"{_RETRY}: no target has a credential {fitting(self.retried)!r}{near}")
        return Policy(after, self.retried)


def _read(guards: Sequence[str]) -> Elsewhere | None:
    if not guards:
        return None
    from .guard_files import read_guard_files

    return read_guard_files(guards)


def _by_name_only(target: Target) -> Target:
    if target.credential is None:
        return target
    account = target.credential.without_secrets()
    tries = tuple(map(_by_name_only, target.tries))
    return replace(target, credential=account, alternatives=(), tries=tries)


def _check_places(inventory: Inventory, targets: Iterable[Target]) -> None:
    problems = [
        f"{target.source}: {words}" if target.source else words
        for target in targets
        for account in target.credentials
        if (words := inventory.misplaced(account.name, target.host))
    ]
    if problems:
        raise Unusable("\n".join(dict.fromkeys(problems)))
