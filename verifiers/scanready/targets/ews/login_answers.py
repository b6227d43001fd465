"""Map HTTP statuses and Exchange's error codes to the reason why an account could not read.

Source: [MS-OXWSCDATA], ResponseCodeType. The names are also those of exchangelib's exceptions.
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
#: The prefix that exchangelib puts before another library's error when it raises it under one of Exchange's names. It
#: uses the same prefix when it renames one of Exchange's own errors, whose name begins with "Error".
_RERAISED = re.compile(r"Reraised from (?!Error)")
_UNAVAILABLE = (
    "ErrorMailboxStoreUnavailable",
    "ErrorMailboxMoveInProgress",
    "ErrorMailboxFailover",
    "ErrorConnectionFailed",
    "ErrorMailboxHoldNotFound",
)
#: The pages to which Exchange and ISA Server redirect after an internal error; exchangelib has the same list.
_ERROR_PAGE = re.compile(r"genericerrorpage|errorfe\.aspx|/internalsite/|/owa/auth/error", re.IGNORECASE)
_ACCOUNT = {
    "ErrorAccountDisabled": common.LOGIN_LOCKED,
    "ErrorPasswordExpired": common.LOGIN_EXPIRED,
    "ErrorPasswordChangeRequired": common.LOGIN_EXPIRED,
}


def refused(response: Any, in_front: str, *, proxied: bool = False) -> Failure:  # noqa: C901  # one case a status
    """Return the cause of an answer that does not come from the web services.

    Only 401 refuses the account, and only 403 proves that it was accepted. Every other status leaves that open.

    Args:
        response: the answer, an object of requests.
        in_front: the device that terminates TLS before Exchange; empty if none is known.
        proxied: whether a configured proxy forwarded the login.
    """
    reply = f"the server answers {response.status_code} {printable(response.reason or '', 160)} to the login"
    fields = {name.lower(): value for name, value in response.headers.items()}
    later = retry_after(fields.get("retry-after"))
    match response.status_code:
        case 401 if not response.request.headers.get("Authorization"):
            offered = response.headers.get("WWW-Authenticate", "nothing")
            detail = f"exchangelib did not answer the offered schemes: {printable(offered, 300)}"
            return Failure(common.LIMIT, detail)
        case 401 if b"currently locked out" in response.content:
            return Failure(common.LOGIN_LOCKED, reply)
        case 401 if in_front:
            return Failure(causes.EXTENDED_PROTECTION, f"{reply}; TLS ends before Exchange ({in_front})")
        case 401:
            return Failure(common.LOGIN_REFUSED, reply)
        case _ if challenged(fields.items()):
            return Failure(web.CHALLENGED, reply)
        case 403 if product := block_page_of(response.content):
            return Failure(web.LOGIN_UNPROVEN, f"{reply}, with the page of {product}")
        case 403:
            return Failure(
                causes.POLICY,
                f"the server accepts the login but answers 403 {printable(response.reason or '', 160)}",
            )
        case 407:
            cause = web.PROXY_LOGIN if proxied else web.PROXY_BETWEEN
            return Failure(cause, f"a proxy answers 407 {printable(response.reason or '', 160)}")
        case 404 | 410:
            return Failure(causes.NOT_HERE, reply)
        case 429:
            return Failure(common.THROTTLED, reply + later)
        case 503 if is_throttled(503, fields.get("retry-after"), fields.get("x-ms-diagnostics")):
            return Failure(common.THROTTLED, reply + later)
        case 511:
            return Failure(web.CAPTIVE_PORTAL, reply)
        case 200 if wire.is_login_form(response.content) or b"<html" in response.content[:2000].lower():
            return Failure(web.LOGIN_UNPROVEN, f"{reply}, with an HTML page in place of the web services' answer")
        case 200:
            return Failure(common.MALFORMED, f"{reply}, but its body is not SOAP")
        case status if status in (302, 307) and _ERROR_PAGE.search(fields.get("location", "")):
            location = printable(fields["location"], 200)
            return Failure(web.SERVER_ERROR, f"{reply} and redirects to {location}, an error page")
        case status if status == 440 or 300 <= status < 400:
            location = printable(fields.get("location", ""), 200)
            return Failure(web.LOGIN_UNPROVEN, f"{reply}{f' and redirects to {location}' if location else ''}")
        case status if status not in wire.STATUSES:
            return Failure(common.LIMIT, f"{reply}, an unknown status")
        case status if failing_service(status) is web.UNAVAILABLE:
            return Failure(causes.SERVICE_DOWN, reply)
        case status if status >= 500:
            return Failure(web.SERVER_ERROR, reply)
    return Failure(web.LOGIN_UNPROVEN, f"{reply}, which does not judge the account")


def translated(error: Exception, mailbox: str | None, username: str) -> Failure:
    """Return the cause of an exception of exchangelib: mostly one of Exchange's error codes.

    Args:
        error: an exception named after Exchange's ``ResponseCode``, or one of the library's own.
        mailbox: the mailbox whose inbox was requested, None for the account's own.
        username: the account's name, for the fix.
    """
    code = type(error).__name__
    text = f"{code}: {printable(str(error), 300)}"
    if _RERAISED.search(str(error)):
        return Failure(common.LIMIT, f"exchangelib reports {text}, an error below HTTP")
    if code in ("ErrorImpersonateUserDenied", "ErrorImpersonationDenied", "ErrorImpersonationFailed"):
        return Failure(
            causes.IMPERSONATION_DENIED, f"for {mailbox}: {text}", fixes.ASSIGN_IMPERSONATION(user=_bare(username))
        )
    if code in ("ErrorNonExistentMailbox", "ErrorMissingEmailAddress", "ErrorMailboxConfiguration"):
        if mailbox is not None and code == "ErrorNonExistentMailbox":
            return Failure(common.ACCESS_NOT_FOUND, f"Exchange has no mailbox {mailbox} ({text})")
        return Failure(causes.NO_MAILBOX, text, fixes.ENABLE_MAILBOX(user=_bare(username)))
    if code in ("ErrorItemNotFound", "ErrorFolderNotFound"):
        detail = f"{text}; every mailbox has an inbox, but Exchange hides it from an account without any right in it"
        return Failure(common.ACCESS_NOT_FOUND, detail)
    if code == "ErrorAccessDenied":
        return Failure(common.ACCESS_DENIED, text, fixes.GRANT_MAILBOX(mailbox=mailbox, user=username))
    if code in _BUSY:
        wait = getattr(error, "back_off", None)
        asks = f"; it requests a pause of {wait:g} s" if isinstance(wait, (int, float)) else ""
        return Failure(causes.BUSY, text + asks)
    if code in _UNAVAILABLE:
        return Failure(causes.MAILBOX_UNAVAILABLE, text)
    if cause := _ACCOUNT.get(code):
        return Failure(cause, text)
    if code in ("SOAPError", "MalformedResponseError"):
        return Failure(common.MALFORMED, f"the answer to the login is no valid answer of the web services: {text}")
    return Failure(common.LIMIT, f"Exchange or exchangelib reports {text}")


def _bare(username: str) -> str:
    """Return the account's name without its domain, as Exchange's cmdlets require it."""
    return username.rpartition("\\")[2]
