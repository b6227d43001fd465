"""The limits of a run, their defaults, and the agent that it speaks for."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, replace

from scanready.model import Agent, Step, Target
from scanready.net.dial_gate import Bounds
from scanready.net.tap import Tap
from scanready.net.this_agent import this_agent

from .registry import about_judge
from .validation import validate_settings

#: Concurrent targets. More do not speed up targets that answer, since 200 keep a core busy. Silent targets take the
#: time-out times ceil(targets / this). Twice as many would halve that for 11 MiB more (measured), but 2,000 unanswered
#: SYNs from one host trigger the flood protection of firewalls; without one in the path, raise `--concurrency`.
CONCURRENCY = 1000
#: Concurrent targets at one host. sshd randomly drops connections from the eleventh unauthenticated one (MaxStartups).
PER_HOST = 4
#: The bounds that protect firewalls on the way: connections that were begun and not answered, at once; new ones a
#: second; and unanswered ones at once in one /24 (IPv6: /64), behind which there is often one firewall.
HALF_OPEN, CONNECT_RATE, PER_NET = 1000, 500.0, 100
BOUNDS = Bounds(HALF_OPEN, CONNECT_RATE, PER_NET)
#: Refused logins of one host, from which on no further account of a target is tried there.
MAX_ATTEMPTS = 2
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
        half_open: connections at once that were begun and not answered; None is unlimited.
        connect_rate: new connections a second; None is unlimited.
        per_net: connections at once that were begun and not answered in one network, /24 (IPv6: /64); None is
            unlimited. The time of a target stands still while its connection waits for one of these three bounds.
        certificate_days: warn of a certificate that ends within so many days, if less than a quarter of its lifetime is
            left and the scanner's client verifies certificates; 0 never warns.
        max_attempts: refused logins of one host, from which on no further one of a target's accounts is tried there;
            1 to 3.

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
    half_open: int | None = HALF_OPEN
    connect_rate: float | None = CONNECT_RATE
    per_net: int | None = PER_NET
    certificate_days: float = 7.0
    max_attempts: int = MAX_ATTEMPTS

    def __post_init__(self) -> None:
        validate_settings(self)

    @property
    def bounds(self) -> Bounds:
        """The bounds that protect firewalls on the way."""
        return Bounds(self.half_open, self.connect_rate, self.per_net)


def own_agent(name: str | None = None, platform: str | None = None) -> Agent:
    """Describe this host, or, with a ``platform``, an agent that is assumed in its place, with its profile."""
    return replace(this_agent(name, platform), profile=about_judge().name)


def bounds_of(half_open: float | None, connect_rate: float | None, per_net: float | None) -> Bounds:
    """Return the bounds of three options: None is the default, and 0 lifts one."""
    places, rate, here = (
        default if given is None else given or None
        for given, default in ((half_open, HALF_OPEN), (connect_rate, CONNECT_RATE), (per_net, PER_NET))
    )
    return Bounds(None if places is None else int(places), rate, None if here is None else int(here))
