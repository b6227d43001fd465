"""List the causes that only Oracle's listener and database can give, and map ORA numbers to causes."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.causes import common
from scanready.model import Cause, OtherOwner, Owner, Scope, Step

SERVICE_UNKNOWN = Cause(
    "oracle.service-unknown",
    Owner.OPERATOR,
    Step.AUTH,
    "The listener does not know this service, SID or instance (ORA-12514, ORA-12505, ORA-12521). The name is misspelt, "
    "or the database is down and not registered.",
    "In the inventory, use a name that `lsnrctl services` lists on the server.",
    "On the server: lsnrctl services. On the agent: sqlplus {user}@//{host}:{port}/{path}   # asks for the "
    "password, and counts as one attempt",
    wire="The listener answers CONNECT with a TNS REFUSE packet that has ERR=12514, 12505, 12521 or 12504.",
    also=(
        OtherOwner(
            Owner.DATABASE,
            "If the name is correct but `lsnrctl services` does not list it, start the database, or register "
            "it: ALTER SYSTEM REGISTER.",
        ),
    ),
)
SERVICE_NOT_NAMED = Cause(
    "oracle.service-not-named",
    Owner.OPERATOR,
    Step.AUTH,
    "The listener answers. One listener serves many databases, and the target does not name the database to scan.",
    "Name the service (oracle://HOST/SERVICE) or the SID (option `sid`).",
    "On the server: lsnrctl services",
    definite=False,
    wire="The listener answers CONNECT with COMMAND=ping: with a TNS REFUSE packet that has ERR=0 (or an error about "
    "the missing name), or with ACCEPT.",
)
NO_HANDLER = Cause(
    "oracle.no-handler",
    Owner.DATABASE,
    Step.AUTH,
    "The listener knows the service but cannot pass on the connection (ORA-12500, 12516, 12518, 12519, 12520, 12540, "
    "12549, 00018, 00020, 02391). The database, the account's profile or the host has reached its limit of processes "
    "or sessions, or there is no handler of the requested kind.",
    "Raise the parameters PROCESSES and SESSIONS, or SESSIONS_PER_USER of the account's profile (ORA-02391); end idle "
    "sessions, or scan at a quieter time.",
    "On the server: lsnrctl services; SELECT * FROM v$resource_limit WHERE resource_name IN ('processes','sessions');",
    wire="The listener answers CONNECT with a TNS REFUSE packet with, for example, ERR=12516, 12519 or 12520. Or the "
    "database answers the login with ORA-00018, 00020 or 02391.",
)
NOT_OPEN = Cause(
    "oracle.not-open",
    Owner.DATABASE,
    Step.AUTH,
    "The database is registered but does not accept ordinary sessions. It is starting, mounted, restricted or shutting "
    "down (ORA-12526, 12527, 12528, 01033, 01034, 01035, 01109, 01219), or has no space for its archived logs "
    "(ORA-00257).",
    "Open the database (ALTER DATABASE OPEN; ALTER SYSTEM DISABLE RESTRICTED SESSION). For ORA-00257, free space in "
    "the destination of the archived logs.",
    "On the server: SELECT status, logins FROM v$instance;",
    wire="The listener answers CONNECT with a TNS REFUSE packet that has ERR=12526, 12527 or 12528; or the database "
    "answers the login with ORA-01033, for example.",
)
NODE_NOT_INVITED = Cause(
    "oracle.node-not-invited",
    Owner.DATABASE,
    Step.HANDSHAKE,
    "The server closes the connection after this agent's request, without an answer. Listeners do this if valid node "
    "checking does not allow the agent's address. A firewall between can do it too. The port may also belong to "
    "another service.",
    "Make sure that this is the listener's port (lsnrctl status). Then add the agent to tcp.invited_nodes in the "
    "listener's sqlnet.ora (the fix has its address), and reload the listener.",
    "On the server: grep -i -e invited -e validnode $ORACLE_HOME/network/admin/sqlnet.ora; tail listener.log",
    scoped=Scope.PATH,
    wire="The server answers CONNECT with a FIN or RST and no data, in clear text and in TLS.",
)
FILTERED = Cause(
    "oracle.filtered",
    Owner.DATABASE,
    Step.AUTH,
    "A rule on the server side rejects this agent's address: the access list of the service (ORA-12506), or the rules "
    "of a Connection Manager (ORA-12529).",
    "Allow the agent's address. For ORA-12506, add it to the access list of the service (DBMS_SFW_ACL_ADMIN; with "
    "Autonomous Database, its network access). For ORA-12529, add it to RULE_LIST in cman.ora.",
    "On the server: read listener.log for the time of the check; with Connection Manager: cmctl show rules",
    scoped=Scope.PATH,
    wire="The listener answers CONNECT with a TNS REFUSE packet that has ERR=12506 or 12529.",
)
NEXT_HOP = Cause(
    "oracle.next-hop",
    Owner.DATABASE,
    Step.AUTH,
    "The listener or Connection Manager could not reach its own next hop (ORA-12541, 12545, 12533).",
    "On the listener's host, test the address to which the listener forwards clients.",
    "On the server: lsnrctl services; tail listener.log",
    wire="The listener answers CONNECT with a TNS REFUSE packet that has ERR=12541, 12545 or 12533.",
)
REQUEST_LATE = Cause(
    "oracle.request-late",
    Owner.NETWORK,
    Step.AUTH,
    "The connection works, but the listener reports that the rest of the request did not arrive in time (ORA-12525, "
    "12535). A device between delays packets, or the listener is overloaded.",
    "Check the devices that inspect or delay traffic between agent and listener. INBOUND_CONNECT_TIMEOUT_LISTENER sets "
    "how long the listener waits.",
    "On the agent: tnsping {host}:{port}/{path} 5. On the server: tail listener.log",
    wire="The listener answers CONNECT with a TNS REFUSE packet that has ERR=12525 or 12535.",
)
REDIRECT_LOOP = Cause(
    "oracle.redirect-loop",
    Owner.DATABASE,
    Step.AUTH,
    "Each listener redirects the client to another listener; no listener accepts the session.",
    "Check LOCAL_LISTENER and REMOTE_LISTENER of the instances.",
    "SHOW PARAMETER listener",
    wire="Each listener answers CONNECT with a TNS REDIRECT packet, four times in a row.",
)
REDIRECT_UNRESOLVED = Cause(
    "oracle.redirect-unresolved",
    Owner.DATABASE,
    Step.CONNECT,
    "The listener redirects clients to a name that this agent's resolver does not know. This is common for cluster "
    "nodes (RAC) and for servers behind address translation.",
    "Make the instances register with an address, or with a name that clients can resolve (LOCAL_LISTENER; HOST in "
    "listener.ora).",
    "On the agent: getent ahosts NAME (Windows: Resolve-DnsName NAME). On the server: lsnrctl services",
    scoped=Scope.PATH,
    also=(OtherOwner(Owner.NETWORK, "Add the name in the detail to the agent's DNS servers."),),
    wire="The listener answers CONNECT with a TNS REDIRECT packet; the agent's DNS query for the name in it is "
    "answered with NXDOMAIN or without an address.",
)
SECURE_TRANSPORT = Cause(
    "oracle.secure-transport",
    Owner.DATABASE,
    Step.HANDSHAKE,
    "The listener accepts this request only over a secure transport (TNS-01194).",
    "Scan over TCPS, or permit TCP for this service.",
    "On the server: lsnrctl status",
    wire="The listener answers CONNECT with a TNS REFUSE packet that has ERR=1194.",
)
LISTENER_ERROR = Cause(
    "oracle.listener-error",
    Owner.DATABASE,
    Step.AUTH,
    "The listener refuses the request for another reason. See the number in the detail.",
    "Look up the number (oerr tns NUMBER), and read listener.log at the time of the check.",
    "On the server: oerr tns NUMBER; tail listener.log",
    definite=False,
    wire="The listener answers CONNECT with a TNS REFUSE packet that has another ERR, or none.",
)
NO_SESSION_PRIVILEGE = Cause(
    "oracle.no-create-session",
    Owner.DATABASE,
    Step.LOGIN,
    "The password is right, but the account has no CREATE SESSION privilege (ORA-01045).",
    "Grant the account CREATE SESSION (see the fix).",
    "sqlplus {user}@//{host}:{port}/{path}",
    wire="The database answers the login with ORA-01045 in a TNS DATA packet.",
)
SERVER_ERROR = Cause(
    "oracle.server-error",
    Owner.DATABASE,
    Step.LOGIN,
    "The database refuses the session with an error that scanready cannot relate to the account. See the number in the "
    "detail.",
    "Look up the number (oerr ora NUMBER), and read the alert log at the time of the check.",
    "sqlplus {user}@//{host}:{port}/{path}",
    definite=False,
    may_count=True,
    wire="The database answers the login with another ORA number in a TNS DATA packet.",
)

#: Error numbers of a listener that belong to TNS. ORA-01000 to ORA-01299 are the database's and mean other things:
#: ORA-01194, for example, is about a file that needs more recovery.
TNS_ONLY = range(1000, 1300)
TNS_SECURE_TRANSPORT = 1194
#: Numbers with which a listener reports that it cannot start its server process (12546), or lost it (12537, 12547). A
#: client raises the same numbers itself if valid node checking closes its connection; that listener sends no REFUSE.
SERVER_PROCESS = frozenset({12537, 12546, 12547})
#: Causes by the ERR number of a listener.
LISTENER: Mapping[int, Cause] = {
    **dict.fromkeys((12514, 12505, 12521, 12504), SERVICE_UNKNOWN),
    **dict.fromkeys((12500, 12516, 12518, 12519, 12520, 12540, 12549), NO_HANDLER),
    **dict.fromkeys((12526, 12527, 12528), NOT_OPEN),
    **dict.fromkeys((12506, 12529), FILTERED),
    **dict.fromkeys((12541, 12545, 12533), NEXT_HOP),
    **dict.fromkeys((12525, 12535), REQUEST_LATE),
    TNS_SECURE_TRANSPORT: SECURE_TRANSPORT,
    # The agent announces no native encryption and no checksums; the scanner's own client supports both.
    **dict.fromkeys((12650, 12660), common.LIMIT),
}


def named(number: int) -> str:
    """Format a listener's error number as `oerr` and the manuals do."""
    return f"{'TNS' if number in TNS_ONLY else 'ORA'}-{number:05}"


#: Causes by the ORA number of the database, at the login and while reading.
DATABASE: Mapping[int, Cause] = {
    **{number: cause for number, cause in LISTENER.items() if number not in TNS_ONLY},
    1017: common.LOGIN_REFUSED,
    1005: common.LOGIN_REFUSED,
    28000: common.LOGIN_LOCKED,
    28001: common.LOGIN_EXPIRED,
    1045: NO_SESSION_PRIVILEGE,
    **dict.fromkeys((28032, 65162), common.LOGIN_EXPIRED),  # in a read-only database; of a common user
    **dict.fromkeys((257, 1033, 1034, 1035, 1089, 1090, 1109, 1219), NOT_OPEN),
    **dict.fromkeys((18, 20, 2391), NO_HANDLER),
    942: common.ACCESS_NOT_FOUND,
    1031: common.ACCESS_DENIED,
    1950: common.ACCESS_DENIED,
}
