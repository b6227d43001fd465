"""Answers to a login, judged beside the answer that the same page gives without a credential."""

from __future__ import annotations

import pytest

from scanready.causes import common
from scanready.causes import web as causes
from scanready.clients.http_talk import Url
from scanready.climb.explain import Failure, Unfinished
from scanready.model import Outcome, Owner, Step, Verdict
from scanready.targets.web.login_answers import Answer, Control, How, Result, judged, url_of
from tests.ladder import check_of, expect, finding_of
from tests.websites import BASIC, ER, FORM, PAGE, answer, moved, serving, site, tls, visited

HOW = How(Url("https", "intranet.example", 443, "/reports"))
HTML = {"content-type": "text/html"}
JSON = {"content-type": "application/json"}
UMBRELLA = b"<p>This site is blocked.<a href=https://block.opendns.com/>Why?</a>"
SAML = b"<form method=post action='https://sso.example/'><input type=hidden name=SAMLRequest value=x></form>"
UNPROVEN = causes.LOGIN_UNPROVEN


def page_of(body: bytes) -> bytes:
    return answer("200 OK", "Content-Type: text/html", body=body)


def to(location: str) -> dict[str, str]:
    return {"location": location}


#: Without a credential (None where that is not asked), with it, and what that is. "accepted" goes on to the page.
TABLE: list[tuple[int | None, Answer, object]] = [
    # refused
    (None, Answer(401, "Unauthorized"), common.LOGIN_REFUSED),
    (None, Answer(401, fields={"www-authenticate": 'Digest nonce="x", stale=true'}), common.LIMIT),
    (None, Answer(401, to_a_credential=False), common.LIMIT),
    # a page
    (None, Answer(200, fields=HTML, body=PAGE), "accepted"),
    (None, Answer(206, fields=HTML, body=PAGE), "accepted"),
    (None, Answer(204), "accepted"),
    (None, Answer(200, fields=JSON, body=b'{"name": "reports", "items": [1, 2]}'), "accepted"),
    (
        None,
        Answer(200, fields={**HTML, "content-encoding": "br"}, body=b"\x0b\x02\x80hello\x03", coded="br"),
        "accepted",
    ),
    (None, Answer(200, fields=HTML, body=b"<p>" + b"All the news of the day. " * 200 + FORM), "accepted"),
    (None, Answer(200, fields=HTML, body=FORM), UNPROVEN),
    (None, Answer(200, fields=JSON, body=b'{"error": "unauthorized"}'), UNPROVEN),
    (None, Answer(200, fields=HTML, body=b"<title>Login failed</title><h1>Login failed</h1>"), UNPROVEN),
    (None, Answer(200, fields=HTML, body=b"<title>Locked</title><h1>Your account is locked</h1>"), UNPROVEN),
    (None, Answer(200, fields=HTML, body=b"<h1>Your password has expired</h1><p>Choose another."), UNPROVEN),
    (None, Answer(200, fields=HTML, body=UMBRELLA), UNPROVEN),
    (None, Answer(200, fields=HTML, body=b"<h1>We'll be back soon!</h1>"), UNPROVEN),
    (None, Answer(200, fields=HTML, body=b"<meta http-equiv=refresh content='0;url=/login'>"), UNPROVEN),
    (None, Answer(200, fields=HTML, body=b"<meta http-equiv=refresh content='0;url=/start'>"), "accepted"),
    (None, Answer(200, fields=HTML, body=SAML), UNPROVEN),
    (None, Answer(202, fields={"x-amzn-waf-action": "challenge"}), causes.CHALLENGED),
    # redirects
    (None, Answer(302, fields=to("/login")), UNPROVEN),
    (None, Answer(302, fields=to("/Account/LogOn?ReturnUrl=%2freports")), UNPROVEN),
    (None, Answer(303, fields=to("/LoginPage.aspx")), UNPROVEN),
    (None, Answer(307, fields=to("/users/sign_in")), UNPROVEN),
    (None, Answer(301, fields=to("/j_security_check")), UNPROVEN),
    (None, Answer(308, fields=to("/adfs/ls/?wa=wsignin1.0")), UNPROVEN),
    (None, Answer(302, fields=to("/my.policy")), UNPROVEN),
    (None, Answer(302, fields=to("/p/7?next=/reports")), UNPROVEN),
    (None, Answer(302, fields=to("https://sso.example/start")), UNPROVEN),
    (None, Answer(302, fields=to("javascript:void")), UNPROVEN),
    (None, Answer(302), UNPROVEN),
    (401, Answer(301, fields=to("/reports/")), common.LIMIT),
    (401, Answer(302, fields=to("/blogs/catalogue/")), common.LIMIT),
    (302, Answer(302, fields=to("/start")), UNPROVEN),
    (200, Answer(302, fields=to("/start")), UNPROVEN),
    # forbidden, missing
    (401, Answer(403, "Forbidden"), common.ACCESS_DENIED),
    (401, Answer(403, fields=HTML, body=b"<h1>403 Forbidden</h1>"), common.ACCESS_DENIED),
    (None, Answer(403, fields=HTML, body=b"<p>Too many failed login attempts. Wait ten minutes."), UNPROVEN),
    (None, Answer(403, fields=JSON, body=b'{"message": "Account is disabled"}'), UNPROVEN),
    (None, Answer(403, fields=HTML, body=b"<p>Invalid credentials"), UNPROVEN),
    (
        401,
        Answer(403, fields=HTML, body=b"<p>" + b"All is well here. " * 30 + b"Account locked."),
        common.ACCESS_DENIED,
    ),
    (403, Answer(403), UNPROVEN),
    (200, Answer(403), UNPROVEN),
    (429, Answer(403), UNPROVEN),
    (None, Answer(403), UNPROVEN),
    (None, Answer(403, fields=HTML, body=UMBRELLA), UNPROVEN),
    (None, Answer(403, fields=HTML, body=b"<script>window.location='/fgtauth?0a1b'</script>"), UNPROVEN),
    (None, Answer(403, fields={"cf-mitigated": "challenge"}), causes.CHALLENGED),
    (
        None,
        Answer(403, fields={"x-authentication-denied-reason": "CAPTCHA_CHALLENGE; login-url=x"}),
        common.LOGIN_LOCKED,
    ),
    (None, Answer(403, fields={"x-seraph-loginreason": "AUTHENTICATION_DENIED"}), common.LOGIN_LOCKED),
    (401, Answer(403, fields={"x-seraph-loginreason": "AUTHORISATION_FAILED"}), common.ACCESS_DENIED),
    (401, Answer(404), "accepted"),
    (401, Answer(410), "accepted"),
    (404, Answer(404), UNPROVEN),
    (403, Answer(404), UNPROVEN),
    (None, Answer(410), UNPROVEN),
    # statuses that judge no account
    *((None, Answer(status), UNPROVEN) for status in (300, 304, 400, 402, 405, 406, 408, 409, 414, 418, 422, 426, 451)),
    # another party answers, or none
    (None, Answer(407), causes.PROXY_BETWEEN),
    (None, Answer(429, fields={"retry-after": "60"}), common.THROTTLED),
    (None, Answer(500), causes.SERVER_ERROR),
    (None, Answer(501), causes.SERVER_ERROR),
    *((None, Answer(status), causes.UNAVAILABLE) for status in (502, 503, 504, 520, 521, 522, 525, 526, 527, 530)),
    (None, Answer(511), causes.CAPTIVE_PORTAL),
    (None, Answer(600), common.LIMIT),
    (None, Answer(299), common.LIMIT),
]


def outcome(after: Answer, control: Control) -> Result | Failure:
    try:
        return judged(after, HOW, control)
    except Failure as failure:
        return failure


@pytest.mark.parametrize(("before", "after", "found"), TABLE)
def test_before_and_after(before: int | None, after: Answer, found: object) -> None:
    asked: list[int | None] = []

    def control() -> int | None:
        asked.append(before)
        return before

    result = outcome(after, control)
    if isinstance(result, Failure):
        assert result.cause is found
        judges_the_account = found in (common.LOGIN_REFUSED, common.LOGIN_LOCKED) or not after.to_a_credential
        assert isinstance(result, Unfinished) is not judges_the_account, "else the lockout guard takes it for a word"
    else:
        assert result.status == after.status
        assert (result.denied.cause if result.denied else "accepted") is found
    assert len(asked) <= 1
    assert asked or before is None, "the row names an answer that decides"


def test_a_configured_proxy_is_told_from_one_that_nobody_configured() -> None:
    with pytest.raises(Unfinished, match=r"http\.proxy-login"):
        judged(Answer(407), How(HOW.url, proxied=True), lambda: None)


def test_an_answer_before_the_secret_left_judges_nothing() -> None:
    with pytest.raises(Failure, match=r"login\.not-judged"):
        judged(Answer(200, body=PAGE), How(HOW.url, sent=False), lambda: None)


@pytest.mark.parametrize("text", ["https://h/a?b=c", "http://h:8080/", "https://[fd00::1]:8443/x"])
def test_the_page_of_a_login_is_read_from_its_url(text: str) -> None:
    assert str(url_of(text)) == text


# --- the whole climb ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "verdict", "code", "step", "owner"),
    [
        (moved("/login?next=/"), Verdict.UNDECIDED, "http.login-unproven", Step.LOGIN, Owner.SERVER),
        (moved("https://sso.example/"), Verdict.UNDECIDED, "http.login-unproven", Step.LOGIN, Owner.SERVER),
        (answer("418 I'm a teapot"), Verdict.UNDECIDED, "http.login-unproven", Step.LOGIN, Owner.SERVER),
        (answer("451 Legal"), Verdict.UNDECIDED, "http.login-unproven", Step.LOGIN, Owner.SERVER),
        (page_of(FORM), Verdict.UNDECIDED, "http.login-unproven", Step.LOGIN, Owner.SERVER),
        (answer("403 Forbidden"), Verdict.LIMITED, "access.denied", Step.ACCESS, Owner.SERVER),
        (answer("404 Not Found"), Verdict.BLOCKED, "access.not-found", Step.ACCESS, Owner.OPERATOR),
        (answer("526 Invalid certificate"), Verdict.BLOCKED, "http.unavailable", Step.LOGIN, Owner.SERVER),
    ],
)
def test_a_login_over_tls(page: bytes, verdict: Verdict, code: str, step: Step, owner: Owner) -> None:
    with serving(BASIC, {"/": page}, **tls()) as server:
        report = expect(visited(server, "https", ER), verdict, code, step=step, owner=owner)
    assert check_of(report, Step.LOGIN).outcome is (Outcome.PASSED if step is Step.ACCESS else Outcome.FAILED)
    assert report.footprint.login_attempts == 1


@pytest.mark.parametrize(
    ("there", "named"), [("https://new.example/start", True), ("https://sso.example/login", False)]
)
def test_the_page_that_a_login_leads_to_is_the_operators_to_name_unless_it_is_a_login(there: str, named: bool) -> None:
    with serving(BASIC, {"/": moved(there)}, **tls()) as server:
        report = visited(server, "https", ER)
    entry = (Owner.OPERATOR, f"# In the inventory, in place of this target:\n{there}")
    assert finding_of(report).also == ((entry,) if named else ())


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found"])
def test_a_server_that_bans_the_agent_after_the_login_has_not_judged_the_account(status: str) -> None:
    """It asked for a login before; after it, strangers get what the account gets."""
    with serving(BASIC, {"/": answer(status)}) as server:
        pages = {"HEAD /": BASIC, "GET /": answer(status)}
        server.behaviour = site(pages, {"/": answer(status)})
        report = visited(server, credential=ER, allow_cleartext=True)
        expect(report, Verdict.UNDECIDED, "http.login-unproven", step=Step.LOGIN, owner=Owner.SERVER)
        assert f"and {status[:3]} without a credential" in check_of(report, Step.LOGIN).summary
        received = [connection.received for connection in server.connections]
    assert sum(b"Authorization" in one for one in received) == 1, "the secret leaves once"
    assert b"Authorization" not in received[-1], "the comparison has a connection of its own"


def test_an_answer_that_needs_no_comparison_costs_no_request() -> None:
    with serving(BASIC, {"/": answer("200 OK", "Content-Type: text/html", body=PAGE)}, **tls()) as server:
        expect(visited(server, "https", ER), Verdict.SCANNABLE)
    assert server.counts == {"HEAD /": 1, "GET /": 1}
