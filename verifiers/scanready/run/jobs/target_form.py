"""Targets, accounts and settings as JSON, for a process of the same run; they have secrets, and go nowhere else."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import Any

from scanready.model import Agent, Credential, Step, Target
from scanready.run.settings import Settings

_LARGEST = 2**53


class Accounts:
    """The accounts of a run, each once; a target names its own by the place in ``forms``.

    Args:
        credentials: those of all targets, in any number.
    """

    def __init__(self, credentials: Iterable[Credential]) -> None:
        self._places: dict[tuple[str | None, ...], int] = {}
        for one in credentials:
            self._places.setdefault(_form(one), len(self._places))

    @property
    def forms(self) -> list[list[str | None]]:
        """The accounts with their secrets."""
        return [list(form) for form in self._places]

    @property
    def distinct(self) -> list[Credential]:
        """The accounts, in the order of their places."""
        return accounts_of(self._places)

    def place(self, credential: Credential) -> int:
        """Return the place of an account."""
        return self._places[_form(credential)]


def accounts_of(forms: Iterable[Sequence[Any]]) -> list[Credential]:
    """Return the accounts of their forms."""
    return [Credential(*form) for form in forms]


def _form(one: Credential) -> tuple[str | None, ...]:
    return one.name, one.username, one.password, one.key_file, one.key_passphrase, one.authority, one.source


def target_form(target: Target, accounts: Accounts) -> list[Any]:
    """Return what a climb needs of a target."""
    places = [accounts.place(one) for one in target.credentials]
    form: list[Any] = [target.host, target.type, target.port, places, target.guessed, target.explicit_port]
    return [*form, dict(target.options), target.tags, [target_form(one, accounts) for one in target.tries]]


def target_of(form: Sequence[Any], accounts: Sequence[Credential]) -> Target:
    """Return the target of its form."""
    host, type_, port, places, guessed, explicit, options, tags, tries = form
    first, *alternatives = [accounts[place] for place in places] or [None]
    return Target(
        host,
        type_,
        port,
        options,
        first,
        tuple(tags),
        guessed=guessed,
        explicit_port=explicit,
        tries=tuple(target_of(one, accounts) for one in tries),
        alternatives=tuple(alternatives),
    )


def can_travel(target: Target) -> bool:
    """Return True unless an option, of another package's type, has a value that JSON changes or does not have."""
    return _is_plain(target.options) and all(map(can_travel, target.tries))


def settings_form(settings: Settings) -> dict[str, Any]:
    """Return the settings of a process; ``agent`` and ``day`` are set, ``tap`` is not."""
    agent, day = settings.agent, settings.day
    assert agent is not None, "the run knows its agent"
    assert day is not None, "the run knows its day"
    return {
        "timeout": settings.timeout,
        "depth": settings.depth.value,
        "concurrency": settings.concurrency,
        "per_host": settings.per_host,
        "rate": settings.rate,
        "canary": settings.canary,
        "ca_file": settings.ca_file,
        "certificate_days": settings.certificate_days,
        "max_attempts": settings.max_attempts,
        "day": day.isoformat(),
        "half_open": settings.half_open,
        "connect_rate": settings.connect_rate,
        "per_net": settings.per_net,
        "agent": [
            agent.name,
            agent.platform,
            list(agent.addresses),
            agent.assumed,
            agent.distribution,
            list(agent.networks),
            agent.profile,
        ],
    }


def settings_of(form: dict[str, Any]) -> Settings:
    """Return the settings of their form."""
    name, platform, addresses, assumed, distribution, networks, profile = form["agent"]
    agent = Agent(name, platform, tuple(addresses), assumed, distribution, tuple(networks), profile)
    day = datetime.date.fromisoformat(form["day"])
    return Settings(**form | {"depth": Step(form["depth"]), "agent": agent, "day": day})


def _is_plain(value: Any) -> bool:
    """Return whether JSON gives back an equal value of the same class."""
    kind = type(value)
    if value is None or kind in (str, bool):
        return True
    if kind in (int, float):
        return bool(
            -_LARGEST <= value <= _LARGEST
        )  # JSON has neither NaN nor infinity, and Python reads no endless number
    if kind is list:
        return all(map(_is_plain, value))
    return kind is dict and all(type(key) is str and _is_plain(held) for key, held in value.items())
