"""Teradata 1025; since 17.10 drivers may use HTTPS on 443 instead.

we                                      server
configuration request (no user)      ->
                                     <- database and TDGSS versions, mechanisms, which of its ports it takes
FIN                                  ->                                     (no session was assigned)
443: a TLS hello                     -> whether drivers could use that one
"""

from __future__ import annotations

from ..causes import common
from ..causes import teradata as causes
from ..explain import Failure
from ..logins import teradata as driver
from ..model import Check, Finding, Outcome, Step, bracketed
from ..probe import ClimbEnded, Probe
from ..stream import StreamError
from ..wire import WireError
from ..wire import teradata as wire

HTTPS = 443
_CLOSED = (common.REFUSED, common.FILTERED, common.REJECTED)


async def verify(probe: Probe) -> None:
    """Climb to the configuration, and with a credential and the vendor's driver to one row."""
    try:
        stream = await probe.connect()
    except ClimbEnded:
        await _only_https(probe)
        raise
    async with probe.step(Step.HANDSHAKE) as rung:
        await stream.send(wire.config_request())
        answer: wire.Configuration | wire.Refusal = await stream.receive(wire.read_answer)
        if isinstance(answer, wire.Refusal):
            rung.blocked(causes.REFUSED, f"{answer.text} (code {answer.code})", error_code=answer.code)
        rung.saw(f"speaks Teradata's protocol: database {answer.database or 'of a version it does not tell'}")
        rung.check.facts |= {"product": "Teradata", "version": answer.database, "tdgss": answer.tdgss}
    async with probe.step(Step.AUTH) as rung:
        offers = f"{answer.mechanisms} logon mechanisms" if answer.mechanisms else "a logon"
        if answer.legacy_port is False:
            rung.warn(causes.LEGACY_PORT_OFF, f"offers {offers}, and says that it takes none on this port")
        else:
            rung.saw(f"offers {offers}", auth_methods=["TDGSS"])
    await probe.leave(stream)
    await _look_at_https(probe)
    if probe.target.credential is not None:
        await _log_in(probe)


async def _look_at_https(probe: Probe) -> bool:
    """See whether drivers could use HTTPS; told, never judged. Returns true if TLS answers there."""
    if probe.target.port == HTTPS or probe.remaining < 1:
        return False
    check = Check(Step.CONNECT, f"{bracketed(probe.host)}:{HTTPS}", Outcome.SKIPPED, "")
    try:
        stream = await probe.dial(probe.address or probe.host, HTTPS)
        session = await stream.start_tls(probe.host)
        check.summary = f"{session.version} answers on the HTTPS port too"
        check.facts["https_port"] = HTTPS
        await probe.leave(stream)
    except (Failure, StreamError, WireError, OSError) as error:
        check.summary = f"the HTTPS port is not to be had: {getattr(error, 'detail', error)}"
    probe.record(check)
    return bool(check.facts)


async def _only_https(probe: Probe) -> None:
    """1025 is closed to us: if 443 is not, nobody can tell without a driver whether that is enough."""
    failed = [check for check in probe.checks if check.finding and check.finding.cause in _CLOSED]
    asked = not (probe.target.explicit_port or probe.target.guessed)
    if not failed or not asked or not await _look_at_https(probe):
        return
    for check in failed:
        assert check.finding is not None
        said = f"{check.finding.detail}; TLS answers on {HTTPS}"
        check.finding = Finding(causes.HTTPS_ONLY, said, check.finding.fix)


async def _log_in(probe: Probe) -> None:
    target = probe.target
    assert target.credential is not None
    where = (probe.address or target.host, target.port, target.options.get("database"))
    async with probe.step(Step.LOGIN) as rung:
        try:
            seen = await probe.login(driver.visit, *where, target.credential, probe.remaining, dials=1)
        except Failure as failure:
            if failure.cause not in (common.ACCESS_DENIED, common.ACCESS_NOT_FOUND):
                raise
            seen, denied = None, failure
        rung.saw(f"logged in as {target.credential.username}")
    async with probe.step(Step.ACCESS) as rung:
        if seen is None:
            rung.denied(denied)
        else:
            rung.saw(f"read {seen['read']}", version=seen["version"])
