"""Causes that `scanready agent` reports about this host: they concern all targets, or none."""

from __future__ import annotations

from scanready.model import Cause, Owner, Step

CONTAINER = Cause(
    "agent.container",
    Owner.AGENT,
    Step.AGENT,
    "scanready runs in a container or a network namespace, not on the agent's own system. Targets and firewalls "
    "see another address. Resolver, programs and limits are the container's, not the scanner's.",
    "Run scanready on the agent's own system, beside the scanner. If it must be a container, give it the host's "
    "network (--network host); programs and limits in this report are then still the container's.",
    "On the agent: readlink /proc/1/ns/net /proc/self/ns/net; cat /proc/self/cgroup; ls /.dockerenv /run/.containerenv",
    wire="A capture on the host's outer interface shows its address as the source, not the container's.",
)
ADDRESS_TRANSLATED = Cause(
    "agent.address-translated",
    Owner.AGENT,
    Step.AGENT,
    "This host is in a virtual network whose gateway translates its address (NAT), so targets see another address. "
    "Firewall rules and access lists for the address shown here do not match.",
    "Give the virtual machine a bridged network, or use the address of the translating host in rules and lists.",
    "On the agent: ip -br address; ip route show default; on a target: look for the agent's address in its log",
    wire="The agent's packets leave with its own source address; a capture on a target shows the gateway's address.",
)
RESOLVER_SILENT = Cause(
    "agent.resolver-silent",
    Owner.NETWORK,
    Step.AGENT,
    "Some of this host's DNS servers do not answer. A lookup that starts with one of them waits several seconds before "
    "it tries the next.",
    "Remove the dead server from the configuration, or permit DNS (port 53, UDP and TCP) from this agent to it.",
    "On the agent: dig . NS @SERVER, for each nameserver of /etc/resolv.conf (Windows: Resolve-DnsName . -Type NS "
    "-Server SERVER, for each of Get-DnsClientServerAddress)",
    wire="The agent's queries to port 53 of one DNS server get no reply; the next server's replies arrive.",
)
NO_RESOLVER = Cause(
    "agent.no-resolver",
    Owner.AGENT,
    Step.AGENT,
    "No DNS server answers this host. Only IP addresses and names in its hosts file work.",
    "Configure a DNS server that this agent reaches (/etc/resolv.conf or the network settings), or address all targets "
    "by IP address.",
    "On the agent: cat /etc/resolv.conf; dig . NS @SERVER (Windows: Get-DnsClientServerAddress; Resolve-DnsName . "
    "-Type NS -Server SERVER)",
    wire="The agent's queries to port 53 get no reply from any DNS server, or no server is configured to query.",
)
NO_PRIVILEGED_PORTS = Cause(
    "agent.no-privileged-ports",
    Owner.AGENT,
    Step.AGENT,
    "scanready cannot use source ports below 1024 on this host. By default, servers of the types named in the detail "
    "accept no other source port.",
    "Run the scanner as root or with CAP_NET_BIND_SERVICE, or configure the servers to accept any source port.",
    "On the agent: capsh --print | grep net_bind; nc -p 1000 HOST PORT",
    wire="The agent's connections have source ports of 1024 and above.",
)
FEW_PORTS = Cause(
    "agent.few-ports",
    Owner.AGENT,
    Step.AGENT,
    "Hardly any source ports are free for outgoing connections.",
    "Widen the range (net.ipv4.ip_local_port_range; on Windows netsh int ipv4 set dynamicport tcp), or find the "
    "process that holds the ports.",
    "On the agent: sysctl net.ipv4.ip_local_port_range; ss -s (Windows: netsh int ipv4 show dynamicport tcp; "
    "netstat -ano)",
    wire="Nothing is sent: the check counts the agent's ports.",
)
FEW_DESCRIPTORS = Cause(
    "agent.few-descriptors",
    Owner.AGENT,
    Step.AGENT,
    "The limit of open files per process on this host is too low for a run over many targets. scanready checks fewer "
    "targets at once.",
    "Raise the hard limit of open files (LimitNOFILE= of the service, /etc/security/limits.conf).",
    "On the agent: ulimit -Hn",
    wire="Nothing is sent: the check reads the agent's limit.",
)
ATTACK_TOOLS = Cause(
    "agent.attack-tools",
    Owner.AGENT,
    Step.AGENT,
    "Scripts that attack networks are installed on this host, because pip itself installed impacket. scanready uses "
    "none of them. Endpoint protection takes them for an attack: it deletes them or puts this host into quarantine, "
    "and every scan from it fails.",
    "Run script/install-windows of scanready's source with the interpreter that scanready uses (see the fix). It "
    "installs impacket again without these files.",
    "On the agent: python -m pip show -f impacket   # lists secretsdump.py and its like, and impacket/examples",
    wire="Nothing is sent: the check looks at files on the agent.",
)
CLOCK_SKEWED = Cause(
    "agent.clock-skewed",
    Owner.AGENT,
    Step.AGENT,
    "This host's clock and the queried server's clock differ by about five minutes or more. At five minutes, Kerberos "
    "rejects logins and cloud services reject signatures. Certificates are checked against a wrong date.",
    "Correct the clock that is wrong, and synchronise it with a time server.",
    "On the agent: date -u; curl -sI http://SERVER/ | grep -i ^date",
    wire="The time in the server's answer (HTTP Date, SMB SystemTime or NTLM timestamp) differs from the capture's "
    "time stamps.",
)
CLOCK_UNKNOWN = Cause(
    "agent.clock-unknown",
    Owner.OPERATOR,
    Step.AGENT,
    "The server named for the clock check does not report a time, so this host's clock was not checked.",
    "Name another server: a web server, or the URL of a file server or domain controller.",
    "On the agent: curl -sI http://SERVER/ | grep -i ^date",
    definite=False,
    wire="The server does not answer, or its answer contains no time (HTTP Date, SMB SystemTime or NTLM timestamp).",
)
NOT_LISTENING = Cause(
    "agent.not-listening",
    Owner.AGENT,
    Step.AGENT,
    "The Master Server must accept connections on a port, but no service listens on it here.",
    "Start the Master's service, or run this command on the Master Server itself.",
    "On the Master: ss -ltn",
    wire=(
        "Nothing is sent: the check reads this host's listening sockets. A SYN to the port would be answered by a RST."
    ),
)
LOOPBACK_ONLY = Cause(
    "agent.loopback-only",
    Owner.AGENT,
    Step.AGENT,
    "A service of the Master Server listens only on the loopback interface. Agents and browsers cannot reach it.",
    "Make the service listen on the address that agents and browsers use, or on all addresses.",
    "On the Master: ss -ltn",
    wire=(
        "Nothing is sent: the check reads this host's listening sockets. A SYN from another host would be answered "
        "by a RST."
    ),
)
