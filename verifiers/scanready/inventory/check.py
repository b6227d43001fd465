"""Check targets from a program: one target in synchronous code, one or many in asyncio."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor

from scanready.model import Credential, Report, Target, bracketed
from scanready.run import engine
from scanready.run.settings import Settings

from .arguments import require_credential, require_settings, require_target, target_as_given, targets_as_given
from .problems import InventoryError, Problem
from .targets import parse_target


def check(target: Target | str, *, credential: Credential | None = None, settings: Settings | None = None) -> Report:
    """Check one target and block until its report is complete.

    Inside a running event loop (a notebook, an ``async`` function) the check runs on a thread of its own, and the loop
    stands still meanwhile; asynchronous code awaits ``scanready.verify`` instead. The call returns after at most
    ``settings.timeout`` seconds, with or without an answer from the target.

    Args:
        target: a Target, or a text with its type such as ``"postgresql://db7:5433/hr"`` (as on the command line).
        credential: the account to log in with. It replaces the Target's own; a user name in the text must agree.
        settings: time-out, depth and limits; the defaults of the command line if None.

    Raises:
        TypeError: an argument has another type than listed here.
        InventoryError: the target cannot be checked (a text that is none or has no type, an unknown type, an option
            that the type does not have), or ``settings.ca_file`` cannot be read. It lists every problem, and repeats
            no secret.
    """
    require_target(target)
    require_credential(credential)
    require_settings(settings)
    wanted = engine.verify(_as_target(target, credential), settings)
    if not _in_running_loop():
        return asyncio.run(wanted)
    with ThreadPoolExecutor(1, thread_name_prefix="scanready check") as thread:
        return thread.submit(asyncio.run, wanted).result()


async def verify(target: Target, settings: Settings | None = None) -> Report:
    """Check one target.

    Every behaviour of the target becomes a report; none raises an exception.

    Args:
        target: the Target. The report has it with its host in lower case, or as the canonical form of an address.
        settings: time-out, depth and limits; the defaults of the command line if None.

    Raises:
        TypeError: an argument has another type than listed here.
        InventoryError: the target cannot be checked (an unknown type, an option that the type does not have), or
            ``settings.ca_file`` cannot be read. It lists every problem, and repeats no secret.
        RuntimeError: it is awaited outside asyncio.
    """
    require_settings(settings)
    checked = target_as_given(target)
    _require_running_loop()
    return await engine.verify(checked, settings)


def verify_all(targets: Iterable[Target], settings: Settings | None = None) -> AsyncIterator[Report]:
    """Check many targets; yield each report as its check ends, in no particular order.

    The call itself checks the arguments, and contacts nothing; ``async for`` begins. Targets of one run share the
    lockout guard: a refused credential is not tried again elsewhere.

    Args:
        targets: the Targets, read to the end before the first check; none at all gives no report.
        settings: time-out, depth and limits; the defaults of the command line if None.

    Raises:
        TypeError: an argument has another type than listed here.
        InventoryError: some targets cannot be checked (an unknown type, an option that the type does not have), or
            ``settings.ca_file`` cannot be read. It lists every problem of each, and repeats no secret.
        RuntimeError: it is iterated outside asyncio.
    """
    require_settings(settings)
    return _reports(targets_as_given(targets), settings)


async def _reports(targets: list[Target], settings: Settings | None) -> AsyncIterator[Report]:
    _require_running_loop()
    async for report in engine.verify_all(targets, settings):
        yield report


def _in_running_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _require_running_loop() -> None:
    if not _in_running_loop():
        raise RuntimeError("no asyncio loop is running: use asyncio.run(...), or scanready.check in synchronous code")


def _as_target(target: Target | str, credential: Credential | None) -> Target:
    if isinstance(target, Target):
        return target_as_given(dataclasses.replace(target, credential=credential) if credential else target)
    found = parse_target(target, credential=credential)
    if found[0].guessed:
        host = bracketed(found[0].host)
        raise InventoryError([Problem(f"target {host} has no type: write it as in `{found[0].type}://{host}`")])
    return found[0]
