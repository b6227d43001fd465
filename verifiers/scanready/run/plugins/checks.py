"""Check the causes that another package brings, and the checks that its verifier records."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from scanready.model import Cause, Check, Finding, Outcome, Owner, Step

if TYPE_CHECKING:
    from scanready.climb.probe import Probe

_CODE = re.compile(r"[a-z0-9]+\.[a-z0-9-]+")


def cause_fault(cause: Cause) -> str:
    """Say what is wrong with a cause; empty if it can be shown and stored."""
    if not (isinstance(cause.code, str) and _CODE.fullmatch(cause.code)):
        return f"the code is {cause.code!r}, not of the form area.what-is-wrong"
    if not isinstance(cause.owner, Owner) or not isinstance(cause.step, Step):
        return "the owner is no Owner, or the step no Step"
    texts = (cause.meaning, cause.remedy, cause.confirm)
    return "" if all(isinstance(text, str) and text for text in texts) else "a text is empty"


def drop_wrong_checks(probe: Probe) -> str:
    """Remove the checks of a climb that no report can show, and say what is wrong with the first; empty if none is."""
    faults = [_check_fault(check) for check in probe.checks]
    probe.checks[:] = [check for check, fault in zip(probe.checks, faults, strict=True) if not fault]
    return next(filter(None, faults), "")


def _check_fault(check: Any) -> str:
    if not isinstance(check, Check) or not isinstance(check.step, Step) or not isinstance(check.outcome, Outcome):
        return "the verifier recorded what is no Check with a Step and an Outcome"
    if not isinstance(check.summary, str) or not isinstance(check.endpoint, str) or not isinstance(check.facts, dict):
        return f"the verifier recorded a check of {check.step} whose summary or endpoint is no text, or facts no dict"
    found = check.finding
    if found is None:
        return ""
    if not isinstance(found, Finding) or not isinstance(found.cause, Cause):
        return f"the verifier recorded a check of {check.step} with a {type(found).__name__} without a Cause"
    if fault := cause_fault(found.cause):
        return f"the verifier recorded a cause of which {fault}"
    if not isinstance(found.detail, str) or not isinstance(found.fix, str | None):
        return f"the verifier recorded a check of {check.step} whose detail or fix is no text"
    return ""
