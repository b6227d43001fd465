"""Tell whether a secret has changed while this process runs, where neither a file nor a reference shows it.

A new value of a key ring has the same reference. An agent runs for months, so it compares what it looks up with what it
looked up before. It keeps digests with a random key, in memory only: without the key they tell nothing of a secret.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass

from scanready.model import Credential


@dataclass(slots=True)
class _Seen:
    """Hold the digest of the present secret; times are seconds of a clock that nothing sets.

    Attributes:
        last: when it was looked up last.
        set_after: a time at which the credential had another secret yet; None if it never had one.
        refused: the digest of the secret that a server did not accept; None if there was no such login.
    """

    digest: bytes
    last: float
    set_after: float | None = None
    refused: bytes | None = None


class SeenSecrets:
    """The secrets that this process has looked up."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._seen: dict[tuple[str, tuple[str, str]], _Seen] = {}

    def see(self, credential: Credential, now: float) -> None:
        """Take note of a secret that was looked up at ``now``, in seconds of a clock that nothing sets."""
        key, digest = (credential.name, credential.guarded_by), self._digest(credential)
        known = self._seen.setdefault(key, _Seen(digest, now))
        if known.digest != digest:
            known.digest, known.set_after = digest, known.last
        known.last = now

    def refuse(self, credential: Credential) -> None:
        """Take note of a secret that was sent, and that no server accepted."""
        known = self._seen.get((credential.name, credential.guarded_by))
        if known is not None:
            known.refused = self._digest(credential)

    def is_other_than_refused(self, credential: Credential) -> bool:
        """Return whether this process made the last login that was not accepted, with another secret."""
        known = self._seen.get((credential.name, credential.guarded_by))
        return known is not None and known.refused is not None and known.refused != self._digest(credential)

    def is_set_since(self, credential: Credential, moment: float) -> bool:
        """Return whether the credential had another secret at that time or later, and this one was not refused."""
        known = self._seen.get((credential.name, credential.guarded_by))
        if known is None or known.set_after is None or known.refused == self._digest(credential):
            return False
        return known.set_after >= moment

    def _digest(self, credential: Credential) -> bytes:
        parts = credential.username, credential.password, credential.key_file, credential.key_passphrase
        return hashlib.blake2b(json.dumps(parts).encode(), key=self._key).digest()
