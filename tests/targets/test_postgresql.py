"""PostgreSQL without a server: what the lab cannot make one say, and that nothing we do offends the emulated one."""

from __future__ import annotations

import struct

import pytest

from fixtures.emulators import Behaviour, in_background, misbehave, postgresql, ssh
from scanready.model import Credential, Owner, Report, Step, Verdict
from tests.climb import account, check_of, climb, expect, target

# By hand: AuthenticationGSS (PostgreSQL documentation, "Message Formats": R, length 8, code 7).
AUTH_GSS = b"R" + struct.pack(">II", 8, 7)
# By hand after PgBouncer's source (client.c, "no such database"): severity, SQLSTATE and message alone.
POOLER = b"SFATAL\0C08P01\0Mno such database: hr\0\0"
POOLER_REFUSES = b"E" + struct.pack(">I", len(POOLER) + 4) + POOLER


def asked(behaviour: Behaviour, credential: Credential | None = None, **options: object) -> Report:
    with in_background(behaviour) as server:
        report = climb(target("postgresql", "127.0.0.1", server.port, credential, **options))
        assert not server.offences
    return report


@pytest.mark.parametrize("behaviour", [postgresql.sasl, postgresql.sasl_in_tls, postgresql.md5, postgresql.cleartext])
def test_a_prompt_is_ready(behaviour: Behaviour) -> None:
    expect(asked(behaviour), Verdict.READY)


def test_another_method_than_a_password() -> None:
    gss = postgresql.server(AUTH_GSS)
    expect(asked(gss), Verdict.UNDECIDED, "postgresql.method-not-password", step=Step.AUTH)
    report = asked(gss, account("er"))
    fix = "hostssl postgres er 127.0.0.1/32 scram-sha-256"
    expect(report, Verdict.BLOCKED, "postgresql.method-not-password", step=Step.AUTH, owner=Owner.DATABASE, fix=fix)
    assert report.facts["auth_methods"] == ["gss"]


def test_shutting_down_is_the_servers_state_whoever_asks() -> None:
    report = asked(postgresql.shutting_down)
    expect(report, Verdict.BLOCKED, "postgresql.not-accepting", step=Step.AUTH, owner=Owner.DATABASE)


def test_a_pooler_that_does_not_know_the_database() -> None:
    pooler = postgresql.server(POOLER_REFUSES)
    expect(asked(pooler), Verdict.UNDECIDED, "postgresql.session-refused")
    report = asked(pooler, account("er"), database="hr")
    expect(report, Verdict.BLOCKED, "postgresql.session-refused", step=Step.AUTH, owner=Owner.DATABASE)
    assert "no such database" in check_of(report, Step.AUTH).summary


def test_a_wrong_password() -> None:
    with in_background(postgresql.sasl_in_tls) as server:
        report = climb(target("postgresql", "127.0.0.1", server.port, account("er", "wrong"), database="hr"))
        assert server.counts["logins"] == 1
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert "wrong" not in str(report)


def test_ssh_on_the_port_is_named() -> None:
    report = asked(misbehave.says(ssh.BANNER_9_2))
    expect(report, Verdict.BLOCKED, "handshake.other-protocol", owner=Owner.OPERATOR)
    assert "SSH" in check_of(report, Step.TLS).summary
