"""A withheld login is joined with the refusal that withheld it, and with no other, whatever the hosts are called."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.guard import LockoutGuard
from scanready.estate import Refusals
from scanready.model import Check, Credential, Finding, Outcome, Report, Step, Target, bracketed
from scanready.report.parse import restored
from scanready.report.serialize import as_line
from tests.estate.results import result, up_to

#: Names that are easily confused: prefixes of each other, with spaces, with a port in them, and addresses.
HOSTS = (
    "db",
    "db1",
    "db1 refused",
    "db 1",
    "db1:22",
    "10.0.0.1",
    "10.0.0.10",
    "fd00::7",
    "fd00::7:22",
    "::1",
    "a\u2028b",
)
PORTS = (22, 2222, 221)
USERS = ("svc", "svc2", "CORP\\svc", "svc@corp.example", "a b")
NAMES = ("scan", "scan2", "s can")
AUTHORITIES = (None, "corp", "corp.example")

ACCOUNTS = st.builds(
    lambda name, user, authority, password: Credential(name, user, password, authority=authority),
    st.sampled_from(NAMES),
    st.sampled_from(USERS),
    st.sampled_from(AUTHORITIES),
    st.sampled_from(("pw", "pw2")),
)
TARGETS = st.builds(
    lambda host, port, account: Target(host, "ssh", port, {}, account),
    st.sampled_from(HOSTS),
    st.sampled_from(PORTS),
    ACCOUNTS,
)


class Guarded:
    """Climb to the login with the real guard; remember which login each withheld one is withheld for."""

    def __init__(self) -> None:
        self.guard, self.reports = LockoutGuard(), list[Report]()

    async def climb(self, target: Target, refuse: Any, agent: str) -> Report:
        account, where = target.credential, f"{bracketed(target.host)}:{target.port}"
        assert account is not None
        failure: Failure | None = None
        try:
            async with self.guard.attempt(account, target.host, where):
                raise Failure(refuse, f"refused: {where} {account.name}")
        except Failure as found:
            failure = found
        finding = Finding(failure.cause, failure.detail)
        end = Check(Step.LOGIN, where, Outcome.FAILED, failure.detail, dict(failure.facts), finding)
        return result(agent, [*up_to(Step.AUTH), end], target)


def stored(report: Report) -> Report:
    return restored(json.loads(as_line(report)))


REFUSALS = st.sampled_from((common.LOGIN_REFUSED, common.LOGIN_LOCKED))


@given(st.lists(st.tuples(TARGETS, REFUSALS), min_size=1, max_size=8))
def test_the_refusal_that_is_joined_is_the_one_that_the_guard_means(climbs: list[tuple[Target, Any]]) -> None:
    """Every withheld login of one agent is joined, after a way through JSON, with the login of the guard's words."""

    async def run() -> list[Report]:
        guarded = Guarded()
        return [await guarded.climb(target, refuse, "a") for target, refuse in climbs]

    reports = [stored(one) for one in asyncio.run(run())]
    refusals = Refusals(reports)
    for report in reports:
        named = refusals.named_by(report)
        assert report.finding is not None
        if report.finding.cause is not common.LOGIN_WITHHELD:
            assert named is None
            continue
        assert named is not None, "this agent made the login"
        place = report.checks[-1].facts["refused_at"]
        assert report.finding.detail.startswith(f"{place} ")
        assert named.finding.detail.startswith(f"refused: {place} ")
        account = report.target.credential
        assert account is not None
        same = named.account.guarded_by == account.guarded_by
        assert same or named.account.username.casefold() == account.username.casefold()


@given(TARGETS, st.lists(TARGETS, max_size=8), REFUSALS)
def test_the_refusal_of_another_place_or_account_is_never_joined(own: Target, others: list[Target], cause: Any) -> None:
    async def run() -> tuple[Report, Report]:
        guarded = Guarded()
        return await guarded.climb(own, cause, "a"), await guarded.climb(own, cause, "a")

    _, withheld = asyncio.run(run())

    async def elsewhere() -> list[Report]:
        return [await Guarded().climb(other, cause, "b") for other in others]

    refusals = Refusals(map(stored, asyncio.run(elsewhere())))
    assert own.credential is not None
    alike = [
        other
        for other in others
        if (other.host, other.port) == (own.host, own.port)
        and other.credential is not None
        and other.credential.guarded_by == own.credential.guarded_by
    ]
    assert (refusals.named_by(stored(withheld)) is not None) == bool(alike)
