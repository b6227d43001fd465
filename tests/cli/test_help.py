"""The help of every command: examples first, and the defaults of the engine."""

from __future__ import annotations

from scanready import __version__
from scanready.cli import COMMANDS
from scanready.cli.job.job import EVERY
from scanready.run.settings import Settings
from tests.cli.in_process import call


def test_every_command_has_a_module_and_help_that_starts_with_examples() -> None:
    for name in COMMANDS:
        text = call(name, "--help").output
        assert text.splitlines()[2].strip() == "Examples:", name
        assert f"scanready {name}" in text


def test_the_defaults_that_the_help_tells_are_those_of_the_engine() -> None:
    """The help is not made from them: it would have to import the engine."""
    told = " ".join(call("verify", "--help").output.split())
    defaults = Settings()
    assert f"Time limit for one whole target. [default: {defaults.timeout:.0f}]" in told
    assert f"Concurrent targets. [default: {defaults.concurrency}]" in told
    assert f"Concurrent targets per host. [default: {defaults.per_host}]" in told
    assert f"wait for their first answer; 0 for no bound. [default: {defaults.half_open}]" in told
    assert f"New connections per second; 0 for no bound. [default: {defaults.connect_rate:.0f}]" in told
    assert f"for each /24 (IPv6: /64). [default: {defaults.per_net}]" in told
    assert f"Check up to this step. [default: {defaults.depth}]" in told
    assert f"at least 5s. [default: {EVERY:.0f}s]" in told


def test_help_and_version_are_found_as_other_tools_have_them() -> None:
    assert call("help").output == call("--help").output
    assert call("help", "check").output == call("check", "--help").output
    assert call("-V").output == call("version").output == call("--version").output == f"scanready {__version__}\n"
    assert call("help", "chek").exit_code == 2
    assert "did you mean 'check'" in call("help", "chek").output
