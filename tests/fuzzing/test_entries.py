"""All that reads a peer's bytes or a file is fuzzed, without a list to keep; and the judge of an input sees faults."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

import scanready
from scanready.wire import WireError, sqli, tls
from tests.fuzzing import entries, files, mutator, verdict
from tests.fuzzing.entries import Entry
from tests.fuzzing.seeds import seeds

ALL = {**entries.entries(), **files.entries()}
PACKAGE = Path(scanready.__file__).parent
#: Names that a module which reads files imports from scanready.files, and names that it calls.
IMPORTED, CALLED = {"reading", "open_file", "JsonStream"}, {"ZipFile", "make_parser"}


@pytest.mark.parametrize("name", [name for name in entries.functions() if name.startswith("wire.")])
def test_every_function_of_a_codec_is_fuzzed_or_writes(name: str) -> None:
    function = entries.functions()[name]
    followed = any(
        function in found or entries.BESIDE.get(name) in found
        for found in entries.takes_answers(function.__module__).values()
    )
    assert (
        name in ALL
        or followed
        or name in entries.NOT_FUZZED
        or entries.returns_bytes(function)
        or entries.first_parameter(function) is None
    ), "see the rules in tests/fuzzing/entries.py"


def test_every_reader_is_fuzzed() -> None:
    assert entries.readers().keys() <= ALL.keys()
    assert len(entries.readers()) > 25
    assert len(ALL) > 90


def test_every_name_in_the_tables_exists() -> None:
    known = entries.functions().keys() | entries.readers().keys()
    for table in (entries.NOT_FUZZED, entries.FURTHER, entries.CALLED, entries.OWN, entries.BESIDE, entries.OF_PIECES):
        assert set(table) <= known


def test_a_new_function_of_bytes_is_found() -> None:
    def read_more(data: bytes) -> tls.Alert | None:
        return None

    def write_more(data: bytes) -> bytes:
        return data

    def read_text(text: str) -> int:
        return len(text)

    assert entries.takes(read_more, "targets.new.answers.read_more") is bytes
    assert entries.takes(write_more, "wire.new.write_more") is None
    assert entries.takes(read_text, "wire.new.read_text") is str


def test_every_module_that_reads_files_is_fuzzed() -> None:
    reading = {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        for path in PACKAGE.rglob("*.py")
        if path.parent.name != "files" and _reads_files(path.read_text("utf-8"))
    }
    assert reading - files.COVERED.keys() - files.NOT_COVERED.keys() == {"cli.output.bundle"}  # it writes an archive
    assert files.COVERED.keys() | files.NOT_COVERED.keys() <= reading | {"cli.source"}
    assert set(files.COVERED.values()) <= ALL.keys()


def _reads_files(source: str) -> bool:
    """Whether a module imports what opens files, or calls a parser of files."""
    for node in (
        ast.walk(ast.parse(source)) if "files" in source or "ZipFile" in source or "make_parser" in source else ()
    ):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("scanready.files"):
            if IMPORTED & {alias.name for alias in node.names}:
                return True
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in CALLED:
            return True
    return False


@pytest.mark.parametrize("name", ALL)
def test_no_seed_and_no_spoiled_seed_is_a_fault(name: str) -> None:
    """A few inputs each; script/fuzz tries millions."""
    begin = seeds(name)
    assert begin
    spoiled = mutator.Mutator(begin, 1)
    for data in (*begin, *(spoiled.next() for _ in range(20))):
        verdict.try_out(ALL[name], data)


def entry(run: Callable[[bytes], object], own: tuple[type[Exception], ...] = (WireError,)) -> Entry:
    return dataclasses.replace(ALL["wire.tls.alert"], run=run, own=own)


def test_an_error_of_its_own_is_no_fault() -> None:
    def read(data: bytes) -> None:
        raise WireError("no")

    assert verdict.fault_of(entry(read), b"") is None


def test_another_error_is_a_fault() -> None:
    def read(data: bytes) -> int:
        return data[4]

    with pytest.raises(verdict.Fault, match="IndexError: index out of range"):
        verdict.try_out(entry(read), b"ab")
    assert verdict.fault_of(entry(read), b"abcdef") is None


def test_a_run_that_does_not_end_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "FIXED", 0.01)

    def read(data: bytes) -> None:
        while True:
            pass

    with pytest.raises(verdict.Fault, match="computes for"):
        verdict.try_out(entry(read), b"ab")


def test_the_answer_must_not_depend_on_the_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "OF_PIECES", set())
    with pytest.raises(verdict.Fault, match="depends on the pieces"):
        verdict.try_out(ALL["targets.mssql.login.read_part"], bytes(range(40)))


def test_a_fault_is_shrunk_to_what_it_needs() -> None:
    assert mutator.shrunk(bytes(200) + b"\x16\x03" + bytes(100), lambda data: b"\x16\x03" in data) == b"\x16\x03"


def test_answers_are_looked_at_with_all_their_properties(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: object) -> str:
        raise KeyError("a property")

    monkeypatch.setattr(sqli.Answer, "destination", property(fails))
    accepted = seeds("wire.sqli.read_answer")
    assert "KeyError" in {verdict.fault_of(ALL["wire.sqli.read_answer"], data) for data in accepted}
