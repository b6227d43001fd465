"""Output on a console with a code page: programs and files get UTF-8, and text for people is never an error."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from scanready.cli import COMMANDS, group
from scanready.report import FORMATS
from scanready.report.rule_forms import FORMS
from tests.cli import plugin
from tests.closed_ports import closed_port

#: Those of consoles in the United States, in Western Europe (and of its windows), and in Japan.
PAGES = ("cp437", "cp850", "cp1252", "cp932")
#: No page has all of these.
WORDS = "größe-日本-✓-œ"
#: Formats without names beyond ASCII: JSON escapes them, and one line for monitoring has none.
_ASCII = {"json", "jsonl", "sarif", "nagios"}
_TIMES = re.compile(r"\d+(\.\d+)?([eE]-?\d+)?")


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[str]:
    """An inventory whose names are in no code page."""
    with closed_port() as port:
        where = tmp_path / "estate.yaml"
        one = f"{{host: 127.0.0.1, type: ssh, port: {port}, tags: [{WORDS}]}}"
        where.write_text(f"agent: {{name: {WORDS}}}\ntargets:\n  - {one}\n", encoding="utf-8")
        yield str(where)


def _called(page: str, *arguments: str) -> bytes:
    done = CliRunner(charset=page).invoke(group, arguments, prog_name="scanready")
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.stdout_bytes


def _timeless(output: bytes) -> str:
    return _TIMES.sub("0", output.decode("utf-8"))


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if not form.people])
def test_a_format_for_programs_is_utf_8_whatever_the_console(name: str, estate: str) -> None:
    asked = ("verify", estate, "--no-store", "--format", name)
    expected = _timeless(_called("utf-8", *asked))
    assert (WORDS in expected) is (name not in _ASCII)
    for page in PAGES:
        found = _timeless(_called(page, *asked))
        assert WORDS in found if name == "html" else found == expected, page  # its table of texts varies with the times


@pytest.mark.parametrize("name", [name for name in FORMS if name != "table"])
def test_firewall_rules_are_utf_8_whatever_the_console(name: str, estate: str) -> None:
    asked = ("firewall", estate, "--source", "192.0.2.1", "--format", name)
    assert {_timeless(_called(page, *asked)) for page in PAGES} == {_timeless(_called("utf-8", *asked))}


def test_an_inventory_is_utf_8_whatever_the_console(tmp_path: Path) -> None:
    listed = tmp_path / "hosts.csv"
    listed.write_text(f"host,type,tags\ndb7,ssh,{WORDS}\n", encoding="utf-8")
    for page in PAGES:
        assert WORDS in _called(page, "import", str(listed)).decode("utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_text_for_people_is_in_the_page_of_the_console(page: str, estate: str) -> None:
    asked: tuple[tuple[str, ...], ...] = (
        ("verify", estate, "--no-store", "-v"),
        ("plan", estate),
        ("firewall", estate, "--source", "192.0.2.1"),
        ("types",),
        ("types", "ssh"),
        ("explain",),
        ("explain", "ssh.no-common-algorithm"),
        ("--help",),
        *((name, "--help") for name in COMMANDS),
    )
    for words in asked:
        output = _called(page, *words)
        assert output.decode(page), words


@pytest.mark.parametrize("page", PAGES)
def test_printing_is_no_error(page: str, tmp_path: Path) -> None:
    """Help is printed with Python's own stream, which is strict on Windows."""
    code = f"from scanready.cli.output.standard_output import set_apart; set_apart(); print({WORDS!r})"
    environment = plugin.environment(tmp_path, {"PYTHONIOENCODING": f"{page}:strict"})
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert done.stdout.decode(page).strip() == WORDS.encode(page, "backslashreplace").decode(page)
