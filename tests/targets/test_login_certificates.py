"""A login's own TLS connection is held to the certificate that was judged before it, whatever library makes it.

A server, or somebody on the way to it, shows the check a good certificate and the login another one.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from fixtures.emulators import (
    Behaviour,
    Reader,
    Record,
    Server,
    Writer,
    ews,
    imap,
    in_background,
    informix,
    mssql,
    oracle,
    postgresql,
)
from fixtures.emulators.certificates import authority
from scanready.model import Credential, Report, Step, Verdict
from tests.ladder import BY_NAME, TYPES, check_of, climb, expect, story, target
from tests.targets.changing_certificates import Certificates
from tests.targets.imap.imap_peers import mailbox
from tests.websites import BASIC, OK, answer, site

SCAN = Credential("svc-scan", "er", "Passw0rd!")


@dataclass(frozen=True)
class Login:
    """One library's login.

    Attributes:
        type: the target type.
        behaviour: the server, inside TLS; ``module`` has the function with which it begins TLS itself.
        outcome: what the climb says of the login where all is well: the cause, or "" if it is accepted.
        before: what a connection gets before its handshake.
        attempts: those that a login makes over the certificate that was judged.
    """

    type: str
    behaviour: Behaviour
    module: Any = None
    outcome: str = ""
    before: tuple[bytes, ...] = ()
    attempts: int = 0
    options: dict[str, Any] = field(default_factory=dict)


def _asking(scheme: str) -> Behaviour:
    return site({"/": answer("401 Unauthorized", f"WWW-Authenticate: {scheme}")})


async def _ntlm(reader: Reader, writer: Writer, record: Record) -> None:
    """Ask for NTLM, challenge who begins it, and refuse every proof."""
    challenge = b64encode(mssql.NTLM_CHALLENGE).decode()
    while head := await reader.readuntil(b"\r\n\r\n"):
        begun = b"Authorization: NTLM TlRMTVNTUAAB" in head
        writer.write(answer("401 Unauthorized", f"WWW-Authenticate: NTLM {challenge if begun else ''}".rstrip()))
        await writer.drain()


_IMAP = imap.server(imap.GREETING, imap.CAPABILITY, starttls=imap.STARTTLS_OK)
_SSL_REQUEST = b"\0\0\0\x08\x04\xd2\x16\x2f"


def _postgresql(prompt: bytes) -> Login:
    server = postgresql.server(prompt, tls=True)
    return Login("postgresql", server, postgresql, "login.refused", (_SSL_REQUEST,))


LOGINS: dict[str, Login] = {
    "requests, basic": Login("https", site({"/": BASIC}, {"/": OK})),
    "requests, digest": Login("https", _asking('Digest realm="r", nonce="n"'), outcome="login.refused"),
    "requests_ntlm": Login("https", _ntlm, outcome="login.refused"),
    "exchangelib, ntlm": Login("ews", ews.exchange),
    "exchangelib, basic": Login("ews", ews.Exchange(first=ews.prompt('Basic realm="r"')), outcome="ews.basic-preauth"),
    "imapclient": Login("imaps", mailbox()),
    "imapclient, STARTTLS": Login("imap", _IMAP, imap, "login.refused", (b"STARTTLS\r\n",)),
    "oracledb": Login("oracle", oracle.healthy, options={"service": "ORCL"}),
    "informix-driver": Login("informix", informix.informix, attempts=1, options={"server": "ol_hr", "tls": True}),
    "psycopg, password": _postgresql(postgresql.AUTH_CLEARTEXT),
    "psycopg, md5": _postgresql(postgresql.AUTH_MD5),
    "psycopg, scram": _postgresql(postgresql.AUTH_SASL),
    "psycopg, scram or bound scram": _postgresql(postgresql.AUTH_SASL_BOUND),
}

Climb = Callable[..., tuple[Report, Server, Certificates]]


@pytest.fixture
def against(monkeypatch: pytest.MonkeyPatch) -> Climb:
    """Climb against a login's server that shows these kinds of certificates in turn."""

    def run(
        login: Login, *kinds: str, trusted: bool = True, tap: Any = None, **options: Any
    ) -> tuple[Report, Server, Certificates]:
        shown = Certificates(*kinds)
        behaviour = login.behaviour if login.module else shown.around(login.behaviour)
        if login.module:
            monkeypatch.setattr(login.module, "secure", shown.secure)
        with in_background(behaviour) as server:
            where = target(login.type, "127.0.0.1", server.port, SCAN, **login.options, **options)
            ca_file = str(authority().ca_file) if trusted else None
            report = climb(where, canary=False, ca_file=ca_file, tap=tap)
            server.wait(len(server.connections))
        return report, server, shown

    return run


@pytest.mark.parametrize("name", LOGINS)
@pytest.mark.parametrize("later", ["self-signed", "wrong-name"])
def test_somebody_else_gets_nothing(name: str, later: str, against: Climb) -> None:
    login = LOGINS[name]
    report, _, shown = against(login, "good", later)
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.ACCESS if login.attempts else Step.LOGIN)
    assert report.finding is not None
    assert "another certificate" in report.finding.detail
    assert "allow_untrusted" in report.finding.detail
    assert report.footprint.login_attempts == login.attempts
    assert [kind for kind, _ in shown.met] == ["good", later], "the login is not repeated"
    (received,) = shown.received(later)
    assert b"".join(
        line.partition(b" ")[2] if login.type == "imap" else line for line in received.splitlines(True)
    ) in (
        *login.before,
        *([] if login.before else [b""]),
        *(b"CAPABILITY\r\n" + line for line in login.before),
    )


@pytest.mark.parametrize("name", LOGINS)
@pytest.mark.parametrize("later", ["good", "another", "expired"])
def test_balanced_servers_with_certificates_of_their_own_are_logged_in_to(
    name: str, later: str, against: Climb
) -> None:
    login = LOGINS[name]
    report, _, shown = against(login, "good", later)
    assert (report.cause.code if report.cause else "") == login.outcome, story(report)
    assert report.footprint.login_attempts == 1 + login.attempts
    assert later in [kind for kind, _ in shown.met[1:]]


@pytest.mark.parametrize("name", LOGINS)
def test_the_operator_may_permit_every_certificate(name: str, against: Climb) -> None:
    login = LOGINS[name]
    report, _, _ = against(login, "good", "self-signed", allow_untrusted=True)
    assert (report.cause.code if report.cause else "") == login.outcome, story(report)
    assert report.footprint.login_attempts == 1 + login.attempts


@pytest.mark.parametrize(
    "name", [name for name, one in LOGINS.items() if one.type not in ("https", "ews", "imaps", "imap")]
)
def test_a_database_may_go_on_with_the_certificate_it_has(name: str, against: Climb) -> None:
    """Usual clients of databases verify none, so its first one is a fact; what counts is that it stays the same."""
    login = LOGINS[name]
    report, _, _ = against(login, "self-signed", trusted=False)
    assert (report.cause.code if report.cause else "") == login.outcome, story(report)
    assert report.footprint.login_attempts == 1 + login.attempts
    assert "tls.untrusted" in check_of(report, Step.TLS).facts.get("certificate_faults", []) + [
        code for check in report.checks for code in check.facts.get("certificate_faults", [])
    ]


def test_every_type_that_logs_in_over_tls_has_the_option() -> None:
    types = {"http", *(login.type for login in LOGINS.values())}  # http may lead to https
    assert {row.name for row in TYPES if "allow_untrusted" in {option.name for option in row.options}} == types
    assert types <= set(BY_NAME)


@pytest.mark.parametrize(
    ("type_", "first", "later"),
    [
        ("postgresql", postgresql.sasl_in_tls, postgresql.cleartext),
        ("imap", imap.dovecot, imap.without_tls),
        ("imap", imap.dovecot, imap.starttls_refused),
    ],
)
def test_a_login_is_not_made_in_clear_where_the_check_was_in_tls(
    type_: str, first: Behaviour, later: Behaviour
) -> None:
    async def changing(reader: Reader, writer: Writer, record: Record) -> None:
        await (first if len(server.connections) == 1 else later)(reader, writer, record)

    with in_background(changing) as server:
        where = target(type_, "127.0.0.1", server.port, SCAN)
        report = climb(where, canary=False, ca_file=str(authority().ca_file))
        server.wait(2)
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN)
    assert report.footprint.login_attempts == 0
    assert not any(word in server.connections[1].received for word in (b"Passw0rd!", b"LOGIN", b"AUTHENTICATE"))


@pytest.mark.parametrize("name", [name for name in LOGINS if name.startswith("psycopg")])
def test_a_login_over_a_relay_is_in_no_transcript(name: str, against: Climb) -> None:
    """An answer to a challenge is enough to try passwords on."""
    tapped: list[bytes] = []
    report, server, _ = against(LOGINS[name], "good", tap=lambda _: lambda _, data: tapped.append(data))
    assert server.counts["logins"] == report.footprint.login_attempts == 1
    transcript = b"".join(tapped)
    assert transcript.count(b"user\0er\0") == 1, "of the two sessions that of the check"
    assert b"p\0\0\0" not in transcript, "no message with a password, or an answer"
