"""Measure the benchmark's servers with a bare epoll client that checks every byte of their answers (Linux).

The client parses nothing, it only compares. So its speed is the upper limit of the machine and the servers, to compare
the speed of scanready with.
"""

from __future__ import annotations

import ipaddress
import re
import select
import socket
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks.exchanges import (
    DRDA_PROMPT,
    EXCHANGES,
    HTTP_OK,
    IMAP_CAPABILITY,
    IMAP_LOGOUT,
    MYSQL_REFUSAL,
    PG_SASL,
    SMB_CHALLENGE,
    SMB_NEGOTIATED,
    SSH_KEXINIT,
    TDS_PRELOGIN,
    TNS_PONG,
)
from fixtures.transcripts import load

FIRST = ipaddress.IPv4Address("127.1.0.1")
#: Seconds without progress after which the servers count as dead.
PATIENCE = 10.0

#: The only part of an answer that differs between two processes.
DATE = re.compile(rb"(?<=\r\nDate: )[^\r]+")

#: Pairs of octets to send and the exact answer to expect; the last message needs no answer.
SCRIPTS: dict[str, list[tuple[bytes, bytes]]] = {
    "ssh": [
        (b"SSH-2.0-prober\r\n", EXCHANGES["ssh"].greeting + SSH_KEXINIT),
        (load("ssh/disconnect11.c2s.hex"), b""),
    ],
    "mysql": [(b"", EXCHANGES["mysql"].greeting), (load("mysql/anon-login.c2s.hex"), MYSQL_REFUSAL)],
    "postgresql": [
        (load("postgresql/sslrequest.c2s.hex"), b"N"),
        (load("postgresql/startup-v3.c2s.hex"), PG_SASL),
    ],
    "imap": [
        (b"", EXCHANGES["imap"].greeting),
        (b"a CAPABILITY\r\nb LOGOUT\r\n", IMAP_CAPABILITY % b"a" + IMAP_LOGOUT % b"b"),
    ],
    "http": [(load("http/head.c2s.hex"), HTTP_OK)],
    "smb": [
        (load("smb/smb2-negotiate.c2s.hex"), SMB_NEGOTIATED),
        (load("smb/smb2-sessionsetup-type1.c2s.hex"), SMB_CHALLENGE),
    ],
    "mssql": [(load("tds7/prelogin.c2s.hex"), TDS_PRELOGIN)],
    "oracle": [(load("tns/ping.c2s.hex"), TNS_PONG)],
    "db2": [(load("drda/excsat-accsec.c2s.hex"), DRDA_PROMPT)],
}


def addresses(count: int) -> Iterator[str]:
    """Return ``count`` different addresses of 127/8."""
    return (str(FIRST + number) for number in range(count))


@dataclass
class Score:
    """Hold the result of a round: finished exchanges and wrong answers per protocol, and its duration in seconds."""

    finished: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        """Finished exchanges per second."""
        return self.finished.total() / self.seconds


class _Call:
    """Track one connection and the steps of its script that are done."""

    __slots__ = ("heard", "name", "sock", "step")

    def __init__(self, name: str, address: tuple[str, int]) -> None:
        self.name, self.step, self.heard = name, 0, b""
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.sock.connect_ex(address)

    def say(self) -> None:
        """Send the next message of the script, and those after it as long as no answer is expected."""
        script = SCRIPTS[self.name]
        while self.step < len(script):
            message, expected = script[self.step]
            if message:
                self.sock.send(message)
            if expected:
                return
            self.step += 1

    def hear(self) -> bool | None:
        """Return True when the script is done, False when it has failed, None while it continues."""
        script = SCRIPTS[self.name]
        data = self.sock.recv(8192)
        self.heard += data
        expected = script[self.step][1]
        if len(self.heard) == len(expected) and DATE.sub(b"", self.heard) == DATE.sub(b"", expected):
            self.heard = b""
            self.step += 1
            self.say()
            return True if self.step == len(script) else None
        return None if data and len(self.heard) < len(expected) else False


def probe(ports: dict[str, int], count: int, concurrency: int = 256) -> Score:
    """Do ``count`` exchanges, one address each, spread over the protocols, so many at once.

    Raises:
        TimeoutError: nothing happened for PATIENCE seconds.
    """
    names = list(ports)
    waiting = ((names[n % len(names)], address) for n, address in enumerate(addresses(count)))
    score, calls, epoll = Score(), dict[int, _Call](), select.epoll()
    began = time.perf_counter()
    while True:
        while len(calls) < concurrency and (target := next(waiting, None)) is not None:
            call = _Call(target[0], (target[1], ports[target[0]]))
            calls[call.sock.fileno()] = call
            epoll.register(call.sock.fileno(), select.EPOLLOUT)
        if not calls:
            break
        if not (events := epoll.poll(PATIENCE)):
            raise TimeoutError(f"{len(calls)} exchanges hang")
        for number, event in events:
            call = calls[number]
            done = _advance(call, event, epoll)
            if done is not None:
                (score.finished if done else score.wrong)[call.name] += 1
                del calls[number]
                call.sock.close()
    score.seconds = time.perf_counter() - began
    epoll.close()
    return score


def _advance(call: _Call, event: int, epoll: select.epoll) -> bool | None:
    """Do what the event allows; return as :meth:`_Call.hear`."""
    try:
        if event & select.EPOLLOUT:
            epoll.modify(call.sock.fileno(), select.EPOLLIN)
            call.say()
            return None
        return call.hear()
    except BlockingIOError:
        return None
    except OSError:
        return False
