"""Completions in the real shells: the key Tab completes a word on a terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.limits import PATIENCE
from tests.recipes.programs import ROOT, run

START = {
    "bash": ("bash", "--norc", "--noprofile", "-i"),
    "zsh": ("zsh", "-f", "-i"),
    "fish": ("fish", "--no-config", "-i"),
}
LOAD = {
    "bash": 'eval "$(scanready completion bash)"',
    "zsh": 'autoload -Uz compinit; compinit -u -D; eval "$(scanready completion zsh)"',
    "fish": "scanready completion fish | source",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home with a program ``scanready``."""
    program = tmp_path / "bin" / "scanready"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m scanready "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return tmp_path


class Terminal:
    """A shell on a terminal of its own."""

    def __init__(self, shell: str, home: Path) -> None:
        run(shell, "-c", "true")  # skips the test if it is not installed
        self._end, shells_end = pty.openpty()
        environment = {
            "HOME": str(home),
            "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT / "verifiers"),
            "SCANREADY_STORE": str(home / "runs.db"),
            "TERM": "dumb" if shell == "fish" else "xterm",
            "LC_ALL": "C.UTF-8",
            "PS1": "$ ",
        }
        self._process = subprocess.Popen(
            ("setsid", "--ctty", *START[shell]),
            env=environment,
            cwd=home,
            stdin=shells_end,
            stdout=shells_end,
            stderr=shells_end,
        )
        os.close(shells_end)

    def type(self, text: str, awaited: str) -> str:
        """Type text, and return the output once it has the awaited text."""
        os.write(self._end, text.encode())
        output, end = "", time.monotonic() + PATIENCE
        while awaited not in output:
            left = end - time.monotonic()
            assert left > 0, output
            assert select.select([self._end], [], [], left)[0], output
            output += os.read(self._end, 65536).decode("utf-8", "replace")
        return output

    def close(self) -> None:
        """End the shell."""
        self._process.kill()
        self._process.wait()
        os.close(self._end)


@contextlib.contextmanager
def terminal(shell: str, home: Path) -> Iterator[Terminal]:
    one = Terminal(shell, home)
    try:
        yield one
    finally:
        one.close()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_key_tab_completes_a_word(shell: str, home: Path) -> None:
    with terminal(shell, home) as one:
        # The quotation marks keep the echo of the typed line from being taken for its output.
        one.type(f"{LOAD[shell]}; echo rea''dy\r", "ready")
        one.type("scanready explain connect.filte\t", "connect.filtered")
        one.type("\x15scanready completion po\t", "powershell")


def test_fish_offers_the_types_with_a_word_for_word_match(home: Path) -> None:
    fish = shutil.which("fish") or "fish"
    environment = {
        "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "verifiers"),
        "HOME": str(home),
    }
    asked = f"{LOAD['fish']}; complete -C 'scanready check --type post'"
    done = run(fish, "--no-config", "-c", asked, env=environment)
    assert done.stdout.split() == ["postgresql"]
