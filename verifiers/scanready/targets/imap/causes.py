"""Define the causes of IMAP targets, on 143 and on 993."""

from __future__ import annotations

import re

from scanready.causes import common
from scanready.model import Cause, OtherOwner, Owner, Scope, Step

# curl reads the greeting, asks for the capabilities (with --ssl again after STARTTLS) and prints both.
_TALK = "On the agent: curl -vk --ssl {url}"

NOT_ACCEPTING = Cause(
    "imap.not-accepting",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server sends BYE and reports that it cannot serve clients now: it is shutting down or overloaded, or a "
    "component or backend failed. The detail quotes the server's message.",
    "Start the service again and check its log (Exchange: both Microsoft Exchange IMAP4 and IMAP4 Backend).",
    "On the agent: curl -vk {url}  # the greeting begins with * BYE",
    wire='The server sends "* BYE" with its message in place of an OK greeting or of the answer to a command.',
)
TURNED_AWAY = Cause(
    "imap.turned-away",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server refuses this agent with BYE. The detail quotes the server's message.",
    "Resolve the reason that the message gives: usually an access list that lacks this agent's address.",
    "On the agent: curl -vk {url}  # the greeting begins with * BYE",
    scoped=Scope.PATH,
    wire='The server sends "* BYE" with its message in place of an OK greeting or of the answer to a command.',
)
GREETING_REFUSED = Cause(
    "imap.greeting-refused",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server greets with NO or BAD. IMAP allows only OK, PREAUTH and BYE in a greeting; with NO or BAD, the "
    "server cannot serve clients. Whether this is temporary is unknown. The detail quotes the server's message.",
    "Resolve the reason that the message gives: usually a high load, a backend that is down, or a fault in the "
    "configuration. Check the server's log for the time of the check, then check again.",
    "On the agent: curl -vk {url}  # the greeting begins with * NO or * BAD",
    definite=False,
    wire='The server\'s first line is "* NO ..." or "* BAD ...". No command was sent before it.',
)
REFERRED = Cause(
    "imap.referred",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "The server refers this agent or this account to another IMAP server (a REFERRAL, RFC 2221 and RFC 2193). Nothing "
    "was sent to the other server.",
    "If the server named in the detail is correct, replace this target with it in the inventory.",
    "On the agent: curl -vk --ssl {url}  # the greeting or the answer to the login has [REFERRAL ...]",
    wire="The greeting, or the answer to the login or to EXAMINE, carries the response code [REFERRAL imap://...].",
)
LOGIN_DISABLED = Cause(
    "imap.login-disabled",
    Owner.SERVER,
    Step.AUTH,
    "The server does not accept passwords on this connection (LOGINDISABLED) and offers no encryption that would "
    "change that.",
    "Enable TLS (STARTTLS on this port, or port 993), or permit passwords without TLS.",
    _TALK,
    wire="The CAPABILITY response contains LOGINDISABLED and no AUTH=PLAIN or AUTH=LOGIN, or the server answers "
    "the login with [PRIVACYREQUIRED] or a text that requires TLS.",
    also=(
        OtherOwner(Owner.OPERATOR, "If the server offers IMAP over TLS (port 993), change the target to type imaps."),
    ),
)
NOT_ENABLED = Cause(
    "imap.not-enabled",
    Owner.SERVER,
    Step.LOGIN,
    "The server reports that IMAP is disabled for the account's mailbox. It does not reject the password.",
    "Enable IMAP for this mailbox on the mail server (Exchange: Set-CASMailbox MAILBOX -ImapEnabled $true; Google: the "
    "administrator's and the mailbox's own settings).",
    "On the agent: curl -vk --ssl-reqd -u {user} {url}  # asks for the password, and counts as one attempt",
    wire='The server answers LOGIN or AUTHENTICATE with a tagged NO such as "IMAP access is disabled for user" '
    "(inside TLS if the connection is encrypted).",
)
REFUSED_OR_DISABLED = Cause(
    "imap.refused-or-disabled",
    Owner.IDENTITY,
    Step.LOGIN,
    "The server refuses the login. Its message does not show the reason: the password is wrong, or the account "
    "is not allowed to use IMAP or to log in with a password.",
    "Log in once with the same account in another way, such as the web mail. Correct the password or the account "
    "if it is wrong. Until then the credential is withheld from the targets that may share it.",
    "On the agent: curl -vk --ssl-reqd -u {user} {url}  # asks for the password, and counts as one attempt",
    scoped=Scope.ACCOUNT,
    also=(
        OtherOwner(
            Owner.SERVER,
            "Enable IMAP for this mailbox, and permit password logins or create an app password (Exchange: "
            "Set-CASMailbox MAILBOX -ImapEnabled $true; Yandex and others: the mailbox's own settings).",
        ),
    ),
    wire="The server answers LOGIN or AUTHENTICATE with a tagged NO that fits both reasons, such as Exchange's "
    '"NO LOGIN failed." (inside TLS if the connection is encrypted).',
)
MAILBOX_NOT_OPENED = Cause(
    "imap.mailbox-not-opened",
    Owner.SERVER,
    Step.LOGIN,
    'The server accepts the account but does not connect it to its mailbox (Exchange: "User is authenticated but '
    'not connected"). The message does not give the reason. Possible reasons: IMAP is disabled for the mailbox, '
    "the account has no rights in it, too many sessions are open, or a backend server is down.",
    "Enable IMAP for this mailbox (Exchange: Set-CASMailbox MAILBOX -ImapEnabled $true), and grant the account full "
    "access to it. Check the state of the servers that hold it, then check again.",
    "On the agent: curl -vk --ssl-reqd -u {user} {url}  # asks for the password, and counts as one attempt",
    definite=False,
    wire='The server answers the login or EXAMINE with "User is authenticated but not connected" (inside TLS if the '
    "connection is encrypted).",
)
NO_PASSWORD_LOGIN = Cause(
    "imap.no-password-login",
    Owner.SERVER,
    Step.AUTH,
    "The server offers no login method that uses a user name and a password. The scanner has nothing else.",
    "Permit LOGIN or AUTH=PLAIN over TLS for the scan account, or create an app password if the provider has them.",
    _TALK,
    wire="The CAPABILITY response contains LOGINDISABLED and only AUTH= mechanisms other than PLAIN and LOGIN, or the "
    "server answers the login with a text that requires an app password or OAuth.",
    also=(
        OtherOwner(
            Owner.OPERATOR,
            "For Microsoft 365 and Exchange, change the target to type ews. If the provider has app passwords, "
            "put one into the credential.",
        ),
    ),
)
PREAUTHENTICATED = Cause(
    "imap.preauthenticated",
    Owner.SERVER,
    Step.AUTH,
    "The server treats this agent as already logged in (PREAUTH). The server chose the account and does not accept "
    "another login.",
    "Remove this agent from the server's rule that logs in clients by address without a password.",
    "On the agent: curl -vk {url}  # the greeting begins with * PREAUTH",
    scoped=Scope.PATH,
    wire='The server\'s greeting is "* PREAUTH ..." instead of "* OK ...".',
)
NO_INBOX = Cause(
    "imap.no-inbox",
    Owner.SERVER,
    Step.ACCESS,
    "The login works, but the account has no INBOX: its mailbox was never created, is on another server, or its "
    "store is broken. The inventory names no folder, so a wrong folder name is not the reason.",
    "Create the account's mailbox on the mail server, or repair its store.",
    "On the agent: curl -vk --ssl-reqd -u {user} {url}   # lists the folders at the top, and counts as one attempt",
    wire="After the login, the server answers EXAMINE INBOX with a tagged NO, with [NONEXISTENT] or a text such as "
    '"Mailbox doesn\'t exist" (inside TLS if the connection is encrypted).',
    also=(OtherOwner(Owner.OPERATOR, "Give the target the credential of an account that has a mailbox."),),
)
BACKEND_UNAVAILABLE = Cause(
    "imap.backend-unavailable",
    Owner.SERVER,
    Step.LOGIN,
    "The server could not judge the login, or could not open the folder. Its directory, mail store or backend did not "
    "answer, or another session has locked the mailbox.",
    "Check the server's log for the time of the check, then check again. The server did not judge this login.",
    "On the agent: curl -vk --ssl-reqd -u {user} {url}  # asks for the password, and counts as one attempt",
    definite=False,
    wire="The server answers the login or EXAMINE with a tagged NO such as [UNAVAILABLE], [INUSE] or [SERVERBUG], or "
    "closes the connection instead of answering.",
)
COMMAND_REFUSED = Cause(
    "imap.command-refused",
    Owner.SERVER,
    Step.LOGIN,
    "The server refuses the login, the opening of the folder, or another command. The reason is neither the "
    "account nor its password. The detail quotes the server's message.",
    "Resolve the reason in the detail (a quota, a policy, an administrator's block). Check the server's log for "
    "the time of the check.",
    "On the agent: curl -vk --ssl-reqd -u {user} {url}  # asks for the password, and counts as one attempt",
    definite=False,
    may_count=True,
    wire="The server answers CAPABILITY, the login or EXAMINE with a tagged NO or BAD whose response code and text "
    "name neither the account nor the password.",
)


_TOO_MANY = re.compile(
    r"too many|maximum number|connection limit|exceeded|throttled|\brate.?limit|\blimit (?:is |was )?(?:reached|hit)\b",
    re.IGNORECASE,
)
_QUOTA = re.compile(r"\b(?:over)?quota\b", re.IGNORECASE)
#: A complaint about commands, from a server that received one command or none.
_NOT_OURS = re.compile(r"(invalid|unknown|bad|unrecogni[sz]ed) (imap )?commands?", re.IGNORECASE)
_DOWN = re.compile(r"shutting down|shutdown|unavailable|not available|temporar|starting|maintenance", re.IGNORECASE)
_DOWN_CODES = ("UNAVAILABLE", "SERVERBUG", "INUSE", "CORRUPTION")  # RFC 5530


def too_many(code: str | None, text: str) -> bool:
    """Return whether the server's response code, or its text if there is none, reports too many connections."""
    other = _QUOTA.search(text) or _NOT_OURS.search(text)
    return code == "LIMIT" or bool(_TOO_MANY.search(text) and not other)


def temporary(code: str | None) -> bool:
    """Return whether the response code reports a limit, or an unavailable component."""
    return code == "LIMIT" or code in _DOWN_CODES


def knows_no_such_command(text: str) -> bool:
    """Return whether a server's text reports that it does not know the command."""
    return bool(_NOT_OURS.search(text))


def down(code: str | None, text: str) -> bool:
    """Return whether the server's response code, or its text if there is none, reports an unavailable component."""
    return code in _DOWN_CODES or bool(_DOWN.search(text))


_IN_USE = re.compile(
    r"\blocked by (?:an)?other\b|\block (?:is )?held\b|"
    r"\b(?:mailbox|maildrop|folder) (?:is )?(?:already )?(?:locked|in use)",
    re.IGNORECASE,
)
_INTERNAL = re.compile(
    r"\binternal\b|\bbusy\b|\bfatal error\b|^connection is closed\. 1\d\b|not enough memory|out of memory|"
    r"\b(?:system|unexpected) (?:error|condition|failure)\b|"
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
#: Words about the credential. "LOGIN command error: BAD" comes from imaplib, not from the server.
_WRONG = re.compile(r"invalid|incorrect|wrong|(?<!error: )\bbad\b|mismatch|no such user|unknown user", re.IGNORECASE)
#: "user over quota", "login not allowed from your IP", "log in via your web browser": nothing about the password.
_OF_A_RULE = re.compile(
    r"\bblocked\b|\bquota\b|\bweb ?(?:login|browser)\b|"
    r"\b(?:from|of|in) (?:your|this) (?:ip|address|location|country|network)\b|"
    r"\bip\b.{0,20}\b(?:not (?:allowed|permitted)|denied|restricted|banned)\b",
    re.IGNORECASE,
)


def not_enabled(text: str) -> bool:
    """Return whether a server's text reports that IMAP is disabled for the mailbox."""
    return bool(_NOT_ENABLED.search(text) and not _WRONG.search(text))


def names_two_reasons(text: str) -> bool:
    """Return whether a server's text names both a wrong credential and a mailbox with IMAP disabled.

    Yandex: "[AUTHENTICATIONFAILED] LOGIN invalid credentials or IMAP is disabled" (its documentation of errors of
    IMAP); Tencent: "Account is abnormal, service is not open, password is incorrect, ...".
    """
    return bool(_NOT_ENABLED.search(text) and _WRONG.search(text))


def not_connected(text: str) -> bool:
    """Return whether a server's text reports that it accepted the account but did not open its mailbox."""
    return "authenticated but not connected" in text.lower()


def wants_other_login(text: str) -> bool:
    """Return whether a server's text requires something other than the account's password."""
    return bool(_WANTS_OTHER_LOGIN.search(text) and not _WRONG.search(text))


def of_a_rule(text: str) -> bool:
    """Return whether a server's text is about a rule of the server: for addresses, quotas, or a login in a browser."""
    return bool(_OF_A_RULE.search(text) and not _WRONG.search(text))


def in_use(text: str) -> bool:
    """Return whether a server's text reports that another session has locked the mailbox."""
    return bool(_IN_USE.search(text))


def internal(text: str) -> bool:
    """Return whether a server's text reports an internal failure, such as "LDAP server down" or "Server busy"."""
    return bool(_INTERNAL.search(text))


def later(text: str) -> bool:
    """Return whether a server's text asks to try again later; beside a word on the password it means nothing."""
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
    """Return whether a server's text reports that it accepts no password without TLS."""
    return bool(_BARS_CLEAR_TEXT.search(text) or _WANTS_TLS.search(text))


def of_bye(code: str | None, text: str, *, encrypted: bool) -> Cause:
    """Return the cause of a BYE, by its response code and its text."""
    if not encrypted and (code == "PRIVACYREQUIRED" or _WANTS_TLS.search(text)):
        return common.TLS_REQUIRED
    if too_many(code, text):
        return common.THROTTLED
    if _NOT_OURS.search(text):
        return common.PROXY_HEADER
    return NOT_ACCEPTING if down(code, text) or internal(text) or later(text) else TURNED_AWAY
