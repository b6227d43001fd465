# ruff: noqa: E501 (a table reads best with one case a line)
"""Bad input: each kind gets a message and exit code 2, and nothing was contacted. The last word has a listening server.

Every inventory and command names, besides what is wrong with it, a sound target: an
emulator that counts its connections. A refused input must be refused before the first connection.
"""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.emulators import Server, in_background, misbehave
from fixtures.limits import HANG
from tests.cli import plugin

SECRET = "tr0ub4dor-and-3"


@pytest.fixture
def bystander() -> Iterator[Server]:
    """A server that could be checked, if nothing were wrong elsewhere."""
    with in_background(misbehave.says(b"SSH-2.0-OpenSSH_9.2\r\n")) as server:
        yield server


def scanready(where: Path, *arguments: str, **options: Any) -> Any:
    return plugin.run(where, arguments, options.pop("extra", None), **options)


def refused(done: Any, *words: str) -> None:
    """Exit code 2, all of the words on stderr, nothing on stdout, no traceback."""
    assert done.returncode == 2, done.stdout + done.stderr
    for word in words:
        assert word in done.stderr, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    starts = ("scanready: ", "Usage: ", "Try ", "Error: ")
    assert all(line.startswith(starts) for line in done.stderr.splitlines() if line), done.stderr


# Everything an inventory may have wrong. SOUND is the bystander; {file} the inventory's own name in the message.
INVENTORIES: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "not UTF-8": (
        b"targets:\n- SOUND\n- ssh://w\xe4b1\n",
        ("{file}:3:10: not UTF-8 (byte 0xe4): save it as UTF-8",),
    ),
    "UTF-16": ("targets: [SOUND]\n".encode("utf-16"), ("{file}:1:1: the file is UTF-16: save it as UTF-8",)),
    "not YAML": (b"targets:\n  - SOUND\n - b\n", ("{file}:3:2: not YAML: ",)),
    "empty": (b"", ("{file}: the inventory is empty: write its `targets`",)),
    "unknown key": (b"targets: [SOUND]\ntarget: []\n", ("{file}:2:1: unknown key `target`; did you mean `targets`?",)),
    "unknown key of a target": (
        b"targets:\n- SOUND\n- {host: a, type: nfs, exprt: /x}\n",
        ("{file}:3:24: unknown key `exprt`; did you mean `export`?",),
    ),
    "unknown type": (
        b"targets:\n- SOUND\n- {host: a, type: postgres}\n",
        ("{file}:3:19: unknown target type `postgres`; did you mean `postgresql`?",),
    ),
    "unknown scheme": (
        b"targets:\n- SOUND\n- mariadb://db7\n",
        ("{file}:3:3: unknown target type `mariadb`; did you mean `mysql`?",),
    ),
    "port out of range": (
        b"targets:\n- SOUND\n- {host: a, type: ssh, port: 70000}\n",
        ("{file}:3:30: `port` is out of range: 1 to 65535",),
    ),
    "port of a URL out of range": (
        b"targets:\n- SOUND\n- ssh://a:0\n",
        ("{file}:3:3: the port `0` is out of range: 1 to 65535",),
    ),
    "duplicate target": (
        b"targets:\n- SOUND\n- ssh://a\n- {host: A, type: ssh}\n",
        ("{file}:4:10: `ssh://a:22` is listed twice, first in line 3",),
    ),
    "missing secret": (
        b"credentials: {c: {username: er, password: env:SURELY_NOT_SET}}\n"
        b"targets:\n- SOUND\n- {host: a, type: ssh, credential: c}\n",
        ("{file}:1:43: the environment variable `SURELY_NOT_SET` is not set",),
    ),
    "missing secret file": (
        b"credentials: {c: {username: er, password: file:nowhere/pw}}\n"
        b"targets:\n- SOUND\n- {host: a, type: ssh, credential: c}\n",
        ("{file}:1:43: `nowhere/pw` cannot be read: No such file or directory",),
    ),
    "unknown credential": (
        b"credentials: {unix-scan: {username: er, password: env:HOME}}\n"
        b"targets:\n- SOUND\n- {host: a, type: ssh, credential: unix-scn}\n",
        ("{file}:4:36: unknown credential `unix-scn`; did you mean `unix-scan`?",),
    ),
    "inline password": (
        f"credentials: {{c: {{username: er, password: {SECRET}}}}}\ntargets: [SOUND]\n".encode(),
        ("{file}:1:43: an inline password is refused (and not repeated here)",),
    ),
    "password in a URL": (
        f"targets: [SOUND, 'ssh://er:{SECRET}@web1']\n".encode(),
        ("a password in a target is refused (and not repeated here)",),
    ),
    "large network": (
        b"targets:\n- SOUND\n- {hosts: [10.0.0.0/15], type: ssh}\n",
        ("{file}:3:12: `10.0.0.0/15` has 131,072 addresses, more than a /16; use --yes to confirm",),
    ),
}


# A plan logs in nowhere, so it looks for no secret and misses none.
CASES = [("verify", kind) for kind in INVENTORIES]
CASES += [("plan", kind) for kind in INVENTORIES if not kind.startswith("missing secret")]


@pytest.mark.parametrize(("command", "kind"), CASES)
def test_an_inventory_that_is_wrong(tmp_path: Path, bystander: Server, kind: str, command: str) -> None:
    content, expected = INVENTORIES[kind]
    sound = f"ssh://127.0.0.1:{bystander.port}"
    encoding = "utf-16-le" if kind == "UTF-16" else "ascii"
    path = tmp_path / "estate.yaml"
    path.write_bytes(content.replace("SOUND".encode(encoding), sound.encode(encoding)))
    done = scanready(tmp_path, command, str(path))
    refused(done, *(words.replace("{file}", str(path)) for words in expected))
    assert SECRET not in done.stderr
    assert bystander.connections == []


def test_the_bystander_is_contacted_when_nothing_is_wrong(tmp_path: Path, bystander: Server) -> None:
    """Otherwise the test above would prove nothing."""
    path = tmp_path / "estate.yaml"
    path.write_text(f"targets: ['ssh://127.0.0.1:{bystander.port}']\n")
    scanready(tmp_path, "verify", str(path), "--no-canary", "--timeout", "2")
    assert len(bystander.connections) == 1


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path, bystander: Server) -> None:
    path = tmp_path / "estate.yaml"
    path.write_text(
        "agnet: {name: x}\n"
        f"credentials: {{c: {{username: er, password: {SECRET}}}}}\n"
        f"targets:\n- ssh://127.0.0.1:{bystander.port}\n"
        "- {host: a, type: shs}\n- ssh://a:99999\n- {host: b c, type: ssh, credential: d}\n- nfs://a?x=1\n"
    )
    done = scanready(tmp_path, "verify", str(path))
    refused(
        done,
        f"{path}:1:1: unknown key `agnet`; did you mean `agent`?",
        f"{path}:2:43: an inline password is refused",
        f"{path}:5:19: unknown target type `shs`",
        f"{path}:6:3: the port `99999` is out of range",
        f"{path}:7:10: `b c` is not a host name",
        f"{path}:7:38: unknown credential `d`",
        f"{path}:8:3: `x` is not an option of nfs",
    )
    assert len(done.stderr.splitlines()) == 7
    assert bystander.connections == []


ARGUMENTS: dict[str, tuple[list[str], str]] = {
    "unknown scheme": (
        ["check", "SOUND", "postgers://db7"],
        "unknown target type `postgers`; did you mean `postgresql`?",
    ),
    "what others call it": (["check", "SOUND", "sqlserver://db7"], "did you mean `mssql`?"),
    "port out of range": (["check", "SOUND", "ssh://a:65536"], "the port `65536` is out of range: 1 to 65535"),
    "inline password": (["check", "SOUND", f"ssh://er:{SECRET}@a"], "a password in a target is refused"),
    "a URL for an inventory": (
        ["verify", f"ssh://er:{SECRET}@a"],
        "there is no file ssh://er:***@a; to check one target: ",
    ),
    "a URL for a file": (["plan", f"https://er:{SECRET}@a/b.yml"], "https://er:***@a/b.yml: cannot be read"),
    "a URL for a list": (["import", f"ssh://er:{SECRET}@a"], "ssh://er:***@a: cannot be read"),
    "a URL for a result": (["report", f"https://er:{SECRET}@a/x.json"], "https://er:***@a/x.json cannot be read"),
    "a URL for a cause": (["explain", f"ssh://er:{SECRET}@a"], "there is no cause 'ssh://er:***@a'"),
    "inline password as option": (
        ["check", "SOUND", f"mysql://a?password={SECRET}"],
        "a secret in the options is refused",
    ),
    "password as reference": (
        ["check", "SOUND", "--user", "er", "--password-from", SECRET],
        "an inline password is refused",
    ),
    "missing secret": (
        ["check", "SOUND", "--user", "er", "--password-from", "env:SURELY_NOT_SET"],
        "SURELY_NOT_SET` is not set",
    ),
    "prompt without a terminal": (
        ["check", "SOUND", "--user", "er", "--password-from", "prompt:"],
        "`prompt:` needs a terminal",
    ),
    "unknown option": (["check", "SOUND", "ssh://a?usr=x"], "`usr` is not an option of ssh; did you mean `user`?"),
    "unknown type": (["check", "SOUND", "--type", "postgres"], "did you mean 'postgresql'?"),
    "unknown format": (["check", "SOUND", "--format", "jsnl"], "did you mean 'jsonl'?"),
    "unknown flag": (["check", "SOUND", "--timout", "5"], "--timeout"),
    "depth": (["check", "SOUND", "--depth", "acces"], "'acces' is not one of"),
    "timeout": (["check", "SOUND", "--timeout", "-1"], "is not a number greater than 0"),
    "bad value in the environment": (["check", "SOUND"], "'soon' is not a number greater than 0"),
    "unwritable output": (
        ["check", "SOUND", "-o", "/nonexistent/out.json"],
        "cannot write /nonexistent/out.json: No such file",
    ),
    "output is a directory": (["check", "SOUND", "-o", "/"], "cannot write /: it is a directory"),
    "unwritable report": (
        ["check", "SOUND", "--report", "json=/nonexistent/r"],
        "cannot write /nonexistent/r: No such file",
    ),
    "unwritable transcript": (
        ["check", "SOUND", "--transcript", "/nonexistent/t"],
        "cannot write /nonexistent/t: No such file",
    ),
    "two outputs in one file": (
        ["check", "SOUND", "-o", "same", "--report", "json=same"],
        "would be overwritten: it is the input, or named twice",
    ),
    "an inventory for a target": (
        ["check", "SOUND", __file__],
        "is a file, not a target; to check an inventory: `scanready verify ",
    ),
    "an inventory that is not there": (["plan", "none.yaml"], "none.yaml: cannot be read: No such file"),
    "a target for an inventory": (["verify", "127.0.0.1"], "to check one target: `scanready check 127.0.0.1`"),
    "an inventory for a run": (["report", __file__], "expected an export, a result of --format json"),
    "credential without inventory": (["check", "SOUND", "--credential", "c"], "--credential needs --inventory FILE"),
}


@pytest.mark.parametrize(
    "words",
    [["report", "IT"], ["merge", "IT"], ["assign", "IT"], ["diff", "IT", "IT"], ["merge", "-"]],
    ids=lambda words: " ".join(words),
)
@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "it is no text file, but a program, a picture or another"),
        (b"caf\xe9,1\n", "line 1 is not UTF-8 text: save the file as UTF-8"),
        (b'{"a": 1,\n"b": "caf\xe9"}\n', "line 2 is not UTF-8 text: save the file as UTF-8"),
        (b"{" + b" " * 70_000 + b"\n\n\xe9", "line 3 is not UTF-8 text: save the file as UTF-8"),
        (b"SQLite format 3\0" + bytes(100), "it is a database; to read a run of a run store: `scanready report RUN"),
        (b"", "it is empty"),
    ],
    ids=["picture", "other encoding", "second line", "third line", "database", "empty"],
)
def test_a_foreign_file_for_results_is_told_in_plain_words(
    tmp_path: Path, words: list[str], content: bytes, told: str
) -> None:
    (tmp_path / "it").write_bytes(content)
    asked = [word.replace("IT", str(tmp_path / "it")) for word in words]
    with (tmp_path / "it").open("rb") as file:
        done = scanready(tmp_path, *asked, cwd=tmp_path, stdin=file.fileno())
    told_all = " ".join(done.stderr.split())
    assert done.returncode == 2
    assert told in told_all
    assert "codec" not in told_all


@pytest.mark.parametrize("kind", ARGUMENTS)
def test_a_command_line_that_is_wrong(tmp_path: Path, bystander: Server, kind: str) -> None:
    arguments, words = ARGUMENTS[kind]
    sound = f"ssh://127.0.0.1:{bystander.port}"
    extra = {"SCANREADY_TIMEOUT": "soon"} if kind == "bad value in the environment" else {}
    asked = [sound if word == "SOUND" else word for word in arguments]
    done = scanready(tmp_path, *asked, extra=extra, cwd=tmp_path, stdin=subprocess.DEVNULL)
    refused(done, words)
    assert SECRET not in done.stderr
    assert bystander.connections == []


def test_a_plan_asks_for_no_secret(tmp_path: Path, bystander: Server) -> None:
    path = tmp_path / "estate.yaml"
    path.write_text(
        "credentials:\n  gone: {username: er, password: env:SURELY_NOT_SET}\n  asks: {username: er, password: 'prompt:'}\n"
        f"targets:\n- {{host: 127.0.0.1, port: {bystander.port}, type: ssh, credential: gone}}\n"
        "- {host: b, type: ssh, credential: asks}\n"
    )
    done = scanready(tmp_path, "plan", str(path), stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stderr) == (0, "")
    assert "gone" in done.stdout
    assert "nothing was contacted" in done.stdout
    assert bystander.connections == []


@pytest.fixture
def described(tmp_path: Path) -> str:
    """An inventory of whose credentials no target uses the one that is asked for."""
    path = tmp_path / "estate.yaml"
    path.write_text(
        "agent: {name: proxy-nyc}\n"
        "credentials:\n  other: {username: er, password: env:SURELY_NOT_SET}\n  mine: {username: er, password: 'file:pw'}\n"
        "targets: [{host: b, type: ssh, credential: other}]\n"
    )
    secret = tmp_path / "pw"
    os.mkfifo(secret, stat.S_IRUSR | stat.S_IWUSR)
    return str(path)


def test_a_credential_of_the_inventory_that_no_target_uses_is_looked_up_once(tmp_path: Path, described: str) -> None:
    """The secret is a pipe: a second read would wait for ever, and a prompt would ask twice."""
    plugin.install(tmp_path)
    asked = ["check", "mood://host:99?is=ready", "--credential", "mine", "--inventory", described, "--json"]
    process = subprocess.Popen(
        plugin.command(*asked),
        env=plugin.environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        with open(tmp_path / "pw", "w") as pipe:
            pipe.write(SECRET)
        output, messages = process.communicate(timeout=HANG)
    finally:
        process.kill()
    assert (process.returncode, messages) == (0, "")
    assert '"verdict":"scannable"' in output.replace(" ", "")
    assert "proxy-nyc" in output
    assert SECRET not in output


def test_a_credential_the_inventory_does_not_know(tmp_path: Path, bystander: Server, described: str) -> None:
    asked = ["check", f"ssh://127.0.0.1:{bystander.port}", "--credential", "mien", "--inventory", described]
    refused(
        scanready(tmp_path, *asked),
        "there is no credential `mien`; the inventory defines `mine`, `other`; did you mean `mine`?",
    )
    assert bystander.connections == []


FOREIGN = {
    "a table": ("cmdb.csv", b"hostname,ip address,type\ndb7,10.0.0.7,postgresql\n", "this is a table (CSV)"),
    "a table with quotes": ("cmdb.csv", b'"hostname","type"\n"db7, old","ssh"\n', "this is a table (CSV)"),
    "a table of Excel": ("cmdb.csv", "hostname;ip\ndb7;10.0.0.7\n".encode("utf-16"), "this is a table (CSV)"),
    "a list of hosts": (
        "hosts.txt",
        b"# all\ndb7.corp\nssh://web1\n",
        "this is a list with one host or target per line",
    ),
    "a hosts file": ("hosts", b"10.0.0.7 db7\n10.0.0.8 web1\n", "this is a hosts file"),
    "a scan of nmap": ("scan.xml", b'<?xml version="1.0"?>\n<nmaprun scanner="nmap"></nmaprun>\n', "this is nmap XML"),
    "JSON of Ansible": ("a.json", b'{"_meta": {"hostvars": {"a": {}}}}', "this is an Ansible inventory in JSON"),
}


@pytest.mark.parametrize("command", ["plan", "verify", "firewall"])
@pytest.mark.parametrize("case", FOREIGN)
def test_a_file_of_another_kind_names_the_import(case: str, command: str, tmp_path: Path) -> None:
    """A list that is no inventory is named for what it is, with the command that makes an inventory of it."""
    name, content, kind = FOREIGN[case]
    (tmp_path / name).write_bytes(content)
    done = scanready(tmp_path, command, str(tmp_path / name))
    refused(done, kind, f"`scanready import {tmp_path / name} -o estate.yaml`")


@pytest.mark.parametrize(
    "text", ["targets:\n- {host: a, type: ssh\n", "- ssh://a\n", "agent: {name: x}\n", "target: [a, b]\n"]
)
def test_a_broken_inventory_is_not_taken_for_another_kind(text: str, tmp_path: Path) -> None:
    """An inventory with a mistake keeps the message with its place."""
    (tmp_path / "estate.yaml").write_text(text, encoding="utf-8")
    done = scanready(tmp_path, "plan", str(tmp_path / "estate.yaml"))
    refused(done, "estate.yaml:")
    assert "scanready import" not in done.stderr
