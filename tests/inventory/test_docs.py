"""The examples in docs/inventory.md work and their output is real."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scanready.inventory import InventoryError, load, parse_target
from scanready.inventory.entries import MOST_TARGETS
from scanready.inventory.importing import KINDS, as_inventory, import_file
from scanready.inventory.nodes import DEEPEST
from scanready.inventory.reading import LARGEST_FILE
from scanready.inventory.yaml_nodes import MOST_FROM_ALIASES

DOCS = (Path(__file__).parents[2] / "docs" / "inventory.md").read_text(encoding="utf-8")


def block(name: str) -> str:
    found = re.search(rf"```{name}\n(.*?)```", DOCS, re.DOTALL)
    assert found
    return found[1]


def test_the_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNIX_PW", "x")
    monkeypatch.setenv("AD_PW", "x")
    (tmp_path / "inventory.yaml").write_text(block("yaml"), encoding="utf-8")
    assert len(load(tmp_path / "inventory.yaml").targets) == 1 + 2 + 16 + 1


def test_several_agents(tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text(block("yaml shared"), encoding="utf-8")
    found = load(tmp_path / "inventory.yaml")
    shares = {agent.name: [target.host for target in found.share(agent.name).targets] for agent in found.agents}
    assert shares == {"proxy-nyc": ["web1", "db7"], "proxy-win1": ["web1", "fs01", "db7"]}


def test_the_targets() -> None:
    assert all(parse_target(line) for line in block("targets").splitlines())


def test_the_problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inventory.yaml").write_text(block("yaml bad"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InventoryError) as caught:
        load("inventory.yaml")
    assert str(caught.value) == block("problems").rstrip("\n")


def test_the_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cmdb.csv").write_text(block("csv"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    written = as_inventory(import_file("cmdb.csv"))
    assert written == block("yaml imported")
    assert all(f"| `{kind}` |" in DOCS for kind in KINDS)
    (tmp_path / "estate.yaml").write_text(written, encoding="utf-8")
    assert [str(target) for target in load("estate.yaml").targets] == [
        "unix://web7.corp:22",
        "postgresql://hr-db.corp:5432",
    ]


def test_the_limits() -> None:
    for limit in (
        f"{LARGEST_FILE >> 20} MiB",
        f"{MOST_TARGETS:,} targets",
        f"{DEEPEST} levels, {MOST_FROM_ALIASES:,} values",
    ):
        assert f"| {limit}" in DOCS
