"""``scanready explain CODE``: explain a cause, who can fix it and how, and how to confirm it manually."""

from __future__ import annotations

import json
from typing import Any

import click

from scanready.cli import shell_completion
from scanready.cli.job.options import simple_format
from scanready.cli.job.plugin_problems import warn_of_plugins
from scanready.cli.messages import did_you_mean, fitting
from scanready.cli.output.outlet import show
from scanready.cli.output.terminal import look
from scanready.inventory.options import also_called
from scanready.model import Cause
from scanready.remedies.placeholders import named
from scanready.run.registry import catalogue

#: The least letters of a part of a code; shorter parts occur in nearly all codes.
_LEAST = 4
_HELP = """\
\b
Examples:
  scanready explain                       list all codes
  scanready explain connect.filtered      explain one code
  scanready explain connect               list the codes of an area
  scanready explain refused               list the codes with this word
"""


@click.command(help=_HELP)
@click.argument("code", required=False, shell_complete=shell_completion.codes)
@simple_format
def command(code: str | None, format_: str, as_json: bool) -> None:
    """Explain."""
    from scanready.run.registry import all_causes

    causes = all_causes()
    warn_of_plugins(code)  # first, since the requested cause may be one of a broken plug-in
    found = _find(code, causes)
    one = code in causes
    if as_json or format_ == "json":
        objects = [cause_object(cause) for cause in found]
        show(json.dumps(objects[0] if one else objects, indent=2) + "\n")
    else:
        show(_one(found[0]) if one else _list(found), people=True)


def cause_object(cause: Cause) -> dict[str, Any]:
    """Return a catalogue entry as JSON types.

    ``definite`` is false if the cause leaves the verdict undecided. ``scope`` says what the cause applies to. ``also``
    has the other owners, and ``of_database`` the owner if the target is a database.
    """
    return {
        "code": cause.code,
        "owner": cause.owner.value,
        "of_database": (cause.of_database or cause.owner).value,
        "also": [{"owner": other.owner.value, "remedy": other.remedy} for other in cause.also],
        "step": cause.step.value,
        "meaning": cause.meaning,
        "wire": cause.wire,
        "remedy": cause.remedy,
        "confirm": cause.confirm,
        "definite": cause.definite,
        "scope": cause.scope.value,
        "cases": [
            {
                "case": case.name,
                "meaning": case.meaning,
                "owners": [{"owner": one.owner.value, "remedy": one.remedy} for one in case.owners],
            }
            for case in cause.cases
        ],
    }


def _find(code: str | None, causes: dict[str, Cause]) -> list[Cause]:
    if code is None:
        return list(causes.values())
    if code in causes:
        return [causes[code]]
    word = code.lower()
    row = catalogue().get(also_called(word) or word)
    areas = (word.rstrip("."), *((row.name, row.speaks) if row else ()))
    if found := [(areas.index(area), cause) for name, cause in causes.items() if (area := _area(name)) in areas]:
        return [cause for _, cause in sorted(found, key=lambda one: one[0])]  # the type's own before the protocol's
    if len(word) >= _LEAST and (with_it := [cause for name, cause in causes.items() if word in name]):
        return with_it
    near = did_you_mean(code, causes)
    raise click.UsageError(f"there is no cause {fitting(code)!r}{near} (`scanready explain` lists all)")


def _area(code: str) -> str:
    return code.partition(".")[0]


def _one(cause: Cause) -> str:
    from rich.text import Text

    from scanready.report.paper import Paper, owned, pairs

    paper = Paper(look())
    paper.draw(owned(cause), Text(""))
    verdict = "blocked" if cause.definite else "undecided"
    paper.draw(
        pairs(
            [
                ("meaning", named(cause.meaning)),
                *([("on the wire", named(cause.wire))] if cause.wire else []),
                ("remedy", named(cause.remedy)),
                ("owner", _owner(cause)),
                *(("alternative", f"({one.owner}) {named(one.remedy)}") for one in cause.also),
                ("step", cause.step.value),
                ("verdict", f"{verdict}; or limited if a scan may still work"),
                ("confirm", named(cause.confirm)),
            ]
        ),
        indent=2,
    )
    for case in cause.cases:
        owners = [("remedy", f"({one.owner}) {named(one.remedy)}") for one in case.owners]
        paper.draw(Text.assemble("\ncase ", (case.name, "bold")), indent=2)
        paper.draw(pairs([("meaning", named(case.meaning)), *owners]), indent=4)
    return paper.text()


def _owner(cause: Cause) -> str:
    return f"{cause.owner} (of a database: {cause.of_database})" if cause.of_database else cause.owner.value


def _list(causes: list[Cause]) -> str:
    from rich.text import Text

    from scanready.report.paper import Paper, columns

    paper = Paper(look())
    grid = columns(None, None, 1)
    for cause in causes:
        grid.add_row(Text(cause.code, "bold"), Text(cause.owner.value), Text(named(cause.meaning), overflow="fold"))
    paper.draw(grid)
    return paper.text()
