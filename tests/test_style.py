"""The style check: which text it reads, and which words it reports."""

from __future__ import annotations

import ast
import io
import shutil
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import style_check
import style_prose

ROOT = Path(__file__).parent.parent
CONFIG = tomllib.loads((ROOT / "script" / "style-words.toml").read_text(encoding="utf-8"))
RULES = {entry["id"]: entry for entry in CONFIG["rule"]}
SAMPLE = sorted((ROOT / "verifiers").rglob("*.py"))[::7] + sorted((ROOT / "tests").rglob("*.py"))[::7]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of its own, with our rules."""
    (tmp_path / "script").mkdir()
    shutil.copy(ROOT / "script" / "style-words.toml", tmp_path / "script")
    return tmp_path


def run(project: Path, *arguments: str) -> int:
    return style_check.main(["--root", str(project), *arguments])


def prose(source: str) -> Iterator[str]:
    for passage in style_prose.python_passages(source):
        if passage.kind != "code":
            yield " ".join(line for _, line in passage.lines)


def test_an_offending_docstring_is_reported_with_its_place_and_a_suggestion(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "module.py").write_text('"""Open one connection.\n\nWhoever closes it\nmends likewise.\n"""\n')
    assert run(project) == 1
    output = capsys.readouterr().out
    assert 'module.py:3: [whoever] "Whoever"' in output
    assert "instead: the noun" in output
    assert "module.py:4: [mend]" in output
    assert "module.py:4: [likewise]" in output
    assert "3 offences" in output


def test_clean_text_passes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "module.py").write_text('"""Open one TCP connection; on failure, report who refused it."""\n')
    (project / "page.md").write_text("# What it does\n\nIt connects. What does it cost? Nothing.\n")
    assert run(project) == 0
    assert "style: 0 offences" in capsys.readouterr().out


def test_code_strings_and_quotations_are_not_prose(project: Path) -> None:
    (project / "module.py").write_text('"""Say `nobody`, ``whom`` or "likewise"."""\n\nTEXT = "nobody # likewise"\n')
    (project / "page.md").write_text("Type `mend`:\n\n```sh\necho nobody\n```\n\n<!-- likewise -->\n")
    assert run(project) == 0


def test_comments_of_python_and_shell_are_read(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "module.py").write_text("value = 1  # nobody's\n\n# As on the other\n# side, likewise.\n")
    (project / "tool").write_text("#!/bin/sh\n# Start it by hand.\n")
    assert run(project) == 1
    output = capsys.readouterr().out
    assert "module.py:1: [nobody]" in output
    assert "module.py:4: [likewise]" in output
    assert "tool:2: [by-hand]" in output


def test_codespell_reads_the_prose(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "page.md").write_text("One line.\n\nIt will recieve `teh` answer from ACCES.\n")  # codespell:ignore
    assert run(project) == 1
    output = capsys.readouterr().out
    assert 'page.md:3: [spelling] "recieve": spelt receive' in output
    assert "style: 1 offence\n" in output


def test_names_are_reported_where_they_are_bound(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = "def f(said: str) -> None:\n    seen = {said}\n    if said in seen:\n        g(seen)\n"
    (project / "module.py").write_text(source)
    assert run(project) == 1
    output = capsys.readouterr().out
    assert "module.py:1: [name-said]" in output
    assert "module.py:2: [name-said]" in output
    assert "2 offences" in output


@pytest.mark.parametrize("name", RULES)
def test_a_rule_reports_its_wrong_examples_and_not_its_right_ones(name: str) -> None:
    entry = RULES[name]
    (rule,) = (rule for rule in style_check.read_rules({"rule": [entry]}))
    assert entry["reason"]
    assert entry["instead"]
    assert [text for text in entry["wrong"] if not rule.pattern.search(text)] == []
    assert [text for text in entry["right"] if rule.pattern.search(text)] == []


def test_the_scanner_finds_the_comments_and_docstrings_that_python_finds() -> None:
    for path in SAMPLE:
        source = path.read_text(encoding="utf-8")
        found = "".join("".join(prose(source)).split())
        missing = [text for text in _comments_and_docstrings(source) if "".join(text.split()) not in found]
        assert missing == [], path


def _comments_and_docstrings(source: str) -> Iterator[str]:
    """Read them with Python's own tokenizer and parser."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and not style_prose.PRAGMA.match(token.string):
            yield token.string.lstrip("#: ")
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, documented) and (text := ast.get_docstring(node)) and "\\" not in text:
            lines = (line.strip() for line in text.splitlines())
            yield from (line for line in lines if not style_prose.MARKER.match(line) and not line.startswith(">>>"))
