"""``scanready import FILE``: what others keep of hosts, as an inventory to review."""

from __future__ import annotations

import os

import click

from scanready.cli import shell_completion
from scanready.cli.job.exit_code import NOTHING_SELECTED
from scanready.cli.job.options import option
from scanready.cli.job.prepare import problems_told
from scanready.cli.messages import warn
from scanready.cli.output.outlet import show

_HELP = """\
\b
Examples:
  scanready import scan.xml -o estate.yaml              nmap -sV -oX scan.xml ...
  ansible-inventory --list | scanready import - > estate.yaml
  scanready import cmdb.csv                             a table with a header
  scanready import hosts.txt                            one host or target a line
  scanready import /etc/hosts

The result is an inventory with a comment on each target: where it came from, and what is a
guess. What was not imported is in it, too, with the reason. Review it, then:
scanready plan FILE. No secret is taken over, and nothing is contacted.
"""


@click.command(help=_HELP)
@click.argument("file", metavar="FILE", shell_complete=shell_completion.files)
@option("--from", "kind", metavar="KIND", help="nmap, ansible, csv, hosts or etc-hosts. [default: by its content]")
@option("-o", "--output", metavar="FILE", help="Write there instead of to standard output; must not exist.")
@click.pass_context
def command(ctx: click.Context, /, file: str, kind: str | None, output: str | None) -> None:
    """Import."""
    from scanready.inventory.importing import as_inventory, import_file
    from scanready.inventory.reading import LARGEST_FILE

    with problems_told():
        found = import_file(file, kind)
    text = as_inventory(found)
    if output in (None, "-"):
        show(text)
    else:
        _write(str(output), text)
    hosts = len({entry.host for entry in found.entries})
    left = len(found.left) + found.left_more
    guesses = f", {found.guesses} of them by a guess" if found.guesses else ""
    warn(f"{len(found.entries)} targets on {hosts} hosts{guesses}; {left} not imported, with the reason in the result")
    for note in found.remarks[:5]:
        warn(note)
    if len(text.encode()) > LARGEST_FILE:
        warn(f"the result is larger than an inventory may be ({LARGEST_FILE // 1024 // 1024} MiB): split it")
    if not found.entries:
        ctx.exit(NOTHING_SELECTED)


def _write(file: str, text: str) -> None:
    """Write a new file; an inventory that somebody has worked on is not written over."""
    from scanready.files.atomic_file import AtomicFile, ordinary_mode

    problem = None
    try:
        with AtomicFile(file, mode=ordinary_mode(), exclusive=True) as stream:
            stream.write(text.encode())
            stream.commit()
    except FileExistsError:
        problem = f"{file} is there already: name another file, or remove it first"
    except OSError as error:
        problem = f"{file} cannot be written: {error.strerror or os.strerror(error.errno or 0)}"
    if problem:
        raise click.UsageError(problem)
