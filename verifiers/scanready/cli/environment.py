"""Read settings from the environment: ``SCANREADY_TIMEOUT=5`` is ``--timeout 5``; report misspelt ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

PREFIX = "SCANREADY_"
#: Each long option of a command, and the settings of the pytest plug-in. A table saves importing all commands.
KNOWN = frozenset(
    [
        "ADDRESS",
        "AGAINST",
        "AGENTS",
        "AGENT_TIMEOUT",
        "ALLOW",
        "AS",
        "ASSUME_AGENT",
        "BROKER",
        "BUNDLE",
        "CA_FILE",
        "CERTIFICATE_DAYS",
        "MAX_ATTEMPTS",
        "CHAIN",
        "CLOCK_FROM",
        "CONCURRENCY",
        "CONNECT_RATE",
        "CREDENTIAL",
        "DEPTH",
        "EXISTING",
        "EXPORT",
        "FAILED_FROM",
        "FILE_MODE",
        "FORGET",
        "FORMAT",
        "FROM",
        "GUARD",
        "HALF_OPEN",
        "INFER",
        "INTERVAL",
        "INVENTORY",
        "JOBS",
        "JOURNAL",
        "JSON",
        "KEEP",
        "KEY_FILE",
        "LADDER",
        "LIMIT",
        "MAP",
        "MASTER",
        "MAX_AGE",
        "NAME",
        "NO_CANARY",
        "NO_COLOR",
        "NO_LOGIN",
        "NO_STORE",
        "OLDER_THAN",
        "ONLY",
        "OUTPUT",
        "PASSWORD_FROM",
        "PER_HOST",
        "PER_NET",
        "PLATFORM",
        "PROFILE",
        "PRUNE",
        "QUIET",
        "RATE",
        "REPORT",
        "REQUIRE",
        "RESOLVE",
        "RANK",
        "RESUME",
        "RETRY_REFUSED",
        "ROLE",
        "SINCE",
        "SITE",
        "SOURCE",
        "SPLIT",
        "STORE",
        "TARGET_CA_FILE",
        "TIMEOUT",
        "TITLE",
        "TRANSCRIPT",
        "TYPE",
        "UPDATE_SERVER",
        "USER",
        "VALIDATE",
        "VERBOSE",
        "WAIT",
        "YES",
    ]
)
#: How similar to a setting a name must be. Users choose other names: `env:` may refer to SCANREADY_PASSWORD.
_LIKENESS = 0.8


def misspelt(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each unknown variable that resembles a setting, with that setting; users may have others of their own."""
    unknown = [name for name in environment if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in KNOWN]
    if unknown:
        from difflib import get_close_matches

        for name in sorted(unknown):
            for near in get_close_matches(name.removeprefix(PREFIX), sorted(KNOWN), 1, _LIKENESS):
                yield name, PREFIX + near
