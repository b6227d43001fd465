"""One wrong password, many targets, servers that count: it is tried once in the whole run."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from fixtures.lab.lab import Lab
from fixtures.lab.namespace import wait_until
from scanready.model import Credential, Report, Step, Target, Verdict
from scanready.run.engine import Run, verify_all
from scanready.run.settings import Settings
from tests.ladder import PLENTY, check_of, passed, story, target

WRONG = Credential("shared", "scanuser", "not-this-one")


class Estate:
    """sshd, MariaDB and PostgreSQL of this test's own, and how often somebody's password was refused there."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.ssh = lab.openssh("password", label="lockout")
        self.mysql = lab.mariadb("standard", label="lockout")
        self.postgresql = lab.postgresql("scram", label="lockout")
        self.servers = (self.ssh, self.mysql, self.postgresql)
        self.marks = [len(server.log) for server in self.servers]

    def targets(self, credential: Credential, each: int = 1) -> list[Target]:
        """Each type ``each`` times, on ports and databases of one host a kind."""
        found = []
        for number in range(each):
            found += [target(type_, self.ssh.hostname, credential=credential) for type_ in ("unix", "ssh")]
            found += [target("mysql", self.mysql.hostname, credential=credential, database=f"d{number}")]
            found += [target("postgresql", self.postgresql.hostname, credential=credential, database="hr")]
        return found

    def refusals(self, user: str = WRONG.username) -> int:
        words = ("Failed password for", f"Access denied for user '{user}'", "password authentication failed for user")
        logs = [server.logged_since(mark) for server, mark in zip(self.servers, self.marks, strict=True)]
        return sum(log.count(word) for log, word in zip(logs, words, strict=True))

    def run(self, targets: list[Target], **settings: Any) -> list[Report]:
        async def climb() -> list[Report]:
            return [report async for report in verify_all(targets, Settings(**settings))]

        return self.lab.agent.run(lambda: asyncio.run(climb()))


@pytest.mark.parametrize("order", [1, -1])
def test_a_wrong_password_is_sent_once_over_all_types(lab: Lab, order: int) -> None:
    estate = Estate(lab)
    reports = estate.run(estate.targets(WRONG, each=8)[::order], concurrency=500, per_host=50, timeout=PLENTY)
    causes = Counter(report.cause.code for report in reports if report.cause)
    assert set(causes) == {"login.refused", "login.withheld"}, [story(report) for report in reports]
    assert sum(report.footprint.login_attempts for report in reports) == 1
    assert wait_until(lambda: estate.refusals() == 1)
    assert estate.refusals() == 1


def test_a_credential_without_a_password_or_with_a_key_alone_touches_no_account(lab: Lab) -> None:
    estate = Estate(lab)
    bare = replace(WRONG, password=None)
    reports = estate.run(estate.targets(bare), concurrency=1)
    for report in reports:
        assert report.verdict in (Verdict.READY, Verdict.LIMITED), story(report)
        assert "was given for" in check_of(report, Step.LOGIN).summary
        assert report.footprint.login_attempts == 0, story(report)
    keyed = replace(bare, key_file=str(lab.keys.client))
    by_type = {report.target.type: report for report in estate.run(estate.targets(keyed), concurrency=1)}
    for type_ in ("mysql", "postgresql"):
        assert by_type[type_].verdict is Verdict.READY, story(by_type[type_])
        assert by_type[type_].footprint.login_attempts == 0
    assert estate.refusals() == 0


def test_a_server_that_lets_everybody_in_proves_no_password(lab: Lab) -> None:
    """PostgreSQL's `trust`: who was let in without being asked may still have the wrong password everywhere else."""
    estate = Estate(lab)
    trusting = lab.postgresql("trust", label="lockout-trust")
    wrong = replace(WRONG, username=lab.postgresql("scram").user)
    open_door = target("postgresql", trusting.hostname, credential=wrong, database="hr")

    async def climb() -> list[Report]:
        async with Run(Settings(timeout=PLENTY, per_host=50)) as run:
            first = await run.verify(open_door)
            return [first] + [report async for report in run.results(estate.targets(wrong, each=4))]

    first, *_ = lab.agent.run(lambda: asyncio.run(climb()))
    passed(first, Step.LOGIN)
    assert wait_until(lambda: estate.refusals(wrong.username) >= 1)
    assert estate.refusals(wrong.username) == 1
