"""informix-driver takes the emulated answers for what they are: a session, a refusal, a redirect."""

from __future__ import annotations

import informix_db
import pytest

from fixtures.emulators import Behaviour, in_background, informix


def said_of(behaviour: Behaviour, password: str = "Passw0rd!") -> str:
    with in_background(behaviour) as server, pytest.raises(informix_db.Error) as caught:
        informix_db.connect(
            "127.0.0.1",
            server.port,
            user="er",
            password=password,
            server="ol_hr",
            connect_timeout=3,
            read_timeout=3,
        )
    return str(caught.value)


def test_an_accepted_session_is_gone_on_with() -> None:
    """It sends its first packet of a session, which nobody answers here."""
    assert "rejected" not in said_of(informix.informix)


def test_a_refusal() -> None:
    assert "rejected the connection" in said_of(informix.informix, "wrong")


def test_a_redirect() -> None:
    assert "redirect" in said_of(informix.server(informix.REDIRECT))
