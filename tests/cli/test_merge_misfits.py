"""The message of ``merge`` about each file that it cannot use, and about the agent whose export it may be."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.exports import lines
from tests.cli.in_process import call
from tests.cli.test_merge import LON, NYC, TARGETS, export, folder, of

__all__ = ["folder"]
WHOLE = [line.encode() for line in lines(of(NYC), TARGETS)]
HEADER, RESULT, END = json.loads(WHOLE[0]), WHOLE[1], WHOLE[-1]
NEWER, OF_LON = RESULT.replace(b'"schema":1', b'"schema":99'), {**HEADER["agent"], "name": "proxy-lon"}
PACKED = gzip.compress(b"".join(WHOLE))
NONE = "no export among the files that can be read"
FOREIGN = "it is compressed, but not an export"
LEFT_OUT = "its export nyc.scanready does not count"


def line(value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"


def packed(*parts: bytes) -> bytes:
    return gzip.compress(b"".join(parts))


def headed(**changed: Any) -> bytes:
    return packed(line({**HEADER, **changed}), *WHOLE[1:])


def without(key: str) -> bytes:
    return packed(line({name: value for name, value in HEADER.items() if name != key}), *WHOLE[1:])


#: The content of the file, a part of the line about it, and a part of the line about its agent.
EXPECTED = "expected an export, a result of --format json, jsonl or html, or a bundle"
FILES: dict[str, tuple[bytes, str, str]] = {
    "newer-format": (headed(scanready_export=2), "the export has format '2', and this version reads 1; use", LEFT_OUT),
    "newer-schema": (headed(schema=999), "its schema is '999', not 1 (a newer version of scanready wrote", LEFT_OUT),
    "no-schema": (without("schema"), "it has no schema", LEFT_OUT),
    "no-agent": (without("agent"), "in the header, agent is not an object", NONE),
    "agents-of-another-kind": (headed(agents={}), "in the header, agents is not a list of at most", LEFT_OUT),
    "header-cut": (
        packed(b'{"scanready_export":1,\n'),
        f"{FOREIGN}: line 1 is not JSON",
        NONE,
    ),
    "text": (packed(b"hello\n"), f"{FOREIGN}: line 1 is not JSON", NONE),
    "not-text": (packed(b"\xff\n"), f"{FOREIGN}: line 1 is not UTF-8 text", NONE),
    "other-json": (packed(b"{}\n"), f"{FOREIGN}: its first line is not the header", NONE),
    "a-list": (packed(b"[]\n"), f"{FOREIGN}: its first line is not the header", NONE),
    "deep": (packed(b"[" * 9999 + b"\n"), f"{FOREIGN}: line 1 is nested too deep", NONE),
    "result-newer": (
        packed(WHOLE[0], RESULT.replace(b'"schema":1', b'"schema":99')),
        "none of its results can be used; result 1 (",
        LEFT_OUT,
    ),
    "result-cut": (packed(*WHOLE[:2], b'{"schema":\n'), "line 3 is not JSON", LEFT_OUT),
    "result-large": (packed(WHOLE[0], b" " * (2 << 20) + b"\n"), "line 2 is larger than 1 MiB", LEFT_OUT),
    "too-few": (packed(WHOLE[0], END), "it has 0 results, and its end counts 6", LEFT_OUT),
    "second-header": (packed(WHOLE[0], *WHOLE), "line 2 is a second header", LEFT_OUT),
    "after-the-end": (packed(*WHOLE, RESULT), "line 9 follows the end of the export", LEFT_OUT),
    "data-behind-it": (PACKED + b"garbage", "other data follows the end of the export: copy it again", LEFT_OUT),
    "other-agent": (
        headed(agent={**HEADER["agent"], "name": "proxy-lon"}),
        "none of its results can be used; result 1 (",
        "no export",
    ),
    "damaged": (PACKED[:40] + bytes([PACKED[40] ^ 255]) + PACKED[41:], "it is damaged ", ""),
    "checksum": (PACKED[:-8] + bytes(8), "it is damaged after line 8 (CRC check failed", LEFT_OUT),
    "cut-early": (PACKED[:10], "it is cut off before its first line ends: copy it again", NONE),
    "empty": (b"", "it is empty: copy it again", NONE),
    "plain": (b"not an export\n", EXPECTED, NONE),
    "program": (b"\x7fELF\2\1\1\0\0", f"{EXPECTED}: it is no text file, but a program, a picture or another", NONE),
    "other-encoding": (b'{"a": "caf\xe9"}\n', f"{EXPECTED}: line 1 is not UTF-8 text: save the file as UTF-8", NONE),
    "database": (
        b"SQLite format 3\0",
        "not a scanready result: it is a database; to read a run of a run store: ",
        NONE,
    ),
    "archive": (b"PK\x03\x04junk", "", NONE),
}


def merged(*names: str) -> list[str]:
    """Return the lines on standard error."""
    done = call("merge", *names, "--format", "jsonl")
    assert done.exit_code == 3, done.output
    assert "Traceback" not in done.output
    return [one.removeprefix("scanready: ") for one in done.stderr.splitlines()]


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_cannot_be_used_has_one_line_and_its_agent_another(folder: Path, case: str) -> None:
    content, problem, why = FILES[case]
    (folder / "nyc.scanready").write_bytes(content)
    told = merged(export(folder, LON), "nyc.scanready")
    (about,) = [one for one in told if one.startswith("nyc.scanready")]
    assert about.startswith(f"nyc.scanready was left out: {problem}")
    (agent,) = [one for one in told if one.startswith("the agent proxy-nyc")]
    assert agent.startswith(f"the agent proxy-nyc is missing: {why}")
    assert not any("Expecting" in one and "(char" in one for one in told)


@pytest.mark.parametrize(("end", "why"), [(None, "is cut off before its first result"), (END, "has no result")])
def test_an_export_without_a_result_is_the_reason_of_its_agent(folder: Path, end: bytes | None, why: str) -> None:
    ending = [END.replace(b'"results":6', b'"results":0')] if end else []
    (folder / "nyc.scanready").write_bytes(packed(WHOLE[0], *ending))
    done = call("merge", export(folder, LON), "nyc.scanready", "--format", "jsonl")
    assert f"the agent proxy-nyc is missing: its export nyc.scanready {why}" in done.stderr


def test_a_refused_header_makes_no_agent_expected(folder: Path) -> None:
    agent = {**HEADER["agent"], "name": "stranger"}
    (folder / "new.scanready").write_bytes(headed(schema=999, agent=agent))
    assert not any("the agent stranger" in one for one in merged(export(folder, LON), "new.scanready"))


def enlarge(name: Path) -> None:
    name.write_bytes(PACKED)
    os.truncate(name, 2 << 30)


PLACES: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda _: None, "it cannot be read: No such file or directory"),
    "folder": (os.mkdir, "it is a directory: name a file"),
    "link-to-nothing": (lambda name: name.symlink_to("nowhere"), "it cannot be read: No such file or directory"),
    "link-to-itself": (lambda name: name.symlink_to(name), "it cannot be read: Too many levels of symbolic links"),
    "huge": (enlarge, "it is larger than 1024 MiB"),
    "pipe": (lambda name: os.mkfifo(name), "it is not a regular file, and each file is read twice"),
}


@pytest.mark.skipif(os.name == "nt", reason="links, pipes and the words of POSIX")
@pytest.mark.parametrize("case", PLACES)
def test_a_place_that_is_no_file_has_one_line(folder: Path, case: str) -> None:
    make, problem = PLACES[case]
    make(folder / "nyc.scanready")
    told = merged(export(folder, LON), "nyc.scanready")
    (about,) = [one for one in told if one.startswith("nyc.scanready")]
    assert about.startswith(f"nyc.scanready was left out: {problem}")
    assert f"the agent proxy-nyc is missing: {NONE}" in "\n".join(told)
