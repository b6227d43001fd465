"""Measure four agents behind a message broker against four plain processes with the same shares (Linux, RabbitMQ).

    python -m benchmarks.fleet [--targets N] [--rounds N] [--silent N] [--json]

Each round checks the same targets twice: with four processes of ``scanready verify --as NAME`` at once, and with
``scanready fleet verify``, whose four agents wait at a broker on this machine. Both lift the bounds for firewalls. The
servers are those of farm.py. Prints the wall seconds of both and their ratio in the same round, the delay of the first
stored result, the peak memory of coordinator and agent, the bytes of tasks and results, the size of the files, and the
load of the machine. Compare the two of one round: absolute figures depend on the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.prober import addresses
from benchmarks.run import DELAY, ENVIRONMENT, LIFTED, ROOT, SCANREADY, VERIFIED, Farm, farm
from fixtures.fleet.rabbitmq import RabbitMq, missing
from fixtures.fleet.site import AGENTS, Site, site_definitions
from scanready.store import Store, StoreError

NAMES = AGENTS[:4]
#: Seconds that a silent target is waited for.
SILENT_TIMEOUT = 3
_LOOK = 0.02


@dataclass
class Round:
    """Hold the figures of one round.

    Attributes:
        plain, fleet: wall seconds of the two.
        first: seconds from the coordinator's start to its first stored result.
        coordinator, agent: peak memory in MiB; of the largest agent so far.
        tasks, results: bytes for each target between an agent and the broker, with AMQP's and TLS's own.
        store, journals: bytes on disk for each target, at the coordinator and at all agents.
        plain_cpu, agents_cpu, coordinator_cpu, broker_cpu: CPU milliseconds for each target.
        load: of the machine, one minute, at the end.
    """

    name: str
    targets: int
    plain: float
    fleet: float
    first: float
    coordinator: float
    agent: float
    tasks: float
    results: float
    store: float
    journals: float
    plain_cpu: float
    agents_cpu: float
    coordinator_cpu: float
    broker_cpu: float
    load: float

    @property
    def ratio(self) -> float:
        """The wall of the fleet by that of the plain processes."""
        return self.fleet / self.plain

    def line(self) -> str:
        """Return the row of the table."""
        return (
            f"{self.name:<18}{self.targets:>8}{self.plain:>9.2f}{self.fleet:>9.2f}{self.ratio:>7.2f}{self.first:>7.2f}"
            f"{self.coordinator:>12.0f}{self.agent:>7.0f}{self.tasks:>7.0f}{self.results:>9.0f}"
            f"{self.store:>7.0f}{self.journals:>9.0f}{self.plain_cpu:>8.2f}{self.agents_cpu:>8.2f}"
            f"{self.coordinator_cpu:>8.2f}{self.broker_cpu:>8.2f}{self.load:>7.1f}"
        )


TITLE = (
    f"{'':<18}{'targets':>8}{'plain s':>9}{'fleet s':>9}{'ratio':>7}{'1st s':>7}"
    f"{'coord. MiB':>12}{'agent':>7}{'task B':>7}{'result B':>9}{'store':>7}{'journal':>9}"
    f"{'CPU ms':>8}{'agents':>8}{'coord.':>8}{'broker':>8}{'load':>7}"
)


def write_inventory(path: Path, ports: dict[str, int], count: int, timeout: int) -> None:
    """Write hosts in equal parts for each type and agent, a target a line."""
    kinds = list(ports)
    agents = [f"  - {{name: {name}, sites: [here]}}" for name in NAMES]
    targets = [
        f"  - {{host: {address}, type: {kind}, port: {ports[kind]}, agents: [{name}]}}"
        for number, address in enumerate(addresses(count))
        for kind, name in [(kinds[number % len(kinds)], NAMES[number // len(kinds) % len(NAMES)])]
    ]
    lines = ["agents:", *agents, "defaults:", f"  timeout: {timeout}", "targets:", *targets, ""]
    path.write_text("\n".join(lines), encoding="utf-8")


def plain(folder: Path, inventory: Path) -> tuple[float, float]:
    """Run a plain process for each agent's share at once; return the wall seconds and those of the processor.

    Raises:
        SystemExit: one of them failed.
    """
    began, going, used = time.perf_counter(), [], 0.0
    for name in NAMES:
        store = folder / f"plain-{name}.db"
        command = [
            *SCANREADY,
            "verify",
            str(inventory),
            "--as",
            name,
            "--format",
            "jsonl",
            "--store",
            str(store),
            "-q",
            *LIFTED,
        ]
        with (folder / f"plain-{name}.jsonl").open("wb") as out:
            going.append(subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT, stdout=out, stdin=subprocess.DEVNULL))
    for process in going:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        used += usage.ru_utime + usage.ru_stime
    if any(process.returncode not in VERIFIED for process in going):
        raise SystemExit("a plain process failed")
    return time.perf_counter() - began, used


def fleet(site: Site, inventory: Path) -> tuple[float, float, float, float]:
    """Run ``fleet verify``; return its wall seconds, those to the first result, its peak memory in MiB and its CPU.

    Raises:
        SystemExit: it failed.
    """
    for old in site.folder.glob(f"{site.store.name}*"):
        old.unlink()
    began, first = time.perf_counter(), 0.0
    command = [*SCANREADY, "fleet", "verify", str(inventory), "--store", str(site.store)]
    with (site.folder / "fleet.out").open("wb") as out:
        process = subprocess.Popen(
            [*command, *site.at_broker("coordinator")], cwd=ROOT, env=ENVIRONMENT, stdout=out, stderr=out
        )
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        if not first and site.stored():
            first = time.perf_counter() - began
        time.sleep(_LOOK)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in VERIFIED:
        raise SystemExit((site.folder / "fleet.out").read_text(errors="replace")[-2000:])
    used = usage.ru_utime + usage.ru_stime
    took = time.perf_counter() - began
    return took, first or took, usage.ru_maxrss / 1024, used


def octets(broker: RabbitMq) -> tuple[int, int]:
    """Return the octets that the broker sent to the agents, and those that it received from them.

    Their connections last as long as they do. The broker updates its counts every few seconds.
    """
    sent = received = 0
    rows = broker.control("list_connections", "--no-table-headers", "user", "send_oct", "recv_oct").splitlines()
    for user, out, into in (row.split("\t") for row in rows):
        if user in NAMES:
            sent, received = sent + int(out), received + int(into)
    return sent, received


@dataclass
class Counts:
    """Hold what grows: octets to and from the agents, bytes of their files, and CPU seconds."""

    sent: int
    received: int
    journals: int
    agents: float
    broker: float

    @classmethod
    def of(cls, site: Site) -> Counts:
        """Read them."""
        journals = sum(_size(site.folder / f"{name}.db") for name in NAMES)
        return cls(*octets(site.broker), journals, sum(map(site.cpu, NAMES)), site.broker.cpu())


def measured(site: Site, running: Farm, name: str, count: int, timeout: int) -> Round:
    """Check the same targets both ways."""
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        inventory = folder / "estate.yaml"
        write_inventory(inventory, running.ports, count, timeout)
        seconds, plain_cpu = plain(folder, inventory)
        before = Counts.of(site)
        took, first, coordinator, coordinator_cpu = fleet(site, inventory)
        demand_results(site.store, count)
        after = Counts.of(site)
    return Round(
        name,
        count,
        seconds,
        took,
        first,
        coordinator,
        max(site.peak_memory(agent) for agent in NAMES),
        (after.sent - before.sent) / count,
        (after.received - before.received) / count,
        _size(site.store) / count,
        (after.journals - before.journals) / count,
        1000 * plain_cpu / count,
        1000 * (after.agents - before.agents) / count,
        1000 * coordinator_cpu / count,
        1000 * (after.broker - before.broker) / count,
        os.getloadavg()[0],
    )


def demand_results(store: Path, count: int) -> None:
    """Compare the number of stored results of the last run.

    Raises:
        SystemExit: some are missing.
    """
    try:
        with Store(store) as kept:
            run = kept.find("last")
    except StoreError as error:
        raise SystemExit(str(error)) from error
    if run.finished != count:
        raise SystemExit(f"{run.finished} of {count} results")


def _size(path: Path) -> int:
    return sum(one.stat().st_size for one in path.parent.glob(f"{path.name}*"))


@contextlib.contextmanager
def agents() -> Iterator[Site]:
    """Run a broker and the agents, and wait until each is ready."""
    if why := missing():
        raise SystemExit(why)
    with tempfile.TemporaryDirectory() as directory, RabbitMq(Path(directory), site_definitions()) as broker:
        folder = Path(directory, "site")
        folder.mkdir()
        with Site(folder, broker) as site:
            for name in NAMES:
                site.start(name, options=LIFTED)
            while not all("waiting for targets" in site.log(name) for name in NAMES):
                time.sleep(0.1)
                if not all(map(site.is_alive, NAMES)):
                    raise SystemExit("an agent ended: " + "".join(map(site.log, NAMES))[-2000:])
            yield site


def rounds(site: Site, count: int, silent: int, times: int) -> Iterator[Round]:
    """Yield the rounds, the cases in turn."""
    cases = [("answers at once", count, (), 10), ("after 50 ms", count, ("--delay", str(DELAY)), 10)]
    if silent:
        cases.append((f"silent, {SILENT_TIMEOUT} s", silent, ("--silent",), SILENT_TIMEOUT))
    for _ in range(times):
        for name, targets, options, timeout in cases:
            with farm(*options) as running:
                yield measured(site, running, name, targets, timeout)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--targets", type=int, default=4000, help="of all agents together (default: %(default)s)")
    parser.add_argument("--silent", type=int, default=2000, help="targets that never answer (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="one JSON object per line in place of the table")
    arguments = parser.parse_args()
    found: dict[str, list[float]] = {}
    with agents() as site:
        if not arguments.json:
            print(TITLE)
        for one in rounds(site, arguments.targets, arguments.silent, arguments.rounds):
            found.setdefault(one.name, []).append(one.ratio)
            print(json.dumps(asdict(one) | {"ratio": one.ratio}) if arguments.json else one.line(), flush=True)
    for name, ratios in found.items():
        print(f"{name}: median ratio {statistics.median(ratios):.2f}", file=sys.stderr)


if __name__ == "__main__":
    main()
