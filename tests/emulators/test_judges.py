"""Real clients judge the emulators: each must take one for the server it plays."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from typing import Any

import imapclient
import paramiko
import psycopg
import pymysql
import pytest
import requests

from fixtures.emulators import Behaviour, http, imap, in_background, misbehave, mysql, postgresql, ssh
from fixtures.emulators.certificates import Kind, authority
from fixtures.limits import HANG

WITHIN = 5.0


def login_mysql(port: int, **options: Any) -> tuple[int, str]:
    """Log in with pymysql; return the error it was refused with."""
    with pytest.raises(pymysql.err.OperationalError) as refusal:
        pymysql.connect(host="127.0.0.1", port=port, user="probe", password="no", connect_timeout=5, **options)
    return refusal.value.args


class TestPyMySQL:
    @pytest.mark.parametrize(
        ("behaviour", "code", "words"),
        [
            (mysql.mariadb_10_11, 1045, "Access denied for user 'probe'@'127.0.0.1'"),
            (mysql.mariadb_10_11_without_tls, 1045, "Access denied"),
            (mysql.mariadb_11_8, 1045, "Access denied"),
            (mysql.mysql_8, 1045, "Access denied"),
            (mysql.auth_switch, 1045, "Access denied"),
            (mysql.host_blocked, 1129, "is blocked because of many connection errors"),
            (mysql.host_not_allowed, 1130, "is not allowed to connect"),
            (mysql.too_many_connections, 1040, "Too many connections"),
        ],
    )
    def test_reads_the_refusal(self, behaviour: Behaviour, code: int, words: str) -> None:
        with in_background(behaviour) as server:
            refusal = login_mysql(server.port)
            server.wait()
        assert refusal[0] == code
        assert words in refusal[1]
        assert server.offences == {}

    def test_logs_in_inside_tls_where_it_is_offered(self) -> None:
        with in_background(mysql.mysql_8_requires_tls) as server:
            refusal = login_mysql(server.port, ssl={"check_hostname": False})
            server.wait()
        assert refusal[0] == 1045
        assert server.counts == {"logins": 1, "logins-in-tls": 1}

    def test_is_told_that_tls_is_required(self) -> None:
        with in_background(mysql.mysql_8_requires_tls) as server:
            refusal = login_mysql(server.port, ssl_disabled=True)
        assert refusal[0] == 3159

    def test_is_let_in_by_an_account_without_a_password(self) -> None:
        with in_background(mysql.anonymous_account) as server:
            session = pymysql.connections.Connection(
                host="127.0.0.1", port=server.port, user="probe", defer_connect=True
            )
            session.autocommit_mode = session.init_command = None
            session.connect()
            with session, session.cursor() as cursor:
                cursor.execute("SELECT UNHEX(HEX(CURRENT_USER()))")
                assert cursor.fetchall() == ((b"@localhost",),)
            server.wait()
        assert server.offences == {}
        assert server.counts["queries"] == 1


class TestPsycopg:
    @staticmethod
    def refusal(port: int, sslmode: str = "disable") -> str:
        with pytest.raises(psycopg.OperationalError) as refusal:
            psycopg.connect(
                f"host=127.0.0.1 port={port} user=canary dbname=hr password=no sslmode={sslmode} gssencmode=disable"
            )
        return str(refusal.value)

    @pytest.mark.parametrize("behaviour", [postgresql.sasl, postgresql.md5, postgresql.cleartext])
    def test_answers_the_prompt_with_a_wrong_password(self, behaviour: Behaviour) -> None:
        with in_background(behaviour) as server:
            text = self.refusal(server.port)
            server.wait()
        assert "password authentication failed" in text
        assert server.counts == {"startups": 1, "logins": 1}
        assert server.offences == {}

    def test_goes_through_tls(self) -> None:
        with in_background(postgresql.sasl_in_tls) as server:
            text = self.refusal(server.port, "require")
            server.wait()
        assert "password authentication failed" in text
        assert server.connections[0].tls == "TLSv1.3"

    def test_learns_that_there_is_no_tls(self) -> None:
        with in_background(postgresql.sasl) as server:
            assert "server does not support SSL" in self.refusal(server.port, "require")

    @pytest.mark.parametrize(
        ("behaviour", "words"),
        [
            (
                postgresql.no_hba_entry,
                'no pg_hba.conf entry for host "127.0.0.1", user "canary", database "hr", no encryption',
            ),
            (postgresql.hba_rejects, "pg_hba.conf rejects connection"),
            (postgresql.too_many_clients, "sorry, too many clients already"),
            (postgresql.shutting_down, "the database system is shutting down"),
            (postgresql.trust_without_role, 'role "trustu" does not exist'),
        ],
    )
    def test_reads_the_fatal_text(self, behaviour: Behaviour, words: str) -> None:
        with in_background(behaviour) as server:
            assert words in self.refusal(server.port)

    def test_is_let_in_by_trust(self) -> None:
        with in_background(postgresql.trust) as server:
            session = psycopg.connect(f"host=127.0.0.1 port={server.port} user=canary sslmode=disable")
            assert session.info.server_version == 150018
            session.close()
            server.wait()
        assert server.connections[0].received.endswith(b"X\0\0\0\x04")


class TestIMAPClient:
    def test_reads_capabilities_and_leaves(self) -> None:
        with in_background(imap.dovecot) as server:
            client = imapclient.IMAPClient("127.0.0.1", server.port, ssl=False, timeout=WITHIN)
            assert {b"STARTTLS", b"AUTH=PLAIN", b"IMAP4REV1"} <= set(client.capabilities())
            client.logout()
            server.wait()
        assert server.counts == {"logouts": 1}
        assert server.offences == {}

    def test_upgrades_with_starttls(self) -> None:
        with in_background(imap.login_disabled) as server:
            client = imapclient.IMAPClient("127.0.0.1", server.port, ssl=False, timeout=WITHIN)
            assert b"LOGINDISABLED" in client.capabilities()
            client.starttls(ssl.create_default_context(cafile=str(authority().ca_file)))
            assert b"LOGINDISABLED" not in client.capabilities()
            with pytest.raises(imapclient.exceptions.LoginError, match="Authentication failed"):
                client.login("canary", "no")
            client.logout()
            server.wait()
        assert server.offences == {"failed-login": 1}

    @pytest.mark.parametrize("behaviour", [imap.starttls_refused, imap.login_disabled_without_tls])
    def test_is_refused_starttls(self, behaviour: Behaviour) -> None:
        with in_background(behaviour) as server:
            client = imapclient.IMAPClient("127.0.0.1", server.port, ssl=False, timeout=WITHIN)
            with pytest.raises(imapclient.exceptions.IMAPClientError):
                client.starttls(ssl.create_default_context())
            client.shutdown()

    def test_speaks_imaps(self) -> None:
        with in_background(imap.inside_tls, tls=authority().context()) as server:
            trusted = ssl.create_default_context(cafile=str(authority().ca_file))
            client = imapclient.IMAPClient("127.0.0.1", server.port, ssl_context=trusted, timeout=WITHIN)
            assert b"AUTH=PLAIN" in client.capabilities()
            client.logout()

    def test_reads_the_bye(self) -> None:
        with in_background(imap.bye) as server, pytest.raises(imapclient.exceptions.IMAPClientError, match="Maximum"):
            imapclient.IMAPClient("127.0.0.1", server.port, ssl=False, timeout=WITHIN)


class TestParamiko:
    @staticmethod
    def refusal(port: int) -> tuple[str, Exception]:
        transport = paramiko.Transport(("127.0.0.1", port))
        try:
            with pytest.raises((paramiko.SSHException, EOFError)) as refusal:
                transport.start_client(timeout=WITHIN)
            return transport.remote_version, refusal.value
        finally:
            transport.close()

    def test_reads_the_banner_and_finds_no_key_exchange(self) -> None:
        with in_background(ssh.openssh_9_2) as server:
            version, _ = self.refusal(server.port)
        assert version == "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10"

    def test_shares_nothing_with_the_old(self) -> None:
        with in_background(ssh.old_algorithms) as server:
            assert isinstance(self.refusal(server.port)[1], paramiko.ssh_exception.IncompatiblePeer)

    @pytest.mark.parametrize("behaviour", [ssh.exceeded_max_startups, ssh.penalty, misbehave.closes_at_once])
    def test_gets_no_banner(self, behaviour: Behaviour) -> None:
        with in_background(behaviour) as server:
            assert "banner" in str(self.refusal(server.port)[1])

    def test_refuses_ssh_1(self) -> None:
        with in_background(ssh.ssh_1_only) as server:
            assert "1.5" in str(self.refusal(server.port)[1])


@pytest.mark.skipif(shutil.which("ssh") is None, reason="no OpenSSH client on this machine")
class TestOpenSSH:
    @staticmethod
    def debug(port: int) -> str:
        command = ["ssh", "-vv", "-F", "none", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5"]
        command += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=none", "-p", str(port), "x@127.0.0.1"]
        return subprocess.run(command, capture_output=True, text=True, timeout=HANG, check=False).stderr

    def test_names_the_algorithms(self) -> None:
        with in_background(ssh.openssh_10_0) as server:
            output = self.debug(server.port)
        assert "remote software version OpenSSH_10.0p2 Debian-7+deb13u4" in output
        assert "peer server KEXINIT proposal" in output
        assert "mlkem768x25519-sha256" in output

    def test_names_what_the_old_offers(self) -> None:
        with in_background(ssh.old_algorithms) as server:
            output = self.debug(server.port)
        assert "no matching key exchange method found. Their offer: diffie-hellman-group1-sha1" in output


class TestRequests:
    @staticmethod
    def head(port: int, scheme: str = "http", **options: Any) -> requests.Response:
        session = requests.Session()
        session.trust_env = False
        return session.head(f"{scheme}://127.0.0.1:{port}/", timeout=WITHIN, **options)

    @pytest.mark.parametrize(
        ("behaviour", "status"),
        [
            (http.ok, 200),
            (http.moved, 301),
            (http.basic, 401),
            (http.forbidden, 403),
            (http.not_found, 404),
            (http.unavailable, 503),
            (http.proxy, 407),
            (http.no_head, 405),
        ],
    )
    def test_reads_the_status(self, behaviour: Behaviour, status: int) -> None:
        with in_background(behaviour) as server:
            assert self.head(server.port).status_code == status

    @pytest.mark.parametrize("behaviour", [http.ok, http.not_found, http.no_head])
    def test_gets_a_page_as_long_as_promised(self, behaviour: Behaviour) -> None:
        with in_background(behaviour) as server:
            page = requests.get(f"http://127.0.0.1:{server.port}/", timeout=WITHIN)
        assert len(page.content) == int(page.headers["Content-Length"]) > 0

    def test_reads_the_schemes(self) -> None:
        with in_background(http.basic) as server:
            assert self.head(server.port).headers["WWW-Authenticate"] == 'Basic realm="intranet"'
        with in_background(http.ntlm) as server:
            assert self.head(server.port).headers["WWW-Authenticate"] == "Negotiate, NTLM"

    @pytest.mark.parametrize(
        ("kind", "verdict"),
        [
            ("good", None),
            ("expired", "certificate has expired"),
            ("wrong-name", "IP address mismatch"),
            ("self-signed", "self-signed certificate"),
        ],
    )
    def test_judges_the_certificate(self, kind: Kind, verdict: str | None) -> None:
        with in_background(http.ok, tls=authority().context(kind)) as server:
            if verdict is None:
                assert self.head(server.port, "https", verify=str(authority().ca_file)).status_code == 200
            else:
                with pytest.raises(requests.exceptions.SSLError, match=verdict):
                    self.head(server.port, "https", verify=str(authority().ca_file))
