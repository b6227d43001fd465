"""``fleet cancel`` says which run there is nothing to cancel of, before it contacts the broker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

pytest.importorskip("celery")

from scanready.cli.fleet.cancel import command
from scanready.fleet.ledger import COMMAND, Ledger
from scanready.report.estate.frame import Frame
from scanready.run import timestamps
from scanready.store import NewRun

BROKER = ["--broker", "amqp://127.0.0.1:9", "--password-from", "env:PATH"]


def run_of(path: Path, asked: dict[str, Any] | None, *, kind: str = COMMAND, interrupted: bool = False) -> str:
    """Store a run that has ended, unless ``asked`` is None."""
    frame = Frame("k", ()).as_object()
    start = json.dumps({"token": "t", "frame": frame, "missing": None})
    with Ledger(path, NewRun(timestamps.now(), kind, "estate.yaml", 1, "1", "{}", start)) as ledger:
        if asked is not None:
            ledger.end({"token": "t", "frame": frame, **asked}, 1.0, interrupted=interrupted)
        return ledger.name


def cancelled(path: Path, run: str) -> tuple[int, str]:
    ended = CliRunner().invoke(command, [run, "--store", str(path), *BROKER])
    return ended.exit_code, " ".join(ended.output.split())


def test_a_complete_run_has_nothing_to_cancel(tmp_path: Path) -> None:
    name = run_of(tmp_path / "x.db", {"missing": 0})
    for text in (name, "last"):
        code, told = cancelled(tmp_path / "x.db", text)
        assert (code, told) == (4, f"scanready: {name} is complete: there was nothing to cancel")


@pytest.mark.parametrize(
    "asked", [None, {"missing": 3}, {"missing": None}, {}], ids=["goes on", "lacks 3", "killed", "earlier version"]
)
def test_another_run_is_cancelled_at_the_broker(tmp_path: Path, asked: dict[str, Any] | None) -> None:
    code, told = cancelled(tmp_path / "x.db", run_of(tmp_path / "x.db", asked))
    assert code == 2
    assert "the broker 127.0.0.1:9 refuses the connection" in told


def test_a_run_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    run_of(tmp_path / "x.db", {"missing": 0})
    code, told = cancelled(tmp_path / "x.db", "20200101-0000-abc")
    assert code == 2
    assert "there is no run '20200101-0000-abc': `scanready runs` lists the stored runs" in told


def test_a_run_of_verify_is_an_error(tmp_path: Path) -> None:
    name = run_of(tmp_path / "x.db", {"missing": 0}, kind="verify")
    code, told = cancelled(tmp_path / "x.db", name)
    assert code == 2
    assert f"{name} is no run of `fleet verify`" in told
