"""Restore reports from stored results: the reverse of ``serialize.py``.

``as_line(restored(json.loads(line))) == line`` for every result of this version. Causes come from this version's
catalogue; an unknown one (of a third party or a newer version) keeps its stored texts. The input is untrusted:
anything but a result raises :class:`NotAResult` and no other error. All numbers are finite.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from scanready.catalogue.facts import ASSUMED
from scanready.catalogue.row import owner_of
from scanready.causes import common, unproven
from scanready.model import (
    LARGEST_PORT,
    Agent,
    Cause,
    Check,
    Credential,
    Expectation,
    Finding,
    Footprint,
    OtherOwner,
    Outcome,
    Owner,
    Report,
    Standing,
    Step,
    Target,
    Verdict,
    reached,
    standing,
)
from scanready.model import judge as judge_checks
from scanready.run.any_type import rank
from scanready.run.registry import all_causes, catalogue

from .serialize import SCHEMA

E = TypeVar("E", bound=Enum)
_MOST = 2**53
#: The most types of one host in a file, so that a crafted file cannot keep the reader busy.
_MOST_TYPES = 1000


#: The causes of a result that no check decides.
_OF_NO_CHECK = (common.LIMIT, common.BUG, unproven.DEPTH_LIMITED)


class NotAResult(ValueError):
    """Raised for input that is not a result; the message names the problem."""


def restored(result: object, target: Target | None = None) -> Report:
    """Restore the report of a stored result.

    Args:
        result: one result, as JSON types.
        target: replaces the stored target, for example with one that has its credential.

    Raises:
        NotAResult: the input is no result, has a newer schema, or is one of `report --assume`.
    """
    fields = _mapping(result, "a result")
    check_schema(fields.get("schema"))
    if fields.get("types"):
        return _host_restored(fields, target)
    stored = fields.get("cause")
    cause = _cause(_mapping(stored, "cause")) if stored is not None else None
    kind = _text(_mapping(fields.get("target"), "target"), "type")
    known = {(one.code, one.case): one for one in _causes(fields, cause)}
    checks = [_check(one, known, kind) for one in _list(fields, "checks")]
    if any(check.facts.get(ASSUMED.name) for check in checks):
        raise NotAResult("it rests on an assumption (`report --assume`) and is no measurement: give the run itself")
    footprint = _mapping(fields.get("footprint"), "footprint")
    return Report(
        agent_restored(fields.get("agent")),
        target or target_restored(fields.get("target")),
        _enum(fields, "verdict", Verdict),
        _enum(fields, "reached", Step) if fields.get("reached") is not None else None,
        _decisive(_mapping(stored, "cause"), cause, checks, kind) if cause is not None else None,
        _enum(_mapping(stored, "cause"), "step", Step) if cause is not None else None,
        _facts(fields, "facts"),
        checks,
        Footprint(*(_whole(footprint, name) for name in ("connections", "login_attempts", "probe_logins"))),
        _text(fields, "started"),
        _seconds(fields, "seconds"),
        _enum(fields, "standing", Standing) if fields.get("standing") is not None else None,
    )


def _host_restored(fields: Mapping[str, Any], target: Target | None) -> Report:
    """Restore the report of a host without a type: its verdict and checks are those of its first type."""
    stored = [_mapping(one, "types") for one in _list(fields, "types")[:_MOST_TYPES]]
    if any(one.get("types") for one in stored):
        raise NotAResult("`types` contains a result that has `types` itself")
    types = list(map(restored, stored))
    lead = types[0]
    footprint = _mapping(fields.get("footprint"), "footprint")
    return replace(
        lead,
        target=target or target_restored(fields.get("target")),
        checks=list(lead.checks),
        footprint=Footprint(*(_whole(footprint, name) for name in ("connections", "login_attempts", "probe_logins"))),
        started=_text(fields, "started"),
        seconds=_seconds(fields, "seconds"),
        standing=_enum(fields, "standing", Standing) if fields.get("standing") is not None else None,
        types=tuple(types),
    )


def _expectation(stored: object) -> Expectation | None:
    if stored is None:
        return None
    fields = _mapping(stored, "expected")
    try:
        until = datetime.date.fromisoformat(_text(fields, "until"))
    except ValueError:
        raise NotAResult("until is not a date") from None
    agents = tuple(_string(name, "agents") for name in _list(fields, "agents"))
    return Expectation(
        _enum(fields, "verdict", Verdict), _text(fields, "cause"), until, _text(fields, "reason"), agents
    )


def _causes(fields: Mapping[str, Any], decisive: Cause | None) -> Iterator[Cause]:
    """Yield the causes of a result; results of earlier versions have no ``besides``."""
    besides = fields.get("besides", [])
    if not isinstance(besides, list):
        raise NotAResult("besides is not a list")
    for stored in besides:
        yield _cause(_mapping(stored, "besides"))
    if decisive is not None:
        yield decisive


def check_schema(schema: object) -> None:
    """Reject a document or a result of another schema.

    Raises:
        NotAResult: the message names the schema that this version reads.
    """
    if schema is None:
        raise NotAResult("it has no schema")
    if schema != SCHEMA or isinstance(schema, bool):
        stored = str(schema)[:20]
        newer = (
            " (a newer version of scanready wrote it: use that version)"
            if isinstance(schema, int) and schema > SCHEMA
            else ""
        )
        raise NotAResult(f"its schema is {stored!r}, not {SCHEMA}{newer}")


def rejudged(report: Report) -> Report:
    """Judge the checks of a report again, by the rules and the catalogue of this version.

    Verdict, cause and reached step follow from the checks. Three things of the report are believed. A cause that is not
    in this catalogue blocks if the report says so, and is undecided otherwise. A type that is not in this catalogue may
    need no login prompt. If no check decides, an undecided report keeps its cause.
    """
    if report.types:
        return _host_rejudged(report)
    row, reached_now = catalogue().get(report.target.type), reached(report.checks)
    proof = row.proof if row else reached_now or Step.AUTH
    verdict, decisive = judge_checks(report.checks, proof)
    softened = [_softened(check) for check in report.checks]
    softer, by = judge_checks(softened, proof)
    if by is not None and verdict not in (softer, report.verdict):
        verdict, decisive = softer, report.checks[next(place for place, one in enumerate(softened) if one is by)]
    finding, step = (decisive.finding, decisive.step) if decisive else (None, None)
    if verdict is Verdict.UNDECIDED and finding is None:
        finding, step = _without_a_cause(report, decisive, reached_now)
    held = _held(report, verdict, finding)
    return replace(report, verdict=verdict, reached=reached_now, finding=finding, finding_step=step, standing=held)


def _softened(check: Check) -> Check:
    """Return the check with a cause of an unknown catalogue as one that blocks nothing; other checks unchanged."""
    found = check.finding
    if found is None or _listed(found.cause.code, found.cause.case) is found.cause:
        return check
    return replace(check, finding=replace(found, cause=replace(found.cause, definite=False)))


def _without_a_cause(report: Report, decisive: Check | None, reached_now: Step | None) -> tuple[Finding, Step | None]:
    """Return the cause of a report that no check decides, or whose decisive check has none."""
    if report.finding is not None and report.verdict is Verdict.UNDECIDED and report.finding.cause in _OF_NO_CHECK:
        return report.finding, report.finding_step
    if decisive is not None:
        return Finding(common.BUG, f"the failed check has no cause: {decisive.summary}"), decisive.step
    return Finding(common.LIMIT, f"climbed to {reached_now or 'nothing'}; no check decides the verdict"), reached_now


def _host_rejudged(report: Report) -> Report:
    types = sorted(map(rejudged, report.types), key=rank)
    lead = types[0]
    judged = replace(report, verdict=lead.verdict, reached=lead.reached, finding=lead.finding, types=tuple(types))
    judged = replace(judged, finding_step=lead.finding_step, facts=lead.facts, checks=list(lead.checks))
    return replace(judged, standing=_held(report, lead.verdict, lead.finding))


def _held(report: Report, verdict: Verdict, finding: Finding | None) -> Standing | None:
    """Return the standing of the known failure under another verdict; ``Standing.OVER`` does not change."""
    expected = report.target.expected
    if report.standing is None or report.standing is Standing.OVER or expected is None:
        return report.standing
    return standing(expected, verdict, finding.cause if finding else None, report.agent.name, expected.until)


def agent_restored(stored: object) -> Agent:
    """Return the agent of a stored run or result.

    Raises:
        NotAResult: the input is no agent.
    """
    fields = _mapping(stored, "agent")
    addresses = tuple(_string(address, "addresses") for address in _list(fields, "addresses"))
    networks: tuple[str, ...] = ()
    if "networks" in fields:  # not in results of earlier versions
        networks = tuple(_string(network, "networks") for network in _list(fields, "networks"))
    return Agent(
        _text(fields, "name"),
        _text(fields, "platform"),
        addresses,
        bool(fields.get("assumed")),
        _string(fields.get("distribution", ""), "distribution"),
        networks,
        _string(fields.get("profile", ""), "profile"),
    )


def target_restored(stored: object) -> Target:
    """Return a stored target; its credential has only names, no secret.

    Raises:
        NotAResult: the input is no target.
    """
    fields = _mapping(stored, "target")
    account = _account(fields) if fields.get("credential") is not None else None
    listed = _list(fields, "alternatives") if account is not None and "alternatives" in fields else ()
    port = _whole(fields, "port")
    if not 0 <= port <= LARGEST_PORT:  # 0: the type came from a package that could not be loaded
        raise NotAResult(f"port {port} is out of range")
    tags = tuple(_string(tag, "tags") for tag in _list(fields, "tags")) if fields.get("tags") else ()
    kind, host = _text(fields, "type"), _text(fields, "host")
    chosen = bool(fields["explicit_port"]) if "explicit_port" in fields else _chosen(kind, port)
    guessed = bool(fields.get("guessed"))
    return Target(
        host,
        kind,
        port,
        _facts(fields, "options"),
        account,
        tags,
        _text(fields, "source") if "source" in fields else None,
        explicit_port=chosen,
        guessed=guessed,
        expected=_expectation(fields.get("expected")),
        agents=_names(fields, "agents"),
        sites=_names(fields, "sites"),
        alternatives=tuple(_account(_mapping(one, "alternatives")) for one in listed),
    )


def _account(fields: Mapping[str, Any]) -> Credential:
    """Return an account of a stored target; it has only names, no secret."""
    user = fields.get("user")
    username = _string(user, "user") if user is not None else ""
    authority = _text(fields, "authority") if "authority" in fields else None
    return Credential(_text(fields, "credential"), username, authority=authority)


def _names(fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return tuple(_string(one, name) for one in _list(fields, name)) if name in fields else ()


def _chosen(kind: str, port: int) -> bool:
    """Return True if the user chose the port. Earlier versions do not store this: compare with the usual port."""
    row = catalogue().get(kind)
    return row is None or port != row.port


def _check(stored: object, known: Mapping[tuple[str, str], Cause], kind: str) -> Check:
    fields = _mapping(stored, "a check")
    finding = None
    if fields.get("cause") is not None:
        code = _text(fields, "cause")
        case = _case(fields)
        cause = known.get((code, case)) or _listed(code, case) or _unknown(code, _enum(fields, "step", Step))
        fix = fields.get("fix")
        detail = _string(fields.get("detail", fields.get("summary")), "detail")
        finding = _finding(cause, detail, fix, fields.get("also"), kind)
    return Check(
        _enum(fields, "step", Step),
        _text(fields, "endpoint"),
        _enum(fields, "outcome", Outcome),
        _text(fields, "summary"),
        _facts(fields, "facts"),
        finding,
        _seconds(fields, "seconds"),
        bool(fields.get("tentative")),
        events=[_string(event, "events") for event in _list(fields, "events")] if "events" in fields else None,
    )


def _decisive(stored: Mapping[str, Any], cause: Cause, checks: list[Check], kind: str) -> Finding:
    """Return the finding of the check that decided; if no check has it, make one from the stored cause."""
    step, detail = _enum(stored, "step", Step), _text(stored, "detail")
    for check in checks:
        if check.finding and check.finding.cause is cause and check.step is step and check.finding.detail == detail:
            return check.finding
    return _finding(cause, detail, stored.get("fix"), stored.get("also"), kind)


def _finding(cause: Cause, detail: str, fix: object, also: object, kind: str) -> Finding:
    """Return a finding at a target of the type ``kind``; results of earlier versions have no ``also``."""
    others = [_mapping(one, "also") for one in also] if isinstance(also, list) else []
    return Finding(
        cause,
        detail,
        None if fix is None else _string(fix, "fix"),
        tuple((_enum(one, "owner", Owner), _text(one, "fix")) for one in others if one.get("fix") is not None),
        owner_of(cause, catalogue().get(kind)),
    )


def _cause(stored: Mapping[str, Any]) -> Cause:
    code, case = _text(stored, "code"), _case(stored)
    return _listed(code, case) or Cause(
        code,
        _enum(stored, "owner", Owner),
        _enum(stored, "step", Step),
        _text(stored, "meaning"),
        _text(stored, "remedy"),
        _string(stored.get("confirm", ""), "confirm"),
        also=tuple(_other(one) for one in _list(stored, "also")) if stored.get("also") else (),
        case=case,
    )


def _case(stored: Mapping[str, Any]) -> str:
    """Return the case that a cause was narrowed down to; empty if it was not."""
    return _string(stored.get("case", ""), "case")


def _listed(code: str, case: str) -> Cause | None:
    """Return the cause of this version's catalogue, in its case if the catalogue has that."""
    found = _catalogue().get(code)
    return found.narrowed(case) if found and case else found


def _other(stored: object) -> OtherOwner:
    fields = _mapping(stored, "also")
    return OtherOwner(_enum(fields, "owner", Owner), _text(fields, "remedy"))


@cache
def _catalogue() -> dict[str, Cause]:
    return all_causes()


def _unknown(code: str, step: Step) -> Cause:
    words = "This version's catalogue does not have this cause."
    return Cause(code, Owner.SCANREADY, step, words, "Use the version, or the plug-in, that found it.", "")


# Typed access: whatever is wrong is a NotAResult that names the field.


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise NotAResult(f"{what} is not an object")
    return value


def _facts(fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    return dict(_mapping(fields.get(name), name))


def _list(fields: Mapping[str, Any], name: str) -> list[Any]:
    value = fields.get(name)
    if not isinstance(value, list):
        raise NotAResult(f"{name} is not a list")
    return value


def _text(fields: Mapping[str, Any], name: str) -> str:
    return _string(fields.get(name), name)


def _string(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise NotAResult(f"{name} is not a text")
    return value


def _whole(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST:
        raise NotAResult(f"{name} is not a count")
    return value


def _seconds(fields: Mapping[str, Any], name: str) -> float:
    value: Any = fields.get(name)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 <= value <= _MOST:  # neither is true of a NaN
        raise NotAResult(f"{name} is not a number of seconds")
    return float(value)


def _enum(fields: Mapping[str, Any], name: str, kind: type[E]) -> E:
    value = fields.get(name)
    try:
        member: E = _members(kind)[value]
    except (KeyError, TypeError):
        raise NotAResult(f"{name} is {str(value)[:40]!r}") from None
    return member


@cache
def _members(kind: type[Enum]) -> dict[Any, Any]:
    """Return the members by their values: to call the class takes five times as long."""
    return {member.value: member for member in kind}
