"""The logins of `unix` and `ssh` against servers with one quirk each, and what the command of a visit may find."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import paramiko
import pytest
from paramiko.common import AUTH_FAILED, AUTH_PARTIALLY_SUCCESSFUL, AUTH_SUCCESSFUL
from paramiko.server import InteractiveQuery

from fixtures.emulators import in_background, ssh
from scanready.climb.guard import MOST_OPEN
from scanready.model import Credential, Outcome, Owner, Report, Step, Target, Verdict
from scanready.run.engine import verify_all
from scanready.run.settings import Settings
from scanready.targets.ssh import client as openssh
from scanready.targets.ssh import inspection
from tests.ladder import BY_NAME, check_of, climb, expect, pasted, story, target
from tests.targets.ssh import ssh_peers
from tests.targets.ssh.ssh_peers import GOOD, RIGHT, WRONG, Quirk, found, peer, ran, send, visit, write_client


@pytest.fixture(autouse=True)
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The agent's ssh client, the same on every machine, and its configuration."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(openssh, "CONFIG_FILES", (tmp_path / "config",))
    return write_client(tmp_path)


@pytest.fixture(scope="module")
def key() -> paramiko.PKey:
    return paramiko.ECDSAKey.generate()


def test_scannable(key: paramiko.PKey) -> None:
    report = visit(found(), key)
    expect(report, Verdict.SCANNABLE)
    assert report.facts["system"] == "Linux x86_64"
    assert report.facts["host_key"] == f"{key.get_name()} {key.fingerprint}"
    assert report.facts["host_key_on_record"] == "no"
    assert (report.footprint.connections, report.footprint.login_attempts) == (2, 1)


class KeysOnly(Quirk):
    methods = "publickey"


class MoreFactors(Quirk):
    def check_auth_password(self, username: str, password: str) -> int:
        return AUTH_PARTIALLY_SUCCESSFUL


@pytest.mark.parametrize("software", ["paramiko_5.1", "AWS_SFTP_1.1", "dropbear_2022.83", "Cisco-1.25"])
@pytest.mark.parametrize(
    ("quirk", "type_", "code"),
    [
        (KeysOnly, "unix", "ssh.method-not-offered"),
        (MoreFactors, "unix", "ssh.more-factors"),
        (found(), "ssh", "ssh.no-sftp"),
        (ran("Welcome. 1) mail 2) quit\n", 0), "unix", "ssh.forced-command"),
        (ran("Welcome. 1) mail 2) quit\n", 0), "ssh", "ssh.forced-command"),
    ],
    ids=["methods", "factors", "sftp", "command", "sftp-and-command"],
)
def test_another_product_gets_no_line_for_sshd_config(
    quirk: type[Quirk], type_: str, code: str, software: str, key: paramiko.PKey
) -> None:
    report = expect(visit(quirk, key, type_=type_, software=software), Verdict.BLOCKED, code)
    assert report.finding is not None
    assert report.finding.fix is None


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
    assert WRONG.password is not None
    assert WRONG.password not in story(report)


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


@pytest.mark.parametrize(
    ("offered", "verdict", "code"),
    [
        ("quantum@future", Verdict.UNDECIDED, "scanready.limit"),
        ("quantum@future,x", Verdict.UNDECIDED, "scanready.limit"),
        ("quantum@future,publickey", Verdict.BLOCKED, "ssh.method-not-offered"),
        ("", Verdict.BLOCKED, "ssh.method-not-offered"),
    ],
)
def test_an_offer_of_unknown_methods_proves_nothing(
    key: paramiko.PKey, offered: str, verdict: Verdict, code: str
) -> None:
    class Offers(Quirk):
        methods = offered

    report = visit(Offers, key)
    expect(report, verdict, code)
    assert report.footprint.login_attempts == 0


def test_passwordless_account(key: paramiko.PKey) -> None:
    class Open(found()):  # type: ignore[misc]  # made by a function
        def check_auth_none(self, username: str) -> int:
            return AUTH_SUCCESSFUL

    report = visit(Open, key)
    expect(report, Verdict.SCANNABLE)
    assert report.facts["passwordless"] is True
    assert check_of(report, Step.LOGIN).facts["account_proven"] is False
    assert "without a password" in story(report)


def prompts(*asked: tuple[str, bool], title: str = "") -> type[Quirk]:
    class Prompts(Quirk):
        methods = "keyboard-interactive"
        output = GOOD.encode()

        def check_auth_interactive(self, username: str, submethods: str) -> InteractiveQuery:
            return InteractiveQuery(title, "", *asked)

        def check_auth_interactive_response(self, responses: list[str]) -> int:
            return AUTH_SUCCESSFUL if responses == ["right"] else AUTH_FAILED

    return Prompts


@pytest.mark.parametrize(
    ("quirk", "verdict", "code"),
    [
        (prompts(("Password: ", False)), Verdict.SCANNABLE, None),
        (prompts(("Verification code: ", False)), Verdict.BLOCKED, "ssh.more-factors"),
        (prompts(("Password: ", False), ("Token: ", False)), Verdict.BLOCKED, "ssh.more-factors"),
        (prompts(("Kennwort: ", False)), Verdict.SCANNABLE, None),
        (prompts(("er@host's password:", False)), Verdict.SCANNABLE, None),
        # A word on the account before its secret was sent judges nothing.
        (prompts(("Current password: ", False), title="password expired"), Verdict.UNDECIDED, "login.not-judged"),
        (prompts(("(current) UNIX password: ", False)), Verdict.UNDECIDED, "login.not-judged"),
        (prompts(("Old Password: ", False)), Verdict.UNDECIDED, "login.not-judged"),
    ],
)
def test_keyboard_interactive(quirk: type[Quirk], verdict: Verdict, code: str | None, key: paramiko.PKey) -> None:
    expect(visit(quirk, key), verdict, code)


@pytest.mark.parametrize(
    "prompt",
    [
        "RSA SecurID: ",
        "Yubikey for `er': ",
        "SMS code: ",
        "Code de v\N{LATIN SMALL LETTER E WITH ACUTE}rification : ",
        "MFA: ",
        "challenge: 12345 response: ",
        "Response: ",
        "S/Key 98 ke1234: ",
        "Second Password: ",
        "Einmalpasswort: ",
    ],
)
def test_a_prompt_for_another_factor_does_not_get_the_password(prompt: str, key: paramiko.PKey) -> None:
    """A wrong answer would count at the token, and look like a wrong password here."""
    report = visit(prompts((prompt, False)), key)
    expect(report, Verdict.BLOCKED, "ssh.more-factors", owner=Owner.SERVER)
    assert report.footprint.login_attempts == 0


async def reports_of(targets: list[Target]) -> list[Report]:
    return [report async for report in verify_all(targets, Settings(canary=False))]


def asking_on(*later: str) -> type[Quirk]:
    """Ask for the password, and whatever the answer is, ask what ``later`` has; then refuse."""

    class AsksOn(Quirk):
        methods = "keyboard-interactive"

        def check_auth_interactive(self, username: str, submethods: str) -> InteractiveQuery:
            self.later = list(later)
            return InteractiveQuery("", "", ("Password: ", False))

        def check_auth_interactive_response(self, responses: list[str]) -> InteractiveQuery | int:
            return InteractiveQuery("", "", (self.later.pop(0), False)) if self.later else AUTH_FAILED

    return AsksOn


@pytest.mark.parametrize(
    ("later", "verdict", "code"),
    [
        ("Password: ", Verdict.UNDECIDED, "scanready.limit"),
        ("LDAP Password: ", Verdict.UNDECIDED, "scanready.limit"),
        ("Verification code: ", Verdict.BLOCKED, "ssh.more-factors"),
    ],
)
def test_a_question_after_the_password_is_no_word_on_it(
    later: str, verdict: Verdict, code: str, key: paramiko.PKey
) -> None:
    """A wrong password may be behind it: it goes to no more hosts than one without an answer does."""
    quirk = asking_on(later)
    with contextlib.ExitStack() as running:
        servers = [running.enter_context(peer(quirk, key, f"127.0.0.{n}")) for n in range(2, 8)]
        targets = [target("ssh", f"127.0.0.{n}", one.port, WRONG) for n, one in enumerate(servers, 2)]
        reports = asyncio.run(reports_of(targets))
    assert sum(report.footprint.login_attempts for report in reports) == MOST_OPEN
    tried = [report for report in reports if report.footprint.login_attempts]
    for report in tried:
        expect(report, verdict, code, step=Step.LOGIN)
    assert {report.cause.code for report in reports if report not in tried and report.cause} == {"login.withheld"}


def after_the_password(act: Callable[[paramiko.Transport], None], banner: str = "") -> type[Quirk]:
    class Acts(Quirk):
        def check_auth_password(self, username: str, password: str) -> int:
            if banner:
                send(self.transport, 53, banner, "")
            act(self.transport)
            return AUTH_FAILED

    return Acts


@pytest.mark.parametrize(
    ("quirk", "code", "words"),
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
def test_what_a_server_may_do_with_a_password(quirk: type[Quirk], code: str, words: str, key: paramiko.PKey) -> None:
    report = visit(quirk, key)
    expect(report, Verdict.BLOCKED, code, step=Step.LOGIN, owner=Owner.IDENTITY)
    assert words in story(report)


@pytest.mark.parametrize(
    ("reason", "words", "code"),
    [
        (12, "Too many concurrent sessions for user", "handshake.throttled"),
        (7, "backend authentication server unavailable", "login.broken-off"),
        (11, "Server is shutting down for maintenance", "login.broken-off"),
        (10, "", "login.broken-off"),
        (4_000_000_000, "", "login.broken-off"),
    ],
)
def test_a_server_that_leaves_at_the_password_for_a_reason_of_its_own(
    reason: int, words: str, code: str, key: paramiko.PKey
) -> None:
    """RFC 4253, 11.1: the reason says nothing about the account, which may work once the server does."""
    report = visit(after_the_password(lambda t: send(t, 1, reason, words, "")), key)
    expect(report, Verdict.UNDECIDED, code)
    assert words in story(report)
    assert report.footprint.login_attempts == 1


@pytest.mark.parametrize(
    ("reason", "words"), [(1, "no"), (14, ""), (15, ""), (11, "User is disabled"), (2, "not allowed")]
)
def test_a_server_that_leaves_at_the_password_because_of_the_account(
    reason: int, words: str, key: paramiko.PKey
) -> None:
    report = visit(after_the_password(lambda t: send(t, 1, reason, words, "")), key)
    expect(report, Verdict.BLOCKED, "ssh.account-barred", step=Step.LOGIN, owner=Owner.IDENTITY)


@pytest.mark.parametrize(
    ("reason", "verdict", "code"),
    [
        (1, Verdict.BLOCKED, "ssh.command-refused"),
        (2, Verdict.BLOCKED, "ssh.command-refused"),
        (4, Verdict.UNDECIDED, "access.broken-off"),
        (99, Verdict.UNDECIDED, "scanready.limit"),
    ],
)
def test_a_server_that_opens_no_channel(reason: int, verdict: Verdict, code: str, key: paramiko.PKey) -> None:
    """RFC 4254, 5.1: a shortage passes, and an unknown reason is no refusal that we understand."""

    class Refuses(Quirk):
        def check_channel_request(self, kind: str, chanid: int) -> int:
            return reason

    expect(visit(Refuses, key), verdict, code, step=Step.ACCESS)


def test_a_message_that_paramiko_does_not_understand_says_nothing_of_the_account(key: paramiko.PKey) -> None:
    """A password may have left and counted: it is not tried again at that host, and no word is said of the account."""
    report = visit(after_the_password(lambda t: send(t, 52 + 200)), key)
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.LOGIN, owner=Owner.SCANREADY)
    assert report.footprint.login_attempts == 1


@pytest.mark.parametrize("listed", ["none,password", "password"])
def test_a_server_that_lists_none_among_its_methods(listed: str, key: paramiko.PKey) -> None:
    """RFC 4252, 5.2 forbids that; it says nothing of the account all the same."""

    class Lists(found()):  # type: ignore[misc]  # made by a function
        methods = listed

    report = expect(visit(Lists, key), Verdict.SCANNABLE)
    assert report.facts["auth_methods"] == listed.split(",")


def test_a_partial_success_of_none_lets_nobody_in(key: paramiko.PKey) -> None:
    class Partly(Quirk):
        def check_auth_none(self, username: str) -> int:
            return AUTH_PARTIALLY_SUCCESSFUL

    report = expect(visit(Partly, key, None, user="svc"), Verdict.READY)
    assert report.facts["auth_methods"] == ["password"]
    assert "passwordless" not in report.facts


def test_a_key_that_paramiko_has_no_algorithm_for_is_no_attempt(tmp_path: Path, key: paramiko.PKey) -> None:
    """The server takes RSA keys with SHA-1 only (RFC 8308, 3.1): nothing is signed, so nothing was refused."""
    path = str(tmp_path / "id")
    paramiko.RSAKey.generate(2048).write_private_key_file(path)

    class OldKeys(Quirk):
        methods = "publickey"

        def check_auth_none(self, username: str) -> int:
            send(self.transport, 7, 1, "server-sig-algs", "ssh-dss")
            return AUTH_FAILED

    report = visit(OldKeys, key, Credential("k", "svc", key_file=path))
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.LOGIN, owner=Owner.SCANREADY)
    assert report.footprint.login_attempts == 0


@pytest.mark.parametrize("accepted", [1, 3])
def test_a_service_that_is_accepted_again_and_again_gets_no_secret_twice(accepted: int, key: paramiko.PKey) -> None:
    heard: list[str] = []

    class Accepts(Quirk):
        def check_auth_none(self, username: str) -> int:
            for _ in range(accepted):
                send(self.transport, 6, "ssh-userauth")
            return AUTH_FAILED

        def check_auth_password(self, username: str, password: str) -> int:
            heard.append(password)
            for _ in range(accepted):
                send(self.transport, 6, "ssh-userauth")
            return AUTH_FAILED

    expect(visit(Accepts, key, WRONG), Verdict.BLOCKED, "login.refused")
    assert heard == [WRONG.password]


def test_key_unusable(tmp_path: Path, key: paramiko.PKey) -> None:
    (tmp_path / "id").write_text("not a key")
    for path in (tmp_path / "id", tmp_path / "missing"):
        report = visit(found(), key, Credential("k", "svc", key_file=str(path)))
        expect(report, Verdict.BLOCKED, "ssh.key-unusable", step=Step.LOGIN, owner=Owner.OPERATOR)
        assert (report.footprint.connections, report.footprint.login_attempts) == (1, 0)


def test_a_key_with_a_passphrase(tmp_path: Path, key: paramiko.PKey) -> None:
    path = str(tmp_path / "id")
    paramiko.ECDSAKey.generate().write_private_key_file(path, "open sesame")

    class Keys(found()):  # type: ignore[misc]  # made by a function
        methods = "publickey"

        def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
            return AUTH_SUCCESSFUL

    expect(visit(Keys, key, Credential("k", "svc", None, path, "open sesame")), Verdict.SCANNABLE)
    expect(visit(Keys, key, Credential("k", "svc", None, path)), Verdict.BLOCKED, "ssh.key-unusable")


def test_no_password_to_a_host_whose_key_changed(tmp_path: Path, key: paramiko.PKey) -> None:
    other = paramiko.ECDSAKey.generate()
    passwords: list[str] = []

    class Notes(Quirk):
        def check_auth_password(self, username: str, password: str) -> int:
            passwords.append(password)
            return AUTH_FAILED

    with peer(Notes, key) as server:
        (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {other.get_name()} {other.get_base64()}\n")
        report = climb(target("unix", "127.0.0.1", server.port, RIGHT))
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN)
    changed = [check for check in report.checks if check.finding and check.finding.cause.code == "ssh.host-key-changed"]
    assert [check.outcome for check in changed] == [Outcome.WARNED]
    assert changed[0].finding is not None
    ((owner, fix),) = changed[0].finding.also
    assert (owner, pasted(fix)) == (Owner.AGENT, f"ssh-keygen -R '[127.0.0.1]:{server.port}'")
    assert changed[0].finding.fix is None
    assert not passwords
    assert report.footprint.login_attempts == 0


def test_a_recorded_host_key_is_recognised(tmp_path: Path, key: paramiko.PKey) -> None:
    with peer(found(), key) as server:
        recorded = tmp_path / "recorded"
        recorded.write_text(f"[127.0.0.1]:{server.port} {key.get_name()} {key.get_base64()}\n")
        report = climb(target("unix", "127.0.0.1", server.port, RIGHT, known_hosts=str(recorded)))
    expect(report, Verdict.SCANNABLE)
    assert report.facts["host_key_on_record"] == "yes"


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "No such file or directory"), (b"\x7fELF\xd0\xd1\xff", "it has no host keys")],
    ids=["missing", "binary"],
)
def test_no_password_without_the_file_of_host_keys_that_the_target_names(
    tmp_path: Path, key: paramiko.PKey, content: bytes | None, why: str
) -> None:
    """An agent of a fleet gets the name of the file, and may not have it."""
    passwords: list[str] = []

    class Notes(Quirk):
        def check_auth_password(self, username: str, password: str) -> int:
            passwords.append(password)
            return AUTH_FAILED

    named = tmp_path / "pinned"
    if content is not None:
        named.write_bytes(content)
    with peer(Notes, key) as server:
        report = climb(target("unix", "127.0.0.1", server.port, RIGHT, known_hosts=str(named)))
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN)
    assert f"names {named}, which this agent cannot read ({why}): put the file there on the agent" in story(report)
    assert not passwords
    assert report.footprint.login_attempts == 0


def test_a_file_of_host_keys_may_be_in_the_home_folder(
    tmp_path: Path, key: paramiko.PKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with peer(found(), key) as server:
        (tmp_path / "pinned").write_text(f"[127.0.0.1]:{server.port} {key.get_name()} {key.get_base64()}\n")
        report = climb(target("unix", "127.0.0.1", server.port, RIGHT, known_hosts="~/pinned"))
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
    assert "no common key exchange: the server offers only diffie-hellman-group1-sha1" in story(report)
    assert (report.footprint.connections, report.footprint.login_attempts) == (1, 0)


# the inspection ---------------------------------------------------------------------------------------------------


def test_the_command_is_one_line_without_what_a_login_shell_would_take_for_its_own() -> None:
    line = inspection.command("/var/tmp/a b")
    script = line.removeprefix("/bin/sh -c '").partition("' sh")[0]
    assert not set(script) & set("'!\n")
    assert line.endswith(" sh '/var/tmp/a b'")


def test_output_that_is_not_whole_is_not_believed() -> None:
    assert inspection.read(GOOD) is not None
    assert inspection.read(GOOD.replace("scanready-end", "")) is None
    assert inspection.read(GOOD.replace("scanready-begin", "")) is None


def test_a_command_line_that_is_quoted_has_not_run() -> None:
    line = inspection.command(None)
    for output in (line, f"% Invalid input: {line}\r\n", f"{line}: unknown command\n", line.replace("; ", ";\r\n")):
        assert inspection.read(output) is None
    assert inspection.read("scanready-end\nscanready-begin\n") is None


def test_a_device_that_quotes_the_command_has_a_forced_command(key: paramiko.PKey) -> None:
    report = visit(ran(f"% Invalid input: {inspection.command(None)}\r\n", 1), key)
    expect(report, Verdict.BLOCKED, "ssh.forced-command", step=Step.ACCESS)


@pytest.mark.parametrize("trace", [(), ("SHELLOPTS=xtrace",)], ids=["of the login shell", "of each shell"])
@pytest.mark.parametrize("before", ["set -x; ", "printf 'Welcome to '; set -x; ", "printf 'no end of line'; "])
def test_what_a_login_script_prints_hides_no_result(tmp_path: Path, before: str, trace: tuple[str, ...]) -> None:
    """A real bash that traces its commands, as `set -x` in a .bashrc makes it do, and one that leaves a line open."""
    shell = [*trace, "PATH=/usr/bin:/bin", "/bin/bash", "-c", before + inspection.command(str(tmp_path))]
    output = subprocess.run(
        ["/usr/bin/env", *shell], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
    ).stdout
    found = inspection.read(output)
    assert found is not None, output
    assert (found.directory, found.exists, found.writable) == (str(tmp_path), True, True)
    assert found.free is not None


def test_bsd_mount_output_is_understood() -> None:
    found = inspection.read(GOOD.replace("mount=rw,nosuid,relatime", "mount=/dev/a on /tmp (ufs, local, noexec)"))
    assert found is not None
    assert found.noexec


def test_both_types_are_in_the_catalogue_with_their_client() -> None:
    assert {BY_NAME[name].requirements.client for name in ("unix", "ssh")} == {"ssh"}
