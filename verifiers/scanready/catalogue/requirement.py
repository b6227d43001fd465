"""Hold a scanner's requirements for the agent and the network, by type: the requirements document as data.

This module holds no facts of a protocol. Another scanner has other requirements for the same protocol; its profile
(:class:`Profile`) uses the same classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from scanready.model import Target

from .bounds import ConditionName, Confidence, Line, OptionName, Platform, ProfileName, RequiredPorts, Transport


@dataclass(frozen=True, slots=True)
class Seen:
    """Hold what a check found: the target's addresses, and the endpoints that answered (host, port, transport)."""

    addresses: tuple[str, ...] = ()
    endpoints: tuple[tuple[str, int, str], ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict, hash=False)


def _always(_: Target, __: Seen) -> bool | None:
    return True


@dataclass(frozen=True, slots=True)
class Condition:
    """State when a line of the requirements applies: in words, and decided for one target.

    ``holds`` returns True or False, or None if neither the target's options nor the check can tell. ``text`` is empty
    for a line that always applies. ``name`` is the word for it in a profile, unique within the folder of its type.
    """

    text: Line
    holds: Callable[[Target, Seen], bool | None]
    name: ConditionName = ""


def by_name(*conditions: Condition) -> Mapping[str, Condition]:
    """Return the conditions of a folder by their names: its module ``conditions`` has them as ``CONDITIONS``."""
    return {condition.name: condition for condition in conditions}


ALWAYS = Condition("", _always)


@dataclass(frozen=True, slots=True)
class Requirement:
    """Declare one line of the requirements: what must be reachable, and when.

    ``ports`` is as printed ("135", "49152-65535"), or "dynamic" for those that a broker gives out; ``transport`` is
    "tcp", "udp" or "tcp,udp"; ``source`` quotes the document. ``pinned_by`` are the options that name a fixed port of
    one service each; once all are given, no other of these ports is needed. ``confidence`` says where the ports come
    from: "stated", the document prints them; "corrected", it prints others, which are known to be wrong; "inferred", it
    prints none. ``doubt`` is what is known to be doubtful in this line; empty if nothing is.
    """

    ports: RequiredPorts
    transport: Transport
    source: Line
    when: Condition = ALWAYS
    pinned_by: tuple[OptionName, ...] = ()
    confidence: Confidence = "stated"
    doubt: Line = ""


@dataclass(frozen=True, slots=True)
class Requirements:
    """Declare everything that a scanner demands for one target type.

    Attributes:
        lines: the ports, the target's own first.
        doubt: what is known to be doubtful in the document.
        agent: the agent platform that the document demands, as ``platform.system()`` names it.
        suits: the agent platform that later documents ask for, which this one does not demand.
        alike: whether the document recommends an agent of the target's own platform.
        client: the program that the scanner needs on the agent.
        verifies_certificate: whether the scanner's client judges the certificate: a faulty one then warns, else it
            is stated as a fact.
    """

    lines: tuple[Requirement, ...] = ()
    doubt: str = ""
    agent: Platform | None = None
    suits: Platform | None = None
    alike: bool = False
    client: Line | None = None
    verifies_certificate: bool = False

    @property
    def doubts(self) -> str:
        """Return what is doubtful in each of the lines, and then in the document about the type."""
        return " ".join(filter(None, (*(line.doubt for line in self.lines), self.doubt)))


#: The requirements of a type that the document does not know.
NONE = Requirements()


class About(NamedTuple):
    """Name a profile: ``name`` is for ``--profile``, ``document`` is the one that its sources quote."""

    name: ProfileName
    scanner: Line
    document: Line


class Profile(NamedTuple):
    """A scanner's requirements by the names of the target types; read from a file, by any party."""

    about: About
    types: Mapping[str, Requirements]


#: The profile that a run uses if none is named. Its requirements are Python modules, made of
#: ``profiles/er2-2.0.28.yaml`` by ``script/generate-docs``, so that such a run reads no file.
BUILT_IN = About("er2-2.0.28", "Ground Labs Enterprise Recon 2.0.28", "Network Requirements, er2.0.28-docs-1.1")


def one_port(port: int, title: str, section: str, purpose: str) -> tuple[Requirement, ...]:
    """Return the lines of a type that needs one TCP port: ``"SECTION: "PORT TITLE" PURPOSE"`` is the source."""
    return (Requirement(str(port), "tcp", f'{section}: "{port} {title}" {purpose}'),)
