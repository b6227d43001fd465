"""The estate verdict: a table of pairs, and what holds for any number of agents."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanready.causes import common, talk_ended, unproven
from scanready.estate import EstateVerdict, Refusals, estate_verdict
from scanready.model import (
    Cause,
    Check,
    Credential,
    Finding,
    Outcome,
    Owner,
    Report,
    Scope,
    Step,
    Target,
    Verdict,
)
from scanready.run.any_type import combined
from scanready.run.registry import all_causes
from tests.estate.results import failed, result, up_to, warned

S, R, L, U, B = Verdict.SCANNABLE, Verdict.READY, Verdict.LIMITED, Verdict.UNDECIDED, Verdict.BLOCKED
READ, PROMPT = up_to(Step.ACCESS), up_to(Step.AUTH)
#: A rule of the server about one agent's address.
RULE = Cause("test.rule", Owner.DATABASE, Step.AUTH, "m", "r", "c", scoped=Scope.PATH)
#: The account may not log in at this target; elsewhere it may.
NO_GRANT = Cause("test.no-grant", Owner.SERVER, Step.LOGIN, "m", "r", "c")
CLEAR_TEXT = failed(common.LOGIN_WITHHELD, detail="the password would be sent in clear text")
DENIED = [*up_to(Step.LOGIN), *warned(common.ACCESS_DENIED)[-1:]]
REFUSED, LOCKED = failed(common.LOGIN_REFUSED), failed(common.LOGIN_LOCKED)
FILTERED, UNREACHABLE = failed(common.FILTERED), failed(common.UNREACHABLE)
PLATFORM = failed(common.PLATFORM_MISMATCH)
#: The rest of the ladder is climbed below a mismatch of the platform.
PLATFORM_READ = failed(common.PLATFORM_MISMATCH, climbed=Step.ACCESS)
PLATFORM_DENIED = [*failed(common.PLATFORM_MISMATCH), *DENIED]
NO_DRIVER = failed(common.DRIVER_MISSING)
OLD_TLS, EXPIRED = failed(common.TLS_VERSION), warned(common.TLS_EXPIRED, Step.ACCESS)
BUG, LIMIT = failed(common.BUG), failed(common.LIMIT)
MISSING = None

Pair = tuple[list[Check] | None, list[Check] | None, Verdict, str | None, str, str]


@pytest.mark.parametrize(
    ("a", "b", "verdict", "cause", "by", "overruled"),
    [
        # The best result counts: nothing outweighs what an agent proved.
        (READ, READ, S, None, "ab", ""),
        (READ, PROMPT, S, None, "a", ""),
        (READ, EXPIRED, S, None, "a", ""),
        (READ, DENIED, S, None, "a", ""),
        (READ, REFUSED, S, None, "a", ""),
        (READ, FILTERED, S, None, "a", ""),
        (READ, PLATFORM, S, None, "a", ""),
        (READ, BUG, S, None, "a", ""),
        (READ, OLD_TLS, S, None, "a", ""),
        (READ, MISSING, S, None, "a", ""),
        # Without a proof, what lies above the prompt is known only from others.
        (PROMPT, PROMPT, R, None, "ab", ""),
        (PROMPT, FILTERED, R, None, "a", ""),
        (PROMPT, UNREACHABLE, R, None, "a", ""),
        (PROMPT, PLATFORM, R, None, "a", ""),
        (PROMPT, OLD_TLS, R, None, "a", ""),
        (PROMPT, NO_DRIVER, R, None, "a", ""),
        (PROMPT, LIMIT, R, None, "a", ""),
        (PROMPT, failed(RULE), R, None, "a", ""),
        (PROMPT, failed(common.HUNG_UP), R, None, "a", ""),
        (PROMPT, EXPIRED, R, None, "a", ""),
        (PROMPT, MISSING, R, None, "a", ""),
        (PROMPT, REFUSED, B, "login.refused", "b", "a"),
        (PROMPT, LOCKED, B, "login.locked", "b", "a"),
        (PROMPT, failed(NO_GRANT), B, "test.no-grant", "b", "a"),
        (PROMPT, DENIED, L, "access.denied", "b", "a"),
        (PROMPT, failed(common.ACCESS_DENIED), B, "access.denied", "b", "a"),
        (PROMPT, CLEAR_TEXT, U, "login.withheld", "b", "a"),
        (PROMPT, failed(talk_ended.LOGIN_TOO_SLOW), U, "login.too-slow", "b", "a"),
        (PROMPT, PLATFORM_DENIED, L, "access.denied", "b", "a"),
        # Limited beside the others.
        (EXPIRED, EXPIRED, L, "tls.expired", "ab", ""),
        (EXPIRED, FILTERED, L, "tls.expired", "a", ""),
        (EXPIRED, REFUSED, L, "tls.expired", "a", ""),
        (DENIED, REFUSED, L, "access.denied", "a", ""),
        (DENIED, MISSING, L, "access.denied", "a", ""),
        (warned(common.TLS_EXPIRED), REFUSED, B, "login.refused", "b", "a"),
        (warned(common.TLS_EXPIRED), DENIED, L, "access.denied", "ab", ""),
        # Undecided beside blocked: undecided, unless the cause of blocked binds both.
        (LIMIT, FILTERED, U, "scanready.limit", "a", ""),
        (BUG, PLATFORM, U, "scanready.bug", "a", ""),
        (NO_DRIVER, FILTERED, U, "agent.driver-missing", "a", ""),
        (NO_DRIVER, REFUSED, B, "login.refused", "b", "a"),
        (failed(common.UDP_SILENT), OLD_TLS, B, "tls.version", "b", "a"),
        (failed(common.UDP_SILENT), FILTERED, U, "connect.udp-silent", "a", ""),
        (failed(common.LOCAL_LIMIT), OLD_TLS, B, "tls.version", "ab", ""),
        (failed(common.TOO_SLOW), failed(common.HUNG_UP), U, "handshake.too-slow", "a", ""),
        (LIMIT, MISSING, U, "scanready.limit", "a", ""),
        (CLEAR_TEXT, REFUSED, B, "login.refused", "b", "a"),
        # Blocked only if every agent is; what binds every agent leads, and then what was met on the highest step.
        (FILTERED, FILTERED, B, "connect.filtered", "ab", ""),
        (FILTERED, UNREACHABLE, B, "connect.filtered", "ab", ""),
        (FILTERED, failed(RULE), B, "test.rule", "ab", ""),
        (FILTERED, REFUSED, B, "login.refused", "ab", ""),
        (failed(RULE), OLD_TLS, B, "tls.version", "ab", ""),
        (PLATFORM, FILTERED, B, "connect.filtered", "ab", ""),
        (PLATFORM_READ, FILTERED, B, "connect.filtered", "ab", ""),
        (PLATFORM_READ, REFUSED, B, "login.refused", "ab", ""),
        (FILTERED, MISSING, U, None, "", ""),
        (failed(common.HUNG_UP), MISSING, U, None, "", ""),
        (PLATFORM, MISSING, U, None, "", ""),
        (REFUSED, MISSING, B, "login.refused", "a", ""),
        (OLD_TLS, MISSING, B, "tls.version", "a", ""),
        (MISSING, MISSING, U, None, "", ""),
    ],
)
def test_pairs(
    a: list[Check] | None, b: list[Check] | None, verdict: Verdict, cause: str | None, by: str, overruled: str
) -> None:
    made = {"a": a, "b": b}
    reports = [result(name, checks) for name, checks in made.items() if checks is not None]
    missing = [name for name, checks in made.items() if checks is None]
    for order in itertools.permutations(reports):
        found = estate_verdict(order, missing)
        assert found.verdict is verdict
        assert (found.cause.code if found.cause else None) == cause
        assert "".join(found.by) == by
        assert "".join(one.agent for one in found.overruled) == overruled
        assert found.missing == tuple(missing)
        assert (found.met_by in found.by) if cause else found.met_by is None


def test_who_is_overruled_by_whom_and_why() -> None:
    reports = [result("a", PROMPT), result("b", REFUSED), result("c", failed(common.LIMIT, Step.RESOLVE))]
    found = estate_verdict([*reports, result("d", FILTERED), result("e", DENIED)])
    assert (found.verdict, found.by, found.met_by, found.step) == (L, ("e",), "e", Step.ACCESS)
    by_account = "login.refused at login applies to this account on every agent, and this result "
    assert [(one.agent, one.own, one.counted, one.by, one.why) for one in found.overruled] == [
        ("a", R, B, "b", f"{by_account}climbed only to auth"),
        ("c", U, B, "b", f"{by_account}passed no step"),
    ]
    found = estate_verdict([reports[0], result("e", DENIED)])
    assert [one.why for one in found.overruled] == [
        "access.denied at access applies to every agent, and this result climbed only to auth"
    ]


def test_the_most_met_cause_leads_among_equals() -> None:
    reports = [result(name, UNREACHABLE if name in "bcd" else FILTERED) for name in "abcde"]
    found = estate_verdict(reports)
    assert (found.cause, found.met_by, found.by) == (common.UNREACHABLE, "b", tuple("abcde"))


def test_no_agent_at_all_decides_nothing() -> None:
    assert estate_verdict([]) == EstateVerdict(U, None, None, None, ())
    assert estate_verdict([], ["b", "a", "b"]).missing == ("a", "b")


@pytest.mark.parametrize(("names", "missing"), [("aa", ()), ("ab", ("b",))])
def test_an_agent_has_one_result(names: str, missing: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="an agent has two results"):
        estate_verdict([result(name, READ) for name in names], missing)


# properties ---------------------------------------------------------------------------------------------------------

CAUSES = [
    *(common.NOT_FOUND, common.NO_ANSWER, common.REFUSED, common.FILTERED, common.UDP_SILENT, common.LOCAL_LIMIT),
    *(common.TLS_VERSION, common.SILENT, common.HUNG_UP, common.THROTTLED, common.OTHER_PROTOCOL, RULE, NO_GRANT),
    *(common.LOGIN_REFUSED, common.LOGIN_WITHHELD, talk_ended.LOGIN_TOO_SLOW, common.ACCESS_DENIED, common.LIMIT),
    *(common.PLATFORM_MISMATCH, common.DRIVER_MISSING, common.TLS_EXPIRED, unproven.FALSE_OPEN),
]
climbs = st.one_of(
    st.sampled_from([READ, PROMPT, up_to(Step.LOGIN), up_to(Step.CONNECT), PLATFORM_READ, PLATFORM_DENIED]),
    st.sampled_from(CAUSES).map(failed),
    st.tuples(st.sampled_from(CAUSES), st.sampled_from([Step.CONNECT, Step.AUTH, Step.LOGIN, Step.ACCESS])).map(
        lambda pair: warned(*pair)
    ),
)
estates = st.lists(climbs, max_size=6).map(
    lambda made: [result(f"agent-{place}", checks) for place, checks in enumerate(made)]
)
absences = st.sets(st.sampled_from(["x", "y"]))
BEST_FIRST = [S, R, L, U, B]


@given(estates, absences, st.randoms())
@settings(deadline=None)
def test_the_order_of_agents_is_irrelevant(reports: list[Report], missing: set[str], random: object) -> None:
    shuffled = list(reports)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert estate_verdict(shuffled, missing) == estate_verdict(reports, sorted(missing, reverse=True))


@given(climbs)
@settings(deadline=None)
def test_one_agent_alone_has_its_own_verdict(checks: list[Check]) -> None:
    report = result("a", checks)
    found = estate_verdict([report])
    assert (found.verdict, found.finding, found.step, found.by, found.overruled) == (
        *(report.verdict, report.finding, report.finding_step),
        *(("a",), ()),
    )


def binds_only_its_agent(report: Report) -> bool:
    return all(
        check.finding is None or check.finding.cause.scope in (Scope.AGENT, Scope.PATH) for check in report.checks
    )


@given(estates.filter(bool), absences, climbs.map(lambda checks: result("new", checks)).filter(binds_only_its_agent))
@settings(deadline=None)
def test_an_agent_that_fares_worse_by_its_path_or_itself_changes_no_verdict(
    reports: list[Report], missing: set[str], further: Report
) -> None:
    before = estate_verdict(reports, missing)
    after = estate_verdict([*reports, further], missing)
    if BEST_FIRST.index(further.verdict) >= BEST_FIRST.index(before.verdict):
        assert after.verdict is before.verdict
    assert BEST_FIRST.index(after.verdict) <= BEST_FIRST.index(before.verdict)


@given(estates.filter(bool), absences)
@settings(deadline=None)
def test_no_result_counts_as_better_than_it_is(reports: list[Report], missing: set[str]) -> None:
    found = estate_verdict(reports, missing)
    least = min(BEST_FIRST.index(report.verdict) for report in reports)
    assert BEST_FIRST.index(found.verdict) >= min(least, BEST_FIRST.index(U) if missing else least)
    for one in found.overruled:
        assert BEST_FIRST.index(one.counted) > BEST_FIRST.index(one.own)
        assert one.finding.cause.scope in (Scope.TARGET, Scope.ACCOUNT)
    assert (found.finding is None) == (found.verdict in (S, R) or not found.by or found.step is None)


# withheld logins ----------------------------------------------------------------------------------------------------

SCAN = Credential("scan", "CORP\\svc")


def refused_at(place: str, agent: str, cause: Cause = common.LOGIN_REFUSED, account: Credential = SCAN) -> Report:
    host, _, port = place.rpartition(":")
    end = Check(Step.LOGIN, place, Outcome.FAILED, "", {}, Finding(cause, "the server said no"))
    return result(agent, [*PROMPT, end], Target(host, "mssql", int(port), credential=account))


def withheld(agent: str, place: str, account: Credential = SCAN) -> Report:
    checks = failed(common.LOGIN_WITHHELD, detail="it was not tried again")
    checks[-1].facts |= {"refused_at": place, "refused_account": list(account.guarded_by)}
    return result(agent, checks, Target("db7", "mssql", 1433, credential=account))


def test_a_withheld_login_takes_verdict_and_cause_of_the_refusal_that_it_names() -> None:
    known = Refusals([refused_at("db1:1433", "a"), refused_at("db9:1433", "a", common.LOGIN_LOCKED)])
    found = estate_verdict([withheld("a", "db9:1433"), withheld("b", "db1:1433")], (), known)
    assert (found.verdict, found.cause, found.by) == (B, common.LOGIN_LOCKED, ("a",))
    assert [(one.agent, one.by, one.finding.cause.code, one.why) for one in found.overruled] == [
        ("a", "a", "login.locked", "the login was withheld because of this refusal (login.locked)"),
        ("b", "a", "login.refused", "the login was withheld because of this refusal (login.refused)"),
    ]


def test_a_refusal_of_the_account_at_another_target_binds_every_agent() -> None:
    known = Refusals([refused_at("db1:1433", "a")])
    found = estate_verdict([withheld("a", "db1:1433"), result("b", PROMPT)], ["c"], known)
    assert (found.verdict, found.cause, found.missing) == (B, common.LOGIN_REFUSED, ("c",))
    assert [one.agent for one in found.overruled] == ["a", "b"]


def test_a_refusal_of_one_host_binds_only_the_login_that_it_withheld() -> None:
    barred = Cause("test.barred", Owner.IDENTITY, Step.LOGIN, "m", "r", "c", scoped=Scope.TARGET)
    known = Refusals([refused_at("db1:1433", "a", barred)])
    assert estate_verdict([withheld("a", "db1:1433")], (), known).cause is barred
    assert estate_verdict([withheld("a", "db1:1433"), result("b", PROMPT)], (), known).verdict is R


@pytest.mark.parametrize(
    "known",
    [
        Refusals(),
        Refusals([refused_at("db1:1434", "a")]),
        Refusals([refused_at("db1:1433", "a", account=Credential("other", "other"))]),
        Refusals([refused_at("db1:1433", "a", talk_ended.LOGIN_TOO_SLOW)]),
        Refusals([result("a", FILTERED, Target("db1", "mssql", 1433))]),
    ],
)
def test_a_withheld_login_that_names_no_known_refusal_stays_undecided(known: Refusals) -> None:
    found = estate_verdict([withheld("a", "db1:1433"), result("b", FILTERED)], (), known)
    assert (found.verdict, found.cause) == (U, common.LOGIN_WITHHELD)


def test_of_several_refusals_at_a_place_the_account_counts_then_the_agent() -> None:
    corp = dataclasses.replace(SCAN, authority="corp")
    second = Credential("second", "svc@corp.example", authority="CORP")
    known = [refused_at("db1:1433", "b", common.LOGIN_LOCKED, second), refused_at("db1:1433", "c", account=corp)]
    for order in (known, known[::-1]):
        assert estate_verdict([withheld("a", "db1:1433", corp)], (), Refusals(order)).cause is common.LOGIN_REFUSED
    of_second = Refusals(known[:1])
    assert estate_verdict([withheld("a", "db1:1433", corp)], (), of_second).cause is common.LOGIN_LOCKED
    assert estate_verdict([withheld("a", "db1:1433")], (), of_second).cause is common.LOGIN_WITHHELD
    both = [refused_at("db1:1433", "b", common.LOGIN_LOCKED), refused_at("db1:1433", "a")]
    assert estate_verdict([withheld("a", "db1:1433")], (), Refusals(both)).met_by == "a"


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"refused_at": "db1:1433"},
        {"refused_at": ["db1:1433"], "refused_account": ["CORP\\svc", "scan"]},
        {"refused_at": "db1:1433", "refused_account": "scan"},
        {"refused_at": "db1:1433", "refused_account": ["CORP\\svc", "scan", "more"]},
        {"refused_at": "db1:1433", "refused_account": [{"a": 1}, "scan"]},
    ],
    ids=["none", "no-account", "a-list-of-places", "a-name", "three-texts", "no-text"],
)
def test_a_result_without_the_place_or_the_account_of_the_refusal_names_none(facts: dict[str, Any]) -> None:
    later = withheld("a", "db1:1433")
    later.checks[-1].facts = facts
    known = Refusals([refused_at("db1:1433", "a")])
    assert estate_verdict([later], (), known).cause is common.LOGIN_WITHHELD


def test_a_refusal_is_known_by_the_endpoint_of_its_target_not_of_the_check() -> None:
    report = refused_at("db1:1433", "a")
    report.checks[-1].endpoint = "proxy:3128"
    assert estate_verdict([withheld("a", "db1:1433")], (), Refusals([report])).cause is common.LOGIN_REFUSED
    assert estate_verdict([withheld("a", "proxy:3128")], (), Refusals([report])).cause is common.LOGIN_WITHHELD


# hosts without a type -----------------------------------------------------------------------------------------------


def host(agent: str, **types: list[Check]) -> Report:
    """Return the report of a host on which several types were tried."""
    tries = [result(agent, checks, Target("fs01", name, 22)) for name, checks in types.items()]
    return combined(Target("fs01", "any", 0), tries, datetime.date(2026, 1, 1))


def test_a_cause_of_one_type_does_not_bind_another() -> None:
    found = estate_verdict([host("a", ssh=PROMPT, smb=FILTERED), host("b", ssh=FILTERED, smb=REFUSED)])
    assert (found.verdict, found.by) == (R, ("a",))
    found = estate_verdict([host("a", ssh=FILTERED, smb=FILTERED), host("b", ssh=FILTERED, smb=REFUSED)], ["c"])
    assert (found.verdict, found.cause, found.missing) == (B, common.LOGIN_REFUSED, ("c",))


@given(st.dictionaries(st.sampled_from(["ssh", "smb", "imap"]), climbs, min_size=1))
@settings(deadline=None)
def test_one_agent_alone_has_its_own_verdict_of_a_host(types: dict[str, list[Check]]) -> None:
    report = host("a", **types)
    found = estate_verdict([report])
    assert (found.verdict, found.finding) == (report.verdict, report.finding)


def test_an_agent_that_did_not_try_a_type_has_no_result_of_it() -> None:
    only = host("b", ssh=FILTERED)
    assert estate_verdict([replace(host("a", ssh=FILTERED, smb=LIMIT)), only]).missing == ("b",)


# scopes that the verdict relies on ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        *("handshake.hung-up", "handshake.broken-off", "handshake.malformed", "handshake.throttled", "tls.failed"),
        *("auth.broken-off", "http.challenged", "postgresql.tls-refused", "postgresql.hba-rejected"),
        *("nfs.export-hidden", "nfs.kerberos-only", "ssh.host-key-changed"),
    ],
)
def test_a_cause_that_may_lie_in_one_agents_address_or_path_binds_no_other(code: str) -> None:
    cause = all_causes()[code]
    assert cause.scope in (Scope.PATH, Scope.AGENT)
    assert estate_verdict([result("a", failed(cause))], ["b"]).verdict is U
