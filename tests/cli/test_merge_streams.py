"""``merge`` of an export that other tools decompressed, and of standard input: the same bounds, the same view."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from scanready.cli import group
from tests.cli.test_merge import LON, NYC, REPORTS, export, folder, frame_of, stored

__all__ = ["folder"]


def merge(*arguments: str, given: bytes = b"") -> Any:
    done = CliRunner().invoke(group, ["merge", *arguments, "--format", "json"], input=given, prog_name="scanready")
    assert "Traceback" not in done.output
    return done


def view(done: Any) -> Any:
    """Return the view without its remarks and the numbers of the run."""
    document = json.loads(done.stdout)
    document["estate"]["frame"]["remarks"] = []
    return document["estate"], document["results"]


def plain(name: str) -> bytes:
    return gzip.decompress(Path(name).read_bytes())


def test_a_decompressed_export_gives_the_same_view(folder: Path) -> None:
    lon, nyc = export(folder, LON), export(folder, NYC)
    packed = merge(lon, nyc)
    (folder / "nyc.txt").write_bytes(plain(nyc))
    Path(nyc).unlink()
    assert view(merge(lon, "nyc.txt")) == view(packed)


@pytest.mark.parametrize("form", ["gzip", "plain"])
@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_standard_input_is_an_export_compressed_or_not(folder: Path, form: str, name: str) -> None:
    lon, nyc = export(folder, LON), export(folder, NYC)
    packed = merge(lon, nyc)
    content = plain(nyc) if form == "plain" else Path(nyc).read_bytes()
    assert view(merge(name, lon, given=content)) == view(packed)


def test_lines_and_a_document_come_through_standard_input_as_well(folder: Path) -> None:
    lines = b"".join(plain(export(folder, NYC)).splitlines(keepends=True)[1:-1])
    assert (
        merge(export(folder, LON), "-", given=lines).exit_code
        == merge("proxy-nyc.scanready", "proxy-lon.scanready").exit_code
    )
    document = merge("proxy-lon.scanready", "proxy-nyc.scanready").stdout.encode()
    assert view(merge("-", given=document))[1]


CUT: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "cut-off": (lambda text: text[:-20], "standard input is cut off: 6 results before the cut count; copy it again"),
    "cut-in-the-header": (lambda text: text[:60], "it is cut off before its first line ends"),
    "another-agent": (lambda text: text.replace(b"proxy-nyc", b"proxy-xxx", 1), "none of its results can be used"),
    "line-too-long": (
        lambda text: text.partition(b"\n")[0] + b'\n{"schema":"' + b" " * (2 << 20) + b'"}\n',
        "line 2 is larger than 1 MiB",
    ),
    "newer": (
        lambda text: text.replace(b'"scanready_export":1', b'"scanready_export":2', 1),
        "the export has format '2', and this version reads 1",
    ),
    "no-json": (lambda text: b'{"scanready_export":\n', "it is not an export: line 1 is not JSON"),
    "nothing": (lambda text: b"", "it is empty: copy it again"),
}


@pytest.mark.parametrize("case", CUT)
def test_a_bad_stream_costs_only_itself(folder: Path, case: str) -> None:
    change, told = CUT[case]
    done = merge(export(folder, LON), "-", given=change(plain(export(folder, NYC))))
    assert told in done.stderr
    assert "standard input" in done.stderr
    assert "stream-" not in done.stderr
    assert "scanready-" not in done.stderr
    assert len(stored(folder)) == (12 if case == "cut-off" else 6)


def test_a_decompression_bomb_in_standard_input_costs_that_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanready.cli.export_file._MOST", 1 << 20)
    bomb = gzip.compress(plain(export(folder, NYC)).partition(b"\n")[0] + b"\n" + b"[]\n" * (1 << 20))
    done = merge(export(folder, LON), "-", given=bomb)
    assert (done.exit_code, "standard input was left out: it has more than" in done.stderr) == (3, True)
    assert len(stored(folder)) == 6


def test_a_stream_without_an_end_is_left_out_at_the_bound(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanready.cli.merging.streams.LARGEST_FILE", 2 << 20)
    done = merge(export(folder, LON), "-", given=b" " * (3 << 20))
    assert (done.exit_code, "standard input was left out: it is larger than 2 MiB" in done.stderr) == (3, True)


def test_the_copy_of_a_stream_ends_with_the_merge(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path_factory.mktemp("tmp")
    monkeypatch.setattr("tempfile.tempdir", str(place))
    merge("-", given=Path(export(folder, NYC)).read_bytes())
    assert not list(place.iterdir())
    assert frame_of().agents


@pytest.mark.posix("pipes among the files")
@pytest.mark.skipif(shutil.which("bash") is None, reason="process substitution of bash")
def test_a_shell_decompresses_into_the_merge(folder: Path) -> None:
    """Two pipes at once: one from a process substitution, one on standard input."""
    lon, nyc = export(folder, LON, REPORTS[:2]), export(folder, NYC, REPORTS[:2])
    script = f"gzip -dc < {nyc} | $PYTHON -P -m scanready merge <(gzip -dc < {lon}) - --format csv"
    done = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHON": sys.executable},
    )
    assert "4 results of 2 agents about 2 targets" in done.stderr, done.stderr
