"""List the causes that only Teradata can give, and map error codes to causes."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.causes import common
from scanready.model import Cause, OtherOwner, Owner, Step

REFUSED = Cause(
    "teradata.refused",
    Owner.DATABASE,
    Step.HANDSHAKE,
    "The gateway speaks Teradata's protocol but refuses this connection. The detail has the code.",
    "Look up the code in the Teradata messages manual. The gateway's log (/var/log/messages on the node) has more.",
    "bteq: .logon {host}/{user}",
    definite=False,
    wire="The gateway answers the configuration request with an error parcel (49) or failure parcel (9).",
)
LOGONS_DISABLED = Cause(
    "teradata.logons-disabled",
    Owner.DATABASE,
    Step.LOGIN,
    "The system does not accept logons now: it is starting, logons are disabled, or all sessions are in use.",
    "Wait until the system has started, or ask the administrator to enable logons (ENABLE LOGONS in dbscontrol or "
    "gtwcontrol).",
    "On a node: pdestate -a",
    wire="The gateway answers the configuration request or the logon with error code 3002, 3006, 3026 or 8024.",
)
LEGACY_PORT_OFF = Cause(
    "teradata.legacy-port-off",
    Owner.DATABASE,
    Step.AUTH,
    "The gateway reports that it accepts logons only on its HTTPS port. It refuses a driver that uses 1025.",
    "Configure the gateway to accept logons on the legacy port (1025) too.",
    "On a node of the database: gtwcontrol -d   # look for the TLS settings",
    wire="The gateway answers the configuration request with a gateway parcel (165) that marks logons on the legacy "
    "port as off.",
    also=(
        OtherOwner(
            Owner.AGENT,
            "Set the scanner's driver to HTTPS (HTTPS_PORT=443, SSLMode=REQUIRE). The agent must then be able to reach "
            "port 443.",
        ),
    ),
)
HTTPS_ONLY = Cause(
    "teradata.https-port-only",
    Owner.NETWORK,
    Step.CONNECT,
    "Port 1025 cannot be reached, but port 443 answers with TLS. Drivers since 17.10 can log in over HTTPS; scanready "
    "cannot confirm that without a driver.",
    "Permit port 1025 from this agent too.",
    "python -c 'import teradatasql'; connect with sslmode=REQUIRE",
    definite=False,
    wire="The SYN to 1025 gets no SYN-ACK (no answer, a RST or an ICMP error); the TLS handshake on 443 succeeds.",
    also=(OtherOwner(Owner.AGENT, "Set the scanner's driver to HTTPS (HTTPS_PORT=443, SSLMode=REQUIRE)."),),
)
COP_UNREACHABLE = Cause(
    "teradata.cop-unreachable",
    Owner.NETWORK,
    Step.CONNECT,
    "One node of the system answers, but another node does not. Drivers also log on to that node, because the agent's "
    "resolver knows its COP name. Some sessions of a scan would fail.",
    "Permit the connection to every node (the fix has the rule), or remove the COP names of dead nodes from DNS.",
    "On the agent: nslookup HOSTcop1; bteq: .logon HOSTcop2/{user}",
    wire="One node answers the configuration request; another node does not accept the TCP connection on {port}, or "
    "does not answer the request.",
)
LOGON_MECHANISM = Cause(
    "teradata.logon-mechanism",
    Owner.DATABASE,
    Step.LOGIN,
    "The security policy refuses this logon mechanism (8063, 3055, 8018, 8019). The account or host must use another "
    "one.",
    "Give the scan account the TD2 mechanism.",
    "bteq: .logmech LDAP, then .logon {host}/{user}",
    wire="The gateway answers the logon with error code 8063, 3055, 8018 or 8019.",
    also=(OtherOwner(Owner.OPERATOR, "Set the mechanism that the policy requires (LOGMECH) in the scanner."),),
)
SERVER_ERROR = Cause(
    "teradata.server-error",
    Owner.DATABASE,
    Step.LOGIN,
    "The database refuses the session with an error that scanready cannot relate to the account. The detail "
    "has the code.",
    "Look up the code in the Teradata messages manual.",
    "bteq: .logon {host}/{user}",
    definite=False,
    may_count=True,
    wire="The database answers the logon with another error code.",
)

#: Error codes of a system that does not accept logons, also in the answer to a request without an account.
NO_LOGONS = (3002, 3006, 3026, 8024)
#: Causes by the error code of a refused logon or read.
CODES: Mapping[int, Cause] = {
    8017: common.LOGIN_REFUSED,
    3003: common.LOGIN_REFUSED,
    3004: common.LOGIN_REFUSED,
    3016: common.LOGIN_EXPIRED,
    3032: common.LOGIN_EXPIRED,
    5577: common.LOGIN_LOCKED,
    3001: common.LOGIN_LOCKED,
    8018: LOGON_MECHANISM,
    8019: LOGON_MECHANISM,
    8063: LOGON_MECHANISM,
    3055: LOGON_MECHANISM,
    **dict.fromkeys(NO_LOGONS, LOGONS_DISABLED),
    3523: common.ACCESS_DENIED,
    3524: common.ACCESS_DENIED,
    3802: common.ACCESS_NOT_FOUND,
    3807: common.ACCESS_NOT_FOUND,
}
