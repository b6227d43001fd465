"""Write targets with the agents that should scan them as an inventory.

The text loads with our own loader. Names of agents, hosts and options are hostile input: each is plain only if it
cannot mean anything else, and otherwise in double quotes, as ruamel.yaml writes them. A target that no inventory
can name is left out, with a comment. A secret is never copied.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from scanready.catalogue.url_path import CONTROL, as_text
from scanready.catalogue.wrong import Wrong
from scanready.model import DeclaredAgent, Expectation, Target
from scanready.model.platforms import PLATFORMS
from scanready.redaction.options import SECRET_OPTION, options_shown
from scanready.run.target_name import visible_name
from scanready.wire.printable import visible

from .agents import check_name

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*|\d{1,3}(?:\.\d{1,3}){3}")
_RESERVED = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_SURROGATE = re.compile("[\ud800-\udfff]")
_LONGEST_COMMENT = 200
#: ruamel.yaml folds longer lines; a line of ours is one entry.
_NO_FOLDING = 1 << 30
_PLATFORM_NAMES = {name: name for name in PLATFORMS} | {system: name for name, system in PLATFORMS.items()}


@dataclass(frozen=True, slots=True)
class AssignedTarget:
    """Hold a target, the agent that should scan it, and the reason, for a comment."""

    target: Target
    agent: str
    why: str


def assigned_inventory(
    agents: Sequence[DeclaredAgent], targets: Sequence[AssignedTarget], left: Iterable[str], about: Iterable[str]
) -> str:
    """Return the text of an inventory.

    Args:
        agents: the agents, with their sites and platforms.
        targets: the targets, each with its agent.
        left: the targets without an agent, as lines for comments.
        about: lines for comments at the beginning.
    """
    return "".join(f"{line}\n" for line in _lines(agents, targets, left, about))


def _lines(
    agents: Sequence[DeclaredAgent], targets: Sequence[AssignedTarget], left: Iterable[str], about: Iterable[str]
) -> Iterator[str]:
    yield from map(_comment, about)
    # An inventory declares every agent that a known failure names.
    known = [name for one in targets if one.target.expected for name in one.target.expected.agents]
    every = {agent.name: agent for agent in (*map(DeclaredAgent, known), *agents)}
    named = [agent for name, agent in sorted(every.items()) if _is_name(name)]
    yield "agents:"
    yield from (f"  - {_agent(agent)}" for agent in named)
    entries, accounts = list[str](), dict[str, str]()
    for one in targets:
        entries += _entry(one, accounts, {agent.name for agent in named})
    if accounts:
        yield "# Copy these from the inventory of the run: a result has the names, and no reference to a secret."
        yield "credentials:"
        yield from (f"  {name}: {{username: {user}}}" for name, user in accounts.items())
    yield "targets:" if any(line.startswith("  - ") for line in entries) else "targets: []"
    yield from entries
    yield from (_comment(line) for line in left)


def _entry(one: AssignedTarget, accounts: dict[str, str], agents: set[str]) -> list[str]:
    """Return the lines of a target, and add its account; only a comment if an inventory cannot name it."""
    target, name = one.target, visible_name(one.target)
    if one.agent not in agents:
        return [f"  {_comment(f'{name}: no inventory can name its agent {visible(one.agent, 80)}; rename the agent')}"]
    try:
        written = _target(one)
        for account in target.credentials:
            if account.username:
                accounts[_scalar(account.name)] = _scalar(account.username)
    except _Unwritable:
        return [f"  {_comment(f'{name}: not written, as a name or value has a control character')}"]
    lines = [f"  - {written}  {_comment(one.why)}"]
    if secrets := [option for option in target.options if SECRET_OPTION.search(option)]:
        lines.append("    " + _comment(f"not copied, as it may be a secret: {', '.join(secrets)}"))
    return lines


def _is_name(agent: str) -> bool:
    try:
        check_name("agent", agent)
    except Wrong:
        return False
    return True


def _agent(agent: DeclaredAgent) -> str:
    keys = [("name", _scalar(agent.name))]
    if agent.sites:
        keys.append(("sites", _list(agent.sites)))
    if platform := _PLATFORM_NAMES.get(agent.platform):
        keys.append(("platform", platform))
    return _mapping(keys)


def _target(one: AssignedTarget) -> str:
    target = one.target
    keys = [("host", _scalar(target.host)), ("type", _scalar(target.type))]
    if target.port and target.explicit_port:
        keys.append(("port", str(target.port)))
    for name, value in options_shown(target.options).items():
        if not SECRET_OPTION.search(name):
            keys.append((_scalar(name), _scalar(as_text(value))))
    if names := [account.name for account in target.credentials if account.username]:
        keys.append(("credential", _list(names) if len(names) > 1 else _scalar(names[0])))
    if target.tags:
        keys.append(("tags", _list(target.tags)))
    if target.expected is not None:
        keys.append(("expect", _expected(target.expected)))
    keys.append(("agents", _list((one.agent,))))
    return _mapping(keys)


def _expected(known: Expectation) -> str:
    keys = [(known.verdict.value, _scalar(known.code)), ("until", _scalar(known.until.isoformat()))]
    if known.reason:
        keys.append(("reason", _scalar(known.reason)))
    if known.agents:
        keys.append(("agents", _list(known.agents)))
    return _mapping(keys)


def _mapping(keys: Iterable[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in keys) + "}"


def _list(texts: Iterable[str]) -> str:
    return "[" + ", ".join(map(_scalar, texts)) + "]"


class _Unwritable(Exception):
    """A text has a control character or half of a character, which no inventory may have."""


@lru_cache(maxsize=1024)
def _scalar(text: str) -> str:
    """Return a text as YAML.

    Raises:
        _Unwritable: our loader refuses it.
    """
    if CONTROL.search(text) or _SURROGATE.search(text):
        raise _Unwritable
    if _PLAIN.fullmatch(text) and text.lower() not in _RESERVED:
        return text
    writer, stream = YAML(), io.StringIO()
    writer.width = _NO_FOLDING
    writer.dump([DoubleQuotedScalarString(text)], stream)
    return stream.getvalue().removeprefix("- ").rstrip("\n")


def _comment(text: str) -> str:
    return "# " + visible(text, _LONGEST_COMMENT)
