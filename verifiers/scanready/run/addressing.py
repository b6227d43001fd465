"""Complete the findings of a climb: which owner can fix each, and on which host each fix is pasted."""

from __future__ import annotations

from dataclasses import replace

from scanready.catalogue.row import owner_of
from scanready.climb.probe import Probe
from scanready.model import Step


def address_fixes(probe: Probe) -> None:
    """Put the names of the target and of the agent in the headings of the fixes, and the owner in each finding."""
    host, agent = probe.host, probe.shared.agent.name
    for check in probe.checks:
        if check.finding:
            from scanready.remedies.fixes import addressed  # no packet waits for what only a finding needs

            from .address_evidence import narrow

            check.finding = replace(check.finding, owner=owner_of(check.finding.cause, probe.row))
            narrow(check, probe.shared.agent, _names(probe))
            found = check.finding
            check.finding = replace(
                found,
                fix=found.fix and addressed(found.fix, host, agent),
                also=tuple((owner, addressed(fix, host, agent)) for owner, fix in found.also),
            )


def _names(probe: Probe) -> list[str]:
    """Return the names that the addresses of a climb may have been resolved from."""
    return [probe.host, *(check.endpoint for check in probe.checks if check.step is Step.RESOLVE)]
