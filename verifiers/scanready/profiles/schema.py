"""Describe the format of a profile as a JSON Schema, from the declarations of its keys."""

from __future__ import annotations

from typing import Any, get_args, get_origin

from scanready.catalogue.bounds import MOST_ITEMS, OneOf, PortRanges, Text
from scanready.inventory.options import type_names

from .keys import ABOUT, HEAD, LINE, REQUIRES, TYPE, Keys
from .reading import MOST_LINES

_RANGE = "[0-9]{1,5}(-[0-9]{1,5})?"


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a profile, with the types of installed packages."""
    line = _object(LINE)
    one = _object(TYPE)
    listed = {"description": REQUIRES, "type": "array", "minItems": 1, "maxItems": MOST_LINES}
    one["properties"]["requires"] = listed | {"items": {"$ref": "#/$defs/line"}}
    one["required"] = ["requires"]
    types = {name: {"$ref": "#/$defs/type"} for name in type_names()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "scanready profile",
        "type": "object",
        "properties": {
            "profile": _object(ABOUT) | {"description": HEAD["profile"]},
            "types": {
                "description": HEAD["types"],
                "type": "object",
                "minProperties": 1,
                "properties": types,
                "additionalProperties": False,
            },
        },
        "required": list(HEAD),
        "additionalProperties": False,
        "$defs": {"type": one, "line": line},
    }


def _object(keys: Keys) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"description": key.meaning, **_value(key.hint)} for name, key in keys.items()},
        "required": [name for name, key in keys.items() if key.needed],
        "additionalProperties": False,
    }


def _value(hint: Any) -> dict[str, Any]:
    """Return the schema of a value of a declared type."""
    if hint is bool:
        return {"type": "boolean"}
    if get_origin(hint) is tuple:
        return {"type": "array", "items": _value(get_args(hint)[0]), "maxItems": MOST_ITEMS}
    bound = get_args(hint)[1]
    if isinstance(bound, OneOf):
        return {"enum": list(bound.words)}
    if isinstance(bound, PortRanges):
        text = {"type": "string", "pattern": f"^({'|'.join((*bound.words, f'{_RANGE}(,{_RANGE})*'))})$"}
        return {"anyOf": [text, {"type": "integer", "minimum": 1, "maximum": 65535}]}
    assert isinstance(bound, Text), "a text, words or ports"
    return {"type": "string", "minLength": 1, "maxLength": bound.most, "pattern": f"^(?:{bound.pattern})$"}
