"""Pages that look like content and are none, and pages with content that look like none."""

from __future__ import annotations

import codecs

import pytest

from scanready.clients.http_talk import Url
from scanready.model import Owner, Step, Verdict
from scanready.targets.web.content import Read, judge
from tests.closed_ports import closed_port
from tests.ladder import check_of, expect
from tests.websites import BASIC, ER, FORM, answer, moved, serving, visited

HTML = "Content-Type: text/html"
WELCOME = b"<h1>Welcome</h1><p>Reports of all the departments, by year and by author.<a href=/2026>2026</a>"
ARTICLE = b"<p>How filters work, in many words that a scan reads from the beginning to the end.</p>" * 40
DOCUMENTS = b"".join(b"<li><a href=/d/%d.pdf>Minutes</a>" % number for number in range(80))
SAML = b"<form method=post action='https://sso.example/login'><input type=hidden name=SAMLRequest value=x></form>"
LOGIN = "http.login-form"
ELSEWHERE = "http.redirects-elsewhere"


def page(body: bytes, *fields: str) -> bytes:
    return answer("200 OK", HTML, *fields, body=body)


NOTHING = {
    "a title": (b"<html><head><title>x</title></head><body></body></html>", "http.empty"),
    "blanks": (b"<p>&nbsp;&#160;\xc2\xa0&#x200b;</p>", "http.empty"),
    "a comment": (b"<!doctype html><!-- <p>text -->", "http.empty"),
    "a > in a value": (b'<form><input value=">" type="password"></form>', LOGIN),
    "a > in another element": (b"<p title='a>b'><input\nname=p data-x='>' type = password>", LOGIN),
    "UTF-16": (codecs.BOM_UTF16_LE + FORM.decode().encode("utf-16-le"), LOGIN),
    "UTF-16, big end first": (codecs.BOM_UTF16_BE + FORM.decode().encode("utf-16-be"), LOGIN),
    "UTF-16, a title": (codecs.BOM_UTF16_LE + "<title>x</title>".encode("utf-16-le"), "http.empty"),
    "SAML": (b"<body onload='document.forms[0].submit()'>" + SAML, ELSEWHERE),
    "SAML by a script": (b"<p>Redirecting" + SAML + b"<script>document.forms[0].submit()</script>", ELSEWHERE),
    "SAML without a script": (SAML, ELSEWHERE),
    "SAML to the same host": (SAML.replace(b"https://sso.example", b""), LOGIN),
    "onload": (b"<body onload=\"window.location='https://sso.example/'\">", ELSEWHERE),
    "onload, escaped": (b"<body onload='location.replace(&quot;https://sso.example/&quot;)'>", ELSEWHERE),
    "onload to a page": (b"<body onload=\"location='/start'\"></body>", "http.scripts-only"),
    "a frame of nothing": (b"<iframe src=about:blank></iframe>", "http.empty"),
    "another base": (b"<base href=https://sso.example/x/><meta http-equiv=refresh content='0;url=in'>", ELSEWHERE),
    "another base of a frame": (b"<base href=//sso.example/><frameset><frame src=in></frameset>", ELSEWHERE),
    "another base of links": (
        b"<base href=//v.example/><a href=a></a><a href=b></a><script>x</script>",
        "http.scripts-only",
    ),
    "a foreign frame": (b"<frameset><frame src=https://sso.example/></frameset>", ELSEWHERE),
    "a vendor's link": (
        b"<p>Checking your browser<script>x</script><a href=https://v.example/>V</a>",
        "http.scripts-only",
    ),
    "one link of the site": (
        b"<div id=root></div><a href=/imprint>Imprint</a><script src=/a.js></script>",
        "http.scripts-only",
    ),
}


@pytest.mark.parametrize(("body", "code"), NOTHING.values(), ids=NOTHING)
def test_a_page_without_content_is_limited(body: bytes, code: str) -> None:
    with serving(page(body)) as server:
        expect(visited(server), Verdict.LIMITED, code, step=Step.ACCESS)


@pytest.mark.parametrize(
    "value", ["0; url=http://portal.example/", "0;URL='http://portal.example/'", "5, http://portal.example/"]
)
def test_the_field_refresh_leads_on_as_a_meta_element_does(value: str) -> None:
    there = "http://portal.example/"
    with serving(page(WELCOME, f"Refresh: {value}")) as server:
        expect(visited(server), Verdict.LIMITED, ELSEWHERE, step=Step.ACCESS, owner=Owner.OPERATOR, fix=there)
    with serving(BASIC, {"/": page(WELCOME, f"Refresh: {value}")}) as server:
        report = visited(server, "http", ER, allow_cleartext=True)
    expect(report, Verdict.UNDECIDED, "http.login-unproven", step=Step.LOGIN, also=(Owner.OPERATOR, there))


DOORS = {
    "meta": b"<meta http-equiv=refresh content='0;url=/next'>",
    "meta and words": b"<meta http-equiv=refresh content='3;url=/next'><p>Go <a href=/next>on</a>.",
    "a frame": b"<frameset><frame src=/next></frameset>",
    "an iframe": b"<iframe src='/next'></iframe><script>x</script>",
}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
@pytest.mark.parametrize(
    ("behind", "verdict", "code"),
    [
        (page(WELCOME), Verdict.SCANNABLE, None),
        (page(FORM), Verdict.LIMITED, LOGIN),
        (page(b""), Verdict.LIMITED, "http.empty"),
        (answer("404 Not Found"), Verdict.LIMITED, "http.empty"),
        (moved("https://sso.example/"), Verdict.LIMITED, ELSEWHERE),
        (BASIC, Verdict.READY, None),
        (answer("403 Forbidden"), Verdict.UNDECIDED, "scanready.limit"),
        (page(b"<meta http-equiv=refresh content='0;url=/'>"), Verdict.LIMITED, "http.empty"),
    ],
    ids=["page", "form", "empty", "missing", "elsewhere", "login", "forbidden", "circle"],
)
def test_a_page_that_only_leads_on_is_judged_by_the_next(
    door: bytes, behind: bytes, verdict: Verdict, code: str | None
) -> None:
    with serving({"/": page(door), "/next": behind}) as server:
        report = expect(visited(server), verdict, code)
    assert server.counts["GET /next"] == 1
    assert report.footprint.connections == 1


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_a_login_behind_a_page_that_only_leads_on_is_the_sites(door: bytes) -> None:
    pages = {"/": page(door), "/next": BASIC}
    with serving(pages) as server:
        report = expect(visited(server), Verdict.READY)
    assert report.facts["auth_methods"] == ["Basic"]
    assert "/next, which asks for a login" in check_of(report, Step.AUTH).summary
    with serving(pages, {"/next": page(WELCOME)}) as server:
        report = expect(visited(server, "http", ER, allow_cleartext=True), Verdict.SCANNABLE)
    assert report.footprint.login_attempts == 1
    bearer = answer("401 Unauthorized", "WWW-Authenticate: Bearer")
    with serving({**pages, "/next": bearer}) as server:
        expect(visited(server), Verdict.BLOCKED, "http.no-password-scheme", step=Step.AUTH, owner=Owner.SERVER)


def test_a_login_on_another_port_behind_a_door_gets_no_credential() -> None:
    with serving(BASIC, {"/": page(WELCOME)}) as other:
        door = page(b"<meta http-equiv=refresh content='0;url=http://127.0.0.1:%d/'>" % other.port)
        with serving(door) as server:
            report = visited(server, "http", ER, allow_cleartext=True)
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN, owner=Owner.OPERATOR)
    assert report.footprint.login_attempts == 0


def test_a_login_in_one_frame_does_not_hide_the_content_of_another() -> None:
    frames = page(b"<frameset><frame src=/admin><frame src=/main></frameset>")
    with serving({"/": frames, "/admin": BASIC, "/main": page(WELCOME)}) as server:
        report = expect(visited(server), Verdict.SCANNABLE)
    assert report.facts["auth_methods"] == ["anonymous"]
    with serving({"/": frames, "/admin": BASIC, "/main": page(b"")}) as server:
        expect(visited(server), Verdict.READY)


TERMS = {
    "an age": b"<h1>Are you over 18?</h1><a href=/in>Yes, let me in</a> <a href=https://other.example/>No</a>",
    "terms": b"<p>" + b"By using this site, you agree to these terms. " * 20 + b"<a href=/in>I agree</a>",
    "a consent": b"<p>Data is kept for a year.<a href=/imprint>Imprint</a><a href=/in class=b>Accept and go on</a>",
    "in German": b"<p>Nur f\xc3\xbcr Mitarbeiter.<p><a href='/in'><b>Weiter</b> zur Anmeldung</a>",
}


@pytest.mark.parametrize("terms", TERMS.values(), ids=TERMS)
@pytest.mark.parametrize(
    ("behind", "verdict", "code"),
    [
        (page(WELCOME), Verdict.SCANNABLE, None),
        (page(FORM), Verdict.LIMITED, LOGIN),
        (BASIC, Verdict.READY, None),
        (answer("404 Not Found"), Verdict.SCANNABLE, None),
        (answer("500 Oops"), Verdict.SCANNABLE, None),
        (moved("https://sso.example/"), Verdict.SCANNABLE, None),
    ],
    ids=["page", "form", "login", "missing", "error", "elsewhere"],
)
def test_a_page_of_terms_is_judged_by_a_login_behind_it(
    terms: bytes, behind: bytes, verdict: Verdict, code: str | None
) -> None:
    with serving({"/": page(terms), "/in": behind}) as server:
        report = expect(visited(server), verdict, code)
    assert server.counts["GET /in"] == 1
    assert "GET /imprint" not in server.counts
    assert report.footprint.login_attempts == 0


def test_a_link_of_a_page_with_content_is_not_followed() -> None:
    body = WELCOME * 40 + b"<a href=/in>I agree</a>"
    with serving({"/": page(body), "/in": BASIC}) as server:
        expect(visited(server), Verdict.SCANNABLE)
    assert "GET /in" not in server.counts


def test_one_frame_with_content_makes_a_page() -> None:
    frames = b"<frameset><frame src=/menu><frame src=/login><frame src=/main></frameset>"
    with serving({"/": page(frames), "/login": page(FORM), "/main": page(WELCOME)}) as server:
        expect(visited(server), Verdict.SCANNABLE)


def test_pages_that_lead_on_without_end_are_our_limit() -> None:
    sites = {
        f"/{'x' * n}": page(b"<meta http-equiv=refresh content='0;url=/%b'>" % (b"x" * (n + 1))) for n in range(20)
    }
    with serving(sites) as server:
        expect(visited(server), Verdict.UNDECIDED, "scanready.limit")
    assert sum(server.counts.values()) <= 8


def test_a_page_that_leads_on_after_a_login_is_not_followed() -> None:
    with serving(BASIC, {"/": page(DOORS["meta"])}) as server:
        report = visited(server, "http", ER, allow_cleartext=True)
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.ACCESS)
    assert "was not followed" in check_of(report, Step.ACCESS).summary


MARKS = (b"Incapsula incident ID", b"Internet Security by Zscaler", b"block.opendns.com", b"/fgtauth?")
SENTENCE = b"The requested URL was rejected. Please consult with your administrator."


@pytest.mark.parametrize("mark", [*MARKS, SENTENCE])
def test_a_page_that_quotes_a_filter_is_a_page(mark: bytes) -> None:
    url = Url("http", "h", 80, "/")
    assert judge(url, Read(b"Search for: " + mark, "text/plain")).cause is None
    assert judge(url, Read(ARTICLE + mark, "text/html")).cause is None
    assert judge(url, Read(b"<ul>" + DOCUMENTS + b"</ul>" + mark, "text/html")).cause is None
    assert judge(url, Read(b"<p>Denied. " + mark, "text/html")).cause is not None
    assert judge(url, Read(b"Denied. " + mark)).cause is not None


CONTENT = {
    "a list above a login": FORM + b"<ul>" + DOCUMENTS,
    "a form in a comment": WELCOME + b"<!-- " + FORM + b" -->",
    "a form in a script": WELCOME + b"<script>var form = '" + FORM.replace(b"'", b'"') + b"'</script>",
    "a form in a text area": WELCOME + b"<textarea>" + FORM + b"</textarea>",
    "a refresh in a comment": WELCOME + b"<!-- <meta http-equiv=refresh content='0;url=http://o.example/'> -->",
    "a refresh after minutes": WELCOME + b"<meta http-equiv=refresh content='600;url=http://o.example/'>",
    "a refresh of itself": WELCOME + b"<meta http-equiv=refresh content='30'>",
    "a refresh to itself": WELCOME + b"<meta http-equiv=refresh content='30;url=/'>",
    "an image": b"<body><img src=/plan.png></body>",
    "a handler": WELCOME + b"<form action=https://s.example/><select onchange='this.form.submit()'></form>",
    "two links": b"<a href=/docs>Docs</a> <a href=/data>Data</a><script src=/a.js></script>",
}


@pytest.mark.parametrize("body", CONTENT.values(), ids=CONTENT)
def test_a_page_with_content_is_a_page(body: bytes) -> None:
    with serving(page(body)) as server:
        expect(visited(server), Verdict.SCANNABLE)


def test_a_login_page_with_its_usual_links_is_a_login_form() -> None:
    languages = b"".join(b"<a href='?lang=%d'>x</a>" % number for number in range(60))
    with serving(page(FORM + languages + b"<a href=/help>Help</a><a href=/privacy>Privacy</a>")) as server:
        expect(visited(server), Verdict.LIMITED, LOGIN)


@pytest.mark.parametrize(("octets", "path"), [(b"caf\xc3\xa9", "/caf%C3%A9"), (b"caf\xe9", "/caf%E9")])
def test_a_path_is_asked_in_the_octets_that_came(octets: bytes, path: str) -> None:
    refresh = page(b"<meta http-equiv=refresh content='0;url=/%b'>" % octets)
    redirect = moved("/LEADS").replace(b"LEADS", octets)
    for door in (refresh, redirect):
        with serving({"/": door, path: page(WELCOME)}) as server:
            expect(visited(server), Verdict.SCANNABLE)
        assert server.counts[f"GET {path}"] == 1


def test_a_refresh_to_another_services_port_is_not_followed() -> None:
    with serving(page(b"<meta http-equiv=refresh content='0;url=http://127.0.0.1:3306/'>")) as server:
        expect(visited(server), Verdict.UNDECIDED, "scanready.not-followed")


def test_a_refresh_to_another_port_of_the_host_is_followed() -> None:
    with serving(page(WELCOME)) as other:
        door = page(b"<meta http-equiv=refresh content='0;url=http://127.0.0.1:%d/'>" % other.port)
        with serving(door) as server:
            report = expect(visited(server), Verdict.SCANNABLE)
    assert report.footprint.connections == 2


def test_a_refresh_to_a_closed_port_is_unreachable() -> None:
    with closed_port() as gone:
        leads_there = page(b"<meta http-equiv=refresh content='0;url=http://127.0.0.1:%d/'>" % gone)
        with serving(leads_there) as server:
            expect(visited(server), Verdict.BLOCKED, "http.redirect-unreachable")


# applications in JavaScript -------------------------------------------------------------------------------------

NAV = b"<nav><a href=/about>About us</a><a href=/products>Products</a><a href=/contact>Contact</a></nav>"
FOOT = (
    b"<footer>(c) 2026 Example Ltd. All rights reserved. <a href=/imprint>Imprint</a><a href=/terms>Terms</a></footer>"
)
COOKIES = (
    b"<div class='cc-window cookie-banner'><div><p>We use cookies to make this site work, to measure how it is used, "
    b"and to show you what may be of interest. You can change your choice at any time.</p></div>"
    b"<a href=/privacy>Privacy</a><a href=/imprint>Imprint</a><button>Accept all</button></div>"
)
SHELLS = {
    "React": NAV + b'<div id="root"></div><script defer src=/static/js/main.0a1b2c3d.js></script>',
    "React, its words": b"<noscript>You need to enable JavaScript to run this app.</noscript>"
    + NAV
    + b"<div id=root></div><script src=/bundle.js>",
    "Vite": b"<link rel=modulepreload href=/assets/v-1a.js>"
    + FOOT
    + b"<div id=app></div><script type=module src=/a.js>",
    "Vue": b"<noscript><strong>We're sorry but shop doesn't work without JavaScript enabled.</strong></noscript>"
    b"<div id=app></div>" + COOKIES + b"<script src=/js/chunk-vendors.js></script>",
    "Vue, its template": NAV + b"<div id=app><h1>{{ page.title }}</h1><p>{{ page.text | markdown }}</p></div><script>x",
    "Angular": NAV
    + b"<app-root><div class=spinner></div> Loading...</app-root><script src=runtime.js></script>"
    + FOOT,
    "AngularJS": NAV + b"<div ng-view></div><script src=/lib/angular.min.js></script>",
    "Next": b"<link rel=preload href=/_next/a.css>" + NAV + b"<div id=__next><div></div></div><script src=/_next/m.js>",
    "Nuxt": b"<div id=__nuxt><img src=/wait.gif></div>" + FOOT + b"<script src=/_nuxt/entry.js></script>",
    "Blazor": b"<div id=app>Loading...</div>" + FOOT + b"<script src=_framework/blazor.webassembly.js></script>",
    "an element of its own": b"<shop-app></shop-app>" + NAV + b"<script type=module src=/shop.js></script>",
    "another name": b"<div id=portal7></div>" + NAV + b"<script type=module src=/assets/index-3f.js></script>",
    "a cookie notice": b"<div id=root></div>" + COOKIES + b"<script src=/main.js></script>",
    "no notice by name": b"<div id=root></div>"
    + COOKIES.replace(b"cookie-banner", b"b")
    + b"<script src=/m.js></script>",
}


@pytest.mark.parametrize("body", SHELLS.values(), ids=SHELLS)
def test_the_shell_of_an_application_is_no_page(body: bytes) -> None:
    with serving(page(b"<!doctype html><title>Shop</title><body>" + body)) as server:
        expect(visited(server), Verdict.LIMITED, "http.scripts-only", step=Step.ACCESS, owner=Owner.SERVER)


STATISTICS = b"<script async src=https://stats.example/js/main.js></script>"
SHORT = {
    "two links": b"<a href=/docs>Docs</a> <a href=/data>Data</a><script src=/a.js></script>",
    "a menu": b"<h1>Intranet</h1>" + NAV + STATISTICS,
    "a list": b"<ul>" + b"".join(b"<li><a href=/m/%d>May %d</a>" % (n, n) for n in range(1, 9)) + b"</ul>" + STATISTICS,
    "a list and a search": b"<div id=search></div>"
    + b"".join(b"<a href=/m/%d>May %d</a>" % (n, n) for n in range(1, 9))
    + STATISTICS,
    "a text and a map": b"<h1>How to find us</h1><p>Main Street 5, Springfield<div id=map></div>" + NAV + STATISTICS,
    "rendered by React": b"<div id=root><h1>Welcome</h1><p>Reports by year and by author."
    + NAV
    + b"</div>"
    + STATISTICS,
    "rendered by Next": b"<div id=__next><main><p>Minutes of the council, 1990 to 2026.</main></div>" + STATISTICS,
    "links in its root": b"<div id=app>" + NAV + b"</div>" + STATISTICS,
    "a notice": b"<p>Opening hours: Monday to Friday, nine to five." + COOKIES + STATISTICS,
    "no script": b"<div id=root></div>" + NAV,
    "a long text": b"<div id=root></div>" + ARTICLE + STATISTICS,
    "many pages": b"<div id=root></div>" + DOCUMENTS + STATISTICS,
    "an index": b"<noscript>Without JavaScript, the search is off.</noscript><p>Minutes of the council, by month:"
    + b"".join(b"<a href=/m/%d>May</a>" % n for n in range(9))
    + STATISTICS,
}


@pytest.mark.parametrize("body", SHORT.values(), ids=SHORT)
def test_a_short_page_is_a_page(body: bytes) -> None:
    with serving(page(b"<!doctype html><title>Office</title><body>" + body)) as server:
        expect(visited(server), Verdict.SCANNABLE)
