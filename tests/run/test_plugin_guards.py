"""The functions that another package brings give what is declared, whatever they return or raise."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from scanready import Target
from scanready.catalogue.exchange import Exchange
from scanready.run.plugins.guards import Guards

GUARDS = Guards("another package", lambda fault: None)
TARGET = Target("db7", "other", 9)


def raises(*_: object) -> Any:
    raise LookupError("of a plug-in")


def returning(value: object) -> Callable[..., Any]:
    return lambda *_: value


@pytest.mark.parametrize("placed", [raises, returning(None), returning((TARGET,)), returning([TARGET, "db8"])])
def test_a_target_stands_at_its_own_place_where_its_services_give_none(placed: Callable[..., Any]) -> None:
    module = ModuleType("services")
    module.SERVICES, module.placed = (), placed  # type: ignore[attr-defined]  # as a module of a plug-in has them
    assert GUARDS.services(module).placed(TARGET) == [TARGET]


def test_the_places_that_services_give_are_taken() -> None:
    module, there = ModuleType("services"), [Target("db8", "other", 9), Target("db9", "other", 9)]
    module.SERVICES, module.placed = (), returning(there)  # type: ignore[attr-defined]  # as above
    assert GUARDS.services(module).placed(TARGET) == there


@pytest.mark.parametrize("sent", [raises, returning(None), returning(5)])
def test_words_that_cannot_be_made_say_so(sent: Callable[..., Any]) -> None:
    guarded = GUARDS.exchange(Exchange(sent)).sent
    assert callable(guarded)
    assert guarded(None, None) == "not known: the story of another package fails"  # type: ignore[arg-type]  # unused
