"""Describe what a check of PostgreSQL sends on each step, with the psql lines that ask the same."""

from __future__ import annotations

from scanready.catalogue.exchange import ONE_ROW, OPENSSL, TLS_AS_A_FACT, Exchange
from scanready.model import Step

_PSQL = "psql -h {host} -p {port} -U {user} {database}"

STORY: dict[str, dict[Step, Exchange]] = {
    "postgresql": {
        Step.TLS: Exchange(f"SSLRequest: is there TLS? Where there is, {TLS_AS_A_FACT}", OPENSSL),
        Step.HANDSHAKE: Exchange("a startup packet with user and database", "pg_isready -h {host} -p {port}"),
        Step.AUTH: Exchange("nothing more: the answer to the startup packet says it", _PSQL),
        Step.LOGIN: Exchange("the account, once, on a connection of its own", _PSQL),
        Step.ACCESS: Exchange(ONE_ROW, f"{_PSQL} -c '\\d'"),
    },
}
