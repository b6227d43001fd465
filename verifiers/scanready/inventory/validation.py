"""Validate the mappings of an inventory with pydantic, and note its errors with plainer messages.

pydantic is slow to import: import this module only for a mapping that is not plainly right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from scanready.catalogue.wrong import did_you_mean, shown

from . import schema
from .nodes import Node
from .options import is_secretive
from .shapes import LONGEST_TIMEOUT, Shape

#: Notes a problem at a node.
Note = Callable[[Node, str], None]
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def _model(shape: Shape) -> type[BaseModel]:
    found: type[BaseModel] = getattr(schema, shape.model)
    return found


def validated(note: Note, shape: Shape, node: Node, value: Mapping[str, Any]) -> BaseModel | None:
    """Return the content of a mapping at ``node``; None if it has problems, which are noted."""
    try:
        return _model(shape).model_validate(value)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False, include_context=False)
    for found in errors:
        _shape(note, shape, node, found["type"], found["loc"], found["msg"])
    return None


def note_unknown_key(note: Note, shape: Shape, key: Node) -> None:
    """Note a key that the model does not have.

    The key itself may be a secret: ``password:hunter2``, without the space, is one key. Only a plain word is
    repeated, and in a credential not even that.
    """
    model = _model(shape)
    known = schema.keys_of(model)
    listed = ", ".join(known)
    lead = _WORD.match(key.text)
    word = lead[0] if lead else ""
    if word != key.text and key.text[len(word) :].startswith(":") and word in known:
        note(key, f"a space is missing after `{word}:`")
    elif model in (schema.CredentialEntry, schema.LocalCredentialEntry):
        note(key, f"unknown key{did_you_mean(word, known)} (a credential has: {listed})")
    elif is_secretive(word):
        note(
            key,
            "a secret is refused here (and not repeated): write a reference to it in `credentials`, and name that "
            "entry in `credential`",
        )
    elif word != key.text:
        note(key, f"unknown key (the keys are: {listed})")
    else:
        near = did_you_mean(word, known)
        note(key, f"unknown key {shown(word)}{near or f' (the keys are: {listed})'}")


def _shape(note: Note, shape: Shape, node: Node, kind: str, loc: tuple[int | str, ...], words: str) -> None:
    """Note one of pydantic's errors at its place, with a plainer message."""
    key = node
    for part in loc:
        if isinstance(node.value, dict) and part in node.value:
            key, node = node.value[str(part)]
        elif isinstance(node.value, list) and isinstance(part, int):
            key = node = node.value[part]
    name = _called(loc)
    if kind == "extra_forbidden":
        note_unknown_key(note, shape, key)
    elif kind == "missing":
        note(node, f"{name} is missing")
    elif node.value is None or kind in ("string_too_short", "too_short"):
        note(node, f"{name} is empty")
    elif kind == "literal_error":
        expected = get_args(schema.Depth)
        note(node, f"{name} must be one of {', '.join(expected)}{did_you_mean(node.text, expected)}")
    elif kind == "string_type" and not isinstance(node.value, (dict, list)):
        note(node, f"{name} must be text: write it in quotes")
    elif kind == "list_type" and loc[-1] in _NAMES:
        note(node, f"{name} must be a name or a list of names")
    elif kind in _BOUNDS and loc[-1] in _RANGES:
        note(node, f"{name} is out of range: {_RANGES[str(loc[-1])]}")
    else:
        note(node, f"{name} {_WORDS.get(kind, words)}")


def _called(loc: tuple[int | str, ...]) -> str:
    """Return the name of the value at one of pydantic's locations, for messages."""
    if not loc:
        return "this"
    return f"an item of `{loc[-2]}`" if isinstance(loc[-1], int) else f"`{loc[-1]}`"


_BOUNDS = ("greater_than", "greater_than_equal", "less_than_equal", "finite_number")
_NAMES = ("agents", "site")
_RANGES = {"port": "1 to 65535", "timeout": f"more than 0 and at most {LONGEST_TIMEOUT:.0f} seconds"}
_WORDS = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "string_pattern_mismatch": "must be a number and a unit: 30m, 24h or 7d",
}
