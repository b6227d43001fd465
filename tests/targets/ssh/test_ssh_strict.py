"""The logins of `unix` and `ssh` at a server that hangs up at a second SERVICE_REQUEST."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fixtures.emulators import in_background
from fixtures.emulators.ssh_strict import Strict
from scanready.model import Credential, Owner, Report, Step, Verdict
from scanready.targets.ssh import client as openssh
from tests.ladder import climb, expect, finding_of, target
from tests.targets.ssh.ssh_peers import GOOD, RIGHT, WRONG, write_client

SSH = shutil.which("ssh")
KEY, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


@pytest.fixture(autouse=True)
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The agent's ssh client, the same on every machine, and its configuration."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(openssh, "CONFIG_FILES", (tmp_path / "config",))
    return write_client(tmp_path)


def server(*methods: str, wants_all: bool = False, ends_at: str = "") -> Strict:
    return Strict(methods, KEY.public_key(), GOOD.encode(), ends_at, wants_all)


def keyed(directory: Path, key: Ed25519PrivateKey, password: str | None = None) -> Credential:
    path = directory / "id"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    path.chmod(0o600)
    return Credential("k", "svc", password, str(path))


def met(strict: Strict, credential: Credential | None, **options: str) -> Report:
    with in_background(strict) as served:
        report = climb(target("unix", "127.0.0.1", served.port, credential, **options))
        served.wait(2 if credential or options else 1)
        assert not served.offences
    return report


def test_a_password() -> None:
    strict = server("publickey", "password")
    report = expect(met(strict, RIGHT), Verdict.SCANNABLE)
    assert strict.heard == ["service", "none", "password", "disconnect"]
    assert report.footprint.login_attempts == 1


#: SERVICE_ACCEPT without a name, with an empty one, with another one, and with one that is no UTF-8.
ACCEPTANCES = [b"", bytes(4), b"\0\0\0\x05other", b"\0\0\0\x02\xff\xfe"]


@pytest.mark.parametrize("accepts", ACCEPTANCES)
def test_a_service_is_accepted_by_any_name(accepts: bytes) -> None:
    strict = server("publickey", "password")
    strict.accepts = accepts
    expect(met(strict, RIGHT), Verdict.SCANNABLE)
    assert strict.heard == ["service", "none", "password", "disconnect"]


@pytest.mark.parametrize("accepts", [b"\0\0", b"\0\0\xff\xffssh"])
def test_an_acceptance_that_ends_within_its_name_is_none(accepts: bytes) -> None:
    """OpenSSH's client gives up there, too (measured); nothing of the account is known."""
    strict = server("password")
    strict.accepts = accepts
    report = expect(met(strict, RIGHT), Verdict.UNDECIDED, "scanready.limit", step=Step.LOGIN)
    assert "SERVICE_ACCEPT is truncated" in finding_of(report).detail
    assert report.footprint.login_attempts == 0


def test_a_key(tmp_path: Path) -> None:
    strict = server("publickey")
    expect(met(strict, keyed(tmp_path, KEY)), Verdict.SCANNABLE)
    assert strict.heard == ["service", "none", "publickey", "disconnect"]


def test_keyboard_interactive() -> None:
    strict = server("keyboard-interactive")
    expect(met(strict, RIGHT), Verdict.SCANNABLE)
    assert strict.heard == ["service", "none", "keyboard-interactive", "answer", "disconnect"]


def test_a_key_and_a_password(tmp_path: Path) -> None:
    strict = server("publickey", "password", wants_all=True)
    expect(met(strict, keyed(tmp_path, KEY, "right")), Verdict.SCANNABLE)
    assert strict.heard == ["service", "none", "publickey", "password", "disconnect"]


@pytest.mark.parametrize("method", ["password", "keyboard-interactive"])
def test_no_secret_after_a_refused_password(method: str) -> None:
    strict = server(method, "password")
    report = expect(met(strict, WRONG), Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert report.footprint.login_attempts == 1
    assert strict.heard == ["service", "none", "password", "disconnect"]


def test_no_password_after_a_refused_key(tmp_path: Path) -> None:
    strict = server("publickey", "password")
    report = expect(met(strict, keyed(tmp_path, OTHER, "right")), Verdict.BLOCKED, "login.refused", step=Step.LOGIN)
    assert report.footprint.login_attempts == 1
    assert strict.heard == ["service", "none", "publickey", "disconnect"]


@pytest.mark.parametrize("ends_at", ["service", "none", "keyboard-interactive"])
def test_an_end_before_the_secret_is_no_attempt(ends_at: str) -> None:
    """The account was not judged: its credential is not withheld elsewhere either."""
    strict = server("keyboard-interactive", ends_at=ends_at)
    report = expect(met(strict, RIGHT), Verdict.UNDECIDED, "login.not-judged", step=Step.LOGIN, owner=Owner.SERVER)
    assert report.footprint.login_attempts == 0
    assert strict.heard[-1] == ends_at


@pytest.mark.parametrize("ends_at", ["service", "none"])
def test_an_end_at_the_question_for_the_methods_says_nothing_of_the_account(ends_at: str) -> None:
    report = met(server("password", ends_at=ends_at), None, user="svc")
    expect(report, Verdict.UNDECIDED, "login.not-judged", step=Step.AUTH, owner=Owner.SERVER)
    assert "before" in finding_of(report).detail


def test_an_end_at_the_password_may_have_counted() -> None:
    """Only sshd is known to end a connection so because of PAM's rules about the account; this server is no sshd."""
    report = expect(met(server("password", ends_at="password"), RIGHT), Verdict.UNDECIDED, "login.broken-off")
    assert report.footprint.login_attempts == 1


@pytest.mark.skipif(SSH is None, reason="no OpenSSH client on this machine")
@pytest.mark.parametrize("accepts", [None, *ACCEPTANCES])
def test_openssh_logs_in_at_the_emulator(tmp_path: Path, accepts: bytes | None) -> None:
    """The emulator is judged by a client that is neither ours nor the library of our logins."""
    assert SSH is not None
    strict = server("publickey")
    strict.accepts = accepts
    identity = keyed(tmp_path, KEY).key_file
    options = ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes"]
    words = [word for option in options for word in ("-o", option)]
    with in_background(strict) as served:
        line = [SSH, "-F", "none", *words, "-i", str(identity), "-p", str(served.port), "svc@127.0.0.1", "true"]
        done = subprocess.run(line, capture_output=True, text=True, timeout=30, check=False)
        served.wait()
    assert (done.returncode, done.stdout) == (0, GOOD), done.stderr
    assert strict.heard == ["service", "none", "key?", "publickey", "disconnect"]
