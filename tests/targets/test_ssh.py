"""`unix` and `ssh` against emulators of literal bytes, and against servers with one quirk each."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import pytest

from fixtures.emulators import Behaviour, Reader, Record, Writer, in_background, ssh
from fixtures.transcripts import load
from scanready.catalogue import BY_NAME
from scanready.engine import Settings, verify_all
from scanready.handshakes import unix_inspection
from scanready.logins import openssh
from scanready.model import Agent, Credential, Outcome, Owner, Report, Step, Target, Verdict
from tests.climb import account, check_of, climb, expect, passed, story, target
from tests.targets import ssh_peers
from tests.targets.ssh_peers import Quirk, peer, write_client

TYPES = ("unix", "ssh")
RIGHT, WRONG = account("svc", "right"), account("svc", "wrong")
DISCONNECT = load("ssh/disconnect11.c2s.hex")


@pytest.fixture(autouse=True)
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The agent's ssh client, the same on every machine, and its configuration."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(openssh, "CONFIG_FILES", (tmp_path / "config",))
    return write_client(tmp_path)


@pytest.fixture(scope="module")
def key() -> paramiko.PKey:
    return paramiko.ECDSAKey.generate()


def met(behaviour: Behaviour, type_: str = "unix", **settings: object) -> tuple[Report, object]:
    with in_background(behaviour) as server:
        report = climb(target(type_, "127.0.0.1", server.port), **{"timeout": 5, **settings})
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


def test_an_identification_that_is_not_understood_is_our_limit() -> None:
    report, _ = met(ssh.speaks_once(ssh.INVALID))
    expect(report, Verdict.UNDECIDED, "scanready.limit")


@pytest.mark.parametrize(
    ("reason", "code", "verdict"),
    [(11, "ssh.disconnected", Verdict.BLOCKED), (12, "handshake.throttled", Verdict.UNDECIDED)],
)
def test_a_disconnect_instead_of_an_offer(reason: int, code: str, verdict: Verdict) -> None:
    said = DISCONNECT.replace(struct.pack(">BI", 1, 11), struct.pack(">BI", 1, reason), 1)
    report, _ = met(ssh.speaks_once(ssh.BANNER_9_2 + said))
    expect(report, verdict, code, step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert "handshake check finished" in story(report)  # the transcript's own text, shown as the server's


def test_closed_after_the_greeting() -> None:
    report, _ = met(ssh.speaks_once(ssh.BANNER_9_2))
    expect(report, Verdict.BLOCKED, "handshake.hung-up", step=Step.HANDSHAKE)
    assert "OpenSSH_9.2p1" in story(report)


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
    report, _ = met(says_nothing, timeout=1)
    expect(report, Verdict.BLOCKED, "handshake.silent", owner=Owner.NETWORK)


def test_an_endless_banner_ends_at_once() -> None:
    clock = time.monotonic()
    report, _ = met(babbles)
    expect(report, Verdict.BLOCKED, "handshake.malformed")
    assert time.monotonic() - clock < 4


# the agent's client -----------------------------------------------------------------------------------------------


def test_no_client_blocks_but_the_rest_is_climbed(client: Path) -> None:
    client.unlink()
    report, _ = met(ssh.openssh_9_2)
    expect(report, Verdict.BLOCKED, "agent.client-missing", step=Step.AGENT, owner=Owner.AGENT)
    passed(report, Step.CONNECT, Step.HANDSHAKE, Step.AUTH)
    assert "cannot be predicted" in story(report)


def test_no_common_algorithm_is_mended_on_the_agent_where_its_client_can() -> None:
    report, server = met(ssh.old_algorithms)
    expect(report, Verdict.BLOCKED, "ssh.no-common-algorithm", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert report.finding is not None
    assert report.finding.fix == (
        "Host 127.0.0.1\n"
        "    KexAlgorithms +diffie-hellman-group1-sha1\n"
        "    HostKeyAlgorithms +ssh-rsa\n"
        "    Ciphers +3des-cbc,aes128-cbc"
    )
    assert not server.offences


def test_no_common_algorithm_is_mended_on_the_server_where_the_client_cannot(client: Path) -> None:
    write_client(client.parent, knows={**ssh_peers.KNOWS, "kex": "curve25519-sha256"})
    report, _ = met(ssh.old_algorithms)
    fix = "# sshd_config of the server\nKexAlgorithms +sntrup761x25519-sha512,curve25519-sha256,ecdh-sha2-nistp256"
    expect(report, Verdict.BLOCKED, "ssh.no-common-algorithm", fix=fix)


def test_only_legacy_algorithms_in_common(client: Path) -> None:
    write_client(
        client.parent,
        kex=f"{ssh_peers.KEX},diffie-hellman-group1-sha1",
        host_keys=f"{ssh_peers.HOST_KEYS},ssh-rsa",
        ciphers=f"{ssh_peers.CIPHERS},3des-cbc",
    )
    report, _ = met(ssh.old_algorithms)
    expect(report, Verdict.LIMITED, "ssh.legacy-algorithms", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert "kex diffie-hellman-group1-sha1, host_key ssh-rsa, cipher 3des-cbc" in story(report)


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
            return [report async for report in verify_all(many, Settings(timeout=5))]

        assert len(asyncio.run(run())) == len(many)
    assert sorted(call.split()[0] for call in calls(client)) == ["-G", "-Q", "-Q", "-Q", "-Q", "-Q", "-V"]


def test_only_a_host_with_a_section_of_its_own_is_asked_for(client: Path) -> None:
    (client.parent / "extra.conf").write_text("host *.corp !db.corp\n  Ciphers +3des-cbc\n")
    (client.parent / "config").write_text('# comment\nInclude extra.conf\nHost *\n  User x\nHost=127.0.0.1 "Old"\n')
    known = openssh.client(openssh.state())
    assert known.has_section_for("127.0.0.1")
    assert known.has_section_for("a.CORP")
    assert known.has_section_for("old")
    assert not known.has_section_for("127.0.0.2")
    met(ssh.openssh_9_2)
    assert "-G -p 22 -- scanready.invalid" in calls(client)
    assert [call for call in calls(client) if call.endswith("127.0.0.1")]


def test_a_match_block_may_fit_any_host(client: Path) -> None:
    (client.parent / "config").write_text("Match all\n")
    assert not openssh.client(openssh.state()).has_section_for("a")
    (client.parent / "config").write_text("Match all\nMatch host b exec true\n")
    (client.parent / "config").touch()
    assert openssh.client(openssh.state()).has_section_for("a")


def test_a_name_like_an_option_is_never_handed_to_the_client(client: Path) -> None:
    assert openssh.effective(str(client), "-oProxyCommand=touch /tmp/x", 22) is None
    assert not (client.parent / "calls").exists()


def test_a_client_that_hangs_is_given_up(client: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openssh, "PATIENCE", 0.2)
    client.write_text("#!/bin/sh\nexec /bin/sleep 30\n")
    known = openssh.client(openssh.state())
    assert known.version == ""
    assert known.general is None


def test_an_assumed_agent_is_of_another_platform() -> None:
    elsewhere = Agent("w", "Windows", ("127.0.0.1",), assumed=True)
    report, _ = met(ssh.openssh_9_2, agent=elsewhere)
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
        assert "the methods were not asked: paramiko is not installed" in story(report)
    else:
        expect(report, Verdict.UNDECIDED, "agent.driver-missing", step=Step.LOGIN, owner=Owner.AGENT)
    assert (report.footprint.connections, report.footprint.login_attempts) == (1, 0)


# the login --------------------------------------------------------------------------------------------------------


def visit(
    quirk: type[Quirk],
    key: paramiko.PKey,
    credential: Credential | None = RIGHT,
    type_: str = "unix",
    **options: object,
) -> Report:
    with peer(quirk, key) as server:
        return climb(target(type_, "127.0.0.1", server.port, credential, **options), timeout=6)


GOOD = """login script says hi
scanready-begin
system=Linux x86_64
directory=/tmp
is=directory
is=writable
free=5000000
mount=rw,nosuid,relatime
scanready-end
"""


def found(**changes: str) -> type[Quirk]:
    text = GOOD
    for old, new in changes.items():
        text = text.replace({"mount": "mount=rw", "free": "free=5000000", "is": "is=writable\n"}[old], new)

    class Found(Quirk):
        output = text.encode()

    return Found


def ran(said: str, status: int) -> type[Quirk]:
    class Ran(Quirk):
        output = said.encode()

    Ran.status = status
    return Ran


def test_scannable(key: paramiko.PKey) -> None:
    report = visit(found(), key)
    expect(report, Verdict.SCANNABLE)
    assert report.facts["system"] == "Linux x86_64"
    assert report.facts["host_key"] == f"{key.get_name()} {key.fingerprint}"
    assert report.facts["host_key_on_record"] == "no"
    assert (report.footprint.connections, report.footprint.login_attempts) == (2, 1)


@pytest.mark.parametrize(
    ("quirk", "code", "verdict", "fix"),
    [
        (found(**{"is": ""}), "unix.temp-not-writable", Verdict.LIMITED, None),
        (found(mount="mount=rw,noexec"), "unix.temp-noexec", Verdict.LIMITED, "remount,exec"),
        (found(free="free=2048"), "unix.temp-full", Verdict.LIMITED, None),
        (ran("This service allows sftp connections only.\n", 1), "ssh.sftp-only", Verdict.BLOCKED, "ForceCommand none"),
        (ran("This account is currently not available.\n", 1), "ssh.nologin", Verdict.BLOCKED, "chsh -s /bin/sh svc"),
        (
            ran("Welcome. 1) mail 2) quit\n", 0),
            "ssh.forced-command",
            Verdict.BLOCKED,
            "Match User svc Address 127.0.0.1",
        ),
        (ran("sh: /bin/sh: not found\n", 127), "ssh.command-refused", Verdict.BLOCKED, None),
        (ran("WARNING: Your password has expired.\n", 1), "login.expired", Verdict.BLOCKED, None),
    ],
)
def test_what_a_command_may_find(
    quirk: type[Quirk], code: str, verdict: Verdict, fix: str | None, key: paramiko.PKey
) -> None:
    expect(visit(quirk, key), verdict, code, step=Step.ACCESS, fix=fix)


def test_a_server_that_runs_nothing(key: paramiko.PKey) -> None:
    class Refuses(Quirk):
        output = None

    report = visit(Refuses, key)
    expect(report, Verdict.BLOCKED, "ssh.command-refused", step=Step.ACCESS, owner=Owner.SERVER)


def test_no_sftp(key: paramiko.PKey) -> None:
    report = visit(found(), key, type_="ssh")
    expect(
        report, Verdict.BLOCKED, "ssh.no-sftp", step=Step.ACCESS, owner=Owner.SERVER, fix="Subsystem sftp internal-sftp"
    )


def test_no_sftp_because_of_something_else(key: paramiko.PKey) -> None:
    report = visit(ran("WARNING: Your password has expired.\n", 1), key, type_="ssh")
    expect(report, Verdict.BLOCKED, "login.expired", step=Step.ACCESS, owner=Owner.IDENTITY)


def test_wrong_password(key: paramiko.PKey) -> None:
    report = visit(found(), key, WRONG)
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert report.facts["auth_methods"] == ["password"]
    assert "wrong" not in story(report)


def test_the_methods_are_asked_for_with_the_operators_user_only(key: paramiko.PKey) -> None:
    class Both(Quirk):
        methods = "publickey,password"

    report = visit(Both, key, None, user="svc")
    expect(report, Verdict.READY)
    assert report.facts["auth_methods"] == ["publickey", "password"]
    assert report.footprint.login_attempts == report.footprint.probe_logins == 0


def test_method_not_offered(key: paramiko.PKey) -> None:
    class KeysOnly(Quirk):
        methods = "publickey"

    report = visit(KeysOnly, key)
    stanza = "Match User svc Address 127.0.0.1\n    PasswordAuthentication yes"
    expect(report, Verdict.BLOCKED, "ssh.method-not-offered", step=Step.AUTH, owner=Owner.SERVER, fix=stanza)
    assert report.footprint.login_attempts == 0


def test_passwordless_account(key: paramiko.PKey) -> None:
    class Open(found()):  # type: ignore[misc]
        def check_auth_none(self, username: str) -> int:
            return paramiko.AUTH_SUCCESSFUL

    report = visit(Open, key)
    expect(report, Verdict.SCANNABLE)
    assert report.facts["passwordless"] is True
    assert "without any password" in story(report)


def prompts(*asked: tuple[str, bool], title: str = "") -> type[Quirk]:
    class Prompts(Quirk):
        methods = "keyboard-interactive"
        output = GOOD.encode()

        def check_auth_interactive(self, username: str, submethods: str) -> paramiko.InteractiveQuery:
            return paramiko.InteractiveQuery(title, "", *asked)

        def check_auth_interactive_response(self, responses: list[str]) -> int:
            return paramiko.AUTH_SUCCESSFUL if responses == ["right"] else paramiko.AUTH_FAILED

    return Prompts


@pytest.mark.parametrize(
    ("quirk", "verdict", "code"),
    [
        (prompts(("Password: ", False)), Verdict.SCANNABLE, None),
        (prompts(("Verification code: ", False)), Verdict.BLOCKED, "ssh.more-factors"),
        (prompts(("Password: ", False), ("Token: ", False)), Verdict.BLOCKED, "ssh.more-factors"),
        (prompts(("Current password: ", False), title="password expired"), Verdict.BLOCKED, "login.expired"),
    ],
)
def test_keyboard_interactive(quirk: type[Quirk], verdict: Verdict, code: str | None, key: paramiko.PKey) -> None:
    expect(visit(quirk, key), verdict, code)


def after_the_password(act: Callable[[paramiko.Transport], None], banner: str = "") -> type[Quirk]:
    class Acts(Quirk):
        def check_auth_password(self, username: str, password: str) -> int:
            if banner:
                send(self.transport, 53, banner, "")
            act(self.transport)
            return paramiko.AUTH_FAILED

    return Acts


def send(transport: paramiko.Transport, kind: int, *fields: str | int) -> None:
    message = paramiko.Message()
    message.add_byte(bytes([kind]))
    for value in fields:
        message.add_int(value) if isinstance(value, int) else message.add_string(value)
    transport._send_message(message)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("quirk", "code", "said"),
    [
        (
            after_the_password(lambda t: send(t, 1, 2, "Too many authentication failures", "")),
            "login.refused",
            "Too many authentication failures",
        ),
        (after_the_password(lambda t: send(t, 60, "Password expired", "")), "login.expired", "new password"),
        (after_the_password(lambda t: send(t, 1, 2, "Access denied", "")), "ssh.account-barred", "Access denied"),
        (
            after_the_password(lambda t: send(t, 1, 2, "", ""), "Your account has expired; \x1b[31mgo away"),
            "login.expired",
            "has expired; \N{REPLACEMENT CHARACTER}[31mgo away",
        ),
    ],
)
def test_what_a_server_may_do_with_a_password(quirk: type[Quirk], code: str, said: str, key: paramiko.PKey) -> None:
    report = visit(quirk, key)
    expect(report, Verdict.BLOCKED, code, step=Step.LOGIN, owner=Owner.IDENTITY)
    assert said in story(report)


def test_key_unusable(tmp_path: Path, key: paramiko.PKey) -> None:
    (tmp_path / "id").write_text("not a key")
    for path in (tmp_path / "id", tmp_path / "missing"):
        report = visit(found(), key, Credential("k", "svc", key_file=str(path)))
        expect(report, Verdict.BLOCKED, "ssh.key-unusable", step=Step.LOGIN, owner=Owner.OPERATOR)
        assert (report.footprint.connections, report.footprint.login_attempts) == (1, 0)


def test_a_key_with_a_passphrase(tmp_path: Path, key: paramiko.PKey) -> None:
    path = str(tmp_path / "id")
    paramiko.ECDSAKey.generate().write_private_key_file(path, "open sesame")

    class Keys(found()):  # type: ignore[misc]
        methods = "publickey"

        def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
            return paramiko.AUTH_SUCCESSFUL

    expect(visit(Keys, key, Credential("k", "svc", None, path, "open sesame")), Verdict.SCANNABLE)
    expect(visit(Keys, key, Credential("k", "svc", None, path)), Verdict.BLOCKED, "ssh.key-unusable")


def test_no_password_to_a_host_whose_key_changed(tmp_path: Path, key: paramiko.PKey) -> None:
    other = paramiko.ECDSAKey.generate()
    seen: list[str] = []

    class Notes(Quirk):
        def check_auth_password(self, username: str, password: str) -> int:
            seen.append(password)
            return paramiko.AUTH_FAILED

    with peer(Notes, key) as server:
        (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {other.get_name()} {other.get_base64()}\n")
        report = climb(target("unix", "127.0.0.1", server.port, RIGHT), timeout=6)
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN)
    changed = [check for check in report.checks if check.finding and check.finding.cause.code == "ssh.host-key-changed"]
    assert [check.outcome for check in changed] == [Outcome.WARNED]
    assert changed[0].finding is not None
    assert changed[0].finding.fix == f"ssh-keygen -R '[127.0.0.1]:{server.port}'"
    assert not seen
    assert report.footprint.login_attempts == 0


def test_a_recorded_host_key_is_recognised(tmp_path: Path, key: paramiko.PKey) -> None:
    with peer(found(), key) as server:
        mine = tmp_path / "mine"
        mine.write_text(f"[127.0.0.1]:{server.port} {key.get_name()} {key.get_base64()}\n")
        report = climb(target("unix", "127.0.0.1", server.port, RIGHT, known_hosts=str(mine)), timeout=6)
    expect(report, Verdict.SCANNABLE)
    assert report.facts["host_key_on_record"] == "yes"


def test_what_paramiko_cannot_is_our_limit(client: Path) -> None:
    """OpenSSH can (its client says so), we cannot: undecided, and no second connection is made for nothing."""
    write_client(
        client.parent,
        kex=f"{ssh_peers.KEX},diffie-hellman-group1-sha1",
        host_keys=f"{ssh_peers.HOST_KEYS},ssh-rsa",
        ciphers=f"{ssh_peers.CIPHERS},3des-cbc",
    )
    with in_background(ssh.old_algorithms) as server:
        report = climb(target("unix", "127.0.0.1", server.port, RIGHT))
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.LOGIN, owner=Owner.SCANREADY)
    assert "for kex the server offers only diffie-hellman-group1-sha1" in story(report)
    assert (report.footprint.connections, report.footprint.login_attempts) == (1, 0)


# hostile servers --------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("behaviour", "code"), [(says_nothing, "scanready.out-of-time"), (floods, "handshake.malformed")]
)
def test_the_login_ends_in_time_and_in_size(behaviour: Behaviour, code: str) -> None:
    with in_background(second_time(behaviour)) as server:
        clock = time.monotonic()
        report = climb(target("unix", "127.0.0.1", server.port, RIGHT), timeout=2)
        assert time.monotonic() - clock < 3.5
    assert report.finding is not None, story(report)
    assert report.finding.cause.code == code, story(report)
    assert report.finding_step is Step.LOGIN


def test_a_server_that_never_answers_the_command(key: paramiko.PKey) -> None:
    over = threading.Event()

    class Hangs(Quirk):
        def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
            over.wait(30)  # holds up the server's own thread: nothing more is answered
            return False

    with peer(Hangs, key) as server:
        clock = time.monotonic()
        report = climb(target("unix", "127.0.0.1", server.port, RIGHT), timeout=2)
        over.set()
        assert time.monotonic() - clock < 3.5
        expect(report, Verdict.UNDECIDED, "scanready.out-of-time", step=Step.ACCESS)


def test_a_command_that_talks_for_ever(key: paramiko.PKey) -> None:
    report = visit(ran("yes\n" * (1 << 20), 0), key)
    expect(report, Verdict.BLOCKED, "ssh.forced-command")


def test_a_million_prompts(key: paramiko.PKey) -> None:
    class Asks(Quirk):
        methods = "keyboard-interactive"

        def check_auth_interactive(self, username: str, submethods: str) -> int:
            send(self.transport, 60, "", "", "", 0xFFFFFFF0)
            return paramiko.AUTH_FAILED

    clock = time.monotonic()
    report = visit(Asks, key)
    assert time.monotonic() - clock < 5
    assert report.verdict is not Verdict.SCANNABLE
    assert report.finding_step is Step.LOGIN, story(report)


# the inspection ---------------------------------------------------------------------------------------------------


def test_the_command_is_one_line_without_what_a_login_shell_would_take_for_its_own() -> None:
    line = unix_inspection.command("/var/tmp/a b")
    script = line.removeprefix("/bin/sh -c '").partition("' sh")[0]
    assert not set(script) & set("'!\n")
    assert line.endswith(" sh '/var/tmp/a b'")


def test_output_that_is_not_whole_is_not_believed() -> None:
    assert unix_inspection.read(GOOD) is not None
    assert unix_inspection.read(GOOD.replace("scanready-end", "")) is None
    assert unix_inspection.read(GOOD.replace("scanready-begin", "")) is None


def test_bsd_mount_output_is_understood() -> None:
    seen = unix_inspection.read(GOOD.replace("mount=rw,nosuid,relatime", "mount=/dev/a on /tmp (ufs, local, noexec)"))
    assert seen is not None
    assert seen.noexec


def test_both_types_are_in_the_catalogue_with_their_client() -> None:
    assert {BY_NAME[name].needs_client for name in TYPES} == {"ssh"}


@pytest.fixture(autouse=True)
def no_process_left(client: Path) -> Iterator[None]:
    """No test may ask the machine's own client."""
    yield
    known = {call.split()[0] for call in calls(client)} if (client.parent / "calls").exists() else set()
    assert known <= {"-V", "-Q", "-G"}
