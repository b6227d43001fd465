"""The functions that another package brings give what is declared, whatever they return or raise."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from scanready import Target
from scanready.catalogue import Cost, Option, TargetType
from scanready.catalogue.exchange import Exchange
from scanready.catalogue.wrong import Complaints, Wrong
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


async def verify(_: object) -> None:
    """Climb nowhere."""


def guarded(**fields: Any) -> TargetType:
    return GUARDS.row(TargetType("other", "Other", 9, Cost(1, 1), speaks="other", verifier=verify, **fields), {})


class Unreadable:
    """A message, or a value, that has no words."""

    def __str__(self) -> str:
        raise LookupError("no words")

    __repr__ = __str__


@pytest.mark.parametrize(
    ("messages", "shown"),
    [
        ((), "this value cannot be used"),
        (("",), "this value cannot be used"),
        (("two\nlines\x1b[2J",), "two lines\\x1b[2J"),
        ((5,), "5"),
        ((Unreadable(),), "LookupError: no words"),
    ],
    ids=["none", "empty", "lines", "number", "object"],
)
def test_what_a_check_refuses_is_said_on_one_line(messages: tuple[Any, ...], shown: str) -> None:
    """A refusal without a word left the target out, and the command ended with 0."""

    def refuses(*_: object) -> None:
        raise Wrong(*messages)

    complaints = Complaints()
    with complaints.collected():
        guarded(check=refuses).check("db7", {})
    assert complaints.messages == [shown]


def test_a_refusal_is_bounded() -> None:
    def refuses(*_: object) -> None:
        raise Wrong("x" * 100_000)

    with pytest.raises(Wrong) as caught:
        guarded(check=refuses).check("db7", {})
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (10**5000, "a value of int"),
        (b"x", "b'x'"),
        ({1, 2}, "{1, 2}"),
        ([object], "[<class 'object'>]"),
        (Unreadable(), "a value of Unreadable"),
    ],
    ids=["huge", "bytes", "set", "class", "object"],
)
def test_an_option_that_no_result_can_hold_is_refused(value: object, shown: str) -> None:
    """The name of the target, which has it, ended the run with a traceback, or was another one in each run."""
    (option,) = guarded(options=(Option("a", read=returning(value)),)).options
    with pytest.raises(Wrong, match=r"the option `a` cannot be judged, for another package fails: it gives ") as caught:
        option.read("a", "x")
    assert f"gives {shown}; write text, a number, True, False, None, a list or a dict" in str(caught.value)


@pytest.mark.parametrize(
    "value",
    ["x", 5, True, None, ["x", 5], ("x",), {"x": [1]}],
    ids=["text", "number", "flag", "none", "list", "tuple", "dict"],
)
def test_an_option_of_plain_values_is_taken(value: object) -> None:
    (option,) = guarded(options=(Option("a", read=returning(value)),)).options
    assert option.read("a", "x") == value
