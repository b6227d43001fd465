"""Check the row that another package brings: say in one phrase what is wrong with it."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from scanready.catalogue import Broker, Called, Cost, Driver, Group, Nmap, Option, TargetType
from scanready.model import Step

#: A name is a URL's scheme and a word of an inventory.
_NAME = re.compile(r"[a-z][a-z0-9.+-]*")
_OPTION = re.compile(r"[a-z][a-z0-9_]*")


def name_fault(name: str) -> str:
    """Say what is wrong with the name of an entry point; empty if a target type can have it."""
    return "" if _NAME.fullmatch(name) else "its name is no word of lower-case letters, digits and -"


def row_fault(name: str, row: Any) -> str:
    """Say what is wrong with what the entry point ``name`` brought; empty if it is a row that can be used.

    Looks at the row only: its sibling modules are checked when they are loaded.
    """
    return next(_faults(name, row), "")


def _faults(name: str, row: Any) -> Iterator[str]:
    if not isinstance(row, TargetType):
        yield f"is a {type(row).__name__}, neither a TargetType nor a coroutine `verify(probe)`"
    if row.name != name:
        yield f"its row is called {row.name!r}; both names must be the same"
    if not isinstance(row.port, int) or isinstance(row.port, bool) or not 1 <= row.port <= 65535:
        yield f"its row has no port from 1 to 65535, but {row.port!r}"
    yield from _wrong_kinds(row)
    if unknown := [step for step in (*row.steps, row.proof) if not isinstance(step, Step)]:
        yield f"its row has a step that is none of {', '.join(Step)}: {unknown[0]!r}"
    if not row.steps or list(row.steps) != sorted(set(row.steps), key=lambda step: step.height):
        yield "the steps of its row are not in the order of the ladder"
    yield from _options(row)
    if row.path is not None and row.option(row.path) is None:
        yield f"its row gives a URL's path to {row.path!r}, which is none of its options"
    if callable(row.verifier) and not inspect.iscoroutinefunction(row.verifier):
        yield "the verifier of its row is no coroutine function"
    if not callable(row.verifier) and not row.home:
        yield "its row has neither a home nor a coroutine as its verifier"


def _wrong_kinds(row: TargetType) -> Iterator[str]:
    texts = {"title": row.title, "speaks": row.speaks}
    yield from (f"the {field} of its row is no text" for field, text in texts.items() if not text or text != str(text))
    kinds: tuple[tuple[str, object, type], ...] = (
        ("cost", row.cost, Cost),
        ("group", row.group, Group),
        ("nmap", row.nmap, Nmap),
        ("called", row.called, Called),
        *(("driver", driver, Driver) for driver in row.drivers),
        *(("broker", broker, Broker) for broker in row.brokers),
    )
    yield from (f"a {field} of its row is no {kind.__name__}" for field, it, kind in kinds if not isinstance(it, kind))
    counts = (row.cost.connections, row.cost.with_credential, row.cost.login_attempts, row.cost.probe_logins)
    if not all(isinstance(count, int) and count >= 0 for count in counts):
        yield "the cost of its row is not in whole numbers"
    functions = {"split": row.split, "check": row.check, **{broker.name: broker.names for broker in row.brokers}}
    yield from (f"the {field} of its row is no function" for field, it in functions.items() if not callable(it))


def _options(row: TargetType) -> Iterator[str]:
    taken: set[str] = set()
    for option in row.options:
        if not isinstance(option, Option):
            yield "an option of its row is no Option"
        for word in (option.name, *option.aliases):
            if not _OPTION.fullmatch(word):
                yield f"its option {word!r} is no word of lower-case letters, digits and _"
            if word in taken:
                yield f"two of its options are called {word!r}"
            taken.add(word)
        if not callable(option.read):
            yield f"the reader of its option {option.name!r} is no function"
        if not isinstance(option.schema, Mapping) or not json.dumps(dict(option.schema)):
            yield f"the schema of its option {option.name!r} is no mapping"
