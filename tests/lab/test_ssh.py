"""`unix` and `ssh` against real OpenSSH and dropbear servers: every failure to be had, and what their logs say."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from fixtures.lab.accounts import PASSWORD
from fixtures.lab.lab import Lab
from fixtures.lab.namespace import tool, wait_until
from fixtures.lab.openssh import FORCED_TEXT, OpenSSH
from fixtures.lab.server import Server
from scanready.engine import Settings, verify_all
from scanready.model import Credential, Owner, Report, Step, Target, Verdict
from tests.climb import account, check_of, climb, expect, passed, story, target
from tests.lab.plain import dial

TYPES = ("unix", "ssh")
SCANNER, WRONG = account("scanuser"), account("scanuser", "not-it")
STOPPED_BY_HAND = "scanready handshake check, no login attempted"


def climb_all(lab: Lab, targets: Sequence[Target]) -> list[Report]:
    """One run over several targets, one after the other."""

    async def run() -> list[Report]:
        return [report async for report in verify_all(targets, Settings(concurrency=1))]

    return lab.agent.run(lambda: asyncio.run(run()))


def key_of(lab: Lab, password: str | None = None) -> Credential:
    return Credential("scan-key", "scanuser", password, str(lab.keys.client))


def logged(server: Server, mark: int, last: str) -> list[str]:
    """The lines since ``mark``, once the one with ``last`` is there."""
    assert wait_until(lambda: last in server.logged_since(mark), 5), server.logged_since(mark)
    return server.logged_since(mark).splitlines()


# without a credential ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", TYPES)
def test_ready_without_a_credential(lab: Lab, type_: str) -> None:
    report = climb(target(type_, lab.openssh().hostname), lab.agent)
    expect(report, Verdict.READY)
    passed(report, Step.AGENT, Step.RESOLVE, Step.CONNECT, Step.HANDSHAKE, Step.AUTH)
    assert report.facts["product"] == "OpenSSH"
    assert report.footprint.connections == 1, story(report)
    assert report.footprint.login_attempts == report.footprint.probe_logins == 0


@pytest.mark.parametrize("type_", TYPES)
def test_ready_with_dropbear(lab: Lab, type_: str) -> None:
    report = expect(climb(target(type_, lab.dropbear().hostname), lab.agent), Verdict.READY)
    assert (report.facts["product"], report.facts["version"]) == ("dropbear", "2022.83")


@pytest.mark.parametrize("depth", [Step.CONNECT, Step.HANDSHAKE, Step.AUTH, Step.ACCESS])
def test_the_log_has_our_own_words_and_nothing_else(lab: Lab, depth: Step) -> None:
    server = lab.openssh("password", label="quiet")
    mark = len(server.log)
    climb(target("unix", server.hostname), lab.agent, depth=depth)
    lines = logged(server, mark, "Disconnected from")
    agent = re.escape(lab.agent.address)
    assert [re.sub(rf"{agent} port \d+", "AGENT", line) for line in lines] == [
        f'Connection from AGENT on {server.address} port 22 rdomain ""',  # LogLevel VERBOSE only
        f"Received disconnect from AGENT:11: {STOPPED_BY_HAND} [preauth]",
        "Disconnected from AGENT [preauth]",
    ]


def test_both_types_without_a_credential_take_one_connection(lab: Lab) -> None:
    server = lab.openssh("password", label="quiet")
    mark = len(server.log)
    reports = climb_all(lab, [target(type_, server.hostname) for type_ in TYPES])
    assert [report.verdict for report in reports] == [Verdict.READY] * 2
    assert sum(report.footprint.connections for report in reports) == 1
    assert len([line for line in logged(server, mark, "Disconnected") if "Connection from" in line]) == 1


def test_the_facts_are_those_of_the_agents_own_client(lab: Lab) -> None:
    """What was predicted from two lists is what `ssh -v` then negotiates; ssh-keyscan sees the same key."""
    server = lab.openssh()
    report = expect(climb(target("unix", server.hostname, credential=SCANNER), lab.agent), Verdict.SCANNABLE)
    options = ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"]
    words = [word for option in options for word in ("-o", option)]
    heard = lab.agent.command(["ssh", "-v", *words, "-l", "scanuser", server.hostname, "true"]).stderr

    def said(pattern: str) -> str:
        found = re.search(pattern, heard)
        assert found, heard
        return found[1].strip()

    predicted = report.facts["predicted"]
    assert said(r"kex: algorithm: (\S+)") == predicted["kex"]
    assert said(r"kex: host key algorithm: (\S+)") == predicted["host_key"]
    assert said(r"kex: client->server cipher: (\S+)") == predicted["cipher"]
    assert said(r"client->server cipher: \S+ MAC: (\S+)") == (predicted["mac"] or "<implicit>")
    assert said(r"Authentications that can continue: (\S+)").split(",") == report.facts["auth_methods"]
    remote = said(r"remote software version (.+)")
    assert remote.startswith(f"{report.facts['product']}_{report.facts['version']} {report.facts['os']}")
    scanned = lab.agent.command(["ssh-keyscan", "-t", "ed25519", server.hostname], check=True).stdout
    fingerprint = tool("ssh-keygen", "-lf", "-", text=scanned).split()[1]
    assert report.facts["host_key"] == f"ssh-ed25519 {fingerprint}"


def test_old_algorithms_are_predicted_and_the_fix_works(lab: Lab, tmp_path: Path) -> None:
    server = lab.openssh("old-algorithms")
    report = climb(target("unix", server.hostname, credential=SCANNER), lab.agent)
    expect(report, Verdict.BLOCKED, "ssh.no-common-algorithm", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert report.footprint.login_attempts == 0
    assert report.finding is not None
    assert report.finding.fix is not None
    (tmp_path / "config").write_text(report.finding.fix)
    trial = ["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    client = ["ssh", "-F", str(tmp_path / "config"), *trial, "-l", "scanuser", server.hostname, "true"]
    heard = lab.agent.command(client).stderr
    assert "Permission denied (password)" in heard  # it got as far as the login, which BatchMode has no password for
    (tmp_path / "config").write_text("")
    assert "Unable to negotiate" in lab.agent.command(client).stderr


def test_max_startups(lab: Lab) -> None:
    server = lab.openssh("few-startups", label="full")

    def work() -> Report:
        with contextlib.ExitStack() as stack:
            for _ in range(2):
                assert stack.enter_context(dial(server.address, 22)).recv(4) == b"SSH-"
            return climb(target("unix", server.hostname, credential=SCANNER))

    report = lab.agent.run(work)
    expect(report, Verdict.UNDECIDED, "handshake.throttled", step=Step.HANDSHAKE, owner=Owner.SERVER)
    expect(report, Verdict.UNDECIDED, "handshake.throttled", fix="MaxStartups 100:30:200")
    assert (report.footprint.connections, report.footprint.login_attempts) == (1, 0)


# with a credential ------------------------------------------------------------------------------------------------


def test_scannable_as_both_types_with_one_login(lab: Lab) -> None:
    server = lab.openssh("password", label="both")
    mark = len(server.log)
    unix, ssh = climb_all(lab, [target(type_, server.hostname, credential=SCANNER) for type_ in TYPES])
    expect(unix, Verdict.SCANNABLE)
    expect(ssh, Verdict.SCANNABLE)
    assert unix.facts["system"].startswith("Linux ")
    assert "customers.csv" in check_of(ssh, Step.ACCESS).summary
    assert unix.footprint.login_attempts + ssh.footprint.login_attempts == 1
    assert unix.footprint.connections + ssh.footprint.connections == 2
    lines = logged(server, mark, "Disconnected from user scanuser")
    assert len([line for line in lines if "Accepted password" in line]) == 1
    assert any("11: scanready login check ended" in line for line in lines)
    assert not [line for line in lines if "reset" in line or "closed by" in line]
    assert PASSWORD not in story(unix) + str(unix.facts)


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize("variant", ["keyboard-interactive", "banner"])
def test_scannable_elsewhere(lab: Lab, variant: str, type_: str) -> None:
    report = climb(target(type_, lab.openssh(variant).hostname, credential=SCANNER), lab.agent)
    expect(report, Verdict.SCANNABLE)
    assert report.facts.get("login_banner") == ("Authorised use only." if variant == "banner" else None)


@pytest.mark.parametrize("type_", TYPES)
def test_scannable_with_dropbear(lab: Lab, type_: str) -> None:
    server = lab.dropbear("password", label=type_)
    mark = len(server.log)
    expect(climb(target(type_, server.hostname, credential=SCANNER), lab.agent), Verdict.SCANNABLE)
    lines = logged(server, mark, "Exit (scanuser)")
    assert len([line for line in lines if "Disconnect received" in line]) == 2, lines


def test_a_key(lab: Lab) -> None:
    report = climb(target("unix", lab.openssh("publickey").hostname, credential=key_of(lab)), lab.agent)
    expect(report, Verdict.SCANNABLE)
    assert report.facts["auth_methods"] == ["publickey"]


def test_a_key_and_a_password(lab: Lab) -> None:
    server = lab.openssh("publickey-and-password")
    expect(climb(target("unix", server.hostname, credential=key_of(lab, PASSWORD)), lab.agent), Verdict.SCANNABLE)


def test_a_key_where_a_password_is_wanted_too(lab: Lab) -> None:
    server = lab.openssh("publickey-and-password")
    report = climb(target("ssh", server.hostname, credential=key_of(lab)), lab.agent)
    fix = f"Match User scanuser Address {lab.agent.address}\n    AuthenticationMethods any"
    expect(report, Verdict.BLOCKED, "ssh.more-factors", step=Step.LOGIN, owner=Owner.SERVER, fix=fix)


@pytest.mark.parametrize("variant", ["publickey", "publickey-and-password"])
def test_a_password_where_a_key_is_wanted(lab: Lab, variant: str) -> None:
    server = lab.openssh(variant)
    report = climb(target("unix", server.hostname, credential=SCANNER), lab.agent)
    fix = f"Match User scanuser Address {lab.agent.address}\n    PasswordAuthentication yes"
    expect(report, Verdict.BLOCKED, "ssh.method-not-offered", step=Step.AUTH, owner=Owner.SERVER, fix=fix)
    assert report.facts["auth_methods"] == ["publickey"]
    assert report.footprint.login_attempts == 0
    assert "Failed password" not in server.log


def test_the_fix_for_a_missing_method_works(lab: Lab) -> None:
    server = lab.openssh("publickey", label="mended")
    where = target("unix", server.hostname, credential=SCANNER)
    report = climb(where, lab.agent)
    assert report.finding is not None
    assert report.finding.fix is not None
    fix = report.finding.fix
    _reconfigure(server, lambda config: f"{config}\n{fix}\n")
    expect(climb(where, lab.agent), Verdict.SCANNABLE)


def test_dropbear_without_passwords(lab: Lab) -> None:
    report = climb(target("unix", lab.dropbear("no-password").hostname, credential=SCANNER), lab.agent)
    expect(report, Verdict.BLOCKED, "ssh.method-not-offered", step=Step.AUTH)


def test_depth_auth_asks_for_the_methods_and_does_not_log_in(lab: Lab) -> None:
    server = lab.openssh("password", label="asked")
    mark = len(server.log)
    report = climb(target("unix", server.hostname, credential=SCANNER), lab.agent, depth=Step.AUTH)
    expect(report, Verdict.READY)
    assert report.facts["auth_methods"] == ["password"]
    assert report.footprint.login_attempts == 0
    lines = logged(server, mark, "Disconnected from authenticating user scanuser")
    assert not [line for line in lines if "Failed" in line or "Accepted" in line or "Invalid user" in line]


# refusals ---------------------------------------------------------------------------------------------------------


def test_a_wrong_password_is_tried_once_for_all(lab: Lab) -> None:
    server, other = lab.openssh("password", label="wrong"), lab.openssh("no-sftp", label="wrong")
    mark = len(server.log)
    unix, ssh, elsewhere = climb_all(
        lab,
        [
            *(target(type_, server.hostname, credential=WRONG) for type_ in TYPES),
            target("unix", other.hostname, None, WRONG),
        ],
    )
    expect(unix, Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)
    expect(ssh, Verdict.BLOCKED, "login.refused")
    expect(elsewhere, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN)
    assert [report.footprint.login_attempts for report in (unix, ssh, elsewhere)] == [1, 0, 0]
    passed(elsewhere, Step.HANDSHAKE, Step.AUTH)
    lines = logged(server, mark, "Disconnected from authenticating user scanuser")
    assert len([line for line in lines if "Failed password" in line]) == 1
    assert "Failed" not in other.log


@pytest.mark.parametrize("user", ["locked", "expired", "no-such-user"])
def test_accounts_that_sshd_refuses_without_a_reason(lab: Lab, user: str) -> None:
    report = climb(target("unix", lab.openssh().hostname, credential=account(user)), lab.agent)
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)


def test_allow_users(lab: Lab) -> None:
    server = lab.openssh("other-users-only")
    report = climb(target("ssh", server.hostname, credential=SCANNER), lab.agent)
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert "AllowUsers" in story(report)
    assert "not listed in AllowUsers" in server.log


def test_an_expired_password_over_pam(lab: Lab) -> None:
    server = lab.openssh("keyboard-interactive", label="expiry")
    mark = len(server.log)
    report = climb(target("unix", server.hostname, credential=account("stale-password")), lab.agent)
    expect(report, Verdict.BLOCKED, "login.expired", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert any("scanready login check ended" in line for line in logged(server, mark, "stale-password 10"))


@pytest.mark.parametrize("type_", TYPES)
def test_an_expired_password_without_pam(lab: Lab, type_: str) -> None:
    report = climb(target(type_, lab.openssh().hostname, credential=account("stale-password")), lab.agent)
    expect(report, Verdict.BLOCKED, "login.expired", step=Step.ACCESS, owner=Owner.IDENTITY)


def test_an_account_that_pam_bars(lab: Lab) -> None:
    """After a key or a password sshd hangs up; within PAM's own questions it says no more than "refused"."""
    server = lab.openssh("publickey", label="barred")
    pam = server.directory / "pam"  # what sshd sees as /etc/pam.d/sshd
    pam.write_text(pam.read_text().replace("account required pam_unix.so", "account required pam_deny.so"))
    _reconfigure(server, lambda config: config.replace("UsePAM no", "UsePAM yes"))
    report = climb(target("unix", server.hostname, credential=key_of(lab)), lab.agent)
    expect(report, Verdict.BLOCKED, "ssh.account-barred", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert "by PAM account configuration" in server.log


# access -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "user", "code", "said"),
    [
        ("sftp-only", "scanuser", "ssh.sftp-only", "allows sftp connections only"),
        ("forced-command", "scanuser", "ssh.forced-command", FORCED_TEXT),
        ("password", "nologin", "ssh.nologin", "not available"),
    ],
)
def test_an_account_that_cannot_run_commands(lab: Lab, variant: str, user: str, code: str, said: str) -> None:
    report = climb(target("unix", lab.openssh(variant).hostname, credential=account(user)), lab.agent)
    expect(report, Verdict.BLOCKED, code, step=Step.ACCESS, owner=Owner.SERVER)
    passed(report, Step.LOGIN)
    assert said in story(report)


def test_sftp_only_is_enough_for_a_share(lab: Lab) -> None:
    expect(climb(target("ssh", lab.openssh("sftp-only").hostname, credential=SCANNER), lab.agent), Verdict.SCANNABLE)


def test_the_fix_for_sftp_only_works(lab: Lab) -> None:
    server = lab.openssh("sftp-only", label="mended")
    where = target("unix", server.hostname, credential=SCANNER)
    report = climb(where, lab.agent)
    assert report.finding is not None
    assert report.finding.fix is not None
    fix = report.finding.fix
    _reconfigure(server, lambda config: f"{config}\n{fix}\n")
    expect(climb(where, lab.agent), Verdict.SCANNABLE)


def test_no_sftp(lab: Lab) -> None:
    server = lab.openssh("no-sftp")
    report = climb(target("ssh", server.hostname, credential=SCANNER), lab.agent)
    expect(
        report, Verdict.BLOCKED, "ssh.no-sftp", step=Step.ACCESS, owner=Owner.SERVER, fix="Subsystem sftp internal-sftp"
    )
    expect(climb(target("unix", server.hostname, credential=SCANNER), lab.agent), Verdict.SCANNABLE)


def test_a_forced_command_instead_of_sftp(lab: Lab) -> None:
    report = climb(target("ssh", lab.openssh("forced-command").hostname, credential=SCANNER), lab.agent)
    expect(report, Verdict.BLOCKED, "ssh.forced-command", step=Step.ACCESS, fix="ForceCommand none")


@pytest.mark.parametrize(
    ("path", "verdict", "code", "owner"),
    [
        ("/root/secret", Verdict.LIMITED, "access.denied", Owner.SERVER),
        ("/no/such/path", Verdict.BLOCKED, "access.not-found", Owner.OPERATOR),
        ("customers.csv", Verdict.SCANNABLE, None, None),
        ("/etc", Verdict.SCANNABLE, None, None),
    ],
)
def test_paths(lab: Lab, path: str, verdict: Verdict, code: str | None, owner: Owner | None) -> None:
    report = climb(target("ssh", lab.openssh().hostname, credential=SCANNER, path=path), lab.agent)
    expect(report, verdict, code, step=Step.ACCESS if code else None, owner=owner)


def test_both_types_with_options_of_their_own(lab: Lab) -> None:
    host = lab.openssh().hostname
    unix = target("unix", host, credential=SCANNER, directory="/var/tmp")
    share = target("ssh", host, credential=SCANNER, path="/etc")
    for first, second in ((unix, share), (share, unix)):
        for report in climb_all(lab, [first, second]):
            expect(report, Verdict.SCANNABLE)
            assert ("/etc" if report.target.type == "ssh" else "/var/tmp") in check_of(report, Step.ACCESS).summary


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("mode=0755", "unix.temp-not-writable"),
        ("mode=1777,noexec", "unix.temp-noexec"),
        ("mode=1777,size=2m", "unix.temp-full"),
        ("mode=1777,size=400m", None),
    ],
)
def test_the_directory_for_temporary_files(lab: Lab, options: str, code: str | None) -> None:
    server = lab.openssh("password", label="temp")
    with _mounted(server, options):
        report = climb(target("unix", server.hostname, credential=SCANNER, directory="/srv"), lab.agent)
    expect(report, Verdict.LIMITED if code else Verdict.SCANNABLE, code, step=Step.ACCESS if code else None)


def test_a_directory_that_is_not_there(lab: Lab) -> None:
    report = climb(target("unix", lab.openssh().hostname, credential=SCANNER, directory="/no/where"), lab.agent)
    expect(report, Verdict.LIMITED, "unix.temp-not-writable")
    assert "does not exist" in story(report)


def test_no_password_to_a_host_whose_key_changed(lab: Lab, tmp_path: Path) -> None:
    server = lab.openssh("password", label="rebuilt")
    stranger = tmp_path / "stranger"
    tool("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(stranger))
    kind, blob, *_ = stranger.with_suffix(".pub").read_text().split()
    (tmp_path / "known_hosts").write_text(f"{server.hostname} {kind} {blob}\n")
    tool("ssh-keygen", "-q", "-H", "-f", str(tmp_path / "known_hosts"))  # hashed, as ssh writes them
    where = target("unix", server.hostname, credential=SCANNER, known_hosts=str(tmp_path / "known_hosts"))
    report = expect(climb(where, lab.agent), Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN)
    assert "ssh.host-key-changed" in {check.finding.cause.code for check in report.checks if check.finding}
    assert "password for" not in server.log
    # A key gives nothing away: the login goes on, and what is wrong is told.
    with_key = dataclasses.replace(where, host=lab.openssh("publickey").hostname, credential=key_of(lab))
    (tmp_path / "known_hosts").write_text(f"{with_key.host} {kind} {blob}\n")
    expect(climb(with_key, lab.agent), Verdict.LIMITED, "ssh.host-key-changed", owner=Owner.SERVER)


# helpers ----------------------------------------------------------------------------------------------------------


def _reconfigure(server: OpenSSH, change: Callable[[str], str]) -> None:
    """Change sshd_config and have sshd read it again: it restarts itself on SIGHUP, under the same pid."""
    config = server.directory / "sshd_config"
    config.write_text(change(config.read_text()))
    mark = len(server.log)
    tool("kill", "-HUP", str(server.pid))
    assert wait_until(lambda: "Server listening on" in server.logged_since(mark), 5), server.log


@contextlib.contextmanager
def _mounted(server: OpenSSH, options: str) -> Iterator[None]:
    """A tmpfs on the server's /srv, in its own mount namespace: nobody else sees it."""
    inside = ("nsenter", "-t", str(server.pid), "-m")
    tool(*inside, "mount", "-t", "tmpfs", "-o", options, "lab", "/srv")
    try:
        yield
    finally:
        tool(*inside, "umount", "/srv")
