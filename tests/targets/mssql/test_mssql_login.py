"""Logging in to emulated SQL Servers: once, inside TLS, and every refusal told apart."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
from typing import Any

import pytest

from fixtures.emulators import in_background, misbehave, mssql
from fixtures.emulators.mssql import Fault, Server
from scanready.cli.output.transcript import recorder
from scanready.climb.placing import rung_of
from scanready.climb.probe import Probe
from scanready.model import Check, Owner, Report, Scope, Step, Verdict
from scanready.net.stream import Stream
from scanready.run.engine import verify_all
from scanready.run.settings import Settings
from tests.ladder import (
    PLENTY,
    WAIT,
    account,
    check_of,
    climb,
    expect,
    finding_of,
    logins_end,
    passed,
    story,
    target,
)
from tests.targets.mssql.mssql_peers import ER, WINDOWS, asked, disguises, logged_in, on_the_way


@pytest.mark.parametrize(
    "behaviour", [Server(), Server("required"), Server(packet_size=512), Server(certificate="old")]
)
def test_one_login_on_one_connection_to_one_row(behaviour: Server) -> None:
    report, server = logged_in(behaviour, database="hr")
    old = behaviour.certificate == "old"
    expect(report, Verdict.LIMITED if old else Verdict.SCANNABLE, "tls.version" if old else None)
    passed(report, Step.LOGIN, Step.ACCESS)
    assert report.facts["databases"] == ["hr"]
    assert report.facts["encryption"] == "on"
    assert "one row of [hr].[dbo].[employees]" in check_of(report, Step.ACCESS).summary
    assert (report.footprint.connections, report.footprint.login_attempts) == (1, 1)
    assert server.counts["logins"] == server.counts["prelogins"] == 1
    assert server.offences == {}


def test_a_strict_server_is_logged_in_to() -> None:
    report, server = logged_in(Server(strict=True), database="hr")
    expect(report, Verdict.LIMITED, "mssql.strict-only")
    passed(report, Step.LOGIN, Step.ACCESS)
    assert server.counts["logins"] == 1
    assert server.offences == {}


class TestTheChannel:
    """A device between agent and server cannot read the password or the data."""

    @pytest.mark.parametrize("behaviour", [Server(), Server("required")])
    def test_no_password_and_no_data(self, behaviour: Server) -> None:
        report, heard, server = on_the_way(behaviour, database="hr")
        expect(report, Verdict.SCANNABLE)
        assert server.counts["logins"] == 1
        for shape in (*disguises(mssql.PASSWORD), *disguises("employees")):
            assert shape not in heard
        assert b"\x16\x03" in heard, "somebody listened"

    def test_an_unverified_certificate_is_said_where_the_password_went(self) -> None:
        report, _ = logged_in(Server(certificate="self-signed"))
        expect(report, Verdict.SCANNABLE)
        assert report.facts["login_channel"] == "inside TLS; the certificate is faulty (tls.untrusted)"

    @pytest.mark.parametrize("tls", ["inside TLS", "in clear text"])
    def test_without_tls_it_is_withheld_unless_permitted(self, tls: str) -> None:
        permitted = tls == "in clear text"
        report, heard, server = on_the_way(Server("none"), database="hr", allow_cleartext=permitted)
        assert any(shape in heard for shape in disguises(mssql.PASSWORD)) is permitted
        assert server.counts["logins"] == report.footprint.login_attempts == permitted
        if permitted:
            expect(report, Verdict.SCANNABLE)
            assert report.facts["login_channel"] == "in clear text"
        else:
            expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN, owner=Owner.OPERATOR)
            assert server.offences == {}
            assert len(heard) < 200, "PRELOGIN and its answer"

    def test_the_library_is_not_trusted_with_it_either(self) -> None:
        """The pipe itself sends no password in clear text, even if the verifier does not check."""
        from scanready.clients.login_process.lent import Taken
        from scanready.climb.explain import Failure
        from scanready.targets.mssql import login as sql
        from scanready.targets.mssql.login_reading import Where

        ours, theirs = socket.socketpair()
        with ours, theirs:
            with pytest.raises(Failure, match=r"login\.withheld"):
                sql.visit(Where(Taken(lambda: ours), "db", encrypted=False), ER, 1.0)
            ours.close()
            assert theirs.recv(1) == b""

    def test_a_transcript_has_no_shape_of_it(self) -> None:
        lines: list[str] = []

        class Outlet:
            def write(self, text: str) -> None:
                lines.append(text)

        report, _ = logged_in(Server(), tap=recorder(Outlet()))  # type: ignore[arg-type]  # all that it calls
        expect(report, Verdict.SCANNABLE)
        dumped = bytes.fromhex("".join(line[8:55] for text in lines for line in text.splitlines() if line[6:8] == "  "))
        assert b"m\0a\0s\0t\0e\0r\0" in dumped, "the session is in it"
        assert not any(shape in dumped for shape in disguises(mssql.PASSWORD))


REFUSED = {
    18456: ("login.refused", Owner.IDENTITY),
    18452: ("mssql.windows-only", Owner.DATABASE),
    18470: ("login.locked", Owner.IDENTITY),
    18486: ("login.locked", Owner.IDENTITY),
    18487: ("login.expired", Owner.IDENTITY),
    18488: ("login.expired", Owner.IDENTITY),
    4060: ("mssql.database-not-opened", Owner.DATABASE),
    4064: ("mssql.database-not-opened", Owner.DATABASE),
    17892: ("mssql.logon-trigger", Owner.DATABASE),
    17142: ("mssql.not-accepting", Owner.DATABASE),
    17187: ("mssql.not-accepting", Owner.DATABASE),
    18401: ("mssql.not-accepting", Owner.DATABASE),
    18451: ("mssql.not-accepting", Owner.DATABASE),
    18461: ("mssql.not-accepting", Owner.DATABASE),
    6005: ("mssql.not-accepting", Owner.DATABASE),
    40613: ("mssql.server-error", Owner.DATABASE),
    17809: ("mssql.too-many-connections", Owner.DATABASE),
    10928: ("mssql.too-many-connections", Owner.DATABASE),
    40501: ("mssql.server-error", Owner.DATABASE),
    17810: ("mssql.admin-port", Owner.OPERATOR),
    978: ("mssql.replica-not-readable", Owner.DATABASE),
    40532: ("mssql.server-name", Owner.OPERATOR),
    40615: ("mssql.azure-firewall", Owner.DATABASE),
    40914: ("mssql.azure-firewall", Owner.DATABASE),
    50000: ("mssql.server-error", Owner.DATABASE),
}
REMEDIES = {
    18456: "Correct the password",
    18452: "SQL Server and Windows",
    18470: "Unlock the account",
    18486: "Unlock the account",
    18487: "Set a new password",
    18488: "Set a new password",
    4060: "Create a user for the login",
    17892: "Change the trigger",
    17142: "normal operation",
    17809: "user connections",
    17810: "ordinary port",
    40615: "firewall rule",
}


@pytest.mark.parametrize("number", list(mssql.REFUSALS))
def test_refusals(number: int) -> None:
    report, server = logged_in(Server(refusal=mssql.REFUSALS[number]), database="hr")
    code, owner = REFUSED[number]
    verdict = Verdict.UNDECIDED if code == "mssql.server-error" else Verdict.BLOCKED
    expect(report, verdict, code, step=Step.LOGIN, owner=owner)
    assert report.finding is not None
    assert REMEDIES.get(number, "") in report.finding.cause.remedy
    assert f"error {number}" in report.finding.detail
    assert (report.facts["error_code"], report.facts["server_name"]) == (number, "SQL1")
    assert server.counts["logins"] == report.footprint.login_attempts == 1
    assert len(server.connections) == 1, "pytds would sleep on some of them, and come again"
    assert server.offences == {}


def test_every_refusal_has_its_row() -> None:
    assert set(REFUSED) == set(mssql.REFUSALS)


def test_fixes_are_made_of_what_is_known() -> None:
    report, _ = logged_in(Server(refusal=mssql.REFUSALS[4060]), database="hr]x")
    fix = "USE [hr]]x]; CREATE USER [er] FOR LOGIN [er]; ALTER ROLE db_datareader ADD MEMBER [er];"
    expect(report, Verdict.BLOCKED, "mssql.database-not-opened", fix=fix)
    report, _ = logged_in(Server(refusal=mssql.REFUSALS[40615]))
    expect(report, Verdict.BLOCKED, "mssql.azure-firewall", fix="'198.51.100.7', '198.51.100.7'")
    report, _ = logged_in(Server(refusal=mssql.REFUSALS[40914]))
    expect(report, Verdict.BLOCKED, "mssql.azure-firewall")
    assert finding_of(report).fix is None, "a rule of the virtual network, not one for an address"


@pytest.mark.parametrize(
    ("number", "code"), [(17835, "tls.required"), (47072, "tls.version"), (17147, "mssql.not-accepting")]
)
def test_what_only_numbers_tell(number: int, code: str) -> None:
    report, _ = logged_in(Server(refusal=mssql.refusing((number, "in some language"))))
    expect(report, Verdict.BLOCKED, code, step=rung_of(finding_of(report).cause, Step.LOGIN))


@pytest.mark.parametrize("number", [10929, 40197, 40501, 40613, 42109, 49918, 49919, 49920])
def test_an_error_that_asks_for_a_retry_is_undecided(number: int) -> None:
    """Azure SQL sends them while it moves, wakes or protects a database; 18456 or 4060 may follow."""
    busy = (number, "The service is not available now. Please retry the connection later.")
    for errors in ((busy,), (busy, mssql.LOGIN_FAILED), (*NOT_OPENED, busy)):
        report, _ = logged_in(Server(refusal=mssql.refusing(*errors)), database="hr")
        expect(report, Verdict.UNDECIDED, "mssql.server-error", step=Step.LOGIN, owner=Owner.DATABASE)
        assert f"(error {number}" in finding_of(report).detail
        assert "run the check again later" in finding_of(report).cause.remedy


#: The errors that follow when the database of a login was not opened, for any reason.
NOT_OPENED = ((4060, 'Cannot open database "hr" requested by the login. The login failed.'), mssql.LOGIN_FAILED)


@pytest.mark.parametrize("behind", [NOT_OPENED, NOT_OPENED[1:]], ids=["4060 and 18456 behind", "18456 behind"])
@pytest.mark.parametrize(
    ("number", "text", "code"),
    [
        (924, "Database 'hr' is already open and can only have one user at a time.", "mssql.database-offline"),
        (926, "Database 'hr' cannot be opened. It has been marked SUSPECT by recovery.", "mssql.database-offline"),
        (927, "Database 'hr' cannot be opened. It is in the middle of a restore.", "mssql.database-offline"),
        (942, "Database 'hr' cannot be opened because it is offline.", "mssql.database-offline"),
        (945, "Database 'hr' cannot be opened due to inaccessible files.", "mssql.database-offline"),
        (976, "The target database, 'hr', is participating in an availability group.", "mssql.replica-not-readable"),
    ],
)
def test_the_state_of_the_database_is_the_reason_not_what_follows(
    number: int, text: str, code: str, behind: tuple[tuple[int, str], ...]
) -> None:
    report, server = logged_in(Server(refusal=mssql.refusing((number, text), *behind)), database="hr")
    expect(report, Verdict.BLOCKED, code, step=Step.LOGIN, owner=Owner.DATABASE)
    found = finding_of(report)
    assert text in found.detail
    assert found.fix is None, "an account does not bring a database online"
    assert server.counts["logins"] == 1


@pytest.mark.parametrize("order", [1, -1], ids=["before 18456", "behind it"])
def test_an_unknown_error_beside_18456_refuses_nobody(order: int) -> None:
    """Gateways first report the problem, then send the error that ends every refused login."""
    errors = [(49999, "The endpoint of this server is being moved."), mssql.LOGIN_FAILED][::order]
    report, _ = logged_in(Server(refusal=mssql.refusing(*errors)))
    expect(report, Verdict.UNDECIDED, "mssql.server-error", step=Step.LOGIN, owner=Owner.DATABASE)
    assert "being moved. (error 49999" in finding_of(report).detail
    assert "Login failed for user 'er'. (error 18456" in finding_of(report).detail
    assert [one.owner for one in finding_of(report).cause.also] == [Owner.IDENTITY]


@pytest.mark.parametrize(
    ("state", "verdict", "code"),
    [
        (1, Verdict.BLOCKED, "login.refused"),
        (8, Verdict.BLOCKED, "login.refused"),
        (18, Verdict.BLOCKED, "login.expired"),
        (38, Verdict.BLOCKED, "mssql.database-not-opened"),
        (58, Verdict.BLOCKED, "mssql.windows-only"),
        (11, Verdict.UNDECIDED, "mssql.server-error"),  # a valid login, and no access to the server
        (132, Verdict.UNDECIDED, "mssql.server-error"),
        (113, Verdict.UNDECIDED, "mssql.server-error"),
        (255, Verdict.UNDECIDED, "mssql.server-error"),
    ],
)
def test_a_state_of_18456_says_whether_it_is_the_password(state: int, verdict: Verdict, code: str) -> None:
    refusal = mssql.error(18456, "Login failed for user 'er'.", state) + mssql.DONE_ERROR
    report, server = logged_in(Server(refusal=refusal))
    expect(report, verdict, code, step=Step.LOGIN)
    assert f"(error 18456, state {state})" in finding_of(report).detail
    assert server.counts["logins"] == 1


@pytest.mark.parametrize("product", ["Azure Active Directory", "Microsoft Entra", "Microsoft Entra-"])
@pytest.mark.parametrize("state", [1, 200])
def test_a_server_of_entra_accounts_refuses_no_password(product: str, state: int) -> None:
    words = f"Login failed for user 'er'. Reason: {product} only authentication is enabled.".replace("- ", "-")
    refusal = mssql.error(18456, words, state) + mssql.DONE_ERROR
    report, _ = logged_in(Server(refusal=refusal))
    expect(report, Verdict.BLOCKED, "mssql.entra-only", step=Step.LOGIN, owner=Owner.DATABASE)
    assert finding_of(report).cause.scope is Scope.TARGET, "the account may be right elsewhere"


def test_an_unknown_error_beside_a_telling_one_is_told() -> None:
    errors = ((49999, "The replica of this region is not ready."), *NOT_OPENED)
    report, _ = logged_in(Server(refusal=mssql.refusing(*errors)), database="hr")
    expect(report, Verdict.BLOCKED, "mssql.database-not-opened", step=Step.LOGIN)
    assert "also: The replica of this region is not ready. (error 49999" in finding_of(report).detail


def test_a_refusal_without_an_error() -> None:
    report, _ = logged_in(Server(refusal=mssql.DONE_ERROR))
    expect(report, Verdict.UNDECIDED, "mssql.server-error", step=Step.LOGIN)


def test_a_wrong_password_is_tried_once_in_a_run() -> None:
    wrong = account("er", "nope")

    async def run(*ports: int) -> list[Report]:
        targets = [target("mssql", "127.0.0.1", port, wrong) for port in ports]
        return [report async for report in verify_all(targets, Settings(canary=False))]

    with in_background(Server()) as first, in_background(Server()) as second:
        reports = asyncio.run(run(first.port, second.port))
        assert first.counts["logins"] + second.counts["logins"] == 1
    assert sorted(str(report.cause and report.cause.code) for report in reports) == ["login.refused", "login.withheld"]
    assert "error log has the true state" in next(
        report.finding.detail for report in reports if report.finding and report.verdict is Verdict.BLOCKED
    )


class TestWindowsAccounts:
    def test_one_logs_in_by_ntlm(self) -> None:
        report, heard, server = on_the_way(Server(), WINDOWS, database="hr")
        expect(report, Verdict.SCANNABLE)
        assert server.counts["logins"] == server.counts["ntlm-logins"] == 1
        assert not any(shape in heard for shape in disguises("Passw0rd!"))

    def test_its_password_never_travels_so_nothing_is_withheld(self) -> None:
        report, heard, server = on_the_way(Server("none"), WINDOWS, database="hr")
        expect(report, Verdict.SCANNABLE)
        assert server.offences == {}
        assert not any(shape in heard for shape in disguises("Passw0rd!"))

    def test_an_untrusted_one_counts_as_refused(self) -> None:
        """The directory may have counted it."""
        report, _ = asked(Server(refusal=mssql.REFUSALS[18452]), WINDOWS)
        expect(report, Verdict.BLOCKED, "login.refused", owner=Owner.IDENTITY)

    def test_without_pyspnego(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "spnego", None)
        report, server = asked(Server(), WINDOWS)
        expect(report, Verdict.UNDECIDED, "agent.driver-missing", step=Step.LOGIN)
        assert server.counts["logins"] == report.footprint.login_attempts == 0


def test_without_the_driver_everything_else_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pytds", None)
    report, server = logged_in(Server())
    expect(report, Verdict.UNDECIDED, "agent.driver-missing", step=Step.LOGIN, owner=Owner.AGENT)
    passed(report, Step.TLS, Step.AUTH)
    assert server.counts["logins"] == report.footprint.login_attempts == 0


@pytest.mark.parametrize(
    ("password", "options"),
    [("x" * 129, {}), ("\N{GRINNING FACE}", {}), ("fine", {"database": "d" * 129})],
)
def test_what_a_login_cannot_carry_is_not_sent(password: str, options: dict[str, Any]) -> None:
    report, server = asked(Server(), account("er", password), **options)
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.LOGIN)
    assert password not in str(report)
    assert server.counts["logins"] == 0


def test_a_credential_without_a_password() -> None:
    report, server = asked(Server(), account("er", None))
    expect(report, Verdict.READY)
    assert server.counts["logins"] == report.footprint.login_attempts == 0


HOSTILE = {
    ("silent", "login"): (Verdict.UNDECIDED, "login.too-slow"),
    ("drips", "login"): (Verdict.UNDECIDED, "login.too-slow"),
    ("closes", "login"): (Verdict.BLOCKED, "mssql.login-broken-off"),
    ("resets", "login"): (Verdict.BLOCKED, "mssql.login-broken-off"),
    ("absurd-length", "login"): (Verdict.UNDECIDED, "scanready.limit"),
    ("too-short", "login"): (Verdict.UNDECIDED, "scanready.limit"),
    ("endless", "login"): (Verdict.UNDECIDED, "scanready.limit"),
    ("garbage", "login"): (Verdict.UNDECIDED, "scanready.limit"),
    ("http", "login"): (Verdict.UNDECIDED, "scanready.limit"),
    ("silent", "query"): (Verdict.UNDECIDED, "scanready.out-of-time"),
    ("drips", "query"): (Verdict.UNDECIDED, "scanready.out-of-time"),
    ("closes", "query"): (Verdict.UNDECIDED, "access.broken-off"),
    ("resets", "query"): (Verdict.UNDECIDED, "access.broken-off"),
    ("too-short", "query"): (Verdict.UNDECIDED, "scanready.limit"),
    ("endless", "query"): (Verdict.UNDECIDED, "scanready.limit"),
    ("garbage", "query"): (Verdict.UNDECIDED, "scanready.limit"),
}


@pytest.mark.parametrize(("what", "stage"), list(HOSTILE))
def test_hostile_servers(what: str, stage: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The deadline holds, and whatever becomes of the login it goes out once: pytds would try up to four times."""
    report, server = logged_in(mssql.MENU[f"{what}-at-{stage}"], timeout=WAIT, database="hr")
    verdict, code = HOSTILE[what, stage]
    expect(report, verdict, code, step=Step.LOGIN if stage == "login" else Step.ACCESS)
    assert server.counts["logins"] == report.footprint.login_attempts == 1
    assert len(server.connections) == 1
    assert logins_end()
    assert capfd.readouterr().err == "", "no library speaks for us"


def test_a_silent_server_costs_no_more_than_the_time_given() -> None:
    report, server = logged_in(Server(fault=Fault("login", misbehave.silent)), timeout=WAIT)
    assert report.seconds > WAIT * 0.8
    expect(report, Verdict.UNDECIDED, "login.too-slow", step=Step.LOGIN)
    assert server.counts["logins"] == 1
    assert logins_end()


def test_an_unanswered_login_is_not_repeated_at_that_host() -> None:
    silent = Server(fault=Fault("login", misbehave.silent))

    async def run(*ports: int) -> list[Report]:
        targets = [target("mssql", "127.0.0.1", port, ER) for port in ports]
        return [report async for report in verify_all(targets, Settings(canary=False, timeout=WAIT, per_host=1))]

    with in_background(silent) as first, in_background(silent) as second:
        reports = asyncio.run(run(first.port, second.port))
        assert first.counts["logins"] + second.counts["logins"] == 1
    assert {str(report.cause and report.cause.code) for report in reports} == {"login.too-slow", "login.withheld"}


class TestSentOn:
    """ENVCHANGE 20: Azure's redirection. The server named gets a PRELOGIN, never the password."""

    def test_who_answers_there_is_told(self) -> None:
        with in_background(Server()) as elsewhere:
            extra = mssql.routing("127.0.0.1", elsewhere.port)
            report, server = logged_in(Server(extra=extra))
            elsewhere.wait()
            assert elsewhere.counts == {"prelogins": 1}
        expect(report, Verdict.UNDECIDED, "mssql.sent-on", step=Step.ACCESS, owner=Owner.OPERATOR)
        assert server.counts == {"prelogins": 1, "logins": 1}
        assert f"127.0.0.1:{elsewhere.port}" in story(report)

    def test_who_is_not_reached_blocks(self) -> None:
        report, _ = logged_in(Server(extra=mssql.routing("127.0.0.1", 1999)))
        expect(report, Verdict.BLOCKED, "connect.refused", step=Step.CONNECT)
        passed(report, Step.LOGIN)

    def test_a_name_that_this_agent_does_not_resolve_is_told(self) -> None:
        report, server = logged_in(Server(extra=mssql.routing("node7.invalid", 11001)))
        expect(report, Verdict.UNDECIDED, "mssql.sent-on", step=Step.ACCESS, owner=Owner.OPERATOR)
        assert "redirects the session to node7.invalid:11001; this agent does not resolve" in finding_of(report).detail
        passed(report, Step.LOGIN)
        assert server.counts["logins"] == 1

    def test_a_port_of_another_protocol_is_left_alone(self) -> None:
        report, _ = logged_in(Server(extra=mssql.routing("127.0.0.1", 22)))
        expect(report, Verdict.UNDECIDED, "mssql.sent-on", step=Step.ACCESS)


def reading(**other: bytes) -> Server:
    """A server whose answers differ from the usual ones."""
    answers = {words: other.get(name, mssql.HR[words]) for name, words in WORDS.items()}
    return Server(answers=answers, databases=("master", "hr", "archive"))


WORDS = {"databases": "sys.databases", "tables": "sys.tables", "row": "TOP 1 *"}
NONE = mssql.rows(["name", "reachable", "state"])


class TestReading:
    @pytest.mark.parametrize(
        ("table", "asked_for"),
        [
            ("employees", "[hr]..[employees]"),
            ("dbo.employees", "[hr].[dbo].[employees]"),
            ("hr.dbo.employees", "[hr].[dbo].[employees]"),
            ("[hr].[d.b]]o].[x y]", "[hr].[d.b]]o].[x y]"),
            ("hr..employees", "[hr]..[employees]"),
        ],
    )
    def test_a_table_that_is_named(self, table: str, asked_for: str) -> None:
        databases = mssql.HR["sys.databases"]
        only = Server(answers={"sys.databases": databases, f"FROM {asked_for})": mssql.rows(["found"], [0])})
        report, _ = logged_in(only, database="hr", table=table)
        expect(report, Verdict.SCANNABLE)
        assert f"no rows of {asked_for}" in check_of(report, Step.ACCESS).summary

    def test_a_name_that_is_none(self) -> None:
        report, _ = logged_in(reading(), database="hr", table="a.b.c.d")
        expect(report, Verdict.BLOCKED, "access.not-found")

    def test_select_denied(self) -> None:
        denied = mssql.error(229, "The SELECT permission was denied on the object 'employees'.") + mssql.DONE_ERROR
        report, _ = logged_in(reading(row=denied), database="hr")
        fix = "USE [hr]; GRANT SELECT ON [dbo].[employees] TO [er];"
        expect(report, Verdict.LIMITED, "access.denied", step=Step.ACCESS, owner=Owner.DATABASE, fix=fix)

    @pytest.mark.parametrize(
        ("number", "verdict", "code"),
        [
            (208, Verdict.BLOCKED, "access.not-found"),
            (911, Verdict.BLOCKED, "access.not-found"),
            (916, Verdict.LIMITED, "access.denied"),
            (942, Verdict.BLOCKED, "mssql.database-offline"),
            (976, Verdict.BLOCKED, "mssql.replica-not-readable"),
            (1222, Verdict.UNDECIDED, "mssql.table-locked"),
            (8180, Verdict.UNDECIDED, "mssql.read-failed"),
            (40501, Verdict.UNDECIDED, "mssql.server-error"),
        ],
    )
    def test_errors(self, number: int, verdict: Verdict, code: str) -> None:
        answer = mssql.error(number, "whatever it says", severity=16) + mssql.DONE_ERROR
        report, server = logged_in(reading(row=answer), table="hr.dbo.employees")
        expect(report, verdict, code, step=Step.ACCESS)
        assert report.facts["error_code"] == number
        assert server.offences == {}

    @pytest.mark.parametrize("question", ["databases", "tables"])
    @pytest.mark.parametrize("number", [40197, 40501, 49918, 10928])
    def test_a_server_that_is_busy_is_not_scanreadys_limit(self, number: int, question: str) -> None:
        answer = mssql.error(number, "whatever it says", severity=16) + mssql.DONE_ERROR
        report, _ = logged_in(reading(**{question: answer}))
        expect(report, Verdict.UNDECIDED, "mssql.server-error", step=Step.ACCESS, owner=Owner.DATABASE)

    def test_an_unknown_error_about_a_table_that_nobody_named_is_undecided(self) -> None:
        answer = mssql.error(8180, "whatever it says", severity=16) + mssql.DONE_ERROR
        expect(logged_in(reading(row=answer), database="hr")[0], Verdict.UNDECIDED, "mssql.read-failed")

    def test_no_table_is_to_be_seen(self) -> None:
        report, _ = logged_in(reading(tables=mssql.rows(["schema", "name"])), database="hr")
        expect(report, Verdict.LIMITED, "access.denied", fix="ALTER ROLE db_datareader ADD MEMBER [er]")
        report, _ = logged_in(reading(tables=mssql.rows(["schema", "name"])))
        expect(report, Verdict.LIMITED, "access.denied", fix="USE [hr]; CREATE USER")

    @pytest.mark.parametrize("database", [{}, {"database": "hr"}], ids=["none named", "hr"])
    @pytest.mark.parametrize(
        ("allowed", "verdict", "code"),
        [
            (mssql.rows(["allowed"], [1]), Verdict.SCANNABLE, None),
            (mssql.rows(["allowed"], [0]), Verdict.LIMITED, "access.denied"),
            (mssql.rows(["allowed"], [None]), Verdict.LIMITED, "access.denied"),
            (mssql.error(195, "not a recognized function") + mssql.DONE_ERROR, Verdict.LIMITED, "access.denied"),
        ],
        ids=["may read all of it", "may not", "does not say", "an old server"],
    )
    def test_a_database_without_tables_is_no_refusal(
        self, allowed: bytes, verdict: Verdict, code: str | None, database: dict[str, str]
    ) -> None:
        answers = mssql.HR | {"sys.tables": mssql.rows(["schema", "name"]), "HAS_PERMS_BY_NAME(N'hr'": allowed}
        report, _ = logged_in(Server(answers=answers, databases=("master", "hr")), **database)
        expect(report, verdict, code, step=Step.ACCESS if code else None)

    def test_a_login_without_a_user_anywhere(self) -> None:
        closed = mssql.rows(["name", "reachable", "state"], ["archive", 0, "ONLINE"], ["hr", 0, "OFFLINE"])
        report, _ = logged_in(reading(databases=closed))
        expect(report, Verdict.LIMITED, "access.denied", fix="USE [archive]; CREATE USER")
        assert "archive, hr" in check_of(report, Step.ACCESS).summary

    def test_all_databases_offline(self) -> None:
        offline = mssql.rows(["name", "reachable", "state"], ["hr", 0, "RESTORING"])
        report, _ = logged_in(reading(databases=offline))
        expect(report, Verdict.BLOCKED, "mssql.database-offline", step=Step.ACCESS, owner=Owner.DATABASE)

    def test_nothing_but_the_systems_own(self) -> None:
        expect(logged_in(reading(databases=NONE))[0], Verdict.LIMITED, "access.denied")

    def test_a_flood_is_cut_short(self) -> None:
        """Six MiB of long values, in honest packets."""
        row = b"\xd1\xfe\xff" + b"x" * 0xFFFE + b"\xff\xff\xff\xff"
        flood = NONE[: NONE.index(b"\xfd\x10")] + row * 90
        report, _ = logged_in(reading(databases=flood), timeout=PLENTY)
        expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.ACCESS)

    def test_another_case_of_the_same_name_costs_a_statement(self) -> None:
        """pytds then says USE by itself."""
        server = Server(databases=("hr",), answers=mssql.HR)
        report, _ = logged_in(server, database="hr")
        expect(report, Verdict.SCANNABLE)


def test_a_login_leaves_no_stream_to_the_cycle_collector() -> None:
    """pytds is a knot of cycles; what it held of ours is let go before it is collected."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        logged_in(Server(), database="hr")
        gc.collect()
        assert not [one for one in gc.garbage if isinstance(one, (Stream, Probe, Check))]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def test_the_canary_does_not_log_in() -> None:
    """A login that was accepted is its own proof."""
    with in_background(Server()) as server:
        expect(climb(target("mssql", "127.0.0.1", server.port, ER)), Verdict.SCANNABLE)
        assert server.counts["logins"] == 1


@pytest.mark.parametrize(("days", "words"), [(0, "0 hours"), (1, "24 hours"), (3, "3 days"), (7, ""), (None, "")])
def test_a_password_that_expires_soon_limits(days: int | None, words: str) -> None:
    """LOGINPROPERTY tells whole days; NULL is a login without a policy, or a Windows account."""
    behaviour = Server(answers={**mssql.HR, "DaysUntilExpiration": mssql.rows(["days"], [days])})
    report, _ = logged_in(behaviour, database="hr")
    expect(report, Verdict.LIMITED if words else Verdict.SCANNABLE, "login.expires-soon" if words else None)
    if words:
        assert finding_of(report).detail == f"the password expires in {words}"
    passed(report, Step.ACCESS)
