"""Install another package's target types for a test, as an installer would: modules, and an entry point beside them.

The package is found by a process whose ``PYTHONPATH`` names the directory (:func:`tests.cli.plugin.environment`).
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

#: A row, and the verifier that it names: it says that its own client has connected, sends nothing, and is ready.
ROW = """
from scanready.catalogue import Cost, TargetType
QUEUE = TargetType("queue", "Message queue", 5671, Cost(1, 1), speaks="queue", home=__package__)
"""
VERIFY = """
from scanready.model import Step
async def verify(probe):
    probe.footprint.connections += 1
    async with probe.step(Step.HANDSHAKE) as rung:
        rung.ok("speaks queue", product="Queue 1.0")
    async with probe.step(Step.AUTH) as rung:
        rung.ok("asks for a password")
"""


def install(
    where: Path, package: str, entries: Mapping[str, str], *, group: str = "scanready.targets", **modules: str
) -> None:
    """Put a package into ``where``.

    Args:
        package: the distribution; its import name has ``_`` for ``-``.
        entries: entry points, by name.
        group: the group of the entry points.
        modules: the source of each module of the package.
    """
    folder = where / package.replace("-", "_")
    folder.mkdir(parents=True)
    for name, source in {"__init__": "", **modules}.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(source))
    info = where / f"{folder.name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = "".join(f"{name} = {value}\n" for name, value in entries.items())
    (info / "entry_points.txt").write_text(f"[{group}]\n{lines}")


def queue(where: Path, **modules: str) -> None:
    """Put a package with the type ``queue`` into ``where``; ``modules`` replace or add to its own."""
    install(where, "acme-queue", {"queue": "acme_queue.row:QUEUE"}, **{"row": ROW, "verify": VERIFY, **modules})
