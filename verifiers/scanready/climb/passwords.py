"""Say whether a password can be sent at all."""

from __future__ import annotations


def unsayable(password: str) -> str:
    """Say why no client library can send this password; empty if they can. Servers hang up on some of these."""
    if "\0" in password:
        return "holds a NUL, which no login protocol carries"
    try:
        password.encode()
    except UnicodeEncodeError:
        return "is not UTF-8"
    return ""
