"""Describe what a check of an Oracle listener sends on each step, with the client lines that ask the same."""

from __future__ import annotations

from scanready.catalogue.exchange import ONE_ROW, OPENSSL, TLS_AFTER_CLEAR, Exchange, Sent
from scanready.model import Step

_CONNECT = {
    "ping": "CONNECT with COMMAND=ping, which names no service",
    "service": "CONNECT to the service or SID",
}
_ORACLE = "sqlplus {user}@//{host}:{port}/{path}"

STORY: dict[str, dict[Step, Exchange]] = {
    "oracle": {
        Step.TLS: Exchange(TLS_AFTER_CLEAR, OPENSSL),
        Step.HANDSHAKE: Exchange(Sent(**_CONNECT), "tnsping {host}:{port}"),
        Step.AUTH: Exchange("nothing more: the answer to CONNECT shows the result", "tnsping {host}:{port}/{path}"),
        Step.LOGIN: Exchange("the account, once, on a connection of its own", _ORACLE),
        Step.ACCESS: Exchange(ONE_ROW, _ORACLE),
    },
}
