"""Oracle without an Oracle: every refusal of the listener, every hop, and a driver that is killed when it hangs."""

from __future__ import annotations

import socket
import ssl
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from fixtures.emulators import (
    Behaviour,
    Reader,
    Record,
    Server,
    Writer,
    in_background,
    misbehave,
    oracle,
    oracle_session,
    ssh,
)
from fixtures.emulators.certificates import authority
from scanready.climb.other_services import SERVICES
from scanready.model import Credential, Owner, Report, Step, Verdict
from scanready.targets.oracle import causes
from scanready.targets.oracle import login as driver
from scanready.targets.oracle.login import translate
from tests.ladder import PLENTY, WAIT, account, check_of, climb, expect, finding_of, passed, story, target
from tests.played_driver import PlayedDriver


def asked(
    behaviour: Behaviour,
    credential: Credential | None = None,
    tls: bool = False,
    timeout: float = PLENTY,
    **options: Any,
) -> tuple[Report, Server]:
    with in_background(behaviour, tls=authority().context() if tls else None) as server:
        report = climb(target("oracle", "127.0.0.1", server.port, credential, **options), timeout=timeout)
        server.wait(len(server.connections))
    return report, server


def answering(answer: bytes) -> Behaviour:
    """Give the same answer to each CONNECT, a ping too."""

    async def behave(reader: Reader, writer: Writer, record: Record) -> None:
        await reader.read(500)
        writer.write(answer)
        await misbehave.swallow(reader)

    return behave


def test_a_service_that_takes_logins_is_ready() -> None:
    report, server = asked(oracle.healthy, service="ORCL")
    expect(report, Verdict.READY)
    assert report.facts["product"] == "Oracle Database"
    assert report.facts["protocol_version"] == 318
    assert (server.counts["connects"], server.counts["logins"]) == (1, 0)
    assert not server.offences, "an accepted session is ended with a word"
    assert report.footprint.connections == 1


def test_a_sid_is_a_name_too() -> None:
    report, _ = asked(oracle.healthy, sid="ORCL")
    expect(report, Verdict.READY)


def test_a_listener_alone_is_no_database() -> None:
    report, server = asked(oracle.healthy)
    expect(report, Verdict.UNDECIDED, "oracle.service-not-named", step=Step.AUTH, owner=Owner.OPERATOR)
    assert report.facts["listener"] == "LISTENER"
    assert report.facts["version"] == "19.0.0.0.0"
    assert (server.counts["pings"], server.counts["connects"]) == (1, 0)


def test_in_tls_without_being_told() -> None:
    report, _ = asked(oracle.healthy, tls=True, service="ORCL")
    expect(report, Verdict.READY)
    passed(report, Step.TLS, Step.HANDSHAKE, Step.AUTH)


@pytest.mark.parametrize("number", sorted(causes.LISTENER))
def test_every_refusal_has_its_cause(number: int) -> None:
    report, _ = asked(oracle.listener(oracle.refuse(number)), service="ORCL")
    cause = causes.LISTENER[number]
    verdict = Verdict.BLOCKED if cause.definite else Verdict.UNDECIDED
    expect(report, verdict, cause.code, step=Step.AUTH, owner=cause.owner)
    assert cause.remedy
    assert ("TNS-01194" if number == 1194 else f"ORA-{number}") in check_of(report, Step.AUTH).summary


@pytest.mark.parametrize("number", [12537, 12546, 12547])
def test_a_listener_that_answers_has_not_excluded_the_agent(number: int) -> None:
    """Valid node checking closes the connection before it reads a request; a REFUSE is about the server process."""
    report, _ = asked(oracle.listener(oracle.refuse(number)), service="ORCL")
    expect(report, Verdict.UNDECIDED, "oracle.listener-error", step=Step.AUTH, owner=Owner.DATABASE)
    assert f"ORA-{number}: the listener itself answers" in check_of(report, Step.AUTH).summary


def test_refusals_that_nobody_listed() -> None:
    for answer in (oracle.refuse(12599), oracle.refuse(None)):
        report, _ = asked(oracle.listener(answer), service="ORCL")
        expect(report, Verdict.UNDECIDED, "oracle.listener-error", step=Step.AUTH, owner=Owner.DATABASE)


@pytest.mark.parametrize(
    ("answer", "code", "owner", "words"),
    [
        (oracle.refuse(12504), "oracle.service-not-named", Owner.OPERATOR, "a ping with ORA-12504; no service or SID"),
        (oracle.refuse(12547), "oracle.listener-error", Owner.DATABASE, "ORA-12547"),
        (oracle.refuse(1189), "oracle.listener-error", Owner.DATABASE, "TNS-01189"),
        (
            oracle.refuse(None),
            "oracle.listener-error",
            Owner.DATABASE,
            "refused without an error number: (DESCRIPTION=",
        ),
        (oracle.ACCEPT, "oracle.service-not-named", Owner.OPERATOR, "accepts a session without a service name"),
    ],
)
def test_what_is_said_to_a_ping_is_told_as_it_is(answer: bytes, code: str, owner: Owner, words: str) -> None:
    report, _ = asked(answering(answer))
    expect(report, Verdict.UNDECIDED, code, step=Step.AUTH, owner=owner)
    assert words in check_of(report, Step.AUTH).summary


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (oracle.refuse(0), "refused with ERR=0 (no error): "),
        (oracle.refuse(0, "(CODE=12514)"), "(ERR=0)(CODE=12514)"),
        (oracle.packet(4, bytes(4)), "refused without an error number and without a text"),
    ],
)
def test_a_refusal_of_a_named_service_without_an_error_is_unknown(answer: bytes, words: str) -> None:
    report, _ = asked(oracle.listener(answer), service="ORCL")
    expect(report, Verdict.UNDECIDED, "oracle.listener-error", step=Step.AUTH, owner=Owner.DATABASE)
    assert words in check_of(report, Step.AUTH).summary


def test_a_service_that_nobody_knows() -> None:
    report, _ = asked(oracle.healthy, service="nosuch")
    expect(report, Verdict.BLOCKED, "oracle.service-unknown", step=Step.AUTH, owner=Owner.OPERATOR)
    assert "nosuch" in check_of(report, Step.AUTH).summary


def test_hung_up_without_a_word() -> None:
    report, server = asked(oracle.listener(hangs_up=True), service="ORCL", timeout=WAIT)
    fix = "tcp.invited_nodes = (localhost, 127.0.0.1)"
    expect(report, Verdict.BLOCKED, "oracle.node-not-invited", step=Step.HANDSHAKE, owner=Owner.DATABASE, fix=fix)
    assert len(server.connections) == 2, "asked in clear, and once in TLS"


def test_the_same_again_please() -> None:
    report, _ = asked(oracle.listener([oracle.RESEND, oracle.RESEND, oracle.ACCEPT]), service="ORCL")
    expect(report, Verdict.READY)
    report, _ = asked(oracle.listener(oracle.RESEND), service="ORCL")
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.HANDSHAKE, owner=Owner.SCANREADY)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"\0\x0b\0\0\x0c\0\0\0\1\0\2", "the type of the packet that answers CONNECT is 12"),
        (b"\0\x0a\0\0\x06\0\0\0\0\x40", "the type of the packet that answers CONNECT is 6"),
        (b"\0\x29\0\0\x05\2\0\0\0\x1f(ADDRESS=(PROTOCOL=IPC)(KEY=x))", "(PROTOCOL=IPC)"),
    ],
    ids=["marker", "data", "a redirect inside the host"],
)
def test_tns_that_decides_nothing(answer: bytes, told: str) -> None:
    report, _ = asked(oracle.listener(answer), service="ORCL")
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.HANDSHAKE, owner=Owner.SCANREADY)
    assert told in finding_of(report).detail


@pytest.mark.parametrize("inline", [True, False])
def test_a_redirect_is_followed_to_its_own_endpoint(inline: bool) -> None:
    with in_background(oracle.healthy) as there:
        report, _ = asked(oracle.listener(oracle.redirect("127.0.0.1", there.port, inline)), service="ORCL")
        expect(report, Verdict.READY)
        assert any(check.endpoint == f"127.0.0.1:{there.port}" for check in report.checks), story(report)
        assert b"INSTANCE_NAME=i1" in there.connections[0].received
        assert there.connections[0].received[5] == 4, "flagged as following a redirect"


@pytest.mark.parametrize("place", ["127.0.0.1", "169.254.169.254"])
def test_a_redirect_to_another_service_gets_no_byte(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    with in_background(oracle.healthy) as thief:
        monkeypatch.setitem(SERVICES, thief.port, "a printer")
        report, _ = asked(oracle.listener(oracle.redirect(place, thief.port)), service="ORCL")
    expect(report, Verdict.UNDECIDED, "scanready.not-followed", step=Step.CONNECT, owner=Owner.OPERATOR)
    assert thief.connections == []
    assert report.footprint.connections == 1


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Behave in another way at each connection."""
    left = list(behaviours)

    async def behave(reader: Reader, writer: Writer, record: Record) -> None:
        await left.pop(0)(reader, writer, record)

    return behave


@pytest.fixture
def thief() -> Iterator[Server]:
    """A listener on another address, which would take the login."""
    with in_background(oracle.healthy, host="127.0.0.2") as there:
        yield there


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is an address of Linux's loopback")
@pytest.mark.parametrize("whose", ["the handshake's", "the login's"])
def test_the_credential_does_not_follow_a_redirect(whose: str, thief: Server) -> None:
    """The climb follows that of the handshake to the prompt; the driver would follow that of its own connection."""
    redirect = oracle.listener(oracle.redirect("127.0.0.2", thief.port))
    behaviour = redirect if whose == "the handshake's" else in_turn(oracle.healthy, redirect)
    report, _ = asked(behaviour, account("er"), service="ORCL")
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN, owner=Owner.OPERATOR)
    passed(report, Step.HANDSHAKE, Step.AUTH)
    assert f"127.0.0.2:{thief.port}" in check_of(report, Step.LOGIN).summary
    assert report.footprint.login_attempts == 0
    assert thief.counts["logins"] == 0
    assert len(thief.connections) == (1 if whose == "the handshake's" else 0)


def test_the_driver_is_not_led_to_another_service_of_the_same_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """The handshake's connection is accepted, and that of the login is sent to a port that a printer has."""
    with in_background(oracle.healthy) as printer:
        monkeypatch.setitem(SERVICES, printer.port, "a printer")
        behaviour = in_turn(oracle.healthy, oracle.listener(oracle.redirect("127.0.0.1", printer.port)))
        report, _ = asked(behaviour, account("er"), service="ORCL")
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN, owner=Owner.OPERATOR)
    assert "a port that a printer has" in check_of(report, Step.LOGIN).summary
    assert printer.connections == []
    assert (report.footprint.connections, report.footprint.login_attempts) == (2, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is an address of Linux's loopback")
@pytest.mark.parametrize("permitted", ["127.0.0.0/24", "other.invalid,127.0.0.2"])
def test_the_operator_may_let_it_follow(permitted: str, thief: Server) -> None:
    redirect = oracle.listener(oracle.redirect("127.0.0.2", thief.port))
    behaviour = in_turn(oracle.healthy, redirect)
    report, _ = asked(behaviour, account("er"), service="ORCL", follow_redirects=permitted)
    expect(report, Verdict.SCANNABLE)
    assert check_of(report, Step.LOGIN).facts["redirected_to"] == f"127.0.0.2:{thief.port}"
    assert thief.counts["logins"] == 1
    assert report.footprint.connections == 3


def test_a_redirect_to_nowhere_is_that_endpoints_failure() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        report, _ = asked(oracle.listener(oracle.redirect("127.0.0.1", port)), service="ORCL")
    expect(report, Verdict.BLOCKED, "connect.refused", step=Step.CONNECT)
    failed = next(check for check in report.checks if check.outcome == "failed")
    assert failed.endpoint == f"127.0.0.1:{port}"


def test_a_redirect_to_a_name_that_the_agent_does_not_know() -> None:
    """A cluster's listeners send clients on by names (VIPs), which the agent's resolver must know."""
    report, _ = asked(oracle.listener(oracle.redirect("rac1-vip.invalid", 1521)), service="ORCL")
    expect(report, Verdict.BLOCKED, "oracle.redirect-unresolved", step=Step.CONNECT, owner=Owner.DATABASE)
    assert [other.owner for other in finding_of(report).cause.also] == [Owner.NETWORK]
    assert "rac1-vip.invalid" in finding_of(report).detail
    failed = next(check for check in report.checks if check.outcome == "failed")
    assert failed.endpoint == "rac1-vip.invalid:1521"


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (misbehave.closes_at_once, "oracle.node-not-invited"),
        (misbehave.silent, "handshake.silent"),
        (misbehave.says(ssh.BANNER_9_2), "handshake.other-protocol"),
    ],
)
def test_who_answers_behind_a_redirect_is_judged_as_an_endpoint_of_its_own(behaviour: Behaviour, code: str) -> None:
    with in_background(behaviour) as there:
        report, _ = asked(oracle.listener(oracle.redirect("127.0.0.1", there.port)), service="ORCL", timeout=WAIT)
    expect(report, Verdict.BLOCKED, code, step=Step.HANDSHAKE)
    failed = next(check for check in report.checks if check.outcome == "failed")
    assert failed.endpoint == f"127.0.0.1:{there.port}", story(report)


def test_a_wallet_is_demanded() -> None:
    context = authority().context.__wrapped__(authority(), "good")  # one of its own, to change it
    context.verify_mode = ssl.CERT_REQUIRED
    with in_background(oracle.healthy, tls=context) as server:
        report = climb(target("oracle", "127.0.0.1", server.port, service="ORCL"))
    expect(report, Verdict.BLOCKED, "tls.client-certificate", owner=Owner.SERVER)


def test_redirects_without_end_end() -> None:
    behaviours: list[bytes] = [b""]

    async def circle(reader: Reader, writer: Writer, record: Record) -> None:
        await oracle.listener(behaviours[0])(reader, writer, record)

    with in_background(circle) as server:
        behaviours[0] = oracle.redirect("127.0.0.1", server.port)
        report = climb(target("oracle", "127.0.0.1", server.port, service="ORCL"))
    expect(report, Verdict.BLOCKED, "oracle.redirect-loop", step=Step.AUTH, owner=Owner.DATABASE)
    assert report.footprint.connections <= 5


@pytest.mark.parametrize("answer", [oracle.OLD, oracle.ENCRYPTED])
def test_what_the_thin_driver_cannot_is_our_limit(answer: bytes) -> None:
    report, _ = asked(oracle.listener(answer), service="ORCL")
    expect(report, Verdict.READY)
    report, server = asked(oracle.listener(answer), account("er"), service="ORCL")
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.LOGIN, owner=Owner.SCANREADY)
    assert server.counts["logins"] == 0


def test_a_login_that_is_never_answered_ends_with_the_deadline() -> None:
    report, server = asked(oracle.listener(silent_at="login"), account("er"), service="ORCL", timeout=WAIT)
    assert report.verdict is Verdict.UNDECIDED, story(report)
    assert report.footprint.login_attempts == 0, "the server was not even told the user"
    sent = b"".join(record.received for record in server.connections)
    assert b"Passw0rd!" not in sent


@pytest.mark.parametrize("tls", [False, True])
def test_a_login_and_a_row(tls: bool) -> None:
    report, server = asked(oracle.healthy, account("er"), tls, service="ORCL")
    expect(report, Verdict.SCANNABLE)
    assert check_of(report, Step.ACCESS).summary == "read one row of ALL_TABLES"
    assert report.facts["version"] == "19.19.0.0.0"
    assert (report.footprint.login_attempts, server.counts["logins"], server.counts["logoffs"]) == (1, 1, 1)
    assert b"Passw0rd!" not in b"".join(record.received for record in server.connections)
    assert report.footprint.connections == len(server.connections)


def test_the_named_table_is_read() -> None:
    report, server = asked(oracle.healthy, account("er"), service="ORCL", table="HR.EMPLOYEES")
    expect(report, Verdict.SCANNABLE)
    assert server.counts['SELECT 1 FROM "HR"."EMPLOYEES" WHERE ROWNUM = 1'] == 1
    report, _ = asked(oracle.listener(rows=0), account("er"), service="ORCL", table="HR.EMPLOYEES")
    expect(report, Verdict.SCANNABLE)
    assert check_of(report, Step.ACCESS).summary == "read HR.EMPLOYEES, which returned no rows"


def test_a_wrong_password_is_tried_once() -> None:
    report, server = asked(oracle.healthy, account("er", "wrong"), service="ORCL")
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN)
    assert "ORA-01017" in check_of(report, Step.LOGIN).summary
    assert (report.footprint.login_attempts, server.counts["logins"]) == (1, 1)


def everywhere(rows: dict[tuple[str, Owner], tuple[int, ...]]) -> list[tuple[int, str, Owner]]:
    """Return one row for each number: the number, its cause and its owner."""
    return [(number, code, owner) for (code, owner), numbers in rows.items() for number in numbers]


#: Refusals of the listener to the driver's connection, after it accepted scanready's own.
AT_THE_LISTENER = everywhere(
    {
        ("oracle.service-unknown", Owner.OPERATOR): (12504, 12505, 12514, 12521),
        ("oracle.no-handler", Owner.DATABASE): (12500, 12516, 12518, 12519, 12520, 12540, 12549),
        ("oracle.not-open", Owner.DATABASE): (12526, 12527, 12528),
        ("oracle.filtered", Owner.DATABASE): (12506, 12529),
        ("oracle.next-hop", Owner.DATABASE): (12533, 12541, 12545),
        ("oracle.request-late", Owner.NETWORK): (12525, 12535),
        ("oracle.secure-transport", Owner.DATABASE): (1194,),
        ("scanready.limit", Owner.SCANREADY): (12650, 12660),
    }
)
#: Refusals of the database at the login.
AT_THE_LOGIN = everywhere(
    {
        ("login.refused", Owner.IDENTITY): (1005, 1017),
        ("login.locked", Owner.IDENTITY): (28000,),
        ("login.expired", Owner.IDENTITY): (28001, 28032, 65162),
        ("oracle.no-create-session", Owner.DATABASE): (1045,),
        ("oracle.not-open", Owner.DATABASE): (257, 1033, 1034, 1035, 1089, 1090, 1109, 1219),
        ("oracle.no-handler", Owner.DATABASE): (18, 20, 2391),
        ("scanready.limit", Owner.SCANREADY): (28040,),
        ("oracle.server-error", Owner.DATABASE): (604,),  # stands for every other number
    }
)
AT_THE_QUERY = everywhere(
    {("access.not-found", Owner.OPERATOR): (942,), ("access.denied", Owner.DATABASE): (1031, 1950)},
)
#: The driver's messages with its own error numbers.
BY_THE_DRIVER = [
    ("DPY-6001: Service is not registered (Similar to ORA-12514)", "oracle.service-unknown", Owner.OPERATOR),
    ("DPY-6003: SID is not registered", "oracle.service-unknown", Owner.OPERATOR),
    ("DPY-3001: Native Network Encryption is only supported in thick mode", "scanready.limit", Owner.SCANREADY),
    ("DPY-3010: connections to this database version are not supported", "scanready.limit", Owner.SCANREADY),
    ("DPY-3015: password verifier type 0x939 is not supported", "scanready.limit", Owner.SCANREADY),
    ("DPY-4011: the database or network closed the connection", "login.broken-off", Owner.SERVER),
    ("DPY-6005: cannot connect to database", "scanready.limit", Owner.SCANREADY),
    ("DPY-9999: something new", "scanready.limit", Owner.SCANREADY),
    ("", "scanready.limit", Owner.SCANREADY),
]


def judged(code: str) -> Verdict:
    unknown = ("scanready.limit", "login.broken-off", "oracle.server-error")
    return Verdict.UNDECIDED if code in unknown else Verdict.BLOCKED


def test_no_number_is_left_out() -> None:
    told = AT_THE_LISTENER + AT_THE_LOGIN + AT_THE_QUERY
    assert {number for number, *_ in told} == {*causes.DATABASE, *causes.LISTENER, 28040, 604}
    assert {number for number, *_ in AT_THE_LISTENER} == set(causes.LISTENER)
    for number, code, _ in told:
        found = translate(f"ORA-{number:05}: what the database says\nHelp: https://docs.oracle.com/", "er")
        if number != 1194:  # of a listener that is TNS-01194; ORA-01194 wants media recovery
            assert found.cause.code == code
    refused = translate("DPY-6005: cannot connect\nDPY-6000: Listener refused (Similar to ORA-1194)", "er")
    assert refused.detail == "DPY-6000: Listener refused (Similar to TNS-01194)"
    driver_numbers = {int(text[4:8]) for text, *_ in BY_THE_DRIVER if text}
    assert driver._LIMITS | set(driver._BY_DRIVER) <= driver_numbers


@pytest.mark.parametrize(("number", "code", "owner"), AT_THE_LISTENER)
def test_a_listener_that_refuses_the_driver(number: int, code: str, owner: Owner) -> None:
    """It took us; when the login is to come, it has no more room, or another mind."""
    first = True

    async def changes_its_mind(reader: Reader, writer: Writer, record: Record) -> None:
        nonlocal first
        answer, first = (oracle.ACCEPT if first else oracle.refuse(number)), False
        await oracle.listener(answer)(reader, writer, record)

    report, server = asked(changes_its_mind, account("er"), service="ORCL")
    expect(report, judged(code), code, step=Step.LOGIN, owner=owner)
    assert ("TNS-01194" if number == 1194 else f"ORA-{number}") in check_of(report, Step.LOGIN).summary
    assert (server.counts["connects"], server.counts["logins"]) == (2, 0)


@pytest.mark.parametrize(("number", "code", "owner"), AT_THE_LOGIN)
def test_a_login_refused_by_the_database(number: int, code: str, owner: Owner) -> None:
    refusals = {oracle_session.AUTH_TWO: oracle_session.complaint(number, "what the database says")}
    report, server = asked(oracle.listener(refusals=refusals), account("er"), service="ORCL")
    fix = 'GRANT CREATE SESSION TO "ER";' if number == 1045 else None
    expect(report, judged(code), code, step=Step.LOGIN, owner=owner, fix=fix)
    assert f"ORA-{number:05}" in check_of(report, Step.LOGIN).summary
    assert (server.counts["logins"], report.footprint.login_attempts) == (1, 1)


@pytest.mark.parametrize(
    ("number", "words"),
    [(28002, "the password will expire within 5 days"), (28011, "the account will expire soon; change your password")],
)
def test_a_password_that_expires_soon_limits(number: int, words: str) -> None:
    warning = oracle_session.warned(number, words)
    report, _ = asked(oracle.listener(warning=warning), account("er"), service="ORCL")
    expect(report, Verdict.LIMITED, "login.expires-soon", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert finding_of(report).detail == f"ORA-{number}: {words}"
    passed(report, Step.ACCESS)


def test_another_warning_is_told_and_limits_nothing() -> None:
    warning = oracle_session.warned(28098, "something else")
    report, _ = asked(oracle.listener(warning=warning), account("er"), service="ORCL")
    expect(report, Verdict.SCANNABLE)
    assert "ORA-28098: something else" in check_of(report, Step.LOGIN).summary


@pytest.mark.parametrize(("number", "code", "owner"), AT_THE_QUERY)
def test_reading_refused_by_the_database(number: int, code: str, owner: Owner) -> None:
    refusals = {oracle_session.EXECUTE: oracle_session.complaint(number, "what the database says")}
    report, server = asked(oracle.listener(refusals=refusals), account("er"), service="ORCL", table="HR.EMPLOYEES")
    verdict = Verdict.LIMITED if code == "access.denied" else Verdict.BLOCKED
    expect(report, verdict, code, step=Step.ACCESS, owner=owner)
    passed(report, Step.LOGIN)
    assert (server.offences, report.footprint.connections) == ({}, 2)


#: The driver, played: what it raises.
DRIVER = """
import os
class Error(Exception): pass
def connect(**_): raise Error(os.environ["PLAYED_ERROR"])
"""


@pytest.fixture(scope="module")
def driver_module(tmp_path_factory: pytest.TempPathFactory) -> PlayedDriver:
    """The module in the place of the driver's."""
    return PlayedDriver(tmp_path_factory.mktemp("played"), "oracledb", DRIVER)


@pytest.mark.parametrize(("text", "code", "owner"), BY_THE_DRIVER)
def test_what_the_driver_says_in_numbers_of_its_own(
    text: str, code: str, owner: Owner, driver_module: PlayedDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver_module.play(monkeypatch, error=text)
    report, _ = asked(oracle.healthy, account("er"), service="ORCL")
    expect(report, judged(code), code, step=Step.LOGIN, owner=owner)


@pytest.mark.parametrize("silent_at", ["ping", "connect"])
def test_silence(silent_at: str) -> None:
    named: dict[str, Any] = {"service": "ORCL"} if silent_at == "connect" else {}
    report, _ = asked(oracle.listener(silent_at=silent_at), timeout=WAIT, **named)
    expect(report, Verdict.BLOCKED, "handshake.silent", step=Step.HANDSHAKE)


def test_another_protocol() -> None:
    report, _ = asked(misbehave.says(ssh.BANNER_9_2), service="ORCL")
    expect(report, Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
