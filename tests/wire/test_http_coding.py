"""Content codings against the request for identity: the known ones are undone, within bounds."""

from __future__ import annotations

import gzip
import random
import tracemalloc
import zlib

import pytest

from scanready.wire import Buffer, http
from scanready.wire.http.coding import Plain
from tests.pace import computes_within

PAGE = b"<!doctype html><title>Intranet</title><p>Ada Lovelace"


def zipped(data: bytes) -> bytes:
    """Compress without the time of day, which the name of a test would have."""
    return gzip.compress(data, mtime=0)


def raw(data: bytes) -> bytes:
    machine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return machine.compress(data) + machine.flush()


@pytest.mark.parametrize(
    ("declared", "body"),
    [
        (["gzip"], zipped(PAGE)),
        (["X-GZIP"], zipped(PAGE)),
        (["deflate"], zlib.compress(PAGE)),
        (["deflate"], raw(PAGE)),
        (["deflate, gzip"], zipped(zlib.compress(PAGE))),
        (["gzip", "gzip"], zipped(zipped(PAGE))),
        (["gzip"], zipped(PAGE[:20]) + zipped(PAGE[20:])),
        (["gzip"], zipped(PAGE) + b"\0\0padding"),
        (["identity"], PAGE),
        (["none"], PAGE),
        (["utf-8"], PAGE),
        ([""], PAGE),
    ],
)
def test_a_body_becomes_plain(declared: list[str], body: bytes) -> None:
    plain = http.undo(declared, body)
    assert (plain.body, plain.truncated, plain.coded) == (PAGE, False, "")


def test_four_codings_and_sixty_four_parts_are_undone() -> None:
    body = PAGE
    for _ in range(4):
        body = zipped(body)
    assert http.undo(["gzip, gzip", "gzip, gzip"], body) == Plain(PAGE, truncated=False)
    assert http.undo(["gzip"], zipped(b"x") * 64) == Plain(b"x" * 64, truncated=False)
    assert "in more parts" in http.undo(["gzip"], zipped(b"x") * 65).coded


def test_what_is_not_there_needs_no_undoing() -> None:
    assert http.undo(["gzip"], b"") == Plain(b"", truncated=False)
    assert http.undo(["gzip"], b"", truncated=True) == Plain(b"", truncated=True)
    assert http.undo([], PAGE, truncated=True) == Plain(PAGE, truncated=True)


def test_the_cap_counts_all_parts() -> None:
    parts = zipped(b"a" * 40) + zipped(b"b" * 40)
    assert http.undo(["gzip"], parts, 79) == Plain(b"a" * 40 + b"b" * 39, truncated=True)
    assert http.undo(["gzip"], parts, 80) == Plain(b"a" * 40 + b"b" * 40, truncated=False)
    assert http.undo(["gzip"], parts, 40) == Plain(b"a" * 40, truncated=True)
    assert http.undo(["gzip"], parts, 39) == Plain(b"a" * 39, truncated=True)
    assert http.undo(["deflate"], zlib.compress(PAGE), len(PAGE)) == Plain(PAGE, truncated=False)
    assert http.undo(["deflate"], zlib.compress(PAGE), len(PAGE) - 1) == Plain(PAGE[:-1], truncated=True)


def test_each_part_may_look_back_as_far_as_gzip_can() -> None:
    far = random.Random(1).randbytes(30_000)
    parts = zipped(b"x") + zipped(far + far[:1000])
    assert len(parts) < 30_500
    assert http.undo(["gzip"], parts) == Plain(b"x" + far + far[:1000], truncated=False)


def test_a_text_may_grow_two_hundred_times() -> None:
    """43 bytes of gzip, which hold 8,601 zeros or one more; what follows them and was not used does not count."""
    less = bytes.fromhex("1f8b0800000000000203edc13101000000c2a0f54f6d0a3fa00000000000000000b818834c3a0e99210000")
    more = bytes.fromhex("1f8b0800000000000203edc13101000000c2a0f54f6d0a3fa00000000000000000f8185b07bda69a210000")
    assert (len(less), len(more)) == (43, 43)
    assert http.undo(["gzip"], less, 8601) == Plain(bytes(8601), truncated=False)
    assert http.undo(["gzip"], less, 8600) == Plain(bytes(8600), truncated=True)
    for rest in (b"", b"x" * 500):
        grown = http.undo(["gzip"], more + rest, 8601)
        assert (grown.coded, grown.truncated) == ("gzip, and 43 bytes of it grow to more than 8601", False)


def test_an_answer_is_decoded_with_all_that_it_declares() -> None:
    headers = (("content-encoding", "deflate"), ("transfer-encoding", "gzip, chunked"))
    answer = http.Response(200, "OK", "1.1", headers, zipped(zlib.compress(PAGE)))
    assert http.decoded(answer) == http.Response(200, "OK", "1.1", headers, PAGE)
    once = http.Response(200, "OK", "1.1", headers[:1], zlib.compress(PAGE))
    assert http.decoded(once, 9) == http.Response(200, "OK", "1.1", headers[:1], PAGE[:9], truncated=True)
    coded = (("content-encoding", "br"),)
    cut = http.Response(200, "OK", "1.1", coded, b"x", truncated=True)
    assert http.decoded(cut) == http.Response(
        *(200, "OK", "1.1", coded, b"x"), truncated=True, coded="br, which this check cannot undo"
    )


@pytest.mark.parametrize(
    ("declared", "body", "why"),
    [
        ("gzip", zlib.compress(PAGE), "which it is not"),
        ("br", b"\x0b\x02\x80hello\x03", "br, which this check cannot undo"),
        ("zstd", b"\x28\xb5\x2f\xfd", "zstd, which this check cannot undo"),
        ("gzip, br", b"\x0b\x02\x80hello\x03", "br, which this check cannot undo"),
        ("br, gzip", zipped(b"\x0b\x02\x80hello\x03"), "br, which this check cannot undo"),
        ("gzip", PAGE, "which it is not"),
        ("deflate", PAGE, "which it is not"),
        ("gzip", zipped(PAGE)[:-8] + bytes(8), "damaged"),
        ("gzip, gzip, gzip, gzip, gzip", zipped(PAGE), "5 codings"),
        ("gzip", zipped(b"") * 3000, "more parts"),
        ("gzip", zipped(bytes(10_000_000)), "grow to more"),
        ("deflate", raw(bytes(10_000_000)), "grow to more"),
        ("gzip, gzip", zipped(zipped(bytes(9_000_000))), "grow to more"),
    ],
)
def test_what_stays_encoded_says_why(declared: str, body: bytes, why: str) -> None:
    assert why in http.undo([declared], body[: http.MAX_BODY]).coded


def test_a_body_that_was_cut_is_read_as_far_as_it_came() -> None:
    body = zipped(PAGE * 3)
    plain = http.undo(["gzip"], body[:-9], truncated=True)
    assert plain.body.startswith(PAGE[:20])
    assert (plain.truncated, plain.coded) == (True, "")
    assert http.undo(["gzip"], body[:-9]).truncated


def test_a_long_page_ends_at_the_cap() -> None:
    lines = b"".join(b"<tr><td>%d<td>%d" % (number, number * 7919 % 10007) for number in range(20_000))
    plain = http.undo(["gzip"], zipped(lines)[: http.MAX_BODY])
    assert (plain.body, plain.truncated, plain.coded) == (lines[: http.MAX_BODY], True, "")


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_a_bomb_costs_no_time_and_no_memory(layers: int) -> None:
    body = bytes(50_000_000)
    for _ in range(layers):
        body = zipped(body)
    data = b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\n\r\n%b" % (b", ".join([b"gzip"] * layers), body)
    buffer = Buffer(data[:200_000])
    buffer.eof = True
    answer = http.ResponseReader("GET")(buffer)
    assert answer is not None
    tracemalloc.start()
    with computes_within(0.05):
        plain = http.decoded(answer)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert plain.coded
    assert peak < 1_000_000


# --- what a scan reads of a page ---------------------------------------------------------------------------------


def test_text_is_what_a_visitor_reads() -> None:
    page = (
        b"<title>no</title><p>yes<!-- no <b>no --><script>if (a<b) location.href = '/x'; '<p>no'</script>"
        b"<style>p{}</style><noscript>no</noscript><form>yes</form> <a href=/y>yes</a>"
    )
    assert http.look(page) == http.Look(text=9, beside=6, links=1, scripted=True, script_leads_to="/x")


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (b"", http.Look(0, 0, 0, scripted=False)),
        (b"a b\n c", http.Look(3, 3, 0, scripted=False)),
        (b"<p>ab</p>cd", http.Look(4, 4, 0, scripted=False)),
        (b"1<2 and 3", http.Look(6, 6, 0, scripted=False)),  # no tag
        (b"<form>ab<input></form>cd", http.Look(4, 2, 0, scripted=False)),
        (b"<form>ab<p>cd</form>ef", http.Look(6, 2, 0, scripted=False)),
        (b"x<FORM>ab", http.Look(3, 1, 0, scripted=False)),
        (b"<a href=x>ab</a><area><frame><iframe></iframe><object><embed>", http.Look(2, 2, 6, scripted=False)),
        (b"<!-- <a>no -->yes", http.Look(3, 3, 0, scripted=False)),
        (b"<!-- no -->yes", http.Look(3, 3, 0, scripted=False)),
        (b"<!-- no <p> no", http.Look(0, 0, 0, scripted=False)),
        (b"<!--<script>-->x<p>y", http.Look(2, 2, 0, scripted=False)),
        (b"<script>no<p>no</script>yes", http.Look(3, 3, 0, scripted=True)),
        (b"<STYLE>no<a></style><a>", http.Look(0, 0, 1, scripted=False)),
        (b"<title>n</title><textarea>n</textarea><svg>n</svg>", http.Look(0, 0, 0, scripted=False)),
        (b"<template>n</template><noscript>n</noscript>x", http.Look(1, 1, 0, scripted=False)),
        (b"<script>location.replace('/y')</script>", http.Look(0, 0, 0, scripted=True, script_leads_to="/y")),
        (b'<script>location.assign( "/\xe9")', http.Look(0, 0, 0, scripted=True, script_leads_to="/\xe9")),
        (b"<p>location='/y'", http.Look(13, 13, 0, scripted=False)),
        (b"<p>x" * 12_001, http.Look(12_000, 12_000, 0, scripted=False)),
    ],
)
def test_each_piece_of_a_page_counts_as_it_is_read(page: bytes, expected: http.Look) -> None:
    assert http.look(page) == expected


@pytest.mark.parametrize(
    "page",
    [
        b"<" * 65536,
        b"<a" * 32768,
        b"<!--" * 16384,
        b"<script>" * 8192,
        b"location='" * 6500,
        b"location" + b" " * 65000,
    ],
)
def test_looking_takes_time_in_proportion(page: bytes) -> None:
    with computes_within(0.1):
        http.look(page)
        http.look(page + b"<script>")


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (b"<input type=password>", http.Look(0, 0, 0, scripted=False, password=True)),
        (b"<input type=password type=text>", http.Look(0, 0, 0, scripted=False, password=True)),
        (b"<input type=text type=password>", http.Look(0, 0, 0, scripted=False)),
        (b"<input a=\"'\" b='>' type=password", http.Look(0, 0, 0, scripted=False, password=True)),
        (b"<p a='<input type=password>'>x", http.Look(1, 1, 0, scripted=False)),
        (b"<p don't>x<p can't>y", http.Look(2, 2, 0, scripted=False)),
        (b'<p a="never closed>x<input type=password>', http.Look(0, 0, 0, scripted=False)),
        (b"<!--><p>x", http.Look(1, 1, 0, scripted=False)),
        (b"<!doctype html><?xml?>x<!never closed", http.Look(1, 1, 0, scripted=False)),
        (b"<title>never closed<input type=password>", http.Look(0, 0, 0, scripted=False)),
        (b"<textarea></textareas></TEXTAREA x>y", http.Look(1, 1, 0, scripted=False)),
        (b"<svg><title>no</title>no</svg>yes", http.Look(3, 3, 0, scripted=False)),
        (b"a&nbsp;b&amp;c&nothing;d\xc2\xa0\xe2\x80\x8b", http.Look(14, 14, 0, scripted=False)),
        (b"<form action=/x onsubmit='submit()'>", http.Look(0, 0, 0, scripted=False)),
        (b"<form action=/x><form action=/y><script>f.submit()</script>", http.Look(0, 0, 0, True, posts_to="/x")),
        (b"<base href=/b/>x", http.Look(1, 1, 0, scripted=False, base="/b/")),
        (b"<form><input name=wresult>", http.Look(0, 0, 0, scripted=False, posts_to="")),
        (b"<script>f.submit()</script>", http.Look(0, 0, 0, scripted=True)),
        (b"<body onload='f.submit ()'><form action=/x>", http.Look(0, 0, 0, scripted=False, posts_to="/x")),
        (b"<p onclick='location=\"/x\"'>", http.Look(0, 0, 0, scripted=False)),
        (b"<body onpageshow=\"location='/x'\">", http.Look(0, 0, 0, scripted=True, script_leads_to="/x")),
    ],
)
def test_tags_are_told_as_a_browser_tells_them(page: bytes, expected: http.Look) -> None:
    assert http.look(page) == expected


def test_links_and_frames_are_listed() -> None:
    page = b"<a href=' /a '><a name=x><area href=/b><form><a href=/no></form><iframe src=/c></iframe><frame>"
    found = http.look(page + b"<object data=/d></object><embed src=/e><noscript><a href=/no></noscript><img><svg>")
    assert (found.hrefs, found.frames, found.shows) == (("/a", "/b"), ("/c", "/d", "/e"), 2)
    assert not found.empty


def test_the_first_base_counts() -> None:
    page = b"<base target=x><base href=' //a/ '><base href=//b/><noscript><base href=//c/></noscript>"
    assert (http.look(page).base, http.look(b"<base href=''>").base) == ("//a/", None)


@pytest.mark.parametrize("page", [b"", b"<title>x</title>", b"<body>&nbsp;</body>", b"<form></form>"])
def test_an_empty_page_has_nothing(page: bytes) -> None:
    assert http.look(page).empty


@pytest.mark.parametrize("page", [b"x", b"<img>", b"<a>", b"<script>", b"<input type=password>"])
def test_what_a_page_has_makes_it_more(page: bytes) -> None:
    assert not http.look(page).empty


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        (b"\xff\xfea\0", None, b"a"),
        (b"\xfe\xff\0a", "text/html", b"a"),
        (b"a\0", "text/html; charset=UTF-16", b"a"),
        (b"\0a", "text/html; charset='utf-16be'", b"a"),
        (b"a\0", "text/html; charset=utf-16le", b"a"),
        (b"\xff\xfea\0b", None, "a\ufffd".encode()),
        (b"\xef\xbb\xbfa", "text/html; charset=utf-8", b"a"),
        (b"a\0", "text/html; charset=utf-160", b"a\0"),
    ],
)
def test_utf_16_is_read(body: bytes, kind: str | None, text: bytes) -> None:
    assert http.readable(body, kind) == text


@pytest.mark.parametrize(
    "page",
    [
        b"<a " * 21845,
        b"<a b='" * 10922,
        b"<p a=b>" * 9362,
        b"<p " + b"= " * 32000,
        b"<p a" + b" " * 65000,
        b"<meta http-equiv=refresh content='0" + b" " * 65000,
        b"&amp" * 16384,
        b"&#38;" * 13107,
        b"</title" * 9362,
        b"<title>" + b"</titl" * 10922,
    ],
)
def test_tags_take_time_in_proportion(page: bytes) -> None:
    """A second look at what was passed would take minutes."""
    with computes_within(2):
        http.look(page)
