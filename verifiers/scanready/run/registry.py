"""All target types that this process knows: our own, and those that other packages register as entry points.

An entry point of the group ``scanready.targets`` is a row (:class:`scanready.catalogue.TargetType`), and then has
all that a built-in type has. It may also be a bare coroutine ``verify(probe)``: the entry point's name is then the
type, and a stand-in row speaks for it.
"""

from __future__ import annotations

from functools import lru_cache

from scanready.catalogue import Catalogue, Verifier
from scanready.catalogue.requirement import BUILT_IN, About, Profile
from scanready.model import Cause

from .built_in import built_in_causes, built_in_rows
from .plugins.installed import Plugins
from .plugins.origin import Origin

_judge: Profile | None = None


def judge_by(profile: Profile | None) -> None:
    """Judge by a profile from now on, everywhere in this process; None is the built-in one."""
    global _judge  # a process is an agent of one scanner
    if profile is not _judge:
        _judge = profile
        catalogue.cache_clear()


def judge() -> Profile | None:
    """Return the profile that targets are judged by; None is the built-in one."""
    return _judge


def about_judge() -> About:
    """Return the names of the profile that targets are judged by."""
    return _judge.about if _judge else BUILT_IN


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """Return all target types; those of other packages are looked for when they are needed."""
    if _judge is None:
        return Catalogue(built_in_rows(), _plugins())
    from .judged_by import JudgedBy

    return Catalogue(JudgedBy(built_in_rows(), _judge, unnamed=False), JudgedBy(_plugins(), _judge, unnamed=True))


def verifier(name: str) -> Verifier | None:
    """Return the coroutine that climbs for a target type, None if the type is unknown. Import only that one."""
    row = catalogue().get(name)
    return row.verify() if row else None


def origin(name: str) -> Origin | None:
    """Return where a target type of another package comes from; None for a built-in or unknown type."""
    return _plugins().origin(name)


def plugin_names() -> frozenset[str]:
    """The names under which other packages register types; nothing of theirs is imported."""
    return frozenset(_plugins().entries)


def plugins_installed() -> list[str]:
    """Return the entry points of other packages, sorted, as ``NAME = MODULE:OBJECT``; unusable ones included."""
    return sorted(f"{entry.name} = {entry.value}" for entry in _plugins().installed)


def problems(about: str | None = None) -> list[str]:
    """Return the faults of the plug-ins that were loaded so far: a line each, with package and entry point.

    Args:
        about: a type's name or a cause's code, to return only what concerns it; None for everything.
    """
    return _plugins().problems(about)


def all_causes() -> dict[str, Cause]:
    """Return every cause by its code: the shared ones first, then type by type, then other packages'."""
    return _plugins().with_causes(built_in_causes())


@lru_cache(maxsize=1)
def _plugins() -> Plugins:
    return Plugins(built_in_rows().keys())
