"""The line of the inventory in the formats of build servers: from a run, from a stored run, from an older one."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from click.testing import CliRunner

from scanready.cli import group
from scanready.report import serialize
from tests.cli.in_process import call
from tests.closed_ports import closed_port
from tests.report.judges import commands, sarif, tap


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An inventory below the current directory; its only target refuses connections in line 4."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCANREADY_STORE", str(tmp_path / "runs.db"))
    where = Path("lists", "estate.yaml")
    where.parent.mkdir()
    with closed_port() as port:
        where.write_text(f"agent: {{name: nyc}}\ntargets:\n  # one\n  - ssh://127.0.0.1:{port}\n")
        yield where


def verified(file: Path | str, older: bool = False) -> None:
    """Store a run; an older version stored no lines."""
    with mock.patch.object(serialize, "stored_source", return_value="") if older else contextlib.nullcontext():
        assert call("verify", str(file)).exit_code == 1


def reported(*arguments: str) -> list[tuple[str, int] | None]:
    """The line in each of the three formats, of a report of the last run."""
    texts = {
        name: call("report", *(arguments or ("last",)), "--format", name).stdout for name in ("tap", "sarif", "github")
    }
    at = tap(texts["tap"]).points[0].block.get("at")
    place = sarif(texts["sarif"])["results"][0]["locations"][0].get("physicalLocation")
    where = commands(texts["github"])[1].properties
    return [
        (at["file"], at["line"]) if at else None,
        (place["artifactLocation"]["uri"], place["region"]["startLine"]) if place else None,
        (where["file"], int(where["line"])) if "file" in where else None,
    ]


@pytest.mark.parametrize("older", [False, True])
def test_a_stored_run_has_the_lines(lines: Path, older: bool) -> None:
    verified(lines, older)
    (result,) = json.loads(call("report", "last", "--format", "json").stdout)["results"]
    assert ("source" in result["target"]) is not older
    assert reported() == [("lists/estate.yaml", 4)] * 3


def test_a_file_of_results_has_the_lines(lines: Path, tmp_path: Path) -> None:
    verified(lines.resolve())
    call("report", "last", "--format", "json", "-o", "run.json")
    call("report", "last", "--format", "html", "-o", "run.html")
    assert reported("run.json") == reported("run.html") == [("lists/estate.yaml", 4)] * 3


def test_an_older_run_whose_inventory_changed_has_none(lines: Path) -> None:
    verified(lines, older=True)
    lines.write_text(lines.read_text() + "  - ssh://127.0.0.1:1\n")
    assert reported() == [None] * 3
    lines.unlink()
    assert reported() == [None] * 3


def test_targets_of_the_command_line_have_none(lines: Path) -> None:
    target = lines.read_text().split("- ")[1].strip()
    assert call("check", target).exit_code == 1
    assert reported() == [None] * 3


def test_an_inventory_of_standard_input_has_none(lines: Path) -> None:
    done = CliRunner().invoke(group, ["verify", "-"], input=lines.read_text(), prog_name="scanready")
    assert done.exit_code == 1, done.output
    assert reported() == [None] * 3
