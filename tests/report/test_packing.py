"""Unpacking the rows of the HTML report restores each result byte for byte, in bounded memory."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanready.model import Report
from scanready.report.formats import packing
from scanready.report.formats.packing import Packer, Unpacker
from scanready.report.serialize import as_line
from tests.report.estate import reports
from tests.report.reports import HOSTILE, blocked, ready

MB = 1 << 20


def there_and_back(texts: Iterable[tuple[str, str, str]]) -> list[tuple[str, str]]:
    packer, unpacker = Packer(["10.0.1.5"]), Unpacker(128 * MB, MB)
    return [unpacker.texts(json.loads(packer.row(*one))) for one in texts]


def of(report: Report, story: str = "[]") -> tuple[str, str, str]:
    return as_line(report), story, report.target.host


def test_results_come_back_byte_for_byte() -> None:
    texts = [of(report, f'{{"rungs":[],"asked":[["To {report.target.host}"]]}}') for report in reports(300)]
    assert there_and_back(texts) == [text[:2] for text in texts]


HOSTS = st.one_of(
    st.sampled_from(["db7", "host", "db2", "null", "e-05", "1.5", "10.0.0.7", "fe80::1", "target", "", "\ue000", "«"]),
    st.text(max_size=12),
)
FACTS = st.dictionaries(
    st.one_of(st.sampled_from(["seconds", "clock_skew_seconds", "host"]), st.text(max_size=8)),
    st.one_of(
        st.text(max_size=30),
        st.floats(allow_nan=False, allow_infinity=False),
        st.integers(),
        st.sampled_from(["10.0.0.7 and 10.0.0.70", "fe80::1", "2026-01-01T00:00:00Z", "\ue001\ue010", '{"step":']),
        st.sampled_from([1e-05, 0.1 + 0.2, 1e16, -0.0, 0.000001, 123.456]),
    ),
    max_size=4,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(HOSTS, FACTS, st.floats(0, 1e6), st.text(max_size=40)), min_size=1, max_size=4))
def test_whatever_is_in_a_result_comes_back(found: list[tuple[str, dict[str, Any], float, str]]) -> None:
    texts = []
    for host, facts, seconds, detail in found:
        report = dataclasses.replace(blocked(host, detail), seconds=seconds, facts=facts)
        texts.append(of(report, json.dumps({"rungs": [], "asked": [[detail, host, HOSTILE]]})))
    assert there_and_back([*texts, *texts]) == [text[:2] for text in [*texts, *texts]]


def test_a_ladder_that_was_there_is_a_number() -> None:
    packer = Packer(["10.0.1.5"])
    rows = [json.loads(packer.row(*of(ready(f"db{number}.corp")))) for number in range(10, 13)]
    assert isinstance(rows[0][0], list)
    assert [row[:2] for row in rows[1:]] == [[0, "db11.corp"], [0, "db12.corp"]]


def test_past_the_bounds_rows_are_longer_and_still_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "MOST_PARTS", 15)
    monkeypatch.setattr(packing, "MOST_LADDERS", 5)
    texts = [of(report) for report in reports(60)] + [of(blocked(f"h{n}.corp", f"seen {n}")) for n in range(30)] * 2
    assert there_and_back(texts) == [text[:2] for text in texts]


@pytest.mark.parametrize(
    "row",
    [
        {},
        [],
        [0],
        [0, "h", ""],
        [[0], "h", ""],
        [[{}], "h", ""],
        [["\ue001"], "h", ""],
        [["\ue001"], "h", "", -1],
        [["\ue001"], "h", "", 1.5],
        [["\ue001"], "h", "", 10**400],
        [["x"], 5, ""],
        [["x"], "h", 5],
        [["x"], "h"],
        [["\ue000" * 1000], "h" * 3000, ""],
        [["x" * 10_000] * 300, "h", ""],
        [[["x"]], None],
    ],
    ids=range(16),
)
def test_a_damaged_row_is_a_value_error(row: Any) -> None:
    with pytest.raises(ValueError, match="row of the page"):
        Unpacker(128 * MB, MB).texts(row)


def test_few_bytes_do_not_become_gigabytes() -> None:
    unpacker = Unpacker(10 * MB, MB)
    unpacker.texts([["x" * 100_000] * 10, None])
    with pytest.raises(ValueError, match="all rows together"):
        [unpacker.texts([0, None]) for _ in range(20)]
