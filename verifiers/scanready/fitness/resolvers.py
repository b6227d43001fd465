"""Send one UDP query to each DNS server of this host, and report whether it answers.

The check of each target resolves its *name*, through the system's resolver as the scanner does. This module checks the
servers behind it: a dead first server delays every lookup by five seconds without an error message.
The query asks for the root's name servers, which every resolver knows. Any answer counts, also a refusal.

Sources: resolv.conf(5); RFC 1035, 4.1.1, for the header.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from scanready.causes import agent as causes
from scanready.climb.explain import explain
from scanready.files import reading
from scanready.model import Facts, Step, is_address
from scanready.net import datagram
from scanready.net.resolve import Resolver
from scanready.net.sockets import Address
from scanready.net.stream import StreamError
from scanready.net.system_errors import NO_SUCH_NAME
from scanready.wire import WireError

from .question import Answer, Line
from .request import Asked

RESOLV_CONF = Path("/etc/resolv.conf")
#: Seconds for one server: three questions a second apart. The system's own resolver waits five.
PATIENCE = 3.0
#: The C library asks no more servers than this (resolv.conf(5), MAXNS).
_MOST_SERVERS = 3
_MOST_BYTES = 64 << 10
#: Recursion desired, one question: the root's name servers, class IN. The identification goes before it.
_QUESTION = bytes.fromhex("0100 0001 0000 0000 0000  00 0002 0001")
_ANSWER_BIT = 0x80
#: Response codes to report: the server answers, but may fail for the names of targets too.
_CODES = {2: "SERVFAIL", 5: "REFUSED"}
#: A name that cannot exist (RFC 6761, 6.4): a working resolver reports that.
_NO_SUCH_HOST = "scanready.invalid"


@dataclass(frozen=True, slots=True)
class Configured:
    """Hold the servers and the search list of resolv.conf, or of Windows' registry."""

    servers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()


async def look(asked: Asked) -> list[Answer]:
    """Ask every configured server; where none is listed in a file, ask the system's resolver as a whole."""
    answers: list[Answer] = []
    with Line("resolvers", answers) as line:
        configured = _read()
        if configured is None:
            await _ask_system(line)
            return answers
        servers = configured.servers or ("127.0.0.1",)  # the C library's default
        results = await asyncio.gather(*(ask(server) for server in servers))
        words = [f"{server} {how}" for server, (_, how) in zip(servers, results, strict=True)]
        search = ", ".join(configured.search)
        facts: Facts = {"resolvers": {server: how for server, (_, how) in zip(servers, results, strict=True)}}
        facts["search"] = list(configured.search)
        summary = ", ".join(words) + (f"; searches {search}" if search else "; no search list")
        if not configured.servers:
            summary = f"{RESOLV_CONF} names no server; {summary}"
        alive = [answered for answered, _ in results]
        if not any(alive):
            line.warn(causes.NO_RESOLVER, summary, **facts)
        elif not all(alive):
            line.warn(causes.RESOLVER_SILENT, summary, **facts)
        else:
            line.ok(summary, **facts)
    return answers


def _read() -> Configured | None:
    if sys.platform == "win32":
        return _of_adapters()
    try:
        return parse(reading.read(RESOLV_CONF, _MOST_BYTES).decode("utf-8", "replace"))
    except reading.Unreadable:
        return Configured()


def _of_adapters() -> Configured | None:
    """Return what the adapters of Windows have, as dnspython reads it; None where it is not known."""
    try:
        import dns.exception
        import dns.resolver  # loaded late: an install elsewhere may lack it
    except ImportError:
        return None
    try:
        found = dns.resolver.Resolver()
    except (
        dns.exception.DNSException,
        OSError,
        NotImplementedError,
    ):  # the last one: its reader of adapters is missing
        return None
    servers = tuple(server for server in map(str, found.nameservers) if is_address(server))
    return Configured(servers, tuple(name.to_text(omit_final_dot=True) for name in found.search)) if servers else None


def parse(text: str) -> Configured:
    """Read the lines `nameserver`, `search` and `domain`; the last `search` or `domain` counts."""
    servers: list[str] = []
    search: tuple[str, ...] = ()
    for line in text.splitlines():
        keyword, *words = line.split() or [""]
        if keyword == "nameserver" and words and is_address(words[0]):
            servers.append(words[0])
        elif keyword in ("search", "domain"):
            search = tuple(words)
    return Configured(tuple(servers[:_MOST_SERVERS]), search)


async def ask(server: str) -> tuple[bool, str]:
    """Return whether a server answers, and a description of the answer or the error."""
    identity = secrets.token_bytes(2)
    begun = time.perf_counter()
    try:
        deadline = asyncio.get_running_loop().time() + PATIENCE
        code = await datagram.ask(
            _port_53(server), identity + _QUESTION, lambda reply: _code(reply, identity), deadline
        )
    except (StreamError, WireError, OSError) as error:
        return False, f"does not answer ({explain(error, Step.CONNECT, 'dns').detail})"
    failure = f" ({_CODES[code]} for the root)" if code in _CODES else ""
    return True, f"answers in {(time.perf_counter() - begun) * 1000:.0f} ms{failure}"


def _code(reply: bytes, identity: bytes) -> int | None:
    """Return the response code; None for a datagram that does not answer this query."""
    if len(reply) < 12 or reply[:2] != identity or not reply[2] & _ANSWER_BIT:
        return None
    return reply[3] & 0xF


def _port_53(server: str) -> Address:
    family, where = socket.getaddrinfo(server, 53, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)[0][::4]
    return family, where


async def _ask_system(line: Line) -> None:
    resolver, begun = Resolver(), time.perf_counter()
    try:
        await resolver.addresses(_NO_SUCH_HOST, 0, asyncio.get_running_loop().time() + 2 * PATIENCE)
    except socket.gaierror as error:
        if error.errno not in NO_SUCH_NAME:
            line.warn(causes.NO_RESOLVER, f"a lookup fails: {error.strerror}")
            return
    except TimeoutError:
        line.warn(causes.NO_RESOLVER, f"a lookup is not answered within {2 * PATIENCE:g} s")
        return
    finally:
        resolver.close()
    took = (time.perf_counter() - begun) * 1000
    line.ok(f"a lookup succeeds in {took:.0f} ms; scanready cannot list the DNS servers on this platform")
