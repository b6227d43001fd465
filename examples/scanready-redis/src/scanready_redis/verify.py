"""Redis 6379.

    we                                      server
    TLS hello                            ->                              (only with `tls: true`)
    PING                                 ->
                                         <- +PONG: no password; -NOAUTH: the login prompt; -DENIED: protected mode
    AUTH [USER] PASSWORD                 ->                              (only with a credential)
                                         <- +OK; -WRONGPASS
    HELLO, SELECT DATABASE, DBSIZE       ->
                                         <- the version; +OK; the number of keys
    QUIT                                 ->
                                         <- +OK, and the server closes

Nothing is written. Without a credential an open server is read from, too: it asks for none.
"""

from __future__ import annotations

from scanready.author import Failure, Probe, Rung, Step, Stream, common

from . import causes, login, resp


async def verify(probe: Probe) -> None:
    """Climb to the login prompt; with a credential, or where none is needed, to one bounded read."""
    stream = await probe.connect(farewell=quit_politely)
    encrypted = await _tls(probe, stream)
    async with probe.step(Step.HANDSHAKE) as rung:
        needs_password = await ping(probe, stream, rung)
    async with probe.step(Step.AUTH) as rung:
        if needs_password:
            rung.ok("asks for a password", auth_methods=["password"])
        else:
            rung.ok("asks for no password", auth_methods=["anonymous"])
    if probe.credential is not None:
        async with probe.step(Step.LOGIN) as rung:
            if not encrypted:
                probe.about_to_send_in_clear()
            user = await login.log_in(probe, stream, proves=needs_password)
            rung.ok(f"logged in as {user}")
    elif needs_password:
        return
    else:
        async with probe.step(Step.LOGIN) as rung:
            rung.skip("no login is needed")
    async with probe.step(Step.ACCESS) as rung:
        try:
            await read(stream, int(probe.target.options.get("database", 0)), rung)
        except Failure as failure:
            rung.judge_access(failure)


async def quit_politely(stream: Stream) -> None:
    """End the talk: the server then closes the connection itself."""
    await stream.send(resp.command("QUIT"))
    await stream.receive(resp.read_reply)


async def _tls(probe: Probe, stream: Stream) -> bool:
    async with probe.step(Step.TLS) as rung:
        if not probe.target.options.get("tls"):
            rung.skip("the target's option `tls` does not ask for it")
            return False
        await probe.start_tls(stream, rung)
        return True


async def ping(probe: Probe, stream: Stream, rung: Rung) -> bool:
    """Send PING, and return whether a password is needed.

    Raises:
        Failure: protected mode, or an answer that is not known.
    """
    await stream.send(resp.command("PING"))
    (reply,) = await stream.receive(resp.read_reply)
    match reply:
        case "PONG":
            rung.ok("speaks Redis", product="Redis")
            return False
        case resp.Failed(code="NOAUTH"):
            rung.ok("speaks Redis", product="Redis")
            return True
        case resp.Failed(code="DENIED"):
            raise Failure(causes.PROTECTED_MODE, reply.text[:60], fix_of_protected_mode(probe))
        case resp.Failed():
            raise Failure(causes.ERROR, reply.text)
        case _:
            raise Failure(common.MALFORMED, f"PING is answered with {str(reply)[:60]!r}")


def fix_of_protected_mode(probe: Probe) -> str:
    """Return what the administrator pastes: where, and the lines."""
    return (
        f"# in redis-cli on {probe.host}, with a password of your own:\nCONFIG SET requirepass PASSWORD\nCONFIG REWRITE"
    )


async def read(stream: Stream, database: int, rung: Rung) -> None:
    """Read the number of keys of a database: one number, however many there are.

    Raises:
        Failure: the database does not exist, or the account may not read it.
    """
    if version := await _version(stream):
        rung.ok(f"version {version}", version=version)
    await _ask(stream, "SELECT", str(database))
    keys = await _ask(stream, "DBSIZE")
    rung.ok(f"database {database} has {keys} keys")


async def _version(stream: Stream) -> str:
    """The version, as HELLO says it; empty before Redis 6, and where the account may not ask."""
    await stream.send(resp.command("HELLO"))
    (reply,) = await stream.receive(resp.read_reply)
    if not isinstance(reply, list) or "version" not in reply[:-1:2]:
        return ""
    return str(reply[2 * reply[:-1:2].index("version") + 1])


async def _ask(stream: Stream, *words: str) -> resp.Reply:
    await stream.send(resp.command(*words))
    (reply,) = await stream.receive(resp.read_reply)
    if not isinstance(reply, resp.Failed):
        return reply
    if reply.code == "NOPERM":
        raise Failure(common.ACCESS_DENIED, reply.text)
    if "out of range" in reply.text or "SELECT is not allowed" in reply.text:
        raise Failure(common.ACCESS_NOT_FOUND, reply.text)
    raise Failure(causes.ERROR, reply.text)
