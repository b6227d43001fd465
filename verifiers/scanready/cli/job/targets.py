"""Read the targets of a command: TARGET arguments, or the selected part of an inventory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from scanready.cli.messages import fitting, means_a_file, warn
from scanready.files.reading import Unreadable, read_standard_input
from scanready.model import Target
from scanready.run.any_type import flat

from .exit_code import NOTHING_SELECTED
from .prepare import problems_told, read_inventory

if TYPE_CHECKING:
    from scanready.cli.selection import Judgement
    from scanready.cli.share import AskedAgent, Chooser, Share

#: The most bytes of targets on standard input: some hundred thousand lines.
_MOST_INPUT = 8 * 1024 * 1024
#: The scheme of a host without a type.
_ANY = "any://"


def selected_targets(
    ctx: click.Context,
    what: tuple[str, ...],
    only: Sequence[str],
    types: tuple[str, ...],
    *,
    large: bool,
    account: Any = None,
    judged: Mapping[str, Judgement] | None = None,
    asked: AskedAgent | None = None,
    otherwise: Chooser | None = None,
    elsewhere: bool = False,
) -> tuple[list[Target], Share]:
    """Return the selected targets of a command and the share that they are of; exit if there are no targets.

    Args:
        what: one inventory file, or TARGET arguments.
        large: expand large networks.
        account: the credential for TARGET arguments.
        judged: the results of a run, by the identity of the target; None for a command that reads no run.
        asked: the options about the agent.
        otherwise: chooses the agent if no option does; None stands for all of them.
        elsewhere: another host uses the inventory.
    """
    # `check` needs none of these
    from scanready.cli.selection import selection
    from scanready.cli.share import AskedAgent, share_of
    from scanready.report.serialize import identity

    inventory = None
    wanted = selection(only, of_a_run=judged is not None)
    if len(what) == 1 and means_a_file(what[0]):
        inventory = read_inventory(what[0], allow_large=large, quiet=False, credentials=(), elsewhere=elsewhere)
    share = share_of(inventory, asked or AskedAgent(), otherwise)
    if share.inventory:
        wanted = wanted.among(share.inventory.agents)
        everything = [target for target in flat(share.inventory.targets) if not types or target.type in types]
    else:
        everything, _ = read_targets(what, types, account)
    found = {id(target): judged.get(identity(target)) for target in everything} if judged else {}
    targets = [target for target in everything if wanted.takes(target, found.get(id(target)))]
    if not targets:
        others = share.nothing(lambda one: wanted.takes(one) and (not types or one.type in types))
        warn(others or wanted.takes_nothing(everything, {key: one for key, one in found.items() if one}))
        ctx.exit(NOTHING_SELECTED)
    return targets, share


def _from_standard_input(texts: tuple[str, ...]) -> Iterator[str]:
    """Yield the texts; replace ``-`` by the lines of standard input, without blank lines and comments (``#``).

    Raises:
        click.UsageError: standard input is too large, is not UTF-8, or holds no target.
    """
    for text in texts:
        if text != "-":
            yield text
            continue
        try:
            content = read_standard_input(_MOST_INPUT).decode("utf-8-sig")
        except Unreadable as error:
            raise click.UsageError(f"standard input {error}") from error
        except UnicodeDecodeError as error:
            raise click.UsageError("standard input is not UTF-8: give one target per line, as UTF-8") from error
        lines = [line.strip() for line in content.splitlines()]
        targets = [line for line in lines if line and not line.startswith("#")]
        if not targets:
            raise click.UsageError("standard input holds no target: give one per line")
        yield from targets


def read_targets(texts: tuple[str, ...], types: tuple[str, ...], account: Any) -> tuple[list[Target], dict[int, str]]:
    """Return the targets, and the hosts that were given without a type, by the ``id()`` of each target tried there.

    Raises:
        Unusable: with all problems of all of them.
    """
    from scanready.inventory import InventoryError, parse_target
    from scanready.inventory.words import ON_COMMAND_LINE

    found: dict[tuple[object, ...], Target] = {}
    tried: dict[int, str] = {}
    problems: list[Any] = []
    with problems_told():
        for text in _from_standard_input(texts):
            if text != "-" and means_a_file(text):
                name = fitting(text)
                raise click.UsageError(
                    f"{name} is a file, not a target; to check an inventory: `scanready verify {name}`"
                )
            try:
                read = parse_target(text, types=types, credential=account, words=ON_COMMAND_LINE)
            except InventoryError as error:
                problems.extend(error.problems)
                continue
            host = text.removeprefix(_ANY)  # the name that reports give a host without a type
            asked = host if "://" not in host and not types else ""
            for target in read:
                kept = found.setdefault((asked, target.host, target.type, target.port, repr(target.options)), target)
                if asked:
                    tried[id(kept)] = asked
        if problems:
            raise InventoryError(problems)
    return list(found.values()), tried
