"""A secret is masked in every form and place; our own words, public words and catalogue texts stay as they are."""

from __future__ import annotations

import base64
import datetime
import gc
import html
import json
import pickle
import string
import time
import unicodedata
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanready.redaction import HIDDEN, NOTHING, WITHHELD, Redactor, current, redacting, vocabulary
from scanready.redaction.elsewhere import Elsewhere
from scanready.redaction.workflow import harmless_json
from scanready.run.registry import all_causes
from tests.pace import computes_within

SECRET = "tr0ub4dor&3"


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


#: Ways to write a secret.
FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "upper case": str.upper,
    "repr": lambda text: repr(text)[1:-1],
    "ascii": lambda text: ascii(text)[1:-1],
    "bytes": lambda text: repr(_raw(text))[2:-1],
    "json": lambda text: json.dumps(text)[1:-1],
    "sql": lambda text: text.replace("'", "''"),
    "odbc": lambda text: text.replace("}", "}}"),
    "shell": lambda text: text.replace("'", "'\\''"),
    "html": lambda text: html.escape(text),
    "html numbers": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "percent": lambda text: quote(_raw(text), safe=""),
    "form": lambda text: quote_plus(_raw(text)),
    "percent everywhere": lambda text: "".join(f"%{octet:02x}" for octet in _raw(text)),
    "percent twice": lambda text: quote(quote(_raw(text), safe=""), safe=""),
    "quoted-printable": lambda text: "".join(f"={octet:02X}" for octet in _raw(text)),
    "ldap": lambda text: "".join(f"\\{octet:02x}" for octet in _raw(text)),
    "octal": lambda text: "".join(f"\\{octet:03o}" for octet in _raw(text)),
    "utf-16 escapes": lambda text: "".join(f"\\u{unit:04x}" for unit in memoryview(_wide(text)).cast("H")),
    "hex": lambda text: _raw(text).hex(),
    "HEX": lambda text: _raw(text).hex().upper(),
    "hex with spaces": lambda text: _raw(text).hex(" "),
    "hex with colons": lambda text: _raw(text).hex(":"),
    "C array": lambda text: ", ".join(f"0x{octet:02x}" for octet in _raw(text)),
    "numbers": lambda text: str(list(_raw(text))),
    "wide hex": lambda text: _wide(text).hex(),
    "wide": lambda text: _wide(text).decode("latin-1"),
    "wide big-endian": lambda text: text.encode("utf-16-be", "surrogatepass").decode("latin-1"),
    "wide, as a bytes literal": lambda text: repr(_wide(text)),
    "mojibake": lambda text: _raw(text).decode("latin-1"),
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "base64 of utf-16": lambda text: base64.b64encode(_wide(text)).decode(),
    "base64 in lines": lambda text: base64.encodebytes(b"x" * 52 + _raw(text)).decode(),
}
for shift in range(3):
    FORMS[f"base64 from {shift}"] = lambda text, shift=shift: base64.b64encode(  # type: ignore[misc]
        b"x" * shift + _raw(text) + b"yz"
    ).decode()
    FORMS[f"base64url from {shift}"] = lambda text, shift=shift: base64.urlsafe_b64encode(  # type: ignore[misc]
        b"\xff" * shift + b"er:" + _raw(text)
    ).decode()


def _wide(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


#: A secret that is cut out, since it is no word: long enough, with a digit and a sign. A pair of spaces is collapsed by
#: outputs; a trailing backslash or half of a pair of quotes merges with its neighbours.
CHARS = st.characters(
    codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp", "Cn", "Co"), exclude_characters="\\"
)
SECRETS = st.text(CHARS, min_size=6, max_size=24).map(lambda text: f"{text}7!q").filter(lambda text: not text.isdigit())
WORDS = st.text(string.ascii_lowercase + " ", max_size=40)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "secret", [SECRET, "pa'ss\"wörd}8", "mot de p4sse", "пароль-1", "密码密码密码9", "Ünïcode ÄÖ=7"]
)
def test_no_form_survives(form: str, secret: str) -> None:
    written = FORMS[form](secret)
    text = f"login failed for [{written}] on this host"
    redactor = Redactor([secret])
    for mask in (redactor.peer, redactor.composed):
        shown = mask(text)
        assert written not in shown
        assert HIDDEN in shown
        assert shown.startswith("login failed for [")
        assert shown.endswith("] on this host")
        assert mask(shown) == shown


@given(secret=SECRETS, form=st.sampled_from(sorted(FORMS)), before=WORDS, after=WORDS)
@settings(deadline=None, max_examples=300)
def test_no_form_of_any_secret_survives_anywhere(secret: str, form: str, before: str, after: str) -> None:
    written = FORMS[form](secret)
    redactor = Redactor([secret])
    shown = redactor.peer(f"{before} [{written}] {after}")
    assert written not in shown
    assert redactor.peer(shown) == shown
    assert HIDDEN in shown or shown == WITHHELD


@pytest.mark.parametrize("at", range(6, 11))
def test_a_half_at_the_edge_is_masked(at: int) -> None:
    """It may have been cut there, by the peer or by a limit of ours, and the rest may be elsewhere."""
    redactor = Redactor([SECRET])
    assert redactor.peer(f"the password {SECRET[:at]}") == f"the password {HIDDEN}"
    assert redactor.peer(f"{SECRET[-at:]} is wrong") == f"{HIDDEN} is wrong"
    assert redactor.peer(f"in the middle {SECRET[:at]} of it") == f"in the middle {SECRET[:at]} of it"


@pytest.mark.parametrize("secret", ["password", "pw", "Login", "a", "28P01", "scram-sha-256", "oracle", "xylophonist"])
def test_a_secret_that_is_a_word_is_not_recognisable_by_a_hole(secret: str) -> None:
    redactor = Redactor([secret])
    assert redactor.peer(f"FATAL: the {secret} is not what I know") == WITHHELD
    assert redactor.peer(WITHHELD) == WITHHELD


@pytest.mark.parametrize(
    "secret", ["password", "pw", "login", "a", "the", "TLSv1.3", "scram-sha-256", "10.0.0.1", "5432"]
)
def test_our_own_sentences_are_the_same_whatever_the_secret(secret: str) -> None:
    ours = [f"the login asks for a password at 10.0.0.1:5432, {secret}", "TLSv1.3, scram-sha-256"]
    redactor = Redactor([secret], public=["10.0.0.1", "5432"])
    assert [redactor.composed(text) for text in ours] == ours


def test_no_word_of_any_cause_is_masked_in_a_sentence_of_ours() -> None:
    texts = [text for cause in all_causes().values() for text in (cause.meaning, cause.remedy, cause.confirm)]
    assert len(texts) > 500
    for text in texts[::7]:
        assert Redactor(text.split()).composed(text, ours=True) == text


def test_what_is_public_stays() -> None:
    redactor = Redactor(["Hunter2-db"], public=["hunter2-db", "hunter2-db.example"])
    assert redactor.composed("hunter2-db.example answers") == "hunter2-db.example answers"
    assert redactor.peer("hunter2-db") == "hunter2-db"
    assert redactor.peer("no entry for host hunter2-db") == WITHHELD


def test_what_looks_like_a_command_may_be_the_secret() -> None:
    for mask in (Redactor(["##vso[x]-1"]).peer, Redactor(["##vso[x]-1"]).composed):
        assert mask("no ##vso[x]-1 here") == f"no {HIDDEN} here"


def test_a_text_without_end_is_cut_and_no_part_of_it_is_left_unsearched() -> None:
    shown = Redactor([SECRET]).peer(f"{'x' * 100_000}{SECRET}{'y' * 100_000}{SECRET} end")
    assert SECRET not in shown
    assert len(shown) < 70_000
    assert shown.endswith(f"{HIDDEN} end")


def test_a_long_list_is_searched() -> None:
    names = [f"name{number}.example" for number in range(10_000)]
    with computes_within(2):
        assert Redactor([SECRET]).value(names) is names
    assert Redactor([SECRET]).value([*names[:10], SECRET])[-1] == HIDDEN


def test_facts_of_every_shape() -> None:
    redactor = Redactor([SECRET, "8812345"])
    day = datetime.date(2026, 1, 1)
    facts = {
        "text": f"is {SECRET}",
        "list": [SECRET, "b"],
        "nested": {"deep": {SECRET: (1, SECRET)}},
        "bytes": SECRET.encode(),
        "number": 8812345,
        "day": day,
        "set": {"x"},
        "none": None,
        "yes": True,
    }
    shown = redactor.value(facts)
    assert SECRET not in repr(shown)
    assert "8812345" not in repr(shown)
    assert (shown["day"], shown["set"], shown["none"], shown["yes"]) == (day, {"x"}, None, True)


def test_several_secrets_and_overlaps() -> None:
    redactor = Redactor([SECRET, SECRET + "-longer", "", None])
    assert redactor.peer(f"{SECRET}-longer and {SECRET}{SECRET}") == f"{HIDDEN} and {HIDDEN}"
    assert SECRET not in repr(redactor)


def test_a_key_is_masked_line_by_line() -> None:
    line = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ"
    assert Redactor((), (), [line]).peer(f"cannot read {line}!") == f"cannot read {HIDDEN}!"


@pytest.mark.parametrize("secret", [SECRET, "x"])
@pytest.mark.parametrize(
    "piece",
    [
        "68 75, aHVu 104, 117 \\x41%41 &#65; zz.. ",
        f"{SECRET} ",
        f"{base64.b64encode(SECRET.encode()).decode()}\n",
        f"{SECRET.encode().hex()}, ",
        "".join(f"%{octet:02x}" for octet in SECRET.encode()),
        "x\n",
        "0x00",
        "1,",
    ],
)
def test_the_time_is_linear(piece: str, secret: str) -> None:
    redactor = Redactor([secret])

    def once(size: int) -> float:
        text = (piece * (size // len(piece) + 1))[:size].encode()
        gc.disable()  # else a collection of all that the suite holds falls into the larger of the two
        try:
            began = time.process_time()
            redactor.data(text)
            redactor.beginning(text)
            return time.process_time() - began
        finally:
            gc.enable()

    def seconds(size: int) -> float:
        """The least of three: what else the machine does can only add to it."""
        return min(once(size) for _ in range(3))

    once(1_000)
    assert seconds(32_000) < 16 * max(seconds(4_000), 0.001)  # 8 is linear, 64 would be quadratic


def test_a_secret_that_is_said_a_thousand_times_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[str] = []

    def holds(text: str) -> bool:
        looked_up.append(text)
        return False

    monkeypatch.setattr(vocabulary, "holds", holds)
    assert Redactor([SECRET]).peer(f"{SECRET} " * 1000) == f"{HIDDEN} " * 1000
    assert looked_up.count(SECRET) == 1


def test_the_redactor_of_the_target_at_hand() -> None:
    assert current() is NOTHING
    with redacting(Redactor([SECRET])):
        assert current().peer(SECRET) == HIDDEN
    assert current() is NOTHING


COMMANDS = [
    "::error::pwned",
    "::error file=a.py,line=1::pwned",
    "  ::set-output name=x::y",
    "::add-mask::x",
    "::stop-commands::token",
    "##[error]pwned",
    "##[section]x",
    "##vso[task.setvariable variable=x]y",
    "##teamcity[testFailed name='x']",
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("before", ["", "text ", "one\n", "one\r", "one\r\n\t", "x" * 79])
def test_a_command_to_a_build_server_is_harmless(command: str, before: str) -> None:
    for mask in (NOTHING.peer, NOTHING.composed, lambda text: str(NOTHING.value(text))):
        shown = mask(before + command)
        assert not any(
            mark in shown for mark in ("##[", "##vso[", "##teamcity[", "::error", "::set", "::add", "::stop")
        )
        assert mask(shown) == shown
        assert shown.replace(" ", "") == (before + command).replace(" ", "")


@pytest.mark.parametrize(
    "text", ["::1", "fe80::abcd", "[::ffff:10.0.0.1]:22", "::", "a::b", "## heading", "[Net.Dns]::Get"]
)
def test_what_is_no_command_stays(text: str) -> None:
    if text in ("a::b", "[Net.Dns]::Get"):
        assert NOTHING.composed(text, ours=True) == text
    else:
        assert NOTHING.peer(text) == NOTHING.composed(text, ours=True) == text


@pytest.mark.parametrize("command", COMMANDS)
def test_json_means_the_same_without_commands(command: str) -> None:
    text = json.dumps({"text": command, "more": ["a##b", "\\##[x]"]})
    shown = harmless_json(text)
    assert json.loads(shown) == json.loads(text)
    assert not any(mark in shown for mark in ("##[", "##vso[", "##teamcity["))


def test_the_line_of_a_key_is_masked_each_time_it_is_said() -> None:
    line = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtz"
    redactor = Redactor((), verbatim=(line,))
    assert redactor.peer(f"one {line} two {line}") == "one *** two ***"
    assert redactor.data(f"{line} {line}".encode()) == b"*" * len(line) + b" " + b"*" * len(line)


def test_the_secrets_of_other_targets_cost_one_pass_however_many_they_are() -> None:
    elsewhere = Elsewhere()
    elsewhere.add(f"{number:04}-Horse-battery" for number in range(1024))
    text = "a role that is not permitted to log in, and other words of a server. " * 50
    redactor = Redactor([SECRET], elsewhere=elsewhere)
    assert redactor.composed(f"text 0123-Horse-battery and {SECRET}") == f"text {HIDDEN} and {HIDDEN}"
    with computes_within(0.05):
        assert redactor.composed(text) == text


@pytest.mark.parametrize("secret", ["Horse-battery-77", "Pässwört-ß9"])
def test_a_secret_of_another_target_is_found_in_all_its_forms(secret: str) -> None:
    elsewhere = Elsewhere()
    elsewhere.add([secret, "short"])
    redactor = Redactor([], elsewhere=elsewhere)
    assert redactor.peer("a short text") == "a short text"
    raw = secret.encode()
    written = [raw.hex(), base64.b64encode(b"x" + raw).decode(), secret.upper(), "".join(f"%{one:02X}" for one in raw)]
    for form in written:
        assert HIDDEN in redactor.peer(f"heard {form} there")
    assert redactor.peer(f"cut off: {secret[:9]}") == f"cut off: {HIDDEN}"
    assert redactor.peer(f"{secret[-9:]} was cut off") == f"{HIDDEN} was cut off"


def test_the_process_of_a_login_gets_no_secret_of_another_target() -> None:
    elsewhere = Elsewhere()
    elsewhere.add(["Horse-battery-77"])
    packed = pickle.dumps(Redactor([SECRET], ["db7"], elsewhere=elsewhere))
    assert b"Horse-battery-77" not in packed
    assert pickle.loads(packed).settings == Redactor([SECRET], ["db7"]).settings
