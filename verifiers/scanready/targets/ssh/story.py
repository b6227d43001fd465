"""Describe what a check over SSH sends on each step, with the equivalent ssh and sftp commands."""

from __future__ import annotations

from scanready.catalogue.exchange import Exchange, Sent, when_read
from scanready.model import Check, Report, Step

_SSH = "ssh -v -p {port} {user}@{host} true"


def _methods(_: Report, check: Check) -> str:
    if check.facts.get("auth_methods"):
        return 'on a separate connection: a key exchange, and authentication "none" with the given user name'
    return "nothing more: the login methods depend on the user name"


def _steps(access: str, by_hand: str) -> dict[Step, Exchange]:
    """Return the steps of a type; only ``access`` and its command differ between the two types."""
    return {
        Step.AGENT: Exchange("nothing: only the ssh client on this host was checked", "ssh -V; ssh -G {host}"),
        Step.HANDSHAKE: Exchange(
            Sent(version="our identification string", offer="our list of algorithms (KEXINIT)"), _SSH
        ),
        Step.AUTH: Exchange(_methods, _SSH),
        Step.LOGIN: Exchange("the account's password or key, once", _SSH),
        Step.ACCESS: Exchange(when_read(access), by_hand),
    }


STORY: dict[str, dict[Step, Exchange]] = {
    "unix": _steps("one read-only /bin/sh command: the system's name, and where a scan would store its program", _SSH),
    "ssh": _steps("SFTP: open a session, stat the path, read one entry of it", "sftp -P {port} {user}@{host}"),
}
