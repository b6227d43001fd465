"""Fuzz the functions that read bytes and files of others, each in processes of its own, for a bounded time.

An input is a fault if it raises an error that is not the function's own, costs more CPU time than its length allows, or
takes more memory than `MEMORY`. It is saved as hexadecimal text with the command that repeats it, and the exit code is
1. A fault that is fixed moves to fixtures/faults/ENTRY/, where a test replays it.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import io
import mmap
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stderr
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

try:
    import atheris
except ImportError:
    atheris = None

with atheris.instrument_imports(include=["scanready"]) if atheris else nullcontext(), redirect_stderr(io.StringIO()):
    from tests.fuzzing import entries, files
    from tests.fuzzing.entries import Entry
    from tests.fuzzing.mutator import LARGEST, Mutator, shrunk
    from tests.fuzzing.seeds import ROOT, seeds
    from tests.fuzzing.verdict import Fault, fault_of, try_out

#: Inputs that are kept between runs, and those that were faults.
CORPUS, FAULTS = ROOT / ".fuzz" / "corpus", ROOT / ".fuzz" / "faults"
#: Bytes of memory that a process may take beyond what it has when it begins.
MEMORY = 256 << 20
#: CPU seconds after its time at which a process is ended by the kernel: something does not let itself be interrupted.
_STUCK = 60
_FOUND = 77


@dataclass(slots=True)
class Job:
    """One process that fuzzes an entry. ``shared`` has the number of its inputs, and the last of them."""

    entry: Entry
    number: int
    shared: mmap.mmap = field(default_factory=lambda: mmap.mmap(-1, 16 + LARGEST))

    def note(self, data: bytes) -> None:
        """Note that an input is next."""
        self.shared[:16] = (self.runs + 1).to_bytes(8, "little") + len(data).to_bytes(8, "little")
        self.shared[16 : 16 + len(data)] = data

    @property
    def runs(self) -> int:
        """The number of inputs."""
        return int.from_bytes(self.shared[:8], "little")

    @property
    def last(self) -> bytes:
        """The last input."""
        return self.shared[16 : 16 + int.from_bytes(self.shared[8:16], "little")]


def main() -> int:
    """Fuzz what the command line names; return the exit code."""
    known = {**entries.entries(), **files.entries()}
    asked = _arguments(known)
    if asked.list:
        print(*known, sep="\n")
        return 0
    if asked.input:
        return _repeat(known[asked.entry[0]], asked.input)
    names = asked.entry or list(known)
    print("guided by coverage (atheris)" if atheris else "not guided by coverage: atheris is not installed", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="scanready-fuzz-") as folder:
        tempfile.tempdir = folder
        gc.freeze()
        runs, faults = _all([known[name] for name in names], asked.seconds, asked.processes, asked.seed)
    seconds = time.monotonic() - began
    print(f"{len(names)} entries, {runs:,} inputs, {seconds:.0f} s: {faults or 'no'} fault{'s' * (faults > 1)}")
    return 1 if faults else 0


def _arguments(known: Mapping[str, Entry]) -> Any:
    parser = argparse.ArgumentParser(prog="script/fuzz", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("entry", nargs="*", metavar="ENTRY", help="fuzz these only; --list names all")
    parser.add_argument("--seconds", type=float, default=120, help="for all entries together [default: 120]")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="at a time [default: one a core]")
    parser.add_argument("--seed", type=int, help="begin with the same inputs as another run [default: by chance]")
    parser.add_argument("--input", type=Path, metavar="FILE", help="run one ENTRY with this saved input once")
    parser.add_argument("--list", action="store_true", help="list the entries")
    asked = parser.parse_args()
    unknown = [name for name in asked.entry if name not in known]
    if unknown:
        parser.error(f"there is no entry {unknown[0]!r}; --list names all")
    if asked.input and len(asked.entry) != 1:
        parser.error("--input needs one ENTRY")
    return asked


def _repeat(entry: Entry, file: Path) -> int:
    """Run one input with its traceback."""
    try_out(entry, bytes.fromhex(file.read_text("ascii")))
    print("no fault")
    return 0


def _all(chosen: Sequence[Entry], seconds: float, processes: int, seed: int | None) -> tuple[int, int]:
    """Fuzz all entries, so many at a time; return how many inputs and how many faults there were.

    Where there are fewer entries than processes, some of them run in several.
    """
    first = random.SystemRandom().randrange(1 << 30) if seed is None else seed
    ends = time.monotonic() + seconds
    waiting = [Job(entry, first + copy) for entry in chosen for copy in range(max(1, processes // len(chosen)))]
    jobs, running, faults = list(waiting), dict[int, Job](), 0
    with _ended(running):
        while waiting or running:
            while waiting and len(running) < processes:
                each = (ends - time.monotonic()) * processes / (len(waiting) + len(running))
                job = waiting.pop(0)
                running[_start(job, max(1.0, min(each, ends - time.monotonic())))] = job
            pid, status = os.wait()
            if pid in running:
                faults += _is_fault(running.pop(pid), status)
    return sum(job.runs for job in jobs), faults


@contextmanager
def _ended(running: Mapping[int, Job]) -> Iterator[None]:
    """End the processes that still run, whatever happens."""
    try:
        yield
    finally:
        for pid in running:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _start(job: Job, seconds: float) -> int:
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    try:
        _bound(seconds)
        _fuzz(job, seconds)
    except BaseException as error:
        print(f"{job.entry.name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        raise
    finally:  # neither the handlers nor the folders of the parent are this process's
        os._exit(0 if sys.exc_info()[0] is None else 1)


def _bound(seconds: float) -> None:
    """Bound this process in memory and in CPU time."""
    most = int(seconds) + _STUCK
    resource.setrlimit(resource.RLIMIT_CPU, (most, most))
    status = Path("/proc/self/status")
    if status.exists():
        now = int(status.read_text().split("VmData:")[1].split()[0]) << 10
        resource.setrlimit(resource.RLIMIT_DATA, (now + MEMORY, now + MEMORY))


def _fuzz(job: Job, seconds: float) -> None:
    found = seeds(job.entry.name)

    def one(data: bytes) -> None:
        job.note(data)
        try:
            try_out(job.entry, data)
        except Fault as fault:
            kind = fault.kind
            _report(job.entry, shrunk(data, lambda part: fault_of(job.entry, part) == kind), str(fault))
            os._exit(_FOUND)

    for data in found:
        one(data[:LARGEST])
    if atheris:
        _guided(job, seconds, found, one)
    else:
        mutator, ends = Mutator(found, job.number), time.monotonic() + seconds
        while time.monotonic() < ends:
            one(mutator.next())


def _guided(job: Job, seconds: float, found: Sequence[bytes], one: Callable[[bytes], None]) -> None:
    """Hand over to libFuzzer, which ends this process."""
    begin = Path(tempfile.mkdtemp())
    for number, data in enumerate(found):
        (begin / str(number)).write_bytes(data[:LARGEST])
    kept = CORPUS / job.entry.name
    kept.mkdir(parents=True, exist_ok=True)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)  # its words about sanitizers and every new path
    limits = [f"-max_len={LARGEST}", "-rss_limit_mb=0", f"-max_total_time={max(1, round(seconds))}"]
    options = [*limits, f"-seed={job.number % (1 << 31) or 1}", "-verbosity=0", f"-artifact_prefix={begin}/"]
    atheris.Setup(["fuzz", *options, str(kept), str(begin)], one)
    atheris.Fuzz()


def _is_fault(job: Job, status: int) -> bool:
    """Tell how a process ended; True for a fault."""
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, _FOUND):
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        _report(job.entry, job.last, f"the process ended with {how}")
    if code == 0:
        print(f"{job.entry.name}: {job.runs:,} inputs", flush=True)
    return code != 0


def _report(entry: Entry, data: bytes, words: str) -> None:
    """Save an input and say how to repeat it."""
    path = FAULTS / entry.name / f"{hashlib.sha256(data).hexdigest()[:12]}.hex"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(data.hex(" ", 1) + "\n", "ascii")
    shown = os.path.relpath(path, ROOT)
    print(f"FAULT {entry.name}: {ascii(words)[1:-1][:300]}")
    print(f"    {len(data)} bytes; to repeat it: script/fuzz {entry.name} --input {shown}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
