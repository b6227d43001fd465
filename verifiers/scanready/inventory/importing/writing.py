"""Write an import as an inventory for review: each target with its line, its guesses, and the skipped entries.

The text loads with our own loader. All text of the imported file is in quotes or in one-line comments.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from scanready.model import DeclaredAgent
from scanready.model.platforms import PLATFORMS
from scanready.run.target_name import ANY
from scanready.wire.printable import visible

from .found import Entry, Imported, Left

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+(/\d+)?")
_RESERVED = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_LONGEST_COMMENT = 200


def as_inventory(found: Imported) -> str:
    """Return the inventory's text."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Imported) -> Iterator[str]:
    guesses = (
        f"; {found.guesses} rest{'s' if found.guesses == 1 else ''} on a guess (see the comments)"
        if found.guesses
        else ""
    )
    count = f"{len(found.entries)} target{'' if len(found.entries) == 1 else 's'}"
    yield _comment(f"Imported from {found.file} ({found.kind}): {count}{guesses}.")
    yield "# Review it; `scanready plan FILE` shows what a check would contact. No secret was copied."
    for note in found.remarks:
        yield _comment(note)
    if found.agents:
        yield "agents:"
        yield from (f"  - {_agent(agent)}" for agent in found.agents)
    if found.credentials:
        yield "# Add a reference to each secret: password: env:NAME, file:PATH or keyring:SERVICE/USER"
        yield "credentials:"
        for name, (user, line, hint) in found.credentials.items():
            about = _comment(f"{found.place} {line}{f'; it had {hint}' if hint else ''}")
            yield f"  {_scalar(name)}: {{username: {_scalar(user)}}}  {about}"
    yield "targets:" if found.entries else "targets: []"
    for entry in found.entries:
        yield f"  - {_target(entry)}  {_comment(_about(entry, found.place))}"
    if found.left:
        yield "# Not imported:"
        for left in found.left:
            yield _comment(f"  {found.place} {left.line}: {_what(left)}: {left.why}")
        if found.left_more:
            yield f"#   and {found.left_more} more"


def _what(left: Left) -> str:
    """Name a skipped entry; name many with one reason by the first and the last."""
    first = visible(left.what, 80)
    return first if left.hosts == 1 else f"{left.hosts:,} hosts, {first} to {visible(left.last, 80)}"


def _target(entry: Entry) -> str:
    keys = [("hosts", f"[{_scalar(entry.host)}]") if entry.network else ("host", _scalar(entry.host))]
    if entry.type or entry.network:
        keys.append(("type", entry.type or ANY))
    if entry.port:
        keys.append(("port", str(entry.port)))
    keys += [(name, _scalar(value)) for name, value in entry.options.items()]
    if entry.credential:
        keys.append(("credential", _scalar(entry.credential)))
    if entry.tags:
        keys.append(("tags", _listed(entry.tags)))
    if entry.sites:
        keys.append(("site", _listed(entry.sites)))
    elif entry.agents:
        keys.append(("agents", _listed(entry.agents)))
    return _mapping(keys)


def _agent(agent: DeclaredAgent) -> str:
    keys = [("name", _scalar(agent.name))]
    if agent.sites:
        keys.append(("sites", _listed(agent.sites)))
    if agent.platform:
        keys.append(("platform", next(name for name, system in PLATFORMS.items() if system == agent.platform)))
    return _mapping(keys)


def _mapping(keys: Iterable[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in keys) + "}"


def _listed(names: Iterable[str]) -> str:
    return f"[{', '.join(map(_scalar, names))}]"


def _about(entry: Entry, place: str) -> str:
    parts = [f"{place} {entry.line}", entry.about, f"guess: {entry.guess}" if entry.guess else ""]
    if not entry.type:
        parts.append("no type is given: every type will be tried")
    return "; ".join(part for part in parts if part)


def _scalar(text: str) -> str:
    """Return a text as YAML: plain if it cannot mean anything else, else in double quotes, as in JSON."""
    if _ADDRESS.fullmatch(text) or (_PLAIN.fullmatch(text) and text.lower() not in _RESERVED):
        return text
    return json.dumps(text, ensure_ascii=False)


def _comment(text: str) -> str:
    return "# " + visible(text, _LONGEST_COMMENT)
