"""Judge by the profile that ``--profile`` names, and compare it with the profile of stored results."""

from __future__ import annotations

from collections.abc import Iterable

import click

from scanready.catalogue.requirement import BUILT_IN
from scanready.cli.messages import fitting, warn
from scanready.run import registry


def judge_by(ctx: click.Context, word: str) -> None:
    """Judge by the profile of a name or a file until the command ends.

    Raises:
        scanready.cli.job.prepare.Unusable: there is none, or it has problems.
    """
    from scanready.profiles.named import profile_named

    from .prepare import problems_told

    ctx.call_on_close(lambda: registry.judge_by(None))
    with problems_told():
        registry.judge_by(profile_named(word))


def warn_of_profiles(stored: Iterable[str]) -> None:
    """Warn of results that another profile judged than the one in use, whose requirements this command takes.

    Args:
        stored: the profiles of agents or results; an empty one is not known, as in results of version 0.1.
    """
    used = registry.about_judge().name
    for name in sorted({name for name in stored if name} - {used}):
        warn(f"some results were judged by the profile {fitting(name)}, but this command uses {used}: {_add(name)}")


def demand_profile(stored: str, run: str) -> None:
    """Check that a run is continued with the profile that it began with.

    Raises:
        click.UsageError: another profile is in use now.
    """
    used, began = registry.about_judge().name, stored or BUILT_IN.name
    if used != began:
        raise click.UsageError(f"{run} was started with the profile {fitting(began)}, not {used}: {_add(began)}")


def _add(name: str) -> str:
    return "omit --profile" if name == BUILT_IN.name else f"add --profile {fitting(name)}, or its file"
