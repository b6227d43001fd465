"""``scanready completion SHELL``: print the script for the start file of the shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from scanready.cli.output.outlet import show

_HELP = """\
\b
Examples:
  eval "$(scanready completion bash)"                                 in ~/.bashrc
  eval "$(scanready completion zsh)"                                  in ~/.zshrc
  scanready completion fish > ~/.config/fish/completions/scanready.fish
  scanready completion powershell | Out-String | Invoke-Expression    in $PROFILE
"""


@click.command(help=_HELP)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish", "powershell")))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Completion."""
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"the installed click has no completion for {shell}; install click 8.5 or newer")
    root = ctx.find_root()
    script = found(root.command, {}, "scanready", "_SCANREADY_COMPLETE")
    show(script.source() + "\n")
