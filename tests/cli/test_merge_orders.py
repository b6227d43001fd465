"""A merge of the same exports is the same: in any order, with one of them twice, and merged in groups first."""

from __future__ import annotations

import dataclasses
import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanready.causes import common
from scanready.model import Cause, Step
from scanready.report.serialize import as_line
from tests.cli.exports import ago, lines, write
from tests.cli.in_process import call
from tests.report.estate_view.lab import FILTERED, FINE, LONELY, REFUSED, of

TARGETS = (LONELY, FILTERED, FINE, REFUSED)
AGENTS = ("proxy-lon", "proxy-nyc", "proxy-par")
ENDS: tuple[tuple[Step, Cause | None], ...] = (
    (Step.AUTH, None),
    (Step.CONNECT, common.FILTERED),
    (Step.CONNECT, common.REFUSED),
    (Step.HANDSHAKE, common.THROTTLED),
)
#: Two fresh ones, a stale one, and one of a clock that is ahead.
TIMES = tuple(ago(days) for days in (0.1, 0.2, 9, -3))
#: The agent; the target, the end and the time of each result.
Export = tuple[str, list[tuple[int, int, int]]]

results = st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
exports = st.lists(st.tuples(st.sampled_from(AGENTS), st.lists(results, max_size=5)), min_size=2, max_size=5)


def written(folder: Path, found: Sequence[Export]) -> list[str]:
    """Write the exports; return their names."""
    names = []
    for number, (agent, own) in enumerate(found):
        reports = [
            dataclasses.replace(of(agent, TARGETS[place], *ENDS[end]), started=TIMES[time]) for place, end, time in own
        ]
        whose = of(agent, FINE, Step.AUTH).agent
        head, *_, end = lines(reports, TARGETS, agent=whose, began=ago(20))
        file = folder / f"{number}.scanready"
        names.append(write(file, [head, *(f"{as_line(report)}\n" for report in reports), end]))
    return names


class Merges:
    """Merge in a folder; a merge is kept as a run by its name."""

    def __init__(self, folder: Path) -> None:
        self.store = ("--store", str(folder / "runs.db"))
        self.name = ""

    def merge(self, *files: str) -> tuple[int, Any, list[str]]:
        """Return the exit code, the document, and the messages without the name of the run."""
        done = call("merge", *files, "--format", "json", *self.store)
        assert "Traceback" not in done.output
        self.name = done.stderr.rpartition("stored as ")[2].strip()
        told = [line.partition(", stored as")[0] for line in done.stderr.splitlines()]
        document = json.loads(done.stdout) if done.stdout else None
        if document:
            del document["run"]
        return done.exit_code, document, told


def unnamed(why: str) -> str:
    """Return a reason without the name of a file: one of two equal reasons is named."""
    return re.sub(r"its export \S+ ", "its export FILE ", why)


def unordered(document: Any) -> Any:
    """Return a view without the order of its targets and its remarks, which name files."""
    if document is None:
        return None
    estate, found = document["estate"], sorted(document["results"], key=lambda one: json.dumps(one, sort_keys=True))
    targets = sorted(estate["targets"], key=lambda one: str(one["target"]))
    frame = {**estate["frame"], "remarks": []}
    for absent in frame["absent"]:
        absent["why"] = unnamed(absent["why"])
    for agent in estate["agents"]:
        agent["absent"] = unnamed(agent["absent"] or "")
    return {**estate, "targets": targets, "frame": frame}, found, document["summary"]


@settings(max_examples=40, deadline=None)
@given(exports, st.randoms(use_true_random=False))
def test_the_order_of_the_files_changes_nothing(found: list[Export], random: Any) -> None:
    with tempfile.TemporaryDirectory() as name:
        names, merges = written(Path(name), found), Merges(Path(name))
        first = merges.merge(*names)
        random.shuffle(names)
        assert merges.merge(*names) == first


@settings(max_examples=30, deadline=None)
@given(exports, st.integers(0, 4))
def test_a_file_given_twice_changes_only_what_is_said_of_it(found: list[Export], which: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        names, merges = written(Path(name), found), Merges(Path(name))
        copy = Path(name) / "copy.scanready"
        copy.write_bytes(Path(names[which % len(names)]).read_bytes())
        once, again = merges.merge(*names), merges.merge(*names, str(copy))
        assert (again[0], unordered(again[1])) == (once[0], unordered(once[1]))
        old = [line for line in once[2] if "too old to count" in line]
        assert [line for line in again[2] if "too old to count" in line] == old


@settings(max_examples=40, deadline=None)
@given(exports, st.integers(1, 4))
def test_merging_in_groups_gives_the_view_of_merging_all(found: list[Export], cut: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        names, merges = written(Path(name), found), Merges(Path(name))
        _, whole, _ = merges.merge(*names)
        pieces: list[str] = []
        for group in (names[:cut], names[cut:]):
            _, document, _ = merges.merge(*group) if group else (0, None, [])
            pieces += [merges.name] if document else group
        _, grouped, _ = merges.merge(*pieces)
        assert unordered(grouped) == unordered(whole)


def test_two_results_of_one_time_are_told_and_the_worse_one_counts(tmp_path: Path) -> None:
    good, bad = ("proxy-nyc", [(0, 0, 0)]), ("proxy-nyc", [(0, 1, 0)])
    names, merges = written(tmp_path, [good, bad]), Merges(tmp_path)
    for order in (names, names[::-1]):
        _, document, told = merges.merge(*order)
        assert [one["verdict"] for one in document["results"]] == ["blocked"]
        (line,) = [line for line in told if "the time of another result" in line]
        assert line.startswith("scanready: proxy-nyc: 1 result with the time of another result for the same target")


def test_copies_of_one_export_do_not_outvote_the_inventory_of_two_agents(tmp_path: Path) -> None:
    names, merges = written(tmp_path, [("proxy-nyc", [(0, 0, 0)]), ("proxy-lon", [(0, 0, 0)])]), Merges(tmp_path)
    other = of("proxy-par", FINE, Step.AUTH)
    copies = [write(tmp_path / f"x{number}.scanready", lines([other], [FINE])) for number in range(3)]
    _, _, told = merges.merge(*copies, *names)
    assert len([line for line in told if "it is of another inventory" in line]) == 3


def test_a_result_of_a_mixed_file_does_not_depend_on_its_line(tmp_path: Path) -> None:
    """Two results of one agent and time in a file of lines, read as an estate view without a merge."""
    pair = [dataclasses.replace(of("proxy-nyc", LONELY, *end), started=TIMES[0]) for end in ENDS[:2]]
    other = dataclasses.replace(of("proxy-lon", LONELY, *ENDS[2]), started=TIMES[0])
    for number, order in enumerate((pair, pair[::-1])):
        file = tmp_path / f"{number}.jsonl"
        file.write_text("".join(f"{as_line(one)}\n" for one in [*order, other]))
        document = json.loads(call("report", str(file), "--format", "json").stdout)
        assert document["estate"]["targets"][0]["agents"] == {"proxy-lon": "blocked", "proxy-nyc": "blocked"}


#: Fresh results of three agents: one lacks a target, and one of another site is away.
WHOLE: tuple[Export, ...] = (
    ("proxy-lon", [(0, 1, 0), (1, 2, 0), (2, 0, 0)]),
    ("proxy-nyc", [(0, 0, 0), (1, 1, 1), (2, 3, 0), (3, 1, 0)]),
)
FORMATS = ("table", "json", "jsonl", "csv", "md", "junit", "prometheus", "nagios", "html")


def of_no_run(text: str) -> str:
    """Return a report without the moment it is of, the name and the time of its run, and the names of its files."""
    text = re.sub(r"\b\d{8}-\d{6}-\w+|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?( UTC)?", "MOMENT", text)
    return re.sub(r'"seconds":\d\.\d+|time="[\d.]+"|_seconds \S+', "SECONDS", text)


@pytest.mark.parametrize("format_", FORMATS)
def test_a_merge_of_merges_is_the_same_report_in_every_format(tmp_path: Path, format_: str) -> None:
    older = ("proxy-nyc", [(0, 3, 1), (3, 0, 1)])
    a, b, old = written(tmp_path, [*WHOLE, older])
    merges = Merges(tmp_path)

    def run(*files: str) -> str:
        merges.merge(*files)
        return merges.name

    def shown(*files: str) -> tuple[str, list[str]]:
        name = run(*files)
        done = call("report", name, "--format", format_, *merges.store)
        told = json.loads(call("report", name, "--format", "json", *merges.store).stdout)["estate"]["frame"]
        return of_no_run(done.stdout.replace(name, "RUN")), told["remarks"]

    flat, remarks = shown(a, b)
    assert "the agent proxy-par is missing: no export; 4 targets of the inventory are assigned to it" in remarks
    assert "proxy-lon has results for 3 of 4 assigned targets" in remarks
    assert any("`scanready verify estate.yaml --as NAME" in one for one in remarks)
    for files in ((b, a), (run(a), run(b)), (run(a, b),), (run(run(a), b),), (run(run(b), run(b), run(a)),)):
        again, told = shown(*files)
        assert told == remarks
        assert again == flat
    for files in ((run(old), run(a, b)), (run(run(a, old), b),), (run(a), run(run(b), run(old)))):
        again, told = shown(*files)
        assert [one for one in told if "given twice" not in one] == remarks
        if "given twice" not in again:  # the file that is read first may name another target first
            assert sorted(again.splitlines()) == sorted(flat.splitlines())
