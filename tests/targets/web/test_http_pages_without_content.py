"""Pages that look like content and are none, and pages with content that look like none."""

from __future__ import annotations

import codecs

import pytest

from scanready.clients.http_talk import Url
from scanready.model import Owner, Step, Verdict
from scanready.targets.web.content import Read, judge
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
        expect(visited(server, "http", ER, allow_cleartext=True), Verdict.LIMITED, ELSEWHERE, fix=there)


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
        (BASIC, Verdict.UNDECIDED, "scanready.limit"),
        (page(b"<meta http-equiv=refresh content='0;url=/'>"), Verdict.LIMITED, "http.empty"),
    ],
    ids=["page", "form", "empty", "missing", "elsewhere", "login", "circle"],
)
def test_a_page_that_only_leads_on_is_judged_by_the_next(
    door: bytes, behind: bytes, verdict: Verdict, code: str | None
) -> None:
    with serving({"/": page(door), "/next": behind}) as server:
        report = expect(visited(server), verdict, code)
    assert server.counts["GET /next"] == 1
    assert report.footprint.connections == 1


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
    with serving(page(WELCOME)) as gone:
        pass
    with serving(page(b"<meta http-equiv=refresh content='0;url=http://127.0.0.1:%d/'>" % gone.port)) as server:
        expect(visited(server), Verdict.BLOCKED, "http.redirect-unreachable")
