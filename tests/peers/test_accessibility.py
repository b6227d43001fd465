"""The HTML reports under axe-core, which knows the rules of WCAG: nothing serious in any of their views."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.lab.peer import NODE_MODULES
from scanready.model import Verdict
from scanready.report.background import Background
from scanready.report.diff import glimpses
from scanready.report.earlier import Earlier, Moment
from tests.browser import Page, browser
from tests.peers.running import demand
from tests.report.estate import document, many, reports
from tests.report.estate_view.many import page_of, view_of

AXE = NODE_MODULES / "axe-core" / "axe.min.js"
_OPEN_ALL = "for (const one of document.querySelectorAll('details')) one.open = true;"
_RUN = """
const done = arguments[arguments.length - 1];
axe.run(document, { resultTypes: ["violations"] }).then(
  ({ violations: all }) => done(all.map((one) => [one.impact, one.id, ...one.nodes.slice(0, 3).map((at) => at.html)])),
  (error) => done([["error", String(error)]]),
);
"""
#: Scripts that lead from the opened page to each view.
VIEWS = {
    "list": "",
    "dark": "document.documentElement.dataset.theme = 'dark';",
    "matrix": "byId('view-matrix').click();",
    "one-target": "open(0); byId('detail').querySelector('.more').dispatchEvent(new Event('toggle'));",
    "pages": "turn(100);",
    "one-owner": "location.hash = '#owner=network'; follow();",
    "nothing-found": "byId('text').value = 'no-such-thing'; draw();",
}
#: The same for the page of an estate view.
ESTATE_VIEWS = {
    "matrix": "",
    "dark": "document.documentElement.dataset.theme = 'dark';",
    "scrolled": "moveTo(40, 8);",
    "head": "moveTo(-1, 4);",
    "one-target": "showTarget(3);",
    "one-result": "showCell(ROWS.findIndex((row) => kindAt(row, 2)?.code), 2);",
    "one-agent": "showAgent(1); byId('detail').querySelector('.chip').click();",
    "absent-agent": "showAgent(COLUMNS.find((column) => column.absent).place);",
    "nothing-found": "byId('text').value = 'no-such-thing'; draw();",
}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    demand("axe-core", [] if AXE.exists() else [str(AXE)])
    file: Path = tmp_path_factory.mktemp("axe") / "report.html"
    since = Earlier("before", "2025-12-01T00:00:00Z", "another-agent", glimpses(list(reports(300))[3:]))
    moments = [Moment("2025-12-01T00:00:00Z", {Verdict.READY: 5, Verdict.BLOCKED: 3})] * 3
    file.write_text(document("html", list(many(240, 40)), background=Background("A title", since, moments)))
    with browser() as driver:
        driver.set_script_timeout(120)
        yield Page(driver, file)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing(page: Page, view: str) -> None:
    page.again()
    page.run(_OPEN_ALL + VIEWS[view] + _OPEN_ALL)
    page.run(AXE.read_text())
    assert page.wait_for(_RUN) == []


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    demand("axe-core", [] if AXE.exists() else [str(AXE)])
    file: Path = tmp_path_factory.mktemp("axe-estate") / "estate.html"
    file.write_text("".join(page_of(view_of(90, 13))))
    with browser() as driver:
        driver.set_script_timeout(120)
        yield Page(driver, file)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("view", ESTATE_VIEWS)
def test_axe_finds_nothing_in_an_estate_view(estate: Page, view: str) -> None:
    estate.again()
    estate.run(ESTATE_VIEWS[view])
    estate.run(AXE.read_text())
    assert estate.wait_for(_RUN) == []


@pytest.mark.timeout(300)
def test_axe_would_find_something(page: Page) -> None:
    """The other test says that it finds nothing; here there is something."""
    page.again()
    page.run("byId('text').closest('label').replaceWith(byId('text')); byId('text').placeholder = '';")
    page.run(AXE.read_text())
    assert ["critical", "label"] in [found[:2] for found in page.wait_for(_RUN)]
