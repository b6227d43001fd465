"""What `scanready agent` may find on this host: causes that concern no target, or all of them."""

from __future__ import annotations

from scanready.model import Cause, Owner, Step

CONTAINER = Cause(
    "agent.container",
    Owner.AGENT,
    Step.AGENT,
    "This runs in a container or a network namespace, which is not the agent's vantage point: targets and firewalls "
    "see another address, and resolver, programs and limits are the container's, not those the scanner works with.",
    "Run scanready on the agent's own system, beside the scanner. If it must be a container, give it the host's "
    "network (--network host), and read what is said here of programs and limits as the container's.",
    "On the agent: readlink /proc/1/ns/net /proc/self/ns/net; cat /proc/self/cgroup; ls /.dockerenv /run/.containerenv",
)
ADDRESS_TRANSLATED = Cause(
    "agent.address-translated",
    Owner.AGENT,
    Step.AGENT,
    "This host has an address of a virtual network whose gateway translates it: targets see another one. Firewall "
    "rules and access lists for the address shown here would not fit.",
    "Give the virtual machine a bridged network, or put the address of the translating host into rules and lists.",
    "On the agent: ip -br address; ip route show default; on a target: the address its log has of this agent",
)
RESOLVER_SILENT = Cause(
    "agent.resolver-silent",
    Owner.NETWORK,
    Step.AGENT,
    "Some of this host's DNS servers do not answer. Each look-up that begins with one of them waits for seconds before "
    "the next is asked.",
    "Remove the dead server from the configuration, or permit DNS (port 53, udp and tcp) from this agent to it.",
    "On the agent: dig . NS @SERVER, for each nameserver of /etc/resolv.conf",
)
NO_RESOLVER = Cause(
    "agent.no-resolver",
    Owner.AGENT,
    Step.AGENT,
    "No DNS server answers this host: only addresses, and names of its hosts file, lead anywhere.",
    "Name a DNS server that this agent reaches (/etc/resolv.conf or the network settings), or address all targets by "
    "number.",
    "On the agent: cat /etc/resolv.conf; dig . NS @SERVER",
)
NO_PRIVILEGED_PORTS = Cause(
    "agent.no-privileged-ports",
    Owner.AGENT,
    Step.AGENT,
    "Connections from source ports below 1024 cannot be made here, and servers of the types that the detail names take "
    "no others by default.",
    "Let the scanner run as root or with CAP_NET_BIND_SERVICE, or have the servers take connections from any port.",
    "On the agent: capsh --print | grep net_bind; nc -p 1000 HOST PORT",
)
FEW_PORTS = Cause(
    "agent.few-ports",
    Owner.AGENT,
    Step.AGENT,
    "Hardly any source ports are left for outgoing connections.",
    "Widen the range (net.ipv4.ip_local_port_range), or find which process holds the ports.",
    "On the agent: sysctl net.ipv4.ip_local_port_range; ss -s",
)
FEW_DESCRIPTORS = Cause(
    "agent.few-descriptors",
    Owner.AGENT,
    Step.AGENT,
    "This host permits a process fewer open files than a run over many targets wants: fewer are checked at once.",
    "Raise the hard limit of open files (LimitNOFILE= of the service, /etc/security/limits.conf).",
    "On the agent: ulimit -Hn",
)
CLOCK_SKEWED = Cause(
    "agent.clock-skewed",
    Owner.AGENT,
    Step.AGENT,
    "The clocks of this host and of the server asked differ by more than five minutes, or nearly: Kerberos refuses "
    "logins from there, cloud services refuse signatures, and certificates are judged by the wrong date.",
    "Set the clock of whichever of the two is wrong, and let it follow a time server.",
    "On the agent: date -u; curl -sI http://SERVER/ | grep -i ^date",
)
CLOCK_UNKNOWN = Cause(
    "agent.clock-unknown",
    Owner.OPERATOR,
    Step.AGENT,
    "The server named for it does not tell the time to this host, so nothing is known of this host's clock.",
    "Name another server: a web server, or the URL of a file server or domain controller.",
    "On the agent: curl -sI http://SERVER/ | grep -i ^date",
    definite=False,
)
NOT_LISTENING = Cause(
    "agent.not-listening",
    Owner.AGENT,
    Step.AGENT,
    "The Master Server must take connections on a port that nothing listens on here.",
    "Start the Master's service, or run this on the Master Server itself.",
    "On the Master: ss -ltn",
)
LOOPBACK_ONLY = Cause(
    "agent.loopback-only",
    Owner.AGENT,
    Step.AGENT,
    "A service of the Master Server listens on the loopback interface alone: no agent and no browser can reach it.",
    "Let the service listen on the address that agents and browsers use, or on all.",
    "On the Master: ss -ltn",
)
