"""An agent and ``verify`` on the same host present a wrong password once, whichever of both begins first."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from fixtures.limits import HANG
from scanready.causes import common
from scanready.cli.fleet.agent import AsVerify
from scanready.climb.explain import Failure
from scanready.climb.journal import Effect
from scanready.fleet.account_book import AccountBook
from scanready.fleet.journal import Journal
from scanready.fleet.login_batch import LoginDesk
from scanready.fleet.login_end import End
from scanready.fleet.messages import Batch, Login
from scanready.model import Credential, Step, Target
from tests.cli.conftest import plugins as plugins  # a fixture
from tests.cli.plugin import started, until
from tests.cli.test_lockout_across_runs import Site
from tests.cli.test_lockout_across_runs import site as site  # a fixture
from tests.fleet.test_login_batch import log_in

REFUSED = Failure(common.LOGIN_REFUSED, "no")
OWN = "ad: {username: er, password: 'env:PW', hosts: [127.0.0.0/8, 10.0.0.0/8]}\n"


@pytest.fixture
def desk(site: Site, monkeypatch: pytest.MonkeyPatch) -> LoginDesk:
    """The agent of the host whose ``verify`` the site starts."""
    site.inventory = site.estate("judges-late")
    folder = site.where / "config" / "scanready"
    folder.mkdir(parents=True)
    (folder / "credentials.yaml").touch(0o600)
    (folder / "credentials.yaml").write_text(OWN)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(site.where / "config"))
    monkeypatch.setenv("PW", "wrong")
    return desk_of(site.where)


def desk_of(folder: Path) -> LoginDesk:
    return LoginDesk(Journal(folder / "a.db"), AccountBook(folder / "runs.db", "proxy-a"), AsVerify(), print)


def batch(run: str = "r", *, retried: str = "") -> Batch:
    target = Target("127.0.0.2", "ssh", 22, {}, Credential("ad", "er"))
    return Batch(run, "a-login-1", "proxy-a", Step.ACCESS, 10.0, 60.0, ((0, target),), Login(86_400.0, retried))


@pytest.fixture
def aside() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as threads:
        yield threads


def causes(out: str) -> list[str]:
    return [(one["cause"] or {"code": one["verdict"]})["code"] for one in json.loads(out)["results"]]


@pytest.mark.parametrize("retried", ["", "ad"], ids=["plain", "retried"])
@pytest.mark.parametrize("entered", [True, False], ids=["met before", "met while it goes on"])
@pytest.mark.parametrize("password", ["wrong", "right"])
def test_the_agent_comes_second(
    site: Site,
    desk: LoginDesk,
    aside: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
    *,
    password: str,
    entered: bool,
    retried: str,
) -> None:
    monkeypatch.setenv("PW", password)
    site.extra["PW"] = password
    going: Future[str] | None = None
    with ExitStack() as stack:
        if entered:
            gate = stack.enter_context(Gate(desk))
            going = aside.submit(log_in, desk, desk.prepare(batch(retried=retried)))
            until(gate.is_reached.is_set)
        first = stack.enter_context(started(site.where, "verify", site.inventory, "--json", **site.extra))
        until(site.log.with_name("log.begun").exists)
        if entered:
            gate.is_open.set()
        else:
            going = aside.submit(log_in, desk, desk.prepare(batch(retried=retried)))
        assert going is not None
        time.sleep(1)
        assert not going.done(), "the login of verify has no outcome yet"
        (site.where / "release").touch()
        told = causes(first.communicate(timeout=HANG)[0])
        cause = going.result(HANG)
    end = desk.ends(batch(retried=retried))
    if password == "right":
        assert (told, cause) == (["scannable"], "")
        assert [one.end for one in end] == [End.ACCEPTED]
    else:
        assert (told, cause) == (["login.refused"], "login.withheld")
        assert [(one.end, one.where) for one in end] == [(End.EARLIER, "127.0.0.1:99")]
        assert "refused the credential 'ad'" in end[0].detail


class Gate:
    """Hold the logins of a desk, which has read the journal by then. Use as a context manager."""

    def __init__(self, desk: LoginDesk) -> None:
        self._book, self.is_reached, self.is_open = desk._logbook._book, threading.Event(), threading.Event()
        self._intend = self._book.intend

    def __enter__(self) -> Gate:
        def held(*given: Any) -> Any:
            self.is_reached.set()
            self.is_open.wait(HANG)
            return self._intend(*given)

        self._book.intend = held  # type: ignore[method-assign,assignment]
        return self

    def __exit__(self, *_: object) -> None:
        self.is_open.set()
        self._book.intend = self._intend  # type: ignore[method-assign]


@pytest.mark.parametrize("options", [(), ("--retry-refused",)], ids=["plain", "retried"])
@pytest.mark.parametrize("password", ["wrong", "right"])
def test_verify_comes_second(site: Site, desk: LoginDesk, password: str, options: tuple[str, ...]) -> None:
    (site.where / "release").touch()
    site.extra["PW"] = password
    book, account = desk._logbook._book, Credential("ad", "er", source=source_of(desk))
    assert book.intend(account, "127.0.0.9", "127.0.0.9:22", "r") is None
    with started(site.where, "verify", site.inventory, "--json", *options, **site.extra) as second:
        time.sleep(2)
        assert second.poll() is None, second.communicate()
        assert not site.log.exists(), "it waits"
        cause, effect = ("", Effect.PROVEN) if password == "right" else (REFUSED.cause.code, Effect.REFUSED)
        book.conclude(account, "127.0.0.9", cause, effect, "r")
        told = causes(second.communicate(timeout=HANG)[0])
    assert told == (["scannable"] if password == "right" else ["login.withheld"])
    assert site.refused == 0


def source_of(desk: LoginDesk) -> str:
    (target,) = desk.prepare(batch("other")).batch.targets
    assert target[1].credential is not None
    return target[1].credential.source


def test_a_login_that_lasts_withholds_that_of_the_agent(
    site: Site, desk: LoginDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scanready.fleet.login_batch._OTHER_PATIENCE", 0.5)
    with started(site.where, "verify", site.inventory, "--json", **site.extra) as first:
        until(site.log.with_name("log.begun").exists)
        assert log_in(desk, desk.prepare(batch())) == "login.withheld"
        (end,) = desk.ends(batch())
        assert (end.end, end.where) == (End.EARLIER, "")
        assert "another run has a login with the credential 'ad' under way at 127.0.0.1:99" in end.detail
        (site.where / "release").touch()
        assert causes(first.communicate(timeout=HANG)[0]) == ["login.refused"], "its note stays"
    assert site.causes() == ["login.withheld"]


def test_a_login_of_the_agent_that_a_kill_left_open_does_not_hold_up_verify(site: Site, desk: LoginDesk) -> None:
    account = Credential("ad", "er", source=source_of(desk))
    desk._logbook._book.intend(account, "127.0.0.9", "127.0.0.9:22", "r")
    held = desk._logbook._book._held
    assert held is not None
    held.release()  # as the end of the process does
    (site.where / "release").touch()
    (result,) = site.verify()
    assert result["cause"]["code"] == "login.withheld"
    assert "127.0.0.9:22 did not answer a login with the credential 'ad'" in result["cause"]["detail"]
    assert site.causes("--retry-refused") == ["login.refused"]
