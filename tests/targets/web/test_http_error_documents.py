"""Pages with the status 200 that report a failure, and pages that are about one."""

from __future__ import annotations

import pytest

from scanready.clients.http_talk import Url
from scanready.model import Owner, Step, Verdict
from scanready.targets.web.content import Read, judge
from scanready.targets.web.error_documents import MOST_ERROR, Says, headline, json_error
from tests.ladder import check_of, expect
from tests.websites import answer, serving, visited

HTML, JSON, XML, TEXT = "text/html", "application/json", "application/xml", "text/plain"
ERROR, BLOCKED, EMPTY, LATER, PARKED = (
    *("http.error-page", "http.block-page", "http.empty", "http.maintenance", "http.parked"),
)
OWNERS = {
    ERROR: Owner.SERVER,
    BLOCKED: Owner.NETWORK,
    EMPTY: Owner.SERVER,
    LATER: Owner.SERVER,
    PARKED: Owner.OPERATOR,
}
#: The listings of an empty folder by nginx 1.22.1 and Apache httpd 2.4.
NGINX_EMPTY = (
    b"<html>\r\n<head><title>Index of /</title></head>\r\n<body>\r\n<h1>Index of /</h1><hr><pre>"
    b'<a href="../">../</a>\r\n</pre><hr></body>\r\n</html>\r\n'
)
APACHE_EMPTY = (
    b'<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">\n<html>\n <head>\n  <title>Index of /empty</title>\n'
    b' </head>\n <body>\n<h1>Index of /empty</h1>\n  <table>\n   <tr><th><a href="?C=N;O=D">Name</a></th><th>'
    b'<a href="?C=M;O=A">Last modified</a></th></tr>\n<tr><td><a href="/">Parent Directory</a></td><td></td></tr>\n'
    b"</table>\n<address>Apache/2.4.57 (Debian) Server at h Port 80</address>\n</body></html>\n"
)
SOAP_FAULT = (
    b'<?xml version="1.0"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><soap:Fault>'
    b"<faultcode>soap:Client</faultcode><faultstring>x</faultstring></soap:Fault></soap:Body></soap:Envelope>"
)
S3 = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message>'
    b"<RequestId>4442587FB7D0A2F9</RequestId></Error>"
)
TOMCAT = (
    b"<!doctype html><html lang=en><head><title>HTTP Status 404 \xe2\x80\x93 Not Found</title></head><body><h1>HTTP "
    b"Status 404 \xe2\x80\x93 Not Found</h1><hr class=line><p><b>Type</b> Status Report</p><p><b>Description</b> The "
    b"origin server did not find a current representation.</p><h3>Apache Tomcat/9.0.70</h3></body></html>"
)
SQUID = (
    b"<html><head><title>ERROR: The requested URL could not be retrieved</title></head><body id=ERR_ACCESS_DENIED>"
    b"<h1>ERROR</h1><h2>The requested URL could not be retrieved</h2><p><b>Access Denied.</b></p></body></html>"
)
MDN_MAINTENANCE = (
    b"<!doctype html><title>Site Maintenance</title><article><h1>We&rsquo;ll be back soon!</h1><div><p>Sorry for the "
    b"inconvenience. We&rsquo;re performing some maintenance at the moment. If you need to you can always "
    b"<a href='mailto:x@y.example'>contact us</a>, otherwise we&rsquo;ll be back up shortly!</p></div></article>"
)
NAV = b"<nav><a href=/>Home</a><a href=/about>About</a><a href=/products>Products</a><a href=/contact>Contact</a></nav>"


def titled(title: str, heading: str, rest: str = "") -> bytes:
    return f"<!doctype html><title>{title}</title><body><h1>{heading}</h1>{rest}".encode()


FAILURES: dict[str, tuple[str, bytes, str]] = {
    # JSON and XML
    "error": (JSON, b'{"error":"unauthorized"}', ERROR),
    "error, as HTML": (HTML, b'{"error":"unauthorized","error_description":"Full authentication is required"}', ERROR),
    "API Gateway": (JSON, b'{"message":"Forbidden"}', ERROR),
    "API Gateway's token": (JSON, b'{"message":"Missing Authentication Token"}', ERROR),
    "a code": (JSON, b'{"code":401,"message":"JWT not found"}', ERROR),
    "RFC 9457": (JSON, b'{"type":"about:blank","title":"Not Found","status":404,"instance":"/x"}', ERROR),
    "Spring": (JSON, b'{"timestamp":"2026-01-01","status":500,"error":"Internal Server Error","path":"/"}', ERROR),
    "GraphQL": (JSON, b'{"errors":[{"message":"Must provide query string."}],"data":null}', ERROR),
    "Salesforce": (JSON, b'[{"message":"Session expired","errorCode":"INVALID_SESSION_ID"}]', ERROR),
    "a flag": (JSON, b'{"success":false,"message":"Please sign in"}', ERROR),
    "a status in words": (JSON, b'{"status":"error","message":"token expired"}', ERROR),
    "a text in JSON": (JSON, b'"Unauthorized"', ERROR),
    "Kubernetes": (JSON, b'{"status":"Failure","message":"forbidden: User","reason":"Forbidden","code":403}', ERROR),
    "SOAP": ("text/xml", SOAP_FAULT, ERROR),
    "S3": (XML, S3, ERROR),
    "OData": (XML, b'<m:error xmlns:m="x"><m:code/><m:message>Access denied</m:message></m:error>', ERROR),
    "OGC": (XML, b"<?xml version='1.0'?><ServiceExceptionReport><ServiceException>x</ServiceException>", ERROR),
    "no data": (JSON, b" {} ", EMPTY),
    "no entries": (JSON, b"[]", EMPTY),
    "an empty bucket": (XML, b"<ListBucketResult><Name>b</Name><KeyCount>0</KeyCount></ListBucketResult>", EMPTY),
    # plain words
    "a word": (TEXT, b"Unauthorized\n", ERROR),
    "words": (HTML, b"<p>Access denied.</p>", BLOCKED),
    "a word, without a tag": (HTML, b"404 page not found", ERROR),
    # errors
    "Tomcat": (HTML, TOMCAT, ERROR),
    "nginx": (HTML, b"<title>403 Forbidden</title><center><h1>403 Forbidden</h1></center><hr>nginx", ERROR),
    "Google": (HTML, titled("Error 404 (Not Found)!!1", "", "<p>The URL was not found. That is all we know."), ERROR),
    "Next": (HTML, titled("404: This page could not be found", "404", "<h2>This page could not be found.</h2>"), ERROR),
    "a soft 404": (HTML, titled("Acme", "Page not found", "<p>Try the search.") + NAV, ERROR),
    "a soft 404 in German": (HTML, titled("Seite nicht gefunden \u2013 Acme", "Hoppla") + NAV, ERROR),
    "Spring's page": (HTML, titled("", "Whitelabel Error Page", "<p>There was an unexpected error."), ERROR),
    "ASP.NET": (HTML, titled("Runtime Error", "Server Error in &#39;/&#39; Application."), ERROR),
    "a gateway": (HTML, titled("502 Bad Gateway", "502 Bad Gateway"), ERROR),
    # filters
    "Umbrella": (HTML, titled("", "This site is blocked.", "<p>intranet.example</p>"), BLOCKED),
    "FortiGuard": (HTML, titled("Web Filter Violation", "Web Page Blocked!", "<p>Category: Games</p>"), BLOCKED),
    "Palo Alto": (HTML, titled("Web Page Blocked", "Web Page Blocked", "<p>User: x<p>Category: y"), BLOCKED),
    "Sophos": (HTML, titled("Blocked", "Access to this website has been blocked", "<p>Policy: default"), BLOCKED),
    "Sophos UTM": (HTML, titled("Content blocked", "Content blocked", "<p>Ask your administrator."), BLOCKED),
    "Zscaler": (HTML, titled("Internet Security by Zscaler", "Sorry"), BLOCKED),
    "Blue Coat": (HTML, titled("Access Denied", "Access Denied (policy_denied)", "<p>Your system policy has"), BLOCKED),
    "Squid": (HTML, SQUID, BLOCKED),
    "Websense": (HTML, b"<frameset><frame src='http://10.0.0.1/cgi-bin/blockpage.cgi?ws-session=1'>", BLOCKED),
    "a filter without a name": (HTML, titled("Intranet", "Your request was blocked by the security policy"), BLOCKED),
    "a firewall": (HTML, titled("", "Sorry, you have been blocked", "<p>You are unable to access x"), BLOCKED),
    # maintenance
    "MDN's page": (HTML, MDN_MAINTENANCE, LATER),
    "WordPress": (HTML, titled("Maintenance", "Briefly unavailable for scheduled maintenance. Check back."), LATER),
    "under maintenance": (HTML, titled("Acme", "Our site is currently under maintenance", "<p>Thanks.") + NAV, LATER),
    "maintenance mode": (HTML, titled("Maintenance mode", "Sorry!"), LATER),
    "in German": (HTML, titled("Acme", "Diese Seite wird gerade gewartet"), LATER),
    # domains without a site
    "ParkingCrew": (HTML, b"<html data-adblockkey='MFww'><title>x.example</title><p>Related links", PARKED),
    "Bodis": (HTML, b"<title>x</title><script>window.park = 'eyJ1';</script>", PARKED),
    "Sedo": (HTML, b"<script src=//img.sedoparking.com/js/x.js></script><p>Buy this domain", PARKED),
    # listings
    "nginx's listing": (HTML, NGINX_EMPTY, EMPTY),
    "Python's listing": (
        HTML,
        titled("Directory listing for /", "Directory listing for /", "<hr><ul></ul><hr>"),
        EMPTY,
    ),
}


@pytest.mark.parametrize(("kind", "body", "code"), FAILURES.values(), ids=FAILURES)
def test_a_failure_with_the_status_of_a_page_is_no_page(kind: str, body: bytes, code: str) -> None:
    found = judge(Url("http", "h", 80, "/"), Read(body, kind))
    assert found.cause is not None, found
    assert found.cause.code == code
    assert found.cause.definite is (code != LATER), "what a scan will find after the maintenance is not known"


@pytest.mark.parametrize("code", OWNERS)
def test_what_becomes_of_a_target_with_such_a_page(code: str) -> None:
    kind, body, _ = next(one for one in FAILURES.values() if one[2] == code)
    with serving(answer("200 OK", f"Content-Type: {kind}", body=body)) as server:
        report = visited(server)
    verdict = Verdict.UNDECIDED if code == LATER else Verdict.LIMITED
    expect(report, verdict, code, step=Step.ACCESS, owner=OWNERS[code])


def test_the_error_is_quoted() -> None:
    with serving(answer("200 OK", "Content-Type: application/json", body=b'{"error":"unauthorized"}')) as server:
        report = visited(server)
    assert "error: unauthorized" in check_of(report, Step.ACCESS).summary


def test_a_page_that_asks_to_come_back_later_is_not_the_one_that_was_asked_for() -> None:
    page = titled("Acme", "Acme", "<p>Thank you for your patience.")
    with serving(answer("200 OK", "Content-Type: text/html", "Retry-After: 3600", body=page)) as server:
        report = expect(visited(server), Verdict.UNDECIDED, LATER, step=Step.ACCESS, owner=Owner.SERVER)
    assert "Retry-After: 3600" in check_of(report, Step.ACCESS).summary


def test_an_empty_listing_below_the_root_leads_up_and_nowhere_else() -> None:
    assert str(judge(Url("http", "h", 80, "/empty/"), Read(APACHE_EMPTY, HTML)).cause) == str(
        judge(Url("http", "h", 80, "/"), Read(b"", HTML)).cause
    )
    product = APACHE_EMPTY.replace(b"</address>", b'<a href="https://apache.example/">x</a><a href="mailto:x">y</a>')
    assert judge(Url("http", "h", 80, "/empty/"), Read(product, HTML)).cause is not None
    for entry in (b'<a href="a.txt">a.txt</a>', b'<a href="sub/">sub/</a>', b'<a href="/empty/b%20c.pdf">b c</a>'):
        full = APACHE_EMPTY.replace(b"</table>", entry + b"</table>")
        assert judge(Url("http", "h", 80, "/empty/"), Read(full, HTML)).cause is None


# --- pages that are about such things ------------------------------------------------------------------------------

PROSE = "<p>" + "The council met on Tuesday and read the minutes of the last meeting, as every month. " * 4
ARTICLE = PROSE * 5
LOGS = b'{"errors": [%b]}' % b",".join(b'{"code": %d, "message": "disk %d is full"}' % (n, n) for n in range(200))
LISTING = (
    b"<title>Index of /</title><h1>Index of /</h1><pre><a href='../'>../</a><a href='minutes.pdf'>minutes.pdf</a></pre>"
)
HEALTHY: dict[str, tuple[str, bytes]] = {
    "an article about maintenance": (HTML, titled("How we do maintenance", "Maintenance, and how to plan it", ARTICLE)),
    "a page on maintenance": (HTML, titled("Maintenance", "Maintenance", "<p>Lift: Monday. Heating: Friday." + PROSE)),
    "dates of maintenance": (HTML, titled("Scheduled maintenance", "Scheduled maintenance", "<ul><li>May 1<li>June 2")),
    "a history of an error": (HTML, titled("Page not found: a history", "Page not found: a history", PROSE)),
    "how to repair it": (HTML, titled("How to fix 502 Bad Gateway", "How to fix a 502 Bad Gateway error", PROSE)),
    "a list of statuses": (HTML, titled("HTTP statuses", "HTTP statuses", "<p>404 Not Found. 403 Forbidden. 503.")),
    "a long page with such a title": (HTML, titled("Access denied", "Access denied", ARTICLE)),
    "an index with such a title": (
        HTML,
        titled("Not found", "Not found", "".join(f"<a href=/lost/{n}>Umbrella</a>" for n in range(9))),
    ),
    "a story": (HTML, titled("Forbidden Planet", "Forbidden Planet (1956)", "<p>A film.")),
    "a place": (HTML, titled("Forbidden City", "The Forbidden City", "<p>A palace.")),
    "a biography": (HTML, titled("Unauthorized: a life", "The unauthorized biography", "<p>Chapter one.")),
    "a room": (HTML, titled("Room 404", "Room 404", "<p>Free on Mondays.")),
    "a car": (HTML, titled("Peugeot 404", "Peugeot 404", "<p>1960 to 1975.")),
    "drains": (HTML, titled("Blocked drains", "We clear blocked drains", "<p>Call us.")),
    "a rule": (
        HTML,
        titled("Rules", "Which sites are blocked, and why", "<p>Games are blocked. This site is blocked."),
    ),
    "words in the text": (HTML, titled("Office", "Office", "<p>We'll be back soon! Access denied. Page not found.")),
    "a notice": (HTML, titled("Intranet", "Intranet", "<h2>Under maintenance</h2><p>The printer." + PROSE) + NAV),
    "a shop": (HTML, titled("Coming soon", "Coming soon: our new shop", "<p>We open in May.")),
    "closed": (HTML, titled("Museum", "Closed for the summer", "<p>We open again in September.")),
    "nginx's start page": (HTML, titled("Welcome to nginx!", "Welcome to nginx!", "<p>Further configuration is due.")),
    "Apache's start page": (HTML, b"<html><body><h1>It works!</h1></body></html>"),
    "IIS' start page": (HTML, titled("IIS Windows Server", "", "<img src=iisstart.png>")),
    "a listing": (HTML, LISTING),
    "a state of health": (JSON, b'{"status":"UP"}'),
    "a greeting": (JSON, b'{"message":"Welcome to the API","version":"1.2"}'),
    "a greeting alone": (JSON, b'{"message":"Hello, world"}'),
    "no error": (JSON, b'{"error":null,"status":"ok","result":{"users":[1,2]}}'),
    "no error by a flag": (JSON, b'{"error":false,"message":"ready"}'),
    "data beside errors": (JSON, b'{"errors":[],"data":{"reports":[{"id":1}]}}'),
    "part of the data": (JSON, b'{"errors":[{"message":"x"}],"data":{"reports":[{"id":1}]}}'),
    "a code": (JSON, b'{"code":404,"city":"Lyon","name":"Bus stop"}'),
    "a list of statuses in JSON": (JSON, b'[{"code":404,"message":"Not Found","meaning":"..."}]'),
    "numbers": (JSON, b"[404, 503]"),
    "one number": (JSON, b"7"),
    "a log": (JSON, LOGS),
    "broken JSON": (JSON, b'{"error": "unauthorized"'),
    "deep JSON": (JSON, b"[" * 3000),
    "an answer of SOAP": ("text/xml", SOAP_FAULT.replace(b"soap:Fault", b"GetReportsResponse")),
    "a full bucket": (XML, b"<ListBucketResult><Name>b</Name><Contents><Key>a.pdf</Key></Contents></ListBucketResult>"),
    "an index by subject": (
        HTML,
        titled("Index of / by subject", "Index of / by subject", "<a href=/a>A</a><a href=/b>B</a>"),
    ),
    "a number": (TEXT, b"404\n"),
    "a feed": (XML, b"<?xml version='1.0'?><rss><channel><title>Error 404</title><item><title>x</title></item>"),
    "XHTML": (HTML, b"<?xml version='1.0'?><html><body><p>Minutes of the council, 1990 to 2026.</p></body></html>"),
    "a text": (TEXT, b"Forbidden fruit is sweet.\n"),
    "a short word": (TEXT, b"OK"),
}


@pytest.mark.parametrize(("kind", "body"), HEALTHY.values(), ids=HEALTHY)
def test_a_page_about_a_failure_is_a_page(kind: str, body: bytes) -> None:
    with serving(answer("200 OK", f"Content-Type: {kind}", body=body)) as server:
        expect(visited(server), Verdict.SCANNABLE)


def test_a_long_page_that_asks_to_come_back_later_is_a_page() -> None:
    found = judge(Url("http", "h", 80, "/"), Read(titled("News", "News", ARTICLE), HTML, later="60"))
    assert found.cause is None


def test_a_start_page_of_a_server_is_named() -> None:
    found = judge(Url("http", "h", 80, "/"), Read(titled("Welcome to nginx!", "Welcome to nginx!", "<p>Thanks."), HTML))
    assert found.cause is None
    assert "the default page of nginx before a site is installed" in found.detail


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("404", Says.ERROR),
        ("404 - Page Not Found | Example Ltd", Says.ERROR),
        ("IIS 10.0 Detailed Error - 404.0 - Not Found", Says.ERROR),
        ("Page introuvable", Says.ERROR),
        ("Access to this page has been denied.", Says.REFUSAL),
        ("We\u2019ll be back soon!", Says.MAINTENANCE),
        ("503 Service Temporarily Unavailable", Says.MAINTENANCE),
        ("Minutes - 404", None),
        ("Gone", None),
        ("x" * 500, None),
        ("", None),
    ],
)
def test_a_headline_reports_a_failure_as_a_whole_or_not(text: str, says: Says | None) -> None:
    assert headline(text, "") is says
    assert headline("Acme", text) is says


def test_a_longer_error_may_be_a_log() -> None:
    body = b'{"error": "' + b"x" * MOST_ERROR + b'"}'
    assert json_error(body) is None
    assert json_error(body[: MOST_ERROR // 2] + b'"}') is not None


@pytest.mark.parametrize(
    "title",
    [
        "Account locked",
        "Your account has been temporarily disabled",
        "This user account is locked out due to failed logins",
        "Password expired",
        "Your session has expired",
        "Session timed out",
        "Too many failed login attempts",
        "You must change your password",
        "Ihr Konto wurde gesperrt",
        "Sitzung abgelaufen",
    ],
)
def test_a_page_about_the_account_or_the_session_is_no_content(title: str) -> None:
    assert headline(title, "") is Says.ERROR
    page = f"<title>Portal</title><h1>{title}</h1><p>Contact the help desk.".encode()
    with serving(answer("200 OK", f"Content-Type: {HTML}", body=page)) as server:
        expect(visited(server), Verdict.LIMITED, ERROR, owner=Owner.SERVER)


@pytest.mark.parametrize(
    "title", ["Accounts", "Account settings", "Change your password policy", "Blocked accounts report", "Sessions"]
)
def test_a_page_that_administers_accounts_is_content(title: str) -> None:
    assert headline(title, "") is None
