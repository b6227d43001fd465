"""Change a module in small ways, one at a time, and count the changes that its own tests notice.

    script/mutate guard --count 50
    script/mutate verifiers/scanready/wire/mysql.py --tests "tests/wire/test_mysql.py" -o mutants.json

Each mutant runs in a temporary copy of the project, so that a crash leaves the sources as they are. To be quick, a run
is a fork of a process that has imported pytest and every foreign module the tests use. A fork that fails, dies or
outlasts its time has noticed the change. Survivors are shown: each is a missing test, or a change without effect. Those
without effect stand with a reason in script/mutate-survivors.toml; any other makes the exit code 1.

A run may take ten times as long as the unchanged tests, at least 10 s and at most ``--timeout``.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import random
import shlex
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from mutations import Mutant, Mutator
from style_prose import files

ROOT = Path(__file__).resolve().parent.parent
PROCESSES = 2
# Tests that draw by chance find a change today and not tomorrow: the count would not be the same each time.
PYTEST = ("-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not hypothesis")
LOG, MODULES = "mutate.log", "mutate-imports.json"


@dataclass(frozen=True, slots=True)
class Job:
    """The sources to change, the tests that judge them, and the longest time of a run."""

    root: Path
    sources: tuple[tuple[str, tuple[str, ...]], ...]
    tests: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Change:
    """A mutant and the file it belongs to."""

    path: str
    mutant: Mutant
    source: str


@dataclass(slots=True)
class Result:
    """The outcome of one run: ``killed`` by a failure or by ``timeout``, or ``survived``."""

    change: Change
    outcome: str
    seconds: float


@dataclass(slots=True)
class Copy:
    """A copy of the project, and the process that runs in it."""

    root: Path
    change: Change | None = None
    pid: int = 0
    started: float = field(default=0.0)

    def start(self, job: Job, change: Change | None) -> None:
        """Fork a run of the tests, with one change or, for the baseline, with none."""
        self.change, self.started = change, time.monotonic()
        if change is not None:
            (self.root / change.path).write_text(change.mutant.apply(change.source), encoding="utf-8")
        self.pid = os.fork()
        if not self.pid:
            _run_tests(self.root, job.tests, baseline=change is None)

    def poll(self, seconds: float) -> str:
        """Return the outcome if the run has ended or its time is over; else an empty string."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        late = time.monotonic() - self.started > seconds
        if not pid and not late:
            return ""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)  # the tests' own children too
        if not pid:
            os.waitpid(self.pid, 0)
        if self.change is not None:
            (self.root / self.change.path).write_text(self.change.source, encoding="utf-8")
        if not pid:
            return "timeout"
        return "survived" if os.waitstatus_to_exitcode(status) == 0 else "killed"


def _run_tests(root: Path, tests: Sequence[str], *, baseline: bool) -> None:
    """Run the tests in this forked process, and end it with their exit code."""
    code = 1
    try:
        os.setsid()
        log = os.open(root / LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.chdir(root)
        places = [str(root / "verifiers"), str(root)]
        sys.path[:0] = places
        os.environ["PYTHONPATH"] = os.pathsep.join(places)
        if not baseline:  # neither this process nor its children may keep the byte code of a change
            sys.dont_write_bytecode = True
            os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        before = set(sys.modules)
        code = int(pytest.main([*PYTEST, *tests]))
        if baseline:
            (root / MODULES).write_text(json.dumps(_foreign(root, before)), encoding="utf-8")
    finally:
        os._exit(code)


def _foreign(root: Path, before: set[str]) -> list[str]:
    """Name the modules that the tests imported from outside the project."""
    own = (str(root), str(ROOT / "verifiers"), str(ROOT / "tests"))
    files_of = {name: getattr(module, "__file__", None) or "" for name, module in sys.modules.items()}
    return [name for name, file in files_of.items() if name not in before and file and not file.startswith(own)]


def run(job: Job, count: int, seed: int) -> list[Result]:
    """Choose mutants by the seed and run them in parallel; results come in the order of files and lines.

    Raises:
        SystemExit: there is nothing to change, or the tests fail without a change.
    """
    changes = _choose(job, count, seed)
    with tempfile.TemporaryDirectory(prefix="mutate-") as scratch:
        copies = [Copy(Path(scratch, str(number))) for number in range(PROCESSES)]
        for copy in copies:
            _copy_project(job.root, copy.root)
        seconds = _prepare(job, copies)
        results = list(_run_all(job, copies, changes, seconds))
    return sorted(
        results, key=lambda result: (result.change.path, result.change.mutant.start, result.change.mutant.text)
    )


def _choose(job: Job, count: int, seed: int) -> list[Change]:
    changes = []
    for path, names in job.sources:
        source = (job.root / path).read_text(encoding="utf-8")
        changes += [Change(path, mutant, source) for mutant in Mutator(source, names).mutants()]
    if not changes:
        raise SystemExit("nothing to change: no such function, or no statement in it")
    return random.Random(seed).sample(changes, min(count, len(changes)))


def _copy_project(root: Path, copy: Path) -> None:
    """Copy the files that belong to the project, without caches and environments."""
    for path in files(root):
        target = copy / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)


def _prepare(job: Job, copies: Sequence[Copy]) -> float:
    """Run the tests unchanged in each copy, keep their byte code, and import their foreign modules here.

    Returns the seconds that a run with a change may take.
    """
    slowest = 0.0
    for copy in copies:
        copy.start(job, None)
        while not (outcome := copy.poll(10 * job.seconds)):
            time.sleep(0.02)
        if outcome != "survived":
            log = (copy.root / LOG).read_text(encoding="utf-8", errors="replace")
            raise SystemExit(f"the tests fail without a change ({outcome}):\n{log[-2000:]}")
        slowest = max(slowest, time.monotonic() - copy.started)
        for path, _ in job.sources:  # its byte code would hide a change that keeps the size and the second
            stem = Path(path).stem
            for compiled in (copy.root / path).parent.glob(f"__pycache__/{stem}.*.pyc"):
                compiled.unlink()
        for name in json.loads((copy.root / MODULES).read_text(encoding="utf-8")):
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    return min(job.seconds, max(10.0, 10 * slowest))


def _run_all(job: Job, copies: Sequence[Copy], changes: Sequence[Change], seconds: float) -> Iterator[Result]:
    """Keep every copy busy until all changes have run."""
    waiting, free = list(reversed(changes)), list(copies)
    busy: list[Copy] = []
    while waiting or busy:
        while waiting and free:
            copy = free.pop()
            copy.start(job, waiting.pop())
            busy.append(copy)
        time.sleep(0.01)
        for copy in list(busy):
            if outcome := copy.poll(seconds):
                assert copy.change is not None
                yield Result(copy.change, outcome, round(time.monotonic() - copy.started, 2))
                busy.remove(copy)
                free.append(copy)


Known = dict[tuple[str, str, str], str]


def read_known(root: Path) -> Known:
    """Read the accepted survivors: the reason for each file, line before and line after the change.

    Raises:
        SystemExit: an entry has no reason, or its line is not in its file any more.
    """
    path = root / "script" / "mutate-survivors.toml"
    known: Known = {}
    for entry in tomllib.loads(path.read_text(encoding="utf-8"))["survivor"] if path.exists() else ():
        file, before, after, reason = (entry.get(name, "").strip() for name in ("file", "before", "after", "reason"))
        lines = (root / file).read_text(encoding="utf-8").splitlines() if (root / file).is_file() else []
        if not reason or before not in map(str.strip, lines):
            raise SystemExit(f"{path.name}: {'no such line' if reason else 'no reason'}: {file}: {before}")
        known[file, before, after] = reason
    return known


def _reason(known: Known, file: str, diff: str) -> str:
    """Return why a survivor is accepted, an empty string if it is not."""
    before, _, after = diff.partition("\n")
    return known.get((file, before[1:].strip(), after[1:].strip()), "")


def report(results: Sequence[Result], seed: int, known: Known | None = None) -> dict[str, object]:
    """Summarise the results as data that JSON can hold."""
    survivors = []
    for result in results:
        if result.outcome == "survived":
            path, mutant, diff = (
                result.change.path,
                result.change.mutant,
                result.change.mutant.diff(result.change.source),
            )
            reason = _reason(known or {}, path, diff)
            survivors.append({"file": path, "line": mutant.line, "kind": mutant.kind, "diff": diff, "reason": reason})
    return {
        "mutants": len(results),
        "killed": len(results) - len(survivors),
        "timeouts": sum(result.outcome == "timeout" for result in results),
        "survived": len(survivors),
        "accepted": sum(bool(one["reason"]) for one in survivors),
        "seed": seed,
        "survivors": survivors,
    }


def read_job(root: Path, module: str, tests: str | None, seconds: float) -> Job:
    """Look the module up in the table, or take it as a path whose tests are given.

    Raises:
        SystemExit: the table does not have it, and no tests are given; or its file does not exist.
    """
    table_file = root / "script" / "mutate-modules.toml"
    table = tomllib.loads(table_file.read_text(encoding="utf-8")) if table_file.exists() else {}
    entry = table.get(module) or {"sources": [module], "tests": []}
    judges = tuple(shlex.split(tests) if tests else entry["tests"])
    if not judges:
        raise SystemExit(f"{module} is not in {table_file.name} ({', '.join(table)}); give --tests")
    sources = tuple((path, tuple(filter(None, names.split(",")))) for path, _, names in map(_parts, entry["sources"]))
    for path, _ in sources:
        if not (root / path).is_file():
            raise SystemExit(f"no file {path}")
    return Job(root, sources, judges, seconds)


def _parts(source: str) -> tuple[str, str, str]:
    return source.partition("::")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the mutants of one module and print the survivors."""
    parser = argparse.ArgumentParser(prog="script/mutate", description="Count the small changes that tests notice.")
    parser.add_argument("module", metavar="MODULE_PATH", help="a name of script/mutate-modules.toml, or a path")
    parser.add_argument("--count", type=int, default=100, help="run at most so many mutants (default: 100)")
    parser.add_argument("--seed", type=int, default=0, help="choose others of the possible mutants (default: 0)")
    parser.add_argument("--tests", metavar="ARGUMENTS", help="arguments of pytest, in place of the table's test files")
    parser.add_argument(
        "--timeout", type=float, default=60.0, help="most seconds for a mutant; then it counts as killed"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the result as JSON")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    job = read_job(options.root.resolve(), options.module, options.tests, options.timeout)
    known = read_known(job.root)
    began = time.monotonic()
    result = report(run(job, options.count, options.seed), options.seed, known)
    if options.output:
        options.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    survivors = result["survivors"]
    assert isinstance(survivors, list)
    for one in survivors:
        why = f"accepted: {one['reason']}" if one["reason"] else "not accepted"
        print(f"{one['file']}:{one['line']}: {one['kind']} survived\n{one['diff']}\n  {why}\n")
    counts = (
        "{killed} of {mutants} mutants killed ({timeouts} by time), {survived} survived, {accepted} of them accepted; "
        "seed {seed}"
    ).format(**result)
    print(f"{options.module}: {counts}; {time.monotonic() - began:.0f} s")
    return 0 if result["accepted"] == result["survived"] else 1


if __name__ == "__main__":
    sys.exit(main())
