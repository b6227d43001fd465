"""``import --infer RUN``: make an inventory from the results of a run, with a type for each host that had none."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

from scanready.catalogue.wrong import Wrong, shown
from scanready.inventory.agents import check_name
from scanready.inventory.importing import Imported
from scanready.inventory.importing.found import Entry, host_of
from scanready.model import GOOD, DeclaredAgent, Report, Target
from scanready.model.platforms import PLATFORMS
from scanready.report.estate.view import AgentColumn, EstateInfo
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
        reports = _of_estate(source, found) if source.has_several_agents() else source.reports()
        for number, (host, types) in enumerate(_by_host(reports), 1):
            _take(found, number, host, types)
    return found


def _of_estate(source: Source, found: Imported) -> Iterator[Report]:
    """Yield one result for each target: of an agent that the estate verdict rests on, so that no target is twice.

    The target has the sites that the inventory of the run gave it, or else the agents that have a result for it.
    """
    view = source.view()
    found.agents += _declared(view.info, found)
    agents = {agent.name for agent in found.agents}
    known_sites = {site for agent in found.agents for site in agent.sites}
    for row in view.rows():
        names = [name for name in (row.verdict.met_by, *row.verdict.by, *row.reports) if name in row.reports]
        if not names:
            continue
        report = row.reports[str(names[0])]
        sites = tuple(site for site in row.target.sites if site in known_sites)
        holding = tuple(name for name in row.reports if name in agents)
        every = not row.target.agents and set(holding) == agents
        who = () if sites or every else holding
        types = tuple(replace(one, target=replace(one.target, sites=sites, agents=who)) for one in report.types)
        yield replace(report, target=replace(report.target, sites=sites, agents=who), types=types)


def _declared(info: EstateInfo, found: Imported) -> Iterator[DeclaredAgent]:
    """Yield the agents of a view as an inventory can declare them; note those whose names it rejects."""
    spellings: dict[str, str] = {}
    platforms = {agent.name: agent.platform for agent in info.frame.agents}
    for column in info.columns:
        try:
            check_name("agent", column.name)
            if column.name.casefold() in spellings:
                raise Wrong("another agent's name differs only in case")
        except Wrong as wrong:  # a result file may come from an untrusted author
            found.note(f"the agent {shown(column.name)} is not imported: {'; '.join(wrong.messages)}")
            continue
        spellings[column.name.casefold()] = column.name
        platform = platforms.get(column.name, column.platform)
        known = platform if platform in PLATFORMS.values() else ""
        yield DeclaredAgent(column.name, tuple(_sites(column, spellings)), known)


def _sites(column: AgentColumn, spellings: dict[str, str]) -> Iterator[str]:
    for site in dict.fromkeys(column.sites):
        with contextlib.suppress(Wrong):
            check_name("site", site)
            if spellings.setdefault(f"site {site.casefold()}", site) == site:
                yield site


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
        if found.agents:
            entry.agents, entry.sites = target.agents, target.sites
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
