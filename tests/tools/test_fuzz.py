"""script/fuzz keeps its time, says how to repeat a fault, and fails for one; with its own mutator, as everywhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.limits import HANG

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="script/fuzz forks")

#: Makes one codec faulty before it is fuzzed.
FAULTY = """
import sys
from pathlib import Path
from scanready.wire import tls
def alert(data: bytes) -> tls.Alert | None:
    {body}
alert.__module__, alert.__qualname__ = tls.__name__, "alert"
tls.alert = alert
import fuzz_entries
fuzz_entries.FAULTS, fuzz_entries.CORPUS = Path(sys.argv[1]), Path(sys.argv[1], "corpus")
fuzz_entries._STUCK = 1
sys.argv = ["script/fuzz", *sys.argv[2:]]
raise SystemExit(fuzz_entries.main())
"""


def fuzzed(body: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(str(ROOT / part) for part in ("verifiers", "", "script"))
    code = FAULTY.replace("{body}", body)
    command = [sys.executable, "-c", code, str(folder), "wire.tls.alert", *arguments]
    environment = dict(os.environ, PYTHONPATH=path)
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=HANG)


def test_no_fault(tmp_path: Path) -> None:
    done = fuzzed("return None", tmp_path, "--seconds", "1", "--processes", "1")
    assert done.returncode == 0, done.stderr
    assert re.search(r"1 entries, [\d,]+ inputs, \d+ s: no fault", done.stdout)


def test_a_fault_is_saved_with_the_command_that_repeats_it(tmp_path: Path) -> None:
    done = fuzzed("return {}[data[:1]] if len(data) > 2 else None", tmp_path, "--seconds", "5", "--processes", "1")
    assert done.returncode == 1, done.stderr
    assert "FAULT wire.tls.alert: KeyError" in done.stdout
    (saved,) = tmp_path.glob("wire.tls.alert/*.hex")
    assert len(bytes.fromhex(saved.read_text())) == 3, "it is shrunk"
    assert f"script/fuzz wire.tls.alert --input {os.path.relpath(saved, ROOT)}" in done.stdout
    again = fuzzed("return {}[data[:1]]", tmp_path, "--input", str(saved))
    assert again.returncode != 0
    assert "KeyError" in again.stderr


def test_a_process_that_dies_is_a_fault(tmp_path: Path) -> None:
    done = fuzzed("import os; os.abort()", tmp_path, "--seconds", "5", "--processes", "1")
    assert done.returncode == 1
    assert "FAULT wire.tls.alert: the process ended with signal 6" in done.stdout
    assert list(tmp_path.glob("wire.tls.alert/*.hex"))


def test_memory_is_bounded(tmp_path: Path) -> None:
    done = fuzzed("bytearray(1 << 30)", tmp_path, "--seconds", "5", "--processes", "1")
    assert done.returncode == 1
    assert "FAULT wire.tls.alert: MemoryError" in done.stdout


def test_an_entry_that_does_not_exist(tmp_path: Path) -> None:
    done = fuzzed("return None", tmp_path, "--list")
    assert "wire.tls.alert" in done.stdout.split()
    assert fuzzed("return None", tmp_path, "no.such").returncode == 2
