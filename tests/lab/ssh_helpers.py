"""Share helpers between the tests of `unix` and `ssh` against real servers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence

from fixtures.lab.lab import Lab
from fixtures.lab.namespace import tool, wait_until
from fixtures.lab.openssh import OpenSSH
from fixtures.lab.server import Server
from scanready.model import Credential, Report, Target
from scanready.run.engine import verify_all
from scanready.run.settings import Settings
from tests.ladder import account

TYPES = ("unix", "ssh")
SCANNER, WRONG = account("scanuser"), account("scanuser", "not-it")


def climb_all(lab: Lab, targets: Sequence[Target]) -> list[Report]:
    """One run over several targets, one after the other."""

    async def run() -> list[Report]:
        return [report async for report in verify_all(targets, Settings(concurrency=1))]

    return lab.agent.run(lambda: asyncio.run(run()))


def key_of(lab: Lab, password: str | None = None) -> Credential:
    return Credential("scan-key", "scanuser", password, str(lab.keys.client))


def logged(server: Server, mark: int, last: str) -> list[str]:
    """The lines since ``mark``, once the one with ``last`` is there."""
    assert wait_until(lambda: last in server.logged_since(mark)), server.logged_since(mark)
    return server.logged_since(mark).splitlines()


def reconfigure(server: OpenSSH, change: Callable[[str], str]) -> None:
    """Change sshd_config and have sshd read it again: it restarts itself on SIGHUP, under the same pid."""
    config = server.directory / "sshd_config"
    config.write_text(change(config.read_text()))
    mark = len(server.log)
    tool("kill", "-HUP", str(server.pid))
    assert wait_until(lambda: "Server listening on" in server.logged_since(mark)), server.log


@contextlib.contextmanager
def mounted(server: OpenSSH, options: str) -> Iterator[None]:
    """Mount a tmpfs on the server's /srv, in its own mount namespace: other processes do not have it."""
    inside = ("nsenter", "-t", str(server.pid), "-m")
    tool(*inside, "mount", "-t", "tmpfs", "-o", options, "lab", "/srv")
    try:
        yield
    finally:
        tool(*inside, "umount", "/srv")
