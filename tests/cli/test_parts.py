"""The commands in this process, and the parts a process test would be too slow or too coarse for."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from scanready.causes import common
from scanready.cli import COMMANDS, group
from scanready.cli.job import wait as rounds
from scanready.cli.job.exit_code import Judge
from scanready.cli.output.outlet import Outlet
from scanready.cli.output.transcript import recorder
from scanready.cli.parameters import Duration
from scanready.cli.selection import nothing_selected, select
from scanready.climb.probe import Probe
from scanready.model import Credential, Report, Step, Target, Verdict
from scanready.run import registry
from scanready.run.engine import Run, Settings
from scanready.run.registry import all_causes
from scanready.wire import drda, sqli, tds5
from tests.report.reports import blocked, ready


def call(*arguments: str) -> Result:
    return CliRunner().invoke(group, list(arguments), prog_name="scanready")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened, or a name looked up")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_every_command_has_a_module_and_help_that_starts_with_examples() -> None:
    for name in COMMANDS:
        text = call(name, "--help").output
        assert text.splitlines()[2].strip() == "Examples:", name
        assert f"scanready {name}" in text


def test_the_defaults_that_the_help_tells_are_those_of_the_engine() -> None:
    """The help is not made from them: it would have to import the engine."""
    told = " ".join(call("verify", "--help").output.split())
    defaults = Settings()
    assert f"For one whole target. [default: {defaults.timeout:.0f}]" in told
    assert f"Targets at once. [default: {defaults.concurrency}]" in told
    assert f"At one host at once. [default: {defaults.per_host}]" in told
    assert f"The last step asked and judged. [default: {defaults.depth}]" in told
    assert f"Look again every {rounds.EVERY:.0f} s until" in told


def test_types_lists_the_catalogue() -> None:
    listed = call("types").output
    assert "49152-65535" in listed
    assert re.search(r"^nfs +2049 .* access +- +18/18 +NFS-Ganesha", listed, re.MULTILINE)
    assert "not built" not in listed
    text = call("types", "sybase").output
    assert "SAP ASE usually listens on 5000" in text
    assert '"To scan Sybase/SAP ASE databases."' in " ".join(text.split())
    rows = json.loads(call("types", "--json").output)
    assert {row["type"]: row["built"] for row in rows}["postgresql"] is True


def test_explain_knows_every_cause() -> None:
    for code, cause in all_causes().items():
        told = json.loads(call("explain", code, "--json").output)
        assert (told["code"], told["owner"], told["definite"]) == (code, cause.owner.value, cause.definite)
    listed = call("explain").output
    assert all(code in listed for code in all_causes())
    text = call("explain", "connect.filtered").output
    assert "nc -vz -w 5 HOST PORT" in text
    assert "connect.refused" in call("explain", "connect").output
    assert "did you mean 'connect.filtered'" in call("explain", "filtered").output


def test_schema_and_completion() -> None:
    assert json.loads(call("schema", "result").output)["title"] == "scanready result"
    assert json.loads(call("schema", "inventory").output)["type"] == "object"
    for shell in ("bash", "zsh", "fish", "powershell"):
        assert "_SCANREADY_COMPLETE" in call("completion", shell).output


def offered(store: Path, *words: str) -> list[str]:
    """What bash is offered for the last word, as ``KIND,VALUE``."""
    environment = {
        "_SCANREADY_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["scanready", *words]),
        "COMP_CWORD": str(len(words)),
        "SCANREADY_STORE": str(store),
    }
    done = subprocess.run(
        [sys.executable, "-m", "scanready"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_the_shell_is_offered_what_fits(tmp_path: Path) -> None:
    store = tmp_path / "runs.db"
    assert offered(store, "check", "--type", "post") == ["plain,postgresql"]
    assert offered(store, "types", "ss") == ["plain,ssh"]
    assert "plain,connect.filtered" in offered(store, "explain", "connect.")
    assert offered(store, "verify", "est") == ["file,est"]
    assert offered(store, "check", "-o", "out") == ["file,out"]
    assert offered(store, "report", "las") == ["file,las"]
    call("check", "nobody.invalid", "--type", "ssh", "--store", str(store), "--timeout", "1")
    assert offered(store, "report", "las") == ["file,las", "plain,last", "plain,last~1"]


PLANNED = """
credentials:
  acc: {username: svc, password: env:PLAN_PW}
targets:
  - {host: a, types: [unix, ssh], credential: acc}
  - {host: a, type: mysql, tags: [finance]}
  - {host: b, type: postgresql, credential: acc}
  - {host: b, type: notes}
"""


@pytest.mark.usefixtures("no_network")
def test_plan_adds_up_and_touches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAN_PW", "the-secret")
    path = tmp_path / "estate.yaml"
    path.write_text(PLANNED)
    done = call("plan", str(path), "--json")
    assert done.exit_code == 0, done.output
    plan = json.loads(done.output)
    by_port = {(row["host"], row["port"]): row for row in plan["endpoints"]}
    assert by_port["a", 22]["types"] == ["unix", "ssh"]
    assert (by_port["a", 22]["connections"], by_port["a", 22]["login_attempts"]) == (3, 2)
    assert (by_port["a", 3306]["connections"], by_port["a", 3306]["probe_logins"]) == (1, 1)
    assert by_port["b", 5432]["credentials"] == ["acc"]
    assert plan["not_built"] == []
    assert plan["total"]["connections"] == sum(row["connections"] for row in plan["endpoints"])
    shallow = json.loads(call("plan", str(path), "--depth", "auth", "--json").output)
    assert shallow["total"]["login_attempts"] == 0
    assert shallow["credentials"] == {}
    assert "the-secret" not in done.output + call("plan", str(path)).output
    assert call("plan", str(path), "--only", "tag=nothing").exit_code == 4


def target(host: str, kind: str, *tags: str) -> Target:
    return Target(host, kind, 22, tags=tags)


def test_only_selects() -> None:
    all_of_them = [target("web1", "ssh"), target("WEB2", "unix", "finance"), target("db", "ssh", "finance")]

    def chosen(*expressions: str) -> list[str]:
        return [found.host for found in select(all_of_them, expressions)]

    assert chosen() == ["web1", "WEB2", "db"]
    assert chosen("type=ssh,host=web*") == ["web1"]
    assert chosen("host=web*") == ["web1", "WEB2"]
    assert chosen("tag=finance,type=ssh", "host=web1") == ["web1", "db"]
    assert chosen("port=2?") == ["web1", "WEB2", "db"]
    for wrong in ("typ=ssh", "ssh", "type=", ""):
        with pytest.raises(click.UsageError):
            chosen(wrong)
    assert "did you mean 'ssh'" in nothing_selected(all_of_them, ["type=sssh"])


def test_durations() -> None:
    read = Duration().convert
    assert [read(text, None, None) for text in ("30s", "5m", "1h", "90", "1.5m")] == [30, 300, 3600, 90, 90]
    for wrong in ("", "-1", "5d", "5 m", "nan"):
        with pytest.raises(click.BadParameter):
            read(wrong, None, None)


def test_a_host_of_unknown_type_must_be_something() -> None:
    def code(*reports: Report, require: str | None = None, tried: str = "h") -> int:
        judge = Judge(require, {id(report.target): tried for report in reports if tried})
        for report in reports:
            judge.add(report)
        return judge.code

    assert code(ready("h"), blocked("h")) == 0
    assert code(ready("h"), blocked("h"), tried="") == 1
    assert code(blocked("h")) == 1
    assert code(ready("h"), require="scannable") == 1
    undecided = ready("h")
    undecided.verdict = Verdict.UNDECIDED
    assert code(undecided) == 1
    assert code(undecided, tried="") == 3


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A type that holds for ``good``, from the third look on for ``mends``, never for ``bad`` and ``login``."""
    seen: list[str] = []

    async def verify(probe: Probe) -> None:
        seen.append(probe.host)
        async with probe.step(Step.AUTH) as rung:
            if probe.host == "bad" or (probe.host == "mends" and seen.count("mends") < 3):
                rung.stop(common.FILTERED, "no answer")
            if probe.host == "login":
                rung.stop(common.LOGIN_REFUSED, "wrong")
            rung.ok("fine")

    monkeypatch.setattr(registry, "verifier", lambda _: verify)
    monkeypatch.setattr(rounds, "EVERY", 0.01)
    return seen


async def _wait(hosts: list[str], wait: float, stopped: asyncio.Event) -> tuple[dict[str, Verdict], list[str]]:
    said: list[str] = []
    targets = [Target(host, "looked-at", 99) for host in hosts]
    async with (
        Run(Settings(canary=False)) as run,
        aclosing(rounds.rounds(run, targets, wait, Judge(), stopped, said.append)) as reports,
    ):
        found = [report async for report in reports]
    assert sorted(report.target.host for report in found) == sorted(hosts), "one report for each target"
    return {report.target.host: report.verdict for report in found}, said


def test_wait_looks_again_only_at_what_does_not_hold_and_stops_when_all_does(looks: list[str]) -> None:
    async def main() -> None:
        found, said = await _wait(["good", "mends", "login"], 60, asyncio.Event())
        assert found == {"good": Verdict.READY, "mends": Verdict.READY, "login": Verdict.BLOCKED}
        assert (looks.count("good"), looks.count("mends"), looks.count("login")) == (1, 3, 1)
        assert len(said) == 2
        assert "1 does not hold yet (connect.filtered 1)" in said[0]

    asyncio.run(main())


def test_wait_ends_with_its_time_and_with_ctrl_c(looks: list[str]) -> None:
    async def main() -> None:
        found, _ = await _wait(["bad"], 0.1, asyncio.Event())
        assert found == {"bad": Verdict.BLOCKED}
        assert len(looks) > 1
        looks.clear()
        stopped = asyncio.Event()
        stopped.set()
        found, _ = await _wait(["bad"], 60, stopped)
        assert (found, looks) == ({"bad": Verdict.BLOCKED}, ["bad"])

    asyncio.run(main())


def test_without_wait_there_is_one_look(looks: list[str]) -> None:
    found, said = asyncio.run(_wait(["bad", "good"], 0, asyncio.Event()))
    assert (found["bad"], sorted(looks), said) == (Verdict.BLOCKED, ["bad", "good"], [])


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
    assert "imap://db7:143 received 12 bytes" in text
    assert "000000  2a 20 4f 4b 20 72 65 61 64 79 0d 0a" in text
    assert "* OK ready.." in text
    bytes_shown = b"".join(
        bytes.fromhex(line[8:55]) for line in text.splitlines() if line[6:8] == "  " and line[:6].isalnum()
    )
    assert bytes_shown.count(b" end") == 4
    for form in hidden:
        assert form not in bytes_shown


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
