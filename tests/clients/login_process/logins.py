"""Functions that stand for client libraries, for the tests of the processes that run them."""

from __future__ import annotations

import _socket
import contextlib
import ctypes
import os
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from scanready.causes import common
from scanready.clients.login_process.lent import Lent
from scanready.clients.login_process.relayed import ADDRESS
from scanready.climb.explain import Failure
from scanready.climb.login_result import LoginResult
from scanready.climb.login_trace import LoginTrace, SecretTrace, SecretWithheldError
from scanready.model import Credential, Owner
from scanready.net.stream import PeerClosed, ReadTimeout, TlsError
from scanready.wire import WireError


@dataclass(slots=True)
class Trace(LoginTrace):
    """The notes of a login."""

    tried: bool = False
    count: int = 0


@dataclass(frozen=True, slots=True)
class Where:
    """A place, and what to do there."""

    port: int = 0
    trace: Trace = field(default_factory=Trace, compare=False)


def echo(word: str, seconds: float) -> list[str]:
    """Return what came in."""
    print("noise")
    return [word]


def facts_of_process(password: str, seconds: float) -> dict[str, int]:
    """Count the password in the command lines and environments of this process and its parents, and its session."""
    found = 0
    for pid in (os.getpid(), os.getppid()):
        for name in ("cmdline", "environ"):
            found += Path(f"/proc/{pid}/{name}").read_bytes().count(password.encode())
    return {"found": found, "session": os.getsid(0), "pid": os.getpid()}


def hang(seconds: float) -> None:
    """Wait past every time-out."""
    time.sleep(600)


def spin(seconds: float) -> None:
    """Hold the interpreter in one call, as a library that loops over a count does."""
    pow(3, 10**9, 10**400_000)


def hang_noted(noted: str, seconds: float) -> None:
    """Note that it runs, and wait past every time-out."""
    Path(noted).touch()
    hang(seconds)


def spin_noted(noted: str, seconds: float) -> None:
    """Note that it runs, and hold the interpreter in one call."""
    Path(noted).touch()
    spin(seconds)


def keep_the_lock_noted(noted: str, seconds: float) -> None:
    """Note that it runs, and wait with Python's lock kept, as a driver in C does."""
    Path(noted).touch()
    ctypes.PyDLL(None).sleep(600)


def fill(megabytes: int, step: int, seconds: float) -> int:
    """Take memory in steps of ``step`` megabytes, and write to all of it."""
    held = []
    for _ in range(0, megabytes, step):
        held.append(b"\1" * (step << 20))
        time.sleep(0.004)
    return len(held)


def hold(megabytes: int, seconds: float) -> int:
    """Take memory, some at a time, and hold all of it for a while."""
    held = []
    for _ in range(megabytes):
        held.append(b"\1" * (1 << 20))
        time.sleep(0.1)
    time.sleep(1)
    return len(held)


def announced(seconds: float) -> int:
    """Take 4 GB at once, as for an answer whose length was announced."""
    return len(bytearray(4 << 30))


def dig(seconds: float) -> None:
    """Go deeper than Python goes, as a library does whose reader calls itself."""
    dig(seconds)


def refuse(seconds: float) -> None:
    """Raise a failure."""
    raise Failure(common.LOGIN_REFUSED, "no", "fix", also=((Owner.AGENT, "other"),), error=7)


def crash(seconds: float) -> None:
    """End the process without a word."""
    os.abort()


def raises(kind: str, seconds: float) -> None:
    """Raise one of the errors that have a cause of their own, or one that has not."""
    wire = WireError("broken")
    wire.heard = b"abc"
    raise {
        "TlsError": TlsError("BAD_THING", b"abc"),
        "PeerClosed": PeerClosed("gone", b"abc", securing=True, spoke=True),
        "ReadTimeout": ReadTimeout("late", b"abc", 2.5),
        "WireError": wire,
        "TimeoutError": TimeoutError("late"),
        "OSError": OSError(111, "refused"),
        "gaierror": socket.gaierror(-2, "no name"),
        "KeyError": KeyError("of a library"),
    }[kind]


def much(count: int, seconds: float) -> str:
    """Return so many characters."""
    return "x" * count


def wrong_type(seconds: float) -> LoginResult:
    """Return something else than is declared."""
    return "no result"  # type: ignore[return-value]


def note_and_hang(where: Where, credential: Credential, seconds: float) -> LoginResult:
    """Note that the secret leaves, and never come back."""
    where.trace.count = 3
    where.trace.tried = True
    time.sleep(600)
    return LoginResult()


@dataclass(frozen=True, slots=True)
class GatedWhere:
    """A place, and the note that the secret leaves."""

    port: int = 0
    trace: SecretTrace = field(default_factory=SecretTrace, compare=False)


def call_with_note(where: GatedWhere, credential: Credential, seconds: float) -> LoginResult:
    """Connect to where the server is, note that the secret leaves, and send it."""
    with socket.create_connection(("127.0.0.1", where.port), timeout=5) as sock:
        with contextlib.suppress(BaseException):  # as a library does that takes whatever comes for its own trouble
            where.trace.sent = True
        sock.sendall((credential.password or "").encode())
        return LoginResult(read="sent")


@dataclass(slots=True)
class PartingTrace(SecretTrace):
    """The trace of a family whose servers hold a hang-up against the client."""

    parts: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class PartingWhere:
    """A place, and the note that the secret leaves."""

    port: int
    trace: PartingTrace = field(default_factory=PartingTrace, compare=False)


def call_and_part(where: PartingWhere, credential: Credential, seconds: float) -> LoginResult:
    """Connect to where the server is, and send the secret, or a goodbye in its place."""
    with socket.create_connection(("127.0.0.1", where.port), timeout=5) as sock:
        try:
            where.trace.sent = True
        except SecretWithheldError:
            sock.sendall(b"goodbye")
            return LoginResult(read="whatever")
        sock.sendall((credential.password or "").encode())
        return LoginResult(read="sent")


@dataclass(frozen=True, slots=True)
class RelayedWhere:
    """A way that the climb leads, and the note that the secret leaves."""

    way: Lent
    trace: SecretTrace = field(default_factory=SecretTrace, compare=False)


def call_by_relay(where: RelayedWhere, credential: Credential, seconds: float) -> LoginResult:
    """Say two words to the server, as a library in C does, past Python's sockets: the second has the secret."""
    with contextlib.closing(_socket.socket()) as sock:
        sock.connect((ADDRESS, where.way.port()))
        for word in (b"\1\5hello", b"\2\11Passw0rd!"):
            sock.sendall(word)
            if not sock.recv(10):
                raise ConnectionResetError("the relay ended it")
    return LoginResult(read="sent")


def call(where: Where, credential: Credential, seconds: float) -> LoginResult:
    """Connect to where the server is, and read a line."""
    with socket.create_connection(("127.0.0.1", where.port), timeout=5) as sock:
        sock.sendall((credential.password or "").encode())
        return LoginResult(read=sock.recv(100).decode())


def call_host(host: str, port: int, seconds: float) -> str:
    """Connect to any host, and return where that is."""
    with socket.create_connection((host, port), timeout=seconds) as sock:
        return f"{sock.getpeername()[0]} {sock.gettimeout()} {os.get_inheritable(sock.fileno())}"


def ask_by_datagram(port: int, seconds: float) -> int:
    """Send a datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        return sock.sendto(b"x", ("127.0.0.1", port))


def talk_over(connection: Lent, seconds: float) -> bytes:
    """Send something over a connection that was lent, and return the beginning of the answer and its length."""
    sock = connection.take()
    sock.settimeout(5)
    sock.sendall(b"ping")
    heard = b""
    while more := sock.recv(1 << 16):
        heard += more
    return heard[:10] + str(len(heard)).encode()


def module_state(seconds: float) -> list[str]:
    """Return what is of this login: working directory, a variable, and whether a barred module is barred."""
    barred = sys.modules.get("barred_for_a_test", "missing") is None
    return [os.getcwd(), os.environ.get("OF_A_TEST", ""), str(barred)]  # noqa: PTH109


def ends_with(end: str, credential: Credential, seconds: float) -> LoginResult:
    """Log in, and end so."""
    match end:
        case "no process":
            os._exit(3)
        case "no memory":
            raise MemoryError
        case "a limit":
            raise Failure(common.LIMIT, "the name is too long; it was not tried")
        case "another type":
            return "no result"  # type: ignore[return-value]
        case "no TLS":  # its handshake failed, which is before any secret
            raise TlsError("BAD_THING", b"abc", securing=True)
        case "TlsError" | "WireError" | "OSError" | "KeyError":
            raises(end, seconds)
    return LoginResult()


def touch(path: str, seconds: float) -> list[float]:
    """Show that it ran."""
    Path(path).touch()
    return [seconds]
