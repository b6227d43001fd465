"""Climb for one target and say what was found: the few lines that all tests of target types share."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import importlib
import importlib.util
import re
import threading
import time
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any
from unittest.mock import patch

import psutil

from scanready.catalogue import Group
from scanready.catalogue.exchange import Sent
from scanready.climb import probe, run_context
from scanready.model import Check, Credential, Finding, Outcome, Owner, Report, Step, Target, Verdict
from scanready.report.serialize import as_object
from scanready.report.story import tell
from scanready.run import registry
from scanready.run.engine import verify
from scanready.run.settings import CANARY_PORT, Settings
from tests.in_process import warm
from tests.pace import held_up

#: The built-in target types, in the order of the requirements document.
BY_NAME = registry.catalogue().built_in
TYPES = tuple(BY_NAME.values())
#: Seconds for a climb whose result is not that its time ends: they only tell one that hangs apart.
PLENTY = 30.0
#: Seconds for a climb whose result is that its time ends. The steps before the wait compute for 0.1 s at most, and so
#: take a second or two where six processes share a slow core; the rest is long enough to be called silence (1.6 s).
WAIT = 4.0
#: A place in a text of the catalogue, as `{host}`; "{host}:{port}" is two.
_PLACE = re.compile(r"\{[a-z_]+\}")
#: The first line of a fix: a host, or the inventory.
_HEADING = re.compile(r"(# |-- )(On [^\s{}][^{}\n]*, |In the inventory, )[^{}\n]+:\n")


def target(
    type_: str, host: str, port: int | None = None, credential: Credential | None = None, **options: Any
) -> Target:
    """A target on its type's default port, unless another is given."""
    return Target(host, type_, port or BY_NAME[type_].port, options, credential)


def account(username: str, password: str | None = "Passw0rd!", **more: Any) -> Credential:
    """A credential named like its account."""
    return Credential(username, username, password, **more)


def climb(
    where: Target, lab_agent: Any = None, /, *, timeout: float = PLENTY, patient: bool = True, **settings: Any
) -> Report:
    """Verify one target: here, or in the namespace of a lab's agent; assert that it ends with its time.

    A time of less than PLENTY is for a wait: what is loaded on first use, which takes a second, is loaded before. A
    login that does not end by itself is killed; with ``patient``, see :func:`patience`.
    """
    wanted = Settings(timeout=timeout, **settings)

    def run() -> Report:
        if timeout < PLENTY:
            load(where)
        with in_time(timeout), patience() if patient else contextlib.nullcontext():
            return asyncio.run(verify(where, wanted))

    report: Report = lab_agent.run(run) if lab_agent is not None else run()
    for one in report.types or (report,):
        assert_steps(one)
    return report


def assert_steps(report: Report) -> None:
    """Assert that a target misses no step that its type has not."""
    row = BY_NAME.get(report.target.type)
    if row is not None:
        missed = {check.step for check in report.checks if check.summary.startswith("not reached")}
        strange = missed - set(row.steps_of(report.target))
        assert not strange, f"{strange}: {story(report)}"


@contextlib.contextmanager
def patience() -> Iterator[None]:
    """Kill a login's process two seconds after its time, not half a second: six processes may share its core.

    Without it, a starved login is killed while it says that the server did not answer.
    """
    with patch.object(run_context, "_KILL", 5.0), patch.object(probe, "FAREWELL", 2.0):
        yield


@contextlib.contextmanager
def in_time(seconds: float) -> Iterator[None]:
    """Assert that a block which may wait for ``seconds`` does not wait a second time.

    A starved process is late: what others took from its threads does not count, and what they took from a process of
    its own, a second or two, is borne. A wait that begins anew lasts twice as long, one without end for ever.
    """
    began, held = time.monotonic(), held_up()
    yield
    took = time.monotonic() - began - max(0.0, held_up() - held)
    assert took < seconds + max(seconds, WAIT), f"{took:.1f} s, of {seconds} s"


def load(where: Target) -> None:
    """Load the verifier of a target, and the libraries of its login where its logins are forked from."""
    registry.verifier(where.type)
    row = BY_NAME.get(where.type)
    if row and where.credential and importlib.util.find_spec(name := f"{row.home}.login"):
        with contextlib.suppress(ImportError):  # a test hides the library
            warm(importlib.import_module(name).visit)


def check_of(report: Report, step: Step) -> Check:
    """The last check of a step."""
    found = [check for check in report.checks if check.step is step]
    assert found, f"no check of {step}: {story(report)}"
    return found[-1]


def finding_of(report: Report) -> Finding:
    """Return the finding of a report that must have one."""
    assert report.finding is not None, story(report)
    return report.finding


def story(report: Report) -> str:
    """The ladder in words, for a failed assertion."""
    lines = [f"{report.target} is {report.verdict}: {report.finding}"]
    lines += [f"  {check.step:9} {check.outcome:7} {check.endpoint}: {check.summary}" for check in report.checks]
    return "\n".join(lines)


def expect(
    report: Report,
    verdict: Verdict,
    code: str | None = None,
    *,
    step: Step | None = None,
    owner: Owner | None = None,
    fix: str | None = None,
    also: tuple[Owner, str] | None = None,
) -> Report:
    """Assert verdict, cause, the step it was met on, its owner, a part of the fix, and the remedy as it is shown.

    ``also`` is another owner of the cause, and a part of the fix for this one.
    """
    found = report.finding
    remedy_is_shown(report)
    costs_what_was_planned(report)
    assert report.verdict is verdict, story(report)
    assert (found.cause.code if found else None) == code, story(report)
    if step is not None:
        assert report.finding_step is step, story(report)
    if owner is not None:
        assert found is not None
        assert found.owner is owner, story(report)
    if fix is not None:
        assert found is not None
        assert found.fix is not None, f"no fix: {story(report)}"
        assert fix in found.fix, f"{found.fix!r} in {story(report)}"
    if also is not None:
        assert found is not None
        fixes = [one for whose, one in found.also if whose is also[0]]
        assert any(also[1] in one for one in fixes), f"{fixes} in {story(report)}"
    return report


def remedy_is_shown(report: Report) -> None:
    """Assert that a result contains the catalogue's texts for its cause, with every placeholder filled in."""
    fixes_say_where(report)
    fixes_are_their_owners(report)
    story_is_of_what_happened(report)
    shown, found = as_object(report)["cause"], report.finding
    if found is None:
        assert shown is None, story(report)
        return
    for name in ("meaning", "remedy", "confirm"):
        filled = shown[name]
        assert filled.strip(), f"no {name}: {story(report)}"
        assert not _PLACE.search(filled), f"a place left open in the {name} {filled!r}: {story(report)}"
        text = getattr(found.cause, name)
        places = [".*" if place == "{starttls}" else ".+" for place in _PLACE.findall(text)]
        words = [re.escape(part) for part in _PLACE.split(text)]
        pattern = "".join(part for pair in zip_longest(words, places, fillvalue="") for part in pair)
        assert re.fullmatch(pattern, filled), f"{name} {filled!r} is not the catalogue's: {story(report)}"


def pasted(fix: str | None) -> str:
    """Return the lines of a fix that are pasted, without the headings that say where."""
    assert fix is not None
    return "\n".join(line for line in fix.splitlines() if not re.fullmatch(r"(# |-- )(On|In) .+:", line))


def fixes_say_where(report: Report) -> None:
    """Assert that each fix of a built-in type begins with the host and the file or tool that it is pasted into."""
    for check in report.checks:
        if (found := check.finding) and report.target.type in BY_NAME and not found.cause.code.startswith("agent.plu"):
            for fix in filter(None, [found.fix, *(one for _, one in found.also)]):
                assert _HEADING.match(fix), f"it is not said where {fix!r} is pasted: {story(report)}"


def fixes_are_their_owners(report: Report) -> None:
    """Assert that each fix is of an owner that the cause names, and that one for the inventory is the operator's."""
    for found in filter(None, (check.finding for check in report.checks)):
        others = {one.owner for one in found.cause.also}
        for owner, fix in ((found.owner, found.fix), *found.also):
            if fix is not None and fix.startswith("# In the inventory"):
                assert owner is Owner.OPERATOR, f"{fix!r} is not for the owner {owner}: {story(report)}"
        for owner, fix in found.also:
            assert owner in others, f"{found.cause.code} has no part for {owner}, who has {fix!r}: {story(report)}"


def story_is_of_what_happened(report: Report) -> None:
    """Assert that the story has a rung for each check and no other, and that no rung claims an event that was none."""
    rungs = tell(report).rungs
    assert [(rung.step, rung.endpoint) for rung in rungs] == [(check.step, check.endpoint) for check in report.checks]
    row = BY_NAME.get(report.target.type)
    told = row.part("story") if row else None
    words = told.STORY[report.target.type] if told else {}
    for rung, check in zip(rungs, report.checks, strict=True):
        sent = words[check.step].sent if check.step in words else ""
        if check.outcome is Outcome.SKIPPED:
            assert not rung.sent, story(report)
        elif isinstance(sent, Sent) and check.step is not Step.LOGIN:
            unsaid = [text for event, text in sent.words.items() if event not in (check.events or ())]
            claimed = [text for text in unsaid if text in rung.sent.split("; ")]
            assert not claimed, (
                f"the story of {check.step} claims {claimed}, and {check.events} happened: {story(report)}"
            )


def costs_what_was_planned(report: Report) -> None:
    """Assert that a climb cost no more than `plan` says, for each address of the name and for the canary."""
    row, target, cost = BY_NAME.get(report.target.type), report.target, report.footprint
    if row is None or row.hostless:  # a cloud's cost is its endpoints'
        return
    addresses = max((len(check.facts.get("addresses", ())) for check in report.checks), default=1) or 1
    canary_asked = any(f":{CANARY_PORT}" in check.endpoint for check in report.checks)
    canary = canary_asked or row.group is Group.INFRASTRUCTURE
    most = row.cost.with_credential if target.credential or "user" in target.options else row.cost.connections
    assert cost.connections <= most * addresses * (2 if canary else 1), f"{cost}, planned {row.cost}: {story(report)}"
    assert cost.login_attempts <= row.cost.login_attempts, f"{cost}, planned {row.cost}: {story(report)}"
    assert cost.probe_logins <= 2, f"{cost}: {story(report)}"  # one, and the canary's


def passed(report: Report, *steps: Step) -> None:
    """Assert that the steps passed."""
    for step in steps:
        assert check_of(report, step).outcome is Outcome.PASSED, story(report)


def without_credential(where: Target) -> Target:
    """Return the same target without a credential."""
    return dataclasses.replace(where, credential=None)


def logins_end() -> bool:
    """Whether no client library is left waiting in the background soon, in a thread or in a process.

    One that goes on waits for as long as its server is silent.
    """
    ends = time.monotonic() + PLENTY / 2
    while _logins_run():
        if time.monotonic() > ends:
            return False
        threading.Event().wait(0.02)
    return True


def _logins_run() -> bool:
    """Whether one does: below the process that is started are those of the modules, and below them the logins."""
    if any(thread.name.startswith("login") and thread.is_alive() for thread in threading.enumerate()):
        return True
    with contextlib.suppress(psutil.NoSuchProcess):
        for first in psutil.Process().children():
            if any("scanready.clients.login_process" in word for word in first.cmdline()):
                logins = [login for template in first.children() for login in template.children()]
                if any(login.status() != psutil.STATUS_ZOMBIE for login in logins):
                    return True
    return False
