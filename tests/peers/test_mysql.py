"""`mysql` at a MariaDB that numbers an error in its greeting's place 1, as 10.3.24 to 10.4 do, replayed byte by byte.

Debian has no such release: its own MariaDB numbers it 0 again. The client of MariaDB judges the same bytes.
"""

from __future__ import annotations

import pytest

from fixtures.lab import hostile_peer
from fixtures.lab.lab import Lab
from fixtures.lab.misbehave import Misbehaving
from scanready.model import Owner, Step, Verdict
from tests.ladder import account, climb, expect, story, target
from tests.peers.running import says


def numbered(number: int, code: int, text: str) -> str:
    """The packet of an error in the greeting's place, in hexadecimal: no SQLSTATE, as before a greeting."""
    payload = b"\xff" + code.to_bytes(2, "little") + text.encode()
    return (len(payload).to_bytes(3, "little") + bytes([number]) + payload).hex()


#: The texts are MariaDB's; that of 1130 was captured in the lab (hostile_peer.BANNERS).
NOT_ALLOWED = "Host 'agent.lab' is not allowed to connect to this MariaDB server"
BLOCKED = "Host 'agent.lab' is blocked because of many connection errors; unblock with 'mariadb-admin flush-hosts'"
TOO_MANY = "Too many connections"


def replaying(lab: Lab, number: int, code: int, text: str) -> Misbehaving:
    return lab.alone(
        f"mariadb-{code}-{number}",
        lambda host, own: Misbehaving(host, own, "banner-close", 3306, numbered(number, code, text)),
    )


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize(
    ("code", "text", "cause", "fix"),
    [
        (1130, NOT_ALLOWED, "mysql.host-not-allowed", "agent.lab"),
        (1129, BLOCKED, "mysql.host-blocked", "FLUSH HOSTS"),
        (1040, TOO_MANY, "mysql.too-many-connections", None),
    ],
    ids=["1130", "1129", "1040"],
)
def test_an_error_in_the_greetings_place(
    lab: Lab, number: int, code: int, text: str, cause: str, fix: str | None
) -> None:
    server = replaying(lab, number, code, text)
    report = climb(target("mysql", server.hostname, credential=account("scan")), lab.agent)
    expect(report, Verdict.BLOCKED, cause, step=Step.HANDSHAKE, owner=Owner.DATABASE, fix=fix)
    assert report.footprint.connections == 1, story(report)
    assert report.footprint.login_attempts == 0
    got, printed = says(
        lab, "mariadb", "--no-defaults", "--skip-ssl", "-h", server.hostname, "-u", "scan", "-e", "SELECT 1"
    )
    assert not got
    assert f"ERROR {code}" in printed


def test_the_bytes_are_the_captured_ones_but_for_the_number() -> None:
    captured = hostile_peer.BANNERS["mysql-1130"]
    text = captured[7:].decode()
    assert numbered(0, 1130, text) == captured.hex()
