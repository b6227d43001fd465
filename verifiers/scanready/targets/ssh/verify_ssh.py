"""Verify an SSH file share (22). The agent needs an ssh client; the target needs an SSH server with SFTP.

talk       the agent's client, the server's identification and KEXINIT, DISCONNECT   (targets/ssh/talk.py)
log in     the login methods of this user, one attempt                               (targets/ssh/prompt.py)
look       SFTP opens, the path (option `path`, else the home directory) exists, and one entry of it is read
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scanready.catalogue.row import user_of
from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe
from scanready.model import Step

from . import causes, talk

if TYPE_CHECKING:
    from .login import Result
    from .login_inspect import Listing


async def verify(probe: Probe) -> None:
    """Climb to the login prompt; with a credential, log in and read one directory entry."""
    spoken = await talk.talk(probe)
    from . import prompt  # no packet waits for the login
    from .login_inspect import Listing

    logged_in = await prompt.log_in(probe, spoken)
    if logged_in is None:
        return
    async with probe.step(Step.ACCESS) as rung:
        result = await prompt.look_again(probe, logged_in, command=False)
        listing = result.listing
        assert listing is not None
        if isinstance(listing, Listing):
            rung.ok(f"SFTP works: {_read(listing)}", path=listing.path)
        elif listing.cause is common.ACCESS_DENIED:
            rung.warn(listing.cause, f"SFTP works, but {listing.detail}")
        elif listing.cause is causes.NO_SFTP:
            raise spoken.fitted(_not_opened(probe, spoken.agent, result, listing))
        else:
            raise listing


def _not_opened(probe: Probe, agent: str, result: Result, failure: Failure) -> Failure:
    """Explain why SFTP did not open: by the command's output in the same visit, if that shows a reason.

    Possible reasons are an expired password, nologin and a forced command.
    """
    from . import inspection
    from .login_inspect import Command

    ran = result.command
    if not isinstance(ran, Command) or inspection.read(ran.output) is not None:
        return failure
    reason = inspection.something_else_ran(ran.output, ran.status, user_of(probe.target), agent)
    if reason.cause is causes.COMMAND_REFUSED:
        return failure
    return Failure(reason.cause, f"{failure.detail}; {reason.detail}", reason.fix, also=reason.also)


def _read(listing: Listing) -> str:
    """Describe the file or directory that was read."""
    path = listing.path
    if not listing.directory:
        return f"the file {path} can be read"
    return f"{path} can be read (one entry: {listing.entry})" if listing.entry else f"{path} can be read; it is empty"
