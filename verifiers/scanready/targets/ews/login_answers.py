"""Why Exchange's web services did not let an account read: statuses of HTTP, and the errors that Exchange names.

Source: [MS-OXWSCDATA], ResponseCodeType; the names are those of exchangelib's exceptions, too.
"""

from __future__ import annotations

import re
from typing import Any

from scanready.causes import common, web
from scanready.clients.http_block_pages import block_page_of
from scanready.clients.http_pages import challenged, failing_service, retry_after
from scanready.climb.explain import Failure
from scanready.wire import http as wire
from scanready.wire.printable import printable

from . import causes, fixes
from .throttling import is_throttled

_BUSY = (
    "ErrorServerBusy",
    "ErrorExceededConnectionCount",
    "ErrorTooManyObjectsOpened",
    "ErrorExceededFindCountLimit",
    "ErrorInternalServerTransientError",
    "ErrorExceededSubscriptionCount",
    "RateLimitError",
)
#: How exchangelib begins an error of a library below it, which it gives the name of one of Exchange's. It changes the
#: name of some of Exchange's in the same words.
_RERAISED = re.compile(r"Reraised from (?!Error)")
_UNAVAILABLE = (
    "ErrorMailboxStoreUnavailable",
    "ErrorMailboxMoveInProgress",
    "ErrorMailboxFailover",
    "ErrorConnectionFailed",
    "ErrorMailboxHoldNotFound",
)
#: The pages that Exchange and ISA Server lead to where they fail themselves; exchangelib knows them, too.
_ERROR_PAGE = re.compile(r"genericerrorpage|errorfe\.aspx|/internalsite/|/owa/auth/error", re.IGNORECASE)
_ACCOUNT = {
    "ErrorAccountDisabled": common.LOGIN_LOCKED,
    "ErrorPasswordExpired": common.LOGIN_EXPIRED,
    "ErrorPasswordChangeRequired": common.LOGIN_EXPIRED,
}


def refused(response: Any, in_front: str, *, proxied: bool = False) -> Failure:  # noqa: C901  # one case a status
    """Return the cause of a status that is no answer of the web services.

    Only 401 refuses the account, and only 403 says that it was accepted: every other status leaves that open.

    Args:
        response: of requests.
        in_front: the device that ends TLS before Exchange; empty if none is known.
        proxied: whether a configured proxy passed the login on.
    """
    said = f"the server answers {response.status_code} {printable(response.reason or '', 160)} to the login"
    fields = {name.lower(): value for name, value in response.headers.items()}
    later = retry_after(fields.get("retry-after"))
    match response.status_code:
        case 401 if not response.request.headers.get("Authorization"):
            offered = response.headers.get("WWW-Authenticate", "nothing")
            return Failure(common.LIMIT, f"exchangelib did not answer what was offered: {printable(offered, 300)}")
        case 401 if b"currently locked out" in response.content:
            return Failure(common.LOGIN_LOCKED, said)
        case 401 if in_front:
            return Failure(causes.EXTENDED_PROTECTION, f"{said}; TLS ends before Exchange ({in_front})")
        case 401:
            return Failure(common.LOGIN_REFUSED, said)
        case _ if challenged(fields.items()):
            return Failure(web.CHALLENGED, said)
        case 403 if product := block_page_of(response.content):
            return Failure(web.LOGIN_UNPROVEN, f"{said}, with the page of {product}")
        case 403:
            return Failure(
                causes.POLICY,
                f"the login is accepted, and the server answers 403 {printable(response.reason or '', 160)}",
            )
        case 407:
            cause = web.PROXY_LOGIN if proxied else web.PROXY_BETWEEN
            return Failure(cause, f"a proxy answers 407 {printable(response.reason or '', 160)}")
        case 404 | 410:
            return Failure(causes.NOT_HERE, said)
        case 429:
            return Failure(common.THROTTLED, said + later)
        case 503 if is_throttled(503, fields.get("retry-after"), fields.get("x-ms-diagnostics")):
            return Failure(common.THROTTLED, said + later)
        case 511:
            return Failure(web.CAPTIVE_PORTAL, said)
        case 200 if wire.is_login_form(response.content) or b"<html" in response.content[:2000].lower():
            return Failure(web.LOGIN_UNPROVEN, f"{said}, with a page in place of the web services' answer")
        case 200:
            return Failure(common.MALFORMED, f"{said}, and what comes is no SOAP")
        case status if status in (302, 307) and _ERROR_PAGE.search(fields.get("location", "")):
            return Failure(web.SERVER_ERROR, f"{said} and leads to {printable(fields['location'], 200)}, an error page")
        case status if status == 440 or 300 <= status < 400:
            led = printable(fields.get("location", ""), 200)
            return Failure(web.LOGIN_UNPROVEN, f"{said}{f' and leads to {led}' if led else ''}")
        case status if status not in wire.STATUSES:
            return Failure(common.LIMIT, f"{said}, a status that is not known")
        case status if failing_service(status) is web.UNAVAILABLE:
            return Failure(causes.SERVICE_DOWN, said)
        case status if status >= 500:
            return Failure(web.SERVER_ERROR, said)
    return Failure(web.LOGIN_UNPROVEN, f"{said}, which does not judge the account")


def translated(error: Exception, mailbox: str | None, username: str) -> Failure:
    """Return the cause of what exchangelib raised: mostly an error that Exchange gave a name.

    Args:
        error: named as Exchange's ``ResponseCode``, or one of the library's own.
        mailbox: whose inbox was asked for, the account's own where it is None.
        username: of the account, for the fix.
    """
    code = type(error).__name__
    said = f"{code}: {printable(str(error), 300)}"
    if _RERAISED.search(str(error)):
        return Failure(common.LIMIT, f"exchangelib says {said}, for an error below HTTP")
    if code in ("ErrorImpersonateUserDenied", "ErrorImpersonationDenied", "ErrorImpersonationFailed"):
        return Failure(
            causes.IMPERSONATION_DENIED, f"for {mailbox}, {said}", fixes.ASSIGN_IMPERSONATION(user=_bare(username))
        )
    if code in ("ErrorNonExistentMailbox", "ErrorMissingEmailAddress", "ErrorMailboxConfiguration"):
        if mailbox is not None and code == "ErrorNonExistentMailbox":
            return Failure(common.ACCESS_NOT_FOUND, f"Exchange has no mailbox {mailbox} ({said})")
        return Failure(causes.NO_MAILBOX, said, fixes.ENABLE_MAILBOX(user=_bare(username)))
    if code in ("ErrorItemNotFound", "ErrorFolderNotFound"):
        detail = f"{said}; every mailbox has an inbox, and who may not even see it is told that it does not exist"
        return Failure(common.ACCESS_NOT_FOUND, detail)
    if code == "ErrorAccessDenied":
        return Failure(common.ACCESS_DENIED, said, fixes.GRANT_MAILBOX(mailbox=mailbox, user=username))
    if code in _BUSY:
        wait = getattr(error, "back_off", None)
        asks = f"; it asks for a pause of {wait:g} s" if isinstance(wait, (int, float)) else ""
        return Failure(causes.BUSY, said + asks)
    if code in _UNAVAILABLE:
        return Failure(causes.MAILBOX_UNAVAILABLE, said)
    if cause := _ACCOUNT.get(code):
        return Failure(cause, said)
    if code in ("SOAPError", "MalformedResponseError"):
        return Failure(common.MALFORMED, f"the answer to the login is not what the web services say: {said}")
    return Failure(common.LIMIT, f"Exchange or exchangelib says {said}")


def _bare(username: str) -> str:
    """The account without its domain, as Exchange's cmdlets take it."""
    return username.rpartition("\\")[2]
