"""Write CSV for spreadsheets and change requests: a header, then one line for each target (RFC 4180).

A cell that a spreadsheet would read as a formula begins with an apostrophe, which spreadsheets do not show: text of a
target must not run as a formula on the reader's computer.
"""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from scanready.model import Report, Target
from scanready.report.document import Places, RunInfo, Totals
from scanready.report.known import note
from scanready.report.look import Look
from scanready.report.rules import rules_of_result
from scanready.report.serialize import as_line, target_object
from scanready.run.target_name import LONGEST_NAME
from scanready.run.tried_credentials import accepted
from scanready.wire.printable import visible, visible_lines

COLUMNS = (
    "host",
    "type",
    "port",
    "verdict",
    "reached",
    "cause",
    "owner",
    "step",
    "detail",
    "remedy",
    "fix",
    "firewall",
    "product",
    "version",
    "path",
    "credential",
    "tags",
    "agent",
    "connections",
    "login_attempts",
    "probe_logins",
    "started",
    "seconds",
    "target",
    "also",
    "besides",
    "standing",
    "expected",
    "as",
    "accepted",
    "profile",
)
#: Some spreadsheets read a cell that begins with one of these as a formula, also after a tab or a return.
_FORMULA = tuple("=+-@|%\t\r\n\uff1d\uff0b\uff0d\uff20")
_LONGEST = LONGEST_NAME
#: Begins a file, since Excel otherwise takes UTF-8 for a code page. A program that reads standard output expects none.
BYTE_ORDER_MARK = "\ufeff"


class Csv:
    """Write the lines in the order of the inventory, each as soon as those before it are written."""

    def __init__(self, look: Look) -> None:
        self._mark = BYTE_ORDER_MARK if look.file else ""
        self._waiting: dict[int, str] = {}
        self._next = 0

    def begin(self, run: RunInfo) -> str:
        """Return the header."""
        self._places = Places(run)
        return self._mark + csv_line(COLUMNS)

    def add(self, report: Report) -> str:
        """Return the lines that are next in order; keep a line whose predecessors are missing."""
        found = values_of(report)
        self._waiting[self._places.of(report.target)] = csv_line([found.get(column, "") for column in COLUMNS])
        lines = ""
        while self._next in self._waiting:
            lines += self._waiting.pop(self._next)
            self._next += 1
        return lines

    def end(self, totals: Totals) -> str:
        """Return the lines whose predecessors never came, because the run was interrupted."""
        return "".join(line for _, line in sorted(self._waiting.items()))


def csv_line(values: Any) -> str:
    """Return one line of CSV with its line end; no cell is a formula."""
    paper = io.StringIO()
    csv.writer(paper).writerow([cell(value) for value in values])
    return paper.getvalue()


def cell(value: Any) -> Any:
    """Return a value for a cell: a number unchanged, text with visible characters only and never a formula."""
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return value
    text = "\n".join(visible_lines(str(value), _LONGEST)) if "\n" in str(value) else visible(str(value), _LONGEST)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def values_of(report: Report) -> dict[str, Any]:
    """Return the cells of a result by column."""
    result = json.loads(as_line(report))  # quicker than as_object, which looks at every value
    target, cause, footprint = result["target"], result["cause"] or {}, result["footprint"]
    firewall = rules_of_result(result) if (cause.get("owner"), cause.get("step")) == ("network", "connect") else []
    return {
        **_of_target(target),
        "verdict": result["verdict"],
        "reached": result["reached"],
        "cause": cause.get("code"),
        **{key: cause.get(key) for key in ("owner", "step", "detail", "remedy", "fix")},
        "firewall": "; ".join(rule.sentence for rule in firewall),
        "product": result["facts"].get("product"),
        "version": result["facts"].get("version"),
        "agent": result["agent"]["name"],
        "profile": result["agent"]["profile"],
        **footprint,
        "started": result["started"],
        "seconds": result["seconds"],
        "also": "\n".join(map(_by_other, cause.get("also", ()))),
        "besides": "\n".join(map(_second, result["besides"])),
        "standing": result.get("standing"),
        "expected": note(report),
        "as": " ".join(result.get("as", ())),
        "accepted": accepted(report),
    }


def values_of_target(target: Target) -> dict[str, Any]:
    """Return the cells of a target that has no result."""
    return _of_target(target_object(target))


def _of_target(target: dict[str, Any]) -> dict[str, Any]:
    return {
        **{key: target[key] for key in ("host", "type", "port", "credential")},
        "path": path_of(target),
        "tags": " ".join(target["tags"]),
        "target": target["name"],
    }


def _by_other(part: dict[str, Any]) -> str:
    """Return the remedy and the fix of another owner of the cause."""
    return f"{part['owner']}: {part['remedy']}" + (f"\n{part['fix']}" if part["fix"] else "")


def _second(cause: dict[str, Any]) -> str:
    """Return a cause besides the decisive one, with its fix."""
    return f"{cause['code']} ({cause['owner']}): {cause['detail']}" + (f"\n{cause['fix']}" if cause["fix"] else "")


def path_of(target: dict[str, Any]) -> str:
    """Return the share, export, database or path of a target (a result's ``target``); empty if it has none."""
    from scanready.run.registry import catalogue

    row = catalogue().get(target["type"])
    value = target["options"].get(row.path) if row and row.path else None
    return "" if value is None else str(value)
