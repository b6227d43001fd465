"""`check HOST:PORT` without a type: the types that are tried one after another share the time limit of one target."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Server, Writer, misbehave, mysql, postgresql, serve
from fixtures.transcripts import load
from scanready.climb.port_memory import PortMemory
from scanready.climb.time_shares import TimeShares
from scanready.inventory import parse_target
from scanready.model import Report, Target, Verdict
from scanready.net.this_agent import this_agent
from scanready.report.look import Look
from scanready.report.overview import draw
from scanready.run.engine import Run
from scanready.run.settings import Settings
from tests import clock
from tests.ladder import BY_NAME

_NO_TIME = "scanready.out-of-time"
#: The causes of types to which nothing may be sent without the operator's permission.
_UNASKED = "sybase.login-is-first", "informix.login-is-first"


async def _tried(behaviour: Behaviour, timeout: float) -> tuple[list[Report], Server, float]:
    """Try every type on one port; return the reports of those that are built, and the seconds of the whole."""
    settings = Settings(timeout=timeout, canary=False, agent=this_agent(platform_name="Windows"))
    async with serve(behaviour) as server, Run(settings) as run:
        targets = parse_target(f"127.0.0.1:{server.port}")
        clock_now = asyncio.get_running_loop().time
        began = clock_now()
        reports = [report async for report in run.results(targets)]
        return reports, server, clock_now() - began


def _codes(reports: Sequence[Report]) -> dict[str, str]:
    return {report.target.type: report.cause.code if report.cause else report.verdict.value for report in reports}


def test_a_silent_port_takes_the_time_of_one_target() -> None:
    reports, _, seconds = clock.run(_tried(misbehave.silent, 12.0))
    codes = _codes(reports)
    assert len(reports) >= 8
    assert codes["mysql"] == codes["ssh"] == codes["tibero"] == "handshake.silent"
    assert set(codes.values()) <= {"handshake.silent", _NO_TIME, *_UNASKED}
    assert seconds < 1.5 * 12.0, "one --timeout, not one for each of the types"
    first = [r for r in reports if BY_NAME[r.target.type].server_first]
    assert len({r.footprint.connections for r in first}) <= 2, "all that wait for the server listened once"
    assert sum(r.footprint.connections for r in first) == 1


def test_the_answer_says_that_the_time_was_shared() -> None:
    reports, _, _ = clock.run(_tried(misbehave.silent, 1.0))
    text = draw("127.0.0.1", reports, Look(width=200))
    assert set(_codes(reports).values()) - set(_UNASKED) == {_NO_TIME}, "so short a wait is no silence"
    assert "undecided" in text
    assert "share the time limit of one target" in text
    assert text.count(_NO_TIME) == 2, "a line for who was heard too briefly, and one for all who had no turn"
    assert "gives one type all of it" in text


def test_what_only_speaks_when_spoken_to_is_found_after_the_silence() -> None:
    reports, _, seconds = clock.run(_tried(postgresql.sasl, 6.0))
    codes = _codes(reports)
    assert codes.pop("postgresql") == "ready"
    never = {"handshake.silent", "handshake.hung-up", "handshake.other-protocol", _NO_TIME, *_UNASKED}
    assert set(codes.values()) <= never
    assert seconds < 2 * 6.0


def test_a_greeting_ends_the_search_at_once() -> None:
    reports, server, seconds = clock.run(_tried(mysql.mariadb_10_11_without_tls, 10.0))
    codes = _codes(reports)
    assert codes.pop("mysql") == "ready"
    assert set(codes.values()) == {"handshake.other-protocol"}
    assert seconds < 5
    assert len(server.connections) == 1
    assert server.offences == {}, "MySQL counts whoever hangs up on its greeting, so its own type is tried first"


def _names_itself_to(beginning: bytes) -> Behaviour:
    """Speak PostgreSQL, refuse a client that begins so in PostgreSQL's words, and answer no other."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        first = await reader.read(4096)
        if first[4:8] in (b"\x04\xd2\x16\x2f", b"\0\3\0\0"):
            reader.feed_data(first)
            await postgresql.sasl(reader, writer, record)
        elif first.startswith(beginning):
            writer.write(load("postgresql/pg15-bad-version-0A000.s2c.hex"))
        else:
            await misbehave.swallow(reader)

    return behaviour


@pytest.mark.parametrize(("beginning", "asked"), [(b"HEAD", "http"), (b"\0\0\0", "smb")])
def test_the_type_that_the_servers_words_name_is_climbed_next(beginning: bytes, asked: str) -> None:
    reports, _, _ = clock.run(_tried(_names_itself_to(beginning), 10.0))
    codes, order = _codes(reports), [report.target.type for report in reports]
    assert codes["postgresql"] == "ready"
    assert order[order.index("postgresql") - 1] == asked, "it heard the words"
    assert order.index("postgresql") < min(map(order.index, ("db2", "informix", "mssql", "oracle")))
    assert {codes[type_] for type_ in order[order.index("postgresql") + 1 :]} == {"handshake.other-protocol"}


def test_who_is_named_goes_first_and_only_once_it_waits() -> None:
    async def main() -> list[str]:
        memory, order = PortMemory(), list[str]()

        async def climb(speaks: str, *, tls: bool = False, hears: str | None = None) -> None:
            async with memory.turn(speaks, tls):
                order.append(f"{speaks}{' in TLS' if tls else ''}")
                await asyncio.sleep(0)
                memory.spoke = (hears, False) if hears else memory.spoke

        given_up = asyncio.create_task(climb("a", hears="d"))
        climbs = [climb("b"), climb("c"), climb("d", tls=True), climb("d"), climb("e", hears="nobody's"), climb("f")]
        tasks = [asyncio.create_task(one) for one in climbs]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.wait({given_up, *tasks})
        assert memory.queue is not None
        assert not memory.queue.lock.locked()
        assert not +memory.queue.waiting
        return order

    assert clock.run(main()) == ["a", "d", "e", "f", "b", "d in TLS"]


def test_a_type_that_was_named_has_all_the_time() -> None:
    async def main() -> Report:
        async with serve(misbehave.silent) as server, Run(Settings(timeout=4.0, canary=False)) as run:
            return await run.verify(Target("127.0.0.1", "http", server.port))

    report = clock.run(main())
    assert report.verdict is Verdict.BLOCKED
    assert report.seconds > 3.5
    assert report.finding is not None
    assert report.finding.detail == "connected, but the server sent no data"


@pytest.mark.parametrize(("text", "guessed"), [("a:22", True), ("a", True), ("ssh://a", False)])
def test_who_named_the_type(text: str, guessed: bool) -> None:
    assert {target.guessed for target in parse_target(text)} == {guessed}


def test_types_of_the_command_line_are_no_guess() -> None:
    assert {target.guessed for target in parse_target("a:22", types=["ssh", "unix"])} == {False}


def test_the_shares() -> None:
    guesses = TimeShares(4)
    assert guesses.turn(100.0, 9.0, likely=True) == (9.0, 3.0)
    assert guesses.turn(103.0, 9.0, likely=False) == (6.0, 2.0)
    assert guesses.turn(103.0, 9.0, likely=False) == (6.0, 3.0), "what one leaves is the others'"
    assert guesses.turn(108.9, 9.0, likely=False)[0] == 0.0, "too little to mean anything"
    assert TimeShares(1).turn(0.0, 9.0, likely=False) == (9.0, 9.0), "alone on its port"


def test_after_an_unrecognised_greeting_a_type_has_no_more_than_its_share() -> None:
    guesses = TimeShares(4)
    guesses.turn(100.0, 9.0, likely=True)
    assert guesses.turn(100.0, 9.0, likely=True, unrecognised=True) == (3.0, 3.0)
    assert guesses.turn(108.6, 9.0, likely=False, unrecognised=True) == (0.3, 0.3), "the least that means anything"
    assert guesses.turn(108.9, 9.0, likely=False, unrecognised=True)[0] == 0.0


def test_the_share_of_a_type_that_is_named() -> None:
    guesses = TimeShares(20)
    guesses.turn(100.0, 10.0, likely=True)
    assert guesses.turn(104.0, 10.0, likely=False, named=True) == (6.0, 6.0), "all that is left"
    assert guesses.turn(109.9, 10.0, likely=False, named=True) == (1.0, 1.0), "words that come late are followed, too"
    assert guesses.turn(112.0, 10.0, likely=False) == (0.0, 0.0)
