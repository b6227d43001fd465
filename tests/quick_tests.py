"""The test files that script/check runs as a whole: script/test leaves them out, so that none runs twice."""

from __future__ import annotations

from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]


@cache
def is_quick(file: str) -> bool:
    """Return whether script/check runs all tests of a file, which is named from the root of the project."""
    named = [line.strip() for line in (ROOT / "script" / "check-tests").read_text(encoding="utf-8").splitlines()]
    left_out = [line[1:].partition("::")[0] for line in named if line.startswith("-")]
    return any(_holds(path, file) for path in named) and not any(_holds(path, file) for path in left_out)


def _holds(path: str, file: str) -> bool:
    return file == path or (path != "" and file.startswith(f"{path}/"))
