"""The lockout guard: the canary goes first, and a refusal is remembered."""

from __future__ import annotations

import asyncio

import pytest

from scanready.causes import common
from scanready.explain import Failure
from scanready.guard import LockoutGuard
from scanready.model import Credential

SCAN = Credential("scan", "svc", "pw")


async def attempt(guard: LockoutGuard, where: str, credential: Credential = SCAN, refuse: Failure | None = None) -> str:
    async with guard.attempt(credential, where, where):
        await asyncio.sleep(0)
        if refuse is not None:
            raise refuse
    return where


async def refused_everywhere(guard: LockoutGuard, hosts: int) -> list[BaseException | str]:
    refusal = Failure(common.LOGIN_REFUSED, "no")
    tries = (attempt(guard, f"h{number}", refuse=refusal) for number in range(hosts))
    return await asyncio.gather(*tries, return_exceptions=True)


def causes(results: list[BaseException | str]) -> list[str]:
    return [result.cause.code if isinstance(result, Failure) else str(result) for result in results]


def test_a_wrong_password_is_tried_once_however_many_targets_wait() -> None:
    results = asyncio.run(refused_everywhere(LockoutGuard(), 50))
    assert causes(results) == ["login.refused"] + ["login.withheld"] * 49


def test_the_reason_names_who_refused_and_not_the_password() -> None:
    results = asyncio.run(refused_everywhere(LockoutGuard(), 2))
    assert "h0" in str(results[1])
    assert "pw" not in str(results[1]).split("'scan'")[1]


def test_an_accepted_credential_is_used_side_by_side() -> None:
    async def run() -> list[str]:
        guard = LockoutGuard()
        await attempt(guard, "first")
        return await asyncio.wait_for(asyncio.gather(*(attempt(guard, f"h{n}") for n in range(20))), 5)

    assert len(asyncio.run(run())) == 20


def test_refused_later_is_withheld_from_then_on() -> None:
    async def run() -> None:
        guard = LockoutGuard()
        await attempt(guard, "first")
        with pytest.raises(Failure, match=r"login\.locked"):
            await attempt(guard, "second", refuse=Failure(common.LOGIN_LOCKED, "locked"))
        with pytest.raises(Failure, match=r"login\.withheld"):
            await attempt(guard, "third")

    asyncio.run(run())


def test_what_is_no_refusal_withholds_nothing() -> None:
    async def run() -> None:
        guard = LockoutGuard()
        with pytest.raises(Failure, match=r"agent\.driver-missing"):
            await attempt(guard, "first", refuse=Failure(common.DRIVER_MISSING, "none"))
        assert await attempt(guard, "second") == "second"

    asyncio.run(run())


def test_one_directory_behind_two_credentials_of_one_account() -> None:
    async def run() -> None:
        guard = LockoutGuard()
        one, two = (Credential(name, "svc", "pw", authority="corp") for name in ("unix", "windows"))
        with pytest.raises(Failure):
            await attempt(guard, "first", one, Failure(common.LOGIN_REFUSED, "no"))
        with pytest.raises(Failure, match=r"login\.withheld"):
            await attempt(guard, "second", two)
        assert await attempt(guard, "third", Credential("local", "svc", "pw")) == "third"

    asyncio.run(run())
