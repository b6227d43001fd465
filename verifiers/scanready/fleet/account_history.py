"""Ask an agent's journal of accounts about a secret: is it the one that a server judged, or a newer one? No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from scanready.inventory.sources import written_at
from scanready.model import Credential
from scanready.store import AccountRecord

from .messages import Login
from .seen_secrets import SeenSecrets


class History:
    """Hold the records of a journal.

    Args:
        known: what this process knows beside them.
    """

    def __init__(self, records: Iterable[AccountRecord], known: SeenSecrets) -> None:
        self._seen = known
        self._records = {(one.credential, one.username, one.authority): one for one in records}

    def is_newer(self, credential: Credential, host: str, login: Login, now: float, passed: float) -> bool:
        """Return whether a secret is newer than the refusal that a coordinator knows of; True if it knows of none.

        A file is newer if it was written since, by the clock of this host, and any secret if this process has looked
        up another one since. If the login was made by this agent, its journal knows more: where the secret came from,
        and what became of it.

        Args:
            now: this moment, in seconds of the epoch: files have no other time.
            passed: this moment by the clock of :meth:`SeenSecrets.see`.
        """
        if login.age is None:
            return True
        at = written_at(credential.source)
        if (at is not None and now - login.age < at <= now) or self._seen.is_set_since(credential, passed - login.age):
            return True
        if login.own and self._seen.is_other_than_refused(credential):
            return True
        record = self._of(credential)
        if not login.own or record is None:
            return False
        is_open = any(one.host == host.casefold() for one in record.logins)
        return record.source != credential.source or not (record.refusals or is_open)

    def is_changed(self, credential: Credential) -> bool:
        """Return whether the secret of an accepted login came from elsewhere, or its file was written again since."""
        record = self._of(credential)
        return record is not None and record.source != credential.source

    def proof(self, credential: Credential, places: Sequence[str]) -> Mapping[str, Any] | None:
        """Return that a secret was accepted at places, as the lockout guard recalls it; None if that is not certain.

        The journal does not say which one of a password and a key was accepted.
        """
        record = self._of(credential)
        both = credential.password is not None and credential.key_file is not None
        if record is None or record.accepted is None or record.refusals or both:
            return None
        return {
            "account": credential.guarded_by,
            "proven": ["password" if credential.key_file is None else "key"],
            "accepted": places,
            "unanswered": {},
            "refused_by": None,
        }

    def _of(self, credential: Credential) -> AccountRecord | None:
        return self._records.get((credential.name, credential.username, credential.authority))
