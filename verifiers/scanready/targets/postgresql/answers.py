"""What PostgreSQL's answer to a startup packet means: a prompt, no prompt at all, or a FATAL.

SQLSTATE 28000 alone says little: a missing line of pg_hba.conf, a client certificate, the ident method and a role that
does not exist all have it, in the server's own language. The routine that raised the error is never translated
(field R of ErrorResponse; the names are those of PostgreSQL 9.1 to 18's sources, auth.c and miscinit.c).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NoReturn

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe, Rung
from scanready.model import INVENTED_USER, Cause, Step, is_address
from scanready.net.events import record
from scanready.net.stream import ReadTimeout, Stream, StreamError
from scanready.wire import UnknownValue, WireError
from scanready.wire import postgresql as wire
from scanready.wire.printable import printable

from . import causes, fixes, product
from .row import USUAL_DATABASE

# A refusal of the database that was asked with.
REFUSALS = {"3D000": common.ACCESS_NOT_FOUND}
PASSWORD_METHODS = ("scram-sha-256", "md5", "password")

BY_HBA = "ClientAuthentication"  # a line that rejects or is missing, or one that wants a client certificate
BY_METHOD = "auth_failed"  # without a prompt before it: the method was none that asks for a password
BY_ROLE = "InitializeSessionUserId"  # the method let it in, and then there was no such role


def identity(probe: Probe) -> tuple[str, str]:
    """User and database to ask with: the operator's where there are any."""
    credential, options = probe.target.credential, probe.target.options
    user = credential.username if credential else options.get("user", INVENTED_USER)
    return user, options.get("database") or USUAL_DATABASE


def invented(probe: Probe) -> bool:
    """Whether nobody told us a user."""
    return probe.target.credential is None and "user" not in probe.target.options


async def report_prompt(
    probe: Probe, rung: Rung, stream: Stream, answer: wire.AuthenticationRequest, *, encrypted: bool
) -> None:
    """The server asks for something; with "trust" it asks for nothing, and a real session is open.

    Raises:
        Failure, UnknownValue: a request that PostgreSQL's clients do not know; no password was sent.
    """
    _demand_known(answer)
    as_whom = f" (asked as {INVENTED_USER}; pg_hba.conf may answer others differently)" if invented(probe) else ""
    rung.ok(f"asks for {answer.method}{as_whom}", auth_methods=[answer.method])
    if answer.method == "trust":
        session: wire.Session | wire.ErrorResponse = await stream.receive(wire.read_session)
        if isinstance(session, wire.ErrorResponse):
            refused(probe, rung, session, encrypted=encrypted)
        else:
            rung.ok("lets this user in without a password", version=session.server_version)
            await (stream.send(wire.TERMINATE) if probe.logs_in else _ask_product(rung, stream))  # the login asks, too
    elif answer.method in PASSWORD_METHODS:
        return
    elif asked_with := invented_names(probe):
        _doubt(probe, rung, f"asks for {answer.method} {asked_with}")
    else:
        rung.stop(causes.METHOD_NOT_PASSWORD, f"asks for {answer.method}", line(probe, encrypted=encrypted))


async def _ask_product(rung: Rung, stream: Stream) -> None:
    """Ask in a session that a server opened without a password whether it is PostgreSQL, and end the session.

    Gateways and other databases open one to anybody: a session of the protocol is no proof that a scan can read there.
    """
    record("query")
    await stream.send(wire.query(product.QUESTION))
    answer: str | wire.ErrorResponse = await stream.receive(wire.read_query_answer)
    if not (isinstance(answer, wire.ErrorResponse) and answer.is_fatal):
        await stream.send(wire.TERMINATE)
    if isinstance(answer, wire.ErrorResponse) and (cause := causes.whoever_asks(answer.sqlstate, answer.message)):
        rung.stop(cause, words_of(answer), sqlstate=answer.sqlstate)
    elif isinstance(answer, wire.ErrorResponse):
        detail = f"{product.QUESTION} fails: {printable(answer.message)}"
        rung.inconclusive(causes.OTHER_PRODUCT, detail, sqlstate=answer.sqlstate)
    elif named := product.named(answer):
        rung.ok(f"says of itself: {printable(answer, 120)}", product=named)
    else:
        rung.inconclusive(causes.OTHER_PRODUCT, f"says of itself: {printable(answer, 120) or 'nothing'}")


def _demand_known(answer: wire.AuthenticationRequest) -> None:
    """Refuse to judge a request that PostgreSQL has not: whether the scanner's own driver can answer it is unknown."""
    if answer.known:
        return
    if answer.method == "sasl":
        raise UnknownValue("the list of SASL mechanisms", ", ".join(answer.mechanisms))
    if answer.method.endswith("(openGauss)"):
        detail = f"asks for {answer.method}, authentication request {answer.code}: a method of openGauss, GaussDB and "
        raise Failure(
            common.LIMIT, f"{detail}Vastbase, which PostgreSQL's client library does not have", auth_methods=[]
        )
    raise UnknownValue("the authentication request", answer.code)


def refused(probe: Probe, rung: Rung, answer: wire.ErrorResponse, *, encrypted: bool) -> None:
    """A FATAL instead of a prompt. One about a role that does not exist proves that the server lets roles in."""
    words, state = words_of(answer), answer.sqlstate
    if state == "28000" and invented(probe) and _no_such_role(answer):
        rung.ok(f"lets known roles in without a password ({words})", auth_methods=["trust"])
    elif cause := causes.whoever_asks(state, answer.message):
        rung.stop(cause, words, sqlstate=state)
    elif asked_with := invented_names(probe):
        _doubt(probe, rung, f"{words} {asked_with}", sqlstate=state)
    elif by_hba(answer):
        refusal = wire.hba_refusal(answer.message)
        fix = line(probe, encrypted=encrypted, seen_as=refusal.host if refusal else None)
        rung.stop(causes.HBA_REJECTED, words, fix, sqlstate=state)
    elif state == "28000" and (answer.routine == BY_HBA or "client certificate" in answer.message):
        rung.stop(common.TLS_CLIENT_CERTIFICATE, words, sqlstate=state)
    elif answer.routine == BY_METHOD:
        rung.stop(causes.METHOD_NOT_PASSWORD, words, line(probe, encrypted=encrypted), sqlstate=state)
    elif state == "42501":  # after "trust": as it would be after a password, which is limited
        user, database = identity(probe)
        rung.warn(common.ACCESS_DENIED, words, fixes.GRANT_CONNECT(database=database, user=user), sqlstate=state)
    elif state == "28000" and answer.routine == BY_ROLE:
        rung.stop(common.LOGIN_REFUSED, words, sqlstate=state)
    else:  # 28000 and 28P01 of a proxy or a look-alike, too: it asked for no password, so none was wrong
        cause = REFUSALS.get(state) or causes.of_class(state, causes.SESSION_REFUSED)
        told = f"{words} (SQLSTATE {printable(state)})" if cause is causes.SERVER_ERROR else words
        rung.stop(cause, told, sqlstate=state)


def invented_names(probe: Probe) -> str:
    """Name the user and the database of the question that the target does not name; empty if it names both."""
    user, database = identity(probe)
    names = [f"the user {user}"] if invented(probe) else []
    names += [] if probe.target.options.get("database") else [f"the database {database}"]
    return f"(asked with {' and '.join(names)}, which the target does not name)" if names else ""


def _doubt(probe: Probe, rung: Rung, detail: str, **facts: Any) -> None:
    """Record a refusal of a name that the target does not have.

    Raises:
        Failure: the climb ends here, for a login would be asked with the same name.
    """
    say = rung.inconclusive if invented(probe) else rung.stop
    say(common.IDENTITY_INVENTED, detail, **facts)


def report_tls_refused(probe: Probe, rung: Rung, answer: wire.ErrorResponse) -> None:
    """Record that the server refuses with TLS what it lets in without."""
    words = printable(answer.message)
    if invented(probe):
        rung.inconclusive(common.IDENTITY_INVENTED, f"{words} {invented_names(probe)}; without TLS it is let in")
    else:
        rung.warn(causes.TLS_REFUSED, words, line(probe, encrypted=True))


def words_of(answer: wire.ErrorResponse) -> str:
    """Return the message, with the detail if there is one: a pooler's message may say nothing without it."""
    return printable(f"{answer.message} ({answer.detail})" if answer.detail else answer.message)


def _refusal_of(answer: wire.ErrorResponse) -> Cause:
    """Return the cause of a refusal that came in place of an answer about TLS."""
    whoever = causes.whoever_asks(answer.sqlstate, answer.message)
    return whoever or causes.of_class(answer.sqlstate, causes.SESSION_REFUSED)


def by_hba(answer: wire.AuthenticationRequest | wire.ErrorResponse) -> bool:
    """Whether pg_hba.conf refused us; its name stands in every translation of the message."""
    return isinstance(answer, wire.ErrorResponse) and answer.sqlstate == "28000" and "pg_hba.conf" in answer.message


def _no_such_role(answer: wire.ErrorResponse) -> bool:
    """Whether the role is all that was missing: not what else may be said of a user whose name is in the message."""
    said = f'role "{INVENTED_USER}" does not exist'
    return answer.routine == BY_ROLE or (not answer.routine and answer.message == said)


def line(probe: Probe, *, encrypted: bool, seen_as: str | None = None) -> str | None:
    """Return the missing line, with the agent's address as the server sees it (it may be behind NAT).

    None where the target names no user or no database: a line for all of them would open more than the scan needs.
    """
    if invented_names(probe):
        return None
    user, database = identity(probe)
    connection = "hostssl" if encrypted else "host"
    agent = seen_as if seen_as and is_address(seen_as) else probe.agent_address
    return fixes.HBA_LINE(connection=connection, database=database, user=user, agent=agent)


async def let_in_without_tls(probe: Probe, rung: Rung, user: str, database: str) -> bool:
    """Ask once more without TLS, on a connection of its own: `hostnossl` lines let in only those.

    Whatever becomes of this question, the first answer stands.
    """
    try:
        stream = await probe.dial(probe.address or probe.host, probe.target.port)
        record("clear")
        await stream.send(wire.startup(user, database))
        answer = await stream.receive(wire.read_startup_answer)
    except (Failure, StreamError, WireError) as error:
        rung.ok(f"asked again without TLS: {error}")
        return False
    if not isinstance(answer, wire.AuthenticationRequest):
        rung.ok("refused with TLS and without")
    return isinstance(answer, wire.AuthenticationRequest)


async def encrypt(probe: Probe, stream: Stream) -> bool:
    """Climb ``tls``: SSLRequest, and TLS where the server has it."""
    async with probe.step(Step.TLS) as rung:
        record("ssl")
        await stream.send(wire.SSL_REQUEST)
        answer = await stream.receive(wire.read_ssl_answer)
        if isinstance(answer, wire.ErrorResponse):
            rung.skip("not reached: the server refuses the session first")
        elif answer:
            await probe.start_tls(stream, rung)
        else:
            rung.skip("the server does not offer TLS")
    if isinstance(answer, wire.ErrorResponse):
        await _refused_at_once(probe, answer)
    return bool(answer)


async def _refused_at_once(probe: Probe, answer: wire.ErrorResponse) -> NoReturn:
    """Tell a FATAL in the place of an answer about TLS: pgpool2's when it is full, PostgreSQL's when it cannot fork.

    Raises:
        ClimbEnded: always; the rung has the cause.
    """
    async with probe.step(Step.HANDSHAKE) as rung:
        rung.ok("speaks the PostgreSQL protocol")
    async with probe.step(Step.AUTH) as rung:
        cause = _refusal_of(answer)
        rung.stop(cause, words_of(answer), sqlstate=answer.sqlstate)
    raise AssertionError("a rung that is stopped ends the climb")


async def again(probe: Probe) -> Stream:
    """Return a connection in clear for the login.

    Raises:
        Failure: ``scanready.out-of-time`` or ``scanready.limit``: no connection.
    """
    with _connecting():
        stream = await probe.dial(probe.address or probe.host, probe.target.port)
        stream.leave_transcript()
        return stream


@contextlib.contextmanager
def _connecting() -> Iterator[None]:
    """Turn the errors of the login's own connection into limits, which say nothing of the account."""
    try:
        yield
    except Failure as failure:
        raise Failure(common.LIMIT, f"the connection of the login failed: {failure.detail}") from failure
    except ReadTimeout as error:
        raise Failure(common.OUT_OF_TIME, f"the connection of the login: {error}") from error
    except (StreamError, WireError) as error:
        raise Failure(common.LIMIT, f"the connection of the login failed: {error}") from error


async def secured_again(probe: Probe) -> Stream:
    """Return a connection for the login, in TLS as the first one was, and held to the certificate that was judged.

    Raises:
        Failure: ``login.withheld``: somebody else answers, or without TLS; ``scanready.out-of-time`` or
            ``scanready.limit``: no connection.
    """
    with _connecting():
        stream = await probe.dial(probe.address or probe.host, probe.target.port)
        await stream.send(wire.SSL_REQUEST)
        answer = await stream.receive(wire.read_ssl_answer)
        session = await stream.start_tls(probe.host) if answer is True else None
    if isinstance(answer, wire.ErrorResponse):
        cause = _refusal_of(answer)
        raise Failure(cause, words_of(answer))
    if session is None:
        raise Failure(common.LOGIN_WITHHELD, "the server has no TLS for the login, though it had for the check")
    probe.login_trust().demand(session)
    stream.leave_transcript()
    return stream
