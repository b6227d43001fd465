"""References to secrets: env, file, keyring, prompt; other texts are refused."""

from __future__ import annotations

import contextlib
import os
import re
import ssl
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest

from fixtures.limits import HANG
from scanready.catalogue.wrong import Wrong
from scanready.inventory import InventoryError, InventoryWarning, credential_from, key_ring, resolve_secret
from scanready.inventory.secrets import check_certificates

_PATH = ":".join(sys.path)


def wrong(reference: str) -> str:
    with pytest.raises(InventoryError) as caught:
        resolve_secret(reference)
    (problem,) = caught.value.problems
    return problem.text


def secret_file(path: Path, content: bytes, mode: int = 0o600) -> str:
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


def test_env(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNIX_PW", "s3cret ")
    assert resolve_secret("env:UNIX_PW") == "s3cret "
    monkeypatch.setenv("UNIX_PW", "")
    assert wrong("env:UNIX_PW") == "`env:UNIX_PW` is empty"
    monkeypatch.delenv("UNIX_PW")
    assert wrong("env:UNIX_PW") == "the environment variable `UNIX_PW` is not set"
    assert wrong("env:\x1b[31m\0") == "the environment variable `\\x1b[31m\\x00` is not set"


@pytest.mark.parametrize(
    ("content", "secret"), [(b"a b", "a b"), (b"a\n", "a"), (b"a\r\n", "a"), (b"a\n\n", "a\n"), ("ä".encode(), "ä")]
)
def test_file_loses_one_line_end(tmp_path: Path, content: bytes, secret: str) -> None:
    assert resolve_secret("file:" + secret_file(tmp_path / "pw", content)) == secret


@pytest.mark.parametrize("end", ["", "\n", "\r\n"], ids=["no-end", "lf", "crlf"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_byte_order_mark_is_no_part_of_the_password(tmp_path: Path, encoding: str, end: str) -> None:
    """As Notepad, ``>`` of Windows PowerShell and ``Set-Content -Encoding utf8`` write it."""
    mark = "\ufeff" if encoding.endswith("e") else ""
    name = secret_file(tmp_path / "pw", (mark + "Pässw0rd " + end).encode(encoding))
    assert resolve_secret(f"file:{name}") == "Pässw0rd "


def test_a_mark_alone_is_an_empty_secret_and_half_a_character_none(tmp_path: Path) -> None:
    assert wrong("file:" + secret_file(tmp_path / "mark", b"\xef\xbb\xbf")).endswith("mark` is empty")
    assert wrong("file:" + secret_file(tmp_path / "half", b"\xff\xfeh\0u")).endswith("half` is not UTF-16 text")


@pytest.mark.parametrize("content", ["hunter2\r\n".encode("utf-16-le"), b"hunter2\0", b"\xff\xfe\0\0h\0\0\0"])
def test_utf_16_without_its_mark_is_refused_and_not_sent(tmp_path: Path, content: bytes) -> None:
    message = wrong("file:" + secret_file(tmp_path / "pw", content))
    assert message.endswith("holds a NUL character: save it as UTF-8 text")
    assert "hunter" not in message


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"], ids=["utf-8", "utf-16-le", "utf-16-be"])
def test_a_mark_before_a_key_is_told_before_any_contact(tmp_path: Path, mark: bytes) -> None:
    """paramiko and ssh call such a key invalid, and do not say why."""
    name = secret_file(tmp_path / "key", mark + b"-----BEGIN OPENSSH PRIVATE KEY-----\n")
    with pytest.raises(InventoryError) as caught:
        credential_from("scan", None, name)
    assert "begins with a byte order mark" in str(caught.value)


def test_a_mark_before_certificates_is_told(tmp_path: Path) -> None:
    """OpenSSL overlooks the first of them, without a word."""
    from fixtures.emulators.certificates import authority

    pem = authority().ca_file.read_bytes()
    (tmp_path / "ca.pem").write_bytes(b"\xef\xbb\xbf" + pem + pem)
    with pytest.raises(Wrong, match="begins with a byte order mark"):
        check_certificates("ca.pem", tmp_path / "ca.pem")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x30\x82\x03\x41\xff\xfe", "in DER format, not PEM: convert it with `openssl x509 -inform DER`"),
        (b"\x7fELF\xd0\xd1\0", "holds no certificates in PEM format, or a damaged one"),
        (b"caf\xe9\n", "holds no certificates in PEM format, or a damaged one"),
    ],
    ids=["DER", "binary", "other encoding"],
)
def test_a_file_of_another_kind_for_certificates_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "ca.pem").write_bytes(content)
    with pytest.raises(Wrong, match=re.escape(words)):
        check_certificates("ca.pem", tmp_path / "ca.pem")


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_comment_beside_a_certificate_may_be_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    from fixtures.emulators.certificates import authority

    comment = "# Autorité de certification\n".encode(encoding)
    (tmp_path / "ca.pem").write_bytes(comment + authority().ca_file.read_bytes() + comment)
    check_certificates("ca.pem", tmp_path / "ca.pem")
    ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_file_that_others_can_read_warns(tmp_path: Path, mode: int) -> None:
    name = secret_file(tmp_path / "pw", b"s3cret\n", mode)
    if os.geteuid() == 0:  # root's own may be for a group
        os.chown(tmp_path / "pw", 65531, 65531)
    with pytest.warns(InventoryWarning, match=f"can be read by other users \\(mode {mode:04o}\\): chmod 600") as caught:
        assert resolve_secret(f"file:{name}") == "s3cret"
    assert "s3cret" not in str(caught[0].message)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can make a file of root")
def test_a_file_of_root_may_be_for_the_group_of_a_service(tmp_path: Path) -> None:
    name = secret_file(tmp_path / "pw", b"s3cret\n", 0o640)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert resolve_secret(f"file:{name}") == "s3cret"


def test_a_pipe_is_a_file(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    try:
        os.write(writer, b"s3cret\n")
        os.close(writer)
        assert resolve_secret(f"file:/dev/fd/{reader}") == "s3cret"
    finally:
        os.close(reader)


def test_bad_files(tmp_path: Path) -> None:
    assert wrong(f"file:{tmp_path}/none").endswith("cannot be read: No such file or directory")
    assert wrong(f"file:{tmp_path}").endswith("is a directory: name a file")
    assert wrong("file:" + secret_file(tmp_path / "empty", b"\n")).endswith("empty` is empty")
    assert wrong("file:" + secret_file(tmp_path / "big", b"x" * 65537)).endswith("is larger than 64 KiB")
    message = wrong("file:" + secret_file(tmp_path / "latin", b"hunter\xff2"))
    assert message.endswith("is not UTF-8 text")
    assert "hunter" not in message
    assert wrong("file:a\0b").endswith("is not a file name")


@pytest.mark.parametrize("text", ["hunter2", "", "hun:ter2", "ENV:hunter2", "vault:hunter2", "prompt:hunter2"])
def test_what_is_no_reference_is_refused_and_not_repeated(text: str) -> None:
    message = wrong(text)
    assert "hunter2" not in message
    assert "ter2" not in message
    if not text.startswith("prompt"):
        assert message.startswith("an inline password is refused (and not repeated here): write a reference, env:NAME,")


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("env:", "`env:` is incomplete"),
        ("file:", "`file:` is incomplete"),
        ("keyring:service", "`keyring:` needs a service and a user: write keyring:SERVICE/USER"),
        ("keyring:/user", "`keyring:` needs a service and a user"),
        ("keyring:service/", "`keyring:` needs a service and a user"),
    ],
)
def test_incomplete_references(reference: str, message: str) -> None:
    assert message in wrong(reference)


def test_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = pytest.importorskip("keyring", reason="the extra [keyring]")
    backend = pytest.importorskip("keyring.backend")
    errors = pytest.importorskip("keyring.errors")

    class Ring(backend.KeyringBackend):  # type: ignore[misc, name-defined]  # imported if installed
        priority = 1

        def get_password(self, service: str, username: str) -> str | None:
            if service == "locked":
                raise errors.KeyringLocked("hunter2")
            return "s3cret" if (service, username) == ("https://vault/er", "svc") else None

        def set_password(self, service: str, username: str, password: str) -> None:
            raise AssertionError("nothing is ever written")

        def delete_password(self, service: str, username: str) -> None:
            raise AssertionError("nothing is ever written")

    before = keyring.get_keyring()
    keyring.set_keyring(Ring())
    try:
        assert resolve_secret("keyring:https://vault/er/svc") == "s3cret"
        assert wrong("keyring:er/svc") == "the key ring has no secret for service `er`, user `svc`"
        assert wrong("keyring:locked/svc") == "the key ring did not answer: KeyringLocked"
        fail = pytest.importorskip("keyring.backends.fail")
        keyring.set_keyring(fail.Keyring())
        assert "no backend is available" in wrong("keyring:er/svc")
    finally:
        keyring.set_keyring(before)
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert "pip install 'scanready[keyring]'" in wrong("keyring:er/svc")


class Refusal(BaseException):
    """Even what is no Exception does not end the command with a traceback."""


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"hunter2", "hunter2"),
        ("hunter2", "hunter2"),
        (b"hunter2\xff", "the key ring returned bytes that are not UTF-8 text"),
        ("hunter2\udcff", "the secret of `keyring:er/svc` is not UTF-8 text"),
        (42, "the key ring returned something that is not text"),
        ("", "`keyring:er/svc` is empty"),
        (None, "the key ring has no secret for service `er`, user `svc`"),
        (RuntimeError("hunter2\nhunter2"), "the key ring did not answer: RuntimeError"),
        (Refusal("hunter2"), "the key ring did not answer: Refusal"),
    ],
)
def test_whatever_a_key_ring_does_is_one_line(monkeypatch: pytest.MonkeyPatch, answer: object, words: str) -> None:
    keyring = pytest.importorskip("keyring", reason="the extra [keyring]")

    def get(*_: str) -> object:
        if isinstance(answer, BaseException):
            raise answer
        return answer

    monkeypatch.setattr(keyring, "get_password", get)
    if answer in (b"hunter2", "hunter2"):
        assert resolve_secret("keyring:er/svc") == words
    else:
        assert wrong("keyring:er/svc") == words


def test_a_key_ring_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = pytest.importorskip("keyring", reason="the extra [keyring]")
    go = threading.Event()
    monkeypatch.setattr(keyring, "get_password", lambda *_: go.wait(20))
    monkeypatch.setattr(key_ring, "PATIENCE", 0.05)
    assert wrong("keyring:er/svc") == "the key ring did not answer within 0 s"
    go.set()


def test_a_secret_that_is_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "PW", "hunter\udcff2")
    assert wrong("env:PW") == "the secret of `env:PW` is not UTF-8 text"


ASK = "from scanready.inventory import resolve_secret; print('got', resolve_secret('prompt:'))"


def answered(typed: bytes) -> tuple[int, bytes, bytes]:
    """Type a line at the prompt; return exit code, standard output, and all that the terminal showed."""
    import pty

    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", ASK],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
            start_new_session=True,
            env={"PYTHONPATH": _PATH, "LC_ALL": "C.UTF-8"},
        )
        os.close(theirs)
        shown = b""
        while b"Password: " not in shown:
            shown += os.read(ours, 100)
        os.write(ours, typed)
        out, _ = process.communicate(timeout=HANG)
        with contextlib.suppress(OSError):  # the end of a terminal that no process has open
            while more := os.read(ours, 1000):
                shown += more
        return process.returncode, out, shown
    finally:
        os.close(ours)


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals")
def test_prompt_asks_on_a_terminal_without_echo() -> None:
    code, out, shown = answered(b"s3cret\n")
    assert (code, out) == (0, b"got s3cret\n")
    assert b"s3cret" not in shown


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals")
def test_a_byte_at_the_prompt_that_is_no_text() -> None:
    code, out, shown = answered(b"hunter\xff2\n")
    assert (code, out) == (1, b"")
    assert b"encoding of this terminal" in shown or b"is not UTF-8 text" in shown
    assert b"hunter" not in shown


def test_prompt_without_a_terminal() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        env={"PYTHONPATH": _PATH},
    )
    assert done.returncode == 1
    assert "`prompt:` needs a terminal, and there is none" in done.stderr


def test_credential_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "s3cret")
    found = credential_from("svc", "env:PW", secret_file(tmp_path / "id", b"key"))
    assert (found.name, found.username, found.password, found.key_file) == ("svc", "svc", "s3cret", f"{tmp_path}/id")
    assert "s3cret" not in repr(found)
    assert credential_from(None, "env:PW").username == ""
    assert credential_from("svc", None).password is None
    with pytest.raises(InventoryError, match=r"key file `/nowhere/id` cannot be read: No such file"):
        credential_from("svc", None, "/nowhere/id")
    with pytest.raises(InventoryError) as caught:
        credential_from("svc", "hunter2")
    assert "hunter2" not in str(caught.value) + repr(caught.value)
