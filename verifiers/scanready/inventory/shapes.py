"""Tell whether a mapping of an inventory plainly has the right shape, without pydantic.

Most mappings have it. Any other mapping, wrong or only unusual, is left to the models of
:mod:`scanready.inventory.schema`, which decide and report the problems.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from scanready.model import DEPTHS
from scanready.model.words import LARGEST_PORT
from scanready.run.target_name import ANY

#: The longest time limit of a target: one day.
LONGEST_TIMEOUT = 86_400.0


def _value(value: Any) -> Any:
    return value


def _undecided(_: Any) -> None:
    """Leave a key to the model."""


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value and value.isprintable() else None


def _texts(value: Any) -> list[str] | None:
    return value if isinstance(value, list) and value and all(map(_text, value)) else None


def _names(value: Any) -> list[str] | None:
    return [value] if _text(value) else _texts(value)


def _types(value: Any) -> list[str] | None:
    return [ANY] if value == ANY else _texts(value)


def _depth(value: Any) -> str | None:
    return value if isinstance(value, str) and value in DEPTHS else None


def _port(value: Any) -> int | None:
    return value if type(value) is int and 1 <= value <= LARGEST_PORT else None


def _seconds(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) and 0 < value <= LONGEST_TIMEOUT else None


class Shape:
    """The shape of one kind of mapping.

    Args:
        model: the name of its model in the schema.
        keys: what returns the content of each key, or None if it is not plainly right.
        required: the keys that may not be missing.
    """

    def __init__(self, model: str, keys: Mapping[str, Callable[[Any], Any]], required: tuple[str, ...] = ()) -> None:
        self.model, self.keys, self.required = model, keys, required

    def content(self, mapping: Any) -> SimpleNamespace | None:
        """Return the content of a mapping, with None for a missing key; None if it is not plainly right."""
        found: dict[str, Any] = dict.fromkeys(self.keys)
        for name, value in mapping.items() if isinstance(mapping, dict) else ():
            read = self.keys.get(name)
            found[name] = None if read is None else read(value)
            if found[name] is None:
                return None
        right = isinstance(mapping, dict) and all(found[name] is not None for name in self.required)
        return SimpleNamespace(**found) if right else None


HEAD = Shape("Head", {})
AGENT = Shape("AgentEntry", {"name": _text, "master": _text})
DECLARED_AGENT = Shape(
    "DeclaredAgentEntry", {"name": _text, "sites": _texts, "platform": _text, "master": _text}, ("name",)
)
DEFAULTS = Shape(
    "DefaultsEntry", {"timeout": _seconds, "depth": _depth, "ca_file": _text, "types": _types, "site": _names}
)
GUARD = Shape("GuardEntry", {"retry_after": _undecided})
_ACCOUNT = {"username": _text, "password": _value, "key_file": _text, "key_passphrase": _value, "authority": _text}
CREDENTIAL = Shape("CredentialEntry", _ACCOUNT, ("username",))
LOCAL_CREDENTIAL = Shape("LocalCredentialEntry", {**_ACCOUNT, "hosts": _texts}, ("hosts",))
TARGET = Shape(
    "TargetEntry",
    {
        "host": _text,
        "hosts": _texts,
        "type": _text,
        "types": _types,
        "port": _port,
        "credential": _names,
        "tags": _texts,
        "site": _names,
        "agents": _names,
        "expect": _value,
    },
)
