"""The option ``--wait``: repeated checks of the targets that do not hold yet."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from scanready.causes import common
from scanready.cli.job import wait as rounds
from scanready.cli.job.exit_code import Judge
from scanready.climb.probe import Probe
from scanready.model import Step, Target, Verdict
from scanready.run import registry
from scanready.run.engine import Run
from scanready.run.settings import Settings
from tests.cli.in_process import call


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A type that holds for ``good``, from the third look on for ``mends``, never for ``bad`` and ``login``."""
    order: list[str] = []

    async def verify(probe: Probe) -> None:
        order.append(probe.host)
        async with probe.step(Step.AUTH) as rung:
            if probe.host == "bad" or (probe.host == "mends" and order.count("mends") < 3):
                rung.stop(common.FILTERED, "no answer")
            if probe.host == "login":
                rung.stop(common.LOGIN_REFUSED, "wrong")
            rung.ok("fine")

    monkeypatch.setattr(registry, "verifier", lambda _: verify)
    return order


async def _wait(
    hosts: list[str], wait: float, stopped: asyncio.Event, every: float = 0.01
) -> tuple[dict[str, Verdict], list[str]]:
    messages: list[str] = []
    targets = [Target(host, "looked-at", 99) for host in hosts]
    async with (
        Run(Settings(canary=False)) as run,
        aclosing(rounds.rounds(run, targets, wait, Judge(), stopped, messages.append, every)) as reports,
    ):
        found = [report async for report in reports]
    assert sorted(report.target.host for report in found) == sorted(hosts), "one report for each target"
    return {report.target.host: report.verdict for report in found}, messages


def test_wait_looks_again_only_at_what_does_not_hold_and_stops_when_all_does(looks: list[str]) -> None:
    async def main() -> None:
        found, messages = await _wait(["good", "mends", "login"], 60, asyncio.Event())
        assert found == {"good": Verdict.READY, "mends": Verdict.READY, "login": Verdict.BLOCKED}
        assert (looks.count("good"), looks.count("mends"), looks.count("login")) == (1, 3, 1)
        assert len(messages) == 2
        assert "1 target fails so far (connect.filtered 1)" in messages[0]

    asyncio.run(main())


def test_wait_ends_with_its_time_and_with_ctrl_c(looks: list[str]) -> None:
    async def main() -> None:
        found, _ = await _wait(["bad"], 0.1, asyncio.Event())
        assert found == {"bad": Verdict.BLOCKED}
        assert len(looks) > 1
        looks.clear()
        stopped = asyncio.Event()
        stopped.set()
        found, _ = await _wait(["bad"], 60, stopped)
        assert (found, looks) == ({"bad": Verdict.BLOCKED}, ["bad"])

    asyncio.run(main())


def test_without_wait_there_is_one_look(looks: list[str]) -> None:
    found, messages = asyncio.run(_wait(["bad", "good"], 0, asyncio.Event()))
    assert (found["bad"], sorted(looks), messages) == (Verdict.BLOCKED, ["bad", "good"], [])


def test_a_wait_shorter_than_the_interval_looks_once_more_at_its_end(looks: list[str]) -> None:
    async def main() -> None:
        found, messages = await _wait(["bad"], 0.4, asyncio.Event(), every=20.0)
        assert (found, looks) == ({"bad": Verdict.BLOCKED}, ["bad", "bad"])
        assert "next check in 0 s" in messages[0]

    asyncio.run(main())


@pytest.mark.parametrize("given", ["4", "4s", "0", "0.01m", "soon"])
def test_an_interval_that_would_look_like_an_attack_is_refused(given: str) -> None:
    done = call("check", "127.0.0.1", "--wait", "1m", "--interval", given)
    assert done.exit_code == 2
    assert ("is not a duration" if given == "soon" else "is less than 5s") in done.output
