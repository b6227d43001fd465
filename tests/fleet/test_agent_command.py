"""The usage errors of ``fleet agent``, before it contacts anything."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from scanready.cli.fleet.agent import command

BROKER = {"SCANREADY_BROKER": "amqp://a:password-of-a@127.0.0.1:9"}


@pytest.mark.parametrize("content", [None, "no certificate\n"])
def test_a_file_of_authorities_that_cannot_be_used_is_told_at_once(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "targets.pem"
    if content is not None:
        file.write_text(content)
    words = ["--name", "a", "--allow", "10.0.0.0/8"]
    kept = ["--store", str(tmp_path / "fleet.db"), "--journal", str(tmp_path / "runs.db")]
    ended = CliRunner().invoke(command, [*words, *kept, "--target-ca-file", str(file)], env=BROKER)
    assert ended.exit_code == 2, ended.output
    assert "--target-ca-file: " in ended.output
    assert str(file) in ended.output.replace("\n", "")
    assert "password-of-a" not in ended.output


def test_the_journal_of_accounts_is_the_run_store_of_verify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []

    def worker(*given: Any) -> Any:
        made.extend(given)
        return SimpleNamespace(work=lambda: None)

    pytest.importorskip("celery")
    monkeypatch.setattr("scanready.fleet.agent.Worker", worker)
    words = ["--name", "a", "--allow", "10.0.0.0/8"]
    ended = CliRunner().invoke(command, words, env={**BROKER, "SCANREADY_STORE": str(tmp_path / "mine.db")})
    assert ended.exit_code == 0, ended.output
    assert (made[2], made[4]) == (tmp_path / "fleet-a.db", tmp_path / "mine.db")


def test_a_run_store_that_cannot_be_used_names_its_own_option(tmp_path: Path) -> None:
    pytest.importorskip("celery")
    (tmp_path / "runs.db").write_bytes(b"no database, and long enough for the header of one" * 40)
    words = ["--name", "a", "--allow", "10.0.0.0/8"]
    kept = ["--store", str(tmp_path / "fleet.db"), "--journal", str(tmp_path / "runs.db")]
    ended = CliRunner().invoke(command, [*words, *kept], env=BROKER)
    assert ended.exit_code == 2, ended.output
    assert "name another file with --journal" in " ".join(ended.output.split())
