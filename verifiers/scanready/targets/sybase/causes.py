"""List the causes that only SAP ASE (Sybase) and related products can give, and map message numbers to causes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from scanready.causes import common
from scanready.model import Cause, OtherOwner, Owner, Step

LOGIN_IS_FIRST = Cause(
    "sybase.login-is-first",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "The port accepts connections. The protocol (TDS 5.0) starts with a login, so only a login can identify the "
    "server. scanready tries no login without permission.",
    "Give the target a credential, or set `allow_login_probe: true` for it in the inventory. scanready then "
    "tries one login with an invented user, which the server will refuse.",
    "isql -S {host}:{port} -U {user}   # or: TDSVER=5.0 tsql -H {host} -p {port} -U {user}",
    definite=False,
    wire="The TCP handshake on {port} succeeds; the agent sends no login record and closes the connection.",
)
MICROSOFT = Cause(
    "sybase.microsoft-sql-server",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "A Microsoft SQL Server answers, not SAP ASE. Both products use TDS.",
    "Correct the target type in the inventory to mssql.",
    "On the agent: TDSVER=7.4 tsql -H {host} -p {port} -U {user}",
    wire="The server answers the login record with a LOGINACK whose program name starts with Microsoft.",
)
RELATIVE = Cause(
    "sybase.other-product",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "A product related to SAP ASE answers (SQL Anywhere, IQ, an Open Server). It accepts the same login, but its "
    "system tables are different.",
    "Check that this is the database to scan. ASE itself usually listens on 5000 or 4901.",
    "After a manual login: select @@version",
    wire="The server answers the login record with a LOGINACK whose program name is, for example, SQL Anywhere or IQ.",
)
PASSWORD_ENCRYPTION = Cause(
    "sybase.password-encryption-required",
    Owner.DATABASE,
    Step.LOGIN,
    "The server accepts only encrypted passwords (sp_configure 'net password encryption reqd'), which scanready does "
    "not support. Whether the credential is right is unknown.",
    "Give the agent an SSL listener, and set the option to 0.",
    "On the server: sp_configure 'net password encryption reqd'",
    definite=False,
    wire="The server answers the login record with a LOGINACK of status 7 (negotiate), or with message 1640.",
    also=(
        OtherOwner(
            Owner.AGENT,
            "Configure the scanner's client to encrypt the password (jConnect: ENCRYPT_PASSWORD=true; ODBC: "
            "EncryptPassword=1 or 2).",
        ),
    ),
)
TOO_MANY = Cause(
    "sybase.too-many-connections",
    Owner.DATABASE,
    Step.HANDSHAKE,
    "The server has reached its limit of user connections. It would refuse a scan too.",
    "Raise 'number of user connections' (sp_configure), end idle sessions, or scan at a quieter time.",
    "On the server: sp_monitorconfig 'number of user connections'",
    wire="The server answers the login record with message 1601.",
)
SERVER_ERROR = Cause(
    "sybase.server-error",
    Owner.DATABASE,
    Step.LOGIN,
    'The server answers with an error that scanready cannot relate to the account. If "Login failed." (message 4002) '
    "is next to it, the server refused the login without a reason. The detail has all messages.",
    "Resolve the problem that the message describes. The server's error log at the time of the check may have more.",
    "isql -S {host}:{port} -U {user}",
    definite=False,
    may_count=True,
    also=(OtherOwner(Owner.IDENTITY, "Correct the password or the account if the message is about one of them."),),
    wire="The server answers the login record or a query with an EED or ERROR token that has another message number.",
)

#: The message of every refused login; it has no reason.
LOGIN_FAILED = 4002
#: Causes by the message number of a refused login or a refused read.
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
#: Warnings that the server does not convert the client's character set. The login goes on, so they are no reason for
#: its refusal.
OF_CHARACTER_SET = frozenset((2401, 2402, 2409, 2411))
#: Causes by the text of a message with another number: the numbers of account states differ between releases.
WORDS: tuple[tuple[re.Pattern[str], Cause], ...] = (
    # The pattern names the account, because a database or a licence may also be locked or expired.
    (re.compile(r"\b(account|login|user)\b.*\blocked"), common.LOGIN_LOCKED),
    (re.compile(r"\bpassword\b.*\bexpired"), common.LOGIN_EXPIRED),
    (re.compile(r"requires encryption"), PASSWORD_ENCRYPTION),
    (re.compile(r"permission denied"), common.ACCESS_DENIED),
)
