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
        """
    ) == [
        "inv.yaml:2:34: there is no cause `connect.filterd`; did you mean `connect.filtered`? "
        "(`scanready explain` lists all)",
        "inv.yaml:2:34: `until` is missing: write the last day on which it is expected, as in {blocked: CODE, until: "
        "YYYY-MM-DD, reason: TEXT}",
        "inv.yaml:3:34: `expect` must be a mapping, as in {blocked: CODE, until: YYYY-MM-DD, reason: TEXT}",
    ]


@pytest.mark.parametrize(
    ("entry", "right"),
    [
        ({"blocked": "connect.filtered", "until": "2026-12-31"}, True),
        ({"undecided": "agent.driver-missing", "until": "2026-12-31", "reason": "x"}, True),
        ({"blocked": "connect.filtered"}, False),
        ({"until": "2026-12-31"}, False),
        ({"blocked": "a.b", "limited": "c.d", "until": "2026-12-31"}, False),
        ({"blocked": "a.b", "until": "2026-12-31", "untl": ""}, False),
    ],
)
def test_the_schema_knows_it(entry: dict[str, str], right: bool) -> None:
    document = {"targets": [{"host": "a", "type": "ssh", "expect": entry}]}
    assert jsonschema.Draft202012Validator(json_schema()).is_valid(document) is right
