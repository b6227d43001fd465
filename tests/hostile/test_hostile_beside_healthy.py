"""24 hostile targets beside 200 healthy ones: no turn of the loop is long, and no healthy result changes.

Three processes: one plays the healthy servers, one the hostile ones, and the third checks them and is measured.
The measure is the CPU time of the loop's thread for each callback and for each wait: a busy machine takes none of it.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from fixtures.limits import HANG, PATIENCE
from tests.hostile.test_slow_feeding import ROOT, environment
from tests.targets.crowd import COUNT, HOSTILE_COUNT

#: CPU seconds of the loop's thread that one callback may use, on the machine of tests/pace.py.
LONGEST = 0.05
#: Seconds for one target, at least. The hostile ones use all of it. All begin at once, so a healthy one waits while the
#: others compute: for 4 s on two idle cores.
LEAST = 30.0
#: The same as a multiple of the time that the healthy ones take by themselves, which is longer on a busy machine. They
#: take 1.6 times as long beside the hostile ones (measured).
TIMES = 4.0
#: The same where the hostile targets only load what is loaded on first use.
FIRST = 8.0
#: A cache that is cold, or a core that is slow for a moment, lengthens one callback in one run; a fault all of them.
RUNS = 3
#: Seconds for the checking process: it ends long before, also beside six other processes.
WHOLE = 2 * HANG

CHECK = """
import asyncio, gc, io, json, sys, time
from scanready import Credential, Settings, Target, verify_all
from scanready.cli.output.outlet import Outlet
from scanready.cli.output.transcript import recorder
from scanready.run.settings import own_agent
from tests.pace import slowness

longest = []
run_callback = asyncio.Handle._run

def metered(handle):
    began = time.thread_time()
    run_callback(handle)
    took = time.thread_time() - began
    if took > 0.02:
        longest.append((took, repr(handle)[:300]))

def meter(loop):
    select = loop._selector.select
    def metered_select(timeout=None):
        began = time.thread_time()
        found = select(timeout)
        took = time.thread_time() - began
        if took > 0.02:
            longest.append((took, "select"))
        return found
    loop._selector.select = metered_select
    asyncio.Handle._run = metered

def target(one):
    account = Credential(*one["account"], authority=one["account"][0]) if one["account"] else None
    return Target(one["host"], one["type"], one["port"], one["options"], account)

async def checked(targets, seconds):
    found = {}
    agents = {"Windows": [t for t in targets if t["type"] in ("windows", "notes")]}
    agents["Linux"] = [t for t in targets if t not in agents["Windows"]]
    async def climb(agent, known):
        settings = Settings(
            timeout=seconds,
            ca_file=asked["ca_file"],
            agent=own_agent(platform=agent),
            tap=recorder(Outlet(io.BytesIO(), "a transcript")),
        )
        async for report in verify_all([target(one) for one in known], settings):
            mark = report.footprint
            place = f"{report.target.type}://{report.target.host}:{report.target.port}"
            found[place] = [
                report.verdict,
                report.cause.code if report.cause else None,
                [mark.connections, mark.login_attempts, mark.probe_logins],
                report.seconds,
                report.finding.detail if report.finding else None,
            ]
    await asyncio.gather(*(climb(agent, known) for agent, known in agents.items()))
    return found

async def main():
    began = time.monotonic()
    alone = await checked(asked["healthy"], asked["patience"])
    seconds = max(asked["least"], asked["times"] * (time.monotonic() - began))
    await checked(asked["hostile"], asked["first"])
    gc.collect()
    gc.freeze()
    runs = []
    for _ in range(asked["runs"]):
        longest.clear()
        meter(asyncio.get_running_loop()) if not runs else None
        both = await checked([*asked["hostile"], *asked["healthy"]], seconds)
        pace = slowness()
        runs.append({"found": both, "longest": sorted((took / pace, what) for took, what in longest)[-5:]})
        if not longest or max(longest)[0] / pace < asked["longest"]:
            break
    print(json.dumps({"alone": alone, "runs": runs}))

asked = json.load(sys.stdin)
asyncio.run(main())
"""


@contextlib.contextmanager
def crowd(kind: str) -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.targets.crowd", kind]
    path = f"{ROOT}:{ROOT / 'verifiers'}"
    with subprocess.Popen(
        command, cwd=ROOT, env=environment() | {"PYTHONPATH": path}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(HANG)


pytestmark = [
    pytest.mark.timeout(WHOLE + HANG),
    pytest.mark.skipif(sys.platform != "linux", reason="all of 127/8 is ours on Linux only"),
]


@pytest.fixture(scope="module")
def outcome() -> dict[str, Any]:
    with crowd("healthy") as healthy, crowd("hostile") as hostile:
        asked = {
            "healthy": healthy["targets"],
            "hostile": hostile["targets"],
            "ca_file": healthy["ca_file"],
            "patience": PATIENCE,
            "least": LEAST,
            "times": TIMES,
            "first": FIRST,
            "runs": RUNS,
            "longest": LONGEST,
        }
        done = subprocess.run(
            [sys.executable, "-c", CHECK],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            env=environment(),
            timeout=WHOLE,
        )
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "asked": asked}


def test_the_crowds_are_what_they_are_called(outcome: dict[str, Any]) -> None:
    healthy, hostile = outcome["asked"]["healthy"], outcome["asked"]["hostile"]
    assert (len(healthy), len(hostile)) == (COUNT, HOSTILE_COUNT)
    assert {found[0] for found in outcome["alone"].values()} == {"ready", "scannable"}
    assert len({one["type"] for one in healthy}) > 20
    assert len({one["type"] for one in hostile}) > 12
    assert sum(one["account"] is not None for one in hostile) > 8


def test_no_turn_of_the_loop_is_long(outcome: dict[str, Any]) -> None:
    longest = [run["longest"] for run in outcome["runs"]]
    assert min(max((took for took, _ in each), default=0.0) for each in longest) < LONGEST, longest


def test_each_healthy_result_is_that_of_a_run_alone(outcome: dict[str, Any]) -> None:
    """Verdict, cause and footprint."""
    for run in outcome["runs"]:
        beside = {place: run["found"][place][:3] for place in outcome["alone"]}
        assert beside == {place: found[:3] for place, found in outcome["alone"].items()}


def test_no_hostile_server_ends_as_a_bug(outcome: dict[str, Any]) -> None:
    for run in outcome["runs"]:
        found = {place: one for place, one in run["found"].items() if place not in outcome["alone"]}
        assert len(found) == HOSTILE_COUNT
        assert not {place: one for place, one in found.items() if one[1] == "scanready.bug"}
