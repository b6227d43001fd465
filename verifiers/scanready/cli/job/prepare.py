"""Prepare a job from the options: settings, outputs; report all errors before anything is probed."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from scanready.cli.messages import did_you_mean, fitting, warn
from scanready.cli.output.outputs import Output, Outputs, open_file, open_outputs
from scanready.cli.output.standard_output import data_stream
from scanready.cli.output.terminal import look
from scanready.model import DeclaredAgent, Step
from scanready.model.platforms import PLATFORMS
from scanready.redaction.userinfo import without_passwords
from scanready.report import FORMATS, new_document, new_estate_document
from scanready.report.later import Later
from scanready.wire.printable import visible

from .job import Options

if TYPE_CHECKING:
    from scanready.cli.output.bundle import Bundle
    from scanready.inventory import Inventory
    from scanready.report.look import Look
    from scanready.run.settings import Settings


class Unusable(click.ClickException):
    """The inventory or a target cannot be used: one problem per line, exit code 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        """Write the problems as FILE:LINE:COLUMN, as a compiler does, so that editors find the place."""
        for line in self.message.split("\n"):
            click.echo(f"scanready: {visible(without_passwords(line))}", err=True)


@contextlib.contextmanager
def problems_told(*, quiet: bool = False) -> Iterator[None]:
    """Turn the errors of an inventory into exit code 2, and its warnings into messages."""
    from scanready.inventory import InventoryError

    told: InventoryError | None = None
    with warnings.catch_warnings(record=True) as careless:
        warnings.simplefilter("always")
        try:
            yield
        except InventoryError as error:
            told = error
    if not quiet:
        for warning in careless:
            warn(str(warning.message))
    if told is not None:
        raise Unusable(str(told))


def read_inventory(
    file: str,
    *,
    allow_large: bool,
    quiet: bool,
    credentials: Sequence[str] | None = None,
    whose: Callable[[Sequence[DeclaredAgent]], str | None] | None = None,
    elsewhere: bool = False,
) -> Inventory:
    """Read an inventory file; its warnings go to standard error.

    Args:
        elsewhere: another host uses it; see :func:`scanready.inventory.reading.read_inventory`.
        credentials: the credentials whose secrets are looked up; None: those that its targets use.
        whose: chooses the agent for whose targets secrets are looked up; None: for all targets.

    Raises:
        Unusable: with all problems of the file.
    """
    from scanready.inventory.reading import read_inventory

    with problems_told(quiet=quiet):
        inventory = read_inventory(
            file, allow_large=allow_large, credentials=credentials, whose=whose, elsewhere=elsewhere
        )
    if not quiet:
        for message in inventory.warnings:
            warn(message)
    return inventory


def settings_of(options: Options, inventory: Inventory | None, transcript: Any = None) -> Settings:
    """Merge the command line, the inventory and the defaults, in this order."""
    from scanready.run.settings import CONCURRENCY, MAX_ATTEMPTS, PER_HOST, Settings, bounds_of, own_agent

    from .limits import within_limits

    quiet, bounds = options.verbosity < 0, bounds_of(options.half_open, options.connect_rate, options.per_net)
    platform = PLATFORMS[options.assume_agent] if options.assume_agent else None
    depth = Step(options.depth) if options.depth else (inventory and inventory.depth) or Step.ACCESS
    return Settings(
        timeout=options.timeout or (inventory and inventory.timeout) or Settings().timeout,
        depth=depth,
        concurrency=within_limits(options.concurrency or CONCURRENCY, (lambda _: None) if quiet else warn),
        per_host=options.per_host or PER_HOST,
        rate=options.rate,
        canary=not options.no_canary,
        ca_file=inventory.ca_file if inventory else None,
        certificate_days=Settings().certificate_days if options.certificate_days is None else options.certificate_days,
        max_attempts=options.max_attempts or MAX_ATTEMPTS,
        agent=own_agent(inventory.agent_name if inventory else None, platform),
        tap=transcript,
        half_open=bounds.half_open,
        connect_rate=bounds.rate,
        per_net=bounds.per_net,
    )


def prepare_outputs(
    options: Options, *, ladder: bool, keep: Sequence[str] = (), estate: bool = False
) -> tuple[Outputs, Any]:
    """Open all outputs, and the transcript; return them and the engine's tap (None without a transcript).

    Args:
        ladder: draw every step of a target instead of the table.
        keep: input files, which must not be overwritten.
        estate: the outputs show an estate view.
    """
    make: Callable[[str, Look], Any] = new_estate_document if estate else new_document

    def new(name: str, look: Look) -> Any:
        # Its reader's exit codes are asked of the document itself.
        return make(name, look) if FORMATS[name].own_codes else Later(lambda: make(name, look))

    to_file = options.output not in (None, "-")
    if FORMATS[options.chosen_format].for_files and not to_file and data_stream().isatty():
        name = options.chosen_format
        raise click.UsageError(f"--format {name} cannot be shown on a terminal: add -o FILE, as in -o report.{name}")
    drawn = look(no_color=options.no_color, verbosity=options.verbosity, to_file=to_file)
    if options.chosen_format == "table" and ladder:
        main = _ladders(drawn, estate=estate)
    else:
        main = new(options.chosen_format, drawn)
    on_file = look(no_color=True, verbosity=options.verbosity, to_file=True)
    others = [(f"{name}={file}", new(name, on_file), file) for name, file in options.reports]
    whole, mode = FORMATS[options.chosen_format].whole, options.file_mode
    people = FORMATS[options.chosen_format].people
    outputs = open_outputs(main, options.output, others, keep, whole, mode, people)
    named = [file for file in (options.output, *(file for _, file in options.reports)) if file not in (None, "-")]
    taken = [*keep, *(str(name) for name in named)]
    taps = []
    if options.transcript is not None:
        outlet = open_file(options.transcript, taken, mode)
        outputs.watch(outlet)
        taps.append(outlet)
    if options.bundle is not None:
        outputs.bundle = _bundle(options, outputs, [*taken, options.transcript or ""])
        taps.append(outputs.bundle.transcript)
    if not taps:
        return outputs, None
    from scanready.cli.output.transcript import recorder

    return outputs, recorder(*taps)


def _ladders(drawn: Look, *, estate: bool) -> Any:
    if estate:
        from scanready.report.estate.ladders import EstateLadders

        return EstateLadders(drawn)
    from scanready.report.ladders import Ladder

    return Ladder(drawn)


def _bundle(options: Options, outputs: Outputs, taken: Sequence[str]) -> Bundle:
    """Add a support bundle to the outputs; its results are an output like any other."""
    from scanready.cli.output.bundle import Bundle

    archive = open_file(str(options.bundle), taken, options.file_mode, whole=True)
    outputs.watch(archive, close=False)
    bundle = Bundle(archive)
    outputs.outputs.append(Output(new_document("json", look(no_color=True, to_file=True)), bundle.results))
    outputs.watch(bundle.results)
    outputs.watch(bundle.transcript)
    return bundle


def source_files(inventory_file: str | None) -> list[str]:
    """Return the input files, which must not be overwritten."""
    return [inventory_file] if inventory_file and inventory_file != "-" else []


def types_exist(types: Sequence[str]) -> None:
    """Check the names given with ``--type``.

    Raises:
        click.UsageError: a type is unknown.
    """
    from scanready.run.registry import catalogue

    for name in types:
        if name not in catalogue():
            near = did_you_mean(name, catalogue().names)
            raise click.UsageError(f"--type: there is no target type {fitting(name)!r}{near} (see `scanready types`)")
