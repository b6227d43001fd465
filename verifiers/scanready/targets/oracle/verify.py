"""Oracle Database 1521 (TNS); 2484 is usually the listener's TCPS port.

    we                                      listener
    CONNECT, COMMAND=ping                ->                             (no service is named)
                                         <- ERR=0: it lives; no server process was started
    CONNECT, SERVICE_NAME or SID         ->
                                         <- REFUSE: ERR= and why; RESEND; REDIRECT to the host that has it
                                         <- ACCEPT: the database itself takes over: the login prompt
    DATA, end of file                    ->                             (one line in the alert log: ORA-00609)

A TCPS listener hangs up on plain text or answers with an alert; it is asked once more, in TLS.
"""

from __future__ import annotations

from scanready.climb.probe import Probe
from scanready.model import Step
from scanready.net.events import record
from scanready.wire import WireError
from scanready.wire import tns as wire

from . import causes, listener, login


async def verify(probe: Probe) -> None:
    """Climb to the listener, to the service if one is named, and with a credential to one row."""
    options = probe.target.options
    named = options.get("service") or options.get("sid")
    stream = await probe.connect()
    session = listener.Session(stream, probe.address or probe.host, probe.target.port, encrypted=False)
    data = wire.ping()
    if named:
        which, agent = {"name": options.get("service"), "sid": options.get("sid")}, probe.shared.agent.name
        data = wire.service(probe.host, probe.target.port, **which, agent=agent)
    async with probe.step(Step.HANDSHAKE) as rung:
        record("service" if named else "ping")
        answer = await listener.ask(probe, session, data)
        if isinstance(answer, wire.Resend):
            raise WireError("asks for the same again and again")
        version = answer.version if isinstance(answer, wire.Refused) else ""
        rung.ok(f"an Oracle listener {version}".rstrip(), product="Oracle Database")
        if isinstance(answer, wire.Refused):
            rung.check.facts |= {"listener": answer.alias or None, "version": version or None}
    async with probe.step(Step.AUTH) as rung:
        answer = await listener.follow(probe, session, answer, data)
        if isinstance(answer, wire.Refused):
            raise listener.refused(probe, answer) if named else listener.answered_ping(probe, answer)
        if not isinstance(answer, wire.Accepted):
            raise WireError("neither accepts nor refuses")
        session.accepted = answer
        if not named:  # a default service, or no listener of Oracle's: a ping is refused there
            await session.end(session.stream)
            rung.stop(
                causes.SERVICE_NOT_NAMED, "accepts a session without a name; which database it leads to is unknown"
            )
        needs = {"native_encryption": "required"} if answer.encryption_required else {}
        rung.ok(f"{named} takes logins (protocol {answer.version})", protocol_version=answer.version, **needs)
    await session.end(session.stream)
    await probe.leave(session.stream)
    if probe.credential is not None:
        await _log_in(probe, session, answer)


async def _log_in(probe: Probe, session: listener.Session, accepted: wire.Accepted) -> None:
    credential, options = probe.credential, probe.target.options
    assert credential is not None
    async with probe.step(Step.LOGIN) as rung:
        if limit := listener.beyond_us(accepted):
            raise limit
        named = (options.get("service"), options.get("sid"), options.get("table"))
        where = login.Where(session.host, session.port, *named, session.encrypted, probe.login_trust())
        result = await probe.login(login.visit, where)
        rung.ok(f"logged in as {credential.username}{f' ({result.warning})' if result.warning else ''}")
        if result.sent_on_to:  # by the listener of the login's own connection, or that of the handshake's
            rung.ok(f"the server of the login is {result.sent_on_to[-1]}", redirected_to=result.sent_on_to[-1])
    async with probe.step(Step.ACCESS) as rung:
        if result.denied is not None:
            rung.judge_access(result.denied)
        else:
            rung.ok(f"read {result.read}", version=result.version)
