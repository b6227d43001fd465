"""Say whether a password can be sent at all."""

from __future__ import annotations


def unsayable(password: str) -> str:
    """Return why no client library can send this password; empty if one can. Servers close the connection on some."""
    if "\0" in password:
        return "contains a NUL byte, which no login protocol supports"
    try:
        password.encode()
    except UnicodeEncodeError:
        return "is not UTF-8"
    return ""
