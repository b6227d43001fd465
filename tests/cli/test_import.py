"""``scanready import``: the inventory on standard output, what to know of it on standard error."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from scanready.inventory import load
from tests.cli import plugin

SAMPLE = Path(__file__).parents[2] / "fixtures" / "imports" / "nmap-7.93-probed.xml"


def run(*arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    reading, writing = os.pipe()
    try:
        os.write(writing, (given or "").encode())  # a pipe has room for it
        os.close(writing)
        done: subprocess.CompletedProcess[str] = plugin.run(Path("/nowhere"), ("import", *arguments), stdin=reading)
        return done
    finally:
        os.close(reading)


def test_to_standard_output(tmp_path: Path) -> None:
    done = run(str(SAMPLE))
    assert done.returncode == 0
    assert done.stderr == (
        "scanready: 11 targets on 5 hosts (11 guessed); 2 not imported (reasons at the end of the result)\n"
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
    assert "exists already" in again.stderr
    assert file.read_text() == "mine"
    nowhere = run(str(SAMPLE), "-o", str(tmp_path / "no" / "where"))
    assert nowhere.returncode == 2
    assert "cannot be written: No such file" in nowhere.stderr


def test_from_standard_input() -> None:
    done = run("-", "--from", "hosts", given="db7\n")
    assert done.returncode == 0
    assert "  - {host: db7}  # line 1; no type is given: every type will be tried\n" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "given", "code", "says"),
    [
        (("/nowhere/list",), None, 2, "/nowhere/list: cannot be read: No such file"),
        (("-", "--from", "nmpa"), "x", 2, "did you mean `nmap`?"),
        (("-",), "<nmaprun><host>", 2, "<stdin>:1: this is not XML, or it is incomplete"),
        (("-", "--from", "hosts"), "# nothing\n", 4, "0 targets on 0 hosts\n"),
    ],
)
def test_what_goes_wrong(arguments: tuple[str, ...], given: str | None, code: int, says: str) -> None:
    done = run(*arguments, given=given)
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr


SAMPLES = SAMPLE.parent


def test_a_table_without_a_column_of_hosts() -> None:
    done = run(str(SAMPLES / "no-host-column.csv"))
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "no-host-column.csv:1: no column of hosts among" in line
    assert '--map host="Inventory number"' in line


def test_a_column_by_its_heading() -> None:
    done = run(str(SAMPLES / "asset-register.csv"), "--map", "host=Asset Name", "--map", "port=Listener")
    assert done.returncode == 0
    assert "  - {host: ora-02.example.com, type: oracle, port: 1522}  # line 3\n" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--map", "host"), 'as in --map host="Asset Name"'),
        (("--map", "hots=x"), "did you mean `host`?"),
        (("--map", "host=Asset"), "did you mean `Asset Name`?"),
        (("--against", "estate.yaml", "-o", "x.yaml"), "--against writes no inventory and cannot be combined with -o"),
        (("--against", "/nowhere.yaml"), "/nowhere.yaml: cannot be read"),
        (("--from", "nmap"), "this is not XML, or it is incomplete"),
        (("--from", "nmap", "--map", "host=x"), "--map names columns of a table, but this file is nmap XML"),
    ],
)
def test_options_that_do_not_fit(arguments: tuple[str, ...], says: str) -> None:
    done = run(str(SAMPLES / "asset-register.csv"), *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


def test_the_difference_to_an_inventory_writes_nothing(tmp_path: Path) -> None:
    estate = tmp_path / "estate.yaml"
    estate.write_text((SAMPLES / "estate.yaml").read_text())
    done = run(str(SAMPLES / "urls.txt"), "--against", str(estate))
    assert done.returncode == 0
    assert "  + mysql://my-03.example.com:3307/shop  line 3\n" in done.stdout
    assert "  ~ postgresql://pg-03.example.com:5432/hr" in done.stdout
    assert "      user: none -> svc-scan\n" in done.stdout
    assert done.stderr == ("scanready: 6 targets on 6 hosts; 3 not imported (for the reasons, omit --against)\n")
    assert estate.read_text() == (SAMPLES / "estate.yaml").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["estate.yaml"]


def test_the_help_begins_with_examples() -> None:
    lines = run("--help").stdout.splitlines()
    assert [line.strip() for line in lines if line.strip()][1] == "Examples:"
    assert "--map" in "".join(lines[:12])
