"""Check Oracle Database on port 1521 (TNS); port 2484 is usually the listener's TCPS port.

    agent                                   listener
    CONNECT, COMMAND=ping                ->                             (the target names no service)
                                         <- ERR=0: the listener works; no server process was started
    CONNECT, SERVICE_NAME or SID         ->
                                         <- REFUSE with ERR=; RESEND; REDIRECT to the host with the service
                                         <- ACCEPT from the database itself: the login prompt
    DATA, end of file                    ->                             (one line in the alert log: ORA-00609)

A TCPS listener closes a connection in clear text or answers with an alert. The check then connects once more with TLS.
"""

from __future__ import annotations

from scanready.climb.expiry import tell_expiry
from scanready.climb.probe import Probe
from scanready.model import Step
from scanready.net.events import record
from scanready.wire import OurLimit, WireError
from scanready.wire import tns as wire

from . import causes, listener, login


async def verify(probe: Probe) -> None:
    """Check the listener, the service if the target names one, and with a credential the login and one row."""
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
            raise OurLimit("the listener asks for the same request again and again; scanready sends it four times")
        version = answer.version if isinstance(answer, wire.Refused) else ""
        rung.ok(f"an Oracle listener {version}".rstrip(), product="Oracle Database")
        if isinstance(answer, wire.Refused):
            rung.check.facts |= {"listener": answer.alias or None, "version": version or None}
    async with probe.step(Step.AUTH) as rung:
        answer = await listener.follow(probe, session, answer, data)
        if isinstance(answer, wire.Refused):
            raise listener.refused(probe, answer) if named else listener.answered_ping(probe, answer)
        if not isinstance(answer, wire.Accepted):
            raise WireError("the listener neither accepts nor refuses")
        session.accepted = answer
        if not named:  # a default service, or another product: an Oracle listener refuses a ping
            await session.end(session.stream)
            rung.stop(
                causes.SERVICE_NOT_NAMED,
                "the listener accepts a session without a service name; it is unknown which database that is",
            )
        needs = {"native_encryption": "required"} if answer.encryption_required else {}
        rung.ok(f"{named} accepts logins (protocol {answer.version})", protocol_version=answer.version, **needs)
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
        tell_expiry(rung, result)
        if result.sent_on_to:  # by a listener's redirect, on the login's own connection or during the handshake
            rung.ok(f"the server of the login is {result.sent_on_to[-1]}", redirected_to=result.sent_on_to[-1])
    async with probe.step(Step.ACCESS) as rung:
        if result.denied is not None:
            rung.judge_access(result.denied)
        else:
            rung.ok(f"read {result.read}", version=result.version)
