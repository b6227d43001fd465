"""Causes that only IBM Informix can give, and which error number of its means which."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.causes import common
from scanready.model import Cause, Owner, Scope, Step

LOGIN_IS_FIRST = Cause(
    "informix.login-is-first",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "The port accepts connections; what answers there can only be found out by a login, because a login is the first "
    "thing that this protocol (SQLI) says. None was tried without your leave.",
    "Give the target a credential, or permit one refused login of an invented user: `allow_login_probe: true`.",
    "On the agent, with an Informix client: dbaccess - -   then: connect to '@SERVER' user '{user}'",
    definite=False,
)
SERVER_NAME = Cause(
    "informix.server-name",
    Owner.OPERATOR,
    Step.LOGIN,
    "Host and port are right; the server does not go by the INFORMIXSERVER name that was used (error -761; -930 and "
    "-25596 where something between looked it up).",
    "Set the option `server` to one of the names in DBSERVERNAME and DBSERVERALIASES of the server's onconfig, and the "
    "scanner's connection to the same.",
    "On the server: onstat -c | grep DBSERVER",
)
SERVER_NOT_NAMED = Cause(
    "informix.server-not-named",
    Owner.OPERATOR,
    Step.LOGIN,
    "Informix wants to be addressed by its own name (INFORMIXSERVER), and none is given, so the login was not tried.",
    "Set the option `server` at the target to one of DBSERVERNAME and DBSERVERALIASES.",
    "On the server: onstat -c | grep DBSERVER",
    definite=False,
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
)
REDIRECTED = Cause(
    "informix.redirected",
    Owner.OPERATOR,
    Step.LOGIN,
    "A Connection Manager answers and sends clients on to another server. A login is not sent to wherever a server "
    "points, so it ends here; the detail has the destination, if the answer has it in the form that is published.",
    "Put the server itself into the inventory, by its own host, port and INFORMIXSERVER: the fix has the entry, or, "
    "where there is none, the Connection Manager's configuration has the three.",
    "On the Connection Manager: onstat -g cmsm",
    definite=False,
)
NOT_ACCEPTING = Cause(
    "informix.not-accepting",
    Owner.DATABASE,
    Step.LOGIN,
    "The server is there, and takes no connections: it is in quiescent mode, is starting, or has no room for more.",
    "Bring it to on-line mode (onmode -m), or raise the listener's limits.",
    "On the server: onstat -",
)
SERVER_ERROR = Cause(
    "informix.server-error",
    Owner.DATABASE,
    Step.LOGIN,
    "The server refuses the connection for a reason that is not known to be the account; the detail has its number.",
    "Look the number up with finderr on the server.",
    "On the server: finderr NUMBER; tail online.log",
    definite=False,
    may_count=True,
)

#: Error numbers of a refused connection: cause and what the number says.
NUMBERS: Mapping[int, tuple[Cause, str]] = {
    -951: (common.LOGIN_REFUSED, "unknown user, or the password is wrong"),
    -952: (common.LOGIN_REFUSED, "the password is wrong"),
    -1782: (common.LOGIN_REFUSED, "the password is wrong"),
    -956: (HOST_NOT_TRUSTED, "the agent is not a trusted host"),
    -761: (SERVER_NAME, "the server does not go by this name"),
    -908: (NOT_ACCEPTING, "the connection could not be made"),
    -27002: (NOT_ACCEPTING, "quiescent mode"),
    -27001: (NOT_ACCEPTING, "the connection was broken off"),
    -25580: (NOT_ACCEPTING, "the network failed between server and listener"),
    -930: (SERVER_NAME, "no database server of this name can be reached"),
    -25596: (SERVER_NAME, "the name is in no sqlhosts"),
    # We ask in no locale of our own; the scanner's client sets DB_LOCALE.
    -23101: (common.LIMIT, "the locale cannot be loaded, which is a matter of the client's settings"),
    -23197: (common.LIMIT, "the database has another locale, which is a matter of the client's settings"),
    -329: (common.ACCESS_NOT_FOUND, "no such database, or no permission for it"),
    -387: (common.ACCESS_DENIED, "no permission to connect to the database"),
    -206: (common.ACCESS_NOT_FOUND, "no such table"),
    -272: (common.ACCESS_DENIED, "no permission to read the table"),
}
