"""Where reports go: replaced in one step, nothing for a terminal that is none of its business, Nagios' own codes."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from fixtures.limits import HANG
from scanready.files.atomic_file import AtomicFile
from scanready.report import FORMATS
from tests.cli import plugin
from tests.embedded_run import run_in


def mood(name: str, host: str = "host") -> str:
    return f"mood://{host}:99?is={name}"


def check(plugins: Path, *arguments: str, **options: Any) -> Any:
    return plugin.run(plugins, ["check", *arguments], options.pop("extra", None), **options)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_goes_to_a_pipe_and_to_a_file_alike(plugins: Path, tmp_path: Path, name: str) -> None:
    file = tmp_path / "out"
    piped = check(plugins, mood("limited"), "--format", name)
    filed = check(plugins, mood("limited"), "--format", name, "-o", str(file), "--report", f"{name}={tmp_path / 'r'}")
    assert (piped.returncode, filed.returncode) == ((1, 1) if name == "nagios" else (0, 0))
    assert filed.stdout == ""
    assert piped.stdout.startswith(file.read_text().removeprefix("\ufeff")[:10])
    assert (tmp_path / "r").stat().st_size
    assert not list(tmp_path.glob(".*.tmp"))


def on_a_terminal(plugins: Path, *arguments: str) -> tuple[int, str]:
    """Run with a terminal for standard output; return the exit code and all that was written to it."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        plugin.command(*arguments),
        env=plugin.environment(plugins),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    output = b""
    try:
        while block := os.read(ours, 65536):
            output += block
    except OSError:
        pass  # a terminal reports so that the last writer has closed it
    os.close(ours)
    return process.wait(HANG), output.decode()


def test_html_is_nothing_for_a_terminal(plugins: Path, tmp_path: Path) -> None:
    code, output = on_a_terminal(plugins, "check", mood("ready"), "--format", "html")
    assert code == 2
    assert "--format html cannot be shown on a terminal: add -o FILE, as in -o report.html" in " ".join(output.split())
    code, output = on_a_terminal(plugins, "check", mood("ready"), "--format", "html", "-o", str(tmp_path / "r.html"))
    assert code == 0
    assert "<html" not in output
    assert json.loads(run_in((tmp_path / "r.html").read_text()))["results"][0]["verdict"] == "ready"


def test_a_page_in_a_pipe_is_whole(plugins: Path) -> None:
    done = check(plugins, mood("ready"), mood("refused", "other"), "--format", "html")
    assert done.returncode == 1
    assert done.stdout.startswith("<!doctype html>")
    assert done.stdout.endswith("</html>\n")
    assert len(json.loads(run_in(done.stdout))["results"]) == 2


@pytest.mark.posix("permissions, and that a file is replaced while it is read")
@pytest.mark.parametrize("name", sorted(name for name, form in FORMATS.items() if form.whole))
def test_nobody_ever_sees_half_of_it(plugins: Path, tmp_path: Path, name: str) -> None:
    """While a run goes on, and when it is killed, the file is what it was; then it is the new one, with its mode."""
    file = tmp_path / "report"
    file.write_text("the old one")
    file.chmod(0o604)
    side, waiting = tmp_path / "side", {"MOOD_RELEASE": str(tmp_path / "never"), "MOOD_LOG": str(tmp_path / "log")}
    running = subprocess.Popen(
        plugin.command(
            "check",
            mood("held"),
            mood("ready", "other"),
            "--timeout",
            "600",
            "-q",
            f"--report={name}={file}",
            f"--report=jsonl={side}",
        ),
        env=plugin.environment(plugins, waiting),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + HANG
    while not (side.exists() and side.stat().st_size) and time.monotonic() < until:
        time.sleep(0.02)
    assert side.stat().st_size, "one of two is finished"
    assert file.read_text() == "the old one"
    running.send_signal(signal.SIGKILL)
    running.wait(HANG)
    assert file.read_text() == "the old one"
    check(plugins, mood("ready"), "--report", f"{name}={file}")
    assert "the old one" not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o604


def test_readers_see_old_or_new_and_never_part(plugins: Path, tmp_path: Path) -> None:
    file = tmp_path / "scanready.prom"
    output: set[str] = set()
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            if file.exists():
                output.add(file.read_text()[-200:])

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(3):
        check(plugins, mood("ready"), "--format", "prometheus", "-o", str(file))
    over.set()
    reader.join()
    assert all(text.endswith("\n") and "scanready_" in text for text in output)


def test_what_a_link_leads_to_is_replaced(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("old")
    link.symlink_to(real)
    whole = AtomicFile(str(link))
    whole.write(b"new")
    assert real.read_text() == "old"
    whole.commit()
    whole.close()
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir() if "tmp" in path.name] == []


def test_what_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    whole = AtomicFile(str(tmp_path / "report"))
    whole.write(b"half of")
    whole.close()
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_written_to_as_it_is(plugins: Path, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(fifo.read_text()))
    reader.start()
    check(plugins, mood("ready"), "--format", "prometheus", "-o", str(fifo))
    reader.join(HANG)
    assert "scanready_target_scannable" in got[0]


def test_a_directory_that_is_not_there_is_told_before_anything_is_probed(plugins: Path, tmp_path: Path) -> None:
    done = check(plugins, mood("ready"), "--format", "prometheus", "-o", str(tmp_path / "no" / "x.prom"))
    assert done.returncode == 2
    assert "cannot write" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="links are for administrators there")
@pytest.mark.parametrize("option", ["-o", "--transcript", "--bundle", "--report"])
@pytest.mark.parametrize("beyond", ["", "/x.json"])
def test_a_link_that_leads_to_itself_is_told(plugins: Path, tmp_path: Path, option: str, beyond: str) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    name = f"{tmp_path}/loop{beyond}"
    done = check(plugins, mood("ready"), option, f"html={name}" if option == "--report" else name)
    assert done.returncode == 2
    assert "cannot write" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["report", ""], ["diff", "", ""], ["runs", "--store", ""]])
def test_a_name_that_is_too_long_is_told(plugins: Path, arguments: list[str]) -> None:
    done = plugin.run(plugins, [one or "n" * 300 for one in arguments])
    assert done.returncode in (0, 2)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "begins"),
    [
        ([mood("ready")], 0, "SCANREADY OK - mood://host:99?is=ready is ready | "),
        ([mood("limited")], 1, "SCANREADY WARNING - "),
        ([mood("refused")], 2, "SCANREADY CRITICAL - mood://host:99?is=refused is blocked"),
        ([mood("throttled")], 3, "SCANREADY UNKNOWN - "),
        ([mood("limited"), "--require", "ready"], 2, "SCANREADY CRITICAL - "),
        (["nosuchtype://host"], 3, "SCANREADY UNKNOWN - "),
        ([mood("ready"), "--timeout", "soon"], 3, "SCANREADY UNKNOWN - "),
    ],
)
def test_nagios_codes(plugins: Path, arguments: list[str], code: int, begins: str) -> None:
    done = check(plugins, *arguments, "--format", "nagios")
    assert done.returncode == code, done.stderr
    assert done.stdout.startswith(begins)
    assert done.stdout.count("\n") == 1


def test_nothing_selected_is_unknown_to_nagios(plugins: Path, tmp_path: Path) -> None:
    estate = tmp_path / "estate.yaml"
    estate.write_text("targets: [{host: h, port: 99, type: mood, is: ready}]\n")
    asked = ["verify", str(estate), "--only", "host=nobody"]
    assert plugin.run(plugins, asked).returncode == 4
    assert plugin.run(plugins, asked, {"SCANREADY_FORMAT": "nagios"}).returncode == 3
