"""A run whose results are there already: file by file, with those of a damaged file taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanready.store import BulkWriter, NewRun, Store
from scanready.store.bulk import Row

RUN = NewRun("2026-01-01T00:00:00.000Z", "merge", "a.scanready", 0, "0.2.0", "{}", "{}")


def rows(path: Path) -> list[str]:
    with Store(path) as store:
        return list(store.results(store.find("last")))


def row(place: int, line: str, key: str = "") -> Row:
    return Row(place, key or f"key{place}", "ready", line)


def test_results_are_read_by_their_places_and_the_end_is_written(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with BulkWriter(path, RUN) as writer:
        for place in range(2000, 0, -1):
            writer.add(row(place, f"line {place}"))
        writer.accept()
        writer.end(2000, '{"frame": 1}', 1.5)
    assert rows(path) == [f"line {place}" for place in range(1, 2001)]
    with Store(path) as store:
        run = store.find("last")
        assert (run.targets, run.asked, run.seconds, run.finished) == (2000, '{"frame": 1}', 1.5, 2000)
        assert run.ended is not None


@pytest.mark.parametrize("count", [1, 2000], ids=["within-a-transaction", "over-several"])
def test_the_results_of_a_rejected_file_are_deleted_and_earlier_ones_stay(tmp_path: Path, count: int) -> None:
    path = tmp_path / "runs.db"
    with BulkWriter(path, RUN) as writer:
        writer.add(row(1, "first"))
        writer.accept()
        for place in range(2, count + 2):
            writer.add(row(place, "bad"))
        writer.replace(row(1, "newer, and bad"))
        assert writer.stored("key1") == "newer, and bad"
        writer.reject()
        assert writer.stored("key1") == "first"
        writer.add(row(5000, "last"))
        writer.accept()
        writer.end(2, "{}", 0.0)
    assert rows(path) == ["first", "last"]


@pytest.mark.parametrize("count", [1, 2000], ids=["within-a-transaction", "over-several"])
def test_a_result_that_is_withdrawn_is_gone_and_an_earlier_one_with_its_key_stays(tmp_path: Path, count: int) -> None:
    path = tmp_path / "runs.db"
    with BulkWriter(path, RUN) as writer:
        writer.add(row(1, "earlier"))
        writer.accept()
        writer.replace(row(1, "newer"))
        writer.add(row(2, "contradicted"))
        for place in range(3, count + 3):
            writer.add(row(place, "stays"))
            writer.replace(row(10_000 + place, "no such key"))
        writer.withdraw("key1")
        writer.withdraw("key2")
        writer.withdraw("key-of-nothing")
        writer.accept()
        writer.end(2, "{}", 0.0)
    assert rows(path) == ["earlier", *["stays"] * count]


def test_a_newer_result_replaces_the_earlier_one_once_its_file_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with BulkWriter(path, RUN) as writer:
        writer.add(row(1, "old"))
        writer.add(row(2, "stays"))
        writer.accept()
        writer.replace(Row(1, "key1", "blocked", "new"))
        writer.accept()
        with pytest.raises(KeyError):
            writer.stored("key3")
        writer.end(2, "{}", 0.0)
    assert rows(path) == ["new", "stays"]
    with Store(path) as store:
        assert store.find("last").verdicts == {"blocked": 1, "ready": 1}


def test_a_merge_that_is_broken_off_leaves_no_run(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"

    def broken_off() -> None:
        with BulkWriter(path, RUN) as writer:
            writer.add(row(1, "line"))
            writer.accept()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    with Store(path) as store:
        assert store.runs() == []


def test_a_value_that_the_store_does_not_take_leaves_no_transaction_open(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with BulkWriter(path, RUN) as writer:
        writer.add(row(1, "good"))
        writer.accept()
        writer.add(row(2, "bad", "half a letter: \ud800"))
        with pytest.raises(UnicodeEncodeError):
            writer.accept()
        writer.reject()
        writer.add(row(3, "last"))
        writer.accept()
        writer.end(2, "{}", 0.0)
    assert rows(path) == ["good", "last"]
