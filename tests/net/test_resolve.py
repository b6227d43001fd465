"""Resolve names: a slow name, a name that waits in scanready's own queue, and the error of each."""

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
from scanready.net.sockets import Address
from scanready.run.engine import verify
from scanready.run.settings import Settings
from tests.ladder import expect, target


@pytest.fixture
def hangs(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A resolver that answers nothing until the event is set, and then that it failed."""
    go = threading.Event()

    def look_up(host: str, port: int) -> list[Address]:
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
    report = asyncio.run(verify(target("mysql", "slow.example"), Settings(timeout=1.0)))
    expect(report, Verdict.UNDECIDED, "scanready.out-of-time", step=Step.RESOLVE)


def test_enough_of_it_is_one(hangs: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "LEAST_SILENCE", 0.05)
    assert asked(Resolver(), "slow.example", 0.2) is TimeoutError
    report = asyncio.run(verify(target("mysql", "slow.example"), Settings(timeout=2.0)))
    expect(report, Verdict.BLOCKED, "resolve.no-answer", step=Step.RESOLVE)


def test_a_name_that_waits_behind_others_is_not_blamed(hangs: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that hang occupy the threads of the pool, so this name was not looked up yet."""
    monkeypatch.setattr(resolve, "LEAST_SILENCE", 0.05)
    monkeypatch.setattr(resolve, "_THREADS", 1)

    async def run() -> list[BaseException | list[Address]]:
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
        late = resolver._asked["late.example"].answer
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
    """``localhost`` is ::1 first on most systems, and most services there listen only on 127.0.0.1."""
    from fixtures.emulators import in_background, ssh

    def both(host: str, port: int) -> list[Address]:
        return [(socket.AF_INET6, ("::1", port, 0, 0)), (socket.AF_INET, ("127.0.0.1", port))]

    monkeypatch.setattr(resolve, "_lookup", both)
    with in_background(ssh.openssh_9_2) as server:
        report = asyncio.run(verify(target("ssh", "localhost", server.port), Settings(canary=False)))
    expect(report, Verdict.READY)


class Clock:
    """The time as the resolver reads it."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def monotonic(self) -> float:
        return self.now


def test_silence_is_blamed_on_the_resolver_once_it_would_have_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """After 5 s: resolv.conf(5), ``timeout``."""
    clock = Clock()
    monkeypatch.setattr(resolve, "time", clock)
    question = resolve._Question()
    assert question.hasty, "no thread has taken it up"
    question.begun = clock.now
    clock.now += 4.9
    assert question.hasty
    clock.now += 0.1
    assert not question.hasty


def test_a_question_notes_when_it_was_taken_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "time", Clock(7.0))
    question = resolve._Question()
    assert question.ask("127.0.0.1", 22) == [(socket.AF_INET, ("127.0.0.1", 22))]
    assert question.begun == 7.0


class Names:
    """Answers every name with 10.0.0.1, and counts the questions."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> list[Address]:
        self.asked.append((host, port))
        return [(socket.AF_INET, ("10.0.0.1", port))]


def test_each_name_is_asked_once_a_run_and_again_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names()
    monkeypatch.setattr(resolve, "_lookup", names)

    async def run() -> None:
        resolver = Resolver()
        for _ in range(3):
            assert await resolver.addresses("a.example", 22) == [(socket.AF_INET, ("10.0.0.1", 22))]
        assert await resolver.addresses("a.example", 80) == [(socket.AF_INET, ("10.0.0.1", 80))]
        assert names.asked == [("a.example", 22)], "whatever the port"
        resolver.forget()
        await resolver.addresses("a.example", 22)
        assert names.asked == [("a.example", 22), ("a.example", 22)]
        resolver.close()

    asyncio.run(run())


def test_an_address_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names()
    monkeypatch.setattr(resolve, "_lookup", names)
    resolver = Resolver()
    assert asyncio.run(resolver.addresses("10.0.0.7", 22)) == [(socket.AF_INET, ("10.0.0.7", 22))]
    resolver.close()
    assert names.asked == []


@pytest.mark.parametrize("forgotten", [False, True])
def test_closing_asks_nothing_more_and_leaves_no_thread(
    forgotten: bool, hangs: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names of before a ``forget`` included."""
    monkeypatch.setattr(resolve, "_THREADS", 1)
    begun: list[str] = []
    answers = resolve._lookup

    def look_up(host: str, port: int) -> list[Address]:
        begun.append(host)
        return answers(host, port)

    monkeypatch.setattr(resolve, "_lookup", look_up)

    async def run() -> None:
        resolver = Resolver()
        names = [asyncio.ensure_future(resolver.addresses(f"{n}.example", 22)) for n in range(3)]
        while not begun:
            await asyncio.sleep(0.001)
        threads = set(resolver._pool._threads) if resolver._pool else set()
        if forgotten:
            resolver.forget()
        resolver.close()
        if not forgotten:
            results = await asyncio.gather(*names, return_exceptions=True)
            assert [type(result) for result in results] == [asyncio.CancelledError] * 3
        hangs.set()
        for thread in threads:
            await asyncio.to_thread(thread.join, 5)
        assert not any(thread.is_alive() for thread in threads)
        await asyncio.gather(*names, return_exceptions=True)

    asyncio.run(run())
    assert begun == ["0.example"], "the two that waited were never asked for"


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("10.0.0.7", (socket.AF_INET, ("10.0.0.7", 22))),
        ("2001:db8::7", (socket.AF_INET6, ("2001:db8::7", 22, 0, 0))),
        ("db7.corp", None),
        ("10.0.0", None),
        ("10.0.0.7%lo", None),
        ("db7%lo", None),
        ("a\0b", None),
        ("\udcff", None),
        ("", None),
    ],
    ids=["ipv4", "ipv6", "name", "short", "ipv4-with-zone", "name-with-zone", "nul", "surrogate", "empty"],
)
def test_addresses_are_known_without_asking(host: str, address: Address | None) -> None:
    assert resolve.literal(host, 22) == address


def test_a_zone_is_an_interface_of_this_host() -> None:
    number, name = socket.if_nameindex()[0]
    family, where = resolve.literal(f"fe80::7%{name}", 22) or (0, ())
    assert family == socket.AF_INET6
    assert (where[1:3], where[3]) == ((22, 0), number)
    assert where[0].startswith("fe80::7")
    with pytest.raises(socket.gaierror):
        resolve.literal("fe80::7%nowhere", 22)


def test_each_address_is_dialled_once_in_the_systems_order(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = ("10.0.0.1", 22), ("fe80::1", 22, 0, 2)
    found = [(socket.AF_INET6, 1, 6, "", two), (socket.AF_INET, 1, 6, "", one), (socket.AF_INET6, 1, 6, "", two)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: found)
    assert resolve._lookup("a.example", 22) == [(socket.AF_INET6, two), (socket.AF_INET, one)]


def test_the_systems_own_names_are_found() -> None:
    assert resolve._lookup("127.0.0.1", 22) == [(socket.AF_INET, ("127.0.0.1", 22))]


def test_a_name_that_no_resolver_can_be_asked_for_does_not_exist() -> None:
    with pytest.raises(socket.gaierror) as error:
        resolve._lookup("ü" * 70 + ".example", 22)
    assert error.value.errno == socket.EAI_NONAME
    assert "not a host name" in str(error.value)
