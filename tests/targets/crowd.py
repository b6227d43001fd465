"""A crowd of servers in a process of its own: 200 healthy ones, or 24 that mean harm, spread over the types.

    python -m tests.targets.crowd healthy|hostile

Prints the targets as JSON, one line, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import itertools
import json
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import paramiko
from paramiko.common import AUTH_FAILED

from fixtures.emulators import (
    Behaviour,
    Reader,
    Record,
    Writer,
    db2,
    dcom,
    demo,
    informix,
    misbehave,
    oracle,
    serve,
    ssh,
    sybase,
)
from fixtures.emulators.certificates import LOOPBACK, authority
from tests.hostile.test_slow_feeding import OPENINGS, feeding
from tests.targets import echoing
from tests.targets.imap.imap_peers import mailbox
from tests.targets.ssh.ssh_peers import Quirk, peer, send
from tests.websites import answer, site
from tests.wire.floods import all_floods

COUNT, HOSTILE_COUNT = 200, 24
#: The addresses that the emulators' certificates name; a few targets share each, as on real hosts.
ADDRESSES = tuple(f"127.0.0.{number}" for number in range(11, 58))
#: Bytes of a flood, and seconds between its last ones: slowly, and as fast as it goes.
_SIZE, _SLOWLY, _AT_ONCE = 60_000, 0.004, 0.0
PASSWORD = "Passw0rd!"
CLEAR = {"allow_cleartext": True}


@dataclass(frozen=True)
class Member:
    """One server, and the target it is asked as.

    ``played`` is the name of an emulated Windows, or a behaviour; ``tls`` may be the names in the certificate.
    """

    type: str
    played: Behaviour | str
    tls: bool | tuple[str, ...] = False
    options: Mapping[str, Any] = field(default_factory=dict)
    logs_in: bool = False


def healthy() -> Iterator[Member]:
    """Yield the healthy parts of the demonstration, and servers that let the account in."""
    for part in demo.ESTATE:
        if part.healthy:
            options = dict(pair.split(": ") for pair in part.options.split(", ") if pair)
            truths = {name: True if value == "true" else value for name, value in options.items()}
            for name in part.types:
                yield Member(name, part.windows or part.behaviour or misbehave.silent, part.tls is not None, truths)
    yield Member("imap", mailbox(), options=CLEAR, logs_in=True)
    yield Member("imaps", mailbox(), tls=True, logs_in=True)
    yield Member("informix", informix.server(), options={"server": "ol_hr", **CLEAR}, logs_in=True)
    yield Member("oracle", oracle.listener(), options={"service": "ORCL"}, logs_in=True)
    yield Member("db2", db2.server(mechanisms=(3,)), options={"database": "SAMPLE", **CLEAR}, logs_in=True)


def feeds(reader: str, what: str, interval: float) -> Behaviour:
    """Return a server that floods one reader of ours."""
    return feeding(OPENINGS.get(reader, b"") + all_floods()[reader][what](_SIZE), interval)


def after_the_password(rest: bytes) -> Behaviour:
    """Return a PostgreSQL that asks for a password, and then sends ``rest`` without end."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        await echoing.postgresql("no")(reader, writer, record)
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(rest)
                await writer.drain()

    return behaviour


def second_time(behaviour: Behaviour) -> Behaviour:
    """Return an sshd that is healthy for each climb, and something else for the login behind it."""
    count = itertools.count()

    async def either(reader: Reader, writer: Writer, record: Record) -> None:
        await (ssh.openssh_9_2 if next(count) % 2 == 0 else behaviour)(reader, writer, record)

    return either


def after_ssl_request(rest: Behaviour) -> Behaviour:
    """Return a PostgreSQL without TLS that answers the start with something else."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        while True:
            length = int.from_bytes(await reader.readexactly(4))
            if (await reader.readexactly(length - 4))[:2] == b"\0\3":
                break
            writer.write(b"N")
        await rest(reader, writer, record)

    return behaviour


def pg_error(text: bytes) -> bytes:
    """Return a PostgreSQL error in such words."""
    body = b"SFATAL\0VFATAL\0C28P01\0M" + text + b"\0\0"
    return b"E" + (len(body) + 4).to_bytes(4) + body


class Spins(Quirk):
    """Keeps a thread of paramiko's busy: EXT_INFO with four thousand million extensions."""

    def check_auth_none(self, username: str) -> int:
        """Send it in place of the answer."""
        send(self.transport, 7, 0xFFFFFFF0)
        return AUTH_FAILED


def hostile() -> Iterator[Member]:
    """Yield the servers that mean harm; the one with a thread of its own stands apart, in :func:`sshd`."""
    words = b"%2525" * 5800  # each level of escapes is read when secrets are masked
    many = tuple(f"host-{number}.corp.example" for number in range(900))
    bomb = gzip.compress(bytes(64 << 20), mtime=0)
    packed = ("WWW-Authenticate: NTLM", "Content-Encoding: gzip")
    yield Member("unix", second_time(misbehave.endless()), logs_in=True)
    yield Member("ssh", feeds("wire.ssh.read_kexinit", "packets to ignore", _SLOWLY))
    yield Member("ssh", misbehave.says_and_closes((words[:160] + b"\r\n") * 49), logs_in=True)
    yield Member("imap", mailbox(LOGIN=b"* 1 FETCH (BODY[] {4294967295}\r\n" + bytes(1 << 20)), False, CLEAR, True)
    yield Member("imaps", misbehave.endless(b"* OK " + words[:1000] + b"\r\n"), tls=True, logs_in=True)
    yield Member("postgresql", after_ssl_request(feeding(b"N\0\0\0\4" * 12_000, _SLOWLY)))
    yield Member("postgresql", after_ssl_request(misbehave.says(pg_error(words))), False, CLEAR, True)
    yield Member("postgresql", after_the_password(b"N\0\0\0\4" * 4096), False, CLEAR, True)
    yield Member("mysql", misbehave.says(b"\x48\x71\0\0\xff\x69\x04" + words), False, CLEAR, True)
    yield Member("mssql", feeds("wire.tds7.read_prelogin", "packets", _SLOWLY))
    yield Member(
        "sybase", feeds("wire.tds5.read_answer", "empty packets", _AT_ONCE), False, {"allow_login_probe": True}
    )
    yield Member("oracle", feeds("wire.tns.read_answer", "a redirect", _SLOWLY), False, {"service": "ORCL"})
    yield Member("db2", feeds("wire.drda.read_replies", "empty structures", _AT_ONCE))
    yield Member("teradata", feeds("wire.teradata.read_answer", "a message", _SLOWLY))
    yield Member("https", misbehave.silent, tls=many)
    yield Member("http", feeds("wire.http.answer.read_response", "chunks of one byte", _AT_ONCE))
    yield Member("http", site({"/": answer("401 No", *packed, body=bomb)}), False, CLEAR, True)
    yield Member(
        "http", misbehave.says_and_closes(b"HTTP/1.1 401 x\r\nServer: " + words + b"\r\n\r\n"), False, CLEAR, True
    )
    yield Member("nfs", feeds("wire.rpc.message.read_reply", "empty fragments", _AT_ONCE))
    yield Member("smb", misbehave.endless(b"\x85\0\0\0" * 4096))
    yield Member("imap", mailbox(CAPABILITY=_capabilities(words)), False, CLEAR, True)
    yield Member("sybase", sybase.server(login=_errors(words)), False, CLEAR, True)
    yield Member("windows", feeds("wire.dcerpc.read_answer", "empty fragments", _AT_ONCE))


def _capabilities(words: bytes) -> bytes:
    """Return IMAP's list of capabilities, with mechanisms of odd names."""
    names = b" ".join(b"AUTH=" + words[:54] + str(number).encode() for number in range(950))
    return b"* CAPABILITY IMAP4rev1 AUTH=PLAIN " + names[:8100] + b"\r\nc1 OK done\r\n"


def _errors(words: bytes) -> bytes:
    """Return ASE's answer to a login with as many errors as a message holds."""
    errors = [sybase.message(4002, 14, words[:60].decode())] * 400
    return sybase.reply(*errors, sybase.acknowledge(6), sybase.FAILED)


@contextlib.asynccontextmanager
async def played(members: list[Member], addresses: tuple[str, ...]) -> AsyncIterator[list[dict[str, Any]]]:
    """Have all of them listen; yield the targets."""
    async with contextlib.AsyncExitStack() as held:
        yield [
            asked(member, host := addresses[number % len(addresses)], await _port(member, host, held), number)
            for number, member in enumerate(members)
        ]


async def _port(member: Member, host: str, held: contextlib.AsyncExitStack) -> int:
    if isinstance(member.played, str):
        return (await held.enter_async_context(dcom.windows(member.played, host))).mapper.port
    names = member.tls if isinstance(member.tls, tuple) else LOOPBACK
    tls = authority().context("good", names) if member.tls else None
    return (await held.enter_async_context(serve(member.played, host, tls=tls))).port


def asked(member: Member, host: str, port: int, number: int) -> dict[str, Any]:
    """Return a target as JSON; each account has an authority of its own."""
    account = [f"account-{number}", "er", PASSWORD] if member.logs_in else None
    return {"type": member.type, "host": host, "port": port, "options": dict(member.options), "account": account}


@contextlib.contextmanager
def sshd() -> Iterator[dict[str, Any]]:
    """Have the sshd listen that keeps a client's library busy; yield its target."""
    with peer(Spins, paramiko.ECDSAKey.generate()) as server:
        yield asked(Member("unix", misbehave.silent, logs_in=True), "127.0.0.1", server.port, 999)


async def run(kind: str) -> None:
    """Play one crowd until standard input ends."""
    with contextlib.ExitStack() as stack:
        if kind == "healthy":
            members = list(itertools.islice(itertools.cycle(healthy()), COUNT))
            more = []
            addresses = ADDRESSES
        else:
            members, more = list(hostile()), [stack.enter_context(sshd())]
            addresses = tuple(f"127.0.1.{number}" for number in range(1, 1 + len(members)))
        async with played(members, addresses) as targets:
            ca_file = str(authority().ca_file)
            print(json.dumps({"targets": targets + more, "ca_file": ca_file}), flush=True)
            await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1]))
