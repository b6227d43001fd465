"""The pages show what the product really prints: every ``console`` block is run against the lab.

``SCANREADY_WRITE_DOCS=1`` writes the blocks anew instead of comparing them. What
differs from run to run (milliseconds, addresses, ports that sshd shows) is left out of the
comparison.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

import pytest

from fixtures.lab.lab import Lab

ROOT = Path(__file__).parent.parent.parent
PAGES = ["README.md", *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md")))]
BLOCK = re.compile(r"```console\n\$ (?P<command>[^\n]+)\n(?P<output>.*?)```", re.DOTALL)
VARIES = (
    (re.compile(r"\b\d+(\.\d+)? (ms|s)\b"), "# s"),
    (re.compile(r"10\.77\.\d+\.\d+"), "10.77.#"),
    (re.compile(r" +"), " "),
)
WIDTH = "100"


@pytest.fixture(scope="module")
def estate(lab: Lab) -> Lab:
    """The hosts that the pages speak of."""
    lab.topology.name(
        {
            "db7.corp": [lab.postgresql("no-entry").address],
            "web1.corp": [lab.openssh("password").address],
            "db8.corp": [lab.mariadb("tls").address],
        }
    )
    return lab


@pytest.mark.parametrize("page", [page for page in PAGES if BLOCK.search((ROOT / page).read_text())])
def test_what_a_page_shows_is_what_is_printed(estate: Lab, page: str) -> None:
    text = (ROOT / page).read_text()
    printed = BLOCK.sub(lambda block: _run(estate, block["command"]), text)
    if os.environ.get("SCANREADY_WRITE_DOCS") == "1":
        (ROOT / page).write_text(printed)
    else:
        assert _comparable(text) == _comparable(printed)


def _run(lab: Lab, command: str) -> str:
    program, *arguments = shlex.split(command)
    assert program == "scanready"
    environment = {
        "PYTHONPATH": str(ROOT / "verifiers"),
        "COLUMNS": WIDTH,
        "NO_COLOR": "1",
        "PYTHONIOENCODING": "utf-8",
    }
    done = lab.agent.command([sys.executable, "-m", "scanready", *arguments], env=environment)
    assert not done.stderr, done.stderr
    return f"```console\n$ {command}\n{done.stdout.strip()}\n```"


def _comparable(text: str) -> str:
    for pattern, replacement in VARIES:
        text = pattern.sub(replacement, text)
    return text
