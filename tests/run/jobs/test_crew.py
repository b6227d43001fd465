"""A crew whose further processes cannot be started, or end at once: the first one does the work."""

from __future__ import annotations

import asyncio
import datetime
import errno
import sys
from pathlib import Path

import pytest

from scanready.climb.guard import LockoutGuard
from scanready.model import Agent, Report, Target, Verdict
from scanready.run.jobs import member
from scanready.run.jobs.crew import Crew
from scanready.run.settings import Settings

SETTINGS = Settings(timeout=60, agent=Agent("agent", "Linux"), day=datetime.date(2026, 1, 1), canary=False)
#: Nothing listens there.
TARGETS = [Target(f"127.77.0.{number}", "ssh", 1) for number in range(1, 21)]


def verified(jobs: int, targets: list[Target] = TARGETS) -> tuple[list[Report], list[str]]:
    lines: list[str] = []

    async def run() -> list[Report]:
        async with Crew(SETTINGS, LockoutGuard(), jobs, targets, lines.append) as crew:
            return [report async for report in crew.results(targets)]

    return asyncio.run(run()), lines


def test_all_targets_are_checked_if_no_process_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(member, "start", refuse)
    reports, lines = verified(3)
    assert {report.target.host for report in reports} == {target.host for target in TARGETS}
    assert {report.cause.code for report in reports if report.cause} == {"connect.refused"}
    assert lines == ["--jobs: a further process cannot be started (Too many open files); the run goes on without"] * 2


@pytest.mark.posix("a process that has its channel when it starts")
def test_all_targets_are_checked_if_processes_end_before_they_are_ready(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    reports, lines = verified(3)
    assert len(reports) == len(TARGETS)
    assert len(lines) == 2
    assert all("ended (exit code 3)" in line for line in lines), lines


def test_two_rounds_use_the_same_processes() -> None:
    async def run() -> list[list[str]]:
        found = []
        async with Crew(SETTINGS, LockoutGuard(), 2, TARGETS, pytest.fail) as crew:
            for _ in range(2):
                found.append(sorted([report.target.host async for report in crew.results(TARGETS)]))
                crew.renew()
        return found

    first, second = asyncio.run(run())
    assert first == second == sorted(target.host for target in TARGETS)


def test_a_host_without_a_type_and_one_that_cannot_travel() -> None:
    tries = tuple(Target("127.77.1.1", name, port, guessed=True) for name, port in (("ssh", 1), ("mysql", 2)))
    odd = Target("127.77.1.2", "ssh", 1, {"odd": ("a", "b")})
    reports, lines = verified(2, [*TARGETS, Target("127.77.1.1", "any", 0, tries=tries), odd])
    assert (len(reports), lines) == (22, [])
    (host,) = [report for report in reports if report.types]
    assert (host.verdict, len(host.types)) == (Verdict.BLOCKED, 2)
