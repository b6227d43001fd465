"""Support bundles: what is in one, what a newer version says of it, and what a hostile one can do, which is nothing."""

from __future__ import annotations

import dataclasses
import io
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from fixtures.emulators import in_background, postgresql
from scanready.causes import common
from scanready.cli import group
from scanready.cli.source import opened
from scanready.report import parse
from scanready.report.serialize import as_object
from scanready.run.registry import all_causes
from tests.cli import plugin
from tests.report.reports import blocked, ready

SECRET = "hunter2-the-secret"


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_what_is_in_one(plugins: Path) -> None:
    bundle = plugins / "case.zip"
    with in_background(postgresql.sasl) as server:
        asked = ["check", f"postgresql://er@127.0.0.1:{server.port}/hr", "--depth", "auth", "--bundle", str(bundle)]
        live = plugin.run(plugins, [*asked, "--no-canary", "--password-from", "env:PW"], {"PW": SECRET})
    found = members(bundle)
    assert sorted(found) == ["about.json", "result.json", "transcript.txt"]
    about = json.loads(found["about.json"])
    assert about["bundle"] == 1
    assert about["command"] == "check"
    assert about["agent"]["platform"] == "Linux"
    for words in ("python", "openssl", "scanready"):
        assert about[words]
    assert about["libraries"]["cryptography"][0].isdigit()
    assert b"sent" in found["transcript.txt"]
    assert SECRET.encode() not in b"".join(found.values())
    told = plugin.run(plugins, ["report", str(bundle)])
    assert told.stdout == live.stdout
    assert (told.returncode, told.stderr) == (live.returncode, "")


def test_its_parts_have_the_time_of_the_run(plugins: Path) -> None:
    bundle = plugins / "case.zip"
    plugin.run(plugins, ["check", "mood://127.0.0.1:99", "--no-store", "--bundle", str(bundle)], {})
    with zipfile.ZipFile(bundle) as archive:
        years = {entry.date_time[0] for entry in archive.infolist()}
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_DEFLATED}
    assert min(years) >= 2026


def test_with_a_transcript_of_its_own_both_have_the_bytes(plugins: Path) -> None:
    bundle, transcript = plugins / "case.zip", plugins / "t.txt"
    with in_background(postgresql.sasl) as server:
        asked = ["check", f"postgresql://127.0.0.1:{server.port}", "--depth", "auth", "--no-canary"]
        plugin.run(plugins, [*asked, "--bundle", str(bundle), "--transcript", str(transcript)])
    assert transcript.read_bytes() == members(bundle)["transcript.txt"]


def test_one_that_cannot_be_written_is_exit_code_2(plugins: Path) -> None:
    before = plugin.run(plugins, ["check", "mood://127.0.0.1:99", "--bundle", "/nonexistent/x.zip"])
    assert (before.returncode, before.stdout) == (2, ""), "before anything is probed"
    full = plugin.run(plugins, ["check", "mood://127.0.0.1:99", "--bundle", "/dev/full"])
    assert full.returncode == 2
    assert "cannot write /dev/full" in full.stderr
    assert full.stdout.startswith("mood://127.0.0.1:99")


DOCUMENT: dict[str, Any] = {
    "schema": 1,
    "run": {
        "scanready": "0.0.1",
        "agent": as_object(ready())["agent"],
        "started": "2026-01-01T00:00:00Z",
        "targets": 2,
        "depth": "access",
        "timeout": 10.0,
    },
    "results": [as_object(blocked()), as_object(ready())],
    "summary": {"verdicts": {}, "unchecked": 0, "interrupted": False, "seconds": 1.0},
}
ABOUT = {"bundle": 1, "command": "verify", "tried": []}


def written(path: Path, **parts: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(f"{name}.json", data)
    return path


def sound(path: Path, document: Any = None) -> Path:
    return written(path, result=json.dumps(document or DOCUMENT).encode(), about=json.dumps(ABOUT).encode())


def told(path: Path, *options: str) -> Any:
    return CliRunner().invoke(group, ["report", str(path), *options], prog_name="scanready")


def test_another_version_judges_anew_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit of ours in this version may be the target's fault in the result of another version."""
    bundle = sound(tmp_path / "b.zip")
    same = told(bundle)
    assert same.exit_code == 1
    assert "when it was checked" not in same.stderr
    newer = dataclasses.replace(common.FILTERED, definite=False)
    monkeypatch.setattr(parse, "_catalogue", lambda: {**all_causes(), newer.code: newer})
    anew = told(bundle)
    assert anew.exit_code == 3
    expected = (
        "postgresql://er@db7:5432/hr: scanready 0.0.1 judged blocked; this version judges undecided (connect.filtered)"
    )
    assert expected in anew.stderr
    (tmp_path / "run.json").write_text(json.dumps(DOCUMENT))
    assert told(tmp_path / "run.json").exit_code == 1, "a document is told as it was"


def bomb(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("result.json", "w") as member:
        for _ in range(1 << 10):
            member.write(bytes(1 << 20))
    return path


def traversal(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../escaped.json", "x")
        archive.writestr("/etc/escaped.json", "x")
        archive.writestr("result.json/../../escaped", "x")
    return path


def encrypted(path: Path) -> Path:
    data = bytearray(sound(path).read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        while at >= 0:
            data[at + offset] |= 1
            at = data.find(signature, at + 4)
    path.write_bytes(data)
    return path


def torn(path: Path) -> Path:
    data = sound(path).read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def flipped(path: Path) -> Path:
    data = bytearray(sound(path).read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    return path


def _with(**more: Any) -> dict[str, Any]:
    return {**DOCUMENT, **more}


def _results(*results: Any) -> Callable[[Path], Path]:
    return lambda path: sound(path, _with(results=list(results)))


def no_zip(path: Path) -> Path:
    path.write_bytes(b"PK\x03\x04nothing")
    return path


HOSTILE: dict[str, Callable[[Path], Path]] = {
    "bomb": bomb,
    "traversal": traversal,
    "encrypted": encrypted,
    "torn": torn,
    "flipped": flipped,
    "no-zip": no_zip,
    "nothing-in-it": lambda path: written(path),
    "no-about": lambda path: written(path, result=json.dumps(DOCUMENT).encode()),
    "no-json": lambda path: written(path, result=b"{", about=b"{}"),
    "no-text": lambda path: written(path, result=b"\xff\xfe\x00", about=b"{}"),
    "deep": lambda path: written(path, result=b"[" * 200_000, about=b"{}"),
    "long-number": lambda path: written(path, result=b"9" * 100_000, about=b"{}"),
    "about-is-a-list": lambda path: written(path, result=json.dumps(DOCUMENT).encode(), about=b"[]"),
    "another-schema": _results({**as_object(ready()), "schema": 2}),
    "results-of-nothing": _results(None, 7, []),
    "no-target": _results({"schema": 1, "verdict": "ready"}),
    "no-run": lambda path: sound(path, _with(run=[])),
    "no-agent": lambda path: sound(path, _with(run={**DOCUMENT["run"], "agent": None})),
    "no-depth": lambda path: sound(path, _with(run={**DOCUMENT["run"], "depth": "deeper"})),
    "no-timeout": lambda path: sound(path, _with(run={**DOCUMENT["run"], "timeout": float("nan")})),
    "no-seconds": lambda path: sound(path, _with(summary={"seconds": "1"})),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_one_is_a_message(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where = tmp_path / "in" / "here"
    where.mkdir(parents=True)
    monkeypatch.chdir(where)
    bundle = HOSTILE[name](where / "b.zip")
    done = told(bundle)
    assert done.exit_code == 2, done.output
    assert isinstance(done.exception, SystemExit)
    assert done.stdout == ""
    assert f"{bundle}: " in done.stderr.replace("\n", " ")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["b.zip"]


def test_damage_anywhere_is_a_message(tmp_path: Path) -> None:
    """Each byte of the archive's own structures, and every length it can be cut to."""
    whole, path = sound(tmp_path / "b.zip").read_bytes(), tmp_path / "x.zip"
    chance, messages = random.Random(4711), set[str]()
    for at in [*range(0, len(whole), 7), *range(len(whole) - 200, len(whole))]:
        data = bytearray(whole)
        data[at] ^= chance.randrange(1, 256)
        path.write_bytes(data if at % 2 else data[:at])
        try:
            with opened(str(path), None) as source:
                list(source.reports(source.targets()))
        except click.UsageError as error:
            messages.add(error.message)
    assert len(messages) > 5
    assert all("x.zip" in message for message in messages)


def test_hostile_words_in_one_are_harmless(tmp_path: Path) -> None:
    report = blocked("h\x1b]0;x\x07", "\x1b[2J\u202e")
    told_ = told(sound(tmp_path / "b.zip", _with(results=[as_object(report)])), "--ladder", "-v")
    assert told_.exit_code in (1, 3)
    for sequence in ("\x1b", "\x07", "\u202e"):
        assert sequence not in told_.output


def test_any_member_may_lie_about_its_size(tmp_path: Path) -> None:
    data = bytearray(sound(tmp_path / "b.zip").read_bytes())
    at = data.find(b"PK\x01\x02")
    data[at + 24 : at + 28] = (0xFFFFFF).to_bytes(4, "little")
    (tmp_path / "b.zip").write_bytes(data)
    assert told(tmp_path / "b.zip").exit_code in (1, 2)
    assert zipfile.is_zipfile(io.BytesIO(bytes(data)))
