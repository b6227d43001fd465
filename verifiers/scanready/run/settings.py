"""The limits of a run, and their defaults."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass

from scanready.model import Agent, Step, Target
from scanready.net.tap import Tap

from .validation import validate_settings

#: Concurrent targets. More do not speed up targets that answer, since 200 keep a core busy. Silent targets take the
#: time-out times ceil(targets / this). Twice as many would halve that for 11 MiB more (measured), but 2,000 unanswered
#: SYNs from one host trigger the flood protection of firewalls; without one in the path, raise `--concurrency`.
CONCURRENCY = 1000
#: Concurrent targets at one host. sshd randomly drops connections from the eleventh unauthenticated one (MaxStartups).
PER_HOST = 4
#: A port that no service uses and no port-scan trap watches: not privileged, not in the lists of the usual traps.
CANARY_PORT = 64937


@dataclass(frozen=True, slots=True)
class Settings:
    """Set the limits of a run.

    Attributes:
        timeout: seconds for one whole target, logins included.
        depth: the last step that is asked and judged.
        concurrency: targets in flight at once.
        per_host: targets in flight at once at one host.
        rate: new targets a second; None is unlimited.
        canary: ask an unused port of a host the same question, to recognise hosts that answer on every port.
        ca_file: path of a PEM file with further trusted certificate authorities.
        agent: judge as this agent; None examines this host.
        tap: returns for each target a function that receives every byte in clear text (secrets included), as
            ``(direction, data)`` with the direction "sent" or "received". If it has a method ``flush``, that is called
            without arguments at the end of each climb.
        day: the day, in UTC, that known failures are held against; None is today.

    Raises:
        TypeError: a value has another type than its field.
        ValueError: a number is not greater than 0 (or at most 1000000), no climb ends at the step ``depth``, or a
            network of the ``agent`` is none.
    """

    timeout: float = 10.0
    depth: Step = Step.ACCESS
    concurrency: int = CONCURRENCY
    per_host: int = PER_HOST
    rate: float | None = None
    canary: bool = True
    ca_file: str | None = None
    agent: Agent | None = None
    tap: Callable[[Target], Tap] | None = None
    day: datetime.date | None = None

    def __post_init__(self) -> None:
        validate_settings(self)
