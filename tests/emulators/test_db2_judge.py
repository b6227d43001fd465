"""Check the DB2 emulator with IBM's own driver, which reports each refusal as we do. Opt-in: its wheel has 140 MB.

The driver runs in its own process: it holds Python's lock while it waits, and the emulator could not answer.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from fixtures.emulators import Behaviour, db2, in_background
from fixtures.limits import HANG
from scanready.model import Owner, Report, Step, Verdict
from tests.ladder import PLENTY, WAIT, account, climb, expect, target

pytest.importorskip("ibm_db", reason="the driver is opt-in: pip install 'scanready[db2]'")
CLEAR = db2.server(mechanisms=(3,))
CONNECT = """
import sys, ibm_db_dbi
try:
    ibm_db_dbi.connect(sys.argv[1]).close()
except ibm_db_dbi.Error as error:
    print(error)
"""


def connected(behaviour: Behaviour, password: str = db2.PASSWORD, how: str = "SERVER") -> str:
    """Connect with the driver and return its error message, or an empty string on success."""
    with in_background(behaviour) as server:
        account = f"UID={db2.USER};PWD={password};AUTHENTICATION={how}"
        where = f"DATABASE=SAMPLE;HOSTNAME=127.0.0.1;PORT={server.port};PROTOCOL=TCPIP;CONNECTTIMEOUT=5"
        asked = [sys.executable, "-c", CONNECT, f"{where};{account};"]
        return subprocess.run(asked, capture_output=True, text=True, timeout=HANG, check=True).stdout


def test_it_connects() -> None:
    assert connected(CLEAR) == ""


def test_it_is_told_of_a_wrong_password() -> None:
    assert "SQL30082N" in connected(CLEAR, "wrong")


def test_it_encrypts_the_password_as_we_do() -> None:
    for mechanism in (7, 9):
        encrypting = db2.server(mechanisms=(mechanism,))
        assert connected(encrypting, how="SERVER_ENCRYPT") == ""
        assert 'reason "24"' in connected(encrypting, "wrong", how="SERVER_ENCRYPT")


@pytest.mark.parametrize(
    ("check", "reason"), [(0x0E, 'reason "1"'), (0x0F, 'reason "24"'), (0x13, 'reason "24"'), (0x14, 'reason "19"')]
)
def test_refused_logins(check: int, reason: str) -> None:
    assert reason in connected(db2.server(mechanisms=(3,), check=check))


def test_refused_databases() -> None:
    assert "SQL30060N" in connected(db2.server(mechanisms=(3,), database=db2.NO_CONNECT))
    assert "SQL30061N" in connected(db2.server(mechanisms=(3,), instead_of_prompt=db2.NOT_FOUND))
    assert "SQL30082N" in connected(db2.server(mechanisms=(0xB,)))


def our_climb(behaviour: Behaviour, password: str = db2.PASSWORD, timeout: float = PLENTY) -> tuple[Report, int, bytes]:
    """A climb that needs the driver; also how many logins the server saw, and all bytes that it got."""
    credential = account(db2.USER, password)
    with in_background(behaviour) as server:
        where = target("db2", "127.0.0.1", server.port, credential, database="SAMPLE", allow_cleartext=True)
        report = climb(where, timeout=timeout)
        return report, server.counts["logins"], b"".join(record.received for record in server.connections)


def test_our_climb_logs_in_with_it() -> None:
    """The login is accepted and the SELECT refused; the emulator does not support the cursor that the driver needs."""
    report, logins, sent = our_climb(db2.server(mechanisms=(7,), prepared=db2.DENIED))
    expect(report, Verdict.LIMITED, "access.denied", step=Step.ACCESS)
    assert logins == report.footprint.login_attempts == 1
    assert db2.PASSWORD.encode("cp500") not in sent


def test_our_climb_is_told_of_a_wrong_password() -> None:
    report, logins, _ = our_climb(db2.server(mechanisms=(7,)), "wrong")
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert logins == 1


def test_a_server_that_hangs_up_on_the_login_sees_one() -> None:
    """Left to itself the driver tries three times, which could lock the account."""
    report, logins, _ = our_climb(db2.server(mechanisms=(7,), hangs_up_at=db2.SECCHK))
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.LOGIN)
    assert logins == 1


def test_a_server_silent_at_the_login_costs_no_more_than_the_deadline() -> None:
    report, _, _ = our_climb(db2.server(mechanisms=(7,), silent_at=db2.SECCHK), timeout=WAIT)
    expect(report, Verdict.UNDECIDED, "scanready.out-of-time", step=Step.LOGIN)


def test_the_driver_sends_no_password_in_clear_to_who_changes_his_mind() -> None:
    """The server offers only mechanism 7 first, and only clear text when the driver connects."""
    report, _, sent = our_climb(db2.server(mechanisms=(7,), afterwards=(3,)))
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.LOGIN)  # the driver's own word
    assert db2.PASSWORD.encode("cp500") not in sent
    assert db2.PASSWORD.encode() not in sent
