"""Unix or Unix-like host, agentless (22). The agent needs an ssh client, the target an SSH server.

    talk       the agent's client, the server's greeting and offer, DISCONNECT     (handshakes/ssh.py)
    log in     the methods this user has, one attempt                              (handshakes/ssh.py)
    run        one read-only command: does it run at all, and on what system?
    look       at the directory where a scan puts its program: writable, not noexec, some space

A scan runs a program on the target, so an account that may only transfer files,
or that is turned away by its shell, is as good as none.
"""

from __future__ import annotations

from typing import NoReturn

from ..causes import common
from ..causes import ssh as causes
from ..explain import Failure
from ..handshakes import ssh, unix_inspection
from ..handshakes.unix_inspection import Inspection
from ..logins.openssh import match_stanza
from ..logins.ssh_leash import printable
from ..logins.ssh_looks import Command
from ..model import Step
from ..probe import Probe

#: KiB below which the directory counts as full. The requirements name no figure; a scanner's program alone is tens
#: of megabytes, and its results come on top.
LITTLE_SPACE = 100 << 10


async def verify(probe: Probe) -> None:
    """Climb to the login prompt, and on to one command with a credential."""
    spoken = await ssh.talk(probe)
    visit = await ssh.log_in(probe, spoken)
    if visit is None:
        return
    async with probe.step(Step.ACCESS) as rung:
        visit = await ssh.look_again(probe, spoken, visit, command=True)
        if isinstance(visit.command, Failure):
            raise visit.command
        assert visit.command is not None
        found = unix_inspection.read(visit.command.output)
        if found is None:
            _something_else_ran(probe, spoken.agent, visit.command)
        system = found.system.partition(" ")[0]
        note = ssh.platform_note(probe, system)
        rung.saw(f"ran a command on {found.system}{f' ({note})' if note else ''}", system=found.system)
    async with probe.step(Step.ACCESS, f"{probe.endpoint} {found.directory}") as rung:
        if not found.exists or not found.writable:
            state = "is not writable for the account" if found.exists else "does not exist"
            rung.warn(causes.TEMP_NOT_WRITABLE, f"{found.directory} {state}")
        elif found.noexec:
            rung.warn(causes.TEMP_NOEXEC, f"{found.directory} is mounted noexec", _remount(found))
        elif found.free is not None and found.free < LITTLE_SPACE:
            rung.warn(causes.TEMP_FULL, f"{found.directory} has {found.free >> 10} MiB left")
        else:
            rung.saw(f"{found.directory} is writable and permits programs", temp_directory=found.directory)


def _something_else_ran(probe: Probe, agent: str, ran: Command) -> NoReturn:
    """The command did not run to its end: who or what answered instead?"""
    said, exited = printable(ran.output, 300), f"exit status {ran.status}"
    user = probe.target.credential.username if probe.target.credential else ""
    detail = f"{exited}: {said}" if said else f"{exited} and no output"
    if unix_inspection.is_expired(said):
        raise Failure(common.LOGIN_EXPIRED, detail)
    if unix_inspection.is_sftp_only(said):
        raise Failure(causes.SFTP_ONLY, detail, match_stanza(user, agent, "ForceCommand none"))
    if unix_inspection.is_nologin(said):
        raise Failure(causes.NOLOGIN, detail, f"chsh -s /bin/sh {user}")
    if ran.status in (126, 127) or (not said and ran.status != 0):
        raise Failure(causes.COMMAND_REFUSED, detail)
    raise Failure(causes.FORCED_COMMAND, detail, match_stanza(user, agent, "ForceCommand none"))


def _remount(found: Inspection) -> str:
    return f"mount -o remount,exec \"$(df -P '{found.directory}' | awk 'END {{print $6}}')\""
