"""Helpers for the tests of the WMI login: the account, one visit, and the check that nothing stays behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from impacket.dcerpc.v5.dcomrt import INTERFACE, DCOMConnection

from fixtures.emulators.dcom import Windows
from scanready.clients.login_process.templates import REAPER
from scanready.climb.explain import Failure
from scanready.model import Credential
from scanready.targets.windows import login
from tests.ladder import PLENTY

AGENT = "10.0.1.5"
SCANNER = r"CORP\svc-scan"


def account(username: str = SCANNER, password: str | None = "Passw0rd!") -> Credential:
    return Credential("ad-scan", username, password)


def where(port: int) -> login.Where:
    return login.Where("127.0.0.1", AGENT, port, smb_port=None)


def visit(host: Windows, username: str = SCANNER, password: str = "Passw0rd!", seconds: float = PLENTY) -> login.Result:
    return login.visit(where(host.mapper.port), account(username, password), seconds)


def refused(host: Windows, username: str = SCANNER, password: str = "Passw0rd!", seconds: float = PLENTY) -> Failure:
    with pytest.raises(Failure) as failure:
        visit(host, username, password, seconds)
    return failure.value


def denied(host: Windows, username: str = SCANNER, seconds: float = PLENTY) -> Failure:
    result = visit(host, username, seconds=seconds)
    assert result.denied is not None
    assert result.read == ""
    return result.denied


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """No login leaves a thread, or anything in impacket's dictionaries."""
    before, known, timer = set(threading.enumerate()), _of_impacket(), DCOMConnection.PINGTIMER  # others' clients
    yield
    late = [thread for thread in threading.enumerate() if thread not in before and thread.name != REAPER]
    for thread in late:  # one that has nothing left to do may not have had its turn yet
        thread.join(1)
    assert not [thread for thread in late if thread.is_alive()]
    assert _of_impacket() == known
    assert DCOMConnection.PINGTIMER is timer


def _of_impacket() -> list[object]:
    """All that impacket keeps for the whole process."""
    kept = (DCOMConnection.OID_ADD, DCOMConnection.OID_SET, DCOMConnection.OID_DEL, DCOMConnection.PORTMAPS)
    return [*INTERFACE.CONNECTIONS, *(key for one in kept for key in one)]
