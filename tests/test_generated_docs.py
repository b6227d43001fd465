"""The pages of script/generate-docs are up to date: types, causes, facts, the reference and README's table."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

from tests import third_party
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
    "page",
    ["docs/api.md", "docs/causes.md", "docs/facts.md", "docs/libraries.md", "docs/target-types.md", "README.md"],
)
def test_a_generated_page_is_up_to_date(script: ModuleType, page: str) -> None:
    assert (ROOT / page).read_text() == script.pages()[page], "run script/generate-docs"


def test_the_requirements_of_each_type_are_those_of_the_profile(script: ModuleType) -> None:
    made = script.document_requirements.modules(script.TYPES)
    assert len(made) == len({row.home for row in TYPES})
    for name, text in made.items():
        assert (ROOT / name).read_text() == text, "change the profile, and run script/generate-docs"


def test_a_package_that_is_installed_adds_nothing_to_the_pages(tmp_path: Path) -> None:
    cause = 'Cause("queue.full", Owner.SERVER, Step.AUTH, "It is full.", "Empty it.", "Look.")'
    third_party.queue(tmp_path, causes=f"from scanready.model import Cause, Owner, Step\nMINE = {cause}\n")
    told = "import runpy; print(runpy.run_path('script/generate-docs')['pages']())"
    paths = {"PYTHONPATH": f"{ROOT / 'verifiers'}{os.pathsep}{tmp_path}"}
    done = subprocess.run(
        [sys.executable, "-c", told], cwd=ROOT, env={**os.environ, **paths}, capture_output=True, text=True, check=True
    )
    assert "connect.refused" in done.stdout
    assert "queue.full" not in done.stdout


def test_every_type_says_how_far_it_comes_and_who_proved_it(script: ModuleType) -> None:
    table = list(script.table(""))[2:]
    assert len(table) == len(TYPES)
    assert all(row.proven_by for row in TYPES)
    assert not any(line.count("|") != 7 for line in table), "a `|` in a cell"
