"""Write a ranking of changes as CSV for a spreadsheet or a change request: one line a change, with its rank."""

from __future__ import annotations

from scanready.report.formats.csv import BYTE_ORDER_MARK, csv_line
from scanready.report.look import Look

from .ranking import Changes, Entry, Part

COLUMNS = (
    "rank",
    "alternative",
    "up_to",
    "changes",
    "together",
    "agents",
    "owner",
    "cause",
    "change",
    "at",
    "destinations",
    "causes",
    "fix",
    "detail",
    "targets",
)


def csv(found: Changes, look: Look) -> str:
    """Return all entries. The changes of one rank and alternative help only together; one alternative is enough."""
    mark = BYTE_ORDER_MARK if look.file else ""
    lines = (
        csv_line((rank, number, *_values(one, part)))
        for rank, entry in enumerate(found.ranked(), start=1)
        for number, one in enumerate((entry, *entry.instead), start=1)
        for part in one.parts
    )
    return "".join([mark + csv_line(COLUMNS), *lines])


def _values(entry: Entry, part: Part) -> tuple[object, ...]:
    change = part.change
    return (
        len(entry.names),
        len(entry.parts),
        entry.together,
        ", ".join(part.agents),
        change.owner.value,
        change.code,
        change.do,
        change.at,
        ", ".join(part.destinations),
        ", ".join(f"{code} {count}" for code, count in part.causes.items()),
        "\n".join(part.fixes),
        "; ".join(part.details),
        ", ".join(entry.names),
    )
