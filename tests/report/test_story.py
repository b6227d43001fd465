"""The story of a climb matches the verifiers of every type, and its lines can be pasted."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from scanready.catalogue import TargetType
from scanready.causes import common
from scanready.model import (
    Agent,
    Check,
    Credential,
    Finding,
    Footprint,
    Outcome,
    Owner,
    Report,
    Step,
    Target,
    Verdict,
)
from scanready.report.ladder import draw
from scanready.report.look import Look
from scanready.report.story import tell
from scanready.run.registry import catalogue
from tests.report.reports import AGENT, HOSTILE, blocked, ready

BUILT_IN = catalogue().built_in


def climbed(kind: str, *checks: Check, **more: Any) -> Report:
    target = Target("10.0.0.7", kind, BUILT_IN[kind].port if kind in BUILT_IN else 99)
    made = Report(AGENT, target, Verdict.READY, None, None, None, {}, list(checks), Footprint(), "2026-01-01", 0.1)
    return dataclasses.replace(made, **more)


def passed(step: Step, endpoint: str = "10.0.0.7:1") -> Check:
    return Check(step, endpoint, Outcome.PASSED, "fine")


#: Rungs on which these never ask anything of their own: their protocols end before.
SILENT = {"tibero": (Step.AUTH, Step.LOGIN, Step.ACCESS), "notes": (Step.AUTH, Step.LOGIN, Step.ACCESS)}
SILENT["cloud"] = SILENT["notes"]


@pytest.mark.parametrize("row", BUILT_IN.values(), ids=lambda row: row.name)
def test_every_built_type_says_what_it_sends_on_its_own_rungs(row: TargetType) -> None:
    for step in row.steps:
        rung = tell(climbed(row.name, dataclasses.replace(passed(step), events=[]))).rungs[0]
        if step not in (*SILENT.get(row.name, ()), Step.TLS):
            assert rung.sent, f"its story says nothing of {step}"
        assert rung.received == "fine"
        assert rung.means


def test_no_story_is_for_a_step_that_its_type_does_not_have() -> None:
    stories = list(catalogue().parts("story"))
    assert sorted(kind for module in stories for kind in module.STORY) == sorted(BUILT_IN)
    for module in stories:
        for kind, steps in module.STORY.items():
            assert BUILT_IN[kind].home == module.__package__, "a family has words for its own types only"
            assert set(steps) <= set(BUILT_IN[kind].steps), kind


def test_no_place_in_a_line_is_left_open() -> None:
    for kind, row in BUILT_IN.items():
        lines = [line for step in row.steps for line in tell(climbed(kind, passed(step))).rungs[0].by_hand]
        for line in lines:
            assert not re.search(r"[{}]", line.replace("'{user}'", "")), line


def test_of_a_type_that_nobody_knows_there_is_still_a_story() -> None:
    rung = tell(climbed("gopher", passed(Step.HANDSHAKE))).rungs[0]
    assert (rung.sent, rung.received, rung.means) == ("", "fine", "the service speaks the expected protocol")


@pytest.mark.parametrize("kind", ["tibero", "notes"])
def test_of_a_protocol_known_by_its_shape_no_more_is_said(kind: str) -> None:
    assert "looks like the expected service" in tell(climbed(kind, passed(Step.HANDSHAKE))).rungs[0].means


def test_who_may_be_asked_with_one_line_gets_it_without_words_before_it() -> None:
    finding = Finding(common.REFUSED, "reset")
    check = Check(Step.CONNECT, "10.0.0.7:22", Outcome.FAILED, "reset", {}, finding)
    line = tell(climbed("ssh", check)).rungs[0].by_hand[0]
    assert line.startswith("On the target: ")  # two places: both are said
    late = Check(Step.CONNECT, "10.0.0.7:22", Outcome.FAILED, "late", {}, Finding(common.FILTERED, "late"))
    assert tell(climbed("ssh", late)).rungs[0].by_hand[0].startswith("nc ")


def test_the_lines_have_the_target_in_them() -> None:
    target = Target("db7", "oracle", 1522, {"service": "HR;x"}, Credential("c", "er", "secret"))
    report = climbed("oracle", passed(Step.HANDSHAKE), passed(Step.AUTH), passed(Step.LOGIN), target=target)
    report.footprint.login_attempts = 1
    lines = [rung.by_hand for rung in tell(report).rungs]
    assert lines == [("tnsping db7:1522",), ("tnsping db7:1522/'HR;x'",), ("sqlplus er@//db7:1522/'HR;x'",)]


def test_an_endpoint_besides_the_targets_own_is_asked_for_itself() -> None:
    failed = Finding(common.FILTERED, "no answer")
    other = Check(Step.CONNECT, "nas:20048/tcp", Outcome.FAILED, "mountd: no answer", {}, failed)
    silent = Check(Step.CONNECT, "nas:20048/udp", Outcome.SKIPPED, "mountd: no answer")
    heard = Check(Step.CONNECT, "[fe80::1%eth0]:111/udp", Outcome.PASSED, "answers")
    rungs = tell(climbed("nfs", other, silent, heard)).rungs
    assert rungs[0].by_hand[0].startswith("nc -vz -w 5 nas 20048   #")  # the agent is where one sits
    assert (rungs[0].sent, rungs[0].code, rungs[0].owner) == (
        "a TCP connection request",
        "connect.filtered",
        Owner.NETWORK,
    )
    assert (rungs[1].sent, rungs[1].by_hand) == ("", ())
    assert rungs[2].by_hand == ("nc -u -vz fe80::1%eth0 111",)


def test_what_was_not_tried_is_not_told_as_sent() -> None:
    withheld = Check(Step.LOGIN, "db:1", Outcome.FAILED, "", {}, Finding(common.LOGIN_WITHHELD, "refused elsewhere"))
    assert tell(climbed("postgresql", withheld)).rungs[0].sent == "nothing: the account was not tried"
    skipped = Check(Step.ACCESS, "db:1", Outcome.SKIPPED, "not reached")
    rung = tell(climbed("postgresql", skipped)).rungs[0]
    assert (rung.sent, rung.means, rung.by_hand) == ("", "not checked, so the result is unknown", ())
    first = passed(Step.HANDSHAKE)
    assert tell(climbed("informix", first)).rungs[0].sent.startswith("nothing: the protocol starts with a login")
    probed = climbed("informix", first, footprint=Footprint(1, 0, 1))
    assert "as scanready_probe" in tell(probed).rungs[0].sent


def test_a_mysql_server_is_never_to_be_asked_with_nc() -> None:
    (rung,) = tell(climbed("mysql", passed(Step.CONNECT, "10.0.0.7:3306"))).rungs
    assert rung.by_hand[0].startswith("mysqladmin ")


def test_a_windows_agent_gets_lines_of_its_own() -> None:
    checks = (passed(Step.RESOLVE, "fs01"), passed(Step.CONNECT, "fs01:445"))
    report = climbed("smb", *checks, agent=Agent("w", "Windows", ("10.0.0.1",)))
    assert [rung.by_hand[0] for rung in tell(report).rungs] == [
        "Resolve-DnsName fs01",
        "Test-NetConnection fs01 -Port 445",
    ]


def test_a_cause_of_all_types_is_confirmed_with_the_types_own_line() -> None:
    refused = Finding(common.LOGIN_REFUSED, "password authentication failed")
    report = climbed("postgresql", Check(Step.LOGIN, "10.0.0.7:5432", Outcome.FAILED, "", {}, refused))
    assert tell(report).rungs[0].by_hand[1].startswith("psql -h 10.0.0.7 -p 5432 -U USER")


@pytest.mark.parametrize("owner", Owner)
def test_whom_to_ask_and_what(owner: Owner) -> None:
    report = blocked()
    cause = dataclasses.replace(common.FILTERED, owner=owner)
    report.finding = Finding(cause, "no answer", "tcp dport 5432 accept")
    report.checks = [Check(Step.CONNECT, "db7:5432", Outcome.FAILED, "no answer", {}, report.finding)]
    request = tell(report).request
    assert request is not None
    assert request.owner is owner
    assert request.whom
    for words in (
        "postgresql://er@db7:5432/hr (PostgreSQL) cannot be scanned from the agent proxy-nyc (10.0.1.5).",
        "no answer",
    ):
        assert words in request.text
    assert "Fix:\ntcp dport 5432 accept\n" in request.text
    assert tell(ready()).request is None


def test_the_story_is_drawn_with_v_and_hostile_words_are_harmless() -> None:
    report = blocked(HOSTILE, HOSTILE)
    report.checks.append(Check(Step.ACCESS, HOSTILE, Outcome.FAILED, HOSTILE, {}, report.finding))
    text = draw(report, Look(100, verbosity=1))
    for words in ("step by step", "sent", "result", "meaning", "check manually", "ask the network team"):
        assert words in text
    for sequence in ("\x1b", "\x07", "\u202e", "\x9b", "\r", "\u2028"):
        assert sequence not in text
    assert text.count(common.FILTERED.meaning) == 4, (
        "in the verdict, once in the story, and in the tickets of both owners"
    )
    assert "step by step" not in draw(report, Look(100))
