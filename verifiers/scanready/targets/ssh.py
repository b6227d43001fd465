"""SSH file share (22). The agent needs an ssh client, the target an SSH server that transfers files.

talk       the agent's client, the server's greeting and offer, DISCONNECT     (handshakes/ssh.py)
log in     the methods this user has, one attempt                              (handshakes/ssh.py)
look       SFTP opens; the path (option `path`, else the home directory) is there and one entry of it is read
"""

from __future__ import annotations

from ..causes import common
from ..explain import Failure
from ..handshakes import ssh
from ..logins.ssh_looks import Listing
from ..model import Step
from ..probe import Probe


async def verify(probe: Probe) -> None:
    """Climb to the login prompt, and on to one directory entry with a credential."""
    spoken = await ssh.talk(probe)
    visit = await ssh.log_in(probe, spoken)
    if visit is None:
        return
    async with probe.step(Step.ACCESS) as rung:
        visit = await ssh.look_again(probe, spoken, visit, command=False)
        seen = visit.listing
        assert seen is not None
        if isinstance(seen, Listing):
            rung.saw(f"SFTP opens; {_read(seen)}", path=seen.path)
        elif seen.cause is common.ACCESS_DENIED:
            rung.warn(seen.cause, f"SFTP opens, but {seen.detail}")
        else:
            raise Failure(seen.cause, seen.detail, seen.fix)


def _read(seen: Listing) -> str:
    """What was read, in words."""
    if not seen.directory:
        return f"the file {seen.path} can be read"
    return (
        f"{seen.path} can be read (one entry: {seen.entry})" if seen.entry else f"{seen.path} can be read; it is empty"
    )
