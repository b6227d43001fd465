"""requests, requests_ntlm with pyspnego, and exchangelib: their opinions, and the errors from the wire."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Writer, ews, in_background
from fixtures.emulators.certificates import authority
from scanready.model import Report, Step
from tests.ladder import account, climb, finding_of, passed, target
from tests.libraries.provoking import Provoke, demand
from tests.websites import BASIC, ER, answer, serving, visited

SCAN = account("CORP\\svc-scan")
DIGEST = answer("401 Unauthorized", 'WWW-Authenticate: Digest realm="x", nonce="n", qop="auth", algorithm=SHA-512-256')
DIGEST_MD5 = 'WWW-Authenticate: Digest realm="x", nonce="n", qop="auth"'
NTLM = answer("401 Unauthorized", "WWW-Authenticate: NTLM")
NO_CHUNK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n"
#: The beginning of an NTLM message, and nothing behind it.
FALSE_CHALLENGE = answer("401 Unauthorized", "WWW-Authenticate: NTLM TlRMTVNTUAACAAAA")


def page(pages: bytes, logged_in: bytes | None = None) -> Provoke:
    def provoke() -> Report:
        with serving(pages, {"/": logged_in} if logged_in else None) as server:
            return visited(server, "http", ER, allow_cleartext=True)

    return provoke


def by_ntlm(site: Behaviour) -> Provoke:
    def provoke() -> Report:
        with in_background(site) as server:
            return climb(target("http", "127.0.0.1", server.port, SCAN))

    return provoke


def exchange(behaviour: Behaviour) -> Provoke:
    def provoke() -> Report:
        with in_background(behaviour, tls=authority().context()) as server:
            where = target("ews", "127.0.0.1", server.port, SCAN)
            return climb(where, ca_file=str(authority().ca_file))

    return provoke


def from_the_second(first: Behaviour, then: Callable[[], Behaviour]) -> Provoke:
    """An Exchange that is another one to the connection of the login."""

    def provoke() -> Report:
        behaviours = iter([first])

        async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
            await (next(behaviours, None) or then())(reader, writer, record)

        return exchange(behaviour)()

    return provoke


def hangs_up(prompt: bytes, at: bytes, from_the: int = 1) -> Provoke:
    """A page that ends the connection at the request with ``at`` in it, from that connection on."""
    connections = 0

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        nonlocal connections
        connections += 1
        while at not in await reader.readuntil(b"\r\n\r\n") or connections < from_the:
            writer.write(prompt)

    def provoke() -> Report:
        with in_background(behaviour) as server:
            return visited(server, "http", ER, allow_cleartext=True)

    return provoke


async def ews_hangs_up(reader: Reader, writer: Writer, record: Record) -> None:
    """An Exchange that ends the connection at the answer to its challenge."""
    answers = [ews.PROMPT, ews.CHALLENGE]
    while answers:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"Content-Length: (\d+)", head)
        await reader.readexactly(int(length[1]) if length else 0)
        writer.write(answers.pop(0))
    await reader.readuntil(b"\r\n\r\n")


#: No header WWW-Authenticate, which requests_ntlm looks for in the answer to its first message.
BROKEN_NTLM = ews.Exchange(challenge=ews.answer("500 Internal Server Error"))
PROVOKED: dict[str, Provoke] = {
    "http-digest": page(DIGEST),
    "http-chunk": page(BASIC, NO_CHUNK),
    "http-401": page(BASIC),
    "http-hang-up-before": hangs_up(answer("401 No", DIGEST_MD5), b"GET", from_the=2),
    "http-hang-up": hangs_up(BASIC, b"Authorization: Basic"),
    "ews-hang-up": from_the_second(ews.exchange, lambda: ews_hangs_up),
    "http-ntlm-none": by_ntlm(ews.Exchange(endpoint="/", first=NTLM, challenge=answer("500 Internal Server Error"))),
    "http-ntlm-challenge": by_ntlm(ews.Exchange(endpoint="/", first=NTLM, challenge=FALSE_CHALLENGE)),
    "http-ntlm-401": by_ntlm(ews.Exchange(endpoint="/", first=NTLM, refuses=NTLM)),
    "ews-reraised": from_the_second(ews.exchange, lambda: BROKEN_NTLM),
    "ews-soap": exchange(ews.Exchange(soap=((b"GetFolder", b"<?xml version='1.0'?><a><b/></a>"),))),
    "ews-response-code": exchange(ews.Exchange(soap=((b"GetFolder", ews.BUSY),))),
}


@pytest.mark.parametrize("key", PROVOKED)
def test_a_row(key: str) -> None:
    demand(key, PROVOKED[key]())


def test_a_limit_before_the_secret_left_is_no_login() -> None:
    report = PROVOKED["http-ntlm-none"]()
    assert report.footprint.login_attempts == 0
    assert "NTLM" in finding_of(report).detail or "ntlm" in finding_of(report).detail
    passed(report, Step.HANDSHAKE, Step.AUTH)
