"""Check the row that another package brings: say in one phrase what is wrong with it, and what to write instead."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from importlib.util import find_spec
from typing import Any

from scanready.catalogue import Option, TargetType
from scanready.catalogue.option import RESERVED
from scanready.catalogue.wrong import Wrong
from scanready.model import Step

from .attempt import attempted
from .shape import shape_fault, shown

#: Words that mean a secret, wherever they stand in a name: a secret is never an option of a target.
_SECRET = frozenset(["password", "passwd", "passphrase", "pwd", "secret", "secrets", "token", "apikey"])
#: Paths that try a row's ``split``: none, one part, parts within parts.
_PATHS = ("", "/", "/a", "/a/b", "/a/b/c/")


@dataclass(frozen=True, slots=True)
class RowSource:
    """Describe where a row comes from.

    Attributes:
        name: its entry point's.
        package: the top-level package of the entry point's module.
        owns: whether the same distribution installed a top-level package.
        types: the names of all target types, its own included.
    """

    name: str
    package: str
    owns: Callable[[str], bool]
    types: Collection[str]


def row_fault(row: Any, origin: RowSource) -> str:
    """Say what is wrong with what an entry point brought; empty if it is a row that can be used.

    Looks at the row only: its sibling modules are checked when they are loaded.
    """
    return next(_faults(row, origin), "")


def _faults(row: Any, origin: RowSource) -> Iterator[str]:
    if not isinstance(row, TargetType):
        yield (
            f"is {shown(row)}, neither a TargetType nor a coroutine function `verify(probe)`; "
            "write MODULE:ROW of a TargetType in the entry point"
        )
    if fault := shape_fault(row, TargetType, "its row"):
        yield fault
    if row.name != origin.name:
        yield f"`name` of its row is {row.name!r}; write {origin.name!r}, the name of its entry point"
    if row.parts or row.broken:
        yield f"`{'parts' if row.parts else 'broken'}` of its row is given; leave it out, scanready sets it"
    yield from _steps(row)
    yield from _options(row)
    yield from _path(row)
    yield from _home(row, origin)
    if row.nmap.in_tls and row.nmap.in_tls not in origin.types:
        yield f"`nmap.in_tls` of its row is {row.nmap.in_tls!r}, which is no target type; write the name of one, or ''"


def _steps(row: TargetType) -> Iterator[str]:
    right = sorted(set(row.steps), key=lambda step: step.height)
    if not right:
        yield "`steps` of its row is empty; write the steps that its verifier climbs, or leave it out for all"
    if list(row.steps) != right:
        yield f"`steps` of its row is not in the order of the ladder; write ({', '.join(map(shown, right))},)"
    if row.proof.height < Step.CONNECT.height:
        yield f"`proof` of its row is {shown(row.proof)}, where no target has answered; write Step.CONNECT or higher"
    on_its_ports = [row, *([row.on(row.clear_port)] if row.clear_port is not None else [])]
    never_ready = not row.public and row.proof.height > right[-1].height
    if any(row.proof not in each.steps for each in on_its_ports) and not never_ready:
        where = "" if row.proof not in row.steps else f" on its port without TLS ({row.clear_port})"
        yield (
            f"`proof` of its row is {shown(row.proof)}, which is none of its steps{where}: it is never ready; "
            f"write one of {', '.join(shown(step) for step in right if step.height >= Step.CONNECT.height)}"
        )


def _options(row: TargetType) -> Iterator[str]:
    taken: set[str] = set()
    for place, option in enumerate(row.options):
        for word in (option.name, *option.aliases):
            if word in RESERVED:
                yield f"its option {word!r} has the name of a key that every inventory has; write another name"
            if word == "pass" or _SECRET & set(word.split("_")):
                yield f"its option {word!r} would hold a secret; leave it out, and read `probe.credential`"
            if word in taken:
                yield f"two of its options are called {word!r}; write another name or alias for one of them"
            taken.add(word)
        if not _is_json(option):
            yield f"`options[{place}].schema` of its row is no JSON; write a JSON Schema of plain texts and numbers"


def _is_json(option: Option) -> bool:
    text, error = attempted(lambda: json.dumps(dict(option.schema), allow_nan=False))
    return not error and bool(text)


def _path(row: TargetType) -> Iterator[str]:
    names = ", ".join(repr(option.name) for option in row.options)
    instead = f"write one of {names}" if names else "it has no options: leave it out, or declare that option"
    if row.path is not None and row.option(row.path) is None:
        yield f"`path` of its row is {row.path!r}, which is none of its options; {instead}"
    for path in _PATHS:
        parts = _split(row, path)
        if not isinstance(parts, Mapping):
            yield f"`split` of its row gives {shown(parts)}; write a mapping of its options to texts, or None"
        elif foreign := [key for key in parts if not isinstance(key, str) or row.option(key) is None]:
            yield f"`split` of its row gives {shown(foreign[0])}, which is none of its options; {instead}"


def _split(row: TargetType, path: str) -> Any:
    """Split a path; no parts where the row refuses it or fails, which is an error of the target that has the path."""
    try:
        found, _ = attempted(row.split, path)
    except Wrong:
        found = None
    return {} if found is None else found


def only_options(row: TargetType) -> Callable[[str], Any]:
    """Return the ``split`` of a row, raising :class:`ValueError` where it gives a name that is none of its options."""

    @wraps(row.split)
    def split(path: str) -> Any:
        parts = row.split(path)
        for key in parts if isinstance(parts, Mapping) else ():
            if row.option(key) is None:
                raise ValueError(f"it gives {shown(key)}, which is none of its options")
        return parts

    return split


def _home(row: TargetType, origin: RowSource) -> Iterator[str]:
    if not row.home:
        if isinstance(row.verifier, str):
            yield "its row has neither a `home` nor a coroutine as its `verifier`; write home=__package__"
        return
    top = row.home.partition(".")[0]
    if top != origin.package and not origin.owns(top):
        yield f"`home` of its row is {row.home!r}, another package than its own ({origin.package}); write __package__"
    yield from _missing("home", row.home, "write home=__package__")
    modules = (
        ("verifier", row.verifier, "another `verifier`"),
        ("hostless", "services" if row.hostless else None, "hostless=False"),
    )
    for field, module, instead in modules:
        if isinstance(module, str):
            whole = f"{row.home}.{module}"
            yield from _missing(field, whole, f"write {whole.replace('.', '/')}.py, or {instead}")


def _missing(field: str, module: str, instead: str) -> Iterator[str]:
    found, error = attempted(find_spec, module)
    if not found and (not error or error.startswith("ModuleNotFoundError")):
        yield f"`{field}` of its row wants the module {module}, which is not there; {instead}"
    elif not found:
        yield f"`{field}` of its row wants the module {module}, which cannot be looked for: {error}"
