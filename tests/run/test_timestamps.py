"""Moments that others wrote are read as moments of UTC, or refused."""

from __future__ import annotations

import dataclasses
import datetime

import pytest

from scanready.model import Target
from scanready.report.formats.prometheus import timestamp
from scanready.run import timestamps
from scanready.run.any_type import combined
from tests.report.reports import ready


@pytest.mark.parametrize("text", ["2026-01-01T02:00:00+02:00", "2026-01-01T00:00:00", "2026-01-01T00:00:00.000Z"])
def test_a_moment_of_any_zone_is_read_in_utc(text: str) -> None:
    assert timestamps.written(timestamps.read(text)) == "2026-01-01T00:00:00.000Z"


@pytest.mark.parametrize("text", ["soon", "", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-12:00"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        timestamps.read(text)
    assert timestamp(text) is None


def test_starts_with_and_without_a_zone_are_compared() -> None:
    """Another program wrote the file."""
    target = Target("db7", "any", 0)
    tried = [
        dataclasses.replace(ready(), started=started, seconds=1.0)
        for started in ("2026-01-01T00:00:00Z", "2026-01-01T00:00:02")
    ]
    assert combined(target, tried, datetime.date(2026, 1, 1)).seconds == 3.0
