"""TAP: tap.py and perl's prove read each document, and agree with the exit code of the run."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scanready.cli.job.exit_code import Judge
from scanready.model import Report, Step, Target
from scanready.report import new_document
from scanready.report.document import RunInfo, Totals
from scanready.report.formats.tap import VERSION, block
from scanready.report.look import Look
from tests.report.estate import document, reports
from tests.report.judges import prove, tap
from tests.report.reports import AGENT, blocked, ready
from tests.report.test_known_failures import ALL, DIFFERENT, FINE_BUT_OVER, MENDED, OVER, WAIVED
from tests.report.test_known_failures import made as of_known

STARTED = "2026-01-01T00:00:00.000Z"
SIX = list(reports(6))


def made(of: list[Report], more: int = 0, tried: str = "", order: list[Report] | None = None, **rest: Any) -> str:
    """Return the document of a run that left out targets, or of a host without a type."""
    targets = [report.target for report in of] + [Target(f"late{number}", "ssh", 22) for number in range(more)]
    asked = {id(target): tried for target in targets} if tried else {}
    found = new_document("tap", Look())
    text = found.begin(RunInfo("0.1.0", AGENT, STARTED, 10.0, Step.ACCESS, targets, asked, **rest))
    text += "".join(found.add(report) for report in order or of)
    return text + found.end(Totals(Counter(report.verdict for report in of), 2.5, bool(more), more))


def test_a_point_a_target_with_the_cause_the_owner_and_the_remedy(tmp_path: Path) -> None:
    text = document("tap", SIX)
    found = tap(text)
    assert found.plan == len(found.points) == 6
    assert [point.ok for point in found.points] == [True, True, True, False, False, False]
    block = found.points[3].block
    assert found.points[3].name == "- https://host-00001.corp:443"
    assert (block["verdict"], block["cause"], block["owner"]) == ("blocked", "connect.filtered", "network")
    assert block["detail"] == "what was seen at 10.0.0.3"
    assert block["remedy"].startswith("Permit the connection from this agent")
    assert block["fix"] == "ip saddr 10.0.1.5 ip daddr 10.0.0.3 tcp dport 443 accept"
    assert [point.block["verdict"] for point in found.points[:3]] == ["scannable", "ready", "limited"]
    assert found.points[2].block["cause"] == "tls.expired"
    passed, words = prove(text, tmp_path)
    assert not passed
    assert "Failed tests:  4-6" in words


def test_a_point_names_the_line_of_the_inventory() -> None:
    declared = replace(blocked(), target=replace(blocked().target, source="lists/estate.yaml:12"))
    (point,) = tap(document("tap", [declared])).points
    assert point.block["at"] == {"file": "lists/estate.yaml", "line": 12}
    (other,) = tap(document("tap", [blocked()])).points
    assert "at" not in other.block


def test_a_name_that_yaml_takes_for_a_value_is_in_quotes() -> None:
    names = ("true", "null", "no", "1", "proxy", 'a": b', "~", "- x", "")
    (point,) = tap(f"{VERSION}1..1\nok 1 - a\n{block({'agents': dict.fromkeys(names, 'ready')})}").points
    assert set(point.block["agents"]) == set(names)


@pytest.mark.parametrize("require", [None, "ready", "scannable"])
@pytest.mark.parametrize("report", [*SIX, *ALL], ids=lambda report: f"{report.target.host}-{report.verdict}")
def test_prove_and_tap_agree_with_the_exit_code(report: Report, require: str | None, tmp_path: Path) -> None:
    judge = Judge(require)
    judge.add(report)
    text = document("tap", [report], require=require)
    passed, words = prove(text, tmp_path)
    assert passed is (judge.code == 0), words
    (point,) = tap(text).points
    assert (point.ok or point.directive.startswith("TODO")) is passed


def test_a_known_failure_is_to_do_and_one_that_is_mended_is_reported(tmp_path: Path) -> None:
    text, _ = of_known("tap", ALL)
    found = tap(text)
    states = {one.target.host: (found.of(one.target.host).ok, found.of(one.target.host).directive) for one in ALL}
    assert states["waived"] == (False, "TODO known failure, not counted until 2026-12-31: CHG-4711")
    ok, directive = states["mended"]
    assert ok
    assert directive.startswith("TODO `expect` is no longer needed")
    assert states["different"] == states["over"] == states["fine-but-over"] == (False, "")
    passed, words = prove(of_known("tap", [WAIVED, MENDED])[0], tmp_path)
    assert passed
    assert "TODO passed:   2" in words
    for report in (DIFFERENT, OVER, FINE_BUT_OVER):
        assert not prove(of_known("tap", [report])[0], tmp_path)[0]


def test_one_that_is_mended_but_below_the_required_level_fails(tmp_path: Path) -> None:
    text, _ = of_known("tap", [MENDED], "scannable")
    assert not prove(text, tmp_path)[0]


def test_the_points_are_in_the_order_of_the_inventory() -> None:
    for order in itertools.islice(itertools.permutations(SIX), 0, 720, 97):
        assert made(SIX, order=list(order)) == made(SIX)


def test_a_point_is_written_as_soon_as_those_before_it_are() -> None:
    found = new_document("tap", Look())
    targets = [report.target for report in SIX]
    found.begin(RunInfo("0.1.0", AGENT, STARTED, 10.0, Step.ACCESS, targets))
    assert found.add(SIX[1]) == ""
    text = found.add(SIX[0])
    assert text.startswith("ok 1 - ")
    assert "\nok 2 - " in text


def test_a_run_that_was_interrupted_fails(tmp_path: Path) -> None:
    text = made([ready()], more=2)
    found = tap(text)
    assert [(point.ok, point.directive) for point in found.points[1:]] == [
        (True, "SKIP not checked: the run was interrupted")
    ] * 2
    assert found.bail == "2 of 3 targets have no result"
    passed, words = prove(text, tmp_path)
    assert not passed
    assert "2 of 3 targets have no result" in words


def test_a_stored_run_with_fewer_results_than_targets_fails(tmp_path: Path) -> None:
    text = made([ready()], asked=5)
    assert tap(text).plan == 5
    assert not prove(text, tmp_path)[0]


def test_a_host_without_a_type_passes_as_one_of_its_types(tmp_path: Path) -> None:
    text = made([blocked("h"), ready("h")], tried="h")
    assert [(point.ok, point.directive) for point in tap(text).points] == [
        (True, "SKIP the host passed as another type"),
        (True, ""),
    ]
    assert prove(text, tmp_path)[0]
    assert not prove(made([blocked("h")], tried="h"), tmp_path)[0]


def test_a_run_without_targets_is_skipped(tmp_path: Path) -> None:
    text = document("tap", [])
    assert tap(text).plan == 0
    assert prove(text, tmp_path)[0]


@pytest.mark.parametrize(
    "words",
    [
        "# TODO later",
        "#skip",
        "a # SKIP b",
        "\\# TODO x",
        "x\nok 2 - y",
        "x\n...\nBail out!",
        "Bail out! y",
        "1..9",
        "  ...",
        '"\\": x',
        "\x1b[31m\u202e\u2028",
        "TAP version 99",
        "pragma +strict",
    ],
)
def test_no_text_of_others_passes_or_ends_a_test(words: str, tmp_path: Path) -> None:
    """Not as a host, a detail, a fix, a reason or an agent: neither for tap.py nor for prove."""
    finding = blocked().finding
    assert finding is not None
    evil = replace(finding, detail=words, fix=f"{words}\n{words}")
    report = replace(
        blocked(),
        agent=replace(AGENT, name=words, platform=words),
        target=Target(words, "ssh", 22, {"database": words}, source=f"{words}:3"),
        finding=evil,
        checks=[replace(check, finding=evil if check.finding else None) for check in blocked().checks],
    )
    text = document("tap", [report, ready()], agent=report.agent, version=words, started=words)
    found = tap(text)
    assert found.bail == ""
    assert [(point.ok, point.directive[:4].upper() in ("TODO", "SKIP")) for point in found.points] == [
        (False, False),
        (True, False),
    ]
    assert all(text.isprintable() for point in found.points for text in point.block["verdict"])
    assert found.points[0].block["cause"] == "connect.filtered"
    passed, told = prove(text, tmp_path)
    assert not passed
    assert "Failed 1/2 subtests" in told
    assert "Parse errors" not in told


def test_a_reason_is_part_of_its_directive(tmp_path: Path) -> None:
    expected = WAIVED.target.expected
    assert expected is not None
    evil = replace(expected, reason="x # SKIP\nok 9 - y")
    text, _ = of_known("tap", [replace(WAIVED, target=replace(WAIVED.target, expected=evil))])
    (point,) = tap(text).points
    assert point.directive.startswith("TODO known failure")
    assert prove(text, tmp_path)[0]


def test_a_name_is_escaped_as_version_14_says() -> None:
    text = document("tap", [replace(ready(), target=Target("a#b\\c", "ssh", 22))])
    assert "\nok 1 - ssh://a\\#b\\\\c:22\n" in text
