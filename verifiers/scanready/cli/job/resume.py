"""``verify --resume RUN``: work out which targets of a stored run are finished, and the options it was started with."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import click

from scanready.causes import common
from scanready.cli.messages import fitting
from scanready.climb.journal import NOT_SENT
from scanready.model import Outcome, Report, Step, Target, bracketed
from scanready.model.platforms import PLATFORMS
from scanready.report.paper import counted
from scanready.report.parse import NotAResult, agent_restored, restored
from scanready.report.serialize import identity, identity_of_all
from scanready.run.registry import all_causes
from scanready.run.tried_credentials import credential_of
from scanready.store import RunLock, Store, StoredRun, StoreError
from scanready.wire.printable import visible

from .job import Options, Resumed, Tried
from .run_store import find_run, open_store

#: The cause of a login whose end is unknown, because the process was killed.
_UNKNOWN = common.OUT_OF_TIME


class Resumption:
    """A stored run to continue, locked until this process ends.

    Raises:
        click.UsageError: there is no such run, it is one of ``check``, or another process is writing it.
    """

    def __init__(self, options: Options, text: str) -> None:
        if options.no_store:
            raise click.UsageError("--resume continues a stored run and cannot be combined with --no-store")
        self.store: Store = open_store(options.store)
        self.run: StoredRun = find_run(self.store, text)
        if self.run.command != "verify":
            command = visible(self.run.command, 20)
            raise click.UsageError(
                f"{self.run.name} is a run of `{command}`; "
                "--resume continues only runs of `verify` (see `scanready runs`)"
            )
        self.asked: dict[str, Any] = json.loads(self.run.asked)
        try:
            self._lock = RunLock(self.store.path, self.run.number, self.run.name)
        except StoreError as error:
            raise click.UsageError(str(error)) from error
        self.run = find_run(self.store, self.run.name)  # it may have changed, or be gone, since the first look

    @property
    def inventory(self) -> str:
        """The inventory's file.

        Raises:
            click.UsageError: it came from standard input.
        """
        if self.run.source == "-":
            raise click.UsageError(f"{self.run.name} read its inventory from standard input: give the inventory again")
        return self.run.source

    @property
    def only(self) -> tuple[str, ...]:
        """The selection that the run was started with."""
        return tuple(self.asked["only"])

    @property
    def failed_from(self) -> str | None:
        """The run whose failed targets were selected at the start; None for all targets."""
        return self.asked.get("failed_from")

    def agent(self, given: str | None) -> str | None:
        """Return the agent whose share the run checks; None if it was started without one.

        Raises:
            click.UsageError: another agent is given now.
        """
        began = self.asked.get("as")
        if given not in (None, began):
            of = f"as {fitting(str(began))}" if began else "without --as"
            raise click.UsageError(
                f"--as {fitting(str(given))}: {self.run.name} was started {of}; omit --as to continue it, or omit "
                "--resume to start a new run"
            )
        return began

    @property
    def no_login(self) -> bool:
        """True if the run was started with ``--no-login``."""
        return bool(self.asked.get("no_login"))

    @property
    def guards(self) -> tuple[str, ...]:
        """The files of ``--guard`` that the run was started with."""
        return tuple(self.asked.get("guards", ()))

    def merged(self, options: Options) -> Options:
        """Return the options; those not given now are taken from the start of the run.

        Raises:
            click.UsageError: the run was started with another profile.
        """
        from .profile import demand_profile  # loaded late: most runs continue none

        demand_profile(agent_restored(json.loads(self.run.agent)).profile, self.run.name)
        return options._replace(
            types=options.types or tuple(self.asked["types"]),
            depth=options.depth or self.asked["depth"],
            timeout=options.timeout or self.asked["timeout"],
            assume_agent=options.assume_agent or self._assumed(),
        )

    def _assumed(self) -> str | None:
        """Return the assumed agent that the run's results are judged for; None if it was the real one."""
        agent = agent_restored(json.loads(self.run.agent))
        return next(
            (name for name, platform in PLATFORMS.items() if agent.assumed and platform == agent.platform), None
        )

    def changed(self, targets: Sequence[Target]) -> str:
        """Return a message on how these targets differ from those at the start of the run; empty if they do not."""
        begun, there = counted(self.run.targets, "target"), counted(len(targets), "target")
        if self.run.targets == len(targets) and self.asked.get("estate") in (None, identity_of_all(targets)):
            return ""
        lost = len(self.store.keys(self.run) - set(map(identity, targets)))
        difference = f"{self.run.name} was started with {begun}, and now there are {there} that differ"
        dropped = f"; the results of {counted(lost, 'removed target')} are ignored" if lost else ""
        return f"{difference}: the inventory, the selection or a credential's name has changed{dropped}"

    def resumed(self, targets: Sequence[Target]) -> Resumed:
        """Return the finished results of these targets, and the targets that are left."""
        by_key = {identity(target): target for target in targets}
        done = self.store.keys(self.run) & by_key.keys()
        left = [target for key, target in by_key.items() if key not in done]
        return Resumed(
            self.run.number,
            self.run.name,
            self.run.started,
            self.run.seconds,
            lambda: self._reports(by_key),
            left,
            tuple(self._tried(by_key)),
            self._lock,
        )

    def _reports(self, by_key: dict[str, Target]) -> Iterator[Report]:
        """Yield the finished results of these targets, one in memory at a time; skip targets that were removed."""
        for line in self.store.results(self.run):
            report = _read(self.run, line)
            target = by_key.get(identity(report.target))
            if target is not None:
                report.target = target
                yield report

    def _tried(self, by_key: dict[str, Target]) -> Iterator[Tried]:
        """Yield the failed logins of the run with their causes, and those that a kill left without an outcome."""
        credentials = {account.name: account for target in by_key.values() for account in target.credentials}
        attempts = list(self.store.attempts(self.run))
        sent = {(name, host) for name, host, _, outcome in attempts if outcome != NOT_SENT}
        not_sent = {(name, host) for name, host, _, _ in attempts} - sent
        settled: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for report in self._reports(by_key) if credentials else ():
            for check in report.checks:
                credential, host = credential_of(report, check), report.target.host
                if check.step is not Step.LOGIN or check.outcome is Outcome.SKIPPED or credential is None:
                    continue
                cause = check.finding.cause if check.finding else None
                if cause is common.LOGIN_WITHHELD or (credential.name, host) in not_sent:
                    continue  # this target was not tried, or the attempt does not count
                if cause is not None:
                    settled[credential.name, host].add(cause.code)
                    place = f"{bracketed(host)}:{report.target.port}"
                    yield Tried(credential, host, place, cause)
        for name, host, place, outcome in attempts:
            # A note may say more than a result: that a login was left open, or that a further target was tried.
            told = outcome == "" or outcome in settled[name, host]
            if not told and name in credentials:
                yield Tried(credentials[name], host, place, all_causes().get(outcome or "", _UNKNOWN))


def _read(run: StoredRun, line: str) -> Report:
    try:
        return restored(json.loads(line))
    except (NotAResult, ValueError, RecursionError) as error:
        raise click.UsageError(f"a stored result of {run.name} cannot be read: {fitting(str(error))}") from error
