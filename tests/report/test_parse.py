"""Stored results are restored as equal reports; any other content of a file raises our own error."""

from __future__ import annotations

import copy
import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanready.causes import common, unproven
from scanready.model import Agent, Cause, Check, Credential, Finding, Outcome, Owner, Report, Step, Target, Verdict
from scanready.report import new_document, parse
from scanready.report.document import RunInfo, Totals
from scanready.report.ladder import draw
from scanready.report.look import Look
from scanready.report.parse import NotAResult, rejudged
from scanready.report.serialize import as_line, as_object
from scanready.run.registry import all_causes
from scanready.targets.mysql import causes
from tests.readers import quickly
from tests.report.reports import AGENT, HOSTILE, SECRET, blocked, ready

ODD = Cause("echo.no-echo", Owner.SERVER, Step.HANDSHAKE, "It does not echo.", "Make it.", "Shout.")


def undecided() -> Report:
    """The depth decided the verdict, not a check."""
    report = ready()
    del report.checks[1]
    report.verdict, report.finding, report.finding_step = (
        Verdict.UNDECIDED,
        Finding(unproven.DEPTH_LIMITED, "no"),
        Step.AUTH,
    )
    return report


def of_a_plugin() -> Report:
    report = blocked()
    report.finding, report.finding_step = Finding(ODD, "silence", "echo hello"), Step.HANDSHAKE
    report.checks = [
        Check(Step.HANDSHAKE, "e:7", Outcome.FAILED, "silence", {}, report.finding),
        Check(Step.HANDSHAKE, "e:8", Outcome.FAILED, "silence", {}, Finding(ODD, "silence", "echo again")),
    ]
    return report


def limited() -> Report:
    report = ready()
    report.target = Target("[h", "smb", 445, {"share": "x"}, Credential("c", "er", SECRET), ("a", "b"), guessed=True)
    report.agent = Agent("w", "Windows", (), assumed=True)
    finding = Finding(common.TLS_EXPIRED, "yesterday")
    report.checks.append(Check(Step.TLS, "x", Outcome.WARNED, "expired", {}, finding, 0.1234567, tentative=True))
    report.verdict, report.finding, report.finding_step = Verdict.LIMITED, finding, Step.TLS
    return report


REPORTS = [
    blocked(),
    ready(),
    undecided(),
    of_a_plugin(),
    limited(),
    blocked("h", HOSTILE, odd=HOSTILE, lone="\ud800", raw=b"\xff", bag={2, 1}, nan=float("nan"), keys={1: (2, 3)}),
]


@pytest.mark.parametrize("report", REPORTS, ids=range(len(REPORTS)))
def test_a_stored_result_is_the_report_again(report: Report) -> None:
    line = as_line(report)
    again = parse.restored(json.loads(line))
    assert as_line(again) == line
    look = Look(100, verbosity=1)
    assert SECRET not in line
    if "nan" not in report.facts:  # such facts are other ones in JSON
        assert draw(again, look) == draw(report, look)
        for name in ("table",):
            assert _document(name, again) == _document(name, report)


def _document(name: str, report: Report) -> str:
    document = new_document(name, Look(verbosity=1))
    run = RunInfo("0", AGENT, "", 1, Step.ACCESS, [report.target])
    return document.begin(run) + document.add(report) + document.end(Totals())


def test_the_targets_at_hand_are_used() -> None:
    target = Target("db7", "postgresql", 5432, {}, Credential("pg", "er", SECRET))
    assert parse.restored(as_object(blocked()), target).target is target


def test_results_of_before_there_were_details_are_read() -> None:
    old = as_object(blocked())
    for name in ("user", "tags", "guessed"):
        del old["target"][name]
    del old["agent"]["assumed"], old["cause"]["confirm"]
    for check in old["checks"]:
        del check["detail"], check["fix"], check["tentative"]
    again = parse.restored(old)
    assert again.cause is common.FILTERED
    assert again.finding is not None
    assert again.finding.detail == "no answer"
    assert as_object(again)["cause"]["fix"] is None or "5432" in as_object(again)["cause"]["fix"]


@pytest.mark.parametrize(
    "broken",
    [
        None,
        7,
        "x",
        [],
        {},
        {"schema": 2},
        {"verdict": "fine"},
        {"verdict": []},
        {"verdict": {}},
        {"reached": "top"},
        {"checks": {}},
        {"checks": [1]},
        {"facts": []},
        {"seconds": "1"},
        {"seconds": float("inf")},
        {"seconds": -1},
        {"seconds": True},
        {"started": 1},
        {"seconds": 10**400},
        {"footprint": {"connections": -1, "login_attempts": 0, "probe_logins": 0}},
        {"footprint": None},
        {"target": None},
        {"agent": {"name": 1}},
        {"cause": "x"},
        {"cause": {"code": "x.y"}},
        {"target": {"host": "h", "type": "ssh", "port": 70000, "options": {}}},
        {"target": {"host": "h", "type": "ssh", "port": 22, "options": {}, "tags": 1}},
        {"target": {"host": "h", "type": "ssh", "port": 22, "options": {}, "tags": [1]}},
    ],
)
def test_what_is_no_result_is_said_to_be_none(broken: Any) -> None:
    whole = {**as_object(blocked()), **broken} if isinstance(broken, dict) and broken else broken
    with pytest.raises(NotAResult):
        parse.restored(whole)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.data())
def test_nothing_but_our_own_error_escapes(data: st.DataObject) -> None:
    result: Any = copy.deepcopy(as_object(data.draw(st.sampled_from(REPORTS))))
    place, key = result, data.draw(st.sampled_from(sorted(result)))
    while isinstance(place[key], dict | list) and place[key] and data.draw(st.booleans()):
        place = place[key]
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    place[key] = data.draw(JSON)
    with quickly():
        try:
            report = parse.restored(result)
        except NotAResult:
            return
        as_line(report)
        draw(report, Look(verbosity=1))
        rejudged(report)


def test_a_newer_catalogue_judges_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cause that blocked when the result was stored is undecided in the catalogue of this version."""
    stored = parse.restored(as_object(blocked()))
    assert rejudged(stored).verdict is Verdict.BLOCKED
    newer = dataclasses.replace(common.FILTERED, definite=False)
    catalogue = {**all_causes(), newer.code: newer}
    monkeypatch.setattr(parse, "_catalogue", lambda: catalogue)
    again = rejudged(parse.restored(as_object(blocked())))
    assert (again.verdict, again.cause) == (Verdict.UNDECIDED, newer)


def test_what_cannot_be_judged_anew_stays() -> None:
    for report in (undecided(), of_a_plugin()):
        stored = parse.restored(as_object(report))
        assert rejudged(stored).verdict is stored.verdict
    assert rejudged(parse.restored(as_object(ready()))).verdict is Verdict.READY


def test_a_warning_of_an_invented_user_stays_undecided() -> None:
    report = ready()
    found = Finding(causes.SERVER_ERROR, "refused")
    report.checks.append(Check(Step.AUTH, "x", Outcome.WARNED, "", {}, found, tentative=True))
    report.verdict, report.finding, report.finding_step = Verdict.UNDECIDED, found, Step.AUTH
    again = rejudged(parse.restored(as_object(report)))
    assert (again.verdict, again.cause) == (Verdict.UNDECIDED, causes.SERVER_ERROR)
