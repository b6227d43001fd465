"""The comparison measures what it says: each contender meets the same targets, and a failed one is no figure."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("the farm needs epoll and all of 127/8", allow_module_level=True)

from benchmarks.compare import ROWS, Figure, lines
from benchmarks.exchanges import EXCHANGES
from fixtures.limits import HANG

ROOT = Path(__file__).parents[2]
#: A scanner that connects to each address once, and notes what it was given.
SCANNER = """
import json, socket, sys
note, type_, port, hosts = sys.argv[1:]
found = open(hosts).read().split()
for host in found:
    socket.create_connection((host, int(port)), 5).close()
with open(note, "a") as file:
    file.write(json.dumps([type_, int(port), found]) + "\\n")
"""


def compared(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.compare", "--rounds", "1", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=HANG,
        check=False,
    )


def test_all_meet_the_same_targets(tmp_path: Path) -> None:
    script, note = tmp_path / "scanner.py", tmp_path / "note"
    script.write_text(SCANNER)
    scanner = f"connects={sys.executable} {script} {note} {{type}} {{port}} {{hosts}}"
    size = 2 * len(EXCHANGES)
    done = compared("--against", str(ROOT), "--scanner", scanner, "--rows", "mixed", "--size", str(size))
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines()[2:]]
    assert [row[:3] for row in rows] == [
        ["mixed", str(size), name] for name in ("this version", "other version", "bare client", "connects")
    ]
    assert rows[0][6:] == ["", "", ""]
    assert all(float(cell) > 0 for row in rows[1:] for cell in row[6:])
    met = [json.loads(line) for line in note.read_text().splitlines()]
    assert {type_ for type_, _, _ in met} == set(EXCHANGES)
    assert len({port for _, port, _ in met}) == len(EXCHANGES)
    assert len({host for _, _, hosts in met for host in hosts}) == size


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--rows", "mixed,nothing"), "unknown row nothing: choose from mixed, delay"),
        (("--scanner", "nmap=nmap -sV"), "--scanner needs NAME=COMMAND with {hosts}"),
        (("--against", "/nonexistent"), "/nonexistent has no scanready that runs"),
        (("--rows", "ssh", "--size", "2", "--scanner", "x=false {hosts}"), "x: exit code 1"),
    ],
)
def test_what_cannot_be_compared_is_refused(words: tuple[str, ...], message: str) -> None:
    done = compared(*words)
    assert done.returncode != 0
    assert message in done.stderr


def test_a_ratio_above_one_of_the_speed_means_that_this_version_is_faster() -> None:
    ours, theirs = Figure(1.0, 1.0, 50.0), Figure(2.0, 4.0, 100.0)
    _, line = lines(ROWS["mixed"], 1_000, {"this": ours, "other": theirs}, "this")
    assert line == "| mixed | 1,000 | other | 500 | 4.000 | 100 | 2.00 | 0.25 | 0.50 |"


def test_the_best_of_each_figure_counts() -> None:
    assert Figure(1.0, 3.0, 5.0).best(Figure(2.0, 2.0, 4.0)) == Figure(1.0, 2.0, 4.0)
