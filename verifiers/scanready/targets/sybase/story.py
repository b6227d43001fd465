"""Describe what a check of SAP ASE sends on each step, with the tsql and isql lines that ask the same."""

from __future__ import annotations

from scanready.catalogue.exchange import OPENSSL, TLS_AS_A_FACT, Exchange, Sent, with_probe
from scanready.model import Step

_SYBASE = "TDSVER=5.0 tsql -H {host} -p {port} -U {user}   # or: isql -S {host}:{port} -U {user}"

STORY: dict[str, dict[Step, Exchange]] = {
    "sybase": {
        Step.TLS: Exchange(TLS_AS_A_FACT, OPENSSL),
        Step.HANDSHAKE: Exchange(
            with_probe(
                "a login record of scanready_probe, which the server should refuse",
                "nothing: the protocol starts with a login, and no login was permitted",
                "a login record with the account: the protocol starts with a login",
            ),
            _SYBASE,
        ),
        Step.AUTH: Exchange("nothing more: the answer to the login record shows the result", _SYBASE),
        Step.LOGIN: Exchange("nothing more: the account was in the login record", _SYBASE),
        Step.ACCESS: Exchange(Sent(use="use of the database", select="a SELECT of one row"), _SYBASE),
    },
}
