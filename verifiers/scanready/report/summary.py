"""Describe the service of a report in a few words from its facts: product, version, login methods, encryption."""

from __future__ import annotations

import re
from typing import Any

from scanready.model import Outcome, Report, Step

#: The common name in a distinguished name (RFC 4514), which may escape a comma.
_COMMON_NAME = re.compile(r"(?:^|,)CN=((?:[^,\\]|\\.)+)")
_UNTIL = len("2026-01-01")


def traits(report: Report) -> list[str]:
    """Return product, login and encryption, each in a few words.

    If the product is unknown, the summary of the handshake replaces it. If the login methods are unknown, too, the
    result is the summary of the last rung that was reached.
    """
    if product := report.facts.get("product"):
        return [f"{product} {_version(report)}", *_login(report), *_encryption(report)]
    if report.facts.get("auth_methods") and (protocol := _words_of(report, Step.HANDSHAKE)):
        return [protocol.partition("; ")[0], *_login(report), *_encryption(report)]
    return [words] if report.reached and (words := _words_of(report, report.reached)) else []


def _words_of(report: Report, step: Step) -> str:
    """Return the last summary of a step; empty if it has none."""
    return next((check.summary for check in reversed(report.checks) if check.step is step and check.summary), "")


def _version(report: Report) -> str:
    """Return the version; some products report it after a login only, some never."""
    if version := report.facts.get("version"):
        return str(version)
    logged_in = any(check.step is Step.LOGIN and check.outcome is Outcome.PASSED for check in report.checks)
    return "(version not reported)" if logged_in else "(version not reported before login)"


def _login(report: Report) -> list[str]:
    """Return the login methods; if they are unknown, the summary of the step ``auth``."""
    methods = report.facts.get("auth_methods")
    if methods == ["anonymous"]:
        return ["no login required"]
    if methods:
        return [f"login by {_listed(methods)}"]
    return [check.summary for check in report.checks if check.step is Step.AUTH and check.summary][-1:]


def _encryption(report: Report) -> list[str]:
    facts = report.facts
    if not facts.get("tls"):
        not_offered = [c for c in report.checks if c.step is Step.TLS and c.outcome is Outcome.SKIPPED]
        return ["no TLS"] if not_offered else []
    by = " with STARTTLS" if facts.get("encryption") == "STARTTLS" else ""
    words = f"{facts['tls']}{by}"
    if issuer := facts.get("tls_issuer"):
        found = _COMMON_NAME.search(str(issuer))
        words += f", certificate issued by {found[1] if found else issuer}"
    if expires := facts.get("tls_expires"):
        words += f", valid until {str(expires)[:_UNTIL]}"
    if faults := facts.get("certificate_faults"):
        words += f" ({', '.join(fault.removeprefix('tls.') for fault in _texts(faults))})"
    return [words]


def _listed(value: Any) -> str:
    return ", ".join(_texts(value))


def _texts(value: Any) -> list[str]:
    """Return the items of a fact as texts; accept other types than a list, which a file may contain."""
    return [str(one) for one in value] if isinstance(value, (list, tuple)) else [str(value)]
