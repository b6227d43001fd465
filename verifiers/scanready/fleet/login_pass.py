"""Send the logins of a run: first one for each account, then those that its outcome permits.

A login is in the store at the moment at which the broker gets it, and its outcome before the next one depends on it.
So a coordinator that is started again neither gives a login that may have been made to another agent, nor forgets a
refusal; and one that ends before the broker has a login leaves no trace of it. The store's journal of accounts has
both, too: they bind later runs, whichever agents these have, and runs at the same time.
"""

from __future__ import annotations

import datetime
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict, replace

from scanready.model import Credential, Report, Target
from scanready.run import timestamps
from scanready.store import AccountRecord, journal
from scanready.wire.printable import visible

from .account_journal import by_account, note_ended, note_not_sent, note_sent
from .account_memory import remembered
from .accounts import Accounts
from .believed import believed
from .division import Estate
from .grants import Denied, Grant, Key, Visit, told
from .ledger import Ledger
from .login_end import End, LoginEnd
from .messages import CANCELLED, MOST_SECONDS, Batch, Login, Results
from .second_result import addresses_found, asks_for_login, is_at_prompt, withheld, without_login

#: Results that are changed in one transaction.
_TOGETHER = 200
#: Seconds of a message: a longer time is cut, and a time is never nothing.
_SHORTEST, _LONGEST = 0.001, 366 * 86_400.0


class UnderWay(Exception):
    """Raised while a run beside this one has a login under way; the text is the name of the credential."""


class LoginPass:
    """The second pass of a run.

    Args:
        login: what the batches of this pass say; None if no login is made in this run.
    """

    def __init__(self, estate: Estate, ledger: Ledger, login: Login | None, tell: Callable[[str], None]) -> None:
        self._estate, self._ledger, self._login, self._tell = estate, ledger, login, tell
        self._accounts = Accounts()
        self._sent: dict[str, Grant] = {}
        self._left: set[str] = set()
        self._noted: tuple[str, frozenset[int]] = ("", frozenset())  # the last note, with the places that it changed
        self._began = timestamps.now()
        self._reminded: set[Key] = set()
        self._read: tuple[int, dict[Key, list[AccountRecord]]] = (-1, {})
        self._number = 0
        self._places: set[int] = set()
        self._visited: set[int] = set()
        self._again: list[Batch] = []
        self._cancelled: set[str] = set()
        self.has_begun = self._is_told = False
        self._names: dict[Key, dict[str, Credential]] = {}
        if login is not None:
            self._remember(login)
            self._recall()

    def bind(
        self, credential: Credential, where: str, detail: str, host: str | None = None, *, refused: bool = True
    ) -> None:
        """Withhold a credential that was refused before this run; as the lockout guard's method of this name."""
        self._accounts.bind(credential.guarded_by, detail, host and host.casefold(), where if refused else "")

    def add(self, place: int, report: Report) -> None:
        """Take note of the result of a first visit."""
        found = self._estate.at(place)
        if self._login is None or found is None:
            return
        target, agent = found
        if target.credential is None or not asks_for_login(target):
            return
        account, host = target.credential, target.host.casefold()
        self._accounts.know(host, addresses_found(report))
        if place not in self._places and is_at_prompt(report):
            self._places.add(place)
            visit = Visit(place, agent, host, account.name)
            self._accounts.add(account.guarded_by, visit, judged_alike=account.authority is not None)

    def reads(self, target: Target) -> bool:
        """Return whether the pass needs the results of a target."""
        return self._login is not None and target.credential is not None

    def counted(self, place: int, batch: str, report: Report) -> Report:
        """Return the result of a second visit, whose footprint includes that of the first one."""
        first = self._ledger.result(self._target(place), report.agent.name) if batch in self._sent else None
        if first is not None and first.started != report.started:  # a message that comes again is counted already
            report.footprint.add(first.footprint)
        return report

    def replaces(self, place: int, batch: str) -> bool:
        """Return True if the result of this place is no longer that of a first visit: it must not come back."""
        return place in self._visited and batch not in self._sent

    def waits_for(self, agent: str) -> bool:
        """Return whether an agent has logins in hand."""
        return any(grant.agent == agent for grant in self._sent.values())

    def owes(self, agent: str) -> bool:
        """Return whether second visits of an agent did not take place yet."""
        return self.waits_for(agent) or any(visit.agent == agent for visit, _ in self._accounts.waiting())

    @property
    def unfinished(self) -> int:
        """The number of second visits that were sent, or may be sent yet."""
        return sum(len(grant.visits) for grant in self._sent.values()) + sum(1 for _ in self._accounts.waiting())

    def batches(self, away: Collection[str]) -> list[Batch]:
        """Return the batches that may be sent now. :meth:`leaving` is to be asked before each is sent."""
        if self._login is None:
            return []
        for name in [name for name, grant in self._sent.items() if grant.agent in away and name not in self._left]:
            self._accounts.withdraw(self._sent.pop(name))
        self.has_begun = True
        again, self._again = self._again, []
        grants, denied = self._accounts.next({*away, *self._cancelled})
        made = []
        for grant in grants:
            self._number += 1
            name = (
                f"{grant.agent}/login-{self._number}"  # no name of an agent has a slash: that of a first visit differs
            )
            made.append((name, grant))
        self._sent.update(made)
        self._deny(denied)
        if (again or made) and not self._is_told:
            self._is_told = True
            self._tell("the first visits are over; now the logins, one first login for each account")
        return [*again, *(self._batch(name, grant) for name, grant in made)]

    def leaving(self, batch: Batch) -> Batch | None:
        """Note a login batch that the broker gets next; return it as it is now, or None if it is not sent any more.

        From this moment on its outcome is unknown to all runs until its agent tells it.

        Raises:
            UnderWay: a run beside this one has a login with the account under way: ask again later.
            StoreError: the note is not written.
        """
        name = batch.batch
        if name not in self._sent:
            return None
        if name not in self._left:
            places = [visit.place for visit in self._sent[name].visits]
            self._ledger.login_sent(name, batch.agent, places, lambda file: self._note_leaving(file, name))
            self._left.add(name)
            self._noted = name, frozenset(places) - self._visited
            self._visited.update(places)
        else:
            self._noted = "", frozenset()
        return self._batch(name, self._sent[name])

    def take_back(self, batch: Batch) -> None:
        """Take back the note of :meth:`leaving` just before: the broker says that it has not taken the batch.

        The note stays if it is not that of this try: an earlier one may have reached the broker.

        Raises:
            StoreError: the note stays.
        """
        name, places = self._noted
        if name != batch.batch:
            return
        grant, now = self._sent[name], timestamps.now()
        names = self._names[grant.key]
        self._ledger.login_not_sent(name, lambda file: note_not_sent(file, self._ledger.number, grant, names, now))
        self._noted = "", frozenset()
        self._left.discard(name)
        self._visited -= places

    def _note_leaving(self, file: sqlite3.Connection, name: str) -> None:
        """Note a login that is sent next, after a look at the notes of other runs since."""
        assert self._login is not None, "else there are no logins"
        grant, now = self._sent[name], timestamps.now()
        names = self._names[grant.key]
        version = file.execute("PRAGMA data_version").fetchone()[0]  # writes of this process leave it as it is
        if version != self._read[0]:
            self._read = version, by_account(journal.records(file, of_fleet=True))
            self._reminded.clear()
        if grant.key not in self._reminded:
            found = self._read[1].get(grant.key, [])
            if self._is_under_way(grant.key, found):
                raise UnderWay(visible(grant.visits[0].credential, 120))
            memory = remembered(found, names, self._login, now, self._ledger.going, self._began)
            grant = self._sent[name] = self._accounts.remind(grant, memory)
            self._reminded.add(grant.key)
        note_sent(file, self._ledger.number, grant, names, now)

    def _is_under_way(self, key: Key, found: Iterable[AccountRecord]) -> bool:
        """Return whether a run beside this one has a login under way that may be the first one of an account."""
        if self._accounts.is_accepted(key) or any(one.accepted and one.accepted.when >= self._began for one in found):
            return False
        runs = {login.event.run for one in found for login in one.logins if login.killed}
        return any(run is not None and self._ledger.is_going(run) for run in runs)

    def take(self, found: Results) -> None:
        """Take the outcomes of a login batch. One that was not sent, or is over, changes nothing."""
        grant = self._sent.get(found.batch)
        if grant is None or grant.agent != found.agent or found.batch not in self._left:
            return
        if found.refused == CANCELLED:  # each agent is asked: one that lies must not end the logins of others
            self._cancelled.add(found.agent)
        elif found.refused:
            self._tell(f"{found.agent} did not carry out a login batch: {found.refused}")
        if found.logins is None:
            why = f"the agent {found.agent} refused the batch: {found.refused}"
            hosts = dict.fromkeys((visit.credential, visit.host) for visit in grant.visits)
            self._conclude(found.batch, [LoginEnd(*one, End.UNABLE, detail=why) for one in hosts])
        else:
            ends, remark = believed(found.logins, (self._target(visit.place) for visit in grant.visits))
            if remark:
                self._tell(f"{found.agent} reported logins that it was not asked for: {remark}; that is dropped")
            self._conclude(found.batch, ends)

    def asked_again(self, names: Collection[str]) -> list[Batch]:
        """Return those of some batches that are login batches without an outcome, to be sent again."""
        return [self._batch(name, grant) for name, grant in self._sent.items() if name in names]

    def give_up(self, batch: str, agent: str) -> None:
        """End a login batch that is not answered, or whose answer cannot be read: its outcomes are not known."""
        if (grant := self._sent.get(batch)) is not None and grant.agent == agent and batch in self._left:
            self._conclude(batch, [])

    def finish(self) -> None:
        """Say in the results of second visits that did not take place why they did not. They may be made later."""
        rest = []
        for visit, holder in self._accounts.waiting():
            if visit.agent in self._cancelled:
                rest.append(Denied(visit, "no login was made: the run was cancelled", withheld=False))
            elif holder:
                words = f"the first login with the credential {visit.credential!r} was given to the agent {holder}"
                lost = "which is lost, so its outcome is not known until that agent is back"
                rest.append(Denied(visit, f"no login was made: {words}, {lost}", withheld=True))
            else:
                rest.append(Denied(visit, f"no login was made: the agent {visit.agent} is lost", withheld=False))
        for grant in (grant for name, grant in self._sent.items() if name in self._left):
            words = f"the login was given to the agent {grant.agent}, which is lost: its outcome is not known"
            rest += [Denied(visit, words, withheld=False) for visit in grant.visits]
        self._put(rest)

    def _remember(self, login: Login) -> None:
        """Take over what earlier runs found out about each account."""
        for target in self._estate.targets:
            if (account := target.credential) is not None:
                self._names.setdefault(account.guarded_by, {})[account.name] = account
        now = timestamps.now()
        for key, records in by_account(self._ledger.accounts()).items():
            if names := self._names.get(key):
                self._accounts.remember(key, remembered(records, names, login, now, self._ledger.going))

    def _recall(self) -> None:
        """Take over the logins that an earlier process of this run sent; those without an outcome are sent again.

        The agent knows each batch by its name, and does not repeat its logins.
        """
        for name, agent, places, ends in sorted(self._ledger.logins(), key=_number):
            found = [(place, self._estate.at(place)) for place in places]
            visits = [
                (Visit(place, agent, one[0].host.casefold(), one[0].credential.name), one[0].credential)
                for place, one in found
                if one is not None and one[0].credential is not None
            ]
            self._number = max(self._number, _number((name,)))
            if not visits:
                continue
            account = visits[0][1]
            key, made = account.guarded_by, tuple(visit for visit, _ in visits)
            grant = Grant(key, agent, made, self._accounts.hold(key, made))
            self._accounts.grant(grant, judged_alike=account.authority is not None)
            self._sent[name] = grant
            self._left.add(name)
            self._places.update(places)
            self._visited.update(places)
            if ends is None:
                self._again.append(self._batch(name, grant))
            else:
                del self._sent[name]
                self._deny(self._accounts.conclude(grant, [LoginEnd(**one | {"end": End(one["end"])}) for one in ends]))

    def _conclude(self, batch: str, ends: list[LoginEnd]) -> None:
        grant, now = self._sent[batch], timestamps.now()
        ends = [told(one, grant) for one in ends]
        names, is_own_place = self._names[grant.key], self._accounts.is_own_place(grant)

        def note(file: sqlite3.Connection) -> None:
            note_ended(file, self._ledger.number, grant, ends, names, now, is_own_place=is_own_place)

        self._ledger.login_ended(batch, list(map(asdict, ends)), note)
        self._deny(self._accounts.conclude(self._sent.pop(batch), ends))

    def _deny(self, denied: Iterable[Denied]) -> None:
        denied = list(denied)
        self._visited.update(one.visit.place for one in denied)
        self._put(denied)

    def _put(self, denied: list[Denied]) -> None:
        for start in range(0, len(denied), _TOGETHER):
            self._ledger.put(self._changed(denied[start : start + _TOGETHER]))

    def _changed(self, denied: Iterable[Denied]) -> Iterator[tuple[int, Report]]:
        for one in denied:
            target = self._target(one.visit.place)
            report = self._ledger.result(target, one.visit.agent)
            if report is not None and is_at_prompt(report):
                changed = withheld(report, one) if one.withheld else without_login(report, one.words)
                yield one.visit.place, changed

    def _target(self, place: int) -> Target:
        found = self._estate.at(place)
        assert found is not None, "it is the place of a visit"
        return found[0]

    def _batch(self, name: str, grant: Grant) -> Batch:
        estate = self._estate
        targets = tuple((visit.place, self._target(visit.place)) for visit in grant.visits)
        run, login = self._ledger.key, self._login
        if login is not None and grant.hold is not None:
            own = grant.hold.agent == grant.agent
            login = replace(login, age=seconds_since(grant.hold.since, timestamps.now()), own=own)
        return Batch(run, name, grant.agent, estate.depth, estate.timeout, MOST_SECONDS, targets, login)


def _number(row: tuple[object, ...]) -> int:
    return int(str(row[0]).rpartition("-")[2])


def seconds_since(moment: str, now: str) -> float:
    """Return how long ago a moment was, within the bounds of a message; almost nothing for one that is none."""
    try:
        found = datetime.datetime.fromisoformat(now) - datetime.datetime.fromisoformat(moment)
    except (TypeError, ValueError):
        return _SHORTEST
    return min(max(found.total_seconds(), _SHORTEST), _LONGEST)


def login_of(retry_after: float, retried: str) -> Login:
    """Return what login batches say, within the bounds of a message."""
    return Login(min(retry_after, _LONGEST), retried)
