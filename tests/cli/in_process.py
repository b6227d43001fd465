"""Run a command of the command line in this process."""

from __future__ import annotations

from click.testing import CliRunner, Result

from scanready.cli import group


def call(*arguments: str) -> Result:
    return CliRunner().invoke(group, list(arguments), prog_name="scanready")
