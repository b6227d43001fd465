"""Every login at a server that is honest up to one of its answers, and means harm from then on.

So each login meets harm at the greeting, in the answer to its password, and where it reads behind that: it ends in time
and within its memory, and no report holds the password or praises the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from scanready.clients.login_process import memory
from scanready.model import Credential, Report, Target, Verdict
from scanready.report.serialize import as_line
from scanready.run.engine import verify_all
from scanready.run.settings import Settings
from tests.hostile.hostile_logins import LIBRARIES
from tests.hostile.test_hostile_logins import Scale
from tests.hostile.test_slow_feeding import ROOT, environment
from tests.hostile.turning import HARMS, HONEST, Honest, cases
from tests.in_process import warm
from tests.ladder import story, target
from tests.pace import held_up
from tests.targets.echoing import SECRET

if sys.platform != "linux":
    pytest.skip("all of 127/8 is ours on Linux only; reads /proc", allow_module_level=True)

MOST = 100 << 20


def climbed(targets: list[Target], seconds: float) -> list[Report]:
    async def run() -> list[Report]:
        return [report async for report in verify_all(targets, Settings(timeout=seconds, canary=False))]

    return asyncio.run(run())


def targets_of(honest: Honest, ports: list[int], harm: str) -> list[Target]:
    return [
        target(honest.type, host, port, Credential(host, "er", SECRET, authority=host), **honest.options)
        for (host, its, _), port in zip(cases(honest), ports, strict=True)
        if its == harm
    ]


@contextlib.contextmanager
def serving(name: str) -> Iterator[tuple[list[int], Callable[[], list[bool]]]]:
    """Yield the ports of the servers, and what ends them and returns which of them turned."""
    command = [sys.executable, "-m", "tests.hostile.turning", name]
    path = f"{ROOT}:{ROOT / 'verifiers'}"
    with subprocess.Popen(
        command, cwd=ROOT, env=environment() | {"PYTHONPATH": path}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        output, stdin = process.stdout, process.stdin
        assert output is not None
        assert stdin is not None

        def turned() -> list[bool]:
            stdin.close()
            found: list[bool] = json.loads(output.readline())
            return found

        try:
            yield json.loads(output.readline()), turned
        finally:
            process.kill()


@pytest.fixture(scope="module", autouse=True)
def _libraries() -> None:
    """Load the libraries, whose loading takes some of a first login's time."""
    for library in LIBRARIES:
        warm(library.visit)


@pytest.mark.parametrize("name", HONEST)
def test_wherever_it_turns(name: str) -> None:
    honest = HONEST[name]
    found: dict[str, tuple[Report, float]] = {}
    with serving(name) as (ports, turned), Scale() as scale:
        own = memory.resident(os.getpid()) or 0
        for harm in HARMS:
            before = held_up()
            reports = climbed(targets_of(honest, ports, harm), honest.seconds)
            lost = held_up() - before
            found |= {report.target.host: (report, lost) for report in reports}
        grown = max(scale.most, (memory.resident(os.getpid()) or 0) - own)
        met = [(*case, *found[case[0]]) for case, did in zip(cases(honest), turned(), strict=True) if did]
    for _, harm, after, report, lost in met:
        where = f"{harm} after {after} answers: {report.seconds:.2f} s, {story(report)}"
        assert report.seconds - lost <= honest.seconds * 1.1, where
        assert report.verdict in (Verdict.BLOCKED, Verdict.UNDECIDED), where
        assert report.cause is None or report.cause.code != "scanready.bug", where
        assert SECRET not in as_line(report), where
    assert grown < MOST, f"{grown >> 20} MB"
    assert any(report.footprint.login_attempts for *_, report, _ in met), "harm was met behind the password"
