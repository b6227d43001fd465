"""Causes of the step ``connect``, which every target type shares, with the owners that the evidence allows.

The evidence is there anyway: the system's error and its delay, the sender of an ICMP message, this agent's subnets and
its neighbour table, and the other ports of the host in this run. Nothing is sent to find out. Evidence that fits two
owners names both.
"""

from __future__ import annotations

from scanready.model import Case, Cause, OtherOwner, Owner, Step

_IN_THE_PATH = OtherOwner(Owner.NETWORK, "Permit the connection from this agent on every firewall in the path.")
_AT_THE_HOST = OtherOwner(Owner.SERVER, "Permit the connection from this agent in the host's own firewall.")
_HOST_UP = OtherOwner(Owner.SERVER, "Check that the host is up and that it has this address.")
_RIGHT_ADDRESS = OtherOwner(Owner.OPERATOR, "Correct the address in the inventory, if the host has another one.")

#: The address of a name is from this agent's hosts file. It stands beside any other case.
HOSTS_FILE = Case(
    "hosts-file",
    "The address is from this agent's hosts file.",
    (OtherOwner(Owner.AGENT, "Correct the address in this agent's hosts file, if the host has another one."),),
    adds=True,
)
#: The name of the case of an address beside another one of the same name that answers.
OTHER_ADDRESS = "other-address"
_STALE = OtherOwner(Owner.NETWORK, "Remove the address from the DNS, if the host no longer has it.")


def _other_address(what: str, *owners: OtherOwner) -> Case:
    """Return the case of an address that does not answer, while another address of the name does."""
    meaning = f"{what}, while another address of the same name answers. The scanner may use either of them."
    return Case(OTHER_ADDRESS, meaning, owners)


_BY_TARGET = Case(
    "by-target",
    "An ICMP message from the target's own address rejects the connection: it is from the host's own firewall, or "
    "from a firewall that answers for the host.",
    (
        _AT_THE_HOST,
        OtherOwner(Owner.NETWORK, "Permit the connection, if a firewall in the path rejects it in the host's name."),
    ),
)

_CASES_OF_REFUSED = (
    Case(
        "same-subnet",
        "Connection refused: no service listens on this port, or the host's own firewall sends the refusal. No router "
        "is in the path.",
        (
            OtherOwner(
                Owner.SERVER, "Start the service, and make it listen on this address. Check the host's own firewall."
            ),
            OtherOwner(Owner.OPERATOR, "Correct the port in the inventory, if the service listens on another one."),
        ),
    ),
    _other_address(
        "Connection refused at this address",
        OtherOwner(Owner.SERVER, "Make the service listen on this address, too."),
        _STALE,
    ),
    HOSTS_FILE,
)
_CASES_OF_FILTERED = (
    Case(
        "host-answers",
        "The connection timed out, while another port of the host answered: a firewall drops the packets to this port.",
        (_IN_THE_PATH, _AT_THE_HOST),
    ),
    Case(
        "host-silent",
        "The connection timed out, as did those to every other port of the host that this run tried: the host is off, "
        "or a firewall drops all packets to it.",
        (_IN_THE_PATH, _HOST_UP),
    ),
    Case(
        "neighbour",
        "The connection timed out. The host is up, in a subnet of this agent: it answers at the link layer, so its own "
        "firewall or a filter within the subnet drops the packets.",
        (
            _AT_THE_HOST,
            OtherOwner(
                Owner.NETWORK,
                "Permit the connection, if the subnet has a filter: a security group, a private VLAN or a transparent "
                "firewall.",
            ),
        ),
    ),
    _other_address(
        "The connection to this address timed out",
        OtherOwner(
            Owner.NETWORK,
            "Permit the connection to this address on every firewall in the path, or remove the address from the DNS, "
            "if the host no longer has it.",
        ),
        OtherOwner(
            Owner.SERVER, "Check that the host is up at this address, and that its own firewall permits the connection."
        ),
    ),
    HOSTS_FILE,
)
_CASES_OF_REJECTED = (
    Case(
        "by-router",
        "A router or firewall in the path rejects the connection with an ICMP message.",
        (OtherOwner(Owner.NETWORK, "Permit the connection from this agent on the device that the detail names."),),
    ),
    _BY_TARGET,
    HOSTS_FILE,
)
_CASES_OF_UNREACHABLE = (
    Case(
        "no-route",
        "This agent has no route to the address, so nothing was sent.",
        (
            OtherOwner(
                Owner.AGENT, "Add a route to the target's network, or a default gateway, on this agent (ip route)."
            ),
        ),
    ),
    Case(
        "no-neighbour",
        "The address is in a subnet of this agent, and no host there answers for it: the host is off, or has another "
        "address, or is not in the same segment.",
        (
            _HOST_UP,
            _RIGHT_ADDRESS,
            OtherOwner(Owner.NETWORK, "Check that agent and target are in the same segment (VLAN)."),
        ),
    ),
    Case(
        "no-gateway",
        "The gateway of this agent's route to the target does not answer at the link layer.",
        (
            OtherOwner(Owner.NETWORK, "Bring up the gateway of this agent's subnet."),
            OtherOwner(Owner.AGENT, "Correct the gateway in this agent's route to the target (ip route get {host})."),
        ),
    ),
    Case(
        "said-by",
        "The router in the detail reports that the host is unreachable: no host has this address there, or a firewall "
        "rejects the connection in this way.",
        (
            OtherOwner(
                Owner.NETWORK,
                "On the device that the detail names, look for a rule that rejects the connection, and for the route "
                "to the host.",
            ),
            _HOST_UP,
            _RIGHT_ADDRESS,
        ),
    ),
    Case(
        "said-by-network",
        "The router in the detail reports that it has no route to the target's network, or a firewall there rejects "
        "the connection in this way.",
        (
            OtherOwner(
                Owner.NETWORK,
                "On the device that the detail names, add the route to the target's network, or permit the connection.",
            ),
        ),
    ),
    _BY_TARGET,
    _other_address(
        "This address is unreachable",
        _STALE,
        OtherOwner(Owner.SERVER, "Check that the host is up at this address, if it should have it."),
    ),
    HOSTS_FILE,
)

REFUSED = Cause(
    "connect.refused",
    Owner.SERVER,
    Step.CONNECT,
    "Connection refused: no service listens on this port, or a firewall sends the refusal.",
    "Start the service, and make it listen on this address (not only on localhost).",
    "On the target: ss -ltn 'sport = :{port}'. On the agent: nc -vz {host} {port}",
    also=(
        OtherOwner(Owner.OPERATOR, "Correct the port in the inventory, if the service listens on another one."),
        OtherOwner(Owner.NETWORK, "Permit the connection, if a firewall in the path sends the refusal."),
    ),
    cases=_CASES_OF_REFUSED,
    wire="The agent's SYN to {port} is answered by a RST. Over UDP, the host answers with an ICMP port unreachable.",
)
FILTERED = Cause(
    "connect.filtered",
    Owner.NETWORK,
    Step.CONNECT,
    "The connection timed out: a firewall drops the packets, or the host is off.",
    "Permit the connection from this agent on every firewall in the path.",
    "On the agent: nc -vz -w 5 {host} {port}   # if another port of the host answers, this port is filtered",
    also=(OtherOwner(Owner.SERVER, "Check that the host is up. Permit the connection in its own firewall."),),
    cases=_CASES_OF_FILTERED,
    wire="The agent repeats its SYN to {port}; no SYN-ACK, RST or ICMP error comes back.",
)
REJECTED = Cause(
    "connect.rejected",
    Owner.NETWORK,
    Step.CONNECT,
    "A router or firewall rejects the connection with an ICMP message.",
    "Permit the connection from this agent on the device that rejects it (see the detail).",
    "On the agent: run nc -vz {host} {port} while tcpdump -n icmp shows the device that rejects.",
    also=(OtherOwner(Owner.SERVER, "Permit the connection in the host's own firewall, if that rejects it."),),
    cases=_CASES_OF_REJECTED,
    wire="The agent's packet to {port} is answered by an ICMP destination unreachable, with a code such as "
    "administratively prohibited (IPv4 code 13) or, for TCP, port unreachable.",
)
UNREACHABLE = Cause(
    "connect.unreachable",
    Owner.NETWORK,
    Step.CONNECT,
    "The host is unreachable: there is no route to it, or no host has this address.",
    "Check the routing between agent and target.",
    "On the agent: ip route get {host}; ping {host}; traceroute {host}",
    also=(OtherOwner(Owner.SERVER, "Check that the host is up and that it has this address."),),
    cases=_CASES_OF_UNREACHABLE,
    wire="The agent's packet is answered by an ICMP network or host unreachable; on its own subnet, the agent's ARP or "
    "neighbour requests get no reply. Without a route, nothing is sent.",
)
UDP_SILENT = Cause(
    "connect.udp-silent",
    Owner.NETWORK,
    Step.CONNECT,
    "No answer over UDP. A firewall drops the packets, the service ignores unknown clients, or no service runs: this "
    "check cannot distinguish them.",
    "Permit UDP from this agent to the port on every firewall in the path.",
    "On the agent: nc -u -vz {host} {port}; on the target: ss -lnu 'sport = :{port}'",
    definite=False,
    also=(OtherOwner(Owner.SERVER, "Check that the service runs, and that the host's own firewall permits UDP."),),
    wire="The agent repeats its UDP request to {port}; no UDP reply and no ICMP error comes back.",
)
LOCAL_LIMIT = Cause(
    "connect.local-limit",
    Owner.AGENT,
    Step.CONNECT,
    "This agent could not open the connection: it has no free file descriptors or ports, or its own policy forbids the "
    "connection.",
    "Raise the limit named in the detail (ulimit -n, net.ipv4.ip_local_port_range; Windows: dynamicport tcp), lower "
    "--concurrency, or permit the connection in the agent's own firewall.",
    "On the agent: ulimit -n; ss -s; nft list ruleset (Windows: netsh int ipv4 show dynamicport tcp; netstat -ano)",
    wire="No packet to {port} leaves the agent: its kernel or firewall refuses the connection first.",
)
