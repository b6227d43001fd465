"""SSH file share (22). The agent needs an ssh client, the target an SSH server that transfers files.

talk       the agent's client, the server's greeting and offer, DISCONNECT     (targets/ssh/talk.py)
log in     the methods this user has, one attempt                              (targets/ssh/talk.py)
look       SFTP opens; the path (option `path`, else the home directory) is there and one entry of it is read
"""

from __future__ import annotations

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe
from scanready.model import Step

from . import causes, inspection, talk
from .login import Result
from .login_inspect import Command, Listing


async def verify(probe: Probe) -> None:
    """Climb to the login prompt, and on to one directory entry with a credential."""
    logged_in = await talk.log_in(probe)
    if logged_in is None:
        return
    async with probe.step(Step.ACCESS) as rung:
        result = await talk.look_again(probe, logged_in, command=False)
        listing = result.listing
        assert listing is not None
        if isinstance(listing, Listing):
            rung.ok(f"SFTP opens; {_read(listing)}", path=listing.path)
        elif listing.cause is common.ACCESS_DENIED:
            rung.warn(listing.cause, f"SFTP opens, but {listing.detail}")
        elif listing.cause is causes.NO_SFTP:
            raise _not_opened(probe, logged_in.spoken.agent, result, listing)
        else:
            raise listing


def _not_opened(probe: Probe, agent: str, result: Result, failure: Failure) -> Failure:
    """What the command of the same visit was told may say why: an expired password, nologin, a forced command."""
    ran = result.command
    if not isinstance(ran, Command) or inspection.read(ran.output) is not None:
        return failure
    told = inspection.something_else_ran(ran.output, ran.status, talk.user_of(probe), agent)
    if told.cause is causes.COMMAND_REFUSED:
        return failure
    return Failure(told.cause, f"{failure.detail}; {told.detail}", told.fix, also=told.also)


def _read(seen: Listing) -> str:
    """What was read, in words."""
    if not seen.directory:
        return f"the file {seen.path} can be read"
    return (
        f"{seen.path} can be read (one entry: {seen.entry})" if seen.entry else f"{seen.path} can be read; it is empty"
    )
