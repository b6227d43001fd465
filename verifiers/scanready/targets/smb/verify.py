"""CIFS/SMB file share, 445.

    agent                                     server
    NEGOTIATE: SMB 2.0.2 to 3.1.1        ->
                                         <-   dialect, signing, ciphers, clock, mechanisms
    SESSION_SETUP: SPNEGO, NTLM type 1   ->                                         (no user name)
                                         <-   the challenge (names, domain, build, clock): the login prompt
    FIN                                  ->                                         (no log entry)

If SMB 2 gets no byte in return, SMB 1 is tried on a second connection. If the target's port is 139, a NetBIOS session
comes first. With a credential, impacket logs in on its own connection and lists one directory. If that directory is a
DFS link, the server behind the link is checked too. Without a credential no share is opened, because an anonymous login
would create an event in the server's log.
"""

from __future__ import annotations

from scanready.climb.probe import Probe
from scanready.model import Step

from . import dialect, netbios, prompt, shares


async def verify(probe: Probe) -> None:
    """Check up to the login prompt; with a credential, up to one directory."""
    server, called = await probe.share("smb", _to_the_prompt)
    if probe.credential is not None:
        await shares.read(probe, server, called)


async def _to_the_prompt(probe: Probe) -> tuple[prompt.Server, str | None]:
    service = netbios.Service(probe)
    stream = await netbios.connect(probe)
    async with probe.step(Step.HANDSHAKE) as rung:
        stream = await service.session(rung, stream)
        talk = await dialect.negotiate(probe, stream, service.again)
        dialect.report_product(rung, talk)
    server = await prompt.report_prompt(probe, talk)
    await probe.leave(talk.stream)
    if server.old or service.by_session:
        await service.inspect()
    return server, service.called
