"""The part of an estate view by cause names a host without a type as the report of one agent does."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import pytest

from scanready.causes import common
from scanready.model import Report, Step, Target
from scanready.report.estate import EstateView
from scanready.report.estate.causes import EstateCauses
from scanready.report.groups import ByCause
from scanready.run.any_type import combined
from tests.report.estate_view.twelve import LON, climbed, of

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
