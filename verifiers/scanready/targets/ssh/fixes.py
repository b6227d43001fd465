"""Fixes for an SSH server or the agent's own client: lines of sshd_config and ssh_config, commands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from scanready.remedies.fixes import Fix
from scanready.remedies.quoting import (
    ADDRESS,
    ALGORITHMS,
    HOST,
    NETWORK,
    PORTS,
    SHELL_PATH,
    SHELL_USER,
    USER_WORD,
    Place,
)

#: The slots of a key exchange as ssh_config(5) calls them.
OPTIONS = {"kex": "KexAlgorithms", "host_key": "HostKeyAlgorithms", "cipher": "Ciphers", "mac": "MACs"}

_HOST = Fix("Host {host}", host=HOST)
_MATCH = Fix("Match User {user} Address {agent}", user=USER_WORD, agent=ADDRESS)
_ADD = Fix(
    "{option} +{names}",
    option=Place("OPTION", lambda text: text if text in OPTIONS.values() else None),
    names=ALGORITHMS,
)
MORE_STARTUPS = Fix("# sshd_config; who holds the places: ss -tn 'sport = :{port}'\nMaxStartups 100:30:200", port=PORTS)
EXEMPT_FROM_PENALTIES = Fix("PerSourcePenaltyExemptList {agent}", agent=NETWORK)
FORGET_KEY = Fix("ssh-keygen -R '{host}'", host=HOST)
FORGET_KEY_AT_PORT = Fix("ssh-keygen -R '[{host}]:{port}'", host=HOST, port=PORTS)
GIVE_A_SHELL = Fix("chsh -s /bin/sh {user}", user=SHELL_USER)
PERMIT_PROGRAMS = Fix("mount -o remount,exec \"$(df -P {directory} | awk 'END {{print $6}}')\"", directory=SHELL_PATH)
#: For the agent: OpenSSH's client.
INSTALL_CLIENT = "apt-get install openssh-client   # Debian, Ubuntu; RHEL: dnf install openssh-clients"


def host_stanza(host: str, additions: Mapping[str, tuple[str, ...]]) -> str:
    """Return a section for one host of the agent's ssh_config that adds algorithms, by slot, to what it offers."""
    return "\n".join([_HOST(host=host), *(f"    {line}" for line in _added(additions))])


def server_lines(additions: Mapping[str, tuple[str, ...]]) -> str:
    """Return lines of the server's sshd_config that add algorithms, by slot."""
    return "\n".join(["# sshd_config of the server", *_added(additions)])


def _added(additions: Mapping[str, tuple[str, ...]]) -> Iterable[str]:
    return (_ADD(option=OPTIONS[slot], names=",".join(names)) for slot, names in additions.items())


def match_stanza(user: str, agent: str, *lines: str) -> str:
    """Return a section of sshd_config for the scan account coming from this agent; ``lines`` are our own words."""
    return "\n".join([_MATCH(user=user, agent=agent), *(f"    {line}" for line in lines)])
