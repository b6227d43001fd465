"""Find a profile: the built-in one, one that another package brings, or a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scanready.catalogue.requirement import BUILT_IN, Profile
from scanready.catalogue.wrong import did_you_mean, shown
from scanready.inventory.problems import InventoryError, Problem
from scanready.run.plugins.attempt import Unusable, attempted
from scanready.run.plugins.importing import importing

from .reading import read_profile

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

#: Other packages register ``NAME = "package"`` under this group; the profile is the file ``NAME.yaml`` of the package.
ENTRY_POINTS = "scanready.profiles"


def profile_named(word: str) -> Profile | None:
    """Return the profile of a name or a file; None for the built-in one, whose requirements are loaded by type.

    Raises:
        InventoryError: there is none, or it has problems.
    """
    if word == BUILT_IN.name:
        return None
    entry = _entry_points().get(word)
    if entry is None and _means_a_file(word):
        return read_profile(word)
    if entry is None:
        listed = ", ".join(profile_names())
        message = f"there is no profile {shown(word)}{did_you_mean(word, profile_names())} (there are: {listed})"
        raise InventoryError([Problem(f"{message}; for a file, give its path")])
    profile = read_profile(_file(entry))
    if profile.about.name != word:
        message = f"the profile calls itself {shown(profile.about.name)}, but its package calls it {shown(word)}"
        raise InventoryError([Problem(message, str(_file(entry)))])
    return profile


def profile_names() -> list[str]:
    """Return the names of all profiles, the built-in one first."""
    return [BUILT_IN.name, *sorted(_entry_points())]


def _means_a_file(word: str) -> bool:
    return "/" in word or "\\" in word or word.endswith((".yaml", ".yml")) or Path(word).is_file()


def _entry_points() -> dict[str, EntryPoint]:
    """Return the profiles of other packages by name; of two with one name, the first in the order of their packages."""
    from importlib import metadata

    from scanready.run.plugins.origin import package

    found, _ = attempted(lambda: sorted(metadata.entry_points(group=ENTRY_POINTS), key=package, reverse=True))
    return {entry.name: entry for entry in found or () if entry.name != BUILT_IN.name}


def _file(entry: EntryPoint) -> Path:
    """Return the file of a package's profile.

    Raises:
        InventoryError: the package cannot be imported.
    """
    from scanready.run.plugins.origin import described

    fault = ""
    try:
        return importing(_below, entry.value, f"{entry.name}.yaml")
    except Unusable as raised:
        fault = str(raised)
    raise InventoryError(
        [Problem(f"the profile {shown(entry.name)} of the {described(entry)} cannot be read: {fault}")]
    )


def _below(package: str, name: str) -> Path:
    from importlib import resources

    return Path(str(resources.files(package) / name))
