"""Causes that only IMAP can give, on 143 and on 993."""

from __future__ import annotations

import re

from scanready.causes import common
from scanready.model import Cause, OtherOwner, Owner, Scope, Step

# curl greets, asks for the capabilities (with --ssl again after STARTTLS) and shows both.
_TALK = "On the agent: curl -vk --ssl {url}"

NOT_ACCEPTING = Cause(
    "imap.not-accepting",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server answers with BYE and says that it cannot serve anybody now: it is shutting down or overloaded, or "
    "something of its own or behind it failed. The detail has its words.",
    "Start the service again and look at its log (Exchange: both Microsoft Exchange IMAP4 and IMAP4 Backend).",
    "On the agent: curl -vk {url}  # the greeting begins with * BYE",
)
TURNED_AWAY = Cause(
    "imap.turned-away",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server turns this agent away with BYE, for a reason of its own; the detail has its words.",
    "Resolve what the message says: usually an access list that lacks this agent's address.",
    "On the agent: curl -vk {url}  # the greeting begins with * BYE",
    scoped=Scope.PATH,
)
GREETING_REFUSED = Cause(
    "imap.greeting-refused",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server greets with NO or BAD, statuses of IMAP that it does not have in a greeting (only OK, PREAUTH and "
    "BYE): the server cannot serve now, and whether that passes is not known. The detail has its words.",
    "Resolve what the message says: usually a load, a backend that is down, or a fault in the configuration; look at "
    "the server's log for the time of the check, then check again.",
    "On the agent: curl -vk {url}  # the greeting begins with * NO or * BAD",
    definite=False,
)
REFERRED = Cause(
    "imap.referred",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "The server names another IMAP server in its place (a REFERRAL, RFC 2221 and RFC 2193): it does not serve this "
    "account, or this agent. Nothing was sent to the other server.",
    "If the server that the detail names is right, put it in the inventory in place of this target.",
    "On the agent: curl -vk --ssl {url}  # the greeting or the answer to the login has [REFERRAL ...]",
)
LOGIN_DISABLED = Cause(
    "imap.login-disabled",
    Owner.SERVER,
    Step.AUTH,
    "The server takes no password on this connection (LOGINDISABLED), and offers no encryption that would change it.",
    "Scan the mailboxes as target type imaps (993), switch STARTTLS on, or permit passwords without TLS.",
    _TALK,
)
NOT_ENABLED = Cause(
    "imap.not-enabled",
    Owner.SERVER,
    Step.LOGIN,
    "The server says that the account's mailbox is not open to IMAP. It says nothing against the password.",
    "Switch IMAP on for this mailbox on the mail server (Exchange: Set-CASMailbox MAILBOX -ImapEnabled $true; Google: "
    "the administrator's and the mailbox's own settings).",
    "On the agent: curl -vk --ssl-reqd -u {user} {url}  # asks for the password, and counts as one attempt",
)
REFUSED_OR_DISABLED = Cause(
    "imap.refused-or-disabled",
    Owner.IDENTITY,
    Step.LOGIN,
    "The server refuses the login, in words that do not tell a wrong password from an account that is not open to IMAP "
    "or to passwords.",
    "Correct the password or the account, if it is wrong: log in with it once by another way, such as the web mail. "
    "Until then the credential is withheld from the targets that may share it.",
    "On the agent: curl -vk --ssl-reqd -u {user} {url}  # asks for the password, and counts as one attempt",
    scoped=Scope.ACCOUNT,
    also=(
        OtherOwner(
            Owner.SERVER,
            "Switch IMAP on for this mailbox, and permit password logins or make an app password (Exchange: "
            "Set-CASMailbox MAILBOX -ImapEnabled $true; Yandex and others: the mailbox's own settings).",
        ),
    ),
)
MAILBOX_NOT_OPENED = Cause(
    "imap.mailbox-not-opened",
    Owner.SERVER,
    Step.LOGIN,
    'The server accepts the account, and does not connect it to its mailbox (Exchange: "User is authenticated but not '
    'connected"). The words do not say why: IMAP is off for the mailbox, the account has no rights in it, too many '
    "sessions are open, or a server behind is down.",
    "Switch IMAP on for this mailbox (Exchange: Set-CASMailbox MAILBOX -ImapEnabled $true), grant the account full "
    "access to it, and look at the state of the servers that hold it; then check again.",
    "On the agent: curl -vk --ssl-reqd -u {user} {url}  # asks for the password, and counts as one attempt",
    definite=False,
)
NO_PASSWORD_LOGIN = Cause(
    "imap.no-password-login",
    Owner.SERVER,
    Step.AUTH,
    "The server offers ways to log in, but none with user name and password, and that is all the scanner has.",
    "Permit LOGIN or AUTH=PLAIN over TLS for the scan account, or use an app password where the provider has them; "
    "for Microsoft 365 and Exchange scan as target type ews.",
    _TALK,
)
PREAUTHENTICATED = Cause(
    "imap.preauthenticated",
    Owner.SERVER,
    Step.AUTH,
    "The server treats this agent as logged in before it asked (PREAUTH): it chose the account, and refuses logins.",
    "Take this agent out of the server's rule that logs addresses in without a password.",
    "On the agent: curl -vk {url}  # the greeting begins with * PREAUTH",
    scoped=Scope.PATH,
)
NO_INBOX = Cause(
    "imap.no-inbox",
    Owner.SERVER,
    Step.ACCESS,
    "The login works, and the account has no INBOX: its mailbox was never created, is not on this server, or its store "
    "is broken. No folder was named, so no name in the inventory is wrong.",
    "Create the account's mailbox on the mail server, or repair its store; or scan an account that has one.",
    "On the agent: curl -vk --ssl-reqd -u {user} {url}   # lists the folders at the top, and counts as one attempt",
)
BACKEND_UNAVAILABLE = Cause(
    "imap.backend-unavailable",
    Owner.SERVER,
    Step.LOGIN,
    "The server asked for the login but could not judge it, or could not open the folder: its directory, mail store or "
    "backend did not answer, or another session has the mailbox.",
    "Look at the server's log for the time of the check; then check again. A login that fails so was not judged.",
    "On the agent: curl -vk --ssl-reqd -u {user} {url}  # asks for the password, and counts as one attempt",
    definite=False,
)
COMMAND_REFUSED = Cause(
    "imap.command-refused",
    Owner.SERVER,
    Step.LOGIN,
    "The server refuses the login, the folder or another command, and neither its response code nor its words say that "
    "the account or its password is the reason; the detail has them.",
    "Resolve what the detail says (a quota, a policy, an administrator's block); look at the server's log for the time "
    "of the check.",
    "On the agent: curl -vk --ssl-reqd -u {user} {url}  # asks for the password, and counts as one attempt",
    definite=False,
    may_count=True,
)


_TOO_MANY = re.compile(r"too many|maximum number|connection limit|exceeded|throttled", re.IGNORECASE)
#: A complaint about commands, from a server that was sent one or none.
_NOT_OURS = re.compile(r"(invalid|unknown|bad|unrecogni[sz]ed) (imap )?commands?", re.IGNORECASE)
_DOWN = re.compile(r"shutting down|shutdown|unavailable|not available|temporar|starting|maintenance", re.IGNORECASE)
_DOWN_CODES = ("UNAVAILABLE", "SERVERBUG", "INUSE", "CORRUPTION")  # RFC 5530


def too_many(code: str | None, text: str) -> bool:
    """True where the server's response code, or failing that its words, say that it has enough of us."""
    return code == "LIMIT" or bool(_TOO_MANY.search(text) and not _NOT_OURS.search(text))


def knows_no_such_command(text: str) -> bool:
    """True where a server's words say that it does not know the command that it was sent."""
    return bool(_NOT_OURS.search(text))


def down(code: str | None, text: str) -> bool:
    """True where the server's response code, or failing that its words, say that something of it is not available."""
    return code in _DOWN_CODES or bool(_DOWN.search(text))


_IN_USE = re.compile(
    r"\blocked by (?:an)?other\b|\block (?:is )?held\b|"
    r"\b(?:mailbox|maildrop|folder) (?:is )?(?:already )?(?:locked|in use)",
    re.IGNORECASE,
)
_INTERNAL = re.compile(
    r"\binternal\b|\bbusy\b|\bfatal error\b|^connection is closed\. 1\d\b|not enough memory|out of memory|"
    r"can(?:no|')?t (?:contact|connect|reach)|unable to (?:contact|connect|reach)|"
    r"\b(?:ldap|directory|database|backend|server|service|auth process)\b.{0,30}"
    r"\b(?:down|unreachable|error|broken|not respond\w*|timed? ?out)",
    re.IGNORECASE,
)
_LATER = re.compile(r"\btry (?:it )?again\b|\bretry\b|\blater\b", re.IGNORECASE)


#: "IMAP access is disabled for user", "Your account is not enabled for IMAP use", "IMAP is not enabled for this user",
#: "account does not have IMAP access enabled", "service is not open".
_NOT_ENABLED = re.compile(
    r"\bimap\b.{0,30}\b(?:disabled|not (?:enabled|allowed|permitted|active))|"
    r"\bnot (?:enabled|allowed|permitted) for imap\b|\b(?:enable|activate) imap\b|"
    r"\bnot have imap\b|\bservice (?:is )?not (?:open|enabled)|"
    r"\b(?:mailbox|protocol) access (?:is )?disabled",
    re.IGNORECASE,
)
#: "Application-specific password required", "Basic authentication is disabled", "only OAuth is accepted".
_WANTS_OTHER_LOGIN = re.compile(
    r"basicauthblocked|\bapp(?:lication)?[- ](?:specific )?password|\boauth\b|"
    r"\bbasic auth\w*.{0,20}\b(?:disabled|blocked|not)\b|\b(?:2fa|two[- ](?:factor|step)|multi[- ]?factor)\b",
    re.IGNORECASE,
)
#: A word on the credential. "LOGIN command error: BAD" is imaplib's.
_WRONG = re.compile(r"invalid|incorrect|wrong|(?<!error: )\bbad\b|mismatch|no such user|unknown user", re.IGNORECASE)
#: "user over quota", "login not allowed from your IP", "log in via your web browser": no word on the password.
_OF_A_RULE = re.compile(
    r"\bblocked\b|\bquota\b|\bweb ?(?:login|browser)\b|"
    r"\b(?:from|of|in) (?:your|this) (?:ip|address|location|country|network)\b",
    re.IGNORECASE,
)


def not_enabled(text: str) -> bool:
    """True where a server's words say that the mailbox is not open to IMAP."""
    return bool(_NOT_ENABLED.search(text) and not _WRONG.search(text))


def names_two_reasons(text: str) -> bool:
    """True where a server's words name a wrong credential and a mailbox that is not open to IMAP.

    Yandex: "[AUTHENTICATIONFAILED] LOGIN invalid credentials or IMAP is disabled" (its documentation of errors of
    IMAP); Tencent: "Account is abnormal, service is not open, password is incorrect, ...".
    """
    return bool(_NOT_ENABLED.search(text) and _WRONG.search(text))


def not_connected(text: str) -> bool:
    """True where a server's words say that it accepted the account and did not open its mailbox."""
    return "authenticated but not connected" in text.lower()


def wants_other_login(text: str) -> bool:
    """True where a server's words say that it takes another proof than the account's password."""
    return bool(_WANTS_OTHER_LOGIN.search(text) and not _WRONG.search(text))


def of_a_rule(text: str) -> bool:
    """True where a server's words are about a rule of its own: for addresses, sizes, or a visit with a browser."""
    return bool(_OF_A_RULE.search(text) and not _WRONG.search(text))


def in_use(text: str) -> bool:
    """True where a server's words say that another session has the mailbox."""
    return bool(_IN_USE.search(text))


def internal(text: str) -> bool:
    """True where a server's words say that something of its own failed: "LDAP server down", "Server busy"."""
    return bool(_INTERNAL.search(text))


def later(text: str) -> bool:
    """True where a server's words ask to come again; with a word on the password that is politeness."""
    return bool(_LATER.search(text))


#: "SSL connections only", "TLS is required", "you must use SSL", "encryption required".
_WANTS_TLS = re.compile(
    r"\b(?:ssl|tls|encrypt\w*)\b.*\b(?:only|require[sd]?|must|mandatory|needed|enforced)\b|"
    r"\b(?:requires?|must use|only (?:over|with|via)|need)\b.*\b(?:ssl|tls|encrypt\w*)\b|"
    r"\bonly\b.{0,12}\b(?:ssl|tls|encrypted)\b|\bplain ?text connections?\b.{0,25}\b(?:disabled|not)\b|"
    r"\buse imaps\b|\bport 993\b",
    re.IGNORECASE,
)


#: "Plaintext authentication disallowed on non-secure connections", "Login only available under a layer" (Cyrus).
_BARS_CLEAR_TEXT = re.compile(
    r"plain ?text.*(?:disallow|disabled|not (?:allowed|permitted))|under a layer", re.IGNORECASE
)


def bars_clear_text(text: str) -> bool:
    """True where a server's words say that it takes no password without TLS."""
    return bool(_BARS_CLEAR_TEXT.search(text) or _WANTS_TLS.search(text))


def of_bye(code: str | None, text: str, *, encrypted: bool) -> Cause:
    """Return why a server says BYE instead of talking; its own words choose, where it has any."""
    if not encrypted and (code == "PRIVACYREQUIRED" or _WANTS_TLS.search(text)):
        return common.TLS_REQUIRED
    if too_many(code, text):
        return common.THROTTLED
    if _NOT_OURS.search(text):
        return common.PROXY_HEADER
    return NOT_ACCEPTING if down(code, text) or internal(text) or later(text) else TURNED_AWAY
