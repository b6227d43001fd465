"""SARIF: each document is valid by the OASIS schema, and has what code scanning needs."""

from __future__ import annotations

import itertools
import json
import tracemalloc
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from scanready.causes import common
from scanready.cli.job.exit_code import Judge
from scanready.model import Finding, Report, Step, Target, Verdict
from scanready.report import new_document
from scanready.report.document import RunInfo, Totals
from scanready.report.formats import sarif as sarif_format
from scanready.report.look import Look
from tests.report.estate import document, many, reports
from tests.report.judges import sarif
from tests.report.reports import AGENT, blocked, ready
from tests.report.test_known_failures import ALL
from tests.report.test_known_failures import made as of_known
from tests.report.test_owners import of_two_owners

SIX = list(reports(6))


def found(of: list[Report], **run: Any) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = sarif(document("sarif", of, **run))["results"]
    return results


def test_one_result_a_finding_and_one_rule_a_cause() -> None:
    run = sarif(document("sarif", SIX))
    assert [(one["ruleId"], one["level"]) for one in run["results"]] == [
        ("connect.filtered", "error"),
        ("postgresql.hba-rejected", "error"),
        ("handshake.throttled", "error"),
        ("tls.expired", "warning"),
    ]
    assert run["results"][0]["message"]["text"].splitlines() == [
        "https://host-00001.corp:443 is blocked: what was seen at 10.0.0.3",
        f"Remedy (network): {common.FILTERED.remedy}",
        "Fix (network):",
        "  ip saddr 10.0.1.5 ip daddr 10.0.0.3 tcp dport 443 accept",
        f"Remedy (server): {common.FILTERED.also[0].remedy}",
    ]
    (rule,) = [one for one in run["tool"]["driver"]["rules"] if one["id"] == "handshake.throttled"]
    assert rule["shortDescription"]["text"] == "The server limits or penalises connections from this agent."
    assert rule["fullDescription"]["text"] == common.THROTTLED.meaning
    assert f"server: {common.THROTTLED.remedy}" in rule["help"]["text"]
    assert (
        "HOST" in next(one for one in run["tool"]["driver"]["rules"] if one["id"] == "connect.filtered")["help"]["text"]
    )


def test_a_rule_has_the_remedies_of_all_owners_and_a_result_those_of_further_causes() -> None:
    run = sarif(document("sarif", [of_two_owners()]))
    text = json.dumps(run)
    for words in ("KexAlgorithms +curve25519-sha256", "Ciphers +3des", "netsh advfirewall", "nftables syntax"):
        assert words in text
    codes = [one["ruleId"] for one in run["results"]]
    assert codes[0] == "ssh.no-common-algorithm"
    assert {"agent.platform-mismatch", "windows.dynamic-port-blocked"} < set(codes)
    rule = run["tool"]["driver"]["rules"][0]
    assert "server: " in rule["help"]["text"]
    assert "agent: " in rule["help"]["text"]


@pytest.mark.parametrize("require", [None, "ready", "scannable"])
@pytest.mark.parametrize("report", [*SIX, *ALL], ids=lambda report: f"{report.target.host}-{report.verdict}")
def test_there_is_an_error_exactly_if_the_run_fails(report: Report, require: str | None) -> None:
    judge = Judge(require)
    judge.add(report)
    assert any(one["level"] == "error" for one in found([report], require=require)) is (judge.code != 0)


def test_the_run_is_described() -> None:
    run = sarif(document("sarif", SIX))
    assert (run["tool"]["driver"]["name"], run["tool"]["driver"]["semanticVersion"]) == ("scanready", "0.1.0")
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"]
    assert invocation["machine"] == "proxy-nyc"
    assert invocation["startTimeUtc"] == "2026-01-01T00:00:00.000Z"
    assert invocation["endTimeUtc"] == "2026-01-01T00:00:12.500Z"
    assert run["properties"]["verdicts"] == {"scannable": 1, "ready": 1, "limited": 1, "blocked": 2, "undecided": 1}


def test_an_incomplete_run_says_so() -> None:
    (invocation,) = sarif(document("sarif", [ready()], asked=3))["invocations"]
    assert not invocation["executionSuccessful"]
    (notice,) = invocation["toolExecutionNotifications"]
    assert notice["message"]["text"].startswith("2 targets of this run without a result")


def declared(place: str | None) -> dict[str, Any]:
    (one,) = found([replace(blocked(), target=replace(blocked().target, source=place))])
    return one


def test_a_result_is_at_the_line_of_the_inventory() -> None:
    (location,) = declared("lists/my estate.yaml:12")["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "lists/my%20estate.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 12},
    }
    assert location["logicalLocations"][0]["fullyQualifiedName"] == "postgresql://er@db7:5432/hr"
    (other,) = declared("/etc/estate.yaml:1")["locations"]
    assert other["physicalLocation"]["artifactLocation"] == {"uri": "file:///etc/estate.yaml"}


def test_a_target_of_the_command_line_has_only_its_name() -> None:
    (location,) = declared(None)["locations"]
    assert set(location) == {"logicalLocations"}


def test_a_fingerprint_is_that_of_the_target_and_the_cause() -> None:
    def prints(report: Report) -> str:
        return str(found([report])[0]["partialFingerprints"]["primaryLocationLineHash"])

    same = prints(replace(blocked(), target=replace(blocked().target, source="estate.yaml:1")))
    moved = replace(blocked(detail="another detail"), target=replace(blocked().target, source="estate.yaml:99"))
    assert prints(moved) == prints(replace(blocked(), agent=replace(AGENT, name="another"))) == same
    assert prints(blocked("db8")) != same
    assert prints(replace(blocked(), finding=Finding(common.REFUSED, "x"), checks=[])) != same


def test_a_known_failure_is_a_suppressed_note() -> None:
    notes = [one for one in sarif(of_known("sarif", ALL)[0])["results"] if one["level"] == "note"]
    (suppressed,) = [one for one in notes if "suppressions" in one]
    assert suppressed["suppressions"][0]["justification"].endswith("not counted until 2026-12-31: CHG-4711")
    assert "Remedy" not in suppressed["message"]["text"]
    assert len(notes) == 2


def test_a_host_without_a_type_is_no_error_if_it_passes_as_one() -> None:
    both = [blocked("h"), ready("h")]
    assert found(both, tried={id(one.target): "h" for one in both}) == []
    (one,) = found(both[:1], tried={id(both[0].target): "h"})
    assert one["level"] == "error"


@pytest.mark.parametrize(
    "words",
    [
        "[x](http://evil.example)",
        "{0} {x}",
        "a\n](b",
        "\x1b[31m\u202e",
        "\ud800",
        '"}],"results":[',
        "##vso[task]",
        "\0",
    ],
)
def test_no_text_of_others_is_a_link_or_a_placeholder(words: str) -> None:
    """Not as a host, a detail, a fix, a file, a reason, a code's text or an agent."""
    cause = replace(common.FILTERED, meaning=words, remedy=words, confirm=words)
    finding = Finding(cause, words, f"{words}\n{words}")
    agent = replace(AGENT, name=words, addresses=(words,))
    report = replace(blocked(), agent=agent, target=Target(words, "ssh", 22, source=f"{words}:3"), finding=finding)
    text = document("sarif", [report], agent=agent, version=words, started=words)
    assert text.isascii()
    assert "##vso" not in text
    run = sarif(text)
    (driver,) = (tool["driver"] for tool in [run["tool"]])
    messages = [one["message"]["text"] for one in run["results"]]
    messages += [rule[key]["text"] for rule in driver["rules"] for key in ("shortDescription", "help")]
    for message in messages:
        assert "](" not in message
        assert "{" not in message.replace("{{", "")
        assert all(line.isprintable() for line in message.split("\n"))


def test_beyond_the_limit_the_least_important_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif_format, "MOST_RESULTS", 30)
    of = list(reports(120))  # 20 limited, 60 blocked or undecided
    run = sarif(document("sarif", of[::-1]))
    assert Counter(one["level"] for one in run["results"]) == {"error": 30}
    (notice,) = run["invocations"][0]["toolExecutionNotifications"]
    assert "30 errors, 20 warnings" in notice["message"]["text"]
    monkeypatch.setattr(sarif_format, "MOST_RESULTS", 70)
    run = sarif(document("sarif", of))
    assert Counter(one["level"] for one in run["results"]) == {"error": 60, "warning": 10}
    assert run["results"][-1]["level"] == "warning"


def test_beyond_the_packed_size_results_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif_format, "MOST_PACKED", 10_000)
    run = sarif(document("sarif", list(many(4000, 4000))))
    assert 100 < len(run["results"]) < 2000
    assert "Left out" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


def test_memory_does_not_grow_with_the_errors() -> None:
    blocked_ones = (report for report in reports(1_000_000) if report.verdict is Verdict.BLOCKED)
    made = new_document("sarif", Look())
    made.begin(RunInfo("0", AGENT, "", 10, Step.ACCESS, []))
    for report in itertools.islice(blocked_ones, 200):
        made.add(report)
    tracemalloc.start()
    written = sum(len(made.add(report)) for report in itertools.islice(blocked_ones, 2000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    made.end(Totals(Counter({Verdict.BLOCKED: 2200})))
    assert written > 1_000_000
    assert peak < 500_000
