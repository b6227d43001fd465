"""Describe what a check of SQL Server sends on each step, with the sqlcmd lines that ask the same."""

from __future__ import annotations

from scanready.catalogue.exchange import ONE_ROW, Exchange
from scanready.model import Step

_SQLCMD = "sqlcmd -S tcp:{host},{port} -U {user}"

STORY: dict[str, dict[Step, Exchange]] = {
    "mssql": {
        Step.TLS: Exchange("a TLS handshake inside PRELOGIN packets; the certificate is told as a fact", _SQLCMD),
        Step.HANDSHAKE: Exchange("PRELOGIN: version, encryption, is that your instance?", _SQLCMD),
        Step.AUTH: Exchange("nothing more: PRELOGIN's answer says it", _SQLCMD),
        Step.LOGIN: Exchange("LOGIN7 with the account, once, on the same connection", _SQLCMD),
        Step.ACCESS: Exchange(ONE_ROW, f"{_SQLCMD} -Q 'SELECT name FROM sys.databases'"),
    },
}
