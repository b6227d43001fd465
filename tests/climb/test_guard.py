"""The lockout guard: the canary goes first, and a refusal is remembered."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import pytest

from scanready.causes import common
from scanready.climb.explain import Failure, Unfinished
from scanready.climb.guard import MOST_OPEN, LockoutGuard, TurnTaken, by_library
from scanready.climb.journal import Effect
from scanready.model import Cause, Credential, Owner, Scope, Step
from scanready.net.stream import TlsError
from tests import clock

SCAN = Credential("scan", "svc", "pw")


async def attempt(guard: LockoutGuard, where: str, credential: Credential = SCAN, refuse: Failure | None = None) -> str:
    """Climb to a login as the engine does: wait for a turn, and climb again after being turned back."""
    again_with = None
    while True:
        try:
            async with guard.turn(credential, again_with=again_with) as turn:
                async with guard.attempt(credential, where, where, turn=turn):
                    await asyncio.sleep(0)
                    if refuse is not None:
                        raise refuse
                return where
        except TurnTaken as taken:
            again_with = taken.secret


async def refused_everywhere(guard: LockoutGuard, hosts: int) -> list[BaseException | str]:
    refusal = Failure(common.LOGIN_REFUSED, "no")
    tries = (attempt(guard, f"h{number}", refuse=refusal) for number in range(hosts))
    return await asyncio.gather(*tries, return_exceptions=True)


def causes(results: list[BaseException | str]) -> list[str]:
    return [result.cause.code if isinstance(result, Failure) else str(result) for result in results]


def test_a_wrong_password_is_tried_once_however_many_targets_wait() -> None:
    results = asyncio.run(refused_everywhere(LockoutGuard(), 50))
    assert causes(results) == ["login.refused"] + ["login.withheld"] * 49


def test_the_reason_names_who_refused_and_not_the_password() -> None:
    results = asyncio.run(refused_everywhere(LockoutGuard(), 2))
    assert "h0" in str(results[1])
    assert "pw" not in str(results[1]).split("'scan'")[1]


def test_an_accepted_credential_is_used_side_by_side() -> None:
    async def run() -> list[str]:
        guard = LockoutGuard()
        await attempt(guard, "first")
        return await asyncio.wait_for(asyncio.gather(*(attempt(guard, f"h{n}") for n in range(20))), 5)

    assert len(asyncio.run(run())) == 20


def test_refused_later_is_withheld_from_then_on() -> None:
    async def run() -> None:
        guard = LockoutGuard()
        await attempt(guard, "first")
        with pytest.raises(Failure, match=r"login\.locked"):
            await attempt(guard, "second", refuse=Failure(common.LOGIN_LOCKED, "locked"))
        with pytest.raises(Failure, match=r"login\.withheld"):
            await attempt(guard, "third")

    asyncio.run(run())


def test_what_is_no_refusal_withholds_nothing() -> None:
    async def run() -> None:
        guard = LockoutGuard()
        with pytest.raises(Failure, match=r"agent\.driver-missing"):
            await attempt(guard, "first", refuse=Failure(common.DRIVER_MISSING, "none"))
        assert await attempt(guard, "second") == "second"

    asyncio.run(run())


def test_one_directory_behind_two_credentials_of_one_account() -> None:
    async def run() -> None:
        guard = LockoutGuard()
        one, two = (Credential(name, "svc", "pw", authority="corp") for name in ("unix", "windows"))
        with pytest.raises(Failure):
            await attempt(guard, "first", one, Failure(common.LOGIN_REFUSED, "no"))
        with pytest.raises(Failure, match=r"login\.withheld"):
            await attempt(guard, "second", two)
        assert await attempt(guard, "third", Credential("local", "svc", "pw")) == "third"

    asyncio.run(run())


def test_those_who_waited_for_the_first_login_run_side_by_side_once_it_was_accepted() -> None:
    async def run() -> int:
        guard, now, most = LockoutGuard(), 0, 0

        async def login(where: str) -> None:
            nonlocal now, most
            async with guard.turn(SCAN) as turn, guard.attempt(SCAN, where, where, turn=turn):
                now += 1
                most = max(most, now)
                await asyncio.sleep(0.01)
                now -= 1

        await asyncio.gather(*(login(f"h{number}") for number in range(50)))
        return most

    assert asyncio.run(run()) == 49


def of_a_directory(hosts: int, login: Failure | None, seconds: float) -> tuple[int, float]:
    """Log in at one host that accepts at once, then at the others; return how many tried it there, and until when."""

    async def run() -> tuple[int, float]:
        guard, corp, tried = LockoutGuard(), Credential("scan", "svc", "pw", authority="corp"), 0
        await attempt(guard, "accepts anything", corp)

        async def climb(where: str) -> None:
            nonlocal tried
            again_with = None
            while True:
                try:
                    async with guard.turn(corp, again_with=again_with) as turn:
                        async with guard.attempt(corp, where, where, turn=turn):
                            tried += 1
                            await asyncio.sleep(seconds)
                            if login is not None:
                                raise login
                        return
                except TurnTaken as taken:
                    again_with = taken.secret

        await asyncio.gather(*(climb(f"h{number}") for number in range(hosts)), return_exceptions=True)
        return tried, asyncio.get_running_loop().time()

    return clock.run(run())


@pytest.mark.parametrize("seconds", [0.1, 1.0, 20.0])
def test_a_server_that_accepts_anything_does_not_have_a_directory_lock_the_account(seconds: float) -> None:
    """Directories rarely lock an account before the fifth wrong password; all fifty would be under way at once."""
    tried, _ = of_a_directory(50, Failure(common.LOGIN_REFUSED, "no"), seconds)
    assert 1 <= tried <= 3


def test_an_account_of_a_directory_stays_one_where_a_credential_has_its_name() -> None:
    """The authority of one entry and the name of another may be the same word, and so the same account."""
    guard = LockoutGuard()
    directory, namesake = Credential("scan", "svc", "pw", authority="corp"), Credential("corp", "svc", "pw")
    assert guard._account(directory) is guard._account(namesake)
    assert guard._account(namesake).judged_alike


def test_a_directory_s_account_is_soon_used_everywhere_at_once() -> None:
    """Logins of 1 s: two, then six, and all that are left."""
    tried, ended = of_a_directory(200, None, 1.0)
    assert tried == 200
    assert ended <= 5


def test_a_climb_that_meets_another_login_is_turned_back_and_logs_in_after_it() -> None:
    async def run() -> None:
        guard, over = LockoutGuard(), asyncio.Event()

        async def hangs() -> None:
            async with guard.attempt(SCAN, "slow", "slow:22"):
                await over.wait()

        first = asyncio.create_task(hangs())
        await asyncio.sleep(0)
        with pytest.raises(TurnTaken):
            async with guard.attempt(SCAN, "h1", "h1:22"):
                pytest.fail("it was not its turn")
        second = asyncio.create_task(attempt(guard, "h1"))
        await asyncio.sleep(0)
        assert not second.done()
        over.set()
        await first
        assert await second == "h1"

    asyncio.run(asyncio.wait_for(run(), 5))


@pytest.mark.parametrize("refuse", [None, Failure(common.LOGIN_REFUSED, "no")])
def test_those_who_were_turned_back_climb_side_by_side_once_the_account_is_judged(refuse: Failure | None) -> None:
    """Each climb takes 4 s to its login. One after another, the last of those turned back would end after 150 s."""

    async def run() -> tuple[int, float]:
        guard, turned_back = LockoutGuard(), 0

        async def climb(where: str) -> None:
            nonlocal turned_back
            again_with = None
            while True:
                try:
                    async with guard.turn(SCAN, again_with=again_with) as turn:
                        await asyncio.sleep(4)
                        async with guard.attempt(SCAN, where, where, turn=turn):
                            await asyncio.sleep(2)
                            if refuse is not None:
                                raise refuse
                    return
                except TurnTaken as taken:
                    again_with = taken.secret
                    turned_back += 1
                except Failure:
                    return

        await asyncio.gather(*(climb(f"h{number}") for number in range(200)))
        return turned_back, asyncio.get_running_loop().time()

    turned_back, took = clock.run(run())
    assert turned_back == 15
    assert took == pytest.approx(12.0 if refuse is None else 10.0, abs=0.1)


def test_a_few_logins_without_an_answer_end_the_tries_with_an_unproven_account() -> None:
    async def run() -> list[BaseException | str]:
        guard = LockoutGuard()
        silent = Failure(common.OUT_OF_TIME, "no answer")
        tries = (attempt(guard, f"h{number}", refuse=silent) for number in range(9))
        return await asyncio.gather(*tries, return_exceptions=True)

    results = asyncio.run(run())
    assert causes(results) == ["scanready.out-of-time"] * MOST_OPEN + ["login.withheld"] * (9 - MOST_OPEN)
    assert "h0, h1, h2 did not answer" in str(results[-1])


def test_hosts_without_an_answer_do_not_count_once_the_account_is_proven() -> None:
    async def run() -> list[BaseException | str]:
        guard = LockoutGuard()
        await attempt(guard, "first")
        silent = Failure(common.OUT_OF_TIME, "no answer")
        await asyncio.gather(*(attempt(guard, f"s{n}", refuse=silent) for n in range(9)), return_exceptions=True)
        return await asyncio.gather(*(attempt(guard, f"h{n}") for n in range(9)), return_exceptions=True)

    assert causes(asyncio.run(run())) == [f"h{number}" for number in range(9)]


BARRED_HERE = Cause("test.barred", Owner.IDENTITY, Step.LOGIN, "m", "r", "c", scoped=Scope.PATH)
MAY_COUNT = Cause("test.hung-up", Owner.SERVER, Step.LOGIN, "m", "r", "c", may_count=True)


@pytest.mark.parametrize("cause", [BARRED_HERE, MAY_COUNT])
def test_a_refusal_that_is_not_about_the_account_binds_that_host_only(cause: Cause) -> None:
    async def run() -> None:
        guard = LockoutGuard()
        with pytest.raises(Failure, match=r"test\."):
            await attempt(guard, "h1", refuse=Failure(cause, "not from here"))
        with pytest.raises(Failure, match=r"login\.withheld.*at this host"):
            await attempt(guard, "h1")
        assert await attempt(guard, "h2") == "h2"

    asyncio.run(run())


@pytest.mark.parametrize(("authority", "next_"), [(None, "h3"), ("corp", "login.withheld")])
def test_a_refusal_after_a_proof_elsewhere_binds_the_host_unless_an_authority_is_written(
    authority: str | None, next_: str
) -> None:
    async def run() -> list[BaseException | str]:
        guard, credential = LockoutGuard(), Credential("scan", "svc", "pw", authority=authority)
        await attempt(guard, "h1", credential)
        with pytest.raises(Failure, match=r"login\.refused"):
            await attempt(guard, "h2", credential, Failure(common.LOGIN_REFUSED, "no"))
        with pytest.raises(Failure, match=r"login\.withheld"):
            await attempt(guard, "h2", credential)
        return list(await asyncio.gather(attempt(guard, "h3", credential), return_exceptions=True))

    assert causes(asyncio.run(run())) == [next_]


@pytest.mark.parametrize("end", [TimeoutError(), Failure(common.TOO_SLOW, "?"), Failure(common.OUT_OF_TIME, "?")])
def test_a_login_that_nobody_answered_is_not_repeated_at_that_host(end: Exception) -> None:
    async def run() -> None:
        guard = LockoutGuard()
        with pytest.raises(type(end)):
            async with guard.attempt(SCAN, "h1", "h1:22"):
                raise end
        with pytest.raises(Failure, match=r"login\.withheld.*h1:22 did not answer"):
            async with guard.attempt(SCAN, "h1", "h1:3306"):
                pytest.fail("it may have been counted")
        assert await attempt(guard, "h2") == "h2"
        async with guard.attempt(SCAN, "h1", "h1:3306"):  # accepted elsewhere: then it was not refused there
            pass

    asyncio.run(run())


def test_a_login_that_needed_no_password_proves_none() -> None:
    async def run() -> list[BaseException | str]:
        guard = LockoutGuard()
        async with guard.attempt(SCAN, "open", "open:22") as going:
            going.proof = False
        async with guard.attempt(SCAN, "keys", "keys:22", secret="key"):
            pass
        return await refused_by_all(guard)

    async def refused_by_all(guard: LockoutGuard) -> list[BaseException | str]:
        tries = (attempt(guard, f"h{number}", refuse=Failure(common.LOGIN_REFUSED, "no")) for number in range(9))
        return await asyncio.gather(*tries, return_exceptions=True)

    assert causes(asyncio.run(run())) == ["login.refused"] + ["login.withheld"] * 8


def test_a_login_that_sent_no_secret_proves_none() -> None:
    async def run() -> None:
        guard = LockoutGuard()
        async with guard.attempt(SCAN, "open", "open:1433") as going:
            going.sent = False
        assert guard.remembered()[0]["proven"] == []

    asyncio.run(run())


@pytest.mark.parametrize("securing", [True, False], ids=["in its handshake", "after the secret"])
def test_a_login_over_tls_that_breaks_counts_once_the_handshake_is_over(securing: bool) -> None:
    guard = LockoutGuard()

    async def logs_in() -> None:
        async with guard.attempt(SCAN, "h1", "h1:443") as going:
            with by_library(going, None):
                raise TlsError("BAD_RECORD_MAC", b"", securing=securing)

    with pytest.raises(TlsError):
        asyncio.run(logs_in())
    assert list(guard.remembered()[0]["unanswered"]) == ([] if securing else ["h1"])


class Notes:
    """A journal in memory; with ``fails`` it takes no note."""

    def __init__(self, *, fails: bool = False) -> None:
        self.lines: list[tuple[str, ...]] = []
        self.effects: list[Effect] = []
        self._fails = fails

    async def intend(self, credential: Credential, host: str, where: str) -> None:
        if self._fails:
            raise Failure(common.LIMIT, "no note was taken")
        self.lines.append(("intends", credential.name, host, where))

    def conclude(self, credential: Credential, host: str, cause: str, effect: Effect) -> None:
        self.lines.append(("concludes", credential.name, host, cause))
        self.effects.append(effect)


def test_a_login_is_noted_before_the_secret_leaves_and_after_the_answer() -> None:
    async def run() -> list[tuple[str, ...]]:
        notes = Notes()
        guard = LockoutGuard(notes)
        async with guard.attempt(SCAN, "h1", "h1:22"):
            assert notes.lines == [("intends", "scan", "h1", "h1:22")]
        with pytest.raises(Failure):
            await attempt(guard, "h2", refuse=Failure(common.LOGIN_LOCKED, "no"))
        with pytest.raises(Failure, match=r"login\.withheld"):
            await attempt(guard, "h3")
        return notes.lines

    assert asyncio.run(run()) == [
        ("intends", "scan", "h1", "h1:22"),
        ("concludes", "scan", "h1", ""),
        ("intends", "scan", "h2", "h2"),
        ("concludes", "scan", "h2", "login.locked"),
    ]


def test_without_the_note_no_login_is_made_and_the_next_host_may_try() -> None:
    async def run() -> None:
        guard = LockoutGuard(Notes(fails=True))
        for host in ("h1", "h2"):
            with pytest.raises(Failure, match=r"scanready\.limit"):
                await attempt(guard, host, refuse=Failure(common.LOGIN_REFUSED, "it was made"))

    asyncio.run(run())


@pytest.mark.parametrize("cause", [common.LOGIN_REFUSED, common.LOGIN_LOCKED, common.LOGIN_EXPIRED])
def test_a_refusal_of_an_earlier_part_of_the_run_counts_everywhere(cause: Cause) -> None:
    async def run() -> None:
        guard = LockoutGuard()
        guard.note(SCAN, "h1", "h1:22", cause)
        with pytest.raises(Failure, match=r"login\.withheld.*h1:22 refused the account of the credential 'scan'"):
            await attempt(guard, "h2")

    asyncio.run(run())


def test_an_unanswered_login_of_an_earlier_part_counts_at_its_host() -> None:
    async def run() -> None:
        guard = LockoutGuard()
        guard.note(SCAN, "h1", "h1:22", common.OUT_OF_TIME)
        guard.note(SCAN, "h3", "h3:22", common.REFUSED)
        with pytest.raises(Failure, match=r"login\.withheld.*h1:22 did not answer") as withheld:
            await attempt(guard, "h1")
        assert withheld.value.facts == {"unanswered_at": "h1:22"}
        assert await attempt(guard, "h3") == "h3"

    asyncio.run(run())


@pytest.mark.parametrize("pending", [True, False])
def test_a_login_that_was_cut_off_counts_only_while_it_was_on_its_way(pending: bool) -> None:
    async def run() -> None:
        guard = LockoutGuard()
        with contextlib.suppress(asyncio.CancelledError):
            async with guard.attempt(SCAN, "h1", "h1:22") as going:
                assert not going.pending
                going.pending = pending
                raise asyncio.CancelledError
        if pending:
            with pytest.raises(Failure, match=r"login\.withheld.*h1:22 did not answer"):
                await attempt(guard, "h1")
        else:
            assert await attempt(guard, "h1") == "h1"

    asyncio.run(run())


def test_another_process_goes_on_with_what_this_one_learned() -> None:
    proven, refused, open_ = (Credential(name, name, "pw") for name in ("proven", "refused", "open"))

    async def learn() -> list[dict[str, Any]]:
        guard = LockoutGuard()
        await attempt(guard, "h1", proven)
        with pytest.raises(Failure):
            await attempt(guard, "h1", refused, Failure(common.LOGIN_REFUSED, "no"))
        with pytest.raises(TimeoutError):
            async with guard.attempt(open_, "h1", "h1:22"):
                raise TimeoutError
        remembered: list[dict[str, Any]] = json.loads(json.dumps(guard.remembered()))
        return remembered

    async def go_on(remembered: list[dict[str, Any]], known: tuple[Credential, str] | None = None) -> None:
        guard = LockoutGuard()
        if known is not None:
            guard.note(known[0], "h9", known[1], common.LOGIN_REFUSED)
        guard.recall(remembered)
        with pytest.raises(Failure, match=r"login\.withheld.*h1 refused" if known is None else "h9:22 refused"):
            await attempt(guard, "h2", refused)
        with pytest.raises(Failure, match=r"login\.withheld.*h1:22 did not answer"):
            await attempt(guard, "h1", open_)
        assert await attempt(guard, "h2", open_) == "h2"
        side_by_side = asyncio.Barrier(2)  # logins with a proven credential run together
        async with asyncio.timeout(5):
            await asyncio.gather(*(meet(guard, host, side_by_side) for host in ("h2", "h3")))

    async def meet(guard: LockoutGuard, host: str, barrier: asyncio.Barrier) -> None:
        async with guard.attempt(proven, host, host):
            await barrier.wait()

    remembered = asyncio.run(learn())
    assert "pw" not in json.dumps(remembered)
    asyncio.run(go_on(remembered))
    asyncio.run(go_on(remembered, (refused, "h9:22")))
    forgotten = [{**account, "refused_by": None} for account in remembered]
    asyncio.run(go_on(forgotten, (refused, "h9:22")))


@pytest.mark.parametrize("earlier", ["remembered", "noted"])
def test_targets_of_an_account_that_was_judged_before_do_not_wait_for_one_another(earlier: str) -> None:
    """Where no server has judged the account, the tenth would begin after 2 s."""

    async def run() -> float:
        before, guard = LockoutGuard(), LockoutGuard()
        with pytest.raises(Failure):
            await attempt(before, "h1", refuse=Failure(common.LOGIN_REFUSED, "no"))
        if earlier == "remembered":
            guard.recall(before.remembered())
        else:
            guard.note(SCAN, "h1", "h1:22", common.LOGIN_REFUSED)

        async def climb() -> None:
            async with guard.turn(SCAN):
                await asyncio.sleep(10)

        await asyncio.gather(*(climb() for _ in range(10)))
        return asyncio.get_running_loop().time()

    assert clock.run(run()) == pytest.approx(10.0, abs=0.1)


def test_another_process_tries_no_host_again_that_refused_the_account_for_itself() -> None:
    async def run() -> None:
        before, guard = LockoutGuard(), LockoutGuard()
        with pytest.raises(Failure):
            await attempt(before, "h1", refuse=Failure(BARRED_HERE, "not from here"))
        guard.recall(before.remembered())
        with pytest.raises(Failure, match=r"login\.withheld.*at this host"):
            await attempt(guard, "h1")
        assert await attempt(guard, "h2") == "h2"

    asyncio.run(run())


@pytest.mark.parametrize(
    "end",
    [
        Failure(common.LOGIN_REFUSED, "no"),
        Failure(common.OUT_OF_TIME, "no"),
        Unfinished(common.LIMIT, "no"),
        TimeoutError(),
        asyncio.CancelledError(),
    ],
    ids=lambda end: type(end).__name__ if not isinstance(end, Failure) else str(end.cause.code),
)
def test_a_login_that_ended_before_its_secret_left_counts_nowhere(end: BaseException) -> None:
    notes = Notes()
    guard = LockoutGuard(notes)

    async def tried(host: str) -> None:
        async with guard.attempt(SCAN, host, host) as going:
            going.pending, going.sent = True, False
            raise end

    async def run() -> None:
        for number in range(MOST_OPEN + 2):
            with contextlib.suppress(type(end)):
                await tried(f"h{number}")
        assert await attempt(guard, "h0") == "h0"

    asyncio.run(run())
    assert guard.remembered()[0]["unanswered"] == {}
    assert guard.remembered()[0]["refused_by"] is None
    assert {line[3] for line in notes.lines if line[0] == "concludes"} <= {"login.withheld", ""}


NAMES = [Credential(name, "svc", "pw") for name in ("scan", "copy")]


async def by_two_names(end: Exception | None, *, hosts: tuple[str, str] = ("h1", "h1")) -> list[BaseException | str]:
    """Climb twice at once, as the engine does, with one account that has two names in the inventory."""
    guard = LockoutGuard()
    for credential, host in zip(NAMES, hosts, strict=True):
        guard.expect(credential, host)

    async def climb(credential: Credential, host: str) -> str:
        async with guard.turn(credential, host) as turn:
            await asyncio.sleep(1)
            async with guard.attempt(credential, host, f"{host} as {credential.name}", turn=turn):
                await asyncio.sleep(1)
                if end is not None:
                    raise end
        return credential.name

    climbs = (climb(credential, host) for credential, host in zip(NAMES, hosts, strict=True))
    return list(await asyncio.gather(*climbs, return_exceptions=True))


@pytest.mark.parametrize(
    ("end", "code"), [(Failure(common.LOGIN_REFUSED, "no"), "login.refused"), (TimeoutError("late"), "late")]
)
def test_one_secret_by_two_names_is_tried_once_at_a_host(end: Exception, code: str) -> None:
    results = clock.run(by_two_names(end))
    assert causes(results) == [code, "login.withheld"]
    held = (
        "h1 as scan did not accept the same account and secret earlier in this run, under another credential name than"
    )
    assert f"{held} 'copy'" in str(results[1])


def test_one_secret_by_two_names_is_tried_by_both_where_it_is_accepted_and_at_two_hosts() -> None:
    assert causes(clock.run(by_two_names(None))) == ["scan", "copy"]
    apart = clock.run(by_two_names(Failure(common.LOGIN_REFUSED, "no"), hosts=("h1", "h2")))
    assert causes(apart) == ["login.refused", "login.refused"]


class SlowNotes(Notes):
    """A journal that takes 1 s for each note but that of one host."""

    async def intend(self, credential: Credential, host: str, where: str) -> None:
        await super().intend(credential, host, where)
        await asyncio.sleep(0.1 if host == "refuses" else 1.0)


def test_a_refusal_while_the_note_was_written_keeps_the_secret_back() -> None:
    async def run() -> tuple[list[BaseException | str], list[tuple[str, ...]], list[str]]:
        notes, sent = SlowNotes(), list[str]()
        guard = LockoutGuard(notes)
        await attempt(guard, "first")

        async def login(where: str, refuse: Failure | None = None) -> str:
            async with guard.attempt(SCAN, where, where):
                sent.append(where)
                if refuse:
                    raise refuse
            return where

        tries = [login("refuses", Failure(common.LOGIN_LOCKED, "no")), login("h1"), login("h2")]
        return list(await asyncio.gather(*tries, return_exceptions=True)), notes.lines, sent

    results, lines, sent = clock.run(run())
    assert causes(results) == ["login.locked", "login.withheld", "login.withheld"]
    assert sent == ["refuses"]
    assert ("concludes", "scan", "h1", "login.withheld") in lines, "a resumed run knows that it was not made"


def test_a_login_asks_again_right_before_its_secret_leaves() -> None:
    async def run() -> None:
        guard = LockoutGuard()
        await attempt(guard, "first")
        async with guard.attempt(SCAN, "slow", "slow") as going:
            going.permit()
            with pytest.raises(Failure, match=r"login\.locked"):
                await attempt(guard, "h1", refuse=Failure(common.LOGIN_LOCKED, "no"))
            with pytest.raises(Failure, match=r"login\.withheld.*h1 refused"):
                going.permit()

    asyncio.run(run())


def at_one_server(*names: str, refuse: Failure | None, proven: bool = True) -> tuple[int, list[BaseException | str]]:
    """Log in at a server that has all of ``names``, side by side; return how many did, and what became of each."""
    tried = 0

    async def log_in(guard: LockoutGuard, name: str) -> str:
        nonlocal tried
        again_with = None
        while True:
            try:
                async with guard.turn(SCAN, name, again_with=again_with) as turn:
                    async with guard.attempt(SCAN, name, f"{name}:22", turn=turn, address="192.0.2.7"):
                        tried += 1
                        await asyncio.sleep(3)
                        if refuse is not None:
                            raise refuse
                    return name
            except TurnTaken as taken:
                again_with = taken.secret

    async def run() -> list[BaseException | str]:
        guard = LockoutGuard()
        if proven:
            await attempt(guard, "elsewhere")
        return await asyncio.gather(*(log_in(guard, name) for name in names), return_exceptions=True)

    found = clock.run(run())
    return tried, found


@pytest.mark.parametrize("proven", [True, False])
@pytest.mark.parametrize("names", [("a", "a", "a", "a"), ("a", "b", "192.0.2.7", "c")], ids=["one name", "many names"])
def test_a_server_that_has_not_judged_the_account_gets_one_wrong_password(names: tuple[str, ...], proven: bool) -> None:
    """Even if another one accepted it, and by each name that the inventory has for the server."""
    tried, found = at_one_server(*names, refuse=Failure(common.LOGIN_REFUSED, "no"), proven=proven)
    assert tried == 1
    assert sorted(causes(found)) == ["login.refused", *["login.withheld"] * 3]


def test_a_server_that_accepts_the_account_gets_the_other_logins_side_by_side() -> None:
    tried, found = at_one_server("a", "b", "192.0.2.7", "c", "a", refuse=None)
    assert (tried, found) == (5, ["a", "b", "192.0.2.7", "c", "a"])


def test_the_guard_forgets_hosts_that_judged_nothing() -> None:
    """A run may have ten thousand of them."""

    async def run() -> int:
        guard = LockoutGuard()
        await attempt(guard, "elsewhere")
        for number in range(100):
            async with guard.turn(SCAN, f"h{number}"):
                pass
            with pytest.raises(Failure):
                await attempt(guard, f"h{number}", refuse=Failure(common.LIMIT, "no"))
        return len(guard._at_hosts)

    assert asyncio.run(run()) <= 2


EFFECTS: dict[str, tuple[Failure | None, Effect]] = {
    "accepted": (None, Effect.PROVEN),
    "refused": (Failure(common.LOGIN_REFUSED, "no"), Effect.REFUSED),
    "refused-or-address": (Failure(common.LOGIN_REFUSED, "no", refusal_ambiguous=True), Effect.REFUSED_OR_ADDRESS),
    "no-answer": (Unfinished(common.LIMIT, "no end"), Effect.UNKNOWN),
    "about-the-server": (Failure(common.LIMIT, "no"), Effect.NOTHING),
}


@pytest.mark.parametrize("case", EFFECTS)
def test_the_journal_gets_to_know_what_a_login_means_for_the_account(case: str) -> None:
    refusal, effect = EFFECTS[case]
    notes = Notes()

    async def run() -> None:
        with contextlib.suppress(Failure):
            await attempt(LockoutGuard(notes), "h1", refuse=refusal)

    asyncio.run(run())
    assert notes.effects == [effect]


def test_a_refusal_after_an_acceptance_is_noted_for_that_host_only() -> None:
    notes = Notes()

    async def run() -> None:
        guard = LockoutGuard(notes)
        await attempt(guard, "h1")
        with pytest.raises(Failure, match=r"login\.refused"):
            await attempt(guard, "h2", refuse=Failure(common.LOGIN_REFUSED, "no"))

    asyncio.run(run())
    assert notes.effects == [Effect.PROVEN, Effect.REFUSED_HERE]


@pytest.mark.parametrize("host", [None, "h1"], ids=["everywhere", "one-host"])
def test_what_an_earlier_run_found_is_withheld_where_it_binds(host: str | None) -> None:
    async def run() -> None:
        guard = LockoutGuard()
        guard.bind(SCAN, "h9:22", "h9:22 refused it last night", host)
        with pytest.raises(Failure, match="h9:22 refused it last night"):
            await attempt(guard, "h1")
        if host is None:
            with pytest.raises(Failure, match="h9:22 refused it last night"):
                await attempt(guard, "h2")
        else:
            assert await attempt(guard, "h2") == "h2"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("pending", "effect"), [(True, Effect.UNKNOWN), (False, Effect.NOTHING)], ids=["sent", "not-sent"]
)
def test_a_login_that_is_cancelled_is_concluded(pending: bool, effect: Effect) -> None:
    notes = Notes()

    async def log_in() -> None:
        async with LockoutGuard(notes).attempt(SCAN, "h1", "h1:22") as going:
            going.pending = pending
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(log_in())
    assert notes.effects == [effect]
