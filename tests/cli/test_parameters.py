"""The values of options: durations."""

from __future__ import annotations

import click
import pytest

from scanready.cli.parameters import Duration


def test_durations() -> None:
    read = Duration().convert
    assert [read(text, None, None) for text in ("30s", "5m", "1h", "90", "1.5m")] == [30, 300, 3600, 90, 90]
    for wrong in ("", "-1", "5d", "5 m", "nan"):
        with pytest.raises(click.BadParameter):
            read(wrong, None, None)
