"""Check SAP ASE (Sybase) on port 3638; SAP's own installers use 5000 or 4901.

    agent                                   server
    login record, capabilities           ->                             (the protocol starts with the login)
                                         <- LOGINACK: accepted, refused, or "encrypt the password"; messages
    use DATABASE, a SELECT               ->
                                         <- one row
    LOGOUT                               ->

Without a credential nothing is sent, unless `allow_login_probe` permits one refused login of an invented user. TDS 5.0
sends the password in clear text. With `tls: true` the port is an SSL listener; without it, only `allow_cleartext`
permits the login.
"""

from __future__ import annotations

from scanready.climb.explain import Failure
from scanready.climb.probe import Probe
from scanready.climb.shared import login_first, usual_ports
from scanready.model import Step

from . import answers

#: The ports that SAP's installers give ASE.
USUAL_PORTS = (5000, 4901)


async def verify(probe: Probe) -> None:
    """Check with one login: the operator's, or one of an invented user."""
    session = answers.Session()
    stream = await usual_ports.connect(probe, USUAL_PORTS, "SAP's installers put ASE", farewell=session.end)
    await login_first.reach(probe, stream)
    if not probe.logs_in:
        await login_first.to_the_prompt(probe, session, stream)
        return
    await login_first.log_in(probe, session, stream)
    async with probe.step(Step.ACCESS) as rung:
        try:
            rung.ok(f"read {await answers.read_one_row(probe, stream)}")
        except Failure as failure:
            rung.judge_access(failure)
