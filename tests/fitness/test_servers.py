"""The questions to servers (the clock's, the DNS servers, the Master), and the signs of a container."""

from __future__ import annotations

import datetime
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import format_datetime
from pathlib import Path

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Writer, in_background
from scanready.causes import agent as causes
from scanready.fitness import clock, master_server, proc, resolvers, vantage_point
from scanready.fitness.question import Answer, Line
from scanready.model import Outcome, Owner, Target
from tests.fitness.helpers import ask, asked, expect

# the clock ------------------------------------------------------------------------------------------------------


def tells(seconds: float | None) -> Behaviour:
    """A web server whose clock is so many seconds ahead; None: its answer has no date."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        await reader.readuntil(b"\r\n\r\n")
        date = b""
        if seconds is not None:
            now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
            date = b"Date: " + format_datetime(now, usegmt=True).encode() + b"\r\n"
        writer.write(b"HTTP/1.1 200 OK\r\n" + date + b"Content-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()

    return behaviour


@pytest.mark.parametrize(
    ("ahead", "outcome", "code", "owner"),
    [
        (0.0, Outcome.PASSED, None, None),
        (120.0, Outcome.PASSED, None, None),
        (-400.0, Outcome.WARNED, "agent.clock-skewed", Owner.AGENT),
        (86400.0, Outcome.WARNED, "agent.clock-skewed", Owner.AGENT),
        (None, Outcome.FAILED, "agent.clock-unknown", Owner.OPERATOR),
    ],
)
def test_the_clock(ahead: float | None, outcome: Outcome, code: str | None, owner: Owner | None) -> None:
    with in_background(tells(ahead)) as server:
        (answer,) = ask(clock.look, asked(clock_from=[Target("127.0.0.1", "http", server.port)]))
    expect(answer, outcome, code, owner)
    if ahead is not None:
        assert abs(answer.facts["clock_skew_seconds"] - ahead) <= 5
    if code == "agent.clock-skewed":
        direction = "ahead of" if (ahead or 0) > 0 else "behind"
        assert f"s {direction} this host's" in answer.summary


def test_the_next_one_is_asked_where_the_first_is_closed() -> None:
    with in_background(tells(0)) as server:
        where = [Target("127.0.0.1", "http", 1), Target("127.0.0.1", "http", server.port)]
        (answer,) = ask(clock.look, asked(clock_from=where))
    expect(answer, Outcome.PASSED)


def test_nobody_named_and_nobody_who_must_tell() -> None:
    (answer,) = ask(clock.look, asked())
    assert expect(answer, Outcome.SKIPPED).summary.startswith("not checked; --clock-from HOST")
    console = asked(clock_from=[Target("127.0.0.1", "http", 1)], clock_named=False)
    assert "is allowed" in expect(ask(clock.look, console)[0], Outcome.SKIPPED).summary


# DNS servers ----------------------------------------------------------------------------------------------------


@contextmanager
def dns(answer: Callable[[bytes], bytes | None]) -> Iterator[int]:
    """A DNS server on a port of its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.1)
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                try:
                    query, client = sock.recvfrom(512)
                except TimeoutError:
                    continue
                if (reply := answer(query)) is not None:
                    sock.sendto(reply, client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            ended.set()
            thread.join()


def answering(code: int = 0) -> Callable[[bytes], bytes]:
    """Header and question of the answer, as RFC 1035, 4.1.1 draws them, with no records."""
    return lambda query: query[:2] + bytes([0x81, 0x80 | code]) + query[4:]


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def configure(text: str, **port_of: int) -> None:
        (tmp_path / "resolv.conf").write_text(text)
        monkeypatch.setattr(resolvers, "RESOLV_CONF", tmp_path / "resolv.conf")
        monkeypatch.setattr(resolvers, "PATIENCE", 0.5)
        ports = {name.replace("_", ".")[1:]: port for name, port in port_of.items()}
        monkeypatch.setattr(resolvers, "_port_53", lambda server: (socket.AF_INET, ("127.0.0.1", ports[server])))

    return configure


TWO = "search corp.example lab\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n"


def test_servers_that_answer(configured: Callable[..., None]) -> None:
    with dns(answering()) as one, dns(answering(5)) as two:
        configured(TWO, _192_0_2_1=one, _192_0_2_2=two)
        (answer,) = ask(resolvers.look, asked())
    expect(answer, Outcome.PASSED)
    assert "192.0.2.2 answers in" in answer.summary
    assert "(REFUSED for the root)" in answer.summary
    assert answer.summary.endswith("searches corp.example, lab")


@pytest.mark.parametrize(
    "other",
    [
        lambda query: None,
        lambda query: query,  # the agent's own query, sent back
        lambda query: b"\0\0" + answering()(query)[2:],  # the answer to another question
        lambda query: query[:5],
    ],
)
def test_one_that_does_not(configured: Callable[..., None], other: Callable[[bytes], bytes | None]) -> None:
    with dns(answering()) as one, dns(other) as two:
        configured(TWO, _192_0_2_1=one, _192_0_2_2=two)
        (answer,) = ask(resolvers.look, asked())
    expect(answer, Outcome.WARNED, "agent.resolver-silent", Owner.NETWORK)
    assert "192.0.2.2 does not answer" in answer.summary


def test_none_that_does(configured: Callable[..., None]) -> None:
    configured(TWO, _192_0_2_1=1, _192_0_2_2=1)
    (answer,) = ask(resolvers.look, asked())
    expect(answer, Outcome.WARNED, "agent.no-resolver", Owner.AGENT)


def test_none_configured(configured: Callable[..., None]) -> None:
    configured("# nothing\n", _127_0_0_1=1)
    (answer,) = ask(resolvers.look, asked())
    expect(answer, Outcome.WARNED, "agent.no-resolver", Owner.AGENT)
    assert "names no server" in answer.summary


def test_a_flood_is_no_answer(configured: Callable[..., None]) -> None:
    with dns(lambda query: b"x" * 400) as one:
        configured("nameserver 192.0.2.1", _192_0_2_1=one)
        expect(ask(resolvers.look, asked())[0], Outcome.WARNED, "agent.no-resolver", Owner.AGENT)


def test_where_no_file_lists_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")

    def failing(code: int) -> None:
        def look_up(*_: object) -> None:
            raise socket.gaierror(code, "said so")

        monkeypatch.setattr("scanready.net.resolve._lookup", look_up)

    failing(socket.EAI_NONAME)
    assert "on this platform" in expect(ask(resolvers.look, asked())[0], Outcome.PASSED).summary
    failing(socket.EAI_AGAIN)
    expect(ask(resolvers.look, asked())[0], Outcome.WARNED, "agent.no-resolver", Owner.AGENT)


def test_resolv_conf() -> None:
    text = (
        "domain a\nsearch b c\nnameserver ::1\nnameserver x\nnameserver 1.2.3.4\nnameserver 2.2.2.2\nnameserver 3.3.3.3"
    )
    assert resolvers.parse(text) == resolvers.Configured(("::1", "1.2.3.4", "2.2.2.2"), ("b", "c"))
    assert resolvers.parse("nameserver\n\n#\n") == resolvers.Configured()


# the vantage point ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "gateway", "release", "whose"),
    [
        ("172.17.0.5", "172.17.0.1", "6.1.0", "Docker's default bridge (172.17.0.0/16 behind 172.17.0.1)"),
        ("172.17.0.5", "172.17.0.254", "6.1.0", ""),
        ("10.0.2.15", "10.0.2.2", "6.1.0", "the user network of VirtualBox or QEMU (10.0.2.0/24 behind 10.0.2.2)"),
        (
            "192.168.122.7",
            "192.168.122.1",
            "6.1.0",
            "libvirt's default network (192.168.122.0/24 behind 192.168.122.1)",
        ),
        ("172.20.99.3", "172.20.96.1", "5.15.0-microsoft-standard-WSL2", "WSL 2 (behind 172.20.96.1)"),
        ("10.1.2.3", "10.1.2.1", "6.1.0", ""),
        ("10.1.2.3", None, "6.1.0", ""),
    ],
)
def test_translated_addresses(address: str, gateway: str | None, release: str, whose: str) -> None:
    import ipaddress

    at = ipaddress.ip_address(gateway) if gateway else None
    assert vantage_point.translated_by((address,), at, release) == whose


@pytest.mark.parametrize(
    ("signs", "outcome", "code"),
    [
        (vantage_point.Signs(), Outcome.PASSED, None),
        (vantage_point.Signs(leftover=("/.dockerenv",)), Outcome.PASSED, None),
        (vantage_point.Signs(translated="Docker's default bridge"), Outcome.WARNED, "agent.address-translated"),
        (vantage_point.Signs(container=("/run/.containerenv",)), Outcome.WARNED, "agent.container"),
        (vantage_point.Signs(("a PID namespace of its own",), (), "Docker's"), Outcome.WARNED, "agent.container"),
    ],
)
def test_signs(signs: vantage_point.Signs, outcome: Outcome, code: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(vantage_point, "gather", lambda addresses: signs)
    (answer,) = ask(vantage_point.look, asked())
    expect(answer, outcome, code, Owner.AGENT if code else None)
    for sign in (*signs.container, *signs.leftover, signs.translated):
        assert sign in answer.summary


@pytest.mark.parametrize(
    ("ours", "first", "release", "own"),
    [
        (vantage_point.FIRST_NETWORK, None, "6.18.44", False),
        (4026532177, None, "6.18.44", True),
        (4026531840, None, "6.1.0-44-amd64", False),  # nothing is known
        (4026531840, 4026531840, "6.1.0-44-amd64", False),
        (4026532177, 4026531840, "6.1.0-44-amd64", True),
        (4026532177, None, "strange", False),
        (None, None, "6.18.44", False),
    ],
)
def test_network_namespaces(ours: int | None, first: int | None, release: str, own: bool) -> None:
    assert vantage_point.own_network(ours, first, release) is own


def test_a_manager_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("container", "podman")
    assert "container=podman in the environment" in vantage_point.gather(()).container


def test_a_control_group_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proc, "text_of", lambda path: "0::/kubepods/burstable/pod12/abc\n")
    assert "a control group of kubepods" in vantage_point.gather(()).container


def test_other_platforms_do_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    expect(ask(vantage_point.look, asked())[0], Outcome.SKIPPED)


# the Master -----------------------------------------------------------------------------------------------------


def listening(*where: tuple[str, int]) -> list[proc.Socket]:
    import ipaddress

    return [proc.Socket(ipaddress.ip_address(address), port, proc.LISTEN) for address, port in where]


@pytest.mark.parametrize(
    ("there", "agents", "browsers"),
    [
        ([("0.0.0.0", 11117), ("::", 443)], None, None),
        ([("10.0.0.1", 11117), ("127.0.0.1", 11117), ("0.0.0.0", 80)], None, None),
        ([("127.0.0.1", 11117), ("::1", 443)], causes.LOOPBACK_ONLY, causes.LOOPBACK_ONLY),
        ([("::ffff:127.0.0.1", 11117)], causes.LOOPBACK_ONLY, causes.NOT_LISTENING),
        ([], causes.NOT_LISTENING, causes.NOT_LISTENING),
    ],
)
def test_what_listens_on_a_master(
    there: list[tuple[str, int]], agents: object, browsers: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proc, "tcp_sockets", lambda: listening(*there))
    for answer, cause in zip(ask(master_server.listening, asked(role="master")), (agents, browsers), strict=True):
        code = getattr(cause, "code", None)
        expect(answer, Outcome.FAILED if code else Outcome.PASSED, code, Owner.AGENT if code else None)


def test_a_console_without_tls_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proc, "tcp_sockets", lambda: listening(("0.0.0.0", 80)))
    assert "not encrypted" in ask(master_server.listening, asked(role="master"))[1].summary


def test_where_listeners_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proc, "tcp_sockets", lambda: None)
    for answer in ask(master_server.listening, asked(role="master")):
        expect(answer, Outcome.FAILED, "scanready.limit", Owner.SCANREADY)


def test_nobody_named_is_not_checked_and_says_so() -> None:
    assert "no Master is named" in expect(ask(master_server.way_there, asked())[0], Outcome.SKIPPED).summary
    assert (
        "--update-server" in expect(ask(master_server.way_to_updates, asked(role="master"))[0], Outcome.SKIPPED).summary
    )


# the words of an answer -----------------------------------------------------------------------------------------


def test_what_the_system_will_not_tell_is_our_limit() -> None:
    answers: list[Answer] = []
    with Line("x", answers):
        raise PermissionError(13, "Permission denied")
    expect(answers[0], Outcome.FAILED, "connect.local-limit", Owner.AGENT)


def test_a_bug_is_not_hidden() -> None:
    with pytest.raises(LookupError), Line("x", []):
        raise LookupError
