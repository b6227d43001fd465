"""Read in a report which of a target's accounts it is about: each login names its own, if there are several.

``which_credential`` writes it. This module loads nothing of the climb, so that a report can be drawn without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from scanready.catalogue.facts import CREDENTIAL, REFUSED_CREDENTIALS
from scanready.model import Check, Credential, Outcome, Report, Step

#: The outcomes of a login that the target accepted.
HELD = (Outcome.PASSED, Outcome.WARNED)


class Accepted(NamedTuple):
    """Name the credential that a target accepted, and those that it refused before, with the codes of the causes."""

    name: str
    refused: dict[str, str]

    def __str__(self) -> str:
        others = "; ".join(f"{name}: {code}" for name, code in self.refused.items())
        return f"{self.name} ({others})" if others else self.name


def credential_of(report: Report, check: Check) -> Credential | None:
    """Return the account of a login; a target may have several."""
    name = check.facts.get(CREDENTIAL.name)
    return next((one for one in report.target.credentials if one.name == name), report.target.credential)


def refused_code(check: Check) -> str:
    """Return the code of the cause for which the account of a login was refused, if another one was tried after it."""
    refused, name = check.facts.get(REFUSED_CREDENTIALS.name), check.facts.get(CREDENTIAL.name)
    code = refused.get(name) if isinstance(refused, Mapping) and isinstance(name, str) else None
    return code if isinstance(code, str) else ""


def accepted(report: Report) -> Accepted | None:
    """Return the account that a target with several let in; None if it let in none, or has one account."""
    for check in report.checks:
        name, refused = check.facts.get(CREDENTIAL.name), check.facts.get(REFUSED_CREDENTIALS.name)
        if check.step is Step.LOGIN and check.outcome in HELD and isinstance(name, str):
            return Accepted(name, dict(refused) if isinstance(refused, Mapping) else {})
    return None
