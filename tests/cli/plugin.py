"""A third party's target type for the tests, ``mood``: does what its ``is`` option says, touches no network.

It comes the way a real one does: a package on the path, with an entry point in its metadata.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fixtures.limits import HANG, PATIENCE
from tests.cli import prepared

ROOT = Path(__file__).resolve().parents[2]

VERIFIER = """
import asyncio, os, signal, sys, time
from scanready import Step
from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.login_result import LoginResult

HOSTILE = "ev\\x1b]0;owned\\x07il \\u202etxt.exe\\u202c \\x9b31m <b>&amp;[red]" + "A" * 5000


def further():
    # whether this is a further process of --jobs
    return "scanready.run.jobs.worker" in sys.modules


async def verify(probe):
    mood = probe.target.options.get("is", "ready")
    async with probe.step(Step.CONNECT) as rung:
        if mood == "refused" or probe.target.port == 64937:
            rung.stop(common.REFUSED, "reset: nothing listens")
        if mood == "filtered":
            rung.stop(common.FILTERED, "no answer", f"ip daddr {probe.host} tcp dport {probe.target.port} accept")
        if mood == "mends":
            log = os.environ["MOOD_LOG"]
            with open(log, "a") as file:
                file.write(probe.host + "\\n")
            with open(log) as file:
                if file.read().count(probe.host) < 2:
                    rung.stop(common.FILTERED, "no answer yet")
        probe.footprint.connections += 1
        rung.ok("connected")
    async with probe.step(Step.HANDSHAKE) as rung:
        if mood == "held":
            if "MOOD_HELD" in os.environ:
                with open(os.environ["MOOD_HELD"], "a") as file:
                    file.write(f"{probe.host} {further()}\\n")
            while not os.path.exists(os.environ["MOOD_RELEASE"]):
                await asyncio.sleep(0.01)
            with open(os.environ["MOOD_LOG"], "a") as file:
                file.write(probe.host + "\\n")
        if mood == "stuck" and further():
            with open(os.environ["MOOD_LOG"], "a") as file:
                file.write(f"{probe.host} {os.getpid()}\\n")
            time.sleep(600)
        if mood == "kills" and further():
            os.kill(os.getpid(), signal.SIGKILL)
        if mood == "throttled":
            rung.stop(common.THROTTLED, "too many of us")
        if mood == "hostile":
            rung.stop(common.MALFORMED, HOSTILE, "line one\\nline \\x1b[2J two", product=HOSTILE, raw=b"\\xff\\x00")
        if mood == "odd":
            rung.ok("odd", lone="\\ud800", bag={3, 1}, nan=float("nan"), raw=b"\\xffx", keys={1: 2})
        rung.ok("speaks mood", product="Mood 1.0")
    async with probe.step(Step.AUTH) as rung:
        if mood == "limited":
            rung.warn(common.TLS_EXPIRED, "expired yesterday")
        rung.ok("asks for a password", auth_methods=["password"])
    if probe.target.credential and not probe.target.credential.is_unused:
        async with probe.step(Step.LOGIN) as rung:
            if mood == "wrong":
                def refuse(where, credential, seconds):
                    raise Failure(common.LOGIN_REFUSED, "wrong password")
                await probe.login(refuse, probe.host)
            if mood in ("judges", "judges-late"):
                def judge(where, credential, seconds):
                    if mood == "judges-late":
                        with open(os.environ["MOOD_LOG"] + ".begun", "a") as file:
                            file.write(probe.host + "\\n")
                        while not os.path.exists(os.environ["MOOD_RELEASE"]):
                            time.sleep(0.01)
                    with open(os.environ["MOOD_LOG"], "a") as file:
                        file.write(f"{probe.host} {credential.password == 'right'}\\n")
                    if credential.password != "right":
                        raise Failure(common.LOGIN_REFUSED, "wrong password")
                    return LoginResult()
                await probe.login(judge, probe.host)
            if mood == "lost" and not further():
                rung.stop(common.THROTTLED, "not in the first process")
            if mood in ("slow-login", "lost"):
                def wait(where, credential, seconds):
                    with open(os.environ["MOOD_LOG"], "a") as file:
                        file.write(probe.host + (f" {os.getpid()}" if mood == "lost" else "") + "\\n")
                    while not os.path.exists(os.environ["MOOD_RELEASE"]):
                        time.sleep(0.01)
                    return LoginResult()
                await probe.login(wait, probe.host)
            if mood == "fatal-login":
                def end(where, credential, seconds):
                    with open(os.environ["MOOD_LOG"], "a") as file:
                        file.write(probe.host + "\\n")
                    os._exit(1)
                await probe.login(end, probe.host)
            if mood not in ("wrong", "judges", "judges-late", "slow-login", "lost"):
                await probe.login(lambda *given: LoginResult(), probe.host)
            rung.ok("logged in")
        async with probe.step(Step.ACCESS) as rung:
            rung.ok("read one")
"""


def install(where: Path) -> None:
    """Put the package into ``where``, as an installer would."""
    (where / "moodplugin.py").write_text(VERIFIER)
    info = where / "moodplugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: moodplugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[scanready.targets]\nmood = moodplugin:verify\n")


def environment(plugins: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a subprocess that finds scanready and the plug-in, and nothing of ours besides."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("SCANREADY_", "NO_COLOR", "COLUMNS"))
    }
    as_if_windows = os.environ.get("AS_IF_WINDOWS", "").split(os.pathsep)
    paths = [*filter(None, as_if_windows), str(ROOT / "verifiers"), str(plugins)]
    ours = {"PYTHONPATH": os.pathsep.join(paths), "SCANREADY_STORE": str(plugins / "runs.db")}
    return {**kept, **ours, **(extra or {})}


def command(*arguments: str) -> list[str]:
    """Return the command line to start."""
    return [sys.executable, "-m", "scanready", *arguments]


def run(plugins: Path, arguments: Sequence[str], extra: Mapping[str, str] | None = None, **options: Any) -> Any:
    """Run scanready to its end, in a process that is prepared; stdout and stderr are text."""
    return prepared.run(arguments, environment(plugins, extra), **options)


def run_fresh(plugins: Path, arguments: Sequence[str], extra: Mapping[str, str] | None = None, **options: Any) -> Any:
    """Run scanready to its end as its users do, interpreter and all; stdout and stderr are text."""
    return subprocess.run(
        command(*arguments),
        env=environment(plugins, extra),
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        text=True,
        timeout=HANG,
        check=False,
        **options,
    )


@contextlib.contextmanager
def started(plugins: Path, *arguments: str, **extra: str) -> Iterator[Any]:
    """Start scanready; what still runs at the end is killed. ``extra`` goes into the environment."""
    process = subprocess.Popen(
        command(*arguments),
        env=environment(plugins, extra),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def until(condition: Callable[[], bool], within: float = PATIENCE) -> None:
    """Wait until a condition holds; ``within`` is in seconds."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.01)
