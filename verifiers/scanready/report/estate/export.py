"""Write and read the export of a run: what one agent found, in one file for the host that merges the exports.

The file is gzip of JSON lines: a header, the results as ``--format jsonl`` prints them, and a line with the end, which
tells a whole file from one that was cut off. There is no secret in it. Its readers take it for hostile.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scanready.model import Agent, DeclaredAgent, Report, Target, assigned
from scanready.redaction.workflow import harmless_json
from scanready.report.document import RunInfo, Totals
from scanready.report.parse import NotAResult, agent_restored, check_schema
from scanready.report.serialize import SCHEMA, agent_object, as_line, identity_of_all
from scanready.run import timestamps

from .accounts import Accounts

#: The schema of the file itself; each result has its own.
EXPORT = 1
#: The key that makes a line a header.
MARK = "scanready_export"
#: The most agents of one estate.
MOST_AGENTS = 1000


@dataclass(frozen=True, slots=True)
class Estate:
    """Describe the inventory that all agents have.

    Attributes:
        inventory: the digest of all targets; empty if it is not known.
        name: the file name of the inventory.
        agents: the agents that it declares.
        shares: agent to its number of targets; empty if it declares no agents.
    """

    inventory: str = ""
    name: str = ""
    agents: tuple[DeclaredAgent, ...] = ()
    shares: Mapping[str, int] = field(default_factory=dict)


def estate_of(targets: Sequence[Target], agents: Sequence[DeclaredAgent], name: str) -> Estate:
    """Return the description of an inventory: all of its targets, whichever of them an agent checks."""
    shares = dict.fromkeys((agent.name for agent in agents), 0)
    for target in targets if agents else ():
        for one in assigned(target, agents):
            shares[one] = shares.get(one, 0) + 1
    return Estate(identity_of_all(targets), name, tuple(agents), shares)


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of an export. ``started`` is UTC, ISO 8601; ``version`` is that of scanready."""

    version: str
    agent: Agent
    started: str
    estate: Estate

    def as_object(self) -> dict[str, Any]:
        """Return the header as JSON types."""
        estate = estate_object(self.estate)
        return {
            MARK: EXPORT,
            "schema": SCHEMA,
            "version": self.version,
            "inventory": estate["inventory"],
            "inventory_name": estate["inventory_name"],
            "agent": agent_object(self.agent),
            "agents": estate["agents"],
            "shares": estate["shares"],
            "started": self.started,
        }


def estate_object(estate: Estate) -> dict[str, Any]:
    """Return an estate as JSON types."""
    return {
        "inventory": estate.inventory,
        "inventory_name": estate.name,
        "agents": [{"name": one.name, "sites": list(one.sites), "platform": one.platform} for one in estate.agents],
        "shares": dict(estate.shares),
    }


def estate_restored(stored: object) -> Estate:
    """Return an estate of :func:`estate_object`.

    Raises:
        NotAResult: the input is none.
    """
    fields = _object(stored, "the estate")
    return Estate(
        _text(fields, "inventory"), _text(fields, "inventory_name"), _agents(fields.get("agents")), _shares(fields)
    )


@dataclass(frozen=True, slots=True)
class End:
    """The last line of an export without its accounts: ``results`` of ``targets`` targets."""

    ended: str
    seconds: float
    results: int
    targets: int
    interrupted: bool


class Export:
    """The document of an export; see :class:`scanready.report.document.Document`.

    Args:
        estate: what is known of the inventory.
        known: the accounts that earlier runs and other agents found refused, as :meth:`Accounts.as_list` has them.
        in_a_row: as that of :class:`Accounts`.
        ended: when a stored run ended, UTC ISO 8601; empty for one that ends now.
        noted: the logins of the journal, as :meth:`Accounts.as_list` has them: a run that was killed has no result of
            one. Those that the results have, too, are left out.
    """

    def __init__(
        self,
        estate: Estate,
        known: Sequence[Mapping[str, Any]] = (),
        in_a_row: Mapping[tuple[str, str], int] | None = None,
        ended: str = "",
        noted: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self._estate, self._known, self._accounts, self._asked = estate, known, Accounts(in_a_row), 0
        self._ended, self._noted = ended, noted

    def begin(self, run: RunInfo) -> str:
        """Return the header."""
        self._asked = max(run.asked, len(run.targets))
        return _line(Header(run.version, run.agent, run.started, self._estate).as_object())

    def add(self, report: Report) -> str:
        """Return the line of a result."""
        self._accounts.add(report)
        return as_line(report) + "\n"

    def end(self, totals: Totals) -> str:
        """Return the line with the end."""
        found = [*self._known, *self._accounts.as_list()]
        there = set(map(_login, found))
        end = {
            "ended": self._ended or timestamps.now(),
            "seconds": round(totals.seconds, 6),
            "results": totals.targets,
            "targets": self._asked,
            "interrupted": totals.interrupted,
            "accounts": [*found, *(one for one in self._noted if _login(one) not in there)],
        }
        return _line({"end": end})


def _login(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what an entry is about."""
    return tuple(entry.get(name) for name in ("credential", "user", "authority", "outcome", "where"))


def _line(value: Mapping[str, Any]) -> str:
    return harmless_json(json.dumps(value, separators=(",", ":"))) + "\n"


def header_restored(stored: object) -> Header:
    """Return the header of an export.

    Raises:
        NotAResult: the input is none, or of a newer version.
    """
    fields = _object(stored, "the first line")
    if MARK not in fields:
        raise NotAResult("the first line is not the header of an export")
    if fields[MARK] != EXPORT or isinstance(fields[MARK], bool):
        made = str(fields[MARK])[:20]
        raise NotAResult(f"the export has format {made!r}, and this version reads {EXPORT}; use a newer scanready")
    check_schema(fields.get("schema"))
    try:
        version, started = _text(fields, "version"), _text(fields, "started")
        return Header(version, agent_restored(fields.get("agent")), started, estate_restored(fields))
    except NotAResult as error:
        raise NotAResult(f"in the header, {error}") from None


def end_restored(stored: object) -> End:
    """Return the end of an export, as :meth:`Export.end` writes it.

    Raises:
        NotAResult: the input is none.
    """
    fields = _object(stored, "end")
    seconds = fields.get("seconds")
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not 0 <= seconds < 1e12:
        raise NotAResult("seconds of its end is not a number of seconds")
    return End(
        _text(fields, "ended"),
        float(seconds),
        _count(fields, "results"),
        _count(fields, "targets"),
        bool(fields.get("interrupted")),
    )


def _agents(stored: object) -> tuple[DeclaredAgent, ...]:
    if not isinstance(stored, list) or len(stored) > MOST_AGENTS:
        raise NotAResult(f"agents is not a list of at most {MOST_AGENTS} agents")
    found = []
    for one in stored:
        fields = _object(one, "agents")
        sites = fields.get("sites")
        if not isinstance(sites, list) or len(sites) > MOST_AGENTS or not all(isinstance(site, str) for site in sites):
            raise NotAResult("sites is not a list of texts")
        found.append(DeclaredAgent(_text(fields, "name"), tuple(sites), _text(fields, "platform")))
    return tuple(found)


def _shares(fields: Mapping[str, Any]) -> dict[str, int]:
    shares = _object(fields.get("shares"), "shares")
    if len(shares) > MOST_AGENTS:
        raise NotAResult(f"shares has more than {MOST_AGENTS} agents")
    return {name: _count(shares, name) for name in shares}


def _object(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise NotAResult(f"{what} is not an object")
    return value


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise NotAResult(f"{name} is not a text")
    return value


def _count(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 53:
        raise NotAResult(f"{name} is not a count")
    return value
