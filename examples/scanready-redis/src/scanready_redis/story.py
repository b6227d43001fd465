"""Describe what a check of Redis sends on each step, with the redis-cli line that asks the same: for ``check -v``."""

from __future__ import annotations

from scanready.author import Exchange, Step, with_login
from scanready.catalogue.exchange import OPENSSL, TLS_AS_A_FACT

STORY: dict[str, dict[Step, Exchange]] = {
    "redis": {
        Step.TLS: Exchange(TLS_AS_A_FACT, OPENSSL),
        Step.HANDSHAKE: Exchange("PING", "redis-cli -h {host} -p {port} PING"),
        Step.AUTH: Exchange("nothing more: the answer to PING says whether a password is needed"),
        Step.LOGIN: Exchange("AUTH with the account", "redis-cli -h {host} -p {port} --user {user} --askpass PING"),
        Step.ACCESS: Exchange(
            with_login(
                "HELLO, SELECT of the database, DBSIZE, as the account", "HELLO, SELECT of the database, DBSIZE"
            ),
            "redis-cli -h {host} -p {port} --user {user} --askpass -n {path} DBSIZE",
        ),
    }
}
