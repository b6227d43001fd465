"""Do the lab's network, firewall, names and misbehaving peers do what they say? Asked without our own code."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fixtures.lab import accounts
from fixtures.lab.lab import Lab
from fixtures.lab.misbehave import Misbehaving
from fixtures.lab.namespace import NETNS, LabError, pids_in
from fixtures.lab.net import Topology, sweep
from fixtures.lab.server import Server
from fixtures.lab.templates import SHARED, shared_template
from fixtures.limits import HANG
from tests.lab.plain import dial, refusal

# The network and the firewall (the table in the lab's notes, section 2)


@pytest.fixture(scope="module")
def listener(lab: Lab) -> Misbehaving:
    return lab.misbehaving("half-open", 7000)


def test_open_and_closed_ports_and_both_families(lab: Lab, listener: Server) -> None:
    assert refusal(lab, listener.address, 7000) == "open"
    assert refusal(lab, listener.address6, 7000) == "open"
    assert refusal(lab, listener.address, 7001) == errno.ECONNREFUSED


@pytest.mark.parametrize(
    ("action", "error"),
    [
        ("reject with tcp reset", errno.ECONNREFUSED),
        ("reject with icmp type port-unreachable", errno.ECONNREFUSED),
        ("reject with icmp type admin-prohibited", errno.EHOSTUNREACH),
        ("reject with icmp type host-prohibited", errno.EHOSTUNREACH),
        ("reject with icmp type host-unreachable", errno.EHOSTUNREACH),
        ("reject with icmp type net-unreachable", errno.ENETUNREACH),
        ("reject with icmp type net-prohibited", errno.ENETUNREACH),
        ("reject with icmp type prot-unreachable", errno.ENOPROTOOPT),
    ],
)
def test_a_firewall_that_says_no(lab: Lab, listener: Server, action: str, error: int) -> None:
    with lab.policy(f"tcp dport 7000 {action}"):
        # More often than an ICMP rate limit would let through.
        assert {refusal(lab, listener.address, 7000) for _ in range(8)} == {error}
    assert refusal(lab, listener.address, 7000) == "open"


def test_a_firewall_that_drops(lab: Lab, listener: Server) -> None:
    with lab.policy("tcp dport 7000 counter drop"):
        assert refusal(lab, listener.address, 7000, timeout=0.4) == "timeout"
        assert "packets 0 " not in lab.topology.router.command(["nft", "list", "ruleset"], check=True).stdout
        with lab.policy(""):
            assert refusal(lab, listener.address, 7000) == "open"
        assert refusal(lab, listener.address6, 7000, timeout=0.4) == "timeout"


def test_ipv6_is_refused_in_its_own_words(lab: Lab, listener: Server) -> None:
    # Unlike IPv4, only the second SYN's refusal (after 1 s) ends the attempt.
    with lab.policy("tcp dport 7000 reject with icmpv6 type admin-prohibited"):
        assert refusal(lab, listener.address6, 7000) == errno.EACCES
        assert refusal(lab, listener.address, 7000) == "open"


def test_an_absent_host_is_unreachable_after_three_seconds(lab: Lab, listener: Server) -> None:
    began = time.monotonic()
    assert refusal(lab, listener.host.absent, 22) == errno.EHOSTUNREACH
    assert time.monotonic() - began > 2.5


def test_udp_errors_come_back(lab: Lab, listener: Server) -> None:
    def ask() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
            ours.settimeout(2)
            ours.connect((listener.address, 137))
            ours.send(b"?")
            ours.recv(1)

    with pytest.raises(ConnectionRefusedError):
        lab.agent.run(ask)
    with lab.policy("udp dport 137 reject with icmp type admin-prohibited"), pytest.raises(OSError, match="No route"):
        lab.agent.run(ask)


def test_a_question_over_udp_is_judged_anew_from_a_port_that_passed_before(lab: Lab, listener: Server) -> None:
    def udp(address: str) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(0.5)
        sock.bind((address, 875))
        return sock

    def heard(sock: socket.socket) -> tuple[bytes, tuple[str, int]] | None:
        with contextlib.suppress(TimeoutError):
            return sock.recvfrom(100)
        return None

    with lab.agent.run(udp, lab.agent.address) as ours, listener.host.run(udp, listener.address) as theirs:
        ours.sendto(b"before", (listener.address, 875))
        assert heard(theirs) == (b"before", (lab.agent.address, 875))
        with lab.policy(f"ip daddr {listener.address} udp dport 875 drop"):
            theirs.sendto(b"answer", (lab.agent.address, 875))
            assert heard(ours) == (b"answer", (listener.address, 875)), "an answer is let back"
            ours.sendto(b"behind the firewall", (listener.address, 875))
            assert heard(theirs) is None


def test_names_resolve_alike_in_a_thread_and_in_a_command(lab: Lab, listener: Server) -> None:
    host = listener.host
    assert lab.agent.run(socket.gethostbyname, host.hostname) == host.address
    assert lab.agent.command(["getent", "ahostsv6", host.hostname6]).stdout.split()[0] == host.address6
    found = lab.agent.run(socket.getaddrinfo, host.hostname_both, 22, 0, socket.SOCK_STREAM)
    assert {str(entry[4][0]) for entry in found} == {host.address, host.address6}
    with pytest.raises(socket.gaierror):
        socket.gethostbyname(host.hostname)  # and not outside


def test_a_run_leaves_nothing_behind() -> None:
    topology = Topology()
    host = topology.host("short-lived")
    process = host.popen(["sleep", "300"])
    etc = Path("/etc/netns", host.name)
    assert etc.is_dir()
    topology.close()
    assert process.wait(5) != 0
    assert not list(NETNS.glob(f"{topology.tag}*"))
    assert not etc.exists()
    assert not topology.directory.exists()
    topology.close()


def test_runs_that_start_together_sweep_one_killed_run() -> None:
    killed = Topology()
    for name in ("one", "two", "three"):
        killed.host(name).popen(["sleep", "300"])
    killed._lock.close()  # the kernel closes the lock of a killed process
    with ThreadPoolExecutor(4) as pool:
        swept = [tag for tags in pool.map(lambda _: sweep(), range(4)) for tag in tags]
    assert killed.tag in swept
    assert not list(NETNS.glob(f"{killed.tag}*"))
    assert not killed.directory.exists()


def test_a_lab_may_go_while_the_others_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "glob", lambda directory, _: iter([directory / "scanready-lab-that-is-gone"]))
    assert sweep() == []


def test_a_server_that_cannot_start_shows_its_log(lab: Lab, tmp_path: Path) -> None:
    broken = Misbehaving(lab.host("broken"), tmp_path / "broken", "banner", 7000, "not-hexadecimal")
    with pytest.raises(LabError, match=r"(?s)ended.*non-hexadecimal"):
        broken.start()
    assert pids_in(broken.host.name) == []


# Names


def test_dns(lab: Lab) -> None:
    dns = lab.dns()
    dns.record("two.lab", dns.address, dns.host.absent)

    def lookup(name: str) -> set[str]:
        return {str(entry[4][0]) for entry in socket.getaddrinfo(name, 80, socket.AF_INET, socket.SOCK_STREAM)}

    def failure(name: str) -> int:
        with pytest.raises(socket.gaierror) as failed:
            lab.agent.run(lookup, name)
        assert failed.value.errno is not None
        return failed.value.errno

    assert lab.agent.run(lookup, "two.lab") == {dns.address, dns.host.absent}
    assert lab.agent.run(socket.gethostbyaddr, dns.host.absent)[0] == "two.lab"
    with pytest.raises(socket.herror, match="Unknown host"):
        lab.agent.run(socket.gethostbyaddr, "10.99.0.1")
    assert failure("absent.lab") == socket.EAI_NONAME
    assert failure("elsewhere.example") == socket.EAI_AGAIN
    assert failure("any.silent.lab") == socket.EAI_AGAIN


# Peers that misbehave


def hear(lab: Lab, server: Server, send: bytes = b"", count: int = 4096, timeout: float = HANG) -> bytes | str:
    """Open one connection and read once; return the bytes, or "reset", "timeout" or "no connection"."""

    def work() -> bytes | str:
        try:
            session = dial(server.address, server.port, timeout)
        except TimeoutError:
            return "no connection"
        except ConnectionResetError:  # it came before we had looked at the connection
            return "reset"
        with session:
            session.settimeout(timeout)
            try:
                if send:
                    session.sendall(send)
                return session.recv(count)
            except TimeoutError:
                return "timeout"
            except ConnectionResetError:
                return "reset"

    return lab.agent.run(work)


@pytest.mark.parametrize(
    ("mode", "send", "heard"),
    [
        ("silent", b"hello", "timeout"),
        ("half-open", b"hello", "timeout"),
        ("close", b"", b""),
        ("reset", b"", "reset"),
        ("read-close", b"hello", b""),
        ("read-reset", b"hello", "reset"),
        ("echo", b"hello", b"hello"),
        ("drip", b"", b"S"),
        ("full-backlog", b"", "no connection"),
    ],
)
def test_misbehaviour(lab: Lab, mode: str, send: bytes, heard: bytes | str) -> None:
    seconds = 0.4 if heard in ("timeout", "no connection") else HANG
    assert hear(lab, lab.misbehaving(mode, 22), send, timeout=seconds) == heard


@pytest.mark.parametrize(
    ("mode", "banner", "begins"),
    [
        ("banner", "ssh", b"SSH-2.0-OpenSSH_9.2p1"),
        ("banner", "mysql", b"\x68\x00\x00\x00\x0a5.5.5-10.11.19-MariaDB"),
        ("banner", "2a204f4b0d0a", b"* OK\r\n"),
        ("truncated", "imap", b"* OK [CAP"),
        ("endless", "ssh", b"SSH-2.0-"),
        ("endless-lines", "ssh", b"Welcome to the machine.\r\n"),
        ("banner-close", "smtp", b"220 mail"),
    ],
)
def test_what_misbehaving_peers_say(lab: Lab, mode: str, banner: str, begins: bytes) -> None:
    heard = hear(lab, lab.misbehaving(mode, 22, banner))
    assert isinstance(heard, bytes)
    assert heard.startswith(begins)


def test_garbage_is_never_the_same(lab: Lab) -> None:
    server = lab.misbehaving("garbage", 22)
    assert hear(lab, server) != hear(lab, server)


def test_tls_garbage_is_an_error_of_tls(lab: Lab) -> None:
    server = lab.misbehaving("answer", 443, "tls-garbage")

    def work() -> None:
        with (
            dial(server.address, 443) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname="x.lab"),
        ):
            pass

    with pytest.raises(ssl.SSLError):
        lab.agent.run(work)


def test_every_port_is_answered_by_one_listener(lab: Lab) -> None:
    server = lab.misbehaving("banner", 4444, "telnet")
    assert refusal(lab, server.address, 11117) == errno.ECONNREFUSED
    with server.host.every_port_leads_to(4444):
        assert {refusal(lab, server.address, port) for port in (1, 11117, 65535)} == {"open"}
    assert refusal(lab, server.address, 11117) == errno.ECONNREFUSED


def test_the_machine_is_left_alone(lab: Lab) -> None:
    lab.openssh("password")
    assert accounts.SCANNER not in Path("/etc/passwd").read_text()
    assert not any(Path("/run", name).exists() for name in ("nginx.pid", "dovecot"))


def test_a_template_is_made_once_for_all_and_again_if_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SHARED, str(tmp_path))
    made: list[int] = []

    def make(folder: Path) -> Path:
        made.append(len(made))
        folder.mkdir()
        (folder / "data").mkdir()
        if len(made) == 1:
            raise LabError("the tool was killed")
        return folder / "data"

    with pytest.raises(LabError):
        shared_template(make, "thing", tmp_path / "own")
    with ThreadPoolExecutor(3) as pool:
        found = set(pool.map(lambda own: shared_template(make, "thing", tmp_path / own), ("a", "b", "c")))
    assert found == {tmp_path / "template-thing" / "data"}
    assert made == [0, 1]
