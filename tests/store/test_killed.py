"""A run that is killed again and again, and resumed: nothing that was shown is lost, nothing is done twice."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

if sys.platform != "linux":
    pytest.skip("the farm needs epoll and all of 127/8", allow_module_level=True)

from benchmarks.run import farm, inventory
from fixtures.limits import HANG
from scanready.store import Store
from tests.cli import plugin

TARGETS, KILLS, AT_ONCE = 2_000, 20, 50


def key(result: dict[str, Any]) -> tuple[str, str]:
    return result["target"]["host"], result["target"]["type"]


def parsed(lines: list[bytes]) -> list[dict[str, Any]]:
    """The results among the lines; a kill may cut the last one short."""
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


def killed_after(where: Path, more: int, *arguments: str) -> list[dict[str, Any]]:
    """Run, read what is shown until ``more`` results came besides those that were there, SIGKILL; return all shown."""
    asked = ["--format", "jsonl", "--no-canary", "--concurrency", str(AT_ONCE), "--rate", "2000", *arguments]
    process = subprocess.Popen(
        plugin.command("verify", *asked), env=plugin.environment(where), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    lines = [line for _, line in zip(range(stored(where) + more), process.stdout, strict=False)]
    process.kill()
    lines += process.stdout.readlines()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.wait(HANG)
    process.stdout.close()
    process.stderr.close()
    return parsed(lines)


def stored(where: Path) -> int:
    if not (where / "runs.db").exists():
        return 0
    with Store(where / "runs.db") as store:
        return sum(run.finished for run in store.runs())


@pytest.mark.timeout(300)  # twenty starts of the interpreter, on a machine that may be busy
def test_nothing_finished_is_lost_and_nothing_is_repeated(tmp_path: Path) -> None:
    seed = random.randrange(10_000)
    chance = random.Random(seed)
    estate, shown = tmp_path / "estate.yaml", dict[tuple[str, str], dict[str, Any]]()
    with farm() as running:
        inventory(estate, running.ports, TARGETS)
        for round_ in range(KILLS):
            going_on = ["--resume", "last"] if round_ else [str(estate)]
            results = killed_after(tmp_path, chance.randint(1, 60), *going_on)
            keys = [key(result) for result in results]
            assert len(set(keys)) == len(keys), f"a target was checked twice (seed {seed}, kill {round_})"
            assert shown.keys() <= set(keys), f"a result that was shown is gone (seed {seed}, kill {round_})"
            assert all(shown.get(key(result), result) == result for result in results)
            shown |= {key(result): result for result in results}
        before = len(shown)
        done = plugin.run_fresh(tmp_path, ["verify", "--resume", "last", "--format", "json", "--no-canary"])
    assert before < TARGETS, "the kills came before the end"
    assert done.returncode in (0, 3), done.stderr
    document = json.loads(done.stdout)
    final = {key(result): result for result in document["results"]}
    assert len(final) == len(document["results"]) == TARGETS
    assert all(final[one] == result for one, result in shown.items())
    assert document["summary"]["unchecked"] == 0
    contacts = running.finished + running.broken_off
    assert contacts <= TARGETS + KILLS * AT_ONCE, "no more than what was in flight at each kill is asked again"
    with Store(tmp_path / "runs.db") as store:
        (run,) = store.runs()
        assert (run.finished, run.targets, run.interrupted) == (TARGETS, TARGETS, False)
        assert run.ended is not None
