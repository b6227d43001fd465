"""``scanready fleet verify INVENTORY``: check an inventory from all of its agents."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from scanready import __version__
from scanready.causes import fleet
from scanready.cli.commands import report as report_command
from scanready.cli.commands.verify import source_path
from scanready.cli.job.elsewhere import bind_elsewhere
from scanready.cli.job.exit_code import NOTHING_SELECTED
from scanready.cli.job.guard_options import Logins, RetryingCommand, guard_options
from scanready.cli.job.interrupt import INTERRUPTED
from scanready.cli.job.options import ONLY, PROFILE, option
from scanready.cli.job.policy import RETRY_AFTER, Policy
from scanready.cli.job.prepare import Unusable, read_inventory
from scanready.cli.job.profile import demand_profile
from scanready.cli.job.run_store import find_run, open_store, store_path
from scanready.cli.messages import did_you_mean, fitting, warn
from scanready.cli.output.progress import Progress
from scanready.cli.parameters import Duration, Positive
from scanready.cli.selection import selection
from scanready.fleet.division import Estate
from scanready.fleet.ledger import COMMAND, Ledger, stored_results
from scanready.model import DEPTHS, DeclaredAgent, Report, Step, Target, Verdict, assigned
from scanready.report.estate.frame import Frame, frame_restored
from scanready.report.estate.words import LONGEST_AGENT
from scanready.report.listed import listed
from scanready.report.paper import counted
from scanready.report.parse import agent_restored, restored
from scanready.report.serialize import agent_object, identity, identity_of_all
from scanready.run import timestamps
from scanready.run.any_type import narrowed
from scanready.run.settings import own_agent
from scanready.store import NewRun, StoredRun, StoreError
from scanready.wire.printable import visible

from .options import agent_names, broker_options, broker_told, chosen_broker, demand_name

if TYPE_CHECKING:
    from scanready.fleet.connection import Broker
    from scanready.fleet.coordinator import Coordinator
    from scanready.fleet.login_pass import LoginPass
    from scanready.fleet.messages import Login

_HELP = """\
\b
Examples:
  scanready fleet verify estate.yaml --broker amqps://broker.corp
  scanready fleet verify estate.yaml --agents proxy-nyc,proxy-lon --broker amqps://broker.corp
  scanready fleet verify --resume last --broker amqps://broker.corp

Each target is checked by the agents that it names, by those of its sites, or by all. At first they
check up to the login prompt. Then one agent tries each account at one target; if a server accepts
it, the others log in, too. Each agent has the secrets in its own credentials.yaml. The results are
stored as they come, and shown at the end as `scanready report RUN` shows them. After an
interruption the agents go on: --resume takes their results, `scanready fleet cancel RUN` stops them.
"""
#: The options that a run keeps from its start.
_KEPT = ("agents", "only", "depth", "timeout")
#: Ctrl-C, the end of the terminal, and Ctrl-Break of Windows.
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
#: Agents that a line names.
_MOST_NAMED = 8


_CA_FILE = (
    "`ca_file` of the inventory stays here: start each agent with --target-ca-file, the path of such a file on its host"
)


@click.command(help=_HELP, cls=RetryingCommand)
@click.argument("inventory", metavar="INVENTORY", required=False)
@broker_options
@option("--agents", metavar="NAMES", help="The agents, with commas. [default: those of the inventory]")
@option(
    "--agent-timeout",
    type=Duration(),
    default=120.0,
    metavar="DURATION",
    help="An agent without a heartbeat for so long is lost: its targets are undecided. [default: 120s]",
)
@PROFILE
@ONLY
@option("--depth", type=click.Choice(DEPTHS), help="Check up to this step. [default: access]")
@option("--timeout", type=Positive(), metavar="SECONDS", help="Time limit for one whole target. [default: 10]")
@guard_options
@option("--resume", metavar="RUN", help="Continue this run: finished targets are not checked again.")
@option("--store", metavar="FILE", help="The file that holds the runs. [default: in this user's data directory]")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    inventory: str | None,
    broker: str,
    password_from: str | None,
    ca_file: str | None,
    agents: str | None,
    agent_timeout: float,
    only: tuple[str, ...],
    depth: str | None,
    timeout: float | None,
    resume: str | None,
    store: str | None,
    **rest: Any,
) -> None:
    """Verify."""
    logins = Logins.taken(rest)
    chosen = chosen_broker(broker, password_from, ca_file)
    names = agent_names(agents)
    _demand_no_change(ctx, resume)
    earlier = _earlier(resume, store) if resume else None
    if earlier is not None:
        asked: dict[str, Any] = json.loads(earlier.asked)
        only, depth, timeout = tuple(asked["only"]), asked["depth"], asked["timeout"]
        inventory = inventory or earlier.source
        logins = _resumed(logins, asked)
    if inventory is None:
        raise click.UsageError("give an INVENTORY or --resume RUN")
    described = read_inventory(inventory, allow_large=False, quiet=False, credentials=(), elsewhere=True)
    if described.ca_file:
        warn(_CA_FILE)
    targets = narrowed(described.targets, selection(only, of_a_run=False).takes)
    if not targets:
        warn(selection(only, of_a_run=False).takes_nothing(described.targets))
        ctx.exit(NOTHING_SELECTED)
    if earlier is None:
        declared = _chosen(names, described.agents)
    else:
        declared = frame_restored(asked["frame"]).agents
        if asked["estate"] != identity_of_all(targets):
            raise click.UsageError(f"the targets differ from those of {earlier.name}: start a new run without --resume")
    _demand_fit(targets, declared)
    depth = depth or (described.depth or Step.ACCESS).value
    estate = Estate(targets, declared, Step(depth), timeout or described.timeout or 10.0)
    if earlier is not None and asked["places"] != estate.digest():
        raise click.UsageError(
            f"the order of the targets or their agents differ from {earlier.name}: start a new run without --resume"
        )
    logins.policy(None, targets)
    retry_after = described.retry_after or RETRY_AFTER
    token = asked.get("token", "") if earlier is not None else secrets.token_hex(8)
    request = Asked(estate, chosen, source_path(inventory), only, agent_timeout, token, logins, retry_after)
    code, name = _carried_out(request, earlier, store)
    if code:
        ctx.exit(code)
    ctx.invoke(report_command.command, run=name, store=store)


def _resumed(logins: Logins, asked: dict[str, Any]) -> Logins:
    """Return the login options of a run that goes on."""
    kept = logins.resumed(asked.get("guards", ()), no_login=asked.get("no_login", False))
    return kept._replace(retried=logins.retried or asked.get("retried", ""))


def _chosen(names: Sequence[str], declared: Sequence[DeclaredAgent]) -> Sequence[DeclaredAgent]:
    """Return the agents of ``--agents``, or all that the inventory declares.

    Raises:
        click.UsageError: the inventory declares some, and not that one.
    """
    known = {agent.name: agent for agent in declared}
    if strange := [name for name in names if known and name not in known]:
        raise click.UsageError(
            f"--agents: the inventory declares no agent {strange[0]!r}{did_you_mean(strange[0], known)}"
        )
    return tuple(known.get(name, DeclaredAgent(name)) for name in names) or declared


def _demand_fit(targets: Sequence[Target], declared: Sequence[DeclaredAgent]) -> None:
    """Check that the agents and the targets fit a fleet.

    Raises:
        click.UsageError: there is no agent, one cannot be an agent's name, a target names another one, or it has
            several accounts: which of them is tried next depends on one agent's result.
    """
    if several := next((target for target in targets if target.alternatives), None):
        raise click.UsageError(
            f"{several.source or several}: a fleet tries one credential of a target, and this one has "
            f"{len(several.credentials)}: keep one, or learn with `scanready verify` on one agent which one is right"
        )
    if not declared:
        raise click.UsageError(
            "the inventory declares no agents: list them there, or name them with --agents NAME,NAME"
        )
    for agent in declared:
        demand_name(agent.name)
    unknown = {name for target in targets for name in target.agents} - {agent.name for agent in declared}
    if unknown:
        name = fitting(min(unknown))
        raise click.UsageError(
            f"a target names the agent {name!r}, which --agents lacks: add it there, or leave out its targets "
            "with --only"
        )
    left = [target for target in targets if not assigned(target, declared)]
    if left:
        named = listed([fitting(str(target)) for target in left], _MOST_NAMED)
        warn(
            f"{counted(len(left), 'target')} {'has' if len(left) == 1 else 'have'} no agent in --agents, and no "
            f"result: {named}; add an agent of the site there"
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """Hold the request of a run; ``token`` tells it from a run of the same name in another store."""

    estate: Estate
    broker: Broker
    source: str
    only: tuple[str, ...]
    agent_timeout: float
    token: str
    logins: Logins
    retry_after: float

    @property
    def login(self) -> Login | None:
        """The words of login batches; None if no login is made."""
        from scanready.fleet.login_pass import login_of

        deep = self.estate.depth.height >= Step.LOGIN.height
        return login_of(self.retry_after, self.logins.retried) if deep and not self.logins.no_login else None

    def as_object(self, lost: Sequence[str] = (), missing: int | None = None) -> dict[str, Any]:
        """Return the request in its stored form, as JSON types.

        Args:
            lost: the agents that were lost at the end.
            missing: how many results were missing at the end; None before it.
        """
        estate = self.estate
        key = identity_of_all(estate.targets)
        # Its earlier results count, so it is not absent; the targets without one have `agent.lost`.
        remarks = tuple(f"{name} is lost: no heartbeat for {self.agent_timeout:.0f} s." for name in lost)
        return {
            "token": self.token,
            "only": self.only,
            **self.logins.kept,
            "retried": self.logins.retried,
            "missing": missing,
            "types": [],
            "failed_from": None,
            "depth": estate.depth.value,
            "timeout": estate.timeout,
            "tried": [target.host for target in estate.targets if target.tries],
            "estate": key,
            "places": estate.digest(),
            "frame": Frame(key, tuple(estate.agents), remarks=remarks).as_object(),
        }


def _demand_no_change(ctx: click.Context, resume: str | None) -> None:
    """Refuse options that a run keeps from its start, if they are given again."""
    given = [name for name in _KEPT if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE]
    if resume and given:
        options = ", ".join(f"--{name}" for name in given)
        raise click.UsageError(
            f"--resume continues a run as it was started: leave out {options}, or start a new run without --resume"
        )


def _earlier(name: str, store: str | None) -> StoredRun:
    with open_store(store) as kept:
        run = find_run(kept, name)
    if run.command != COMMAND:
        raise click.UsageError(f"{run.name} is no run of `fleet verify`: continue it with `scanready verify --resume`")
    demand_profile(agent_restored(json.loads(run.agent)).profile, run.name)
    return run


def _carried_out(asked: Asked, earlier: StoredRun | None, store: str | None) -> tuple[int, str]:
    """Return the exit code, 0 where the report decides it, and the name of the run.

    A broker that cannot be used leaves no run: `last` would be an empty one.
    """
    from scanready.fleet.coordinator import demand_queues

    with broker_told():
        demand_queues(asked.broker, [agent.name for agent in asked.estate.agents])
    new = earlier or NewRun(
        timestamps.now(),
        COMMAND,
        asked.source,
        len(asked.estate.targets),
        __version__,
        json.dumps(agent_object(own_agent())),
        json.dumps(asked.as_object(), separators=(",", ":")),
    )
    try:
        with Ledger(store_path(store), new) as ledger:
            return _work(asked, ledger, earlier, store), ledger.name
    except StoreError as error:
        raise click.UsageError(str(error)) from error


def _work(asked: Asked, ledger: Ledger, earlier: StoredRun | None, store: str | None) -> int:
    from scanready.fleet.coordinator import Coordinator

    done = {place for place, _ in _stored(store, earlier, asked.estate)} if earlier else set[int]()
    total, began = sum(1 for _ in asked.estate.places()), time.monotonic()
    progress = Progress(total, what="results", note=lambda: _awaited(coordinator))
    for _ in done:
        progress.count(Verdict.READY)  # the word is shown for the others only

    def tell(line: str) -> None:
        with progress.cleared():
            warn(line)

    stopped = threading.Event()
    with _interruptible(stopped, lambda: progress.say(_unfinished(ledger.name))):
        tell(_beginning(asked, ledger.name, done))
        coordinator = Coordinator(
            asked.broker, asked.estate, ledger, done, tell, progress.count, asked.agent_timeout, asked.login
        )
        _bind(coordinator.logins, asked)
        for place, report in _stored(store, earlier, asked.estate) if earlier and asked.login else ():
            coordinator.logins.add(place, report)
        with _continuation_told(progress, ledger.name), broker_told(), progress.drawn():
            coordinator.run(stopped)
    seconds = time.monotonic() - began + (earlier.seconds if earlier else 0.0)
    kept = asked.as_object(coordinator.lost, coordinator.missing)
    ledger.end(kept, seconds, interrupted=stopped.is_set())
    return _concluded(coordinator, progress, ledger.name, interrupted=stopped.is_set())


def _concluded(coordinator: Coordinator, progress: Progress, name: str, *, interrupted: bool) -> int:
    """Say which results a run lacks, and what brings them; return the exit code, 0 where the report decides it."""
    if interrupted:
        progress.say(
            f"{_unfinished(name)}. It lacks {counted(coordinator.missing, 'result')}. To stop the agents: "
            f"`scanready fleet cancel {name}`"
        )
        return INTERRUPTED
    if coordinator.dropped:
        progress.say(f"cancelled: {name} lacks {coordinator.dropped} results; to check these targets, start a new run")
    if coordinator.unanswered:
        progress.say(
            f"unanswered: {name} lacks {coordinator.unanswered} results; to check these targets again: "
            f"`scanready fleet verify --resume {name}`"
        )
    if coordinator.lost:
        names = ", ".join(coordinator.lost)
        progress.say(f"lost: {names}; when it is back: `scanready fleet verify --resume {name}`")
    else:
        coordinator.forget()
    return 0


def _bind(logins: LoginPass, asked: Asked) -> None:
    """Withhold what the files of --guard say."""
    credentials = {account for target in asked.estate.targets for account in target.credentials}
    policy = Policy(asked.retry_after, asked.logins.retried)
    if asked.logins.elsewhere is not None:
        bind_elsewhere(logins, credentials, asked.logins.elsewhere, policy)


def _stored(store: str | None, run: StoredRun, estate: Estate) -> Iterator[tuple[int, Report]]:
    """Yield each place that has a result of its agent, with the result."""
    places = {(identity(target), name): place for place, target, name in estate.places()}
    with open_store(store) as kept:
        for report in map(restored, stored_results(kept, run)):
            place = places.get((identity(report.target), report.agent.name))
            if place is not None and report.cause not in (fleet.LOST, fleet.UNANSWERED):
                yield place, report


def _beginning(asked: Asked, name: str, done: Collection[int]) -> str:
    """Return the first line of a run: its name, where it takes place, how much it is, and which agents owe results."""
    targets, agents = asked.estate.targets, [agent.name for agent in asked.estate.agents]
    places = [(place, agent) for place, _, agent in asked.estate.places()]
    owing = {agent for place, agent in places if place not in done}
    size = (
        f"{counted(len(targets), 'target')} and {counted(len(agents), 'agent')} give {counted(len(places), 'result')}"
    )
    so_far = f", {len(done):,} of them stored" if done else ""
    who = listed((visible(agent, LONGEST_AGENT) for agent in agents if agent in owing), _MOST_NAMED)
    rest = f"waiting for {who}" if who else "none is missing"
    return f"run {name} at the broker {asked.broker.netloc}: {size}{so_far}; {rest}"


def _awaited(coordinator: Coordinator) -> str:
    """Say which agents have sent nothing yet."""
    unheard = coordinator.unheard
    return f"nothing yet from {listed(unheard, _MOST_NAMED)}" if unheard else ""


def _unfinished(name: str) -> str:
    return f"interrupted: the agents continue {name}. To take their results: `scanready fleet verify --resume {name}`"


@contextlib.contextmanager
def _continuation_told(progress: Progress, name: str) -> Iterator[None]:
    """Say how to continue a run that ends because its store or the broker cannot be used."""
    try:
        yield
    except (StoreError, Unusable) as error:
        progress.say(_unfinished(name))
        # Another store would be another run, and would not know the logins of this one.
        raise Unusable(str(error).partition(", or name ")[0]) from error


@contextlib.contextmanager
def _interruptible(stopped: threading.Event, last_words: Callable[[], None]) -> Iterator[None]:
    """Set ``stopped`` at the first SIGINT, SIGTERM, SIGHUP or SIGBREAK; the second one ends the process."""
    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}

    def handle(_: int, __: FrameType | None) -> None:
        if stopped.is_set():
            with contextlib.suppress(RuntimeError):  # another line was being written
                last_words()
            os._exit(INTERRUPTED)
        stopped.set()

    for number in numbers:
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
