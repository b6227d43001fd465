"""Results have the file and the line that declare a target; reports point to it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from scanready.inventory import load
from scanready.model import Report, Target
from scanready.report.formats.packing import Packer
from scanready.report.parse import restored
from scanready.report.schema import result_schema
from scanready.report.serialize import as_line, identity
from scanready.report.source_line import SourceLine, source_line
from tests.report.estate import reports
from tests.report.reports import blocked, ready

ESTATE = """\
targets:
  - ssh://web1.corp
  - {host: db7.corp, type: postgresql,
     database: hr}
  - hosts: [a.corp, b.corp]
    type: smb
"""


def at(place: str | None) -> Target:
    return Target("db7", "ssh", 22, source=place)


def declared(report: Report, place: str | None) -> Report:
    return replace(report, target=replace(report.target, source=place))


def test_an_inventory_says_the_line_of_each_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lists").mkdir()
    Path("lists/estate.yaml").write_text(ESTATE)
    for name in ("lists/estate.yaml", "./lists/../lists/estate.yaml", str(tmp_path / "lists" / "estate.yaml")):
        found = {target.host: source_line(target) for target in load(name).targets}
        assert found == {
            "web1.corp": ("lists/estate.yaml", 2),
            "db7.corp": ("lists/estate.yaml", 3),
            "a.corp": ("lists/estate.yaml", 5),
            "b.corp": ("lists/estate.yaml", 5),
        }


def test_a_result_has_the_line_and_is_restored_with_it() -> None:
    line = as_line(declared(blocked(), "lists/estate.yaml:12"))
    jsonschema.validate(json.loads(line), result_schema())
    assert json.loads(line)["target"]["source"] == "lists/estate.yaml:12"
    assert as_line(restored(json.loads(line))) == line
    assert restored(json.loads(line)).target.source == "lists/estate.yaml:12"


def test_a_target_is_the_same_in_another_line() -> None:
    assert identity(at("estate.yaml:1")) == identity(at("estate.yaml:2")) == identity(at(None))


@pytest.mark.parametrize("place", [None, "<stdin>:3", f"{'x' * 600}:3"])
def test_a_target_of_no_file_has_no_line(place: str | None) -> None:
    """The path of a longer one is left out: a message of a fleet takes no longer text."""
    assert "source" not in json.loads(as_line(declared(blocked(), place)))["target"]
    assert source_line(at(place)) is None


@pytest.mark.parametrize(
    "place", ["", "estate.yaml", "estate.yaml:", "estate.yaml:0", ":3", "estate.yaml:1\n2", "a:1e9"]
)
def test_a_place_of_another_form_is_no_line(place: str) -> None:
    """A stored result is untrusted."""
    assert source_line(at(place)) is None


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("estate.yaml", "estate.yaml"),
        ("a b/größe#1?.yaml", "a%20b/gr%C3%B6%C3%9Fe%231%3F.yaml"),
        ("c:d.yaml", "c%3Ad.yaml"),
        ("../up.yaml", "../up.yaml"),
        ("/etc/estate.yaml", "file:///etc/estate.yaml"),
        ("C:/lists/estate.yaml", "file:///C:/lists/estate.yaml"),
        ("\udcff.yaml", "%ED%B3%BF.yaml"),
    ],
)
def test_a_path_becomes_a_uri(file: str, uri: str) -> None:
    assert SourceLine(file, 1).uri == uri


def test_a_path_of_windows_has_forward_slashes() -> None:
    assert source_line(at("C:\\lists\\estate.yaml:7")) == ("C:/lists/estate.yaml", 7)


def test_the_page_keeps_one_ladder_for_targets_in_many_lines() -> None:
    """The line is a value of the row; otherwise each target would have a ladder of its own."""

    def rows(places: list[str | None]) -> list[str]:
        packer = Packer(())
        return [
            packer.row(as_line(declared(replace(ready(host), started="2026-01-01T00:00:00.000Z"), place)), "{}", host)
            for place, host in zip(places, ("web1.corp", "web2.corp", "web3.corp"), strict=True)
        ]

    without, within = rows([None] * 3), rows(["estate.yaml:4", "estate.yaml:123", "estate.yaml:99999"])
    assert [len(row) - len(other) for row, other in zip(within, without, strict=True)][1:] == [4, 6]


def test_a_large_run_is_hardly_larger_with_lines() -> None:
    of = list(reports(2000))
    sizes = []
    for place in (False, True):
        packer = Packer(())
        lines = (declared(report, f"estate.yaml:{number}" if place else None) for number, report in enumerate(of, 2))
        sizes.append(sum(len(packer.row(as_line(one), "{}", one.target.host)) for one in lines))
    assert sizes[1] < sizes[0] + 10 * len(of)
