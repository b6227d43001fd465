"""Name the product behind PostgreSQL's protocol from the text of its ``version()``.

Many databases speak the protocol; the handshake is the same for all of them.
"""

from __future__ import annotations

QUESTION = "SELECT version()"

#: A word in the answer and its product. Forks come first, since their answer also contains "PostgreSQL".
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
    """Return the product that ``version()`` names; empty if the product is unknown."""
    words = version.lower()
    return next((product for word, product in _NAMES if word in words), "")
