"""Ctrl-C against servers that are there: once is polite and keeps the results, twice is now."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.emulators import Reader, Record, Writer, in_background, misbehave, mysql
from fixtures.limits import HANG
from tests.cli import plugin


class Held:
    """A MariaDB that has greeted, and takes the client's login out of its buffer only when it is let go."""

    def __init__(self) -> None:
        self.greeted = threading.Event()
        self.go = threading.Event()

    async def behaviour(self, reader: Reader, writer: Writer, record: Record) -> None:
        await mysql.mariadb_10_11_without_tls(_Slow(reader, self), writer, record)  # type: ignore[arg-type]  # all that it calls


class _Slow:
    def __init__(self, reader: Reader, held: Held) -> None:
        self._reader, self._held = reader, held

    async def readexactly(self, size: int) -> bytes:
        self._held.greeted.set()
        await asyncio.to_thread(self._held.go.wait, 20)
        return await self._reader.readexactly(size)


@contextlib.contextmanager
def verifying(where: Path, targets: list[str], *options: str) -> Iterator[Any]:
    path = where / "estate.yaml"
    path.write_text("targets:\n" + "".join(f"  - {target}\n" for target in targets))
    with plugin.started(where, "verify", str(path), "--format", "jsonl", "--no-canary", *options) as process:
        yield process


def test_once_in_the_middle_of_a_login_that_mysql_would_count(tmp_path: Path) -> None:
    """A client that leaves between greeting and refusal is counted and in the end blocked, so the talk is finished."""
    held = Held()
    with in_background(held.behaviour) as database, in_background(misbehave.silent) as later:
        targets = [f"mysql://127.0.0.1:{database.port}", f"ssh://127.0.0.1:{later.port}"]
        kept = tmp_path / "run.json"
        options = ["--concurrency", "1", "--timeout", "600", "--report", f"json={kept}"]
        with verifying(tmp_path, targets, *options) as process:
            try:
                assert held.greeted.wait(HANG)
                process.send_signal(signal.SIGINT)
                assert "interrupted: finishing the targets under way" in process.stderr.readline()
            finally:
                held.go.set()
            output, messages = process.communicate(timeout=HANG)
        database.wait()
        assert process.returncode == 130
        (result,) = map(json.loads, output.splitlines())
        assert (result["target"]["type"], result["verdict"]) == ("mysql", "ready")
        assert "1 of 2 targets were finished and stored" in messages
        summary = json.loads(kept.read_text())["summary"]
        assert (summary["interrupted"], summary["unchecked"]) == (True, 1)
        assert database.counts == {"logins": 1}
        assert database.offences == {}
        assert later.connections == []


def test_twice_while_a_target_is_silent(tmp_path: Path) -> None:
    with in_background(mysql.mariadb_10_11_without_tls) as database, in_background(misbehave.silent) as silent:
        targets = [f"mysql://127.0.0.1:{database.port}", f"ssh://127.0.0.1:{silent.port}"]
        with verifying(tmp_path, targets, "--timeout", "600") as process:
            assert json.loads(process.stdout.readline())["verdict"] == "ready"
            process.send_signal(signal.SIGINT)
            assert "again to stop at once" in process.stderr.readline()
            assert process.poll() is None, "the silent target has ten minutes"
            process.send_signal(signal.SIGINT)
            assert process.wait(HANG) == 130
            words = process.stderr.read()
            assert "Traceback" not in words
            assert "1 of 2 targets were finished and stored as" in words
            assert "to continue" in words
        database.wait()
        assert database.offences == {}


def test_a_reader_that_leaves_ends_the_run_and_offends_nobody(tmp_path: Path) -> None:
    """``| head -1``: talks in flight end politely, though no reader is left."""
    held = Held()
    with in_background(mysql.mariadb_10_11_without_tls) as first, in_background(held.behaviour) as second:
        targets = [f"mysql://127.0.0.1:{first.port}", f"mysql://127.0.0.1:{second.port}"]
        targets += [f"{{host: 127.0.0.{n}, type: mysql, port: {first.port}}}" for n in range(2, 250)]
        with verifying(tmp_path, targets, "--timeout", "600") as process:
            try:
                assert json.loads(process.stdout.readline())["target"]["type"] == "mysql"
                process.stdout.close()
            finally:
                held.go.set()
            assert process.wait(HANG) == 141
            assert process.stderr.read() == ""
            process.stdout = None
        assert first.offences == {}
        assert second.offences == {}


@pytest.mark.parametrize("numbers", [(signal.SIGHUP,), (signal.SIGHUP, signal.SIGHUP), (signal.SIGINT, signal.SIGINT)])
def test_no_signal_leaves_half_a_document(plugins: Path, numbers: tuple[int, ...]) -> None:
    """The file is the old one or a whole new one; standard output is whole, or the exit code says that it is not."""
    estate, kept, lines, release = (plugins / name for name in ("estate.yaml", "run.json", "lines", "release"))
    estate.write_text(
        "targets:\n  - {host: a, port: 99, type: mood, is: ready}\n  - {host: b, port: 99, type: mood, is: held}\n"
    )
    kept.write_text("the old one")
    asked = ["verify", str(estate), "--format", "json", "--timeout", "600", f"--report=json={kept}"]
    process = subprocess.Popen(
        plugin.command(*asked, f"--report=jsonl={lines}"),
        env=plugin.environment(plugins, {"MOOD_RELEASE": str(release), "MOOD_LOG": str(plugins / "log")}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    until = time.monotonic() + HANG
    while not (lines.exists() and lines.stat().st_size) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(numbers[0])
    for number in numbers[1:]:
        assert "again to stop at once" in process.stderr.readline()
        process.send_signal(number)
    if len(numbers) == 1:
        release.touch()
    output, _ = process.communicate(timeout=HANG)
    assert process.returncode == 130
    if len(numbers) == 1:
        assert json.loads(output)["summary"]["interrupted"]
        assert json.loads(kept.read_text())["summary"]["interrupted"]
    else:
        assert kept.read_text() == "the old one"
    assert not list(plugins.glob(".scanready-*"))


def test_a_run_under_nohup_outlives_its_terminal(plugins: Path) -> None:
    release, log = plugins / "release", plugins / "log"
    process = subprocess.Popen(
        ["nohup", *plugin.command("check", "mood://h:99?is=held", "--timeout", "600", "--format", "jsonl")],
        env=plugin.environment(plugins, {"MOOD_RELEASE": str(release), "MOOD_LOG": str(log)}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + HANG
    while not (plugins / "runs.db").exists() and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGHUP)
    release.touch()
    output, _ = process.communicate(timeout=HANG)
    assert (process.returncode, json.loads(output)["verdict"]) == (0, "ready")
