"""Blocking functions in daemon threads: results, errors, bounds, shutdown, and a process that ends in spite of them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fixtures.limits import HANG
from scanready.net.threads import DaemonThreads

ROOT = Path(__file__).parents[2]


def test_results_and_errors_come_back() -> None:
    pool = DaemonThreads(2, "pool")

    async def run() -> list[object]:
        loop = asyncio.get_running_loop()
        calls = [loop.run_in_executor(pool, divmod, 7, 2), loop.run_in_executor(pool, divmod, 7, 0)]
        return await asyncio.gather(*calls, return_exceptions=True)

    found, error = asyncio.run(run())
    assert found == (3, 1)
    assert isinstance(error, ZeroDivisionError)
    pool.shutdown()
    with pytest.raises(RuntimeError):
        pool.submit(divmod, 7, 2)


def test_no_more_threads_than_asked_for_and_free_ones_work_again() -> None:
    pool, go, names = DaemonThreads(3, "pool"), threading.Event(), set[str]()

    def note() -> str:
        go.wait(20)
        return threading.current_thread().name

    waiting = [pool.submit(note) for _ in range(20)]
    go.set()
    names = {one.result(20) for one in waiting}
    assert names <= {"pool_1", "pool_2", "pool_3"}
    assert pool.submit(note).result(20) in names
    pool.shutdown()


def test_shutdown_cancels_what_waits_and_waits_for_none() -> None:
    pool, go, began = DaemonThreads(1, "pool"), threading.Event(), threading.Event()

    def hang() -> None:
        began.set()
        go.wait(20)

    running, waiting = pool.submit(hang), pool.submit(hang)
    assert began.wait(HANG)
    pool.shutdown(wait=True, cancel_futures=True)
    assert waiting.cancelled()
    assert not running.done()
    go.set()
    running.result(20)
    for thread in threading.enumerate():
        if thread.name.startswith("pool_"):
            thread.join(HANG)
            assert not thread.is_alive()


@pytest.mark.parametrize("function", ["time.sleep(600)", "[0 for _ in iter(int, 1)]"])
def test_a_process_ends_in_spite_of_them(function: str) -> None:
    script = (
        "import threading, time\nfrom scanready.net.threads import DaemonThreads\nbegan = threading.Event()\n"
        f"def stuck():\n    began.set()\n    {function}\n"
        "pool = DaemonThreads(1, 'pool')\npool.submit(stuck)\nbegan.wait()\npool.shutdown()\nprint('end')\n"
    )
    environment = dict(os.environ, PYTHONPATH=str(ROOT / "verifiers"))
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=HANG)
    assert (done.returncode, done.stdout) == (0, "end\n"), done.stderr
