"""Servers that feed a message without an end, byte by byte: the deadline holds, SIGTERM works, no other target notices.

Every target type meets every flood of every codec (tests/wire/floods.py), so each type meets those of its own protocol;
the other ones it recognises by their first bytes.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from fixtures.emulators import Behaviour, Server, misbehave, postgresql, serve
from fixtures.limits import HANG, PATIENCE
from tests.ladder import BY_NAME, TYPES
from tests.wire.floods import all_floods

ROOT = Path(__file__).parents[2]
#: Seconds for one target, and between two bytes of a server.
TIMEOUT, INTERVAL = 3.0, 0.004
#: Bytes of a flood, which the limits of most readers bear, and how many of them come one by one: the others come first,
#: so that a reader which begins anew has much to do for each.
SIZE, SINGLY = 60_000, 1000
#: CPU seconds for which one task may keep the loop (of the machine of tests/pace.py), apart from the ten times that the
#: collector of garbage and a busy machine make longer: a reader that begins anew makes each of a thousand steps long.
#: (The work of a whole turn for one stream is bounded in tests/net/contract.)
LONGEST_TURN = 0.05
#: Types that climb in one process, for it would not be the servers that make more of them late.
AT_ONCE = 3
#: Checks of the healthy target that go on at any time while the others are fed.
BESIDE = 3

#: The bytes before some floods: the server's part of a talk up to there.
OPENINGS = {
    "wire.imap.read_answer": b"* OK ready\r\n",
    "wire.ssh.read_kexinit": b"SSH-2.0-OpenSSH_9.2\r\n",
    "wire.postgresql.read_startup_answer": b"N",
    "wire.postgresql.read_session": b"NR\0\0\0\x08\0\0\0\0",
}

#: Servers before the time is taken: a target, and a foreign protocol, load modules the first time.
FIRST = {"closing": misbehave.closes_at_once, "foreign": misbehave.says(b"220 mail.example ESMTP Postfix\r\n")}

CLIMB = """
import asyncio, heapq, json, sys, time
from scanready import Settings, Target, verify, verify_all
from scanready.run.settings import own_agent
from tests.pace import held_up, slowness

longest = [0.0] * 10  # the ten longest callbacks
run_callback = asyncio.Handle._run

def metered(handle):
    began = time.thread_time()
    run_callback(handle)
    heapq.heappushpop(longest, time.thread_time() - began)

asyncio.Handle._run = metered

def settings(seconds, agent=None):
    return Settings(timeout=seconds, per_host=1000, canary=False, agent=agent)

async def climb(agent, ports):
    fitting = [(name, options) for name, its, options in asked["types"] if its == agent]
    targets = [Target("127.0.0.1", name, port, options) for name, options in fitting for port in ports.values()]
    names = {port: name for name, port in ports.items()}
    found = []
    async for report in verify_all(targets, settings(asked["timeout"], own_agent(platform=agent))):
        cause = report.cause.code if report.cause else None
        found.append([report.target.type, names[report.target.port], report.verdict, cause, report.seconds])
    return found

async def all_types(ports):
    agents = {agent for _, agent, _ in asked["types"]}
    return sum(await asyncio.gather(*(climb(agent, ports) for agent in agents)), [])

async def healthy():
    report = await verify(Target("127.0.0.1", "postgresql", asked["healthy"]), settings(asked["patience"]))
    return report.verdict, report.seconds

async def watch(beside, fed):
    while not fed.is_set():  # each begins while the others are fed, and is waited for
        beside.append(await healthy())
        await asyncio.sleep(0.1)

async def main():
    await all_types(asked["first"])  # loads what is loaded on first use
    global longest
    beside, (control, _) = [], await healthy()
    longest, held, fed = [0.0] * 10, held_up(), asyncio.Event()
    watching = [asyncio.create_task(watch(beside, fed)) for _ in range(asked["beside"])]
    found = await all_types(asked["feeding"])
    fed.set()
    await asyncio.gather(*watching)
    told = {"found": found, "held": held_up() - held, "control": control, "beside": beside}
    print(json.dumps(told | {"longest": longest[0] / slowness()}))

asked = json.load(sys.stdin)
asyncio.run(main())
"""


def feeds() -> dict[str, bytes]:
    """Return each flood once, after its opening, by a name."""
    found: dict[bytes, str] = {}
    for reader, floods in all_floods().items():
        for what, flood in floods.items():
            found.setdefault(OPENINGS.get(reader, b"") + flood(SIZE), f"{reader}: {what}")
    return {name: data for data, name in found.items()}


FEEDS = feeds()


def feeding(data: bytes, interval: float) -> Behaviour:
    """Return a server that sends most of ``data`` at once, and the rest byte by byte."""
    first, rest = data[:-SINGLY], data[-SINGLY:]
    return misbehave.sends(lambda: [first, *(rest[at : at + 1] for at in range(len(rest)))], interval)


@contextmanager
def serving(behaviours: dict[str, Behaviour]) -> Iterator[dict[str, Server]]:
    """Serve all of them on one loop in a thread of its own; yield the servers."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="feeding")
    thread.start()
    stack = AsyncExitStack()

    async def begin() -> dict[str, Server]:
        return {name: await stack.enter_async_context(serve(each)) for name, each in behaviours.items()}

    try:
        yield asyncio.run_coroutine_threadsafe(begin(), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(stack.aclose(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, int]]:
    """The ports of all feeding servers, of those before them, and of one that is healthy."""
    slow = {name: feeding(data, INTERVAL) for name, data in FEEDS.items()}
    with serving({**slow, **FIRST, "healthy": postgresql.trust}) as found:
        yield {name: server.port for name, server in found.items()}


def asked_of(types: list[str], ports: dict[str, int]) -> dict[str, Any]:
    """Return what CLIMB is asked: these types at each feeding server."""
    rows = [BY_NAME[name] for name in types]
    # Without these nothing would be asked.
    options = [
        {one.name: True for one in row.options if one.name in ("allow_login_probe", "on_master")} for row in rows
    ]
    agents = ["Windows" if row.name == "notes" else row.requirements.agent for row in rows]
    return {
        "types": list(zip(types, agents, options, strict=True)),
        "feeding": {name: ports[name] for name in FEEDS},
        "first": {name: ports[name] for name in FIRST},
        "healthy": ports["healthy"],
        "timeout": TIMEOUT,
        "patience": PATIENCE,
        "beside": BESIDE,
    }


def groups() -> Iterator[Any]:
    """Yield the types, some at once."""
    names = iter(sorted(row.name for row in TYPES))
    while together := list(itertools.islice(names, AT_ONCE)):
        yield pytest.param(together, id="-".join(together))


def environment() -> dict[str, str]:
    """Return the environment of a process that runs this tree."""
    return dict(os.environ, PYTHONPATH=f"{ROOT / 'verifiers'}{os.pathsep}{ROOT}")


@pytest.mark.parametrize("types", list(groups()))
def test_a_server_that_feeds_byte_by_byte_harms_no_one(types: list[str], servers: dict[str, int]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CLIMB],
        input=json.dumps(asked_of(types, servers)),
        capture_output=True,
        text=True,
        env=environment(),
        timeout=HANG,
    )
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert {name for name, *_ in outcome["found"]} == set(types)
    assert len(outcome["found"]) == len(types) * len(FEEDS)
    # Time that other processes took is no fault of a reader; one that begins anew computes for 13 s itself.
    latest = TIMEOUT * 1.1 + outcome["held"]
    assert not [found for found in outcome["found"] if found[-1] > latest], "late"
    assert not [found for found in outcome["found"] if found[3] == "scanready.bug"]
    assert {name for name, _, verdict, *_ in outcome["found"] if verdict == "ready"} <= {"master"}
    assert {verdict for verdict, _ in outcome["beside"]} == {outcome["control"]}, "the healthy target noticed it"
    assert all(seconds < latest for _, seconds in outcome["beside"]), "the healthy target waited"
    assert len(outcome["beside"]) >= BESIDE
    assert outcome["longest"] < LONGEST_TURN


@pytest.mark.parametrize("interval", [INTERVAL, 0.0], ids=["slowly", "as fast as it goes"])
def test_sigterm_is_obeyed_at_once(interval: float, tmp_path: Path) -> None:
    """The first one is answered while the servers feed; the second ends the process."""
    with serving({name: feeding(data, interval) for name, data in FEEDS.items()}) as servers:
        meets = [(row, name) for row in TYPES for name in FEEDS if {row.speaks, row.name} & set(re.split(r"\W", name))]
        lines = [f"  - {row.name}://127.0.0.1:{servers[name].port}\n" for row, name in meets]
        inventory = tmp_path / "estate.yaml"
        inventory.write_text("targets:\n" + "".join(lines))
        command = [sys.executable, "-m", "scanready", "verify", str(inventory), "--no-canary", "--per-host", "50"]
        with subprocess.Popen(
            [*command, "--timeout", "100"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        ) as process:
            assert process.stderr is not None
            try:
                ends = time.monotonic() + HANG
                while sum(bool(server.connections) for server in servers.values()) < 5 and time.monotonic() < ends:
                    time.sleep(0.05)
                process.send_signal(signal.SIGTERM)
                assert "interrupted" in process.stderr.readline()
                process.send_signal(signal.SIGTERM)
                process.wait(HANG)
            finally:
                process.kill()
    assert process.returncode == 130
