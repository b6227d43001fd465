"""Where a target type of another package comes from: its words for messages, and what to do about a fault of it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from scanready.wire.printable import visible

from .attempt import attempted

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

#: Words in the labels of a project's URLs, the best place for a report first.
_LABELS = ("issue", "bug", "tracker", "support", "source", "repository", "code", "home")
#: An address that a browser opens, without an account in it.
_WEB = re.compile(r"https?://[a-z0-9.-]+(?::\d{1,5})?(?:[/?#].*)?", re.IGNORECASE | re.DOTALL)
_MOST = 200  # characters of a URL or a name


class Origin(NamedTuple):
    """The entry point that brings a target type. Its package's metadata is read only where it is needed."""

    entry: EntryPoint

    @property
    def described(self) -> str:
        """The package and the entry point, on one printable line."""
        return visible(described(self.entry))

    @property
    def package(self) -> str:
        """The name of the package, printable; empty for one without metadata."""
        return visible(package(self.entry), _MOST)

    @property
    def version(self) -> str:
        """The version of the package, printable; empty for one whose metadata has none."""
        version, _ = attempted(lambda: _field(self.entry, "Version"))
        return visible(str(version or ""), _MOST)

    @property
    def entry_point(self) -> str:
        """The entry point as its package declares it, ``NAME = MODULE:OBJECT``, printable."""
        return visible(f"{self.entry.name} = {self.entry.value}", _MOST)

    @property
    def fix(self) -> str:
        """The remedy for a fault of it: where to report it, if its metadata says so, and how to uninstall it."""
        name = package(self.entry)
        urls, _ = attempted(lambda: list(_urls(self.entry)))
        report = f"report it at {urls[0]}" if urls else "report it to its authors"
        remove = f"; or on the agent: python -m pip uninstall {shlex.quote(visible(name, _MOST))}" if name else ""
        return f"{described(self.entry).partition(' (')[0]}: {report}{remove}"


def package(entry: EntryPoint) -> str:
    """Return the name of the package that has an entry point; empty for one without metadata."""
    name, _ = attempted(lambda: _field(entry, "Name"))
    return str(name or "")


def described(entry: EntryPoint) -> str:
    """Return the package and the entry point in words."""
    return f"plug-in {package(entry) or 'without a package'} ({entry.name} = {entry.value})"


def _field(entry: EntryPoint, name: str) -> str:
    """Return a field of a package's metadata; empty where it is missing, which Python 3.12 warns of by its property."""
    return next(iter((entry.dist.metadata.get_all(name) if entry.dist else None) or ()), "")


def _urls(entry: EntryPoint) -> Iterator[str]:
    """The web addresses that a package's metadata has, the best for a report first, as printable text."""
    if entry.dist is None:
        return
    told = [line.partition(",") for line in entry.dist.metadata.get_all("Project-URL") or ()]
    named = [(label.strip().lower(), url.strip()) for label, _, url in told]
    named += [("home", url.strip()) for url in entry.dist.metadata.get_all("Home-page") or ()]
    for _, url in sorted(named, key=lambda one: _place(one[0])):
        if _WEB.fullmatch(url):
            yield visible(url, _MOST)


def _place(label: str) -> int:
    """Return the rank of a label; those with none of the words come last."""
    return next((place for place, word in enumerate(_LABELS) if word in label), len(_LABELS))
