"""The page of an estate view contains every cell of the view, byte for byte, and is read in bounded memory."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanready.cli.result_file import MOST_RESULTS, result_file
from scanready.model import Agent, Report, Target
from scanready.report.estate import EstateView, Frame, Row, packing
from scanready.report.estate.html import MOST_READ
from scanready.report.estate.numerals import ALPHABET, BASE, read, written
from scanready.report.estate.packing import FIRST, MISSING, NOT_ASSIGNED, MatrixUnpacker, unpacker_of
from scanready.report.formats import packing as row_packing
from scanready.report.parse import restored, target_restored
from scanready.report.serialize import as_line, identity
from tests.estate.results import result
from tests.report.estate import reports
from tests.report.estate_view import lab
from tests.report.estate_view.many import page_of, results, view_of
from tests.report.reports import HOSTILE, blocked

MB = 1 << 20
_BEFORE = '<script type="application/json" id="scanready-run">'


def document(page: str) -> dict[str, Any]:
    """Return the JSON document in a page."""
    return dict(json.loads(page.split(_BEFORE, 1)[1].split("</script>", 1)[0]))


def page(view: EstateView) -> str:
    return "".join(page_of(view))


def targets_in(found: dict[str, Any]) -> Iterator[tuple[list[Any], dict[int, str], list[list[Any]]]]:
    """Yield the line of each target, its results by column, and all kinds so far."""
    unpacker, kinds = unpacker_of(found["estate"], 512 * MB, MB), list[list[Any]]()
    for line in found["matrix"]:
        texts = unpacker.texts(line)
        if line[0] == packing.KIND:
            kinds.append(line)
        if line[0] == packing.TARGET:
            columns = [column for column, state in enumerate(read(line[4])) if state >= FIRST]
            yield line, dict(zip(columns, (text for text, _ in texts), strict=True)), kinds


def same_as(view: EstateView, found: dict[str, Any]) -> int:
    """Compare each cell of a view with a page; return the number of cells."""
    names, cells = [column.name for column in view.info.columns], 0
    for row, (line, texts, kinds) in zip(view.rows(), targets_in(found), strict=True):
        assert line[1:4] == [row.target.host, row.name, row.target.type]
        states = read(line[4])
        assert len(states) == len(names)
        for column, name in enumerate(names):
            report = row.reports.get(name)
            if report is None:
                assert states[column] == (MISSING if name in row.verdict.missing else NOT_ASSIGNED)
                continue
            assert texts[column] == as_line(report)
            cause = [report.cause.code, str(report.owner)] if report.cause else ["", ""]
            assert kinds[states[column] - FIRST][2:] == [report.verdict, *cause]
            cells += 1
        assert estate_of(line[7], found, names) == expected_estate(row)
    return cells


def estate_of(shown: list[Any], found: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Return the estate verdict of a line with names in place of numbers."""
    texts = [line[1] for line in found["matrix"] if line[0] == packing.TEXT]
    verdict, by, overruled, standing, *cause = shown
    groups = {
        (names[place], own, counted, names[met], texts[why])
        for own, counted, met, why, places in overruled
        for place in read(places)
    }
    met = names[cause[3]] if cause else None
    return {"verdict": verdict, "by": [names[place] for place in read(by)], "overruled": groups,
            "cause": cause[:3], "met": met, "standing": standing}  # fmt: skip


def expected_estate(row: Row) -> dict[str, Any]:
    found = row.verdict
    overruled = {(one.agent, one.own.value, one.counted.value, one.by, one.why) for one in found.overruled}
    cause = [found.finding.cause.code, found.step, found.finding.owner] if found.finding else []
    return {"verdict": found.verdict, "by": list(found.by), "overruled": overruled,
            "cause": cause, "met": found.met_by if found.finding else None, "standing": row.standing or ""}  # fmt: skip


def test_every_cell_of_the_page_is_that_of_the_view() -> None:
    view = view_of(120, 9, 3)
    assert same_as(view, document(page(view))) > 800


def test_a_cause_that_binds_every_agent_and_an_absent_agent_are_in_it() -> None:
    view = lab.view(lab.frame("proxy-tok"))
    found = document(page(view))
    assert same_as(view, found) == 15
    assert [column[0] for column in found["estate"]["columns"]] == sorted([*lab.AGENTS, "proxy-tok"])


def test_distinct_ladders_are_there_once_for_all_agents() -> None:
    kinds = [line for line in document(page(view_of(300, 12)))["matrix"] if line[0] == packing.KIND]
    assert 30 < len(kinds) < 100
    of_forty = [line for line in document(page(view_of(60, 40)))["matrix"] if line[0] == packing.KIND]
    assert len(of_forty) < 90, "agents share their ladders"


def test_a_cell_takes_few_bytes() -> None:
    """800,000 results of 200 ladders are a page under 30 MB: less than 37 bytes each."""
    text = page(view_of(200, 20, 7))
    rows = [line for line in text.splitlines() if line.startswith("[1,")]
    assert len(rows) == 201
    assert sum(map(len, rows)) / sum(1 for _ in results(200, 20, 7)) < 36


def test_texts_that_look_like_placeholders_keys_and_numbers_come_back() -> None:
    names = ["a", "ready", "null", "host", "10.0.0.7", 'qu"ote', "\ue002", "x\ue003", HOSTILE, "db7", "tcp", "1e-05"]
    hosts = ["db7", "ready", "blocked", "host-db7.corp", "10.0.0.7", "fe80::1", "\ue002", "«»", "null", "tcp"]
    of = [
        dataclasses.replace(
            blocked(host, f"{name} at 10.0.0.7, fe80::1 and 110.0.0.70, {HOSTILE}"),
            agent=Agent(name, "Linux", ("10.0.0.7", "fe80::1", "::1")),
        )
        for host in hosts
        for name in names
    ]
    view = EstateView(lambda: of)
    assert same_as(view, document(page(view))) == len(of)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.text(min_size=1, max_size=6), st.text(max_size=20)), min_size=1, max_size=4),
    st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=3, unique=True),
    st.floats(0, 1e6),
)
def test_whatever_is_in_a_result_comes_back(hosts: list[tuple[str, str]], names: list[str], seconds: float) -> None:
    of = [
        dataclasses.replace(blocked(host, detail), seconds=seconds, agent=Agent(name, detail, (host, name)))
        for host, detail in dict(hosts).items()
        for name in names
    ]
    view = EstateView(lambda: of)
    assert same_as(view, document(page(view))) == len(of)


def test_past_the_bounds_the_page_is_longer_and_still_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_packing, "MOST_PARTS", 15)
    for module in (row_packing, packing):
        monkeypatch.setattr(module, "MOST_LADDERS", 5)
    monkeypatch.setattr(packing, "MOST_KINDS", 7)
    view = view_of(40, 6, 5)
    assert same_as(view, document(page(view))) > 150


def test_the_file_is_read_back(tmp_path: Path) -> None:
    view, file = view_of(60, 6, 2), tmp_path / "estate.html"
    file.write_text(page(view))
    with result_file(str(file)) as found:
        lines = [as_line(restored(one)) for one in found.results()]
        unseen = found.head["estate"]["frame"]["unseen"]
        assert lines == [as_line(report) for row in view.rows() for report in row.reports.values()]
        assert [identity(target_restored(one)) for one in unseen] == [identity(Target("unseen.corp", "ssh", 22))]
        assert found.head["run"]["targets"] == 61


def test_the_page_says_whether_a_command_can_read_it() -> None:
    assert MOST_READ == MOST_RESULTS
    assert "<code>scanready report FILE</code> reads it" in page(view_of(3, 3))


def test_memory_does_not_grow_with_the_rows() -> None:
    """The writer keeps counts and distinct texts; the reader keeps kinds."""
    from scanready.report import new_estate_document
    from scanready.report.look import Look

    view = view_of(90, 6, 1)
    written_of = new_estate_document("html", Look())
    written_of.begin(view.info)
    sizes = []
    for number, row in enumerate(view.rows()):
        written_of.add(row)
        if number in (60, 90):
            sizes.append(len(written_of._packer._kinds) + len(written_of._texts))  # type: ignore[attr-defined]
    assert sizes[0] == sizes[1] > 20


DAMAGED: dict[str, Any] = {
    "an object": {},
    "an empty list": [],
    "an unknown kind": [9, 1],
    "a kind without a ladder": [0],
    "a ladder that is a text": [0, "x", "ready"],
    "a column that is not there": [2, 7, "{}", []],
    "a column below zero": [2, -1, "{}", []],
    "an address that is a number": [2, 0, "{}", [1]],
    "a kind that is not there": [1, "h", "n", "t", written([FIRST + 9]), "", "", []],
    "too few values": [1, "h", "n", "t", written([FIRST, FIRST]), "", written([0]), []],
    "a number that is cut": [1, "h", "n", "t", ALPHABET[0], "", "", []],
    "a character that is no digit": [1, "h", "n", "t", "é", "", "", []],
    "a number that is too long": [1, "h", "n", "t", ALPHABET[1] * 40, "", "", []],
    "a token that is not there": [1, "h", "n", "t", written([FIRST]), "", written([1, 8]), []],
    "a time past all times": [1, "h", "n", "t", written([FIRST]), "", written([1, 10**16 + 1]), []],
}


@pytest.mark.parametrize("line", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_line_is_a_value_error(line: Any) -> None:
    unpacker = MatrixUnpacker(["a", "b"], 0, MB, MB)
    unpacker.texts([2, 0, "{}", []])
    unpacker.texts([2, 1, "{}", []])
    unpacker.texts([0, ["\ue010"], "ready", "", ""])
    with pytest.raises(ValueError, match=r"of the (matrix|page) is damaged|line of the matrix"):
        unpacker.texts(line)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 10**18)
    | st.text(max_size=4)
    | st.sampled_from([ALPHABET[50:60], "R T"]),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.lists(JSON, max_size=8)), max_size=6))
def test_no_line_is_another_error(lines: list[tuple[int, list[Any]]]) -> None:
    unpacker = MatrixUnpacker(["a", "b"], 0, MB, MB)
    unpacker.texts([2, 0, "{}", []])
    unpacker.texts([0, ["\ue010\ue001"], "ready", "", ""])
    for kind, rest in lines:
        try:
            found = unpacker.texts([kind, *rest])
        except ValueError:
            continue
        assert all(isinstance(text, str) for pair in found for text in pair)


def test_few_bytes_do_not_become_gigabytes() -> None:
    def lines(column: list[Any], ladder: list[Any]) -> Iterable[Any]:
        yield [2, 0, *column]
        yield [0, ladder, "ready", "", ""]
        for _ in range(40):
            yield [1, "h", "n", "t", written([FIRST]), "", written([0]), []]

    for column, ladder in ((["x" * 1000, []], ["\ue002" * 2000]), (["x", []], ["x" * 500_000])):
        unpacker = MatrixUnpacker(["a"], 0, 10 * MB, MB)
        with pytest.raises(ValueError, match="too long"):
            [unpacker.texts(line) for line in lines(column, ladder)]


@pytest.mark.parametrize(
    "estate",
    [None, {}, {"columns": {}, "clock": 0}, {"columns": [1], "clock": 0}, {"columns": [], "clock": "0"}],
    ids=["null", "empty", "columns is an object", "a column is a number", "clock is a text"],
)
def test_damaged_agents_are_a_value_error(estate: Any) -> None:
    with pytest.raises(ValueError, match="agents of the matrix"):
        unpacker_of(estate, MB, MB)


@given(st.lists(st.integers(0, 10**15)))
def test_numbers_come_back(numbers: list[int]) -> None:
    assert read(written(numbers)) == numbers


def test_numbers_are_short_and_need_no_escape() -> None:
    text = written(range(0, 4_000_000, 1009))
    assert json.dumps(text) == f'"{text}"'
    assert not set(text) & set("<&:# ")
    assert len(written([BASE**4 - 1])) == 4


def hostile(report: Report) -> Report:
    return dataclasses.replace(report, agent=Agent("</script><b>", HOSTILE, (HOSTILE,)))


@pytest.mark.parametrize("make", [hostile], ids=["agent"])
def test_no_text_ends_the_data(make: Callable[[Report], Report]) -> None:
    of = [make(report) for report in reports(6)]
    target = Target("</script>", "ssh", 22)
    of.append(result("</script><b>", [], target))
    text = page(EstateView(lambda: of, Frame(remarks=("</script><script>alert(1)</script>",)), "<v>", "<title>"))
    assert text.count("<script") == text.count("</script>") == 2
    assert "<b>]" not in text
    assert len(document(text)["matrix"]) > 7
