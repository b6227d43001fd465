"""An error number that no table has: undecided, and the account is protected as after a wrong password."""

from __future__ import annotations

import asyncio

import pytest

from fixtures.emulators import Behaviour, in_background, mssql, oracle, oracle_session, sybase
from fixtures.emulators.mssql import Server
from scanready.model import Cause, Credential, Report, Step, Target, Verdict
from scanready.run.engine import Run
from scanready.run.settings import Settings
from scanready.targets.db2 import causes as db2
from scanready.targets.informix import causes as informix
from scanready.targets.mssql import causes as sql_server
from scanready.targets.mysql import causes as mysql
from scanready.targets.oracle import causes as of_oracle
from scanready.targets.postgresql import causes as postgresql
from scanready.targets.sybase import causes as ase
from scanready.targets.teradata import causes as teradata
from tests.ladder import PLENTY, account, expect, target

UNKNOWN = (
    db2.SECURITY_FAILED,
    informix.SERVER_ERROR,
    sql_server.SERVER_ERROR,
    mysql.SERVER_ERROR,
    of_oracle.SERVER_ERROR,
    postgresql.SERVER_ERROR,
    ase.SERVER_ERROR,
    teradata.SERVER_ERROR,
)


@pytest.mark.parametrize("cause", UNKNOWN, ids=lambda cause: cause.code)
def test_each_database_has_one_rule(cause: Cause) -> None:
    assert not cause.definite
    assert cause.may_count, "the server may have counted it as a wrong password"


def both(behaviour: Behaviour, type_: str, credential: Credential, **options: object) -> tuple[list[Report], int]:
    """Two targets of one server with one account; the reports, and the logins that the server met."""
    with in_background(behaviour) as server:
        targets: list[Target] = [
            target(type_, "127.0.0.1", server.port, credential, database=name, allow_cleartext=True, **options)
            if type_ != "oracle"
            else target(type_, "127.0.0.1", server.port, credential, service="ORCL", table=name)
            for name in ("hr", "crm")
        ]

        async def run() -> list[Report]:
            async with Run(Settings(timeout=PLENTY, canary=False, concurrency=1)) as going:
                return [report async for report in going.results(targets)]

        reports = asyncio.run(run())
        server.wait(len(server.connections))
        return reports, server.counts["logins"]


REFUSED: dict[str, tuple[Behaviour, str, str]] = {
    "mssql": (Server(refusal=mssql.refusing((65000, "something new"))), "mssql.server-error", "65000"),
    "sybase": (sybase.server(login=sybase.refused(9999, 20, "something new")), "sybase.server-error", "9999"),
    "oracle": (
        oracle.listener(refusals={oracle_session.AUTH_TWO: oracle_session.complaint(12999, "something new")}),
        "oracle.server-error",
        "12999",
    ),
}


@pytest.mark.parametrize("type_", list(REFUSED))
def test_an_unknown_number_is_undecided_and_no_second_login_follows(type_: str) -> None:
    behaviour, code, number = REFUSED[type_]
    (first, second), logins = both(behaviour, type_, account("er"))
    expect(first, Verdict.UNDECIDED, code, step=Step.LOGIN)
    assert first.finding is not None
    assert number in first.finding.detail
    expect(second, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN)
    assert logins == 1
