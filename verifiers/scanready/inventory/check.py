"""Check one target from synchronous code: a script, a notebook, a test."""

from __future__ import annotations

import asyncio
import dataclasses
from concurrent.futures import ThreadPoolExecutor

from scanready.model import Credential, Report, Target, bracketed
from scanready.run.engine import Settings, verify

from .problems import InventoryError, Problem
from .targets import parse_target


def check(target: Target | str, *, credential: Credential | None = None, settings: Settings | None = None) -> Report:
    """Check one target and block until its report is complete.

    Inside a running event loop (a notebook, an ``async`` function) the check runs on a thread of its own, and the loop
    stands still meanwhile; asynchronous code awaits :func:`scanready.verify` instead. The call returns after at most
    ``settings.timeout`` seconds, with or without an answer from the target.

    Args:
        target: a Target, or a text with its type such as ``"postgresql://db7:5433/hr"`` (as on the command line).
        credential: the account to log in with. It replaces the Target's own; a user name in the text must agree.
        settings: time-out, depth and limits; the defaults of the command line if None.

    Raises:
        InventoryError: the text is not a target, or has no type. It lists every problem, and repeats no secret.
    """
    wanted = verify(_as_target(target, credential), settings)
    if not _in_running_loop():
        return asyncio.run(wanted)
    with ThreadPoolExecutor(1, thread_name_prefix="scanready check") as thread:
        return thread.submit(asyncio.run, wanted).result()


def _in_running_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _as_target(target: Target | str, credential: Credential | None) -> Target:
    if isinstance(target, Target):
        return dataclasses.replace(target, credential=credential) if credential else target
    found = parse_target(target, credential=credential)
    if found[0].guessed:
        host = bracketed(found[0].host)
        raise InventoryError([Problem(f"target {host} has no type: write it as in `{found[0].type}://{host}`")])
    return found[0]
