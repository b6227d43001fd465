"""List the causes that only IBM Informix can give, and map error numbers to causes."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.causes import common
from scanready.model import Cause, Owner, Scope, Step

LOGIN_IS_FIRST = Cause(
    "informix.login-is-first",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "The port accepts connections. The protocol (SQLI) starts with a login, so only a login can identify the server. "
    "scanready tries no login without permission.",
    "Give the target a credential, or set `allow_login_probe: true` for it in the inventory. scanready then "
    "tries one login with an invented user, which the server will refuse.",
    "On the agent, with an Informix client: dbaccess - -   then: connect to '@SERVER' user '{user}'",
    definite=False,
    wire="The TCP handshake on {port} succeeds; the agent sends no CONREQ and closes the connection.",
)
SERVER_NAME = Cause(
    "informix.server-name",
    Owner.OPERATOR,
    Step.LOGIN,
    "Host and port are right, but the server does not have the INFORMIXSERVER name that was used (error -761; -930 and "
    "-25596 if a component between looked up the name).",
    "Set the option `server` to one of the names in DBSERVERNAME and DBSERVERALIASES of the server's onconfig. Set the "
    "scanner's connection to the same name.",
    "On the server: onstat -c | grep DBSERVER",
    wire="The server answers CONREQ with a CONREJ that has error -761, -930 or -25596.",
)
SERVER_NOT_NAMED = Cause(
    "informix.server-not-named",
    Owner.OPERATOR,
    Step.LOGIN,
    "An Informix login needs the server's own name (INFORMIXSERVER), and the target has none. scanready did not try "
    "the login.",
    "Set the option `server` at the target to one of DBSERVERNAME and DBSERVERALIASES.",
    "On the server: onstat -c | grep DBSERVER",
    definite=False,
    wire="The TCP handshake on {port} succeeds; the agent sends no CONREQ and closes the connection.",
)
HOST_NOT_TRUSTED = Cause(
    "informix.host-not-trusted",
    Owner.DATABASE,
    Step.LOGIN,
    "The server does not trust this agent (error -956): the connection type or account relies on trusted hosts.",
    "Add the agent to the server's REMOTE_SERVER_CFG or hosts.equiv, or let the account log in with a password on this "
    "listener (sqlhosts option s=3).",
    "On the server: grep for the agent in hosts.equiv and ~{user}/.rhosts; onstat -c | grep REMOTE",
    scoped=Scope.PATH,
    wire="The server answers CONREQ with a CONREJ that has error -956.",
)
REDIRECTED = Cause(
    "informix.redirected",
    Owner.OPERATOR,
    Step.LOGIN,
    "A Connection Manager answers and redirects clients to another server. scanready does not send a login to the "
    "target of a redirect. The detail has the destination if the answer has the published format.",
    "Add the server itself to the inventory with its own host, port and INFORMIXSERVER (see the fix). Without a fix, "
    "take the three values from the Connection Manager's configuration.",
    "On the Connection Manager: onstat -g cmsm",
    definite=False,
    wire="The server answers CONREQ with a packet of type 13 (redirect). The agent does not follow it.",
)
NOT_ACCEPTING = Cause(
    "informix.not-accepting",
    Owner.DATABASE,
    Step.LOGIN,
    "The server is running but does not accept connections: it is in quiescent mode, is starting, or has reached a "
    "limit.",
    "Bring the server to on-line mode (onmode -m), or raise the listener's limits.",
    "On the server: onstat -",
    wire="The server answers CONREQ with a CONREJ that has error -908, -27001, -27002 or -25580.",
)
SERVER_ERROR = Cause(
    "informix.server-error",
    Owner.DATABASE,
    Step.LOGIN,
    "The server refuses the connection with an error that scanready cannot relate to the account. See the number in "
    "the detail.",
    "Look up the number with finderr on the server.",
    "On the server: finderr NUMBER; tail online.log",
    definite=False,
    may_count=True,
    wire="The server answers CONREQ with a CONREJ that has another error number.",
)

#: Cause and meaning of each error number of a refused connection or query.
NUMBERS: Mapping[int, tuple[Cause, str]] = {
    -951: (common.LOGIN_REFUSED, "unknown user, or the password is wrong"),
    -952: (common.LOGIN_REFUSED, "the password is wrong"),
    -1782: (common.LOGIN_REFUSED, "the password is wrong"),
    -956: (HOST_NOT_TRUSTED, "the agent is not a trusted host"),
    -761: (SERVER_NAME, "the server does not have this name"),
    -908: (NOT_ACCEPTING, "the connection could not be made"),
    -27002: (NOT_ACCEPTING, "quiescent mode"),
    -27001: (NOT_ACCEPTING, "the connection was interrupted"),
    -25580: (NOT_ACCEPTING, "the network failed between server and listener"),
    -930: (SERVER_NAME, "no database server with this name can be reached"),
    -25596: (SERVER_NAME, "the name is not in sqlhosts"),
    # scanready sets no locale; the scanner's client sets DB_LOCALE.
    -23101: (common.LIMIT, "the locale cannot be loaded; this depends on the client's settings"),
    -23197: (common.LIMIT, "the database has another locale; this depends on the client's settings"),
    -329: (common.ACCESS_NOT_FOUND, "no such database, or no permission for it"),
    -387: (common.ACCESS_DENIED, "no permission to connect to the database"),
    -206: (common.ACCESS_NOT_FOUND, "no such table"),
    -272: (common.ACCESS_DENIED, "no permission to read the table"),
}
