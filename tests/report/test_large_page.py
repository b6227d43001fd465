"""The HTML report of a large run: a small file, made and drawn in small pieces."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from scanready.run.registry import all_causes
from tests.browser import Page, browser
from tests.embedded_run import packed_run_in
from tests.report.estate import document, many, with_cause


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a page of 10,000 results with more than 2,000 distinct ladders, and one result of every cause."""
    file = tmp_path_factory.mktemp("large") / "large.html"
    of = [*many(10_000, 1_000), *map(with_cause, all_causes().values())]
    file.write_text(document("html", of))
    return file


def test_ten_thousand_results_are_a_small_page(large: Path) -> None:
    text = large.read_text()
    _, results = packed_run_in(text)
    assert len(results) > 10_000
    assert all(line.startswith("{") and line.endswith("}") for line, _ in results)
    carried = text[text.index('"rows":[') : text.index('"summary"')]
    assert sum(line.startswith("[[") for line in carried.splitlines()) > 2_000
    assert large.stat().st_size < 4_000_000


def test_ten_thousand_results_are_made_in_slices_and_drawn_in_pages(large: Path) -> None:
    """The number of rows bounds the longest task of a page, and the number of nodes bounds a layout."""
    with browser() as driver:
        driver.set_page_load_timeout(120)
        page = Page(driver, large)
        nodes = "return document.getElementsByTagName('*').length"
        assert page.run("return SLICE") <= 500
        assert page.run("return slices.length") >= 10_000 // 500
        assert page.run("return Math.max(...slices)") <= 500
        most = 22_000
        assert page.run(nodes) < most
        assert page.text("#range").startswith("1 to 100 of 10")
        page.click("#later")
        assert page.text("#range").startswith("101 to 200 of 10")
        assert len(page.run("return [...document.querySelectorAll('#view tbody tr')].map((row) => 1)")) == 100
        assert page.run(nodes) < most
        page.click("#earlier")
        assert page.run("return document.getElementById('earlier').disabled")
        page.click("#view-matrix")
        assert page.run(nodes) < most
        page.click("#view-list")
        page.choose("owner", "network")
        assert int(page.text("#count").split()[0]) > 1666
        page.type("#text", "build 421 ", Keys.ENTER)
        assert 0 < int(page.text("#count").split()[0]) < 20
        page.nothing_happened()
