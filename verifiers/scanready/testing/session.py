"""Check each target of a pytest session once, with settings from command line, environment, ini file and inventory.

Secrets are looked up when they are needed and stay in memory.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import click
import pytest

from scanready.cli.selection import selection
from scanready.cli.share import is_this_host
from scanready.inventory import Inventory, load
from scanready.model import DEPTHS, REQUIRES, Agent, Credential, Report, Step, Target
from scanready.run.any_type import flat
from scanready.run.settings import Settings, own_agent
from scanready.run.target_name import name_of

from .checked import CheckedReport
from .checker import Checker, Wanted

_LONGEST_TIMEOUT = 86_400.0
_READ = ("depth", "timeout", "require")


def settings_can_be_read(config: pytest.Config) -> None:
    """Check the settings of the command line and the ini file before anything is collected.

    Raises:
        pytest.UsageError: some are invalid; it names all of them.
    """
    given = ((name, config.getoption(f"scanready_{name}") or str(config.getini(f"scanready_{name}"))) for name in _READ)
    told = [_what_is_wrong(name, value) for name, value in given if value]
    for expression in config.getoption("scanready_only"):
        try:
            selection([expression])
        except click.UsageError as error:
            told.append(error.message.replace("--only", "--scanready-only"))
    if any(told):
        raise pytest.UsageError("\n".join(text for text in told if text))


def _what_is_wrong(name: str, value: str) -> str:
    """Return why a setting is invalid; an empty text if it is valid."""
    if name == "timeout":
        try:
            seconds = float(value)
        except ValueError:
            seconds = 0.0
        right, wanted = 0 < seconds <= _LONGEST_TIMEOUT, "a number of seconds greater than 0"
    else:
        words = DEPTHS if name == "depth" else REQUIRES
        right, wanted = value in words, f"one of {', '.join(words)}"
    return "" if right else f"scanready: {name} must be {wanted}, not {value!r}"


class Checks:
    """The checks of a session. ``current`` is the running test, which gets the results of its checks."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.current: pytest.Item | None = None
        self._planned = False
        shared = getattr(config, "workerinput", {}).get("scanready_directory")
        # A worker on another machine is another agent and does not have this directory.
        self._checker = Checker(Path(shared) if shared and Path(shared).is_dir() else None)

    # Settings: the command line first, then the environment, then the ini file, then the inventory.

    def setting(self, name: str) -> str | None:
        """Return the value of a setting from the first place that sets it; None if no place does."""
        given: str | None = self.config.getoption(f"scanready_{name}")
        return (
            given or os.environ.get(f"SCANREADY_{name.upper()}") or str(self.config.getini(f"scanready_{name}")) or None
        )

    @property
    def require(self) -> str | None:
        """The verdict that targets of an inventory must have; None also accepts ``limited``."""
        return self._known("require")

    def settings(self, inventory: Inventory | None, depth: str | None = None, timeout: float | None = None) -> Settings:
        """Return the settings for one target, from its test, the session and its inventory, in this order.

        Raises:
            pytest.fail.Exception: a setting cannot be read.
            ValueError: there is no such depth.
        """
        chosen, seconds = depth or self._known("depth"), self._known("timeout")
        return Settings(
            timeout=timeout
            if timeout is not None
            else (float(seconds) if seconds else None) or (inventory and inventory.timeout) or Settings().timeout,
            depth=_step(chosen) if chosen else (inventory and inventory.depth) or Step.ACCESS,
            ca_file=inventory.ca_file if inventory else None,
            agent=own_agent(inventory.agent_name if inventory else None),
        )

    def _known(self, name: str) -> str | None:
        """Return a valid setting; the environment is read only here, so that it affects only tests with scanready."""
        value = self.setting(name)
        if value is not None and (wrong := _what_is_wrong(name, value)):
            pytest.fail(wrong, pytrace=False)
        return value

    # The inventory that describes the targets of fixture and marker.

    @cached_property
    def described(self) -> Inventory | None:
        """The inventory of credentials and defaults, without any secret; None if there is none."""
        file = self._description()
        return None if file is None else _named(load(file, credentials=()), self.setting("as"))

    def _description(self) -> Path | None:
        here = self.config.invocation_params.dir
        if named := self.config.getoption("scanready_inventory") or os.environ.get("SCANREADY_INVENTORY"):
            return Path(here, named)
        if named := str(self.config.getini("scanready_inventory")):
            return Path(self.config.inipath.parent if self.config.inipath else here, named)
        files: list[str] = self.config.getoption("scanready_files")
        return Path(here, files[0]) if files else None

    def credential(self, name: str) -> Credential:
        """Return a credential of the described inventory, with its secret.

        Raises:
            InventoryError: there is none of that name, or its secret is not available.
            pytest.UsageError: no inventory describes credentials.
        """
        file = self._description()
        if file is None:
            raise pytest.UsageError(
                f"scanready: no inventory defines the credential {name!r}: name one with --scanready-inventory FILE, "
                "or with scanready_inventory in the ini file"
            )
        return load(file, credentials=(name,)).credentials[name]

    def in_inventory(self, target: Target) -> Target:
        """Return the inventory's entry for the target, with its credential; else the target itself."""
        inventory = self.described
        if inventory is None or target.credential is not None:
            return target
        known = next((known for known in flat(inventory.targets) if _same(known, target)), None)
        if known is None or known.credential is None or known.credential.name not in inventory.defined:
            return known or target
        return dataclasses.replace(known, credential=self.credential(known.credential.name))

    @cached_property
    def agent(self) -> Agent:
        """This host, with its name from the inventory."""
        return own_agent(self.described.agent_name if self.described else None)

    # The checks.

    def check(self, target: Target, settings: Settings, *, secret: str = "", fresh: bool = False) -> CheckedReport:
        """Check a target or return its earlier report, and note it in the running test; ``secret`` is as in Wanted."""
        return self._told(self._checker.report(Wanted(target, settings, secret), fresh=fresh))

    def check_planned(self, wanted: Wanted, planned: Callable[[], list[Wanted]]) -> CheckedReport:
        """Check a target of an inventory; the first call begins all ``planned`` checks concurrently."""
        if not self._planned:
            self._planned = True
            self._checker.begin(planned())
        return self._told(self._checker.report(wanted))

    def _told(self, report: Report) -> CheckedReport:
        """Note the report in the running test, for --junitxml and other reporters."""
        if self.current is not None:
            properties = [("scanready_target", name_of(report.target)), ("scanready_verdict", report.verdict.value)]
            if report.cause:
                properties.append(("scanready_cause", report.cause.code))
                properties.append(("scanready_owner", str(report.owner)))
            self.current.user_properties.extend(properties)
        return CheckedReport.of(report)

    def close(self) -> None:
        """End what is under way."""
        self._checker.close()


_CHECKS: pytest.StashKey[Checks] = pytest.StashKey()


def checks_of(config: pytest.Config) -> Checks:
    """Return the checks of this session; they are created at the first call and closed at its end."""
    if _CHECKS not in config.stash:
        config.stash[_CHECKS] = Checks(config)
        config.add_cleanup(config.stash[_CHECKS].close)
    return config.stash[_CHECKS]


def _named(inventory: Inventory, name: str | None) -> Inventory:
    """Return the inventory with the name of the agent that this host is; fixture and marker check any target."""
    own = name or next((agent.name for agent in inventory.agents if is_this_host(agent.name)), inventory.agent_name)
    return dataclasses.replace(inventory, agent_name=own, master=inventory.masters.get(str(own), inventory.master))


def _step(depth: str) -> Step:
    """Return the step that a depth names.

    Raises:
        ValueError: there is no such step.
    """
    if depth not in Step.__members__.values():
        raise ValueError(f"depth must be one of {', '.join(DEPTHS)}, not {depth!r}")
    return Step(depth)


def _same(one: Target, other: Target) -> bool:
    return (one.host, one.type, one.port, dict(one.options)) == (
        other.host,
        other.type,
        other.port,
        dict(other.options),
    )
