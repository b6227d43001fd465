"""A TLS handshake that begins and does not end is no other protocol, and silence in it is tls.too-slow."""

from __future__ import annotations

import asyncio
import importlib
from contextlib import ExitStack
from types import ModuleType
from typing import Any

import pytest

from fixtures.emulators import (
    Behaviour,
    Reader,
    Record,
    Server,
    Writer,
    imap,
    in_background,
    mssql,
    mssql_tls,
    mysql,
    postgresql,
)
from fixtures.emulators.certificates import authority
from scanready.climb.placing import rung_of
from scanready.model import Report, Step, Verdict
from scanready.run.engine import verify_all
from scanready.run.settings import Settings
from tests.clouds import joining
from tests.hostile.stalling_tls import WAYS, from_the_first_byte, secure
from tests.ladder import WAIT, climb, expect, story, target
from tests.targets.changing_certificates import Certificates
from tests.targets.test_login_certificates import LOGINS, SCAN
from tests.websites import moved, site

#: Seconds: a shorter wait than 1.6 is never called silence.
TIMEOUT = WAIT


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    """Load the libraries beforehand: on a busy machine the first time takes more than a target has."""
    for name in ("requests", "exchangelib", "imapclient", "oracledb", "psycopg"):
        importlib.import_module(name)


#: The finding for each way to stall in TLS from the first byte, and after a talk in clear that led to TLS.
EXPECTED = {
    way: (Verdict.UNDECIDED, "tls.too-slow") if end == "silent" else (Verdict.BLOCKED, "tls.failed")
    for way, (_, end) in WAYS.items()
} | {"alert": (Verdict.BLOCKED, "tls.no-common-cipher")}
FROM_THE_FIRST_BYTE = EXPECTED | {"silence after the hello": (Verdict.BLOCKED, "handshake.silent")}

#: Types that begin in TLS, or learn from a server's alert that they must.
DIRECT: dict[str, dict[str, Any]] = {
    "https": {},
    "ews": {},
    "imaps": {},
    "console": {},
    "update": {"on_master": True},
    "informix": {"tls": True},
    "sybase": {"tls": True},
    "oracle": {},
    "db2": {},
    "mssql": {},
}
#: Types that ask for TLS in clear: the emulator, and its module with the function that begins TLS.
CONSENTED: dict[str, tuple[Behaviour, ModuleType]] = {
    "imap": (imap.dovecot, imap),
    "postgresql": (postgresql.sasl_in_tls, postgresql),
    "mysql": (mysql.mariadb_10_11, mysql),
    "mssql": (mssql.Server(), mssql_tls),
}


def reports_of(type_: str, servers: dict[str, Server], **options: Any) -> dict[str, Report]:
    """Climb to all servers at once; return the reports by the servers' names."""
    targets = {way: target(type_, "127.0.0.1", server.port, **options) for way, server in servers.items()}

    async def run() -> dict[int, Report]:
        settings = Settings(timeout=TIMEOUT, canary=False, per_host=100, ca_file=str(authority().ca_file))
        return {report.target.port: report async for report in verify_all(list(targets.values()), settings)}

    found = asyncio.run(run())
    return {way: found[where.port] for way, where in targets.items()}


def assert_all(reports: dict[str, Report], expected: dict[str, tuple[Verdict, str]]) -> None:
    for way, report in reports.items():
        assert report.finding is not None, way
        assert (way, report.verdict, report.finding.cause.code) == (way, *expected[way]), report.finding
        assert report.finding_step is rung_of(report.finding.cause, Step.ACCESS)
        assert report.seconds < TIMEOUT * 2, "begun anew"


@pytest.mark.parametrize("type_", DIRECT)
def test_in_tls_from_the_first_byte(type_: str) -> None:
    with ExitStack() as stack:
        servers = {way: stack.enter_context(in_background(from_the_first_byte(way))) for way in WAYS}
        reports = reports_of(type_, servers, **DIRECT[type_])
    expected = FROM_THE_FIRST_BYTE
    if type_ == "mssql":  # an alert in TLS says that the port has no TDS 8.0 either
        expected = expected | {"alert": (Verdict.BLOCKED, "handshake.other-protocol")}
    assert_all(reports, expected)


@pytest.mark.parametrize("type_", CONSENTED)
def test_after_the_server_consented_to_it(type_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    behaviour, module = CONSENTED[type_]
    ways: dict[int, str] = {}  # by the connection

    async def stalled(reader: Reader, writer: Writer, record: Record, *_: Any) -> Any:
        await secure(ways[id(record)])(reader, writer, record)

    def stalling(way: str) -> Behaviour:
        async def server(reader: Reader, writer: Writer, record: Record) -> None:
            ways[id(record)] = way
            await behaviour(reader, writer, record)

        return server

    monkeypatch.setattr(module, "secure", stalled)
    with ExitStack() as stack:
        servers = {way: stack.enter_context(in_background(stalling(way))) for way in WAYS}
        reports = reports_of(type_, servers)
    assert_all(reports, EXPECTED)


@pytest.mark.parametrize("way", ["silence after the server's hello", "end after the server's hello", "alert"])
def test_behind_a_proxy(way: str) -> None:
    verdict, code = EXPECTED[way]
    with in_background(from_the_first_byte(way)) as server, in_background(joining(server)) as proxy:
        through = f"127.0.0.1:{proxy.port}"
        for where in (
            target("https", "intranet.example", proxy=through),
            target("ews", "mail.example", proxy=through),
            target("cloud", "s3", proxy=through, region="eu-west-1"),
        ):
            report = climb(where, timeout=TIMEOUT, canary=False)
            assert (where.type, report.verdict, report.cause and report.cause.code) == (where.type, verdict, code)
            assert report.finding_step is Step.TLS


@pytest.mark.parametrize("way", ["silence after the server's hello", "end after the server's hello"])
def test_where_a_redirect_leads(way: str) -> None:
    verdict, code = EXPECTED[way]
    with in_background(from_the_first_byte(way)) as server:
        pages = {"/": moved(f"https://127.0.0.1:{server.port}/")}
        with in_background(site(pages)) as plain:
            report = climb(target("http", "127.0.0.1", plain.port), timeout=TIMEOUT, canary=False)
    expect(report, verdict, code, step=Step.TLS)


@pytest.mark.parametrize("way", ["silence after the server's hello", "end after the server's hello"])
@pytest.mark.parametrize(
    "name", ["requests, basic", "exchangelib, ntlm", "imapclient", "oracledb", "informix-driver", "psycopg, md5"]
)
def test_a_login_whose_own_handshake_does_not_end_says_nothing_of_the_target(
    name: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check has finished one before."""
    login, shown = LOGINS[name], Certificates("good")
    later: list[Record] = []

    async def once(reader: Reader, writer: Writer, record: Record, *_: Any) -> Any:
        if not shown.met:
            return await shown.secure(reader, writer, record)
        later.append(record)
        return await secure(way)(reader, writer, record)

    async def around(reader: Reader, writer: Writer, record: Record) -> None:
        reader, writer = await once(reader, writer, record)
        await login.behaviour(reader, writer, record)

    if login.module:
        monkeypatch.setattr(login.module, "secure", once)
    with in_background(login.behaviour if login.module else around) as server:
        where = target(login.type, "127.0.0.1", server.port, SCAN, **login.options)
        report = climb(where, timeout=TIMEOUT, canary=False, ca_file=str(authority().ca_file))
    assert report.verdict is Verdict.UNDECIDED, story(report)
    assert report.cause is not None
    assert report.cause.code in (
        "scanready.out-of-time",
        "scanready.limit",
        "imap.backend-unavailable",
        "login.too-slow",
        "tls.too-slow",
    ), story(report)
    assert len(later) == 1, "the login is not repeated"


@pytest.mark.parametrize("way", ["silence after the server's hello", "end after the server's hello", "alert"])
def test_who_comes_next_to_the_port_asks_it_as_well(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The TLS of a server that was asked for it is no sign that its port speaks TLS in place of its protocol."""
    monkeypatch.setattr(imap, "secure", secure(way))
    with in_background(imap.dovecot) as server:
        targets = [target("imap", "127.0.0.1", server.port, folder=folder) for folder in ("INBOX", "Sent")]

        async def both() -> list[Report]:
            return [report async for report in verify_all(targets, Settings(timeout=TIMEOUT, canary=False))]

        reports = asyncio.run(both())
    assert [report.cause and report.cause.code for report in reports] == [EXPECTED[way][1]] * 2
    assert len(server.connections) == 2
