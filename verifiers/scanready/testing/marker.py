"""Implement the marker ``scannable``: check its targets before the body of a test runs."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from scanready.catalogue.wrong import Wrong
from scanready.inventory import Expectation, InventoryError, expectation
from scanready.model import REQUIRES

from .fixture import Scanready
from .session import Checks
from .verdicts import Ending, conclude, held_against
from .warning import ScanreadyWarning

_KEYWORDS = frozenset({"require", "expect", "credential", "user", "password_from", "key_file", "depth", "timeout"})


def check_markers(item: pytest.Item, checks: Checks) -> None:
    """Check the targets of all the item's markers, the nearest last.

    Raises:
        pytest.fail.Exception: one of them is not what is required, or the marker cannot be read.
        pytest.xfail.Exception: a failure that was expected.
    """
    check = Scanready(checks)
    for mark in reversed(list(item.iter_markers("scannable"))):
        how = dict(mark.kwargs)
        require, expected = _read(mark.args, how)
        for target in mark.args:
            told = ""
            try:
                report = check(target, **how)
            except (InventoryError, TypeError, ValueError, pytest.UsageError) as error:
                told = str(error).removeprefix("scanready: ")
            if told:
                pytest.fail(f"@pytest.mark.scannable: {told}", pytrace=False)
            today = datetime.datetime.now(datetime.UTC).date()
            conclusion = conclude(held_against(report, expected, today), require, today)
            if conclusion.warning:
                item.warn(ScanreadyWarning(conclusion.warning))
            if conclusion.ending is Ending.EXPECTED:
                pytest.xfail(conclusion.text)
            if conclusion.ending is not Ending.PASSED:
                pytest.fail(conclusion.text, pytrace=False)


def _read(targets: tuple[Any, ...], how: dict[str, Any]) -> tuple[str, Expectation | None]:
    """Take the marker's own keywords out of ``how``."""
    wrong = [] if targets else ["it has no target: add one, as in scannable('smb://fs01/finance')"]
    if unknown := sorted(how.keys() - _KEYWORDS):
        wrong.append(f"it has no keyword {', '.join(unknown)} (the keywords are {', '.join(sorted(_KEYWORDS))})")
    require = how.pop("require", "scannable")
    if require not in REQUIRES:
        wrong.append(f"`require` must be one of {', '.join(REQUIRES)}, not {require!r}")
    entry, expected = how.pop("expect", None), None
    try:
        expected = expectation(entry, any_cause=True) if entry is not None else None
    except Wrong as error:
        wrong.extend(error.messages)
    if wrong:
        pytest.fail("@pytest.mark.scannable: " + "; ".join(wrong), pytrace=False)
    return require, expected
