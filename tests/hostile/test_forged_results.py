"""Results that contradict their checks, their file or each other: each has one clear line, and costs only itself."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanready.model import Outcome, Owner, Step, Verdict, reached
from scanready.report.parse import NotAResult, rejudged, restored
from scanready.report.plain_result import is_plain
from scanready.report.rejudging import Rejudging
from scanready.report.serialize import as_object
from scanready.store import Store
from tests.cli.exports import ago, write
from tests.cli.in_process import call
from tests.hostile.test_hostile_exports import GOOD, changed, folder, replaced, written
from tests.report.estate import reports
from tests.report.reports import blocked, ready
from tests.report.test_parse import of_a_plugin, undecided

__all__ = ["folder"]

RESULTS = [as_object(one) for one in reports(6)]
SCANNABLE, READY, LIMITED, FILTERED, REJECTED, THROTTLED = range(6)


def told(*files: str) -> list[str]:
    done = call("merge", *files, "--format", "csv", "-o", "x.csv", "-q")
    assert not isinstance(done.exception, Exception), done.exception
    return done.stderr.splitlines()


def stored(folder: Path, agent: str = "proxy-bad") -> list[dict[str, Any]]:
    with Store(folder / "runs.db") as store:
        found = [json.loads(line) for line in store.results(store.find("last"))]
    return [one for one in found if one["agent"]["name"] == agent]


def line(number: int) -> dict[str, Any]:
    """Return a line of the bad export; the first result is number 1."""
    result: dict[str, Any] = json.loads(written()[number])
    return result


def with_check(number: int, place: int, **values: Any) -> list[str]:
    result = line(number)
    result["checks"][place] |= values
    return changed(number, checks=result["checks"])


def with_cause(number: int, **values: Any) -> list[str]:
    return changed(number, cause=line(number)["cause"] | values)


def again() -> list[str]:
    made = written()
    return [*made[:-2], made[1], made[-1]]


LEFT_OUT: dict[str, tuple[Callable[[], list[str]], int, str]] = {
    "another agent": (
        lambda: replaced(2, written(GOOD)[2]),
        1,
        "it is the export of 'proxy-bad' and has a result of 'proxy-good'",
    ),
    "newer result": (lambda: changed(1, schema=2), 1, "a newer version of scanready wrote it"),
    "no time": (lambda: changed(1, started="soon"), 1, "the time 'soon' is not one of ISO 8601"),
    "before the run": (lambda: changed(1, started=ago(0.01)), 1, ", before its run"),
    "unknown verdict": (lambda: changed(1, verdict="fine"), 1, "verdict is 'fine'"),
    "unknown step": (lambda: with_check(1, 0, step="roof"), 1, "step is 'roof'"),
    "unknown outcome": (lambda: with_check(1, 0, outcome="so-so"), 1, "outcome is 'so-so'"),
    "no target": (lambda: changed(1, target=None), 1, "target is not an object"),
    "port": (lambda: changed(1, target=line(1)["target"] | {"port": 99999}), 1, "port 99999"),
    "no object": (lambda: replaced(2, "[1]\n"), 1, "a result is not an object"),
    "a cause of another step": (
        lambda: with_check(1, 0, outcome="failed", cause="connect.filtered", detail="", step="login"),
        1,
        "the cause 'connect.filtered' does not belong to the step login",
    ),
    "a refused account below the login": (
        lambda: with_check(1, 0, outcome="failed", cause="login.refused", detail="", step="resolve"),
        1,
        "the cause 'login.refused' does not belong to the step resolve",
    ),
    "one target twice": (again, 2, "the export has two results for this target, which no agent writes"),
}


@pytest.mark.parametrize("case", LEFT_OUT)
@pytest.mark.parametrize("first", [True, False], ids=["bad-first", "bad-last"])
def test_a_bad_result_costs_only_itself(folder: Path, case: str, *, first: bool) -> None:
    make, cost, why = LEFT_OUT[case]
    bad = write(folder / "bad.scanready", make())
    messages = told(*((bad, "good.scanready") if first else ("good.scanready", bad)))
    (told_why,) = [one for one in messages if "bad.scanready: result " in one and "was left out" in one]
    assert why in told_why
    assert not any("bad.scanready was left out" in one for one in messages)
    assert (len(stored(folder)), len(stored(folder, "proxy-good"))) == (5 - cost, 5)


def test_a_file_of_bad_results_only_is_left_out_with_the_first_reason(folder: Path) -> None:
    made = written()
    bad = write(folder / "bad.scanready", [made[0], *written(GOOD)[1:]])
    (why,) = [one for one in told(bad, "good.scanready") if "bad.scanready" in one and "left out" in one]
    assert "bad.scanready was left out: none of its results can be used; result 1 (" in why
    assert stored(folder) == []


def test_many_bad_results_have_twenty_lines_and_a_count(folder: Path) -> None:
    results = [{**line(1), "verdict": f"fine {number}"} for number in range(50)]
    (folder / "bad.jsonl").write_text("".join(json.dumps(one) + "\n" for one in (line(2), *results)))
    messages = [one for one in told("bad.jsonl", "good.scanready") if "bad.jsonl: " in one]
    assert len(messages) == 21
    assert "bad.jsonl: 30 more results left out" in messages[-1]


BLOCKED = "blocked (connect.filtered, network)"
OTHERWISE_ALIKE = f"it is {BLOCKED}, but its evidence or its highest step is not that of its checks"
FORGED: dict[str, tuple[Callable[[], list[str]], int, str, tuple[str, str]]] = {
    "scannable, and the port is filtered": (
        lambda: changed(1 + FILTERED, verdict="scannable", cause=None, reached="access"),
        1 + FILTERED,
        f"its verdict is scannable, and its checks show {BLOCKED}; the checks count",
        ("blocked", "resolve"),
    ),
    "ready without a check": (
        lambda: changed(1 + READY, checks=[]),
        1 + READY,
        "its verdict is ready, and its checks show undecided (scanready.limit, scanready); the checks count",
        ("undecided", ""),
    ),
    "blocked, and everything passed": (
        lambda: changed(1 + SCANNABLE, verdict="blocked", cause=line(1 + FILTERED)["cause"]),
        1 + SCANNABLE,
        f"its verdict is {BLOCKED}, and its checks show scannable; the checks count",
        ("scannable", "access"),
    ),
    "another cause": (
        lambda: with_cause(1 + FILTERED, code="login.refused", owner="identity", step="login"),
        1 + FILTERED,
        f"its verdict is blocked (login.refused, identity), and its checks show {BLOCKED}; the checks count",
        ("blocked", "resolve"),
    ),
    "another owner": (
        lambda: with_cause(1 + FILTERED, owner="identity"),
        1 + FILTERED,
        f"its verdict is blocked (connect.filtered, identity), and its checks show {BLOCKED}; the checks count",
        ("blocked", "resolve"),
    ),
    "another detail": (
        lambda: with_cause(1 + FILTERED, detail="all is well"),
        1 + FILTERED,
        OTHERWISE_ALIKE,
        ("blocked", "resolve"),
    ),
    "a higher step": (
        lambda: changed(1 + FILTERED, reached="access"),
        1 + FILTERED,
        OTHERWISE_ALIKE,
        ("blocked", "resolve"),
    ),
    "an invented undecided": (
        lambda: changed(1 + READY, verdict="undecided", cause=line(1 + FILTERED)["cause"] | {"code": "login.locked"}),
        1 + READY,
        "its verdict is undecided (login.locked, network), and its checks show ready; the checks count",
        ("ready", "auth"),
    ),
    "a cause that this version does not know: a failure is no success": (
        lambda: with_check(1 + READY, -1, outcome="failed", cause="newer.cause", detail="x"),
        1 + READY,
        "its verdict is ready, and its checks show undecided (newer.cause, scanready); the checks count",
        ("undecided", "auth"),
    ),
}


@pytest.mark.parametrize("case", FORGED)
def test_the_verdict_of_the_checks_counts_and_both_are_named(folder: Path, case: str) -> None:
    make, number, why, (verdict, reached) = FORGED[case]
    (one,) = [
        text for text in told(write(folder / "bad.scanready", make()), "good.scanready") if "bad.scanready" in text
    ]
    name = line(number)["target"]["name"]
    assert f"bad.scanready: {name}: {why}" in one
    results = {result["target"]["name"]: result for result in stored(folder)}
    assert len(results) == 5
    assert (results[name]["verdict"], results[name]["reached"] or "") == (verdict, reached)


def test_the_results_of_this_version_are_believed_as_they_are(folder: Path) -> None:
    assert told("good.scanready", write(folder / "bad.scanready", written())) == []
    own = [json.loads(text) for text in written()[1:-1]]
    assert [one["verdict"] for one in stored(folder)] == [one["verdict"] for one in own]


@pytest.mark.parametrize("make", [ready, blocked, undecided, of_a_plugin])
def test_every_kind_of_report_follows_from_its_checks(make: Callable[[], Any]) -> None:
    judge, report = Rejudging(), make()
    report.reached = reached(report.checks)
    for _ in range(2):
        assert judge.judged(as_object(report)) is None


@pytest.mark.parametrize(
    ("cause", "step"), [("login.refused", "auth"), ("login.expired", "access"), ("handshake.malformed", "connect")]
)
def test_a_cause_may_stand_where_a_climb_meets_it(cause: str, step: str) -> None:
    made = line(1)
    made["checks"][-1] |= {"step": step, "outcome": "failed", "cause": cause, "detail": "x"}
    report = Rejudging().judged(made)
    assert report is not None
    assert (report.verdict, report.cause and report.cause.code) == (Verdict.BLOCKED, cause)


CHANGES = st.sampled_from(["verdict", "reached", "outcome", "cause", "owner", "step", "tentative", "nothing"])


@given(st.lists(st.tuples(st.integers(0, 5), CHANGES, st.integers(0, 7), st.data()), min_size=1, max_size=4))
def test_a_judge_with_a_memory_says_what_one_without_says(changes: list[tuple[int, str, int, Any]]) -> None:
    """A result that was changed anywhere: what is judged follows from the checks, whatever was judged before."""
    remembering = Rejudging()
    for number, change, place, data in changes:
        result = copy.deepcopy(RESULTS[number])
        check = result["checks"][place % len(result["checks"])]
        if change == "verdict":
            result["verdict"] = data.draw(st.sampled_from([one.value for one in Verdict]))
        elif change == "reached":
            result["reached"] = data.draw(st.sampled_from([one.value for one in Step]))
        elif change == "outcome":
            check["outcome"] = data.draw(st.sampled_from([one.value for one in Outcome]))
        elif change == "tentative":
            check["tentative"] = data.draw(st.booleans())
        elif change == "step":
            check["step"] = data.draw(st.sampled_from([one.value for one in Step]))
        elif change == "owner" and result["cause"]:
            result["cause"]["owner"] = data.draw(st.sampled_from([one.value for one in Owner]))
        elif change == "cause" and result["cause"]:
            result["cause"]["code"] = data.draw(st.sampled_from(["login.locked", "tls.expired", "connect.refused"]))
        found = [answer(judge, result) for judge in (remembering, Rejudging())]
        assert found[0] == found[1]
        judged = found[0]
        if judged is None:
            again = rejudged(restored(result))
            assert (again.verdict, again.reached) == (result["verdict"], result["reached"])
        elif not isinstance(judged, str):
            assert is_plain(as_object(judged), result["agent"])
            assert Rejudging().judged(as_object(judged)) is None, "it is sound now"


def answer(judge: Rejudging, result: dict[str, Any]) -> Any:
    try:
        return judge.judged(result)
    except NotAResult as error:
        return str(error)
