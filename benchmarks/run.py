"""Measure the speed of scanready and the cost of a target (Linux).

    python -m benchmarks.run [--sizes N,N,...] [--json] [--only-jobs | --only-start] [-- OPTION...]

It runs ``scanready verify`` as its users do, against a farm on this machine (see farm.py). It prints targets per
second, CPU seconds per 1,000 targets and peak memory for three cases: plain throughput, answers delayed by 50 ms, and
targets that never answer. The rows `jobs` compare one process with two, the servers on one of the cores. Plain
throughput over loopback does not test concurrency; the other two cases do. Absolute figures depend on the machine:
compare the lines of one run. ``--only-start`` measures when ``check`` and ``verify`` send their first packet.
Options after ``--`` are passed to ``verify``.

All rows lift the three bounds for firewalls, since none is in the way: --half-open 0 --connect-rate 0 --per-net 0.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

from benchmarks.prober import addresses, probe

ROOT = Path(__file__).parents[1]
SCANREADY = [sys.executable, "-m", "scanready"]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "verifiers"), os.environ.get("PYTHONPATH", "")])}
#: The exit codes with which ``verify`` has results: all can be scanned, some are blocked, some are undecided.
VERIFIED = (0, 1, 3)
#: There is no firewall within this machine; with the bounds, each row would only measure them.
LIFTED = ["--half-open", "0", "--connect-rate", "0", "--per-net", "0"]
DELAY, SILENT_TARGETS, SILENT_TIMEOUT = 0.05, 2_000, 3


@dataclass
class Measured:
    """Hold one run's wall seconds, CPU seconds (user and system), peak memory in MiB, and number of each verdict."""

    name: str
    targets: int
    seconds: float
    cpu: float
    memory: float
    verdicts: dict[str, int]
    broken_off: int = 0

    def line(self) -> str:
        """Return the row of the table."""
        found = ", ".join(f"{count} {verdict}" for verdict, count in sorted(self.verdicts.items())) or "-"
        return (
            f"{self.name:<26}{self.targets:>8}{self.seconds:>9.2f}{self.targets / self.seconds:>11.0f}"
            f"{1000 * self.cpu / self.targets:>12.3f}{self.memory:>10.1f}{self.broken_off:>12}  {found}"
        )


COLUMNS = ("targets", "seconds", "targets/s", "CPU s/1000", "peak MiB", "broken off")
TITLE = "{:<26}{:>8}{:>9}{:>11}{:>12}{:>10}{:>12}  found".format("", *COLUMNS)


class Farm:
    """The process of the servers, its ports, and its counts after the end."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-m", "benchmarks.farm", *options]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.ports: dict[str, int] = json.loads(self._process.stdout.readline())
        self.finished = self.broken_off = 0

    def stop(self) -> None:
        """Stop the farm; unfinished exchanges mean that the verifier broke off connections, or reached its limit."""
        output, _ = self._process.communicate(timeout=60)
        counts = json.loads(output).values()
        self.finished = sum(finished for finished, _ in counts)
        self.broken_off = sum(broken for _, broken in counts)


@contextlib.contextmanager
def farm(*options: str) -> Iterator[Farm]:
    """Run the servers with these options."""
    running = Farm(*options)
    try:
        yield running
    finally:
        running.stop()


def inventory(path: Path, ports: dict[str, int], count: int) -> None:
    """Write an inventory of ``count`` hosts, the same number of each type."""
    hosts = defaultdict(list)
    names = list(ports)
    for number, address in enumerate(addresses(count)):
        hosts[names[number % len(names)]].append(address)
    lines = [f"  - {{hosts: [{', '.join(those)}], type: {name}, port: {ports[name]}}}" for name, those in hosts.items()]
    path.write_text("\n".join(["targets:", *lines, ""]), encoding="utf-8")


def execute(command: list[str], output: Path, errors: Path) -> tuple[int, float, float, float]:
    """Run ``command``; return its exit code, wall seconds, CPU seconds and peak memory in MiB.

    The peak is never below that of this process, since the kernel includes the memory before exec.
    """
    with output.open("wb") as stdout, errors.open("wb") as stderr:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=ROOT, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def verify(name: str, running: Farm, count: int, options: list[str]) -> Measured:
    """Verify ``count`` targets of the farm.

    Raises:
        SystemExit: the command failed, or not every target has a result.
    """
    with tempfile.TemporaryDirectory() as directory:
        listed, output, errors = (Path(directory, name) for name in ("inventory.yaml", "results.jsonl", "errors"))
        inventory(listed, running.ports, count)
        command = [*SCANREADY, "verify", "--format", "jsonl", "--store", str(Path(directory, "runs.db"))]
        command += [*LIFTED, *options]
        command.append(str(listed))
        code, seconds, cpu, memory = execute(command, output, errors)
        with output.open(encoding="utf-8") as lines:
            verdicts = Counter(json.loads(line)["verdict"] for line in lines)
        if code not in VERIFIED or verdicts.total() != count:
            messages = errors.read_text(errors="replace")[-2000:]
            raise SystemExit(f"{messages}\nverify: exit code {code}, {verdicts.total()} of {count} results")
    return Measured(name, count, seconds, cpu, memory, dict(verdicts))


def measure(sizes: list[int], options: list[str]) -> Iterator[Measured]:
    """Yield the measurements one by one."""
    held_back = ["--delay", str(DELAY)]
    patience = [*options, "--timeout", str(SILENT_TIMEOUT)]
    cases: list[tuple[str, int, list[str], list[str]]] = [
        *((f"answers at once, {size}", size, [], options) for size in sizes),
        *((f"answers after 50 ms, {size}", size, held_back, options) for size in sizes),
        (f"silent, timeout {SILENT_TIMEOUT} s", SILENT_TARGETS, ["--silent"], patience),
    ]
    for name, size, farming, verifying in cases:
        with farm(*farming) as running:
            measured = verify(name, running, size, verifying)
        if "--silent" not in farming:  # a silent farm has no exchanges that could be broken off
            measured.broken_off = running.broken_off
        yield measured


def jobs(size: int, options: list[str], repetitions: int = 2) -> Iterator[Measured]:
    """Yield the best run of one process and of two, interleaved, with the servers on one of this process' cores."""
    core = max(os.sched_getaffinity(0))
    best: dict[str, Measured] = {}
    with farm("--core", str(core)) as running:
        for _ in range(repetitions):
            for number in ("1", "2"):
                found = verify(f"jobs {number}, {size}", running, size, [*options, "--jobs", number])
                best[number] = min(found, best.get(number, found), key=lambda one: one.seconds)
    yield from best.values()


def ratio(one: Measured, two: Measured) -> str:
    """Return how much faster two processes were than one, and their CPU time against that of one."""
    return (
        f"jobs 2 against jobs 1: {one.seconds / two.seconds:.2f} times as fast, {two.cpu / one.cpu:.2f} of the CPU time"
    )


def ceiling(count: int) -> Measured:
    """Measure the servers with a client that parses nothing and compares every byte of the answers.

    Raises:
        SystemExit: the farm sent a wrong answer.
    """
    with farm() as running:
        before = time.process_time()
        score = probe(running.ports, count)
        cpu = time.process_time() - before
    if score.wrong or running.broken_off:
        raise SystemExit(f"the farm is broken: {dict(score.wrong)} wrong, {running.broken_off} broken off")
    return Measured("bare client (ceiling)", count, score.seconds, cpu, 0.0, {})


def start_up(best_of: int = 5) -> float:
    """Return the milliseconds that ``scanready --help`` takes, the best of several runs."""
    nowhere = Path(os.devnull)
    return 1000 * min(execute([*SCANREADY, "--help"], nowhere, nowhere)[1] for _ in range(best_of))


def first_packet(command: str, type_: str, best_of: int = 9) -> float:
    """Return the milliseconds until ``check`` or ``verify`` of one target sends its first SYN, the best of several."""
    with socket.create_server(("127.0.0.1", 0)) as server, tempfile.TemporaryDirectory() as directory:
        server.settimeout(30)
        store, port = str(Path(directory, "runs.db")), server.getsockname()[1]
        target, listed = f"{type_}://127.0.0.1:{port}", Path(directory, "inventory.yaml")
        listed.write_text(f"targets: [{target}]\n", encoding="utf-8")
        words = [*SCANREADY, command, str(listed) if command == "verify" else target, "--store", store]
        return 1000 * min(_until_accepted(words, server) for _ in range(best_of))


def _until_accepted(command: list[str], server: socket.socket) -> float:
    """Return the seconds until a command connects; it is not needed any more then."""
    nothing = subprocess.DEVNULL
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT, stdin=nothing, stdout=nothing, stderr=nothing)
    try:
        server.accept()[0].close()
        return time.perf_counter() - began
    finally:
        process.kill()
        process.wait()


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sizes", default="100,1000,10000", help="how many targets (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="one JSON object per line in place of the table")
    parser.add_argument("--only-jobs", action="store_true", help="only compare one process with two")
    parser.add_argument("--only-start", action="store_true", help="only measure the start of the commands")
    parser.add_argument("options", nargs="*", metavar="OPTION", help="passed on to scanready verify (after --)")
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.sizes.split(",")]
    if arguments.only_start:
        start(as_json=arguments.json)
        return
    if not arguments.json:
        print(f"bounds for firewalls are lifted: {' '.join(LIFTED)}\n{TITLE}")

    def show(measured: Measured) -> Measured:
        print(json.dumps(asdict(measured)) if arguments.json else measured.line(), flush=True)
        return measured

    for measured in [] if arguments.only_jobs else chain([ceiling(max(sizes))], measure(sizes, arguments.options)):
        show(measured)
    one, two = map(show, jobs(max(sizes), arguments.options))
    if not arguments.json:
        print(ratio(one, two))
    start(as_json=arguments.json)


def start(*, as_json: bool) -> None:
    """Measure and print how long the commands take to start."""
    found = {"scanready --help": start_up()}
    for command, type_ in (("check", "mysql"), ("check", "ssh"), ("verify", "mysql")):
        found[f"first packet, {command} {type_}"] = first_packet(command, type_)
    for name, milliseconds in found.items():
        line = {"name": name, "milliseconds": milliseconds}
        print(json.dumps(line) if as_json else f"{name}: {milliseconds:.0f} ms")


if __name__ == "__main__":
    main()
