"""The text between a colon and an ``@`` may be a password, whatever characters it has."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanready.catalogue.wrong import Wrong
from scanready.redaction.userinfo import without_passwords
from scanready.run.registry import catalogue
from tests.cli.in_process import call


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
        ("as in TYPE://USER@HOST; write", "as in TYPE://USER@HOST; write"),
        ("as in `ssh://er@db7:22/x`.", "as in `ssh://er@db7:22/x`."),
        ("(postgresql://er@db7)", "(postgresql://er@db7)"),
        ("ssh://er@x:SECRET@db7", "ssh:***@db7"),
        ("er://SECRET/x@db7", "er:***@db7"),
        ("er://SECRET:x@db7", "er://SECRET:***@db7"),
        ("er://:SECRET@db7", "er://:***@db7"),
        ("ssh://er@db7,er:SECRET@db8", "ssh:***@db8"),
        ("jdbc:sqlserver://db;user=er;password=SECRET;x=y", "jdbc:sqlserver://db;user=er;password=***;x=y"),
        ("Server=db;Uid=er;Pwd = SECRET", "Server=db;Uid=er;Pwd = ***"),
        ("postgresql://db/hr?password=SECRET&x=y", "postgresql://db/hr?password=***&x=y"),
        ("td/DATABASE=x,PASSWORD=SECRET", "td/DATABASE=x,PASSWORD=***"),
        ("nopassword=yes", "nopassword=yes"),
    ],
)
def test_it_is_not_repeated(text: str, shown: str) -> None:
    assert without_passwords(text) == shown
    assert without_passwords(shown) == shown


#: The functions that take a message to the operator.
_TELL = ("Wrong", "Problem", "UsageError", "BadParameter", "Refused", "Unusable", "warn", "fail", "append")


def _own_messages() -> Iterator[str]:
    """Yield the texts of this package that an operator reads, with X for each value."""
    for path in sorted((Path(__file__).parents[2] / "verifiers").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or ast.unparse(node.func).rpartition(".")[2] not in _TELL:
                continue
            for text in (part for argument in node.args for part in ast.walk(argument)):
                match text:
                    case ast.Constant(str(plain)):
                        yield plain
                    case ast.JoinedStr(values=values):
                        yield "".join(str(one.value) if isinstance(one, ast.Constant) else "X" for one in values)
                    case _:
                        pass


def test_no_example_of_our_own_messages_is_taken_for_a_password() -> None:
    messages = list(_own_messages())
    assert any("TYPE://USER@HOST" in text for text in messages)
    assert [text for text in messages if without_passwords(text) != text] == []


WRONG: tuple[Any, ...] = (
    "",
    " ",
    "x y",
    [],
    {},
    None,
    -1,
    5,
    "-1",
    "a/b",
    "x:y",
    "\n",
    "../x",
    "user@",
    "@",
    ":",
    "/",
    "a" * 5000,
    ["a b"],
)


def test_no_example_of_an_option_is_taken_for_a_password() -> None:
    """The message of each option of each type is shown as it is written, for any wrong value."""
    told: list[str] = []
    for row in catalogue().built_in.values():
        for option in row.options:
            for value in WRONG:
                try:
                    option.read(option.name, value)
                except Wrong as wrong:
                    told += wrong.messages
    assert len(told) > 100
    assert [text for text in told if without_passwords(text) != text] == []


def test_a_command_shows_the_example() -> None:
    done = call("check", "svc@db7")
    assert done.exit_code == 2
    assert "a user name needs a type before it, as in TYPE://USER@HOST; write" in done.output
