"""Find target types by name, and read the options of a target as its type declares them.

The same rules hold for an inventory entry and for the path and query of a target URL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from scanready.catalogue import TargetType
from scanready.catalogue.wrong import Complaints, Wrong, did_you_mean, shown
from scanready.run.registry import catalogue, plugin_names

from .words import IN_INVENTORY, Words

_SECRETIVE = re.compile(r"pass|pwd|secret|token", re.IGNORECASE)


def type_names() -> list[str]:
    """Return the names of all target types, those of other packages last; import none of those packages."""
    return [*catalogue().built_in, *sorted(plugin_names())]


def type_row(name: str) -> TargetType:
    """Return the row of a target type.

    Raises:
        Wrong: no target type has that name.
    """
    if found := catalogue().get(name):
        return found
    other = also_called(name.lower())
    hint = f"; did you mean `{other}`?" if other else did_you_mean(name, type_names())
    raise Wrong(f"unknown target type {shown(name)}{hint} (`scanready types` lists them)")


def also_called(word: str) -> str:
    """Return the target type that people or other tools call by this word, or an empty text."""
    return next((row.name for row in catalogue() if word in row.called.names), "")


def port_of_target(row: TargetType, port: int | None) -> int:
    """Return the given port, else the type's own; 0 if the type is broken and its port unknown.

    Raises:
        Wrong: no port is given, and the type has none.
    """
    if not (port or row.port or row.broken):
        raise Wrong(f"`{row.name}` has no default port: add a port")
    return port or row.port


def accepted(row: TargetType) -> tuple[str, ...]:
    """Return the names of the options that a type declares, in its order."""
    return tuple(option.name for option in row.options)


def options_for(row: TargetType, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parsed options that a type declares, in the order of its row.

    Raises:
        Wrong: an option has an invalid value.
    """
    if row.broken:  # its check reads no options, and a secret of an unknown type must not be kept
        return {name: value for name, value in options.items() if not is_secretive(name)}
    if row.any_option:
        return dict(options)
    complaints = Complaints()
    found: dict[str, Any] = {}
    for option in row.options:
        if option.name in options:
            with complaints.collected():
                found[option.name] = option.read(option.name, options[option.name])
    complaints.settle()
    return found


def refuse_unknown(rows: Iterable[TargetType], names: Iterable[str], words: Words = IN_INVENTORY) -> None:
    """Check that every name is an option of at least one of the types.

    Raises:
        Wrong: one message per name; values are never repeated.
    """
    names = list(names)
    if not names:
        return
    rows = list(rows)
    if any(row.any_option for row in rows):
        return
    known = sorted({name for row in rows for name in accepted(row)})
    complaints = Complaints()
    for name in names:
        if name not in known:
            complaints.messages.append(_unknown(rows, name, known, words))
    complaints.settle()


def is_secretive(name: str) -> bool:
    """Return True if the name suggests a secret; then the value is not read, even if the key is misspelt."""
    return _SECRETIVE.search(name) is not None


def _unknown(rows: list[TargetType], name: str, known: list[str], words: Words) -> str:
    if is_secretive(name):
        return f"a secret in the options is refused (and not repeated here): {words.secret}"
    whose = rows[0].name if len(rows) == 1 else "these types"
    listed = f" (it has: {', '.join(known)})" if known else " (it has none)"
    return f"{shown(name)} is not an option of {whose}{did_you_mean(name, known)}{listed}"
