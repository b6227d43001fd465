"""The nine words everything is said in: Agent, Target, Step, Check, Cause, Verdict, Report, Credential, Footprint.

No I/O and no imports of ours. A verdict is computed here, from checks, and
nowhere else: no verifier can claim one.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Facts = dict[str, Any]


class Step(StrEnum):
    """One rung of the ladder, in climbing order."""

    AGENT = "agent"
    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    HANDSHAKE = "handshake"
    AUTH = "auth"
    LOGIN = "login"
    ACCESS = "access"

    @property
    def height(self) -> int:
        """The position on the ladder, 0 at the bottom."""
        return _HEIGHT[self]


LADDER: tuple[Step, ...] = tuple(Step)
_HEIGHT: Mapping[Step, int] = {step: height for height, step in enumerate(LADDER)}


#: The steps at which ``--depth`` may end a climb: the last one that is asked and judged.
DEPTHS: tuple[str, ...] = ("connect", "handshake", "auth", "login", "access")
#: What a target can be required to be at least.
REQUIRES: tuple[str, ...] = ("ready", "scannable")
#: The user that is named where a protocol must be given one and the operator named none.
INVENTED_USER = "scanready_probe"


class Outcome(StrEnum):
    """What became of one check. ``SKIPPED`` always carries its reason: "not checked" never looks like "fine"."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"
    SKIPPED = "skipped"


class Verdict(StrEnum):
    """The answer about one target; the meanings are in the documentation's first page."""

    SCANNABLE = "scannable"
    READY = "ready"
    LIMITED = "limited"
    BLOCKED = "blocked"
    UNDECIDED = "undecided"


class Owner(StrEnum):
    """Who can fix it."""

    NETWORK = "network"
    SERVER = "server"
    DATABASE = "database"
    IDENTITY = "identity"
    AGENT = "agent"
    OPERATOR = "operator"
    SCANREADY = "scanready"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a target cannot be scanned: a catalogue entry, never built on the fly.

    ``definite`` is false where the cause tells of something that kept *us* from
    knowing (a missing driver, a limit of a library, throttling): the verdict is
    then ``undecided``, never ``stop``.
    """

    code: str
    owner: Owner
    step: Step
    meaning: str
    remedy: str
    confirm: str
    definite: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """A cause met on one target: what was seen, and the literal thing to apply where one can be generated."""

    cause: Cause
    detail: str
    fix: str | None = None


@dataclass(slots=True)
class Check:
    """One question asked at one step of one endpoint.

    ``seconds`` is wall time. ``tentative`` marks what was tried with an identity
    we invented: it may warn, never block. ``wordless`` marks a failure of whoever
    said nothing at all: it tells what may be wrong, not what the port speaks.
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


@dataclass(frozen=True, slots=True)
class Credential:
    """An account to log in with. Its secrets are never in a repr, a report, a log or a transcript.

    ``authority`` names who judges it (a directory, say): after a refusal the
    credential is withheld from every other target of the same authority. Without
    one, the credential's own name is its authority.
    """

    name: str
    username: str
    password: str | None = field(default=None, repr=False)
    key_file: str | None = None
    key_passphrase: str | None = field(default=None, repr=False)
    authority: str | None = None

    @property
    def guarded_by(self) -> tuple[str, str]:
        """The lockout guard's key: the account, and who judges it."""
        return self.username, self.authority or self.name


@dataclass(frozen=True, slots=True)
class Target:
    """What the agent is asked to scan: host + target type + port + options + credential.

    ``guessed`` says that nobody named the type: it is one of all that are tried.
    """

    host: str
    type: str
    port: int
    options: Mapping[str, Any] = field(default_factory=dict)
    credential: Credential | None = None
    tags: tuple[str, ...] = ()
    source: str | None = None
    explicit_port: bool = False
    guessed: bool = False

    def __str__(self) -> str:
        return f"{self.type}://{bracketed(self.host)}:{self.port}"

    @property
    def endpoint(self) -> tuple[str, int]:
        """What target types share when they share a port."""
        return self.host, self.port


@dataclass(frozen=True, slots=True)
class Agent:
    """The host the check runs on. ``platform`` is ``platform.system()``, or what the operator assumed.

    ``distribution`` ("Debian 12") and ``networks`` ("10.0.1.5/24", the addresses with their subnets) are empty where
    they are not known: on some platforms, and of an assumed agent.
    """

    name: str
    platform: str
    addresses: tuple[str, ...] = ()
    assumed: bool = False
    distribution: str = ""
    networks: tuple[str, ...] = ()


@dataclass(slots=True)
class Footprint:
    """What a check really cost the target.

    ``login_attempts`` used a real account, ``probe_logins`` an invented one.
    """

    connections: int = 0
    login_attempts: int = 0
    probe_logins: int = 0


@dataclass(slots=True)
class Report:
    """Everything about one target. ``started`` is UTC, ISO 8601; ``seconds`` wall time."""

    agent: Agent
    target: Target
    verdict: Verdict
    reached: Step | None
    finding: Finding | None
    finding_step: Step | None
    facts: Facts
    checks: list[Check]
    footprint: Footprint
    started: str
    seconds: float

    @property
    def cause(self) -> Cause | None:
        """The catalogue entry behind a verdict that is limited, blocked or undecided."""
        return self.finding.cause if self.finding else None


def bracketed(host: str) -> str:
    """An IPv6 address in brackets, anything else as it is."""
    return f"[{host}]" if ":" in host else host


def is_address(text: str) -> bool:
    """Whether a text is an IP address, with a zone (``%eth0``) or without."""
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def reached(checks: Sequence[Check]) -> Step | None:
    """The highest step that passed or warned; None if none did."""
    climbed = [check.step for check in checks if check.outcome in (Outcome.PASSED, Outcome.WARNED)]
    return max(climbed, key=lambda step: step.height, default=None)


def judge(checks: Sequence[Check], proof: Step = Step.AUTH) -> tuple[Verdict, Check | None]:
    """Compute the verdict, and name the check that decided it (None for ready and scannable).

    ``proof`` is the step up to which everything must hold to be ``ready``: the
    login prompt, except for the few types whose requirement ends earlier.

    The rules, in order:

    1. A failed check with a definite cause blocks, unless it was tried with an
       identity we invented.
    2. Anything else that kept us from knowing is undecided. Never a guess.
    3. A warning limits.
    4. ``access`` passed is scannable; the proof step passed is ready.
    5. A climb that ended lower without saying why is undecided.
    """
    for check in checks:
        if check.outcome is Outcome.FAILED and not check.tentative and check.finding and check.finding.cause.definite:
            return Verdict.BLOCKED, check
    for check in checks:
        if check.finding and (check.outcome is Outcome.FAILED or check.tentative or not check.finding.cause.definite):
            return Verdict.UNDECIDED, check
    passed = {check.step for check in checks if check.outcome in (Outcome.PASSED, Outcome.WARNED)}
    proven = Step.ACCESS in passed or proof in passed
    for check in checks:
        if check.outcome is Outcome.WARNED and check.finding and proven:
            return Verdict.LIMITED, check
    if Step.ACCESS in passed:
        return Verdict.SCANNABLE, None
    if proof in passed:
        return Verdict.READY, None
    return Verdict.UNDECIDED, None
