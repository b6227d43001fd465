"""MySQL and MariaDB 3306.

    we                                       server
                                       <-    greeting: version, TLS, plugin; or error 1130, 1129, 1040
    SSLRequest, TLS                    ->
    login: scanready_probe, no answer  ->
                                       <-    use another plugin (answered with an empty packet)
                                       <-    error 1045: refused, so the login prompt is there
                                       <-    or OK: let in
    SELECT UNHEX(HEX(CURRENT_USER()))  ->    (a search engine that speaks the protocol does not know it)

The server counts everybody who leaves before it has refused (max_connect_errors), and in the end blocks the agent's
address: wherever the climb stops, this login is finished first. With a credential nobody is invented: pymysql goes on
with the connection whose greeting we read.
"""

from __future__ import annotations

from dataclasses import replace

from scanready.causes import common
from scanready.clients.login_process.lent import Lent
from scanready.climb.probe import ClimbEnded, Probe, Rung
from scanready.model import INVENTED_USER, Step
from scanready.net.events import record
from scanready.net.stream import PeerClosed, TlsError
from scanready.wire import mysql as wire
from scanready.wire.printable import printable

from . import causes, fixes, login
from .connection import Talk, greeted, raise_refusal
from .statements import WHO_ARE_WE

_OLD_LOGIN = "the server takes logins in the form before MySQL 4.1 only"


async def verify(probe: Probe) -> None:
    """Climb to the login prompt, or with a credential through it to one row."""
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
        except PeerClosed as error:  # some proxies treat so whom they do not know, and let known users in
            rung.inconclusive(common.IDENTITY_INVENTED, f"asked as {INVENTED_USER}: {error}")
            return greeting
        if isinstance(answer, wire.Ok):
            await _let_in(talk, rung)
        elif causes.judges_login(answer.code, answer.sqlstate, answer.message):
            rung.ok(f"asks for {talk.plugins[-1]} ({printable(answer.message)})", auth_methods=talk.plugins)
            if seen_as := wire.host_seen(answer.message):
                rung.check.facts["agent_seen_as"] = seen_as
        elif answer.code in causes.STATES:
            raise_refusal(rung, answer)
        elif _before_4_1(greeting):
            rung.stop(common.LIMIT, f"{_OLD_LOGIN}: {printable(answer.message)} (error {answer.code})")
        else:
            rung.inconclusive(
                causes.SERVER_ERROR, f"{printable(answer.message)} (error {answer.code})", error_code=answer.code
            )
    return greeting


async def _let_in(talk: Talk, rung: Rung) -> None:
    """Judge a server that let an invented user in: one statement says whether it is MySQL, and as which account."""
    rung.check.facts["auth_methods"] = talk.plugins
    account = await talk.who_are_we()
    if isinstance(account, wire.ServerError):
        text = f"{printable(account.message)} (error {account.code})"
        rung.inconclusive(
            causes.OTHER_PRODUCT, f"lets {INVENTED_USER} in, and answers {WHO_ARE_WE}: {text}", error_code=account.code
        )
    elif "@" not in account:
        text = printable(account) or "nothing"
        rung.inconclusive(causes.OTHER_PRODUCT, f"lets {INVENTED_USER} in, and answers {WHO_ARE_WE}: {text}")
    elif account.startswith("@"):
        rung.ok(f"lets {INVENTED_USER} in without a password: an anonymous account exists", anonymous=True)
    else:
        rung.ok(f"lets {INVENTED_USER} in without a password, as {printable(account)}", anonymous=True)


async def _with_credential(probe: Probe) -> None:
    """Hand the connection to pymysql after the greeting; until it takes over, the farewell still stands."""
    credential, options = probe.credential, probe.target.options
    assert credential is not None
    talk = Talk(probe)
    talk.begin(await probe.connect(farewell=talk.finish))
    greeting = await greeted(probe, talk)
    if not greeting.tls:
        async with probe.step(Step.TLS) as rung:
            rung.skip("the server does not offer TLS")
    async with probe.step(Step.AUTH) as rung:
        rung.ok(f"asks for {talk.plugins[-1]}", auth_methods=talk.plugins)
    database, _, table = (options.get("table") or "").rpartition(".")
    where = login.Where(
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
            rung.stop(common.LIMIT, f"{_OLD_LOGIN}; pymysql has none of that age, and was not tried")
        try:
            result = await probe.login(login.visit, where)
        except (TlsError, PeerClosed) as error:
            async with probe.step(Step.TLS) as tls:
                tls.ok("broken off, which counts once towards max_connect_errors", aborted=1)
                raise error
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
    """The fix of error 1130 is for this target's own account; after 1129 nobody of this run comes here again."""
    credential = probe.target.credential
    for at, check in enumerate(probe.checks):
        if check.finding and check.finding.cause is causes.HOST_BLOCKED:
            probe.port_memory.closed = check.finding
        elif check.finding and check.finding.cause is causes.HOST_NOT_ALLOWED:
            user, seen_as = credential.username if credential else None, check.facts.get("agent_seen_as")
            fix = fixes.account(user, seen_as, probe.target.options.get("database"))
            probe.checks[at] = replace(check, finding=replace(check.finding, fix=fix))
