"""The pages of script/generate-docs are up to date: types, causes, facts, the reference and README's table."""

from __future__ import annotations

import importlib.util
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

from tests.ladder import TYPES

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def script() -> ModuleType:
    loader = SourceFileLoader("generate_docs", str(ROOT / "script" / "generate-docs"))
    spec = importlib.util.spec_from_loader("generate_docs", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "page", ["docs/api.md", "docs/causes.md", "docs/facts.md", "docs/target-types.md", "README.md"]
)
def test_a_generated_page_is_up_to_date(script: ModuleType, page: str) -> None:
    assert (ROOT / page).read_text() == script.pages()[page], "run script/generate-docs"


def test_every_type_says_how_far_it_comes_and_who_proved_it(script: ModuleType) -> None:
    table = list(script.table(""))[2:]
    assert len(table) == len(TYPES)
    assert all(row.proven_by for row in TYPES)
    assert not any(line.count("|") != 7 for line in table), "a `|` in a cell"
