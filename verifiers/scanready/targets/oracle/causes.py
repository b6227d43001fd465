"""Causes that only Oracle's listener and database can give, and which ORA number means which."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.causes import common
from scanready.model import Cause, OtherOwner, Owner, Scope, Step

SERVICE_UNKNOWN = Cause(
    "oracle.service-unknown",
    Owner.OPERATOR,
    Step.AUTH,
    "The listener does not know this service, SID or instance (ORA-12514, ORA-12505, ORA-12521): the name is misspelt, "
    "or the database is down and not registered.",
    "Use a name from `lsnrctl services` on the server; if it is missing there, start the database, or have it register "
    "(ALTER SYSTEM REGISTER).",
    "On the server: lsnrctl services. On the agent: tnsping {host}:{port}/{path}",
)
SERVICE_NOT_NAMED = Cause(
    "oracle.service-not-named",
    Owner.OPERATOR,
    Step.AUTH,
    "The listener answers; a listener serves many databases, and which one is to be scanned is not named.",
    "Name the service (oracle://HOST/SERVICE) or the SID (option `sid`).",
    "On the server: lsnrctl services",
    definite=False,
)
NO_HANDLER = Cause(
    "oracle.no-handler",
    Owner.DATABASE,
    Step.AUTH,
    "The listener knows the service and cannot hand the connection over: all processes or sessions are taken, "
    "those that a profile gives the account, or what the host gives the listener; or no handler of the wanted kind is "
    "there (ORA-12500, 12516, 12518, 12519, 12520, 12540, 12549, 00018, 00020, 02391).",
    "Raise the parameters PROCESSES and SESSIONS, or SESSIONS_PER_USER of the account's profile (ORA-02391); end idle "
    "sessions, or scan at a quieter time.",
    "On the server: lsnrctl services; SELECT * FROM v$resource_limit WHERE resource_name IN ('processes','sessions');",
)
NOT_OPEN = Cause(
    "oracle.not-open",
    Owner.DATABASE,
    Step.AUTH,
    "The database is registered and takes no ordinary sessions: it is starting, mounted, restricted or shutting "
    "down (ORA-12526, 12527, 12528, 01033, 01034, 01035, 01109), or has no room for its archived logs (ORA-00257).",
    "Open the database (ALTER DATABASE OPEN; ALTER SYSTEM DISABLE RESTRICTED SESSION); for ORA-00257 make room where "
    "it archives its logs.",
    "On the server: SELECT status, logins FROM v$instance;",
)
NODE_NOT_INVITED = Cause(
    "oracle.node-not-invited",
    Owner.DATABASE,
    Step.HANDSHAKE,
    "The port hangs up on this agent's request without a word, or says why (ORA-12546, 12547, 12537). Listeners "
    "do so where valid node checking does not have the agent's address; so does a filter between, and, without a word, "
    "whoever is no Oracle listener at all.",
    "Make sure that it is the listener's port (lsnrctl status); then add the agent to tcp.invited_nodes in the "
    "listener's sqlnet.ora (the fix has its address), and reload the listener.",
    "On the server: grep -i -e invited -e validnode $ORACLE_HOME/network/admin/sqlnet.ora; tail listener.log",
    scoped=Scope.PATH,
)
FILTERED = Cause(
    "oracle.filtered",
    Owner.DATABASE,
    Step.AUTH,
    "A rule of the listener's own turns this agent's address away: the access list of the service (ORA-12506), or the "
    "rules of a Connection Manager (ORA-12529).",
    "Admit the agent's address: for ORA-12506 in the access list of the service (DBMS_SFW_ACL_ADMIN; with Autonomous "
    "Database, its network access), for ORA-12529 in RULE_LIST of cman.ora.",
    "On the server: listener.log at the time of the check; with Connection Manager: cmctl show rules",
    scoped=Scope.PATH,
)
NEXT_HOP = Cause(
    "oracle.next-hop",
    Owner.DATABASE,
    Step.AUTH,
    "The listener, or a Connection Manager, could not reach the next hop itself (ORA-12541, 12545, 12533).",
    "Look at the address that the listener sends clients on to, from the listener's own host.",
    "On the server: lsnrctl services; tail listener.log",
)
REQUEST_LATE = Cause(
    "oracle.request-late",
    Owner.NETWORK,
    Step.AUTH,
    "The connection came about, and the listener says that it waited in vain for what came next (ORA-12525, 12535): "
    "something on the way holds packets back, or the listener is overloaded.",
    "Look at what inspects or delays the traffic between agent and listener; INBOUND_CONNECT_TIMEOUT_LISTENER is how "
    "long the listener waits.",
    "On the agent: tnsping {host}:{port}/{path} 5. On the server: tail listener.log",
)
REDIRECT_LOOP = Cause(
    "oracle.redirect-loop",
    Owner.DATABASE,
    Step.AUTH,
    "The listeners send us on and on, from one to the next.",
    "Look at LOCAL_LISTENER and REMOTE_LISTENER of the instances.",
    "SHOW PARAMETER listener",
)
REDIRECT_UNRESOLVED = Cause(
    "oracle.redirect-unresolved",
    Owner.DATABASE,
    Step.CONNECT,
    "The listener sends clients on to a name that this agent's resolver does not know, as it is usual for the nodes of "
    "a cluster (RAC) and for servers behind address translation.",
    "Let the instances register with an address, or with a name that clients resolve (LOCAL_LISTENER; HOST in "
    "listener.ora).",
    "On the agent: getent ahosts NAME. On the server: lsnrctl services",
    scoped=Scope.PATH,
    also=(OtherOwner(Owner.NETWORK, "Let the agent's DNS servers resolve the name of the detail."),),
)
SECURE_TRANSPORT = Cause(
    "oracle.secure-transport",
    Owner.DATABASE,
    Step.HANDSHAKE,
    "The listener wants this over a secure transport (TNS-01194).",
    "Scan over TCPS, or permit TCP for this service.",
    "On the server: lsnrctl status",
)
LISTENER_ERROR = Cause(
    "oracle.listener-error",
    Owner.DATABASE,
    Step.AUTH,
    "The listener refuses for another reason; the detail has its number.",
    "Look the number up (oerr tns NUMBER), and into listener.log at the time of the check.",
    "On the server: oerr tns NUMBER; tail listener.log",
    definite=False,
)
NO_SESSION_PRIVILEGE = Cause(
    "oracle.no-create-session",
    Owner.DATABASE,
    Step.LOGIN,
    "The password is right, and the account may not open a session (ORA-01045).",
    "Grant it: the fix has the statement.",
    "sqlplus {user}@//{host}:{port}/{path}",
)
SERVER_ERROR = Cause(
    "oracle.server-error",
    Owner.DATABASE,
    Step.LOGIN,
    "The database refuses the session for a reason that is not known to be the account; the detail has its number.",
    "Look the number up (oerr ora NUMBER), and into the alert log at the time of the check.",
    "sqlplus {user}@//{host}:{port}/{path}",
    definite=False,
    may_count=True,
)

#: A listener's numbers that are TNS messages. ORA-01000 to ORA-01299 are the database's, with other meanings: ORA-01194
#: says that a file needs more recovery.
TNS_ONLY = range(1000, 1300)
TNS_SECURE_TRANSPORT = 1194
#: What the listener's ERR means.
LISTENER: Mapping[int, Cause] = {
    **dict.fromkeys((12514, 12505, 12521, 12504), SERVICE_UNKNOWN),
    **dict.fromkeys((12500, 12516, 12518, 12519, 12520, 12540, 12549), NO_HANDLER),
    **dict.fromkeys((12526, 12527, 12528), NOT_OPEN),
    **dict.fromkeys((12506, 12529), FILTERED),
    **dict.fromkeys((12546, 12547, 12537), NODE_NOT_INVITED),
    **dict.fromkeys((12541, 12545, 12533), NEXT_HOP),
    **dict.fromkeys((12525, 12535), REQUEST_LATE),
    TNS_SECURE_TRANSPORT: SECURE_TRANSPORT,
    # We say that we have no native encryption and no checksums; the scanner's own client has both.
    **dict.fromkeys((12650, 12660), common.LIMIT),
}


def named(number: int) -> str:
    """Return a listener's error as `oerr` and the manuals name it."""
    return f"{'TNS' if number in TNS_ONLY else 'ORA'}-{number:05}"


#: What ORA numbers of the database mean, at the login and when reading.
DATABASE: Mapping[int, Cause] = {
    **{number: cause for number, cause in LISTENER.items() if number not in TNS_ONLY},
    1017: common.LOGIN_REFUSED,
    1005: common.LOGIN_REFUSED,
    28000: common.LOGIN_LOCKED,
    28001: common.LOGIN_EXPIRED,
    1045: NO_SESSION_PRIVILEGE,
    65162: common.LOGIN_EXPIRED,  # of a common user
    **dict.fromkeys((257, 1033, 1034, 1035, 1089, 1090, 1109), NOT_OPEN),
    **dict.fromkeys((18, 20, 2391), NO_HANDLER),
    942: common.ACCESS_NOT_FOUND,
    1031: common.ACCESS_DENIED,
    1950: common.ACCESS_DENIED,
}
