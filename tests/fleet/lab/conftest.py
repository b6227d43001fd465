"""Real servers, agents in namespaces of their own, and a firewall between: fixtures/fleet/estate.py."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from fixtures.fleet.estate import Estate
from fixtures.lab import lab as laboratory


@pytest.fixture(scope="session")
def lab() -> Iterator[laboratory.Lab]:
    reason = laboratory.unavailable()
    if reason is not None:
        if os.environ.get("SCANREADY_REQUIRE_LAB") == "1":
            pytest.fail(f"the lab is required but cannot be had: {reason}", pytrace=False)
        pytest.skip(f"no lab: {reason}")
    built = laboratory.Lab()
    try:
        yield built
    finally:
        built.close()


@pytest.fixture(scope="session")
def estate(lab: laboratory.Lab, tmp_path_factory: pytest.TempPathFactory) -> Estate:
    return Estate(lab, tmp_path_factory.mktemp("agents"))
