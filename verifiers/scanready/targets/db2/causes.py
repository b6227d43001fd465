"""List the causes that only DB2 and other DRDA servers can give, and map their codes to causes."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.causes import common
from scanready.model import Cause, OtherOwner, Owner, Step

NOT_DB2 = Cause(
    "db2.other-product",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "The server speaks DB2's protocol (DRDA) but is another product. A DB2 client cannot read it.",
    "Correct the target type in the inventory: scan an Informix server as `informix` on its SQLI port (usually 9088).",
    "db2 catalog tcpip node n remote {host} server {port}; db2 connect to DATABASE   # SQL1598N, SQL30020N",
    wire="The server answers EXCSAT with an EXCSATRD whose SRVCLSNM or SRVRLSLV names Informix or Apache Derby.",
)
DATABASE_UNKNOWN = Cause(
    "db2.database-unknown",
    Owner.OPERATOR,
    Step.AUTH,
    "The instance on this port has no database of this name (RDBNFNRM). The name is misspelt, or the database is in "
    "another instance on another port of the same host.",
    "Use the name from `db2 list database directory` on the server, and the port of its instance (SVCENAME in the "
    "database manager configuration). On z/OS, use the location name; on IBM i, the RDB entry.",
    "On the server, as the instance owner: db2 list database directory; db2 get dbm cfg | grep SVCENAME",
    wire="The server answers ACCSEC or ACCRDB with RDBNFNRM (codepoint 2211), or with SQLCODE -1013 or -30061.",
)
NO_PASSWORD_LOGIN = Cause(
    "db2.no-password-login",
    Owner.DATABASE,
    Step.AUTH,
    "The server offers no login with user and password (only Kerberos, a plug-in or a user name, for example). The "
    "scan account cannot log in.",
    "Set AUTHENTICATION in the database manager configuration to SERVER_ENCRYPT or SERVER. GSS_SERVER_ENCRYPT and "
    "KRB_SERVER_ENCRYPT accept both kinds of login.",
    "On the server: db2 get dbm cfg | grep -i authentication",
    wire="The server answers ACCSEC with an ACCSECRD whose SECMEC list has no mechanism for a login with a password "
    "(5, 0A and 0E are for a change of the password).",
)
DATABASE_NOT_NAMED = Cause(
    "db2.database-not-named",
    Owner.OPERATOR,
    Step.LOGIN,
    "A DB2 login needs the name of a database, and the target names none. scanready did not try the login.",
    "Name the database at the target: db2://HOST/DATABASE.",
    "On the server: db2 list database directory",
    definite=False,
    wire="After the server's ACCSECRD, the agent sends no SECCHK and closes the connection. Or the server answers an "
    "ACCSEC without a name with RDBNFNRM (2211).",
)
CANNOT_CONNECT = Cause(
    "db2.connect-denied",
    Owner.DATABASE,
    Step.ACCESS,
    "The password is right, but the account may not connect to this database (RDBATHRM, SQL30060N).",
    "Grant CONNECT on the database to the scan account.",
    "db2 connect to DATABASE user {user}   # SQL1060N or SQL30060N",
    wire="The server accepts SECCHK, then answers ACCRDB with RDBATHRM (2203), or with SQLCODE -1060 or -30060.",
)
DATABASE_DOWN = Cause(
    "db2.database-unavailable",
    Owner.DATABASE,
    Step.ACCESS,
    "The database exists but could not be opened. It may be in backup, restore or recovery, wait for a backup or a "
    "roll-forward, be inactive, or be a standby (HADR). Or its instance is not started (db2start).",
    "Read the state of the database (db2diag.log). Start the instance, activate the database, or say when a "
    "scan can run.",
    "On the server: db2 activate database DATABASE; db2 get snapshot for database on DATABASE",
    wire="The server answers ACCRDB with RDBNACRM (2204) or RDBAFLRM (221A) and no SQLCODE, or with SQLCODE -1032 or "
    "-1776, for example.",
    also=(OtherOwner(Owner.OPERATOR, "If the database is a standby, replace this target with the primary database."),),
)
OUT_OF_RESOURCES = Cause(
    "db2.out-of-resources",
    Owner.DATABASE,
    Step.AUTH,
    "Db2 has no free agent process or no memory for another connection, or the Db2 agent process that served "
    "this connection ended. Db2 would refuse a scan too.",
    "Raise MAX_CONNECTIONS or MAX_COORDAGENTS, end idle connections, or scan at a quieter time.",
    "On the server: db2 list applications; db2diag -g level=Severe",
    wire="The server answers a request with AGNPRMRM (1232) or RSCLMTRM (1233), or with SQLCODE -1040 or -1226.",
)
REFUSED_REQUEST = Cause(
    "db2.request-refused",
    Owner.DATABASE,
    Step.AUTH,
    "The server speaks DRDA but rejects the agent's request as wrong or unsupported. It may accept the "
    "scanner's client. The detail quotes its reply.",
    "Connect manually with the scanner's client. The server's diagnostic log at the time of the check may have more.",
    "On the agent: db2 connect to DATABASE user {user}. On the server: db2diag -t",
    definite=False,
    wire="The server answers a request with another DRDA reply message, such as SYNTAXRM (124C) or CMDNSPRM (1250), or "
    "with another SQLCODE.",
)
SECURITY_FAILED = Cause(
    "db2.security-failed",
    Owner.DATABASE,
    Step.LOGIN,
    "The server could not check the login because its security service or a plug-in failed. See the code in the "
    "detail.",
    "Read the server's diagnostic log, and check the security plug-ins of the instance.",
    "db2 connect to DATABASE user {user}   # SQL30082N; its reason code is explained by `db2 ? SQL30082N`",
    definite=False,
    may_count=True,
    wire="The server answers SECCHK with a SECCHKRM whose SECCHKCD is not about the user or the password, or a request "
    "with SQLCODE -30082.",
)
NOT_BOUND = Cause(
    "db2.packages-not-bound",
    Owner.DATABASE,
    Step.ACCESS,
    "The login and the database work, but the packages with which clients run SQL (NULLID.SYSSH...) are not bound "
    "there, or the account may not use them.",
    "Bind them once, in the directory sqllib/bnd: db2 bind @db2cli.lst blocking all grant public.",
    "On the server: db2 list packages for schema NULLID",
    wire="The server answers the agent's query (OPNQRY) with SQLCODE -805.",
)

#: Causes by the SECCHKCD of a refused login (DRDA volume 3). With any other code, the server did not judge the login.
LOGIN_CODES: Mapping[int, tuple[Cause, str]] = {
    0x0E: (common.LOGIN_EXPIRED, "the password has expired (SQL30082N reason 1)"),
    0x0F: (common.LOGIN_REFUSED, "the password is wrong (SQL30082N reason 24)"),
    0x10: (common.LOGIN_REFUSED, "the password is missing (SQL30082N reason 3)"),
    0x12: (common.LOGIN_REFUSED, "the user name is missing (SQL30082N reason 5)"),
    0x13: (common.LOGIN_REFUSED, "unknown user or wrong password (SQL30082N reason 24)"),
    0x14: (common.LOGIN_LOCKED, "the user is revoked (SQL30082N reason 19)"),
}
#: Causes by the codepoint of the reply message that refuses a prompt or a database.
REPLIES: Mapping[int, Cause] = {
    0x2211: DATABASE_UNKNOWN,
    0x2203: CANNOT_CONNECT,
    0x2204: DATABASE_DOWN,
    0x221A: DATABASE_DOWN,
    0x1232: OUT_OF_RESOURCES,
    0x1233: OUT_OF_RESOURCES,
}
#: Replies that only say that the database was not accessed (RDBNACRM, RDBAFLRM). An SQLCODE beside them has the reason.
GENERAL_REPLIES = frozenset({0x2204, 0x221A})
#: Causes by the SQLCODE of a refusal.
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
    -30082: SECURITY_FAILED,  # its reason is in the message, in the server's language
}
