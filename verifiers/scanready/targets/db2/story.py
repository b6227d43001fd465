"""Describe what a check of DB2 sends on each step, with the db2 lines that ask the same."""

from __future__ import annotations

from scanready.catalogue.exchange import OPENSSL, TLS_AFTER_CLEAR, Exchange, Sent, when_read
from scanready.model import Step

_DB2 = (
    "db2 catalog tcpip node n remote {host} server {port}; db2 catalog database {path} at node n; "
    "db2 connect to {path} user {user}"
)

STORY: dict[str, dict[Step, Exchange]] = {
    "db2": {
        Step.TLS: Exchange(TLS_AFTER_CLEAR, OPENSSL),
        Step.HANDSHAKE: Exchange(Sent(excsat="EXCSAT (server attributes) and ACCSEC (security mechanisms)"), _DB2),
        Step.AUTH: Exchange("nothing more: the answer to ACCSEC lists the mechanisms", _DB2),
        Step.LOGIN: Exchange(
            Sent("the account, with IBM's driver", accsec="ACCSEC", secchk="SECCHK with the account, once"), _DB2
        ),
        Step.ACCESS: Exchange(when_read("ACCRDB, then a SELECT of one row"), _DB2),
    },
}
