"""The words of the model: the verdict as a table of checks, and what targets, credentials and reports say."""

from __future__ import annotations

import datetime
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from scanready.causes import common, unproven
from scanready.model import (
    DEPTHS,
    LADDER,
    Agent,
    Cause,
    Check,
    Credential,
    Expectation,
    Finding,
    Footprint,
    Outcome,
    Owner,
    Report,
    Scope,
    Step,
    Target,
    Verdict,
    bracketed,
    is_address,
    judge,
    reached,
)
from scanready.model.platforms import platform_name

P, W, F, S = Outcome.PASSED, Outcome.WARNED, Outcome.FAILED, Outcome.SKIPPED
CLIMBED = [(Step.RESOLVE, P), (Step.CONNECT, P), (Step.HANDSHAKE, P), (Step.AUTH, P)]


def checks(*steps: tuple[Step, Outcome], **last: Any) -> list[Check]:
    """Checks without findings; ``last`` is set on the last one."""
    made = [Check(step, "h:1", outcome, "") for step, outcome in steps]
    for name, value in last.items():
        setattr(made[-1], name, value)
    return made


def finding(cause: Cause) -> Finding:
    return Finding(cause, "the detail")


@pytest.mark.parametrize(
    ("made", "verdict"),
    [
        (checks(*CLIMBED), Verdict.READY),
        (checks(*CLIMBED, (Step.LOGIN, P)), Verdict.READY),
        (checks(*CLIMBED, (Step.LOGIN, P), (Step.ACCESS, P)), Verdict.SCANNABLE),
        (checks(*CLIMBED[:2], (Step.ACCESS, P)), Verdict.SCANNABLE),
        (checks(*CLIMBED[:2]), Verdict.UNDECIDED),
        (checks(*CLIMBED[:3]), Verdict.UNDECIDED),
        (checks(), Verdict.UNDECIDED),
        (checks(*CLIMBED[:1], (Step.CONNECT, F), finding=finding(common.REFUSED)), Verdict.BLOCKED),
        (checks(*CLIMBED, (Step.LOGIN, F), finding=finding(common.BUG)), Verdict.UNDECIDED),
        (checks(*CLIMBED, (Step.LOGIN, F), finding=finding(common.LOGIN_WITHHELD)), Verdict.UNDECIDED),
        (checks(*CLIMBED, (Step.TLS, W), finding=finding(common.TLS_EXPIRED)), Verdict.LIMITED),
        (checks(*CLIMBED[:2], (Step.CONNECT, W), finding=finding(common.FILTERED)), Verdict.UNDECIDED),
        (checks(*CLIMBED[:3], (Step.AUTH, W), finding=finding(common.REFUSED), tentative=True), Verdict.UNDECIDED),
        (checks(*CLIMBED[:3], (Step.AUTH, F), finding=finding(common.REFUSED), tentative=True), Verdict.UNDECIDED),
        (checks(*CLIMBED, (Step.HANDSHAKE, W), finding=finding(unproven.FALSE_OPEN)), Verdict.UNDECIDED),
        (checks(*CLIMBED, (Step.LOGIN, S)), Verdict.READY),
    ],
)
def test_judge(made: list[Check], verdict: Verdict) -> None:
    assert judge(made)[0] is verdict


#: Climbs that prove nothing yet, the login prompt, and read access.
CONNECTED = checks(*CLIMBED[:2])
PROMPTED = checks(*CLIMBED)
READ = checks(*CLIMBED, (Step.LOGIN, P), (Step.ACCESS, P))
U, B, L = Verdict.UNDECIDED, Verdict.BLOCKED, Verdict.LIMITED
NOTHING_NEW = (U, Verdict.READY, Verdict.SCANNABLE)
#: One cause that says something about the target, and one that kept us from knowing.
KNOWN, UNKNOWN = common.TLS_EXPIRED, common.LIMIT


@pytest.mark.parametrize(
    ("outcome", "cause", "tentative", "verdicts"),
    [
        (P, None, False, NOTHING_NEW),
        (P, None, True, NOTHING_NEW),
        (P, KNOWN, False, NOTHING_NEW),
        (P, KNOWN, True, (U, U, U)),
        (P, UNKNOWN, False, (U, U, U)),
        (P, UNKNOWN, True, (U, U, U)),
        (W, None, False, NOTHING_NEW),
        (W, None, True, NOTHING_NEW),
        (W, KNOWN, False, (U, L, L)),
        (W, KNOWN, True, (U, U, U)),
        (W, UNKNOWN, False, (U, U, U)),
        (W, UNKNOWN, True, (U, U, U)),
        (F, None, False, (U, U, U)),
        (F, None, True, (U, U, U)),
        (F, KNOWN, False, (B, B, B)),
        (F, KNOWN, True, (U, U, U)),
        (F, UNKNOWN, False, (U, U, U)),
        (F, UNKNOWN, True, (U, U, U)),
        (S, None, False, NOTHING_NEW),
        (S, None, True, NOTHING_NEW),
        (S, KNOWN, False, NOTHING_NEW),
        (S, KNOWN, True, (U, U, U)),
        (S, UNKNOWN, False, (U, U, U)),
        (S, UNKNOWN, True, (U, U, U)),
    ],
)
def test_one_further_check(
    outcome: Outcome, cause: Cause | None, tentative: bool, verdicts: tuple[Verdict, Verdict, Verdict]
) -> None:
    """Every combination of outcome, cause and identity, beside climbs that prove nothing, the prompt, and access."""
    further = Check(Step.TLS, "h:1", outcome, "", {}, finding(cause) if cause else None, tentative=tentative)
    for climbed, expected in zip((CONNECTED, PROMPTED, READ), verdicts, strict=True):
        for made in ([*climbed, further], [further, *climbed]):
            verdict, decisive = judge(made)
            assert verdict is expected, made
            explained = verdict in (B, L) or (verdict is U and verdicts == (U, U, U))
            assert decisive is (further if explained else None), made


def judged(*made: list[Check]) -> tuple[Verdict, str]:
    """The verdict, and the endpoint of the check that decided it."""
    verdict, decisive = judge([check for some in made for check in some])
    return verdict, decisive.endpoint if decisive else ""


def one(endpoint: str, outcome: Outcome, cause: Cause) -> list[Check]:
    return [Check(Step.TLS, endpoint, outcome, "", {}, finding(cause))]


def test_of_several_causes_the_worst_decides_and_of_equals_the_first() -> None:
    failed, unknown = one("failed", F, common.REFUSED), one("unknown", F, common.LIMIT)
    warned = one("warned", W, common.TLS_EXPIRED)
    assert judged(READ, warned, unknown, failed, one("later", F, common.FILTERED)) == (B, "failed")
    assert judged(READ, warned, unknown, one("later", W, common.LIMIT)) == (U, "unknown")
    assert judged(READ, warned, one("later", W, common.TLS_UNTRUSTED)) == (L, "warned")


@pytest.mark.parametrize(
    ("proof", "last", "verdict"),
    [
        (Step.CONNECT, Step.RESOLVE, U),
        (Step.CONNECT, Step.CONNECT, Verdict.READY),
        (Step.HANDSHAKE, Step.CONNECT, U),
        (Step.HANDSHAKE, Step.HANDSHAKE, Verdict.READY),
        (Step.AUTH, Step.HANDSHAKE, U),
        (Step.AUTH, Step.AUTH, Verdict.READY),
        (Step.LOGIN, Step.AUTH, U),
        (Step.LOGIN, Step.LOGIN, Verdict.READY),
        (Step.LOGIN, Step.ACCESS, Verdict.SCANNABLE),
    ],
)
def test_a_type_is_ready_once_its_own_proof_holds(proof: Step, last: Step, verdict: Verdict) -> None:
    climbed = [(step, P) for step in LADDER if step.height <= last.height]
    assert judge(checks(*climbed), proof) == (verdict, None)


@pytest.mark.parametrize("step", [Step.AUTH, Step.ACCESS])
def test_a_step_with_a_warning_is_proof_too(step: Step) -> None:
    warned = Check(step, "h:1", W, "", {}, finding(common.TLS_EXPIRED))
    assert judge([*CONNECTED, warned]) == (L, warned)


def test_a_blocking_cause_outranks_what_came_before_it() -> None:
    made = checks((Step.TLS, W), finding=finding(common.TLS_EXPIRED)) + checks(
        (Step.LOGIN, F), finding=finding(common.LOGIN_REFUSED)
    )
    verdict, decisive = judge(made)
    assert verdict is Verdict.BLOCKED
    assert decisive is made[1]


def test_a_type_whose_requirement_ends_earlier() -> None:
    assert judge(checks(*CLIMBED[:3]), Step.HANDSHAKE)[0] is Verdict.READY


def test_reached_is_the_highest_that_held() -> None:
    assert reached(checks(*CLIMBED, (Step.LOGIN, F))) is Step.AUTH
    assert reached(checks((Step.RESOLVE, F))) is None


def test_reached_counts_warnings_and_neither_failures_nor_skipped_steps() -> None:
    made = checks((Step.AUTH, W), (Step.CONNECT, P), (Step.LOGIN, F), (Step.ACCESS, S))
    assert reached(made) is Step.AUTH
    assert reached([]) is None


def test_the_ladder_rises_from_the_agent_to_access() -> None:
    names = ["agent", "resolve", "connect", "tls", "handshake", "auth", "login", "access"]
    assert [str(step) for step in LADDER] == names
    assert [step.height for step in LADDER] == list(range(8))
    depths = [Step(depth).height for depth in DEPTHS]
    assert depths == sorted(depths), "each depth is a step, and a later one goes further"


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("db7.corp", "postgresql://db7.corp:5432"),
        ("10.0.0.7", "postgresql://10.0.0.7:5432"),
        ("fe80::7%eth0", "postgresql://[fe80::7%eth0]:5432"),
    ],
)
def test_a_target_is_shown_as_a_url(host: str, shown: str) -> None:
    made = Target(host, "postgresql", 5432)
    assert str(made) == shown
    assert made.endpoint == (host, 5432)
    assert shown.endswith(f"{bracketed(host)}:5432")


def test_a_target_has_no_options_and_no_origin_unless_given() -> None:
    made = Target("h", "ssh", 22)
    assert (made.options, made.credential, made.tags, made.source) == ({}, None, (), None)
    assert not made.explicit_port
    assert not made.guessed


def test_a_target_has_its_accounts_in_the_order_of_their_tries() -> None:
    old, new = Credential("old", "er"), Credential("new", "er2")
    made = Target("h", "ssh", 22, credential=old, alternatives=(new,))
    assert made.credentials == (old, new)
    assert Target("h", "ssh", 22).credentials == ()
    with pytest.raises(TypeError, match="alternatives must be a tuple of Credentials"):
        Target("h", "ssh", 22, credential=old, alternatives=("new",))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="it is tried first"):
        Target("h", "ssh", 22, alternatives=(new,))


@pytest.mark.parametrize("text", ["10.0.0.7", "::1", "fe80::7", "fe80::7%eth0", "2001:db8::1"])
def test_addresses(text: str) -> None:
    assert is_address(text) is True


@pytest.mark.parametrize("text", ["db7.corp", "", "10.0.0", "10.0.0.256", "10.0.0.0/8", "%eth0", "[::1]", "eth0%::1"])
def test_what_is_no_address(text: str) -> None:
    assert is_address(text) is False


def test_an_account_is_guarded_for_who_judges_it() -> None:
    assert Credential("pg", "svc").guarded_by == ("svc", "pg")
    assert Credential("pg", "svc", authority="corp.example").guarded_by == ("svc", "corp.example")
    assert Credential("pg", "SVC").guarded_by != Credential("pg", "svc").guarded_by
    assert Credential("pg", "svc").password is None


@pytest.mark.parametrize("username", ["svc", "SVC", "CORP\\svc", "corp\\Svc", "svc@corp.example", "Svc@CORP.EXAMPLE"])
def test_a_directory_has_one_account_whatever_its_spelling(username: str) -> None:
    assert Credential("any", username, authority="Corp").guarded_by == ("svc", "corp")


@pytest.mark.parametrize("username", ["CORP\\", "@corp"])
def test_a_name_that_is_a_domain_alone_stays_itself(username: str) -> None:
    assert Credential("any", username, authority="corp").guarded_by == (username.casefold(), "corp")


def test_a_new_check_claims_nothing() -> None:
    made = Check(Step.AUTH, "h:1", P, "asks for a password")
    assert (made.facts, made.finding, made.seconds) == ({}, None, 0.0)
    assert not made.tentative
    assert not made.wordless
    assert Footprint() == Footprint(connections=0, login_attempts=0, probe_logins=0)
    assert (Footprint().connections, Footprint().login_attempts, Footprint().probe_logins) == (0, 0, 0)


def test_the_cost_of_a_second_visit_is_added_to_the_first() -> None:
    cost = Footprint(connections=3, login_attempts=1, probe_logins=1)
    cost.add(Footprint(connections=2, login_attempts=4, probe_logins=8))
    assert cost == Footprint(connections=5, login_attempts=5, probe_logins=9)


def test_an_agent_is_real_unless_assumed() -> None:
    made = Agent("proxy1", "Linux")
    assert not made.assumed
    assert (made.addresses, made.distribution, made.networks) == ((), "", ())


def test_a_cause_is_definite_unless_marked() -> None:
    made = Cause("x.y", Owner.SERVER, Step.AUTH, "It is.", "Change it.", "Look.")
    assert made.definite is True


@pytest.mark.parametrize(
    ("step", "owner", "scope"),
    [
        (Step.AGENT, Owner.SERVER, Scope.AGENT),
        (Step.AUTH, Owner.AGENT, Scope.AGENT),
        (Step.AUTH, Owner.SCANREADY, Scope.AGENT),
        (Step.RESOLVE, Owner.SERVER, Scope.PATH),
        (Step.CONNECT, Owner.SERVER, Scope.PATH),
        (Step.AUTH, Owner.NETWORK, Scope.PATH),
        (Step.HANDSHAKE, Owner.SERVER, Scope.TARGET),
        (Step.AUTH, Owner.SERVER, Scope.TARGET),
        (Step.ACCESS, Owner.SERVER, Scope.TARGET),
    ],
)
def test_a_cause_is_true_of_what_its_step_and_owner_imply(step: Step, owner: Owner, scope: Scope) -> None:
    made = Cause("x.y", owner, step, "It is.", "Change it.", "Look.")
    assert made.scope is scope
    assert replace(made, scoped=Scope.ACCOUNT).scope is Scope.ACCOUNT


def test_a_report_names_the_cause_of_its_finding() -> None:
    def report(found: Finding | None) -> Report:
        agent, where = Agent("proxy1", "Linux"), Target("h", "ssh", 22)
        return Report(agent, where, B, None, found, Step.CONNECT, {}, [], Footprint(), "2024-01-01T00:00:00Z", 0.1)

    assert report(finding(common.REFUSED)).cause is common.REFUSED
    assert report(None).cause is None


NESTED = {"path": "/a", "deep": {"list": ["x", {"y": 1}], "pair": ("p", 2)}, "size": 1, "on": True, "raw": {1, 2}}


def test_equal_targets_have_equal_hashes() -> None:
    account = Credential("pg", "er", "secret")
    one = Target("h", "ssh", 22, NESTED, account, tags=("a",))
    other = Target("h", "ssh", 22, dict(reversed(NESTED.items())), replace(account), tags=("a",))
    assert one == other
    assert hash(one) == hash(other)
    assert {one, other} == {one}
    assert hash(one) == hash(replace(one, options=MappingProxyType(NESTED)))
    assert replace(one, options=MappingProxyType(NESTED)) == one
    assert one == replace(one, options={**NESTED, "size": 1.0, "on": 1, "raw": frozenset((1, 2))})
    assert hash(one) == hash(replace(one, options={**NESTED, "size": 1.0, "on": 1, "raw": frozenset((1, 2))}))


@pytest.mark.parametrize(
    "change",
    [
        {"host": "i"},
        {"type": "smb"},
        {"port": 23},
        {"credential": Credential("other", "er")},
        {"options": {**NESTED, "path": "/b"}},
        {"options": {**NESTED, "deep": {"list": ["x", {"y": 1}], "pair": ("q", 2)}}},
        {"options": {**NESTED, "deep": {"list": ["z", {"y": 1}], "pair": ("p", 2)}}},
    ],
)
def test_other_targets_have_other_hashes(change: dict[str, Any]) -> None:
    """Or ten thousand shares of one server would be compared one by one."""
    one = Target("h", "ssh", 22, NESTED)
    assert hash(replace(one, **change)) != hash(one)


def test_secrets_are_not_in_a_repr() -> None:
    credential = Credential("pg", "er", password="canary-1", key_passphrase="canary-2")
    assert "canary" not in repr(credential)


def test_a_known_failure_is_an_expectation_and_tells_no_targets_apart() -> None:
    known = Expectation(Verdict.BLOCKED, "connect.refused", datetime.date(2999, 1, 1))
    target = Target("db7", "mysql", 3306)
    assert replace(target, expected=known) == target
    assert hash(replace(target, expected=known)) == hash(target)
    with pytest.raises(TypeError, match=r"Target\.expected must be an Expectation or None, not str"):
        Target("db7", "mysql", 3306, expected="blocked")  # type: ignore[arg-type]


def test_an_account_without_its_secrets_makes_no_login() -> None:
    account = Credential("scan", "er", "secret", "key", "words", "corp")
    bare = account.without_secrets()
    assert (bare.name, bare.username, bare.authority, bare.is_unused) == ("scan", "er", "corp", True)
    assert (bare.password, bare.key_file, bare.key_passphrase) == (None, None, None)
    assert not account.is_unused


@pytest.mark.parametrize("name", ["agents", "sites"])
@pytest.mark.parametrize("value", ["nyc", ("nyc", 5), None], ids=["a text", "a number among them", "none"])
def test_the_agents_and_sites_of_a_target_are_texts(name: str, value: object) -> None:
    with pytest.raises(TypeError, match=f"Target.{name} must be a tuple of texts"):
        Target("h", "ssh", 22, **{name: value})  # type: ignore[arg-type]  # that is the test


def test_a_platform_has_the_name_of_the_inventory_and_an_unknown_one_its_own() -> None:
    assert [platform_name(system) for system in ("Darwin", "Linux", "Plan9")] == ["macos", "linux", "Plan9"]


def test_a_fix_stays_with_its_owner_in_a_case_of_the_cause() -> None:
    """The firewall rule is for the network team, also where the server comes first; without the team there is none."""
    found = Finding(common.FILTERED, "no answer", "tcp dport 22 accept")
    assert found.narrowed("host-answers") == replace(found, cause=common.FILTERED.narrowed("host-answers"))
    neighbour = found.narrowed("neighbour")
    assert (neighbour.owner, neighbour.fix) == (Owner.SERVER, None)
    assert neighbour.also == ((Owner.NETWORK, "tcp dport 22 accept"),)
    no_route = Finding(common.UNREACHABLE, "no route", "of the network team").narrowed("no-route")
    assert (no_route.owner, no_route.fix, no_route.also) == (Owner.AGENT, None, ())
    assert replace(found, case="unknown").narrowed("unknown") == found, "a case that the cause does not have"
    assert Finding(common.BUG, "").narrowed("neighbour").cause is common.BUG
