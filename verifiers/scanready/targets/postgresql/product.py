"""Name the product behind PostgreSQL's protocol, by the words of its ``version()``.

Databases of many makers speak the protocol; the handshake is the same for all of them.
"""

from __future__ import annotations

QUESTION = "SELECT version()"

#: A word in the answer, and the product that has it; forks of PostgreSQL keep its name before their own.
_NAMES = (
    ("cockroachdb", "CockroachDB"),
    ("-yb-", "YugabyteDB"),
    ("redshift", "Amazon Redshift"),
    ("greenplum", "Greenplum Database"),
    ("enterprisedb", "EDB Postgres Advanced Server"),
    ("opengauss", "openGauss"),
    ("gaussdb", "GaussDB"),
    ("vastbase", "Vastbase"),
    ("questdb", "QuestDB"),
    ("cratedb", "CrateDB"),
    ("materialize", "Materialize"),
    ("risingwave", "RisingWave"),
    ("postgresql", "PostgreSQL"),
)


def named(version: str) -> str:
    """Return the product that ``version()`` names; empty if it names none that is known."""
    words = version.lower()
    return next((product for word, product in _NAMES if word in words), "")
