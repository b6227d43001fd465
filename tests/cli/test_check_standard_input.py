"""`check -`: targets from standard input, one a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli import plugin


def check(plugins: Path, content: bytes, *arguments: str) -> Any:
    file = plugins / "targets.txt"
    file.write_bytes(content)
    with file.open("rb") as stdin:
        return plugin.run(plugins, ["check", *arguments, "--format", "jsonl", "--no-store"], stdin=stdin.fileno())


def test_a_target_a_line(plugins: Path) -> None:
    content = b"\xef\xbb\xbf# of the first wave\nmood://a:99\r\n\n  mood://b:99?is=refused  \n"
    done = check(plugins, content, "-", "mood://c:99")
    assert done.returncode == 1
    found = {json.loads(line)["target"]["host"]: json.loads(line)["verdict"] for line in done.stdout.splitlines()}
    assert found == {"a": "ready", "b": "blocked", "c": "ready"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "standard input holds no target: give one per line"),
        (b"# nothing\n", "standard input holds no target: give one per line"),
        (b"mood://\xff:99\n", "standard input is not UTF-8: give one target per line"),
        (b"mood://a:99\nmod://b\n", "unknown target type `mod`; did you mean `mood`?"),
        (b"x" * (9 << 20), "standard input is larger than 8 MiB"),
    ],
    ids=["empty", "comments-only", "not-text", "no-such-type", "too-large"],
)
def test_what_is_wrong_is_told_and_nothing_contacted(plugins: Path, content: bytes, says: str) -> None:
    done = check(plugins, content, "-")
    assert done.returncode == 2
    assert done.stdout == ""
    assert says in done.stderr
