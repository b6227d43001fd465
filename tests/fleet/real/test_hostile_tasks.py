"""Tasks with settings that no coordinator writes cost an agent neither its memory nor its work."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest

pytest.importorskip("celery")

from fixtures.fleet.site import Servers, Site
from tests.fleet.real.test_estate import give, task, until

#: MiB of a message that is 1,000 times as small on its way.
BOMB = 512
#: MiB that the agent may grow by.
ROOM = 64
SIGNATURE = {
    "task": "scanready.check",
    "args": ["{}"],
    "kwargs": {},
    "options": {"queue": "other"},
    "subtask_type": None,
}


def works(site: Site, servers: Servers) -> bool:
    """Return True if the agent still takes a run."""
    return site.verify(str(servers.inventory), "--agents", "a", "--only", "type=http").returncode in (0, 1, 3, 4)


@pytest.mark.parametrize("kind", ["gzip", "zlib"])
def test_a_compressed_message_is_not_unpacked(site: Site, servers: Servers, kind: str) -> None:
    """A message within the broker's bound had half a gigabyte in the agent."""
    site.start("a")
    until(lambda: "waiting for targets" in site.log("a"))
    before = site.peak_memory("a")
    body, properties = task("")
    plain = body + b" " * (BOMB << 20)
    packed, name = (gzip.compress(plain), "application/x-gzip") if kind == "gzip" else (zlib.compress(plain), "zlib")
    properties["application_headers"]["compression"] = name
    give(site.broker, packed, **properties)
    until(lambda: "a message was refused" in site.log("a"))
    assert works(site, servers)
    assert site.peak_memory("a") < before + ROOM


@pytest.mark.parametrize(
    ("headers", "embedded"),
    [
        ({"eta": "2099-01-01T00:00:00+00:00"}, {}),
        ({"expires": "2001-01-01T00:00:00+00:00"}, {}),
        ({"timelimit": [1, 1]}, {}),
        ({"ignore_result": False, "reply_to": "x"}, {}),
        ({}, {"callbacks": [SIGNATURE]}),
        ({}, {"errbacks": [SIGNATURE]}),
        ({}, {"chain": [SIGNATURE]}),
        ({}, {"chord": SIGNATURE}),
    ],
    ids=["eta", "expires", "timelimit", "reply", "callbacks", "errbacks", "chain", "chord"],
)
def test_settings_of_celery_have_no_effect(
    site: Site, servers: Servers, headers: dict[str, Any], embedded: dict[str, Any]
) -> None:
    site.start("a")
    until(lambda: "waiting for targets" in site.log("a"))
    body, properties = task("not a batch")
    args, kwargs, embed = json.loads(body)
    properties["application_headers"] |= headers
    for _ in range(60):  # more than the agent has in hand
        give(site.broker, json.dumps([args, kwargs, embed | embedded]).encode(), **properties)
    until(lambda: "a message was refused: the message is not JSON" in site.log("a"))
    assert works(site, servers)
    lines = {
        line for line in site.log("a").splitlines() if "a message was refused: the message is not JSON" not in line
    }
    assert len(lines) == 1, lines
