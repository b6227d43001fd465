"""Check quickly that a result can be restored; :func:`scanready.report.parse.restored` takes ten times as long.

The answer True is certain. False means that the full check must decide: the result is of an unusual form, or is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanready.catalogue.facts import ASSUMED
from scanready.model import LARGEST_PORT, Outcome, Owner, Standing, Step, Verdict

from .serialize import SCHEMA

_STEPS, _OUTCOMES, _OWNERS, _VERDICTS, _STANDINGS = (
    frozenset(one.value for one in kind) for kind in (Step, Outcome, Owner, Verdict, Standing)
)
#: Numbers up to here are surely within the limits of the full check.
_MOST = 1 << 50


def is_plain(result: object, agent: Mapping[str, Any]) -> bool:
    """Return True if ``result`` is surely a result of ``agent``, which was checked before."""
    try:
        return (
            isinstance(result, dict)
            and type(result["schema"]) is int
            and result["schema"] == SCHEMA
            and not result.get("types")
            and result["agent"] == agent
            and _is_target(result["target"])
            and result["verdict"] in _VERDICTS
            and (result["reached"] is None or result["reached"] in _STEPS)
            and (result["cause"] is None or _is_cause(result["cause"]))
            and all(map(_is_cause, _list(result["besides"])))
            and type(result["facts"]) is dict
            and all(map(_is_check, _list(result["checks"])))
            and _is_footprint(result["footprint"])
            and type(result["started"]) is str
            and _is_seconds(result["seconds"])
            and (result.get("standing") is None or result["standing"] in _STANDINGS)
        )
    except (KeyError, TypeError):  # a part is missing, or is a list where a text belongs
        return False


def _is_target(target: dict[str, Any]) -> bool:
    port, account, user = target["port"], target["credential"], target["user"]
    return (
        type(target) is dict
        and type(target["host"]) is str
        and type(target["type"]) is str
        and type(port) is int
        and 0 <= port <= LARGEST_PORT
        and type(target["options"]) is dict
        and (account is None or type(account) is str)
        and (user is None or type(user) is str)
        and type(target.get("authority", "")) is str
        and _are_texts(target["tags"])
        and not target.get("alternatives")
        and "explicit_port" in target
        and target.get("expected") is None
        and _are_texts(target.get("agents", ()))
        and _are_texts(target.get("sites", ()))
    )


def _is_cause(cause: dict[str, Any]) -> bool:
    return (
        type(cause) is dict
        and type(cause["code"]) is str
        and cause["owner"] in _OWNERS
        and cause["step"] in _STEPS
        and type(cause["detail"]) is str
        and type(cause["meaning"]) is str
        and type(cause["remedy"]) is str
        and type(cause["confirm"]) is str
        and type(cause.get("case", "")) is str
        and (cause["fix"] is None or type(cause["fix"]) is str)
        and all(type(one["remedy"]) is str and _is_of_other(one) for one in _list(cause["also"]))
    )


def _is_of_other(one: dict[str, Any]) -> bool:
    return type(one) is dict and one["owner"] in _OWNERS and (one["fix"] is None or type(one["fix"]) is str)


def _is_check(check: dict[str, Any]) -> bool:
    return (
        type(check) is dict
        and check["step"] in _STEPS
        and check["outcome"] in _OUTCOMES
        and type(check["endpoint"]) is str
        and type(check["summary"]) is str
        and type(check["facts"]) is dict
        and ASSUMED.name not in check["facts"]
        and _is_seconds(check["seconds"])
        and (check["cause"] is None or _is_found(check))
        and ("events" not in check or _are_texts(check["events"]))
    )


def _is_found(check: dict[str, Any]) -> bool:
    return (
        type(check["cause"]) is str
        and type(check["detail"]) is str
        and type(check.get("case", "")) is str
        and (check["fix"] is None or type(check["fix"]) is str)
        and all(map(_is_of_other, _list(check.get("also", []))))
    )


def _is_footprint(footprint: dict[str, Any]) -> bool:
    return type(footprint) is dict and all(
        type(footprint[name]) is int and 0 <= footprint[name] < _MOST
        for name in ("connections", "login_attempts", "probe_logins")
    )


def _is_seconds(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < _MOST


def _list(value: Any) -> list[Any]:
    if type(value) is not list:
        raise TypeError
    return value


def _are_texts(value: Any) -> bool:
    return not value or (type(value) in (list, tuple) and all(type(one) is str for one in value))
