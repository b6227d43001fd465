"""PostgreSQL 5432.

    we                              server
    SSLRequest                ->
                              <-    S (then TLS) or N
    StartupMessage user, db   ->
                              <-    asks for a password: the login prompt
                              <-    or FATAL: no pg_hba.conf entry, too many connections, starting up ...
    FIN                       ->                                       (logs nothing; a Terminate here would)

pg_hba.conf decides by user, database, address and encryption: we ask with the operator's where there are any.
"""

from __future__ import annotations

from .. import fixes
from ..causes import common
from ..causes import postgresql as causes
from ..logins import postgresql as psql
from ..model import Step
from ..probe import Probe, Rung
from ..stream import Stream
from ..wire import postgresql as wire

INVENTED_USER = "scanready_probe"
USUAL_DATABASE = "postgres"  # every installation has it, open to everybody unless somebody revoked that
# The server's own state, whoever asks, and what depends on who asks.
STATES = {"53300": causes.TOO_MANY_CONNECTIONS, "57P03": causes.NOT_ACCEPTING}
REFUSALS = {"3D000": common.ACCESS_NOT_FOUND, "28P01": common.LOGIN_REFUSED, "28000": common.LOGIN_REFUSED}
PASSWORD_METHODS = ("scram-sha-256", "md5", "password", "sasl")

Answer = wire.AuthenticationRequest | wire.ErrorResponse


async def verify(probe: Probe) -> None:
    """Climb to the login prompt, and on to one row with a credential."""
    user, database = _identity(probe)
    stream = await probe.connect()  # a plain FIN at any point leaves no trace in the log
    encrypted = await _encrypt(probe, stream)
    answer = await _ask(probe, stream, user, database)
    async with probe.step(Step.AUTH) as rung:
        if isinstance(answer, wire.AuthenticationRequest):
            await _prompted(probe, rung, stream, answer, encrypted)
        elif encrypted and _by_hba(answer) and await _let_in_without_tls(probe, user, database):
            rung.warn(causes.TLS_REFUSED, answer.message, _line(probe, "hostssl"))
            encrypted = False
        else:
            _refused(probe, rung, answer, encrypted)
    if probe.target.credential is not None:
        await _log_in(probe, database, encrypted, answer)


def _identity(probe: Probe) -> tuple[str, str]:
    credential, options = probe.target.credential, probe.target.options
    user = credential.username if credential else options.get("user", INVENTED_USER)
    return user, options.get("database") or USUAL_DATABASE


def _invented(probe: Probe) -> bool:
    return probe.target.credential is None and "user" not in probe.target.options


async def _encrypt(probe: Probe, stream: Stream) -> bool:
    async with probe.step(Step.TLS) as rung:
        await stream.send(wire.SSL_REQUEST)
        answer = await stream.receive(wire.read_ssl_answer)
        if isinstance(answer, wire.ErrorResponse):
            rung.blocked(STATES.get(answer.sqlstate, causes.SESSION_REFUSED), answer.message)
        if answer:
            await probe.start_tls(stream, rung)
        else:
            rung.skip("the server does not offer TLS")
    return bool(answer)


async def _ask(probe: Probe, stream: Stream, user: str, database: str) -> Answer:
    async with probe.step(Step.HANDSHAKE) as rung:
        await stream.send(wire.startup(user, database))
        answer: Answer | wire.NegotiateProtocol = await stream.receive(wire.read_startup_answer)
        while isinstance(answer, wire.NegotiateProtocol):
            answer = await stream.receive(wire.read_startup_answer)
        rung.saw("speaks PostgreSQL protocol 3.0", product="PostgreSQL")
    return answer


async def _prompted(
    probe: Probe, rung: Rung, stream: Stream, answer: wire.AuthenticationRequest, encrypted: bool
) -> None:
    """The server asks for something; with "trust" it asks for nothing, and a real session is open."""
    as_whom = f" (asked as {INVENTED_USER}; pg_hba.conf may answer others differently)" if _invented(probe) else ""
    rung.saw(f"asks for {answer.method}{as_whom}", auth_methods=[answer.method])
    if answer.method == "trust":
        session: wire.Session | wire.ErrorResponse = await stream.receive(wire.read_session)
        if isinstance(session, wire.ErrorResponse):
            _refused(probe, rung, session, encrypted)
        else:
            rung.saw("lets this user in without a password", version=session.server_version)
            await stream.send(wire.TERMINATE)
    elif answer.method not in PASSWORD_METHODS:
        say = rung.unsure if _invented(probe) else rung.blocked
        say(causes.METHOD_NOT_PASSWORD, f"asks for {answer.method}", _line(probe, "hostssl"))


def _refused(probe: Probe, rung: Rung, answer: wire.ErrorResponse, encrypted: bool) -> None:
    """A FATAL instead of a prompt. One about a role that does not exist proves that the server lets roles in."""
    say = rung.unsure if _invented(probe) else rung.blocked
    if _by_hba(answer):
        seen = wire.hba_refusal(answer.message)
        line = _line(probe, "hostssl" if encrypted else "host", seen.host if seen else None)
        say(causes.HBA_REJECTED, answer.message, line, sqlstate=answer.sqlstate)
    elif answer.sqlstate == "28000" and "client certificate" in answer.message:
        say(common.TLS_CLIENT_CERTIFICATE, answer.message)
    elif answer.sqlstate == "28000" and _invented(probe) and INVENTED_USER in answer.message:
        rung.saw(f"lets known roles in without a password ({answer.message})", auth_methods=["trust"])
    elif answer.sqlstate in STATES:
        rung.blocked(STATES[answer.sqlstate], answer.message, sqlstate=answer.sqlstate)
    else:
        say(REFUSALS.get(answer.sqlstate, causes.SESSION_REFUSED), answer.message, sqlstate=answer.sqlstate)


def _by_hba(answer: Answer) -> bool:
    return isinstance(answer, wire.ErrorResponse) and answer.sqlstate == "28000" and "pg_hba.conf" in answer.message


async def _let_in_without_tls(probe: Probe, user: str, database: str) -> bool:
    """Ask once more without TLS: `hostnossl` lines let in only those."""
    stream = await probe.connect()
    await stream.send(wire.startup(user, database))
    return isinstance(await stream.receive(wire.read_startup_answer), wire.AuthenticationRequest)


def _line(probe: Probe, connection: str, seen_as: str | None = None) -> str:
    """The missing line, with the agent's address as the server sees it (it may be behind NAT)."""
    user, database = ("all", _identity(probe)[1]) if _invented(probe) else _identity(probe)
    return fixes.pg_hba_line(connection, database, user, seen_as or probe.agent_address)


async def _log_in(probe: Probe, database: str, encrypted: bool, answer: Answer) -> None:
    target = probe.target
    async with probe.step(Step.LOGIN) as rung:
        if isinstance(answer, wire.AuthenticationRequest) and answer.method == "password" and not encrypted:
            probe.about_to_send_in_clear()
        where = psql.Where(probe.address or target.host, target.port, database, target.options.get("table"), encrypted)
        seen = await probe.login(psql.visit, where, target.credential, probe.remaining)
        rung.saw(f"logged in as {_identity(probe)[0]}", product="PostgreSQL", version=seen.version)
    async with probe.step(Step.ACCESS) as rung:
        if seen.denied is not None:
            rung.denied(seen.denied)
        else:
            rung.saw(f"read {seen.read}", databases=seen.databases)
