"""Check `unix` and `ssh` against real OpenSSH and dropbear servers: every reproducible failure, and their logs."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest

from fixtures.lab.accounts import PASSWORD
from fixtures.lab.lab import Lab
from fixtures.lab.namespace import tool
from scanready.model import Owner, Report, Step, Verdict
from tests.lab.plain import dial
from tests.lab.ssh_helpers import SCANNER, TYPES, WRONG, climb_all, key_of, logged, reconfigure
from tests.ladder import account, check_of, climb, expect, passed, story, target

STOPPED_BY_HAND = "scanready handshake check, no login attempted"


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
    """`ssh -v` negotiates the predicted algorithms, and ssh-keyscan returns the same host key."""
    server = lab.openssh()
    report = expect(climb(target("unix", server.hostname, credential=SCANNER), lab.agent), Verdict.SCANNABLE)
    options = ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"]
    words = [word for option in options for word in ("-o", option)]
    heard = lab.agent.command(["ssh", "-v", *words, "-l", "scanuser", server.hostname, "true"]).stderr

    def logged(pattern: str) -> str:
        found = re.search(pattern, heard)
        assert found, heard
        return found[1].strip()

    predicted = report.facts["predicted"]
    assert logged(r"kex: algorithm: (\S+)") == predicted["kex"]
    assert logged(r"kex: host key algorithm: (\S+)") == predicted["host_key"]
    assert logged(r"kex: client->server cipher: (\S+)") == predicted["cipher"]
    assert logged(r"client->server cipher: \S+ MAC: (\S+)") == predicted["mac"].replace("implicit", "<implicit>")
    assert logged(r"Authentications that can continue: (\S+)").split(",") == report.facts["auth_methods"]
    remote = logged(r"remote software version (.+)")
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
    assert "sshd_config" in report.finding.fix
    ((owner, fix),) = report.finding.also
    assert owner is Owner.AGENT
    (tmp_path / "config").write_text(fix)
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
@pytest.mark.parametrize("variant", ["keyboard-interactive", "banner", "long-identification"])
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
    reconfigure(server, lambda config: f"{config}\n{fix}\n")
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
    """After a key or a password sshd closes the connection; in keyboard-interactive it only reports "refused"."""
    server = lab.openssh("publickey", label="barred")
    pam = server.directory / "pam"  # bound over /etc/pam.d/sshd
    pam.write_text(pam.read_text().replace("account required pam_unix.so", "account required pam_deny.so"))
    reconfigure(server, lambda config: config.replace("UsePAM no", "UsePAM yes"))
    report = climb(target("unix", server.hostname, credential=key_of(lab)), lab.agent)
    expect(report, Verdict.BLOCKED, "ssh.account-barred", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert "by PAM account configuration" in server.log
