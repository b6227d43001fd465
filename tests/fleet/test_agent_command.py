"""The usage errors of ``fleet agent``, before it contacts anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from scanready.cli.fleet.agent import command


@pytest.mark.parametrize("content", [None, "no certificate\n"])
def test_a_file_of_authorities_that_cannot_be_used_is_told_at_once(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "targets.pem"
    if content is not None:
        file.write_text(content)
    words = ["--name", "a", "--broker", "amqp://a:password-of-a@127.0.0.1:9", "--allow", "10.0.0.0/8"]
    kept = ["--store", str(tmp_path / "fleet.db"), "--journal", str(tmp_path / "runs.db")]
    ended = CliRunner().invoke(command, [*words, *kept, "--target-ca-file", str(file)])
    assert ended.exit_code == 2, ended.output
    assert "--target-ca-file: " in ended.output
    assert str(file) in ended.output.replace("\n", "")
    assert "password-of-a" not in ended.output
