"""Causes that only SAP ASE (Sybase) and its relatives can give, and which message number of theirs means which."""

from __future__ import annotations

import re
from collections.abc import Mapping

from scanready.causes import common
from scanready.model import Cause, OtherOwner, Owner, Step

LOGIN_IS_FIRST = Cause(
    "sybase.login-is-first",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "The port accepts connections; what answers there can only be found out by a login, because a login is the first "
    "thing that this protocol says. None was tried without your leave.",
    "Give the target a credential, or permit one refused login of an invented user: `allow_login_probe: true`.",
    "isql -S {host}:{port} -U {user}   # or: TDSVER=5.0 tsql -H {host} -p {port} -U {user}",
    definite=False,
)
MICROSOFT = Cause(
    "sybase.microsoft-sql-server",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "A Microsoft SQL Server answers, not SAP ASE: the two share an ancestor and the look of their messages.",
    "Correct the target type in the inventory: mssql.",
    "On the agent: TDSVER=7.4 tsql -H {host} -p {port} -U {user}",
)
RELATIVE = Cause(
    "sybase.other-product",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "A relative of SAP ASE answers (SQL Anywhere, IQ, an Open Server): it takes the same login, and keeps its tables "
    "elsewhere.",
    "Check that this is the database that is to be scanned; ASE itself usually listens on 5000 or 4901.",
    "select @@version, after logging in by hand",
)
PASSWORD_ENCRYPTION = Cause(
    "sybase.password-encryption-required",
    Owner.DATABASE,
    Step.LOGIN,
    "The server accepts encrypted passwords only (sp_configure 'net password encryption reqd'), which this tool does "
    "not do; whether the credential is right is not known.",
    "The scanner's client must encrypt the password too (jConnect: ENCRYPT_PASSWORD=true; ODBC: EncryptPassword=1 or "
    "2). Or offer the agent an SSL listener and set the option to 0.",
    "On the server: sp_configure 'net password encryption reqd'",
    definite=False,
)
TOO_MANY = Cause(
    "sybase.too-many-connections",
    Owner.DATABASE,
    Step.HANDSHAKE,
    "All user connections of the server are taken; a scan would be turned away likewise.",
    "Raise 'number of user connections' (sp_configure), end idle sessions, or scan at a quieter time.",
    "On the server: sp_monitorconfig 'number of user connections'",
)
SERVER_ERROR = Cause(
    "sybase.server-error",
    Owner.DATABASE,
    Step.LOGIN,
    'The server answers with an error that is not known to be about the account. "Login failed." (message 4002) beside '
    "it says that the login was refused, and not why. The detail has all messages.",
    "Resolve what the message says; the server's error log at the time of the check may say more.",
    "isql -S {host}:{port} -U {user}",
    definite=False,
    may_count=True,
    also=(OtherOwner(Owner.IDENTITY, "Correct the password or the account, if the message is about one of them."),),
)

#: The message behind every refused login: it does not say why.
LOGIN_FAILED = 4002
#: Message numbers of a refused login, or of a refused read.
NUMBERS: Mapping[int, Cause] = {
    LOGIN_FAILED: common.LOGIN_REFUSED,
    4001: common.ACCESS_NOT_FOUND,
    4004: common.ACCESS_NOT_FOUND,
    1640: PASSWORD_ENCRYPTION,
    1601: TOO_MANY,
    911: common.ACCESS_NOT_FOUND,
    208: common.ACCESS_NOT_FOUND,
    916: common.ACCESS_DENIED,
    229: common.ACCESS_DENIED,
    230: common.ACCESS_DENIED,
    10330: common.ACCESS_DENIED,
}
#: What the words say where the number is none of these: numbers of account states differ between releases.
WORDS: tuple[tuple[re.Pattern[str], Cause], ...] = (
    # A database or a licence may be locked or expired, too, which is no matter of the account.
    (re.compile(r"\b(account|login|user)\b.*\blocked"), common.LOGIN_LOCKED),
    (re.compile(r"\bpassword\b.*\bexpired"), common.LOGIN_EXPIRED),
    (re.compile(r"requires encryption"), PASSWORD_ENCRYPTION),
    (re.compile(r"permission denied"), common.ACCESS_DENIED),
)
