"""Nothing of a finished climb waits for the cycle collector, which a run of thousands keeps idle."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections import Counter
from collections.abc import Iterator

import pytest

from fixtures.emulators import Behaviour, http, imap, in_background, misbehave, mysql, postgresql, ssh
from scanready.climb.confinement import confined
from scanready.climb.probe import Probe
from scanready.model import Check, Report, Target
from scanready.net.stream import Stream
from scanready.run.engine import verify
from scanready.run.settings import Settings
from tests.ladder import BY_NAME

TYPES = tuple(BY_NAME)
PEERS: dict[str, Behaviour] = {
    "ssh": ssh.openssh_9_2,
    "http": http.ok,
    "imap": imap.without_tls,
    "mysql": mysql.mariadb_10_11,
    "postgresql": postgresql.sasl,
    "nobody": misbehave.silent,
    "a hang-up": misbehave.closes_at_once,
    "a reset": misbehave.resets,
    "garbage": misbehave.garbage(7),
}


@pytest.fixture(scope="module", autouse=True)
def a_small_heap() -> Iterator[None]:
    """Collections look at what came since: that there are some hundred thousand objects of pytest's costs seconds."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def garbage() -> Iterator[list[object]]:
    """Count the objects that only a garbage collection frees; the collector does not run by itself meanwhile."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield gc.garbage
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def climb(type_: str, port: int) -> Report:
    return asyncio.run(verify(Target("127.0.0.1", type_, port), Settings(timeout=0.3)))


def of_climbs(garbage: list[object]) -> Counter[str]:
    gc.collect()
    return Counter(type(one).__name__ for one in garbage if isinstance(one, (Check, Probe, Stream)))


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize("peer", PEERS)
def test_a_climb_leaves_no_cycles(garbage: list[object], peer: str, type_: str) -> None:
    with in_background(PEERS[peer]) as server:
        port = server.port
        assert climb(type_, port).checks
        assert not of_climbs(garbage)
    assert climb(type_, port).checks  # refused
    assert not of_climbs(garbage)


class Held:
    """Stands for what a verifier has at hand."""


def test_an_error_that_a_verifier_lets_pass_leaves_no_cycle(garbage: list[object]) -> None:
    """The error of what it awaits is thrown into the verifier and comes out of it as the same object."""

    async def verifier() -> None:
        held = Held()
        failing = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.01, failing.set_exception, OSError("no"))
        try:
            await failing
        finally:
            del failing
        assert held

    async def run() -> None:
        with contextlib.suppress(OSError):
            await confined(verifier(), asyncio.get_running_loop().time() + 5)

    asyncio.run(run())
    gc.collect()
    assert not [one for one in garbage if isinstance(one, Held)]
