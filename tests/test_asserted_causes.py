"""An asserted cause counts; a comment, an input, a denial and an unused table do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.asserted_causes import asserted

HEADER = """
import pytest
from scanready.causes import common
from scanready.causes.common import BUG
TABLE = {"a.table": 1}
MADE = make([("a.made", 2)])
def helper(report, code):
    assert report.code == code
"""


@pytest.mark.parametrize(
    ("test", "found"),
    [
        ("assert x.code == 'a.compared'", {"a.compared"}),
        ("assert x.cause is common.LIMIT", {"scanready.causes.common.LIMIT"}),
        ("assert x.cause == BUG", {"scanready.causes.common.BUG"}),
        ("assert x == Finding(common.LIMIT, 'why')", {"scanready.causes.common.LIMIT"}),
        ("helper(x, 'a.helper')", {"a.helper"}),
        ("helper(x, code='a.keyword')", {"a.keyword"}),
        ("code = 'a.local'\n    assert x == code", {"a.local"}),
        ("for number, code in ((1, 'a.loop'), (2, 'a.next')):\n        assert x == code", {"a.loop", "a.next"}),
        ("assert set(x) == set(TABLE)", {"a.table"}),
        ("assert x in MADE", {"a.made"}),
        ("with pytest.raises(Failure, match=r'a\\.match'):\n        run()", {"a.match"}),
        ("pass  # a.comment", set()),
        ("'a.docstring'", set()),
        ("print('a.printed')", set()),
        ("code = 'a.unused'\n    assert x", set()),
        ("assert x != 'a.denied'", set()),
        ("assert 'a.denied' not in x", set()),
        ("assert not x.startswith('a.denied')", set()),
        ("assert run(common.LIMIT, 'a.input')", set()),
        ("raise Failure(common.LIMIT)", set()),
    ],
)
def test_one_statement(tmp_path: Path, test: str, found: set[str]) -> None:
    (tmp_path / "test_it.py").write_text(f"{HEADER}\n\ndef test_it(x):\n    {test}\n")
    found_there = {one for one in asserted(tmp_path) if one.startswith(("a.", "scanready.causes.common."))}
    assert found_there == found


def test_cases_count_by_the_parameter_that_is_asserted(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("""
import pytest
class TestIt:
    @pytest.mark.parametrize(("code", "asked"), [("a.one", "a.input"), pytest.param("a.two", 0, id="a.id")])
    @pytest.mark.parametrize("other", ["a.other"])
    def test_it(self, code, asked, other):
        assert run(asked, other) == code
""")
    assert {one for one in asserted(tmp_path) if one.startswith("a.")} == {"a.one", "a.two"}
