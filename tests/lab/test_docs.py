"""Compare the documentation with the product's real output: every ``console`` block is run against the lab.

``SCANREADY_WRITE_DOCS=1`` rewrites the blocks instead of comparing them. The comparison ignores the parts that differ
between runs and machines: milliseconds, dates, addresses, versions, and the line breaks that depend on them.

A command runs in a directory with the files that the page shows: a block of YAML after ``<!-- file: NAME -->`` is that
file. ``; echo $?`` shows the exit code.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.lab.accounts import PASSWORD
from fixtures.lab.lab import Lab
from fixtures.lab.nfs import firewall
from tests.lab import cli

ROOT = Path(__file__).parent.parent.parent
PAGES = ["README.md", *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md")))]
BLOCK = re.compile(r"```console\n\$ (?P<command>[^\n]+)\n(?P<output>.*?)```", re.DOTALL)
VARIES = (
    # A rung's time stands in the middle of a text that goes on in the next line.
    (re.compile(r" +\d+(\.\d+)? (ms|s)$", re.MULTILINE), ""),
    (re.compile(r"\b\d+(\.\d+)? (ms|s)\b"), "# s"),
    (re.compile(r"\b20\d{6}-\d{4}-[a-z0-9]{3}\b"), "#run"),
    (re.compile(r"\b20\d\d-\d\d-\d\d([ T]\d\d:\d\d(:[\d.]+Z)?)?\b"), "#-#-#"),
    # Facts of `scanready agent` and the agent's rung about the machine on which the page was written.
    (re.compile(r"OpenSSH_\S+( (Debian|Ubuntu)-\S+?)?(?=[:;\s])"), "OpenSSH_#"),
    (re.compile(r"\b(Debian|Ubuntu) \d[\d.]*(?=[;,\s])"), "#"),
    (re.compile(r"\d\d? [A-Z][a-z]{2} 20\d\d(?=:)"), "#"),
    (re.compile(r"\(bound to \d+\)"), "(bound to #)"),
    (re.compile(r", /\.dockerenv"), ""),
    (re.compile(r"(?<=client libraries from )(TLSv\S+|the\s+oldest\s+version\s+there\s+is)(?=\s+up)"), "#"),
    (
        re.compile(r"\d+(?= (key exchanges|host key algorithms|ciphers|MACs|algorithms|of which|are in use|in use))"),
        "#",
    ),
    (re.compile(r"soft limit \d+, hard limit \d+"), "soft limit #, hard limit #"),
    (re.compile(r"\b\d+(\.\d+)+(p\d+)?(-[\w.+~-]+)?( \w+-\d[\w.+~]*)?"), "#.#"),
    (re.compile(r"\s+"), " "),
)
FILE = re.compile(r"<!-- file: (?P<name>[\w.]+) -->\n+```yaml\n(?P<text>.*?)```", re.DOTALL)
EXIT_CODE = "; echo $?"
WIDTH = "100"
AGENT = "proxy-nyc"


@pytest.fixture(scope="module")
def estate(lab: Lab) -> Iterator[Lab]:
    """The hosts that the pages speak of."""
    lab.topology.name(
        {
            "db7.corp": [lab.postgresql("no-entry").address],
            "web1.corp": [lab.openssh("password").address],
            "db8.corp": [lab.mariadb("tls").address],
            "intranet.corp": [lab.one_machine()["nginx"].address],
            "nas.corp": [lab.nfs("both").address],
            "fs01.corp": [lab.samba("smb3").address],
            "win1.corp": [lab.windows("healthy").address],
            "er-master.corp": [lab.misbehaving("half-open", 11117).address],
            "er-console.corp": [lab.one_machine()["nginx"].address],
        }
    )
    lab.clouds()
    lab.dns()
    closed = [firewall("rest-dropped", lab.nfs("both").address)]
    closed += [f"ip daddr {lab.windows('healthy').address} tcp dport 49152-65535 drop"]
    with lab.policy("\n".join(closed)):
        yield lab


@pytest.mark.parametrize("page", [page for page in PAGES if BLOCK.search((ROOT / page).read_text())])
def test_what_a_page_shows_is_what_is_printed(estate: Lab, page: str, tmp_path: Path) -> None:
    text = (ROOT / page).read_text()
    for file in FILE.finditer(text):
        (tmp_path / file["name"]).write_text(file["text"])
    printed = BLOCK.sub(lambda block: _run(estate, block["command"], tmp_path), text)
    if os.environ.get("SCANREADY_WRITE_DOCS") == "1":
        (ROOT / page).write_text(printed)
    else:
        assert _comparable(text) == _comparable(printed)


def _run(lab: Lab, command: str, where: Path) -> str:
    program, *arguments = shlex.split(command.removesuffix(EXIT_CODE))
    assert program == "scanready"
    environment = {
        "PYTHONPATH": str(ROOT / "verifiers"),
        "COLUMNS": WIDTH,
        "NO_COLOR": "1",
        "PYTHONIOENCODING": "utf-8",
        "ER_PW": PASSWORD,
        "SCANREADY_STORE": str(where / "runs.db"),
    }
    # A host name of its own: the pages must not show that of the machine they were written on.
    done = cli.scanready(lab.agent, *arguments, env=environment, cwd=where, named=AGENT)
    assert not done.stderr, done.stderr
    printed = done.stdout.strip()
    if command.endswith(EXIT_CODE):
        printed = f"{printed}\n{done.returncode}"
    return f"```console\n$ {command}\n{printed}\n```"


def _comparable(text: str) -> str:
    for pattern, replacement in VARIES:
        text = pattern.sub(replacement, text)
    return text
