"""Names: who is slow, who waits in our own queue, and what is said of either."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Iterator

import pytest

from scanready.model import Step, Verdict
from scanready.net import resolve
from scanready.net.resolve import NoTurn, Resolver
from scanready.run.engine import Settings, verify
from tests.ladder import expect, target


@pytest.fixture
def hangs(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A resolver that answers nothing until the event is set, and then that it failed."""
    go = threading.Event()

    def look_up(host: str, port: int) -> list[resolve.Address]:
        go.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(resolve, "_lookup", look_up)
    yield go
    go.set()


def asked(resolver: Resolver, host: str, seconds: float) -> type[BaseException]:
    async def run() -> type[BaseException]:
        with pytest.raises((TimeoutError, socket.gaierror)) as error:
            await resolver.addresses(host, 22, asyncio.get_running_loop().time() + seconds)
        return error.type

    return asyncio.run(run())


def test_less_than_the_time_to_ask_twice_is_no_verdict(hangs: threading.Event) -> None:
    assert asked(Resolver(), "slow.example", 0.1) is NoTurn
    report = asyncio.run(verify(target("ssh", "slow.example"), Settings(timeout=0.3)))
    expect(report, Verdict.UNDECIDED, "scanready.out-of-time", step=Step.RESOLVE)


def test_enough_of_it_is_one(hangs: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "LEAST_SILENCE", 0.05)
    assert asked(Resolver(), "slow.example", 0.2) is TimeoutError
    report = asyncio.run(verify(target("ssh", "slow.example"), Settings(timeout=0.3)))
    expect(report, Verdict.BLOCKED, "resolve.no-answer", step=Step.RESOLVE)


def test_a_name_that_waits_behind_others_is_not_blamed(hangs: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """The places of the pool are taken by names that hang: nobody has asked for this one yet."""
    monkeypatch.setattr(resolve, "LEAST_SILENCE", 0.05)
    monkeypatch.setattr(resolve, "_THREADS", 1)

    async def run() -> list[BaseException | list[resolve.Address]]:
        resolver, end = Resolver(), asyncio.get_running_loop().time() + 0.2
        names = (resolver.addresses(name, 22, end) for name in ("hangs.example", "waits.example"))
        return await asyncio.gather(*names, return_exceptions=True)

    first, second = asyncio.run(run())
    assert type(first) is TimeoutError
    assert isinstance(second, NoTurn)
    assert "other names" in str(second)


def test_an_answer_that_nobody_waits_for_any_more_is_no_noise(
    hangs: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        resolver = Resolver()
        with pytest.raises(NoTurn):
            await resolver.addresses("late.example", 22, asyncio.get_running_loop().time() + 0.05)
        hangs.set()
        late = resolver._asked["late.example", 22].answer
        assert late is not None
        await asyncio.wait([late])
        resolver.forget()

    with caplog.at_level(logging.ERROR, "asyncio"):
        asyncio.run(run())
        __import__("gc").collect()
    assert not caplog.records


@pytest.mark.parametrize("host", ["bücher.invalid", "trailing.invalid.", "a" * 64 + ".invalid", "with space.invalid"])
def test_odd_names_that_do_not_exist_are_not_found_and_no_bug(host: str) -> None:
    report = asyncio.run(verify(target("ssh", host), Settings(timeout=6)))
    assert report.cause is not None
    assert report.cause.code in ("resolve.not-found", "resolve.no-answer"), report.finding
    assert report.footprint.connections == 0


def test_localhost_with_one_dead_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """``localhost`` is ::1 first on most systems, and most services there listen on 127.0.0.1 alone."""
    from fixtures.emulators import in_background, ssh

    def both(host: str, port: int) -> list[resolve.Address]:
        return [(socket.AF_INET6, ("::1", port, 0, 0)), (socket.AF_INET, ("127.0.0.1", port))]

    monkeypatch.setattr(resolve, "_lookup", both)
    with in_background(ssh.openssh_9_2) as server:
        report = asyncio.run(verify(target("ssh", "localhost", server.port), Settings(canary=False)))
    expect(report, Verdict.READY)
