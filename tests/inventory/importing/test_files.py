"""Files as other tools export them: each with the exact inventory that it becomes, or the refusal that says what to do.

The expected texts are in ``fixtures/imports/expected``. A row that is not imported stands there with its reason.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from scanready.inventory import InventoryError, load
from scanready.inventory.importing import as_inventory, import_file

SAMPLES = Path(__file__).parents[3] / "fixtures" / "imports"
EXPECTED = SAMPLES / "expected"
FILES = sorted(path.name for path in SAMPLES.iterdir() if path.is_file() and path.name != "README.md")
#: Further readings of some files, with headings that the caller names.
MAPPED = {
    "asset-register.csv": {"host": "Asset Name", "port": "Listener"},
    "netbox-devices.csv": {"type": ""},
    "no-host-column.csv": {"host": "Hostname"},
}


def outcome(file: str, mapping: dict[str, str] | None = None) -> str:
    """The inventory that a file becomes, or the refusal."""
    try:
        return as_inventory(import_file(file, mapping=mapping))
    except InventoryError as error:
        return f"{error}\n"


def test_there_are_twenty_of_public_style() -> None:
    assert len(FILES) >= 20
    assert {path.stem for path in EXPECTED.iterdir()} == {*FILES, *(f"{name}.mapped" for name in MAPPED)}


@pytest.mark.parametrize("name", FILES)
def test_a_file(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SAMPLES)
    assert outcome(name) == (EXPECTED / f"{name}.expected").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", MAPPED)
def test_a_file_with_named_columns(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SAMPLES)
    assert outcome(name, MAPPED[name]) == (EXPECTED / f"{name}.mapped.expected").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(EXPECTED.iterdir()), ids=lambda path: path.name)
def test_what_is_expected_loads_or_is_one_line(path: Path, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if not text.startswith("# Imported from "):
        assert text.count("\n") == 1
        assert ":1: " in text
        assert "`" in text
        return
    (tmp_path / "inventory.yaml").write_text(text, encoding="utf-8")
    loaded = load(tmp_path / "inventory.yaml").targets
    assert loaded or "targets: []" in text
