"""Rows, columns and counts of an estate view."""

from __future__ import annotations

import dataclasses

from scanready.causes import common
from scanready.model import Step, Verdict
from scanready.report.estate import Absent, EstateTotals, EstateView, Frame
from tests.estate.results import ACCOUNT
from tests.report.estate_view import lab


def totals(view: EstateView) -> EstateTotals:
    found = EstateTotals.of(view.info)
    for row in view.rows():
        found.add(row)
    return found


def test_a_target_that_one_agent_reaches_is_ready_and_names_this_agent() -> None:
    row = next(lab.view().rows())
    assert (row.verdict.verdict, row.verdict.by) == (Verdict.READY, ("proxy-sgp",))
    assert list(row.reports) == sorted(lab.AGENTS)


def test_a_missing_result_makes_a_blocked_target_undecided_and_is_named() -> None:
    row = list(lab.view().rows())[2]
    assert (row.verdict.verdict, row.verdict.missing) == (Verdict.UNDECIDED, ("proxy-sgp",))


def test_counts_never_add_agents() -> None:
    found = totals(lab.view())
    assert found.verdicts == {Verdict.READY: 2, Verdict.BLOCKED: 1, Verdict.UNDECIDED: 1}
    assert found.agents["proxy-sgp"] == {Verdict.READY: 2, Verdict.BLOCKED: 1}
    assert found.agents["proxy-lon"] == {Verdict.READY: 1, Verdict.BLOCKED: 3}
    assert found.missing == {"proxy-sgp": 1}
    assert found.proven_by_some == 0


def test_only_data_that_was_read_proves_a_target() -> None:
    results = [lab.of("proxy-lon", lab.FINE, Step.AUTH), lab.of("proxy-nyc", lab.FINE, Step.ACCESS)]
    assert totals(EstateView(results.copy)).proven_by_some == 1
    assert totals(EstateView(results[:1].copy)).proven_by_some == 0


def test_a_result_that_another_one_overrules_proves_nothing() -> None:
    target = dataclasses.replace(lab.FINE, credential=ACCOUNT)
    results = [lab.of("proxy-lon", target, Step.LOGIN, common.LOGIN_REFUSED), lab.of("proxy-nyc", target, Step.AUTH)]
    found = totals(EstateView(results.copy))
    assert (found.proven_by_some, found.verdicts) == (0, {Verdict.BLOCKED: 1})
    assert found.agents["proxy-nyc"] == {Verdict.READY: 1}


def test_an_agent_without_results_changes_only_its_own_counts_and_what_it_leaves_open() -> None:
    before, after = totals(lab.view()), totals(lab.view(lab.frame("proxy-new")))
    assert {name: after.agents[name] for name in lab.AGENTS} == before.agents
    assert (after.agents["proxy-new"], after.missing["proxy-new"]) == ({}, 4)
    assert after.proven_by_some == before.proven_by_some
    assert after.verdicts == {Verdict.READY: 2, Verdict.UNDECIDED: 2}


def test_results_of_an_absent_agent_do_not_count() -> None:
    view = lab.view(lab.frame(absent=(Absent("proxy-sgp", "results from 2026-11-20, too old"),)))
    row = next(view.rows())
    assert (row.verdict.verdict, row.verdict.missing) == (Verdict.UNDECIDED, ("proxy-sgp",))
    assert [one.absent for one in view.info.columns] == ["", "", "", "results from 2026-11-20, too old"]


def test_targets_without_any_result_come_last() -> None:
    view = lab.view(dataclasses.replace(lab.frame(), unseen=(dataclasses.replace(lab.FINE, host="new"),)))
    rows = list(view.rows())
    assert (view.info.targets, len(rows), rows[-1].reports) == (5, 5, {})
    assert rows[-1].verdict.missing == lab.AGENTS
    assert totals(view).unseen == 1


def test_the_later_of_two_results_counts() -> None:
    early = lab.of("proxy-lon", lab.FINE, Step.CONNECT, common.FILTERED)
    late = dataclasses.replace(lab.of("proxy-lon", lab.FINE, Step.AUTH), started="2026-01-02T00:00:00Z")
    for order in ((early, late), (late, early)):
        view = EstateView(list(order).copy, Frame())
        (row,) = view.rows()
        assert row.verdict.verdict is Verdict.READY
        assert view.replaced == {"proxy-lon": 1}


def test_columns_name_declared_seen_and_assigned_agents() -> None:
    target = dataclasses.replace(lab.FINE, host="own", agents=("proxy-own",))
    view = lab.view(dataclasses.replace(lab.frame("proxy-new"), unseen=(target,)))
    assert [one.name for one in view.info.columns] == sorted([*lab.AGENTS, "proxy-new", "proxy-own"])
    assert view.info.columns[0].addresses == ("10.1.0.5",)


def test_a_target_has_the_line_of_whichever_result_has_one() -> None:
    """One agent has an earlier version, whose results do not name the line of the inventory."""
    old, new = lab.of("proxy-lon", lab.FINE, Step.AUTH), lab.of("proxy-nyc", lab.FINE, Step.AUTH)
    new.target = dataclasses.replace(new.target, source="estate.yaml:7")
    for results in ([old, new], [new, old]):
        (row,) = EstateView(results.copy).rows()
        assert row.target.source == "estate.yaml:7"
