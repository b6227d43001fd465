"""Names of agents, reasons and remarks come from files of others: no format lets them act."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from xml.etree import ElementTree

import pytest

from scanready.causes import common
from scanready.model import Agent, Step
from scanready.report import FORMATS, new_estate_document
from scanready.report.estate import Absent, EstateTotals, EstateView, Frame
from scanready.report.estate.ladders import EstateLadders
from scanready.report.look import Look
from tests.report.estate_view import lab
from tests.report.judges import commands, sarif, tap

EVIL = "=cmd|' /C calc'!A0\x1b[31m`<script>alert(1)</script>\n##vso[task]\u202e]]>\"} 1"
NAMES = [name for name, made in FORMATS.items() if made.estate]


def view() -> EstateView:
    evil = Agent(EVIL, EVIL, (EVIL,))
    results = [
        dataclasses.replace(lab.of("x", lab.LONELY, Step.CONNECT, common.FILTERED), agent=evil),
        lab.of("proxy-lon", lab.LONELY, Step.CONNECT, common.FILTERED),
        dataclasses.replace(lab.of("x", lab.FINE, Step.AUTH), agent=evil),
    ]
    frame = Frame(absent=(Absent(f"{EVIL} absent", EVIL),), remarks=(EVIL,))
    return EstateView(results.copy, frame, EVIL, EVIL)


def written(name: str, look: Look) -> str:
    made, found = view(), EstateLadders(look) if name == "ladder" else new_estate_document(name, look)
    totals = EstateTotals.of(made.info)
    text = found.begin(made.info)
    for row in made.rows():
        totals.add(row)
        text += found.add(row)
    return text + found.end(totals)


@pytest.mark.parametrize("width", [60, 120, 500])
@pytest.mark.parametrize("name", [*NAMES, "ladder"])
def test_no_format_has_a_control_character_or_a_direction_mark(name: str, width: int) -> None:
    text = written(name, Look(width=width))
    assert not re.search("[\x00-\x09\x0b-\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert "\n##vso" not in text


def test_every_format_keeps_its_form() -> None:
    for line in written("jsonl", Look()).splitlines():
        assert json.loads(line)["estate"]["verdict"]
    assert json.loads(written("json", Look()))["estate"]["agents"][0]["platform"] == EVIL
    rows = list(csv.reader(io.StringIO(written("csv", Look()))))
    assert {len(row) for row in rows} == {len(rows[0])}
    assert not [cell for row in rows for cell in row if cell.startswith("=")]
    suites = ElementTree.fromstring(written("junit", Look()))
    assert len(suites) == 4
    for line in written("prometheus", Look()).splitlines():
        assert line.startswith("#") or re.fullmatch(r'\w+(\{(\w+="(\\.|[^"\\])*",?)+\})? [0-9.]+', line), line
    assert [point.ok for point in tap(written("tap", Look())).points] == [False, True]
    assert sarif(written("sarif", Look()))["results"]
    assert {one.name for one in commands(written("github", Look()))} == {"error"}
    assert written("nagios", Look()).count("|") == 1
    assert written("nagios", Look()).count("\n") == 1


def test_markdown_has_no_markup_of_an_agent() -> None:
    text = written("md", Look())
    ours = ("<details><summary>All targets</summary>", "</details>")
    for tag in ours:
        text = text.replace(tag, "")
    outside = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    assert not re.search(r"(?<!\\)<", outside)
