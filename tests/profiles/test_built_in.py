"""The built-in profile is the source of all requirements, names every built-in type, and fits the types' own facts."""

from __future__ import annotations

from pathlib import Path

import pytest

import scanready
from scanready.catalogue import TargetType
from scanready.catalogue.requirement import ALWAYS, BUILT_IN, Profile
from scanready.profiles.reading import read_profile
from tests.ladder import TYPES

FILE = Path(scanready.__file__).parent / "profiles" / f"{BUILT_IN.name}.yaml"


@pytest.fixture(scope="module")
def profile() -> Profile:
    return read_profile(FILE)


def test_it_calls_itself_as_the_product_does(profile: Profile) -> None:
    assert profile.about == BUILT_IN


def test_it_names_every_type_in_the_order_of_the_document(profile: Profile) -> None:
    assert list(profile.types) == [row.name for row in TYPES]


@pytest.mark.parametrize("row", TYPES, ids=lambda row: row.name)
def test_each_module_has_what_the_file_says(profile: Profile, row: TargetType) -> None:
    wanted = profile.types[row.name]
    assert row.requirements == wanted
    assert row.requirements.lines == wanted.lines
    assert wanted.lines[0].ports == str(row.port)


@pytest.mark.parametrize("row", TYPES, ids=lambda row: row.name)
def test_each_line_quotes_the_document(profile: Profile, row: TargetType) -> None:
    for line in profile.types[row.name].lines:
        section, _, words = line.source.partition(': "')
        assert "Network Requirements" in section
        assert words.endswith('"')
        assert line.doubt or line.confidence == "stated", "a doubt says why the ports are not the document's"


@pytest.mark.parametrize("row", TYPES, ids=lambda row: row.name)
def test_each_condition_of_a_folder_is_used_and_named_as_its_key(row: TargetType) -> None:
    beside = [one for one in TYPES if one.home == row.home]
    used = {line.when.name for one in beside for line in one.requirements.lines if line.when is not ALWAYS}
    assert used == set(row.conditions)
    assert all(name == condition.name and condition.text for name, condition in row.conditions.items())
