"""Describe what a check of Informix sends on each step, with the dbaccess line that asks the same."""

from __future__ import annotations

from scanready.catalogue.exchange import ONE_ROW, OPENSSL, TLS_AS_A_FACT, Exchange, with_probe
from scanready.model import Step

_INFORMIX = "dbaccess - -   # then: connect to '@SERVER' user '{user}'"

STORY: dict[str, dict[Step, Exchange]] = {
    "informix": {
        Step.TLS: Exchange(TLS_AS_A_FACT, OPENSSL),
        Step.HANDSHAKE: Exchange(
            with_probe(
                "a connection request as scanready_probe, which the server should refuse",
                "nothing: the protocol starts with a login, and no login was permitted",
                "a connection request with the account: the protocol starts with a login",
            ),
            _INFORMIX,
        ),
        Step.AUTH: Exchange("nothing more: the answer to the connection request shows the result", _INFORMIX),
        Step.LOGIN: Exchange("nothing more: the account was in the connection request", _INFORMIX),
        Step.ACCESS: Exchange(ONE_ROW, _INFORMIX),
    },
}
