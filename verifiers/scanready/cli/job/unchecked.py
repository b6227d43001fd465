"""Name the targets that an interrupted run did not check, from the inventory that it was started with."""

from __future__ import annotations

import json
import os
import warnings

from scanready.cli.selection import Selection, selection
from scanready.cli.source import Source
from scanready.model import Target
from scanready.report.handover import Unchecked
from scanready.report.serialize import identity, identity_of_all
from scanready.run.any_type import narrowed
from scanready.run.target_name import visible_name


def unchecked_of(source: Source, results: int, wanted: Selection) -> Unchecked:
    """Return the targets without a result that may belong to a selection.

    The names are known if the inventory still has exactly the targets of the run. If not, only their number is known.

    Args:
        results: the number of targets of the run with a result, before the selection.
    """
    count = max(0, source.asked - results)
    again = f"scanready verify --resume {source.run.name}" if source.run and source.command == "verify" else ""
    if not count:
        return Unchecked()
    everything = targets_of(source)
    if everything is None or source.store is None or source.run is None:
        return Unchecked(count, (), again)
    done = source.store.keys(source.run)
    left = [target for target in everything if identity(target) not in done and wanted.may_take(target)]
    return Unchecked(len(left), tuple(map(visible_name, left)), again)


def targets_of(source: Source) -> list[Target] | None:
    """Return all targets that a run was started with; None if its inventory is gone or has other targets now."""
    run = source.run
    if run is None or run.command != "verify" or not os.path.isfile(run.source):
        return None
    asked = json.loads(run.asked)
    if asked.get("failed_from") or not asked.get("estate"):
        return None
    from scanready.inventory import InventoryError, load

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the run has told them
            described = load(run.source, allow_large=True, credentials=())
            if described.agents and asked.get("as"):
                described = described.share(asked["as"])
    except (InventoryError, OSError):
        return None
    types = asked["types"]
    targets = narrowed(described.targets, lambda one: not types or one.type in types)
    targets = narrowed(targets, selection(tuple(asked["only"])).among(described.agents).takes)
    return targets if identity_of_all(targets) == asked["estate"] else None
