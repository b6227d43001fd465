"""The elements that wait for a script, and the text that is not around the content."""

from __future__ import annotations

import pytest

from scanready.wire.http import Look, look
from scanready.wire.http.mounts import _MOST_NAMES
from tests.pace import computes_within


@pytest.mark.parametrize(
    ("body", "mounts"),
    [
        (b"<div id=root></div>", ("root",)),
        (b"<div id=root>", ("root",)),
        (b"<div id=' app '><p>Loading...</p></div>", ("app",)),
        (b"<div id=app><div><div></div></div></div><p>Text", ("app",)),
        (b"<app-root></app-root><my-app>Wait</my-app>", ("app-root", "my-app")),
        (b"<app>Loading...</app>", ("app",)),
        (b"<div ng-view></div><div class=x></div>", ("ng-view",)),
        (b"<div id=page><div id=root></div><p>A text of more than thirty characters.</div>", ("root",)),
        (b"<div id=app><p>A text of more than thirty characters.</div>", ()),
        (b"<div id=app><div id=in><a href=/x>Next</a></div></div>", ()),
        (b"<div id=app><input name=q></div>", ()),
        (b"<div id=app></section></p></div>", ("app",)),
        (b"<div></div><p id=x></p>", ()),
    ],
)
def test_elements_without_content(body: bytes, mounts: tuple[str, ...]) -> None:
    assert look(body).mounts == mounts


def test_hostile_pages_are_bounded() -> None:
    for page in (b"<div id=a>" * 12_000, b"<div id=a></div>" * 12_000, b"<a-b>" * 6000 + b"</a-b>" * 6000):
        with computes_within(2):
            assert len(look(page).mounts) <= _MOST_NAMES


@pytest.mark.parametrize(
    ("body", "prose"),
    [
        (b"<p>four", 4),
        (b"<a href=/x>link</a>four", 4),
        (b"<a href=/x>link<p>four", 4),
        (b"<nav>menu</nav></nav>four<footer>end</footer>", 4),
        (b"<div class='cookie-notice'><div>x</div>y</div>four", 4),
        (b"<aside id=consent>x</aside>four<form class=gdpr>x</form>", 4),
        (b"{{ title }}four{{", 6),
    ],
)
def test_prose_is_what_is_beside_links_menus_and_notices(body: bytes, prose: int) -> None:
    assert look(body).prose == prose


def test_links_have_a_text_and_may_be_of_a_menu() -> None:
    found = look(b"<nav><a href=/a>A &amp; <b>B</b></a></nav><a href=/c>\xc3\xa9" + b"x" * 99 + b"</a>")
    assert isinstance(found, Look)
    assert (found.hrefs, found.menu, found.labels[0]) == (("/a", "/c"), ("/a",), "A & B")
    assert found.labels[1] == "\xe9" + "x" * 78


@pytest.mark.parametrize("source", ["/static/js/main.0a1b.js", "runtime.js?v=1", "/assets/index-3f.js", "/app~x.mjs"])
def test_the_bundles_of_an_application(source: str) -> None:
    assert look(f"<script src='{source}'></script>".encode()).bundled
    assert not look(f"<script src='{source.replace('.', '.min/')}'></script>".encode()).bundled
    assert look(b"<script type=module>x</script>").bundled
