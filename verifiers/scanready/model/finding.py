"""Define the result of one check: a cause from the catalogue, its evidence, and its owner."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NamedTuple

from .words import Outcome, Owner, Scope, Step

Facts = dict[str, Any]
#: Literal texts to apply, each with the owner who applies it.
OtherFixes = tuple[tuple[Owner, str], ...]


@dataclass(frozen=True, slots=True)
class OtherOwner:
    """Name one more owner who can remove a cause, and what this owner does: ``remedy`` begins with a verb."""

    owner: Owner
    remedy: str


class Case(NamedTuple):
    """Describe a cause more precisely, as far as the evidence of one target allows.

    Attributes:
        name: lower case with hyphens, unique among the cases of a cause; never renamed once released.
        meaning: one or more sentences, in place of the cause's.
        owners: exactly those that the evidence allows, each with a remedy; the first one is the likeliest.
        adds: it may stand beside another case: meaning and owners are added to those of the cause.
    """

    name: str
    meaning: str
    owners: tuple[OtherOwner, ...]
    adds: bool = False


@dataclass(frozen=True, slots=True)
class Cause:
    """Explain why a target cannot be scanned: a constant of the catalogue of causes, never built on the fly.

    Attributes:
        code: "area.what", in lower case with hyphens; never renamed once released.
        owner: the person or team that can fix it.
        step: the step that it is reported on.
        meaning: one or more sentences.
        remedy: what the owner does.
        confirm: a shell command that shows the same thing without scanready.
        wire: what a packet capture shows of it, in one or two sentences, with the field's names for messages and flags.
        definite: False if it prevented the check from finding out (a missing driver, a limit of a library,
            throttling); the verdict is then ``undecided``, never ``blocked``.
        scoped: the scope, where it does not follow from step and owner (see :attr:`scope`).
        may_count: the server may have counted a login with this cause as a wrong password, without reporting it.
        also: the other owners who can remove it, each with a separate remedy.
        of_database: the owner if the target is a database; None if it is ``owner``.
        cases: what evidence may narrow it down to.
        case: the name of the case that this cause was narrowed down to; empty if it was not.
    """

    code: str
    owner: Owner
    step: Step
    meaning: str
    remedy: str
    confirm: str
    definite: bool = True
    scoped: Scope | None = None
    may_count: bool = False
    also: tuple[OtherOwner, ...] = ()
    of_database: Owner | None = None
    wire: str = ""
    cases: tuple[Case, ...] = ()
    case: str = ""

    def narrowed(self, name: str) -> Cause:
        """Return this cause with the meaning and the owners of one of its cases; itself, if it has no such case.

        Code, step, scope and verdict stay the same. ``name`` may join a case and one that adds to it with a "+".
        """
        return _narrowed(self, name) if self.cases else self

    @property
    def scope(self) -> Scope:
        """Return the extent of the cause: as declared, otherwise as step and owner imply.

        A cause of scope ``account`` is the only one after which a credential is withheld from other hosts.
        """
        if self.scoped is not None:
            return self.scoped
        if self.step is Step.AGENT or self.owner in (Owner.AGENT, Owner.SCANREADY):
            return Scope.AGENT
        if self.step in (Step.RESOLVE, Step.CONNECT) or self.owner is Owner.NETWORK:
            return Scope.PATH
        return Scope.TARGET


@lru_cache(maxsize=256)
def _narrowed(cause: Cause, name: str) -> Cause:
    """Return one object for each cause and case, as a catalogue has one for each cause."""
    wanted = name.split("+")
    chosen = [case for case in cause.cases if case.name in wanted]
    if len(chosen) != len(wanted):
        return cause
    meaning, owners = cause.meaning, (OtherOwner(cause.owner, cause.remedy), *cause.also)
    for case in sorted(chosen, key=lambda case: case.adds):
        meaning = f"{meaning} {case.meaning}" if case.adds else case.meaning
        owners = (*owners, *case.owners) if case.adds else case.owners
    first, *others = owners
    return replace(
        cause,
        owner=first.owner,
        meaning=meaning,
        remedy=first.remedy,
        also=tuple(others),
        scoped=cause.scope,
        cases=(),
        case=name,
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """Attach a cause to one target.

    ``detail`` is the evidence in words; ``fix`` is the literal text that ``owner`` (at some targets another than the
    cause's) applies, None if none can be generated; ``also`` has the fixes of the cause's other owners. ``case`` names
    the case of the cause that its evidence shows, until the climb is over: verifiers compare causes by identity, so it
    is narrowed down at the end.
    """

    cause: Cause
    detail: str
    fix: str | None = None
    also: OtherFixes = ()
    owner: Owner = field(default=None)  # type: ignore[assignment]  # set below
    case: str = ""

    def __post_init__(self) -> None:
        if self.owner is None:
            object.__setattr__(self, "owner", getattr(self.cause, "owner", None))

    def narrowed(self, case: str) -> Finding:
        """Return the finding with its cause in a case; a fix stays with the owner that it is for."""
        cause = self.cause.narrowed(case)
        if cause is self.cause:
            return replace(self, case="")
        if self.fix is None or cause.owner is self.owner:
            return replace(self, cause=cause, owner=cause.owner, case="")
        others = {other.owner for other in cause.also}
        also = (*self.also, (self.owner, self.fix)) if self.owner in others else self.also
        return replace(self, cause=cause, owner=cause.owner, fix=None, also=also, case="")


@dataclass(slots=True)
class Check:
    """Record one question asked at one step of one endpoint.

    Attributes:
        step: the rung it belongs to.
        endpoint: "host:port", or the host or agent name where there is no port.
        outcome: passed, warned, failed or skipped.
        summary: one line for people.
        facts: the evidence by name; docs/facts.md lists all names, types and units.
        finding: the cause; None if the check passed or was skipped.
        seconds: wall time.
        tentative: it was tried with an invented identity, so it may warn but never block.
        wordless: it failed before the server sent a byte, so it does not show the port's protocol.
        trace: the traceback of an untranslated exception, at most 4 KB without secrets, for ``-v`` and transcripts.
        remarks: notes for the authors of another package's type, one per line, for ``-v`` and transcripts.
        events: the names of the messages sent, which the type's story explains; None if not recorded.
    """

    step: Step
    endpoint: str
    outcome: Outcome
    summary: str
    facts: Facts = field(default_factory=dict)
    finding: Finding | None = None
    seconds: float = 0.0
    tentative: bool = False
    wordless: bool = False
    trace: str = field(default="", repr=False)
    remarks: str = field(default="", repr=False)
    events: list[str] | None = field(default=None, repr=False)
