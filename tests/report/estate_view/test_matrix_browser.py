"""The page of an estate view in Chromium: its matrix, filters, drill-down, keyboard and print."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.keys import Keys

from scanready.causes import common
from scanready.model import GOOD, Agent, DeclaredAgent, Expectation, Standing, Step, Target, Verdict
from scanready.report.estate import Absent, EstateView, Frame, Row
from scanready.report.serialize import as_line
from tests.browser import Page, browser
from tests.estate.results import ACCOUNT, failed, result, up_to
from tests.report.estate_view import lab
from tests.report.estate_view.many import ABSENT, agent_of, page_of, view_of
from tests.report.reports import HOSTILE, blocked

if TYPE_CHECKING:
    from selenium import webdriver

TARGETS, AGENTS = 90, 7


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    """Share one browser between tests that only open pages, as its start takes most of the time."""
    with browser() as driver:
        yield driver


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("matrix") / "estate.html", view_of(TARGETS, AGENTS))


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the page of forty agents."""
    return written(tmp_path_factory.mktemp("wide") / "wide.html", view_of(60, 40))


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return list(view_of(TARGETS, AGENTS).rows())


@pytest.fixture
def page(driver: webdriver.Chrome, file: Path) -> Iterator[Page]:
    page = Page(driver, file)
    yield page
    page.nothing_happened()


def written(file: Path, view: EstateView) -> Path:
    with file.open("w", encoding="utf-8") as out:
        out.writelines(page_of(view))
    return file


def count(page: Page) -> int:
    return int(page.text("#count").split()[0])


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page._driver.switch_to.active_element.send_keys(key)


def active(page: Page) -> list[int]:
    found = page.run("""
        const one = document.activeElement;
        return [Number(one.parentElement.dataset.row), Number(one.dataset.column)];
    """)
    return list(found)


def open_dialog(page: Page) -> bool:
    return bool(page.run("return byId('detail').open"))


def test_the_headline_says_what_it_counts(page: Page, rows: list[Row]) -> None:
    proven, fine = (
        sum(any(one.verdict in good for one in row.reports.values()) for row in rows) for good in (GOOD[:1], GOOD[:2])
    )
    assert proven
    assert fine > proven
    assert page.text("h1") == f"Proven by at least one of 7 agents: {proven} of 91 targets"
    verdicts = Counter(row.verdict.verdict for row in rows)
    for verdict in Verdict:
        assert page.text(f".legend .v-{verdict}").split() == [verdict, str(verdicts[verdict])]
    by = f"{proven} of them proven by at least one of 7 agents, {fine - proven} more up to the login prompt"
    assert page.text("#count") == f"91 of 91 targets; {by}"


def test_every_cell_shows_the_agents_own_verdict(page: Page, rows: list[Row]) -> None:
    names = [column.name for column in view_of(TARGETS, AGENTS).info.columns]
    shown = page.run("""
        const seen = (one) => [one.textContent, one.title, one.className];
        return ROWS.map((row) => [...line(row.place).children].map(seen));
    """)
    signs = {"scannable": "✓✓", "ready": "✓", "limited": "!", "undecided": "?", "blocked": "✗"}
    for row, (name, estate, *cells) in zip(rows, shown, strict=True):
        assert name[0] == row.name
        assert row.verdict.verdict in estate[0]
        assert not row.verdict.finding or f"met by {row.verdict.met_by}" in estate[0]
        if row.verdict.verdict is Verdict.UNDECIDED and not row.verdict.finding:
            assert f"no result from {row.verdict.missing[0]}" in estate[0]
        for agent, (sign, title, kind) in zip(names, cells, strict=True):
            report = row.reports.get(agent)
            if report is not None:
                code = f", {report.cause.code}" if report.cause else ""
                wanted = (signs[report.verdict], f"{agent}: {report.verdict}{code}", f"v-{report.verdict}")
            elif agent in row.verdict.missing:
                absent = f", {ABSENT}" if agent == agent_of(AGENTS - 1).name else ""
                wanted = ("∅", f"{agent}: no result{absent}", "missing")
            else:
                wanted = ("", "", "")
            assert (sign, title, kind) == wanted, (row.name, agent)


def test_every_result_opens_byte_for_byte(page: Page, rows: list[Row]) -> None:
    found = page.run("""
        return ROWS.map((row) => COLUMNS.map((column) => stateAt(row, column.place) < FIRST ? null
          : [new Cell(row, column.place).whole(), new Cell(row, column.place).story().rungs.length]));
    """)
    for row, cells in zip(rows, found, strict=True):
        results = [cell for cell in cells if cell is not None]
        assert [whole for whole, _ in results] == [json.loads(as_line(one)) for one in row.reports.values()]
        assert all(rungs == len(whole["checks"]) for whole, rungs in results)


def expected(rows: list[Row], name: str, value: str) -> int:
    sites = {agent_of(number).name: ("nyc", "lon", "sgp")[number % 3] for number in range(AGENTS)}
    names = sorted(sites)

    def fits(row: Row) -> bool:
        able = [one for one in row.reports.values() if one.verdict in GOOD]
        return {
            "text": value in row.name,
            "agent": names[int(value)] in row.expected if name == "agent" else False,
            "site": any(sites[one] == value for one in row.expected),
            "verdict": row.verdict.verdict == value,
            "cause": f"estate:{row.verdict.finding.cause.code if row.verdict.finding else ''}" == value
            or any(f"agent:{one.cause.code}" == value for one in row.reports.values() if one.cause),
            "agreement": {"one": len(able) == 1, "none": not able, "missing": bool(row.verdict.missing),
                          "disagree": len({one.verdict for one in row.reports.values()}) > 1}.get(value, False),
        }[name]  # fmt: skip

    return sum(map(fits, rows))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("agent", "2"),
        ("site", "lon"),
        ("verdict", "limited"),
        ("verdict", "undecided"),
        ("cause", "estate:tls.expired"),
        ("cause", "agent:tls.expired"),
        ("agreement", "one"),
        ("agreement", "disagree"),
        ("agreement", "none"),
        ("agreement", "missing"),
    ],
)
def test_a_filter_leaves_its_own_targets(page: Page, rows: list[Row], name: str, value: str) -> None:
    page.choose(name, value)
    assert count(page) == expected(rows, name, value) > 0
    if name == "site":
        assert "at least one of 2 chosen agents" in page.text("#count")
        assert page.texts("#grid th.agent b") == [agent_of(one).name for one in (1, 4)]
    page.click("#reset")
    assert count(page) == TARGETS + 1


def test_filters_combine_and_the_search_looks_at_names(page: Page, rows: list[Row]) -> None:
    page.type("#text", "MYSQL host-0001", Keys.ENTER)
    assert count(page) == sum("mysql" in row.name and "host-0001" in row.name for row in rows) == 2
    page.choose("verdict", "blocked")
    page.type("#text", "-none", Keys.ENTER)
    assert page.text("#grid") == "No target matches the filters."
    page.click("#reset")
    page.choose("order", "verdict")
    assert page.texts("#grid .shown .estate .badge")[0] == "blocked"


def test_a_count_of_a_cause_is_that_of_its_filter(page: Page) -> None:
    counts = page.run("return [...document.querySelectorAll('#causes button')].map((one) => one.textContent)")
    assert len(counts) >= 3
    for number, shown in enumerate(counts):
        page.run(f"document.querySelectorAll('#causes button')[{number}].click()")
        assert count(page) == int(shown)
        page.click("#reset")
    page.click(".legend .v-ready")
    assert count(page) == int(page.text(".legend .v-ready b"))
    assert page.run("return document.querySelector('.legend .v-ready').getAttribute('aria-pressed')") == "true"


def test_a_cell_opens_the_ladder_of_its_agent(page: Page, rows: list[Row]) -> None:
    number, agent = next(
        (row.place, name)
        for row in rows
        for name, one in row.reports.items()
        if one.cause and one.cause.code == "connect.filtered"
    )
    column = sorted(agent_of(one).name for one in range(AGENTS)).index(agent)
    page.run(f"moveTo({number}, {column + 2})")
    page.click(f"[data-row='{number}'] [data-column='{column + 2}']")
    detail = page.text("#detail")
    assert f"{agent}, " in detail
    assert "connect.filtered at connect, owner network" in detail
    assert page.texts("#detail .rung > b")[:2] == ["resolve", "connect"]
    assert "nc -vz" in detail or "Test-NetConnection" in detail
    page.click("#detail [aria-label='Next target']")
    assert agent in page.text("#detail")
    press(page, Keys.ESCAPE)
    assert not open_dialog(page)


def test_a_row_opens_its_estate_verdict_with_what_was_overruled(driver: webdriver.Chrome, tmp_path: Path) -> None:
    file = written(tmp_path / "lab.html", lab.view(lab.frame("proxy-tok", absent=(Absent("proxy-tok", "no export"),))))
    page = Page(driver, file)
    place = next(row.place for row in lab.view().rows() if row.verdict.overruled or row.target == lab.LONELY)
    page.click(f"[data-row='{place}'] [data-column='0']")
    text = page.text("#detail")
    assert "Results of 5 agents" in text
    assert "proxy-tok (no export)" in text
    assert page.texts("#detail .agents .open") == list(lab.AGENTS)
    assert page.text("#grid th.absent i") == "no export"
    page.nothing_happened()


def test_an_overruled_result_says_why(driver: webdriver.Chrome, tmp_path: Path) -> None:
    of = [result("a", failed(common.LOGIN_REFUSED)), result("b", up_to(Step.AUTH))]
    row = next(EstateView(lambda: of).rows())
    assert row.verdict.overruled[0].agent == "b"
    page = Page(driver, written(tmp_path / "overruled.html", EstateView(lambda: of)))
    assert page.text("h1") == "Proven by at least one of 2 agents: 0 of 1 target"
    assert page.text("#count") == "1 of 1 target; 0 of them proven by at least one of 2 agents"
    page.click("[data-row='0'] [data-column='1']")
    text = page.text("#detail")
    assert f"counts as {row.verdict.overruled[0].counted}: {row.verdict.overruled[0].why} (met by a)" in text
    assert "login.refused at login" in text
    page.click("#detail [aria-label='Close']")
    page.click("[data-row='0'] [data-column='3']")
    assert row.verdict.overruled[0].why in page.text("#detail")
    page.nothing_happened()


def test_a_refusal_at_another_target_is_shown_with_its_remedy(driver: webdriver.Chrome, tmp_path: Path) -> None:
    """The agent that met it has no result for this target, so the page has the texts of the cause itself."""
    first, second = (Target(host, "postgresql", 5432, credential=ACCOUNT) for host in ("db7", "db8.corp"))
    refused = failed(common.LOGIN_REFUSED, detail="password authentication failed")
    withheld = failed(common.LOGIN_WITHHELD, detail="it was not tried again")
    withheld[-1].facts |= {"refused_at": "db7:5432", "refused_account": list(ACCOUNT.guarded_by)}
    of = [result("a", refused, first), result("b", withheld, second)]
    frame = Frame("", (DeclaredAgent("a"), DeclaredAgent("b")))
    row = list(EstateView(lambda: of, frame).rows())[1]
    assert (row.verdict.met_by, "a" in row.reports) == ("a", False)
    page = Page(driver, written(tmp_path / "withheld.html", EstateView(lambda: of, frame)))
    page.click("[data-row='1'] [data-column='0']")
    text = page.text("#detail")
    assert "login.refused at login" in text
    assert "password authentication failed" in text
    assert "Remedy" in text
    assert row.verdict.overruled[0].why in text
    page.nothing_happened()


def test_a_failure_that_is_known_is_marked(driver: webdriver.Chrome, tmp_path: Path) -> None:
    expected = Expectation(Verdict.BLOCKED, "connect.filtered", datetime.date(2999, 1, 1), "CHG-1")
    target = Target("waived", "ssh", 22, expected=expected)
    of = [
        dataclasses.replace(result(name, failed(common.FILTERED), target), standing=Standing.WAIVED)
        for name in ("a", "b")
    ]
    page = Page(driver, written(tmp_path / "known.html", EstateView(lambda: of)))
    assert "known connect.filtered" in page.text("#grid .shown .estate").replace("\n", " ")
    assert "1 failure is known and not counted" in page.text(".known")
    page.click("[data-row='0'] [data-column='0']")
    assert "waived" in page.text("#detail .pairs")
    page.nothing_happened()


def test_a_head_opens_the_page_of_its_agent(page: Page, rows: list[Row]) -> None:
    name = sorted(agent_of(one).name for one in range(AGENTS))[2]
    page.click("#grid th[data-column='4']")
    text = page.text("#detail")
    own = Counter(row.reports[name].verdict for row in rows if name in row.reports)
    assert page.text("#detail h2") == name
    assert "10.200." in text
    assert "Linux" in text
    assert f"Own results for {sum(name in row.expected for row in rows)} targets" in text
    for verdict in own:
        assert page.text(f"#detail .chip.v-{verdict}").split() == [verdict, str(own[verdict])]
    page.click("#detail .chip.v-blocked")
    assert f"1 to {own[Verdict.BLOCKED]} of {own[Verdict.BLOCKED]} targets" in page.text("#detail .targets")
    page.click("#detail .targets .open")
    assert page.text("#detail .badge") == "blocked"
    assert name in page.text("#detail")


def test_a_link_opens_an_agent_or_filters(page: Page) -> None:
    def go(fragment: str) -> None:
        page.run(f"location.hash = {json.dumps(fragment)}; dispatchEvent(new HashChangeEvent('hashchange'))")

    go("#agent=proxy-lon-01")
    assert page.text("#detail h2") == "proxy-lon-01"
    press(page, Keys.ESCAPE)
    go("#site=lon")
    assert page.run("return byId('site').value") == "lon"
    for wrong in ("#agent=<b>", "#verdict=x", "#%E0%A4%A", "#text=x"):
        go(wrong)
        assert not open_dialog(page)


def test_the_keyboard_leads_through_the_matrix(page: Page) -> None:
    page.run("document.querySelector('#grid tbody [tabindex=\"0\"]').focus()")
    assert active(page) == [0, 0]
    press(page, Keys.ARROW_DOWN, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert active(page) == [1, 2]
    press(page, Keys.ENTER)
    assert open_dialog(page)
    press(page, Keys.ESCAPE)
    assert not open_dialog(page)
    assert active(page) == [1, 2]
    press(page, Keys.END)
    assert active(page) == [1, AGENTS + 1]
    press(page, Keys.ARROW_UP, Keys.ARROW_UP)
    assert active(page) == [-1, AGENTS + 1]
    press(page, Keys.ENTER)
    assert page.text("#detail h2").startswith("proxy-")
    press(page, Keys.ESCAPE, Keys.PAGE_DOWN, Keys.HOME, Keys.ARROW_LEFT)
    assert active(page)[1] == 0
    press(page, Keys.CONTROL + Keys.END)
    assert active(page) == [TARGETS, AGENTS + 1]
    press(page, Keys.CONTROL + Keys.HOME)
    assert active(page) == [0, 0]
    assert page.run("return document.querySelectorAll(\"#grid [tabindex='0']\").length") == 1


def test_a_row_that_is_scrolled_away_keeps_the_keyboard_in_the_matrix(page: Page) -> None:
    page.run("moveTo(3, 3); byId('grid').scrollTop = 2000;")
    page.wait_for("const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done(1)))")
    assert page.run("return byId('grid').contains(document.activeElement)")
    press(page, Keys.ARROW_DOWN)
    assert active(page) == [4, 3]


def test_head_and_names_stay_in_sight(driver: webdriver.Chrome, wide: Path) -> None:
    page = Page(driver, wide)
    page.run("moveTo(50, 38)")
    place = "const one = document.querySelector('{}').getBoundingClientRect(); return [one.left, one.top]"
    left, top = page.run("const one = byId('grid').getBoundingClientRect(); return [one.left, one.top]")
    assert page.run(place.format("#grid thead th"))[1] == pytest.approx(top, abs=2)
    assert page.run(place.format("#grid .shown th"))[0] == pytest.approx(left, abs=2)
    assert page.run("return byId('grid').scrollLeft") > 100
    assert page.run("return document.documentElement.scrollWidth <= innerWidth")
    page.nothing_happened()


def test_the_document_stays_small(driver: webdriver.Chrome, wide: Path, tmp_path: Path) -> None:
    """The number of nodes depends on the height of the window and on the agents, not on the targets."""
    nodes = "return document.getElementsByTagName('*').length"
    few = Page(driver, wide)
    most = few.run(nodes)
    assert most < 4000
    many = Page(driver, written(tmp_path / "many.html", view_of(1000, 5)))
    assert many.run(nodes) < most
    for row in (0, 500, 1000, 700):
        many.run(f"moveTo({row}, 2)")
        assert many.text(f"[data-row='{row}'] .name").startswith(("ssh", "smb", "https", "mysql", "postgresql"))
        assert many.run(nodes) < most
        assert many.run("return document.querySelectorAll('#grid .shown tr').length") < 60
    assert many.run("return byId('grid').scrollHeight") > 1000 * 34
    many.choose("verdict", "blocked")
    assert many.run(nodes) < most
    many.click("#grid th[data-column='2']")
    assert many.run(nodes) < most + 800
    many.nothing_happened()


def test_more_agents_than_columns_are_said(driver: webdriver.Chrome, tmp_path: Path) -> None:
    page = Page(driver, written(tmp_path / "agents.html", view_of(25, 130)))
    assert page.run("return document.getElementsByTagName('*').length") < 8000
    assert "the matrix shows the first 120 of them" in page.text("#count")
    assert len(page.texts("#grid th.agent")) == 120
    last = page.run("return [...byId('agent').options].at(-1).value")
    page.choose("agent", last)
    assert len(page.texts("#grid th.agent")) == 1
    page.nothing_happened()


def test_the_print_has_the_counts_and_what_is_not_ready(page: Page, rows: list[Row]) -> None:
    page.run("dispatchEvent(new Event('beforeprint'))")
    bad = [row for row in rows if row.verdict.verdict not in GOOD[:2]]
    lines = page.run("return [...document.querySelectorAll('.notready tbody tr')].map((one) => one.textContent)")
    assert len(lines) == len(bad)
    text = page.run("return byId('paper').textContent")
    assert text.startswith(f"Targets that are not ready: {len(bad)} of 91")
    assert all(row.name in text for row in bad)
    assert f"no result: {', '.join(agent_of(one).name for one in (1, 4))}" in text  # of the target without results
    page.run("dispatchEvent(new Event('afterprint'))")
    assert page.run("return byId('paper').childElementCount") == 0
    assert page.print().startswith(b"%PDF")


def test_narrow_needs_no_sideways_scrolling_of_the_page(file: Path) -> None:
    with browser(420, 800) as driver:
        driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": True}
        )
        page = Page(driver, file)
        assert page.run("return document.documentElement.scrollWidth") <= 400
        assert page.run("return byId('grid').scrollWidth") > 400
        assert page.run("return [...document.querySelectorAll('.shown tr')].every((row) => row.offsetHeight === 34)")
        page.run("showTarget(3)")
        assert page.run("return byId('detail').scrollWidth") <= 400


def test_hostile_names_and_details_do_nothing(driver: webdriver.Chrome, tmp_path: Path) -> None:
    evil = "</script><img src=x onerror=alert(1)>" + HOSTILE
    names = [evil, "__proto__", "a=b&c", "\ue002\ue010", "constructor"]
    of = [
        dataclasses.replace(blocked(host, f"{evil} {name}"), agent=Agent(name, evil, (evil,)))
        for host in (evil, "__proto__", "x\ue000y", "ready", "fe80::1")
        for name in names
    ]
    frame = Frame(
        evil, (*(DeclaredAgent(name, (evil, "__proto__")) for name in names), DeclaredAgent("gone")),
        (Absent("gone", evil),), (Target(evil, "ssh", 22),), (evil,),
    )  # fmt: skip
    page = Page(driver, written(tmp_path / "hostile.html", EstateView(lambda: of, frame, evil)))
    found = page.run("""
        return ROWS.map((row) => COLUMNS.filter((one) => stateAt(row, one.place) >= FIRST)
          .map((one) => new Cell(row, one.place).whole()));
    """)
    rows = list(EstateView(lambda: of, frame).rows())
    assert found == [[json.loads(as_line(one)) for one in row.reports.values()] for row in rows]
    for script in ("showTarget(0)", "showCell(0, 1)", "showAgent(0)", "showAgent(COLUMNS.length - 1)", "beforePrint()"):
        page.run(script)
    page.run("byId('detail').close(); location.hash = '#agent=__proto__'")
    for name in ("agent", "site", "verdict", "cause", "agreement"):
        values = page.run(f"return [...byId('{name}').options].map((one) => one.value)")
        for value in values:
            page.run(f"byId('{name}').value = {json.dumps(value)}; draw();")
        page.run(f"byId('{name}').value = ''")
    page.run("byId('text').value = '<img'; draw()")
    assert page.run("return document.querySelector('img')") is None
    page.nothing_happened()
