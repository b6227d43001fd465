"""Make reports for the tests of the formats."""

from __future__ import annotations

from typing import Any

from scanready.causes import common
from scanready.model import Agent, Check, Credential, Finding, Footprint, Outcome, Report, Step, Target, Verdict

HOSTILE = "ev\x1b]0;owned\x07il \u202etxt.exe\u202c \x9b31m\r\n<b>[red]\u2028"
AGENT = Agent("proxy-nyc", "Linux", ("10.0.1.5",))
SECRET = "correct-horse-battery"


def blocked(host: str = "db7", detail: str = "no answer", **facts: Any) -> Report:
    """Return a target that two filtered ports block; its credential has a password."""
    target = Target(host, "postgresql", 5432, {"database": "hr"}, Credential("pg", "er", SECRET))
    findings = [Finding(common.FILTERED, detail, f"tcp dport {port} accept") for port in (5432, 5433)]
    checks = [
        Check(Step.RESOLVE, host, Outcome.PASSED, "10.0.0.7", {"addresses": ["10.0.0.7"]}, None, 0.0012345678),
        *(Check(Step.CONNECT, f"{host}:5432", Outcome.FAILED, detail, dict(facts), found) for found in findings),
        Check(Step.LOGIN, f"{host}:5432", Outcome.SKIPPED, "not reached: stopped at connect"),
    ]
    return Report(
        AGENT,
        target,
        Verdict.BLOCKED,
        Step.RESOLVE,
        findings[0],
        Step.CONNECT,
        {"product": "PostgreSQL", **facts},
        checks,
        Footprint(1, 0, 0),
        "2026-01-01T00:00:00.000Z",
        0.0421234567,
    )


def ready(host: str = "db8", kind: str = "mysql") -> Report:
    """Return a report with the verdict ``ready``."""
    checks = [Check(step, f"{host}:3306", Outcome.PASSED, f"{step} holds") for step in (Step.CONNECT, Step.AUTH)]
    target = Target(host, kind, 3306)
    return Report(
        AGENT,
        target,
        Verdict.READY,
        Step.AUTH,
        None,
        None,
        {},
        checks,
        Footprint(1, 0, 1),
        "2026-01-01T00:00:00Z",
        0.01,
    )
