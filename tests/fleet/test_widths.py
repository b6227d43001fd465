"""Lines for people fit the terminal, and no word of them is broken; a pipe gets each as one line."""

from __future__ import annotations

import contextlib
import os
import struct
import subprocess
import sys

import pytest

pytest.importorskip("celery")
pytest.importorskip("pty", reason="no terminal of this kind")

import fcntl
import pty
import termios

from fixtures.fleet.site import environment
from fixtures.limits import HANG

AGENTS = [f"proxy-{place}-{number:02}" for place in ("nyc", "london", "frankfurt") for number in range(4)]
#: Run a command as it is, with heartbeats of these agents in place of those of a broker.
COMMAND = """
import sys
from scanready.cli.fleet import agents, status
from scanready.fleet import presence
from scanready.fleet.messages import Heartbeat
NAMES = sys.argv[2].split(",")
RUN = "20261202-0405-k3f.0123456789abcdef"
presence.heartbeats = lambda *_: {
    name: Heartbeat(name, "0.1.0", "Linux", "2026-12-02T04:05:06.789Z", (RUN,) if "nyc" in name else ())
    for name in NAMES
}
BROKER = ["--broker", "amqp://127.0.0.1:9", "--password-from", "env:PATH"]
{"agents": agents, "status": status}[sys.argv[1]].command(BROKER)
"""
#: The progress line and the lines of a coordinator: the data goes to a pipe, and the terminal shows the rest.
PROGRESS = """
import sys, time
from scanready.cli.messages import warn
from scanready.cli.output.progress import Progress
progress = Progress(500, what="results", note=lambda: "nothing yet from " + sys.argv[1].replace(",", ", "))
with progress.drawn():
    time.sleep(0.5)
    with progress.cleared():
        warn("run at the broker: 500 targets give 500 results; waiting for " + sys.argv[1].replace(",", ", "))
    progress.say("lost: " + sys.argv[1].replace(",", ", ") + "; when it is back: `scanready fleet verify`")
    time.sleep(0.5)
"""


def at_width(width: int, *words: str, piped: bool = False) -> str:
    """Return what a Python program writes to a terminal; with ``piped``, only its standard error is one."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    env = {name: value for name, value in environment().items() if name != "COLUMNS"} | {"TERM": "xterm"}
    out = subprocess.DEVNULL if piped else its
    process = subprocess.Popen([sys.executable, "-P", "-c", *words], stdin=its, stdout=out, stderr=its, env=env)
    os.close(its)
    text = b""
    with contextlib.suppress(OSError):  # Linux: the other side is closed
        while part := os.read(ours, 65_536):
            text += part
    os.close(ours)
    assert process.wait(HANG) == 0, text
    return text.decode().replace("\r\n", "\n")


def demand_fitting(text: str, width: int) -> None:
    """Each line fits, and has whole words only."""
    lines = text.replace("\x1b[K", "").replace("\r", "\n").splitlines()
    assert [line for line in lines if len(line) >= width] == []
    named = {word.strip(",;") for line in lines for word in line.split() if word.startswith("proxy-")}
    assert named <= set(AGENTS)


@pytest.mark.parametrize("width", [40, 80, 120, 200])
@pytest.mark.parametrize("command", ["agents", "status"])
def test_an_answer_fits_the_terminal(command: str, width: int) -> None:
    text = at_width(width, COMMAND, command, ",".join(AGENTS))
    demand_fitting(text, width)
    assert all(name in text for name in AGENTS)


def test_agents_are_a_table() -> None:
    lines = at_width(80, COMMAND, "agents", "b,proxy-nyc-01").splitlines()
    assert lines == [
        "b             0.1.0  Linux  2026-12-02T04:05:06Z",
        "proxy-nyc-01  0.1.0  Linux  2026-12-02T04:05:06Z",
    ]


@pytest.mark.parametrize("command", ["agents", "status"])
def test_a_pipe_gets_each_line_whole(command: str) -> None:
    words = [sys.executable, "-P", "-c", COMMAND, command, ",".join(AGENTS)]
    ended = subprocess.run(words, capture_output=True, text=True, env=environment(), check=True, timeout=HANG)
    assert len(ended.stdout.splitlines()) == (len(AGENTS) if command == "agents" else 1)
    assert len(ended.stderr.splitlines()) == (0 if command == "agents" else 1)


@pytest.mark.parametrize("piped", [False, True], ids=["terminal", "data in a pipe"])
@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_progress_fits_the_terminal(width: int, *, piped: bool) -> None:
    """With the data in a pipe, its width was taken for that of the terminal: the line broke."""
    text = at_width(width, PROGRESS, ",".join(AGENTS), piped=piped)
    demand_fitting(text, width)
    assert "[....................] 0/500  0 s" in text
