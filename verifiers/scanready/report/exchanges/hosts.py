"""Hosts scanned without an agent of their own, and SSH file shares, which begin alike."""

from __future__ import annotations

from scanready.catalogue.exchange import Exchange
from scanready.model import Check, Report, Step

_SSH = "ssh -v -p {port} {user}@{host} true"
_CIM = "New-CimSession {host} -Credential {user} -SessionOption (New-CimSessionOption -Protocol Dcom)"


def _asked_for_methods(_: Report, check: Check) -> str:
    if check.facts.get("auth_methods"):
        return 'on a connection of its own: a key exchange, and authentication "none" as the user named'
    return "nothing more: the methods depend on the user name"


def _ssh(kind: str, look: str, by_hand: str) -> dict[tuple[str, str], Exchange]:
    return {
        (kind, Step.AGENT): Exchange("nothing: this host's own ssh client was looked at", "ssh -V; ssh -G {host}"),
        (kind, Step.HANDSHAKE): Exchange(
            "our version line; the server's greeting and offer were read; DISCONNECT with our text", _SSH
        ),
        (kind, Step.AUTH): Exchange(_asked_for_methods, _SSH),
        (kind, Step.LOGIN): Exchange("the password or key of the account, once", _SSH),
        (kind, Step.ACCESS): Exchange(look, by_hand),
    }


HOSTS: dict[tuple[str, str], Exchange] = {
    **_ssh("unix", "one read-only command for /bin/sh: which system, and where a scan could put its program", _SSH),
    **_ssh("ssh", "SFTP: open, look at the path, read one entry of it", "sftp -P {port} {user}@{host}"),
    ("windows", Step.HANDSHAKE): Exchange(
        "bind to the endpoint mapper; ServerAlive2; ept_lookup: names, addresses, services and their ports",
        "on another Windows: portqry -n {host} -e {port}",
    ),
    ("windows", Step.AUTH): Exchange(
        "NTLM type 1, which names nobody", "on another Windows: portqry -n {host} -e {port}"
    ),
    ("windows", Step.LOGIN): Exchange("WMI was started over DCOM, logging on with NTLM", f"on another Windows: {_CIM}"),
    ("windows", Step.ACCESS): Exchange(
        "SELECT Caption, Version FROM Win32_OperatingSystem, over WMI's own port",
        f"on another Windows: Get-CimInstance Win32_OperatingSystem -CimSession ({_CIM})",
    ),
}
