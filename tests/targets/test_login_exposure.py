"""docs/logins.md says of every type what a login shows to others, and names the option that permits it."""

from __future__ import annotations

import re
from pathlib import Path

from scanready.catalogue.option import ALLOW_CLEARTEXT, ALLOW_UNTRUSTED, Option
from tests.ladder import TYPES

PAGE = (Path(__file__).parents[2] / "docs" / "logins.md").read_text()


def permitted() -> dict[str, set[str]]:
    """The options that the table names, by type; a row without a type continues the one before."""
    found: dict[str, set[str]] = {}
    types: list[str] = []
    for line in PAGE.splitlines():
        if line.startswith("| ") and not line.startswith(("| type", "|--")):
            first, *_, last = line.strip("|").split("|")
            types = re.findall(r"`(\w+)`", first) or types
            for name in types:
                found.setdefault(name, set()).update(re.findall(r"`(\w+)`", last))
    return found


def takes(option: Option) -> set[str]:
    return {row.name for row in TYPES if option in row.options}


def test_every_type_is_on_the_page() -> None:
    assert {row.name for row in TYPES} == set(re.findall(r"`(\w+)`", PAGE)) & {row.name for row in TYPES}
    assert set(permitted()) <= {row.name for row in TYPES}


def test_the_options_of_the_page_are_those_of_the_types() -> None:
    named = permitted()
    assert {name for name, options in named.items() if "allow_cleartext" in options} == takes(ALLOW_CLEARTEXT)
    assert {name for name, options in named.items() if "allow_untrusted" in options} <= takes(ALLOW_UNTRUSTED)
