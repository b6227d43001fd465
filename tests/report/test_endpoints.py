"""The addresses of a result are untrusted: they may come from a file of any program, or from another package."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scanready.model import Check, Outcome, Step
from scanready.report.endpoints import evidence
from scanready.report.rules import rules_of_result
from scanready.report.serialize import as_line
from tests.report.reports import ready


@pytest.mark.parametrize(
    ("told", "addresses"),
    [(["10.0.0.7", 5, ["x"], None], ("10.0.0.7",)), (5, ()), (True, ()), ({"a": 1}, ()), ("10.0.0.7", ()), (None, ())],
)
def test_only_texts_of_a_list_are_addresses(told: Any, addresses: tuple[str, ...]) -> None:
    report = ready()
    report.checks.insert(0, Check(Step.RESOLVE, "db8", Outcome.PASSED, "resolved", {"addresses": told}))
    result = json.loads(as_line(report))
    assert evidence(result).addresses == addresses
    assert [rule.destination for rule in rules_of_result(result)] == list(addresses or ("db8",))
