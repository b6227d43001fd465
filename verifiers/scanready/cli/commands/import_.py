"""``scanready import FILE``: make an inventory from another tool's list of hosts, or compare the list with one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scanready.cli import shell_completion
from scanready.cli.job.exit_code import NOTHING_SELECTED
from scanready.cli.job.options import option
from scanready.cli.job.prepare import problems_told
from scanready.cli.messages import warn
from scanready.cli.new_file import write_new
from scanready.cli.output.outlet import show

if TYPE_CHECKING:
    from scanready.inventory.importing import Imported

_HELP = """\
\b
Examples:
  scanready import scan.xml -o estate.yaml              nmap -sV -oX scan.xml ...
  ansible-inventory --list | scanready import - > estate.yaml
  scanready import cmdb.csv                             a table with a header
  scanready import cmdb.csv --map host="Asset Name"     the hosts are in this column
  scanready import hosts.txt                            one host or target per line
  scanready import cmdb.csv --against estate.yaml       show the differences; write nothing
  scanready import --infer last -o estate.yaml          with the types that a run found

The result is an inventory. A comment beside each target names its source and any guess. The
end of the file lists the entries that were not imported, with the reasons. Review the file,
then run: scanready plan FILE. No secret is copied, and nothing is contacted.
"""


@click.command(help=_HELP)
@click.argument("file", metavar="[FILE]", required=False, shell_complete=shell_completion.files)
@option(
    "--from",
    "kind",
    metavar="KIND",
    shell_complete=shell_completion.import_kinds,
    help="nmap, ansible, csv, hosts or etc-hosts. [default: by its content]",
)
@option(
    "--map",
    "mapped",
    multiple=True,
    metavar="KIND=COLUMN",
    shell_complete=shell_completion.import_columns,
    help="Name the column of a table that holds the host, type, os, port, user, tags, status, or an option such as "
    "database. KIND= without a column ignores the column of that kind. Repeatable.",
)
@option(
    "--against",
    metavar="INVENTORY",
    shell_complete=shell_completion.files,
    help="Show the differences from this inventory; write nothing.",
)
@option(
    "--infer",
    "run",
    metavar="RUN",
    shell_complete=shell_completion.runs,
    help="Import the results of a run instead of FILE. RUN is its name, last, or a result file.",
)
@option("--store", metavar="FILE", help="The file that holds the runs.")
@option("-o", "--output", metavar="FILE", help="Write to this new file instead of standard output.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    file: str | None,
    kind: str | None,
    mapped: tuple[str, ...],
    against: str | None,
    run: str | None,
    store: str | None,
    output: str | None,
) -> None:
    """Import."""
    from scanready.files.same import is_same
    from scanready.inventory.importing import as_inventory

    if against is not None and output is not None:
        raise click.UsageError("--against writes no inventory and cannot be combined with -o")
    if against is not None and file is not None and is_same(against, file):
        raise click.UsageError("FILE and --against are the same file: name the list and the inventory")
    found = _found(file, kind, mapped, run, store)
    if against is not None:
        _compare(found, against)
    else:
        text = as_inventory(found)
        if output in (None, "-"):
            show(text)
        else:
            write_new(str(output), text)
        _warn_if_too_large(text)
    _summarise(found, "for the reasons, omit --against" if against else "reasons at the end of the result")
    if not found.entries:
        ctx.exit(NOTHING_SELECTED)


def _found(file: str | None, kind: str | None, mapped: tuple[str, ...], run: str | None, store: str | None) -> Imported:
    if (file is None) == (run is None):
        raise click.UsageError("give either a FILE or --infer RUN")
    if run is not None:
        if kind is not None or mapped:
            raise click.UsageError("--from and --map describe a FILE and cannot be combined with --infer")
        from scanready.cli.inferred import inferred

        return inferred(run, store)
    from scanready.inventory.importing import import_file

    with problems_told():
        return import_file(str(file), kind, _mapping(mapped))


def _mapping(words: tuple[str, ...]) -> dict[str, str]:
    from scanready.catalogue.wrong import Wrong
    from scanready.inventory.importing import read_mapping

    try:
        return read_mapping(words)
    except Wrong as wrong:
        told = "; ".join(wrong.messages)
    raise click.UsageError(told)


def _compare(found: Imported, inventory: str) -> None:
    """Show the differences between the imported targets and an inventory; its secrets are not looked up."""
    from scanready.inventory import load
    from scanready.inventory.importing.against import as_text, compare
    from scanready.run.any_type import flat

    with problems_told():
        known = load(inventory, allow_large=True, credentials=())
    show(as_text(compare(found, flat(known.targets)), found.file, inventory), people=True)


def _summarise(found: Imported, reasons: str) -> None:
    from scanready.report.paper import counted

    hosts = len({entry.host for entry in found.entries})
    guesses = f" ({found.guesses} guessed)" if found.guesses else ""
    skipped = f"; {found.skipped:,} not imported ({reasons})" if found.skipped else ""
    warn(f"{counted(len(found.entries), 'target')} on {counted(hosts, 'host')}{guesses}{skipped}")
    for note in found.remarks[:5]:
        warn(note)


def _warn_if_too_large(text: str) -> None:
    from scanready.inventory.reading import LARGEST_FILE

    if len(text.encode()) > LARGEST_FILE:
        warn(f"the result is larger than the limit of an inventory ({LARGEST_FILE // 1024 // 1024} MiB): split it")
