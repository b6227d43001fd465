"""Check PostgreSQL (TCP 5432).

    agent                           server
    SSLRequest                ->
                              <-    S (then TLS) or N
    StartupMessage user, db   ->
                              <-    request for a password: the login prompt
                              <-    or FATAL: no pg_hba.conf entry, too many connections, starting up ...
                              <-    or an open session, of PostgreSQL or of another product
    SELECT version()          ->
    FIN                       ->                                       (logs nothing; a Terminate here would)

pg_hba.conf decides by user, database, address and encryption. The check uses the operator's user and database, if
the target names them.
"""

from __future__ import annotations

from functools import partial

from scanready.causes import common, unproven
from scanready.clients.login_process.lent import Lent
from scanready.climb.expiry import tell_expiry
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe
from scanready.model import Step
from scanready.net.events import record
from scanready.net.stream import ReadTimeout, Stream
from scanready.wire import postgresql as wire

from . import answers, causes, login

#: Refusals of a login that depend on the name of the database.
_OF_DATABASE = (common.ACCESS_NOT_FOUND, common.ACCESS_DENIED)
_POOLER_WAITS = "PgBouncer behaves like this while its database is down: it answers SSLRequest and then nothing"

Answer = wire.AuthenticationRequest | wire.ErrorResponse


async def verify(probe: Probe) -> None:
    """Check up to the login prompt; with a credential, log in and read one row."""
    user, database = answers.identity(probe)
    stream = await probe.connect()  # a plain FIN at any point leaves no trace in the log
    encrypted = await answers.encrypt(probe, stream)
    answer = await _ask(probe, stream, user, database)
    async with probe.step(Step.AUTH) as rung:
        if isinstance(answer, wire.AuthenticationRequest):
            await answers.report_prompt(probe, rung, stream, answer, encrypted=encrypted)
        elif encrypted and answers.by_hba(answer) and await answers.let_in_without_tls(probe, rung, user, database):
            answers.report_tls_refused(probe, rung, answer)
            encrypted = False
        else:
            answers.refused(probe, rung, answer, encrypted=encrypted)
    if probe.credential is not None:
        await probe.leave(stream)  # one session at a time: slots may be few
        await _log_in(probe, database, encrypted, answer)


async def _ask(probe: Probe, stream: Stream, user: str, database: str) -> Answer:
    async with probe.step(Step.HANDSHAKE) as rung:
        record("startup")
        await stream.send(wire.startup(user, database))
        try:
            answer: Answer | wire.NegotiateProtocol = await stream.receive(wire.read_startup_answer)
        except ReadTimeout as silent:
            if silent.hasty:
                raise
            detail = f"{probe.explain(silent, Step.HANDSHAKE).detail}; {_POOLER_WAITS}"
            raise Failure(common.TOO_SLOW, detail) from silent
        while isinstance(answer, wire.NegotiateProtocol):
            answer = await stream.receive(wire.read_startup_answer)
        rung.ok("speaks the PostgreSQL protocol (3.0)")
    return answer


async def _log_in(probe: Probe, database: str, encrypted: bool, answer: Answer) -> None:
    target = probe.target
    async with probe.step(Step.LOGIN) as rung:
        if isinstance(answer, wire.AuthenticationRequest) and answer.method == "password" and not encrypted:
            probe.about_to_send_in_clear()
        where = login.Where(
            target.host,
            Lent(partial(answers.secured_again if encrypted else answers.again, probe)),
            database,
            target.options.get("table"),
            encrypted,
            bool(target.options.get("allow_cleartext")),
        )
        try:
            result = await probe.login(login.visit, where)
        except Failure as failure:
            if failure.cause is not causes.SESSION_REFUSED or target.options.get("database"):
                raise
            detail = f"{failure.detail} {answers.invented_names(probe)}"
            raise Failure(unproven.IDENTITY_INVENTED, detail, **failure.facts) from failure
        rung.ok(f"logged in as {answers.identity(probe)[0]}", version=result.version)
        tell_expiry(rung, result)
        if result.product:
            rung.check.facts["product"] = result.product
    async with probe.step(Step.ACCESS) as rung:
        if result.denied is not None and result.denied.cause in _OF_DATABASE and not target.options.get("database"):
            rung.stop(unproven.IDENTITY_INVENTED, f"{result.denied.detail} {answers.invented_names(probe)}")
        elif (
            result.denied is not None and result.denied.cause is causes.READ_FAILED and not target.options.get("table")
        ):
            rung.warn(result.denied.cause, result.denied.detail)  # a warning only: scanready chose the table
        elif result.denied is not None:
            rung.judge_access(result.denied)
        else:
            rung.ok(result.read, **result.facts)
