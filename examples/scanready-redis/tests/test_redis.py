"""Redis against a scripted server. scanready's own tests do the same against a real one."""

from __future__ import annotations

import itertools
import re

import pytest

from scanready.model import Credential, Outcome, Step
from scanready.testing import CheckedReport, FakeTarget, Scanready
from scanready.wire import Buffer, WireError
from scanready_redis import resp

PING = b"*1\r\n$4\r\nPING\r\n"
QUIT = b"*1\r\n$4\r\nQUIT\r\n"
HELLO = b"*1\r\n$5\r\nHELLO\r\n"
SELECT_3 = b"*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"
DBSIZE = b"*1\r\n$6\r\nDBSIZE\r\n"
NOAUTH = b"-NOAUTH Authentication required.\r\n"
VERSION = b"*4\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n"
AUTH_SCAN = re.compile(rb"\*3\r\n\$4\r\nAUTH\r\n\$4\r\nscan\r\n\$8\r\nPassw\d{3}\r\n")
AUTH_DEFAULT = re.compile(rb"\*2\r\n\$4\r\nAUTH\r\n\$8\r\nPassw\d{3}\r\n")


_NUMBERS = itertools.count()


def account(username: str) -> Credential:
    """An account of its own for each test: a refused one is withheld at this host for the rest of the session."""
    number = next(_NUMBERS)
    return Credential(f"cache-{number}", username, f"Passw{number:03}")


def outcome_of(report: CheckedReport, step: Step) -> Outcome:
    return next(check.outcome for check in report.checks if check.step is step)


def prompt(fake: FakeTarget) -> FakeTarget:
    return fake.expect(PING).send(NOAUTH)


def leave(fake: FakeTarget) -> FakeTarget:
    return fake.expect(QUIT).send(b"+OK\r\n").close()


def test_the_login_prompt(scanready: Scanready, fake_target: FakeTarget) -> None:
    leave(prompt(fake_target))
    report = scanready(fake_target.url("redis"))
    report.assert_ready()
    assert report.facts["auth_methods"] == ["password"]
    fake_target.assert_followed()


def test_an_open_server_is_read_from(scanready: Scanready, fake_target: FakeTarget) -> None:
    fake_target.expect(PING).send(b"+PONG\r\n").expect(HELLO).send(VERSION)
    leave(fake_target.expect(SELECT_3).send(b"+OK\r\n").expect(DBSIZE).drip(b":42\r\n"))
    report = scanready(fake_target.url("redis", "/3"))
    report.assert_scannable()
    assert report.facts["version"] == "7.0.15"
    assert outcome_of(report, Step.LOGIN) is Outcome.SKIPPED
    fake_target.assert_followed()


def test_protected_mode(scanready: Scanready, fake_target: FakeTarget) -> None:
    fake_target.expect(PING).send(b"-DENIED Redis is running in protected mode because ...\r\n").close()
    report = scanready(fake_target.url("redis")).assert_blocked("redis.protected-mode")
    assert report.finding is not None
    assert "CONFIG SET requirepass" in (report.finding.fix or "")


@pytest.mark.parametrize(("user", "auth"), [("scan", AUTH_SCAN), ("default", AUTH_DEFAULT)])
def test_a_login(scanready: Scanready, fake_target: FakeTarget, user: str, auth: re.Pattern[bytes]) -> None:
    prompt(fake_target).expect(auth).send(b"+OK\r\n").expect(HELLO).send(b"-ERR unknown command `HELLO`\r\n")
    leave(fake_target.expect(SELECT_3).send(b"+OK\r\n").expect(DBSIZE).send(b":0\r\n"))
    report = scanready(fake_target.target("redis", account(user), database=3, allow_cleartext=True))
    report.assert_scannable()
    assert report.footprint.login_attempts == 1
    fake_target.assert_followed()


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (b"-WRONGPASS invalid username-password pair or user is disabled.\r\n", "login.refused"),
        (b"-ERR invalid password\r\n", "login.refused"),
        (b"-ERR AUTH <password> called without any password configured for ...\r\n", "redis.no-password-set"),
        (b"-ERR wrong number of arguments for 'auth' command\r\n", "redis.no-users"),
    ],
)
def test_a_login_that_fails(scanready: Scanready, fake_target: FakeTarget, reply: bytes, code: str) -> None:
    leave(prompt(fake_target).expect(AUTH_SCAN).send(reply))
    report = scanready(fake_target.target("redis", account("scan"), allow_cleartext=True)).assert_blocked(code)
    assert report.footprint.login_attempts == 1
    fake_target.assert_followed()


def test_a_password_does_not_travel_in_clear(scanready: Scanready, fake_target: FakeTarget) -> None:
    leave(prompt(fake_target))
    report = scanready(fake_target.target("redis", account("scan"))).assert_undecided("login.withheld")
    assert report.footprint.login_attempts == 0
    fake_target.assert_followed()
    assert b"Passw" not in fake_target.received


@pytest.mark.parametrize(
    ("select", "size", "code"),
    [
        (b"-ERR DB index is out of range\r\n", b"", "access.not-found"),
        (b"+OK\r\n", b"-NOPERM this user has no permissions to run the 'dbsize' command\r\n", "access.denied"),
    ],
)
def test_what_the_account_may_not_read(
    scanready: Scanready, fake_target: FakeTarget, select: bytes, size: bytes, code: str
) -> None:
    prompt(fake_target).expect(AUTH_SCAN).send(b"+OK\r\n").expect(HELLO).send(VERSION)
    fake_target.expect(SELECT_3).send(select)
    leave(fake_target.expect(DBSIZE).send(size) if size else fake_target)
    report = scanready(fake_target.target("redis", account("scan"), database=3, allow_cleartext=True))
    assert report.finding
    assert report.finding.cause.code == code
    fake_target.assert_followed()


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "handshake.other-protocol"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "handshake.other-protocol"),
        (b"$-1\r\n", "handshake.malformed"),
        (b":" + b"9" * 5000, "handshake.malformed"),
    ],
)
def test_another_server(scanready: Scanready, fake_target: FakeTarget, reply: bytes, code: str) -> None:
    fake_target.expect(PING).send(reply).close()
    scanready(fake_target.url("redis")).assert_blocked(code)


def test_a_server_that_loads_its_data(scanready: Scanready, fake_target: FakeTarget) -> None:
    leave(fake_target.expect(PING).send(b"-LOADING Redis is loading the dataset in memory\r\n"))
    scanready(fake_target.url("redis")).assert_undecided("redis.error")


# The codec: whole replies, replies in pieces, and replies that no server may send.

REPLIES: tuple[tuple[bytes, resp.Reply], ...] = (
    (b"+OK\r\n", "OK"),
    (b"-NOPERM no\r\n", resp.Failed("NOPERM", "NOPERM no")),
    (b":-7\r\n", -7),
    (b"$5\r\nre\r\ns\r\n", "re\r\ns"),
    (b"$-1\r\n", None),
    (b"*-1\r\n", None),
    (b"*3\r\n:1\r\n*1\r\n+a\r\n$0\r\n\r\n", [1, ["a"], ""]),
)


@pytest.mark.parametrize(("data", "reply"), REPLIES)
def test_a_reply_is_read_whole_and_in_pieces(data: bytes, reply: resp.Reply) -> None:
    buffer = Buffer()
    for byte in data[:-1]:
        buffer.feed(bytes([byte]))
        assert resp.read_reply(buffer) is None
    buffer.feed(data[-1:] + b"next")
    assert resp.read_reply(buffer) == (reply,)
    assert buffer.everything() == b"next"


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\n",
        b":x\r\n",
        b"$3\r\nabcd\r\n",
        b"$99999999\r\n",
        b"$-2\r\n",
        b"*257\r\n",
        b"*1\r\n" * 5,
        b"+" + b"x" * 5000,
        (b"*4\r\n" + b"$16384\r\n" + b"x" * 16384 + b"\r\n") * 4 + b"$16384\r\n" + b"x" * 8000,
    ],
)
def test_what_is_no_reply_is_an_error(data: bytes) -> None:
    with pytest.raises(WireError):
        resp.read_reply(Buffer(data))
