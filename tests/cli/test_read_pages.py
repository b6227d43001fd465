"""A page is read back as the run that it was made of: of today, of before, and of someone who means harm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scanready.cli import result_file
from scanready.cli.result_file import Kind
from scanready.report.formats.embedded import BEFORE
from scanready.report.serialize import as_line
from tests.cli.in_process import call
from tests.report.estate import document, many
from tests.report.reports import blocked, ready


def results(file: Path) -> list[object]:
    with result_file.result_file(str(file)) as opened:
        assert opened.kind is Kind.DOCUMENT
        first = list(opened.results())
        assert list(opened.results()) == first, "they can be asked for again"
        return first


def test_a_page_has_the_results_of_its_run(tmp_path: Path) -> None:
    of = [*many(200, 20), blocked("\ue000 </script><b>", "\ue010"), ready()]
    file = tmp_path / "page.html"
    file.write_text(document("html", of))
    assert results(file) == [json.loads(as_line(report)) for report in of]
    (tmp_path / "run.json").write_text(document("json", of))
    told = [call("report", str(tmp_path / name), "--json", "--no-color") for name in ("page.html", "run.json")]
    assert told[0].stdout == told[1].stdout


def old(tmp_path: Path) -> Path:
    """A page of version 0.1: the document of ``--format json``, each result with its story."""
    document_of = json.loads(document("json", [blocked(), ready()]))
    for result in document_of["results"]:
        result["story"] = [[["sent", "means", []]], None]
    file = tmp_path / "old.html"
    data = json.dumps(document_of).replace("<", "\\u003c")
    file.write_text(f"<!doctype html>\n<html><head></head><body>\n{BEFORE}{data}\n</script></body></html>\n")
    return file


def test_a_page_of_before_is_read(tmp_path: Path) -> None:
    file = old(tmp_path)
    assert [result["target"]["host"] for result in results(file)] == ["db7", "db8"]  # type: ignore[index]
    done = call("report", str(file), "--format", "html", "-o", str(tmp_path / "again.html"))
    assert done.exit_code == 1, done.output
    assert results(tmp_path / "again.html") == [json.loads(as_line(report)) for report in (blocked(), ready())]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ('[0,"h",""]', "row of the page is damaged"),
        ('[["\\ue001"],"h","",1e9]', "row of the page is damaged"),
        ('[["nonsense"],"h",""]', "Expecting value"),
        (f'[["{"[" * 100_000}"],"h",""]', "nested too deep"),
        (f'[["{"x" * 500_000}"],null],' + ",".join(["[[0,0,0,0],null]"] * 100), "too long|Expecting value"),
    ],
    ids=["no-ladder", "no-number", "no-json", "deep", "bomb"],
)
def test_a_page_that_means_harm_is_one_line(tmp_path: Path, rows: str, words: str) -> None:
    file = tmp_path / "evil.html"
    run = json.loads(document("json", []))
    head = json.dumps({"schema": 1, "run": run["run"]})[:-1]
    file.write_text(f'<!doctype html>\n{BEFORE}{head},"rows":[{rows}],"summary":null}}\n</script>')
    done = call("report", str(file))
    assert done.exit_code == 2
    assert "evil.html: " in done.stderr
    assert any(word in done.stderr for word in words.split("|")), done.stderr
    assert len(done.stderr) < 400


def test_a_page_that_is_packed_too_well_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "page.html"
    file.write_text(document("html", list(many(400, 2))))
    size = file.stat().st_size
    monkeypatch.setattr(result_file, "_MOST", size + 1)
    with pytest.raises(ValueError, match="all rows together"):
        results(file)
