"""The part of an estate view by cause names a host without a type as the report of one agent does."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import pytest

from scanready.causes import common
from scanready.model import Check, Finding, Outcome, Owner, Report, Step, Target, Verdict
from scanready.report.estate import EstateView
from scanready.report.estate.causes import EstateCauses
from scanready.report.groups import ByCause
from scanready.run.any_type import combined
from tests.report.estate_view.twelve import INSTALL, LON, NYC, climbed, of, view

SSH, SMB = Target("far1", "ssh", 22), Target("far1", "smb", 445)
HOST = Target("far1", "any", 0, tries=(SSH, SMB))


def host(ssh: Step) -> Report:
    """Return the result of a host whose SMB port is filtered, and where SSH fails at a step."""
    reports = [
        of(LON, SSH, climbed(SSH, Step.RESOLVE if ssh is Step.CONNECT else Step.CONNECT, (common.FILTERED, ssh, 22))),
        of(LON, SMB, climbed(SMB, Step.RESOLVE, (common.FILTERED, Step.CONNECT, 445))),
    ]
    return combined(HOST, reports, datetime.date(2026, 1, 1))


def named(causes: EstateCauses | ByCause) -> Sequence[str]:
    return [member.where for group in causes.groups() for member in group.members]


@pytest.mark.parametrize(
    ("ssh", "name"),
    [(Step.CONNECT, "any://far1"), (Step.HANDSHAKE, "ssh://far1:22")],
    ids=["no type answered", "a type answered"],
)
def test_a_host_without_a_type_has_the_name_of_the_other_reports(ssh: Step, name: str) -> None:
    estate, own = EstateCauses(), ByCause()
    for row in EstateView(lambda: [host(ssh)]).rows():
        estate.add(row)
    own.add(host(ssh), 0)
    assert named(estate) == named(own) == [name]


def test_each_cause_is_in_the_hand_over_of_its_owners() -> None:
    """Two agents reach far1 through a closed firewall, and one has no SSH client: either change may be enough."""
    causes = EstateCauses(every_owner=True)
    for row in view().rows():
        causes.add(row)
    found = {(owner, group.cause.code): group for owner, groups in causes.by_owner().items() for group in groups}
    missing = found[Owner.AGENT, "agent.client-missing"]
    assert [member.where for member in missing.members] == ["unix://far1:22", "unix://far2:22"]
    (member, *_) = missing.members
    assert member.agents == ("proxy-win1",)
    assert [one.code for one in member.besides] == ["connect.filtered"]
    assert member.fix == INSTALL
    assert "2 targets for the administrators of the scan agent" in causes.to_do()


def test_a_cause_of_one_agent_is_no_graver_than_the_verdict_of_the_estate() -> None:
    """One agent can scan the target with a reservation; what blocks another one blocks nothing."""
    limited = climbed(SSH, Step.AUTH)
    limited.append(Check(Step.TLS, "far1:22", Outcome.WARNED, "", {}, Finding(common.TLS_EXPIRED, "yesterday")))
    blocked = climbed(SSH, Step.RESOLVE, (common.FILTERED, Step.CONNECT, 22))
    causes = EstateCauses(every_owner=True)
    for row in EstateView(lambda: [of(LON, SSH, limited), of(NYC, SSH, blocked)]).rows():
        assert row.verdict.verdict is Verdict.LIMITED
        causes.add(row)
    assert {group.verdict for group in causes.groups()} == {Verdict.LIMITED}
    assert {group.cause.code for group in causes.groups()} == {"tls.expired", "connect.filtered"}
