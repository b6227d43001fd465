"""Targets, settings and reports travel between the processes of a run without loss; messages are bounded."""

from __future__ import annotations

import dataclasses
import datetime
import json
from typing import Any

import pytest

from scanready.causes import common
from scanready.model import (
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
    Scope,
    Standing,
    Step,
    Target,
    Verdict,
)
from scanready.run.any_type import combined
from scanready.run.jobs.frames import MOST, FrameError, Frames, frame
from scanready.run.jobs.groups import at_once, by_host, shares
from scanready.run.jobs.lots import lots_of
from scanready.run.jobs.report_form import Reader, Writer
from scanready.run.jobs.target_form import (
    Accounts,
    accounts_of,
    can_travel,
    settings_form,
    settings_of,
    target_form,
    target_of,
)
from scanready.run.settings import Settings

AGENT = Agent("proxy", "Linux", ("10.0.0.1",), True, "Debian 12", ("10.0.0.1/24",))
DAY = datetime.date(2026, 1, 2)
ACCOUNT = Credential("svc", "er", "pass \N{SNOWMAN} word", "/key", "phrase", "CORP", '{"password":"env:PW"}')


def travelled(target: Target) -> Target:
    accounts = Accounts([account for one in (target, *target.tries) for account in one.credentials])
    forms = json.loads(json.dumps([accounts.forms, target_form(target, accounts)]))
    return target_of(forms[1], accounts_of(forms[0]))


def test_a_target_keeps_all_that_a_climb_needs() -> None:
    options = {"database": "hr", "allow_cleartext": True, "uid": 0, "list": ["a", {"b": None}]}
    tries = (Target("h", "ssh", 22, guessed=True), Target("h", "mysql", 3306, credential=ACCOUNT, guessed=True))
    target = Target("h", "mysql", 3307, options, ACCOUNT, ("finance",), explicit_port=True)
    assert travelled(target) == target
    credential = travelled(target).credential
    assert credential is not None
    assert dataclasses.astuple(credential) == dataclasses.astuple(ACCOUNT)
    host = Target("h", "any", 0, tries=tries, credential=ACCOUNT)
    assert travelled(host).tries == tries
    other = dataclasses.replace(ACCOUNT, name="other", username="er2")
    several = dataclasses.replace(target, alternatives=(other,))
    assert travelled(several).alternatives == (other,)


@pytest.mark.parametrize(
    "value", [("a", "b"), {1}, b"x", object(), float("nan"), float("inf"), 2**60, {1: "a"}, [("a",)], {"a": (1,)}]
)
def test_an_option_that_json_would_change_stays_in_the_first_process(value: Any) -> None:
    target = Target("h", "ssh", 22, {"odd": value})
    assert not can_travel(target)
    assert not can_travel(Target("h", "any", 0, tries=(target,)))
    (staying, going) = lots_of(by_host([target, Target("other", "ssh", 22)]), 4, 4)
    assert (staying.targets, staying.stays) == ([target], True)
    assert (going.stays, [one.host for one in going.targets]) == (False, ["other"])


def test_settings_keep_every_field() -> None:
    settings = Settings(3.5, Step.LOGIN, 7, 2, 1.5, False, "/ca.pem", AGENT, None, DAY, 5, None, 9, 3.0, 3)
    assert settings_of(json.loads(json.dumps(settings_form(settings)))) == settings
    told = {field.name for field in dataclasses.fields(Settings)} - set(settings_form(settings))
    assert told == {"tap"}, "a new setting needs a place in its form"


def report(target: Target, *checks: Check, decisive: int | Finding | None = None) -> Report:
    finding = checks[decisive].finding if isinstance(decisive, int) else decisive
    facts: dict[str, Any] = {}
    for check in checks:
        facts.update(check.facts)
    verdict = Verdict.BLOCKED if finding else Verdict.READY
    return Report(
        AGENT,
        target,
        verdict,
        Step.CONNECT,
        finding,
        Step.TLS if finding else None,
        facts,
        list(checks),
        Footprint(3, 1, 2),
        "2026-01-01T00:00:00Z",
        0.25,
    )


REFUSED = Finding(common.REFUSED, "reset \ud800 \x1b[2J", "nft ...", ((Owner.NETWORK, "permit"),), Owner.DATABASE)
OWN = Cause(
    "other.own", Owner.SERVER, Step.AUTH, "m", "r", "c", False, Scope.TARGET, True, (OtherOwner(Owner.AGENT, "x"),)
)
CHECKS = (
    Check(Step.RESOLVE, "h", Outcome.PASSED, "10.0.0.7", {"addresses": ["10.0.0.7"], "n": 1.5}, None, 0.5),
    Check(Step.TLS, "h:1", Outcome.FAILED, "s", {"product": "x"}, REFUSED, 0.1, True, True, "trace", "remark", ["e"]),
    Check(Step.AUTH, "h:1", Outcome.WARNED, "s", {}, Finding(OWN, "d")),
    Check(Step.AUTH, "h:1", Outcome.SKIPPED, "no", events=[]),
)


def read(made: Report, target: Target) -> Report:
    return Reader(AGENT, DAY).report(json.loads(Writer().text(made)), target)


@pytest.mark.parametrize("decisive", [None, 1, Finding(common.BUG, "the verifier named no cause")])
def test_a_report_keeps_every_field(decisive: int | Finding | None) -> None:
    target = Target("h", "ssh", 22)
    made = report(target, *CHECKS, decisive=decisive)
    assert read(made, target) == made
    assert read(made, target).target is target


def test_the_process_that_shows_judges_known_failures() -> None:
    expected = Expectation(Verdict.BLOCKED, "connect.refused", DAY)
    target = Target("h", "ssh", 22, expected=expected)
    assert read(report(target, *CHECKS, decisive=1), target).standing is Standing.WAIVED


def test_a_host_without_a_type_has_the_reports_of_its_types() -> None:
    tries = (Target("h", "ssh", 22, guessed=True), Target("h", "mysql", 3306, guessed=True))
    host = Target("h", "any", 0, tries=tries)
    made = combined(host, [report(tries[1], CHECKS[0]), report(tries[0], *CHECKS, decisive=1)], DAY)
    found = read(made, host)
    assert found == made
    assert [one.target for one in found.types] == [tries[1], tries[0]]


def test_facts_that_are_no_json_have_the_form_of_a_result() -> None:
    odd = {"bag": {3, 1}, "raw": b"\xffx", "nan": float("nan"), "keys": {1: 2}, "day": DAY, "owner": Owner.AGENT}
    target = Target("h", "ssh", 22)
    found = read(report(target, Check(Step.TLS, "h", Outcome.PASSED, "s", odd)), target)
    assert found.facts == {
        "bag": [1, 3],
        "raw": "\\xffx",
        "nan": None,
        "keys": {"1": 2},
        "day": "2026-01-02",
        "owner": "agent",
    }


@pytest.mark.parametrize("form", [None, [], [1] * 8, {"a": 1}, ["ready", "nowhere", None, None, [], [1, 1, 1], "", 0]])
def test_what_is_no_report_raises_a_known_error(form: Any) -> None:
    with pytest.raises((ValueError, TypeError, KeyError, IndexError, AttributeError)):
        Reader(AGENT, DAY).report(form, Target("h", "ssh", 22))


def test_an_unknown_cause_is_no_report() -> None:
    form: list[Any] = ["blocked", None, ["no.such", "d", None, [], "agent"], None, [], [0, 0, 0], "", 0]
    with pytest.raises(ValueError, match=r"no\.such"):
        Reader(AGENT, DAY).report(form, Target("h", "ssh", 22))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_messages_arrive_in_any_pieces(size: int) -> None:
    sent: list[dict[str, Any]] = [{"a": 1}, {"b": ["\ud800", "\N{SNOWMAN}"]}, {}]
    data = b"".join(map(frame, sent))
    frames = Frames()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert [message for piece in pieces for message in frames.feed(piece)] == sent


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff", b"\0\0\0\2[]", b"\0\0\0\1{", b"\0\0\0\2\xff\xfe"])
def test_bytes_that_are_no_message(data: bytes) -> None:
    with pytest.raises(FrameError):
        list(Frames().feed(data))
    assert MOST < 2**32


def test_targets_are_divided_by_host() -> None:
    names = ["a", "A.", "::1", "0:0::1", "b", "1.2.3.4", "fe80::1%eth0", "fe80:0::1%eth0", "fe80::1", "a1", "::1%"]
    groups = by_host([Target(name, "ssh", port) for port, name in enumerate(names, 1)])
    assert [[one.host for one in group] for group in groups] == [
        ["a", "A."],
        ["::1", "0:0::1"],
        ["b"],
        ["1.2.3.4"],
        ["fe80::1%eth0", "fe80:0::1%eth0"],
        ["fe80::1"],
        ["a1"],
        ["::1%"],
    ]


@pytest.mark.parametrize(("total", "processes"), [(1000, 3), (1, 1), (7, 7), (128, 5)])
def test_a_limit_of_the_run_is_divided_without_rest(total: int, processes: int) -> None:
    divided = shares(total, processes)
    assert (sum(divided), len(divided), min(divided) > 0) == (total, processes, True)


@pytest.mark.parametrize(("groups", "processes", "expected"), [(1, 4, 1), (100, 2, 6), (100_000, 2, 16)])
def test_a_process_is_given_some_hosts_many_times(groups: int, processes: int, expected: int) -> None:
    assert at_once(groups, processes) == expected


def test_a_host_takes_no_more_places_than_its_limit() -> None:
    tries = tuple(Target("any", "ssh", port, guessed=True) for port in range(1, 31))
    targets = [*(Target("h", "ssh", port) for port in range(1, 11)), Target("any", "any", 0, tries=tries)]
    one, other = lots_of(by_host(targets), 1, 4)
    assert (one.taken, other.taken) == (4, 24)
    freed = [one.leave(target) for target in one.targets]
    assert freed == [0] * 6 + [1] * 4
    assert (other.leave(targets[-1]), other.taken) == (24, 0)
