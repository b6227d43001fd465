"""Run the commands with which a report confirms a cause in a shell of the agent: their output shows the cause."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from fixtures.lab.lab import Lab
from fixtures.limits import HANG
from scanready.model import Target
from scanready.report.filled import fill
from tests.ladder import account, climb, story, target

ER = account("er")

Where = Callable[[Lab], Target]


def site(name: str, type_: str = "https") -> Where:
    return lambda lab: target(type_, lab.nginx().site(name).hostname)


def typed(lab: Lab, line: str) -> str:
    """Run a line in a shell of the agent and return its output."""

    def run() -> str:
        done = subprocess.run(
            line, shell=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG, check=False
        )
        return done.stdout + done.stderr

    return lab.agent.run(run)


@pytest.mark.parametrize(
    ("where", "code", "shows"),
    [
        (site("expired"), "tls.expired", "notAfter="),
        (site("wrong-name"), "tls.name-mismatch", "DNS:other.example"),
        (site("self-signed"), "tls.untrusted", "Verify return code: 18"),
        (site("no-intermediate"), "tls.untrusted", "Verify return code: 21"),
        (site("old-tls"), "tls.version", "unsupported protocol"),
        (lambda lab: target("https", lab.nginx().site("good").address6), "tls.name-mismatch", "DNS:good.web.lab"),
        (
            lambda lab: target("https", lab.apache().site("client-certificate").address),
            "tls.client-certificate",
            "CA names",
        ),
        (site("forbidden", "http"), "http.forbidden", "HTTP/1.1 403"),
        (lambda lab: target("http", lab.nginx().site("forbidden").address6), "http.forbidden", "HTTP/1.1 403"),
        (site("empty", "http"), "http.empty", "Content-Length: 0"),
        (site("unavailable", "http"), "http.unavailable", "HTTP/1.1 503"),
        (site("redirect-to-https", "http"), "http.redirects-elsewhere", "Location: https://good.web.lab/"),
        (site("redirect-loop", "http"), "http.redirect-broken", "Location: http://redirect-loop.web.lab/"),
        (
            lambda lab: target("imaps", lab.dovecot("starttls").address, 143),
            "tls.not-offered",
            "wrong version number",
        ),
        (
            lambda lab: target("imap", lab.dovecot("scram-only").hostname),
            "imap.no-password-login",
            "AUTH=SCRAM-SHA-256",
        ),
        (lambda lab: target("imaps", lab.dovecot("scram-only").hostname), "imap.no-password-login", "SCRAM-SHA-256"),
        (
            lambda lab: target("imap", lab.dovecot("no-passwords-in-clear").hostname),
            "imap.login-disabled",
            "LOGINDISABLED",
        ),
        (lambda lab: target("imap", lab.dovecot("starttls").address6), "tls.name-mismatch", "DNS:"),
        (
            lambda lab: target("postgresql", lab.postgresql("no-entry").hostname, None, ER, database="hr"),
            "postgresql.hba-rejected",
            'no pg_hba.conf entry for host "10.77.0.2", user "er", database "hr"',
        ),
        (
            lambda lab: target("postgresql", lab.postgresql("no-entry").address6, None, ER, database="hr"),
            "postgresql.hba-rejected",
            'user "er", database "hr"',
        ),
        (
            lambda lab: target("postgresql", lab.postgresql("ident").hostname, None, ER, database="hr"),
            "postgresql.method-not-password",
            'Ident authentication failed for user "er"',
        ),
        (
            lambda lab: target("postgresql", lab.postgresql("hostnossl-only").hostname, user="er", database="hr"),
            "postgresql.tls-refused",
            "SSL encryption",
        ),
    ],
)
def test_the_line_shows_the_cause(lab: Lab, where: Where, code: str, shows: str) -> None:
    there = where(lab)
    report = climb(there, lab.agent)
    assert report.cause is not None, story(report)
    assert report.cause.code == code, story(report)
    line = fill(report.cause.confirm, there).removeprefix("On the agent: ")
    assert shows in typed(lab, line), line
