"""Names of files that no system takes, at every place where a command takes one: a line, and no traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fixtures.emulators import Server, in_background, misbehave
from scanready.store import Store, StoreError
from scanready.store.database import open_for_writing
from tests.cli import plugin
from tests.cli.test_bad_input import refused

#: Each is wrong for every file; ``there`` is a file, and ``loop.yaml`` a link to itself.
NAMES = {
    "2,000 levels": "d/" * 1999 + "d",
    "2,000 levels of two letters": "dd/" * 1999 + "dd",
    "5,000 letters": "n" * 5000,
    "half a character": "\udcff" * 5000,
    "a link to itself": "loop.yaml",
    "within a link to itself": "loop.yaml/x",
    "a file as a directory": "there/",
    "within a file": "there/x",
}
#: Characters of a message: a name is cut, and each of its bytes may be an escape of six.
MOST = 6000
WRITTEN = {"-o": "{}", "--report": "json={}", "--transcript": "{}"}
READ = [
    ["verify"],
    ["plan"],
    ["import"],
    ["report"],
    ["firewall"],
    ["diff", "there"],
    ["check", "ssh://127.0.0.1:1", "--credential", "c", "--inventory"],
    ["check", "ssh://127.0.0.1:1", "--user", "er", "--key-file"],
]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "there").write_text("targets: []\n")
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    return tmp_path


def scanready(where: Path, *arguments: str) -> Any:
    return plugin.run(where, arguments, cwd=where, stdin=None)


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("option", WRITTEN)
def test_a_file_to_write(place: Path, option: str, kind: str) -> None:
    with in_background(misbehave.closes_at_once) as server:
        url = f"ssh://127.0.0.1:{server.port}"
        refused(scanready(place, "check", url, option, WRITTEN[option].format(NAMES[kind])), "cannot write ")
        assert server.connections == []
    assert sorted(one.name for one in place.iterdir()) == ["loop.yaml", "there"]
    assert (place / "there").read_text() == "targets: []\n"


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("command", READ, ids=lambda words: f"{words[0]}{words[-1] if len(words) > 2 else ''}")
def test_a_file_to_read(place: Path, command: list[str], kind: str) -> None:
    done = scanready(place, *command, NAMES[kind])
    assert "Traceback" not in done.stderr
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert len(done.stderr) < MOST


def checked(place: Path, server: Server, store: str) -> str:
    """Check a server that hangs up; return the messages."""
    done = scanready(place, "check", f"ssh://127.0.0.1:{server.port}", "--store", store)
    assert done.returncode == 1, done.stderr
    assert "handshake.hung-up" in done.stdout
    return str(done.stderr)


@pytest.mark.parametrize("kind", NAMES)
def test_a_store(place: Path, kind: str) -> None:
    """It costs one message, at once, and no check; a command that is about the store is refused."""
    with in_background(misbehave.closes_at_once) as server:
        (said,) = checked(place, server, NAMES[kind]).splitlines()
    assert said.startswith("scanready: this run is not stored: ")
    assert "does not answer" not in said
    assert len(said) < MOST
    assert sorted(one.name for one in place.iterdir()) == ["loop.yaml", "there"]
    refused(scanready(place, "report", "last", "--store", NAMES[kind]))


@pytest.mark.parametrize("name", ["a\0b", "a\0b/c"])
def test_a_store_whose_name_no_shell_can_say(place: Path, name: str) -> None:
    for use in (open_for_writing, Store):
        with pytest.raises(StoreError, match="not a file name"):
            use(place / name)
