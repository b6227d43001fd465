"""Send every hostile text of the corpus in every protocol, and check that each output is harmless to its reader.

An independent parser reads each output: CSV, XML with the Jenkins schema, Prometheus, Markdown, HTML. The test of the
same page in a browser is in tests/report/test_html_browser.py.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from pathlib import Path

import html5lib
import pytest
from lxml import etree
from markdown_it import MarkdownIt
from prometheus_client.parser import text_string_to_metric_families

from fixtures.hostile_text import MARK, PEERS, TEXTS
from scanready.model import Owner
from scanready.report.formats.prometheus import METRICS
from tests.browser import Page, browser
from tests.cli.hostile_estate import FORMATS, Estate, verified
from tests.embedded_run import run_in
from tests.report.judges import commands, prove, sarif, tap

pytestmark = pytest.mark.timeout(300)  # one estate for all of them, which takes half a minute
SCHEMA = Path(__file__).parent.parent.parent / "fixtures" / "schemas" / "junit-10.xsd"
SGR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Estate:
    return verified(tmp_path_factory.mktemp("hostile"))


def harmless(text: str) -> None:
    """No character but printable ones, spaces and line feeds."""
    found = {char for char in text if char != "\n" and not char.isprintable()}
    assert not found, {f"U+{ord(char):04X} {unicodedata.category(char)}" for char in found}


def test_the_texts_do_arrive(estate: Estate) -> None:
    """Or the rest would prove nothing: every text is in the results, and a good part of them from each peer."""
    results = json.loads(estate.read("json"))["results"]
    assert len(results) == estate.targets == len(TEXTS) * len(PEERS)
    arrived = {
        (result["target"]["type"], result["target"]["tags"][0]) for result in results if MARK in json.dumps(result)
    }
    for kind in PEERS:
        assert len([name for of, name in arrived if of == kind]) > len(TEXTS) // 3, (kind, sorted(arrived))
    assert {name for _, name in arrived} == set(TEXTS)


@pytest.mark.parametrize("output", ["table", "ladder", "plan", "stderr"])
def test_people_see_printable_characters(estate: Estate, output: str) -> None:
    harmless(getattr(estate, output))


@pytest.mark.parametrize("output", ["table", "ladder", "plan", "stderr", "transcript", *FORMATS])
def test_no_output_commands_a_build_server(estate: Estate, output: str) -> None:
    text = getattr(estate, output) if hasattr(estate, output) else estate.read(output)
    if output == "github":  # its commands are ours: the test below
        return
    assert not re.findall(r"##[A-Za-z]*\[", text)
    assert not [line for line in text.splitlines() if re.match(r"\s*::[a-z-]+(?:\s|::)", line)]


def test_colours_are_ours_alone(estate: Estate) -> None:
    assert SGR.search(estate.table_in_colour)
    harmless(SGR.sub("", estate.table_in_colour))


def test_the_transcript_is_plain(estate: Estate) -> None:
    text = estate.read("transcript")
    harmless(text)
    assert text.isascii()


@pytest.mark.parametrize("name", ["json", "jsonl"])
def test_json_is_ascii_and_whole(estate: Estate, name: str) -> None:
    text = estate.read(name)
    assert text.isascii()
    harmless(text)
    lines = json.loads(text)["results"] if name == "json" else [json.loads(line) for line in text.splitlines()]
    assert len(lines) == estate.targets


def test_csv_has_no_formulas(estate: Estate) -> None:
    text = estate.read("csv").removeprefix("\ufeff")  # the mark of UTF-8, for Excel
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert len(rows) == 1 + estate.targets
    assert {len(row) for row in rows} == {len(rows[0])}
    cells = [cell for row in rows for cell in row]
    assert any(MARK in cell for cell in cells)
    for cell in cells:
        harmless(cell)
        assert not cell.lstrip().startswith(tuple("=+-@\t\r|%")), cell[:80]


def test_junit_is_what_jenkins_takes(estate: Estate) -> None:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    document = etree.fromstring(estate.read("junit").encode(), parser)
    etree.XMLSchema(etree.parse(str(SCHEMA))).assertValid(document)
    assert len(document.findall(".//testcase")) == estate.targets
    assert {element.tag for element in document.iter()} <= {
        "testsuites",
        "testsuite",
        "testcase",
        "properties",
        "property",
        "failure",
        "error",
        "skipped",
        "system-out",
    }
    texts = [str(text) for text in document.itertext()]
    for text in texts:
        harmless(text)
    assert any(MARK in text for text in texts)


def test_tap_has_a_failing_point_for_each_target_that_fails(estate: Estate) -> None:
    text = estate.read("tap")
    harmless(text)
    results = json.loads(estate.read("json"))["results"]
    document = tap(text)
    assert (document.plan, len(document.points), document.bail) == (estate.targets, estate.targets, "")
    failing = sum(result["verdict"] in ("blocked", "undecided") for result in results)
    assert sum(not point.ok for point in document.points) == failing > 0
    assert not [point.directive for point in document.points if point.directive]
    assert any(MARK in str(point.block["detail"]) for point in document.points if "detail" in point.block)


def test_prove_reads_each_point(estate: Estate, tmp_path: Path) -> None:
    passed, words = prove(estate.read("tap"), tmp_path)
    assert not passed
    assert f"Tests: {estate.targets} " in words
    assert "Parse errors" not in words


def test_sarif_has_no_link_or_placeholder_of_theirs(estate: Estate) -> None:
    text = estate.read("sarif")
    assert text.isascii()
    run = sarif(text)
    messages = [one["message"]["text"] for one in run["results"]]
    for message in messages:
        harmless(message)
        assert "](" not in message
        assert not re.search(r"(?<!\{)(?:\{\{)*\{(?!\{)", message)
    assert any(MARK in message for message in messages)
    for one in run["results"]:
        assert one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].endswith("estate.yaml")


def test_the_runner_finds_our_annotations_only(estate: Estate) -> None:
    text = estate.read("github")
    harmless(text)
    found = commands(text)
    assert len(found) == sum(line.startswith("::") for line in text.splitlines()) <= 30
    assert {one.name for one in found} <= {"error", "warning", "notice"}
    assert any(MARK in one.message for one in found)
    for one in found:
        harmless(one.message)
        assert set(one.properties) in ({"title"}, {"file", "line", "title"})
        assert MARK not in "".join(one.properties.values())
        assert not [line for line in one.message.splitlines() if line.lstrip().startswith("::")]


def test_prometheus_has_our_metrics_alone(estate: Estate) -> None:
    text = estate.read("prometheus")
    families = list(text_string_to_metric_families(text))
    # no second cause and no known failure is there
    known = {"scanready_waived", "scanready_expect_other", "scanready_expect_not_needed", "scanready_expect_over"}
    absent = {"scanready_target_besides", *known}
    assert {family.name for family in families} == set(METRICS) - absent
    assert text.endswith("\n")
    assert MARK not in text
    assert len(next(f for f in families if f.name == "scanready_target_scannable").samples) == estate.targets


def test_nagios_is_one_line(estate: Estate) -> None:
    text = estate.read("nagios")
    assert text.count("\n") == 1
    assert text.count("|") == 1
    assert MARK not in text
    harmless(text)


def test_markdown_has_no_links_pictures_or_markup_of_theirs(estate: Estate) -> None:
    text = estate.read("md")
    harmless(text)
    assert MARK in text
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    inline = [child for token in tokens for child in token.children or []]
    assert {token.type for token in inline} <= {"text", "code_inline", "softbreak", "strong_open", "strong_close"}
    blocks = {token.content.strip() for token in tokens if token.type == "html_block"}
    assert blocks <= {"<details><summary>All targets</summary>", "</details>"}
    assert all(MARK not in token.content for token in inline if token.type == "text")
    headings = [tokens[place + 1].content for place, token in enumerate(tokens) if token.type == "heading_open"]
    assert all(MARK not in heading for heading in headings)


def test_html_has_no_elements_or_attributes_of_theirs(estate: Estate) -> None:
    text = estate.read("html")
    document = html5lib.parse(text, treebuilder="lxml", namespaceHTMLElements=False)
    elements = list(document.getroot().iter())
    scripts = [element for element in elements if element.tag == "script"]
    assert [script.get("id") for script in scripts] == ["scanready-run", "scanready-ladder", None]
    assert [element.tag for element in elements if element.tag == "style"] == ["style"]
    assert not [element for element in elements if element.tag in ("img", "iframe", "link", "object", "embed", "base")]
    attributes = {(str(name), str(value)) for element in elements for name, value in element.attrib.items()}
    assert not [pair for pair in attributes if pair[0].startswith("on") or pair[0] in ("src", "style", "srcdoc")]
    assert {value for name, value in attributes if name == "href"} <= {
        *("#results", "#handover", "#run"),
        *(f"#owner={owner}" for owner in Owner),
    }
    text_shown = "".join(
        part
        for element in elements
        if element.tag not in ("script", "style")
        for part in (element.text, element.tail)
        if part
    )
    harmless(text_shown)
    assert MARK in text_shown


def test_the_page_carries_the_run(estate: Estate) -> None:
    carried = json.loads(run_in(estate.read("html")))
    plain = json.loads(estate.read("json"))
    for result in carried["results"]:
        del result["story"]
    assert carried["results"] == plain["results"]


def test_a_browser_executes_nothing_of_theirs(estate: Estate) -> None:
    """Every target of every text is opened in Chromium, the list and the matrix and the print are drawn."""
    with browser() as driver:
        page = Page(driver, estate.directory / "html", name="html-under-test.html")
        assert page.run("return RUN.results.length") == estate.targets
        opened = page.run("""
            let shown = "";
            for (let place = 0; place < state.shown.length; place++) {
              open(place);
              for (const one of byId("detail").querySelectorAll("details")) one.open = true;
              byId("detail").querySelector(".more").dispatchEvent(new Event("toggle"));
              shown += byId("detail").textContent;
            }
            byId("detail").close();
            byId("view-matrix").click();
            byId("text").value = "evil.example"; draw();
            return shown;
        """)
        harmless(opened)
        assert opened.count(MARK) > estate.targets
        page.print()
        page.nothing_happened()
        foreign = page.run("return document.querySelectorAll('img,iframe,object,embed,base,link,script[src]').length")
        assert foreign == 0
