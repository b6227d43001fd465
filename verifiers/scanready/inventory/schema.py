"""The shape of an inventory file, once: pydantic models that validate it and that its JSON Schema is made from.

Rules that need more than a shape (types, hosts, ports that exist, options that fit the
type, references) are checked where the file is read. The options of targets are no part of
the models: the rows of the catalogue declare them. pydantic is slow to import:
import this module only when an inventory is read or its schema asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from scanready.catalogue import Catalogue, Option, TargetType
from scanready.run.registry import catalogue
from scanready.run.target_name import ANY

from .options import type_names
from .secrets import KINDS, PATTERN

Depth = Literal["connect", "handshake", "auth", "login", "access"]
#: A day: a target that takes longer is not being checked any more.
LONGEST_TIMEOUT = 86_400.0

_Text = Annotated[str, StringConstraints(min_length=1)]
_Reference = Annotated[Any, WithJsonSchema({"type": "string", "pattern": PATTERN})]
_TypeName = Annotated[_Text, WithJsonSchema({"type": "string", "enum": []})]  # filled in by `json_schema`
_CODE = {"type": "string", "description": "The code of a cause, as in connect.filtered."}
# Read by `expectation`: what is wrong in it is told there, in one place.
_Expectation = Annotated[
    Any,
    WithJsonSchema(
        {
            "type": "object",
            "properties": {
                "blocked": _CODE,
                "limited": _CODE,
                "undecided": _CODE,
                "until": {"type": "string", "format": "date", "description": "The last day it is expected."},
                "reason": {"type": "string", "description": "For people: the number of a change request, say."},
                "agents": {
                    "type": ["string", "array"],
                    "items": {"type": "string"},
                    "minItems": 1,
                    "description": "The agents that see it; all, if left out.",
                },
            },
            "required": ["until"],
            "oneOf": [{"required": ["blocked"]}, {"required": ["limited"]}, {"required": ["undecided"]}],
            "additionalProperties": False,
        }
    ),
]


class _Closed(BaseModel):
    """No unknown keys, no conversions (a port is not text), no nulls, and no values in messages."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


def _optional(description: str, **limits: Any) -> Any:
    """A key that may be left out (then it is None), but not be there and empty."""
    return Field(None, description=description, **limits)


class AgentEntry(_Closed):
    """The Proxy Agent that the check speaks for."""

    name: _Text = _optional("The agent's name in reports. Default: this host's name.")
    master: _Text = _optional("The Master Server's name or address.")


class DefaultsEntry(_Closed):
    """What holds where neither the command line nor the target says otherwise."""

    timeout: float = _optional("Seconds for one whole target.", gt=0, le=LONGEST_TIMEOUT, allow_inf_nan=False)
    depth: Depth = _optional("The last step that is asked and judged.")
    ca_file: _Text = _optional("Certificates (PEM) of the authorities to trust; relative to the inventory.")
    types: list[_TypeName] = _optional("The types of targets that name none. Default: every type.", min_length=1)


class CredentialEntry(_Closed):
    """An account. Its secrets are references, never the secrets themselves."""

    username: _Text = Field(description="The account's name; `DOMAIN\\user` or `user@domain` for a directory.")
    password: _Reference = _optional(f"Where the password is: {KINDS}")
    key_file: _Text = _optional("The file of a private SSH key on the agent; relative to the inventory.")
    key_passphrase: _Reference = _optional(f"Where the key's passphrase is: {KINDS}")
    authority: _Text = _optional(
        "Who judges the account, a directory say. Refused once, it is withheld everywhere there."
    )


class TargetEntry(_Closed):
    """One host, or several alike, with the types to check and their options."""

    host: _Text = _optional("A name or address.")
    hosts: list[_Text] = _optional("Names, addresses and CIDR networks.", min_length=1)
    type: _TypeName = _optional("The target type.")
    types: list[_TypeName] = _optional("The target types, or `any` (the default but for networks).", min_length=1)
    port: int = _optional("The port; default is the type's own.", ge=1, le=65535)
    credential: _Text = _optional("The name of one of the credentials.")
    tags: list[_Text] = _optional("Words to select targets by.")
    expect: _Expectation = _optional("A failure that is known: until its date it does not count.")


def option_fields() -> Mapping[str, dict[str, Any]]:
    """Return the JSON Schema of every option that a target type of the catalogue declares."""
    return _option_fields(catalogue())


@lru_cache(maxsize=1)
def _option_fields(types: Catalogue) -> Mapping[str, dict[str, Any]]:
    declared: dict[str, list[tuple[TargetType, Option]]] = {}
    for row in types:
        for option in row.options:
            declared.setdefault(option.name, []).append((row, option))
    return {
        name: _sorted(
            {
                **_any_of([dict(option.schema) for _, option in uses]),
                "description": f"Option of {', '.join(row.name for row, _ in uses)}.",
                "title": name.replace("_", " ").title(),
            }
        )
        for name, uses in declared.items()
    }


def _any_of(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one schema for an option that several types declare, perhaps with different values."""
    different = [schema for place, schema in enumerate(schemas) if schema not in schemas[:place]]
    return different[0] if len(different) == 1 else {"anyOf": different}


def _sorted(schema: Any) -> Any:
    """Return a copy with the keys in order, as pydantic writes them."""
    if isinstance(schema, list):
        return [_sorted(item) for item in schema]
    return {key: _sorted(schema[key]) for key in sorted(schema)} if isinstance(schema, dict) else schema


def keys_of(model: type[BaseModel]) -> list[str]:
    """Return the keys that a mapping of this shape may have; a target's are those of its options, too."""
    fields = list(model.model_fields)
    return [*fields, *(name for name in option_fields() if name not in fields)] if model is TargetEntry else fields


class Head(_Closed):
    """A list of targets, and what an agent needs to know to check them."""

    agent: AgentEntry = _optional("The Proxy Agent that the check speaks for.")
    defaults: DefaultsEntry = _optional("What holds where neither the command line nor the target says otherwise.")
    credentials: dict[str, CredentialEntry] = _optional("Accounts, by the name that targets use.")
    targets: list[Any] = Field(description="What the agent is asked to scan: URLs, hosts, or mappings.")


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of an inventory file. Installed third-party types are part of it."""
    schema = _without_null_defaults(Head.model_json_schema())
    entry = _without_null_defaults(TargetEntry.model_json_schema())
    entry["oneOf"] = [{"required": ["host"]}, {"required": ["hosts"]}]
    entry["not"] = {"required": ["type", "types"]}
    options = {name: field for name, field in option_fields().items() if name not in entry["properties"]}
    entry["properties"] |= options
    if any(row.any_option for row in catalogue()):
        entry["additionalProperties"] = True  # the options of these types are not known here
    schema["$defs"]["TargetEntry"] = entry
    for place in (entry["properties"]["type"], entry["properties"]["types"]["items"]):
        place["enum"] = [*type_names(), ANY]
    schema["$defs"]["DefaultsEntry"]["properties"]["types"]["items"]["enum"] = type_names()
    url = "HOST, HOST:PORT or TYPE://USER@HOST:PORT/PATH?OPTION=VALUE"
    schema["properties"]["targets"]["items"] = {
        "anyOf": [{"type": "string", "minLength": 1, "description": url}, {"$ref": "#/$defs/TargetEntry"}]
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "scanready inventory"}


def _without_null_defaults(schema: Any) -> Any:
    """A key that is left out is not the same as one that is empty: do not suggest null. The copy shares nothing."""
    if isinstance(schema, list):
        return [_without_null_defaults(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _without_null_defaults(value) for key, value in schema.items() if not (key == "default" and value is None)
    }
