"""The lockout guard knows a host by any spelling of its name, and an account by each of its credentials there."""

from __future__ import annotations

import asyncio

import pytest

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.guard import LockoutGuard
from scanready.model import Credential

SCAN, OTHER = Credential("scan", "svc", "pw"), Credential("other", "svc", "pw")
REFUSED = Failure(common.LOGIN_REFUSED, "no")


async def attempt(guard: LockoutGuard, credential: Credential, host: str, refuse: Failure | None = None) -> None:
    """Log in at a host whose address is not known, as behind a proxy."""
    async with guard.attempt(credential, host, f"{host}:22"):
        if refuse is not None:
            raise refuse


def withheld(guard: LockoutGuard, credential: Credential, host: str) -> bool:
    try:
        asyncio.run(attempt(guard, credential, host))
    except Failure as failure:
        return failure.cause is common.LOGIN_WITHHELD
    return False


def test_a_refusal_counts_for_every_spelling_of_a_name() -> None:
    """The second credential is the same account at this host."""
    guard = LockoutGuard()
    with pytest.raises(Failure, match="refused"):
        asyncio.run(attempt(guard, SCAN, "FS01", REFUSED))
    assert withheld(guard, OTHER, "fs01")


@pytest.mark.parametrize("spelt", ["fs01", "FS01"])
def test_what_an_earlier_run_noted_of_a_host_counts_for_every_spelling(spelt: str) -> None:
    guard = LockoutGuard()
    guard.bind(SCAN, "fs01:22", "fs01:22 refused it last night", "fs01")
    assert withheld(guard, SCAN, spelt)
    assert not withheld(guard, SCAN, "fs02")


@pytest.mark.parametrize(
    ("where", "host"),
    [
        ("fs01:22", "fs01"),
        ("fs01", "fs01"),
        ("FS01:22", "fs01"),
        ("10.0.0.7:22", "10.0.0.7"),
        ("[fd00::7]:22", "fd00::7"),
        ("fd00::7", "fd00::7"),
    ],
    ids=["name", "name without a port", "capitals", "IPv4", "IPv6", "IPv6 without a port"],
)
def test_a_refusal_of_an_earlier_run_counts_at_its_host_for_the_same_account_by_another_name(
    where: str, host: str
) -> None:
    guard = LockoutGuard()
    guard.expect(SCAN, host)
    guard.bind(SCAN, where, f"{where} refused it last night")
    assert withheld(guard, OTHER, host)
    assert not withheld(guard, Credential("other", "svc", "another"), host)
