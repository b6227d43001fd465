"""Turn a report into the result (schema 1): one JSON object for each target, used by every machine-readable output."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from scanready.model import GOOD, Agent, Check, Credential, Expectation, Report, Target
from scanready.redaction.options import options_shown
from scanready.redaction.workflow import harmless_json
from scanready.run.plain import plain as _plain
from scanready.run.target_name import name_of

from .source_line import stored_source

if TYPE_CHECKING:
    from .findings import Told

SCHEMA = 1


@dataclass(slots=True, eq=False)
class KeptReport(Report):
    """A result with its line: what is stored is shown next. The result must not change while the line is kept.

    A copy of it, such as one of ``dataclasses.replace``, has no line.
    """

    line: str = field(default="", init=False, repr=False)

    @classmethod
    def of(cls, report: Report) -> KeptReport:
        """Return the same result, with its line."""
        kept = cls(*(getattr(report, name) for name in _FIELDS))
        kept.line = as_line(report)
        return kept

    def drop(self) -> None:
        """Forget the line: an output that keeps the result needs no copy of it as text."""
        self.line = ""


_FIELDS = tuple(each.name for each in fields(Report))


def as_object(report: Report) -> dict[str, Any]:
    """Return the result of one target as plain JSON types."""
    plain: dict[str, Any] = _plain(_raw(report))
    return plain


def as_line(report: Report) -> str:
    """Return the result as one line of ASCII-only JSON, without the line end.

    Takes about 40 us; facts that are not plain JSON take longer, with the same text as the result.
    """
    if isinstance(report, KeptReport) and report.line:
        return report.line
    raw = _raw(report)
    try:
        line = _encode(raw)
    except (TypeError, ValueError, RecursionError):
        return harmless_json(_encode(_plain(raw)))
    # JSON allows a lone surrogate, but half of its parsers reject one.
    return harmless_json(_encode(_plain(raw)) if "\\ud" in line else line)


def identity(target: Target) -> str:
    """Return a short key that is unique to the target within an inventory and the same in every run."""
    options = sorted(options_shown(target.options).items()) if target.options else []
    account = target.credential.name if target.credential else None
    text = repr((target.host, target.type, target.port, options, account)).encode("utf-8", "backslashreplace")
    from hashlib import blake2b  # loaded late: a run that stores nothing needs none of it

    return blake2b(text, digest_size=12).hexdigest()


def identity_at(report: Report) -> str:
    """Return a short key of a target and the agent that checked it, unique within the results of many agents."""
    return f"{identity(report.target)}@{report.agent.name}"


def identity_of_all(targets: Iterable[Target]) -> str:
    """Return a short key of a set of targets, which does not depend on their order."""
    from hashlib import blake2b

    return blake2b("".join(sorted(map(identity, targets))).encode("ascii"), digest_size=12).hexdigest()


def _raw(report: Report) -> dict[str, Any]:
    from .findings import besides, decisive  # loaded with the first result, not before the first packet

    target, footprint = report.target, report.footprint
    raw = {
        "schema": SCHEMA,
        "agent": agent_object(report.agent),
        "target": target_object(target),
        "verdict": report.verdict,
        "reached": report.reached,
        "cause": _cause(report, decisive(report)),
        "besides": [_cause(report, other) for other in besides(report)],
        "facts": report.facts,
        "checks": [_check(check) for check in report.checks],
        "footprint": {
            "connections": footprint.connections,
            "login_attempts": footprint.login_attempts,
            "probe_logins": footprint.probe_logins,
        },
    }
    if report.standing is not None:
        raw["standing"] = report.standing
    if report.types:
        raw["as"] = [one.target.type for one in report.types if one.verdict in GOOD]
        raw["types"] = [_raw(one) for one in report.types]
    # These two are last: the HTML report expects the seconds at the end.
    return raw | {"started": report.started, "seconds": round(report.seconds, 6)}


def plainly(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``value`` in JSON's own types; facts may have any type."""
    made: dict[str, Any] = _plain(value)
    return made


def target_object(target: Target) -> dict[str, Any]:
    """Return the target as a JSON object; of its credential, only the names."""
    named = {
        "name": name_of(target),
        "host": target.host,
        "type": target.type,
        "port": target.port,
        "options": options_shown(target.options) if target.options else {},
        "credential": target.credential.name if target.credential else None,
        "user": (target.credential.username or None) if target.credential else None,
        "tags": list(target.tags),
        "guessed": target.guessed,
        "explicit_port": target.explicit_port,
    }
    if target.expected is not None:
        named["expected"] = _expected(target.expected)
    if target.credential and target.credential.authority:
        named["authority"] = target.credential.authority
    if target.alternatives:
        named["alternatives"] = [_account(one) for one in target.alternatives]
    if target.agents:
        named["agents"] = list(target.agents)
    if target.sites:
        named["sites"] = list(target.sites)
    if source := stored_source(target):
        named["source"] = source  # the last one: the HTML report expects the line before the verdict
    return named


def _account(account: Credential) -> dict[str, Any]:
    """Return the names of a further account as a JSON object."""
    names = {"credential": account.name, "user": account.username or None}
    return names | ({"authority": account.authority} if account.authority else {})


def _expected(expected: Expectation) -> dict[str, Any]:
    return {
        "verdict": expected.verdict,
        "cause": expected.code,
        "until": expected.until.isoformat(),
        "reason": expected.reason,
        "agents": list(expected.agents),
    }


def agent_object(agent: Agent) -> dict[str, Any]:
    """Return the agent as a JSON object."""
    return {
        "name": agent.name,
        "platform": agent.platform,
        "distribution": agent.distribution,
        "addresses": list(agent.addresses),
        "networks": list(agent.networks),
        "assumed": agent.assumed,
        "profile": agent.profile,
    }


def _cause(report: Report, found: Told | None) -> dict[str, Any] | None:
    if found is None:
        return None
    from .filled import fill

    first, *others = found.parts
    return {
        "code": found.cause.code,
        "owner": first.owner,
        "step": found.step,
        "detail": found.detail,
        "meaning": fill(found.cause.meaning, report.target),
        "remedy": first.remedy,
        "confirm": fill(found.cause.confirm, report.target),
        "fix": first.fix,
        "also": [{"owner": part.owner, "remedy": part.remedy, "fix": part.fix} for part in others],
    } | ({"case": found.cause.case} if found.cause.case else {})


def _check(check: Check) -> dict[str, Any]:
    finding = check.finding
    shown: dict[str, Any] = {
        "step": check.step,
        "endpoint": check.endpoint,
        "outcome": check.outcome,
        "summary": check.summary,
        "facts": check.facts,
        "cause": finding.cause.code if finding else None,
        "detail": finding.detail if finding else None,
        "fix": finding.fix if finding else None,
        "tentative": check.tentative,
        "seconds": round(check.seconds, 6),
    }
    if check.events is not None:
        shown["events"] = check.events
    if finding and finding.cause.case:
        shown["case"] = finding.cause.case
    if finding and finding.also:
        shown["also"] = [{"owner": owner, "fix": fix} for owner, fix in finding.also]
    return shown


# One encoder for all results. NaN is not valid JSON, so it raises an error here.
_encode = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode
