"""Describe what a check of SQL Server sends on each step, with the sqlcmd lines that ask the same."""

from __future__ import annotations

from scanready.catalogue.exchange import ONE_ROW, Exchange, Sent
from scanready.model import Step

_SQLCMD = "sqlcmd -S tcp:{host},{port} -U {user}"

STORY: dict[str, dict[Step, Exchange]] = {
    "mssql": {
        Step.TLS: Exchange(
            Sent(
                "nothing more: the step handshake includes the TLS handshake",
                tls="a TLS handshake inside PRELOGIN packets",
            ),
            _SQLCMD,
        ),
        Step.HANDSHAKE: Exchange(
            Sent(
                prelogin="PRELOGIN with version, encryption and instance name",
                tls="a TLS ClientHello on a new connection",
            ),
            _SQLCMD,
        ),
        Step.AUTH: Exchange("nothing more: the answer to PRELOGIN shows the login prompt", _SQLCMD),
        Step.LOGIN: Exchange("LOGIN7 with the account, once, on the same connection", _SQLCMD),
        Step.ACCESS: Exchange(ONE_ROW, f"{_SQLCMD} -Q 'SELECT name FROM sys.databases'"),
    },
}
