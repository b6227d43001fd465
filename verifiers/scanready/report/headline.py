"""Sum up a run in words. "Proven" is used only if data was read: a login prompt proves only that a service answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from scanready.catalogue.requirement import BUILT_IN
from scanready.model import GOOD, Agent, Report, Standing, Verdict
from scanready.run.tried_credentials import accepted
from scanready.wire.printable import visible

#: The words of each verdict in a summary, the best first.
WORDS = {
    Verdict.SCANNABLE: "proven",
    Verdict.READY: "fine up to the login prompt",
    Verdict.LIMITED: "with warnings",
    Verdict.BLOCKED: "blocked",
    Verdict.UNDECIDED: "undecided",
}


def summed(verdicts: Mapping[Verdict, int], *, named: bool = False) -> str:
    """Return ``2 proven, 20 fine up to the login prompt``; verdicts that do not occur are left out.

    Args:
        verdicts: how many targets have each.
        named: add the verdict's own word, which a table of targets has.
    """
    found = {verdict: verdicts.get(verdict, 0) for verdict in WORDS}
    return ", ".join(f"{count} {_words(verdict, named)}" for verdict, count in found.items() if count)


def assumptions(assumed: Iterable[str]) -> str:
    """Return ``assumed, not measured: open=db7:5432/tcp``, the first words of a report; empty without any."""
    texts = ", ".join(visible(text, 200) for text in assumed)
    return f"assumed, not measured: {texts}" if texts else ""


def known(standings: Mapping[Standing, int]) -> str:
    """Return ``2 failures are known and not counted``, with the other standings; empty if no failure is known."""
    words = {
        Standing.WAIVED: ("failure is known and not counted", "failures are known and not counted"),
        Standing.OVER: ("known failure is past its date", "known failures are past their date"),
        Standing.NO_LONGER_NEEDED: ("`expect` is no longer needed", "`expect` entries are no longer needed"),
    }
    counts = {standing: standings.get(standing, 0) for standing in words}
    return "; ".join(f"{count} {words[one][count > 1]}" for one, count in counts.items() if count)


def _words(verdict: Verdict, named: bool) -> str:
    return f"{verdict} ({WORDS[verdict]})" if named and verdict in GOOD else WORDS[verdict]


def best(reports: Iterable[Report]) -> Verdict | None:
    """Return the best verdict of the types that were tried on one host; None without a report."""
    found = {report.verdict for report in reports}
    return next((verdict for verdict in WORDS if verdict in found), None)


def as_types(reports: Iterable[Report]) -> str:
    """Return ``proven as target type ssh; passes up to the login prompt as target type http or mysql``.

    Empty if no type holds.
    """
    found: dict[Verdict, list[str]] = {}
    for report in reports:
        found.setdefault(report.verdict, []).append(report.target.type)
    words = WORDS | {Verdict.READY: "passes up to the login prompt"}
    return "; ".join(
        f"{words[verdict]} as target type {_any_of(found[verdict])}" for verdict in GOOD if verdict in found
    )


def _any_of(names: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def held_how(report: Report) -> str:
    """Return what a verdict leaves open.

    That is ``as ssh, https`` for a host without a type, and ``with credential new (old: login.refused)`` for a target
    with several credentials of which one was accepted; else it is empty.
    """
    names = [one.target.type for one in report.types if one.verdict in GOOD]
    if names:
        return f"as {', '.join(names)}"
    return f"with credential {found}" if report.target.alternatives and (found := accepted(report)) else ""


def best_of_hosts(hosts: Iterable[Iterable[Report]]) -> Counter[Verdict]:
    """Return how many hosts have each verdict; the best of its types counts for a host."""
    return Counter(verdict for reports in hosts if (verdict := best(reports)) is not None)


def unusual_profile(agent: Agent) -> str:
    """Return the name of an agent's profile; empty if it is the built-in one, or not known."""
    return "" if agent.profile in ("", BUILT_IN.name) else visible(agent.profile, 40)


def judged_by(agent: Agent) -> str:
    """Return the phrase that names an unusual profile, behind the name of its agent; else an empty text."""
    return f" (judged by the profile {name})" if (name := unusual_profile(agent)) else ""
