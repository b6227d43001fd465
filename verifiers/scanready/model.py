"""The twelve classes that describe a check and its result.

Agent, Target, Credential and Step say what is asked; Outcome, Check, Cause, Owner and Finding say what was found;
Verdict, Footprint and Report are the answer.

No I/O and no imports of ours. A verdict is computed here, from checks, and
nowhere else: no verifier can claim one.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Facts = dict[str, Any]


class Step(StrEnum):
    """One rung of the ladder, in climbing order: from the agent itself up to reading the data."""

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
        """Return the position on the ladder: 0 for ``agent``, 7 for ``access``."""
        return _HEIGHT[self]


LADDER: tuple[Step, ...] = tuple(Step)
_HEIGHT: Mapping[Step, int] = {step: height for height, step in enumerate(LADDER)}

#: The steps at which ``--depth`` may end a climb: the last one that is asked and judged.
DEPTHS: tuple[str, ...] = ("connect", "handshake", "auth", "login", "access")
#: The verdicts that ``--require`` accepts as the least.
REQUIRES: tuple[str, ...] = ("ready", "scannable")
#: The user name that is sent where a protocol needs one and the operator gave none.
INVENTED_USER = "scanready_probe"
LARGEST_PORT = 65535


class Outcome(StrEnum):
    """The result of one check. The summary of a skipped check always states the reason for skipping it."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"
    SKIPPED = "skipped"


class Verdict(StrEnum):
    """The answer for one target.

    ``SCANNABLE``: reading data was proven. ``READY``: everything holds up to the login prompt. ``LIMITED``: it holds,
    with a warning. ``BLOCKED``: a requirement fails. ``UNDECIDED``: something kept the check from finding out.
    """

    SCANNABLE = "scannable"
    READY = "ready"
    LIMITED = "limited"
    BLOCKED = "blocked"
    UNDECIDED = "undecided"


class Owner(StrEnum):
    """Name the people who can fix a cause.

    ``NETWORK``: firewalls, routing, DNS. ``SERVER``: the administrator of the target host. ``DATABASE``: the database
    administrator. ``IDENTITY``: directory and accounts. ``AGENT``: the administrator of the scanning host.
    ``OPERATOR``: the person who wrote the inventory or holds the credential. ``SCANREADY``: this project.
    """

    NETWORK = "network"
    SERVER = "server"
    DATABASE = "database"
    IDENTITY = "identity"
    AGENT = "agent"
    OPERATOR = "operator"
    SCANREADY = "scanready"


#: Literal texts to apply, each with the owner who applies it.
OtherFixes = tuple[tuple[Owner, str], ...]


class Scope(StrEnum):
    """Say what a cause is true of.

    ``AGENT``: this agent lacks something. ``PATH``: something between this agent and the target, or a rule of the
    target about this agent's address; another agent may fare better. ``TARGET``: the target, whichever agent asks.
    ``ACCOUNT``: the account, wherever it is tried.
    """

    AGENT = "agent"
    PATH = "path"
    TARGET = "target"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class OtherOwner:
    """Name one more owner who can remove a cause, and what this owner does: ``remedy`` begins with a verb."""

    owner: Owner
    remedy: str


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
        definite: False if it only kept the check from finding out (a missing driver, a limit of a library,
            throttling): the verdict is then ``undecided``, never ``blocked``.
        scoped: the scope, where it does not follow from step and owner (see :attr:`scope`).
        may_count: the server may have counted a login that ended so as a wrong password, though it does not say so.
        also: the other owners who can remove it, each with a remedy of their own.
        of_database: the owner where the target is a database; None if that is ``owner``, too.
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

    @property
    def scope(self) -> Scope:
        """Return what the cause is true of: as declared, else what step and owner imply.

        A cause of scope ``account`` is the only one after which a credential is withheld from other hosts.
        """
        if self.scoped is not None:
            return self.scoped
        if self.step is Step.AGENT or self.owner in (Owner.AGENT, Owner.SCANREADY):
            return Scope.AGENT
        if self.step in (Step.RESOLVE, Step.CONNECT) or self.owner is Owner.NETWORK:
            return Scope.PATH
        return Scope.TARGET


@dataclass(frozen=True, slots=True)
class Finding:
    """Attach a cause to one target.

    ``detail`` is the evidence in words; ``fix`` is the literal text that ``owner`` (at some targets another than the
    cause's) applies, None if none can be generated; ``also`` has the fixes of the cause's other owners.
    """

    cause: Cause
    detail: str
    fix: str | None = None
    also: OtherFixes = ()
    owner: Owner = field(default=None)  # type: ignore[assignment]  # set below

    def __post_init__(self) -> None:
        if self.owner is None:
            object.__setattr__(self, "owner", getattr(self.cause, "owner", None))


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
        tentative: it was tried with an invented identity, so that it may warn but never block.
        wordless: it failed before the peer sent a byte, so that it does not tell what the port speaks.
        trace: the traceback of an untranslated exception, at most 4 KB without secrets, for ``-v`` and transcripts.
        remarks: what the authors of another package's type should know of it, a line each, for the same.
        events: what was sent, in words that the story of the type explains; None if it was not recorded.
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


@dataclass(frozen=True, slots=True)
class Credential:
    """An account to log in with. Its secrets are never in a repr, a report, a log or a transcript.

    Attributes:
        name: what reports call it.
        username: the account.
        password: None if there is none; some types accept a key in its place.
        key_file: path of a private key, for types that accept one.
        key_passphrase: decrypts the key.
        authority: the directory that judges it. After a refusal the credential is withheld from all other targets of
            the same authority. None makes ``name`` the authority.

    Raises:
        TypeError: a field is not text; its value is not repeated.
    """

    name: str
    username: str
    password: str | None = field(default=None, repr=False)
    key_file: str | None = None
    key_passphrase: str | None = field(default=None, repr=False)
    authority: str | None = None

    def __post_init__(self) -> None:
        for name in ("name", "username"):
            _require_text("Credential", name, getattr(self, name))
        for name in ("password", "key_file", "key_passphrase", "authority"):
            if getattr(self, name) is not None:
                _require_text("Credential", name, getattr(self, name))

    @property
    def guarded_by(self) -> tuple[str, str]:
        """Return the key of the lockout guard: the account, and its authority.

        Within a directory ``CORP\\svc``, ``svc@corp.example`` and ``SVC`` are one account: a directory counts wrong
        passwords for the account, however its name was written.
        """
        if not self.authority:
            return self.username, self.name
        account = self.username.rpartition("\\")[2].partition("@")[0]
        return (account or self.username).casefold(), self.authority.casefold()


@dataclass(frozen=True, slots=True)
class Target:
    """Name what the agent is asked to scan.

    It can be a member of a set or the key of a dict, as long as its options do not change.

    Attributes:
        host: a name or an address, without brackets.
        type: the name of a target type, as ``scanready types`` lists them.
        port: 1 to 65535; 0 where it is not known, because the type comes from a package that cannot be loaded.
        options: the type's options by name, in the form that verifiers use (``scanready types TYPE`` lists them).
        credential: the account to log in with; None checks up to the login prompt.
        tags: free words of the inventory.
        source: where the target was written, as "file:line".
        explicit_port: the port was given, not the default of the type.
        guessed: no type was given, and this is one of those that are tried.

    Raises:
        TypeError: a field has another type than listed here.
        ValueError: the port is not within 0 to 65535.
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

    def __post_init__(self) -> None:
        _require_text("Target", "host", self.host)
        _require_text("Target", "type", self.type)
        if not isinstance(self.port, int) or isinstance(self.port, bool):
            raise TypeError(f"Target.port must be a whole number, not {type(self.port).__name__}")
        if not 0 <= self.port <= LARGEST_PORT:
            shown = self.port if abs(self.port) < 10**9 else "that number"
            raise ValueError(f"Target.port must be 1 to {LARGEST_PORT}, not {shown}")
        if not isinstance(self.options, dict | Mapping):  # a dict first: the abstract class costs ten times as much
            raise TypeError(f"Target.options must be a dict of names and values, not {type(self.options).__name__}")
        if self.credential is not None and not isinstance(self.credential, Credential):
            raise TypeError(f"Target.credential must be a Credential or None, not {type(self.credential).__name__}")
        if not _are_texts(self.tags):
            raise TypeError("Target.tags must be a tuple of texts: a single one is written as (TAG,)")
        if self.source is not None:
            _require_text("Target", "source", self.source)
        _require_flag("Target", "explicit_port", self.explicit_port)
        _require_flag("Target", "guessed", self.guessed)

    def __hash__(self) -> int:
        return hash((self.host, self.type, self.port, self.credential, _hashable(self.options)))

    def __str__(self) -> str:
        port = f":{self.port}" if self.port else ""  # that of a broken plug-in's type is not known
        return f"{self.type}://{bracketed(self.host)}{port}"

    @property
    def endpoint(self) -> tuple[str, int]:
        """Return (host, port): targets of several types on one port share their connections."""
        return self.host, self.port


@dataclass(frozen=True, slots=True)
class Agent:
    """Describe the host that the check runs on.

    Attributes:
        name: its host name, or the name the operator gave it.
        platform: as ``platform.system()`` names it ("Linux", "Windows").
        addresses: its IP addresses.
        assumed: the operator asked to judge as if run from such an agent; nothing else is known of it.
        distribution: "Debian 12"; empty if not known.
        networks: addresses with their subnets ("10.0.1.5/24"); empty if not known.

    Raises:
        TypeError: a field has another type than listed here.
    """

    name: str
    platform: str
    addresses: tuple[str, ...] = ()
    assumed: bool = False
    distribution: str = ""
    networks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("name", "platform", "distribution"):
            _require_text("Agent", name, getattr(self, name))
        for name in ("addresses", "networks"):
            if not _are_texts(getattr(self, name)):
                raise TypeError(f"Agent.{name} must be a tuple of texts: a single one is written as (ADDRESS,)")
        _require_flag("Agent", "assumed", self.assumed)


@dataclass(slots=True)
class Footprint:
    """Count what a check cost the target.

    Attributes:
        connections: TCP connections opened, and UDP questions asked.
        login_attempts: logins with a real account.
        probe_logins: logins with an invented user.
    """

    connections: int = 0
    login_attempts: int = 0
    probe_logins: int = 0

    def add(self, other: Footprint) -> None:
        """Add what another visit to the same target cost it."""
        self.connections += other.connections
        self.login_attempts += other.login_attempts
        self.probe_logins += other.probe_logins


@dataclass(slots=True)
class Report:
    """Hold everything about one target.

    It can change, as its checks and its footprint can, so none of the three is hashable.

    Attributes:
        agent, target: which pair was checked.
        verdict: the answer.
        reached: the highest step that passed or warned; None if none did.
        finding: what decided the verdict; None if it is scannable or ready.
        finding_step: the step of that finding.
        facts: the facts of all checks together; of two checks that set the same name, the later one counts.
        checks: in climbing order.
        footprint: what the check cost the target.
        started: UTC in ISO 8601, such as "2026-01-01T00:00:00Z".
        seconds: wall time.
    """

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
        """The cause behind a verdict that is limited, blocked or undecided; None for scannable and ready."""
        return self.finding.cause if self.finding else None

    @property
    def owner(self) -> Owner | None:
        """The first of those who can fix that cause at this target."""
        return self.finding.owner if self.finding else None


def _hashable(value: object) -> Hashable:
    """Return what equal values of options share, in a form that can be hashed: texts, with lists and dicts of them.

    Other values are left out: a number may equal one of another class, and a class may not be hashable.
    """
    match value:
        case str():
            return value
        case Mapping():
            return frozenset((name, _hashable(held)) for name, held in value.items())
        case list() | tuple():
            return tuple(map(_hashable, value))
        case _:
            return None


def _are_texts(values: object) -> bool:
    return isinstance(values, (tuple, list)) and all(isinstance(value, str) for value in values)


def _require_flag(owner: str, name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"{owner}.{name} must be True or False, not {type(value).__name__}")


def _require_text(owner: str, name: str, value: object) -> None:
    """Raise TypeError for a field that is not text. Its value may be a secret, so only its type is named."""
    if not isinstance(value, str):
        raise TypeError(f"{owner}.{name} must be text (str), not {type(value).__name__}")


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

    1. A failed check with a definite cause blocks, unless it was tried with an identity
       we invented. The target's own leads over the agent's, which all targets share.
    2. Anything else that failed, or kept us from knowing, is undecided. Never a guess.
    3. A warning limits.
    4. ``access`` passed is scannable; the proof step passed is ready.
    5. A climb that ended lower without saying why is undecided.
    """
    sure = [check for check in checks if check.finding and check.finding.cause.definite and not check.tentative]
    if blocking := [check for check in sure if check.outcome is Outcome.FAILED]:
        return Verdict.BLOCKED, min(blocking, key=lambda check: check.step is Step.AGENT)
    for check in checks:
        unsure = check.finding and (check.tentative or not check.finding.cause.definite)
        if check.outcome is Outcome.FAILED or unsure:
            return Verdict.UNDECIDED, check
    passed = {check.step for check in checks if check.outcome in (Outcome.PASSED, Outcome.WARNED)}
    proven = Step.ACCESS in passed or proof in passed
    for check in sorted(checks, key=lambda check: check.step is Step.AGENT):
        if check.outcome is Outcome.WARNED and check.finding and proven:
            return Verdict.LIMITED, check
    if Step.ACCESS in passed:
        return Verdict.SCANNABLE, None
    if proof in passed:
        return Verdict.READY, None
    return Verdict.UNDECIDED, None
