"""Check MySQL and MariaDB (TCP 3306).

    agent                                    server
                                       <-    greeting: version, TLS, plugin; or error 1130, 1129, 1040
    SSLRequest, TLS                    ->
    login: scanready_probe, no proof   ->
                                       <-    request for another plugin (the answer is an empty packet)
                                       <-    error 1045: refused, so there is a login prompt
                                       <-    or OK: accepted
    SELECT UNHEX(HEX(CURRENT_USER()))  ->    (a search engine with MySQL's protocol rejects this)

The server counts every connection that ends before it refuses a login (max_connect_errors), and finally blocks the
agent's address. Therefore this login is always finished, wherever the check stops. With a credential there is no
invented user: pymysql continues on the connection whose greeting was read.
"""

from __future__ import annotations

from dataclasses import replace

from scanready.causes import common, unproven
from scanready.climb.explain import Unfinished
from scanready.climb.probe import ClimbEnded, Probe, Rung
from scanready.model import INVENTED_USER, Step
from scanready.net.events import record
from scanready.net.stream import PeerClosed, TlsError
from scanready.wire import mysql as wire
from scanready.wire.printable import printable

from . import causes
from .connection import Talk, greeted, refusal
from .statements import WHO_ARE_WE

_OLD_LOGIN = "the server accepts only the login format from before MySQL 4.1"


async def verify(probe: Probe) -> None:
    """Check up to the login prompt; with a credential, log in and read one row."""
    try:
        if probe.logs_in:
            await _with_credential(probe)
        else:
            await probe.share("mysql", _to_the_prompt)
    except ClimbEnded:
        _conclude(probe)
        raise


async def _to_the_prompt(probe: Probe) -> wire.Greeting:
    talk = Talk(probe)
    talk.begin(await probe.connect(farewell=talk.finish))
    greeting = await greeted(probe, talk)
    async with probe.step(Step.TLS) as rung:
        if greeting.tls:
            await talk.start_tls(rung)
        else:
            rung.skip("the server does not offer TLS")
    async with probe.step(Step.AUTH) as rung:
        try:
            answer = await talk.be_refused()
        except PeerClosed as error:  # some proxies do this to unknown users and accept known ones
            rung.inconclusive(unproven.IDENTITY_INVENTED, f"login as {INVENTED_USER}: {error}")
            return greeting
        if isinstance(answer, wire.Ok):
            await _let_in(talk, rung)
        elif causes.of_state(answer.code, answer.message):
            raise refusal(answer)
        elif causes.judges_login(answer.code, answer.sqlstate, answer.message):
            rung.ok(
                f"uses the login method {talk.plugins[-1]} ({printable(answer.message)})", auth_methods=talk.plugins
            )
            if seen_as := wire.host_seen(answer.message):
                rung.check.facts["agent_seen_as"] = seen_as
        elif _before_4_1(greeting):
            rung.stop(common.LIMIT, f"{_OLD_LOGIN}: {printable(answer.message)} (error {answer.code})")
        else:
            rung.inconclusive(
                causes.SERVER_ERROR, f"{printable(answer.message)} (error {answer.code})", error_code=answer.code
            )
    return greeting


async def _let_in(talk: Talk, rung: Rung) -> None:
    """Judge a server that accepted an invented user: one query shows whether it is MySQL, and the account."""
    rung.check.facts["auth_methods"] = talk.plugins
    account = await talk.who_are_we()
    if isinstance(account, wire.ServerError) and account.code in causes.OUT_OF_ORDER:
        detail = (
            f"accepts {INVENTED_USER} without a password, then: {printable(account.message)} (error {account.code})"
        )
        rung.inconclusive(causes.SERVER_ERROR, detail, error_code=account.code)
    elif isinstance(account, wire.ServerError):
        text = f"{printable(account.message)} (error {account.code})"
        rung.inconclusive(
            causes.OTHER_PRODUCT,
            f"accepts {INVENTED_USER} without a password, but answers {WHO_ARE_WE} with: {text}",
            error_code=account.code,
        )
    elif "@" not in account:
        text = printable(account) or "nothing"
        detail = f"accepts {INVENTED_USER} without a password, but answers {WHO_ARE_WE} with: {text}"
        rung.inconclusive(causes.OTHER_PRODUCT, detail)
    elif account.startswith("@"):
        rung.ok(f"accepts {INVENTED_USER} without a password: an anonymous account exists", anonymous=True)
    else:
        rung.ok(f"accepts {INVENTED_USER} without a password, as {printable(account)}", anonymous=True)


async def _with_credential(probe: Probe) -> None:
    """Hand the connection to pymysql after the greeting; until then, the farewell finishes the login."""
    from scanready.clients.login_process.lent import Lent

    from . import login
    from .login_reading import Where

    credential, options = probe.credential, probe.target.options
    assert credential is not None
    talk = Talk(probe)
    talk.begin(await probe.connect(farewell=talk.finish))
    greeting = await greeted(probe, talk)
    if not greeting.tls:
        async with probe.step(Step.TLS) as rung:
            rung.skip("the server does not offer TLS")
    async with probe.step(Step.AUTH) as rung:
        rung.ok(f"uses the login method {talk.plugins[-1]}", auth_methods=talk.plugins)
    database, _, table = (options.get("table") or "").rpartition(".")
    where = Where(
        Lent(talk.take),
        talk.heard,
        probe.host,
        database=options.get("database") or database,
        table=table,
        mariadb=greeting.mariadb,
        encrypted=greeting.tls,
        allow_cleartext=bool(options.get("allow_cleartext")),
    )
    async with probe.step(Step.LOGIN) as rung:
        if _before_4_1(greeting):
            rung.stop(common.LIMIT, f"{_OLD_LOGIN}; pymysql does not support it, so no login was tried")
        try:
            result = await probe.login(login.visit, where)
        except (TlsError, PeerClosed) as error:
            async with probe.step(Step.TLS) as tls:
                tls.ok("unfinished handshake, which counts once towards max_connect_errors", aborted=1)
                raise error
        except (TimeoutError, Unfinished) as error:
            if talk.taken and "aborted" not in getattr(error, "facts", {}):  # pymysql was ended before it could say so
                rung.ok("the unfinished login may count once towards max_connect_errors", aborted=1)
            raise
        finally:
            probe.footprint.probe_logins += where.trace.invented
            if where.trace.tls is not None:
                async with probe.step(Step.TLS) as tls:
                    record("ssl")
                    record("tls")
                    probe.judge_tls(where.trace.tls, tls)
        rung.ok(f"logged in as {result.account or credential.username}")
        if result.product:
            rung.check.facts["product"] = result.product
    async with probe.step(Step.ACCESS) as rung:
        if result.denied is not None:
            rung.judge_access(result.denied)
        else:
            rung.ok(f"read {result.read}", **result.facts)


def _before_4_1(greeting: wire.Greeting) -> bool:
    return not greeting.capabilities & wire.PROTOCOL_41


def _conclude(probe: Probe) -> None:
    """Add the fix of error 1130 for the target's account; after error 1129, close the port for the rest of the run."""
    credential = probe.target.credential
    for at, check in enumerate(probe.checks):
        if check.finding and check.finding.cause is causes.HOST_BLOCKED:
            probe.port_memory.closed = check.finding
        elif check.finding and check.finding.cause is causes.HOST_NOT_ALLOWED:
            from . import fixes  # no packet waits for what only a refusal needs

            user, seen_as = (credential.username or None) if credential else None, check.facts.get("agent_seen_as")
            fix = fixes.account(user, seen_as, probe.target.options.get("database"))
            probe.checks[at] = replace(check, finding=replace(check.finding, fix=fix))
