"""MySQL and MariaDB 3306.

    we                                       server
                                       <-    greeting: version, TLS, plugin; or error 1130, 1129, 1040
    SSLRequest, TLS                    ->
    login: scanready_probe, no answer  ->
                                       <-    use another plugin (answered with an empty packet)
                                       <-    error 1045: refused, so the login prompt is there

The server counts everybody who leaves before it has refused (max_connect_errors), and in the end blocks the agent's
address: wherever the climb stops, this login is finished first. With a credential nobody is invented: pymysql goes on
with the connection whose greeting we read.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import NoReturn

from .. import fixes
from ..causes import common
from ..causes import mysql as causes
from ..handshakes.mysql import INVENTED_USER, Talk
from ..logins import mysql as sql
from ..model import Step
from ..probe import ClimbEnded, Probe, Rung
from ..stream import HungUp, Silent, TlsFailed
from ..wire import mysql as wire

# A greeting waits for the server's reverse lookup of our address; a working resolver takes milliseconds.
SLOW_GREETING = 2.0


async def verify(probe: Probe) -> None:
    """Climb to the login prompt, or with a credential through it to one row."""
    try:
        if probe.target.credential is not None and probe.depth.height >= Step.LOGIN.height:
            await _with_credential(probe)
        else:
            await probe.share("mysql", _to_the_prompt)
    except ClimbEnded:
        _conclude(probe)
        raise


async def _to_the_prompt(probe: Probe) -> wire.Greeting:
    talk = Talk(probe)
    talk.begin(await probe.connect(farewell=talk.finish))
    greeting = await _greeted(probe, talk)
    async with probe.step(Step.TLS) as rung:
        if greeting.tls:
            await talk.start_tls(rung)
        else:
            rung.skip("the server does not offer TLS")
    async with probe.step(Step.AUTH) as rung:
        answer = await talk.be_refused()
        if isinstance(answer, wire.Ok):
            told = f"lets {INVENTED_USER} in without a password: an anonymous account exists"
            rung.saw(told, anonymous=True, auth_methods=talk.plugins)
        elif answer.code in causes.REFUSED or answer.sqlstate == "28000":
            rung.saw(f"asks for {talk.plugins[-1]} ({answer.message})", auth_methods=talk.plugins)
            if seen_as := wire.host_seen(answer.message):
                rung.check.facts["agent_seen_as"] = seen_as
        elif answer.code in causes.STATES:
            _turned_away(probe, rung, answer)
        else:
            rung.unsure(causes.SERVER_ERROR, f"{answer.message} (error {answer.code})", error_code=answer.code)
    return greeting


async def _with_credential(probe: Probe) -> None:
    """Hand the connection to pymysql after the greeting; until it takes over, the farewell still stands."""
    credential, options = probe.target.credential, probe.target.options
    assert credential is not None
    talk = Talk(probe)
    talk.begin(await probe.connect(farewell=talk.finish))
    greeting = await _greeted(probe, talk)
    if not greeting.tls:
        async with probe.step(Step.TLS) as rung:
            rung.skip("the server does not offer TLS")
    async with probe.step(Step.AUTH) as rung:
        rung.saw(f"asks for {talk.plugins[-1]}", auth_methods=talk.plugins)
    pipe = sql.Pipe(talk.take, talk.heard, probe.host, probe.remaining)
    database, _, table = (options.get("table") or "").rpartition(".")
    wanted = sql.Wanted(
        database=options.get("database") or database,
        table=table,
        mariadb=greeting.mariadb,
        encrypted=greeting.tls,
        allow_cleartext=bool(options.get("allow_cleartext")),
    )
    async with probe.step(Step.LOGIN) as rung:
        try:
            seen = await probe.login(sql.visit, pipe, credential, wanted)
        except (TlsFailed, HungUp) as error:
            async with probe.step(Step.TLS) as tls:
                tls.saw("broken off, which counts once towards max_connect_errors", aborted=1)
                raise error
        finally:
            if pipe.tls is not None:
                async with probe.step(Step.TLS) as tls:
                    probe.judge_tls(pipe.tls, tls)
        rung.saw(f"logged in as {seen.account or credential.username}")
    async with probe.step(Step.ACCESS) as rung:
        if seen.denied is not None:
            rung.denied(seen.denied)
        else:
            rung.saw(f"read {seen.read}", databases=seen.databases)


async def _greeted(probe: Probe, talk: Talk) -> wire.Greeting:
    async with probe.step(Step.HANDSHAKE) as rung:
        clock = asyncio.get_running_loop().time()
        try:
            answer = await talk.listen()
        except Silent as silent:
            if silent.heard or silent.hasty:
                raise
            hint = "a MySQL server whose reverse DNS hangs is as silent: skip_name_resolve"
            rung.blocked(common.SILENT, f"connected, and not one byte came ({hint})")
        if isinstance(answer, wire.ServerError):
            _turned_away(probe, rung, answer)
        if isinstance(answer, wire.AncientGreeting):
            rung.blocked(causes.ANCIENT_PROTOCOL, f"speaks protocol 9, version {answer.version}")
        told = f"speaks MySQL protocol 10, {answer.product} {answer.version}"
        rung.saw(told, product=answer.product, version=answer.version)
        if (waited := asyncio.get_running_loop().time() - clock) > SLOW_GREETING:
            rung.saw(f"the greeting took {waited:.1f} s, usually the server's reverse DNS: see skip_name_resolve")
    return answer


def _turned_away(probe: Probe, rung: Rung, error: wire.ServerError) -> NoReturn:
    """An error that does not depend on who asks."""
    cause = causes.STATES.get(error.code, causes.SERVER_ERROR)
    seen_as = wire.host_seen(error.message) or probe.agent_address
    fix = causes.FORGET_HOSTS if cause is causes.HOST_BLOCKED else None
    rung.blocked(cause, f"{error.message} (error {error.code})", fix, error_code=error.code, agent_seen_as=seen_as)


def _conclude(probe: Probe) -> None:
    """The fix of error 1130 is for this target's own account; after 1129 nobody of this run comes here again."""
    credential = probe.target.credential
    for at, check in enumerate(probe.checks):
        if check.finding and check.finding.cause is causes.HOST_BLOCKED:
            probe.seen.closed = check.finding
        elif check.finding and check.finding.cause is causes.HOST_NOT_ALLOWED:
            user, seen_as = credential.username if credential else "scan_account", check.facts["agent_seen_as"]
            fix = fixes.mysql_account(user, seen_as, probe.target.options.get("database"))
            probe.checks[at] = replace(check, finding=replace(check.finding, fix=fix))
