"""The WMI login against a host that attacks its client with DCE/RPC, at each answer of the login, in its own process.

The emulator plays Windows up to an answer, and then one of these takes its place ([MS-RPCE] 2.2.2, C706 12.6).
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
import struct
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Writer, dcom, dcom_stubs, in_background
from scanready.causes import common
from scanready.clients.login_process.processes import LoginProcesses
from scanready.climb.explain import Failure
from scanready.climb.login_network import OwnPlaces
from scanready.model import Target
from scanready.net.resolve import Resolver
from scanready.targets.windows import causes, login
from tests.hostile.test_hostile_logins import KILL, SECONDS, Scale, Thief
from tests.ladder import BY_NAME
from tests.pace import held_up
from tests.targets.windows.wmi_peers import account, where

if sys.platform != "linux":
    pytest.skip("127.0.0.2 is an address of Linux's loopback; reads /proc", allow_module_level=True)

SECRET = "Passw0rd!"
Attack = Callable[[bytes], AsyncIterator[bytes]]
_FAULT, _BIND_NAK, _LAST = 3, 13, 2


def _with(pdu: bytes, at: int, value: bytes) -> bytes:
    return pdu[:at] + value + pdu[at + len(value) :]


def _header(kind: int, length: int, flags: int = 3) -> bytes:
    return struct.pack("<BBBBIHHI", 5, 0, kind, flags, 0x10, length, 0, 1)


def _fault(code: int) -> bytes:
    return _header(_FAULT, 32) + struct.pack("<IHBBII", 0, 0, 0, 0, code, 0)


def once(change: Callable[[bytes], bytes]) -> Attack:
    """Send the answer changed, and nothing more."""

    async def attack(pdu: bytes) -> AsyncIterator[bytes]:
        yield change(pdu)

    return attack


def for_ever(change: Callable[[bytes], bytes]) -> Attack:
    """Send the answer changed, again and again."""

    async def attack(pdu: bytes) -> AsyncIterator[bytes]:
        while True:
            yield change(pdu)

    return attack


async def drips(pdu: bytes) -> AsyncIterator[bytes]:
    """Send one octet a second."""
    for at in range(len(pdu)):
        yield pdu[at : at + 1]
        await asyncio.sleep(1)


async def four_gigabytes(pdu: bytes) -> AsyncIterator[bytes]:
    """Announce the longest fragment that there is, as one of many, and send for ever."""
    while True:
        yield _with(_with(pdu, 3, bytes([pdu[3] & ~_LAST])), 8, b"\xff\xff") + bytes(65535 - len(pdu))


ATTACKS: dict[str, Attack] = {
    "fragments of 64 KiB without end": four_gigabytes,
    "fragments without end": for_ever(lambda pdu: _with(pdu, 3, bytes([pdu[3] & ~_LAST]))),
    "empty fragments without end": for_ever(lambda pdu: _header(pdu[2], 24, flags=1) + bytes(8)),
    "a fragment of no length": once(lambda pdu: _with(pdu, 8, b"\0\0")),
    "fragments of no length without end": for_ever(lambda pdu: _header(pdu[2], 0)),
    "a fragment of its header alone": once(lambda pdu: _header(pdu[2], 16)),
    "a length that is never sent": once(lambda pdu: _with(pdu, 8, b"\xff\xff")),
    "one octet a second": drips,
    "an allocation hint of 4 GB": once(lambda pdu: _with(pdu, 16, b"\xff\xff\xff\xff")),
    "a verifier longer than all": once(lambda pdu: _with(pdu, 10, b"\xff\xff")),
    "no verifier": once(lambda pdu: _with(pdu, 10, b"\0\0")),
    "ones from the body on": once(lambda pdu: pdu[:24] + b"\xff" * (len(pdu) - 24)),
    "zeros from the body on": once(lambda pdu: pdu[:24] + bytes(len(pdu) - 24)),
    "bind_nak without end": for_ever(lambda _: _header(_BIND_NAK, 24) + struct.pack("<HB5x", 4, 0)),
    "faults without end": for_ever(lambda _: _fault(0x1C010003)),
    "a fault that nobody knows": once(lambda _: _fault(0xDEADBEEF)),
    "a fault without a code": once(lambda _: _header(_FAULT, 18) + bytes(2)),
    "the answer twice": once(lambda pdu: pdu + pdu),
    "a request of its own": once(lambda pdu: _with(pdu, 2, b"\0")),
    "a kind that does not exist": once(lambda pdu: _with(pdu, 2, b"\x7f")),
    "the password": once(lambda pdu: pdu[:24] + SECRET.encode() * 9 + pdu[24 + 9 * len(SECRET) :]),
    "the password in UTF-16": once(
        lambda pdu: pdu[:24] + SECRET.encode("utf-16-le") * 5 + pdu[24 + 10 * len(SECRET) :]
    ),
}


class Counts:
    """A host's side of one connection: it sends its answers, and the attack in the place of one of them."""

    def __init__(self, writer: Writer, record: Record, number: int, attack: Attack | None) -> None:
        self._writer = writer
        self._record = record
        self._left = number
        self._attack = attack

    def write(self, data: bytes) -> None:
        """Send, or begin the attack; nothing follows it."""
        self._left -= 1
        if self._left >= 0:
            self._writer.write(data)
        elif self._left == -1:
            self._record.count("attacked")
            if self._attack is None:
                self._record.reset()
            else:
                self._record.tasks.append(asyncio.get_running_loop().create_task(self._play(self._attack, data)))

    async def drain(self) -> None:
        """See :class:`Writer`."""
        await self._writer.drain()

    def close(self) -> None:
        """Stay."""

    async def _play(self, attack: Attack, pdu: bytes) -> None:
        async for piece in attack(pdu):
            self._writer.write(piece)
            await self._writer.drain()


def attacked(behaviour: Behaviour, number: int, attack: Attack | None) -> Behaviour:
    """Return the host that attacks in the place of that answer; without an attack it resets."""

    async def attacking(reader: Reader, writer: Writer, record: Record) -> None:
        await behaviour(reader, Counts(writer, record, number, attack), record)
        await record.lost.wait()

    return attacking


def visited(*ports: int) -> list[tuple[Any, float]]:
    """Log in at each port as a probe does, side by side; return the outcomes, and the seconds that they took."""

    async def one(processes: LoginProcesses, port: int) -> tuple[Any, float]:
        loop = asyncio.get_running_loop()
        begun, before = loop.time(), held_up()
        there = Target("127.0.0.1", "windows", port)
        places = OwnPlaces(there, BY_NAME["windows"], "127.0.0.1", Resolver(), begun + SECONDS, (), lambda _: None)
        outcome: Any
        try:
            outcome = await processes.run(
                login.visit, (where(port), account(password=SECRET)), begun + SECONDS, begun + KILL, places
            )
        except (Failure, OSError) as error:
            outcome = error
        return outcome, loop.time() - begun - max(0.0, held_up() - before)

    async def run() -> list[tuple[Any, float]]:
        processes = LoginProcesses()
        await processes.prepare(login.visit)
        try:
            return await asyncio.gather(*(one(processes, port) for port in ports))
        finally:
            processes.close()

    return asyncio.run(run())


def assert_bounded(outcome: Any, seconds: float, scale: Scale, *, harmless: bool = False) -> None:
    assert seconds <= SECONDS * 1.1, f"{seconds:.2f} s: {outcome!r}"
    assert scale.most < 100 << 20, f"{scale.most >> 20} MB: {outcome!r}"
    failure = outcome if isinstance(outcome, BaseException) else outcome.denied
    assert failure is not None or harmless, "nobody was let in"
    if isinstance(failure, Failure):
        assert failure.cause.code not in ("scanready.bug", "login.refused"), failure
    assert SECRET not in repr(outcome)
    assert SECRET not in str(failure)


#: Where an attack may stand: the mapper's and the dynamic port's first answers.
PLACES = {
    "the bind": ("mapper", 0),
    "the logon": ("mapper", 1),
    "the activation": ("mapper", 3),
    "the second bind": ("wmi", 0),
    "opening the namespace": ("wmi", 2),
}


#: These change nothing that the login rests on, at a place where the genuine host goes on.
HARMLESS = {
    ("an allocation hint of 4 GB", "the activation"),
    ("the answer twice", "the activation"),
    ("a request of its own", "the activation"),
    ("a kind that does not exist", "the activation"),
}


@pytest.mark.parametrize("name", [*ATTACKS, "a reset"])
def test_an_attack_in_the_place_of_an_answer(name: str) -> None:
    ports, attackers = [], []
    with contextlib.ExitStack() as hosts, Scale() as scale:
        for side, number in PLACES.values():
            host = hosts.enter_context(dcom.in_background("healthy"))
            literal = host.variant.wmi_port if side == "wmi" else 0
            behaviour = attacked(host.behaviour(literal), number, ATTACKS.get(name))
            attackers.append(hosts.enter_context(in_background(behaviour)))
            if side == "wmi":
                host.ports[literal] = attackers[-1].port
            ports.append(host.mapper.port if side == "wmi" else attackers[-1].port)
        outcomes = visited(*ports)
        assert all(attacker.counts["attacked"] for attacker in attackers), f"each login came as far: {outcomes}"
    for place, (outcome, seconds) in zip(PLACES, outcomes, strict=True):
        assert_bounded(outcome, seconds, scale, harmless=(name, place) in HARMLESS)


def thief_beside_a_closed_port() -> tuple[Thief, socket.socket]:
    """A thief, and the target's own port of that number: bound, so that no other process listens there."""
    for _ in range(50):
        thief, closed = Thief(), socket.socket()
        try:
            closed.bind(("127.0.0.1", thief.port))
        except OSError:  # somebody has it
            thief.__exit__()
            closed.close()
        else:
            return thief, closed
    raise AssertionError("no port is free at both addresses")


@pytest.mark.parametrize("foreign", ["127.0.0.2", "thief.example", "127.0.0.1", "0.0.0.0", "[::1]"])
def test_wmi_that_is_said_to_be_elsewhere_is_asked_for_at_the_target_only(foreign: str) -> None:
    """The activation's bindings name another host, with the port of a thief there; the target does not listen on it."""
    waiting, closed = thief_beside_a_closed_port()
    variant = dataclasses.replace(dcom.HEALTHY, foreign=foreign)
    with closed, waiting as thief, dcom.in_background(variant) as host:
        host.ports[host.variant.wmi_port] = thief.port
        with Scale() as scale:
            [(outcome, seconds)] = visited(host.mapper.port)
    assert_bounded(outcome, seconds, scale)
    assert outcome.denied.cause is causes.DYNAMIC_PORT_BLOCKED
    assert thief.connections == 0


@pytest.mark.parametrize("stage", ["login", "query"])
def test_an_object_of_another_exporter_is_not_followed(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """impacket would look for the exporter (OXID) in the bindings, and log in to it with the account."""
    genuine = dcom_stubs.interface
    wanted = dcom_stubs.SERVICES if stage == "login" else dcom_stubs.ENUM_CLASS_OBJECT

    def elsewhere(iid: Any, ipid: bytes, oid: int) -> bytes:
        answer = genuine(iid, ipid, oid)
        other = struct.pack("<Q", dcom_stubs.OXID ^ 1)
        return answer.replace(struct.pack("<Q", dcom_stubs.OXID), other) if iid == wanted else answer

    monkeypatch.setattr(dcom_stubs, "interface", elsewhere)
    with Thief() as thief:
        variant = dataclasses.replace(dcom.HEALTHY, foreign="127.0.0.2")
        with dcom.in_background(variant) as host, Scale() as scale:
            [(outcome, seconds)] = visited(host.mapper.port)
            assert host.counts["logons"] == 2, "the mapper's, and the one where WMI is"
    assert_bounded(outcome, seconds, scale)
    assert outcome.denied.cause is common.LIMIT
    assert thief.connections == 0
