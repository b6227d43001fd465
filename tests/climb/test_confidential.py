"""The secrets of a target are known wherever they stand, and masked in every part of a check that others fill."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from fixtures.emulators import in_background
from scanready.causes import common
from scanready.climb.confidential import redact, redactor_for, secrets_in
from scanready.climb.explain import Failure
from scanready.climb.login_result import LoginResult
from scanready.climb.probe import Probe
from scanready.model import Check, Credential, Finding, Outcome, Step, Target
from scanready.redaction import WITHHELD, Redactor, current
from scanready.report.serialize import as_line
from scanready.run import registry
from scanready.run.engine import Run
from scanready.run.settings import Settings
from scanready.wire.printable import MOST_EVIDENCE, printable
from tests.ladder import PLENTY, account, climb, target
from tests.targets.echoing import CLEAR, postgresql

SECRET = "Kx-93-secret"


def test_secrets_of_credential_options_and_urls() -> None:
    options = {
        "proxy": "http://er:pr0xy-p@ss@proxy:3128",
        "database": "hr",
        "api_token": "t0ken-1",
        "endpoints": [{"url": "https://x:url-5@host/", "client_secret": "deep-6"}],
    }
    where = Target("db", "postgresql", 5432, options, Credential("c", "er", "pw-1", key_passphrase="phrase-2"))
    assert secrets_in(where) == ("pw-1", "phrase-2", "pr0xy-p@ss", "t0ken-1", "url-5", "deep-6")
    assert redactor_for(Target("db", "ssh", 22)).secrets == ()


def test_a_private_key_is_masked_and_no_pipe_is_waited_for(tmp_path: Path) -> None:
    line = "Zm9vYmFyYmF6" * 5
    key, pipe = tmp_path / "key", tmp_path / "pipe"
    key.write_text(f"-----BEGIN OPENSSH PRIVATE KEY-----\n{line}\nAAA=\n-----END OPENSSH PRIVATE KEY-----\n")
    os.mkfifo(pipe)
    shown = redactor_for(Target("h", "ssh", 22, {}, Credential("c", "er", key_file=str(key)))).peer(f"bad {line}!")
    assert shown == "bad ***!"
    for file in (pipe, tmp_path / "none", tmp_path):
        assert redactor_for(Target("h", "ssh", 22, {}, Credential("c", "er", key_file=str(file)))).peer(line) == line


def test_every_part_of_a_check() -> None:
    where = Target("db", "postgresql", 5432, {}, account("er", SECRET))
    finding = Finding(common.LOGIN_REFUSED, f"no {SECRET}", f"REVOKE {SECRET}")
    check = Check(Step.LOGIN, f"{SECRET}.evil:1", Outcome.FAILED, f"no {SECRET}", {SECRET: [SECRET]}, finding)
    asyncio.run(redact([check], redactor_for(where)))
    assert SECRET not in repr(check)
    assert check.finding is not None
    assert check.finding.cause is common.LOGIN_REFUSED
    assert check.finding.fix == "REVOKE ***"


@pytest.mark.parametrize("password", [SECRET, "password"])
def test_the_thread_of_a_login_knows_the_secrets(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    def log_in(where: object, credential: Credential, seconds: float) -> LoginResult:
        raise Failure(common.LOGIN_REFUSED, current().peer(f"quoted {credential.password} here"))

    async def verify(probe: Probe) -> None:
        assert probe.quote(f"a {password}\tb") in ("a *** b", WITHHELD)
        async with probe.step(Step.LOGIN):
            await probe.login(log_in, probe.endpoint)

    monkeypatch.setattr(registry, "verifier", lambda _: verify)
    report = climb(target("ssh", "host", credential=account("er", password)), canary=False)
    assert report.finding is not None
    assert report.finding.detail == ("quoted *** here" if password == SECRET else WITHHELD)


@pytest.mark.parametrize("password", [SECRET, "password"])
def test_an_exception_of_a_verifier(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    async def verify(probe: Probe) -> None:
        raise LookupError(f"zqxj {password}")

    monkeypatch.setattr(registry, "verifier", lambda _: verify)
    report = climb(target("ssh", "host", credential=account("er", password)), canary=False)
    trace = "".join(check.trace for check in report.checks)
    assert "LookupError" in trace
    for text in (as_line(report), trace.splitlines()[-1]):
        assert SECRET not in text
        assert password == SECRET or "zqxj" not in text


def test_a_host_repeats_what_another_target_sent_it() -> None:
    async def both() -> list[str]:
        with in_background(postgresql(f"i heard {SECRET}")) as server:
            targets = [
                target("postgresql", "127.0.0.1", server.port, account("other", "Qw-11-zz"), **CLEAR),
                target("ssh", "127.0.0.1", server.port, account("er", SECRET)),
            ]
            async with Run(Settings(timeout=PLENTY, canary=False)) as run:
                return [as_line(report) async for report in run.results(targets)]

    lines = asyncio.run(both())
    assert any("i heard ***" in line for line in lines)
    assert not any(SECRET in line for line in lines)


def words_of(fact: object, detail: str = "") -> tuple[Check, int]:
    """Mask a check with these words; return it, and how often other tasks had a turn meanwhile."""
    finding = Finding(common.LOGIN_REFUSED, detail)
    check = Check(Step.LOGIN, "db:1", Outcome.FAILED, detail, {"fact": fact}, finding)
    turns = 0

    async def run() -> None:
        nonlocal turns
        masking = asyncio.create_task(redact([check], Redactor([SECRET])))
        while not masking.done():
            await asyncio.sleep(0)
            turns += 1

    asyncio.run(run())
    return check, turns


def test_others_have_their_turn_while_a_long_list_is_masked() -> None:
    names = [f"/srv/%2525{number}" for number in range(5000)]
    check, turns = words_of(names)
    assert check.facts["fact"] is names, "nothing in it changes"
    assert turns > sum(map(len, names)) / 8192
    check, _ = words_of([*names, f"at {SECRET}"])
    assert check.facts["fact"][-1] == "at ***"
    assert len(check.facts["fact"]) == 5001


def test_a_text_is_cut_behind_its_first_thousands_of_characters() -> None:
    long = f"{'x' * 4000} {SECRET} {'%2525' * 10_000}"
    check, _ = words_of(long, long)
    for shown in (check.summary, check.facts["fact"], check.finding and check.finding.detail):
        assert isinstance(shown, str)
        assert len(shown) < 4200
        assert " *** %2525" in shown
        assert shown.endswith(f"... ({len(long) - 4096} more characters)")


def test_no_secret_is_left_where_a_text_is_cut() -> None:
    for before in range(4096 - 2 * len(SECRET), 4096 + len(SECRET)):
        check, _ = words_of("x" * before + SECRET + "y" * 9000)
        assert not any(SECRET[:size] in check.facts["fact"] for size in range(3, len(SECRET)))


def test_as_much_of_a_peers_text_is_evidence_as_can_be_masked_in_a_moment() -> None:
    assert len(printable("%2525" * 10_000)) == MOST_EVIDENCE
