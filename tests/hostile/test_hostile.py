"""Hostile peers against every target type: the deadline holds, memory stays bounded, nothing looks ready."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from fixtures.emulators import in_background, misbehave
from fixtures.limits import HANG
from tests.ladder import BY_NAME, TYPES

BUILT = [row.name for row in TYPES]
#: Seconds for each target. All climb at once, and a silent server must be so for 1.6 s after the others' computing.
TIMEOUT = 5.0

#: A program that climbs for all targets on stdin in its own process, so that its peak memory is caused only by them.
CLIMB = """
import asyncio, json, sys
from scanready import Settings, Target, verify_all
from scanready.run.settings import own_agent
from tests.pace import held_up

async def main():
    asked = json.load(sys.stdin)
    options = asked["options"]
    targets = [Target("127.0.0.1", asked["type"], port, options) for port in asked["ports"].values()]
    agent = own_agent(platform=asked["agent"])
    names = {port: name for name, port in asked["ports"].items()}
    settings = Settings(timeout=asked["timeout"], per_host=100, canary=False, agent=agent)
    found, before = {}, held_up()
    async for report in verify_all(targets, settings):
        cause = report.cause.code if report.cause else None
        detail = report.finding and report.finding.detail
        found[names[report.target.port]] = [report.verdict, cause, report.seconds, detail]
    status = open("/proc/self/status").read()  # ru_maxrss would count what the parent had at the fork
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    print(json.dumps({"found": found, "peak": peak, "held_up": max(0.0, held_up() - before)}))

asyncio.run(main())
"""


@pytest.fixture(scope="module", params=BUILT)
def outcome(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Climb for one target type against every kind of misbehaviour concurrently, and return the outcomes."""
    with ExitStack() as stack:
        ports = {name: stack.enter_context(in_background(peer)).port for name, peer in misbehave.MENU.items()}
        row = BY_NAME[request.param]
        # Without these options the type would ask nothing, or not report the answer.
        options = {one.name: True for one in row.options if one.name in ("allow_login_probe", "on_master")}
        agent = (
            "Windows" if row.name == "notes" else row.requirements.agent
        )  # the test does not depend on a Notes client
        known = {"type": row.name, "ports": ports, "timeout": TIMEOUT, "agent": agent, "options": options}
        asked = json.dumps(known)
        root = Path(__file__).parents[2]
        environment = dict(os.environ, PYTHONPATH=f"{root / 'verifiers'}{os.pathsep}{root}")
        done = subprocess.run(
            [sys.executable, "-c", CLIMB], input=asked, capture_output=True, text=True, env=environment, timeout=HANG
        )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    answer["type"] = request.param
    assert set(answer["found"]) == set(misbehave.MENU)
    return answer


def test_the_deadline_holds_within_a_tenth(outcome: dict[str, Any]) -> None:
    """Count the time in which it could run: on a busy machine other processes hold it up, which is not its doing."""
    late = {name: found for name, found in outcome["found"].items() if found[2] - outcome["held_up"] > TIMEOUT * 1.1}
    assert not late


def test_memory_stays_bounded(outcome: dict[str, Any]) -> None:
    assert outcome["peak"] < 100, "MiB"


def test_nobody_is_ready_and_nobody_crashed(outcome: dict[str, Any]) -> None:
    master = outcome["type"] == "master"  # nothing is sent to a Master, and only the connection is known
    wrong = {
        name: found
        for name, found in outcome["found"].items()
        if not (master and name in ("silent", "tls-garbage", "echoes", "echoes-in-drops"))
        if found[0] not in ("blocked", "undecided") or found[1] in ("scanready.bug", None)
    }
    assert not wrong


def test_the_cause_is_right(outcome: dict[str, Any]) -> None:
    cause = {name: found[1] for name, found in outcome["found"].items()}
    # A silent Master is correct; only the canary is missing.
    silent = "master.neighbour-unknown" if outcome["type"] == "master" else "handshake.silent"
    assert cause["silent"] == silent
    # Oracle's listeners close on clients that are not invited; a Domino may close on a request known only from traces.
    own = {"oracle": "oracle.node-not-invited", "notes": "notes.hung-up"}
    hung_up = own.get(outcome["type"], "handshake.hung-up")
    assert cause["closes-at-once"] == cause["resets"] == cause["half-open"] == hung_up
    assert cause["other-protocol"] == "handshake.other-protocol"
    assert cause["greets-as-ssh-and-echoes"] == "handshake.other-protocol"
    # These wait for a greeting, and so does an echo; the others hear their own first message.
    waits = outcome["type"] in ("mysql", "imap", "tibero", "master")
    assert {cause["echoes"], cause["echoes-in-drops"]} == {silent if waits else "handshake.other-protocol"}
    assert cause["garbage"] in (
        "master.unknown-greeting",
        "handshake.malformed",
        "handshake.other-protocol",
        "tls.not-offered",
        "tls.failed",
    )
