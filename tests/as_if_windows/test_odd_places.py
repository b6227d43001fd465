"""Store, reports, export and merge in the places that Windows has: drives, shares, names with blanks, open files.

On POSIX, too, a path may begin with two slashes, and ``C:`` is a folder of that name: what reads such a path as an
address or as a scheme fails here as it does there.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.in_process import call
from tests.closed_ports import closed_port

if TYPE_CHECKING:
    from click.testing import Result

PLACES = {
    "a drive": "C:/Users/J Doe/größe",
    "a share": "/{here}/share/a b",
    "blanks": "{here}/a  b/c d ",
}


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make a folder, and return its name as it is typed."""
    monkeypatch.chdir(tmp_path)
    name = PLACES[request.param].format(here=tmp_path)
    Path(name).mkdir(parents=True)
    return name


@pytest.fixture
def estate(place: str) -> Iterator[str]:
    with closed_port() as port:
        name = f"{place}/estate 1.yaml"
        Path(name).write_text(f"targets:\n  - {{host: 127.0.0.1, type: ssh, port: {port}}}\n", encoding="utf-8")
        yield name


def done(code: int, *arguments: str) -> Result:
    found = call(*arguments)
    assert found.exit_code == code, found.output
    return found


def test_a_run_is_stored_reported_exported_and_merged(place: str, estate: str) -> None:
    store, merged = f"{place}/runs.db", f"{place}/merged.db"
    outputs = [f"{form}={place}/report of it.{form}" for form in ("html", "json", "sarif", "csv")]
    reports = [word for output in outputs for word in ("--report", output)]
    done(1, "verify", estate, "--store", store, *reports, "--export", f"{place}/export 1.json")
    for output in outputs:
        assert "connect.refused" in Path(output.partition("=")[2]).read_text(encoding="utf-8"), output
    assert "connect.refused" in done(1, "report", "last", "--store", store, "--format", "json").stdout
    assert "estate 1.yaml" in done(0, "runs", "--store", store).stdout
    done(1, "report", "last", "--store", store, "--export", f"{place}/export 2.json")
    assert Path(place, "export 2.json").stat().st_size > 100
    done(1, "merge", f"{place}/export 1.json", "--store", merged)
    assert "connect.refused" in done(1, "report", "last", "--store", merged, "--format", "json").stdout


def test_a_report_says_the_line_of_the_inventory(place: str, estate: str) -> None:
    found = json.loads(done(1, "verify", estate, "--no-store", "--format", "sarif").stdout)
    (result,) = found["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 2


def test_a_store_that_another_program_reads_takes_the_run(place: str, estate: str) -> None:
    store = f"{place}/runs.db"
    done(1, "verify", estate, "--store", store)
    reader = sqlite3.connect(store)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM sqlite_master").fetchall()
    done(1, "verify", estate, "--store", store)
    reader.close()
    assert done(0, "runs", "--store", store).stdout.count("estate 1.yaml") == 2


@pytest.mark.skipif("AS_IF_WINDOWS" not in os.environ, reason="elsewhere an open file is replaced")
@pytest.mark.parametrize("use", ["report", "export"])
def test_a_file_that_another_program_has_open_stays_as_it_is(use: str, place: str, estate: str) -> None:
    name = f"{place}/open.json"
    Path(name).write_bytes(b"old")
    option = ("--report", f"json={name}") if use == "report" else ("--export", name)
    with Path(name).open("rb"):
        found = call("verify", estate, "--no-store", *option)
    assert "another program holds it: close it there, or name another file" in found.stderr
    assert "Traceback" not in found.output
    assert Path(name).read_bytes() == b"old"
    assert {one.name for one in Path(place).iterdir()} == {"open.json", "estate 1.yaml"}
    done(1, "verify", estate, "--no-store", *option)
    assert Path(name).read_bytes() != b"old"
