"""Every emulator, cut off after each of its answers: silence, a hang-up, a reset and noise, each has its own rung.

A cause stands on the rung of its name, whatever byte of the talk showed it; and past the handshake nothing is called
silent, hung up or malformed there.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from fixtures.emulators import http, misbehave, mssql, mysql, notes, postgresql, serve, smb, sybase
from fixtures.emulators.certificates import authority
from fixtures.transcripts import load
from scanready import Agent
from scanready.model import Credential, Outcome, Report, Step, Target, Verdict
from scanready.run.engine import verify_all
from scanready.run.settings import Settings
from tests.hostile.cut_off import ENDS, Relay
from tests.ladder import BY_NAME, WAIT, story, target
from tests.targets import crowd
from tests.targets.crowd import CLEAR, PASSWORD, Member
from tests.websites import BASIC, OK, site

HOST = "127.0.0.11"
#: Seconds: a shorter wait than 1.6 is never called silence.
TIMEOUT = WAIT
#: Types whose climbs go side by side.
TOGETHER = 6
#: The rungs whose name no cause of another rung begins with.
OWN = {"resolve", "connect", "tls", "handshake"}
#: Causes for a peer that has not proven its protocol.
UNPROVEN = {
    *("handshake.silent", "handshake.hung-up", "handshake.broken-off", "handshake.malformed"),
    "handshake.other-protocol",
}
#: The ends by which a server hangs up.
HANGS_UP = ("fin", "reset")
#: The causes of a first silence, hang-up or reset; a Master has to do no more than accept.
FIRST = {
    "silent": {"handshake.silent", "scanready.out-of-time"},
    "fin": {"handshake.hung-up", "oracle.node-not-invited", "notes.hung-up"},
    "reset": {"handshake.hung-up", "oracle.node-not-invited", "notes.hung-up"},
}


def members() -> Iterator[Member]:
    """Yield servers of all types; those that let the account in as well."""
    yield from (one for one in crowd.healthy() if one.type != "master")
    yield Member("postgresql", postgresql.server(postgresql.AUTH_CLEARTEXT, tls=True), logs_in=True)
    yield Member("postgresql", postgresql.sasl)
    yield Member("mysql", mysql.mariadb_10_11, logs_in=True)
    yield Member("mysql", mysql.mariadb_10_11_without_tls, options=CLEAR, logs_in=True)
    yield Member("mssql", mssql.Server(), logs_in=True)
    yield Member("sybase", sybase.server(), options=CLEAR, logs_in=True)
    yield Member("http", site({"/": BASIC}, {"/": OK}), options=CLEAR, logs_in=True)
    yield Member("https", http.ok, tls=True)
    yield Member("smb", smb.samba, logs_in=True)
    yield Member("notes", notes.domino)
    yield Member("tibero", misbehave.says(load("tibero/SYNTH-greeting.s2c.hex")))
    yield Member("windows", "healthy")


@dataclass(frozen=True)
class Cut:
    """The result of a climb whose server was cut off after ``after`` answers."""

    after: float
    end: str
    report: Report


def agent_of(type_: str) -> Agent:
    return Agent("a", "Windows" if type_ in ("windows", "notes") else "Linux")


async def climbs(member: Member, number: int, cases: Sequence[tuple[float, str]]) -> list[tuple[Cut, Relay]]:
    """Climb for one member, once a case, each through a relay of its own."""
    found: list[tuple[Cut, Relay]] = []
    async with contextlib.AsyncExitStack() as held:
        port = await crowd._port(member, HOST, held)
        relays: dict[int, tuple[float, str, Relay]] = {}
        targets: list[Target] = []
        for at, (after, end) in enumerate(cases):
            relay = Relay(HOST, port, after, end)
            server = await held.enter_async_context(serve(relay, HOST))
            relays[server.port] = after, end, relay
            account = Credential(f"a{number}-{at}", "er", PASSWORD) if member.logs_in else None
            targets.append(target(member.type, HOST, server.port, account, **dict(member.options)))
        settings = Settings(
            timeout=TIMEOUT,
            canary=False,
            per_host=1000,
            ca_file=str(authority().ca_file),
            agent=agent_of(member.type),
        )
        async for report in verify_all(targets, settings):
            after, end, relay = relays[report.target.port]
            found.append((Cut(after, end, report), relay))
    return found


async def cut_at_each_answer(member: Member, number: int) -> list[Cut]:
    """Count the answers of a whole climb, then cut each off in all ways."""
    ((_, whole),) = await climbs(member, number, [(math.inf, "fin")])
    cases = [(float(after), end) for after in range(whole.passed) for end in ENDS]
    return [cut for cut, _ in await climbs(member, number, cases)]


@pytest.fixture(scope="module")
def cuts() -> list[Cut]:
    async def all_of_them() -> list[Cut]:
        found, everybody = list[Cut](), list(enumerate(members()))
        for first in range(0, len(everybody), TOGETHER):
            together = everybody[first : first + TOGETHER]
            for some in await asyncio.gather(*(cut_at_each_answer(member, number) for number, member in together)):
                found += some
        return found

    return asyncio.run(all_of_them())


def told(cut: Cut) -> str:
    return f"{cut.end} after {cut.after:.0f} answers: {story(cut.report)}"


def test_all_types_are_cut_off(cuts: list[Cut]) -> None:
    assert {cut.report.target.type for cut in cuts} == set(BY_NAME) - {"master"}
    assert len(cuts) > 400


def test_no_finding_stands_on_a_rung_that_its_cause_does_not_name(cuts: list[Cut]) -> None:
    for cut in cuts:
        for check in cut.report.checks:
            area = check.finding.cause.code.partition(".")[0] if check.finding else ""
            assert area not in OWN or area == check.step, told(cut)


def test_nothing_is_called_unproven_above_its_handshake(cuts: list[Cut]) -> None:
    for cut in cuts:
        above = [check for check in cut.report.checks if check.step.height > Step.HANDSHAKE.height]
        if any(check.outcome in (Outcome.PASSED, Outcome.WARNED) for check in above):
            assert not cut.report.finding or cut.report.finding.cause.code not in UNPROVEN, told(cut)


def test_who_never_answers_is_told_so_at_the_handshake(cuts: list[Cut]) -> None:
    for cut in (cut for cut in cuts if cut.after == 0 and cut.end in FIRST):
        code = cut.report.cause.code if cut.report.cause else None
        assert code in FIRST[cut.end], told(cut)
        assert code == "scanready.out-of-time" or cut.report.finding_step is Step.HANDSHAKE, told(cut)


def test_who_hangs_up_after_an_answer_is_not_said_to_have_been_dumb(cuts: list[Cut]) -> None:
    after = [cut for cut in cuts if cut.after > 0 and cut.end in HANGS_UP and cut.report.finding_step is Step.HANDSHAKE]
    broken_off = set()
    for cut in after:
        code = cut.report.cause.code if cut.report.cause else None
        in_tls = any(check.step is Step.TLS and check.outcome is Outcome.PASSED for check in cut.report.checks)
        assert code != "handshake.malformed", told(cut)
        assert code != "handshake.hung-up" or in_tls, told(cut)
        broken_off |= {cut.report.target.type} if code == "handshake.broken-off" else set()
    assert broken_off >= {"ssh", "unix", "nfs", "postgresql"}, broken_off


def test_no_end_is_a_bug_or_makes_a_target_better(cuts: list[Cut]) -> None:
    for cut in cuts:
        assert "scanready.bug" not in {check.finding.cause.code for check in cut.report.checks if check.finding}, told(
            cut
        )
        if cut.after == 0:
            assert cut.report.verdict in (Verdict.BLOCKED, Verdict.UNDECIDED), told(cut)
