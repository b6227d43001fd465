"""Causes that only DB2 and its DRDA relatives can give, and which code of theirs means which."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.causes import common
from scanready.model import Cause, Owner, Step

NOT_DB2 = Cause(
    "db2.other-product",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "The server speaks DB2's protocol (DRDA), and is another product: a DB2 client cannot read it.",
    "Correct the target type in the inventory: an Informix server is scanned as `informix` on its SQLI port "
    "(usually 9088).",
    "db2 catalog tcpip node n remote {host} server {port}; db2 connect to DATABASE   # SQL1598N, SQL30020N",
)
DATABASE_UNKNOWN = Cause(
    "db2.database-unknown",
    Owner.OPERATOR,
    Step.AUTH,
    "The instance on this port has no database of this name (RDBNFNRM): the name is misspelt, or the database is in "
    "another instance, on another port of the same host.",
    "Use the name from `db2 list database directory` on the server, and the port of the instance that has it "
    "(SVCENAME of its database manager configuration). On z/OS it is the location name, on IBM i the RDB entry.",
    "On the server, as the instance owner: db2 list database directory; db2 get dbm cfg | grep SVCENAME",
)
NO_PASSWORD_LOGIN = Cause(
    "db2.no-password-login",
    Owner.DATABASE,
    Step.AUTH,
    "The server offers no login by user and password (Kerberos, a plug-in or user names alone), so the account of a "
    "scan cannot log in.",
    "Set AUTHENTICATION to SERVER_ENCRYPT or SERVER in the database manager configuration, or GSS_SERVER_ENCRYPT and "
    "KRB_SERVER_ENCRYPT, which accept both.",
    "On the server: db2 get dbm cfg | grep -i authentication",
)
DATABASE_NOT_NAMED = Cause(
    "db2.database-not-named",
    Owner.OPERATOR,
    Step.LOGIN,
    "DB2 logs in to a database, and none is named, so the login was not tried.",
    "Name the database at the target: db2://HOST/DATABASE.",
    "On the server: db2 list database directory",
    definite=False,
)
CANNOT_CONNECT = Cause(
    "db2.connect-denied",
    Owner.DATABASE,
    Step.ACCESS,
    "The password is right, but the account may not connect to this database (RDBATHRM, SQL30060N).",
    "Grant CONNECT on the database to the scan account.",
    "db2 connect to DATABASE user {user}   # SQL1060N or SQL30060N",
)
DATABASE_DOWN = Cause(
    "db2.database-unavailable",
    Owner.DATABASE,
    Step.ACCESS,
    "The database exists and could not be opened: it is being backed up, restored or recovered, waits for a backup or "
    "a roll-forward, is not active, is a standby (HADR), or its instance was not started (db2start).",
    "Look at the state of the database (db2diag.log), start the instance, activate the database, or scan at another "
    "time; a standby's primary is the target to scan.",
    "On the server: db2 activate database DATABASE; db2 get snapshot for database on DATABASE",
)
OUT_OF_RESOURCES = Cause(
    "db2.out-of-resources",
    Owner.DATABASE,
    Step.AUTH,
    "The server has no agent or memory left for another connection, or its agent ended; a scan would be refused too.",
    "Raise MAX_CONNECTIONS or MAX_COORDAGENTS, end idle connections, or scan at a quieter time.",
    "On the server: db2 list applications; db2diag -g level=Severe",
)
REFUSED_REQUEST = Cause(
    "db2.request-refused",
    Owner.DATABASE,
    Step.AUTH,
    "The server speaks the protocol and takes our request for wrong, or for none of its own; whether it would tell the "
    "scanner's client the same is not known. The detail has its reply.",
    "Connect by hand with the scanner's client; the server's diagnostic log at the time of the check may say more.",
    "On the agent: db2 connect to DATABASE user {user}. On the server: db2diag -t",
    definite=False,
)
SECURITY_FAILED = Cause(
    "db2.security-failed",
    Owner.DATABASE,
    Step.LOGIN,
    "The server could not judge the login (its own security service, or a plug-in, failed); the detail has its code.",
    "Look into the server's diagnostic log, and at the security plug-ins of the instance.",
    "db2 connect to DATABASE user {user}   # SQL30082N; its reason code is explained by `db2 ? SQL30082N`",
    definite=False,
    may_count=True,
)
NOT_BOUND = Cause(
    "db2.packages-not-bound",
    Owner.DATABASE,
    Step.ACCESS,
    "The login and the database are fine; the packages with which clients run SQL (NULLID.SYSSH...) are not bound "
    "there, or the account may not use them.",
    "Bind them once: db2 bind @db2cli.lst blocking all grant public, in the directory sqllib/bnd.",
    "On the server: db2 list packages for schema NULLID",
)

#: SECCHKCD of a refused login (DRDA volume 3). Whatever is not here could not be judged.
LOGIN_CODES: Mapping[int, tuple[Cause, str]] = {
    0x0E: (common.LOGIN_EXPIRED, "the password has expired (SQL30082N reason 1)"),
    0x0F: (common.LOGIN_REFUSED, "the password is wrong (SQL30082N reason 24)"),
    0x10: (common.LOGIN_REFUSED, "the server misses a password (SQL30082N reason 3)"),
    0x12: (common.LOGIN_REFUSED, "the server misses a user name (SQL30082N reason 5)"),
    0x13: (common.LOGIN_REFUSED, "unknown user or wrong password (SQL30082N reason 24)"),
    0x14: (common.LOGIN_LOCKED, "the user is revoked (SQL30082N reason 19)"),
}
#: Refusals in place of a prompt or a database: codepoint of the reply message -> cause.
REPLIES: Mapping[int, Cause] = {
    0x2211: DATABASE_UNKNOWN,
    0x2203: CANNOT_CONNECT,
    0x2204: DATABASE_DOWN,
    0x221A: DATABASE_DOWN,
    0x1232: OUT_OF_RESOURCES,
    0x1233: OUT_OF_RESOURCES,
}
#: SQLCODEs behind a refusal.
SQL_CODES: Mapping[int, Cause] = {
    -551: common.ACCESS_DENIED,
    -552: common.ACCESS_DENIED,
    -805: NOT_BOUND,
    -1060: CANNOT_CONNECT,
    -30060: CANNOT_CONNECT,
    -1013: DATABASE_UNKNOWN,
    -30061: DATABASE_UNKNOWN,
    **dict.fromkeys((-1015, -1032, -1035, -1116, -1117, -1119, -1776, -20157), DATABASE_DOWN),
    -1040: OUT_OF_RESOURCES,
    -1226: OUT_OF_RESOURCES,
}
