"""oracledb takes the emulated listener for one: its refusals, its redirects, its sessions, and a row of one."""

from __future__ import annotations

from typing import Any

import oracledb
import pytest

from fixtures.emulators import Behaviour, in_background, misbehave, oracle, oracle_session
from scanready.targets.oracle import login
from tests.in_process import in_process
from tests.ladder import account


def said_of(behaviour: Behaviour, service: str = "ORCL") -> str:
    with in_background(behaviour) as server:
        where: dict[str, Any] = {"host": "127.0.0.1", "port": server.port, "service_name": service}
        with pytest.raises(oracledb.Error) as caught:
            oracledb.connect(user="er", password="x", tcp_connect_timeout=3, retry_count=0, **where)
    return str(caught.value)


def test_a_session_up_to_a_row() -> None:
    with in_background(oracle.healthy) as server:
        where: dict[str, Any] = {"host": "127.0.0.1", "port": server.port, "service_name": "ORCL"}
        session = oracledb.connect(user="er", password="Passw0rd!", tcp_connect_timeout=3, **where)
        with session, session.cursor() as cursor:
            assert session.version == "19.19.0.0.0"
            cursor.execute("SELECT 1 FROM all_tables WHERE ROWNUM = 1")
            assert cursor.fetchall() == [(1,)]
        server.wait()
    assert (server.offences, server.counts["logoffs"]) == ({}, 1)


def test_a_wrong_password_and_other_refusals() -> None:
    with in_background(oracle.healthy) as server:
        where: dict[str, Any] = {"host": "127.0.0.1", "port": server.port, "service_name": "ORCL"}
        with pytest.raises(oracledb.Error, match="ORA-01017"):
            oracledb.connect(user="er", password="wrong", tcp_connect_timeout=3, **where)
    for number in (28000, 28001, 1045, 1033, 28040):
        refusals = {oracle_session.AUTH_TWO: oracle_session.complaint(number, "no")}
        assert f"ORA-{number:05}" in said_of(oracle.listener(refusals=refusals))


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
        where = login.Where("127.0.0.1", server.port, "ORCL", None, None, encrypted=False)
        with pytest.raises(TimeoutError):
            in_process(login.visit, where, account("er", "x"), seconds=1.0, kill=2.0)
