"""Rules for the login of every database: no password in clear text without leave, and no wait past the deadline.

A silent server costs at most the target's time, in every driver. ibm_db and teradatasql have opt-in tests elsewhere.
"""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.emulators import (
    Behaviour,
    Reader,
    Record,
    Writer,
    db2,
    in_background,
    informix,
    misbehave,
    mssql,
    oracle,
    ssh,
    sybase,
    teradata,
)
from fixtures.transcripts import load
from scanready.model import Credential, Owner, Step, Verdict
from tests.ladder import WAIT, account, check_of, climb, expect, logins_end, story, target
from tests.targets.mssql.mssql_peers import disguises

SECRET = "Passw0rd!"
ER = account("er", SECRET)
TIBERO = misbehave.says(load("tibero/SYNTH-greeting.s2c.hex"))

#: A server that has nothing but plain text, of those where a password could then be read.
PLAIN: dict[str, tuple[Behaviour, dict[str, Any]]] = {
    "db2": (db2.server(mechanisms=(3,)), {"database": "SAMPLE"}),
    "informix": (informix.informix, {"server": "ol_hr"}),
    "mssql": (mssql.Server("none"), {}),
    "sybase": (sybase.ase, {}),
}
#: Where an encryption hides the password, and a listener breaks it or an impostor has its key.
BREAKABLE: dict[str, tuple[Behaviour, dict[str, Any]]] = {
    "db2 encrypts": (db2.server(mechanisms=(9,)), {"database": "SAMPLE"}),
    "db2 encrypts, or not": (db2.server(mechanisms=(3, 9)), {"database": "SAMPLE"}),
    "db2 by IBM's driver": (db2.server(mechanisms=(7,)), {"database": "SAMPLE"}),
    "teradata": (teradata.gateway, {}),
}
#: Where the protocol hides the password itself, or there is no login: all seven are in one of the three tables.
HIDDEN: dict[str, tuple[Behaviour, dict[str, Any], Verdict]] = {
    "oracle": (oracle.healthy, {"service": "ORCL"}, Verdict.SCANNABLE),
    "tibero": (TIBERO, {}, Verdict.UNDECIDED),
}


def shapes(secret: str) -> list[bytes]:
    """Every shape in which these protocols could carry a text: ASCII, UTF-16 (and TDS's disguise of it), EBCDIC."""
    return [*disguises(secret), secret.encode("utf-16-be"), secret.encode("cp500"), secret.encode("cp037")]


def climbed(behaviour: Behaviour, type_: str, who: Credential | None = ER, **options: Any) -> tuple[Any, bytes]:
    """The report, and every byte that the server got, on whichever connection."""
    with in_background(behaviour) as server:
        report = climb(target(type_, "127.0.0.1", server.port, who, **options), canary=False)
        server.wait(len(server.connections))
        return report, b"".join(record.received for record in server.connections)


def test_all_seven_are_asked() -> None:
    asked = {name.split()[0] for name in (*PLAIN, *BREAKABLE, *HIDDEN)}
    assert asked == {"db2", "informix", "mssql", "oracle", "sybase", "teradata", "tibero"}


@pytest.mark.parametrize("name", [*PLAIN, *BREAKABLE])
def test_a_password_that_others_can_read_needs_leave(name: str) -> None:
    behaviour, options = (PLAIN | BREAKABLE)[name]
    report, sent = climbed(behaviour, name.split()[0], **options)
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN, owner=Owner.OPERATOR)
    assert not [shape for shape in shapes(SECRET) if shape in sent]
    assert report.footprint.login_attempts == 0


@pytest.mark.parametrize("name", ["db2 encrypts", "db2 encrypts, or not"])
def test_with_leave_it_is_encrypted_all_the_same(name: str) -> None:
    behaviour, options = BREAKABLE[name]
    report, sent = climbed(behaviour, "db2", **options, allow_cleartext=True)
    expect(report, Verdict.SCANNABLE)
    assert not [shape for shape in shapes(SECRET) if shape in sent]


@pytest.mark.parametrize("name", PLAIN)
def test_with_leave_it_is_to_be_read(name: str) -> None:
    """So the shapes that are looked for are those that these protocols use."""
    behaviour, options = PLAIN[name]
    report, sent = climbed(behaviour, name, **options, allow_cleartext=True)
    expect(report, Verdict.SCANNABLE)
    assert [shape for shape in shapes(SECRET) if shape in sent]


@pytest.mark.parametrize("name", HIDDEN)
def test_where_no_leave_is_needed_nothing_is_to_be_read(name: str) -> None:
    behaviour, options, verdict = HIDDEN[name]
    report, sent = climbed(behaviour, name.split()[0], **options)
    assert report.verdict is verdict, story(report)
    assert not [shape for shape in shapes(SECRET) if shape in sent]


@pytest.mark.parametrize("name", [*PLAIN, *BREAKABLE, *HIDDEN])
def test_a_name_alone_is_no_login(name: str) -> None:
    """No empty password is sent either: the server would count it against the account."""
    behaviour, options = HIDDEN[name][:2] if name in HIDDEN else (PLAIN | BREAKABLE)[name]
    type_ = name.split()[0]
    report, _ = climbed(behaviour, type_, Credential("er", "er"), **options, allow_cleartext=True)
    without, _ = climbed(behaviour, type_, None, **options, allow_cleartext=True)
    assert report.verdict is without.verdict, story(report)
    assert report.footprint.login_attempts == 0
    if report.verdict is Verdict.READY:
        assert check_of(report, Step.LOGIN).summary == "no password was given for er"


@pytest.mark.parametrize("leave", [True, False])
@pytest.mark.parametrize("name", ["informix", "sybase"])
def test_who_speaks_first_gets_no_password_as_first_word(name: str, leave: bool) -> None:
    """In these protocols the client speaks first: a peer that greets uses another one and gets no password."""
    report, sent = climbed(misbehave.says(ssh.BANNER_9_2), name, **PLAIN[name][1], allow_cleartext=leave)
    expect(report, Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
    assert sent == b""
    assert report.footprint.login_attempts == 0


def second_time_silent(first: Behaviour) -> Behaviour:
    """Play ``first`` on the first connection, and stay silent on every later one."""
    dialled = 0

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        nonlocal dialled
        dialled += 1
        await (first if dialled == 1 else misbehave.silent)(reader, writer, record)

    return behaviour


SILENT: dict[str, tuple[str, Behaviour, dict[str, Any]]] = {
    "our DRDA": ("db2", db2.server(silent_at=db2.SECCHK), {"database": "SAMPLE", "allow_cleartext": True}),
    "our DRDA, reading": (
        "db2",
        db2.server(silent_at=db2.OPNQRY),
        {"database": "SAMPLE", "allow_cleartext": True},
    ),
    "our SQLI": ("informix", informix.server(silent=True), {"server": "ol_hr", "allow_cleartext": True}),
    "informix-driver": (
        "informix",
        second_time_silent(informix.informix),
        {"server": "ol_hr", "allow_cleartext": True},
    ),
    "pytds": ("mssql", mssql.Server(fault=mssql.Fault("login", misbehave.silent)), {}),
    "oracledb": ("oracle", oracle.listener(silent_at="login"), {"service": "ORCL"}),
    "oracledb, unanswered": ("oracle", second_time_silent(oracle.healthy), {"service": "ORCL"}),
    "our TDS 5": ("sybase", sybase.server(silent_at=0x02), {"allow_cleartext": True}),
}


@pytest.mark.parametrize("name", SILENT)
def test_a_server_that_falls_silent_costs_no_more_than_the_time_given(name: str) -> None:
    type_, behaviour, options = SILENT[name]
    with in_background(behaviour) as server:
        report = climb(target(type_, "127.0.0.1", server.port, ER, **options), timeout=WAIT, canary=False)
    assert report.verdict in (Verdict.UNDECIDED, Verdict.BLOCKED), story(report)
    assert report.finding is not None
    late = ("scanready.out-of-time", "handshake.too-slow", "handshake.silent", "login.too-slow", "access.too-slow")
    assert report.finding.cause.code in late, story(report)
    assert logins_end()
