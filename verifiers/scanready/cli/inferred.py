"""``import --infer RUN``: make an inventory from the results of a run, with a type for each host that had none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from scanready.catalogue.wrong import Wrong
from scanready.inventory.importing import Imported
from scanready.inventory.importing.found import Entry, host_of
from scanready.model import GOOD, Report, Target
from scanready.run.any_type import answered

from .source import Source, opened


def inferred(run: str, store: str | None) -> Imported:
    """Return the targets that passed in a run, and those that did not, with their causes.

    Args:
        run: the name of a stored run, or a file of results.

    Raises:
        click.UsageError: there is no such run, or it cannot be read.
    """
    with opened(run, store) as source:
        found = Imported("run", source.name, place="result")
        reports = _of_estate(source) if source.has_several_agents() else source.reports()
        for number, (host, types) in enumerate(_by_host(reports), 1):
            _take(found, number, host, types)
    return found


def _of_estate(source: Source) -> Iterator[Report]:
    """Yield one result for each target: of an agent that the estate verdict rests on, so that no target is twice."""
    for row in source.view().rows():
        names = [name for name in (row.verdict.met_by, *row.verdict.by, *row.reports) if name in row.reports]
        if names:
            yield row.reports[str(names[0])]


def _by_host(reports: Iterable[Report]) -> Iterator[tuple[Target | None, list[Report]]]:
    """Yield the report of each target; for a host without a type, yield the host and the reports of all types."""
    guessed: dict[str, list[Report]] = {}
    for report in reports:
        if report.types:
            yield report.target, list(report.types)
        elif report.target.guessed:
            guessed.setdefault(report.target.host, []).append(report)
        else:
            yield None, [report]
    for tried in guessed.values():
        yield tried[0].target, tried


def _take(found: Imported, number: int, host: Target | None, types: list[Report]) -> None:
    good = [report for report in types if report.verdict in GOOD]
    for report in good:
        target = report.target
        try:
            name = host_of(target.host)
        except Wrong as wrong:  # a result file may come from an untrusted author
            found.leave(number, target.host, "; ".join(wrong.messages))
            continue
        port = target.port if target.explicit_port else None
        entry = Entry(name, number, target.type, port, _options(target), _account(found, number, target), target.tags)
        entry.about = f"{report.verdict}, found by trying every type" if host else str(report.verdict)
        found.add(entry)
    if not good:
        lead = next(filter(answered, types), types[0])
        why = f"{lead.verdict} by {lead.cause.code}" if lead.cause else str(lead.verdict)
        found.leave(number, types[0].target.host, f"{why}; none of {len(types)} types passed" if host else why)


def _options(target: Target) -> dict[str, str]:
    return {name: str(value) for name, value in target.options.items() if isinstance(value, str | int | float)}


def _account(found: Imported, number: int, target: Target) -> str:
    account = target.credential
    return found.account(account.name, account.username, number) if account and account.username else ""
