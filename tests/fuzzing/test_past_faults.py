"""Every input that once was a fault is none any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzzing import entries, files, verdict
from tests.fuzzing.seeds import FAULTS

ALL = {**entries.entries(), **files.entries()}
KEPT = sorted(FAULTS.glob("*/*"))


@pytest.mark.parametrize("path", KEPT, ids=[path.relative_to(FAULTS).with_suffix("").as_posix() for path in KEPT])
def test_a_past_fault_is_none_any_more(path: Path) -> None:
    assert path.suffix == ".hex"
    verdict.try_out(ALL[path.parent.name], bytes.fromhex(path.read_text("ascii")))


def test_there_are_past_faults() -> None:
    assert KEPT
