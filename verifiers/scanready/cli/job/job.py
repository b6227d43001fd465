"""Define the shared options of one invocation, and the job that is made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from scanready.model import Cause, Credential, Report, Target
from scanready.report.background import NOTHING, Background

from .policy import DEFAULT_POLICY, Policy

#: Seconds between two checks of the same target. OpenSSH (PerSourcePenalties, since 9.8) adds one second of penalty
#: for each connection without a login, and refuses the address at 15 seconds; with one check every 20 s the penalty
#: is always gone. fail2ban usually acts on 5 failed logins in 10 minutes, and scanready never repeats a refused login.
#: A change of a firewall takes longer than 20 s anyway.
EVERY = 20.0

if TYPE_CHECKING:
    from scanready.cli.output.outputs import Outputs
    from scanready.run.settings import Settings
    from scanready.store import RunLock

    from .guard_files import Elsewhere


class Options(NamedTuple):
    """The shared options as the user gave them; None where the inventory or the default decides."""

    types: tuple[str, ...] = ()
    depth: str | None = None
    timeout: float | None = None
    concurrency: int | None = None
    per_host: int | None = None
    rate: float | None = None
    half_open: int | None = None
    connect_rate: int | None = None
    per_net: int | None = None
    require: str | None = None
    wait: float | None = None
    interval: float | None = None
    assume_agent: str | None = None
    no_canary: bool = False
    certificate_days: float | None = None
    max_attempts: int | None = None
    format_: str = "table"
    as_json: bool = False
    output: str | None = None
    reports: tuple[tuple[str, str], ...] = ()
    transcript: str | None = None
    bundle: str | None = None
    file_mode: int | None = None
    store: str | None = None
    no_store: bool = False
    quiet: int = 0
    verbose: int = 0
    no_color: bool = False
    title: str | None = None
    since: str | None = None
    export: str | None = None
    jobs: int | None = None

    @property
    def verbosity(self) -> int:
        """-1, 0, 1, ..."""
        return self.verbose - self.quiet

    @property
    def chosen_format(self) -> str:
        """``--json`` is ``--format json``."""
        return "json" if self.as_json else self.format_


class Job(NamedTuple):
    """Everything that a run needs.

    ``tried`` is as in RunInfo; ``wait`` is in seconds, 0 for a single check; ``jobs`` is the number of processes.
    """

    targets: Sequence[Target]
    settings: Settings
    outputs: Outputs
    require: str | None = None
    tried: Mapping[int, str] = MappingProxyType({})
    wait: float = 0.0
    every: float = EVERY
    quiet: bool = False
    record: Record | None = None
    resumed: Resumed | None = None
    command: str = "verify"
    background: Background = NOTHING
    policy: Policy = DEFAULT_POLICY
    elsewhere: Elsewhere | None = None
    jobs: int = 1


class Record(NamedTuple):
    """The store of a run, and the facts stored besides the results; see :class:`scanready.store.NewRun`.

    ``agent`` is the name of ``--as``, or the one that was chosen in its place. ``guards`` are the files of ``--guard``.
    ``export`` returns what an export of the run needs besides its results; see
    :func:`scanready.cli.output.export.stored`.
    """

    path: Path
    source: str
    only: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    failed_from: str | None = None
    agent: str | None = None
    no_login: bool = False
    guards: tuple[str, ...] = ()
    export: Callable[[], Mapping[str, Any]] | None = None


class Tried(NamedTuple):
    """A failed login of an earlier part of a run: the account, the host that counted it, the place, and the cause."""

    credential: Credential
    host: str
    place: str
    cause: Cause


class Resumed(NamedTuple):
    """The finished part of a run: its reports, with the job's own targets, and its failed logins (``tried``).

    ``number`` is its row in the store, ``lock`` what this process holds there, ``seconds`` the known part of its wall
    time.
    """

    number: int
    name: str
    started: str
    seconds: float
    reports: Callable[[], Iterable[Report]]
    left: Sequence[Target]
    tried: Sequence[Tried]
    lock: RunLock
