"""Check the findings of `unix` and `ssh` on real servers after the login."""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path

import pytest

from fixtures.lab.lab import Lab
from fixtures.lab.namespace import tool
from fixtures.lab.openssh import FORCED_TEXT
from scanready.model import Owner, Step, Verdict
from tests.lab.ssh_helpers import SCANNER, climb_all, key_of, mounted, reconfigure
from tests.ladder import account, check_of, climb, expect, passed, story, target

# access -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "user", "code", "detail"),
    [
        ("sftp-only", "scanuser", "ssh.sftp-only", "allows sftp connections only"),
        ("forced-command", "scanuser", "ssh.forced-command", FORCED_TEXT),
        ("password", "nologin", "ssh.nologin", "not available"),
    ],
)
def test_an_account_that_cannot_run_commands(lab: Lab, variant: str, user: str, code: str, detail: str) -> None:
    report = climb(target("unix", lab.openssh(variant).hostname, credential=account(user)), lab.agent)
    expect(report, Verdict.BLOCKED, code, step=Step.ACCESS, owner=Owner.SERVER)
    passed(report, Step.LOGIN)
    assert detail in story(report)


def test_sftp_only_is_enough_for_a_share(lab: Lab) -> None:
    expect(climb(target("ssh", lab.openssh("sftp-only").hostname, credential=SCANNER), lab.agent), Verdict.SCANNABLE)


def test_the_fix_for_sftp_only_works(lab: Lab) -> None:
    server = lab.openssh("sftp-only", label="mended")
    where = target("unix", server.hostname, credential=SCANNER)
    report = climb(where, lab.agent)
    assert report.finding is not None
    assert report.finding.fix is not None
    fix = report.finding.fix
    reconfigure(server, lambda config: f"{config}\n{fix}\n")
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
        ("/no/such/path", Verdict.BLOCKED, "access.not-found", Owner.OPERATOR),
        ("customers.csv", Verdict.SCANNABLE, None, None),
        ("/etc", Verdict.SCANNABLE, None, None),
    ],
)
def test_paths(lab: Lab, path: str, verdict: Verdict, code: str | None, owner: Owner | None) -> None:
    report = climb(target("ssh", lab.openssh().hostname, credential=SCANNER, path=path), lab.agent)
    expect(report, verdict, code, step=Step.ACCESS if code else None, owner=owner)


@pytest.mark.parametrize("path", ["/srv", "/srv/below"])
def test_a_path_that_may_not_be_read(lab: Lab, path: str) -> None:
    server = lab.openssh("password", label="temp")
    with mounted(server, "mode=0700"):
        report = climb(target("ssh", server.hostname, credential=SCANNER, path=path), lab.agent)
    expect(report, Verdict.LIMITED, "access.denied", step=Step.ACCESS, owner=Owner.SERVER)


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
    with mounted(server, options):
        report = climb(target("unix", server.hostname, credential=SCANNER, directory="/srv"), lab.agent)
    expect(report, Verdict.LIMITED if code else Verdict.SCANNABLE, code, step=Step.ACCESS if code else None)


def test_a_directory_that_is_not_there(lab: Lab) -> None:
    report = climb(target("unix", lab.openssh().hostname, credential=SCANNER, directory="/no/where"), lab.agent)
    expect(report, Verdict.LIMITED, "unix.temp-not-writable")
    assert "does not exist" in story(report)


@pytest.mark.parametrize("checking", ["yes", "ask", "accept-new"])
def test_a_client_that_knows_no_such_host(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checking: str
) -> None:
    """The agent's own ssh refuses the host then, if it is configured so; with the key added, the cause is gone."""
    server, known = lab.openssh(), tmp_path / "known"
    (tmp_path / "config").write_text(f"Host *\n  StrictHostKeyChecking {checking}\n  UserKnownHostsFile {known}\n")
    wrapper = tmp_path / "bin" / "ssh"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {tmp_path / "config"} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}")
    where = target("unix", server.hostname, credential=SCANNER)
    report = climb(where, lab.agent)
    done = lab.agent.command([str(wrapper), "-o", "BatchMode=yes", f"{SCANNER.username}@{server.hostname}", "true"])
    assert ("Host key verification failed" in done.stderr) == (checking != "accept-new"), "BatchMode answers no to ask"
    if checking != "yes":
        expect(report, Verdict.SCANNABLE)
        return
    expect(report, Verdict.LIMITED, "ssh.host-key-unknown", step=Step.LOGIN, owner=Owner.AGENT, fix="ssh-keyscan -H")
    keys = lab.agent.command(["ssh-keyscan", "-H", "-p", "22", server.hostname])
    known.write_text(keys.stdout)
    expect(climb(where, lab.agent), Verdict.SCANNABLE)


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
    # A key login discloses no secret: it continues, and the changed host key is reported.
    with_key = dataclasses.replace(where, host=lab.openssh("publickey").hostname, credential=key_of(lab))
    (tmp_path / "known_hosts").write_text(f"{with_key.host} {kind} {blob}\n")
    expect(climb(with_key, lab.agent), Verdict.LIMITED, "ssh.host-key-changed", owner=Owner.SERVER)
