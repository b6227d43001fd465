"""Every type climbs to its full height, as if on Windows too; a login runs in a process of its own, as everywhere."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator

from fixtures.emulators.certificates import authority
from scanready.model import LADDER, Agent, Credential, Outcome, Report, Step
from scanready.run.engine import verify_all
from scanready.run.settings import Settings
from tests.hostile.test_cut_off import members
from tests.ladder import BY_NAME, PLENTY, story, target
from tests.targets import crowd
from tests.targets.crowd import PASSWORD, Member

HOST = "127.0.0.11"
#: The highest rung that an emulator has, and what becomes of it: three refuse the account, after a whole login; the
#: others without a login end at what the type can prove, or at what its emulator plays.
HEIGHTS = {
    **dict.fromkeys(
        ("http", "https", "imap", "imaps", "mssql", "db2", "sybase", "informix", "oracle"),
        (Step.ACCESS, Outcome.PASSED),
    ),
    **dict.fromkeys(("mysql", "postgresql", "smb"), (Step.LOGIN, Outcome.FAILED)),
    **dict.fromkeys(("unix", "ssh", "ews", "nfs", "teradata", "windows"), (Step.AUTH, Outcome.PASSED)),
    **dict.fromkeys(("cloud", "master", "console", "notes"), (Step.HANDSHAKE, Outcome.PASSED)),
    "update": (Step.TLS, Outcome.PASSED),
    "tibero": (Step.AUTH, Outcome.FAILED),
}


def servers() -> Iterator[Member]:
    """Yield a server of each type; the first that takes an account, where there is one."""
    found: dict[str, Member] = {}
    for one in (*crowd.healthy(), *members()):
        if one.type not in found or (one.logs_in and not found[one.type].logs_in):
            found[one.type] = one
    yield from found.values()


async def _climbed() -> list[Report]:
    reports = []
    for number, one in enumerate(servers()):
        async with contextlib.AsyncExitStack() as held:
            port = await crowd._port(one, HOST, held)
            account = Credential(f"a{number}", "er", PASSWORD) if one.logs_in else None
            agent = Agent("a", "Windows")
            settings = Settings(timeout=PLENTY, canary=False, ca_file=str(authority().ca_file), agent=agent)
            where = target(one.type, HOST, port, account, **dict(one.options))
            reports += [report async for report in verify_all([where], settings)]
    return reports


def test_every_type_climbs_to_its_full_height(record_property: Callable[[str, object], None]) -> None:
    reports = asyncio.run(_climbed())
    for report in reports:
        assert _top(report) == HEIGHTS[report.target.type], story(report)
    assert {report.target.type for report in reports} == set(BY_NAME)
    record_property("heights", f"{len(reports)} of {len(BY_NAME)} types, each at its full height")


def _top(report: Report) -> tuple[Step, Outcome]:
    climbed = [check for check in report.checks if check.outcome is not Outcome.SKIPPED]
    top = max(climbed, key=lambda check: LADDER.index(check.step))
    return top.step, top.outcome
