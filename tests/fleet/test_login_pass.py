"""The coordinator sends the logins of a run: one first, kept before it is sent, and never twice."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scanready.fleet.division import Estate
from scanready.fleet.ledger import COMMAND, Ledger, stored_results
from scanready.fleet.login_end import End, LoginEnd
from scanready.fleet.login_pass import LoginPass, login_of
from scanready.fleet.messages import CANCELLED, Batch, Login, Results
from scanready.model import (
    Agent,
    Check,
    Credential,
    DeclaredAgent,
    Footprint,
    Outcome,
    Report,
    Step,
    Target,
    Verdict,
)
from scanready.report.serialize import as_line
from scanready.run import timestamps
from scanready.store import Account, NewRun, Store, journal, read_accounts
from scanready.store.database import open_for_writing

ACCOUNT = Credential("svc", "scan", authority="corp")
TARGETS = (Target("h1", "ssh", 22, {}, ACCOUNT), Target("h2", "ssh", 22, {}, ACCOUNT))
LOGIN = login_of(86_400.0, "")
ESTATE = Estate(TARGETS, (DeclaredAgent("a"), DeclaredAgent("b")), Step.ACCESS, 10.0)


def first_visit(agent: str, target: Target, step: Step = Step.AUTH) -> Report:
    """Return the result of a visit that reached a step."""
    checks = [Check(step, f"{target.host}:22", Outcome.PASSED, "asks for a password")]
    checks += [Check(one, "x", Outcome.SKIPPED, "not asked: depth is auth") for one in (Step.LOGIN, Step.ACCESS)]
    verdict = Verdict.READY if step is Step.AUTH else Verdict.UNDECIDED
    started = "2026-01-01T00:00:00Z"
    return Report(Agent(agent, "Linux"), target, verdict, step, None, None, {}, checks, Footprint(), started, 0.1)


class Run:
    """A run whose first pass is over; :meth:`again` is a coordinator that continues it."""

    def __init__(self, folder: Path, *agents: str, login: Login = LOGIN) -> None:
        self.path, self.told, self._login = folder / "runs.db", list[str](), login
        new = NewRun(timestamps.now(), COMMAND, "x.yaml", 2, "1", "{}", "{}")
        self.ledger = Ledger(self.path, new)
        self.logins = self._coordinator()
        for place, target, agent in ESTATE.places():
            if agents and agent not in agents:
                continue
            report = first_visit(agent, target)
            self.ledger.put([(place, report)])
            self.logins.add(place, report)

    def _coordinator(self) -> LoginPass:
        return LoginPass(ESTATE, self.ledger, self._login, self.told.append)

    def again(self) -> LoginPass:
        """Continue the run in another process."""
        made = self._coordinator()
        for place, target, agent in ESTATE.places():
            if (report := self.ledger.result(target, agent)) is not None:
                made.add(place, report)
        return made

    def results(self) -> dict[tuple[str, str], tuple[str, str, str]]:
        """Return verdict, cause and the summary of the login, by host and agent."""
        with Store(self.path) as store:
            found = list(stored_results(store, store.find(self.ledger.name)))
        return {(one["target"]["host"], one["agent"]["name"]): words(one) for one in found}


def words(one: dict[str, Any]) -> tuple[str, str, str]:
    login = next(check for check in one["checks"] if check["step"] == "login")
    return one["verdict"], one["cause"]["code"] if one["cause"] else "", login["summary"]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = Run(tmp_path)
    with made.ledger:
        yield made


def ended(batch: Batch, *ends: LoginEnd, refused: str = "") -> Results:
    return Results(batch.run, batch.batch, batch.agent, (), done=True, refused=refused, logins=ends)


def end_of(batch: Batch, end: End, detail: str = "") -> LoginEnd:
    host = batch.targets[0][1].host
    return LoginEnd("svc", host, end, f"{host}:22", detail)


def sent(logins: LoginPass, *away: str) -> list[Batch]:
    """Give all batches that may be sent to the broker."""
    return [batch for batch in map(logins.leaving, logins.batches(away)) if batch is not None]


def one(logins: LoginPass, *away: str) -> Batch:
    (batch,) = sent(logins, *away)
    assert len(batch.targets) == 1
    assert batch.login is not None
    return batch


def test_a_refusal_withholds_all_others_and_names_its_place(run: Run) -> None:
    batch = one(run.logins)
    assert (batch.agent, batch.depth) == ("a", Step.ACCESS)
    assert run.logins.batches([]) == []
    run.logins.take(ended(batch, end_of(batch, End.REFUSED)))
    assert run.logins.batches([]) == []
    found = run.results()
    del found["h1", "a"]  # its own second result comes from the agent
    assert len(found) == 3
    assert {(verdict, cause) for verdict, cause, _ in found.values()} == {("undecided", "login.withheld")}
    assert all(
        summary.startswith("h1:22 refused the credential 'svc' from the agent a") for *_, summary in found.values()
    )
    assert not run.logins.unfinished


def test_no_first_visit_of_another_agent_has_the_name_of_a_login_batch(run: Run) -> None:
    """The coordinator knows a batch by its name: a first result that comes again must not pass for a second one."""
    login = one(run.logins)
    agents = (DeclaredAgent("a"), DeclaredAgent("a-login"))
    many = tuple(Target(f"h{number}", "ssh", 22, {}, ACCOUNT) for number in range(60))
    names = {batch.batch for batch in Estate(many, agents, Step.ACCESS, 10.0).batches("r")}
    assert "a-login-1" in names
    assert login.batch not in names


def test_after_acceptance_the_others_are_sent(run: Run) -> None:
    batch = one(run.logins)
    run.logins.take(ended(batch, end_of(batch, End.ACCEPTED)))
    places = {place for place, _ in batch.targets}
    while batches := sent(run.logins):
        for batch in batches:
            places |= {place for place, _ in batch.targets}
            run.logins.take(ended(batch, *(LoginEnd("svc", target.host, End.ACCEPTED) for _, target in batch.targets)))
    assert places == {place for place, *_ in ESTATE.places()}


def test_a_login_without_an_outcome_is_sent_again_to_its_agent_only(run: Run) -> None:
    batch = one(run.logins)
    logins = run.again()
    assert logins.waits_for("a")
    assert logins.batches([]) == [batch], "the agent knows the batch by its name"
    assert logins.batches(["a"]) == []


def test_a_refusal_outlives_the_coordinator(run: Run) -> None:
    batch = one(run.logins)
    run.logins.take(ended(batch, end_of(batch, End.REFUSED)))
    told = len(run.told)
    assert [line for line in run.told if "now the logins" in line], "of the run as it began"
    logins = run.again()
    assert logins.batches([]) == []
    assert run.told[told:] == [], "no login is left, so none is announced"
    assert not logins.unfinished
    logins.take(ended(batch, end_of(batch, End.ACCEPTED)))
    assert logins.batches([]) == [], "an outcome counts once"


def test_who_waits_for_a_lost_agent_is_told_and_goes_on_when_it_is_back(run: Run) -> None:
    batch = one(run.logins)
    assert run.logins.batches(["a"]) == []
    run.logins.finish()
    found = run.results()
    assert found["h2", "b"][:2] == ("undecided", "login.withheld")
    assert "was given to the agent a, which is lost" in found["h2", "b"][2]
    assert found["h1", "a"][:2] == ("ready", ""), "the first result stays"
    assert "which is lost" in found["h1", "a"][2]
    logins = run.again()
    assert logins.batches([]) == [batch]
    logins.take(ended(batch, end_of(batch, End.ACCEPTED)))
    assert logins.batches([]) != []


def test_an_agent_without_the_credential_keeps_its_first_results(run: Run) -> None:
    batch = one(run.logins)
    run.logins.take(ended(batch, end_of(batch, End.UNABLE, "this agent has no credential 'svc'")))
    assert one(run.logins).agent == "b"
    found = run.results()
    for host in ("h1", "h2"):
        assert found[host, "a"] == ("ready", "", "no login was made: this agent has no credential 'svc'")


def test_a_file_that_cannot_be_used_makes_the_targets_undecided(run: Run) -> None:
    batch = one(run.logins)
    run.logins.take(ended(batch, end_of(batch, End.UNUSABLE, "chmod 600 credentials.yaml")))
    one(run.logins)
    assert run.results()["h1", "a"] == (
        "undecided",
        "login.withheld",
        "no login was made: chmod 600 credentials.yaml",
    )


def test_an_agent_that_refuses_the_batch_is_no_candidate(run: Run) -> None:
    batch = one(run.logins)
    refused = Results(batch.run, batch.batch, "a", (), done=True, refused="unknown key", logins=None)
    run.logins.take(refused)
    assert one(run.logins).agent == "b"


def test_a_message_that_cannot_be_read_leaves_the_outcome_unknown(run: Run) -> None:
    batch = one(run.logins)
    run.logins.give_up(batch.batch, "b")
    assert run.logins.waits_for("a"), "another agent ends no login"
    run.logins.give_up(batch.batch, "a")
    assert run.logins.batches([]) == []
    assert run.results()["h2", "b"][2].startswith("h1 did not answer a login")


def test_another_agent_does_not_report_a_login(run: Run) -> None:
    batch = one(run.logins)
    run.logins.take(Results(batch.run, batch.batch, "b", (), done=True, logins=(end_of(batch, End.ACCEPTED),)))
    assert run.logins.waits_for("a")


def test_a_cancelled_run_makes_no_further_login(run: Run) -> None:
    for agent in ("a", "b"):
        batch = one(run.logins)
        assert batch.agent == agent, "each agent is asked, and has no login left to make"
        run.logins.take(ended(batch, end_of(batch, End.NOT_SENT), refused=CANCELLED))
    assert run.logins.batches([]) == []
    run.logins.finish()
    assert run.results()["h2", "b"] == ("ready", "", "no login was made: the run was cancelled")


def test_one_agent_does_not_cancel_the_logins_of_others(run: Run) -> None:
    batch = one(run.logins)
    run.logins.take(ended(batch, end_of(batch, End.NOT_SENT), refused=CANCELLED))
    batch = one(run.logins)
    run.logins.take(ended(batch, end_of(batch, End.ACCEPTED)))
    (batch,) = sent(run.logins)
    assert batch.agent == "b"


def test_an_end_counts_for_a_login_that_was_asked_for(run: Run) -> None:
    """Another host, another credential and another place are dropped, with a remark."""
    batch = one(run.logins)
    own = LoginEnd("svc", "H1", End.ACCEPTED, "h1:22")
    lies = [
        LoginEnd("svc", "h2", End.REFUSED, "h2:22"),
        LoginEnd("other", "h1", End.REFUSED, "h1:22"),
        *(LoginEnd("svc", f"h{number}", End.ACCEPTED) for number in range(3, 40)),
    ]
    run.logins.take(ended(batch, own, *lies))
    assert run.told[-1] == ("a reported logins that it was not asked for: h2 with svc and 38 more; that is dropped")
    sent = {(batch.agent, target.host) for batch in run.logins.batches([]) for _, target in batch.targets}
    assert sent == {("a", "h2"), ("b", "h1")}


def test_the_place_of_a_refusal_is_that_of_the_target(run: Run) -> None:
    """A withheld login has the verdict of the refusal at this place."""
    batch = one(run.logins)
    run.logins.take(ended(batch, LoginEnd("svc", "h1", End.REFUSED, "h2:22")))
    assert run.logins.batches([]) == []
    assert run.told[-1].endswith(": h2:22 as the place of h1; that is dropped")
    assert run.results()["h2", "b"][2].startswith("h1 refused the credential 'svc' from the agent a; ")


@pytest.mark.parametrize("found", [["10.0.0.7", "fd00::7"], ["fd00::7", 7, None], "10.0.0.7", 7, {}, None], ids=repr)
def test_the_address_of_a_host_is_that_of_its_first_visits(run: Run, found: object) -> None:
    """Another agent has it by its address. Other values are dropped."""
    batch = one(run.logins)
    for place, target, agent in ESTATE.places():
        report, of_host = first_visit(agent, target), {"addresses": found if target.host == "h2" else ["fd00::7"]}
        report.checks.insert(0, Check(Step.RESOLVE, target.host, Outcome.PASSED, "", of_host))
        run.logins.add(place, report)
    run.logins.take(ended(batch, end_of(batch, End.ACCEPTED)))
    sent = [(batch.agent, target.host) for batch in run.logins.batches([]) for _, target in batch.targets]
    assert sent == [("a", "h2"), ("b", "h1")][: 1 if isinstance(found, list) else 2], "one at a time at one host"


def test_the_words_of_an_agent_about_an_earlier_run_are_its_own(run: Run) -> None:
    batch = one(run.logins)
    told = LoginEnd("svc", "h1", End.EARLIER, "h9:22", "h9:22 refused it\x1b[1m last night")
    run.logins.take(ended(batch, told))
    assert run.logins.batches([]) == []
    assert len(run.told) == 1, "that place need not be one of this run"
    assert run.results()["h2", "b"] == (
        "undecided",
        "login.withheld",
        "the agent a says: h9:22 refused it\\x1b[1m last night",
    )


def test_a_first_result_that_comes_again_does_not_replace_the_second(run: Run) -> None:
    batch = one(run.logins)
    place = batch.targets[0][0]
    assert run.logins.replaces(place, "a-0")
    assert not run.logins.replaces(place, batch.batch)
    assert not run.logins.replaces(ESTATE.place(1, "b"), "b-0")


def test_the_footprint_is_that_of_both_visits(run: Run) -> None:
    batch = one(run.logins)
    ((place, target),) = batch.targets
    first = first_visit("a", target)
    first.footprint.connections = 2
    run.ledger.put([(place, first)])
    second = dataclasses.replace(first_visit("a", target), started="2026-01-01T00:01:00Z", footprint=Footprint(3, 1))
    counted = run.logins.counted(place, batch.batch, second)
    assert counted.footprint == Footprint(5, 1)
    run.ledger.put([(place, counted)])
    again = dataclasses.replace(second, footprint=Footprint(5, 1))
    assert run.logins.counted(place, batch.batch, again).footprint == Footprint(5, 1)
    assert run.logins.counted(place, "a-0", again).footprint == Footprint(5, 1)


def test_without_logins_nothing_is_sent(run: Run) -> None:
    logins = LoginPass(ESTATE, run.ledger, None, run.told.append)
    for place, target, agent in ESTATE.places():
        logins.add(place, first_visit(agent, target))
    assert logins.batches([]) == []


def test_a_target_below_the_login_prompt_is_no_candidate(run: Run) -> None:
    logins = LoginPass(ESTATE, run.ledger, login_of(1.0, ""), run.told.append)
    for place, target, agent in ESTATE.places():
        logins.add(place, first_visit(agent, target, Step.CONNECT))
    assert logins.batches([]) == []
    assert json.loads(as_line(first_visit("a", TARGETS[0])))["reached"] == "auth"


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Start a run whose first pass is over, in the one store; with the results of these agents only."""
    with contextlib.ExitStack() as opened:

        def start(*agents: str, login: Login = LOGIN) -> Run:
            made = Run(tmp_path, *agents, login=login)
            opened.enter_context(made.ledger)
            return made

        yield start


def test_a_refusal_binds_the_next_run_of_another_agent(night: Callable[..., Run]) -> None:
    before = night("a")
    batch = one(before.logins)
    assert batch.login == LOGIN
    before.logins.take(ended(batch, end_of(batch, End.REFUSED)))
    run = night("b")
    batch = one(run.logins)
    assert batch.login is not None
    assert batch.login.age is not None
    assert (0 < batch.login.age < 3600, batch.login.own) == (True, False)
    run.logins.take(ended(batch, end_of(batch, End.HELD)))
    assert run.logins.batches([]) == []
    found = run.results()
    assert set(found) == {("h1", "b"), ("h2", "b")}
    for verdict, cause, summary in found.values():
        assert (verdict, cause) == ("undecided", "login.withheld")
        assert summary.startswith("h1:22 refused the credential 'svc' from the agent a on 2")


def test_why_a_login_was_held_back_outlives_the_coordinator(night: Callable[..., Run]) -> None:
    before = night("a")
    batch = one(before.logins)
    before.logins.take(ended(batch, end_of(batch, End.REFUSED)))
    run = night("b")
    batch = one(run.logins)
    run.logins.take(ended(batch, LoginEnd("svc", "h1", End.HELD, detail="words of the agent")))
    run.logins.batches([])
    found = run.results()
    with contextlib.closing(open_for_writing(run.path)) as file:
        file.execute("DELETE FROM accounts")
    run.again().batches([])
    assert run.results()["h1", "b"] == found["h1", "b"], "nothing holds it back now"
    assert found["h1", "b"][2].startswith("h1:22 refused the credential 'svc' from the agent a on 2")


def test_a_login_that_was_sent_binds_the_next_run_if_the_coordinator_is_killed(night: Callable[..., Run]) -> None:
    batch = one(night("a").logins)
    assert batch.login == LOGIN
    run = night("b")
    held = one(run.logins)
    assert held.login is not None
    assert (held.login.age is not None, held.login.own) == (True, False)
    run.logins.take(ended(held, end_of(held, End.HELD)))
    own = one(night("a").logins).login
    assert own is not None
    assert own.own, "its journal knows what became of that login"


def test_a_run_that_goes_on_is_not_bound_by_its_own_login(night: Callable[..., Run]) -> None:
    run = night("a", "b")
    batch = one(run.logins)
    logins = run.again()
    assert logins.batches([]) == [batch]
    logins.take(ended(batch, end_of(batch, End.NOT_SENT)))
    assert one(logins).login == LOGIN


def test_a_run_that_goes_on_is_bound_by_a_later_run(night: Callable[..., Run]) -> None:
    run = night("a")
    first = one(run.logins)
    other = night("b", login=login_of(86_400.0, "svc"))
    batch = one(other.logins)
    other.logins.take(ended(batch, end_of(batch, End.REFUSED)))
    (again,) = run.again().batches([])
    assert again.batch == first.batch
    assert again.login is not None
    assert again.login.age is not None


def test_an_account_that_was_accepted_since_is_free(night: Callable[..., Run]) -> None:
    before = night("a")
    batch = one(before.logins)
    before.logins.take(ended(batch, end_of(batch, End.REFUSED)))
    run = night("b")
    batch = one(run.logins)
    run.logins.take(ended(batch, end_of(batch, End.ACCEPTED)))
    assert one(night("b").logins).login == LOGIN


def test_the_notes_of_this_host_itself_are_apart(night: Callable[..., Run]) -> None:
    """The coordinator may also verify, or be an agent, with the same store."""
    run = night("a")
    own = Account("svc", "scan", "corp", "file:x", "here")
    with contextlib.closing(open_for_writing(run.path)) as file:
        journal.begin(file, own, "h1", "h1:22", timestamps.now())
        journal.end(file, own, "h1", "login.refused", "refused", 1, timestamps.now())
    batch = one(night("b").logins)
    assert batch.login == LOGIN
    (record,) = read_accounts(run.path)
    assert (record.source, record.refusals) == ("file:x", 1)
    assert [one.holder for one in read_accounts(run.path, of_fleet=True)] == ["b"]
