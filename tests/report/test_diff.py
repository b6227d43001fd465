"""A comparison of two runs lists each changed target once, under its gravest change."""

from __future__ import annotations

import dataclasses
import json
import random
from typing import Any

import pytest
from markdown_it import MarkdownIt

from scanready.causes import common
from scanready.model import Credential, Finding, Report, Step, Target, Verdict
from scanready.report import diff_formats
from scanready.report.diff import Comparison, compare
from scanready.report.look import Look
from tests.report.reports import HOSTILE, SECRET, blocked, ready


def limited(host: str = "db8") -> Report:
    report = ready(host)
    report.verdict, report.finding, report.finding_step = (
        Verdict.LIMITED,
        Finding(common.TLS_EXPIRED, "yesterday"),
        Step.TLS,
    )
    return report


def with_facts(report: Report, **facts: Any) -> Report:
    report.facts = facts
    return report


def broken(host: str = "db8", detail: str = "no answer") -> Report:
    report = ready(host)
    report.verdict, report.finding, report.finding_step = (
        Verdict.BLOCKED,
        Finding(common.FILTERED, detail, f"tcp dport 3306 accept # {detail}"),
        Step.CONNECT,
    )
    return report


def scannable(host: str = "db8") -> Report:
    report = ready(host)
    report.verdict = Verdict.SCANNABLE
    return report


KINDS = ("failures", "worse", "fixed", "verdicts", "facts", "added", "removed")


def counted(found: Comparison) -> dict[str, int]:
    return {kind: len(getattr(found, kind)) for kind in KINDS if getattr(found, kind)} | {"same": found.same}


@pytest.mark.parametrize(
    ("before", "after", "kind", "regressions"),
    [
        (ready(), broken(), "failures", 1),
        (limited(), broken(), "failures", 1),
        (broken(), limited(), "fixed", 0),
        (ready(), limited(), "worse", 1),
        (scannable(), limited(), "worse", 1),
        (scannable(), ready(), "verdicts", 0),
        (limited(), ready(), "verdicts", 0),
        (with_facts(ready(), version="1"), with_facts(ready(), version="2"), "facts", 0),
        (with_facts(ready(), ports=[49664]), with_facts(ready(), ports=[49700]), "facts", 0),
        (with_facts(ready()), with_facts(ready(), tls_expires="2027"), "facts", 0),
    ],
)
def test_where_a_target_belongs(before: Report, after: Report, kind: str, regressions: int) -> None:
    found = compare([before], [after])
    assert counted(found) == {kind: 1, "same": 0}
    assert found.regressions == regressions


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (ready(), ready()),
        (broken(), broken(detail="another wording of the same")),
        (with_facts(ready(), clock_skew_seconds=1), with_facts(ready(), clock_skew_seconds=2)),
        (with_facts(ready(), ciphers=["a", "b"]), with_facts(ready(), ciphers=["b", "a"])),
        (with_facts(broken(), addresses=["1"]), with_facts(broken())),
    ],
)
def test_what_is_no_change(before: Report, after: Report) -> None:
    assert counted(compare([before], [after])) == {"same": 1}


def test_another_account_is_the_same_target_and_another_option_is_not() -> None:
    one = ready()
    one.target = Target("h", "smb", 445, {"share": "a"}, Credential("x", "er", SECRET))
    other, share = dataclasses.replace(one), dataclasses.replace(one)
    other.target = dataclasses.replace(one.target, credential=Credential("y", "er2", SECRET))
    share.target = dataclasses.replace(one.target, options={"share": "b"})
    assert counted(compare([one], [other])) == {"same": 1}
    assert counted(compare([one], [share])) == {"added": 1, "removed": 1, "same": 0}
    assert counted(compare([one, other], [one, other])) == {"same": 2}, "both accounts of one inventory are told apart"


def test_the_order_of_results_is_no_difference() -> None:
    reports = [*(ready(f"a{n}") for n in range(20)), *(broken(f"b{n}") for n in range(20))]
    shuffled = random.Random(1).sample(reports, len(reports))
    assert counted(compare(reports, shuffled)) == {"same": 40}


def test_hostile_words_are_harmless_in_every_form() -> None:
    before = [with_facts(ready("a"), banner=HOSTILE), ready("b"), ready("|`\n# x")]
    after = [with_facts(ready("a"), banner="ok|`<b>"), broken("b", HOSTILE + "|`"), broken("|`\n# x")]
    found = compare(before, after)
    table = diff_formats.table(found, (HOSTILE, "last"), Look())
    markdown = diff_formats.markdown(found, (HOSTILE, "last"))
    for text in (table, markdown):
        for sequence in ("\x1b", "\x07", "\u202e", "\x9b", "\r", "\u2028"):
            assert sequence not in text
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(markdown)
    inline = [child for token in tokens for child in token.children or []]
    assert {child.type for child in inline} <= {"text", "code_inline", "html_inline", "strong_open", "strong_close"}
    assert {child.content for child in inline if child.type == "html_inline"} <= {"<br>"}, "that one is ours"
    plain = "".join(child.content for child in inline if child.type == "text")
    assert not set("`[|") & set(plain), "what a target says ends where its code ends"
    assert len([token for token in tokens if token.type == "td_open"]) == 3 + 3 + 2, "and ends no cell"
    assert len(rows) == 2 + 2 + 2 + 1
    json.dumps(diff_formats.json_object(found, ({"run": HOSTILE}, {"run": "last"})))
    assert SECRET not in json.dumps(diff_formats.json_object(compare([], [blocked()]), ({}, {})))


def test_the_table_says_what_there_is_to_say() -> None:
    found = compare(
        [ready("a"), with_facts(ready("b"), version="1"), ready("c")], [broken("a"), ready("b"), ready("d")]
    )
    text = diff_formats.table(found, ("monday", "tuesday"), Look())
    for words in (
        "from monday to tuesday",
        "newly failing (1)",
        "mysql://a:3306  ready -> blocked connect.filtered (network)",
        "no answer",
        "tcp dport 3306 accept",
        "added (1)",
        "no longer checked (1)",
    ):
        assert words in text, words
