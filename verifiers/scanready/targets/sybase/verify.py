"""SAP ASE (Sybase) 3638; SAP's own installers use 5000 or 4901.

    we                                      server
    login record, capabilities           ->                             (there is no word before the login)
                                         <- LOGINACK: accepted, refused, or "encrypt the password"; messages
    use DATABASE, a SELECT               ->
                                         <- one row
    LOGOUT                               ->

Without a credential nothing is sent, unless `allow_login_probe` permits one refused login of an invented user. The
password travels in clear: with `tls: true` the port is an SSL listener, else only `allow_cleartext` permits it.
"""

from __future__ import annotations

from scanready.climb.explain import Failure
from scanready.climb.probe import Probe
from scanready.climb.shared import first_word, login_first, usual_ports
from scanready.model import Step
from scanready.net.stream import Stream

from . import answers

#: Where SAP's installers put ASE.
USUAL_PORTS = (5000, 4901)


async def verify(probe: Probe) -> None:
    """Climb by a login: the operator's, or one that is refused."""
    session = answers.Session()
    stream = await usual_ports.connect(probe, USUAL_PORTS, "SAP's installer puts ASE", farewell=session.end)
    if probe.target.options.get("tls"):
        async with probe.step(Step.TLS) as rung:
            await probe.start_tls(stream, rung)
    await first_word.is_ours(probe, stream)
    if probe.credential is not None and probe.depth.height >= Step.LOGIN.height:
        await _with_credential(probe, session, stream)
    else:
        await login_first.to_the_prompt(probe, session, stream)


async def _with_credential(probe: Probe, session: answers.Session, stream: Stream) -> None:
    credential = probe.credential
    assert credential is not None
    async with probe.step(Step.LOGIN) as login, probe.attempt() as going:
        await login_first.log_in(probe, session, stream, going)
        login.ok(f"logged in as {credential.username}")
    async with probe.step(Step.ACCESS) as rung:
        try:
            rung.ok(f"read {await answers.read_one_row(probe, stream)}")
        except Failure as failure:
            rung.judge_access(failure)
