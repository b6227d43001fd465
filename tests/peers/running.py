"""Start a peer of the lab once, or say why not; and ask an independent client about the same server."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from fixtures.lab.accounts import PASSWORD, SCANNER
from fixtures.lab.lab import Lab
from fixtures.lab.net import Host
from fixtures.lab.peer import Peer

P = TypeVar("P", bound=Peer)

SECONDS = 20  # an independent client's, for one question


def running(lab: Lab, kind: type[P], label: str, make: Callable[[Host, Path], P]) -> P:
    """The server, started once. One that is not installed is a skip, or a failure where it is required."""
    demand(label, kind.missing())
    return lab.alone(f"peer-{label}", make)


def demand(label: str, missing: list[str]) -> None:
    """Skip the test where something of a peer is missing, or fail it where the lab is required."""
    if missing and os.environ.get("SCANREADY_REQUIRE_LAB") == "1":
        pytest.fail(f"{label} is required but not installed: {', '.join(missing)}", pytrace=False)
    if missing:
        pytest.skip(f"{label} is not installed (script/test-peers): {', '.join(missing)}")


def says(lab: Lab, *argv: str, **environment: str) -> tuple[bool, str]:
    """Run a client on the agent; whether it succeeded, and what it printed."""
    done = lab.agent.command(["timeout", str(SECONDS), *argv], env=environment, timeout=SECONDS + 5)
    return done.returncode == 0, done.stdout + done.stderr


def by_curl(lab: Lab, url: str, *options: str) -> tuple[bool, str]:
    """Ask curl for a URL."""
    return says(lab, "curl", "-sS", "-v", "--max-time", str(SECONDS - 2), *options, url)


def by_psql(lab: Lab, host: str, port: int, user: str, database: str, query: str = "SELECT 1") -> tuple[bool, str]:
    """Ask psql for a row, with the right password."""
    argv = ["psql", "-XAtq", "-h", host, "-p", str(port), "-U", user, "-d", database, "-c", query]
    return says(lab, *argv, PGPASSWORD=PASSWORD, PGCONNECT_TIMEOUT=str(SECONDS - 2))


def by_ssh(lab: Lab, host: str) -> tuple[bool, str]:
    """Say whether OpenSSH's client gets as far as the server's refusal of a login."""
    options = ("BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "ConnectTimeout=8")
    words = [word for option in options for word in ("-o", option)]
    _, printed = says(lab, "ssh", *words, f"{SCANNER}@{host}", "true")
    return "Permission denied" in printed, printed
