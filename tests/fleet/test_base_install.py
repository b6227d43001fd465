"""Nothing but scanready.fleet and its commands needs Celery."""

from __future__ import annotations

import subprocess
import sys

_WITHOUT = """
import sys
for name in ("amqp", "celery", "kombu"):
    sys.modules[name] = None  # an import of it fails
sys.argv = ["scanready", *{words!r}]
from scanready.cli import main
main()
"""


def run(*words: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-P", "-c", _WITHOUT.format(words=words)]
    return subprocess.run(program, capture_output=True, text=True, check=False, timeout=60)


def test_definitions_need_no_extra() -> None:
    made = run("fleet", "broker", "--agents", "proxy-nyc")
    assert '"user": "proxy-nyc"' in made.stdout
    assert made.returncode == 0


def test_other_commands_name_the_extra() -> None:
    made = run("fleet", "agents", "--broker", "amqps://broker")
    told = " ".join(made.stderr.split())
    assert "in the folder of the source: pip install --no-deps --require-hashes -r constraints-fleet.txt" in told
    assert made.returncode == 2


def test_the_help_of_the_group_needs_no_extra() -> None:
    assert "Run on an agent" in run("fleet", "--help").stdout
