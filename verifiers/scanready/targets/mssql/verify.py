"""Microsoft SQL Server 1433.

    we                                     server
    [about HR?                  ->         Browser, UDP 1434]
                                <-         [listens on 51433]
    PRELOGIN                    ->
                                <-         PRELOGIN: version, encryption, "that is my instance"
    TLS, in PRELOGIN packets   <->
    FIN, or LOGIN7              ->         (without an account nothing more is sent)
                                <-         LOGINACK, or errors

A named instance is looked for at the Browser, as every client does, unless the target has a port. Where nobody answers
as SQL Server the Browser is asked, too: "right protocol, wrong port" is the commonest mistake.
"""

from __future__ import annotations

from scanready.clients.login_process.lent import Lent
from scanready.climb import peers_word
from scanready.climb.probe import ClimbEnded, Probe
from scanready.model import Check, Step
from scanready.net.stream import Stream
from scanready.wire.tds7 import Route

from . import browser, causes, login, prelogin
from .login_reading import Where, named
from .prelogin import Place, Talk

#: A server may send a session on to any port but those of other protocols: below are the well-known services.
_FIRST_PORT_TO_FOLLOW = 1024


async def verify(probe: Probe) -> None:
    """Climb to the login prompt, and on to one row with a credential."""
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
    if result.route is not None:
        await _look_where_it_leads(probe, result.route)
    async with probe.step(Step.ACCESS, str(place)) as rung:
        rung.check.facts.update(result.facts)
        if result.denied is not None and result.denied.cause is causes.READ_FAILED and not options.get("table"):
            rung.warn(
                result.denied.cause, result.denied.detail, **result.denied.facts
            )  # of a table that nobody asked for
        elif result.denied is not None:
            rung.judge_access(result.denied)
        else:
            rung.ok(f"read {result.read}")


async def _look_where_it_leads(probe: Probe, route: Route) -> None:
    """The server that the session is sent on to: whether it is reached and answers. It gets no password."""
    place = Place(route.host, route.port)
    known_for = peers_word.other_service(probe, route.port, probe.row.speaks)
    if route.port >= _FIRST_PORT_TO_FOLLOW and not known_for:
        await prelogin.greeted(probe, await _dial(probe, place, led=True), place, "")
    async with probe.step(Step.ACCESS, str(place)) as rung:
        said = f"the login was accepted, and the session sent on to {place}"
        rung.stop(causes.SENT_ON, f"{said}{f', a port that {known_for} has' if known_for else ''}; not followed")
