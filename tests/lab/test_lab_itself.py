"""Is every server of the lab what its name says? Asked with other people's clients, never with ours."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import imapclient
import paramiko
import psycopg
import pymysql
import pytest
import requests
from requests_ntlm import HttpNtlmAuth

from fixtures.lab import accounts, openssh, proxy
from fixtures.lab.lab import Lab
from fixtures.lab.misbehave import Misbehaving
from fixtures.lab.namespace import NETNS, LabError, pids_in
from fixtures.lab.net import Topology
from fixtures.lab.server import Server

PASSWORD = accounts.PASSWORD
Connect = Callable[..., socket.socket]


def dial(address: str, port: int, timeout: float = 5) -> socket.socket:
    return socket.create_connection((address, port), timeout)


def refusal(lab: Lab, address: str, port: int, timeout: float = 5) -> int | str:
    """The errno of a plain connect, "timeout", or "open"."""

    def attempt() -> int | str:
        try:
            dial(address, port, timeout).close()
        except TimeoutError:
            return "timeout"
        except OSError as error:
            assert error.errno is not None
            return error.errno
        return "open"

    return lab.agent.run(attempt)


# The network and the firewall (the table in the lab's notes, section 2)


@pytest.fixture(scope="module")
def listener(lab: Lab) -> Misbehaving:
    return lab.misbehaving("half-open", 7000)


def test_open_and_closed_ports_and_both_families(lab: Lab, listener: Server) -> None:
    assert refusal(lab, listener.address, 7000) == "open"
    assert refusal(lab, listener.address6, 7000) == "open"
    assert refusal(lab, listener.address, 7001) == errno.ECONNREFUSED


@pytest.mark.parametrize(
    ("action", "seen"),
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
def test_a_firewall_that_says_no(lab: Lab, listener: Server, action: str, seen: int) -> None:
    with lab.policy(f"tcp dport 7000 {action}"):
        # More often than an ICMP rate limit would let through.
        assert {refusal(lab, listener.address, 7000) for _ in range(8)} == {seen}
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
    assert refusal(lab, listener.host.absent, 22, timeout=6) == errno.EHOSTUNREACH
    assert 2.5 < time.monotonic() - began < 5


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


def test_a_server_that_cannot_start_shows_its_log(lab: Lab, tmp_path: Path) -> None:
    broken = Misbehaving(lab.host("broken"), tmp_path / "broken", "banner", 7000, "not-hexadecimal")
    with pytest.raises(LabError, match="(?s)ended.*non-hexadecimal"):
        broken.start()
    assert pids_in(broken.host.name) == []


# SSH


@contextlib.contextmanager
def ssh(server: Server, user: str = accounts.SCANNER) -> Iterator[paramiko.Transport]:
    transport = paramiko.Transport(dial(server.address, 22))
    try:
        transport.start_client(timeout=10)
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
    """What a command prints after a login with the password."""

    def work() -> str:
        with ssh(server) as transport:
            transport.auth_password(user, PASSWORD)
            channel = transport.open_session(timeout=10)
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


@pytest.mark.parametrize(("user", "said"), [("nologin", "not available"), ("stale-password", "password has expired")])
def test_accounts_that_log_in_but_cannot_work(lab: Lab, user: str, said: str) -> None:
    assert said in execute(lab, lab.openssh("password"), user)


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


# MariaDB


def read_customers(lab: Lab, variant: str, user: str = "scan", *, tls: bool = False, label: str = "") -> object:
    server = lab.mariadb(variant, label)

    def work() -> object:
        security: dict[str, object] = {"ssl": {"ca": str(lab.authority.root)}} if tls else {"ssl_disabled": True}
        session = pymysql.connect(host=server.address, user=user, password=PASSWORD, connect_timeout=10, **security)  # type: ignore[call-overload]
        with session, session.cursor() as cursor:
            cursor.execute("SELECT name FROM pii.customers")
            return cursor.fetchall()

    return lab.agent.run(work)


@pytest.mark.parametrize(
    ("variant", "user", "tls", "number"),
    [
        ("standard", "poor", False, 1142),
        ("standard", "locked", False, 4151),
        ("standard", "expired", False, 1820),
        ("standard", "tlsonly", False, 1045),
        ("standard", "socketonly", False, 1698),
        ("standard", "elsewhere", False, 1045),
        ("tls", "tlsonly", True, 1142),  # which is to say: logged in
        ("tls-required", "scan", False, 1045),  # where MySQL would say 3159
        ("host-restricted", "scan", False, 1130),
    ],
)
def test_mariadb_refuses(lab: Lab, variant: str, user: str, tls: bool, number: int) -> None:
    with pytest.raises(pymysql.err.MySQLError) as refused:
        read_customers(lab, variant, user, tls=tls)
    assert refused.value.args[0] == number


@pytest.mark.parametrize(
    ("variant", "tls"),
    [("standard", False), ("observed", False), ("tls", False), ("tls", True), ("tls-required", True)],
)
def test_mariadb_is_read(lab: Lab, variant: str, tls: bool) -> None:
    assert read_customers(lab, variant, tls=tls) == (("Ada Lovelace",),)


def test_mariadb_is_full(lab: Lab) -> None:
    with lab.mariadb("few-connections").full(), pytest.raises(pymysql.err.OperationalError) as refused:
        read_customers(lab, "few-connections")
    assert refused.value.args[0] == 1040
    assert read_customers(lab, "few-connections")


def test_starting_mariadb_costs_no_offence_and_hanging_up_five_times_does(lab: Lab) -> None:
    server = lab.mariadb("observed", label="harm")
    assert server.host_errors(lab.agent.address) == {}
    for count in range(1, 6):
        lab.agent.run(dial, server.address, 3306).close()
        # The server notices in its own time.
        deadline = time.monotonic() + 5
        while server.host_errors(lab.agent.address).get("SUM_CONNECT_ERRORS") != count:
            assert time.monotonic() < deadline, server.host_errors(lab.agent.address)
    with pytest.raises(pymysql.err.OperationalError) as refused:
        read_customers(lab, "observed", label="harm")
    assert refused.value.args[0] == 1129
    server.forget_hosts()
    assert read_customers(lab, "observed", label="harm")


# PostgreSQL


def count_employees(lab: Lab, variant: str, role: str = "er", database: str = "hr", tls: bool = False) -> object:
    server = lab.postgresql(variant)

    def work() -> object:
        with psycopg.connect(
            host=server.address,
            user=role,
            password=PASSWORD,
            dbname=database,
            sslmode="require" if tls else "disable",
            connect_timeout=10,
        ) as session:
            row = session.execute("SELECT count(*) FROM employees").fetchone()
            return row and row[0]

    return lab.agent.run(work)


@pytest.mark.parametrize(
    ("variant", "tls"),
    [
        *(("scram", False), ("scram-tls", False), ("scram-tls", True), ("md5", False), ("password", False)),
        *(("trust", False), ("hostssl-only", True), ("hostnossl-only", False), ("few-connections", False)),
    ],
)
def test_postgresql_is_read(lab: Lab, variant: str, tls: bool) -> None:
    assert count_employees(lab, variant, tls=tls) == 2


@pytest.mark.parametrize(
    ("variant", "role", "database", "tls", "said"),
    [
        ("scram", "poor", "hr", False, "permission denied for table employees"),
        ("scram", "nologin", "hr", False, "is not permitted to log in"),
        ("scram", "expired", "hr", False, "password authentication failed"),
        ("scram", "er", "payroll", False, "User does not have CONNECT privilege"),
        ("scram", "er", "nowhere", False, "does not exist"),
        ("scram", "er", "hr", True, "server does not support SSL"),
        ("hostssl-only", "er", "hr", False, "no pg_hba.conf entry.*no encryption"),
        ("hostnossl-only", "er", "hr", True, "no pg_hba.conf entry.*SSL encryption"),
        ("client-certificate", "er", "hr", True, "requires a valid client certificate"),
        ("reject", "er", "hr", False, "pg_hba.conf rejects connection"),
        ("no-entry", "er", "hr", False, 'no pg_hba.conf entry for host "10.77.0.2"'),
        ("other-database-only", "er", "hr", False, 'no pg_hba.conf entry.*database "hr"'),
    ],
)
def test_postgresql_refuses(lab: Lab, variant: str, role: str, database: str, tls: bool, said: str) -> None:
    with pytest.raises(psycopg.Error, match=said):
        count_employees(lab, variant, role, database, tls)


def test_postgresql_is_full(lab: Lab) -> None:
    with lab.postgresql("few-connections").full(), pytest.raises(psycopg.OperationalError, match="connection slots"):
        count_employees(lab, "few-connections")


@pytest.mark.parametrize(
    ("variant", "code"), [("scram", 10), ("scram-tls", 10), ("md5", 5), ("password", 3), ("trust", 0)]
)
def test_postgresql_asks_as_it_should(lab: Lab, variant: str, code: int) -> None:
    """The code in the first AuthenticationRequest, also to a role that does not exist (protocol 3.0, chapter 55)."""
    server = lab.postgresql(variant)

    def ask(role: bytes) -> int:
        body = b"\x00\x03\x00\x00user\x00" + role + b"\x00database\x00hr\x00\x00"
        with dial(server.address, 5432) as session:
            session.sendall((len(body) + 4).to_bytes(4, "big") + body)
            answer = session.recv(9)
        assert answer[:1] == b"R"
        return int.from_bytes(answer[5:9], "big")

    assert lab.agent.run(ask, b"er") == code
    if variant != "trust":
        assert lab.agent.run(ask, b"scanready_probe") == code


# IMAP


@contextlib.contextmanager
def imap(server: Server, lab: Lab, tls: bool = False) -> Iterator[imapclient.IMAPClient]:
    trust = ssl.create_default_context(cafile=str(lab.authority.root))
    trust.check_hostname = False
    client = imapclient.IMAPClient(server.address, 993 if tls else 143, ssl=tls, ssl_context=trust, timeout=10)
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


# HTTP


def fetch(lab: Lab, url: str, **options: object) -> requests.Response:
    def work() -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.get(url, timeout=10, allow_redirects=False, verify=str(lab.authority.root), **options)  # type: ignore[arg-type]

    return lab.agent.run(work)


@pytest.mark.parametrize(
    ("site", "status", "location"),
    [
        ("plain", 200, None),
        ("redirect-to-https", 301, "https://good.web.lab/"),
        ("redirect-to-refused", 302, "https://plain.web.lab/"),
        ("redirect-to-nowhere", 302, "http://no-such-name.lab/"),
        ("redirect-loop", 302, "http://redirect-loop.web.lab/"),
        ("forbidden", 403, None),
        ("not-found", 404, None),
        ("unavailable", 503, None),
        ("empty", 200, None),
    ],
)
def test_plain_sites(lab: Lab, site: str, status: int, location: str | None) -> None:
    answer = fetch(lab, f"http://{lab.nginx().site(site).hostname}/")
    assert answer.status_code == status
    assert answer.headers.get("Location") == location
    assert (answer.text == "") == (site == "empty")


@pytest.mark.parametrize(
    ("site", "status"), [("good", 200), ("new-tls", 200), ("basic", 401), ("client-certificate", 400)]
)
def test_secure_sites(lab: Lab, site: str, status: int) -> None:
    assert fetch(lab, f"https://{lab.nginx().site(site).hostname}/").status_code == status


def test_basic_authentication(lab: Lab) -> None:
    url = f"https://{lab.nginx().site('basic').hostname}/"
    assert fetch(lab, url).headers["WWW-Authenticate"] == 'Basic realm="Lab Realm"'
    assert fetch(lab, url, auth=(accounts.SCANNER, PASSWORD)).status_code == 200


@pytest.mark.parametrize(
    ("site", "fault"),
    [
        ("expired", "certificate has expired"),
        ("not-yet-valid", "certificate is not yet valid"),
        ("wrong-name", "Hostname mismatch"),
        ("self-signed", "self-signed certificate"),
        ("no-intermediate", "unable to get local issuer certificate"),
    ],
)
def test_faulty_certificates(lab: Lab, site: str, fault: str) -> None:
    def work() -> None:
        # The default context: the agent's system trusts the lab's root.
        context, name = ssl.create_default_context(), lab.nginx().site(site).hostname
        with dial(name, 443) as plain, context.wrap_socket(plain, server_hostname=name):
            pass

    lab.nginx()
    with pytest.raises(ssl.SSLCertVerificationError, match=fault):
        lab.agent.run(work)


def s_client(lab: Lab, name: str, *options: str) -> str:
    done = lab.agent.command(["openssl", "s_client", "-connect", f"{name}:443", *options], input="")
    return done.stdout + done.stderr


def test_tls_versions(lab: Lab) -> None:
    old, new = (lab.nginx().site(name).hostname for name in ("old-tls", "new-tls"))
    assert "unsupported protocol" in s_client(lab, old, "-tls1_2")
    assert "Protocol  : TLSv1\n" in s_client(lab, old, "-tls1", "-cipher", "ALL:@SECLEVEL=0")
    assert "Protocol  : TLSv1.1\n" in s_client(lab, old, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    assert "alert protocol version" in s_client(lab, new, "-tls1_2")
    assert "Verify return code: 0 (ok)" in s_client(lab, lab.nginx().site("good").hostname)


def test_plain_http_on_443(lab: Lab) -> None:
    name = lab.nginx().site("plain-on-443").hostname
    assert "wrong version number" in s_client(lab, name)
    assert fetch(lab, f"http://{name}:443/").status_code == 200


def test_exchange_asks_for_ntlm(lab: Lab) -> None:
    apache = lab.apache()
    url = f"https://{apache.site('ntlm').hostname}/EWS/Exchange.asmx"
    answer = fetch(lab, url)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Negotiate, NTLM"
    account = f"{apache.domain}\\{apache.user}"
    assert fetch(lab, url, auth=HttpNtlmAuth(account, PASSWORD)).status_code == 200
    assert fetch(lab, url, auth=HttpNtlmAuth(account, "wrong")).status_code == 401


def test_apache_demands_a_certificate_in_tls(lab: Lab) -> None:
    name = lab.apache().site("client-certificate").hostname
    ours = lab.authority.issue("client", ["client.lab"])
    with pytest.raises(requests.exceptions.ConnectionError, match="certificate required|alert handshake failure"):
        fetch(lab, f"https://{name}/")
    assert fetch(lab, f"https://{name}/", cert=(str(ours.chain), str(ours.key))).status_code == 200


def test_proxies(lab: Lab) -> None:
    url = f"http://{lab.nginx().site('plain').hostname}/"

    def through(variant: str, credential: str = "") -> int:
        where = f"http://{credential}{lab.proxy(variant).address}:3128"
        return fetch(lab, url, proxies={"http": where}).status_code

    assert through("open") == 200
    assert through("authenticated") == 407
    assert through("authenticated", f"{accounts.SCANNER}:{proxy.PASSWORD}@") == 200


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


def hear(lab: Lab, server: Server, send: bytes = b"", count: int = 4096, timeout: float = 5) -> bytes | str:
    """What one connection brings in one read: bytes, "reset", "timeout" or "no connection"."""

    def work() -> bytes | str:
        try:
            session = dial(server.address, server.port, min(timeout, 1))
        except TimeoutError:
            return "no connection"
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
    assert hear(lab, lab.misbehaving(mode, 22), send, timeout=0.4 if isinstance(heard, str) else 5) == heard


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
