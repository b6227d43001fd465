"""One broker a file; agents and coordinators are processes of their own. script/test-fleet runs these tests."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.fleet import rabbitmq
from fixtures.fleet.site import Servers, Site, site_definitions


def demand_broker() -> None:
    """Skip the test where no broker can run, or fail it if one is required."""
    why = rabbitmq.missing()
    if importlib.util.find_spec("celery") is None:
        why = "no Celery: install the extra fleet"
    if why:
        if os.environ.get("SCANREADY_REQUIRE_LAB") == "1":
            pytest.fail(why)
        pytest.skip(why)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[rabbitmq.RabbitMq]:
    demand_broker()
    with rabbitmq.RabbitMq(tmp_path_factory.mktemp("broker"), site_definitions()) as running:
        yield running


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with Servers(tmp_path_factory.mktemp("servers")) as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, broker: rabbitmq.RabbitMq) -> Iterator[Site]:
    with Site(tmp_path, broker) as running:
        yield running
