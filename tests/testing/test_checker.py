"""Each target is checked once, by however many processes; what was learned of a credential is handed on."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fixtures.limits import HANG
from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.guard import LockoutGuard
from scanready.model import Credential, Verdict
from scanready.run.settings import Settings
from scanready.testing import FakeTarget
from scanready.testing.checker import Checker, Wanted
from scanready.testing.filelock import FileLock
from tests.cli import plugin
from tests.report.reports import SECRET

QUICK = Settings(timeout=5.0, canary=False)


@pytest.fixture
def fake() -> Iterator[FakeTarget]:
    """Hangs up after its greeting: a definite cause."""
    with FakeTarget() as fake:
        yield fake.send(b"SSH-2.0-OpenSSH_9.2\r\n").close()


def test_once(fake: FakeTarget) -> None:
    checker = Checker()
    first = checker.report(Wanted(fake.target("ssh"), QUICK))
    assert first.verdict is Verdict.BLOCKED
    assert checker.report(Wanted(fake.target("ssh"), QUICK)) is first
    assert len(fake.connections) == 1
    again = checker.report(Wanted(fake.target("ssh"), QUICK), fresh=True)
    assert again is not first
    assert len(fake.connections) == 2
    checker.close()


def test_what_was_begun_is_not_begun_again(fake: FakeTarget) -> None:
    checker = Checker()
    asked = [Wanted(fake.target("ssh"), QUICK) for _ in range(3)]
    checker.begin(asked)
    assert {id(checker.report(one)) for one in asked} == {id(checker.report(asked[0]))}
    assert len(fake.connections) == 1
    checker.close()


def test_another_account_or_depth_is_another_question(fake: FakeTarget) -> None:
    plain = Wanted(fake.target("ssh"), QUICK)
    others = [
        Wanted(fake.target("ssh", Credential("er", "er", SECRET)), QUICK),
        Wanted(fake.target("ssh", Credential("er", "er", SECRET)), QUICK, "env:OTHER"),
        Wanted(fake.target("ssh", path="/x"), QUICK),
        Wanted(fake.target("unix"), QUICK),
    ]
    assert len({plain.key, *(one.key for one in others)}) == 5
    assert Wanted(fake.target("ssh"), Settings(timeout=99)).key == plain.key


def test_what_could_not_be_told_is_asked_again_with_more_time() -> None:
    checker = Checker()
    with FakeTarget() as fake:
        fake.drip(b"SSH-2.0-OpenSSH_9.2" + b"x" * 200, 0.02)
        short = checker.report(Wanted(fake.target("ssh"), Settings(timeout=0.3, canary=False)))
        assert short.verdict is Verdict.UNDECIDED
        assert checker.report(Wanted(fake.target("ssh"), Settings(timeout=0.2, canary=False))) is short
        assert len(fake.connections) == 1
        assert checker.report(Wanted(fake.target("ssh"), Settings(timeout=0.4, canary=False))) is not short
        assert len(fake.connections) == 2
    checker.close()


def test_two_processes_check_once(fake: FakeTarget, tmp_path: Path) -> None:
    """Two checkers stand for two processes: the lock is the file's, not the process's."""
    one, other = Checker(tmp_path), Checker(tmp_path)
    asked = Wanted(fake.target("ssh", Credential("er", "er", SECRET)), QUICK)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda checker: checker.report(asked), (one, other)))
    assert len(fake.connections) == 1
    assert found[0].verdict is found[1].verdict is Verdict.BLOCKED
    assert found[0].cause is found[1].cause
    assert all(report.target is asked.target for report in found)
    for checker in (one, other):
        checker.close()
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert SECRET.encode() not in written


#: A worker that checks one host with an account; the login of ``mood`` ends its process.
WORKER = """
import os, sys
from pathlib import Path
from scanready import Credential, Target
from scanready.run.settings import Settings
from scanready.testing.checker import Checker, Wanted

account = Credential("bad", "er", os.environ["ER_PW"])
where = Target(sys.argv[2], "mood", 7, {"is": "fatal-login"}, account)
checker = Checker(Path(sys.argv[1]))
print(checker.report(Wanted(where, Settings(canary=False))).cause.code, flush=True)
checker.close()
"""


def test_processes_that_end_in_a_login_leave_no_password_to_be_tried_by_all(tmp_path: Path) -> None:
    """The login is written down before it is sent: three without an answer are the most, one at each host."""
    shared, site, log = tmp_path / "shared", tmp_path / "site", tmp_path / "log"
    shared.mkdir()
    site.mkdir()
    plugin.install(site)
    environment = plugin.environment(site, {"ER_PW": SECRET, "MOOD_LOG": str(log)})
    hosts = ["a", "b", "a", "c", "b", "c", "d", "e"]
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(shared), host], env=environment, stdout=subprocess.PIPE, text=True
        )
        for host in hosts
    ]
    answers = [worker.communicate(timeout=HANG)[0].strip() for worker in workers]
    tried = log.read_text().split()
    assert len(tried) == len(set(tried)) == 3
    assert sorted(answers) == [""] * 3 + ["login.withheld"] * 5
    assert SECRET not in "".join(path.read_text() for path in shared.iterdir())


def test_whoever_waits_for_the_lock_takes_what_others_publish(fake: FakeTarget, tmp_path: Path) -> None:
    first = Checker(tmp_path)
    first.report(Wanted(fake.target("ssh"), QUICK))
    first.close()  # it may hold the lock for a moment yet
    held = FileLock(tmp_path / "lock")
    assert held.acquire()
    waiting = Checker(tmp_path)
    assert waiting.report(Wanted(fake.target("ssh"), QUICK)).verdict is Verdict.BLOCKED
    assert len(fake.connections) == 1
    held.release()
    waiting.close()


def test_the_end_of_a_session_leaves_nobody_waiting(tmp_path: Path) -> None:
    checker = Checker()
    with FakeTarget() as fake:
        fake.wait()
        wanted = Wanted(fake.target("ssh"), Settings(timeout=2.0, canary=False))
        checker.begin([wanted])
        checker.close()
    with pytest.raises(RuntimeError):
        checker.report(wanted, fresh=True)


def test_the_end_of_a_session_lets_what_is_in_flight_end(tmp_path: Path) -> None:
    """Another worker takes what this one still found out, instead of asking again."""
    checker, other = Checker(tmp_path), Checker(tmp_path)
    with FakeTarget() as fake:
        fake.wait(0.3).send(b"SSH-2.0-OpenSSH_9.2\r\n").close()
        wanted = Wanted(fake.target("ssh"), QUICK)
        checker.begin([wanted])
        while not fake.connections:
            pass
        checker.close()
        assert other.report(wanted).verdict is Verdict.BLOCKED
        assert len(fake.connections) == 1
    other.close()


def test_what_a_guard_remembers() -> None:
    account = Credential("er", "er", SECRET, authority="corp")
    guard = LockoutGuard()

    async def refused() -> None:
        async with guard.attempt(account, "db7", "mysql://db7:3306"):
            raise Failure(common.LOGIN_REFUSED, "wrong password")

    async def attempted(later: LockoutGuard) -> None:
        async with later.attempt(account, "db8", "mysql://db8:3306"):
            pytest.fail("it was tried again")

    with pytest.raises(Failure):
        asyncio.run(refused())
    remembered = json.dumps(guard.remembered())
    assert SECRET not in remembered
    later = LockoutGuard()
    later.recall(json.loads(remembered))
    later.recall([])  # a refusal that others did not record is not forgotten
    with pytest.raises(Failure) as caught:
        asyncio.run(attempted(later))
    assert caught.value.cause is common.LOGIN_WITHHELD
