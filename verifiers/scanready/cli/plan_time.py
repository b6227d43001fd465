"""The expected time of a run, for ``scanready plan``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from scanready.model import Target


def plan_time(
    plan: dict[str, Any],
    targets: Sequence[Target],
    bounds: tuple[int | None, int | None, int | None],
    timeout: float | None,
) -> dict[str, Any]:
    """Return the bounds of a run and the seconds that it takes within them, as JSON types.

    Args:
        plan: as :func:`scanready.cli.commands.plan.plan_object` returns it.
        bounds: the options --half-open, --connect-rate and --per-net; None is the default, and 0 lifts one.
        timeout: the seconds of each target; None is the default.
    """
    from scanready.run.engine import GUESSES_PER_HOST
    from scanready.run.expected_time import expected_time
    from scanready.run.settings import Settings, bounds_of

    chosen = bounds_of(*bounds)
    settings = Settings(half_open=chosen.half_open, connect_rate=chosen.rate, per_net=chosen.per_net)
    if timeout is not None:
        settings = replace(settings, timeout=timeout)
    guessed = {target.host for target in targets if target.guessed}
    endpoints = [
        (row["host"], GUESSES_PER_HOST if row["host"] in guessed else settings.per_host) for row in plan["endpoints"]
    ]
    connections = plan["total"]["connections"] + plan["canary"]["hosts"]
    found = expected_time(endpoints, connections, settings)
    return {
        "half_open": chosen.half_open,
        "connect_rate": chosen.rate,
        "per_net": chosen.per_net,
        "timeout": settings.timeout,
        "all_answer": round(found.all_answer, 2),
        "none_answers": round(found.none_answers, 2),
    }
