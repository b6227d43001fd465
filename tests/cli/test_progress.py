"""Signs of life on standard error: a bar at a terminal, a line now and then elsewhere, nothing under --quiet."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

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
