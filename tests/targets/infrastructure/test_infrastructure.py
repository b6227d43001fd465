"""The scanner's own servers: a connection that stands, a page, a TLS handshake; and whose connection each one is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Server, Writer, in_background, misbehave, ssh
from fixtures.emulators import http as emulated
from fixtures.emulators.certificates import authority
from scanready.model import Outcome, Owner, Report, Step, Verdict
from scanready.run import canary, engine, settings
from tests.closed_ports import closed_port
from tests.ladder import PLENTY, WAIT, check_of, climb, expect, passed, story, target
from tests.websites import OK, answer, look, moved, serving, tls


@contextmanager
def master(behaviour: Behaviour) -> Iterator[Server]:
    with in_background(behaviour) as server:
        yield server
        assert all(record.received == b"" for record in server.connections), "nothing is sent to a Master"


def asked(server: Server, **settings: Any) -> Report:
    return climb(target("master", server.host, server.port), **({"timeout": PLENTY} | settings))


# --- master ------------------------------------------------------------------------------------------------------


def test_a_connection_that_stands_is_ready_and_says_what_that_proves() -> None:
    with master(misbehave.silent) as server:
        report = expect(asked(server), Verdict.READY)
        assert len(server.connections) == 1
    handshakes = [check for check in report.checks if check.step is Step.HANDSHAKE]
    assert handshakes[0].summary.startswith("connection-level proof: ")
    assert handshakes[0].seconds > 1.9
    assert handshakes[1].endpoint == f"127.0.0.1:{settings.CANARY_PORT}"
    assert handshakes[1].summary == "does not accept connections"
    assert report.facts["proof"] == "connection"
    assert report.footprint.connections == 1


def test_without_the_neighbour_it_is_undecided() -> None:
    with master(misbehave.silent) as server:
        report = asked(server, canary=False)
    expect(report, Verdict.UNDECIDED, "master.neighbour-unknown", step=Step.HANDSHAKE, owner=Owner.OPERATOR)


def test_a_neighbour_that_takes_a_connection_likewise_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with master(misbehave.silent) as server, master(misbehave.silent) as neighbour:
        monkeypatch.setattr(canary, "CANARY_PORT", neighbour.port)
        report = asked(server)
    expect(report, Verdict.UNDECIDED, "handshake.false-open", step=Step.HANDSHAKE, owner=Owner.NETWORK)
    assert report.footprint.connections == 2, story(report)


def test_a_neighbour_whose_answer_there_was_no_time_for_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    with master(misbehave.silent) as server, master(misbehave.silent) as neighbour:
        monkeypatch.setattr(canary, "CANARY_PORT", neighbour.port)
        report = asked(server, timeout=WAIT)
    expect(report, Verdict.UNDECIDED, "master.neighbour-unknown", step=Step.HANDSHAKE)


@pytest.mark.parametrize("other", [misbehave.closes_at_once, misbehave.says(ssh.BANNER_9_2)])
def test_a_neighbour_that_answers_otherwise_is_no_reason_to_doubt(
    monkeypatch: pytest.MonkeyPatch, other: Behaviour
) -> None:
    with master(misbehave.silent) as server, in_background(other) as neighbour:
        monkeypatch.setattr(canary, "CANARY_PORT", neighbour.port)
        expect(asked(server), Verdict.READY)


async def resets_after_a_second(reader: Reader, writer: Writer, record: Record) -> None:
    await asyncio.sleep(1.0)
    record.reset()


@pytest.mark.parametrize("behaviour", [misbehave.closes_at_once, misbehave.resets, resets_after_a_second])
def test_a_connection_that_does_not_stand(behaviour: Behaviour) -> None:
    with master(behaviour) as server:
        report = asked(server)
    expect(report, Verdict.BLOCKED, "handshake.hung-up", step=Step.HANDSHAKE, owner=Owner.SERVER)


@pytest.mark.parametrize(
    "greeting", [ssh.BANNER_9_2, b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n", b"220 mail ESMTP Postfix\r\n"]
)
def test_a_foreign_protocol(greeting: bytes) -> None:
    with master(misbehave.says(greeting)) as server:
        report = asked(server)
    expect(report, Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE, owner=Owner.OPERATOR)


@pytest.mark.parametrize(
    "behaviour", [misbehave.says(b"\x01\x02\x03"), misbehave.says_and_closes(b"\x01\x02\x03"), misbehave.garbage(3)]
)
def test_bytes_that_nobody_knows(behaviour: Behaviour) -> None:
    with master(behaviour) as server:
        report = asked(server)
    expect(report, Verdict.UNDECIDED, "master.unknown-greeting", step=Step.HANDSHAKE, owner=Owner.OPERATOR)


def test_too_little_time_to_listen() -> None:
    with master(misbehave.silent) as server:
        report = asked(server, timeout=1.8)  # it is listened to for 2 s
    expect(report, Verdict.UNDECIDED, "scanready.out-of-time", step=Step.HANDSHAKE)


def test_nothing_listens() -> None:
    with closed_port() as port:
        report = climb(target("master", "127.0.0.1", port), timeout=PLENTY)
    expect(report, Verdict.BLOCKED, "connect.refused", step=Step.CONNECT, owner=Owner.SERVER)


def test_what_stands_says_nothing_to_other_types_on_the_port() -> None:
    where = [target("master", "127.0.0.1", 0), target("ssh", "127.0.0.1", 0)]

    async def both(port: int) -> list[Report]:
        targets = [type(one)(one.host, one.type, port) for one in where]
        limits = settings.Settings(timeout=PLENTY, canary=False)
        return [report async for report in engine.verify_all(targets, limits)]

    with in_background(ssh.openssh_9_2) as server:
        found = {report.target.type: report for report in asyncio.run(both(server.port))}
    expect(found["master"], Verdict.BLOCKED, "handshake.other-protocol")
    expect(found["ssh"], Verdict.READY)


# --- console -----------------------------------------------------------------------------------------------------


def console(server: Server) -> Report:
    return look(target("console", server.host, server.port))


def test_a_console_that_shows_a_page_is_ready() -> None:
    with serving(OK, **tls()) as server:
        report = expect(console(server), Verdict.READY)
    passed(report, Step.AGENT, Step.CONNECT, Step.TLS, Step.HANDSHAKE)
    assert report.footprint.connections == len(server.connections) == 1
    assert server.counts == {"HEAD /": 1}
    assert not [check for check in report.checks if check.step.height > Step.HANDSHAKE.height]


def test_a_console_that_leads_to_its_login_page() -> None:
    with serving({"/": moved("/login"), "/login": OK}, **tls()) as server:
        report = expect(console(server), Verdict.READY)
    assert "/login" in check_of(report, Step.HANDSHAKE).summary


def test_its_certificate_is_judged() -> None:
    for kind, code in (
        ("expired", "tls.expired"),
        ("self-signed", "tls.untrusted"),
        ("wrong-name", "tls.name-mismatch"),
    ):
        with serving(OK, **tls(kind)) as server:
            expect(console(server), Verdict.LIMITED, code, step=Step.TLS, owner=Owner.SERVER)


def test_a_console_behind_which_nobody_answers() -> None:
    with serving(answer("503 Service Unavailable"), **tls()) as server:
        expect(console(server), Verdict.BLOCKED, "http.unavailable", step=Step.HANDSHAKE, owner=Owner.SERVER)


@pytest.mark.parametrize("status", ["404 Not Found", "403 Forbidden"])
def test_a_web_server_without_a_page_may_be_another(status: str) -> None:
    with serving(answer(status), **tls()) as server:
        expect(console(server), Verdict.UNDECIDED, "console.no-page", step=Step.HANDSHAKE, owner=Owner.SERVER)


def test_plain_http_on_its_tls_port() -> None:
    with in_background(emulated.ok) as server:
        expect(console(server), Verdict.BLOCKED, "tls.not-offered", step=Step.TLS, owner=Owner.SERVER)


def test_a_console_that_leads_to_another_host_was_not_seen_itself() -> None:
    """A portal's page, say: it answers, and it is no console."""
    with serving(OK, **tls()) as there, serving(moved(f"https://127.0.0.1:{there.port}/"), **tls()) as server:
        expect(console(server), Verdict.READY)
    with serving(OK, host="127.0.0.2", **tls()) as there:
        url = f"https://127.0.0.2:{there.port}/"
        with serving(moved(url), port=there.port, **tls()) as server:
            report = console(server)
    code = "http.redirects-elsewhere"
    expect(report, Verdict.LIMITED, code, step=Step.HANDSHAKE, owner=Owner.OPERATOR, fix=url)


def test_on_port_80_the_neighbour_is_asked_in_clear_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A portal that answers for every port does so without TLS."""
    host = "127.0.0.78"
    with in_background(emulated.ok, host, port=80), in_background(emulated.ok, host) as neighbour:
        monkeypatch.setattr(canary, "CANARY_PORT", neighbour.port)
        report = look(target("console", host, 80))
    expect(report, Verdict.UNDECIDED, "handshake.false-open", step=Step.HANDSHAKE, owner=Owner.NETWORK)


# --- update ------------------------------------------------------------------------------------------------------


def update(server: Server, **options: Any) -> Report:
    return look(target("update", server.host, server.port, None, **options))


def test_on_the_master_a_tls_handshake_is_ready() -> None:
    with in_background(misbehave.silent, tls=authority().context("good")) as server:
        report = expect(update(server, on_master=True), Verdict.READY)
    passed(report, Step.AGENT, Step.CONNECT, Step.TLS)
    assert report.footprint.connections == 1


def test_on_the_master_its_certificate_is_judged() -> None:
    with in_background(misbehave.silent, tls=authority().context("expired")) as server:
        expect(update(server, on_master=True), Verdict.LIMITED, "tls.expired", step=Step.TLS, owner=Owner.SERVER)


def test_on_the_master_a_closed_way_blocks() -> None:
    with closed_port() as port:
        report = look(target("update", "127.0.0.1", port, None, on_master=True))
    expect(report, Verdict.BLOCKED, "connect.refused", step=Step.CONNECT)


def test_on_the_master_an_alert_is_an_alert() -> None:
    """The port speaks TLS, and refuses: not "no TLS here"."""
    with in_background(misbehave.says(b"\x15\x03\x03\x00\x02\x02\x28")) as server:
        report = update(server, on_master=True)
    expect(report, Verdict.BLOCKED, "tls.no-common-cipher", step=Step.TLS, owner=Owner.SERVER)


def test_a_device_that_does_tls_on_every_port(monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere = authority().context("good")
    with (
        in_background(misbehave.silent, tls=everywhere) as server,
        in_background(misbehave.silent, tls=everywhere) as neighbour,
    ):
        monkeypatch.setattr(canary, "CANARY_PORT", neighbour.port)
        report = update(server, on_master=True)
    expect(report, Verdict.UNDECIDED, "handshake.false-open", step=Step.HANDSHAKE, owner=Owner.NETWORK)


@pytest.mark.parametrize("kind", ["good", "expired", None])
def test_elsewhere_it_is_undecided_whatever_is_seen(kind: str | None) -> None:
    """Only the Master needs this path: on another agent a closed one is no fault and an open one no proof."""
    context = authority().context(kind) if kind else None
    with in_background(misbehave.closes_at_once if kind is None else misbehave.silent, tls=context) as server:
        report = update(server)
    expect(report, Verdict.UNDECIDED, "update.not-the-master", step=Step.AGENT, owner=Owner.OPERATOR)
    failed = [check.step for check in report.checks if check.outcome is Outcome.FAILED and check.step is not Step.AGENT]
    assert failed == ([Step.HANDSHAKE] if kind is None else []), story(report)
