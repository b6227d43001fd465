"""Servers that want to hold up or fill up the login of `unix` and `ssh`."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from pathlib import Path

import paramiko
import pytest
from paramiko.common import AUTH_FAILED

from fixtures.emulators import Behaviour, Reader, Record, Writer, in_background, ssh
from fixtures.limits import HANG
from fixtures.transcripts import load
from scanready.model import Credential, Owner, Report, Step, Verdict
from scanready.run.engine import verify_all
from scanready.run.settings import Settings
from scanready.targets.ssh import client as openssh
from scanready.targets.ssh.login_limits import MOST_RECEIVED, Leash, Trace, open_transport
from tests.ladder import PLENTY, WAIT, climb, expect, finding_of, logins_end, story, target
from tests.targets.ssh.ssh_peers import RIGHT, Quirk, peer, ran, says_nothing, send, visit, write_client


@pytest.fixture(autouse=True)
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The agent's ssh client, the same on every machine, and its configuration."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(openssh, "CONFIG_FILES", (tmp_path / "config",))
    return write_client(tmp_path)


@pytest.fixture(scope="module")
def key() -> paramiko.PKey:
    return paramiko.ECDSAKey.generate()


def second_time(behaviour: Behaviour) -> Behaviour:
    """An sshd for the first connection, something else for the second: the one paramiko makes."""
    count = iter(range(100))

    async def either(reader: Reader, writer: Writer, record: Record) -> None:
        await (ssh.openssh_9_2 if next(count) == 0 else behaviour)(reader, writer, record)

    return either


async def floods(reader: Reader, writer: Writer, record: Record) -> None:
    with contextlib.suppress(ConnectionError):
        for _ in range(50 << 4):
            writer.write(b"x" * (1 << 16))
            await writer.drain()


@pytest.mark.parametrize(("behaviour", "code"), [(says_nothing, "scanready.out-of-time"), (floods, "scanready.limit")])
def test_the_login_ends_in_time_and_in_size(behaviour: Behaviour, code: str) -> None:
    with in_background(second_time(behaviour)) as server:
        report = climb(target("unix", "127.0.0.1", server.port, RIGHT), timeout=WAIT)
    assert report.finding is not None, story(report)
    assert report.finding.cause.code == code, story(report)
    assert report.finding_step is Step.LOGIN


async def hangs_up(reader: Reader, writer: Writer, record: Record) -> None:
    writer.write(ssh.BANNER_9_2)
    await reader.readuntil(b"\n")
    await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))  # the client's offer


async def leaves_with_words(reader: Reader, writer: Writer, record: Record) -> None:
    await hangs_up(reader, writer, record)
    writer.write(load("ssh/disconnect11.c2s.hex"))


async def sends_what_has_no_name(reader: Reader, writer: Writer, record: Record) -> None:
    await hangs_up(reader, writer, record)
    writer.write(struct.pack(">IBB", 12, 10, 250) + bytes(10))


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (hangs_up, "the server closed the connection without a message"),
        (leaves_with_words, "the server's message: canscan: handshake check finished"),
        (sends_what_has_no_name, "failed: "),
    ],
)
def test_an_end_within_the_key_exchange_says_what_is_known(behaviour: Behaviour, words: str) -> None:
    with in_background(second_time(behaviour)) as server:
        report = climb(target("unix", "127.0.0.1", server.port, RIGHT))
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.LOGIN)
    assert words in finding_of(report).detail
    assert not finding_of(report).detail.endswith(": ")
    assert report.footprint.login_attempts == 0


async def closes_at_once(reader: Reader, writer: Writer, record: Record) -> None:
    return


@pytest.mark.parametrize(("credential", "user"), [(RIGHT, ""), (None, "svc")], ids=["a login", "a user name"])
def test_a_server_that_closes_the_connection_of_the_login_without_a_word(
    credential: Credential | None, user: str
) -> None:
    """A limit of connections, such as MaxStartups, may do that; it is no limit of ours."""
    with in_background(second_time(closes_at_once)) as server:
        report = climb(target("unix", "127.0.0.1", server.port, credential, **{"user": user} if user else {}))
    expect(report, Verdict.UNDECIDED, "login.not-judged", owner=Owner.SERVER)
    assert "before it identified itself" in finding_of(report).detail
    assert report.footprint.login_attempts == 0


class Clock:
    """A wall clock that is set forward by an hour at each look."""

    def __init__(self) -> None:
        self._now = time.time()

    def time(self) -> float:
        self._now += 3600.0
        return self._now


def test_a_wall_clock_that_is_set_ends_no_wait_for_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line of text before the identification may also take more than paramiko's 2 s."""
    ours, theirs = socket.socketpair()
    silent = threading.Event()

    class Waits(Leash):
        def recv(self, size: int) -> bytes:
            try:
                return super().recv(size)
            except TimeoutError:
                silent.set()
                raise

    def serve() -> None:
        for line in (b"one moment\r\n", b"please\r\n", b"SSH-2.0-late\r\n"):
            silent.clear()
            while not silent.wait(0.05) and transport.is_active():
                pass
            theirs.sendall(line)

    with ours, theirs:
        leash = Waits(ours, HANG, Trace())
        transport = open_transport(leash)
        monkeypatch.setattr(paramiko.packet, "time", Clock())
        monkeypatch.setattr(paramiko.transport, "time", Clock())
        transport.start_client(threading.Event())
        serve()
        theirs.shutdown(socket.SHUT_WR)
        transport.join(HANG)
        assert transport.remote_version == "SSH-2.0-late"


def test_a_server_that_never_answers_the_command(key: paramiko.PKey) -> None:
    over = threading.Event()

    class Hangs(Quirk):
        def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
            over.wait(30)  # holds up the server's own thread: nothing more is answered
            return False

    with peer(Hangs, key) as server:
        report = climb(target("unix", "127.0.0.1", server.port, RIGHT), timeout=WAIT)
        over.set()
        expect(report, Verdict.UNDECIDED, "scanready.out-of-time", step=Step.ACCESS)


def test_a_command_that_talks_for_ever(key: paramiko.PKey) -> None:
    report = visit(ran("yes\n" * (1 << 20), 0), key)
    expect(report, Verdict.BLOCKED, "ssh.forced-command")


def test_a_million_prompts(key: paramiko.PKey) -> None:
    class Asks(Quirk):
        methods = "keyboard-interactive"

        def check_auth_interactive(self, username: str, submethods: str) -> int:
            send(self.transport, 60, "", "", "", 0xFFFFFFF0)
            return AUTH_FAILED

    report = visit(Asks, key)
    assert report.verdict is not Verdict.SCANNABLE
    assert finding_of(report).cause.code != "scanready.out-of-time", "it is not answered until the time is over"
    assert report.finding_step is Step.LOGIN, story(report)


def test_a_count_that_keeps_the_library_spinning_ends_with_the_time(key: paramiko.PKey) -> None:
    """EXT_INFO with four thousand million extensions (RFC 8308, 2.3): paramiko's thread loops over the count."""

    class Spins(Quirk):
        def check_auth_none(self, username: str) -> int:
            send(self.transport, 7, 0xFFFFFFF0)
            return AUTH_FAILED

    with peer(Spins, key) as server:
        report = climb(target("unix", "127.0.0.1", server.port, RIGHT), timeout=WAIT)
    expect(report, Verdict.UNDECIDED, "scanready.out-of-time", step=Step.LOGIN)
    assert report.footprint.login_attempts == 0, "no secret had left"
    assert logins_end()


def test_a_group_beyond_the_limit_of_clients_is_not_computed_with(key: paramiko.PKey, client: Path) -> None:
    """9,990 bits (RFC 4419): OpenSSH's clients take 8,192 at most. The login's own process refuses."""

    class Modulus:
        def get_modulus(self, *_: int) -> tuple[int, int]:
            return 2, (1 << 9989) | 1

    class Large(Quirk):
        def __init__(self, transport: paramiko.Transport) -> None:
            super().__init__(transport)
            transport._modulus_pack = Modulus()  # type: ignore[attr-defined]  # paramiko's own
            transport.get_security_options().kex = ("diffie-hellman-group-exchange-sha256",)

    write_client(client.parent, kex="diffie-hellman-group-exchange-sha256")
    with peer(Large, key) as server:
        report = climb(target("unix", "127.0.0.1", server.port, RIGHT))
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.LOGIN)
    assert "9990 bits" in finding_of(report).detail
    assert report.footprint.login_attempts == 0


def test_a_flood_in_place_of_an_answer_leaves_the_login_open_for_the_whole_host(key: paramiko.PKey) -> None:
    """The server has the password, and may have counted it: the second port does not get it, too."""
    came: list[str] = []

    class Floods(Quirk):
        def check_auth_password(self, username: str, password: str) -> int:
            came.append(password)
            for _ in range(1 + (MOST_RECEIVED >> 14)):
                send(self.transport, 2, "x" * (1 << 14))  # IGNORE (RFC 4253, 11.2)
            return AUTH_FAILED

    async def run(ports: list[int]) -> list[Report]:
        targets = [target("ssh", "127.0.0.1", port, RIGHT) for port in ports]
        return [report async for report in verify_all(targets, Settings(canary=False, timeout=PLENTY))]

    with peer(Floods, key) as one, peer(Floods, key) as two:
        reports = asyncio.run(run([one.port, two.port]))
    assert sorted(finding_of(report).cause.code for report in reports) == ["login.withheld", "scanready.limit"]
    assert len(came) == 1
