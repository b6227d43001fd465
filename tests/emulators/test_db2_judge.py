"""IBM's own driver connects to the emulated DB2, and names each refusal as we do. Opt-in: 140 MB of wheel."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.emulators import Behaviour, db2, in_background

ibm_db: Any = pytest.importorskip("ibm_db", reason="the driver is opt-in: pip install 'scanready[db2]'")
CLEAR = db2.server(mechanisms=(3,))


def connected(behaviour: Behaviour, password: str = db2.PASSWORD) -> str:
    """What the driver says of connecting: nothing if it did."""
    with in_background(behaviour) as server:
        account = f"UID={db2.USER};PWD={password};AUTHENTICATION=SERVER"
        where = f"DATABASE=SAMPLE;HOSTNAME=127.0.0.1;PORT={server.port};PROTOCOL=TCPIP;CONNECTTIMEOUT=5"
        try:
            ibm_db.connect(f"{where};{account};", "", "")
        except Exception as error:  # noqa: BLE001  # it raises nothing narrower
            return str(error)
    return ""


def test_it_connects() -> None:
    assert connected(CLEAR) == ""


def test_it_is_told_of_a_wrong_password() -> None:
    assert "SQL30082N" in connected(CLEAR, "wrong")


@pytest.mark.parametrize(
    ("check", "reason"), [(0x0E, 'reason "1"'), (0x0F, 'reason "24"'), (0x13, 'reason "24"'), (0x14, 'reason "19"')]
)
def test_refused_logins(check: int, reason: str) -> None:
    assert reason in connected(db2.server(mechanisms=(3,), check=check))


def test_refused_databases() -> None:
    assert "SQL30060N" in connected(db2.server(mechanisms=(3,), database=db2.NO_CONNECT))
    assert "SQL30061N" in connected(db2.server(mechanisms=(3,), instead_of_prompt=db2.NOT_FOUND))
    assert "SQL30082N" in connected(db2.server(mechanisms=(0xB,)))
