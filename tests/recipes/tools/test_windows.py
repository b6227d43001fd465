"""The recipes for Windows: valid by a schema, with options that exist, and none repeats a refused password.

No Windows is here: the tasks and the service were never registered.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from lxml import etree

from fixtures.limits import HANG
from scanready.cli import group
from tests.recipes.programs import EXAMPLES, ROOT
from tests.recipes.tools.installed import run

FOLDER = EXAMPLES / "windows"
TASKS = ("scanready-verify.xml", "scanready-agent.xml")
SERVICE = FOLDER / "scanready-agent-service.ps1"
SCHEMA = etree.XMLSchema(etree.parse(ROOT / "fixtures" / "schemas" / "task-scheduler-part.xsd"))
SPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
PARSER = """
import json, sys, tree_sitter, tree_sitter_powershell
def faults(node):
    if node.is_error or node.is_missing:
        yield node.start_point.row + 1
    for child in node.children:
        yield from faults(child)
parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
print(json.dumps(list(faults(parser.parse(sys.argv[1].encode()).root_node))))
"""


def text_of(name: str, element: str) -> str:
    (found,) = etree.parse(FOLDER / name).iter(SPACE + element)
    return found.text or ""


def wrong_lines(powershell: str) -> list[int]:
    """Return the lines that are no PowerShell."""
    done = run("python", "-c", PARSER, powershell)
    assert done.returncode == 0, done.stderr
    lines: list[int] = json.loads(done.stdout)
    return lines


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_valid_and_its_encoding_needs_no_care(name: str) -> None:
    SCHEMA.assertValid(etree.parse(FOLDER / name))
    text = (FOLDER / name).read_text(encoding="ascii")
    assert text.startswith('<?xml version="1.0"?>\n'), "PowerShell passes a text, which has no encoding"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("<ExecutionTimeLimit>PT6H<", "<ExecutionTimeLimit>6 hours<"),
        (">IgnoreNew<", ">IgnoreAll<"),
        ('Context="Account"', 'Context="Acount"'),
        ("StartWhenAvailable>", "StartIfAvailable>"),
        ("<Priority>5<", "<Priority>11<"),
    ],
    ids=["duration", "policy", "account", "setting", "priority"],
)
def test_the_schema_rejects_a_wrong_task(right: str, wrong: str) -> None:
    text = (FOLDER / TASKS[0]).read_text(encoding="ascii")
    assert right in text
    assert not SCHEMA.validate(etree.fromstring(text.replace(right, wrong)))


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_not_started_again_by_its_exit_code(name: str) -> None:
    elements = {element.tag for element in etree.parse(FOLDER / name).iter(etree.Element)}
    assert not elements & {SPACE + "RestartOnFailure", SPACE + "Repetition"}


def test_the_service_ends_at_a_refused_password_and_starts_again_otherwise() -> None:
    settings = re.findall(r"^Invoke-Program \$nssm set scanready-agent (\w+) (.*)$", SERVICE.read_text(), re.MULTILINE)
    assert [value for name, value in settings if name == "AppExit"] == ["Default Restart", "2 Exit"]
    assert dict(settings)["AppRestartDelay"] == "30000"
    assert int(dict(settings)["AppStopMethodConsole"]) > 45_000, "the agent ends within 45 seconds"


def test_the_service_and_the_task_have_the_same_command() -> None:
    parts = re.search(r"^\$arguments = (.*(?:\n    .*)*)", SERVICE.read_text(), re.MULTILINE)
    assert parts is not None
    assert "".join(re.findall(r"'([^']*)'", parts[1])) == text_of("scanready-agent.xml", "Arguments")


def test_the_options_of_the_agent_exist() -> None:
    words = text_of("scanready-agent.xml", "Arguments").split()
    fleet = group.get_command(click.Context(group), words[0])
    assert isinstance(fleet, click.Group)
    agent = fleet.get_command(click.Context(fleet), words[1])
    assert agent is not None
    found = agent.make_parser(click.Context(agent)).parse_args(words[2:])
    assert found[1] == []
    assert found[0]["password_from"] == r"file:C:\scanready\broker.txt"


def test_the_command_of_the_nightly_task_writes_its_reports(tmp_path: Path, closed: int) -> None:
    (tmp_path / "estate.yaml").write_text(f"targets: [{{host: 127.0.0.1, type: ssh, port: {closed}}}]\n")
    arguments = text_of("scanready-verify.xml", "Arguments")
    for folder in ("C:\\scanready\\", "C:\\ProgramData\\scanready\\"):
        arguments = arguments.replace(folder, f"{tmp_path}/")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "verifiers")}
    command = [sys.executable, "-m", "scanready", *arguments.split()]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=HANG, check=False)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert json.loads((tmp_path / "estate.json").read_text())["results"][0]["verdict"] == "blocked"
    assert "connect.refused" in (tmp_path / "estate.txt").read_text()
    assert {"estate.html", "runs.db"} <= {path.name for path in tmp_path.iterdir()}


def test_the_scripts_and_pages_are_powershell() -> None:
    blocks = [
        block
        for page in ("recipes.md", "fleet.md")
        for block in re.findall(r"```powershell\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)
    ]
    assert len(blocks) >= 2
    install = (ROOT / "script" / "offline" / "install.ps1").read_text()
    assert [wrong_lines(text) for text in (SERVICE.read_text(), install, *blocks)] == [[]] * (len(blocks) + 2)
    assert wrong_lines(SERVICE.read_text().replace("-ne 0) {", "-ne 0) ", 1)) != []


@pytest.mark.parametrize("name", [*TASKS, SERVICE.name])
def test_the_page_names_the_file(name: str) -> None:
    assert name in (ROOT / "docs" / "recipes.md").read_text()
