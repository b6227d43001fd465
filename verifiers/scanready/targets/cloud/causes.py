"""Causes of cloud services: who answers in a service's place, and whose clock is wrong."""

from __future__ import annotations

from scanready.model import Cause, OtherOwner, Owner, Scope, Step

_CURL = "On the agent: curl -vkI {url}"
_S_CLIENT = "On the agent: openssl s_client -connect {host}:{port} -servername {host} </dev/null"
_ISSUER = f"{_S_CLIENT} | openssl x509 -noout -issuer"

SINKHOLED = Cause(
    "cloud.sinkholed",
    Owner.NETWORK,
    Step.RESOLVE,
    "The name of a public service resolves to an address that is nobody's (0.0.0.0) or this host's own: a DNS filter "
    "or the hosts file blocks it.",
    "Permit the name in the DNS filter for this agent, or remove it from the agent's hosts file.",
    "On the agent: getent hosts {host}; then dig {host} @each-server of /etc/resolv.conf",
)
NO_PUBLIC_NAMES = Cause(
    "cloud.no-public-names",
    Owner.NETWORK,
    Step.RESOLVE,
    "The name of a public service, which exists for everybody, does not exist for this agent: its DNS servers know the "
    "inside alone, or a DNS filter denies the name.",
    "Have the agent's DNS servers resolve the name.",
    "On the agent: getent hosts {host}; then dig {host} @each-server of /etc/resolv.conf",
    also=(
        OtherOwner(
            Owner.OPERATOR,
            "Set the option `proxy`, where the agent reaches the internet only through a proxy, which resolves names "
            "itself.",
        ),
    ),
)
CUT_BY_NAME = Cause(
    "cloud.cut-by-name",
    Owner.NETWORK,
    Step.TLS,
    "The connection to a public service stands until the service's name is said, in the TLS hello, and is then cut: a "
    "filter on the way judges by name.",
    "Permit the endpoint by its name for this agent, in the firewall's application or URL filter; a rule for address "
    "and port is not enough.",
    f"{_S_CLIENT}; then the same with -noservername: the first is cut, the second is not",
)
PRIVATE_ANSWER = Cause(
    "cloud.private-answer",
    Owner.NETWORK,
    Step.TLS,
    "The name of a public service resolves to a private address, and who answers there has not the service's "
    "certificate: a gateway that DNS leads to answers in the service's place.",
    "Have the service's real address resolved for this agent, or the agent exempted from the gateway; a private "
    "endpoint of the service would show the service's own certificate.",
    _ISSUER,
)
INSPECTED = Cause(
    "cloud.inspected",
    Owner.NETWORK,
    Step.TLS,
    "A TLS inspection device answers in the service's place: no public authority issued the certificate. This agent "
    "trusts the one that did; the scanner's own client may have a list of its own, and not.",
    "Exempt the endpoints that the report names from TLS inspection for this agent.",
    _ISSUER,
)
AUTHORITY_MISSING = Cause(
    "cloud.authority-missing",
    Owner.AGENT,
    Step.TLS,
    "The service's certificate is issued by a public authority that this agent's system does not trust: its list of "
    "authorities is out of date.",
    "Update the agent's certificates (Debian, Ubuntu: ca-certificates; RHEL: ca-certificates; Windows: root update).",
    f"{_S_CLIENT}  # look at 'Verify return code'",
    scoped=Scope.AGENT,
)
PORTAL = Cause(
    "cloud.portal",
    Owner.NETWORK,
    Step.HANDSHAKE,
    "Somebody on the way answers in the service's place, without its certificate, and shows or leads to a page of its "
    "own: a captive portal, a web filter or a gateway's sign-in.",
    "Register the agent with the network access control, or exempt it from the gateway that the detail names.",
    _CURL,
)
BLOCK_PAGE = Cause(
    "cloud.block-page",
    Owner.NETWORK,
    Step.HANDSHAKE,
    "A filter on the way answers in the service's place, with its own page of refusal or failure.",
    "Permit the endpoint for this agent in the filter that the detail names.",
    "On the agent: curl -vk {url}   # read the page",
)
CLOCK_SKEW = Cause(
    "cloud.clock-skew",
    Owner.AGENT,
    Step.HANDSHAKE,
    "This agent's clock is more than five minutes off the service's: services refuse signed requests and tokens of a "
    "wrong time (from 5 to 15 minutes on, each its own).",
    "Let the agent's clock be set by NTP (timedatectl set-ntp true; Windows: w32tm /resync).",
    "On the agent: date -u; curl -skI {url} | grep -i ^date",
)
