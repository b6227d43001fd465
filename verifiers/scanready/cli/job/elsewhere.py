"""``verify --guard FILE``: withhold what other agents found refused, and pass it on in the export of this run."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from scanready.model import Cause, Credential, Owner, Scope
from scanready.run import timestamps
from scanready.run.refusals import MOST_REFUSALS
from scanready.run.registry import all_causes
from scanready.wire.printable import visible

from .policy import Policy

if TYPE_CHECKING:
    from .guard_files import Elsewhere, Found

    History = Sequence[Found]

#: Refusals of one account that may be about the agent's address: after the first, one further agent may try.
_MOST_AMBIGUOUS = 2
#: Entries of other agents in one export; the readers of one accept more.
_MOST_PASSED_ON = 20_000


class Bound(Protocol):
    """Withhold accounts: the lockout guard of a run, or the logins of a fleet."""

    def bind(
        self, credential: Credential, where: str, detail: str, host: str | None = None, *, refused: bool = True
    ) -> None:
        """See :meth:`scanready.climb.guard.LockoutGuard.bind`."""


def bind_elsewhere(
    guard: Bound, credentials: Collection[Credential], elsewhere: Elsewhere, policy: Policy, agent: str = ""
) -> None:
    """Tell the guard what other agents found refused. Time does not end that, since the operator gave the file.

    ``agent`` is the name of this agent: another one may try again after a refusal that is ambiguous.
    """
    users: dict[tuple[str, str], list[Credential]] = {}
    for one in credentials:
        users.setdefault(one.guarded_by, []).append(one)
    histories = _histories(elsewhere.found)
    for key, accounts in users.items() if elsewhere.cut else ():
        if key not in histories and not policy.retries({one.name for one in accounts}):
            for credential in accounts:
                guard.bind(credential, elsewhere.cut[0], _of_cut(elsewhere.cut[0], credential.name), refused=False)
    for key, history in histories.items():
        accounts = users.get(key, [])
        names = {one.name for one in (*accounts, *(each.account for each in history))}
        if not accounts or policy.retries(names):
            continue
        refused = _refused(history)
        if _may_be_the_address(refused, agent):
            continue
        accepted = sorted(each.when for each in history if each.is_accepted)
        for each in refused:
            cause = _cause(each.outcome)
            if cause is not None and cause.scope is not Scope.ACCOUNT and cause.owner is not Owner.IDENTITY:
                continue  # it says nothing about the account
            host = None if _is_everywhere(each, cause, accepted) else each.host
            for credential in accounts:
                detail, refused_it = _detail(each, credential.name, host), each.outcome is not None
                guard.bind(credential, each.where, detail, host, refused=refused_it)


def passed_on(found: Iterable[Found], policy: Policy, now: str) -> list[dict[str, Any]]:
    """Return what the files of this run say, as the accounts of its export have it.

    So an agent that gets only this export knows what the agents before this one found. An entry is as old as its login.
    One of more than ``policy.retry_after`` is left out, as it ends a refusal of an earlier run; not so after as many
    refusals in a row as end only by an option.
    """
    kept: list[Found] = []
    oldest = _moved(now, -policy.retry_after)
    for history in _histories(found).values():
        lasting = [each for each in _refused(history) if each.tries >= MOST_REFUSALS or oldest < each.when]
        kept += [*lasting, *_acceptances(history, oldest, needed=bool(lasting))]
    kept.sort(key=lambda each: (not each.is_accepted, each.when), reverse=True)
    kept.sort(key=lambda each: each.is_accepted)  # if there are too many, the refusals are kept
    return [each.as_object() for each in kept[:_MOST_PASSED_ON]]


def _acceptances(history: History, oldest: str, *, needed: bool) -> Iterator[Found]:
    """Yield the last acceptance, and those of places that had refused the account before."""
    accepted = sorted((each for each in history if each.is_accepted), key=lambda each: each.when, reverse=True)
    took_back = {each.where for each in history if not each.is_accepted}
    for place, each in enumerate(accepted):
        if each.where in took_back or (place == 0 and (needed or each.when > oldest)):
            yield each


def _histories(found: Iterable[Found]) -> dict[tuple[str, str], list[Found]]:
    """Return the logins of each account, each once: of two entries about the same ones, the later counts."""
    latest: dict[tuple[object, ...], Found] = {}
    for each in found:
        key = *each.account.guarded_by, each.is_accepted, each.outcome is None, each.where, each.agent or each.when
        other = latest.get(key)
        if other is None or (other.when, other.tries) < (each.when, each.tries):
            latest[key] = each
    histories: dict[tuple[str, str], list[Found]] = {}
    for each in latest.values():
        histories.setdefault(each.account.guarded_by, []).append(each)
    return histories


def _refused(history: History) -> list[Found]:
    """Return the logins that no server accepted, the last first, without those at a server that accepted it since."""
    accepted: dict[str, str] = {}
    for each in history:
        if each.is_accepted:
            accepted[each.where] = max(each.when, accepted.get(each.where, ""))
    refused = [each for each in history if not each.is_accepted and each.when >= accepted.get(each.where, "")]
    return sorted(refused, key=lambda each: each.when, reverse=True)


def _may_be_the_address(refused: History, agent: str) -> bool:
    """Return True if the refusals may be about the address of one other agent, so that this one may try."""
    if not all(each.ambiguous for each in refused) or any(agent and each.agent == agent for each in refused):
        return False
    return sum(each.tries for each in refused) < _MOST_AMBIGUOUS


def _moved(moment: str, seconds: float) -> str:
    try:
        return timestamps.written(datetime.datetime.fromisoformat(moment) + datetime.timedelta(seconds=seconds))
    except OverflowError:  # a time of the inventory that is longer than the calendar
        return "9999" if seconds > 0 else ""


def _cause(outcome: str | None) -> Cause | None:
    return all_causes().get(outcome) if outcome is not None else None


def _is_everywhere(found: Found, cause: Cause | None, accepted: Sequence[str]) -> bool:
    """Return whether a refusal binds all hosts. A cause that this version does not know is taken for one that does."""
    if found.outcome is None:
        return not accepted
    if cause is not None and cause.scope is not Scope.ACCOUNT:
        return False
    if accepted and accepted[-1] >= found.when:
        return False
    return not accepted or found.account.authority is not None


def _of_cut(file: str, name: str) -> str:
    word = visible(name, 120)
    return (
        f"{visible(file, 200)}, a file of --guard, is cut off and does not say what became of the credential {word!r}; "
        f"it is not tried: get a whole file from that agent, or verify with `--retry-refused={word}`"
    )


def _detail(found: Found, name: str, host: str | None) -> str:
    word = visible(name, 120)
    did = f"refused the credential {word!r}" if found.outcome else f"did not answer a login with {word!r}"
    if found.outcome and _cause(found.outcome) is None:
        did += f" ('{visible(found.outcome, 60)}', which this version does not know)"
    who = f" from the agent {visible(found.agent, 80)}" if found.agent else ""
    counted = "" if found.outcome else ", and may have counted it as a failed login"
    where = "" if host is None else " at this host"
    return (
        f"{visible(found.where, 200)} {did}{who} on {found.when}{counted}, as a file of --guard says; it is not "
        f"tried{where}: correct the credential and leave out that file, or verify with `--retry-refused={word}`"
    )
