"""A target lists the steps of its type, reached or not: no TLS at a protocol that has none, in any output."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scanready.model import Outcome, Report, Step, Target
from tests.cli.in_process import call
from tests.closed_ports import closed_port
from tests.ladder import BY_NAME, climb

#: No server of these is asked for TLS, and no other step leads to it.
WITHOUT_TLS = {"ssh", "unix", "smb", "nfs", "windows", "teradata", "tibero", "notes", "master"}
#: These are asked for TLS if the inventory says so.
BY_OPTION = {"informix", "sybase"}
TYPES = [row.name for row in BY_NAME.values() if not row.hostless]


def refused(type_: str, **options: object) -> Report:
    with closed_port() as port:
        return climb(Target("127.0.0.1", type_, port, options, explicit_port=True))


def skipped(report: Report) -> set[Step]:
    return {check.step for check in report.checks if check.outcome is Outcome.SKIPPED}


@pytest.mark.parametrize("type_", TYPES)
def test_a_refused_target_lists_each_step_of_its_type_and_no_other(type_: str) -> None:
    report = refused(type_)
    expected = {step for step in BY_NAME[type_].steps if step.height > Step.CONNECT.height}
    assert skipped(report) == expected - ({Step.TLS} if type_ in BY_OPTION else set())
    assert (Step.TLS in skipped(report)) is (type_ not in WITHOUT_TLS | BY_OPTION)


@pytest.mark.parametrize("type_", sorted(BY_OPTION))
def test_a_target_that_is_to_be_asked_for_tls_lists_that(type_: str) -> None:
    assert Step.TLS in skipped(refused(type_, tls=True))


@pytest.mark.parametrize("format_", ["table", "json", "jsonl", "csv", "md", "junit", "html"])
def test_no_output_names_tls_at_a_type_without(tmp_path: Path, format_: str) -> None:
    file = tmp_path / "out"
    with closed_port() as port:
        name = f"nfs://127.0.0.1:{port}/export"
        done = call("check", name, "--no-store", "-v", "-o", str(file), "--format", format_)
        assert done.exit_code == 1, done.output
    text = file.read_text()
    assert "handshake" in text or format_ in ("csv", "junit", "md")
    if format_ == "html":
        text = text[text.index('<script type="application/json"') :]
        text = text[: text.index("</script>")]
    assert '"tls"' not in text
    assert " tls" not in text
    if format_ == "json":
        assert [one["step"] for one in json.loads(text)["results"][0]["checks"]][-2:] == ["auth", "access"]
