"""Count what a target costs, in figures that no other work on the machine changes (Linux).

    python -m benchmarks.cost

It verifies a few targets of the farm one after another: once some, once more of them. The difference is divided by the
number of additional targets, so the start of the command does not count. It prints for each target the calls of the
package's functions, and the system calls that open, set up, watch and end connections (with strace).

Calls that depend on the moment are left out: reads that find no bytes yet, the waits after them, commits of the store
and the progress. A coroutine counts as one call, however often it waits.

It also prints what the start costs: the modules and the data classes that are loaded as the first packet leaves.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from benchmarks.exchanges import EXCHANGES
from benchmarks.run import ENVIRONMENT, ROOT, SCANREADY, VERIFIED, Farm, farm, inventory

#: Targets of the two runs: the same number of each type. Every type is loaded in both.
FEW, MANY = 2 * len(EXCHANGES), 6 * len(EXCHANGES)
#: The system calls whose number depends on the connections only. A send also wakes the event loop after a commit.
SYSTEM_CALLS = ("socket", "connect", "setsockopt", "getsockopt", "getsockname", "ioctl", "epoll_ctl", "shutdown")
PACKAGE = str(ROOT / "verifiers" / "scanready") + os.sep
#: Files whose calls depend on the moment at which bytes, commits and timers arrive.
_OF_THE_MOMENT = (
    *("cli/", "store/", "files/", "climb/own_tasks.py"),
    *("net/epoll_poller.py", "net/loop_poller.py", "net/deadlines.py", "net/threads.py"),
)
#: Functions that are called once for each wait, and comprehensions, which are no functions from Python 3.12 on.
_LEFT_OUT = ("_awaited", "recv", "_taken", "step", "<listcomp>", "<dictcomp>", "<setcomp>")


class Calls:
    """Count the calls of the package's functions in one thread, by file and function; use as a profile function."""

    def __init__(self) -> None:
        self.found: Counter[CodeType] = Counter()
        self._begin: dict[CodeType, int] = {}

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        """Count a function that begins. A coroutine that goes on has another instruction than at its first call."""
        if event == "call" and self._begin.setdefault(frame.f_code, frame.f_lasti) == frame.f_lasti:
            self.found[frame.f_code] += 1

    def lines(self) -> list[str]:
        """Return a line for each function that counts: the number of calls, its file and its name."""
        return [
            f"{number} {code.co_filename[len(PACKAGE) :]}:{code.co_qualname}"
            for code, number in self.found.items()
            if code.co_filename.startswith(PACKAGE)
            and not code.co_filename[len(PACKAGE) :].startswith(_OF_THE_MOMENT)
            and code.co_name not in _LEFT_OUT
        ]


def calls_of_targets() -> Counter[str]:
    """Return the calls of each function for the additional targets."""
    return _difference(_calls)


def system_calls_of_targets() -> Counter[str]:
    """Return the number of each system call for the additional targets.

    Raises:
        FileNotFoundError: strace is not installed.
    """
    if shutil.which("strace") is None:
        raise FileNotFoundError("strace")
    return _difference(_system_calls)


def each(counts: Counter[str]) -> float:
    """Return the number for one target."""
    return counts.total() / (MANY - FEW)


def _difference(count: Callable[[Farm, int], Counter[str]]) -> Counter[str]:
    with farm() as running:
        few: Counter[str] = count(running, FEW)
        many: Counter[str] = count(running, MANY)
    many.subtract(few)
    return Counter({name: number for name, number in many.items() if number})


def _calls(running: Farm, count: int) -> Counter[str]:
    return _verify(running, count, [sys.executable, "-m", "benchmarks.cost", "--counted"], [], _read_calls)


def _read_calls(text: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for line in text.splitlines():
        number, _, name = line.partition(" ")
        counts[name] += int(number)
    return counts


def _system_calls(running: Farm, count: int) -> Counter[str]:
    traced = ["strace", "-f", "-c", "-e", f"trace={','.join(SYSTEM_CALLS)}", "-o"]
    return _verify(running, count, traced, SCANREADY, _read_strace)


def _read_strace(text: str) -> Counter[str]:
    """Read the table of ``strace -c``: the fourth column has the calls, the last one the name."""
    rows = re.findall(r"^ *[0-9.]+ +[0-9.]+ +[0-9]+ +([0-9]+)(?: +[0-9]+)? +([a-z_0-9]+)$", text, re.MULTILINE)
    return Counter({name: int(number) for number, name in rows if name in SYSTEM_CALLS})


def _verify(
    running: Farm, count: int, counting: list[str], command: list[str], read: Callable[[str], Counter[str]]
) -> Counter[str]:
    """Verify ``count`` targets one after another; return what ``read`` finds in the file that ``counting`` writes.

    Raises:
        SystemExit: the command failed.
    """
    with tempfile.TemporaryDirectory() as directory:
        targets, results, store, counted = (
            Path(directory, name) for name in ("i.yaml", "results", "runs.db", "counted")
        )
        inventory(targets, running.ports, count)
        options = ["--concurrency", "1", "--format", "jsonl", "-o", str(results), "--store", str(store), "--quiet"]
        whole = [*counting, str(counted), *command, "verify", *options, str(targets)]
        done = subprocess.run(whole, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False)
        if done.returncode not in VERIFIED or len(results.read_text().splitlines()) != count:
            raise SystemExit(f"{done.stderr[-2000:]}\nverify: exit code {done.returncode}")
        return read(counted.read_text())


def _run_counted(file: str, arguments: list[str]) -> None:
    """Run the command in this process, and write the calls to ``file`` as it ends, in whatever way."""
    from scanready.cli import main

    calls, end = Calls(), os._exit

    def told(code: int) -> None:
        sys.setprofile(None)
        Path(file).write_text("".join(f"{line}\n" for line in calls.lines()))
        end(code)

    os._exit = told  # type: ignore[assignment]  # the command ends with it
    sys.argv = ["scanready", *arguments]
    sys.setprofile(calls)
    try:
        main()
    except SystemExit as ended:
        told(ended.code if isinstance(ended.code, int) else 1)


def start_of(command: str) -> Counter[str]:
    """Return how many modules and data classes of the package `check` or `verify` of one target waits for.

    Raises:
        subprocess.CalledProcessError: the command ended without a connection.
    """
    with socket.create_server(("127.0.0.1", 0)) as server, tempfile.TemporaryDirectory() as directory:
        port = server.getsockname()[1]
        listed, counted = Path(directory, "i.yaml"), Path(directory, "counted")
        listed.write_text(f"targets:\n  - {{host: 127.0.0.1, type: mysql, port: {port}}}\n", encoding="utf-8")
        what = str(listed) if command == "verify" else f"mysql://127.0.0.1:{port}"
        words = ["--start", str(counted), command, what, "--store", str(Path(directory, "runs.db"))]
        subprocess.run([sys.executable, "-m", "benchmarks.cost", *words], cwd=ROOT, env=ENVIRONMENT, check=True)
        return _read_calls(counted.read_text())


def _run_to_the_first_packet(file: str, arguments: list[str]) -> None:
    """Run the command in this process until it connects, and write what is loaded by then to ``file``."""

    def at(event: str, details: tuple[Any, ...]) -> None:
        if event != "socket.connect" or details[0].type != socket.SOCK_STREAM:
            return
        loaded = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] == "scanready"]
        values = [value for module in loaded for value in vars(module).values()]
        classes = {value for value in values if isinstance(value, type) and "__dataclass_fields__" in vars(value)}
        classes = {one for one in classes if one.__module__.startswith("scanready")}
        Path(file).write_text(f"{len(loaded)} modules\n{len(classes)} data classes\n")
        os._exit(0)

    sys.addaudithook(at)
    from scanready.cli import main

    main(arguments)
    raise SystemExit("no connection was begun")


def print_costs() -> None:
    """Print the figures, and the functions with the most calls."""
    calls = calls_of_targets()
    print(f"{each(calls):.2f} calls for each target")
    for name, number in calls.most_common(40):
        print(f"{number / (MANY - FEW):8.2f}  {name}")
    for command in ("check", "verify"):
        print(f"{command}: {dict(start_of(command))} before the first packet")
    system = system_calls_of_targets()
    print(f"{each(system):.2f} system calls for each target")
    for name, number in system.most_common():
        print(f"{number / (MANY - FEW):8.2f}  {name}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--counted"]:
        _run_counted(sys.argv[2], sys.argv[3:])
    elif sys.argv[1:2] == ["--start"]:
        _run_to_the_first_packet(sys.argv[2], sys.argv[3:])
    else:
        argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter).parse_args()
        print_costs()
