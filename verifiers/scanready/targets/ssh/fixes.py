"""Define the fixes for an SSH server or the agent's own client: lines of sshd_config and ssh_config, commands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from scanready.remedies.fixes import Fix, on_agent, on_target, together
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

#: The ssh_config(5) keyword for each kind of algorithm.
OPTIONS = {"kex": "KexAlgorithms", "host_key": "HostKeyAlgorithms", "cipher": "Ciphers", "mac": "MACs"}

#: The only product that reads the lines of the fixes for a server, and its file.
OPENSSH, _ITS_FILE = "OpenSSH", "/etc/ssh/sshd_config"
_SSHD_CONFIG = on_target("in /etc/ssh/sshd_config (afterwards reload sshd)")
_KNOWN_HOSTS = on_agent("in a shell of the user that the scanner runs as")
_HOST = Fix("Host {host}", at=on_agent("in ~/.ssh/config of the user that the scanner runs as"), host=HOST)
_MATCH = Fix(
    "Match User {user} Address {agent}",
    at=on_target("at the end of /etc/ssh/sshd_config (afterwards reload sshd)"),
    user=USER_WORD,
    agent=ADDRESS,
)
_ADD = Fix(
    "{option} +{names}",
    at=_SSHD_CONFIG,
    option=Place("OPTION", lambda text: text if text in OPTIONS.values() else None),
    names=ALGORITHMS,
)
MORE_STARTUPS = Fix(
    "# to list the open connections: ss -tn 'sport = :{port}'\nMaxStartups 100:30:200",
    at=_SSHD_CONFIG,
    port=PORTS,
)
EXEMPT_FROM_PENALTIES = Fix("PerSourcePenaltyExemptList {agent}", at=_SSHD_CONFIG, agent=NETWORK)
FORGET_KEY = Fix("ssh-keygen -R '{host}'", at=_KNOWN_HOSTS, host=HOST)
FORGET_KEY_AT_PORT = Fix("ssh-keygen -R '[{host}]:{port}'", at=_KNOWN_HOSTS, host=HOST, port=PORTS)
REMEMBER_KEY = Fix("ssh-keyscan -H -p {port} '{host}' >> ~/.ssh/known_hosts", at=_KNOWN_HOSTS, host=HOST, port=PORTS)
SUBSYSTEM = Fix("Subsystem sftp internal-sftp", at=_SSHD_CONFIG)
GIVE_A_SHELL = Fix("chsh -s /bin/sh {user}", at=on_target("in a shell as root"), user=SHELL_USER)
PERMIT_PROGRAMS = Fix(
    "mount -o remount,exec \"$(df -P {directory} | awk 'END {{print $6}}')\"",
    at=on_target("in a shell as root"),
    directory=SHELL_PATH,
)
#: Installs OpenSSH's client on the agent.
INSTALL_CLIENT = Fix(
    "apt-get install openssh-client   # Debian, Ubuntu; RHEL: dnf install openssh-clients",
    at=on_agent("in a shell as root"),
)


def host_stanza(host: str, additions: Mapping[str, tuple[str, ...]]) -> str:
    """Return a ``Host`` section for the agent's ssh_config that adds ``additions`` (names by kind) to the offer."""
    return "\n".join([_HOST(host=host), *(f"    {_ADD.line(**one)}" for one in _added(additions))])


def server_lines(additions: Mapping[str, tuple[str, ...]]) -> str | None:
    """Return lines for the server's sshd_config that enable ``additions`` (names by kind); None if there are none."""
    return together(_ADD(**one) for one in _added(additions))


def _added(additions: Mapping[str, tuple[str, ...]]) -> Iterable[dict[str, str]]:
    return ({"option": OPTIONS[slot], "names": ",".join(names)} for slot, names in additions.items() if names)


def fit_for(product: str, fix: str | None) -> str | None:
    """Return a fix; None for lines of OpenSSH's file if the server is another ``product``."""
    its_own = product != OPENSSH and fix is not None and _ITS_FILE in fix.partition("\n")[0]
    return None if its_own else fix


def match_stanza(user: str, agent: str, *lines: str) -> str:
    """Return a ``Match`` section of sshd_config for the scan account from this agent; ``lines`` are constants."""
    return "\n".join([_MATCH(user=user, agent=agent), *(f"    {line}" for line in lines)])
