"""Check Teradata on port 1025; since 17.10 drivers can use HTTPS on port 443 instead.

    agent                                   server
    configuration request (no user)      ->
                                         <- versions of database and TDGSS, mechanisms, accepted ports
    FIN                                  ->                                     (no session was assigned)
    443: a TLS ClientHello               -> (shows whether drivers could use that port)

The check sends the same request to the system's other nodes, if the agent's resolver knows them (NAMEcop2 ...).
"""

from __future__ import annotations

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe
from scanready.model import Step
from scanready.net.events import record
from scanready.wire import teradata as wire
from scanready.wire.printable import printable

from . import causes, login, nodes


async def verify(probe: Probe) -> None:
    """Check the configuration; with a credential and the vendor's driver, log in and read one row."""
    stream, cops = await nodes.connect(probe)
    met = stream.peer or probe.host
    async with probe.step(Step.HANDSHAKE) as rung:
        record("request")
        await stream.send(wire.config_request())
        answer: wire.Configuration | wire.Refusal = await stream.receive(wire.read_answer)
        if isinstance(answer, wire.Refusal):
            cause = causes.LOGONS_DISABLED if answer.code in causes.NO_LOGONS else causes.REFUSED
            rung.stop(cause, f"{printable(answer.text)} (code {answer.code})", error_code=answer.code)
        rung.ok(f"speaks Teradata's protocol: database {answer.database or 'of an unreported version'}")
        rung.check.facts |= {"product": "Teradata", "version": answer.database, "tdgss": answer.tdgss}
    async with probe.step(Step.AUTH) as rung:
        names = [name for name in answer.mechanisms if name]
        offers = f"a logon by {', '.join(names)}" if names else "a logon"
        if answer.legacy_port is False:
            rung.warn(
                causes.LEGACY_PORT_OFF,
                "the gateway answers the first logon message, but reports that this port accepts no logons",
            )
        else:
            rung.ok(f"offers {offers}", auth_methods=names or ["TDGSS"])
    await probe.leave(stream)
    await nodes.look_at_other_cops(probe, cops, met)
    await nodes.look_at_https(probe)
    if probe.credential is not None:
        await _log_in(probe, met, refused=answer.legacy_port is False)


async def _log_in(probe: Probe, address: str, *, refused: bool) -> None:
    target, credential = probe.target, probe.credential
    assert credential is not None
    where = login.where(address, target.port, target.options.get("database"))
    async with probe.step(Step.LOGIN) as rung:
        if refused:
            detail = "the system reports that it accepts no logon on this port; the password was not sent"
            raise Failure(common.LOGIN_NOT_JUDGED, detail)
        # TD2's Diffie-Hellman exchange does not authenticate the server: any peer can show a key.
        probe.about_to_send_in_clear("encrypted to any key that the peer shows (TD2)")
        result = await probe.login(login.visit, where, hosts=(address,))
        rung.ok(f"logged in as {credential.username}")
    async with probe.step(Step.ACCESS) as rung:
        if result.denied is not None:
            rung.judge_access(result.denied)
        else:
            rung.ok(f"read {result.read}", version=result.version)
