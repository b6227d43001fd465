"""The footprint counts a login attempt only where the account was touched: not without a driver, not if withheld."""

from __future__ import annotations

import sys

import pytest

from fixtures.emulators import in_background, mysql, postgresql
from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe
from scanready.model import Cause, Step, Verdict
from scanready.run import registry
from tests.ladder import account, climb, expect, target


@pytest.mark.parametrize(
    ("cause", "attempts"),
    [(common.DRIVER_MISSING, 0), (common.LOGIN_WITHHELD, 0), (common.LOGIN_REFUSED, 1), (common.OUT_OF_TIME, 1)],
)
def test_what_counts(monkeypatch: pytest.MonkeyPatch, cause: Cause, attempts: int) -> None:
    def log_in() -> None:
        raise Failure(cause, "as the test says")

    async def verify(probe: Probe) -> None:
        async with probe.step(Step.LOGIN):
            await probe.login(log_in)

    monkeypatch.setattr(registry, "verifier", lambda _: verify)
    report = climb(target("ssh", "host", credential=account("er")), canary=False)
    assert report.cause is cause
    assert report.footprint.login_attempts == attempts


@pytest.mark.parametrize(
    ("kind", "behaviour", "driver"),
    [("postgresql", postgresql.sasl, "psycopg"), ("mysql", mysql.mariadb_10_11_without_tls, "pymysql")],
)
def test_without_its_driver_a_type_attempts_nothing(
    monkeypatch: pytest.MonkeyPatch, kind: str, behaviour: object, driver: str
) -> None:
    for name in [name for name in sys.modules if name == driver or name.startswith(driver + ".")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, driver, None)
    with in_background(behaviour) as server:  # type: ignore[arg-type]
        where = target(kind, "127.0.0.1", server.port, account("er"), allow_cleartext=True)
        report = expect(climb(where, canary=False), Verdict.UNDECIDED, "agent.driver-missing", step=Step.LOGIN)
        server.wait()
    assert report.footprint.login_attempts == 0
    assert server.offences == {}
