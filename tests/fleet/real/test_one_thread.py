"""One thread writes to the connection of an agent's worker: two at once end the process with a corrupt heap."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("celery")

from benchmarks.prober import addresses
from fixtures.fleet.gated import Gated
from fixtures.fleet.site import Site
from fixtures.limits import HANG
from tests.fleet.real.one_thread import WORDS
from tests.fleet.real.test_estate import until

PROGRAM = [sys.executable, str(Path(__file__).with_name("one_thread.py"))]
TARGETS = 1500


@pytest.mark.timeout(300)
@pytest.mark.parametrize("hub", [True, False], ids=["hub", "no hub"])
def test_batches_are_acknowledged_by_one_thread(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, hub: bool
) -> None:
    """Forty of sixty batches are in hand as the broker restarts; all end after it, in forty threads."""
    if not hub:
        monkeypatch.setenv("WITHOUT_HUB", "1")
    with Gated() as gate:
        targets = [{"host": one, "type": "ssh", "port": gate.port} for one in addresses(TARGETS)]
        (tmp_path / "estate.yaml").write_text(json.dumps({"agents": [{"name": "a"}], "targets": targets}))
        site.start("a", program=PROGRAM)
        run = site.coordinator(str(tmp_path / "estate.yaml"), "--timeout", "600")
        gate.let_through(100)
        until(lambda: site.stored() >= 50)
        site.broker.kill()
        site.broker.start()
        gate.let_through(2 * TARGETS)
        until(lambda: run.poll() is not None or not site.is_alive("a"))
        assert site.is_alive("a"), site.log("a")
        assert run.wait(HANG) == 1
    assert site.stored() == TARGETS
    assert WORDS not in site.log("a")
