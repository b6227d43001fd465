"""Is every SSH and IMAP server of the lab what its name says? Asked with other people's clients, never with ours."""

from __future__ import annotations

import contextlib
import errno
import ssl
from collections.abc import Iterator

import imapclient
import paramiko
import pytest

from fixtures.lab import accounts, openssh
from fixtures.lab.accounts import PASSWORD
from fixtures.lab.lab import Lab
from fixtures.lab.server import Server
from fixtures.limits import HANG
from tests.lab.plain import dial, refusal

# SSH


@contextlib.contextmanager
def ssh(server: Server, user: str = accounts.SCANNER) -> Iterator[paramiko.Transport]:
    transport = paramiko.Transport(dial(server.address, 22))
    try:
        transport.start_client(timeout=HANG)
        yield transport
    finally:
        transport.close()


def methods(lab: Lab, server: Server) -> list[str]:
    def ask() -> list[str]:
        with ssh(server) as transport, pytest.raises(paramiko.BadAuthenticationType) as refused:
            transport.auth_none(accounts.SCANNER)
        return sorted(refused.value.allowed_types)

    return lab.agent.run(ask)


def execute(lab: Lab, server: Server, user: str = accounts.SCANNER, command: str = "id -un") -> str:
    """Log in with the password, run a command and return its output."""

    def work() -> str:
        with ssh(server) as transport:
            transport.auth_password(user, PASSWORD)
            channel = transport.open_session(timeout=HANG)
            channel.exec_command(command)
            return (channel.makefile().read() + channel.makefile_stderr().read()).decode()

    return lab.agent.run(work)


def listing(lab: Lab, server: Server) -> list[str]:
    def work() -> list[str]:
        with ssh(server) as transport:
            transport.auth_password(accounts.SCANNER, PASSWORD)
            client = paramiko.SFTPClient.from_transport(transport)
            assert client is not None
            return client.listdir(".")

    return lab.agent.run(work)


@pytest.mark.parametrize(
    ("variant", "offered"),
    [
        ("password", ["password"]),
        ("publickey", ["publickey"]),
        ("keyboard-interactive", ["keyboard-interactive"]),
        ("publickey-and-password", ["publickey"]),
        ("no-sftp", ["password"]),
    ],
)
def test_sshd_offers_its_methods(lab: Lab, variant: str, offered: list[str]) -> None:
    assert methods(lab, lab.openssh(variant)) == offered


@pytest.mark.parametrize("variant", ["password", "no-sftp", "few-startups", "banner", "keyboard-interactive"])
def test_sshd_runs_a_command(lab: Lab, variant: str) -> None:
    server = lab.openssh(variant)
    assert execute(lab, server) == "scanuser\n"
    assert "Accepted" in server.log


def test_sftp_where_there_is_one(lab: Lab) -> None:
    assert listing(lab, lab.openssh("password")) == ["customers.csv"]
    assert listing(lab, lab.openssh("sftp-only")) == ["customers.csv"]
    with pytest.raises(paramiko.SSHException, match=r"Channel closed"):
        listing(lab, lab.openssh("no-sftp"))


def test_forced_commands_answer_with_text(lab: Lab) -> None:
    assert execute(lab, lab.openssh("forced-command")) == openssh.FORCED_TEXT + "\n"
    assert execute(lab, lab.openssh("sftp-only")) == "This service allows sftp connections only.\n"


def test_a_key_then_a_password(lab: Lab) -> None:
    server = lab.openssh("publickey-and-password")

    def work() -> tuple[list[str], list[str]]:
        key = paramiko.Ed25519Key.from_private_key_file(str(server.client_key))
        with ssh(server) as transport:
            return transport.auth_publickey(server.user, key), transport.auth_password(server.user, PASSWORD)

    assert lab.agent.run(work) == (["password"], [])


@pytest.mark.parametrize("user", ["locked", "expired", "no-such-user"])
def test_accounts_that_are_refused(lab: Lab, user: str) -> None:
    with pytest.raises(paramiko.AuthenticationException):
        execute(lab, lab.openssh("password"), user)


@pytest.mark.parametrize(
    ("user", "message"), [("nologin", "not available"), ("stale-password", "password has expired")]
)
def test_accounts_that_log_in_but_cannot_work(lab: Lab, user: str, message: str) -> None:
    assert message in execute(lab, lab.openssh("password"), user)


def test_allow_users(lab: Lab) -> None:
    server = lab.openssh("other-users-only")
    with pytest.raises(paramiko.AuthenticationException):
        execute(lab, server)
    assert "not listed in AllowUsers" in server.log


def test_old_algorithms_need_the_clients_consent(lab: Lab) -> None:
    server = lab.openssh("old-algorithms")
    client = ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "UserKnownHostsFile=/dev/null"]
    client += ["-o", "StrictHostKeyChecking=no", "-l", server.user]
    plain = lab.agent.command([*client, server.address, "true"])
    assert "no matching key exchange method found. Their offer: diffie-hellman-group1-sha1" in plain.stderr
    consent = ["KexAlgorithms=+diffie-hellman-group1-sha1", "HostKeyAlgorithms=+ssh-rsa", "Ciphers=+3des-cbc"]
    options = [word for option in consent for word in ("-o", option)]
    assert "Permission denied (password)" in lab.agent.command([*client, *options, server.address, "true"]).stderr


def test_few_startups(lab: Lab) -> None:
    server = lab.openssh("few-startups", label="crowded")

    def work() -> bytes:
        with contextlib.ExitStack() as stack:
            for _ in range(2):
                assert stack.enter_context(dial(server.address, 22)).recv(4) == b"SSH-"
            return stack.enter_context(dial(server.address, 22)).recv(100)

    assert lab.agent.run(work) == b"Exceeded MaxStartups\r\n"


def test_dropbear(lab: Lab) -> None:
    assert execute(lab, lab.dropbear()) == "scanuser\n"
    assert methods(lab, lab.dropbear()) == ["password", "publickey"]
    assert methods(lab, lab.dropbear("no-password")) == ["publickey"]


# IMAP


@contextlib.contextmanager
def imap(server: Server, lab: Lab, tls: bool = False) -> Iterator[imapclient.IMAPClient]:
    trust = ssl.create_default_context(cafile=str(lab.authority.root))
    trust.check_hostname = False
    client = imapclient.IMAPClient(server.address, 993 if tls else 143, ssl=tls, ssl_context=trust, timeout=HANG)
    try:
        yield client
    finally:
        client.shutdown()


def subjects(client: imapclient.IMAPClient) -> list[bytes]:
    client.login(accounts.SCANNER, PASSWORD)
    client.select_folder("INBOX", readonly=True)
    return [data[b"ENVELOPE"].subject for data in client.fetch([1], ["ENVELOPE"]).values()]


@pytest.mark.parametrize("variant", ["starttls", "tls-required", "one-connection"])
def test_imap_after_starttls_and_on_993(lab: Lab, variant: str) -> None:
    server = lab.dovecot(variant)

    def work() -> None:
        with imap(server, lab) as client:
            assert b"LOGINDISABLED" in client.capabilities()
            client.starttls(ssl.create_default_context(cafile=str(lab.authority.root)))
            assert b"LOGINDISABLED" not in client.capabilities()
            assert subjects(client) == [b"the card you asked for"]

    def secure() -> None:
        with imap(server, lab, tls=True) as client:
            assert subjects(client) == [b"the card you asked for"]

    lab.agent.run(work)
    lab.agent.run(secure)


def test_imap_without_tls(lab: Lab) -> None:
    def capabilities(server: Server, log_in: bool) -> tuple[bytes, ...]:
        with imap(server, lab) as client:
            assert not log_in or subjects(client)
            return tuple(client.capabilities())

    assert b"STARTTLS" not in lab.agent.run(capabilities, lab.dovecot("no-tls"), True)
    found = lab.agent.run(capabilities, lab.dovecot("no-passwords-in-clear"), False)
    assert b"LOGINDISABLED" in found
    assert b"STARTTLS" not in found
    assert refusal(lab, lab.dovecot("no-tls").address, 993) == errno.ECONNREFUSED


def test_imap_with_scram_only(lab: Lab) -> None:
    def work(server: Server) -> tuple[bytes, ...]:
        with imap(server, lab, tls=True) as client:
            return tuple(word for word in client.capabilities() if word.startswith((b"AUTH=", b"LOGIN")))

    found = lab.agent.run(work, lab.dovecot("scram-only"))
    assert b"AUTH=SCRAM-SHA-256" in found
    assert b"AUTH=PLAIN" not in found


def test_imap_allows_one_connection_for_a_user(lab: Lab) -> None:
    server = lab.dovecot("one-connection")

    def work() -> None:
        with imap(server, lab, tls=True) as first:
            first.login(server.user, PASSWORD)
            with (
                imap(server, lab, tls=True) as second,
                pytest.raises(imapclient.exceptions.LoginError, match="Maximum"),
            ):
                second.login(server.user, PASSWORD)

    lab.agent.run(work)
