"""SSH file share (22). The agent needs an ssh client, the target an SSH server that transfers files.

talk       the agent's client, the server's greeting and offer, DISCONNECT     (handshakes/ssh.py)
log in     the methods this user has, one attempt                              (handshakes/ssh.py)
look       SFTP opens; the path (option `path`, else the home directory) is there and one entry of it is read
"""

from __future__ import annotations

from ..causes import common
from ..causes import ssh as causes
from ..explain import Failure
from ..handshakes import ssh, unix_inspection
from ..logins.ssh import Visit
from ..logins.ssh_looks import Command, Listing
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
        elif seen.cause is causes.NO_SFTP:
            raise _not_opened(probe, spoken.agent, visit, seen)
        else:
            raise seen


def _not_opened(probe: Probe, agent: str, visit: Visit, seen: Failure) -> Failure:
    """What the command of the same visit was told may say why: an expired password, nologin, a forced command."""
    ran = visit.command
    if not isinstance(ran, Command) or unix_inspection.read(ran.output) is not None:
        return seen
    told = unix_inspection.something_else_ran(ran.output, ran.status, ssh.user_of(probe), agent)
    if told.cause is causes.COMMAND_REFUSED:
        return seen
    return Failure(told.cause, f"{seen.detail}; {told.detail}", told.fix)


def _read(seen: Listing) -> str:
    """What was read, in words."""
    if not seen.directory:
        return f"the file {seen.path} can be read"
    return (
        f"{seen.path} can be read (one entry: {seen.entry})" if seen.entry else f"{seen.path} can be read; it is empty"
    )
