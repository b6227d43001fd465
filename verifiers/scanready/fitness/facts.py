"""The facts that ``scanready agent`` states of the host that it examines.

The families of target types add those of their client programs and libraries (``AGENT_FACTS`` in their ``facts``).
"""

from __future__ import annotations

from scanready.catalogue.facts import CLOCK_SKEW_SECONDS, Fact, Kind

_CLIMB = (
    Fact("target", Kind.TEXT, "URL", "The server that was checked."),
    Fact("verdict", Kind.TEXT, "verdict", "The verdict of that check."),
    Fact("reached", Kind.TEXT, "step", "The highest step reached.", nullable=True),
    Fact("steps", Kind.MAP, "outcome by step", "The outcome of each step."),
)
_LISTENING = (Fact("listening", Kind.MAP, "addresses by port", "The addresses on which each port listens."),)

#: By the subject of the answer, which is the ``endpoint`` of its check.
BY_SUBJECT: dict[str, tuple[Fact, ...]] = {
    "platform": (
        Fact("system", Kind.TEXT, "", "The operating system.", "uname sysname"),
        Fact("release", Kind.TEXT, "", "The release of the kernel or system.", "uname release"),
        Fact("machine", Kind.TEXT, "", "The processor architecture.", "uname machine"),
        Fact("bits", Kind.INTEGER, "bit", "The width of a pointer in this Python."),
        Fact("serves", Kind.TEXTS, "target type", "The types that an agent of this platform can scan."),
        Fact("serves_not", Kind.TEXTS, "target type", "The types that require another platform."),
    ),
    "drivers": (
        Fact("drivers", Kind.MAP, "version by module", "The client libraries that are installed."),
        Fact(
            "drivers_absent",
            Kind.MAP,
            "`missing` or `broken` by module",
            "The client libraries that are missing or broken.",
        ),
    ),
    "attack tools": (Fact("scripts", Kind.TEXTS, "", "The scripts that attack networks, by file name."),),
    "driver limits": (Fact("limits", Kind.MAP, "text by module", "The limits of each client library."),),
    "TLS": (
        Fact("openssl", Kind.TEXT, "", "The version of OpenSSL."),
        Fact("tls_minimum", Kind.TEXT, "", "The lowest TLS version of client libraries, by the system's policy."),
        Fact("security_level", Kind.INTEGER, "", "The security level of OpenSSL, by the system's policy."),
        Fact("tls_minimum_of_handshakes", Kind.TEXT, "", "The lowest TLS version of the checks' own handshakes."),
    ),
    "source ports < 1024": (Fact("bound", Kind.INTEGER, "TCP port", "The port below 1024 that could be bound."),),
    "ephemeral ports": (
        Fact("first", Kind.INTEGER, "TCP port", "The first port of the range for outgoing connections."),
        Fact("last", Kind.INTEGER, "TCP port", "The last port of that range."),
        Fact("in_use", Kind.INTEGER, "port", "The number of ports of that range in use."),
    ),
    "open files": (
        Fact("soft", Kind.INTEGER, "descriptor", "The soft limit of open files; -1 for no limit."),
        Fact("hard", Kind.INTEGER, "descriptor", "The hard limit of open files; -1 for no limit."),
    ),
    "vantage point": (
        Fact("container", Kind.TEXTS, "", "The signs of a container or a network namespace."),
        Fact("leftover", Kind.TEXTS, "path", "Files of a container engine on a host that is not a container."),
        Fact("translated", Kind.TEXT, "", "The network whose addresses are translated (NAT); empty for none."),
    ),
    "subnets": (
        Fact("interfaces", Kind.MAP, "address/prefix by interface", "The addresses of this host."),
        Fact("targets", Kind.MAP, "object by host", "The addresses of target hosts, and whether a subnet is shared."),
    ),
    "resolvers": (
        Fact("resolvers", Kind.MAP, "text by address", "The DNS servers, and how each answered."),
        Fact("search", Kind.TEXTS, "domain", "The search list."),
    ),
    "proxy settings": (
        Fact("proxies", Kind.MAP, "proxy by source", "The proxies that the host's settings name, without passwords."),
    ),
    "clock": (CLOCK_SKEW_SECONDS,),
    "path to the Master": _CLIMB,
    "way to updates": _CLIMB,
    "listens for agents": _LISTENING,
    "listens for browsers": _LISTENING,
}

FACTS: tuple[Fact, ...] = tuple(dict.fromkeys(fact for facts in BY_SUBJECT.values() for fact in facts))
