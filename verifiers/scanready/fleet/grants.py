"""Permit and deny logins: what the accounts of a run say of a visit, and in which words. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from .account_memory import Hold
from .login_end import End, LoginEnd

#: The account and its authority, as the lockout guard has them.
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Visit:
    """Identify one target of an agent: its place in the run, and the name of its credential."""

    place: int
    agent: str
    host: str
    credential: str


@dataclass(frozen=True, slots=True)
class Grant:
    """Permit one agent to log in with one account at some targets; with ``hold``, only with a newer secret."""

    key: Key
    agent: str
    visits: tuple[Visit, ...]
    hold: Hold | None = None


@dataclass(frozen=True, slots=True)
class Denied:
    """Deny a login. ``withheld``: the account is protected; otherwise no login is possible, and none is missing.

    ``refused_at`` is the endpoint that refused the account; empty if none is known to have.
    """

    visit: Visit
    words: str
    withheld: bool
    refused_at: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """Say why logins end. ``{}`` in ``words`` stands for the name of the credential."""

    words: str
    withheld: bool = True
    refused_at: str = ""

    def denied(self, visit: Visit) -> Denied:
        """Return the denial of a visit."""
        return Denied(visit, self.words.replace("{}", repr(visit.credential)), self.withheld, self.refused_at)

    def by_address(self, host: str, other: str) -> Bar:
        """Return the bar for another host, which is the same one by its address.

        An agent says so, and may be wrong. So the login is withheld, without the verdict of the refusal.
        """
        return replace(self, words=f"{self.words}; {other} has an address of {host}", refused_at="")


def told(end: LoginEnd, grant: Grant) -> LoginEnd:
    """Return the end of a login with the words of what held it back: later it may hold nothing back."""
    if end.end is not End.HELD:
        return end
    words = grant.hold.words if grant.hold is not None else "no login was made: the agent held it back"
    return replace(end, where=grant.hold.refused_at if grant.hold is not None else "", detail=words)


def latest(holds: Iterable[Hold | None]) -> Hold | None:
    """Return the hold of the latest refusal; None if there is none."""
    return max((one for one in holds if one is not None), key=lambda one: one.since, default=None)


def held_by(hold: Hold) -> Bar:
    """Return the bar of a refusal in an earlier run of the fleet."""
    return Bar(hold.words, refused_at=hold.refused_at)


def not_made(visit: Visit, end: LoginEnd, hold: Hold | None) -> Denied:
    """Return the denial of a visit that its agent did not begin, or held back."""
    if end.end is End.HELD:
        bar = held_by(hold) if hold is not None else Bar(end.detail, refused_at=end.where)
        return bar.denied(visit)
    return Denied(visit, f"no login was made: {end.detail}", end.end is End.UNUSABLE)


def earlier(where: str, agent: str, end: LoginEnd, kind: End) -> Bar:
    """Return the bar of a refusal in the journal of an agent. The words are the agent's."""
    words = f"the agent {agent} says: {end.detail}" if end.detail else words_of(where, agent, kind)
    return Bar(words, refused_at=end.where)


def words_of(where: str, agent: str, end: End) -> str:
    """Return the sentence of a withheld login. It begins with the place."""
    if end is End.UNKNOWN:
        return (
            f"{where} did not answer a login with the credential {{}} from the agent {agent}, and may have counted it "
            "as a failed login; it is not tried again in this run"
        )
    there = " again at this host" if end is End.REFUSED_HERE else " again in this run"
    return f"{where} refused the credential {{}} from the agent {agent}; it is not tried{there}, to protect the account"
