"""`unix` and `ssh` up to the login prompt, against emulators of literal bytes; and the agent's own client."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import sys
from pathlib import Path
from typing import Any

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Server, Writer, in_background, ssh
from fixtures.transcripts import load
from scanready.model import Agent, Credential, Outcome, Owner, Report, Step, Target, Verdict
from scanready.report.findings import besides
from scanready.run.engine import verify, verify_all
from scanready.run.settings import Settings
from scanready.targets.ssh import client as openssh
from tests.ladder import PLENTY, WAIT, account, check_of, climb, expect, finding_of, passed, pasted, story, target
from tests.targets.ssh import ssh_peers
from tests.targets.ssh.ssh_peers import write_client

TYPES = ("unix", "ssh")
RIGHT, WRONG = account("svc", "right"), account("svc", "wrong")
DISCONNECT = load("ssh/disconnect11.c2s.hex")


@pytest.fixture(autouse=True)
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The agent's ssh client, the same on every machine, and its configuration."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(openssh, "CONFIG_FILES", (tmp_path / "config",))
    return write_client(tmp_path)


def met(behaviour: Behaviour, type_: str = "unix", **settings: Any) -> tuple[Report, Server]:
    with in_background(behaviour) as server:
        report = climb(target(type_, "127.0.0.1", server.port), **{"timeout": PLENTY, **settings})
        server.wait(1)
    return report, server


# the talk ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", TYPES)
def test_ready_without_a_credential(type_: str) -> None:
    report, _ = met(ssh.openssh_9_2, type_)
    expect(report, Verdict.READY)
    passed(report, Step.AGENT, Step.HANDSHAKE, Step.AUTH)
    assert report.facts["product"] == "OpenSSH"
    assert report.facts["version"] == "9.2p1"
    assert report.facts["os"] == "Debian"
    assert report.facts["strict_kex"] is True
    assert report.facts["predicted"]["kex"] == "sntrup761x25519-sha512"
    assert "methods depend on the user name" in check_of(report, Step.AUTH).summary
    assert report.footprint.connections == 1
    assert report.footprint.login_attempts == report.footprint.probe_logins == 0


@pytest.mark.parametrize("depth", list(Step)[2:])
def test_every_depth_ends_with_a_disconnect(depth: Step) -> None:
    _, server = met(ssh.openssh_9_2, depth=depth)
    assert server.counts["disconnects"] == 1, server.offences
    assert not server.offences


@pytest.mark.parametrize("depth", [Step.CONNECT, Step.HANDSHAKE, Step.AUTH])
def test_a_server_that_waits_for_our_offer(depth: Step) -> None:
    report, server = met(ssh.waits_for_our_offer, depth=depth)
    assert report.verdict is Verdict.READY or depth is not Step.AUTH, story(report)
    assert (server.counts["offers"], server.counts["disconnects"]) == (1, 1)
    assert not server.offences


def test_a_cipher_that_authenticates_by_itself_has_an_implicit_mac() -> None:
    report, _ = met(ssh.openssh_9_2)
    assert report.facts["predicted"]["cipher"] == "chacha20-poly1305@openssh.com"
    assert report.facts["predicted"]["mac"] == "implicit"


@pytest.mark.parametrize(
    ("behaviour", "fix"),
    [
        (ssh.exceeded_max_startups, "MaxStartups 100:30:200"),
        (ssh.penalty, "PerSourcePenaltyExemptList 127.0.0.1/32"),
    ],
)
def test_throttling_is_undecided_and_names_the_option(behaviour: Behaviour, fix: str) -> None:
    report, _ = met(behaviour)
    expect(report, Verdict.UNDECIDED, "handshake.throttled", step=Step.HANDSHAKE, owner=Owner.SERVER, fix=fix)
    assert report.footprint.connections == 1


def test_ssh_1_only() -> None:
    report, _ = met(ssh.ssh_1_only)
    expect(report, Verdict.BLOCKED, "ssh.version-1", step=Step.HANDSHAKE, owner=Owner.SERVER)


def test_protocol_versions_differ() -> None:
    report, _ = met(ssh.speaks_once(ssh.MAJOR_DIFFERS))
    expect(report, Verdict.BLOCKED, "ssh.version-1")


def test_an_identification_that_is_not_understood_came_with_another_line() -> None:
    """OpenSSH says so behind HAProxy's `send-proxy`; without that it understands ours."""
    report, _ = met(ssh.speaks_once(ssh.INVALID))
    expect(report, Verdict.UNDECIDED, "handshake.proxy-header", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert "SSH-2.0-scanready" in finding_of(report).detail


@pytest.mark.parametrize(
    ("reason", "code", "verdict"),
    [(11, "ssh.disconnected", Verdict.BLOCKED), (12, "handshake.throttled", Verdict.UNDECIDED)],
)
def test_a_disconnect_instead_of_an_offer(reason: int, code: str, verdict: Verdict) -> None:
    disconnect = DISCONNECT.replace(struct.pack(">BI", 1, 11), struct.pack(">BI", 1, reason), 1)
    report, _ = met(ssh.speaks_once(ssh.BANNER_9_2 + disconnect))
    expect(report, verdict, code, step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert "handshake check finished" in story(report)  # the transcript's own text, shown as the server's


def test_a_long_identification() -> None:
    long = ssh.BANNER_9_2.replace(b"\r\n", b" " + b"x" * 280 + b"\r\n")
    report, _ = met(ssh.openssh(long, ssh.KEXINIT_9_2))
    assert expect(report, Verdict.READY).facts["os"] == "Debian"


def test_an_identification_that_the_agents_client_refuses() -> None:
    report, _ = met(ssh.openssh(b"SSH-2.0-\r\n", ssh.KEXINIT_9_2))
    expect(report, Verdict.BLOCKED, "handshake.malformed", step=Step.HANDSHAKE, owner=Owner.SERVER)


def test_closed_after_the_greeting() -> None:
    report, _ = met(ssh.speaks_once(ssh.BANNER_9_2))
    expect(report, Verdict.BLOCKED, "handshake.broken-off", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert "OpenSSH_9.2p1" in story(report)


@pytest.mark.parametrize("text", [b"You are not welcome to use sshd from 10.0.0.1.\r\n", b"Access denied"])
def test_text_and_then_the_end_is_a_host_access_list(text: bytes) -> None:
    """tcp-wrappers with a banner (hosts_options(5), `twist`), and the devices that say no in words of their own."""
    report, server = met(ssh.speaks_once(text))
    expect(report, Verdict.BLOCKED, "handshake.broken-off", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert text.decode().strip() in finding_of(report).detail
    assert server.counts["disconnects"] == 0


def test_closed_before_the_greeting() -> None:
    report, _ = met(ssh.speaks_once(b""))
    expect(report, Verdict.BLOCKED, "handshake.hung-up", step=Step.HANDSHAKE)


def test_another_protocol_is_told_nothing_more() -> None:
    report, server = met(ssh.speaks_once(b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n"))
    expect(report, Verdict.BLOCKED, "handshake.other-protocol", owner=Owner.OPERATOR)
    assert server.counts["disconnects"] == 0


async def says_nothing(reader: Reader, writer: Writer, record: Record) -> None:
    await reader.read()


async def babbles(reader: Reader, writer: Writer, record: Record) -> None:
    """A tarpit: an endless banner of short lines."""
    with contextlib.suppress(ConnectionError):
        while True:
            writer.write(b"x2" * 400 + b"\r\n")
            await writer.drain()


def test_silence() -> None:
    report, _ = met(says_nothing, timeout=WAIT)
    expect(report, Verdict.BLOCKED, "handshake.silent", owner=Owner.NETWORK)


def test_an_endless_banner_ends_at_once() -> None:
    report, _ = met(babbles)
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.HANDSHAKE)


# the agent's client -----------------------------------------------------------------------------------------------


def test_no_client_blocks_but_the_rest_is_climbed(client: Path) -> None:
    client.unlink()
    report, _ = met(ssh.openssh_9_2)
    expect(report, Verdict.BLOCKED, "agent.client-missing", step=Step.AGENT, owner=Owner.AGENT)
    passed(report, Step.CONNECT, Step.HANDSHAKE, Step.AUTH)
    assert "cannot be predicted" in story(report)


def test_a_missing_client_hides_no_cause_of_the_target(client: Path) -> None:
    client.unlink()
    report = climb(target("unix", "127.0.0.1", 1), canary=False)
    expect(report, Verdict.BLOCKED, "connect.refused", step=Step.CONNECT, owner=Owner.SERVER)
    assert [second.cause.code for second in besides(report)] == ["agent.client-missing"]


BROKEN = [
    (
        "echo 'ssh: error while loading shared libraries: libcrypto.so.3: cannot open' >&2; exit 127",
        "exit code 127: ssh: error while loading shared libraries: libcrypto.so.3",
    ),
    ("echo 'OpenSSL version mismatch. Built against 30000020, you have 30100010' >&2; exit 255", "Built against 300"),
    ('echo "ssh: /lib/libc.so.6: version \\`GLIBC_2.38\' not found (required by ssh)" >&2; exit 1', "GLIBC_2.38"),
    ("kill -SEGV $$", "fails with signal 11"),
    ("printf '\\033[2Jno\\nway' >&2; exit 126", "exit code 126"),
]


@pytest.mark.parametrize(("script", "words"), BROKEN)
def test_a_client_that_does_not_run_blocks_but_the_rest_is_climbed(client: Path, script: str, words: str) -> None:
    client.write_text(f"#!/bin/sh\n{script}\n")
    report, _ = met(ssh.openssh_9_2)
    expect(report, Verdict.BLOCKED, "agent.client-broken", step=Step.AGENT, owner=Owner.AGENT)
    passed(report, Step.CONNECT, Step.HANDSHAKE, Step.AUTH)
    detail = finding_of(report).detail
    assert detail.startswith(f"`{client} -V` ")
    assert words in detail
    assert detail.isprintable()


def test_a_client_of_another_machine_does_not_run(client: Path) -> None:
    client.write_bytes(b"\xcf\xfa\xed\xfe\0\0")
    report, _ = met(ssh.openssh_9_2)
    expect(report, Verdict.BLOCKED, "agent.client-broken", step=Step.AGENT, owner=Owner.AGENT)
    assert "Exec format error" in finding_of(report).detail


@pytest.mark.parametrize(
    "script",
    ["exec /bin/sleep 60", pytest.param("kill -KILL $$", marks=pytest.mark.posix("a program that a signal ends"))],
)
def test_a_client_without_an_answer_is_undecided(client: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openssh, "PATIENCE", 0.5)
    client.write_text(f"#!/bin/sh\n{script}\n")
    report, _ = met(ssh.openssh_9_2)
    expect(report, Verdict.UNDECIDED, "agent.client-silent", step=Step.AGENT, owner=Owner.AGENT)
    passed(report, Step.CONNECT, Step.HANDSHAKE, Step.AUTH)


def test_a_client_may_take_longer_than_the_target_has(client: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openssh, "PATIENCE", 1.0)
    client.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    report, _ = met(ssh.openssh_9_2, timeout=0.5)
    expect(report, Verdict.UNDECIDED, "agent.client-silent", step=Step.AGENT, owner=Owner.AGENT)


def test_another_makers_client_that_does_not_know_the_questions_is_no_fault(client: Path) -> None:
    client.write_text("#!/bin/sh\necho 'Usage: dbclient [options] host' >&2; exit 1\n")
    report, _ = met(ssh.openssh_9_2)
    expect(report, Verdict.READY)


def test_no_common_algorithm_is_mended_on_the_agent_where_its_client_can() -> None:
    report, server = met(ssh.old_algorithms)
    expect(report, Verdict.BLOCKED, "ssh.no-common-algorithm", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert report.finding is not None
    server_fix = pasted(report.finding.fix).splitlines()
    assert [line.split()[0] for line in server_fix] == ["KexAlgorithms", "HostKeyAlgorithms", "Ciphers"]
    ((owner, fix),) = report.finding.also
    assert owner is Owner.AGENT
    assert "in ~/.ssh/config of the user that the scanner runs as:" in fix.splitlines()[0]
    assert pasted(fix) == (
        "Host 127.0.0.1\n"
        "    KexAlgorithms +diffie-hellman-group1-sha1\n"
        "    HostKeyAlgorithms +ssh-rsa\n"
        "    Ciphers +3des-cbc,aes128-cbc"
    )
    assert not server.offences


def test_another_makers_server_gets_no_lines_of_sshd_config() -> None:
    report, _ = met(ssh.openssh(b"SSH-2.0-Cisco-1.25\r\n", ssh.KEXINIT_OLD))
    expect(report, Verdict.BLOCKED, "ssh.no-common-algorithm")
    found = finding_of(report)
    assert (found.fix, [owner for owner, _ in found.also]) == (None, [Owner.AGENT])


def test_no_common_algorithm_is_mended_on_the_server_where_the_client_cannot(client: Path) -> None:
    write_client(client.parent, knows={**ssh_peers.KNOWS, "kex": "curve25519-sha256"})
    report, _ = met(ssh.old_algorithms)
    fix = "(afterwards reload sshd):\nKexAlgorithms +sntrup761x25519-sha512,curve25519-sha256,ecdh-sha2-nistp256\n"
    expect(report, Verdict.BLOCKED, "ssh.no-common-algorithm", fix=fix)
    assert finding_of(report).also == (), "nothing that the client could be told would help"


def test_only_legacy_algorithms_in_common(client: Path) -> None:
    write_client(
        client.parent,
        kex=f"{ssh_peers.KEX},diffie-hellman-group1-sha1",
        host_keys=f"{ssh_peers.HOST_KEYS},ssh-rsa",
        ciphers=f"{ssh_peers.CIPHERS},3des-cbc",
    )
    report, _ = met(ssh.old_algorithms)
    expect(report, Verdict.LIMITED, "ssh.legacy-algorithms", step=Step.HANDSHAKE, owner=Owner.SERVER)
    legacy = "key exchange diffie-hellman-group1-sha1, host key algorithm ssh-rsa, cipher 3des-cbc"
    assert legacy in story(report)


def test_a_client_that_does_not_tell_its_settings(client: Path) -> None:
    client.write_text(client.read_text().replace("-G) ", "-G) exit 255; "))
    report, _ = met(ssh.openssh_9_2)
    expect(report, Verdict.READY)
    assert report.facts["predicted"] is False


def calls(client: Path) -> list[str]:
    return (client.parent / "calls").read_text().splitlines()


def test_the_client_is_asked_once_for_many_targets(client: Path) -> None:
    with in_background(ssh.openssh_9_2) as server:
        many = [
            Target("127.0.0.1", "unix", server.port),
            *(Target(f"127.0.0.{n}", "ssh", server.port) for n in range(2, 20)),
        ]

        async def run() -> list[Report]:
            return [report async for report in verify_all(many, Settings(timeout=PLENTY))]

        assert len(asyncio.run(run())) == len(many)
    assert sorted(call.split()[0] for call in calls(client)) == ["-G", "-Q", "-Q", "-Q", "-Q", "-Q", "-V"]


def known_client() -> openssh.Client:
    """Ask the client on the PATH."""
    found = openssh.state()
    assert found is not None
    return openssh.client(found)


def test_only_a_host_with_a_section_of_its_own_is_asked_for(client: Path) -> None:
    (client.parent / "extra.conf").write_text("host *.corp !db.corp\n  Ciphers +3des-cbc\n")
    (client.parent / "config").write_text('# comment\nInclude extra.conf\nHost *\n  User x\nHost=127.0.0.1 "Old"\n')
    known = known_client()
    assert known.has_section_for("127.0.0.1")
    assert known.has_section_for("a.CORP")
    assert known.has_section_for("old")
    assert not known.has_section_for("127.0.0.2")
    met(ssh.openssh_9_2)
    assert "-G -p 22 -- scanready.invalid" in calls(client)
    assert [call for call in calls(client) if call.endswith("127.0.0.1")]


def test_a_match_block_may_fit_any_host(client: Path) -> None:
    (client.parent / "config").write_text("Match all\n")
    assert not known_client().has_section_for("a")
    (client.parent / "config").write_text("Match all\nMatch host b exec true\n")
    (client.parent / "config").touch()
    assert known_client().has_section_for("a")


def test_a_name_like_an_option_is_never_handed_to_the_client(client: Path) -> None:
    assert openssh.effective(str(client), "-oProxyCommand=touch /tmp/x", 22) is None
    assert not (client.parent / "calls").exists()


def test_a_client_that_hangs_is_given_up(client: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openssh, "PATIENCE", 0.2)
    client.write_text("#!/bin/sh\nexec /bin/sleep 30\n")
    known = known_client()
    assert known.version == ""
    assert known.general is None


def test_an_assumed_agent_is_of_another_platform() -> None:
    elsewhere = Agent("w", "Windows", ("127.0.0.1",), assumed=True)
    with in_background(ssh.openssh_9_2) as server:
        where = Target("127.0.0.1", "unix", server.port)
        report = asyncio.run(verify(where, Settings(timeout=PLENTY, agent=elsewhere)))
    expect(report, Verdict.READY)
    assert check_of(report, Step.AGENT).outcome is Outcome.SKIPPED
    note = "the target runs Linux, this agent Windows; an agent like the target is recommended"
    assert report.facts["platform_note"] == note


@pytest.mark.parametrize("credential", [RIGHT, None])
def test_without_paramiko(credential: Credential | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paramiko", None)
    with in_background(ssh.openssh_9_2) as server:
        report = climb(target("unix", "127.0.0.1", server.port, credential, user="svc"))
    if credential is None:
        expect(report, Verdict.READY)
        assert "its methods could not be queried: paramiko is not installed" in story(report)
    else:
        expect(report, Verdict.UNDECIDED, "agent.driver-missing", step=Step.LOGIN, owner=Owner.AGENT)
    assert (report.footprint.connections, report.footprint.login_attempts) == (1, 0)


@pytest.mark.parametrize(
    ("refusal", "words"),
    [(ssh.PENALTY, "Not allowed at this time"), (ssh.EXCEEDED, "Exceeded MaxStartups")],
    ids=["penalty", "max-startups"],
)
def test_the_login_may_be_the_connection_that_is_throttled(refusal: bytes, words: str) -> None:
    """sshd takes the first connection, and bars the address before the second, which is the login's."""
    refuses = ssh.speaks_once(refusal)

    async def first_come(reader: Reader, writer: Writer, record: Record) -> None:
        met_before.append(1)
        await (ssh.openssh_9_2 if len(met_before) == 1 else refuses)(reader, writer, record)

    met_before: list[int] = []
    with in_background(first_come) as server:
        report = climb(target("unix", "127.0.0.1", server.port, RIGHT))
    expect(report, Verdict.UNDECIDED, "handshake.throttled", owner=Owner.SERVER)
    assert words in finding_of(report).detail
    assert report.footprint.login_attempts == 0
