"""Describe what a check of PostgreSQL sends on each step, with the psql lines that ask the same."""

from __future__ import annotations

from scanready.catalogue.exchange import AS_A_FACT, ONE_ROW, OPENSSL, Exchange, Sent
from scanready.model import Step

_PSQL = "psql -h {host} -p {port} -U {user} {database}"

STORY: dict[str, dict[Step, Exchange]] = {
    "postgresql": {
        Step.TLS: Exchange(Sent(ssl="SSLRequest, which asks for TLS", **AS_A_FACT), OPENSSL),
        Step.HANDSHAKE: Exchange(
            Sent(startup="a StartupMessage with user and database"), "pg_isready -h {host} -p {port}"
        ),
        Step.AUTH: Exchange(
            Sent(
                "nothing more: the answer to the StartupMessage shows the result",
                clear="the StartupMessage once more, without TLS, on a connection of its own",
                query="SELECT version() in the session that the server opened without a password",
            ),
            _PSQL,
        ),
        Step.LOGIN: Exchange("the account, once, on a connection of its own", _PSQL),
        Step.ACCESS: Exchange(ONE_ROW, f"{_PSQL} -c '\\d'"),
    },
}
