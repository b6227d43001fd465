"""The octets 85 and A0 end letters in UTF-8. They are white space in Latin-1, and not in HTTP, HTML or IMAP."""

from __future__ import annotations

import pytest

from scanready.clients.http_talk import Url
from scanready.wire import Buffer, UnknownValue, http, imap
from tests.readers import reads

#: The last letters of these words are C3 A0 and C3 85 in UTF-8.
WORDS = ("voil\u00e0", "V\u00c5")
BLANKS = [b"\xa0", b"\x85"]


def read(*fields: bytes) -> http.Response:
    buffer = Buffer(b"\r\n".join((b"HTTP/1.1 200 OK", *fields, b"Content-Length: 0", b"", b"")))
    answer = http.ResponseReader("GET")(buffer)
    assert answer is not None
    return answer


@pytest.mark.parametrize("octet", BLANKS)
@pytest.mark.parametrize(
    "name", [b"Location", b"Server", b"Set-Cookie", b"Content-Type", b"Refresh", b"WWW-Authenticate"]
)
def test_a_value_keeps_its_octets(name: bytes, octet: bytes) -> None:
    answer = read(name + b":  " + octet + b"x" + octet + b" \t")
    assert answer.header(name.decode().lower()) == (octet + b"x" + octet).decode("latin-1")


@pytest.mark.parametrize("octet", BLANKS)
def test_a_name_a_reason_and_a_folded_line_keep_their_octets(octet: bytes) -> None:
    buffer = Buffer(b"HTTP/1.1 200 x" + octet + b"\r\nX" + octet + b" : a\r\n\t" + octet + b"b" + octet + b"\r\n\r\n")
    answer = http.ResponseReader("HEAD")(buffer)
    text = octet.decode("latin-1")
    assert answer is not None
    assert (answer.reason, answer.headers) == (f"x{text}", ((f"x{text}", f"a {text}b{text}"),))


@pytest.mark.parametrize("octet", BLANKS)
def test_a_transfer_coding_with_such_an_octet_is_another_one(octet: bytes) -> None:
    with pytest.raises(UnknownValue):
        read(b"Transfer-Encoding: chunked" + octet)


@pytest.mark.parametrize("word", WORDS)
def test_a_page_leads_to_addresses_with_such_octets(word: str) -> None:
    page = http.look(
        f"<base href='/{word} '><a href=' /a/{word}'>x</a><iframe src='/b/{word}'></iframe>"
        f"<meta http-equiv=refresh content='0; url=/c/{word} '>".encode()
    )
    octets = word.encode().decode("latin-1")
    assert (page.base, page.hrefs, page.frames) == (f"/{octets}", (f"/a/{octets}",), (f"/b/{octets}",))
    assert page.refresh == f"/c/{octets}"
    leads = Url("http", "h", 80, "/").joined(f" /{octets}\t")
    assert leads is not None
    assert leads.path.encode().isascii()
    assert leads.path.startswith("/vo" if word == WORDS[0] else "/V%C3%85")
    assert leads.path.endswith(("%A0", "%85"))


def test_only_ascii_separates_the_capabilities_of_imap() -> None:
    line = "* OK [CAPABILITY imap4rev1\u00a0AUTH=PLAIN  idle \u017ftarttls] ready\r\n".encode()
    assert reads(imap.read_greeting, line).capabilities == frozenset(
        {"imap4rev1\u00a0AUTH=PLAIN", "IDLE", "\u017ftarttls"}
    )
