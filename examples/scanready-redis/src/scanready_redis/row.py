"""Declare the target type ``redis``: every command of scanready reads this row.

The sibling modules are found by their names and loaded on first use: ``verify``, ``requirements``, ``causes``,
``signatures`` and ``story``.
"""

from __future__ import annotations

from typing import Any

from scanready.author import ALLOW_CLEARTEXT, TLS, Called, Cost, Group, Nmap, Option, TargetType, Wrong


def read_database(name: str, value: Any) -> int:
    """Return the number of a database, as ``SELECT`` takes it.

    Raises:
        Wrong: it is no number from 0 to 65535.
    """
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535):
        raise Wrong(f"`{name}` is the number of a database, as in `redis://cache1/0`")
    return int(text)


REDIS = TargetType(
    name="redis",
    title="Redis",
    port=6379,
    # The upper bound of one check: what `scanready plan` prints.
    cost=Cost(
        connections=1,
        with_credential=1,
        login_attempts=1,
        log="nothing; a refused login is one entry of ACL LOG",
    ),
    speaks="redis",
    home=__package__,
    group=Group.DATABASES,
    # redis://cache1/3 is database 3.
    path="database",
    options=(Option("database", read_database, {"type": "integer", "minimum": 0}), TLS, ALLOW_CLEARTEXT),
    nmap=Nmap(services=("redis",)),
    called=Called(names=("redis-server", "valkey", "keydb")),
    proven_by="Redis 7.0",
)
