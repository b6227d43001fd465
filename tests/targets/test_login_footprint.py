"""The footprint counts a login attempt only where the account was touched: not without a driver, not if withheld."""

from __future__ import annotations

import asyncio
import sys

import pytest

from fixtures.emulators import Behaviour, in_background, mysql, postgresql
from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.login_result import LoginResult
from scanready.climb.probe import Probe
from scanready.model import Cause, Credential, Step, Verdict
from scanready.run import registry
from tests.ladder import PLENTY, account, climb, expect, target


@pytest.mark.parametrize(
    ("cause", "attempts"),
    [(common.DRIVER_MISSING, 0), (common.LOGIN_WITHHELD, 0), (common.LOGIN_REFUSED, 1), (common.OUT_OF_TIME, 1)],
)
def test_what_counts(monkeypatch: pytest.MonkeyPatch, cause: Cause, attempts: int) -> None:
    def log_in(where: object, credential: Credential, seconds: float) -> LoginResult:
        raise Failure(cause, "as the test says")

    async def verify(probe: Probe) -> None:
        async with probe.step(Step.LOGIN):
            await probe.login(log_in, probe.endpoint)

    monkeypatch.setattr(registry, "verifier", lambda _: verify)
    report = climb(target("ssh", "host", credential=account("er")), canary=False)
    assert report.cause is cause
    assert report.footprint.login_attempts == attempts


def test_a_login_gets_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its place, the credential, and the seconds that are left; without a password checked it proves nothing."""
    got: list[tuple[object, Credential, float]] = []
    proven: list[list[str]] = []

    def visit(where: object, credential: Credential, seconds: float) -> LoginResult:
        got.append((where, credential, seconds))
        return LoginResult(passwordless=len(got) == 1)

    async def verify(probe: Probe) -> None:
        async with probe.step(Step.LOGIN):
            for _ in range(2):
                await probe.login(visit, probe.endpoint, dials=2)
                proven.append(probe.shared.guard.remembered()[0]["proven"])

    monkeypatch.setattr(registry, "verifier", lambda _: verify)
    report = climb(target("ssh", "host", credential=account("er")), canary=False)
    assert [(where, credential) for where, credential, _ in got] == [("host:22", account("er"))] * 2
    assert all(PLENTY / 2 < seconds <= PLENTY - 0.5 for _, _, seconds in got), "half a second is kept back"
    assert proven == [[], ["password"]]
    assert (report.footprint.connections, report.footprint.login_attempts) == (4, 2)


def test_a_login_without_time_left_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    def visit(where: object, credential: Credential, seconds: float) -> LoginResult:
        raise AssertionError("nothing may be sent any more")

    async def verify(probe: Probe) -> None:
        async with probe.step(Step.LOGIN):
            probe.deadline = asyncio.get_running_loop().time()
            await probe.login(visit, probe.endpoint)

    monkeypatch.setattr(registry, "verifier", lambda _: verify)
    report = climb(target("ssh", "host", credential=account("er")), canary=False)
    expect(report, Verdict.UNDECIDED, "scanready.out-of-time", step=Step.LOGIN)
    assert report.footprint.login_attempts == 0, "an attempt counts when the secret leaves"


@pytest.mark.parametrize(
    ("kind", "behaviour", "driver"),
    [("postgresql", postgresql.sasl, "psycopg"), ("mysql", mysql.mariadb_10_11_without_tls, "pymysql")],
)
def test_without_its_driver_a_type_attempts_nothing(
    monkeypatch: pytest.MonkeyPatch, kind: str, behaviour: Behaviour, driver: str
) -> None:
    for name in [name for name in sys.modules if name == driver or name.startswith(driver + ".")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, driver, None)
    with in_background(behaviour) as server:
        where = target(kind, "127.0.0.1", server.port, account("er"), allow_cleartext=True)
        report = expect(climb(where, canary=False), Verdict.UNDECIDED, "agent.driver-missing", step=Step.LOGIN)
        server.wait()
    assert report.footprint.login_attempts == 0
    assert server.offences == {}
