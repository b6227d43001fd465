"""Judge the answer to a login, compared with the answer of the same page without a credential.

A credential is sent only if the page asked for a login (401). A server that refuses it answers 401 again. No other
answer is a refusal, but not every other answer proves that the account was accepted.

    without    with it                    what that proves
    401        401                        refused (`login.refused`); Digest's `stale`: not judged
    401        200 and other 2xx          accepted: the page behind the login arrived, and is judged like any page
    401        200 with a login form, an  nothing (`http.login-unproven`): the server, or a filter, shows the same page
               error, a filter's page, a  to clients without an account
               link to another host
    401        redirect to a login page,  nothing (`http.login-unproven`): the login takes place elsewhere
               or to another host
    401        redirect within the host   accepted: the page redirects only known users; the redirect is not followed
    401        403                        accepted, but not permitted (`access.denied`)
    401        404, 410                   accepted: other clients do not learn that it is missing (`access.not-found`)
    not 401    403, 404, 410, redirect    nothing (`http.login-unproven`): other clients get the same answer, or the
                                          server has banned this agent meanwhile
    any        403 with Jira's denial     the account is locked until a person solves a captcha (`login.locked`)
    any        403 with words on logins   nothing (`http.login-unproven`): too many attempts, a locked account
    any        407, 511                   a proxy or a gateway answers, not the server
    any        429, 5xx                   no answer: the login may have counted
    any        451, other 4xx, 304        nothing (`http.login-unproven`): the status does not concern the account

The page is requested without a credential only in the rows where that decides. This is not another login attempt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from scanready.causes import common
from scanready.causes import web as causes
from scanready.clients.http_block_pages import block_page_of, portal_of
from scanready.clients.http_pages import REDIRECTS, challenged, failing_service, retry_after
from scanready.clients.http_talk import DEFAULT_PORTS, Url, in_inventory
from scanready.climb.explain import Failure, Unfinished
from scanready.climb.login_result import LoginResult
from scanready.model import Cause, Owner
from scanready.wire.http import STATUSES, text_of
from scanready.wire.printable import printable

from . import content

#: Statuses besides 2xx whose page is read: it may name the product that denies access.
WITH_A_PAGE = (403,)
#: Answers that prove a login only if a request without a credential gets 401.
_COMPARED = (403, 404, 410)
#: The judgements of a page that is shown in place of the requested one.
_NOT_THE_PAGE = (
    *(causes.LOGIN_FORM, causes.ERROR_PAGE, causes.BLOCK_PAGE, causes.CAPTIVE_PORTAL, causes.MAINTENANCE),
    causes.REDIRECTS_ELSEWHERE,
)
#: Words in the paths of login pages: of frameworks, single sign-on, and gateways in front of a site.
_TO_LOGIN = re.compile(
    r"log[-_.]?[io]n|sign[-_.]?[io]n|anmeld(?:en|ung)|connexion|j_security_check|authenti[cf]|my\.policy|dana-na|"
    r"(?<![a-z])(?:sso|saml2?|oauth2?|openid(?:-connect)?|oidc|adfs|cas|idp|auth|authorize|logout|sessions?/new|webseal|"
    r"access-?denied|captcha)(?![a-z])",
    re.IGNORECASE,
)
#: Query parameters of login pages: the URL to return to, or a request to a single sign-on.
_LEADS_BACK = re.compile(
    r"[?&](?:return_?(?:url|to|path)?|redirect(?:_?ur[il]|_to)?|next|goto|continue|back(?:_?url)?|service|target|url|"
    r"origin(?:al)?_?(?:url|uri|path)?|came_from|dest(?:ination)?|relaystate|samlrequest|wa|wctx|client_id|"
    r"response_type|sessionexpired|reason)=",
    re.IGNORECASE,
)


#: The words of a 403 that refuses the login itself: the account, or the number of attempts.
_ABOUT_LOGINS = re.compile(
    r"\btoo many (?:\w+ ){0,3}(?:attempts|failures)\b|\b(?:log-?in|authentication) (?:has )?failed\b|"
    r"\baccount\b.{0,40}\b(?:locked|disabled|suspended|blocked|expired|deactivated)\b|"
    r"\bpassword (?:has |is )?expired\b|\binvalid (?:credentials|password|user ?name)\b",
    re.IGNORECASE,
)
#: The characters of such a page that are read; a longer text is no message.
_MOST_WORDS = 400


@dataclass(slots=True, kw_only=True)
class Result(LoginResult):
    """Add the page: its HTTP ``status``, its declared ``content_type``, up to 64 KiB of its ``body``.

    ``coded`` names the content codings that could not be decoded. ``refresh`` and ``later`` are the values of the
    fields Refresh and Retry-After. ``cut_off`` says where the connection ended before the end of the page.
    """

    status: int
    content_type: str | None = None
    body: bytes = b""
    truncated: bool = False
    coded: str = ""
    refresh: str | None = None
    later: str | None = None
    cut_off: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold the answer to a login: ``fields`` by name in lower case, ``body`` if it was read.

    ``to_a_credential`` is false if the library sent no credential with its last request.
    """

    status: int
    reason: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    truncated: bool = False
    coded: str = ""
    to_a_credential: bool = True
    cut_off: str = ""

    @property
    def described(self) -> str:
        """Return status and reason, such as ``403 Forbidden``."""
        return f"{self.status} {printable(self.reason, 60)}".strip()

    def read(self) -> content.Read:
        """Return the page in the form that :mod:`content` judges."""
        later = self.fields.get("retry-after") if self.status == 200 else None
        kind, refresh = self.fields.get("content-type"), self.fields.get("refresh")
        return content.Read(self.body, kind, self.truncated, self.coded, refresh, later, self.cut_off)


@dataclass(frozen=True, slots=True)
class How:
    """Describe the login: the page, whether a configured proxy forwarded it, and whether the secret was sent."""

    url: Url
    proxied: bool = False
    sent: bool = True


#: Requests the page without a credential and returns its status; None without an answer.
Control = Callable[[], int | None]


def url_of(text: str) -> Url:
    """Parse the URL of a login."""
    parts = urlsplit(text)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Url(parts.scheme, parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme], path)


def judged(answer: Answer, how: How, control: Control) -> Result:
    """Return the result of an accepted login; see the table above.

    Raises:
        Failure: the account was refused.
        Unfinished: the answer does not show whether the server accepted the account.
    """
    _demand_an_answer(answer, how)
    status = answer.status
    if not how.sent:
        detail = f"the page asked for a login before, but now it answers {answer.described} without one"
        raise Failure(common.LOGIN_NOT_JUDGED, detail)
    if 200 <= status < 300:
        return _page(answer, how)
    if status in REDIRECTS and "location" in answer.fields:
        return _led_on(answer, how, control)
    if status in _COMPARED:
        return _compared(answer, control)
    raise _unproven(f"the server answers {answer.described} to the login, which does not judge the account")


def _demand_an_answer(answer: Answer, how: How) -> None:
    """Raise the failure of a refused login, or of an answer that does not concern the login.

    Raises:
        Failure: the account was refused.
        Unfinished: a proxy, a gateway or a firewall answers, or the server fails.
    """
    reply = f"the server answers {answer.described} to the login"
    if challenged(answer.fields.items()):
        raise Unfinished(causes.CHALLENGED, reply)
    match answer.status:
        case 401:
            raise _refused(answer, reply)
        case 407 if how.proxied:
            raise Unfinished(causes.PROXY_LOGIN, f"a proxy answers {answer.described}")
        case 407:
            detail = f"a proxy that is not configured on this agent answers {answer.described}"
            raise Unfinished(causes.PROXY_BETWEEN, detail)
        case 511:
            raise Unfinished(causes.CAPTIVE_PORTAL, f"a network gateway answers {answer.described} to the login")
        case 429:
            raise Unfinished(common.THROTTLED, reply + retry_after(answer.fields.get("retry-after")))
        case status if status not in STATUSES:
            detail = f"the server answers the login with the unknown status {answer.described}"
            raise Unfinished(common.LIMIT, detail)
        case status if status >= 500:
            raise Unfinished(failing_service(status), reply + retry_after(answer.fields.get("retry-after")))


def _refused(answer: Answer, reply: str) -> Failure:
    challenge = answer.fields.get("www-authenticate", "")
    if not answer.to_a_credential:
        offered = printable(challenge or "nothing", 400)
        return Failure(common.LIMIT, f"requests did not answer the offered schemes: {offered}")
    if re.search(r"\bstale *= *\"?true", challenge, re.IGNORECASE):
        return Unfinished(common.LIMIT, "the server asks for a new digest (stale); the login was not repeated")
    return Failure(common.LOGIN_REFUSED, reply)


def _page(answer: Answer, how: How) -> Result:
    """Return the page behind a login.

    Raises:
        Unfinished: clients without an account see the same page.
    """
    read = answer.read()
    try:
        found = content.judge(how.url, read)
    except Failure:  # it could not be read; the access step reports that
        found = None
    if found is not None and found.cause in _NOT_THE_PAGE:
        raise _unproven(f"after the login, {found.detail}", found.cause, found.fix)
    if found is not None and (door := next((one for one in found.doors if _is_login(one)), None)):
        raise _unproven(f"after the login, {how.url} sends its visitors to {door}, a login page")
    return Result(
        status=answer.status,
        content_type=read.kind,
        body=answer.body,
        truncated=answer.truncated,
        coded=answer.coded,
        refresh=read.refresh,
        later=read.later,
        cut_off=answer.cut_off,
    )


def _led_on(answer: Answer, how: How, control: Control) -> Result:
    """Judge a redirect: to a login page, to another host, or to a page for known users."""
    location = answer.fields["location"]
    leads = how.url.joined(location)
    shown = leads or printable(location, 300)
    reply = f"the server answers {answer.described} to the login and redirects to {shown}"
    if leads is None:
        raise _unproven(reply)
    if _is_login(leads):
        raise _unproven(f"{reply}, a login page")
    if leads.host.lower() != how.url.host.lower():
        raise _unproven(f"{reply}, on another host", fix=in_inventory(leads))
    if (before := control()) != 401:
        raise _unproven(f"{reply}, {_as_before(before)}", fix=in_inventory(leads))
    detail = f"after the login, the page answers {answer.described} and redirects to {shown}; this was not followed"
    return Result(status=answer.status, denied=Failure(common.LIMIT, detail))


def _is_login(url: Url) -> bool:
    return _TO_LOGIN.search(url.path.partition("?")[0]) is not None or _LEADS_BACK.search(url.path) is not None


def _compared(answer: Answer, control: Control) -> Result:
    """Judge a status that proves an accepted login only if a request without a credential gets 401."""
    if answer.status == 403:
        _demand_the_servers_own(answer)
    if (before := control()) != 401:
        raise _unproven(f"the server answers {answer.described} to the login, {_as_before(before)}")
    if answer.status != 403:
        return Result(status=answer.status)
    reply = f"the server accepts the login but answers {answer.described}; without a credential it answers 401"
    return Result(status=answer.status, denied=Failure(common.ACCESS_DENIED, reply))


def _demand_the_servers_own(answer: Answer) -> None:
    """Raise if a 403 does not concern the rights of the account: a captcha, a filter or a portal."""
    reply = f"the server answers {answer.described} to the login"
    denial = answer.fields.get("x-authentication-denied-reason") or answer.fields.get("x-seraph-loginreason", "")
    if re.search(r"CAPTCHA|AUTHENTICATION_DENIED", denial):
        raise Failure(common.LOGIN_LOCKED, f"{reply} with the reason {printable(denial, 100)}")
    if _ABOUT_LOGINS.search(words := text_of(answer.body)[:_MOST_WORDS]):
        raise _unproven(f"{reply}, with the words {printable(words, 100)!r}")
    if product := block_page_of(answer.body):
        raise _unproven(f"{reply} with the page of {product}", causes.BLOCK_PAGE)
    if product := portal_of(answer.body):
        raise _unproven(f"{reply} with a network login page ({product})", causes.CAPTIVE_PORTAL)


def _as_before(status: int | None) -> str:
    if status is None:
        return "but does not answer without a credential, so the two cannot be compared"
    return f"and {status} without a credential"


def _unproven(detail: str, because: Cause | None = None, fix: str | None = None) -> Unfinished:
    """Return an unfinished login; ``because`` is the cause of the page itself, ``fix`` is for the operator."""
    reason = f" ({because.code})" if because else ""
    return Unfinished(causes.LOGIN_UNPROVEN, detail + reason, also=((Owner.OPERATOR, fix),) if fix else ())
