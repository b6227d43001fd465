"""A password that servers repeat is in no file that a run leaves, and in nothing that it prints."""

from __future__ import annotations

import contextlib
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.hostile_estate import FORMATS, command
from tests.targets.echoing import ECHOES, SECRET, echoing, forms

#: One of each kind: our own codec, a library in a thread, one in a process, bytes that belong to no protocol.
PLAYED = ("postgresql", "mysql", "mssql", "imap", "http", "oracle", "sybase", "ssh", "teradata")
_DUMPED = re.compile(r"^[0-9a-f]{6}  ((?:[0-9a-f]{2} )*[0-9a-f]{2}) ", re.MULTILINE)


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with everything that one run wrote."""
    directory = tmp_path_factory.mktemp("echoes")
    with contextlib.ExitStack() as servers:
        inventory = directory / "estate.yaml"
        inventory.write_text(_head() + "".join(_targets(servers)))
        reports = [f"--report={name}={directory / name}" for name in FORMATS]
        more = [
            f"--transcript={directory / 'transcript'}",
            f"--bundle={directory / 'bundle.zip'}",
            "--no-canary",
            "-vv",
        ]
        more += [f"--store={directory / 'store.db'}", "--no-canary", "-vv"]
        done = command("verify", str(inventory), *reports, *more, SECRET_OF_THE_TEST=SECRET)
    assert done.returncode in (1, 3), done.stderr
    (directory / "stdout").write_text(done.stdout)
    (directory / "stderr").write_text(done.stderr)
    with zipfile.ZipFile(directory / "bundle.zip") as bundle:
        bundle.extractall(directory / "bundle")
    return directory


def _head() -> str:
    return "defaults: {timeout: 8}\ncredentials:\n  er: {username: er, password: 'env:SECRET_OF_THE_TEST'}\ntargets:\n"


def _targets(servers: contextlib.ExitStack) -> Iterator[str]:
    for type_ in PLAYED:
        serve, options = ECHOES[type_]
        server = servers.enter_context(serve(echoing(SECRET)))
        given = "".join(
            f", {name}: {str(value).lower() if value is True else value}" for name, value in options.items()
        )
        yield f"  - {{host: 127.0.0.1, port: {server.port}, type: {type_}, credential: er{given}}}\n"


def test_the_texts_arrived(left: Path) -> None:
    assert (left / "jsonl").read_text().count("***") >= len(PLAYED)
    assert (left / "store.db").stat().st_size > 0


def test_no_file_holds_any_form(left: Path) -> None:
    looked_at = 0
    for file in left.rglob("*"):
        if file.is_file() and file.name not in ("estate.yaml", "bundle.zip"):
            looked_at += 1
            raw = file.read_bytes()
            for form in (*forms(SECRET), SECRET[::-1]):
                assert form.encode() not in raw, (file.name, form)
                assert form.encode("utf-16-le") not in raw, (file.name, form)
    assert looked_at >= len(FORMATS) + 6


def test_no_bytes_of_the_transcript_hold_it(left: Path) -> None:
    text = (left / "transcript").read_text()
    dumped = bytes.fromhex(" ".join(_DUMPED.findall(text)))
    assert b"zqxj" in dumped, "the talk is there"
    for form in forms(SECRET):
        assert form.encode() not in dumped
        assert form.encode("utf-16-le") not in dumped
