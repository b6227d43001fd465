"""Climb SSH for `unix` and `ssh` from the login prompt on: the methods of a user, and the login that both share."""

from __future__ import annotations

from dataclasses import dataclass

from scanready.catalogue.row import user_of
from scanready.causes import common
from scanready.clients.login_process.lent import Lent
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe, Rung
from scanready.model import Owner, Step
from scanready.net.dial import dial
from scanready.net.stream import Stream, StreamError

from . import causes, fixes, inspection, login
from .login import Result, Wanted, Where
from .talk import Spoken


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """The result of the talk and the findings of the login."""

    spoken: Spoken
    result: Result


async def log_in(probe: Probe, spoken: Spoken) -> LoggedIn | None:
    """Climb from the list of algorithms to the login prompt; with a credential, log in. Return None without one.

    One login serves both target types on this port, because sshd would count a second one. So a visit does what either
    type needs: it runs one read-only command and lists one path.
    """
    if probe.logs_in:
        key = ("ssh login", probe.credential, spoken.known_hosts)
        return LoggedIn(spoken, await probe.share(key, lambda _: _visit(probe, spoken)))
    await _ask_methods(probe, spoken, user_of(probe.target))
    return None


async def _ask_methods(probe: Probe, spoken: Spoken, user: str) -> None:
    """Climb ``auth`` without a secret: query the login methods of ``user``, if there is a user name."""
    async with probe.step(Step.AUTH) as rung:
        if not user:
            rung.ok("a login can begin; its methods depend on the user name, and no user name was given")
        elif limits := _limits(spoken):
            rung.ok(f"a login can begin; its methods could not be queried: {limits}")
        else:
            result = await probe.call(login.ask_methods, _where(probe, spoken, Wanted()), user)
            _tell_methods(rung, result, user)


def _limits(spoken: Spoken) -> str:
    """Return why paramiko cannot query the methods (not installed, or too few algorithms); empty if it can."""
    try:
        return login.limits(spoken.offer)
    except Failure as failure:
        return failure.detail


async def _visit(probe: Probe, spoken: Spoken) -> Result:
    """Log in, and record each finding of the login on the rung of its step."""
    credential = probe.credential
    assert credential is not None
    failed: Failure | StreamError | OSError | None = None
    result = Result()
    async with probe.step(Step.AUTH) as rung:
        try:
            result = await _attempt(probe, spoken, _wanted(probe) if probe.depth is Step.ACCESS else Wanted())
        except Failure as failure:
            failed = spoken.fitted(failure)
        except (StreamError, OSError) as error:
            failed = error
        facts = failed.facts if isinstance(failed, Failure) else dict(result.facts)
        result.methods = tuple(facts.pop("auth_methods", ()))
        if isinstance(failed, Failure) and failed.cause.step is Step.AUTH:
            raise Failure(failed.cause, failed.detail, failed.fix, also=failed.also, auth_methods=list(result.methods))
        if result.methods:
            _tell_methods(rung, result, credential.username)
        else:
            rung.ok("a login can begin; its methods are unknown")
    if facts.get("host_key_on_record") == "changed":
        async with probe.step(Step.LOGIN) as rung:
            rung.warn(
                causes.HOST_KEY_CHANGED,
                f"the server's host key is now {facts['host_key']}",
                also=((Owner.AGENT, _forget(probe)),),
            )
    elif facts.get("host_key_on_record") == "no" and spoken.strict and not _names_known_hosts(probe):
        async with probe.step(Step.LOGIN) as rung:
            detail = f"no known_hosts of this agent contains the server's host key {facts['host_key']}"
            rung.warn(causes.HOST_KEY_UNKNOWN, detail, _remember(probe))
    async with probe.step(Step.LOGIN) as rung:
        if failed is not None:
            raise failed
        rung.ok(f"logged in as {credential.username}", **facts)
    return result


def _forget(probe: Probe) -> str:
    """Return the command that removes the old host key; known_hosts names a port only if it is not 22."""
    if probe.target.port == probe.row.port:
        return fixes.FORGET_KEY(host=probe.host)
    return fixes.FORGET_KEY_AT_PORT(host=probe.host, port=probe.target.port)


def _remember(probe: Probe) -> str:
    """Return the command that adds the host key; ssh-keyscan names a port in its output only if it is not 22."""
    return fixes.REMEMBER_KEY(host=probe.host, port=probe.target.port)


def _names_known_hosts(probe: Probe) -> bool:
    """Return whether the key was compared with a file of the target, which the agent's ssh client may not read."""
    return bool(probe.target.options.get("known_hosts"))


def _tell_methods(rung: Rung, result: Result, user: str) -> None:
    if result.methods == ("none",):
        rung.ok(f"accepts {user} without a password", auth_methods=["none"], passwordless=True)
    else:
        rung.ok(f"accepts {', '.join(result.methods)} from {user}", auth_methods=list(result.methods))


async def look_again(probe: Probe, logged_in: LoggedIn, *, command: bool) -> Result:
    """Return the shared login's result if it ran this target's command or path; else log in once more.

    The other type's options may differ. ``command`` is true if the caller needs the command, false if it needs the
    path.
    """
    result, wanted = logged_in.result, _wanted(probe)
    assert result.wanted is not None, "a login follows a key exchange"
    if (wanted.command if command else wanted.path) == (result.wanted.command if command else result.wanted.path):
        return result
    only = Wanted(command=wanted.command) if command else Wanted(path=wanted.path)
    return await _attempt(probe, logged_in.spoken, only)


async def _attempt(probe: Probe, spoken: Spoken, wanted: Wanted) -> Result:
    if limits := login.limits(spoken.offer):
        raise Failure(common.LIMIT, f"paramiko, the library for this login, lacks an algorithm: {limits}")
    credential, where = probe.credential, _where(probe, spoken, wanted)
    assert credential is not None
    return await probe.login(login.visit, where, secret="key" if credential.key_file else "password")


def _wanted(probe: Probe) -> Wanted:
    options = probe.target.options
    return Wanted(inspection.command(options.get("directory")), str(options.get("path") or "."))


def _where(probe: Probe, spoken: Spoken, wanted: Wanted) -> Where:
    async def connection() -> Stream:
        where, *_ = await probe.shared.resolver.addresses(spoken.address, probe.target.port)
        stream = await dial(where, probe.deadline, passage=probe.passage)
        probe.footprint.connections += 1
        return stream

    place = Lent(connection), probe.host, probe.target.port
    return Where(*place, spoken.agent, spoken.known_hosts, wanted, pinned=_names_known_hosts(probe))
