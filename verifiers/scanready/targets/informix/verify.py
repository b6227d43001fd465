"""Check IBM Informix on port 9088 (SQLI); port 9089 is usually its DRDA listener.

    agent                                   server
    CONREQ: user, password, server       ->                             (the protocol starts with the login)
                                         <- CONACC: accepted; CONREJ: refused; REDIRECT
    SQ_EXIT                              ->

Without a credential nothing is sent to this port, unless `allow_login_probe` permits one refused login of an invented
user. The DRDA listener on the same host reports the version without a login. SQLI sends the password in clear text.
With `tls: true` the port is an SSL listener (onsocssl); without it, only `allow_cleartext` permits the login.
"""

from __future__ import annotations

from scanready.climb.explain import Failure
from scanready.climb.probe import Probe
from scanready.climb.shared import login_first
from scanready.model import Step
from scanready.net.stream import Stream

from . import answers
from . import login as driver


async def verify(probe: Probe) -> None:
    """Check with one login: the operator's, or one of an invented user."""
    session = answers.Session()
    stream = await probe.connect(farewell=session.end)
    await login_first.reach(probe, stream)
    if probe.logs_in:
        await login_first.log_in(probe, session, stream)
        await _read(probe, stream)
    else:
        if not probe.target.options.get("allow_login_probe") and not probe.target.explicit_port:
            await answers.look_at_drda(probe)
        await login_first.to_the_prompt(probe, session, stream)


async def _read(probe: Probe, stream: Stream) -> None:
    """Read one row with the driver, which logs in again."""
    options = probe.target.options
    where = driver.Where(
        probe.address or probe.host,
        probe.target.port,
        options["server"],
        options.get("database") or "sysmaster",
        options.get("table"),
        stream.encrypted,
        probe.login_trust(),
    )
    async with probe.step(Step.ACCESS) as rung:
        await probe.leave(stream)
        try:
            result = await probe.login(driver.visit, where)
            rung.ok(f"read {result.read}")
        except Failure as failure:
            rung.judge_access(failure)
