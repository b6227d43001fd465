"""Put the traceback of an exception into bounded text that holds no secret and refers to nothing of the climb.

It is formatted at once: an exception that is kept keeps its frames, and those keep the connections.
"""

from __future__ import annotations

import traceback

from scanready.model import Credential
from scanready.wire.printable import escaped

#: The last frames of each exception of a chain.
_FRAMES = 10
#: Characters and lines of the whole text; of a longer one the end is kept, where the error is.
_MOST, _LINES = 4092, 39
#: Characters of a text that are made printable: an exception's text may have any length.
_LOOKED_AT = 65_536
#: Characters of an exception's own text in a finding.
_DETAIL = 1000
_HIDDEN = "***"


def trace_of(error: BaseException, secrets: tuple[str, ...] = ()) -> str:
    """Return the traceback of ``error`` and of its causes, the latest call last: printable lines, at most 4 KB.

    It has files, line numbers, functions, source lines and the exceptions' texts, and no values of variables.

    Args:
        secrets: texts that are replaced by asterisks (:func:`secrets_of`).
    """
    told = traceback.TracebackException.from_exception(error, limit=-_FRAMES, compact=True)
    text = without_secrets("".join(told.format()), secrets)[-_LOOKED_AT:]
    lines = [escaped(line.expandtabs(4)) for line in text.rstrip("\n").split("\n")]
    whole = "\n".join(lines[-_LINES:])
    cut = len(lines) > _LINES or len(whole) > _MOST
    return f"...\n{whole[-_MOST:]}" if cut else whole


def detail_of(text: str, secrets: tuple[str, ...]) -> str:
    """Return the words of an exception that no verifier translated, without secrets and of bounded length."""
    return without_secrets(text, secrets)[:_DETAIL]


def secrets_of(credential: Credential | None) -> tuple[str, ...]:
    """Return every form in which an exception's text may hold a secret of the credential, the longest first."""
    forms: set[str] = set()
    for secret in (credential.password, credential.key_passphrase) if credential else ():
        if secret:
            raw = secret.encode("utf-8", "surrogatepass")
            forms |= {secret, escaped(secret), repr(secret)[1:-1], ascii(secret)[1:-1], repr(raw)[2:-1], raw.hex()}
    return tuple(sorted(forms, key=len, reverse=True))


def without_secrets(text: str, secrets: tuple[str, ...]) -> str:
    """Return ``text`` with asterisks in place of the secrets."""
    for secret in secrets:
        text = text.replace(secret, _HIDDEN)
    return text
