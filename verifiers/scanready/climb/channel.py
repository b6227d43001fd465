"""Permit a secret only on a channel that others cannot read, unless the operator allows another one."""

from __future__ import annotations

from collections.abc import Iterable

from scanready.catalogue.option import ALLOW_CLEARTEXT, ALLOW_UNTRUSTED
from scanready.causes import common
from scanready.model import Cause, Credential, Target

from .explain import Failure
from .passwords import unsayable

#: A certificate with one of these faults does not prove who receives a secret. An expired one still does.
_PROVES_NOTHING = (common.TLS_UNTRUSTED, common.TLS_INTERCEPTED, common.TLS_NAME_MISMATCH)


def permit_cleartext(target: Target, travels: str = "in clear text") -> None:
    """Permit a password that a peer or a listener on the path can read.

    Args:
        target: its option ``allow_cleartext`` decides.
        travels: how the password would travel.

    Raises:
        Failure: ``login.withheld``, unless the option permits it.
    """
    if not ALLOW_CLEARTEXT.of(target.options):
        raise Failure(
            common.LOGIN_WITHHELD,
            f"the password would be sent {travels}; `allow_cleartext: true` at the target permits it",
        )


def doubts(faults: Iterable[tuple[Cause, str]]) -> list[str]:
    """Return those faults of a certificate, in words, that leave open who receives a secret."""
    return [detail for cause, detail in faults if cause in _PROVES_NOTHING]


def permit_certificate(target: Target, faults: Iterable[tuple[Cause, str]]) -> None:
    """Permit a secret for a server whose certificate has these faults.

    Raises:
        Failure: ``login.withheld``: one of them leaves open who receives the secret, and the option
            ``allow_untrusted`` does not permit it.
    """
    found = doubts(faults)
    if found and not ALLOW_UNTRUSTED.of(target.options):
        raise Failure(
            common.LOGIN_WITHHELD,
            f"the credential would go to a server whose certificate does not prove its identity: {'; '.join(found)}; "
            "`ca_file` adds a trusted CA, and `allow_untrusted: true` at the target accepts any certificate",
        )


def permit_password(credential: Credential) -> None:
    """Permit a password that login protocols can carry; servers close the connection on some of the others.

    Raises:
        Failure: ``scanready.limit``: it holds a NUL, or is not UTF-8.
    """
    if why := unsayable(credential.password or ""):
        raise Failure(common.LIMIT, f"the password of the credential {credential.name!r} {why}; it was not tried")
