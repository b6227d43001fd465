"""Teradata 1025; since 17.10 drivers may use HTTPS on 443 instead.

    we                                      server
    configuration request (no user)      ->
                                         <- database and TDGSS versions, mechanisms, which of its ports it takes
    FIN                                  ->                                     (no session was assigned)
    443: a TLS hello                     -> whether drivers could use that one

The same goes to the system's other nodes, where the agent's resolver knows them (NAMEcop2 ...).
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
    """Climb to the configuration, and with a credential and the vendor's driver to one row."""
    stream, cops = await nodes.connect(probe)
    met = stream.peer or probe.host
    async with probe.step(Step.HANDSHAKE) as rung:
        record("request")
        await stream.send(wire.config_request())
        answer: wire.Configuration | wire.Refusal = await stream.receive(wire.read_answer)
        if isinstance(answer, wire.Refusal):
            cause = causes.LOGONS_DISABLED if answer.code in causes.NO_LOGONS else causes.REFUSED
            rung.stop(cause, f"{printable(answer.text)} (code {answer.code})", error_code=answer.code)
        rung.ok(f"speaks Teradata's protocol: database {answer.database or 'of a version it does not tell'}")
        rung.check.facts |= {"product": "Teradata", "version": answer.database, "tdgss": answer.tdgss}
    async with probe.step(Step.AUTH) as rung:
        names = [name for name in answer.mechanisms if name]
        offers = f"a logon by {', '.join(names)}" if names else "a logon"
        if answer.legacy_port is False:
            rung.warn(causes.LEGACY_PORT_OFF, f"offers {offers}, and says that it takes none on this port")
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
            detail = "the system says that it takes no logon on this port; the password was not sent"
            raise Failure(common.LOGIN_NOT_JUDGED, detail)
        # TD2's Diffie-Hellman exchange has no proof of the server: its key is that of whatever answers.
        probe.about_to_send_in_clear("encrypted to any key that the peer shows (TD2)")
        result = await probe.login(login.visit, where, hosts=(address,))
        rung.ok(f"logged in as {credential.username}")
    async with probe.step(Step.ACCESS) as rung:
        if result.denied is not None:
            rung.judge_access(result.denied)
        else:
            rung.ok(f"read {result.read}", version=result.version)
