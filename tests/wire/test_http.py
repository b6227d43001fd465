from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.transcripts import load, names
from scanready.wire import Buffer, OurLimit, WireError, http
from tests.pace import computes_within
from tests.readers import reads, survives
from tests.wire import fuzz

HEAD = load("http/nginx1.22-head.s2c.hex")
REFUSED = load("http/nginx1.22-connect-400.s2c.hex")
EVERYTHING = [load(name) for name in names("http")]


def at_the_end(data: bytes) -> Buffer:
    buffer = Buffer(data)
    buffer.eof = True
    return buffer


def get(data: bytes, *, eof: bool = False, method: str = "GET", body_cap: int = 65536) -> http.Response:
    buffer = at_the_end(data) if eof else Buffer(data)
    response = http.ResponseReader(method, body_cap)(buffer)
    assert response is not None
    return response


# --- requests ----------------------------------------------------------------------------------------------------


def test_a_request_is_what_nginx_has_answered() -> None:
    asked = http.request("HEAD", "/", host="x", user_agent="canscan/0.1 (+handshake check)")
    assert asked == load("http/head.c2s.hex")


def test_a_tunnel_is_asked_for() -> None:
    target = http.authority("fe80::1", 443)
    assert http.request("CONNECT", target, host=target, user_agent="s/1", keep_alive=True) == (
        b"CONNECT [fe80::1]:443 HTTP/1.1\r\nHost: [fe80::1]:443\r\nUser-Agent: s/1\r\nConnection: keep-alive\r\n\r\n"
    )


def test_more_fields_can_be_given() -> None:
    asked = http.request("GET", "/a?b", host="h", user_agent="s", headers=[("Authorization", "NTLM TlRM")])
    assert asked.endswith(b"\r\nAuthorization: NTLM TlRM\r\n\r\n")


@pytest.mark.parametrize(
    ("host", "port", "default", "expected"),
    [("h", 80, 80, "h"), ("h", 8080, 80, "h:8080"), ("::1", 443, 443, "[::1]"), ("::1", 1, 2, "[::1]:1")],
)
def test_authorities(host: str, port: int, default: int, expected: str) -> None:
    assert http.authority(host, port, default) == expected


@pytest.mark.parametrize(
    ("target", "value"), [("/a b", "x"), ("/\r\nX: y", "x"), ("/\u20ac", "x"), ("/", "a\r\nX: y"), ("/", "a\0")]
)
def test_what_http_cannot_carry_is_not_sent(target: str, value: str) -> None:
    with pytest.raises(ValueError, match="not a request that HTTP can carry"):
        http.request("GET", target, host="h", user_agent=value)


# --- responses ---------------------------------------------------------------------------------------------------


def test_nginx_answers_head() -> None:
    response = reads(http.ResponseReader("HEAD"), HEAD)
    assert (response.status, response.reason, response.version, response.body) == (200, "OK", "1.1", b"")
    assert response.headers == (
        ("server", "nginx/1.22.1"),
        ("date", "Sun, 22 Nov 2026 23:18:57 GMT"),
        ("content-type", "text/plain"),
        ("content-length", "3"),
        ("connection", "close"),
    )
    assert response.header("server") == "nginx/1.22.1"
    assert response.header("via") is None
    assert not response.truncated


@pytest.mark.parametrize("name", ["nginx1.22-connect-400", "nginx1.22-tls-to-http"])
def test_nginx_refuses_with_a_page(name: str) -> None:
    response = reads(http.ResponseReader("GET"), load(f"http/{name}.s2c.hex"))
    assert (response.status, response.reason) == (400, "Bad Request")
    assert len(response.body) == 157
    assert response.body.startswith(b"<html>")
    assert response.body.endswith(b"</html>\r\n")


def test_nginx_is_no_proxy() -> None:
    response = reads(http.ResponseReader("CONNECT"), REFUSED)
    assert (response.status, len(response.body)) == (400, 157)


def test_nginx_wants_tls() -> None:
    assert reads(http.ResponseReader("HEAD"), load("http/nginx1.22-plain-to-https.s2c.hex")).status == 400


@pytest.mark.parametrize("name", names("http", "*.s2c.hex"))
def test_every_captured_answer_is_read(name: str) -> None:
    captured = load(name)
    method = "HEAD" if captured.endswith(b"\r\n\r\n") else "GET"
    response = reads(http.ResponseReader(method), captured)
    assert 200 <= response.status < 600
    assert (response.header("server") or "").startswith("nginx/1.22")
    assert not response.truncated


def test_a_tunnel_begins_after_the_head() -> None:
    tunnel = b"HTTP/1.0 200 Connection established\r\nVia: 1.1 squid\r\n\r\n"
    response = reads(http.ResponseReader("CONNECT"), tunnel, trailing=b"SSH-2.0-x\r\n")
    assert (response.status, response.version, response.body) == (200, "1.0", b"")


def test_chunks_are_put_together() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: v\r\n\r\n"
    assert reads(http.ResponseReader("GET"), chunked).body == b"abcde"


def test_an_answer_without_reason() -> None:
    assert reads(http.ResponseReader("HEAD"), b"HTTP/1.1 204\r\n\r\n").reason == ""


def test_provisional_answers_are_skipped() -> None:
    provisional = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    response = reads(http.ResponseReader("HEAD"), provisional * 8 + HEAD)
    assert response.status == 200
    with pytest.raises(WireError, match="more than 8 provisional"):
        http.ResponseReader("HEAD")(Buffer(provisional * 9 + HEAD))


def test_a_body_may_last_until_the_end() -> None:
    until_the_end = b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\nall of it"
    assert http.ResponseReader("GET")(Buffer(until_the_end)) is None
    buffer = at_the_end(until_the_end)
    response = http.ResponseReader("GET")(buffer)
    assert response is not None
    assert (response.body, response.truncated, len(buffer)) == (b"all of it", False, 0)


def test_the_end_may_come_after_the_last_byte_was_seen() -> None:
    reader = http.ResponseReader("GET")
    buffer = Buffer(b"HTTP/1.0 200 OK\r\n\r\nabc")
    assert reader(buffer) is None
    buffer.eof = True
    response = reader(buffer)
    assert response is not None
    assert response.body == b"abc"


@pytest.mark.parametrize("head", [b"Content-Length: 100", b"Transfer-Encoding: chunked"], ids=["counted", "chunked"])
def test_a_body_that_breaks_off_is_truncated(head: bytes) -> None:
    response = get(b"HTTP/1.1 401 Unauthorized\r\n" + head + b"\r\n\r\n3\r\n", eof=True)
    assert (response.status, response.truncated) == (401, True)
    assert response.cut_off in ("after 3 of 100 bytes", "before the last chunk")


def test_an_end_within_the_head_is_no_answer() -> None:
    assert http.ResponseReader("GET")(at_the_end(HEAD[:-1])) is None
    assert http.ResponseReader("GET")(at_the_end(b"")) is None


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 99999999999", b"X: until the end", b"Transfer-Encoding: chunked"]
)
def test_a_long_body_is_cut(framing: bytes) -> None:
    body = b"x" * 70000
    if b"chunked" in framing:
        body = b"%x\r\n%b\r\n" % (len(body), body)
    response = get(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n" + body)
    assert (response.truncated, response.cut_off) == (True, "")
    assert response.body == b"x" * http.MAX_BODY


def test_a_body_of_exactly_the_cap_is_whole() -> None:
    response = get(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", body_cap=10)
    assert (response.body, response.truncated) == (b"0123456789", False)


def test_the_longest_head() -> None:
    """65,536 bytes and 4,000 lines."""
    empty = b"HTTP/1.1 200 OK\r\nX: \r\n\r\n"
    longest = empty.replace(b"X: ", b"X: " + b"a" * (65_536 - len(empty)))
    assert get(longest, method="HEAD").status == 200
    with pytest.raises(OurLimit, match="too long"):
        http.ResponseReader("HEAD")(Buffer(longest.replace(b"X: ", b"X: a")))
    lines = b"HTTP/1.1 200 OK\r\n" + b"a:b\r\n" * 4000 + b"\r\n"
    assert len(get(lines, method="HEAD").headers) == 4000


@pytest.mark.parametrize(("status", "ends"), [(200, True), (299, True), (300, False), (502, False)])
def test_a_tunnel_is_opened_by_success(status: int, ends: bool) -> None:
    head = b"HTTP/1.1 %d x\r\nContent-Length: 2\r\n\r\n" % status
    assert get(head + b"ab", method="CONNECT").body == (b"" if ends else b"ab")


@pytest.mark.parametrize("length", [4, (1 << 63) - 1, 1 << 63, 10**29])
def test_less_than_the_length_is_cut_off_however_long_that_is(length: int) -> None:
    answer = get(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\nabc" % length, eof=True)
    assert (answer.body, answer.truncated, answer.cut_off) == (b"abc", True, f"after 3 of {length} bytes")


@pytest.mark.parametrize(
    ("chunks", "body", "truncated"),
    [
        (b"10\r\n0123456789abcdef\r\n0\r\n\r\n", b"0123456789abcdef", False),
        (b"0000000000000010\r\n0123456789abcdef\r\n0\r\n\r\n", b"0123456789abcdef", False),
        (b"8\r\n01234567\r\n8\r\n89abcdef\r\n1\r\n!\r\n0\r\n\r\n", b"0123456789abcdef", True),
        (b"11\r\n0123456789abcdef!\r\n0\r\n\r\n", b"0123456789abcdef", True),
        (b"1\r\na\r\n0\r\nT: v\r\n\r\n", b"a", False),
        (b"1\r\na\r\n0\r\nT: v", b"a", False),
        (b"1\r\na\r\n", b"a", True),
        (b"1\r\na\r", b"a", True),
        (b"1\r\na", b"a", True),
        (b"2\r\na", b"a", True),
        (b"2", b"", True),
    ],
)
def test_chunks_up_to_the_cap_of_16(chunks: bytes, body: bytes, truncated: bool) -> None:
    answer = get(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks, eof=True, body_cap=16)
    assert (answer.body, answer.truncated) == (body, truncated)
    by_us = len(body) == 16
    assert answer.cut_off == ("before the last chunk" if truncated and not by_us else "")


def test_chunks_are_read_up_to_twice_both_caps() -> None:
    """Trailers and extensions count: what fits is whole, and one byte more is cut."""
    head, end = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"\r\n0\r\n"
    room = 2 * (65_536 + 16)
    for more, truncated in ((0, False), (1, True)):
        extension = b"x" * (room - len(b"1;\r\na" + end) + more)
        answer = get(head + b"1;" + extension + b"\r\na" + end, eof=True, body_cap=16)
        assert (answer.body, answer.truncated) == (b"a", truncated)


def test_one_reader_reads_one_answer_after_the_other() -> None:
    reader = http.ResponseReader("HEAD")
    buffer = Buffer(HEAD + HEAD)
    assert reader(buffer) == reader(buffer)
    assert len(buffer) == 0


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"S", "does not start with HTTP/"),
        (load("ssh/openssh9.2-banner.s2c.hex"), "does not start with HTTP/"),
        (load("tls/openssl3.0-alert-protocol-version.s2c.hex"), "does not start with HTTP/"),
        (b"\r\n" + HEAD, "does not start with HTTP/"),
        (b"HTTP/3 200\r\n\r\n", "a status line that"),
        (b"HTTP/1.1 abc\r\n\r\n", "a status line that"),
        (b"HTTP/1.1 099 x\r\n\r\n", "a status line that"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "no colon"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "no single number"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "no single number"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "a chunk without its size"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 30 + b"\r\n", "a chunk without its size"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc", "longer than its size"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "another protocol"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70000, "too long"),
        (b"HTTP/1.1 200 OK\r\n" + b"a:b\r\n" * 4001, "more than 4000 lines"),
    ],
)
def test_what_is_no_response(data: bytes, complaint: str) -> None:
    with pytest.raises(WireError) as caught:
        http.ResponseReader("GET")(Buffer(data))
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    "drip",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 65000,
        b"HTTP/1.1 200 OK\r\n" + (b"a:" + b"b" * 61 + b"\r\n") * 990,
        b"HTTP/1.1 200 OK\r\nContent-Length: 65000\r\n\r\n" + b"a" * 64999,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 10800,
    ],
    ids=["one line", "many lines", "body", "chunks"],
)
def test_byte_by_byte_costs_no_more_than_in_proportion(drip: bytes) -> None:
    """65,000 calls: quadratic work would take minutes."""
    reader = http.ResponseReader("GET")
    buffer = Buffer()
    with computes_within(10):
        for position in range(len(drip)):
            buffer.feed(drip[position : position + 1])
            assert reader(buffer) is None


def test_the_lines_of_a_body_are_no_lines_of_the_head() -> None:
    answer = http.ResponseReader("GET")(Buffer(b"HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n" + b"\n" * 2000))
    assert answer is not None
    assert answer.body == b"\n" * 2000


def test_endless_tiny_chunks_are_cut() -> None:
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1;" + b"e" * 100 + b"\r\na\r\n"
    with computes_within(5):
        response = get(data + (b"1;" + b"e" * 100 + b"\r\na\r\n") * 10000)
        assert response.truncated
        assert 2000 < len(response.body) < 3000  # a quarter of a megabyte on the wire was enough


# --- challenges --------------------------------------------------------------------------------------------------


def asks(*values: str, name: str = "WWW-Authenticate") -> list[http.Challenge]:
    head = "".join(f"{name}: {value}\r\n" for value in values)
    return http.challenges(get(f"HTTP/1.1 401 No\r\n{head}\r\n".encode("latin-1"), method="HEAD"))


def test_several_fields() -> None:
    assert asks("Negotiate", "NTLM", 'Basic realm="a, b"') == [
        http.Challenge("Negotiate"),
        http.Challenge("NTLM"),
        http.Challenge("Basic", {"realm": "a, b"}),
    ]


def test_several_challenges_in_one_field() -> None:
    """The example of RFC 9110, 11.6.1, and what follows from it."""
    value = 'Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""'
    assert asks(value) == [
        http.Challenge("Basic", {"realm": "simple"}),
        http.Challenge("Newauth", {"realm": "apps", "type": "1", "title": 'Login to "apps"'}),
    ]
    assert [challenge.scheme for challenge in asks("Negotiate, NTLM , , Basic realm=x,")] == [
        "Negotiate",
        "NTLM",
        "Basic",
    ]


def test_a_token_is_no_parameter() -> None:
    assert asks("NTLM TlRMTVNTUAACAAAA==") == [http.Challenge("NTLM", {}, "TlRMTVNTUAACAAAA==")]
    assert asks('Negotiate YII=, Bearer authorization_uri = "https://x/y?a=b,c" , error="e"') == [
        http.Challenge("Negotiate", {}, "YII="),
        http.Challenge("Bearer", {"authorization_uri": "https://x/y?a=b,c", "error": "e"}),
    ]


@pytest.mark.parametrize(
    ("value", "realm"),
    [
        ('"', ""),  # never closed
        ('""', ""),
        ('"a', "a"),
        ('"a"', "a"),
        ('"a\\"', 'a"'),
        ('"\\a\\\\"', "a\\"),
        ("a", "a"),
    ],
)
def test_the_quotes_of_a_parameter(value: str, realm: str) -> None:
    assert asks(f"Basic realm={value}") == [http.Challenge("Basic", {"realm": realm})]


def test_the_first_of_two_parameters_counts() -> None:
    assert asks("Digest Realm=a, realm=b, X=c") == [http.Challenge("Digest", {"realm": "a", "x": "c"})]


def test_a_proxy_asks_too() -> None:
    assert asks('Basic realm="squid"', name="Proxy-Authenticate") == [
        http.Challenge("Basic", {"realm": "squid"}, proxy=True)
    ]


@pytest.mark.parametrize(
    ("value", "schemes"),
    [
        ("", []),
        (",,,", []),
        ('"', []),
        ('Digest realm="never closed, NTLM', ["Digest"]),
        ('Basic realm="a\\', ["Basic"]),
        ("Basic realm=a b", ["Basic"]),
        ("\xe9\xff, Basic", ["Basic"]),
        ("=x, NTLM", ["NTLM"]),
    ],
)
def test_broken_challenges_do_no_harm(value: str, schemes: list[str]) -> None:
    assert [challenge.scheme for challenge in asks(value)] == schemes


@given(st.text(st.characters(max_codepoint=255), max_size=300) | st.text('Basic realm="\\,= \t', max_size=300))
def test_challenges_never_raise(value: str) -> None:
    http.challenges(http.Response(401, "", "1.1", (("www-authenticate", value), ("proxy-authenticate", value))))


@pytest.mark.parametrize("value", ['"' * 60000, "\\" * 60000, '"\\' * 30000, "a=" * 30000, "a," * 30000, "a " * 30000])
def test_challenges_take_time_in_proportion(value: str) -> None:
    with computes_within(2):
        http.challenges(http.Response(401, "", "1.1", (("www-authenticate", "Basic " + value),)))


# --- pages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "page",
    [
        b'<form><input name="u"><input type="password" name="p"></form>',
        b"<FORM><INPUT NAME=p TYPE = 'Password'>",
        b"<input\n  id=p\n  type=password>",
    ],
)
def test_a_password_field_makes_a_login_form(page: bytes) -> None:
    assert http.is_login_form(page)


@pytest.mark.parametrize(
    "page", [b"", b'<input type="text"> type="password"', b"<p>type=password</p>", b"<inputs type=password>"]
)
def test_a_word_makes_none(page: bytes) -> None:
    assert not http.is_login_form(page)


@pytest.mark.parametrize("page", [b"<input " * 9000, b"<input" + b" type" * 12000, b"<input type" + b" " * 60000])
def test_looking_for_it_takes_time_in_proportion(page: bytes) -> None:
    with computes_within(2):
        assert not http.is_login_form(page)


def test_an_empty_page() -> None:
    assert http.is_empty(b" \r\n\t")
    assert not http.is_empty(b" x ")


# --- hostile peers -----------------------------------------------------------------------------------------------


@given(fuzz.hostile(*EVERYTHING), st.sampled_from(["HEAD", "GET", "CONNECT"]), st.booleans())
def test_nothing_but_wire_error_escapes(data: bytes, method: str, eof: bool) -> None:
    answer = survives(http.ResponseReader(method), data, eof=eof)
    if isinstance(answer, http.Response):
        http.challenges(answer)
        assert len(answer.body) <= http.MAX_BODY


@given(fuzz.mutations(*EVERYTHING), st.lists(st.integers(1, 200), max_size=20), st.booleans())
def test_in_parts_or_at_once_is_the_same(data: bytes, parts: list[int], eof: bool) -> None:
    """The reader keeps state between calls: the sizes in which the bytes arrive must not matter."""
    at_once = survives(http.ResponseReader("GET"), data, eof=eof)
    reader, buffer, rest = http.ResponseReader("GET"), Buffer(), data
    in_parts: http.Response | WireError | None = None
    try:
        for size in [*parts, len(data)]:
            buffer.feed(rest[:size])
            rest = rest[size:]
            buffer.eof = eof and not rest
            if (in_parts := reader(buffer)) is not None:
                break
    except WireError as error:
        in_parts = error
    assert type(in_parts) is type(at_once)
    if isinstance(at_once, http.Response):
        assert in_parts == at_once


@pytest.mark.parametrize(
    ("body", "leads_to"),
    [
        (b'<meta http-equiv="refresh" content="0; url=/start">', "/start"),
        (b"<META CONTENT='3;URL=https://sso.example/?a=b&c' HTTP-EQUIV=Refresh>", "https://sso.example/?a=b&c"),
        (b'<meta http-equiv="refresh" content="300">', None),
        (b'<p>http-equiv="refresh" url=/x</p>', None),
        (b"<meta " * 10_000, None),
        (b"<meta http-equiv=refresh content='0, /a'>", "/a"),
        (b"<meta http-equiv=refresh content='.5 url=\"/a b\" x'>", "/a b"),
        (b"<meta http-equiv=refresh content='0;url=/a?b&amp;c&copy=1'>", "/a?b&c&copy=1"),
        (b"<meta http-equiv=refresh content='60;url=/a'><meta http-equiv=refresh content='0;url=/b'>", "/a"),
        (b"<meta http-equiv=refresh content='61;url=/a'>", None),
        (b"<meta http-equiv=refresh content='0;url='>", None),
        (b"<meta http-equiv=refresh content='0;url=\" \"'>", None),
        (b"<meta http-equiv=refresh content='soon; url=/a'>", None),
        (b"<meta http-equiv=refresh content='0x; url=/a'>", None),
        (b"<meta http-equiv=refresh content=", None),
    ],
)
def test_where_a_page_sends_its_visitors(body: bytes, leads_to: str | None) -> None:
    assert http.refresh_of(body) == leads_to


@pytest.mark.parametrize(
    ("first", "is_one"),
    [
        ("000000040000000000", True),  # SETTINGS without any
        ("00001204000000000000030000008000040001000000050000ffff", True),  # nghttp2's
        ("0000080700000000000000000000000001", True),  # GOAWAY
        ("000007070000000000", False),
        ("004000070000000000", True),
        ("004001070000000000", False),
        ("003ffc040000000000", True),
        ("004002040000000000", False),
        ("000008060000000000", False),  # a PING, first
        ("000005040000000000", False),  # no settings are of five bytes
        ("000000040100000000", False),  # an ACK, first
        ("00000004000000", False),  # not whole yet
        ("ff0000040000000000", False),
    ],
)
def test_http2_is_told(first: str, is_one: bool) -> None:
    assert http.is_http2(bytes.fromhex(first)) == is_one


# --- the headlines of a page -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "title", "heading"),
    [
        (b"<title> Not &amp;\n found </title><h1>Page <b>not</b> found</h1>", "Not & found", "Page not found"),
        (b"<h3>three</h3><h2>two</h2><h1>one</h1>", "", "two"),
        (b"<h1></h1><h1><img src=x></h1><h2>words</h2>", "", "words"),
        (b"<h1>open<p>a text", "", "open"),
        (b"<h1>one<h2>two", "", "one"),
        (b"<svg><title>drawing</title></svg><title>page</title><title>more</title>", "page", ""),
        (b"<noscript><h1>no script</h1></noscript><template><h2>x</h2></template>", "", ""),
        (b"<title></title><title>second</title>", "second", ""),
        (b"<title>" + b"x" * 500 + b"</title><h1>" + b"y" * 500, "x" * 200, "y" * 199),
        (b"<p>a text", "", ""),
    ],
)
def test_the_headlines_of_a_page(page: bytes, title: str, heading: str) -> None:
    looked = http.look(page)
    assert (looked.title, looked.heading) == (title, heading)


@pytest.mark.parametrize(
    ("page", "text"),
    [
        (b"Unauthorized", "Unauthorized"),
        (b"<p>Access&nbsp;denied.<br>\n Go <a href=/>home</a>", "Access denied. Go home"),
        (b"<title>x</title><script>y</script><!-- z -->", ""),
        (b"caf\xc3\xa9 \xff", "caf\u00e9 \ufffd"),
    ],
)
def test_the_text_of_a_page(page: bytes, text: str) -> None:
    assert http.text_of(page) == text
