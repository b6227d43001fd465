"""IBM Informix 9088 (SQLI); 9089 is usually its DRDA listener.

    we                                      server
    CONREQ: user, password, server       ->                             (there is no word before the login)
                                         <- CONACC: accepted; CONREJ: why not; REDIRECT
    SQ_EXIT                              ->

Without a credential nothing is sent here, unless `allow_login_probe` permits one refused login of an invented user; the
DRDA listener next door tells the version all the same. The password travels in clear: with `tls: true` the port is an
SSL listener (onsocssl), else only `allow_cleartext` permits it.
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
    """Climb by a login: the operator's, or one that is refused."""
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
    """Read one row with the driver, which logs in once more."""
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
