"""Requirements of the scanner for Redis: the ports of `scanready firewall`, and where the demand is written."""

from __future__ import annotations

from scanready.author import Requirements, one_port

REQUIREMENTS = {
    "redis": Requirements(
        one_port(6379, "Redis server", "The Redis documentation", "is the default `port` of redis.conf")
    ),
}
