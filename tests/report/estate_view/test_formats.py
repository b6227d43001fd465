"""Each format of an estate view names the agents, has the counts of the view, and mixes no agents in a number."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from scanready.model import Step, Target, Verdict
from scanready.report import FORMATS, new_estate_document
from scanready.report.estate import Absent, EstateTotals, EstateView, Frame
from scanready.report.estate.frame import frame_restored
from scanready.report.look import Look
from scanready.report.parse import restored
from scanready.report.schema import result_schema
from tests.report.estate_view import lab
from tests.report.judges import commands, prove, sarif, tap

NAMES = [name for name, made in FORMATS.items() if made.estate]
NAME = "postgresql://db7:5432"
UNSEEN = dataclasses.replace(lab.FINE, host="new")
FRAMES: dict[str, Frame] = {
    "four agents": lab.frame(),
    "one agent more, without results": lab.frame("proxy-new"),
    "an absent agent": lab.frame(absent=(Absent("proxy-nyc", "results from 2026-11-20, too old"),)),
    "a target without any result": dataclasses.replace(lab.frame(), unseen=(UNSEEN,)),
}


def written(name: str, view: EstateView, look: Look | None = None) -> tuple[str, EstateTotals]:
    document, totals = new_estate_document(name, look or Look(width=160)), EstateTotals.of(view.info)
    text = document.begin(view.info)
    for row in view.rows():
        totals.add(row)
        text += document.add(row)
    return text + document.end(totals), totals


def counts_in_table(text: str) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    *_, last = text.strip().splitlines()
    estate = {word: int(number) for number, word in re.findall(r"(\d+) (ready|blocked|undecided)", last)}
    lines = text.split("its own results")[-1].splitlines()[2:]
    agents = {}
    for line in lines:
        if not line.startswith("proxy-"):
            break
        name, *numbers = line.split()[:7]
        agents[name] = dict(zip(_COLUMNS, map(int, numbers), strict=True))
    return estate, agents


_COLUMNS = ("scannable", "ready", "limited", "undecided", "blocked", "missing")


def counts_in_json(text: str) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    document = json.loads(text)
    estate = document["estate"]
    assert document["summary"]["verdicts"] == estate["counts"]["verdicts"]
    assert Counter(one["verdict"] for one in estate["targets"]) == +Counter(estate["counts"]["verdicts"])
    return estate["counts"]["verdicts"], {
        one["name"]: one["verdicts"] | {"missing": one["missing"]} for one in estate["agents"]
    }


def counts_in_jsonl(text: str) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    lines = list(map(json.loads, text.splitlines()))
    estate = {one["target"]["name"]: one["estate"] for one in lines}
    agents: dict[str, Counter[str]] = {}
    for one in lines:
        agents.setdefault(one["agent"]["name"], Counter())[one["verdict"]] += 1
    for one in estate.values():
        for name in one["missing"]:
            agents.setdefault(name, Counter())["missing"] += 1
    return Counter(one["verdict"] for one in estate.values()), {name: dict(found) for name, found in agents.items()}


def counts_in_csv(text: str) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    lines = list(csv.DictReader(io.StringIO(text)))
    estate = {one["target"]: one for one in lines}
    agents: dict[str, Counter[str]] = {}
    for one in lines:
        if one["agent"]:
            agents.setdefault(one["agent"], Counter())[one["verdict"]] += 1
    for one in estate.values():
        for name in filter(None, one["missing"].split(", ")):
            agents.setdefault(name, Counter())["missing"] += 1
    found = Counter(one["estate_verdict"] for one in estate.values())
    return found, {name: dict(number) for name, number in agents.items()}


def counts_in_junit(text: str) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    suites = {one.attrib["name"]: one for one in ElementTree.fromstring(text)}
    return _suite(suites.pop("estate")), {name: _suite(suite) for name, suite in suites.items()}


def _suite(suite: ElementTree.Element) -> dict[str, int]:
    numbers = {key: int(suite.attrib[key]) for key in ("tests", "failures", "errors", "skipped")}
    cases = [case.find("skipped") for case in suite.findall("testcase")]
    assert numbers["skipped"] == sum(case is not None for case in cases)
    fine = numbers["tests"] - numbers["failures"] - numbers["errors"] - numbers["skipped"]
    return {
        "ready": fine,
        "blocked": numbers["failures"],
        "undecided": numbers["errors"],
        "missing": numbers["skipped"],
    }


def counts_in_md(text: str) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    estate = {word: int(count) for word, count in re.findall(r"^\| \S+ (\w+) \| (\d+) \|", text, re.MULTILINE)}
    agents = {}
    for name, numbers in re.findall(r"^\| `(proxy-\w+)` \| (\d[\d |]+\d) \|", text, re.MULTILINE):
        agents[name] = dict(zip(_COLUMNS, map(int, numbers.split(" | ")), strict=True))
    return estate, agents


def counts_in_prometheus(text: str) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    estate = dict(re.findall(r'^scanready_estate_targets\{verdict="(\w+)"\} (\d+)', text, re.MULTILINE))
    agents: dict[str, dict[str, int]] = {}
    for name, verdict, count in re.findall(
        r'^scanready_run_targets\{agent="([\w-]+)",verdict="(\w+)"\} (\d+)', text, re.MULTILINE
    ):
        agents.setdefault(name, {})[verdict] = int(count)
    for name, count in re.findall(r'^scanready_agent_missing\{agent="([\w-]+)"\} (\d+)', text, re.MULTILINE):
        agents[name]["missing"] = int(count)
    return {verdict: int(count) for verdict, count in estate.items()}, agents


def counts_in_tap(text: str) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    points = tap(text).points
    agents: dict[str, Counter[str]] = {}
    for point in points:
        for name, verdict in point.block.get("agents", {}).items():
            agents.setdefault(name, Counter())[verdict.replace("no result", "missing")] += 1
    return Counter(point.block["verdict"] for point in points), {name: dict(found) for name, found in agents.items()}


def counts_in_sarif(text: str) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    known = sarif(text)["properties"]
    agents = {one["name"]: one["verdicts"] | {"missing": one["missing"]} for one in known["agents"]}
    return known["estate"]["verdicts"], agents


def counts_in_github(text: str) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    lines = commands(text)[0].message.splitlines()
    estate = {word: int(number) for number, word in re.findall(r"(\d+) (ready|blocked|undecided)", lines[0])}
    agents = {}
    for line in lines:
        if found := re.match(r"(proxy-\w+): (.*?)(; absent.*)?$", line):
            pairs = re.findall(r"(\d+) ([a-z ]+)", found[2])
            agents[found[1]] = {word.replace("no result", "missing"): int(number) for number, word in pairs}
    return estate, agents


def counts_in_nagios(text: str) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    words, performance = text.split(" | ")
    agents = {
        name: {word: int(count) for count, word in re.findall(r"(\d+) (\w+)", found)}
        for name, found in re.findall(r"; (proxy-\w+): ([^;]+)", words)
    }
    return {verdict: int(count) for verdict, count in re.findall(r"(\w+)=(\d+)", performance)}, agents


READERS: dict[str, Callable[[str], tuple[dict[str, int], dict[str, dict[str, int]]]]] = {
    "table": counts_in_table,
    "json": counts_in_json,
    "jsonl": counts_in_jsonl,
    "csv": counts_in_csv,
    "junit": counts_in_junit,
    "md": counts_in_md,
    "prometheus": counts_in_prometheus,
    "nagios": counts_in_nagios,
    "tap": counts_in_tap,
    "sarif": counts_in_sarif,
    "github": counts_in_github,
}


def test_every_format_of_an_estate_view_is_read_here() -> None:
    assert sorted(READERS) == sorted(set(FORMATS) - {"html"})


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("name", READERS)
def test_the_counts_of_each_format_are_those_of_the_view(name: str, kind: str) -> None:
    text, totals = written(name, lab.view(FRAMES[kind]))
    estate, agents = READERS[name](text)
    wanted = {verdict.value: count for verdict, count in totals.verdicts.items()}
    if name == "jsonl":  # it has no line for a target without any result
        wanted["undecided"] -= totals.unseen
    assert +Counter(estate) == wanted
    for agent, found in agents.items():
        own = Counter({verdict.value: count for verdict, count in totals.agents[agent].items()})
        if name != "nagios":
            own["missing"] = totals.missing[agent] - (totals.unseen if name == "jsonl" else 0)
        assert +Counter(found) == +own, agent
    silent = {agent for agent, found in totals.agents.items() if not found} if name == "jsonl" else set()
    assert set(agents) >= set(totals.agents) - silent


@pytest.mark.parametrize("name", READERS)
def test_an_agent_without_results_changes_no_count_but_its_own(name: str) -> None:
    before, _ = written(name, lab.view())
    after, _ = written(name, lab.view(lab.frame("proxy-new")))
    (estate, agents), (estate_after, agents_after) = READERS[name](before), READERS[name](after)
    agents_after.pop("proxy-new", None)
    assert agents_after == agents
    # The target that was blocked from every agent is open again, since one agent has not tried.
    moved = Counter(estate_after) - Counter(estate), Counter(estate) - Counter(estate_after)
    assert moved == (Counter(undecided=1), Counter(blocked=1))


@pytest.mark.parametrize("name", READERS)
def test_the_only_agent_that_reaches_a_target_is_named(name: str) -> None:
    text, _ = written(name, lab.view())
    if name == "nagios":
        assert "proxy-sgp: 2 ready, 1 blocked" in text
    elif name in ("jsonl", "json"):
        lines = text.splitlines()
        line = next(one for one in reversed(lines) if NAME in one)
        found: dict[str, Any] = json.loads(line.removesuffix(","))
        assert found.get("estate", found)["by"] == ["proxy-sgp"]
    elif name == "csv":
        cells = [one for one in csv.DictReader(io.StringIO(text)) if (one["target"], one["verdict"]) == (NAME, "ready")]
        assert [(one["agent"], one["estate_verdict"]) for one in cells] == [("proxy-sgp", "ready")]
    elif name == "junit":
        (case,) = ElementTree.fromstring(text).findall(f".//testsuite[@name='estate']/testcase[@name='{NAME}']")
        assert str(case.findtext("system-out")).splitlines()[0] == "ready, by proxy-sgp"
    elif name == "tap":
        (point,) = [one for one in tap(text).points if NAME in one.name]
        assert (point.ok, point.block["by"], point.block["agents"]["proxy-lon"]) == (True, "proxy-sgp", "blocked")
    elif name in ("sarif", "github"):  # these show failures, and no agent fails this target for the estate
        assert NAME not in text
        assert counts_in_sarif(text)[1]["proxy-sgp"]["ready"] == 2 if name == "sarif" else "proxy-sgp: 2 ready" in text
    elif name == "prometheus":
        found_by = re.findall(rf'target_verdict{{agent="([\w-]+)",.*"{NAME}",.*verdict="ready"', text)
        assert found_by == ["proxy-sgp"]
    else:
        (line_of,) = [one for one in text.splitlines() if NAME in one]
        assert "by proxy-sgp" in line_of


@pytest.mark.parametrize("name", ["table", "md", "nagios", "tap", "sarif", "github"])
def test_what_several_agents_prove_is_told_as_such(name: str) -> None:
    """Proven is what data was read from, as in a run of one agent."""
    text, _ = written(name, lab.view())
    assert "1 undecided (1 only because a result is missing)" in text
    assert "proven by at least one of 4 agents: 0 of 4; 2 more up to the login prompt" in text.replace(
        "Proven", "proven"
    )
    read = EstateView(lambda: [*lab.results(), lab.of("proxy-lon", Target("read1", "ssh", 22), Step.ACCESS)])
    text, _ = written(name, read)
    assert "proven by at least one of 4 agents: 1 of 5; 2 more up to the login prompt" in text.replace(
        "Proven", "proven"
    )


@pytest.mark.parametrize("name", ["table", "md", "json", "junit", "tap", "sarif", "github"])
def test_an_absent_agent_is_named_with_the_reason(name: str) -> None:
    text, _ = written(name, lab.view(FRAMES["an absent agent"]))
    assert "results from 2026-11-20, too old" in text


def test_agents_have_columns_up_to_the_width_and_counts_below_it() -> None:
    wide, _ = written("table", lab.view(), Look(width=160))
    narrow, _ = written("table", lab.view(), Look(width=100))
    assert re.search(r"db7:5432\s+ready\s+blocked\s+blocked\s+blocked\s+ready\s+by proxy-sgp", wide)
    assert re.search(r"db7:5432\s+ready\s+1 ready, 3 blocked\s+by proxy-sgp", narrow)


def test_the_table_groups_by_the_cause_of_the_estate_verdict_and_names_who_met_it() -> None:
    text, _ = written("table", lab.view())
    assert text.count("connect.refused (server)") == 1
    assert "connect.filtered (network)" not in text  # an agent reaches db7, and fs01 waits for an agent
    assert "met by  proxy-lon, proxy-nyc, proxy-par, proxy-sgp" in text


def test_a_quiet_table_lists_only_what_fails() -> None:
    text, _ = written("table", lab.view(), Look(width=160, verbosity=-1))
    assert NAME not in text
    assert re.search(r"ora1:22\s+blocked", text)


def test_a_json_document_has_what_the_view_is_read_again_from() -> None:
    frame = dataclasses.replace(FRAMES["a target without any result"], remarks=("A clock disagrees.",))
    document = json.loads(written("json", lab.view(frame))[0])
    assert frame_restored(document["estate"]["frame"]) == frame
    assert [restored(one).agent.name for one in document["results"][:4]] == list(lab.AGENTS)
    assert document["run"]["agent"] is None


@pytest.mark.parametrize("name", ["tap", "sarif", "github"])
def test_a_cause_names_the_agents_that_met_it(name: str) -> None:
    text, _ = written(name, lab.view())
    if name == "tap":
        (point,) = [one for one in tap(text).points if "ora1" in one.name]
        assert point.block["met_by"] == ", ".join(lab.AGENTS)
        (other,) = [one for one in tap(text).points if "fs01" in one.name]
        assert other.block["detail"] == "no result from proxy-sgp"
        assert "(from proxy-lon, proxy-nyc, proxy-par)" in other.block["also_found"]["connect.filtered"]
    elif name == "sarif":
        results = {one["ruleId"]: one for one in sarif(text)["results"]}
        assert results["connect.refused"]["properties"]["agents"] == list(lab.AGENTS)
        assert results["connect.filtered"]["properties"]["agents"] == list(lab.AGENTS[:3])
        assert (
            results["verdict.undecided"]["message"]["text"] == "smb://fs01:445 is undecided: no result from proxy-sgp"
        )
    else:
        _, refused, waiting = commands(text)
        assert "(met by proxy-lon, proxy-nyc, proxy-par, proxy-sgp)" in refused.message
        assert "Also found: connect.filtered (network): no answer to proxy-lon (met by proxy-lon, " in waiting.message


def test_tap_of_an_estate_agrees_with_prove(tmp_path: Path) -> None:
    passed, words = prove(written("tap", lab.view())[0], tmp_path)
    assert not passed
    assert "Failed tests:  2-3" in words
    assert "Parse errors" not in words


def test_an_agent_called_estate_has_a_suite_of_its_own() -> None:
    results = [dataclasses.replace(lab.of(name, lab.FINE, Step.AUTH)) for name in ("estate", "proxy-lon")]
    text, _ = written("junit", EstateView(results.copy))
    assert [one.attrib["name"] for one in ElementTree.fromstring(text)] == ["agent estate", "proxy-lon", "estate"]


def test_a_required_level_fails_what_is_below_it() -> None:
    view = EstateView(lambda: list(lab.results()), lab.frame(), require="scannable")
    text, totals = written("junit", view)
    assert totals.verdicts[Verdict.READY] == 2
    (suite,) = [one for one in ElementTree.fromstring(text) if one.attrib["name"] == "estate"]
    assert (suite.attrib["failures"], suite.attrib["errors"]) == ("3", "1")


@pytest.mark.parametrize("kind", FRAMES)
def test_the_schema_describes_the_document_and_the_lines(kind: str) -> None:
    schema = result_schema()
    jsonschema.validate(json.loads(written("json", lab.view(FRAMES[kind]))[0]), schema)
    for line in written("jsonl", lab.view(FRAMES[kind]))[0].splitlines():
        jsonschema.validate(json.loads(line), schema)


@pytest.mark.parametrize("key", ["agents", "counts", "frame", "targets"])
def test_the_schema_refuses_an_estate_without_one_of_its_parts(key: str) -> None:
    document = json.loads(written("json", lab.view())[0])
    del document["estate"][key]
    with pytest.raises(jsonschema.ValidationError, match=f"'{key}' is a required property"):
        jsonschema.validate(document, result_schema())
