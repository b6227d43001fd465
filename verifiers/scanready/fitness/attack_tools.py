"""Name the scripts of client libraries that endpoint protection takes for an attack, if they are installed here.

A library that our own script installs (``Driver.script``) comes without its scripts and examples. pip itself installs
them.
"""

from __future__ import annotations

import asyncio
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from scanready.catalogue.row import Driver
from scanready.causes import agent as causes
from scanready.clients import libraries
from scanready.clients.imports import RUN
from scanready.run.registry import catalogue

from .question import Answer, Line
from .request import Asked

#: Folders in which installers put scripts: those of POSIX and of Windows.
_FOLDERS = ("bin", "Scripts")
#: So many names stand in the text; the facts have all.
_SHOWN = 5


async def look(asked: Asked) -> list[Answer]:
    """Warn of each library whose scripts or examples are here; a host without them has no line."""
    answers: list[Answer] = []
    for library in libraries.known(catalogue()):
        if not library.driver.script:
            continue
        with Line("attack tools", answers) as line:
            scripts, examples = await asyncio.to_thread(found, library.driver)
            where = " and ".join(sorted({str(path.parent) for path in scripts}))
            parts = [f"{_count(scripts, 'script')} in {where} ({_few(scripts)})"] if scripts else []
            parts += [f"{_count(examples, 'file')} in {library.driver.module}/examples"] if examples else []
            if parts:
                line.warn(
                    causes.ATTACK_TOOLS,
                    f"{library.driver.distribution} is installed with {' and '.join(parts)}",
                    RUN(python=sys.executable, script=library.driver.script),
                    scripts=[path.name for path in scripts],
                )
        if not answers[-1].finding:
            answers.pop()
    return answers


def found(driver: Driver) -> tuple[list[Path], list[Path]]:
    """Return the scripts and the examples of a library that exist on this host, by name."""
    try:
        files = distribution(driver.distribution).files or []
    except PackageNotFoundError:
        return [], []
    outside = [file for file in files if file.parts[0] == ".." and file.suffix != ".pyc"]  # or pages of documentation
    scripts = {Path(file.locate()).resolve() for file in outside if file.parent.name in _FOLDERS}
    examples = {Path(file.locate()).resolve() for file in files if file.parts[:2] == (driver.module, "examples")}
    here = [sorted((path for path in paths if path.is_file()), key=_name) for paths in (scripts, examples)]
    return here[0], here[1]


def _count(paths: list[Path], noun: str) -> str:
    return f"{len(paths)} {noun}{'' if len(paths) == 1 else 's'}"


def _name(path: Path) -> str:
    return path.name.lower()


def _few(paths: list[Path]) -> str:
    return ", ".join([path.name for path in paths[:_SHOWN]] + ["..."] * (len(paths) > _SHOWN))
