"""``scanready import``: the inventory on standard output, what to know of it on standard error."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from fixtures.limits import HANG
from scanready.inventory import load
from tests.cli import plugin

SAMPLE = Path(__file__).parents[2] / "fixtures" / "imports" / "nmap-7.93-probed.xml"


def run(*arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        plugin.command("import", *arguments),
        env=plugin.environment(Path("/nowhere")),
        input=given,
        capture_output=True,
        text=True,
        timeout=HANG,
        check=False,
    )


def test_to_standard_output(tmp_path: Path) -> None:
    done = run(str(SAMPLE))
    assert done.returncode == 0
    assert done.stderr == (
        "scanready: 11 targets on 5 hosts, 11 of them by a guess; 2 not imported, with the reason in the result\n"
    )
    (tmp_path / "estate.yaml").write_text(done.stdout)
    assert len(load(tmp_path / "estate.yaml").targets) == 11


def test_to_a_file_that_is_not_there_yet(tmp_path: Path) -> None:
    file = tmp_path / "estate.yaml"
    done = run(str(SAMPLE), "-o", str(file))
    assert (done.returncode, done.stdout) == (0, "")
    assert len(load(file).targets) == 11
    file.write_text("mine")
    again = run(str(SAMPLE), "-o", str(file))
    assert again.returncode == 2
    assert "is there already" in again.stderr
    assert file.read_text() == "mine"
    nowhere = run(str(SAMPLE), "-o", str(tmp_path / "no" / "where"))
    assert nowhere.returncode == 2
    assert "cannot be written: No such file" in nowhere.stderr


def test_from_standard_input() -> None:
    done = run("-", "--from", "hosts", given="db7\n")
    assert done.returncode == 0
    assert "  - {host: db7}  # line 1; no type is named: every type will be tried\n" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "given", "code", "says"),
    [
        (("/nowhere/list",), None, 2, "/nowhere/list: cannot be read: No such file"),
        (("-", "--from", "nmpa"), "x", 2, "did you mean `nmap`?"),
        (("-",), "<nmaprun><host>", 2, "<stdin>:1: no XML, or cut off"),
        (("-", "--from", "hosts"), "# nothing\n", 4, "0 targets on 0 hosts; 0 not imported"),
    ],
)
def test_what_goes_wrong(arguments: tuple[str, ...], given: str | None, code: int, says: str) -> None:
    done = run(*arguments, given=given)
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr
