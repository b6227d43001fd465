"""The HTML report in Chromium: its content, filters, drill-down, printing and keyboard."""

from __future__ import annotations

import dataclasses
import datetime
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.keys import Keys

from scanready.causes import common
from scanready.model import Expectation, Standing, Target, Verdict
from scanready.report.background import Background
from scanready.report.diff import glimpses
from scanready.report.earlier import Earlier, Moment
from scanready.report.paper import GRAVITY, SENTENCES
from scanready.report.serialize import as_line
from scanready.run.any_type import combined
from scanready.run.registry import all_causes, catalogue
from tests.browser import Page, browser
from tests.report.estate import document, reports, with_cause
from tests.report.reports import ready

if TYPE_CHECKING:
    from selenium import webdriver

COUNT = 60


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("html") / "report.html"
    path.write_text(document("html", list(reports(COUNT))))
    return path


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    """Share one browser between tests that only open pages, as its start takes most of the time."""
    with browser() as driver:
        yield driver


@pytest.fixture
def page(driver: webdriver.Chrome, file: Path) -> Iterator[Page]:
    page = Page(driver, file)
    yield page
    page.nothing_happened()


def count(page: Page) -> int:
    return int(page.text("#count").split()[0])


def test_the_headline_counts_and_draws(page: Page) -> None:
    verdicts = Counter(report.verdict for report in reports(COUNT))
    assert page.text("h1") == "10 of 60 targets proven scannable"
    summed = "60 targets: 10 proven, 10 fine up to the login prompt, 10 with warnings, 20 blocked, 10 undecided"
    assert page.run("return document.querySelector('.ring svg').getAttribute('aria-label')") == summed
    assert (page.text(".ring .big"), page.text(".ring .small")) == ("10", "of 60 proven")
    for verdict in Verdict:
        assert page.text(f".chip.v-{verdict}").split() == [verdict, str(verdicts[verdict])]
    assert page.texts(".legend .dim") == [SENTENCES[verdict] for verdict in GRAVITY]
    arcs = page.run(
        "return [...document.querySelectorAll('.arc')].map((arc) => parseFloat(arc.getAttribute('stroke-dasharray')))"
    )
    assert sum(arcs) == pytest.approx(100, abs=0.1)
    assert page.texts(".types .name") == ["https", "mysql", "postgresql", "smb", "ssh"]


def test_each_filter_shows_its_own(page: Page) -> None:
    assert count(page) == COUNT
    for name, value, wanted in (
        ("verdict", "blocked", 20),
        ("type", "ssh", 12),
        ("owner", "network", 10),
        ("tag", "finance", 20),
        ("cause", "postgresql.hba-rejected", 10),
    ):
        page.choose(name, value)
        assert count(page) == wanted, name
        assert len(page.texts("#view tbody tr")) == wanted
        page.click("#reset")
        assert count(page) == COUNT


def test_a_link_shows_the_part_of_one_owner(page: Page, driver: webdriver.Chrome, file: Path) -> None:
    page.run("location.hash = '#owner=network'; dispatchEvent(new HashChangeEvent('hashchange'))")
    shown = "return [...document.querySelectorAll('.owner')].filter((one) => !one.hidden).map((one) => one.id)"
    assert page.run(shown) == ["owner=network"]
    assert page.run("return document.getElementById('owner=network').open")
    assert count(page) == 10
    assert "the part of one owner" in page.text("#one-owner")
    page.run("location.hash = '#handover'; dispatchEvent(new HashChangeEvent('hashchange'))")
    assert len(page.run(shown)) == 3
    assert count(page) == COUNT
    assert page.run("return document.getElementById('one-owner').hidden")


@pytest.mark.parametrize(
    ("fragment", "wanted"),
    [
        ("verdict=blocked", 20),
        ("cause=connect.filtered", 10),
        ("owner=nobody", COUNT),
        ("%E0%A4%A", COUNT),
        ("x=<b>", COUNT),
    ],
)
def test_a_link_filters_and_a_wrong_one_changes_nothing(page: Page, fragment: str, wanted: int) -> None:
    page.run(f"location.hash = {json.dumps('#' + fragment)}; dispatchEvent(new HashChangeEvent('hashchange'))")
    assert count(page) == wanted
    assert page.run("return [...document.querySelectorAll('.owner')].every((one) => !one.hidden)")


def test_filters_together_and_search(page: Page) -> None:
    page.choose("verdict", "blocked")
    page.choose("owner", "network")
    assert count(page) == 10
    page.type("#text", "host-00001", Keys.ENTER)
    assert count(page) == 1
    assert page.texts("#view .open") == ["https://host-00001.corp:443"]
    page.type("#text", "-nothing-like-it", Keys.ENTER)
    assert page.text("#view") == "No target matches the filters."


def test_what_is_typed_and_entered_is_drawn_once(page: Page) -> None:
    page.type("#text", "host-00001", Keys.ENTER)
    page.run("window.before = document.querySelector('#view .open')")
    time.sleep(0.3)
    assert page.run("return before.isConnected"), "drawn again by the timer of the last key"


def test_a_chip_is_a_filter_and_says_so(page: Page) -> None:
    page.click(".chip.v-undecided")
    assert count(page) == 10
    assert page.run("return document.querySelector('.chip.v-undecided').getAttribute('aria-pressed')") == "true"
    page.click(".chip.v-undecided")
    assert count(page) == COUNT


@pytest.mark.parametrize("selector", [".chip.v-undecided", ".types [data-value=ssh]"])
def test_a_click_in_the_headline_leads_to_what_it_filters(page: Page, selector: str) -> None:
    top = "return Math.abs(document.getElementById('results').getBoundingClientRect().top) < 5"
    page.click(selector)
    assert page.run(top)
    assert page.run("return document.activeElement.id") == "results"
    page.run("scrollTo(0, 0)")
    page.click(selector)
    assert not page.run(top), "nothing is filtered any more: the list is not what was asked for"


def test_a_cause_leads_to_its_targets(page: Page) -> None:
    page.click("#handover [data-filter=cause]")
    assert count(page) == 10


def test_sorting_by_a_column(page: Page) -> None:
    page.click("[data-sort=target]")
    assert page.texts("#view .open")[0].endswith("host-00000.corp:22")
    page.click("[data-sort=target]")
    assert page.texts("#view .open")[0].partition("host-")[2].startswith("00029.corp")
    assert page.run("return document.querySelector('th[aria-sort=descending]').textContent") == "target"


def test_drill_down_with_ladder_story_and_fix(page: Page) -> None:
    page.choose("cause", "connect.filtered")
    page.click("#view .open")
    detail = page.text("#detail")
    assert "connect.filtered at connect, owner network" in detail
    assert "ip saddr 10.0.1.5 ip daddr" in detail
    assert page.texts("#detail .rung > b") == [
        "resolve",
        "connect",
        "tls",
        "handshake",
        "auth",
        "login",
        "access",
    ]
    marks = page.run("return [...document.querySelectorAll('#detail .mark')].map((mark) => mark.ariaLabel)")
    assert marks == ["passed", "failed", *["skipped"] * 5]
    assert "20 ms" in page.texts("#detail .rung .time")
    assert "a TCP connection request" in detail  # the line "sent"
    assert "nc -vz" in detail  # the manual check
    assert "Ask the network team" in detail
    page.click("#detail [aria-label='Next target']")
    assert page.text("#detail h2") != ""
    page._driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not page.run("return document.getElementById('detail').open")


def test_the_matrix_opens_the_same(page: Page) -> None:
    page.click("#view-matrix")
    assert len(page.texts("#view tbody tr")) == COUNT // 2
    page.click("#view .cell.v-blocked")
    assert page.text("#detail .badge") == "blocked"


def test_everything_can_be_reached_by_keyboard(page: Page) -> None:
    focused = set()
    for _ in range(40):
        page._driver.switch_to.active_element.send_keys(Keys.TAB)
        focused.add(page.run("const one = document.activeElement; return one.id || one.className || one.tagName"))
    assert {"theme", "skip"} <= focused
    page.run("document.querySelector('#view .open').focus()")
    page._driver.switch_to.active_element.send_keys(Keys.ENTER)
    assert page.run("return document.getElementById('detail').open")
    assert page.run("return document.getElementById('detail').contains(document.activeElement)")


def test_dark_and_light(page: Page) -> None:
    ground = "return getComputedStyle(document.body).backgroundColor"
    before = page.run(ground)
    page.click("#theme")
    assert page.run(ground) != before


#: Relative luminance and contrast as WCAG 2.1 defines them, of each text that the page shows.
CONTRAST = """
const parse = (color) => color.match(/[\\d.]+/g).map(Number);
const light = (color) => { const [r, g, b] = parse(color).map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const ground = (one) => { for (; one; one = one.parentElement) { const color = getComputedStyle(one).backgroundColor; if ((parse(color)[3] ?? 1) === 1) return color; } return "rgb(255, 255, 255)"; };
const bad = [];
for (const one of document.querySelectorAll("body *")) {
  if (one.disabled || !one.checkVisibility() || ![...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
  if (one.closest("svg, script")) continue;
  const a = light(getComputedStyle(one).color), b = light(ground(one));
  const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (contrast < 4.5) bad.push(`${one.tagName}.${one.className} ${one.textContent.slice(0, 20)} ${contrast.toFixed(2)}`);
}
return [...new Set(bad)];
"""  # noqa: E501


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_from_its_ground(page: Page, theme: str) -> None:
    page.run(f"document.documentElement.dataset.theme = '{theme}'")
    page.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.run(CONTRAST) == []
    page.click("#view .open")
    assert page.run(CONTRAST) == []


def test_narrow_needs_no_sideways_scrolling(tmp_path: Path) -> None:
    """An estate of all types has a table of hosts and types that is wider than a phone."""
    file = tmp_path / "report.html"
    file.write_text(document("html", [ready(f"host-{kind}", kind) for kind in catalogue().built_in]))
    with browser(420, 800) as driver:
        driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", {"width": 380, "height": 800, "deviceScaleFactor": 1, "mobile": True}
        )
        page = Page(driver, file)
        assert page.run("return document.documentElement.scrollWidth") <= 380
        page.click("#view .open")
        assert page.run("return document.getElementById('detail').scrollWidth") <= 380
        page.run("document.getElementById('detail').close()")
        page.click("#view-matrix")  # the table scrolls in its frame, with the host in sight; the page does not
        assert page.run("return document.documentElement.scrollWidth") <= 380
        assert page.run("return document.querySelector('.matrix').offsetWidth") > 380


def pages_of(pdf: bytes) -> int:
    assert pdf.startswith(b"%PDF")
    return sum(pdf.count(b"/Type /Page" + end) for end in (b"\n", b"/", b" "))


def test_the_print_is_a_summary_of_two_pages(driver: webdriver.Chrome, file: Path, tmp_path: Path) -> None:
    page = Page(driver, file)
    assert pages_of(page.print()) <= 2
    assert not page.run("return document.getElementById('paper').checkVisibility()")
    large = tmp_path / "every-cause.html"
    causes = list(all_causes().values())
    now, before = [with_cause(cause) for cause in causes], list(reports(300))
    since = Earlier("before", "2025-12-01T00:00:00Z", "another-agent", glimpses(before))
    moments = [Moment("2025-12-01T00:00:00Z", {Verdict.READY: 5, Verdict.BLOCKED: 3})] * 11
    of = [*now, *(dataclasses.replace(one, verdict=Verdict.BLOCKED) for one in before[100:])]
    large.write_text(document("html", of, background=Background("A title " * 30, since, moments)))
    page = Page(driver, large)
    assert "in the file" in page.run("return document.getElementById('paper').textContent")
    assert pages_of(page.print()) == 2


def test_a_title_of_ones_own(driver: webdriver.Chrome, tmp_path: Path) -> None:
    file = tmp_path / "titled.html"
    file.write_text(document("html", list(reports(6)), background=Background("Estate <b>\x1b[31m & 'more'")))
    page = Page(driver, file)
    assert page.text(".own") == "Estate <b>\\x1b[31m & 'more'"
    assert driver.title.startswith("Estate <b>\\x1b[31m & 'more' - Scan readiness from ")


def test_the_whole_page_is_printed_when_it_is_asked_for(page: Page) -> None:
    page.run("window.print = () => {}")
    page.run("byId('print-whole').click()")
    page.run("dispatchEvent(new Event('beforeprint'))")
    assert len(page.run("return [...document.querySelectorAll('.ladderblock')].map((one) => 1)")) == COUNT * 4 // 6
    assert page.run("return document.querySelectorAll('details.owner:not([open])').length") == 0
    page.run("dispatchEvent(new Event('afterprint'))")
    assert page.run("return document.querySelectorAll('.ladderblock').length") == 0
    page.run("byId('print-whole').click()")
    assert pages_of(page.print()) > 3


def test_the_watch_would_see_it(file: Path) -> None:
    """Prove that the check for executed text works: here a text is executed."""
    with browser() as driver:
        page = Page(driver, file)
        page.run("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=alert(1)><p style=color:red>')")
        page.run("const one = document.createElement('script'); one.text = 'alert(2)'; document.body.append(one)")
        happened = page.run("return happened")
        assert "alert" not in happened
        assert {"policy: img-src", "policy: style-src-attr", "policy: script-src-elem"} <= set(happened)


def test_a_row_shows_what_its_result_has(driver: webdriver.Chrome, tmp_path: Path) -> None:
    """Names that look like a type, a placeholder or a number, and results that are not packed."""
    hosts = ["ssh", "db2.corp", "10.0.0.7", "fe80::1", "x\ue000y", "finance", "host", "1.5", "blocked"]
    of = [dataclasses.replace(one, target=dataclasses.replace(one.target, host=host)) for one, host in
          zip(reports(len(hosts)), hosts, strict=True)]  # fmt: skip
    of += [dataclasses.replace(one, facts={"said": "\ue000 \ue010 <b>"}) for one in of]
    file = tmp_path / "odd.html"
    file.write_text(document("html", of))
    page = Page(driver, file)
    shown = page.run("""
        return RUN.results.map((result) => [result.host, result.name, result.is.type, result.is.verdict, result.is.tags,
            result.seconds, result.whole(), result.hay]);
    """)
    for report, (host, name, kind, verdict, tags, seconds, whole, hay) in zip(of, shown, strict=True):
        assert whole == json.loads(as_line(report))
        assert (host, name, kind) == (report.target.host, whole["target"]["name"], report.target.type)
        assert (verdict, tuple(tags), seconds) == (report.verdict, report.target.tags, report.seconds)
        assert all(str(text).lower() in hay for text in (host, name, kind, verdict, *whole["facts"].values()) if text
                   and not isinstance(text, list))  # fmt: skip
    page.run("byId('text').value = '\\ue000'; draw()")
    assert count(page) == len(hosts) + 1


def test_a_filter_finds_a_host_without_a_type_as_the_hand_over_does(driver: webdriver.Chrome, tmp_path: Path) -> None:
    """By a type that holds, and by an owner who has to do something for a type that holds."""
    fine, warned = (
        next(one for one in reports(12) if one.verdict is wanted) for wanted in (Verdict.READY, Verdict.LIMITED)
    )
    tried = [fine, warned, with_cause(common.FILTERED)]
    host = Target("tried", "any", 0, tries=tuple(one.target for one in tried))
    file = tmp_path / "types.html"
    file.write_text(document("html", [with_cause(common.FILTERED), combined(host, tried, datetime.date(2026, 1, 1))]))
    page = Page(driver, file)
    found = {
        (name, value): page.run(f"""
            return RUN.results.filter((one) => FILTERS.{name}(one.is).includes('{value}')).map((one) => one.host)
        """)
        for name, value in (("type", warned.target.type), ("type", "any"), ("owner", "server"), ("owner", "network"))
    }
    filtered = with_cause(common.FILTERED).target.host
    assert found["type", warned.target.type] == found["type", "any"] == ["tried"]
    assert found["owner", "server"] == [filtered, "tried"]
    assert found["owner", "network"] == [filtered]
    page.nothing_happened()


def test_known_failures_and_hosts_without_a_type(driver: webdriver.Chrome, tmp_path: Path) -> None:
    expected = Expectation(Verdict.BLOCKED, "connect.filtered", datetime.date(2999, 1, 1), "CHG-1")
    known = with_cause(common.FILTERED)
    target = dataclasses.replace(known.target, host="waived", expected=expected)
    known = dataclasses.replace(known, target=target, standing=Standing.WAIVED, seconds=0.25)
    fine = next(one for one in reports(12) if one.verdict is Verdict.READY)
    tried = [fine, with_cause(common.REFUSED)]
    host = Target("tried", "any", 0, tries=tuple(one.target for one in tried))
    file = tmp_path / "known.html"
    file.write_text(document("html", [known, combined(host, tried, datetime.date(2026, 1, 1))]))
    page = Page(driver, file)
    of = {name: f"RUN.results.find((one) => one.host === '{name}')" for name in ("waived", "tried")}
    assert page.run(f"return {of['waived']}.is.standing") == "waived"
    assert page.run(f"return {of['tried']}.is.standing") == ""
    assert page.run(f"return {of['tried']}.is.as") == [fine.target.type]
    assert page.run(f"return {of['tried']}.is.types") == ["any", fine.target.type]
    assert page.run(f"return {of['waived']}.seconds") == 0.25
    text = page.text("#view")
    assert "known" in text
    assert f"as {fine.target.type}" in text
    assert "not counted until 2999-01-01: CHG-1" in page.text("#known")
    page.run(f"open(state.shown.indexOf({of['tried']}))")
    assert "Types that were tried" in page.text("#detail")
    page.run(f"byId('detail').close(); open(state.shown.indexOf({of['waived']}))")
    assert "waived, until 2999-01-01 CHG-1" in page.text("#detail")
    page.nothing_happened()
