"""``scanready check TARGET...``: check one or a few targets and show every step."""

from __future__ import annotations

from typing import Any

import click

from scanready.cli import shell_completion
from scanready.cli.general_settings import is_of_file
from scanready.cli.job.account import AskedAccount, account_name, credential_of
from scanready.cli.job.guard_options import Logins, RetryingCommand, login_options
from scanready.cli.job.job import EVERY, Options
from scanready.cli.job.options import option, output_options, run_options
from scanready.cli.job.plugin_problems import plugins_load
from scanready.cli.job.prepare import (
    prepare_outputs,
    read_inventory,
    settings_of,
    source_files,
    types_exist,
)
from scanready.cli.job.targets import read_targets
from scanready.model import Target
from scanready.run.target_name import name_of

_HELP = """\
\b
Examples:
  scanready check db7                               which types can db7 be scanned as?
  scanready check postgresql://db7/hr               one type, up to the login prompt
  scanready check ssh://web1 --user er --password-from env:PW
  scanready check nfs://nas/export --wait 10m       repeat until the firewall opens
  scanready check - < targets.txt                   one target per line

A TARGET is HOST, HOST:PORT or TYPE://[USER@]HOST[:PORT][/PATH][?OPTION=VALUE]. Without a
type, every type is tried on its default port; HOST:PORT tries every type on that port. The
exit code is then 0 if the host can be scanned as at least one type, else that of its best
type. Write a password as a reference only: env:NAME, file:PATH, keyring:SERVICE/USER or
prompt:.
"""


@click.command(help=_HELP, cls=RetryingCommand)
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...", shell_complete=shell_completion.targets)
@run_options
@login_options
@option("--inventory", metavar="FILE", help="Use this inventory's credentials (for --credential), agent name and CAs.")
@option(
    "--credential",
    metavar="NAME",
    shell_complete=shell_completion.credentials,
    help="Log in with this credential of the inventory.",
)
@option("--user", metavar="USER", help="Log in with this account.")
@option(
    "--password-from",
    metavar="REF",
    help="The password, as a reference: env:NAME, file:PATH, keyring:SERVICE/USER or prompt:",
)
@option("--key-file", metavar="FILE", help="Log in with this private key (ssh).")
@output_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    targets: tuple[str, ...],
    inventory: str | None,
    credential: str | None,
    user: str | None,
    password_from: str | None,
    key_file: str | None,
    **rest: Any,
) -> None:
    """Check."""
    from scanready.cli.job.job import Job
    from scanready.cli.job.run_store import recording
    from scanready.cli.job.runner import carry_out

    logins = Logins.taken(rest)
    options = Options(**rest)
    types_exist(options.types)
    described = None
    if inventory is not None:
        wanted = [credential] if credential is not None and not logins.no_login else []
        described = read_inventory(inventory, allow_large=True, quiet=options.verbosity < 0, credentials=wanted)
    given = AskedAccount(credential, user, password_from, key_file, is_of_file(ctx, "password_from"))
    account = account_name(described, given) if logins.no_login else credential_of(described, given)
    found, tried = read_targets(targets, options.types, account)
    plugins_load(found)
    policy = logins.policy(described, found)
    outputs, tap = prepare_outputs(options, ladder=True, keep=source_files(inventory))
    settings = settings_of(options, described, tap)
    record = recording(options, _asked(found, tried), types=options.types)
    job = Job(
        found,
        settings,
        outputs,
        options.require,
        tried,
        options.wait or 0.0,
        options.interval or EVERY,
        options.verbosity < 0,
        record,
        None,
        "check",
        policy=policy,
    )
    ctx.exit(carry_out(job))


def _asked(targets: list[Target], tried: dict[int, str]) -> str:
    """Return the checked targets as one line; not the arguments, since they may hold secrets."""
    return " ".join(dict.fromkeys(tried.get(id(target), name_of(target)) for target in targets))
