"""Compare this version with another one, and with other scanners, in one run (Linux).

    python -m benchmarks.compare --against DIR [--rows NAME,...] [--size N] [--rounds N]
    python -m benchmarks.compare --scanner 'nmap=nmap -n -Pn -sV -p {port} -iL {hosts}' --rows mysql,ssh --size 200
    python -m benchmarks.compare --scanner 'zgrab2=zgrab2 {type} -p {port} -f {hosts} --senders 1000'

DIR is a checkout of another version, such as ``git worktree add ../before v0.1.0``. A scanner is any command, run once
for each type of the row: ``{hosts}`` is a file of addresses, one a line, ``{type}`` the name of the protocol and
``{port}`` its port.

The servers run on one core and everything that is measured on another one. The rounds are interleaved, and the best
round of each counts. The figures of a row are ratios to this version, so they depend little on the machine:

    speed       how many times as fast this version is
    CPU         the CPU time of this version, divided by theirs
    memory      the peak memory of this version, divided by theirs

The bare client of prober.py is always there: it parses nothing and is the limit of the machine and the servers.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.exchanges import EXCHANGES
from benchmarks.prober import addresses
from benchmarks.run import LIFTED, ROOT, VERIFIED, Farm, execute, farm, inventory

#: Seconds by which the servers of the row `delay` hold back each answer.
DELAY = "0.05"
#: The prober as a command of its own, so that it is measured as the others are: ports as TYPE=PORT, then the number.
_PROBE = (
    "import sys; from benchmarks.prober import probe; "
    "ports = dict(word.split('=') for word in sys.argv[2:]); "
    "score = probe({name: int(port) for name, port in ports.items()}, int(sys.argv[1])); "
    "sys.exit(repr(score.wrong) if score.wrong else 0)"
)


@dataclass(frozen=True)
class Row:
    """A row of the table: the types of its targets (all of the farm if empty), and the options of farm and verify."""

    name: str
    types: tuple[str, ...] = ()
    farming: tuple[str, ...] = ()
    verifying: tuple[str, ...] = ()

    @property
    def silent(self) -> bool:
        """Whether its targets never answer: only versions of scanready are measured then."""
        return "--silent" in self.farming


def _dead(seconds: int) -> Row:
    return Row(f"dead-{seconds}", (), ("--silent",), ("--timeout", str(seconds), "--concurrency", "{size}"))


ROWS = {
    row.name: row
    for row in (
        Row("mixed"),
        Row("delay", (), ("--delay", DELAY)),
        *(Row(name, (name,)) for name in EXCHANGES),
        _dead(3),
        _dead(10),
    )
}


@dataclass(frozen=True)
class Figure:
    """Wall seconds, CPU seconds and peak memory in MiB of one command, or of several one after another."""

    seconds: float
    cpu: float
    memory: float

    def with_(self, other: Figure) -> Figure:
        """Return the figure of both, one after the other."""
        return Figure(self.seconds + other.seconds, self.cpu + other.cpu, max(self.memory, other.memory))

    def best(self, other: Figure) -> Figure:
        """Return the best of two rounds, each figure for itself."""
        return Figure(min(self.seconds, other.seconds), min(self.cpu, other.cpu), min(self.memory, other.memory))


class Version:
    """A version of scanready in a checkout."""

    def __init__(self, name: str, root: Path) -> None:
        self.name, self._root = name, root
        self._lifted = LIFTED if "--half-open" in self._help() else []

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, str(self._root / "cli.py"), *words]  # it finds the package beside itself

    def _help(self) -> str:
        if not (self._root / "cli.py").is_file():
            raise SystemExit(f"{self._root} has no scanready that runs: there is no cli.py")
        done = subprocess.run(self._command("verify", "--help"), capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{self._root} has no scanready that runs: {done.stderr[-500:]}")
        return done.stdout

    def run(self, running: Farm, row: Row, size: int, folder: Path) -> Figure:
        """Verify the targets of a row.

        Raises:
            SystemExit: the command failed.
        """
        listed, output, errors = (folder / name for name in ("inventory.yaml", "results", "errors"))
        inventory(listed, _ports(running, row), size)
        options = [word.format(size=size) for word in row.verifying]
        store = folder / "runs.db"
        command = self._command(
            "verify", "--format", "jsonl", "--store", str(store), *self._lifted, *options, str(listed)
        )
        code, *figures = execute(command, output, errors)
        store.unlink(missing_ok=True)
        with output.open("rb") as lines:
            results = sum(1 for _ in lines)
        if code not in VERIFIED or results != size:
            words = errors.read_text(errors="replace")[-2000:]
            raise SystemExit(f"{words}\n{self.name}: exit code {code}, {results} of {size} results")
        return Figure(*figures)


class Scanner:
    """Another scanner, or the bare client: a command for each type."""

    def __init__(self, name: str, words: list[str]) -> None:
        self.name, self._words = name, words

    def run(self, running: Farm, row: Row, size: int, folder: Path) -> Figure:
        """Run it on the targets of each type of a row.

        Raises:
            SystemExit: the command failed.
        """
        total = Figure(0.0, 0.0, 0.0)
        ports = _ports(running, row)
        for type_, hosts in _shares(list(ports), size).items():
            listed, errors = folder / "hosts.txt", folder / "errors"
            listed.write_text("\n".join([*hosts, ""]), encoding="utf-8")
            places = {"type": type_, "port": ports[type_], "hosts": str(listed)}
            code, *figures = execute([word.format(**places) for word in self._words], Path(os.devnull), errors)
            if code:
                raise SystemExit(f"{errors.read_text(errors='replace')[-2000:]}\n{self.name}: exit code {code}")
            total = total.with_(Figure(*figures))
        return total


class Prober:
    """The bare client."""

    name = "bare client"

    def run(self, running: Farm, row: Row, size: int, folder: Path) -> Figure:
        """Probe the targets of a row.

        Raises:
            SystemExit: a server gave a wrong answer.
        """
        ports = [f"{name}={port}" for name, port in _ports(running, row).items()]
        errors = folder / "errors"
        code, *figures = execute([sys.executable, "-c", _PROBE, str(size), *ports], Path(os.devnull), errors)
        if code:
            raise SystemExit(f"the servers are broken: {errors.read_text(errors='replace')[-2000:]}")
        return Figure(*figures)


Contender = Version | Scanner | Prober


def _ports(running: Farm, row: Row) -> dict[str, int]:
    return {name: port for name, port in running.ports.items() if not row.types or name in row.types}


def _shares(types: list[str], size: int) -> dict[str, list[str]]:
    """Return the addresses of each type, as an inventory of the row has them."""
    shares: dict[str, list[str]] = {name: [] for name in types}
    for number, address in enumerate(addresses(size)):
        shares[types[number % len(types)]].append(address)
    return shares


def compare(row: Row, contenders: list[Contender], size: int, rounds: int, core: int) -> dict[str, Figure]:
    """Measure a row; return the best figures of each contender."""
    found: dict[str, Figure] = {}
    with tempfile.TemporaryDirectory() as folder, farm("--core", str(core), *row.farming) as running:
        for _ in range(rounds):
            for one in contenders:
                if row.silent and not isinstance(one, Version):
                    continue
                figure = one.run(running, row, size, Path(folder))
                found[one.name] = figure.best(found.get(one.name, figure))
    return found


def lines(row: Row, size: int, found: dict[str, Figure], ours: str) -> Iterator[str]:
    """Yield a line for each contender: its figures, and this version's as ratios to them."""
    own = found[ours]
    for name, figure in found.items():
        ratios = (figure.seconds / own.seconds, own.cpu / figure.cpu, own.memory / figure.memory)
        yield (
            f"| {row.name} | {size:,} | {name} | {size / figure.seconds:,.0f} | {1000 * figure.cpu / size:.3f} "
            f"| {figure.memory:.0f} | " + " | ".join("" if name == ours else f"{ratio:.2f}" for ratio in ratios) + " |"
        )


HEAD = (
    "| row | targets | | targets/s | CPU s per 1,000 | peak MiB | speed | CPU | memory |",
    "|---|---:|---|---:|---:|---:|---:|---:|---:|",
)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, metavar="DIR", help="a checkout of another version")
    parser.add_argument("--scanner", action="append", default=[], metavar="NAME=COMMAND", help="another scanner")
    parser.add_argument(
        "--rows", default="mixed,delay,mysql,mssql", help=f"of {', '.join(ROWS)} (default: %(default)s)"
    )
    parser.add_argument("--size", type=int, default=10_000, help="targets of each row (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many counts (default: %(default)s)")
    found = parser.parse_args()
    if unknown := [name for name in found.rows.split(",") if name not in ROWS]:
        parser.error(f"unknown row {', '.join(unknown)}: choose from {', '.join(ROWS)}")
    if wrong := [one for one in found.scanner if "{hosts}" not in one.partition("=")[2]]:
        parser.error(f"--scanner needs NAME=COMMAND with {{hosts}}, the file of the addresses: {wrong[0]}")
    return found


def main() -> None:
    """Print the table as Markdown, each row when it is measured."""
    options = _arguments()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[0]})  # the measured commands inherit it
    ours = Version("this version", ROOT)
    contenders: list[Contender] = [ours, Prober()]
    if options.against:
        contenders.insert(1, Version("other version", options.against.resolve()))
    for given in options.scanner:
        name, _, command = given.partition("=")
        contenders.append(Scanner(name, shlex.split(command)))
    print(*HEAD, sep="\n", flush=True)
    for row in map(ROWS.__getitem__, options.rows.split(",")):
        found = compare(row, contenders, options.size, options.rounds, cores[-1])
        print(*lines(row, options.size, found, ours.name), sep="\n", flush=True)


if __name__ == "__main__":
    main()
