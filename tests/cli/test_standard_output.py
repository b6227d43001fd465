"""Standard output is data: nothing that another package writes in any way gets into it."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from pathlib import Path

import pytest

from fixtures.limits import HANG
from tests import third_party
from tests.cli import plugin

#: Each way to write to standard output, with a word of its own.
WRITES = """
import atexit, os, subprocess, sys, threading, time
def write(when):
    print("noise-print", when)
    sys.stdout.flush()
    sys.__stdout__.write("noise-original " + when + "\\n")
    sys.__stdout__.flush()
    os.write(1, b"noise-descriptor " + when.encode() + b"\\n")
    subprocess.run(["echo", "noise-child", when])
    subprocess.run([sys.executable, "-c", "import os; os.system('echo noise-grandchild " + when + "')"])
def always():
    while True:
        os.write(1, b"noise-thread\\n")
        time.sleep(0.001)
write("import")
atexit.register(write, "exit")
threading.Thread(target=always, daemon=True).start()
"""
WAYS = ("print", "original", "descriptor", "child", "grandchild")
ROW = WRITES + third_party.ROW
VERIFY = "from .row import write\nfrom scanready.model import Step\n" + third_party.VERIFY.replace(
    "    probe.footprint", "    write('verify')\n    probe.footprint"
)
THREAD = "noise-thread\n"
TARGET = "queue://127.0.0.1:9"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("site")
    third_party.queue(where, row=ROW, verify=VERIFY)
    return where


def noise(text: str) -> set[str]:
    """The lines of the package; those of its thread may come within another one."""
    return {line for line in text.replace(THREAD, "").splitlines() if line.startswith("noise-")}


@pytest.mark.parametrize("arguments", [("check", TARGET, "--no-canary"), ("types", "queue"), ("plan", TARGET)])
def test_json_in_a_pipe_is_data_alone(site: Path, arguments: tuple[str, ...]) -> None:
    done = plugin.run_fresh(site, [*arguments, "--json"])
    json.loads(done.stdout)
    whens = ("import", "verify", "exit") if arguments[0] == "check" else ("import", "exit")
    assert noise(done.stderr) == {f"noise-{way} {when}" for way in WAYS for when in whens}
    assert THREAD in done.stderr


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_a_file_that_is_standard_output(site: Path, name: str) -> None:
    """Its name means the stream, wherever that is now."""
    done = plugin.run_fresh(site, ["check", TARGET, "--no-canary", "--json", "-o", name])
    assert json.loads(done.stdout)["results"][0]["verdict"] == "ready"


def test_data_and_noise_in_one_file_stand_one_after_another(site: Path, tmp_path: Path) -> None:
    """``> file 2>&1``: neither overwrites the other."""
    with (tmp_path / "both").open("wb") as both:
        done = subprocess.run(
            plugin.command("types", "queue", "--json"),
            env=plugin.environment(site),
            stdout=both,
            stderr=both,
            check=True,
        )
    assert done.returncode == 0
    text = (tmp_path / "both").read_text().replace(THREAD, "")
    assert {f"noise-{way} import" for way in WAYS} <= noise(text)
    data = "\n".join(line for line in text.splitlines() if not line.startswith("noise-"))
    assert json.loads(data)["type"] == "queue"


def test_a_reader_sees_the_end_of_the_data(tmp_path: Path) -> None:
    """No child of a plug-in holds the pipe open: ``| jq`` ends with scanready, not with what it left behind."""
    leaves = (
        "import subprocess\nopen('child', 'w').write(str(subprocess.Popen(['sleep', '60']).pid))\n" + third_party.VERIFY
    )
    third_party.queue(tmp_path, verify=leaves)
    command = plugin.command("check", TARGET, "--no-canary", "--json")
    with (tmp_path / "errors").open("wb") as errors:
        done = subprocess.run(
            command, env=plugin.environment(tmp_path), cwd=tmp_path, stdout=subprocess.PIPE, stderr=errors, timeout=HANG
        )
    os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)  # it still ran
    assert json.loads(done.stdout)["results"]


@pytest.mark.parametrize(
    "spoils",
    ["sys.stdout.close()", "sys.stdout = sys.stderr = None"],
    ids=["closes", "replaces"],
)
def test_a_verifier_that_spoils_the_streams_leaves_the_exit_code(tmp_path: Path, spoils: str) -> None:
    """Python ends with 1 for a stream that it cannot flush, which reads as "blocked"."""
    spoiling = "import sys\n" + third_party.VERIFY.replace("    probe.footprint", f"    {spoils}\n    probe.footprint")
    third_party.queue(tmp_path, verify=spoiling)
    done = plugin.run_fresh(tmp_path, ["check", TARGET, "--no-canary", "--json"])
    (result,) = json.loads(done.stdout)["results"]
    assert done.returncode == {"ready": 0, "undecided": 3}[result["verdict"]]
    assert "Traceback" not in done.stderr


def test_the_width_is_that_of_the_terminal_that_takes_the_data(site: Path) -> None:
    """Standard error goes elsewhere."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 57, 0, 0))
    done = subprocess.Popen(
        plugin.command("types"),
        env=plugin.environment(site),
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    os.close(theirs)
    output = b""
    try:
        while block := os.read(ours, 65536):
            output += block
    except OSError:
        pass  # a terminal reports so that the last writer has closed it
    os.close(ours)
    assert done.wait(HANG) == 0
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output.decode())
    assert max(len(line.rstrip()) for line in plain.splitlines() if "noise" not in line) in range(50, 58), plain
