"""A codec without tests of partial reads and of hostile bytes is not finished."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import scanready.wire

TESTS = Path(__file__).parent
WIRE = Path(scanready.wire.__file__).parent
CODECS = sorted(
    {
        path.stem
        for path in WIRE.glob("*.py")
        if path.stem not in ("__init__", "buffer", "fields", "printable", "reading")
    }
    | {path.parent.name for path in WIRE.glob("*/*.py")}
)

#: It judges bytes that have come, and waits for no more.
WITHOUT_READERS = ("tls",)


def called(source: str) -> set[str]:
    """Return the names of what a test module calls: ``hostile`` for ``hostile(...)`` and ``fuzz.hostile(...)``."""
    return {
        ast.unparse(node.func).rpartition(".")[2] for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)
    }


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_is_read_in_parts_and_fuzzed(codec: str) -> None:
    test = TESTS / f"test_{codec}.py"
    assert test.exists(), f"wire/{codec}.py has no tests/wire/{test.name}"
    calls = called(test.read_text("utf-8"))
    assert {"hostile", "mutations"} & calls, f"{test.name} never draws from tests/wire/fuzz.py"
    if codec in WITHOUT_READERS:
        assert not {"Buffer", "Cursor", "stepwise"} & set(re.findall(r"\w+", (WIRE / f"{codec}.py").read_text("utf-8")))
        return
    assert "reads" in calls, f"{test.name} never calls reads() of tests/readers.py"
    assert "survives" in calls, f"{test.name} draws hostile bytes but never calls survives() with them"


def test_there_are_codecs() -> None:
    assert {"http", "ssh", "tls"} <= set(CODECS)


def test_a_mention_is_not_a_call() -> None:
    assert called("from tests.readers import reads\n# reads(x)\n'fuzz.hostile()'") == set()
