"""Check Microsoft SQL Server (TCP 1433).

    agent                                  server
    [port of instance HR?       ->         Browser, UDP 1434]
                                <-         [51433]
    PRELOGIN                    ->
                                <-         PRELOGIN: version, encryption, instance matches
    TLS, in PRELOGIN packets   <->
    FIN, or LOGIN7              ->         (without an account nothing more is sent)
                                <-         LOGINACK, or errors

For a named instance the check asks the Browser for the port, as every client does, unless the target has a port. It
also asks the Browser if no SQL Server answers on the target's port, since a wrong port is the most common mistake.
"""

from __future__ import annotations

import socket

from scanready.clients.login_process.lent import Lent
from scanready.climb import peers_word
from scanready.climb.expiry import tell_expiry
from scanready.climb.explain import Failure
from scanready.climb.probe import ClimbEnded, Probe
from scanready.model import Check, Step
from scanready.net.stream import Stream
from scanready.net.system_errors import NO_SUCH_NAME
from scanready.wire.tds7 import Route

from . import browser, causes, login, prelogin
from .login_reading import Where, named
from .prelogin import Place, Talk

#: The first port to which a server may redirect a session; well-known services use the ports below it.
_FIRST_PORT_TO_FOLLOW = 1024


async def verify(probe: Probe) -> None:
    """Check up to the login prompt; with a credential, log in and read one row."""
    target = probe.target
    instance = str(target.options.get("instance") or "")
    named_only = bool(prelogin.own_name(instance)) and not target.explicit_port and target.port == probe.row.port
    try:
        if named_only:
            place = await browser.find(probe, instance)
            stream = await _dial(probe, place)
        else:
            place = Place(probe.host, target.port)
            stream = await probe.connect()
        talk = await prelogin.greeted(probe, stream, place, instance)
    except ClimbEnded:
        if not named_only:
            await browser.suggest(probe, prelogin.own_name(instance))
        raise
    await prelogin.encrypt(probe, talk, place)
    await prelogin.report_prompt(probe, talk, place)
    if probe.credential is not None:
        await _log_in(probe, talk, place)


async def _dial(probe: Probe, place: Place, *, led: bool = False) -> Stream:
    async with probe.step(Step.CONNECT, str(place)) as rung:
        if led:
            await peers_word.demand_host(probe, "the server's route", place.host, place.port)
        dead: list[Check] = []
        stream = await probe.dial(place.host, place.port, dead=dead)
        rung.ok("connected")
        rung.also(*dead)
    return stream


async def _log_in(probe: Probe, talk: Talk, place: Place) -> None:
    credential, options = probe.credential, probe.target.options
    assert credential is not None
    async with probe.step(Step.LOGIN, str(place)) as rung:
        table = str(options.get("table") or "")

        async def connection() -> Stream:
            return talk.stream

        where = Where(
            Lent(connection, piped=True),
            probe.host,
            talk.stream.encrypted,
            str(options.get("database") or (named(table)[0] if table else "")),
            table,
            bool(options.get("allow_cleartext")),
        )
        if not where.encrypted and not login.is_windows_account(credential):
            probe.about_to_send_in_clear()
        result = await probe.login(login.visit, where)
        rung.ok(f"logged in as {credential.username} {talk.channel}", login_channel=talk.channel)
        tell_expiry(rung, result)
    if result.route is not None:
        await _look_where_it_leads(probe, result.route)
    async with probe.step(Step.ACCESS, str(place)) as rung:
        rung.check.facts.update(result.facts)
        if result.denied is not None and result.denied.cause is causes.READ_FAILED and not options.get("table"):
            rung.warn(
                result.denied.cause, result.denied.detail, **result.denied.facts
            )  # a warning only: scanready chose the table
        elif result.denied is not None:
            rung.judge_access(result.denied)
        else:
            rung.ok(f"read {result.read}")


async def _look_where_it_leads(probe: Probe, route: Route) -> None:
    """Check that the server of a redirect can be reached and answers PRELOGIN; no password is sent to it."""
    place = Place(route.host, route.port)
    known_for = peers_word.other_service(probe, route.port, probe.row.speaks)
    redirect = f"the server accepted the login and redirects the session to {place}"
    if route.port >= _FIRST_PORT_TO_FOLLOW and not known_for:
        await _demand_name(probe, place, redirect)
        await prelogin.greeted(probe, await _dial(probe, place, led=True), place, "")
    async with probe.step(Step.ACCESS, str(place)) as rung:
        port_of = f" (a port of {known_for})" if known_for else ""
        rung.stop(causes.SENT_ON, f"{redirect}{port_of}; scanready does not follow it with the login")


async def _demand_name(probe: Probe, place: Place, redirect: str) -> None:
    """Check that this agent's resolver knows the name of a redirect; any other problem shows when it is used.

    Raises:
        ClimbEnded: the resolver does not know the name; the step has the cause.
    """
    try:
        await probe.addresses(place.host, place.port)
    except socket.gaierror as error:
        if error.errno not in NO_SUCH_NAME:
            return
        async with probe.step(Step.ACCESS, str(place)) as rung:
            rung.stop(causes.SENT_ON, f"{redirect}; this agent does not resolve the name: {error.strerror or error}")
    except (Failure, TimeoutError):
        return
