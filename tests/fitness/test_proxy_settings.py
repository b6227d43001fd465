"""The proxies that the settings of this host name stand in the examination, without their passwords."""

from __future__ import annotations

import pytest

from scanready.fitness import proxy_settings
from scanready.model import Outcome
from tests.fitness.helpers import ask, asked, expect
from tests.ladder import target
from tests.net.test_proxy_settings import VARIABLES


@pytest.fixture(autouse=True)
def _without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_a_host_without_a_proxy_has_no_line() -> None:
    assert ask(proxy_settings.look, asked()) == []


def test_a_proxy_is_named_with_its_exceptions_and_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://er:hunter2@proxy.corp:3128\x1b[2J")
    monkeypatch.setenv("no_proxy", "corp,10.0.0.0/8")
    (answer,) = ask(proxy_settings.look, asked(target("https", "web1.corp"), target("ssh", "web1.corp")))
    expect(answer, Outcome.PASSED)
    assert "https_proxy: http://er:***@proxy.corp:3128" in answer.summary.replace("********", "***")
    assert "except for corp,10.0.0.0/8" in answer.summary
    assert "checks of https go through a proxy only if the target names it" in answer.summary
    assert "hunter2" not in repr(answer)
    assert "\x1b" not in repr(answer.facts)


def test_types_that_take_no_proxy_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "p:1")
    (answer,) = ask(proxy_settings.look, asked(target("ssh", "web1.corp")))
    assert answer.summary == "all_proxy: p:1"
