"""Describe what a check over SSH sends on each step, with the ssh and sftp lines that ask the same."""

from __future__ import annotations

from scanready.catalogue.exchange import Exchange, Sent, when_read
from scanready.model import Check, Report, Step

_SSH = "ssh -v -p {port} {user}@{host} true"


def _methods(_: Report, check: Check) -> str:
    if check.facts.get("auth_methods"):
        return 'on a connection of its own: a key exchange, and authentication "none" as the user named'
    return "nothing more: the methods depend on the user name"


def _steps(access: str, by_hand: str) -> dict[Step, Exchange]:
    """Return the steps that both types share, with the last one as given."""
    return {
        Step.AGENT: Exchange("nothing: this host's own ssh client was looked at", "ssh -V; ssh -G {host}"),
        Step.HANDSHAKE: Exchange(Sent(version="our version line", offer="our offer of algorithms"), _SSH),
        Step.AUTH: Exchange(_methods, _SSH),
        Step.LOGIN: Exchange("the password or key of the account, once", _SSH),
        Step.ACCESS: Exchange(when_read(access), by_hand),
    }


STORY: dict[str, dict[Step, Exchange]] = {
    "unix": _steps("one read-only command for /bin/sh: which system, and where a scan could put its program", _SSH),
    "ssh": _steps("SFTP: open, look at the path, read one entry of it", "sftp -P {port} {user}@{host}"),
}
