"""Runs at the same time over one store: a wrong password costs one refused login, and a right one is used by all."""

from __future__ import annotations

import json
from contextlib import ExitStack

from fixtures.limits import HANG
from tests.cli.plugin import started
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
