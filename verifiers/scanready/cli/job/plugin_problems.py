"""Warn about broken plug-ins that a command needs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from scanready.cli.messages import warn
from scanready.model import Target
from scanready.run import registry


def plugins_load(targets: Sequence[Target]) -> None:
    """Load the plug-ins that these targets need, and warn of broken ones; their targets end undecided."""
    for name in dict.fromkeys(target.type for target in targets):
        registry.catalogue().get(name)
    warn_of_plugins()


def warn_of_plugins(about: str | None = None, known: Collection[str] = ()) -> None:
    """Warn about the problems of the plug-ins loaded so far, except for the ``known`` ones.

    ``about`` is a type or a code: warn only about the plug-in that it belongs to.
    """
    warn_of(registry.problems(about), known)


def warn_of(problems: Iterable[str], known: Collection[str]) -> None:
    """Warn about problems, except for the ``known`` ones."""
    for problem in problems:
        if problem not in known:
            warn(problem)
