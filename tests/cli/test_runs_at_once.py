"""Runs at the same time over one store: a wrong password costs one refused login, and a right one is used by all."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from typing import Any

import pytest

from fixtures.limits import HANG
from tests.cli.plugin import started, until
from tests.cli.test_lockout_across_runs import Site
from tests.cli.test_lockout_across_runs import site as site  # a fixture


def at_once(site: Site, count: int, *options: str, **extra: str) -> list[list[str]]:
    """Start runs together; return the causes, or else the verdicts, of each."""
    with ExitStack() as stack:
        words = "verify", site.inventory, "--format", "json", *options
        going = [stack.enter_context(started(site.where, *words, **site.extra, **extra)) for _ in range(count)]
        told = [process.communicate(timeout=HANG) for process in going]
    found = [json.loads(out)["results"] for out, _ in told]
    return [sorted((one["cause"] or {"code": one["verdict"]})["code"] for one in results) for results in found]


def test_a_wrong_password_is_presented_once(site: Site) -> None:
    site.inventory = site.estate("judges", "judges")
    found = at_once(site, 4)
    assert site.refused == 1
    assert sorted(found) == [["login.refused", "login.withheld"], *[["login.withheld"] * 2] * 3]


def test_a_right_password_is_used_by_all(site: Site) -> None:
    del site.extra["PW"]
    assert at_once(site, 4, "--timeout", "60", PW="right") == [["scannable"] * 3] * 4
    assert site.refused == 0


def test_a_withheld_login_names_the_refusal_of_the_other_run(site: Site) -> None:
    site.inventory = site.estate("judges")
    at_once(site, 3)
    runs = json.loads(site.command("runs", "--json").stdout)
    found = [json.loads(site.command("report", one["run"], "--json").stdout)["results"][0] for one in runs]
    withheld = [one["cause"]["detail"] for one in found if one["cause"]["code"] == "login.withheld"]
    assert len(withheld) == 2
    assert all(detail.startswith("127.0.0.1:99 refused the credential 'ad' from the agent ") for detail in withheld)


def beside_a_login(site: Site, *options: str, password: str) -> tuple[list[str], list[str]]:
    """Begin a run while a login of another one is under way; return the causes or verdicts of both."""
    words = "verify", site.inventory, "--format", "json", "--timeout", "30", *options
    extra = {**site.extra, "PW": password}
    begun = site.log.with_name(f"{site.log.name}.begun")
    with started(site.where, *words, **extra) as first:
        until(begun.exists)
        with started(site.where, *words, **extra) as second:
            time.sleep(2)
            assert begun.read_text().count("127") == 1, "the second one waits"
            assert second.poll() is None, second.communicate()
            (site.where / "release").touch()
            found = [process.communicate(timeout=HANG)[0] for process in (first, second)]
    return told(found[0]), told(found[1])


def told(out: Any) -> list[str]:
    return [(one["cause"] or {"code": one["verdict"]})["code"] for one in json.loads(out)["results"]]


@pytest.mark.parametrize("options", [(), ("--retry-refused",), ("--retry-refused=ad",)], ids=["plain", "all", "named"])
def test_a_run_that_begins_beside_a_wrong_login_makes_none(site: Site, options: tuple[str, ...]) -> None:
    """The option permits one try, and the login that is under way is that try."""
    if options:
        site.inventory = site.estate("judges")
        site.causes()
    site.inventory = site.estate("judges-late")
    before = site.refused
    assert beside_a_login(site, *options, password="wrong") == (["login.refused"], ["login.withheld"])
    assert site.refused - before == 1


@pytest.mark.parametrize("options", [(), ("--retry-refused",)], ids=["plain", "all"])
def test_a_run_that_begins_beside_a_right_login_waits_for_it(site: Site, options: tuple[str, ...]) -> None:
    site.inventory = site.estate("judges-late")
    assert beside_a_login(site, *options, password="right") == (["scannable"], ["scannable"])


def test_a_login_that_a_kill_left_open_does_not_keep_the_option_from_its_try(site: Site) -> None:
    site.inventory = site.estate("judges-late")
    begun = site.log.with_name(f"{site.log.name}.begun")
    with started(site.where, "verify", site.inventory, **site.extra) as going:
        until(begun.exists)
        going.kill()
        going.communicate(timeout=HANG)
    (site.where / "release").touch()
    assert site.causes() == ["login.withheld"]
    assert site.causes("--retry-refused") == ["login.refused"]
