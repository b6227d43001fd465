"""Check the values of :class:`scanready.Settings` where they are written: a wrong one would fail or hang much later."""

from __future__ import annotations

import datetime
import ipaddress
from typing import Any

from scanready.model import LADDER, Agent, Step
from scanready.wire.printable import visible

#: The command line has the same bound: eleven days in seconds, and more targets a second than any host can begin.
_LARGEST = 1_000_000
#: Refused logins that an operator may permit at one host. fail2ban bans an address after five by default, and some of
#: them may be another tool's.
MOST_ATTEMPTS = 3
#: The steps at which a climb may end: below a connection nothing is asked.
_ENDS = tuple(step for step in LADDER if step.height >= Step.CONNECT.height)


def validate_settings(settings: Any) -> None:
    """Check each value of the settings, of whatever type it is.

    Raises:
        TypeError: a value has another type than its field.
        ValueError: a value is out of range, or a network of the agent is none.
    """
    _positive("timeout", settings.timeout, "seconds, such as 10")
    if settings.rate is not None:
        _positive("rate", settings.rate, "targets a second, or None for no limit")
    _count("concurrency", settings.concurrency)
    _count("per_host", settings.per_host)
    _bounds(settings)
    steps = ", ".join(f"Step.{step.name}" for step in _ENDS)
    if not isinstance(settings.depth, Step):
        raise TypeError(f"Settings.depth must be one of {steps}, not {_kind(settings.depth)}")
    if settings.depth not in _ENDS:
        raise ValueError(f"Settings.depth must be one of {steps}, not Step.{settings.depth.name}")
    if not isinstance(settings.canary, bool):
        raise TypeError(f"Settings.canary must be True or False, not {_kind(settings.canary)}")
    if settings.ca_file is not None and not isinstance(settings.ca_file, str):
        raise TypeError(f"Settings.ca_file must be the path of a file as text, or None, not {_kind(settings.ca_file)}")
    if settings.certificate_days != 0 or isinstance(settings.certificate_days, bool):
        _positive("certificate_days", settings.certificate_days, "days, or 0 for no warning")
    _count("max_attempts", settings.max_attempts, "refused logins")
    if settings.max_attempts > MOST_ATTEMPTS:
        raise ValueError(f"Settings.max_attempts must be at most {MOST_ATTEMPTS}: hosts ban an agent after a few more")
    if settings.agent is not None and not isinstance(settings.agent, Agent):
        raise TypeError(f"Settings.agent must be an Agent, or None for this host, not {_kind(settings.agent)}")
    if settings.agent is not None:
        _networks(settings.agent)
    if settings.tap is not None and not callable(settings.tap):
        raise TypeError(f"Settings.tap must be a function of a Target, or None, not {_kind(settings.tap)}")
    if settings.day is not None and type(settings.day) is not datetime.date:
        raise TypeError(f"Settings.day must be a datetime.date, or None for today, not {_kind(settings.day)}")


def _bounds(settings: Any) -> None:
    for name in ("half_open", "per_net"):
        if getattr(settings, name) is not None:
            _count(name, getattr(settings, name), "connections", ", or None for no bound")
    if settings.connect_rate is not None:
        _positive("connect_rate", settings.connect_rate, "connections a second, or None for no bound")


def _networks(agent: Agent) -> None:
    """Subnets are compared with the addresses of each target."""
    for network in agent.networks:
        try:
            ipaddress.ip_interface(network)
        except ValueError:
            raise ValueError(
                f"Settings.agent.networks must be addresses with their subnets, such as '10.0.1.5/24', "
                f"not {visible(network, 60)!r}"
            ) from None


def _positive(name: str, value: object, unit: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"Settings.{name} must be a number of {unit}, not {_kind(value)}")
    if not 0 < value <= _LARGEST:  # neither is true of a NaN
        raise ValueError(f"Settings.{name} must be greater than 0 and at most {_LARGEST}: a number of {unit}")


def _count(name: str, value: object, what: str = "targets", otherwise: str = "") -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"Settings.{name} must be a whole number of {what}{otherwise}, not {_kind(value)}")
    if value < 1:
        raise ValueError(f"Settings.{name} must be at least 1: a number of {what} at once{otherwise}")


def _kind(value: object) -> str:
    return type(value).__name__
