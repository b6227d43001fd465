"""Databases."""

from __future__ import annotations

from scanready.catalogue.exchange import Exchange, with_login, with_probe
from scanready.model import Step

_OPENSSL = "openssl s_client {starttls}-connect {host}:{port}"
_TLS = "a TLS hello with the server's name (SNI); the certificate is told as a fact"
_IN_TLS = f"{_TLS}; only where plain text draws none"
_PSQL = "psql -h {host} -p {port} -U {user} {database}"
_MYSQL = "mysql -h {host} -P {port} -u {user} -p"
_PING = "mysqladmin -h {host} -P {port} -u {user} -p ping   # not nc: each early hang-up counts towards a ban"
_SQLCMD = "sqlcmd -S tcp:{host},{port} -U {user}"
_ORACLE = "sqlplus {user}@//{host}:{port}/{path}"
_DB2 = (
    "db2 catalog tcpip node n remote {host} server {port}; db2 catalog database {path} at node n; "
    "db2 connect to {path} user {user}"
)
_INFORMIX = "dbaccess - -   # then: connect to '@SERVER' user '{user}'"
_SYBASE = "TDSVER=5.0 tsql -H {host} -p {port} -U {user}   # or: isql -S {host}:{port} -U {user}"
_BTEQ = "bteq   # then: .logon {host}/{user}"
_ONE_ROW = "a SELECT of one row"

_POSTGRESQL = {
    Step.TLS: Exchange(f"SSLRequest: is there TLS? Where there is, {_TLS}", _OPENSSL),
    Step.HANDSHAKE: Exchange("a startup packet with user and database", "pg_isready -h {host} -p {port}"),
    Step.AUTH: Exchange("nothing more: the answer to the startup packet says it", _PSQL),
    Step.LOGIN: Exchange("the account, once, on a connection of its own", _PSQL),
    Step.ACCESS: Exchange(_ONE_ROW, f"{_PSQL} -c '\\d'"),
}
_MYSQL_RUNGS = {
    Step.CONNECT: Exchange("a TCP connection request; the server speaks first", _PING),
    Step.TLS: Exchange(f"SSLRequest, then {_TLS}", _OPENSSL),
    Step.HANDSHAKE: Exchange("nothing: the server speaks first", _PING),
    Step.AUTH: Exchange(
        with_login(
            "nothing more: the greeting names the method",
            "a login as scanready_probe without a password, to be refused: whoever leaves earlier is counted",
        ),
        _MYSQL,
    ),
    Step.LOGIN: Exchange("the account, once, on the same connection", _MYSQL),
    Step.ACCESS: Exchange(_ONE_ROW, f"{_MYSQL} -e 'SHOW DATABASES'"),
}
_MSSQL = {
    Step.TLS: Exchange("a TLS handshake inside PRELOGIN packets; the certificate is told as a fact", _SQLCMD),
    Step.HANDSHAKE: Exchange("PRELOGIN: version, encryption, is that your instance?", _SQLCMD),
    Step.AUTH: Exchange("nothing more: PRELOGIN's answer says it", _SQLCMD),
    Step.LOGIN: Exchange("LOGIN7 with the account, once, on the same connection", _SQLCMD),
    Step.ACCESS: Exchange(_ONE_ROW, f"{_SQLCMD} -Q 'SELECT name FROM sys.databases'"),
}
_ORACLE_RUNGS = {
    Step.TLS: Exchange(_IN_TLS, _OPENSSL),
    Step.HANDSHAKE: Exchange("CONNECT with COMMAND=ping, which names no service", "tnsping {host}:{port}"),
    Step.AUTH: Exchange("CONNECT to the service or SID, where one is named", "tnsping {host}:{port}/{path}"),
    Step.LOGIN: Exchange("the account, once, on a connection of its own", _ORACLE),
    Step.ACCESS: Exchange(_ONE_ROW, _ORACLE),
}
_DB2_RUNGS = {
    Step.TLS: Exchange(_IN_TLS, _OPENSSL),
    Step.HANDSHAKE: Exchange("EXCSAT and ACCSEC: who are you, and how does one log in?", _DB2),
    Step.AUTH: Exchange("nothing more: the answer to ACCSEC lists the ways", _DB2),
    Step.LOGIN: Exchange("ACCSEC and SECCHK with the account, once", _DB2),
    Step.ACCESS: Exchange(f"ACCRDB, then {_ONE_ROW}", _DB2),
}
_INFORMIX_RUNGS = {
    Step.TLS: Exchange(_TLS, _OPENSSL),
    Step.HANDSHAKE: Exchange(
        with_probe(
            "a connection request as scanready_probe, to be refused",
            "nothing: a login is this protocol's first word, and none was permitted",
            "a connection request with the account: a login is this protocol's first word",
        ),
        _INFORMIX,
    ),
    Step.AUTH: Exchange("nothing more: the answer to the connection request says it", _INFORMIX),
    Step.LOGIN: Exchange("nothing more: the account was in the connection request", _INFORMIX),
    Step.ACCESS: Exchange(_ONE_ROW, _INFORMIX),
}
_SYBASE_RUNGS = {
    Step.TLS: Exchange(_TLS, _OPENSSL),
    Step.HANDSHAKE: Exchange(
        with_probe(
            "a login record of scanready_probe, to be refused",
            "nothing: a login is this protocol's first word, and none was permitted",
            "a login record with the account: a login is this protocol's first word",
        ),
        _SYBASE,
    ),
    Step.AUTH: Exchange("nothing more: the answer to the login record says it", _SYBASE),
    Step.LOGIN: Exchange("nothing more: the account was in the login record", _SYBASE),
    Step.ACCESS: Exchange(f"the database was opened; {_ONE_ROW}", _SYBASE),
}
_TERADATA = {
    Step.HANDSHAKE: Exchange("a configuration request, which names no user", _BTEQ),
    Step.AUTH: Exchange("nothing more: the answer to the configuration request says it", _BTEQ),
    Step.LOGIN: Exchange("the account, once, on a connection of its own", _BTEQ),
    Step.ACCESS: Exchange(_ONE_ROW, _BTEQ),
}
_TIBERO = {Step.HANDSHAKE: Exchange("nothing: the server speaks first", "tbsql {user}@{path}   # with its own client")}

DATABASES: dict[tuple[str, str], Exchange] = {
    (kind, step): exchange
    for kind, rungs in {
        "postgresql": _POSTGRESQL,
        "mysql": _MYSQL_RUNGS,
        "mssql": _MSSQL,
        "oracle": _ORACLE_RUNGS,
        "db2": _DB2_RUNGS,
        "informix": _INFORMIX_RUNGS,
        "sybase": _SYBASE_RUNGS,
        "teradata": _TERADATA,
        "tibero": _TIBERO,
    }.items()
    for step, exchange in rungs.items()
}
