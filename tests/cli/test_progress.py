"""Signs of life on standard error: a bar at a terminal, a line now and then elsewhere, nothing under --quiet."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from typing import TYPE_CHECKING

from fixtures.limits import PATIENCE
from scanready.cli.output import progress
from scanready.model import Verdict

if TYPE_CHECKING:
    import pytest


def lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *, quiet: bool) -> list[str]:
    """Return the lines that a log has after three heartbeats, without waiting for them."""
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) > 3:
            raise asyncio.CancelledError
        await asyncio.tasks.sleep(0)

    monkeypatch.setattr(asyncio, "sleep", wait)
    made = progress.Progress(500, quiet)
    for verdict in (Verdict.READY, Verdict.BLOCKED, Verdict.BLOCKED, Verdict.UNDECIDED):
        made.count(verdict)
    try:
        asyncio.run(made.keep_drawing())
    except asyncio.CancelledError:
        assert set(waits) == {30.0}
    return capsys.readouterr().err.splitlines()


def test_a_run_without_a_terminal_says_every_30_s_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = lines(capsys, monkeypatch, quiet=False)
    assert found == ["scanready: 4 of 500 targets checked after 0 s, 2 blocked, 1 undecided"] * 3


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert lines(capsys, monkeypatch, quiet=True) == []


class Threads:
    """A thread that draws while its caller waits, with the pauses cut short."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        monkeypatch.setattr(progress, "_HEARTBEAT", 0.01)
        self._capsys, self.text = capsys, ""

    def until(self, words: str) -> None:
        """Wait for words on standard error."""
        deadline = time.monotonic() + PATIENCE
        while words not in self.text:
            assert time.monotonic() < deadline, self.text
            self.text += self._capsys.readouterr().err


def test_a_caller_without_a_loop_has_the_same_lines_with_its_own_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn, note = Threads(monkeypatch, capsys), "nothing yet from b"
    made = progress.Progress(1500, what="results", note=lambda: note)
    made.count(Verdict.BLOCKED)
    with made.drawn():
        drawn.until("scanready: 1 of 1500 results after 0 s, 1 blocked; nothing yet from b\n")
        note = ""
        drawn.until(", 1 blocked\n")
    capsys.readouterr()
    time.sleep(0.05)
    assert capsys.readouterr().err == ""


def test_a_quiet_caller_without_a_loop_has_no_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_HEARTBEAT", 0.001)
    with progress.Progress(3, quiet=True).drawn():
        time.sleep(0.05)
    assert capsys.readouterr().err == ""


def test_a_line_is_not_written_into_the_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another thread may draw at any time; it waits until the line is written."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    made = progress.Progress(3, what="results", note=lambda: "nothing yet from b")
    made._draw()
    with made.cleared():
        thread = threading.Thread(target=made._draw)
        thread.start()
        sys.stderr.write("a line\n")
    thread.join(PATIENCE)
    bars = capsys.readouterr().err.split("\r")
    assert bars[1] == "[....................] 0/3  0 s  nothing yet from b\x1b[K"
    assert bars[2] == "\x1b[Ka line\n"
    assert bars[3] == bars[1]
