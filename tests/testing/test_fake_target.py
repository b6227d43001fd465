"""The scripted fake plays its script, reports where the other side left it, and ends with its test."""

from __future__ import annotations

import re
import socket
import threading
from pathlib import Path

import pytest

from scanready.model import Credential
from scanready.testing import FakeTarget


def connect(fake: FakeTarget) -> socket.socket:
    return socket.create_connection((fake.host, fake.port), timeout=5)


def heard(peer: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := peer.recv(size - len(data))):
        data += more
    return data


def test_a_script_that_is_followed() -> None:
    with FakeTarget() as fake:
        fake.send(b"220 hello\r\n").expect(re.compile(rb"HELO \w+\r\n")).drip(b"250 ok\r\n", 0).expect(b"QUIT\r\n")
        with connect(fake) as peer:
            assert heard(peer, 11) == b"220 hello\r\n"
            peer.sendall(b"HELO ag")
            peer.sendall(b"ent\r\nQUIT\r\n")  # more than one step expects: the rest is the next one's
            assert heard(peer, 8) == b"250 ok\r\n"
        fake.assert_followed()
        assert fake.received == b"HELO agent\r\nQUIT\r\n"
        assert fake.connections[0].peer_closed


def test_what_comes_after_the_script_is_kept() -> None:
    with FakeTarget() as fake:
        fake.send(b"hello")
        with connect(fake) as peer:
            assert heard(peer, 5) == b"hello"
            peer.sendall(b"farewell")
        fake.assert_followed()
        assert fake.received == b"farewell"


def test_other_bytes_than_expected() -> None:
    with FakeTarget() as fake:
        fake.send(b"x").expect(b"EHLO\r\n").send(b"y")
        with connect(fake) as peer:
            assert heard(peer, 1) == b"x"
            peer.sendall(b"GET / HTTP/1.1\r\n")
            with pytest.raises(ConnectionResetError):
                heard(peer, 1)
        with pytest.raises(AssertionError) as caught:
            fake.assert_followed()
    assert str(caught.value).splitlines() == [
        "connection 1 did not keep to the script:",
        "  ✓ send b'x'",
        r"  ✗ expect b'EHLO\r\n'",
        "  – send b'y'",
        r"  b'GET / HTTP/1.1\r\n' came instead",
    ]


def test_a_peer_that_leaves_early() -> None:
    with FakeTarget() as fake:
        fake.expect(b"EHLO\r\n")
        with connect(fake) as peer:
            peer.sendall(b"EH")
        with pytest.raises(AssertionError, match="the other side left; so far came b'EH'"):
            fake.assert_followed()


def test_a_peer_that_says_nothing() -> None:
    silent = FakeTarget(patience=0.05).expect(re.compile(rb".*\r\n"))
    with silent as fake, connect(fake), pytest.raises(AssertionError, match=r"only b'' came in 0.05 s"):
        fake.assert_followed()


def test_nobody_or_too_many() -> None:
    with FakeTarget() as fake:
        with pytest.raises(AssertionError, match="0 connections came, not 1"):
            fake.assert_followed(within=0.01)
        for _ in range(2):
            connect(fake).close()
        fake.assert_followed(connections=2)
        with pytest.raises(AssertionError, match="2 connections came, not 1"):
            fake.assert_followed()


def test_each_connection_may_have_its_own_script() -> None:
    with FakeTarget() as fake:
        fake.send(b"first").close().then().send(b"other").close()
        replies = []
        for _ in range(3):
            with connect(fake) as peer:
                replies.append(heard(peer, 5))
                assert peer.recv(1) == b""
        assert replies == [b"first", b"other", b"other"]
        fake.assert_followed(connections=3)


def test_cut_off() -> None:
    with FakeTarget() as fake:
        fake.expect(b"hi").reset()
        with connect(fake) as peer:
            peer.sendall(b"hi")
            with pytest.raises(ConnectionResetError):
                peer.recv(1)
        fake.assert_followed()


def test_silence_lasts_as_long_as_it_is_told_to() -> None:
    with FakeTarget() as fake:
        fake.wait(0.05).send(b"late").wait()
        with connect(fake) as peer:
            peer.setblocking(False)
            with pytest.raises(BlockingIOError):
                peer.recv(1)
            peer.settimeout(5)
            assert heard(peer, 4) == b"late"
        fake.assert_followed()


def test_leaving_ends_everything() -> None:
    before = threading.active_count()
    with FakeTarget() as fake:
        fake.wait().then().send(b"x" * 50_000_000).then().expect(b"never")
        peers = [connect(fake) for _ in range(3)]
    assert threading.active_count() == before
    for peer in peers:
        peer.close()
    with pytest.raises(ConnectionRefusedError):
        connect(fake)


def test_an_endless_sender_is_cut_off() -> None:
    with FakeTarget() as fake, connect(fake) as peer:
        with pytest.raises(ConnectionError):
            peer.sendall(b"x" * 2**27)
        with pytest.raises(AssertionError, match="did not keep to the script"):
            fake.assert_followed()


def test_where_it_is() -> None:
    with FakeTarget() as fake:
        account = Credential("er", "er")
        target = fake.target("echo", account, loud=True)
        assert (target.host, target.port, target.type) == ("127.0.0.1", fake.port, "echo")
        assert target.credential is account
        assert target.options == {"loud": True}
        assert fake.url("echo", "/x") == f"echo://127.0.0.1:{fake.port}/x"
    with FakeTarget("::1") as fake:
        assert fake.url("echo") == f"echo://[::1]:{fake.port}"
        connect(fake).close()
        fake.assert_followed()


def test_it_needs_no_pytest() -> None:
    source = Path(__file__).parents[2] / "verifiers" / "scanready" / "testing"
    for name in ("__init__", "fake_target", "checked", "verdicts"):
        assert "pytest" not in re.findall(r"^(?:from|import) (\w+)", (source / f"{name}.py").read_text(), re.MULTILINE)
