"""A credential that was not tried: ``login.not-tried``, unless the built-in type has no login by design."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from scanready.catalogue.row import Verifier
from scanready.causes import common
from scanready.climb.probe import Probe
from scanready.model import Agent, Credential, Owner, Report, Step, Target, Verdict
from scanready.run import registry
from scanready.run.engine import verify
from scanready.run.settings import Settings
from tests.ladder import BY_NAME, check_of, expect, story
from tests.run.conftest import Bring

ACCOUNT = Credential("c", "scan", "Passw0rd!")


def climbs(*steps: Step, warned: bool = False, skipped: bool = False) -> Verifier:
    async def climb(probe: Probe) -> None:
        probe.footprint.connections += 1
        probe.footprint.login_attempts += Step.LOGIN in steps and not skipped
        for step in (Step.HANDSHAKE, *steps):
            async with probe.step(step) as rung:
                if skipped and step is Step.LOGIN:
                    rung.skip("not today")
                elif warned and step is Step.TLS:
                    rung.warn(common.TLS_EXPIRED, "expired yesterday")
                else:
                    rung.ok("fine")

    return climb


async def to_the_prompt(probe: Probe) -> None:
    """A third party's coroutine without a login."""
    await climbs(Step.TLS, Step.AUTH)(probe)


async def with_a_warning(probe: Probe) -> None:
    await climbs(Step.TLS, Step.AUTH, warned=True)(probe)


async def with_a_skipped_login(probe: Probe) -> None:
    await climbs(Step.AUTH, Step.LOGIN, skipped=True)(probe)


async def with_a_login(probe: Probe) -> None:
    await climbs(Step.AUTH, Step.LOGIN)(probe)


async def that_reads_without_a_login(probe: Probe) -> None:
    await climbs(Step.AUTH, Step.ACCESS)(probe)


async def that_fails_before(probe: Probe) -> None:
    async with probe.step(Step.AUTH) as rung:
        rung.stop(common.HUNG_UP, "gone")


def check(type_: str, credential: Credential | None = ACCOUNT, **settings: Any) -> Report:
    where = Target("127.0.0.1", type_, 9, {}, credential)
    return asyncio.run(verify(where, Settings(canary=False, **settings)))


@pytest.mark.parametrize("verifier", [to_the_prompt, with_a_warning, with_a_skipped_login])
def test_of_another_package(brought: Bring, verifier: object) -> None:
    brought(verifier)
    report = expect(check("other"), Verdict.UNDECIDED, "login.not-tried", step=Step.LOGIN, owner=Owner.OPERATOR)
    assert report.footprint.login_attempts == 0
    assert "the verifier of other did not log in with c" in check_of(report, Step.LOGIN).summary


@pytest.mark.parametrize(
    ("verifier", "verdict", "code"),
    [
        (with_a_login, Verdict.READY, None),
        (that_reads_without_a_login, Verdict.SCANNABLE, None),
        (that_fails_before, Verdict.BLOCKED, "auth.broken-off"),
    ],
)
def test_where_there_is_nothing_to_add(brought: Bring, verifier: object, verdict: Verdict, code: str | None) -> None:
    brought(verifier)
    expect(check("other"), verdict, code)


@pytest.mark.parametrize("credential", [None, Credential("c", "scan")])
def test_without_a_secret_it_is_ready(brought: Bring, credential: Credential | None) -> None:
    brought(to_the_prompt)
    expect(check("other", credential), Verdict.READY)


def test_a_depth_below_the_login_asks_for_none(brought: Bring) -> None:
    brought(to_the_prompt)
    expect(check("other", depth=Step.AUTH), Verdict.READY)


def test_built_in_types(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those with a login on their ladder; the others have none by design, and are as ready as without a credential."""
    for name, row in BY_NAME.items():
        monkeypatch.setattr(registry, "verifier", lambda _, proof=row.proof: climbs(Step.AUTH, proof))
        report = check(name, agent=Agent("a", row.requirements.agent or "Linux", assumed=True))
        by_design = Step.LOGIN not in row.steps or not row.logs_in
        assert ("login.not-tried" in story(report)) is not by_design, story(report)
        assert by_design is (name in ("nfs", "notes", "cloud", "tibero", "master", "console", "update"))


def test_a_built_in_that_gives_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "verifier", lambda _: with_a_skipped_login)
    expect(check("mysql"), Verdict.READY)
