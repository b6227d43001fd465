"""Read TAP, SARIF and workflow commands as their readers do: tap.py, perl's ``prove``, the OASIS schema, the runner."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tap.parser import Parser

from fixtures.limits import HANG

_SCHEMA = Path(__file__).parent.parent.parent / "fixtures" / "schemas" / "sarif-schema-2.1.0.json"
#: The commands that the runner of GitHub Actions knows.
_COMMANDS = {
    *("error", "warning", "notice", "debug", "group", "endgroup", "add-mask", "add-path", "set-env", "set-output"),
    *("save-state", "add-matcher", "remove-matcher", "echo", "stop-commands", "internal-set-repo-path"),
}


@dataclass
class Point:
    """A test point as tap.py reads it."""

    ok: bool
    number: int
    name: str
    directive: str
    block: dict[str, Any]


@dataclass
class Document:
    """A document as tap.py reads it."""

    plan: int = -1
    points: list[Point] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    bail: str = ""

    def of(self, host: str) -> Point:
        """The point of a host."""
        (found,) = (point for point in self.points if f"/{host}" in point.name or f"@{host}" in point.name)
        return found


def tap(text: str) -> Document:
    """Return a document; each line must have a meaning, and the points must be those of the plan."""
    found = Document()
    for line in Parser().parse_text(text):
        match line.category:
            case "test":
                where = Point(line.ok, line.number, line.description, line.directive.text, line.yaml_block or {})
                found.points.append(where)
            case "plan":
                found.plan = line.expected_tests
            case "diagnostic":
                found.comments.append(line.text)
            case "bail":
                found.bail = line.reason or "no reason"
            case other:
                assert other == "version", line
    numbers = [point.number for point in found.points]
    assert numbers == list(range(1, len(numbers) + 1))
    return found


def prove(text: str, where: Path) -> tuple[bool, str]:
    """Return whether ``prove`` passes a document, and its words; without it, skip the test, or fail in the lab."""
    if shutil.which("prove") is None:
        reason = "no prove: install perl of script/lab-packages"
        if os.environ.get("SCANREADY_REQUIRE_LAB") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    file = where / "report.tap"
    file.write_text(text, encoding="utf-8")
    command = ["prove", "--norc", "-e", "cat", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG, check=False)
    return done.returncode == 0, done.stdout + done.stderr


@cache
def _validator() -> Any:
    schema = json.loads(_SCHEMA.read_text())
    return jsonschema.validators.validator_for(schema)(schema, format_checker=jsonschema.FormatChecker())


def sarif(text: str) -> dict[str, Any]:
    """Return the run of a document that the OASIS schema accepts; each result must refer to its rule."""
    document = json.loads(text)
    _validator().validate(document)
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    fingerprints = [one["partialFingerprints"]["primaryLocationLineHash"] for one in run["results"]]
    assert len(set(fingerprints)) == len(fingerprints)
    found: dict[str, Any] = run
    return found


@dataclass
class Command:
    """A workflow command as the runner reads it."""

    name: str
    properties: dict[str, str]
    message: str


def commands(text: str) -> list[Command]:
    """Return the commands that the runner finds in the lines of a log (actions/runner, ``ActionCommand``)."""
    found = []
    for line in re.split(r"\r\n|\r|\n", text):
        assert "##[" not in line, "a command of the first version, anywhere in a line"
        stripped = line.lstrip()
        if not stripped.startswith("::") or (end := stripped.find("::", 2)) < 0:
            continue
        name, _, properties = stripped[2:end].partition(" ")
        if name not in _COMMANDS:
            continue
        pairs = (pair.partition("=") for pair in properties.strip().split(",") if pair)
        values = {key: _unescaped(value, "%3A:", "%2C,") for key, equals, value in pairs if equals}
        found.append(Command(name, values, _unescaped(stripped[end + 2 :])))
    return found


def _unescaped(text: str, *more: str) -> str:
    for pair in ("%0D\r", "%0A\n", *more, "%25%"):
        text = text.replace(pair[:3], pair[3:])
    return text
