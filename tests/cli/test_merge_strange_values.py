"""Names and times in an export that no agent writes: each costs its file one line, and the merge nothing."""

from __future__ import annotations

import gzip
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scanready.store import Store
from tests.cli.exports import ago, lines, write
from tests.cli.in_process import call
from tests.cli.test_merge import LON, NYC, TARGETS, export, folder, of, remarks, stored

__all__ = ["folder"]


def changed(**values: Any) -> list[str]:
    """Return an export of proxy-nyc with other values in its header and in its results."""
    return [
        json.dumps({**line, **{key: value for key, value in values.items() if key in line}}) + "\n"
        for line in map(json.loads, lines(of(NYC), TARGETS))
    ]


def named(name: str) -> list[str]:
    return changed(agent={"name": name, "platform": "Linux", "addresses": ["10.2.0.5"]})


def ended(moment: str) -> list[str]:
    *others, end = lines(of(NYC), TARGETS)
    return [*others, json.dumps({"end": json.loads(end)["end"] | {"ended": moment}}) + "\n"]


def begun(moment: str) -> list[str]:
    header, *others = lines(of(NYC), TARGETS)
    return [json.dumps(json.loads(header) | {"started": moment}) + "\n", *others]


LEFT_OUT: dict[str, tuple[Callable[[], list[str]], str]] = {
    "half-a-letter": (lambda: named("a\ud800b"), "the name of its agent is no Unicode text"),
    "no-name": (lambda: named(""), "its agent has no name"),
    "blank-name": (lambda: named(" \t"), "its agent has no name"),
    "year-1": (lambda: changed(started="0001-01-01T00:00:00+23:59"), "is not one of ISO 8601, of the years 1000 to"),
    "year-9999": (lambda: changed(started="9999-12-31T23:59:59-12:00"), "is not one of ISO 8601, of the years 1000 to"),
}


@pytest.mark.parametrize("case", LEFT_OUT)
@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_a_name_or_time_that_none_has_costs_its_file_only(folder: Path, case: str, *, first: bool) -> None:
    make, why = LEFT_OUT[case]
    bad, good = write(folder / "bad.scanready", make()), export(folder, LON)
    told = remarks(folder, *((bad, good) if first else (good, bad)), code=3)
    (line,) = [one for one in told.splitlines() if "bad.scanready was left out" in one]
    assert why in line
    assert {json.loads(one)["agent"]["name"] for one in stored(folder)} == {"proxy-lon"}


@pytest.mark.parametrize("make", [begun, ended])
@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-12:00"])
def test_a_moment_at_the_end_of_the_calendar_stops_no_merge(
    folder: Path, make: Callable[[str], list[str]], moment: str
) -> None:
    done = call("merge", export(folder, LON), write(folder / "odd.scanready", make(moment)), "--format", "jsonl")
    assert not isinstance(done.exception, Exception), done.exception
    assert "12 results of 2 agents" in done.stderr


@pytest.mark.parametrize(("days", "told"), [(0.02, "29 min"), (1, "24 h"), (400, "400 days"), (9999, "9,999 days")])
def test_a_wrong_clock_is_told_in_units_that_a_person_reads(folder: Path, days: float, told: str) -> None:
    lines_of = remarks(folder, export(folder, LON), export(folder, NYC, began=ago(days=-days)))
    assert f"proxy-nyc.scanready ends {told} in the future: the clock of its agent or of this host is wrong" in lines_of


@pytest.mark.skipif(sys.platform != "linux", reason="a file name of any bytes")
def test_the_name_of_a_file_may_have_bytes_that_are_no_text(folder: Path) -> None:
    name = os.fsdecode(b"lon\xff.scanready")
    (folder / name).write_bytes(gzip.compress("".join(lines(of(LON), TARGETS)).encode()))
    remarks(folder, name, export(folder, NYC))
    with Store(folder / "runs.db") as store:
        assert store.find("last").source.startswith("lon\\udcff.scanready ")
