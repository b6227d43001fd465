"""Each library has rows of both kinds, each row a test that provokes it, and the page is made of the table."""

from __future__ import annotations

import ast
from pathlib import Path

from scanready.run.built_in import built_in_causes
from tests.libraries.provoking import ROWS
from tests.libraries.table import LIBRARIES, OWN, WIRE

HERE = Path(__file__).parent
#: Libraries whose server side is no peer, or which never talk to one.
NOTHING_FROM_THE_WIRE = {"cryptography", "the agent's ssh client"}


def _texts(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _named(path: Path) -> set[str]:
    """The tests of a file that provoke one row, by their names."""
    tree = ast.parse(path.read_text("utf-8"))
    names = (node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return {name.removeprefix("test_").replace("_", "-") for name in names if name.startswith("test_")}


def test_each_row_is_provoked() -> None:
    files = sorted(HERE.glob("test_*.py"))
    provoked = set[str]().union(*(_texts(path) | _named(path) for path in files if path != Path(__file__)))
    assert set(ROWS) - provoked == set()
    assert len(ROWS) == len(OWN) + len(WIRE), "each key once"


def test_each_library_has_rows() -> None:
    names = {library.name for library in LIBRARIES}
    assert {row.library for row in OWN} == names
    assert {row.library for row in WIRE} == names - NOTHING_FROM_THE_WIRE


def test_no_opinion_blocks_but_for_what_is_missing_on_the_agent() -> None:
    known = built_in_causes()
    for row in OWN:
        verdict, _, code = row.reported.partition(": ")
        assert code in known, row
        assert verdict == "undecided" or known[code].owner == "agent", row
