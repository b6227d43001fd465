"""Annotations for GitHub Actions: the runner finds exactly our commands, the most important ones, at their lines."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from scanready.causes import common
from scanready.cli.job.exit_code import Judge
from scanready.model import Finding, Report, Step, Target, Verdict
from scanready.report import new_document
from scanready.report.annotations import Level
from scanready.report.document import RunInfo, Totals
from scanready.report.formats.github import command
from scanready.report.look import Look
from tests.report.estate import document, reports
from tests.report.judges import Command, commands
from tests.report.reports import AGENT, blocked, ready
from tests.report.test_known_failures import ALL
from tests.report.test_known_failures import made as of_known

SIX = list(reports(6))


def found(of: list[Report], **run: Any) -> list[Command]:
    return commands(document("github", of, **run))


def with_finding(host: str, cause: Any, verdict: Verdict = Verdict.BLOCKED, source: str | None = None) -> Report:
    return replace(
        blocked(),
        target=Target(host, "ssh", 22, source=source),
        verdict=verdict,
        finding=Finding(cause, f"seen at {host}"),
        checks=[],
    )


def test_levels_are_those_of_the_exit_code() -> None:
    about, *rest = found(SIX)
    assert [one.name for one in rest] == ["error", "error", "error", "warning"]
    assert [one.properties["title"] for one in rest] == [
        "connect.filtered (network)",
        "postgresql.hba-rejected (database)",
        "handshake.throttled (server)",
        "tls.expired (server)",
    ]
    assert (about.name, about.properties) == ("error", {"title": "scanready"})
    assert about.message.startswith("From proxy-nyc: 6 targets: 1 scannable (proven), 1 ready")
    first, *lines = rest[0].message.splitlines()
    assert first == "https://host-00001.corp:443 is blocked: what was seen at 10.0.0.3"
    assert lines[0].startswith("Remedy (network): Permit the connection")
    assert lines[1:3] == ["Fix (network):", "  ip saddr 10.0.1.5 ip daddr 10.0.0.3 tcp dport 443 accept"]
    assert lines[3:] == [f"Remedy (server): {common.FILTERED.also[0].remedy}"]


@pytest.mark.parametrize("require", [None, "ready", "scannable"])
@pytest.mark.parametrize("report", [*SIX, *ALL], ids=lambda report: f"{report.target.host}-{report.verdict}")
def test_there_is_an_error_exactly_if_the_run_fails(report: Report, require: str | None) -> None:
    judge = Judge(require)
    judge.add(report)
    of_target = found([report], require=require)[1:]
    assert any(one.name == "error" for one in of_target) is (judge.code != 0)


def test_a_fine_run_is_one_notice() -> None:
    (about,) = found([ready()])
    assert about.name == "notice"


def test_an_annotation_is_at_the_line_of_the_inventory() -> None:
    _, one = found([with_finding("h", common.FILTERED, source="lists, a:b/100%.yaml:12")])
    assert (one.properties["file"], one.properties["line"]) == ("lists, a:b/100%.yaml", "12")
    _, other = found([with_finding("h", common.FILTERED)])
    assert "file" not in other.properties


def test_ten_of_each_are_shown_each_cause_first_and_the_rest_is_counted() -> None:
    many = [with_finding(f"r{number:02}", common.REFUSED) for number in range(20)]
    few = [with_finding(f"f{number}", common.FILTERED) for number in range(2)]
    last = [with_finding("u", common.THROTTLED, Verdict.UNDECIDED)]
    text = document("github", [*last, *many, *few])
    shown = [one.message.partition("://")[2].partition(":")[0] for one in commands(text)[1:]]
    assert shown == ["r00", "f0", "r01", "f1", "r02", "r03", "r04", "r05", "r06"]
    assert "14 more errors of 23: GitHub shows 10 of each kind" in text
    for level in ("error", "warning", "notice"):
        assert sum(one.name == level for one in commands(text)) <= 10


def test_the_order_of_the_results_does_not_matter() -> None:
    of = [with_finding(f"h{number}", cause) for number, cause in enumerate([common.FILTERED, common.REFUSED] * 12)]
    targets = [report.target for report in of]
    texts = set()
    for order in (of, of[::-1], of[7:] + of[:7]):
        made = new_document("github", Look())
        made.begin(RunInfo("0", AGENT, "", 10, Step.ACCESS, targets))
        texts.add("".join(map(made.add, order)) + made.end(Totals(Counter({Verdict.BLOCKED: 24}))))
    assert len(texts) == 1


def test_what_is_known_is_a_notice_with_its_state() -> None:
    notices = [one for one in commands(of_known("github", ALL)[0]) if one.name == "notice"]
    assert ["not counted until 2026-12-31" in one.message for one in notices] == [True, False]
    assert "`expect` is no longer needed" in notices[1].message
    assert "Remedy" not in notices[0].message


def test_a_command_is_one_printable_line() -> None:
    text = command(Level.WARNING, {"title": "a\x1b\nb"}, "c\x1b\r\u2028\n::set-env::d" + "e" * 9000)
    assert text.removesuffix("\n").isprintable()
    (one,) = commands(text)
    assert one.properties == {"title": "a\\x1b\\x0ab"}
    assert one.message.startswith("c\\x1b\\x0d\\u2028\n: :set-env::de")
    assert len(one.message) < 5000


def test_an_interrupted_run_is_an_error() -> None:
    about, *_ = found([ready()], asked=3)
    assert about.name == "error"
    assert "2 targets without a result" in about.message


def test_a_host_without_a_type_is_no_error_if_it_passes_as_one() -> None:
    both = [blocked("h"), ready("h")]
    assert [one.name for one in found(both, tried={id(one.target): "h" for one in both})] == ["notice"]
    assert [one.name for one in found(both[:1], tried={id(both[0].target): "h"})] == ["error", "error"]


@pytest.mark.parametrize(
    "words",
    [
        "x\n::set-env name=PATH::evil",
        "x\r::add-mask::a",
        "::stop-commands::t",
        "  ::error file=a::b",
        "a%0A::set-env name=x::y",
        "%25%0A%0D%3A%2C",
        "##[add-path]evil",
        "a ##[error]b",
        "#%23[error]",
        "x,line=1,file=/etc/passwd::y",
        "\u2028::debug::x",
        "\x85::debug::x",
    ],
)
def test_no_text_of_others_begins_a_command(words: str) -> None:
    """Not as a host, a detail, a fix, a file, a reason or an agent; and its percents arrive as they were."""
    finding = Finding(common.FILTERED, words, f"{words}\n{words}")
    report = replace(blocked(), target=Target(words, "ssh", 22, source=f"{words}:3"), finding=finding)
    text = document("github", [report, ready()], agent=replace(AGENT, name=words), version=words, started=words)
    about, one = commands(text)
    assert len(text.splitlines()) == 2
    assert (about.name, one.name) == ("error", "error")
    assert set(one.properties) == {"file", "line", "title"}
    assert one.properties["line"] == "3"
    assert one.properties["title"] == "connect.filtered (network)"
    for line in itertools.chain(about.message.split("\n"), one.message.split("\n"), one.properties.values()):
        assert line.isprintable()
        assert not line.startswith("::")
    if words.isprintable() and "::" not in words and "##" not in words:
        assert words in one.message
        assert one.properties["file"] == words
