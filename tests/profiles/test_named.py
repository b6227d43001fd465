"""A profile is found by its name, in the package that brings it, or by its file."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scanready.catalogue.requirement import BUILT_IN
from scanready.inventory import InventoryError
from scanready.profiles.named import profile_named, profile_names
from tests import third_party
from tests.profiles.test_reading import GOOD


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path of modules."""
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def brought(where: Path, name: str, content: str | None = GOOD, **modules: str) -> None:
    """Install a package whose profile is called ``name``; without content its file is missing."""
    package = f"acme_{name.replace('-', '_')}"
    third_party.install(where, package, {name: package}, group="scanready.profiles", **modules)
    if content is not None:
        (where / package / f"{name}.yaml").write_text(content)


def test_the_built_in_one_needs_no_file() -> None:
    assert profile_named(BUILT_IN.name) is None
    assert profile_names()[0] == BUILT_IN.name


def test_a_package_brings_one_by_name(packages: Path) -> None:
    brought(packages, "acme-1")
    found = profile_named("acme-1")
    assert found is not None
    assert (found.about.name, list(found.types)) == ("acme-1", ["ssh"])
    assert profile_names() == [BUILT_IN.name, "acme-1"]


def test_no_package_replaces_the_built_in_one(packages: Path) -> None:
    third_party.install(packages, "acme_two", {BUILT_IN.name: "acme_two"}, group="scanready.profiles")
    assert profile_named(BUILT_IN.name) is None
    assert profile_names() == [BUILT_IN.name]


@pytest.mark.parametrize(
    ("name", "content", "modules", "expected"),
    [
        ("acme-2", None, {}, r"acme-2\.yaml: .*no such file"),
        ("acme-3", GOOD, {}, "the profile calls itself `acme-1`, but its package calls it `acme-3`"),
        ("acme-4", "types: 1", {}, r"acme-4\.yaml:1:1: `profile` is missing"),
        (
            "acme-5",
            GOOD,
            {"__init__": "raise OSError('broken')"},
            "acme_acme_5 .*cannot be read: OSError: broken",
        ),
        ("acme-6", GOOD, {"__init__": "raise SystemExit(3)"}, "cannot be read: SystemExit: 3"),
    ],
)
def test_a_package_that_is_wrong_is_named(
    packages: Path, name: str, content: str | None, modules: dict[str, str], expected: str
) -> None:
    brought(packages, name, content, **modules)
    with pytest.raises(InventoryError, match=f"(?i){expected}"):
        profile_named(name)
    sys.modules.pop(f"acme_{name.replace('-', '_')}", None)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(InventoryError, match=rf"did you mean `{BUILT_IN.name}`\? .*{BUILT_IN.name}.*give its path"):
        profile_named("er2-2.0.29")


def test_a_path_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "acme.yaml"
    file.write_text(GOOD)
    found = profile_named(str(file))
    assert found is not None
    assert found.about.name == "acme-1"
    with pytest.raises(InventoryError, match="absent"):
        profile_named(str(tmp_path / "absent.yaml"))
