"""Check the causes that another package brings, and the checks that its verifier records.

A code names one cause: scanready's own codes mean the same in every report. A package may use those constants; a cause
of its own has a code of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from scanready.climb.bounds import most_checks
from scanready.model import Cause, Check, Finding, Outcome, Owner, Step, is_address
from scanready.remedies.placeholders import PLACES, fill, unknown_places
from scanready.run.built_in import built_in_causes, built_in_rows

from .attempt import attempted
from .evidence import Evidence, surplus
from .shape import shape_fault, shown, wanted

if TYPE_CHECKING:
    from scanready.climb.probe import Probe

_CODE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\.[a-z0-9]+(?:-[a-z0-9]+)*")
_LONGEST_CODE = 80
#: Seconds of a check: as long as the largest time-out.
_LONGEST_CHECK = 1_000_000


def cause_fault(cause: Cause) -> str:
    """Say what is wrong with a cause, and what to write instead; empty if it can be shown and stored."""
    if not isinstance(cause.code, str) or not _CODE.fullmatch(cause.code) or len(cause.code) > _LONGEST_CODE:
        return f"the code is {shown(cause.code)}, not of the form area.what-is-wrong in lower case"
    if fault := shape_fault(cause, Cause, "it"):
        return fault
    for name in ("meaning", "remedy", "confirm"):
        if not getattr(cause, name).strip():
            return f"`{name}` of it is empty; write what {_SAYS[name]}"
    return _taken(cause)


def wrong_cause(value: Any) -> str:
    """Say what is wrong with a constant that is a cause, its places in braces included; empty if it is none."""
    if not isinstance(value, Cause):
        return ""
    remedies = (other.remedy for other in value.also)
    return cause_fault(value) or places_fault(value.meaning, value.wire, value.remedy, value.confirm, *remedies)


_SAYS = {"meaning": "is wrong", "remedy": "the owner does", "confirm": "line shows it without scanready"}


def _taken(cause: Cause) -> str:
    """Say whose the code is, where it is scanready's and the cause is not."""
    known = built_in_causes()
    own = known.get(cause.code)
    if own == cause:
        return ""
    if own is not None:
        different = next(name for name in Cause.__slots__ if getattr(own, name) != getattr(cause, name))
        return (
            f"the code {cause.code} is scanready's own, with another {different}; use that constant as it is, or write "
            "a code with an area of your own, as the name of your type"
        )
    area = cause.code.partition(".")[0]
    if area in built_in_rows() or any(code.partition(".")[0] == area for code in known):
        return f"the code {cause.code} has an area of scanready's own; write one of your own, as the name of your type"
    return ""


def places_fault(*texts: str) -> str:
    """Say which place in braces no target fills, in texts that are filled in where they are shown; empty if none."""
    unknown = [place for text in texts for place in unknown_places(text)]
    known = ", ".join(f"{{{place}}}" for place in PLACES)
    return f"nothing fills {unknown[0]}; write one of {known}" if unknown else ""


def drop_wrong_checks(probe: Probe) -> str:
    """Remove the checks of a climb that no report can show, and say what is wrong with the first; empty if none is.

    The others are cut to their bounds, and get the remarks on them.
    """
    evidence = Evidence(probe.row)
    faults = [
        _keep_only(probe.checks, _check_fault),
        surplus(probe.checks, most_checks(probe.contact)),
        _keep_only(probe.checks, lambda check: _facts_fault(check, evidence, probe)),
        *_address_faults(probe),
    ]
    for check in probe.checks:
        if (found := check.finding) is not None:
            fix = found.fix and fill(found.fix, probe.target, probe.row)
            also = tuple((owner, fill(one, probe.target, probe.row)) for owner, one in found.also)
            check.finding = replace(found, fix=fix, also=also)
    return next(filter(None, faults), "")


def _keep_only(checks: list[Check], fault: Callable[[Check], str]) -> str:
    """Remove the checks that have a fault, and return the first one; empty if none has."""
    faults = [fault(check) for check in checks]
    checks[:] = [check for check, wrong in zip(checks, faults, strict=True) if not wrong]
    return next(filter(None, faults), "")


def _address_faults(probe: Probe) -> Iterator[str]:
    """Forget each address of the climb that is none, the target's and this agent's own, and say so."""
    for name in ("address", "source"):
        value = getattr(probe, name)
        if value is not None and not (isinstance(value, str) and is_address(value)):
            setattr(probe, name, None)
            yield f"the verifier set `probe.{name}` to {shown(value)}, which is no address"


def _facts_fault(check: Check, evidence: Evidence, probe: Probe) -> str:
    """Say what the facts raise when they are read as every report reads them: they may be objects of the package."""
    remarks, error = attempted(evidence.bound, check)
    if not error:
        _, error = attempted(probe.redactor.value, check.facts)
    lines = [*check.remarks.splitlines(), *map(probe.redactor.composed, remarks or ())]
    check.remarks = "\n".join(dict.fromkeys(lines))  # each once: a check is looked at before and after the agent's
    return f"the verifier recorded a check of {check.step} whose facts cannot be written: {error}" if error else ""


def _is_duration(value: Any) -> bool:
    """Return whether a value can be written as seconds, and read again from a stored run."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LONGEST_CHECK


def _check_fault(check: Any) -> str:  # noqa: C901  # one field a condition
    if not isinstance(check, Check):
        return f"the verifier recorded {shown(check)}, which is no Check"
    for name, kind in (("step", Step), ("outcome", Outcome)):
        if not isinstance(getattr(check, name), kind):
            return f"the verifier recorded a check whose {name} is {shown(getattr(check, name))}; write {wanted(kind)}"
    if not isinstance(check.summary, str) or not isinstance(check.endpoint, str) or not isinstance(check.facts, dict):
        return f"the verifier recorded a check of {check.step} whose summary or endpoint is no text, or facts no dict"
    if not _is_duration(check.seconds):
        return (
            f"the verifier recorded a check of {check.step} whose seconds are {shown(check.seconds)}; "
            f"write a number from 0 to {_LONGEST_CHECK}"
        )
    if not isinstance(check.trace, str) or not isinstance(check.remarks, str):
        return f"the verifier recorded a check of {check.step} whose trace or remarks are no text"
    for name in ("tentative", "wordless"):
        if not isinstance(getattr(check, name), bool):
            return (
                f"the verifier recorded a check of {check.step} whose {name} is {shown(getattr(check, name))}; "
                f"write {wanted(bool)}"
            )
    if not isinstance(check.events, list | None) or not all(isinstance(event, str) for event in check.events or ()):
        return f"the verifier recorded a check of {check.step} whose events are no list of texts"
    found = check.finding
    if found is None:
        return ""
    if not isinstance(found, Finding) or not isinstance(found.cause, Cause):
        return f"the verifier recorded a check of {check.step} with a {type(found).__name__} without a Cause"
    if fault := cause_fault(found.cause):
        return f"the verifier recorded a cause of which {fault}"
    if not isinstance(found.detail, str) or not isinstance(found.fix, str | None):
        return f"the verifier recorded a check of {check.step} whose detail or fix is no text"
    if not _are_fixes(found.also) or not isinstance(found.owner, Owner):
        return f"the verifier recorded a check of {check.step} whose `also` is no tuple of pairs (Owner, fix)"
    return ""


def _are_fixes(also: Any) -> bool:
    return isinstance(also, tuple) and all(
        isinstance(one, tuple) and len(one) == 2 and isinstance(one[0], Owner) and isinstance(one[1], str)
        for one in also
    )
