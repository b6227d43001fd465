"""Describe in a sentence why a library could not answer a server's challenge."""

from __future__ import annotations

import struct

from scanready.wire.printable import printable


def broken_challenge(library: str, scheme: str, error: BaseException) -> str:
    """Describe an exception that ``library`` raised while it parsed a challenge of ``scheme``.

    The libraries raise KeyError for a missing part of the challenge, and struct.error for a challenge that is too
    short. Neither has a text that is a sentence.
    """
    match error:
        case KeyError(args=("www-authenticate",)):
            return f"the server's answer to the login with {scheme} has no challenge (WWW-Authenticate)"
        case KeyError(args=(str(name),)):
            return f"the server's challenge for {scheme} is invalid: it has no {printable(name, 60)}"
        case struct.error():
            return f"the server's challenge for {scheme} is invalid: it is too short or not base64"
    text = printable(str(error), 300)
    return f"{library} could not log in with {scheme}: {type(error).__name__}{f': {text}' if text else ''}"
