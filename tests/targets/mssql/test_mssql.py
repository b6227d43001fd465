"""Check SQL Server up to the login prompt against emulators: encryption, instances, strict servers, other servers."""

from __future__ import annotations

import asyncio
import itertools
import struct
from typing import Any

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Writer, misbehave, mssql, mssql_tls, serve, ssh
from fixtures.emulators import Server as Played
from fixtures.emulators.mssql import Fault, Server
from scanready.model import Outcome, Owner, Step, Verdict
from tests.interrupted import cancelled
from tests.ladder import WAIT, check_of, expect, logins_end, passed, story, target
from tests.targets.mssql.mssql_peers import ER, asked

#: With a FIN, or with the close_notify that our own end answered.
POLITELY = ("fin", "closed-by-us")


@pytest.mark.parametrize(
    ("behaviour", "encryption"),
    [
        (Server("offered"), "login only"),
        (Server("required"), "required"),
        (Server("offered", packet_size=512), "login only"),
        (Server("none"), "not supported"),
    ],
)
def test_a_prompt_is_ready(behaviour: Server, encryption: str) -> None:
    report, server = asked(behaviour)
    expect(report, Verdict.READY)
    passed(report, Step.CONNECT, Step.HANDSHAKE, Step.AUTH)
    assert report.facts["encryption"] == encryption
    assert (report.facts["product"], report.facts["version"]) == ("Microsoft SQL Server 2022", "16.0.4135")
    assert (report.footprint.connections, report.footprint.login_attempts, report.footprint.probe_logins) == (1, 0, 0)
    assert server.counts == {"prelogins": 1}
    assert server.offences == {}
    assert server.connections[0].ended in POLITELY
    if encryption == "not supported":
        assert check_of(report, Step.TLS).outcome is Outcome.SKIPPED
    else:
        assert (report.facts["tls"], server.connections[0].tls) == ("TLSv1.2", "TLSv1.2")


@pytest.mark.parametrize("kind", ["expired", "wrong-name", "self-signed"])
def test_a_certificate_is_told_as_a_fact(kind: str) -> None:
    report, _ = asked(Server(certificate=kind))
    expect(report, Verdict.READY)
    assert "tls.untrusted" in report.facts["certificate_faults"] or kind != "self-signed"
    assert len(report.facts["certificate_faults"]) >= 1
    assert "the certificate is faulty (tls." in check_of(report, Step.AUTH).summary


def test_a_server_left_with_tls_1_0_is_named_as_old() -> None:
    report, _ = asked(Server(certificate="old"))
    expect(report, Verdict.LIMITED, "tls.version", step=Step.TLS, owner=Owner.SERVER)
    assert report.facts["tls"] == "TLSv1"


def test_tls_1_3_whose_tickets_come_in_packets() -> None:
    """No SQL Server does; what else speaks TDS may."""
    report, _ = asked(Server(certificate="tls-1.3"), ER)
    expect(report, Verdict.SCANNABLE)
    assert report.facts["tls"] == "TLSv1.3"


class TestStrict:
    def test_a_strict_server_is_recognised(self) -> None:
        report, server = asked(Server(strict=True))
        expect(report, Verdict.LIMITED, "mssql.strict-only", step=Step.HANDSHAKE, owner=Owner.DATABASE)
        passed(report, Step.TLS, Step.AUTH)
        assert report.facts["encryption"] == "strict"
        assert report.footprint.connections == 2
        assert server.counts == {"clear-prelogins": 1, "prelogins": 1}
        assert server.offences == {}

    def test_one_that_says_why_it_hangs_up(self) -> None:
        """Error 17819 in place of an answer."""
        says_so = mssql.packet(mssql.refusing((17819, "configured to accept only strict (TDS 8.0) connections.")))
        connections = iter([Server(prelogin=says_so), Server(strict=True)])

        async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
            await next(connections)(reader, writer, record)

        expect(asked(behaviour)[0], Verdict.LIMITED, "mssql.strict-only")

    @pytest.mark.parametrize(
        ("first", "code", "words"),
        [
            (misbehave.closes_at_once, "handshake.hung-up", "starts with TLS"),
            (misbehave.resets, "handshake.hung-up", "starts with TLS"),
            (misbehave.says(b"\x15\x03\x01\x00\x02\x02\x28"), "handshake.other-protocol", "starts with TLS"),
        ],
    )
    def test_who_hangs_up_on_both_is_none(self, first: Behaviour, code: str, words: str) -> None:
        report, server = asked(first)
        expect(report, Verdict.BLOCKED, code, step=Step.HANDSHAKE)
        assert words in check_of(report, Step.HANDSHAKE).summary
        assert len(server.connections) == 2, "one more, never a third"

    def test_another_tls_server_is_not_spoken_to(self) -> None:
        """Its TLS does not choose tds/8.0: no PRELOGIN goes to it."""
        heard: list[bytes] = []

        async def https(reader: Reader, writer: Writer, record: Record) -> None:
            first = await reader.readexactly(1)
            if first != b"\x16":
                return
            inside, _ = await mssql_tls.inside_tls(reader, writer, record, mssql_tls.context("good"), first)
            heard.append(await inside.read())

        report, _ = asked(https)
        expect(report, Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
        assert "does not select ALPN tds/8.0" in check_of(report, Step.HANDSHAKE).summary
        assert heard == [b""]


class TestInstances:
    """With a port of its own the Browser is not asked; PRELOGIN says whether it is that instance."""

    @pytest.mark.parametrize("name", ["HR", "hr"])
    def test_the_instance_named(self, name: str) -> None:
        report, _ = asked(Server(instance="HR"), instance=name)
        expect(report, Verdict.READY)
        assert f"instance {name}" in check_of(report, Step.HANDSHAKE).summary

    @pytest.mark.parametrize("name", ["MSSQLSERVER", "mssqlserver", None])
    def test_the_default_instance_is_any(self, name: str | None) -> None:
        options: dict[str, Any] = {} if name is None else {"instance": name}
        expect(asked(Server(instance="HR"), **options)[0], Verdict.READY)

    def test_a_name_whose_encoding_nobody_knows_is_not_compared(self) -> None:
        expect(asked(Server(instance="HR"), instance="GEHÄLTER")[0], Verdict.READY)


@pytest.mark.parametrize(
    ("number", "code", "owner"),
    [
        (17809, "mssql.too-many-connections", Owner.DATABASE),
        (17810, "mssql.admin-port", Owner.OPERATOR),
        (17187, "mssql.not-accepting", Owner.DATABASE),
        (17142, "mssql.not-accepting", Owner.DATABASE),
        (50000, "mssql.server-error", Owner.DATABASE),
    ],
)
def test_an_error_in_place_of_an_answer(number: int, code: str, owner: Owner) -> None:
    report, server = asked(Server(prelogin=mssql.packet(mssql.REFUSALS[number])), ER)
    verdict = Verdict.UNDECIDED if code == "mssql.server-error" else Verdict.BLOCKED
    expect(report, verdict, code, step=Step.HANDSHAKE, owner=owner)
    assert report.facts["error_code"] == number
    assert server.counts["logins"] == 0


def answering(payload: bytes) -> Behaviour:
    """Answer the first bytes with this payload of a reply."""

    async def behave(reader: Reader, writer: Writer, record: Record) -> None:
        await reader.read(100)
        writer.write(mssql.packet(payload))
        await misbehave.swallow(reader)

    return behave


@pytest.mark.parametrize(
    "tokens",
    [
        b"\xab" + struct.pack("<H", 16) + struct.pack("<IBBH", 5701, 1, 0, 1) + b"x\0" + bytes(6) + mssql.DONE,
        mssql.DONE,
        b"",
        mssql.accepting(b"\x74\0\0\4"),
    ],
    ids=["INFO", "DONE", "nothing", "LOGINACK"],
)
def test_a_reply_of_tds_in_place_of_prelogin_is_unknown_and_gets_no_tls(tokens: bytes) -> None:
    report, server = asked(answering(tokens))
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.HANDSHAKE)
    assert "the answer to PRELOGIN" in check_of(report, Step.HANDSHAKE).summary
    assert len(server.connections) == 1, "foreign bytes are sent to no port that spoke TDS"


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        ([(0, b"\x10\0\x10\x27"), (1, b"\2")], {"version": "16.0.4135", "encryption": "not supported"}),
        ([(0, b"\x10\0\x10\x27\0\0\0\0"), (1, b"\2")], {"version": "16.0.4135", "encryption": "not supported"}),
        ([(0, b""), (1, b"\2")], {"version": None, "encryption": "not supported"}),
        ([(0, b"\x10\0\x10\x27\0\0")], {"version": "16.0.4135", "encryption": "not mentioned"}),
    ],
)
def test_an_answer_with_other_options_is_read_as_far_as_it_goes(
    options: list[tuple[int, bytes]], facts: dict[str, str | None]
) -> None:
    table, values, at = b"", b"", 5 * len(options) + 1
    for option, value in options:
        table += struct.pack(">BHH", option, at + len(values), len(value))
        values += value
    report, _ = asked(answering(table + b"\xff" + values))
    expect(report, Verdict.READY)
    assert {name: report.facts.get(name) for name in facts} == facts
    summary = check_of(report, Step.TLS).summary
    assert ("does not mention encryption" if len(options) == 1 else "does not support encryption") in summary


def test_sybase_is_not_sql_server() -> None:
    tokens = b"\xaa\x00\x14\x00\x00\x0f\xa2\x01\x0eLogin failed.\n\xfd\x00\x02\0\0\0\0\0\0"
    report, _ = asked(Server(prelogin=mssql.packet(tokens)))
    expect(report, Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
    assert "Sybase" in check_of(report, Step.HANDSHAKE).summary


def test_a_tls_that_cannot_be_done_here_is_our_limit() -> None:
    answer = bytearray(mssql.PRELOGIN_2022)
    answer[mssql.ENCRYPTION_AT] = 9
    report, _ = asked(misbehave.says(bytes(answer)))
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.TLS)
    answer[mssql.ENCRYPTION_AT] = 0  # encryption of the login only, though the client asked for the whole session
    report, _ = asked(misbehave.says(bytes(answer)), ER)
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.TLS)


# Verdicts of hostile behaviour at each stage. At `prelogin` the peer is still unknown, at `tls` it is SQL Server.
HOSTILE = {
    ("silent", "prelogin"): (Verdict.BLOCKED, "handshake.silent"),
    ("closes", "prelogin"): (Verdict.BLOCKED, "handshake.hung-up"),
    ("resets", "prelogin"): (Verdict.BLOCKED, "handshake.hung-up"),
    ("absurd-length", "prelogin"): (Verdict.BLOCKED, "handshake.malformed"),
    ("too-short", "prelogin"): (Verdict.BLOCKED, "handshake.malformed"),
    ("endless", "prelogin"): (Verdict.UNDECIDED, "scanready.limit"),
    ("garbage", "prelogin"): (Verdict.BLOCKED, "handshake.other-protocol"),
    ("http", "prelogin"): (Verdict.BLOCKED, "handshake.other-protocol"),
    ("drips", "prelogin"): (Verdict.UNDECIDED, "handshake.too-slow"),
    ("silent", "tls"): (Verdict.UNDECIDED, "tls.too-slow"),
    ("closes", "tls"): (Verdict.BLOCKED, "tls.failed"),
    ("resets", "tls"): (Verdict.BLOCKED, "tls.failed"),
}


@pytest.mark.parametrize(("what", "stage"), list(HOSTILE))
def test_hostile_servers(what: str, stage: str) -> None:
    report, server = asked(mssql.MENU[f"{what}-at-{stage}"], ER, timeout=WAIT)
    verdict, code = HOSTILE[what, stage]
    expect(report, verdict, code, step=Step(stage) if stage == "tls" else Step.HANDSHAKE)
    assert server.counts["logins"] == 0


@pytest.mark.parametrize(
    ("what", "answer"), [("absurd", b"\x12\x01\xff\xff\0\0\1\0"), ("alert", b"\x15\x03\x03\0\2\2\x46")]
)
def test_tls_that_goes_wrong_in_its_packets(what: str, answer: bytes) -> None:
    async def late(reader: Reader, writer: Writer, record: Record) -> None:
        """Write after the ClientHello, so that the bytes are an answer to it."""
        await reader.readexactly(100)
        writer.write(answer if what == "absurd" else b"\x12\x01\x00\x0f\0\0\1\0" + answer)
        await misbehave.swallow(reader)

    report, _ = asked(Server(fault=Fault("tls", late)))
    if what == "absurd":  # a PRELOGIN was answered before, so this says nothing about the protocol
        expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.TLS)
    else:
        expect(report, Verdict.BLOCKED, "tls.version", step=Step.TLS, owner=Owner.SERVER)


@pytest.mark.parametrize("foreign", [ssh.openssh_9_2, misbehave.says(b"220 mail.example ESMTP Postfix\r\n")])
def test_another_protocol(foreign: Behaviour) -> None:
    report, _ = asked(foreign)
    expect(report, Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE, owner=Owner.OPERATOR)


@pytest.mark.parametrize("depth", [Step.CONNECT, Step.HANDSHAKE, Step.AUTH, Step.LOGIN])
def test_whatever_is_asked_it_ends_politely(depth: Step) -> None:
    report, server = asked(Server(), ER if depth is Step.LOGIN else None, depth=depth)
    assert server.offences == {}, story(report)
    assert server.connections[0].ended in POLITELY
    assert server.counts["logins"] == (depth is Step.LOGIN)


def test_a_climb_that_is_cancelled_leaves_nothing_open() -> None:
    """Cancelled at each piece of the talk, those within the login and the reading included."""

    async def run(at: int) -> tuple[int, Played]:
        async with serve(Server()) as server:
            went_by = await cancelled(target("mssql", "127.0.0.1", server.port, ER), at)
            await server.ended(len(server.connections))
            return went_by, server

    for at in itertools.count(1):
        went_by, server = asyncio.run(run(at))
        assert all(connection.ended in POLITELY for connection in server.connections), at
        assert server.counts["logins"] <= 1
        if went_by < at:
            break
    assert at > 10
    assert logins_end()
