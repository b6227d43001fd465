"""Define the causes of cloud services: another device answers in place of the service, or the clock is wrong."""

from __future__ import annotations

from scanready.model import Cause, OtherOwner, Owner, Scope, Step

_CURL = "On the agent: curl -vkI {url}"
_S_CLIENT = "On the agent: openssl s_client -connect {host}:{port} -servername {host} </dev/null"
_ISSUER = f"{_S_CLIENT} | openssl x509 -noout -issuer"

SINKHOLED = Cause(
    "cloud.sinkholed",
    Owner.NETWORK,
    Step.RESOLVE,
    "The name of a public service resolves to the unspecified address (0.0.0.0) or to this host's own address. A DNS "
    "filter or the hosts file blocks it.",
    "Permit the name in the DNS filter for this agent, or remove it from the agent's hosts file.",
    "On the agent: getent hosts {host}; then dig {host} @each-server of /etc/resolv.conf (Windows: Resolve-DnsName "
    "{host}; then the same with -Server for each of Get-DnsClientServerAddress)",
    wire="The DNS answer for {host} contains only 0.0.0.0, :: or loopback addresses, or the hosts file answers and "
    "no DNS query is sent. No SYN to {port} leaves the agent.",
)
NO_PUBLIC_NAMES = Cause(
    "cloud.no-public-names",
    Owner.NETWORK,
    Step.RESOLVE,
    "The name of a public service does not exist for this agent, although it exists on the internet. The agent's DNS "
    "servers resolve only internal names, or a DNS filter blocks this one.",
    "Configure the agent's DNS servers to resolve the name.",
    "On the agent: getent hosts {host}; then dig {host} @each-server of /etc/resolv.conf (Windows: Resolve-DnsName "
    "{host}; then the same with -Server for each of Get-DnsClientServerAddress)",
    also=(
        OtherOwner(
            Owner.OPERATOR,
            "Set the option `proxy` if the agent reaches the internet only through a proxy. The proxy then "
            "resolves the names.",
        ),
    ),
    wire="The DNS query for {host} is answered with NXDOMAIN or without an address.",
)
CUT_BY_NAME = Cause(
    "cloud.cut-by-name",
    Owner.NETWORK,
    Step.TLS,
    "The connection to a public service works until the agent sends the service's name in the TLS ClientHello. Then a "
    "filter in the path closes it because of the name.",
    "Permit the endpoint by its name for this agent, in the firewall's application or URL filter. A rule for address "
    "and port is not enough.",
    f"{_S_CLIENT}; then the same with -noservername: the first is closed, the second is not",
    wire="The TCP handshake completes; the agent's ClientHello with the SNI {host} is answered by a RST or FIN and "
    "no TLS record.",
)
PRIVATE_ANSWER = Cause(
    "cloud.private-answer",
    Owner.NETWORK,
    Step.TLS,
    "The name of a public service resolves to a private address, and the server there does not present the service's "
    "certificate. DNS leads the agent to a gateway that answers in place of the service.",
    "Have the service's real address resolved for this agent, or exempt the agent from the gateway. A private "
    "endpoint of the service would present the service's own certificate.",
    _ISSUER,
    wire="The DNS answer for {host} contains only private addresses, and the TLS Certificate message from there is "
    "issued by a private authority.",
)
INSPECTED = Cause(
    "cloud.inspected",
    Owner.NETWORK,
    Step.TLS,
    "A TLS inspection device answers in place of the service: its certificate is issued by a private authority. This "
    "agent trusts that authority, but the scanner's own client may use another list of trusted authorities.",
    "Exempt the endpoints that the report names from TLS inspection for this agent.",
    _ISSUER,
    wire="The TLS Certificate message for {host} has an issuer that is no public authority, but the agent's trust "
    "store contains it.",
)
AUTHORITY_MISSING = Cause(
    "cloud.authority-missing",
    Owner.AGENT,
    Step.TLS,
    "A public authority issued the service's certificate, but this agent's system does not trust that authority: "
    "its list of trusted authorities is out of date.",
    "Update the agent's CA certificates (Debian, Ubuntu: ca-certificates; RHEL: ca-certificates; Windows: root "
    "update).",
    f"{_S_CLIENT}  # look at 'Verify return code'",
    scoped=Scope.AGENT,
    wire="The TLS Certificate message for {host} has a public authority as its issuer: the capture shows no fault, "
    "which is in the agent's trust store.",
)
PORTAL = Cause(
    "cloud.portal",
    Owner.NETWORK,
    Step.HANDSHAKE,
    "A device in the path answers in place of the service, without the service's certificate, and returns or "
    "redirects to its own page: a captive portal, a web filter or a gateway's sign-in.",
    "Register the agent with the network access control, or exempt it from the gateway named in the detail.",
    _CURL,
    wire="The TLS Certificate message for {host} is not the service's, and HEAD / or GET / is answered with a "
    "redirect to another host or with a sign-in page. Or the ClientHello is answered in clear text.",
)
BLOCK_PAGE = Cause(
    "cloud.block-page",
    Owner.NETWORK,
    Step.HANDSHAKE,
    "A filter in the path answers in place of the service with its own block or error page.",
    "Permit the endpoint for this agent in the filter named in the detail.",
    "On the agent: curl -vk {url}   # read the page",
    wire="Inside TLS, the request for / of {host} is answered with the page or the headers of a filter.",
)
CLOCK_SKEW = Cause(
    "cloud.clock-skew",
    Owner.AGENT,
    Step.HANDSHAKE,
    "This agent's clock differs from the service's by more than five minutes. Services reject signed requests and "
    "tokens with a wrong time (the limit is 5 to 15 minutes, depending on the service).",
    "Synchronise the agent's clock by NTP (timedatectl set-ntp true; Windows: w32tm /resync).",
    "On the agent: date -u; curl -skI {url} | grep -i ^date",
    wire="Inside TLS, the Date header of the answer differs from the agent's time by more than 300 seconds.",
)
