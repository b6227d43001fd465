"""A secret that is cut over pieces is masked in all of them; the pieces leave whole and in order."""

from __future__ import annotations

import base64
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanready.redaction import Redactor
from scanready.redaction.pieces import Pieces

SECRET = "tr0ub4dor&3"
TEXT = f"LOGIN er {SECRET} and {base64.b64encode(('er:' + SECRET).encode()).decode()} end".encode()


class Talk:
    def __init__(self, *secrets: str) -> None:
        self.left: list[tuple[str, str, bytes]] = []
        self.pieces = Pieces(Redactor(secrets), lambda *piece: self.left.append(piece))

    def bytes_of(self, direction: str) -> bytes:
        return b"".join(data for way, _, data in self.left if way == direction)


def cut(data: bytes, *places: int) -> list[bytes]:
    edges = [0, *sorted(places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@given(places=st.lists(st.integers(0, len(TEXT)), max_size=4), other=st.booleans())
@settings(deadline=None, max_examples=200)
def test_however_it_is_cut(places: list[int], other: bool) -> None:
    talk = Talk(SECRET)
    pieces = cut(TEXT, *places)
    for piece in pieces:
        talk.pieces.take("received", piece, "now")
        if other:
            talk.pieces.take("sent", b"something else", "then")
    talk.pieces.flush()
    shown = talk.bytes_of("received")
    assert [data for way, _, data in talk.left if way == "received"] != [], "nothing is lost"
    assert [len(data) for way, _, data in talk.left if way == "received"] == [len(piece) for piece in pieces]
    assert len(shown) == len(TEXT)
    start = TEXT.index(SECRET.encode())
    assert shown[start : start + len(SECRET)].strip(b"*") == b""
    assert SECRET.encode()[:6] not in base64.b64decode(shown[-24:-4].replace(b"*", b"A"), validate=False)


def test_what_cannot_go_on_leaves_at_once() -> None:
    talk = Talk(SECRET)
    talk.pieces.take("sent", b"hello world", "1")
    assert talk.left == [("sent", "1", b"hello world")]


def test_what_may_go_on_waits_and_keeps_its_place() -> None:
    talk = Talk(SECRET)
    talk.pieces.take("sent", b"hello tr0", "1")
    talk.pieces.take("received", b"go on", "2")
    assert talk.left == []
    talk.pieces.take("sent", b"ub4dor&3!", "3")
    assert talk.left == [("sent", "1", b"hello ***"), ("received", "2", b"go on"), ("sent", "3", b"********!")]


def test_waiting_is_bounded() -> None:
    talk = Talk(SECRET)
    talk.pieces.take("sent", b"tr0", "1")
    for number in range(100):
        talk.pieces.take("received", b"x" * 1000, str(number))
    assert len(talk.left) > 30


@pytest.mark.parametrize("secret", ["ab", "x", "pw12", "password"])
def test_a_word_takes_its_line_with_it(secret: str) -> None:
    """A hole in a line would tell the word."""
    talk = Talk(secret)
    talk.pieces.take("received", f"first\r\nthe {secret} fails\r\nlast \0\1\2".encode())
    talk.pieces.flush()
    masked = b"*" * len(f"the {secret} fails")
    assert talk.bytes_of("received") == b"first\r\n" + masked + b"\r\nlast \0\1\2"


@pytest.mark.parametrize("secret", ["ab", "x", "pw12"])
def test_short_secrets_in_pieces(secret: str) -> None:
    talk = Talk(secret)
    for octet in f"\1{secret}\2".encode():
        talk.pieces.take("sent", bytes([octet]))
    talk.pieces.flush()
    assert talk.bytes_of("sent") == b"\1" + b"*" * len(secret) + b"\2"
