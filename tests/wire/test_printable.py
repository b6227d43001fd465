from __future__ import annotations

import pytest

from scanready.redaction import WITHHELD, Redactor, redacting
from scanready.wire import printable as shown


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        ("x" * 424, 400, "x" * 424),  # a note would be as long as what it stands for
        ("x" * 425, 400, "x" * 400 + "... (25 more characters)"),
        ("\x1b[2J" * 10, 4, "\\x1b[2J... (36 more characters)"),
        (
            "a\u202eb\x7f\xff\u0100\uffff\U0001f600\U000e0001",
            400,
            "a\\u202eb\\x7f\xff\u0100\\uffff\U0001f600\\U000e0001",
        ),
        ("\xad\xff", 400, "\\xad\xff"),
        ("::error::x", 400, ": :error::x"),
    ],
)
def test_one_line_is_cut_and_escaped(text: str, most: int, expected: str) -> None:
    assert shown.visible(text, most) == expected
    assert shown.visible("x" * 425) == shown.visible("x" * 425, shown.MOST) == "x" * 400 + "... (25 more characters)"


def test_lines_stay_lines() -> None:
    assert shown.visible_lines("\r\na\tb\r\n\x07\n\n") == ["a   b", "\\x07"]
    assert shown.visible_lines("\n".join("x" * 40), 4)[-1] == "x"
    assert shown.visible_lines("\n".join("x" * 41))[-1] == "... (1 more lines)"
    assert len(shown.visible_lines("\n".join("x" * 41))) == 41
    assert shown.visible_lines("y" * 30, 5) == ["y" * 5 + "... (25 more characters)"]


def test_evidence_is_one_line_without_secrets() -> None:
    assert shown.printable(" a \t\r\n b\x1b\u202e ") == "a b\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"
    assert (len(shown.printable("x" * 2000)), shown.printable("abc def", 5)) == (1000, "abc d")
    assert shown.printable(" " * 3999 + "x" * 9) == "x", "4,000 characters are read"
    secret = "S3cr3t-" + "k" * 33
    with redacting(Redactor([secret])):
        assert secret[:9] not in shown.printable("x" * 4 * 90 + secret * 40, 90)
        assert shown.printable(f"it is {secret}!") == "it is ***!"
        assert shown.printable(" " * 386 + secret, 99) == "***", "a secret that the cut would halve is recognised"
    with redacting(Redactor(["word"])):
        assert shown.printable("a word", 9) == WITHHELD
    assert shown.quoted(b"\x16\x03") == "b'\\x16\\x03'"
    assert shown.quoted(None) == "None"


def test_collapsed_and_words() -> None:
    assert shown.collapsed("  a\n\n b\x00c  ") == "a b\N{REPLACEMENT CHARACTER}c"
    assert shown.collapsed("a" * 9) == "a" * 9
    assert shown.collapsed(" " * 16 + "ab", 4) == "", "four times as many characters are read"
    assert shown.collapsed(" " * 15 + "ab", 4) == "a"
    assert shown.words_of("\x00ORA\xff\x00-1\x01 2 ") == "ORA\xff -1 2"
    assert shown.escaped("plain") == "plain"
