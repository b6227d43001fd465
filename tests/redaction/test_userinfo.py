"""The text between a colon and an ``@`` may be a password, whatever characters it has."""

from __future__ import annotations

import pytest

from scanready.redaction.userinfo import without_passwords


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("h:SECRET@x", "h:***@x"),
        ("imap://er:SECRET@mail:143", "imap://er:***@mail:143"),
        ("line 3: `er:S@C:R/T@db` is no host", "line 3: `er:***@db` is no host"),
        ("http://er:a@b@proxy:3128/path", "http://er:***@proxy:3128/path"),
        (":SECRET@x", ":***@x"),
        ("h:SECRET@", "h:***@"),
        ("er@db:5432", "er@db:5432"),
        ("[fe80::1]:22", "[fe80::1]:22"),
        ("no password here: nothing", "no password here: nothing"),
        ("a: b@c", "a: b@c"),
    ],
)
def test_it_is_not_repeated(text: str, shown: str) -> None:
    assert without_passwords(text) == shown
    assert without_passwords(shown) == shown
