"""Check a value that another package declares against the annotations of its dataclass, field by field, to the leaves.

The types and bounds stand at the fields themselves (:mod:`scanready.catalogue.bounds`): a field that is added is
checked without a line here. A fault names the field, the value and what to write instead.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import ModuleType, NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from scanready.catalogue.bounds import LONGEST_TEXT, MOST_ITEMS
from scanready.wire.printable import visible

from .attempt import attempted

_LONGEST_SHOWN = 60
_LARGEST = 1_000_000
_WANTED = {str: "text", int: "a whole number", bool: "True or False", NoneType: "None", ModuleType: "a module"}


def shape_fault(value: Any, hint: Any, of: str) -> str:
    """Say what is wrong with a declared value; empty if all of it has its declared types and bounds.

    Args:
        value: what another package declares.
        hint: the annotation that it must have: a dataclass, or any type of a dataclass's fields.
        of: what it is, after the name of the field: "its row".
    """
    return next((fault.told(of) for fault in _faults(value, hint, "")), "")


class _Fault:
    """One value that is not what its field declares."""

    def __init__(self, field: str, found: str, wanted: str) -> None:
        self.found, self.wanted, self._field = found, wanted, field

    def told(self, of: str) -> str:
        field = self._field.lstrip(".")
        return f"{f'`{field}` of ' if field else ''}{of} is {self.found}; write {self.wanted}"


def shown(value: Any) -> str:
    """Return a value as its author wrote it, printable and short, whatever its ``repr`` does."""
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if inspect.isroutine(value) or inspect.isclass(value):
        return visible(f"the {'class' if inspect.isclass(value) else 'function'} {value.__name__}", _LONGEST_SHOWN)
    text, error = attempted(repr, value)
    return visible(f"a value of {type(value).__name__}" if error else text, _LONGEST_SHOWN)


def _faults(value: Any, hint: Any, field: str) -> Iterator[_Fault]:
    origin = get_origin(hint)
    if origin is Annotated:
        yield from _bounded(value, hint, field)
    elif origin in (Union, UnionType):
        yield from _of_a_union(value, get_args(hint), field)
    elif origin is tuple:
        yield from _items(value, get_args(hint), field)
    elif origin is not None and issubclass(origin, Mapping):
        yield from _entries(value, get_args(hint), field)
    elif origin is not None and issubclass(origin, Callable):  # type: ignore[arg-type]  # a class at run time
        yield from _function(value, get_args(hint), field)
    elif hint is not Any:
        yield from _instance(value, hint, field)


def _instance(value: Any, kind: type, field: str) -> Iterator[_Fault]:
    if not _is(value, kind):
        yield _Fault(field, shown(value), wanted(kind))
    elif is_dataclass(kind):
        for name, hint in _hints(kind).items():
            yield from _faults(getattr(value, name), hint, f"{field}.{name}")
    elif kind is str and len(value) > LONGEST_TEXT:
        yield _Fault(field, f"a text of {len(value)} characters", f"at most {LONGEST_TEXT}")
    elif kind is str and not "".join(value.split("\n")).replace("\t", "").isprintable():
        yield _Fault(field, shown(value), "text without control and invisible characters")
    elif kind is int and abs(value) > _LARGEST:
        yield _Fault(field, shown(value), f"a whole number up to {_LARGEST}")


def _is(value: Any, kind: type) -> bool:
    """``isinstance``, but a flag is no number, and a word that equals a member of an enumeration is no member."""
    return isinstance(value, kind) and not (kind is int and isinstance(value, (bool, Enum)))


def _bounded(value: Any, hint: Any, field: str) -> Iterator[_Fault]:
    kind, *bounds = get_args(hint)
    if not _is(value, kind):
        yield _Fault(field, shown(value), bounds[0].wanted)
        return
    for bound in bounds:
        if not bound.holds(value):
            long = kind is str and len(value) > _LONGEST_SHOWN
            yield _Fault(field, f"a text of {len(value)} characters" if long else shown(value), bound.wanted)


def _of_a_union(value: Any, members: tuple[Any, ...], field: str) -> Iterator[_Fault]:
    """The value has one of the types; where it has none, the nearest is what to write, else any of them."""
    faults = {member: next(_faults(value, member, field), None) for member in members}
    if None in faults.values():
        return
    near = [fault for member, fault in faults.items() if fault and _is_near(value, member)]
    if near:
        yield near[0]
    else:
        yield _Fault(
            field, shown(value), " or ".join(dict.fromkeys(fault.wanted for fault in faults.values() if fault))
        )


def _is_near(value: Any, hint: Any) -> bool:
    """Return whether a value is of the kind that a type is, its bounds apart."""
    origin = get_origin(hint)
    kind = get_args(hint)[0] if origin is Annotated else origin or hint
    return isinstance(kind, type) and isinstance(value, kind)


def _items(value: Any, hints: tuple[Any, ...], field: str) -> Iterator[_Fault]:
    if not isinstance(value, tuple):
        item = wanted(hints[0])
        yield _Fault(field, shown(value), f"a tuple, each item {item}")
    elif len(value) > MOST_ITEMS:
        yield _Fault(field, f"a tuple of {len(value)} items", f"at most {MOST_ITEMS}")
    else:
        for place, item in enumerate(value):
            yield from _faults(item, hints[0], f"{field}[{place}]")


def _entries(value: Any, hints: tuple[Any, ...], field: str) -> Iterator[_Fault]:
    if not isinstance(value, Mapping):
        yield _Fault(field, shown(value), "a mapping")
    elif len(value) > MOST_ITEMS:
        yield _Fault(field, f"a mapping of {len(value)} entries", f"at most {MOST_ITEMS}")
    else:
        for key, item in value.items():
            yield from _faults(key, hints[0], f"{field}.key")
            yield from _faults(item, hints[1], f"{field}[{shown(key)}]")


def _function(value: Any, signature: tuple[Any, ...], field: str) -> Iterator[_Fault]:
    asked, answer = signature
    waits = str(answer).startswith("collections.abc.Awaitable")
    kind = "a coroutine function" if waits else "a function"
    what = f"{kind} of {len(asked)} argument{'s' if len(asked) > 1 else ''}"
    if not callable(value):
        yield _Fault(field, shown(value), what)
    elif inspect.iscoroutinefunction(value) is not waits:
        yield _Fault(field, "a function that is no coroutine" if waits else "a coroutine", what)
    elif not _takes(value, len(asked)):
        yield _Fault(field, f"a function of other arguments: {visible(str(inspect.signature(value)), 100)}", what)


def _takes(function: Callable[..., Any], arguments: int) -> bool:
    """Return whether it can be called with so many arguments; True where Python cannot tell."""
    signature, error = attempted(inspect.signature, function)
    return bool(error) or not attempted(signature.bind, *range(arguments))[1]


def wanted(hint: Any) -> str:
    """Say what a value of a type is, in the words of a person who writes one."""
    if get_origin(hint) is Annotated:
        return str(get_args(hint)[1].wanted)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return "one of " + ", ".join(shown(member) for member in hint)
    return _WANTED.get(hint) or (f"{hint.__name__}(...)" if isinstance(hint, type) else str(hint))


@cache
def _hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in fields(kind)}
