"""Encode and decode the messages between coordinator and agents: bounded JSON with a version. No I/O.

A target travels with the name of its credential, never with a secret or a reference to one. All input is untrusted:
anything but a message of this version raises :class:`MessageError` and no other error.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scanready.model import DEPTHS, Step, Target
from scanready.redaction.options import options_shown
from scanready.report.parse import NotAResult, target_restored
from scanready.report.serialize import target_object
from scanready.run.registry import catalogue

from .login_end import End, LoginEnd
from .names import is_agent_name

#: The version of the messages that this scanready writes, and the only one that it reads.
VERSION = 1
#: Targets in one batch, and results in one message.
MOST_TARGETS = 25
#: Seconds that a batch may take. RabbitMQ closes the channel of a consumer that acknowledges nothing for 30 minutes.
MOST_SECONDS = 14 * 60.0
#: Bytes of one message. A batch has 10 KB, a message of 25 results 150 KB (measured).
LARGEST = 8 << 20
#: Why an agent sends no results of a batch of a cancelled run.
CANCELLED = "the run was cancelled"
#: The beginning of the reason of a batch without results if the agent cannot write its own file.
OWN_FILE = "the agent cannot use its own file: "
#: Characters of one result: the store takes no longer row.
_LONGEST_LINE = 4 << 20
_LONGEST_TEXT = 1000
_DEEPEST = 12
_MOST_PLACES = 1 << 40
_MOST_TRIES = 100
_MOST_RUNS = 1000
_DROPPED = "dropped"
#: Logins of one batch: a host without a type has one for each type that asks for one.
_MOST_LOGINS = 1000
_LONGEST_WAIT = 10 * 366 * 86_400.0


class MessageError(ValueError):
    """Raised for a message that is not one of this version; the text names the problem.

    ``run`` and ``batch`` are those of the message, as far as they could be read.
    """

    def __init__(self, text: str, run: str = "", batch: str = "") -> None:
        super().__init__(text)
        self.run, self.batch = run, batch


@dataclass(frozen=True, slots=True)
class Login:
    """Permit the logins of a batch.

    Attributes:
        retry_after: seconds after which an earlier refusal in the agent's journal stops binding.
        retried: the credential whose earlier refusals do not bind; "*" for all, "" for none.
        age: the seconds since an earlier login with the account that was not accepted: only a secret that is newer is
            sent. None if there was no such login.
        own: that login was made by this agent.
    """

    retry_after: float
    retried: str = ""
    age: float | None = None
    own: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """Ask one agent to check some targets.

    Attributes:
        run: the name of the run.
        batch: unique within the run.
        agent: the name of the agent.
        depth: the last step that is asked.
        timeout: seconds for each target.
        seconds: for the whole batch.
        targets: each with its place in the run. Its credential is a name, a user and an authority.
        login: how the agent may log in; None if it may not.
    """

    run: str
    batch: str
    agent: str
    depth: Step
    timeout: float
    seconds: float
    targets: tuple[tuple[int, Target], ...]
    login: Login | None = None

    def kept(self, most: float) -> float:
        """Return the seconds for which the broker keeps the batch until its agent takes it.

        A login of an agent that is away must not be made after time has ended what its note holds back: by then
        another agent may have been refused.
        """
        return most if self.login is None else min(most, self.login.retry_after / 2)


@dataclass(frozen=True, slots=True)
class Results:
    """Report some results of a batch; ``lines`` has each place with the result as a line of JSON.

    ``done`` is true in the last message of the batch. ``refused`` says why the batch was not carried out, if it was
    not. ``logins`` in the last message has what became of each login; None if the batch was not read.
    """

    run: str
    batch: str
    agent: str
    lines: tuple[tuple[int, str], ...] = ()
    done: bool = False
    refused: str = ""
    logins: tuple[LoginEnd, ...] | None = ()


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Say that an agent is there.

    Attributes:
        agent: its name.
        version: of scanready.
        platform: as ``platform.system()`` names it.
        since: when it started, UTC in ISO 8601.
        runs: the names of the runs that it has batches of in hand.
    """

    agent: str
    version: str
    platform: str
    since: str
    runs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cancel:
    """Tell an agent to drop the batches of a run."""

    run: str


Message = Batch | Results | Heartbeat | Cancel
_KINDS: Mapping[str, type[Message]] = {"batch": Batch, "results": Results, "heartbeat": Heartbeat, "cancel": Cancel}


def encode(message: Message) -> str:
    """Return a message as one line of JSON.

    Raises:
        MessageError: a target cannot travel: an option of it holds a secret, or is no JSON value.
    """
    kind = next(name for name, shape in _KINDS.items() if isinstance(message, shape))
    fields = {field.name: getattr(message, field.name) for field in dataclasses.fields(message)}
    if isinstance(message, Batch):
        fields["targets"] = [{"place": place, **target_sent(target)} for place, target in message.targets]
        fields["login"] = message.login and dataclasses.asdict(message.login)
    if isinstance(message, Results):
        fields["lines"] = [{"place": place, "line": line} for place, line in message.lines]
        fields["logins"] = message.logins and list(map(dataclasses.asdict, message.logins))
    return json.dumps({"message": VERSION, "kind": kind, **fields}, allow_nan=False, separators=(",", ":"))


def dropped(size: int) -> str:
    """Return what takes the place of a message with so many bytes: :func:`decode` refuses it with the reason."""
    return json.dumps({_DROPPED: size})


def target_sent(target: Target) -> dict[str, Any]:
    """Return a target as it travels, as JSON types.

    Raises:
        MessageError: an option of it holds a secret, or is no JSON value.
    """
    for one in (target, *target.tries):
        if options_shown(one.options) != dict(one.options):
            raise MessageError("an option of this target holds a secret, and no secret travels through the broker")
    sent: dict[str, Any] = {"target": target_object(target), "tries": [target_object(one) for one in target.tries]}
    sent["authority"] = target.credential.authority if target.credential else None
    try:
        json.dumps(sent, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise MessageError("an option of this target is not a text, a number, a list or a mapping") from None
    return sent


def decode(text: str | bytes) -> Message:
    """Return the message in a text.

    Raises:
        MessageError: it is no message, a message of another version, or beyond a bound.
    """
    fields = _object(_parsed(text))
    run, batch = (str(fields.get(name, ""))[:_LONGEST_TEXT] for name in ("run", "batch"))
    try:
        return _decoded(fields)
    except (MessageError, NotAResult) as error:
        raise MessageError(str(error), run, batch) from None
    except (TypeError, ValueError, RecursionError) as error:
        raise MessageError(f"a value of the message is out of range ({type(error).__name__})", run, batch) from None


def _parsed(text: str | bytes) -> Any:
    if isinstance(text, (str, bytes)) and len(text) > LARGEST:
        raise MessageError(f"the message has {len(text):,} bytes; at most {LARGEST:,} are allowed")
    try:
        value = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        raise MessageError("the message is not JSON") from None
    _bound_depth(value, _DEEPEST)
    return value


def _bound_depth(value: Any, left: int) -> None:
    if not left:
        raise MessageError(f"the message is nested more than {_DEEPEST} levels deep")
    held: Sequence[Any] = ()
    if isinstance(value, dict):
        held = list(value.values())
    elif isinstance(value, list):
        held = value
    for one in held:
        if isinstance(one, (dict, list)):
            _bound_depth(one, left - 1)


def _decoded(fields: dict[str, Any]) -> Message:
    if isinstance(size := fields.get(_DROPPED), int):
        raise MessageError(f"the message has {size:,} bytes, and was dropped")
    version = fields.pop("message", None)
    if version != VERSION or isinstance(version, bool):
        raise MessageError(f"the message has version {_short(version)}; this scanready reads version {VERSION}")
    kind = fields.pop("kind", None)
    shape = _KINDS.get(kind) if isinstance(kind, str) else None
    if shape is None:
        raise MessageError(f"the message has the unknown kind {_short(kind)}")
    known = {field.name for field in dataclasses.fields(shape)}
    if unknown := sorted(fields.keys() - known):
        raise MessageError(f"the message has the unknown key {_short(unknown[0])}")
    match kind:
        case "batch":
            return _batch(fields)
        case "results":
            return _results(fields)
        case "heartbeat":
            version, platform, since = (_text(fields, name) for name in ("version", "platform", "since"))
            return Heartbeat(_agent(fields), version, platform, since, _runs(fields))
    return Cancel(_text(fields, "run"))


def _batch(fields: Mapping[str, Any]) -> Batch:
    depth = _text(fields, "depth")
    if depth not in DEPTHS:
        raise MessageError(f"the depth {_short(depth)} is unknown")
    return Batch(
        _text(fields, "run"),
        _text(fields, "batch"),
        _agent(fields),
        Step(depth),
        _seconds(fields, "timeout"),
        _seconds(fields, "seconds"),
        tuple(map(_placed, _list(fields, "targets", MOST_TARGETS))),
        _login(fields.get("login")),
    )


def _login(value: Any) -> Login | None:
    if value is None:
        return None
    fields = _object(value)
    _known_only(fields, ("retry_after", "retried", "age", "own"), "the login")
    after, retried = _seconds(fields, "retry_after", _LONGEST_WAIT), _text(fields, "retried", least=0)
    own = fields.get("own", False)
    if not isinstance(own, bool):
        raise MessageError("own is neither true nor false")
    age = None if fields.get("age") is None else _seconds(fields, "age", _LONGEST_WAIT)
    return Login(after, retried, age, own)


def _known_only(fields: Mapping[str, Any], known: Sequence[str], what: str) -> None:
    if unknown := sorted(fields.keys() - set(known)):
        raise MessageError(f"{what} has the unknown key {_short(unknown[0])}")


def _placed(value: Any) -> tuple[int, Target]:
    fields = _object(value)
    _known_only(fields, ("place", "target", "tries", "authority"), "a target")
    authority = None if fields.get("authority") is None else _text(fields, "authority")
    target = _judged_by(authority, _target(fields.get("target")))
    tries = tuple(_judged_by(authority, _target(one)) for one in _list(fields, "tries", _MOST_TRIES))
    return _place(fields), dataclasses.replace(target, tries=tries) if tries else target


def _judged_by(authority: str | None, target: Target) -> Target:
    if authority is None or target.credential is None:
        return target
    return dataclasses.replace(target, credential=dataclasses.replace(target.credential, authority=authority))


def _target(value: Any) -> Target:
    fields = _object(value)
    for name, held in fields.items():
        if isinstance(held, str) and len(held) > _LONGEST_TEXT and name != "options":
            raise MessageError(f"{_short(name)} of a target has more than {_LONGEST_TEXT} characters")
    target = target_restored(fields)
    row = catalogue().get(target.type)
    if row is not None and not row.any_option:
        known = {option.name for option in row.options}
        if unknown := sorted(map(str, target.options.keys() - known)):
            raise MessageError(f"the type {target.type} has no option {_short(unknown[0])} in this version")
    elif row is None and target.type != "any":
        raise MessageError(f"this agent does not know the target type {_short(target.type)}")
    return target


def _results(fields: Mapping[str, Any]) -> Results:
    lines = []
    for value in _list(fields, "lines", MOST_TARGETS):
        one = _object(value)
        line = one.get("line")
        if not isinstance(line, str) or len(line) > _LONGEST_LINE:
            raise MessageError(f"a result is not a text of at most {_LONGEST_LINE:,} characters")
        lines.append((_place(one), line))
    done = fields.get("done")
    if not isinstance(done, bool):
        raise MessageError("done is neither true nor false")
    refused = _text(fields, "refused", least=0)
    ends = None if fields.get("logins") is None else tuple(map(_end, _list(fields, "logins", _MOST_LOGINS)))
    return Results(_text(fields, "run"), _text(fields, "batch"), _agent(fields), tuple(lines), done, refused, ends)


def _end(value: Any) -> LoginEnd:
    fields = _object(value)
    _known_only(fields, ("credential", "host", "end", "where", "detail"), "a login")
    end = _text(fields, "end")
    if end not in tuple(End):
        raise MessageError(f"the end {_short(end)} of a login is unknown")
    credential, host = _text(fields, "credential"), _text(fields, "host")
    return LoginEnd(credential, host, End(end), _text(fields, "where", least=0), _text(fields, "detail", least=0))


def _runs(fields: Mapping[str, Any]) -> tuple[str, ...]:
    runs = _list(fields, "runs", _MOST_RUNS)
    return tuple(_bounded(run, "a run") for run in runs)


def _agent(fields: Mapping[str, Any]) -> str:
    name = _text(fields, "agent")
    if not is_agent_name(name):
        raise MessageError(f"{_short(name)} is not a name of an agent")
    return name


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MessageError("the message has something else in the place of an object")
    return value


def _list(fields: Mapping[str, Any], name: str, most: int) -> list[Any]:
    value = fields.get(name)
    if not isinstance(value, list) or len(value) > most:
        raise MessageError(f"{name} is not a list of at most {most} entries")
    return value


def _text(fields: Mapping[str, Any], name: str, least: int = 1) -> str:
    return _bounded(fields.get(name), name, least)


def _bounded(value: Any, name: str, least: int = 1) -> str:
    if not isinstance(value, str) or not least <= len(value) <= _LONGEST_TEXT:
        raise MessageError(f"{name} is not a text of {least} to {_LONGEST_TEXT} characters")
    return value


def _place(fields: Mapping[str, Any]) -> int:
    value = fields.get("place")
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST_PLACES:
        raise MessageError("place is not a number of a target")
    return value


def _seconds(fields: Mapping[str, Any], name: str, most: float = MOST_SECONDS) -> float:
    value: Any = fields.get(name)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 < value <= most:  # neither is true of a NaN
        raise MessageError(f"{name} is not a number of seconds up to {most:.0f}")
    return float(value)


def _short(value: Any) -> str:
    return repr(value)[:60] if isinstance(value, (str, int, float)) else f"of type {type(value).__name__}"
