"""Verify a Unix or Unix-like host, agentless (22). The agent needs an ssh client; the target needs an SSH server.

    talk       the agent's client, the server's identification and KEXINIT, DISCONNECT   (targets/ssh/talk.py)
    log in     the login methods of this user, one attempt                               (targets/ssh/prompt.py)
    run        one read-only command: does it run, and on what system?
    look       at the directory where a scan stores its program: writable, not noexec, enough space

A scan runs a program on the target. An account that may only transfer files, or whose shell is nologin, cannot be used
for a scan.
"""

from __future__ import annotations

from scanready.catalogue.row import user_of
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe
from scanready.model import Step

from . import causes, fixes, talk

#: KiB below which the directory counts as full. The requirements name no figure; a scanner's program has tens of
#: megabytes, and its results need further space.
LITTLE_SPACE = 100 << 10


async def verify(probe: Probe) -> None:
    """Climb to the login prompt; with a credential, log in and run one command."""
    spoken = await talk.talk(probe)
    from . import inspection, prompt  # no packet waits for the login

    logged_in = await prompt.log_in(probe, spoken)
    if logged_in is None:
        return
    async with probe.step(Step.ACCESS) as rung:
        ran = (await prompt.look_again(probe, logged_in, command=True)).command
        if isinstance(ran, Failure):
            raise ran
        assert ran is not None
        found = inspection.read(ran.output)
        if found is None:
            reason = inspection.something_else_ran(ran.output, ran.status, user_of(probe.target), spoken.agent)
            raise spoken.fitted(reason)
        rung.ok(f"ran a command on {found.system}", system=found.system)
    async with probe.step(Step.ACCESS, f"{probe.endpoint} {found.directory}") as rung:
        if not found.exists or not found.writable:
            state = "is not writable by the account" if found.exists else "does not exist"
            rung.warn(causes.TEMP_NOT_WRITABLE, f"{found.directory} {state}")
        elif found.noexec:
            rung.warn(
                causes.TEMP_NOEXEC,
                f"{found.directory} is mounted noexec",
                fixes.PERMIT_PROGRAMS(directory=found.directory),
            )
        elif found.free is not None and found.free < LITTLE_SPACE:
            rung.warn(causes.TEMP_FULL, f"{found.directory} has only {found.free >> 10} MiB free")
        else:
            rung.ok(f"{found.directory} is writable and not mounted noexec", temp_directory=found.directory)
