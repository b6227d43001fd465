"""Say which ways to log in (RFC 9110, 11) are known, in one place for all types over HTTP."""

from __future__ import annotations

from collections.abc import Iterable

from scanready.wire import UnknownValue

#: Ways to log in that take no password of ours: the registered ones (IANA, "HTTP Authentication Schemes"), and Hawk.
WITHOUT_PASSWORD = frozenset(
    (
        *("bearer", "concealed", "dpop", "gnap", "hawk", "hoba", "mutual", "negotiate", "oauth", "privatetoken"),
        *("scram-sha-1", "scram-sha-256", "vapid"),
    )
)


def demand_known(schemes: Iterable[str]) -> None:
    """Check the ways to log in of a server that offers none for a password; ``schemes`` are in lower case.

    Raises:
        UnknownValue: one of them is not known, so it may take a password.
    """
    if unknown := sorted(set(schemes) - WITHOUT_PASSWORD):
        raise UnknownValue("the login scheme that the server asks for", unknown[0])
