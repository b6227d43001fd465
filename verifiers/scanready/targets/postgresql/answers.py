"""Interpret PostgreSQL's answer to a StartupMessage: a prompt, an open session, or a FATAL.

SQLSTATE 28000 is not specific: a missing line of pg_hba.conf, a client certificate, the ident method and a role that
does not exist all have it, and the message may be translated. The name of the routine that raised the error is never
translated (field R of ErrorResponse; the names are from auth.c and miscinit.c of PostgreSQL 9.1 to 18).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NoReturn

from scanready.catalogue.row import user_of
from scanready.causes import common, unproven
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe, Rung
from scanready.model import INVENTED_USER, Cause, Step, is_address
from scanready.net.events import record
from scanready.net.stream import ReadTimeout, Stream, StreamError, TlsError
from scanready.wire import UnknownValue, WireError
from scanready.wire import postgresql as wire
from scanready.wire.printable import printable

from . import causes, fixes, product
from .row import USUAL_DATABASE

# Refusals of the database in the StartupMessage.
REFUSALS = {"3D000": common.ACCESS_NOT_FOUND}
PASSWORD_METHODS = ("scram-sha-256", "md5", "password")

BY_HBA = "ClientAuthentication"  # a rejecting or missing line, or one that requires a client certificate
BY_METHOD = "auth_failed"  # without a prompt before it: the method does not ask for a password
BY_ROLE = "InitializeSessionUserId"  # the method accepted the user, but the role does not exist


def identity(probe: Probe) -> tuple[str, str]:
    """Return the user and database for the StartupMessage: the operator's, or else invented ones."""
    return user_of(probe.target) or INVENTED_USER, probe.target.options.get("database") or USUAL_DATABASE


def invented(probe: Probe) -> bool:
    """Return True if the target names no user."""
    return not user_of(probe.target)


async def report_prompt(
    probe: Probe, rung: Rung, stream: Stream, answer: wire.AuthenticationRequest, *, encrypted: bool
) -> None:
    """Record the authentication request; with "trust" the server asks for nothing and a real session is open.

    Raises:
        Failure, UnknownValue: a request that PostgreSQL's clients do not know; no password was sent.
    """
    _demand_known(answer)
    if not encrypted and answer.mechanisms and set(answer.mechanisms) <= wire.BOUND_TO_TLS:
        raise UnknownValue("the list of SASL mechanisms of a connection without TLS", ", ".join(answer.mechanisms))
    user_note = f" (for user {INVENTED_USER}; pg_hba.conf may differ for other users)" if invented(probe) else ""
    rung.ok(f"uses the login method {answer.method}{user_note}", auth_methods=[answer.method])
    if answer.method == "trust":
        session: wire.Session | wire.ErrorResponse = await stream.receive(wire.read_session)
        if isinstance(session, wire.ErrorResponse):
            refused(probe, rung, session, encrypted=encrypted)
        else:
            rung.ok("the server accepts this user without a password", version=session.server_version)
            # With a credential, the login asks for the product.
            await (stream.send(wire.TERMINATE) if probe.logs_in else _ask_product(rung, stream))
    elif answer.method in PASSWORD_METHODS:
        return
    elif asked_with := invented_names(probe):
        _doubt(probe, rung, f"uses the login method {answer.method} {asked_with}")
    else:
        detail = f"uses the login method {answer.method}"
        rung.stop(causes.METHOD_NOT_PASSWORD, detail, line(probe, encrypted=encrypted))


async def _ask_product(rung: Rung, stream: Stream) -> None:
    """Ask for the version in a session that the server opened without a password, and end the session.

    Gateways and other databases open a session for every user, so a session does not prove that a scan can read there.
    """
    record("query")
    await stream.send(wire.query(product.QUESTION))
    answer: str | wire.ErrorResponse = await stream.receive(wire.read_query_answer)
    if not (isinstance(answer, wire.ErrorResponse) and answer.is_fatal):
        await stream.send(wire.TERMINATE)
    if isinstance(answer, wire.ErrorResponse) and (cause := causes.whoever_asks(answer.sqlstate, answer.message)):
        rung.stop(cause, words_of(answer), sqlstate=answer.sqlstate)
    elif isinstance(answer, wire.ErrorResponse) and answer.sqlstate[:2] in causes.OF_THE_SYSTEM:
        _report_error(rung, answer)
    elif isinstance(answer, wire.ErrorResponse):
        detail = f"{product.QUESTION} fails: {printable(answer.message)}"
        rung.inconclusive(causes.OTHER_PRODUCT, detail, sqlstate=answer.sqlstate)
    elif named := product.named(answer):
        rung.ok(f"version(): {printable(answer, 120)}", product=named)
    else:
        rung.inconclusive(causes.OTHER_PRODUCT, f"version(): {printable(answer, 120) or 'an empty answer'}")


def _demand_known(answer: wire.AuthenticationRequest) -> None:
    """Raise for a request that PostgreSQL does not define: the scanner's own driver may or may not answer it."""
    if answer.known:
        return
    if answer.method == "sasl":
        raise UnknownValue("the list of SASL mechanisms", ", ".join(answer.mechanisms))
    if answer.method.endswith("(openGauss)"):
        detail = (
            f"uses the login method {answer.method}, authentication request {answer.code}: PostgreSQL's client library "
            "does not support this method of openGauss, GaussDB and Vastbase"
        )
        raise Failure(common.LIMIT, detail, auth_methods=[])
    raise UnknownValue("the authentication request", answer.code)


def refused(probe: Probe, rung: Rung, answer: wire.ErrorResponse, *, encrypted: bool) -> None:
    """Record a FATAL instead of a prompt; one about a missing role proves that existing roles need no password."""
    words, state = words_of(answer), answer.sqlstate
    if state == "28000" and invented(probe) and _no_such_role(answer):
        rung.ok(f"the server accepts existing roles without a password ({words})", auth_methods=["trust"])
    elif cause := causes.whoever_asks(state, answer.message):
        rung.stop(cause, words, sqlstate=state)
    elif causes.of_refusal(state, words) is causes.SERVER_ERROR:  # naming an account would not change it
        _report_error(rung, answer)
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
    elif state == "42501":  # after "trust": the same refusal after a password is also a warning
        user, database = identity(probe)
        rung.warn(common.ACCESS_DENIED, words, fixes.GRANT_CONNECT(database=database, user=user), sqlstate=state)
    elif state == "28000" and answer.routine == BY_ROLE:
        rung.stop(common.LOGIN_REFUSED, words, sqlstate=state)
    else:  # also 28000 and 28P01 of a proxy or another product: no password was sent, so none was wrong
        rung.stop(REFUSALS.get(state, causes.SESSION_REFUSED), words, sqlstate=state)


def _report_error(rung: Rung, answer: wire.ErrorResponse) -> NoReturn:
    """Record an error that says nothing about the user or the database."""
    state = f" (SQLSTATE {printable(answer.sqlstate)})" if answer.sqlstate else ""
    rung.stop(causes.SERVER_ERROR, words_of(answer) + state, sqlstate=answer.sqlstate)


def invented_names(probe: Probe) -> str:
    """Describe the user and database that scanready invented; empty if the target names both."""
    user, database = identity(probe)
    used = {"user": user} if invented(probe) else {}
    used |= {} if probe.target.options.get("database") else {"database": database}
    if not used:
        return ""
    return f"(the inventory names no {' and no '.join(used)}, so scanready used {' and '.join(used.values())})"


def _doubt(probe: Probe, rung: Rung, detail: str, **facts: Any) -> None:
    """Record a refusal of a user or database that the target does not name.

    Raises:
        Failure: the check ends here, since a login would use the same name.
    """
    say = rung.inconclusive if invented(probe) else rung.stop
    say(unproven.IDENTITY_INVENTED, detail, **facts)


def report_tls_refused(probe: Probe, rung: Rung, answer: wire.ErrorResponse) -> None:
    """Record that the server refuses the user inside TLS and accepts it in clear text."""
    words = printable(answer.message)
    if invented(probe):
        rung.inconclusive(unproven.IDENTITY_INVENTED, f"{words} {invented_names(probe)}; without TLS it is accepted")
    else:
        rung.warn(causes.TLS_REFUSED, words, line(probe, encrypted=True))


def words_of(answer: wire.ErrorResponse) -> str:
    """Return the message with its detail, if it has one: a pooler's message may be useless without the detail."""
    return printable(f"{answer.message} ({answer.detail})" if answer.detail else answer.message)


def _refusal_of(answer: wire.ErrorResponse) -> Cause:
    """Return the cause of a refusal that answered SSLRequest."""
    whoever = causes.whoever_asks(answer.sqlstate, answer.message)
    return whoever or causes.of_refusal(answer.sqlstate, words_of(answer))


def by_hba(answer: wire.AuthenticationRequest | wire.ErrorResponse) -> bool:
    """Return True if pg_hba.conf refused the session; every translation of the message has the file's name."""
    return isinstance(answer, wire.ErrorResponse) and answer.sqlstate == "28000" and "pg_hba.conf" in answer.message


def _no_such_role(answer: wire.ErrorResponse) -> bool:
    """Return True if the only problem is that the invented role does not exist."""
    message = f'role "{INVENTED_USER}" does not exist'
    return answer.routine == BY_ROLE or (not answer.routine and answer.message == message)


def line(probe: Probe, *, encrypted: bool, seen_as: str | None = None) -> str | None:
    """Return the missing line of pg_hba.conf, with the agent's address as the server sees it (there may be NAT).

    Return None if the target does not name user and database: a line for all of them would allow more than the scan
    needs.
    """
    if invented_names(probe):
        return None
    user, database = identity(probe)
    connection = "hostssl" if encrypted else "host"
    agent = seen_as if seen_as and is_address(seen_as) else probe.agent_address
    return fixes.HBA_LINE(connection=connection, database=database, user=user, agent=agent)


async def let_in_without_tls(probe: Probe, rung: Rung, user: str, database: str) -> bool:
    """Ask once more without TLS on a new connection, as `hostnossl` lines require; return True if that is accepted.

    If this attempt fails, the first answer remains the result.
    """
    try:
        stream = await probe.dial(probe.address or probe.host, probe.target.port)
        record("clear")
        await stream.send(wire.startup(user, database))
        answer = await stream.receive(wire.read_startup_answer)
    except (Failure, StreamError, WireError) as error:
        rung.ok(f"a second attempt without TLS failed: {error}")
        return False
    if not isinstance(answer, wire.AuthenticationRequest):
        rung.ok("refused with TLS and without TLS")
    return isinstance(answer, wire.AuthenticationRequest)


async def encrypt(probe: Probe, stream: Stream) -> bool:
    """Check ``tls``: send SSLRequest, and start TLS if the server offers it."""
    async with probe.step(Step.TLS) as rung:
        record("ssl")
        await stream.send(wire.SSL_REQUEST)
        answer = await stream.receive(wire.read_ssl_answer)
        if isinstance(answer, wire.ErrorResponse):
            rung.skip("not reached: the server refuses the session before TLS")
        elif answer:
            try:
                await probe.start_tls(stream, rung)
            except TlsError as error:
                if (said := wire.error_instead_of_tls(error.heard)) is None:
                    raise
                rung.skip("not reached: the server agrees to TLS, and then refuses the session in clear text")
                answer = said
        else:
            rung.skip("the server does not offer TLS")
    if isinstance(answer, wire.ErrorResponse):
        await _refused_at_once(probe, answer)
    return bool(answer)


async def _refused_at_once(probe: Probe, answer: wire.ErrorResponse) -> NoReturn:
    """Record a FATAL that answers SSLRequest: pgpool2 sends it when it is full, PostgreSQL when it cannot fork.

    Raises:
        ClimbEnded: always; the step has the cause.
    """
    async with probe.step(Step.HANDSHAKE) as rung:
        rung.ok("speaks the PostgreSQL protocol")
    async with probe.step(Step.AUTH) as rung:
        cause = _refusal_of(answer)
        rung.stop(cause, words_of(answer), sqlstate=answer.sqlstate)
    raise AssertionError("a stopped step ends the check")


async def again(probe: Probe) -> Stream:
    """Return a connection in clear text for the login.

    Raises:
        Failure: no connection (``scanready.out-of-time`` or ``scanready.limit``).
    """
    with _connecting():
        stream = await probe.dial(probe.address or probe.host, probe.target.port)
        stream.leave_transcript()
        return stream


@contextlib.contextmanager
def _connecting() -> Iterator[None]:
    """Turn errors of the login's own connection into limits, since they are not about the account."""
    try:
        yield
    except Failure as failure:
        raise Failure(common.LIMIT, f"the connection for the login failed: {failure.detail}") from failure
    except ReadTimeout as error:
        raise Failure(common.OUT_OF_TIME, f"the connection for the login timed out: {error}") from error
    except (StreamError, WireError) as error:
        raise Failure(common.LIMIT, f"the connection for the login failed: {error}") from error


async def secured_again(probe: Probe) -> Stream:
    """Return a connection for the login inside TLS that shows the certificate of the first connection.

    Raises:
        Failure: another certificate or no TLS (``login.withheld``), or no connection (``scanready.out-of-time`` or
            ``scanready.limit``).
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
        detail = "the server refuses TLS for the login, although it offered TLS for the handshake"
        raise Failure(common.LOGIN_WITHHELD, detail)
    probe.login_trust().demand(session)
    stream.leave_transcript()
    return stream
