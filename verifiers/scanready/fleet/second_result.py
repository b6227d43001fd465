"""Make the result of a target whose second visit, which logs in, did not take place, out of that of its first visit."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable

from scanready.catalogue.facts import ADDRESSES
from scanready.causes import common
from scanready.climb.withheld import facts_of
from scanready.model import Check, Finding, Outcome, Report, Standing, Step, Target, Verdict, judge, reached, standing
from scanready.run.any_type import combined, reports_of
from scanready.run.registry import catalogue

from .grants import Denied


def asks_for_login(target: Target) -> bool:
    """Return whether a login is a step of this target, and it has an account."""
    for one in target.tries or (target,):
        row = catalogue().get(one.type)
        if one.credential is not None and row is not None and row.logs_in and Step.LOGIN in row.steps:
            return True
    return False


def is_at_prompt(report: Report) -> bool:
    """Return whether a login may be tried after this first visit: it reached the login prompt, and nothing failed."""
    return any(_is_at_prompt(one) for one in reports_of(report))


def _is_at_prompt(report: Report) -> bool:
    climbed = reached(report.checks)
    return asks_for_login(report.target) and climbed is not None and climbed.height >= Step.AUTH.height


def addresses_found(report: Report) -> list[str]:
    """Return what the name of the target resolved to; nothing if a proxy resolves it."""
    return [
        address
        for one in reports_of(report)
        for check in one.checks
        if check.step is Step.RESOLVE and check.endpoint == report.target.host
        for address in _texts(check.facts.get(ADDRESSES.name))
    ]


def _texts(value: object) -> list[str]:
    """Return the texts in a fact of an agent, which may be anything."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, (list, tuple)) else []


def withheld(report: Report, denied: Denied) -> Report:
    """Return the result of a first visit with a login that was withheld."""

    def change(one: Report) -> Report:
        account = one.target.credential
        facts = facts_of(denied.refused_at, account.guarded_by) if account else {}
        finding = Finding(common.LOGIN_WITHHELD, denied.words)
        end = Check(Step.LOGIN, _endpoint(one), Outcome.FAILED, denied.words, facts, finding)
        rest = [
            dataclasses.replace(check, summary="not reached: stopped at login")
            for check in one.checks
            if check.step is Step.ACCESS
        ]
        checks = [*(check for check in one.checks if check.step.height < Step.LOGIN.height), end, *rest]
        row = catalogue().get(one.target.type)
        verdict, decisive = judge(checks, row.proof if row else Step.AUTH)
        found = decisive.finding if decisive else None
        return dataclasses.replace(
            one,
            verdict=verdict,
            checks=checks,
            reached=reached(checks),
            finding=found,
            finding_step=decisive.step if decisive else None,
            standing=_standing(one, verdict, found),
        )

    return _changed(report, change)


def without_login(report: Report, reason: str) -> Report:
    """Return the result of a first visit, with the reason why no login was made; its verdict stays."""

    def change(one: Report) -> Report:
        checks = [
            dataclasses.replace(check, summary=reason)
            if check.outcome is Outcome.SKIPPED and check.step.height >= Step.LOGIN.height
            else check
            for check in one.checks
        ]
        return dataclasses.replace(one, checks=checks)

    return _changed(report, change)


def _changed(report: Report, change: Callable[[Report], Report]) -> Report:
    if not report.types:
        return change(report) if _is_at_prompt(report) else report
    types = [change(one) if _is_at_prompt(one) else one for one in report.types]
    return combined(report.target, types, _day(report))


def _endpoint(report: Report) -> str:
    return next((check.endpoint for check in reversed(report.checks) if check.step is Step.AUTH), str(report.target))


def _standing(report: Report, verdict: Verdict, finding: Finding | None) -> Standing | None:
    cause = finding.cause if finding else None
    return standing(report.target.expected, verdict, cause, report.agent.name, _day(report))


def _day(report: Report) -> datetime.date:
    try:
        return datetime.datetime.fromisoformat(report.started).date()
    except ValueError:
        return datetime.datetime.now(datetime.UTC).date()
