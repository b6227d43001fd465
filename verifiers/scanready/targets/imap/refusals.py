"""Judge a server's NO or BAD by its response code (RFC 3501, 7.1; RFC 5530, 3), or else by its text.

Only a text about the account or its password is held against the account. An unknown code with a text about neither
leaves the result open. The secret was sent, so the caller records that the attempt may have counted.
"""

from __future__ import annotations

import re

from scanready.causes import common
from scanready.climb.explain import Failure, Unfinished
from scanready.model import Cause
from scanready.wire.printable import printable

from . import causes

_CODES: dict[str, Cause] = {
    "AUTHENTICATIONFAILED": common.LOGIN_REFUSED,
    "AUTHORIZATIONFAILED": common.LOGIN_REFUSED,
    "EXPIRED": common.LOGIN_EXPIRED,
    "PRIVACYREQUIRED": causes.LOGIN_DISABLED,
}
#: Codes that may precede any text: an alert, and the capabilities.
_WITHOUT_MEANING = (None, "ALERT", "CAPABILITY")
_BAD = re.compile(r"[A-Z]+ command error: BAD\b")  # imaplib's text
_EXPIRED = re.compile(
    r"\b(?:password|account|credentials?)\b.{0,40}\bexpired\b|\bexpired (?:password|account)|"
    r"\bmust change\b.{0,20}\bpassword|\bpassword (?:must be changed|change required)",
    re.IGNORECASE,
)
_LOCKED = re.compile(
    r"\block(?:ed|out)\b|disabled|suspended|deactivated|\b(?:account|user|mailbox)\b.{0,40}\bblocked\b", re.IGNORECASE
)
#: "Account temporarily locked due to too many failed attempts": the account, although the text also names a limit.
_ACCOUNT_LOCKED = re.compile(
    r"\b(?:account|user)s?\b(?!.*\b(?:connection|session)s?\b).{0,40}"
    r"\b(?:lock(?:ed|out)|suspended|disabled|deactivated|blocked)\b",
    re.IGNORECASE,
)
#: "Unsupported authentication mechanism", "Command unrecognized: LOGIN": the way to log in, not the account.
_OF_THE_WAY = re.compile(
    r"\b(?:unsupported|unknown|unrecogni[sz]ed|invalid|no such) (?:authentication )?(?:mechanism|command|method)|"
    r"\b(?:mechanism|command|method) (?:is )?(?:unsupported|unknown|unrecogni[sz]ed|not \w+)",
    re.IGNORECASE,
)
#: "LOGIN is disabled", "Authentication is temporarily disabled": a login method is disabled for every account.
_WAY_DISABLED = re.compile(
    r"\b(?:log[io]ns?|sign-?in|authenticat(?:e|ion)|passwords?|mechanism|command|protocol|service|access)\b"
    r"(?: (?:is|are|has been|have been|currently|temporarily)){0,3} disabled\b(?!.*\b(?:user|account|mailbox)\b)",
    re.IGNORECASE,
)
#: Exchange's answer to a wrong password, and to a right one if IMAP is disabled for the mailbox or the service.
_EXCHANGE, _EXCHANGE_SAYS = "Microsoft Exchange", re.compile(r"(?:LOGIN|AUTHENTICATE) failed\.?")
#: "Invalid credentials", "LOGIN failed.", "Incorrect username or password", "Authentication failure".
_OF_THE_ACCOUNT = re.compile(
    r"passw|credential|user ?name|(?:invalid|unknown|bad|no such) user|authenticat\w* (?:fail|error|denied)|"
    r"log[io]n (?:fail|incorrect|denied|invalid)|incorrect|access denied",
    re.IGNORECASE,
)
_OF_RIGHTS = re.compile(r"permi(?:ssion|tted)|denied|not allowed|access|authori[sz]ed|\bacl\b", re.IGNORECASE)


def of_login(code: str | None, text: str, *, encrypted: bool) -> Failure | None:
    """Return the failure of a login that was refused with ``text``; None if the text does not decide.

    In that case the caller decides, because it knows whether the connection ended.
    """
    words = _shown(text)
    if _ACCOUNT_LOCKED.search(text) and not (causes.temporary(code) or causes.in_use(text) or causes.not_enabled(text)):
        return Failure(common.LOGIN_LOCKED, words)
    if code != "OVERQUOTA" and causes.too_many(code, text):
        return Unfinished(common.THROTTLED, words)
    if causes.not_connected(text):
        return Unfinished(causes.MAILBOX_NOT_OPENED, words)
    if causes.in_use(text) or (code not in _CODES and causes.down(code, text)):
        return Unfinished(causes.BACKEND_UNAVAILABLE, words)
    if code in _CODES and _CODES[code] is not common.LOGIN_REFUSED:
        return Failure(_CODES[code], words)
    if causes.names_two_reasons(text) or (code == "AUTHENTICATIONFAILED" and causes.not_enabled(text)):
        return Failure(causes.REFUSED_OR_DISABLED, words)
    if causes.not_enabled(text):
        return Failure(causes.NOT_ENABLED, words)
    if causes.wants_other_login(text):
        return Failure(causes.NO_PASSWORD_LOGIN, words)
    if not encrypted and causes.bars_clear_text(text):  # nothing about the password
        return Unfinished(causes.LOGIN_DISABLED, words)
    if _EXPIRED.search(text):
        return Failure(common.LOGIN_EXPIRED, words)
    if _LOCKED.search(text) and not _WAY_DISABLED.search(text):
        return Failure(common.LOGIN_LOCKED, words)
    return Failure(common.LOGIN_REFUSED, words) if code in _CODES else None


def of_words(code: str | None, text: str, product: str = "") -> Failure:
    """Return the failure of a login that :func:`of_login` leaves open, on a connection that is still open.

    Args:
        product: the server software that the greeting names.
    """
    words = _shown(text)
    of_the_account = _OF_THE_ACCOUNT.search(text)
    if complains_of_command(code, text) and not causes.internal(text):  # nothing about the account (RFC 3501, 6.2)
        return Unfinished(common.LIMIT, words)
    if causes.internal(text) or (causes.later(text) and not of_the_account):
        return Unfinished(causes.BACKEND_UNAVAILABLE, words)
    way_disabled = _WAY_DISABLED.search(text) and not of_the_account
    of_the_way = way_disabled or (_OF_THE_WAY.search(text) and not of_the_account)
    if (code not in _WITHOUT_MEANING and not of_the_account) or causes.of_a_rule(text) or of_the_way:
        return Unfinished(causes.COMMAND_REFUSED, words)
    if product == _EXCHANGE and _EXCHANGE_SAYS.fullmatch(text.strip()):
        return Failure(causes.REFUSED_OR_DISABLED, words)
    # A refusal without a code. To treat it as a refused password protects the account.
    return Failure(common.LOGIN_REFUSED, words)


def of_folder(code: str | None, text: str) -> Failure | None:
    """Return the failure of a folder that cannot be opened; None if the account's rights are the reason."""
    words = _shown(text)
    if code != "OVERQUOTA" and causes.too_many(code, text):
        return Failure(common.THROTTLED, words)
    if causes.not_connected(text):
        return Failure(causes.MAILBOX_NOT_OPENED, words)
    if complains_of_command(code, text) and not causes.internal(text):
        return Failure(common.LIMIT, f"the server rejects the command as invalid: {words}")
    if code == "NOPERM":
        return None
    if causes.down(code, text) or causes.in_use(text) or causes.internal(text) or causes.later(text):
        return Failure(causes.BACKEND_UNAVAILABLE, words)
    if (code not in _WITHOUT_MEANING or causes.of_a_rule(text)) and not _OF_RIGHTS.search(text):
        return Failure(causes.COMMAND_REFUSED, words)
    return None


def is_about_the_account(text: str) -> bool:
    """Return whether a text refuses the account or its password, and reports no failure of the server."""
    return bool(_OF_THE_ACCOUNT.search(text)) and not (causes.internal(text) or causes.later(text))


def _shown(text: str) -> str:
    return printable(text) or "a refusal without a text"


def complains_of_command(code: str | None, text: str) -> bool:
    """Return whether the server does not understand a command, which proves nothing about the account."""
    return code == "CLIENTBUG" or bool(_BAD.match(text))
