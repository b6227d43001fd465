"""CIFS/SMB file share, 445.

    we                                        server
    NEGOTIATE: SMB 2.0.2 to 3.1.1        ->
                                         <-   dialect, signing, ciphers, clock, mechanisms
    SESSION_SETUP: SPNEGO, NTLM type 1   ->                                         (names nobody)
                                         <-   the challenge: names, domain, build, clock: the login prompt
    FIN                                  ->                                         (logs nothing)

Where SMB 2 draws not a byte, SMB 1 is asked for on a second connection. On port 139, if that is the target's, a NetBIOS
session comes first. With a credential impacket logs in, on a connection of its own, and lists one directory; where that
is a link of a DFS namespace, the server it leads to is checked, too. Without a credential no share is touched: a login
as nobody is an event in somebody's log.
"""

from __future__ import annotations

from scanready.climb.probe import Probe
from scanready.model import Step

from . import dialect, netbios, prompt, shares


async def verify(probe: Probe) -> None:
    """Climb to the login prompt, and with a credential through it to one directory."""
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
