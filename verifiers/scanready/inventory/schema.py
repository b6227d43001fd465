"""Define the shape of an inventory file: pydantic models for its validation and its JSON Schema.

The code that reads the file checks all other rules: types, hosts, ports, references, and
options that fit the type. The rows of the catalogue declare the options of targets. pydantic
is slow to import: import this module only to read an inventory or to print its schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from scanready.catalogue import Catalogue, Option, TargetType
from scanready.model.platforms import PLATFORMS
from scanready.run.registry import catalogue
from scanready.run.target_name import ANY

from .options import type_names
from .secrets import KINDS, OWN_PATTERN, PATTERN
from .shapes import LONGEST_TIMEOUT

Depth = Literal["connect", "handshake", "auth", "login", "access"]
#: A name of an agent or site: no comma, no wildcard, and no space at an end.
NAME = r"^[^\s,*?\[\]]([^,*?\[\]\x00-\x1f\x7f]*[^\s,*?\[\]])?$"
#: A duration of `retry_after`: a number and its unit.
RETRY_PATTERN = r"^[1-9][0-9]{0,4}[smhd]$"

_Text = Annotated[str, StringConstraints(min_length=1)]
_Reference = Annotated[Any, WithJsonSchema({"type": "string", "pattern": PATTERN})]
_OwnReference = Annotated[Any, WithJsonSchema({"type": "string", "pattern": OWN_PATTERN})]
_TypeName = Annotated[_Text, WithJsonSchema({"type": "string", "enum": []})]  # filled in by `json_schema`
# The word `any` may stand without a list.
_TypeNames = Annotated[list[_TypeName], BeforeValidator(lambda value: [ANY] if value == ANY else value)]
# One name may stand without a list.
_Names = Annotated[list[_Text], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]
# The code that reads agents checks further rules and reports all problems of a name.
_Name = Annotated[_Text, WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 64, "pattern": NAME})]
_PlatformName = Annotated[_Text, WithJsonSchema({"type": "string", "enum": list(PLATFORMS)})]
_CODE = {"type": "string", "description": "The code of a cause, such as connect.filtered."}
# `expectation` reads it and reports its problems.
_Expectation = Annotated[
    Any,
    WithJsonSchema(
        {
            "type": "object",
            "properties": {
                "blocked": _CODE,
                "limited": _CODE,
                "undecided": _CODE,
                "until": {
                    "type": "string",
                    "format": "date",
                    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
                    "description": "The last day it is expected.",
                },
                "reason": {
                    "type": "string",
                    "description": "A note for people, such as the number of a change request.",
                },
                "agents": {
                    "type": ["string", "array"],
                    "items": {"type": "string"},
                    "minItems": 1,
                    "description": "The agents that see it. Default: all.",
                },
            },
            "required": ["until"],
            "oneOf": [{"required": ["blocked"]}, {"required": ["limited"]}, {"required": ["undecided"]}],
            "additionalProperties": False,
        }
    ),
]


class _Closed(BaseModel):
    """Refuse unknown keys, conversions (a port is not text) and nulls; show no values in messages."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


def _optional(description: str, **limits: Any) -> Any:
    """Return a key that may be missing (then it is None), but not empty."""
    return Field(None, description=description, **limits)


class AgentEntry(_Closed):
    """The Proxy Agent that the check speaks for."""

    name: _Text = _optional("The agent's name in reports. Default: this host's name.")
    master: _Text = _optional("The Master Server's name or address.")


class DeclaredAgentEntry(_Closed):
    """One of several Proxy Agents that share the inventory."""

    name: _Name = Field(description="The agent's name in reports, and for `--as`.")
    sites: list[_Name] = _optional("The sites that the agent is at.", min_length=1)
    platform: _PlatformName = _optional("The operating system of the agent.")
    master: _Text = _optional("The Master Server's name or address.")


class DefaultsEntry(_Closed):
    """Defaults for values that neither the command line nor the target sets."""

    timeout: float = _optional(
        "Time limit for one whole target, in seconds.", gt=0, le=LONGEST_TIMEOUT, allow_inf_nan=False
    )
    depth: Depth = _optional("The last step to check.")
    ca_file: _Text = _optional("Certificates (PEM) of the authorities to trust; relative to the inventory.")
    types: _TypeNames = _optional("The types of targets that have none, or `any`. Default: every type.", min_length=1)
    site: _Names = _optional("The site of targets that have neither `site` nor `agents`, or several.", min_length=1)


class GuardEntry(_Closed):
    """The protection of accounts against lockouts."""

    retry_after: str = _optional(
        "After this time (30m, 24h, 7d), a credential that was refused is tried again once. Default: 24h.",
        pattern=RETRY_PATTERN,
    )


class CredentialEntry(_Closed):
    """An account. Its secrets are references, never the secrets themselves."""

    username: _Text = Field(description="The account's name; `DOMAIN\\user` or `user@domain` for a directory.")
    password: _Reference = _optional(f"A reference to the password: {KINDS}")
    key_file: _Text = _optional("The file of a private SSH key on the agent; relative to the inventory.")
    key_passphrase: _Reference = _optional(f"A reference to the passphrase of the key: {KINDS}")
    authority: _Text = _optional(
        "The system that checks the account, such as a directory. After one refusal, it gets no further login."
    )


class LocalCredentialEntry(_Closed):
    """An account in the file of one agent, and the hosts that it may be used at."""

    username: _Text = _optional("The account's name. Default: that of the inventory.")
    password: _OwnReference = _optional(f"A reference to the password: {KINDS}; or exec:COMMAND")
    key_file: _Text = _optional("The file of a private SSH key; relative to this file.")
    key_passphrase: _OwnReference = _optional(f"A reference to the passphrase of the key: {KINDS}; or exec:COMMAND")
    authority: _Text = _optional("The system that checks the account. Default: that of the inventory.")
    hosts: list[_Text] = Field(description="Names, addresses (`*` and `?` match) and networks.", min_length=1)


class TargetEntry(_Closed):
    """One host, or several of the same kind, with the types to check and their options."""

    host: _Text = _optional("A name or address.")
    hosts: list[_Text] = _optional("Names, addresses and CIDR networks.", min_length=1)
    type: _TypeName = _optional("The target type.")
    types: _TypeNames = _optional("The target types, or `any` (the default, except for networks).", min_length=1)
    port: int = _optional("The port. Default: the type's own.", ge=1, le=65535)
    credential: _Names = _optional(
        "The name of one of the credentials, or several: each is tried once, in this order, until one is not refused.",
        min_length=1,
    )
    tags: list[_Text] = _optional("Words to select targets by.")
    site: _Names = _optional("The site whose agents check the target, or several. Default: every agent.", min_length=1)
    agents: _Names = _optional("The names of the agents that check the target.", min_length=1)
    expect: _Expectation = _optional("A known failure: it does not count until its date.")


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
    """Return the keys that a mapping of this shape may have; those of a target include all options."""
    fields = list(model.model_fields)
    return [*fields, *(name for name in option_fields() if name not in fields)] if model is TargetEntry else fields


class Head(_Closed):
    """A list of targets, and the facts that an agent needs to check them."""

    agent: AgentEntry = _optional("The Proxy Agent that the check speaks for.")
    agents: list[DeclaredAgentEntry] = _optional("The Proxy Agents that share the inventory.", min_length=1)
    defaults: DefaultsEntry = _optional("Defaults for values that neither the command line nor the target sets.")
    guard: GuardEntry = _optional("The protection of accounts against lockouts.")
    credentials: dict[str, CredentialEntry] = _optional("Accounts, by the name that targets use.")
    targets: list[Any] = Field(description="The targets that the agent scans: URLs, hosts or mappings.")


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of an inventory file, including installed third-party types."""
    schema = _without_null_defaults(Head.model_json_schema())
    entry = _without_null_defaults(TargetEntry.model_json_schema())
    entry["oneOf"] = [{"required": ["host"]}, {"required": ["hosts"]}]
    entry["not"] = {"anyOf": [{"required": ["type", "types"]}, {"required": ["site", "agents"]}]}
    schema["not"] = {"required": ["agent", "agents"]}
    options = {name: field for name, field in option_fields().items() if name not in entry["properties"]}
    entry["properties"] |= options
    if any(row.any_option for row in catalogue()):
        entry["additionalProperties"] = True  # the options of these types are not known here
    schema["$defs"]["TargetEntry"] = entry
    entry["properties"]["type"]["enum"] = [*type_names(), ANY]
    for model in (entry, schema["$defs"]["DefaultsEntry"]):
        model["properties"]["types"] = _list_or_any(model["properties"]["types"])
        for key in model["properties"].keys() & {"site", "agents", "credential"}:
            model["properties"][key] = _list_or_one(model["properties"][key])
    url = "HOST, HOST:PORT or TYPE://USER@HOST:PORT/PATH?OPTION=VALUE"
    schema["properties"]["targets"]["items"] = {
        "anyOf": [{"type": "string", "minLength": 1, "description": url}, {"$ref": "#/$defs/TargetEntry"}]
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "scanready inventory"}


def _list_or_any(listed: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a list of types that also accepts `any` as a plain word."""
    about: dict[str, Any] = {key: listed[key] for key in ("title", "description") if key in listed}
    names = {"type": "string", "minLength": 1, "enum": type_names()}
    several = {"type": "array", "minItems": 1, "items": names}
    only = {"type": "array", "minItems": 1, "maxItems": 1, "items": {"const": ANY}}
    return {**about, "anyOf": [several, only, {"const": ANY}]}


def _list_or_one(listed: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a list of names that also accepts one name without a list."""
    about: dict[str, Any] = {key: listed[key] for key in ("title", "description") if key in listed}
    one = {"type": "string", "minLength": 1}
    return {**about, "anyOf": [one, {"type": "array", "minItems": 1, "items": one}]}


def _without_null_defaults(schema: Any) -> Any:
    """Return a deep copy without null defaults, since a key may be missing but not empty."""
    if isinstance(schema, list):
        return [_without_null_defaults(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _without_null_defaults(value) for key, value in schema.items() if not (key == "default" and value is None)
    }
