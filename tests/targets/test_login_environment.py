"""Logins take no place, no account and no weaker security from the environment of the command."""

from __future__ import annotations

import base64
import re
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fixtures.emulators import Behaviour, Server, dcom, ews, in_background, misbehave, mssql
from fixtures.emulators.certificates import authority
from scanready.clients.login_process.surroundings import environment
from scanready.model import Credential, Report, Verdict
from scanready.targets.windows import login as windows
from tests.hostile.test_broken_off_logins import http
from tests.ladder import account, climb, story, target
from tests.targets import test_short_deadlines as short
from tests.targets.windows import wmi_peers

if sys.platform != "linux":
    pytest.skip("127.0.0.2 is an address of Linux's loopback", allow_module_level=True)

_TYPE_1, _TYPE_3 = b"NTLMSSP\0\1\0\0\0", b"NTLMSSP\0\3\0\0\0"
#: Flags of [MS-NLMP] 2.2.2.5: the key of LM; a session security that NTLMv1 has not.
_LM_KEY, _EXTENDED = 0x80, 0x80000
CORP = account("CORP\\er")

PAGE_WITH_NTLM = (
    b"HTTP/1.1 401 No\r\nContent-Length: 0\r\nWWW-Authenticate: "
    + ews.CHALLENGE.split(b"WWW-Authenticate: ", 1)[1].split(b"\r\n")[0]
    + b"\r\n\r\n"
)


async def challenges(reader: Any, writer: Any, record: Any) -> None:
    """Ask for NTLM, challenge, and refuse."""
    offered = b"HTTP/1.1 401 No\r\nContent-Length: 0\r\nWWW-Authenticate: NTLM\r\n\r\n"
    answers = iter([PAGE_WITH_NTLM])
    while request := await reader.readuntil(b"\r\n\r\n"):
        writer.write(next(answers, offered) if b"\r\nAuthorization: " in request else offered)


@contextmanager
def served(behaviour: Behaviour, *, tls: bool = False) -> Iterator[Server]:
    with in_background(behaviour, tls=authority().context() if tls else None) as server:
        yield server


def messages(received: bytes) -> list[bytes]:
    """Return what was sent of NTLM: as it is, and as the base64 of HTTP."""
    found = [received[at:] for at in (hit.start() for hit in re.finditer(re.escape(b"NTLMSSP\0"), received))]
    found += [base64.b64decode(text) for text in re.findall(rb"Authorization: (?:NTLM|Negotiate) (\S+)", received)]
    return found


def proof(message: bytes) -> tuple[bytes, bytes]:
    """Return the answers to the challenge in a message of type 3: LM's and NT's ([MS-NLMP] 2.2.1.3)."""
    fields = (struct.unpack_from("<HHI", message, at) for at in (12, 20))
    lm, nt = (message[offset : offset + length] for length, _, offset in fields)
    return lm, nt


NTLM: dict[str, tuple[Behaviour, bool, Credential]] = {
    "http": (challenges, False, CORP),
    "ews": (ews.exchange, True, CORP),
    "mssql": (mssql.Server(), False, CORP),
    "smb": (short.SERVERS["smb"][0], False, CORP),
}


def assert_second_version(received: bytes) -> None:
    sent = messages(received)
    proofs = [proof(message) for message in sent if message.startswith(_TYPE_3)]
    assert proofs, "the login came to its proof"
    for lm, nt in proofs:
        assert len(nt) > 24, "NTLMv1 answers in 24 octets"
        assert nt[16:18] == b"\1\1", "the blob of NTLMv2 ([MS-NLMP] 2.2.2.7)"
        assert not lm.strip(b"\0") or lm[16:] != bytes(8), "LMv2, or nothing"


@pytest.mark.parametrize("level", ["", "0", "1", "2", "nonsense"])
@pytest.mark.parametrize("kind", NTLM)
def test_ntlm_is_of_the_second_version_whatever_the_environment_says(
    kind: str, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pyspnego takes LM_COMPAT_LEVEL from it: 0 to 2 are NTLMv1, whose answer gives the password away in a day."""
    behaviour, tls, credential = NTLM[kind]
    if level:
        monkeypatch.setenv("LM_COMPAT_LEVEL", level)
    with served(behaviour, tls=tls) as server:
        report = climb(target(kind, "127.0.0.1", server.port, credential, allow_untrusted=True), canary=False)
        assert report.footprint.login_attempts == 1, story(report)
        assert_second_version(server.connections[-1].received)


def test_ntlm_of_wmi_is_of_the_second_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LM_COMPAT_LEVEL", "0")
    with dcom.in_background("healthy") as host:
        windows.visit(wmi_peers.where(host.mapper.port), wmi_peers.account(), 8)
        for record in host.mapper.connections:
            assert_second_version(record.received)


def hostile(thief: Server, scratch: Path) -> dict[str, str]:
    """Return variables that lead client libraries to the thief, or change what they do."""
    place = f"127.0.0.2:{thief.port}"
    (scratch / "netrc").write_text("machine 127.0.0.1 login thief password thief-password\n")
    (scratch / "pg_service.conf").write_text(f"[thief]\nhost=127.0.0.2\nport={thief.port}\nuser=thief\n")
    (scratch / "tnsnames.ora").write_text(
        f"ORCL=(DESCRIPTION=(ADDRESS=(PROTOCOL=tcp)(HOST=127.0.0.2)(PORT={thief.port})))"
    )
    (scratch / "sqlnet.ora").write_text("SQLNET.ENCRYPTION_CLIENT=REQUIRED\n")
    proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"), f"http://{place}")
    return proxies | {
        "ALL_PROXY": f"http://{place}",
        "no_proxy": "",
        "NETRC": str(scratch / "netrc"),
        "REQUESTS_CA_BUNDLE": str(scratch / "no-such-bundle"),
        "CURL_CA_BUNDLE": str(scratch / "no-such-bundle"),
        "SSLKEYLOGFILE": str(scratch / "keys"),
        "PGHOST": "127.0.0.2",
        "PGHOSTADDR": "127.0.0.2",
        "PGPORT": str(thief.port),
        "PGUSER": "thief",
        "PGPASSWORD": "thief-password",
        "PGSERVICE": "thief",
        "PGSERVICEFILE": str(scratch / "pg_service.conf"),
        "PGSSLMODE": "require",
        "PGREQUIREAUTH": "password",
        "PGOPTIONS": "-c search_path=thief",
        "TNS_ADMIN": str(scratch),
        "ORACLE_HOME": str(scratch),
        "NTLM_USER_FILE": str(scratch / "netrc"),
        "LM_COMPAT_LEVEL": "0",
        "PYTHONHTTPSVERIFY": "0",
        "MYSQL_PWD": "thief-password",
        "MYSQL_HOST": "127.0.0.2",
        "TDSHOST": "127.0.0.2",
        "TDSPORT": str(thief.port),
    }


SERVERS = {name: value for name, value in short.SERVERS.items() if name not in ("http", "https")} | {
    "http": (http(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), short.CLEAR),
}


def visited(kind: str) -> Report:
    behaviour, options = SERVERS[kind]
    with in_background(behaviour) as server:
        return climb(target(kind, "127.0.0.1", server.port, account("er"), **options), canary=False)


@pytest.mark.parametrize("kind", SERVERS)
def test_the_environment_leads_no_login_elsewhere(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = visited(kind)
    with in_background(misbehave.silent, host="127.0.0.2") as thief:
        for name, value in hostile(thief, tmp_path).items():
            monkeypatch.setenv(name, value)
        report = visited(kind)
        assert thief.connections == []
    assert report.footprint == usual.footprint, story(report)
    assert (report.verdict, report.cause) == (usual.verdict, usual.cause), story(report)
    assert usual.verdict in (Verdict.SCANNABLE, Verdict.LIMITED, Verdict.BLOCKED), story(usual)
    assert not (tmp_path / "keys").exists()


def test_what_a_login_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGSERVICE", "https_proxy", "Netrc", "LM_COMPAT_LEVEL", "SSLKEYLOGFILE", "TNS_ADMIN"):
        monkeypatch.setenv(name, "x")
    for name in ("PATH", "HOME", "KRB5_CONFIG", "OPENSSL_CONF", "SSL_CERT_FILE", "PG", "LANG"):
        monkeypatch.setenv(name, "x")
    found = environment()
    assert {"PATH", "HOME", "KRB5_CONFIG", "OPENSSL_CONF", "SSL_CERT_FILE", "PG", "LANG"} <= found.keys()
    assert not found.keys() & {"PGSERVICE", "https_proxy", "Netrc", "LM_COMPAT_LEVEL", "SSLKEYLOGFILE", "TNS_ADMIN"}
