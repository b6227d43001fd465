"""DB2 without a DB2: every refusal of the protocol, and that no password crosses in clear unless it may."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

import pytest

from fixtures.emulators import Behaviour, db2, in_background, misbehave, ssh
from fixtures.emulators.certificates import authority
from scanready.causes import common
from scanready.model import Credential, Outcome, Owner, Report, Step, Verdict
from scanready.net.allowed import limited_to
from scanready.targets.db2 import causes
from scanready.targets.db2 import login as driver
from scanready.wire import drda
from tests.ladder import PLENTY, WAIT, account, check_of, climb, expect, passed, story, target
from tests.played_driver import PlayedDriver, without_driver

USER = account(db2.USER, db2.PASSWORD)


def asked(behaviour: Behaviour, credential: Credential | None = None, tls: bool = False, **options: Any) -> Report:
    seconds = float(options.pop("timeout", PLENTY))
    with in_background(behaviour, tls=authority().context() if tls else None) as server:
        return climb(target("db2", "127.0.0.1", server.port, credential, **options), timeout=seconds)


def test_the_prompt_is_ready_and_says_which_product() -> None:
    report = expect(asked(db2.db2, database="SAMPLE"), Verdict.READY)
    assert report.facts["product"] == "Db2 for Linux, UNIX and Windows"
    assert report.facts["version"] == "11.05.8"
    assert report.facts["server_name"] == "db2inst1"
    assert report.facts["auth_methods"] == ["user and password", "encrypted user and password"]
    assert report.footprint.login_attempts == 0


def test_without_a_database_it_is_told_that_any_instance_answers_so() -> None:
    report = expect(asked(db2.db2), Verdict.READY)
    assert "another instance on this host would give the same answer" in check_of(report, Step.AUTH).summary


def test_a_login_in_clear_is_withheld_and_no_password_is_sent() -> None:
    with in_background(db2.server(mechanisms=(3,))) as server:
        report = climb(target("db2", "127.0.0.1", server.port, USER, database="SAMPLE"))
        server.wait(len(server.connections))
        sent = b"".join(record.received for record in server.connections)
        assert server.counts["logins"] == 0
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN, owner=Owner.OPERATOR)
    assert db2.PASSWORD.encode("cp500") not in sent
    assert db2.PASSWORD.encode() not in sent
    assert report.footprint.login_attempts == 0


def test_with_the_operators_leave_it_is_scannable() -> None:
    with in_background(db2.db2) as server:
        report = climb(target("db2", "127.0.0.1", server.port, USER, database="SAMPLE", allow_cleartext=True))
        assert server.counts["logins"] == 1
    expect(report, Verdict.SCANNABLE)
    assert "one row of SYSCAT.TABLES" in check_of(report, Step.ACCESS).summary
    assert report.footprint.login_attempts == 1


def test_a_port_for_tls_only_is_scannable_without_leave() -> None:
    report = expect(asked(db2.db2, USER, tls=True, database="SAMPLE"), Verdict.SCANNABLE)
    passed(report, Step.TLS, Step.HANDSHAKE)
    assert report.footprint.connections == 2


@pytest.mark.parametrize(
    ("code", "cause", "owner"),
    [
        (0x0E, "login.expired", Owner.IDENTITY),
        (0x0F, "login.refused", Owner.IDENTITY),
        (0x10, "login.refused", Owner.IDENTITY),
        (0x12, "login.refused", Owner.IDENTITY),
        (0x13, "login.refused", Owner.IDENTITY),
        (0x14, "login.locked", Owner.IDENTITY),
        (0x01, "db2.security-failed", Owner.DATABASE),
        (0x16, "db2.security-failed", Owner.DATABASE),
    ],
)
def test_refused_logins(code: int, cause: str, owner: Owner) -> None:
    report = asked(db2.server(check=code), USER, tls=True, database="SAMPLE")
    verdict = Verdict.UNDECIDED if cause == "db2.security-failed" else Verdict.BLOCKED
    expect(report, verdict, cause, step=Step.LOGIN, owner=owner)


def test_a_wrong_password() -> None:
    report = asked(db2.db2, account(db2.USER, "wrong"), tls=True, database="SAMPLE")
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert "wrong" not in str(report.checks[-1].facts)


def test_no_database_named() -> None:
    report = asked(db2.db2, USER, tls=True)
    expect(report, Verdict.UNDECIDED, "db2.database-not-named", step=Step.LOGIN, owner=Owner.OPERATOR)
    assert report.footprint.login_attempts == 0


def test_a_database_that_is_not_here() -> None:
    at_the_prompt = asked(db2.server(instead_of_prompt=db2.NOT_FOUND), database="NOSUCH")
    expect(at_the_prompt, Verdict.BLOCKED, "db2.database-unknown", step=Step.AUTH, owner=Owner.OPERATOR)
    after_the_login = asked(db2.server(database=db2.NOT_FOUND), USER, tls=True, database="NOSUCH")
    expect(after_the_login, Verdict.BLOCKED, "db2.database-unknown", step=Step.ACCESS, owner=Owner.OPERATOR)


def test_what_the_account_may_not() -> None:
    report = asked(db2.server(database=db2.NO_CONNECT), USER, tls=True, database="SAMPLE")
    fix = 'GRANT CONNECT ON DATABASE TO USER "ER";'
    expect(report, Verdict.LIMITED, "db2.connect-denied", step=Step.ACCESS, owner=Owner.DATABASE, fix=fix)
    report = asked(db2.server(row=db2.DENIED), USER, tls=True, database="SAMPLE")
    expect(report, Verdict.LIMITED, "access.denied", step=Step.ACCESS, owner=Owner.DATABASE)
    report = asked(db2.server(row=db2.NO_PACKAGE), USER, tls=True, database="SAMPLE")
    expect(report, Verdict.LIMITED, "db2.packages-not-bound", step=Step.ACCESS, owner=Owner.DATABASE)


@pytest.mark.parametrize(
    ("refusal", "cause"),
    [
        (db2.EXHAUSTED, "db2.out-of-resources"),
        (db2.reply(0x1232, "000611490020"), "db2.out-of-resources"),
        (db2.reply(0x221A, "000611490008"), "db2.database-unavailable"),
    ],
)
def test_refusals_instead_of_a_prompt(refusal: bytes, cause: str) -> None:
    report = asked(db2.server(instead_of_prompt=refusal), database="SAMPLE")
    expect(report, Verdict.BLOCKED, cause, step=Step.AUTH, owner=Owner.DATABASE)


@pytest.mark.parametrize("codepoint", sorted(drda.REFUSALS))
def test_every_refusal_has_its_cause_in_place_of_a_prompt_and_of_a_database(codepoint: int) -> None:
    """A refusal of scanready's request does not show how the server treats the scanner's: undecided."""
    cause = causes.REPLIES.get(codepoint, causes.REFUSED_REQUEST)
    verdict = Verdict.BLOCKED if cause.definite else Verdict.UNDECIDED
    refusal = db2.reply(codepoint, "000611490008")
    report = asked(db2.server(instead_of_prompt=refusal), database="SAMPLE")
    expect(report, verdict, cause.code, step=Step.AUTH, owner=cause.of_database or cause.owner)
    assert drda.REFUSALS[codepoint][0] in check_of(report, Step.AUTH).summary
    report = asked(db2.server(database=refusal), USER, tls=True, database="SAMPLE")
    verdict = Verdict.LIMITED if cause is causes.CANNOT_CONNECT else verdict
    expect(report, verdict, cause.code, step=Step.ACCESS, owner=cause.of_database or cause.owner)


@pytest.mark.parametrize("number", sorted(causes.SQL_CODES))
def test_every_sql_code_has_its_cause(number: int) -> None:
    cause = causes.SQL_CODES[number]
    refused = db2.reply(0x2203, "000611490008")[:3] + b"\x42" + db2.reply(0x2203, "000611490008")[4:]
    answer = refused + db2.sql_card(number, "00000", b"what it says")
    report = asked(db2.server(database=answer), USER, tls=True, database="SAMPLE")
    limits = (common.ACCESS_DENIED, causes.CANNOT_CONNECT, causes.NOT_BOUND)
    verdict = Verdict.LIMITED if cause in limits else Verdict.BLOCKED if cause.definite else Verdict.UNDECIDED
    expect(report, verdict, cause.code, step=Step.ACCESS, owner=cause.of_database or cause.owner)
    assert f"SQLCODE {number}" in check_of(report, Step.ACCESS).summary


@pytest.mark.parametrize("codepoint", [0x2204, 0x221A], ids=["RDBNACRM", "RDBAFLRM"])
@pytest.mark.parametrize("number", [-99999, -1224, -922, -4499, -30082, -1032])
def test_the_sql_code_beside_a_general_reply_decides(number: int, codepoint: int) -> None:
    """The reply only says that the database was not accessed; an unknown reason is not a database that is down."""
    general = db2.reply(codepoint, "000611490008")
    card = db2.sql_card(number, "08001", b"what it says")
    report = asked(db2.server(database=general[:3] + b"\x42" + general[4:] + card), USER, tls=True, database="SAMPLE")
    cause = causes.SQL_CODES.get(number, causes.REFUSED_REQUEST)
    verdict = Verdict.BLOCKED if number == -1032 else Verdict.UNDECIDED
    expect(report, verdict, cause.code, step=Step.ACCESS, owner=Owner.DATABASE)
    assert f"SQLCODE {number}" in check_of(report, Step.ACCESS).summary


@pytest.mark.parametrize("mechanisms", [(5,), (0xA,), (0xE,), (5, 0xA, 0xB)])
def test_a_change_of_the_password_is_no_login(mechanisms: tuple[int, ...]) -> None:
    report = asked(db2.server(mechanisms=mechanisms), database="SAMPLE")
    expect(report, Verdict.BLOCKED, "db2.no-password-login", step=Step.AUTH, owner=Owner.DATABASE)
    expect(asked(db2.server(mechanisms=(*mechanisms, 9)), database="SAMPLE"), Verdict.READY)


def test_kerberos_alone() -> None:
    report = asked(db2.server(mechanisms=(0xB,)))
    expect(report, Verdict.BLOCKED, "db2.no-password-login", step=Step.AUTH, owner=Owner.DATABASE)


@pytest.mark.parametrize("mechanisms", [(3, 9), (9,)])
@pytest.mark.parametrize("tls", [False, True])
def test_an_encrypted_password_needs_tls_or_leave(mechanisms: tuple[int, ...], tls: bool) -> None:
    leave = {} if tls else {"allow_cleartext": True}
    with in_background(db2.server(mechanisms=mechanisms), tls=authority().context() if tls else None) as server:
        report = climb(target("db2", "127.0.0.1", server.port, USER, database="SAMPLE", **leave))
        expect(report, Verdict.SCANNABLE)
        if not tls:
            sent = b"".join(record.received for record in server.connections)
            assert db2.PASSWORD.encode("cp500") not in sent
    report = asked(db2.server(mechanisms=mechanisms), account("er", "wrong"), tls, database="SAMPLE", **leave)
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN)


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("002411dc" + "00" * 32, "scanready.limit"),  # with 0 everybody knows the key
        ("004411dc" + "5a" * 64, "agent.driver-missing"),  # a longer one, of AES
        ("", "agent.driver-missing"),
    ],
)
def test_key_exchanges_that_are_not_ours(token: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    without_driver(monkeypatch, "ibm_db_dbi")
    report = asked(db2.server(mechanisms=(9,), token=token), USER, database="SAMPLE", allow_cleartext=True)
    assert report.verdict is not Verdict.SCANNABLE
    assert report.finding is not None
    assert report.finding.cause.code == code, story(report)
    assert report.footprint.login_attempts == 0


def test_other_encryptions_need_the_vendors_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    without_driver(monkeypatch, "ibm_db_dbi")
    assert asked(db2.server(mechanisms=(7,))).verdict is Verdict.READY
    report = asked(db2.server(mechanisms=(7,)), USER, database="SAMPLE", allow_cleartext=True)
    expect(report, Verdict.UNDECIDED, "agent.driver-missing", step=Step.LOGIN)
    assert report.footprint.login_attempts == 0
    report = asked(db2.server(mechanisms=(7,)), account("er", "semi;colon"), database="SAMPLE", allow_cleartext=True)
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.LOGIN)


#: IBM's driver, played: it sends an empty SECCHK, and raises the test's error, at the login or the query. The opt-in
#: tier asks the real one.
DRIVER = """
import _socket, contextlib, os, struct
class Error(Exception): pass
Warning = Error
class Session:
    def cursor(self): return self
    def execute(self, statement):
        if os.environ["PLAYED_READING"]: raise Error(os.environ["PLAYED_READING"])
    def fetchone(self): return (1,)
    def close(self): pass
def connect(settings):
    told = dict(one.split("=", 1) for one in settings.split(";") if one)
    assert told["AUTHENTICATION"] == "SERVER_ENCRYPT", settings
    with contextlib.closing(_socket.socket()) as server:  # of the system, as a library in C has it
        server.connect((told["HOSTNAME"], int(told["PORT"])))
        server.sendall(struct.pack(">HBBHHH", 10, 0xD0, 1, 1, 4, 0x106E))
        assert server.recv(10)
    if os.environ["PLAYED_LOGIN"]: raise Error(os.environ["PLAYED_LOGIN"])
    return Session()
"""

Played = Callable[..., Report]


@pytest.fixture(scope="module")
def driver_module(tmp_path_factory: pytest.TempPathFactory) -> PlayedDriver:
    """The module in the place of IBM's."""
    return PlayedDriver(tmp_path_factory.mktemp("ibm"), "ibm_db_dbi", DRIVER)


@pytest.fixture
def played(driver_module: PlayedDriver, monkeypatch: pytest.MonkeyPatch) -> Played:
    """Climb where the server takes passwords only as IBM's driver sends them, and the driver says that."""

    def play(login: str = "", reading: str = "") -> Report:
        words = {"login": login and f"[IBM][CLI Driver] {login}", "reading": reading and f"[IBM][CLI Driver] {reading}"}
        driver_module.play(monkeypatch, **words)
        return asked(db2.server(mechanisms=(7,), check=0), USER, database="SAMPLE", allow_cleartext=True)

    return play


def test_with_the_vendors_driver_it_is_scannable(played: Played) -> None:
    report = expect(played(), Verdict.SCANNABLE)
    assert (report.footprint.login_attempts, report.footprint.connections) == (1, 2)


def test_an_agent_with_a_limit_leaves_the_vendors_driver_alone(played: Played) -> None:
    """It dials by itself, and may follow the server elsewhere."""
    with limited_to([ipaddress.ip_network("127.0.0.0/8")]):
        report = expect(played(), Verdict.UNDECIDED, "agent.not-allowed", step=Step.LOGIN)
    assert report.footprint.login_attempts == 0


#: The driver's messages at the login with a reason of SQL30082N or an SQL number; cause and owner.
AT_THE_LOGIN = [
    ('SQL30082N  Security processing failed with reason "1" ("PASSWORD EXPIRED")', "login.expired", Owner.IDENTITY),
    ('SQL30082N  Security processing failed with reason "3" ("PASSWORD MISSING")', "login.refused", Owner.IDENTITY),
    ('SQL30082N  Security processing failed with reason "5" ("USERID MISSING")', "login.refused", Owner.IDENTITY),
    ('SQL30082N  Security processing failed with reason "19" ("USERID DISABLED")', "login.locked", Owner.IDENTITY),
    ('SQL30082N  Security processing failed with reason "24" ("PASSWORD INVALID")', "login.refused", Owner.IDENTITY),
    ('SQL30082N  Security processing failed with reason "36" ("REVOKED")', "login.locked", Owner.IDENTITY),
    ('SQL30082N  Security processing failed with reason "17" ("UNSUPPORTED")', "scanready.limit", Owner.SCANREADY),
    ("SQL30082N  Security processing failed with reason 36", "scanready.limit", Owner.SCANREADY),
    ('SQL30082N  Security ... reason "26" ("UNEXPECTED SERVER ERROR")', "db2.security-failed", Owner.DATABASE),
    ("SQL30082N  Security processing failed", "db2.security-failed", Owner.DATABASE),
    ("SQL30061N  The database alias or name was not found", "db2.database-unknown", Owner.OPERATOR),
    ("SQL1013N  The database alias name could not be found", "db2.database-unknown", Owner.OPERATOR),
    ("SQL1035N  The database is currently in use", "db2.database-unavailable", Owner.DATABASE),
    ("SQL20157N  The instance or database is quiesced", "db2.database-unavailable", Owner.DATABASE),
    ("SQL1015N  The database is in an inconsistent state", "db2.database-unavailable", Owner.DATABASE),
    ("SQL1032N  No start database manager command was issued", "db2.database-unavailable", Owner.DATABASE),
    ("SQL1116N  A connection cannot be made: BACKUP PENDING", "db2.database-unavailable", Owner.DATABASE),
    ("SQL1117N  A connection cannot be made: ROLL-FORWARD PENDING", "db2.database-unavailable", Owner.DATABASE),
    ("SQL1119N  A connection cannot be made: a restore is incomplete", "db2.database-unavailable", Owner.DATABASE),
    ("SQL1776N  The command cannot be issued on an HADR database", "db2.database-unavailable", Owner.DATABASE),
    ("SQL1040N  The maximum number of applications", "db2.out-of-resources", Owner.DATABASE),
    ("SQL1226N  The maximum number of coordinating agents", "db2.out-of-resources", Owner.DATABASE),
    ("SQL30081N  A communication error has been detected", "scanready.limit", Owner.SCANREADY),
    ('SQL30081N  A communication error ... "selectForRecvTimeout".', "scanready.out-of-time", None),
    ("SQL0104N  An unexpected token", "scanready.limit", Owner.SCANREADY),
    ("It says something of its own.", "scanready.limit", Owner.SCANREADY),
]
#: And where the password was right: what the account may not limits.
AT_THE_QUERY = [
    ("SQL1060N  ER does not have the CONNECT privilege", "db2.connect-denied", Owner.DATABASE),
    ("SQL30060N  ER does not have the privilege to connect", "db2.connect-denied", Owner.DATABASE),
    ("SQL0551N  ER does not have the privilege", "access.denied", Owner.DATABASE),
    ("SQL0552N  ER does not have the privilege", "access.denied", Owner.DATABASE),
    ("SQL0805N  Package NULLID.SYSSH200 was not found", "db2.packages-not-bound", Owner.DATABASE),
]


@pytest.mark.parametrize(("text", "code", "owner"), AT_THE_LOGIN)
def test_what_the_vendors_driver_says_at_the_login(text: str, code: str, owner: Owner | None, played: Played) -> None:
    report = played(login=text)
    verdict = Verdict.UNDECIDED if code.startswith(("scanready.", "db2.security-")) else Verdict.BLOCKED
    expect(report, verdict, code, step=Step.LOGIN, owner=owner)
    assert report.footprint.login_attempts == 1


@pytest.mark.parametrize("where", ["login", "reading"])
@pytest.mark.parametrize(("text", "code", "owner"), AT_THE_QUERY)
def test_what_the_vendors_driver_may_not_read(text: str, code: str, owner: Owner, where: str, played: Played) -> None:
    report = played(**{where: text})
    expect(report, Verdict.LIMITED, code, step=Step.ACCESS, owner=owner)
    passed(report, Step.LOGIN)


def test_no_number_of_the_vendors_driver_is_left_out() -> None:
    messages = [text for text, *_ in AT_THE_LOGIN + AT_THE_QUERY]
    numbers = {int(found[1]) for text in messages if (found := driver._CODE.search(text))}
    assert {-code for code in causes.SQL_CODES} <= numbers
    reasons = {int(found[1]) for text in messages if (found := driver._REASON.search(text))}
    assert set(driver._REASONS) <= reasons
    for text, code, *_ in AT_THE_LOGIN + AT_THE_QUERY:
        assert driver.translate(text).cause.code == code
    assert driver.translate("").cause.code == "scanready.limit"


def test_a_closed_port_leads_to_a_look_at_the_tls_port() -> None:
    beside_it = in_background(db2.db2, host="127.0.0.78", tls=authority().context())
    with beside_it as beside, pytest.MonkeyPatch.context() as patch:
        patch.setattr("scanready.targets.db2.verify.TLS_PORT", beside.port)
        report = climb(target("db2", "127.0.0.78"))
    expect(report, Verdict.BLOCKED, "connect.refused", step=Step.CONNECT)
    assert report.facts["suggested_port"] == beside.port
    assert f"port {beside.port} speaks TLS" in story(report)


@pytest.mark.parametrize("attributes", [db2.DERBY_ATTRIBUTES, db2.INFORMIX_ATTRIBUTES])
def test_relatives_are_not_db2(attributes: bytes) -> None:
    report = asked(db2.server(attributes))
    expect(report, Verdict.BLOCKED, "db2.other-product", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
    passed(report, Step.AUTH)  # the rest of the ladder is shown


def test_another_protocol() -> None:
    report = asked(misbehave.says(ssh.BANNER_9_2))
    expect(report, Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
    assert report.footprint.connections == 1, "nobody is asked for TLS who has said what it is"


def test_who_hangs_up_on_both_is_asked_twice_and_no_more() -> None:
    report = asked(misbehave.closes_at_once)
    expect(report, Verdict.BLOCKED, "handshake.hung-up", step=Step.HANDSHAKE)
    assert check_of(report, Step.TLS).outcome is Outcome.SKIPPED, story(report)
    assert report.footprint.connections == 2


@pytest.mark.parametrize("silent_at", [db2.EXCSAT, db2.SECCHK, db2.ACCRDB])
def test_silence_ends_with_the_deadline(silent_at: int) -> None:
    report = asked(db2.server(silent_at=silent_at), USER, database="SAMPLE", allow_cleartext=True, timeout=WAIT)
    assert report.verdict in (Verdict.BLOCKED, Verdict.UNDECIDED), story(report)
