"""``scanready selftest``: check on this host that scanready works, with emulators on loopback."""

from __future__ import annotations

import asyncio
import json

import click

from scanready.cli.job.options import simple_format

_HELP = """\
\b
Examples:
  scanready selftest                       does scanready work on this host?
  scanready selftest --json > report.json  the report as JSON

Starts an emulator of a server for each target type on 127.0.0.1 and checks it, and then a port
that refuses connections. It contacts no other host, needs no root, and changes nothing. The
report has versions and verdicts, and no name of a host, a user or a network: it can be sent
to somebody else.

`scanready agent` checks whether this host can be a Proxy Agent.

Exit codes: 0 every verdict is as expected, 1 one is not, 2 usage error.
"""


@click.command(help=_HELP)
@simple_format
@click.pass_context
def command(ctx: click.Context, format_: str, as_json: bool) -> None:
    """Selftest."""
    from scanready.cli.output.outlet import show
    from scanready.cli.output.terminal import look
    from scanready.report.selftest import as_object, draw
    from scanready.selftest import Host, SelfTest, examine, this_host

    async def both() -> tuple[Host, SelfTest]:
        return await this_host(), await examine()

    try:
        host, done = asyncio.run(both())
    except OSError as error:
        raise click.ClickException(f"the emulators cannot listen on loopback: {error}") from error
    if as_json or format_ == "json":
        show(json.dumps(as_object(host, done), indent=2) + "\n")
    else:
        show(draw(host, done, look()))
    ctx.exit(0 if done.passed else 1)
