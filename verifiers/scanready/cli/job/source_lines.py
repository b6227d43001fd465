"""Find the lines of the inventory for a stored run of an earlier version, whose results do not have them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from scanready.cli.source import Source
from scanready.model import Target
from scanready.report import FORMATS
from scanready.report.serialize import identity

from .unchecked import targets_of


def with_lines(targets: list[Target], source: Source, formats: Iterable[str]) -> list[Target]:
    """Return the targets of a stored run with their lines, if a format shows them.

    They are known if the inventory of the run still has exactly its targets; otherwise the targets are unchanged.
    """
    if not targets or not any(FORMATS[name].lines for name in formats) or any(target.source for target in targets):
        return targets
    lines = {identity(one): one.source for one in targets_of(source) or ()}
    return [replace(target, source=lines.get(identity(target))) for target in targets] if lines else targets
