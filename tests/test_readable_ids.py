"""Names of parametrised cases: words in place of raw bytes, and a refusal of the names that are not."""

from __future__ import annotations

import pytest

from tests.readable_ids import LONGEST, readable, unreadable


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n", "HTTP/1.1-400-Bad-Request"),
        (b"\x07\x00\x00\x02\x00\x00\x00\x02", "8-bytes-070000020000"),
        (b"\x00\x00\x00\x29\xff\x04too many connections", "too-many-connections"),
        (b"", "no-bytes"),
        ("", "empty"),
        ("db7.corp", None),
        ("LAB\\scanuser", "LAB-scanuser"),
        ("b\u00fccher.invalid", "bucher.invalid"),
        ("\u0416", "cyrillic-capital-letter-zhe"),
        ("a\0b\r\n", "a-nul-b"),
        ("\x1b[2J", "escape-[2J"),
        ("\n\n", "2-characters"),
        ("a sentence that goes on and on and does not end", "a-sentence-that-goes-on-and-on"),
        ("x" * 200, "x" * 32),
        (7, None),
    ],
)
def test_values_become_words(value: object, name: str | None) -> None:
    assert readable(value) == name
    assert name is None or name.isascii()


def test_names_of_no_words_are_refused() -> None:
    good, escaped, long = "t.py::test_it[SSH-2.0]", "t.py::test_it[\\x00]", f"t.py::test_it[{'x' * (LONGEST + 1)}]"
    assert unreadable([good, escaped, "t.py::test_it", long]) == [escaped, long]
