"""The story of one climb: what was sent, what came back, what it means, how to ask the same by hand, whom to ask what.

    story = tell(report)
    for rung in story.rungs:          # one a check, in the order of the ladder
        rung.step, rung.endpoint, rung.outcome, rung.seconds
        rung.sent, rung.received      # in words; ``sent`` is empty where nothing of its own went out
        rung.means                    # of a finding: the catalogue's meaning
        rung.by_hand                  # lines for a shell, with the target's real host, port and user
        rung.code, rung.owner, rung.fix     # None where all is well
    story.request                     # None where there is nothing to ask: ``whom``, and ``text`` for their ticket
    story.requests                    # the same for each owner who can act, that one first

Pure: made of the report alone, live or restored. All texts are plain and may hold what the target said: whoever shows
them escapes them (``escape.visible`` for a terminal, autoescape in HTML), as with any other part of a report.
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
    """What to ask of whom: ``text`` is meant to be pasted into their ticket."""

    owner: Owner
    whom: str
    text: str


@dataclass(frozen=True, slots=True)
class Story:
    """All rungs, and what to ask for in the end: one request for each owner who can act."""

    rungs: tuple[ToldStep, ...]
    requests: tuple[Request, ...]

    @property
    def request(self) -> Request | None:
        """The first owner's request; None where there is nothing to ask."""
        return self.requests[0] if self.requests else None


def tell(report: Report) -> Story:
    """Return the story of one report."""
    told: set[tuple[Step, str]] = set()
    rungs = []
    for check in report.checks:
        place = check.step, check.endpoint
        rungs.append(_rung(report, check, again=place in told))
        told.add(place)
    return Story(tuple(rungs), _requests(report))


_MEANS: dict[Step, str] = {
    Step.AGENT: "this host has what the type needs",
    Step.RESOLVE: "the agent knows where to go",
    Step.CONNECT: "something accepts connections there; what it is, only its protocol shows",
    Step.TLS: "an encrypted channel comes about",
    Step.HANDSHAKE: "the protocol is really spoken there",
    Step.AUTH: "a login can begin",
    Step.LOGIN: "the account was accepted",
    Step.ACCESS: "a scan can read there",
}
_NOT_CHECKED = "not checked, so nothing is known of it"
#: Where nothing but the look of an answer is known, the answer proves no more than that.
_SHAPED = "what answers there looks like it; its protocol is not public, so no more can be told"
_NO_LOGIN = "nobody need log in"
#: Where the requirement is the connection itself: what is spoken there was not asked.
_STANDS = "the connection stands; what is spoken there is not public, and was not asked"
_NEIGHBOUR = "nobody answers for every port of this host, so the connection is that port's own"
#: On these rungs every type does the same, unless its table says otherwise.
_ADDRESS = re.compile(r"[0-9.]+|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(%\w+)?")
_ENDPOINT = re.compile(r"(?P<host>.+):(?P<port>\d{1,5})(?:/(?P<transport>tcp|udp))?")
#: Where a line is to be typed, as the catalogue says it.
_HERE = "On the agent: "
_ELSEWHERE = re.compile(r"\b[Oo]n (?:a|an|the) [\w ]+:")
#: What a cause of all types says of confirming it is no line yet; the type's own is shown with it.
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
    """Return the words of events that another step of the type has words for; empty where the check's own has some.

    A check that fails stands on the step of its cause: a hang-up at the request for TLS on ``handshake``.
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
    """Return what the type's story has for the check.

    All types resolve and connect alike, and so at endpoints that are not the target's own.
    """
    windows = report.agent.platform == "Windows" and not report.agent.assumed
    if check.step is Step.RESOLVE:
        literal = bool(_ADDRESS.fullmatch(check.endpoint))
        sent = "nothing: it is an address" if literal else "the name, to this host's resolver"
        line = "Resolve-DnsName {host}" if windows else "getent ahosts {host}"
        return Exchange(sent, "" if literal else line)
    own = _own_words(report.target).get(check.step)
    if check.step is Step.AGENT:
        return own or Exchange("nothing: this host itself was looked at")
    if check.step is not Step.CONNECT and not _is_neighbour(check, report.target):
        return own or Exchange()
    if own is not None and _is_own_port(check, report.target):
        return own
    if check.endpoint.endswith("/udp"):
        return Exchange("a question over UDP, asked again until its time was over", "nc -u -vz {host} {port}")
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
    """Whether it is the port that must not take a connection, of a type whose requirement is a connection."""
    row = _row(target)
    connects = row is not None and row.by_connection
    return connects and check.step is Step.HANDSHAKE and not _is_own_port(check, target)


def _is_own_port(check: Check, target: Target) -> bool:
    return check.endpoint.endswith(f":{target.port}")


def _by_hand(report: Report, check: Check, exchange: Exchange) -> tuple[str, ...]:
    """The cause's own way first; then the type's line, unless that is the same program again."""
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
    """Without the words before it, where all of it is for the agent: there, whoever reads the story sits."""
    rest = line.removeprefix(_HERE)
    return line if _ELSEWHERE.search(rest) else rest


def _program(line: str) -> str:
    return line.removeprefix("on another Windows: ").split(" ", 1)[0]


def _place(target: Target, check: Check) -> Target:
    """The target as the lines name it: what was resolved, or connected to, may be another host or port."""
    if check.step is Step.RESOLVE:
        return replace(target, host=check.endpoint)
    elsewhere = check.step is Step.CONNECT or _is_hostless(target) or _is_neighbour(check, target)
    found = _ENDPOINT.fullmatch(check.endpoint) if elsewhere else None
    if found is None:
        return target
    return replace(target, host=found["host"].strip("[]"), port=int(found["port"]))


def _is_hostless(target: Target) -> bool:
    """Whether its host is the name of a service: what can be asked by hand is an endpoint of it."""
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
            return f"whoever runs the network between {_address(report)} and {host}: firewalls, routes, load balancers"
        case Owner.SERVER:
            return f"the administrator of {host}"
        case Owner.DATABASE:
            row = _row(report.target)
            return f"the database administrator of {host} ({row.title if row else report.target.type})"
        case Owner.IDENTITY:
            return f"whoever administers the account {user}" if user else "whoever administers the account"
        case Owner.AGENT:
            return f"the administrator of the agent {agent.name}"
        case Owner.OPERATOR:
            return "whoever wrote the target down, or holds its credential"
        case Owner.SCANREADY:
            return "us, with what --bundle FILE writes"


def _ticket(report: Report, told: Told, part: Part) -> str:
    """A few lines that somebody understands who has never heard of us."""
    target, cause = report.target, told.cause
    trouble, but = {
        Verdict.BLOCKED: ("cannot be scanned", ""),
        Verdict.LIMITED: ("passed the checks", ", but something that a scan needs is missing or at risk"),
        Verdict.UNDECIDED: ("could not be checked to the end", ""),
    }.get(report.verdict, ("was checked", ""))
    row = _row(target)
    lines = [
        f"{name_of(target)} ({row.title if row else target.type}) {trouble} from the agent "
        f"{report.agent.name} ({_address(report)}){but}.",
        f"Seen at {report.started}, at the step {told.step}: {told.detail}",
        f"This means: {fill(cause.meaning, target)}",
        f"Please: {part.remedy}",
    ]
    if part.fix:
        lines += ["Exactly:", part.fix]
    if others := [other.owner.value for other in told.parts if other is not part]:
        lines.append(f"Instead, this can be solved by: {', '.join(others)}.")
    lines.append(f"To see it: {fill(cause.confirm, _endpoint_of(report))}")
    return "\n".join(lines)


def _endpoint_of(report: Report) -> Target:
    """Return the target, or the endpoint of it that the finding is about where its host is the name of a service."""
    target = report.target
    if not _is_hostless(target):
        return target
    return next((_place(target, check) for check in report.checks if check.finding is report.finding), target)


def _address(report: Report) -> str:
    return report.agent.addresses[0] if report.agent.addresses else report.agent.name
