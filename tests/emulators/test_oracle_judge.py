"""oracledb reads the emulated listener as we do: its refusals, its redirects, its sessions that it cannot speak."""

from __future__ import annotations

import time
from typing import Any

import oracledb
import pytest

from fixtures.emulators import Behaviour, in_background, misbehave, oracle
from scanready.logins import killable


def said_of(behaviour: Behaviour, service: str = "ORCL") -> str:
    with in_background(behaviour) as server:
        where: dict[str, Any] = {"host": "127.0.0.1", "port": server.port, "service_name": service}
        with pytest.raises(oracledb.Error) as caught:
            oracledb.connect(user="er", password="x", tcp_connect_timeout=3, retry_count=0, **where)
    return str(caught.value)


@pytest.mark.parametrize("number", [12505, 12516, 12518, 12519, 12520, 12526, 12528, 12529, 12541, 12547])
def test_refusals(number: int) -> None:
    assert str(number) in said_of(oracle.listener(oracle.refuse(number)))


def test_a_service_that_is_not_known() -> None:
    assert "DPY-6001" in said_of(oracle.healthy, "nosuch")


def test_a_redirect() -> None:
    with in_background(oracle.listener(oracle.refuse(12519))) as there:
        assert "12519" in said_of(oracle.listener(oracle.redirect("127.0.0.1", there.port)))
        assert there.counts["connects"] == 1


def test_a_resend() -> None:
    assert "12519" in said_of(oracle.listener([oracle.RESEND, oracle.refuse(12519)]))


def test_sessions_it_cannot_speak() -> None:
    assert "DPY-3010" in said_of(oracle.listener(oracle.OLD))
    assert "DPY-3001" in said_of(oracle.listener(oracle.ENCRYPTED))


def test_it_waits_past_its_time_out_and_is_killed() -> None:
    """Left alone it was still waiting after 75 s (measured)."""
    with in_background(misbehave.silent) as server:
        where = {"host": "127.0.0.1", "port": server.port, "service": "ORCL", "sid": None, "table": None}
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            killable.run(
                "oracle:log_in", {**where, "encrypted": False, "user": "er", "password": "x", "seconds": 1.0}, 2.0
            )
        assert time.monotonic() - begun < 3
