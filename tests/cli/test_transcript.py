"""The transcript: the bytes of a talk, with every form of a secret masked."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable

import pytest

from scanready.cli.output.outlet import Outlet
from scanready.cli.output.transcript import recorder
from scanready.model import Credential, Target
from scanready.redaction import Redactor, redacting
from scanready.wire import drda, sqli, tds5


def test_a_transcript_has_the_bytes_and_no_secret() -> None:
    raw = io.BytesIO()
    secret = "tr0ub4dor&3"
    tap = recorder(Outlet(raw, "<memory>"))(Target("db7", "imap", 143, {}, Credential("c", "er", secret)))
    tap("received", b"* OK ready\r\n")
    hidden = [
        secret.encode(),
        secret.encode("utf-16-le"),
        base64.b64encode(b"er:" + secret.encode()),
        base64.b64encode(b"\0er\0" + secret.encode()),
    ]
    for form in hidden:
        tap("sent", b"LOGIN " + form + b" end")
    text = raw.getvalue().decode()
    assert "imap://er@db7:143 received 12 bytes" in text
    assert "000000  2a 20 4f 4b 20 72 65 61 64 79 0d 0a" in text
    assert "* OK ready.." in text
    bytes_shown = b"".join(
        bytes.fromhex(line[8:55]) for line in text.splitlines() if line[6:8] == "  " and line[:6].isalnum()
    )
    assert bytes_shown.count(b" end") == 4
    for form in hidden:
        assert form not in bytes_shown


def test_the_secrets_of_a_host_are_hidden_in_all_of_its_talks_however_many_a_run_has() -> None:
    raw = io.BytesIO()
    with redacting(Redactor(f"a-secret-{number}" for number in range(1000))):
        tap = recorder(Outlet(raw, "<memory>"))(Target("h3", "http", 80))
        with redacting(Redactor(("a-secret-3",))):  # as the engine does for a climb
            tap("received", b"from another talk: a-secret-3!")
    text = raw.getvalue().decode()
    assert "a-secret" not in text
    assert "**********!" in text.replace("\n", "")


#: The first flights of those codecs of ours that carry a password; logins of client libraries are in no transcript.
CARRIED: dict[str, Callable[[str], bytes]] = {
    "db2": lambda secret: drda.security_check(3, "HR", drda.ebcdic("er"), drda.ebcdic(secret)),
    "informix": lambda secret: sqli.connect("er", secret, "ids", host="agent"),
    "sybase": lambda secret: tds5.login(b"er", secret.encode(), host="agent", server="ase"),
    "http": lambda secret: b"Authorization: Basic " + base64.b64encode(f"er:{secret}".encode()) + b"\r\n",
    "imap": lambda secret: b"a LOGIN er " + secret.encode() + b"\r\n",
}


@pytest.mark.parametrize("kind", CARRIED)
@pytest.mark.parametrize("secret", ["tr0ub4dor&3", "p\u00e4ss w\u00f6rd", "x" * 2000])
def test_no_codec_of_ours_shows_its_password_in_a_transcript(kind: str, secret: str) -> None:
    if kind == "sybase" and len(secret) > tds5.ROOM:
        return  # refused before anything is built
    raw = io.BytesIO()
    sent = CARRIED[kind](secret)
    recorder(Outlet(raw, "<memory>"))(Target("h", kind, 1, {}, Credential("c", "er", secret)))("sent", sent)
    lines = [line for line in raw.getvalue().decode().splitlines() if line[6:8] == "  " and line[:6].isalnum()]
    shown = b"".join(bytes.fromhex(line[8:55]) for line in lines)
    assert len(shown) == len(sent)
    assert b"***" in shown
    for page in ("utf-8", "cp500", "latin-1"):
        for part in (secret, secret[:200]):
            assert part.encode(page) not in shown
