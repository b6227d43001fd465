"""Types that meet on one port: what the first one learned holds for the next, in any order, and nothing else does."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from fixtures.emulators import Behaviour, imap, in_background, misbehave, mysql, postgresql, serve, ssh
from fixtures.emulators import http as web
from fixtures.emulators.certificates import authority
from fixtures.transcripts import load
from scanready.causes import common
from scanready.climb.port_memory import PortMemory
from scanready.inventory.targets import every_type
from scanready.model import Check, Facts, Finding, Outcome, Owner, Report, Step, Target, Verdict
from scanready.run.engine import Run
from scanready.run.registry import catalogue
from scanready.run.settings import Settings
from scanready.targets.mysql import causes as mysql_causes
from tests import clock
from tests.closed_ports import closed_port
from tests.ladder import check_of, expect, story, target

TYPES = ("unix", "mysql", "http", "https", "imap", "imaps", "postgresql")
ELSE = {"handshake.other-protocol", "handshake.silent", "handshake.hung-up", "tls.not-offered", "tls.failed"}


def together(targets: list[Target], timeout: float = 2) -> list[Report]:
    """One run, one after the other."""

    async def run() -> list[Report]:
        settings = Settings(timeout=timeout, canary=False, concurrency=1, ca_file=str(authority().ca_file))
        async with Run(settings) as run_:
            return [report async for report in run_.results(targets)]

    return asyncio.run(run())


def met(behaviour: Behaviour, *types: str, timeout: float = 2, **serving: Any) -> dict[str, Report]:
    """One run against a server on the same loop, whose waits are skipped; by type."""

    async def run() -> dict[str, Report]:
        settings = Settings(timeout=timeout, canary=False, concurrency=1, ca_file=str(authority().ca_file))
        async with serve(behaviour, **serving) as server, Run(settings) as run_:
            return {report.target.type: report async for report in run_.results(on(server.port, *types))}

    return clock.run(run())


def on(port: int, *types: str) -> list[Target]:
    return [target(type_, "127.0.0.1", port) for type_ in types]


def tls() -> dict[str, Any]:
    return {"tls": authority().context()}


@pytest.mark.parametrize(
    ("behaviour", "own", "encrypted"),
    [
        (ssh.openssh_9_2, "unix", False),
        (mysql.mariadb_10_11, "mysql", False),
        (web.ok, "http", False),
        (web.ok, "https", True),
        (imap.without_tls, "imap", False),
        (imap.inside_tls, "imaps", True),
        (postgresql.sasl, "postgresql", False),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_the_right_type_is_found_whoever_asked_before(behaviour: Behaviour, own: str, encrypted: bool) -> None:
    for other in (type_ for type_ in TYPES if type_ != own):
        for pair in permutations((own, other)):
            reports = met(behaviour, *pair, timeout=3, **(tls() if encrypted else {}))
            assert reports[own].verdict in (Verdict.READY, Verdict.SCANNABLE), (pair, story(reports[own]))
            cause = reports[other].cause
            assert cause is not None
            if encrypted and cause.code == "handshake.too-slow":  # a web server waits in TLS for a request
                assert reports[other].verdict is Verdict.UNDECIDED
                continue
            assert reports[other].verdict is Verdict.BLOCKED, (pair, story(reports[other]))
            assert cause.code in ELSE, (pair, story(reports[other]))
            if pair[0] == own:
                assert reports[other].footprint.connections == 0, "foreign bytes for a port that showed what it speaks"


def test_no_tls_is_said_of_a_plain_port_whoever_asked_first() -> None:
    for pair in (("imap", "imaps"), ("imaps", "imap"), ("http", "https"), ("https", "http")):
        reports = met(imap.without_tls if "imap" in pair else web.ok, *pair)
        expect(reports[next(t for t in pair if t.endswith("s"))], Verdict.BLOCKED, "tls.not-offered", step=Step.TLS)


@pytest.mark.parametrize(
    ("behaviour", "first", "code"),
    [
        (mysql.host_not_allowed, "mysql", "mysql.host-not-allowed"),
        (mysql.host_blocked, "mysql", "mysql.host-blocked"),
        (ssh.ssh_1_only, "unix", "ssh.version-1"),
        (ssh.exceeded_max_startups, "unix", "handshake.throttled"),
    ],
)
def test_who_turns_us_away_has_shown_what_it_speaks(behaviour: Behaviour, first: str, code: str) -> None:
    with in_background(behaviour) as server:
        reports = together(on(server.port, first, "http", "imap"))
        connections = len(server.connections)
    assert [report.cause.code if report.cause else None for report in reports] == [
        code,
        "handshake.other-protocol",
        "handshake.other-protocol",
    ], story(reports[1])
    assert connections == 1


def test_after_a_throttle_nobody_of_the_run_comes_again() -> None:
    with in_background(ssh.penalty) as server:
        reports = together([*on(server.port, "unix"), target("ssh", "127.0.0.1", server.port, known_hosts="/dev/null")])
        connections = len(server.connections)
    for report in reports:
        expect(report, Verdict.UNDECIDED, "handshake.throttled", step=Step.HANDSHAKE)
    assert connections == 1


def test_error_1130_has_a_fix_for_each_targets_own_account() -> None:
    with in_background(mysql.host_not_allowed) as server:
        databases = ("hr", "crm", None)
        reports = together([target("mysql", "127.0.0.1", server.port, database=name) for name in databases])
        connections = len(server.connections)
    fixes = [report.finding.fix or "" for report in reports if report.finding]
    assert ["`hr`.*" in fix for fix in fixes] == [True, False, False]
    assert ["`crm`.*" in fix for fix in fixes] == [False, True, False]
    assert "GRANT SELECT ON *.*" in fixes[2]
    assert connections == 1


def test_silence_is_passed_on_only_where_it_was_silence() -> None:
    hasty = met(misbehave.silent, "mysql", "imap", timeout=0.3).values()
    patient = met(misbehave.silent, "mysql", "imap").values()
    assert [report.cause.code for report in hasty if report.cause] == ["scanready.out-of-time"] * 2
    assert [report.cause.code for report in patient if report.cause] == ["handshake.silent"] * 2
    assert [report.footprint.connections for report in (*hasty, *patient)] == [1, 1, 1, 0]


@pytest.mark.parametrize("cause", [common.OUT_OF_TIME, common.LOCAL_LIMIT])
def test_a_limit_of_ours_says_nothing_of_the_port(cause: Any) -> None:
    memory = PortMemory()
    failed = Check(Step.CONNECT, "192.0.2.1:22", Outcome.FAILED, "", finding=Finding(cause, "ours"))
    memory.note_dialled([failed], answers=False)
    assert memory.answers
    memory.note_dialled(
        [Check(Step.CONNECT, "x", Outcome.FAILED, "", finding=Finding(common.REFUSED, "!"))], answers=False
    )
    assert not memory.answers


def test_an_unknown_error_number_shows_the_protocol() -> None:
    """Only the verdict is undecided; no other type sends its bytes to this port."""
    memory, row = PortMemory(), catalogue()["mysql"]
    unknown = Finding(mysql_causes.SERVER_ERROR, "error 9001")
    memory.note_spoken(row, "h:1", [Check(Step.HANDSHAKE, "h:1", Outcome.FAILED, "", {}, unknown)])
    assert memory.spoke is None
    told: Facts = {"error_code": 9001}
    memory.note_spoken(row, "h:1", [Check(Step.HANDSHAKE, "h:1", Outcome.FAILED, "", told, unknown)])
    assert memory.spoke is not None


def test_what_a_redirect_or_a_proxy_spoke_is_not_the_ports_own_word() -> None:
    memory, row = PortMemory(), catalogue()["http"]
    elsewhere = Check(Step.HANDSHAKE, "other:443", Outcome.FAILED, "", {"speaks": "tls"})
    memory.note_spoken(row, "127.0.0.1:80", [elsewhere])
    assert memory.spoke is None
    memory.note_spoken(row, "127.0.0.1:80", [Check(Step.HANDSHAKE, "127.0.0.1:80", Outcome.PASSED, "")])
    assert memory.spoke == ("http", False)


def test_a_mysql_server_that_has_answered_the_foreign_bytes_already_is_recognised() -> None:
    """The greeting and what it thinks of our line may come in one piece."""
    with in_background(misbehave.says(mysql.GREETING_10_11 + mysql.ERR_1156)) as server:
        (report,) = together(on(server.port, "unix"))
    expect(report, Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE)
    assert "MariaDB" in check_of(report, Step.HANDSHAKE).summary


def test_an_imap_server_that_repeats_our_line_is_no_ssh_server() -> None:
    """Dovecot reads the agent's identification as the tag of a command, and answers with it."""
    answer = imap.GREETING_WITHOUT_TLS + b"SSH-2.0-scanready BAD Error in IMAP command received by server.\r\n"
    with in_background(misbehave.says(answer)) as server:
        (report,) = together(on(server.port, "unix"))
    expect(report, Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE)
    assert "IMAP" in check_of(report, Step.HANDSHAKE).summary


@pytest.mark.parametrize("pair", [*permutations(("console", "http")), ("https", "console"), ("ews", "console")])
def test_the_console_in_clear_on_port_80_is_a_web_site_like_others(pair: tuple[str, ...]) -> None:
    with in_background(web.ok, "127.0.0.77", port=80):
        reports = {r.target.type: r for r in together([target(type_, "127.0.0.77", 80) for type_ in pair])}
    expect(reports.pop("console"), Verdict.READY)
    for type_, report in reports.items():
        if type_ == "http":
            expect(report, Verdict.SCANNABLE)
        else:
            expect(report, Verdict.BLOCKED, "tls.not-offered", step=Step.TLS, owner=Owner.SERVER)


@pytest.mark.parametrize("first", ["https", "imaps"])
def test_what_is_spoken_inside_tls_is_nothing_to_who_needs_tls_alone(first: str) -> None:
    behaviour = web.ok if first == "https" else imap.inside_tls
    with in_background(behaviour, **tls()) as server:
        where = [target(first, "127.0.0.1", server.port), target("update", "127.0.0.1", server.port, on_master=True)]
        for reports in together(where), together(where[::-1]):
            expect(next(report for report in reports if report.target.type == "update"), Verdict.READY)


def test_what_one_type_thinks_of_a_connection_is_not_the_next_ones_opinion() -> None:
    """Elsewhere than on the Master a closed way to the update server proves nothing; to a web site it does."""
    for pair in permutations(("update", "https")):
        with closed_port() as port:
            reports = {report.target.type: report for report in together(on(port, *pair))}
        expect(reports["update"], Verdict.UNDECIDED, "update.not-the-master", step=Step.AGENT, owner=Owner.OPERATOR)
        expect(reports["https"], Verdict.BLOCKED, "connect.refused", step=Step.CONNECT, owner=Owner.SERVER)
        assert not any(check.tentative for check in reports["https"].checks)


def test_who_hangs_up_without_a_word_has_not_shown_what_it_speaks() -> None:
    """Oracle's listener closes on clients that it does not invite; other servers close on foreign bytes too."""
    with in_background(misbehave.closes_at_once) as server:
        reports = {report.target.type: report for report in together(on(server.port, "oracle", "teradata"))}
    expect(reports["oracle"], Verdict.BLOCKED, "oracle.node-not-invited", step=Step.HANDSHAKE, owner=Owner.DATABASE)
    expect(reports["teradata"], Verdict.BLOCKED, "handshake.hung-up", step=Step.HANDSHAKE, owner=Owner.SERVER)


def test_a_server_that_hangs_up_on_oracles_question_is_found_by_its_own_type() -> None:
    async def only_postgresql(reader: Any, writer: Any, record: Any) -> None:
        if await reader.readexactly(8) != b"\x00\x00\x00\x08\x04\xd2\x16\x2f":
            return
        writer.write(b"N")
        await reader.read(1024)
        writer.write(b"R\x00\x00\x00\x17\x00\x00\x00\x0aSCRAM-SHA-256\x00\x00")
        await reader.read()

    with in_background(only_postgresql) as server:
        asked = [target("oracle", "127.0.0.1", server.port), target("postgresql", "127.0.0.1", server.port)]
        reports = {report.target.type: report for report in together(asked)}
    expect(reports["postgresql"], Verdict.READY)


# --- a server that speaks first, and belongs to no known protocol ------------------------------------------------


def guessed(behaviour: Behaviour, *types: str, timeout: float = 4) -> tuple[dict[str, Report], list[bytes]]:
    """One untyped check on the types; the reports by type, and the bytes that the server received, by connection.

    The server is on the same loop, whose waits are skipped: computing takes none of the time that the types share.
    """

    async def run() -> tuple[dict[str, Report], list[bytes]]:
        settings = Settings(timeout=timeout, canary=False, concurrency=1, ca_file=str(authority().ca_file))
        async with serve(behaviour) as server, Run(settings) as run_:
            asked = [replace(where, guessed=True) for where in on(server.port, *types)]
            reports = {report.target.type: report async for report in run_.results(asked)}
            return reports, [connection.received for connection in server.connections]

    return clock.run(run())


@pytest.mark.parametrize(
    "greeting",
    [b"FOOD ready, type HELP\r\n", b"\0\1\2\3hello\xff", b"READY> ", b'{"service": "queue"}\n'],
    ids=["a line", "binary", "a prompt", "JSON"],
)
def test_an_unrecognised_service_gets_no_other_protocol(greeting: bytes) -> None:
    reports, received = guessed(misbehave.says(greeting), "mysql", "imap", "http", "https", "postgresql", "smb")
    for report in reports.values():
        expect(report, Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
        assert report.finding is not None
        assert "an unrecognised service, which sent the greeting" in report.finding.detail
        assert ascii(greeting.decode("latin-1"))[1:5] in report.finding.detail
    assert not any(received), "bytes of a protocol that the server has shown not to speak"
    assert len(received) <= 2, "only types whose servers speak first look again"


#: A lab's server of line-based commands, a mail relay that no signature has, and a device's menu.
UNKNOWN_SERVICES = {
    "commands": b"ready. type help for help\r\n",
    "a menu": b"\x1b[2J\x1b[H*** Main menu ***\r\n1) status\r\n",
    "a number": b"\x00\x00\x00\x2a",
    "a late line": b"OK queue 7.1 waiting\n",
}


@pytest.mark.parametrize("name", UNKNOWN_SERVICES)
def test_no_type_at_all_feeds_a_port_that_has_spoken(name: str) -> None:
    """Its log had fourteen errors of its parser, from one untyped check."""
    types = [row.name for row in every_type(9)]
    assert len(types) > 15
    reports, received = guessed(misbehave.says(UNKNOWN_SERVICES[name]), *types)
    assert not any(received), [data for data in received if data]
    for report in reports.values():
        assert report.finding is not None, story(report)
        assert report.finding.cause.code == "handshake.other-protocol", story(report)
        assert "an unrecognised service, which sent the greeting" in report.finding.detail


@pytest.mark.parametrize("timeout", [2, 10])
def test_no_type_waits_for_more_of_the_greeting_in_the_time_of_the_others(timeout: float) -> None:
    """SSH permits lines before the identification: that type waited for them until nothing was left."""
    types = [row.name for row in every_type(9)]
    reports, _ = guessed(misbehave.says(UNKNOWN_SERVICES["commands"]), *types, timeout=timeout)
    assert {report.cause.code for report in reports.values() if report.cause} == {"handshake.other-protocol"}
    assert sum(report.seconds for report in reports.values()) < timeout / 2


def test_a_text_before_the_identification_hides_no_ssh() -> None:
    behaviour = ssh.openssh(b"+++ Corp +++\r\n" * 3 + ssh.BANNER_9_2, load("ssh/openssh9.2-kexinit.s2c.hex"))
    reports, received = guessed(behaviour, *[row.name for row in every_type(9)])
    expect(reports["ssh"], Verdict.READY)
    assert all(data.startswith(b"SSH-2.0-") for data in received if data)


def test_a_named_type_is_asked_all_the_same() -> None:
    with in_background(misbehave.says(b"FOOD ready\r\n")) as server:
        first, second = together(on(server.port, "mysql", "postgresql"))
        received = [connection.received for connection in server.connections]
    expect(first, Verdict.BLOCKED, "handshake.other-protocol")
    expect(second, Verdict.BLOCKED, "handshake.other-protocol")
    assert any(received)


def test_a_server_that_waits_for_its_client_is_asked_by_each_type() -> None:
    reports, received = guessed(web.ok, "mysql", "http")
    expect(reports["http"], Verdict.SCANNABLE)
    assert any(b"HEAD /" in data for data in received)
