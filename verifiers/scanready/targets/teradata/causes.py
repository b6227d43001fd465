"""Causes that only Teradata can give, and which code of its means which."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.causes import common
from scanready.model import Cause, Owner, Step

REFUSED = Cause(
    "teradata.refused",
    Owner.DATABASE,
    Step.HANDSHAKE,
    "The gateway speaks Teradata's protocol and refuses this connection; the detail has its code.",
    "Look the code up in the Teradata messages manual; the gateway's log (/var/log/messages on the node) has more.",
    "bteq: .logon {host}/{user}",
    definite=False,
)
LOGONS_DISABLED = Cause(
    "teradata.logons-disabled",
    Owner.DATABASE,
    Step.LOGIN,
    "The system takes no logons at the moment: it is starting, logons are disabled, or all sessions are in use.",
    "Wait for the system, or have the administrator enable logons (ENABLE LOGONS in dbscontrol or gtwcontrol).",
    "On a node: pdestate -a",
)
LEGACY_PORT_OFF = Cause(
    "teradata.legacy-port-off",
    Owner.DATABASE,
    Step.AUTH,
    "The gateway itself says that it takes logons over its HTTPS port only: a driver that uses 1025 is refused.",
    "Have the scanner's driver use HTTPS (HTTPS_PORT=443, SSLMode=REQUIRE) and permit that port from the agent, or "
    "have the gateway accept the legacy port.",
    "On a node: gtwcontrol -d   # look for the TLS settings",
)
HTTPS_ONLY = Cause(
    "teradata.https-port-only",
    Owner.NETWORK,
    Step.CONNECT,
    "Port 1025 cannot be reached, and 443 answers with TLS: drivers since 17.10 can log in over it, which cannot be "
    "proven without one.",
    "Have the scanner's driver use HTTPS, or permit port 1025 from this agent too.",
    "python -c 'import teradatasql'; connect with sslmode=REQUIRE",
    definite=False,
)
COP_UNREACHABLE = Cause(
    "teradata.cop-unreachable",
    Owner.NETWORK,
    Step.CONNECT,
    "One node of the system answers, and another one, which drivers log on to as well (its COP name is known to the "
    "agent's resolver), does not: some of a scan's sessions would fail.",
    "Permit the connection to every node (the fix has the rule), or take the COP names of dead nodes out of DNS.",
    "On the agent: nslookup HOSTcop1; bteq: .logon HOSTcop2/{user}",
)
LOGON_MECHANISM = Cause(
    "teradata.logon-mechanism",
    Owner.DATABASE,
    Step.LOGIN,
    "The security policy refuses this way to log in (8063, 3055, 8018, 8019): account or host must use another one.",
    "Give the scan account the TD2 mechanism, or set the mechanism (LOGMECH) that the policy demands in the scanner.",
    "bteq: .logmech LDAP, then .logon {host}/{user}",
)
SERVER_ERROR = Cause(
    "teradata.server-error",
    Owner.DATABASE,
    Step.LOGIN,
    "The database refuses the session for a reason that is not known to be the account; the detail has its code.",
    "Look the code up in the Teradata messages manual.",
    "bteq: .logon {host}/{user}",
    definite=False,
    may_count=True,
)

#: Codes of a system that takes no logons, to a request that has no account yet, too.
NO_LOGONS = (3002, 3006, 3026, 8024)
#: Codes of a refused logon or read.
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
