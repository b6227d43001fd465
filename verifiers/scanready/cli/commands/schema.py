"""``scanready schema {inventory|result|agent|profile}``: print a JSON Schema."""

from __future__ import annotations

import json

import click

from scanready.cli.output.outlet import show

_HELP = """\
\b
Examples:
  scanready schema inventory > inventory.schema.json
  scanready schema result

\b
This first line of an inventory tells an editor where the schema is:
# yaml-language-server: $schema=inventory.schema.json
"""


@click.command(help=_HELP)
@click.argument("what", type=click.Choice(("inventory", "result", "agent", "profile")))
def command(what: str) -> None:
    """Schema."""
    if what == "result":
        from scanready.report.schema import result_schema

        schema = result_schema()
    elif what == "agent":
        from scanready.report.schema import fitness_schema

        schema = fitness_schema()
    elif what == "profile":
        from scanready.profiles.schema import json_schema

        schema = json_schema()
    else:
        from scanready.inventory import json_schema

        schema = json_schema()
    show(json.dumps(schema, indent=2) + "\n")
