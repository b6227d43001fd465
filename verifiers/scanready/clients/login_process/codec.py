"""Carry what a login returns as JSON, and take it apart by the types that are expected.

The process of a login has read what a hostile server sent, so nothing of it is believed: no class is looked up by a
name that it gives, and every value must be of the type that the login's signature declares.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import enum
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from scanready.climb.explain import Failure
from scanready.model import Cause, OtherFixes

_PLAIN = (str, int, float, bool)
#: Causes by their codes.
Causes = Mapping[str, Cause]


class CodecError(Exception):
    """A value is not of the type that is expected."""


def encode(value: Any) -> Any:
    """Return a value as JSON types.

    Raises:
        TypeError: it is of a type that no login returns.
    """
    match value:
        case enum.Enum():
            return encode(value.value)
        case None | str() | bool() | int() | float():
            return value
        case bytes() | bytearray():
            return base64.b64encode(value).decode()
        case Failure():
            return {
                "code": value.cause.code,
                "detail": value.detail,
                "fix": value.fix,
                "also": encode(value.also),
                "facts": encode(value.facts),
            }
        case dict():
            if not all(isinstance(key, str) for key in value):
                raise TypeError("a login returns dictionaries by name only")
            return {str(key): encode(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [encode(item) for item in value]
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
    raise TypeError(f"a login cannot return a {type(value).__name__}")


def decode(hint: Any, value: Any, causes: Causes) -> Any:  # one case a kind of type
    """Return the value of type ``hint`` that :func:`encode` made this of.

    Raises:
        CodecError: it is none.
    """
    if hint is Any or hint is object:
        return value
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Union or origin is types.UnionType:
        return _first(arguments, value, causes)
    if origin is typing.Literal:
        return _demand(value in arguments, value, hint, value)
    if origin in (list, set, frozenset):
        return origin(decode(arguments[0], item, causes) for item in _demand_list(value, hint))
    if origin is tuple:
        return _tuple(arguments, value, hint, causes)
    if origin in (dict, Mapping) or origin is types.MappingProxyType:
        _demand(isinstance(value, dict), value, hint)
        return {str(key): decode(arguments[1], item, causes) for key, item in value.items()}
    if hint is None or hint is types.NoneType:
        return _demand(value is None, value, hint)
    if hint is float:
        return _demand(isinstance(value, int | float) and not isinstance(value, bool), value, hint, value)
    if hint in _PLAIN:
        return _demand(type(value) is hint, value, hint, value)
    if hint is bytes:
        return _bytes(value)
    if hint is Failure:
        return failure(value, causes)
    return _built(hint, value, causes)


def failure(value: Any, causes: Causes) -> Failure:
    """Return the failure that :func:`encode` made this of.

    Raises:
        CodecError: it is none, or its cause is not among ``causes``.
    """
    match value:
        case {"code": str(code), "detail": str(detail), "fix": None | str() as fix, "also": also, "facts": dict(facts)}:
            if code not in causes:
                raise CodecError(f"the cause {_shown(code)} is not among those of the login's package")
            found = Failure(causes[code], detail, fix, also=decode(OtherFixes, also, causes))
            found.facts = facts  # not as arguments: their names are whatever came
            return found
    raise CodecError("not a failure")


def returned_by(function: Callable[..., Any]) -> Any:
    """Return the type that a function declares to return.

    Raises:
        CodecError: it declares none.
    """
    if "return" not in function.__annotations__:
        raise CodecError(f"{function.__qualname__} does not declare what it returns")
    holder = types.SimpleNamespace(__annotations__={"return": function.__annotations__["return"]})
    return typing.get_type_hints(holder, function.__globals__)["return"]


def _first(hints: tuple[Any, ...], value: Any, causes: Causes) -> Any:
    for hint in hints:
        try:
            return decode(hint, value, causes)
        except CodecError:
            continue
    raise CodecError(f"{_shown(value)} is none of {hints}")


def _tuple(arguments: tuple[Any, ...], value: Any, hint: Any, causes: Causes) -> tuple[Any, ...]:
    items = _demand_list(value, hint)
    if arguments[-1] is Ellipsis:
        return tuple(decode(arguments[0], item, causes) for item in items)
    _demand(len(items) == len(arguments), value, hint)
    return tuple(decode(one, item, causes) for one, item in zip(arguments, items, strict=True))


def _bytes(value: Any) -> bytes:
    try:
        return base64.b64decode(_demand(isinstance(value, str), value, bytes, value), validate=True)
    except (binascii.Error, ValueError) as error:
        raise CodecError("not base64") from error


def _built(hint: Any, value: Any, causes: Causes) -> Any:
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        try:
            return hint(value)
        except ValueError as error:
            raise CodecError(str(error)[:200]) from error
    if not dataclasses.is_dataclass(hint) or not isinstance(hint, type):
        raise CodecError(f"a login cannot return a {hint}")
    hints = typing.get_type_hints(hint)
    names = {field.name for field in dataclasses.fields(hint)}
    _demand(isinstance(value, dict) and value.keys() == names, value, hint)
    return hint(**{name: decode(hints[name], value[name], causes) for name in names})


def _demand_list(value: Any, hint: Any) -> list[Any]:
    found: list[Any] = _demand(isinstance(value, list), value, hint, value)
    return found


def _demand(holds: bool, value: Any, hint: Any, found: Any = None) -> Any:
    if not holds:
        raise CodecError(f"{_shown(value)} is no {getattr(hint, '__name__', hint)}")
    return found


def _shown(value: Any) -> str:
    return ascii(value)[:80]
