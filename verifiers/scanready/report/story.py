"""Explain one report step by step, in words: bytes sent, answer, meaning, manual check, and the text for a ticket.

    story = tell(report)
    for rung in story.rungs:          # one for each check, in the order of the ladder
        rung.step, rung.endpoint, rung.outcome, rung.seconds
        rung.sent, rung.received      # in words; ``sent`` is empty if the check sent nothing itself
        rung.means                    # for a finding: the meaning from the catalogue
        rung.by_hand                  # lines for a shell, with the target's real host, port and user
        rung.code, rung.owner, rung.fix     # None without a finding
    story.request                     # None if no owner has to act: ``whom``, and ``text`` for the ticket
    story.requests                    # one for each owner who can act; the first is ``story.request``

Pure: uses only the report, live or restored. All texts are plain and may contain text of the target. The caller escapes
them (``printable.visible`` for a terminal, autoescape in HTML), like every other part of a report.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from scanready.catalogue import TargetType
from scanready.catalogue.exchange import NOTHING_TRIED, Exchange, Sent
from scanready.catalogue.row import user_of
from scanready.causes import common, unproven
from scanready.model import Check, Outcome, Owner, Report, Step, Target, Verdict
from scanready.run.registry import catalogue
from scanready.run.target_name import name_of

from .filled import fill
from .findings import Part, Told, decisive


@dataclass(frozen=True, slots=True)
class ToldStep:
    """One check in words. ``seconds`` is wall time; ``by_hand`` is at most two lines, the cause's own first.

    ``trace`` is a traceback of several lines, where an exception was not translated; ``remarks`` are lines for the
    authors of another package's type. A stored report has neither.
    """

    step: Step
    endpoint: str
    outcome: Outcome
    seconds: float
    sent: str
    received: str
    means: str
    by_hand: tuple[str, ...] = ()
    code: str | None = None
    owner: Owner | None = None
    fix: str | None = None
    trace: str = ""
    remarks: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to one owner: ``whom`` is the reader, ``text`` is pasted into the ticket."""

    owner: Owner
    whom: str
    text: str


@dataclass(frozen=True, slots=True)
class Story:
    """All rungs, then one request for each owner who can act."""

    rungs: tuple[ToldStep, ...]
    requests: tuple[Request, ...]

    @property
    def request(self) -> Request | None:
        """The first owner's request; None if there is none."""
        return self.requests[0] if self.requests else None


def tell(report: Report) -> Story:
    """Return the story of one report."""
    known: set[tuple[Step, str]] = set()
    rungs = []
    for check in report.checks:
        place = check.step, check.endpoint
        rungs.append(_rung(report, check, again=place in known))
        known.add(place)
    return Story(tuple(rungs), _requests(report))


_MEANS: dict[Step, str] = {
    Step.AGENT: "this agent has everything that the target type needs",
    Step.RESOLVE: "the target's address is known",
    Step.CONNECT: "the port accepts connections; this does not show which service listens on it",
    Step.TLS: "TLS works",
    Step.HANDSHAKE: "the service speaks the expected protocol",
    Step.AUTH: "the server is ready for a login",
    Step.LOGIN: "the server accepted the account",
    Step.ACCESS: "a scan can read the target",
}
#: The words of :mod:`scanready.climb.certificates` for a fault that does not affect the verdict.
_RECORDED_ONLY = "(recorded only:"
_NOT_CHECKED = "not checked, so the result is unknown"
#: For a protocol that is not public, the form of an answer is the only evidence.
_SHAPED = "the answer looks like the expected service; its protocol is not public, so this cannot be confirmed"
_NO_LOGIN = "no login is required"
#: For a type whose requirement is the connection itself: its protocol was not tested.
_STANDS = "the connection stays open; its protocol is not public and was not tested"
_NEIGHBOUR = "another port of this host accepts no connection, so the target's own port is really open"
#: On these steps every type does the same, unless its story says otherwise.
_ADDRESS = re.compile(r"[0-9.]+|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(%\w+)?")
_ENDPOINT = re.compile(r"(?P<host>.+):(?P<port>\d{1,5})(?:/(?P<transport>tcp|udp))?")
#: The catalogue's words for the host on which a line is typed.
_HERE = "On the agent: "
_ELSEWHERE = re.compile(r"\b[Oo]n (?:a|an|the) [\w ]+:")
#: At these steps a common cause's ``confirm`` names no command; the line of the type is shown with it.
_GENERAL = (Step.LOGIN, Step.ACCESS)


def _rung(report: Report, check: Check, *, again: bool) -> ToldStep:
    exchange = _exchange(report, check)
    skipped = check.outcome is Outcome.SKIPPED
    finding = check.finding
    detail = finding.detail if finding and finding.detail not in check.summary else ""
    return ToldStep(
        check.step,
        check.endpoint,
        check.outcome,
        check.seconds,
        "" if skipped or (again and not check.events) else _sent(report, check, exchange),
        "; ".join(text for text in (check.summary, detail) if text),
        _means(report, check),
        () if skipped or (again and not finding) else _by_hand(report, check, exchange),
        finding.cause.code if finding else None,
        finding.owner if finding else None,
        finding.fix if finding else None,
        check.trace,
        check.remarks,
    )


def _sent(report: Report, check: Check, exchange: Exchange) -> str:
    if finding := check.finding:
        if finding.cause in (unproven.NOT_BUILT, common.PLATFORM_MISMATCH):
            return "nothing"
        if check.step is Step.RESOLVE and finding.cause is common.OUT_OF_TIME:
            return "nothing"
    if check.step is Step.LOGIN and not report.footprint.login_attempts:
        return NOTHING_TRIED
    return _of_another_step(report, check, exchange) or exchange.told(report, check)


def _of_another_step(report: Report, check: Check, exchange: Exchange) -> str:
    """Return another step's words for the events of a failed check; empty if the check's own step has words for them.

    A failed check has the step of its cause: a connection closed at the request for TLS has the step ``handshake``.
    """
    if not check.events or (
        isinstance(exchange.sent, Sent) and not exchange.sent.words.keys().isdisjoint(check.events)
    ):
        return ""
    words: dict[str, str] = {}
    for step, one in _own_words(report.target).items():
        if isinstance(one.sent, Sent) and step.height <= Step.AUTH.height and check.outcome is Outcome.FAILED:
            words |= one.sent.words
    return Sent("", **words)(report, check)


def _means(report: Report, check: Check) -> str:
    if check.finding:
        return fill(check.finding.cause.meaning, report.target)
    if check.outcome is Outcome.SKIPPED:
        return _NOT_CHECKED
    if check.step is Step.TLS and check.outcome is Outcome.PASSED and _RECORDED_ONLY in check.summary:
        return "TLS works. The certificate cannot be verified, but this does not affect the verdict"
    if check.step is Step.AUTH and check.facts.get("auth_methods") in (["anonymous"], ["sys"]):
        return _NO_LOGIN
    row = _row(report.target)
    if row is not None and check.step is Step.HANDSHAKE:
        if row.by_connection:
            return _STANDS if _is_own_port(check, report.target) else _NEIGHBOUR
        if not row.public:
            return _SHAPED
    return _MEANS[check.step]


def _exchange(report: Report, check: Check) -> Exchange:
    """Return the type's own story of the check.

    All types resolve and connect in the same way, also to endpoints other than the target's own.
    """
    windows = report.agent.platform == "Windows" and not report.agent.assumed
    if check.step is Step.RESOLVE:
        literal = bool(_ADDRESS.fullmatch(check.endpoint))
        sent = "nothing: the target is an address" if literal else "the name, to this host's resolver"
        line = "Resolve-DnsName {host}" if windows else "getent ahosts {host}"
        return Exchange(sent, "" if literal else line)
    own = _own_words(report.target).get(check.step)
    if check.step is Step.AGENT:
        return own or Exchange("nothing: the check examines this host")
    if check.step is not Step.CONNECT and not _is_neighbour(check, report.target):
        return own or Exchange()
    if own is not None and _is_own_port(check, report.target):
        return own
    if check.endpoint.endswith("/udp"):
        return Exchange("a UDP request, repeated until its time limit", "nc -u -vz {host} {port}")
    line = "Test-NetConnection {host} -Port {port}" if windows else "nc -vz -w 5 {host} {port}"
    return Exchange("a TCP connection request", line)


def _row(target: Target) -> TargetType | None:
    """Return the row of the target's type; None for a type that this version does not know."""
    return catalogue().get(target.type)


def _own_words(target: Target) -> Mapping[Step, Exchange]:
    """Load the story of the target's type; empty if the type has none."""
    row = _row(target)
    module = row.part("story") if row else None
    found: Mapping[str, Mapping[Step, Exchange]] = module.STORY if module else {}
    return found.get(target.type, {})


def _is_neighbour(check: Check, target: Target) -> bool:
    """Return True for the port that must not accept a connection, of a type whose requirement is a connection."""
    row = _row(target)
    connects = row is not None and row.by_connection
    return connects and check.step is Step.HANDSHAKE and not _is_own_port(check, target)


def _is_own_port(check: Check, target: Target) -> bool:
    return check.endpoint.endswith(f":{target.port}")


def _by_hand(report: Report, check: Check, exchange: Exchange) -> tuple[str, ...]:
    """Return the cause's own line first, then the type's line unless it starts the same program."""
    finding = check.finding
    usual = fill(exchange.by_hand, _place(report.target, check)) if exchange.by_hand else ""
    if finding is None:
        return (usual,) if usual and check.outcome is not Outcome.SKIPPED else ()
    own = _pasteable(fill(finding.cause.confirm, _place(report.target, check)))
    general = finding.cause.step in _GENERAL and finding.cause in vars(common).values()
    if usual and general and _program(usual) not in own:
        return own, usual
    return (own,)


def _pasteable(line: str) -> str:
    """Drop "On the agent:" if all of the line is for the agent: the reader of the story works there."""
    rest = line.removeprefix(_HERE)
    return line if _ELSEWHERE.search(rest) else rest


def _program(line: str) -> str:
    return line.removeprefix("on another Windows: ").split(" ", 1)[0]


def _place(target: Target, check: Check) -> Target:
    """Return the target with the host and port of the check, which may differ from the target's own."""
    if check.step is Step.RESOLVE:
        return replace(target, host=check.endpoint)
    elsewhere = check.step is Step.CONNECT or _is_hostless(target) or _is_neighbour(check, target)
    found = _ENDPOINT.fullmatch(check.endpoint) if elsewhere else None
    if found is None:
        return target
    return replace(target, host=found["host"].strip("[]"), port=int(found["port"]))


def _is_hostless(target: Target) -> bool:
    """Return True if its host is the name of a service: a manual check needs one of its endpoints."""
    row = _row(target)
    return row is not None and row.hostless


def _requests(report: Report) -> tuple[Request, ...]:
    told = decisive(report)
    if told is None:
        return ()
    return tuple(Request(part.owner, _whom(report, part.owner), _ticket(report, told, part)) for part in told.parts)


def _whom(report: Report, owner: Owner) -> str:
    host, agent = report.target.host, report.agent
    user = user_of(report.target)
    match owner:
        case Owner.NETWORK:
            return f"the network team (firewalls, routes, load balancers between {_address(report)} and {host})"
        case Owner.SERVER:
            return f"the administrator of {host}"
        case Owner.DATABASE:
            row = _row(report.target)
            return f"the database administrator of {host} ({row.title if row else report.target.type})"
        case Owner.IDENTITY:
            return f"the administrator of the account {user}" if user else "the administrator of the account"
        case Owner.AGENT:
            return f"the administrator of the agent {agent.name}"
        case Owner.OPERATOR:
            return "the author of the inventory, or the holder of the credential"
        case Owner.SCANREADY:
            return "the user of scanready: check the target manually (this is no fault of the target)"


def _ticket(report: Report, told: Told, part: Part) -> str:
    """Return a few lines for a reader who does not know scanready."""
    target, cause = report.target, told.cause
    trouble, but = {
        Verdict.BLOCKED: ("cannot be scanned", ""),
        Verdict.LIMITED: ("can be reached", ", but a check found a problem that could make a scan fail"),
        Verdict.UNDECIDED: ("could not be checked completely", ""),
    }.get(report.verdict, ("was checked", ""))
    row = _row(target)
    lines = [
        f"{name_of(target)} ({row.title if row else target.type}) {trouble} from the agent "
        f"{report.agent.name} ({_address(report)}){but}.",
        f"Found at {report.started} in the step {told.step}: {told.detail}",
        f"This means: {fill(cause.meaning, target)}",
        f"Please: {part.remedy}",
    ]
    if part.fix:
        lines += ["Fix:", part.fix]
    if others := [_whom(report, other.owner) for other in told.parts if other is not part]:
        lines.append(f"This can be fixed instead by {', or by '.join(others)}.")
    lines.append(f"To confirm: {fill(cause.confirm, _endpoint_of(report))}")
    return "\n".join(lines)


def _endpoint_of(report: Report) -> Target:
    """Return the target; if its host is the name of a service, the endpoint that has the finding."""
    target = report.target
    if not _is_hostless(target):
        return target
    return next((_place(target, check) for check in report.checks if check.finding is report.finding), target)


def _address(report: Report) -> str:
    return report.agent.addresses[0] if report.agent.addresses else report.agent.name
