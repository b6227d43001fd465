"""Errors in Windows' numbers: what each means, and that a connection, a datagram and a name tell it like others."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
import sys
from collections.abc import Callable

import pytest

from fixtures.limits import HANG
from scanready.climb.explain import explain
from scanready.model import Step
from scanready.net import datagram, resolve
from scanready.net.dial import dial
from scanready.net.errors import ConnectError, local_limit
from scanready.net.sockets import Address
from scanready.net.stream import ReadTimeout
from scanready.net.system_errors import NO_SUCH_NAME, number_of, of_name, of_number, posix_errors, words_of
from tests.clock import JumpingLoop, PortableLoop
from tests.closed_ports import closed_port, closed_udp_port
from tests.completion_ports import CompletionPorts, TellingTuples, completed, winsock

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "ours": JumpingLoop,
    "portable": PortableLoop,
    "windows": CompletionPorts,
    "windows-tuples": TellingTuples,
}
# Number -> (errno, cause of a TCP connection): Microsoft's "System Error Codes" and "Windows Sockets Error Codes".
MEANT = {
    5: (errno.EACCES, "connect.local-limit"),
    52: (errno.EADDRINUSE, "connect.local-limit"),
    53: (errno.ENETUNREACH, "connect.unreachable"),
    59: (errno.ENETDOWN, "connect.unreachable"),
    68: (errno.EADDRINUSE, "connect.local-limit"),
    121: (errno.ETIMEDOUT, "connect.filtered"),
    1222: (errno.ENETDOWN, "connect.unreachable"),
    1225: (errno.ECONNREFUSED, "connect.refused"),
    1227: (errno.EADDRINUSE, "connect.local-limit"),
    1231: (errno.ENETUNREACH, "connect.unreachable"),
    1232: (errno.EHOSTUNREACH, "connect.unreachable"),
    1233: (errno.ENOPROTOOPT, "connect.rejected"),
    1234: (errno.ECONNREFUSED, "connect.rejected"),
    1236: (errno.ECONNABORTED, "connect.local-limit"),
    1256: (errno.EHOSTDOWN, "connect.unreachable"),
    1450: (errno.ENOBUFS, "connect.local-limit"),
    1816: (errno.ENOBUFS, "connect.local-limit"),
    10013: (errno.EACCES, "connect.local-limit"),
    10024: (errno.EMFILE, "connect.local-limit"),
    10035: (errno.EAGAIN, "connect.local-limit"),
    10048: (errno.EADDRINUSE, "connect.local-limit"),
    10049: (errno.EADDRNOTAVAIL, "connect.local-limit"),
    10050: (errno.ENETDOWN, "connect.unreachable"),
    10051: (errno.ENETUNREACH, "connect.unreachable"),
    10052: (errno.ENETRESET, "connect.unreachable"),
    10053: (errno.ECONNABORTED, "connect.local-limit"),
    10055: (errno.ENOBUFS, "connect.local-limit"),
    10060: (errno.ETIMEDOUT, "connect.filtered"),
    10061: (errno.ECONNREFUSED, "connect.refused"),
    10064: (errno.EHOSTDOWN, "connect.unreachable"),
    10065: (errno.EHOSTUNREACH, "connect.unreachable"),
}


@pytest.mark.parametrize(("number", "errno_", "code"), [(number, *meant) for number, meant in MEANT.items()], ids=str)
def test_a_number_of_windows_has_the_cause_of_its_errno(number: int, errno_: int, code: str) -> None:
    told = winsock(OSError, errno.EINVAL, number)
    assert number_of(told) == errno_
    assert words_of(told) == os.strerror(errno_)
    found = explain(ConnectError(told), Step.CONNECT, "ssh")
    assert found.cause.code == code
    if number != 1234:  # POSIX has no word of its own for that one: the kernel keeps the message instead
        assert found == explain(ConnectError(OSError(errno_, "")), Step.CONNECT, "ssh")


@pytest.mark.parametrize("number", [number for number in MEANT if number >= 10000], ids=str)
def test_winsocks_numbers_are_known_where_errno_or_so_error_has_them(number: int) -> None:
    errno_, code = MEANT[number]
    assert number_of(OSError(number, "")) == errno_
    assert of_number(number).errno == errno_
    assert explain(ConnectError(OSError(number, "")), Step.CONNECT, "ssh").cause.code == code


@pytest.mark.parametrize("number", [64, 121, 1225, 1231, 2250], ids=str)
def test_a_low_number_is_windows_only_where_winerror_says_so(number: int) -> None:
    assert number_of(OSError(number, "")) == number


@pytest.mark.parametrize("number", [87, 1326, 99999], ids=str)
def test_an_unknown_number_is_shown(number: int) -> None:
    told = winsock(OSError, errno.EINVAL, number)
    assert number_of(told) == errno.EINVAL
    assert words_of(told).endswith(f"(Windows error {number})")


@pytest.mark.parametrize(("number", "errno_"), [(64, errno.ECONNRESET), (2250, errno.ENOTCONN), (995, errno.ECANCELED)])
def test_the_end_of_a_connection(number: int, errno_: int) -> None:
    assert number_of(winsock(OSError, errno.EINVAL, number)) == errno_


def test_a_reset_is_known_by_its_class_where_asyncio_lost_its_number() -> None:
    with pytest.raises(ConnectionResetError) as error, posix_errors():
        raise completed(64)
    assert error.value.errno == errno.ECONNRESET


def test_errors_of_this_platform_and_our_own_time_outs_pass_unchanged() -> None:
    for told in (OSError(errno.EHOSTUNREACH, "x"), TimeoutError(), socket.gaierror(11001, "x"), ValueError("x")):
        with pytest.raises(type(told)) as error, posix_errors():
            raise told
        assert error.value is told


def test_errors_of_tls_and_of_names_are_no_limit_of_this_host() -> None:
    import ssl

    assert local_limit(ssl.SSLError(errno.EPERM, "an alert")) is None
    assert local_limit(socket.gaierror(errno.ENOMEM, "a name")) is None


# --- one connection --------------------------------------------------------------------------------------------------


def dialled(loop: str, address: Address, seconds: float = 5.0) -> BaseException | None:
    async def run() -> BaseException | None:
        try:
            stream = await dial(address, asyncio.get_running_loop().time() + seconds)
        except (ConnectError, ReadTimeout) as error:
            return error
        await stream.close()
        return None

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(run())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_closed_port(loop: str) -> None:
    with closed_port() as port:
        error = dialled(loop, (socket.AF_INET, ("127.0.0.1", port)))
    assert isinstance(error, ConnectError)
    assert (error.errno, error.strerror) == (errno.ECONNREFUSED, "Connection refused")


@pytest.mark.parametrize("number", [errno.ETIMEDOUT, errno.ECONNRESET], ids=["timed-out", "reset"])
def test_what_the_loop_raises_while_it_connects(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A time-out of the system's is one; a reset means that the peer accepted, and its first word will show it."""
    found = []
    for loop, told in (
        ("portable", OSError(number, "Connect call failed")),
        ("windows", completed({110: 121}.get(number, 64))),
    ):

        async def refuse(self: object, sock: socket.socket, address: object, told: OSError = told) -> None:
            raise told

        monkeypatch.setattr(LOOPS[loop], "sock_connect", refuse)
        error = dialled(loop, (socket.AF_INET, ("127.0.0.1", 9)))
        found.append(None if error is None else (type(error), str(error)))
    assert found[0] == found[1]
    assert (found[0] is None) == (number == errno.ECONNRESET)


# --- one datagram ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loop", LOOPS)
def test_a_closed_udp_port(loop: str) -> None:
    async def run(where: Address) -> None:
        deadline = asyncio.get_running_loop().time() + HANG
        await datagram.ask(where, b"who?", lambda data: data, deadline)

    with (
        closed_udp_port() as where,
        asyncio.Runner(loop_factory=LOOPS[loop]) as runner,
        pytest.raises(ConnectError) as error,
    ):
        runner.run(run(where))
    assert error.value.errno == errno.ECONNREFUSED
    found = explain(error.value, Step.CONNECT, "nfs")
    assert found.cause.code == "connect.refused"
    assert found.detail.startswith("port unreachable: no service listens on this UDP port")


@pytest.mark.parametrize(
    "told", [winsock(ConnectionResetError, errno.ECONNRESET, 10054), completed(64)], ids=["winsock", "port"]
)
def test_a_reset_over_udp_is_port_unreachable(told: OSError) -> None:
    error = ConnectError(told, datagram_to="10.0.0.7")
    assert explain(error, Step.CONNECT, "nfs").cause.code == "connect.refused"
    assert error.strerror == "Connection refused"


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (11001, "resolve.not-found"),
        (11002, "resolve.no-answer"),
        (11003, "resolve.no-answer"),
        (11004, "resolve.not-found"),
    ],
    ids=str,
)
def test_what_getaddrinfo_says_on_windows(number: int, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> list[object]:
        raise socket.gaierror(number, "getaddrinfo failed")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(socket.gaierror) as error:
        resolve._lookup("db7.example", 22)
    found = explain(error.value, Step.RESOLVE, "ssh")
    assert found.cause.code == code
    assert found.detail != "getaddrinfo failed"


def test_the_words_for_names_are_those_of_this_platform() -> None:
    if sys.platform != "linux":
        return
    numbers = {11001: "EAI_NONAME", 11002: "EAI_AGAIN", 11003: "EAI_FAIL", 11004: "EAI_NODATA"}
    for number, name in numbers.items():
        assert of_name(socket.gaierror(number, "")).errno == getattr(socket, name)
    assert {socket.EAI_NONAME, socket.EAI_NODATA} == NO_SUCH_NAME


def test_a_platform_without_eai_nodata_has_causes_for_names() -> None:
    """FreeBSD and musl have no such number."""
    code = (
        "import socket; del socket.EAI_NODATA; from scanready.climb.explain import explain; "
        "from scanready.model import Step; print(explain(socket.gaierror(-2, ''), Step.RESOLVE, '').cause.code)"
    )
    import subprocess

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ})
    assert done.stdout.strip() == "resolve.not-found", done.stderr


def test_a_reset_on_a_socket_is_told_in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real reset of the peer, in Winsock's words."""
    listening = socket.create_server(("127.0.0.1", 0))
    with listening, socket.create_connection(listening.getsockname()) as ours:
        theirs, _ = listening.accept()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        theirs.close()
        with pytest.raises(ConnectionResetError) as error:
            ours.recv(1)
    told = winsock(ConnectionResetError, error.value.errno or 0, 10054)
    assert words_of(told) == words_of(error.value) == "Connection reset by peer"
