"""The traceback of an exception that no verifier translated: bounded, printable, and without secrets."""

from __future__ import annotations

import pytest

from scanready.climb.trace import secrets_of, trace_of
from scanready.model import Credential
from scanready.redaction import Redactor, redacting

ACCOUNT = Credential("c", "scan", "pa'ss\nwörd", key_passphrase="key\\phrase")


def deep(depth: int, text: str) -> None:
    if depth:
        deep(depth - 1, text)
    raise LookupError(text)


def caught(text: str = "oops", depth: int = 0) -> BaseException:
    with pytest.raises(LookupError) as raised:
        deep(depth, text)
    return raised.value


def test_it_has_file_line_and_source() -> None:
    trace = trace_of(caught())
    assert __file__ in trace
    assert "raise LookupError(text)" in trace
    assert trace.splitlines()[-1] == "LookupError: oops"


def test_causes_are_part_of_it() -> None:
    with pytest.raises(ValueError, match="later") as raised:
        raise ValueError("later") from caught("earlier")
    trace = trace_of(raised.value)
    assert trace.index("LookupError: earlier") < trace.index("direct cause") < trace.index("ValueError: later")


@pytest.mark.parametrize(("text", "depth"), [("x" * 100_000, 0), ("line\n" * 1000, 0), ("deep", 500)])
def test_it_is_bounded_and_ends_with_the_error(text: str, depth: int) -> None:
    error = caught(text, depth)
    trace = trace_of(error)
    assert len(trace) <= 4096
    assert len(trace.splitlines()) <= 40
    assert trace.endswith(text.rstrip("\n")[-50:].splitlines()[-1])


def test_hostile_text_is_escaped() -> None:
    trace = trace_of(caught("\x1b]0;owned\x07 \u202etxt \x9b31m"))
    assert "LookupError: \\x1b]0;owned\\x07 \\u202etxt \\x9b31m" in trace
    assert all(line.isprintable() for line in trace.split("\n"))


@pytest.mark.parametrize("form", [str, repr, ascii, lambda secret: repr(secret.encode()), lambda s: s.encode().hex()])
@pytest.mark.parametrize("secret", [ACCOUNT.password, ACCOUNT.key_passphrase])
def test_no_form_of_a_secret_is_in_it(form: object, secret: str) -> None:
    text = form(secret)  # type: ignore[operator]  # one of the above
    trace = trace_of(caught(f"cannot use {text} here"), secrets_of(ACCOUNT))
    assert "cannot use" in trace
    assert "***" in trace
    assert "here" in trace
    assert not any(word in trace for word in ("pa'ss", "pa\\'ss", "phrase", secret.encode().hex()))


def test_values_of_variables_are_not_in_it() -> None:
    hidden = "".join(("sec", "ret-of-a-variable"))
    assert hidden not in trace_of(caught())


def test_a_word_of_ours_hides_the_text_and_no_source_line() -> None:
    """A hole in a sentence, or in our source, would tell which word it is."""
    trace = trace_of(caught("the deep password is wrong"), ("deep",))
    assert trace.endswith("LookupError: (withheld: it contains a credential)")
    assert "deep(depth - 1, text)" in trace_of(caught("x", 2), ("deep",))


def test_the_target_at_hand_decides_without_secrets() -> None:
    with redacting(Redactor(secrets_of(ACCOUNT))):
        assert "key" not in trace_of(caught(f"no {ACCOUNT.key_passphrase}!")).splitlines()[-1]
    with pytest.raises(LookupError) as raised:
        raise LookupError("a") from LookupError(f"of {ACCOUNT.key_passphrase}!")
    assert "LookupError: of ***!" in trace_of(raised.value, secrets_of(ACCOUNT))
