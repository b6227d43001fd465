"""The longest files come first, and a move or a rename of one shows here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.slow_files import LONGEST, place

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parent.parent


def test_each_exists_and_is_named_once() -> None:
    assert not [file for file in LONGEST if not (ROOT / file).is_file()]
    assert len(set(LONGEST)) == len(LONGEST)


def test_they_come_first_and_all_others_as_they_were_found() -> None:
    found = ["tests/wire/test_tls.py::b", f"{LONGEST[1]}::b", "tests/wire/test_tls.py::a", f"{LONGEST[0]}::z[a::b]"]
    assert sorted(found, key=place) == [found[3], found[1], found[0], found[2]]


def test_the_order_reaches_pytest(request: pytest.FixtureRequest) -> None:
    places = [place(item.nodeid) for item in request.session.items]
    assert places == sorted(places)
