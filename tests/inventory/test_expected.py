"""A known failure in an inventory: the targets it belongs to, and its errors with their places."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from scanready.inventory import Expectation, json_schema, load
from scanready.model import Verdict
from tests.inventory.conftest import Problems

EXPECTED = Expectation(Verdict.BLOCKED, "connect.filtered", datetime.date(2026, 12, 31), "CHG-1")


def test_it_is_of_all_targets_of_its_entry_and_of_no_other(write: Callable[[str], Path]) -> None:
    inventory = load(
        write(
            """
            targets:
              - ssh://a
              - {hosts: [b, c], types: [ssh, smb],
                 expect: {blocked: connect.filtered, until: 2026-12-31, reason: CHG-1}}
              - {host: d, type: smb, expect: {limited: smb.smb1-only, until: 2027-01-31}}
              - ssh://e
            """
        )
    )
    found = {str(target): target.expected for target in inventory.targets if target.expected}
    assert found == {
        **dict.fromkeys(["ssh://b:22", "smb://b:445", "ssh://c:22", "smb://c:445"], EXPECTED),
        "smb://d:445": Expectation(Verdict.LIMITED, "smb.smb1-only", datetime.date(2027, 1, 31)),
    }


def test_what_is_wrong_is_told_where_it_stands(problems: Problems) -> None:
    assert problems(
        """
        targets:
          - {host: a, type: ssh, expect: {blocked: connect.filterd}}
          - {host: b, type: ssh, expect: soon}
          - {host: c, type: ssh, expect: {blocked: [], until: 2026-02-30, reason: [x], agents: [a, 3, ""]}}
          - host: d
            type: ssh
            expect:
              limited: tls.expired
              undecided: tls.expired
              until: 2026-12-31
              untl: x
              agents: []
        """
    ) == [
        "inv.yaml:2:34: `until` is missing: write the last day on which it is expected, as in {blocked: CODE, until: "
        "YYYY-MM-DD, reason: TEXT}",
        "inv.yaml:2:44: there is no cause `connect.filterd`; did you mean `connect.filtered`? "
        "(`scanready explain` lists all)",
        "inv.yaml:3:34: `expect` must be a mapping, as in {blocked: CODE, until: YYYY-MM-DD, reason: TEXT}",
        "inv.yaml:4:44: `blocked` must be the code of a cause, such as connect.filtered",
        "inv.yaml:4:55: `until`: there is no day `2026-02-30` in the calendar",
        "inv.yaml:4:75: `reason` must be text",
        "inv.yaml:4:92: `agents` must be a list of agent names, such as [proxy-nyc, proxy-paris]",
        "inv.yaml:4:95: `agents` must be a list of agent names, such as [proxy-nyc, proxy-paris]",
        "inv.yaml:9:7: write one of `blocked`, `limited` and `undecided` with a cause's code",
        "inv.yaml:11:7: unknown key `untl`; did you mean `until`? in {blocked: CODE, until: YYYY-MM-DD, reason: TEXT}",
        "inv.yaml:12:15: `agents` must be a list of agent names, such as [proxy-nyc, proxy-paris]",
    ]


@pytest.mark.parametrize(
    "until",
    [
        "2026-W53-1",
        "2026-W53",
        "20261231",
        "'20261231'",
        "2026-12",
        "2026",
        "31.12.2026",
        "2026-12-31T00:00:00Z",
        "2026-1-1",
        "٢٠٢٦-١٢-٣١",
        "1e3",
        "true",
        "[2026-12-31]",
        "0000-01-01",
        "2027-02-29",
    ],
)
def test_a_last_day_has_one_form(problems: Problems, until: str) -> None:
    """Other forms of ISO 8601 and numbers are typing errors here."""
    (problem,) = problems(f"targets: [{{host: a, type: ssh, expect: {{blocked: connect.filtered, until: {until}}}}}]")
    assert problem.startswith("inv.yaml:1:75: `until`"), problem


@pytest.mark.parametrize(
    ("entry", "right"),
    [
        ({"blocked": "connect.filtered", "until": "2026-12-31"}, True),
        ({"undecided": "agent.driver-missing", "until": "2026-12-31", "reason": "x"}, True),
        ({"blocked": "connect.filtered"}, False),
        ({"blocked": "connect.filtered", "until": "2026-W53-1"}, False),
        ({"until": "2026-12-31"}, False),
        ({"blocked": "a.b", "limited": "c.d", "until": "2026-12-31"}, False),
        ({"blocked": "a.b", "until": "2026-12-31", "untl": ""}, False),
    ],
)
def test_the_schema_knows_it(entry: dict[str, str], right: bool) -> None:
    document = {"targets": [{"host": "a", "type": "ssh", "expect": entry}]}
    assert jsonschema.Draft202012Validator(json_schema()).is_valid(document) is right
