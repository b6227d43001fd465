"""informix-driver takes the emulated answers for what they are: a row, a refusal, a redirect."""

from __future__ import annotations

from typing import Any

import informix_db
import pytest

from fixtures.emulators import Behaviour, in_background, informix, informix_session

LOGIN: dict[str, Any] = {
    "user": "er",
    "password": "Passw0rd!",
    "server": "ol_hr",
    "connect_timeout": 3,
    "read_timeout": 3,
}


def said_of(behaviour: Behaviour, password: str = "Passw0rd!") -> str:
    with in_background(behaviour) as server, pytest.raises(informix_db.Error) as caught:
        informix_db.connect("127.0.0.1", server.port, **{**LOGIN, "password": password})
    return str(caught.value)


def read_employees(port: int) -> list[tuple[int]]:
    session = informix_db.connect("127.0.0.1", port, **LOGIN, database="hr")
    with session, session.cursor() as cursor:
        cursor.execute("SELECT FIRST 1 1 FROM employees")
        found: list[tuple[int]] = cursor.fetchall()
        return found


def test_a_session_up_to_a_row() -> None:
    with in_background(informix.informix) as server:
        assert read_employees(server.port) == [(1,)]
        server.wait()
    assert server.counts["opens hr"] == 1
    assert server.counts["SELECT FIRST 1 1 FROM employees"] == 1
    assert (server.offences, server.counts["exits"]) == ({}, 1)


def test_what_a_session_is_refused() -> None:
    for message, number in ((informix_session.DBOPEN, -329), (informix_session.PREPARE, -206)):
        refusals = {message: informix_session.error(number, -111, b"hr")}
        with in_background(informix.server(refusals=refusals)) as server, pytest.raises(informix_db.Error) as caught:
            read_employees(server.port)
        assert caught.value.sqlcode == number  # type: ignore[attr-defined]  # set by the driver, declared nowhere


def test_a_refusal() -> None:
    assert "rejected the connection" in said_of(informix.informix, "wrong")


def test_a_redirect() -> None:
    for answer in (informix.REDIRECT, informix.ELSEWHERE):
        assert "redirect" in said_of(informix.server(answer))
