"""Reading a large inventory keeps what the targets need, and little more on the way."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from scanready import inventory

COUNT = 6_000


def test_the_nodes_of_an_inventory_are_gone_as_its_targets_come(tmp_path: Path) -> None:
    """A target needs 272 bytes and, until all are read, 120 to find a repeated one (Python 3.11); its nodes, 220."""
    hosts = [f"10.{number >> 8}.{number & 255}.9" for number in range(COUNT)]
    lines = [f"  - {{hosts: [{', '.join(hosts[at : at + 1000])}], type: ssh}}" for at in range(0, COUNT, 1000)]
    (tmp_path / "estate.yaml").write_text("\n".join(["targets:", *lines, ""]))
    inventory.load(tmp_path / "estate.yaml")  # the first one also imports modules
    tracemalloc.start()
    try:
        found = inventory.load(tmp_path / "estate.yaml")
        kept, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found.targets) == COUNT
    assert kept / COUNT < 330
    assert most / COUNT < 480


def test_targets_of_one_line_share_the_text_of_their_place(tmp_path: Path) -> None:
    (tmp_path / "estate.yaml").write_text("targets:\n  - {hosts: [a, b], type: ssh}\n  - {host: c, type: ssh}\n")
    first, second, third = inventory.load(tmp_path / "estate.yaml").targets
    assert first.source is second.source
    assert first.source == f"{tmp_path / 'estate.yaml'}:2"
    assert third.source == f"{tmp_path / 'estate.yaml'}:3"
