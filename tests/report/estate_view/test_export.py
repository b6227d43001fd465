"""The file of ``--export``: what its lines say, that a reader checks them, and that no secret is in it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from scanready.causes import common, nt
from scanready.model import (
    Agent,
    Check,
    Credential,
    DeclaredAgent,
    Finding,
    Outcome,
    Report,
    Step,
    Target,
)
from scanready.report.estate.accounts import Accounts
from scanready.report.estate.export import Estate, Header, end_restored, estate_of, header_restored
from scanready.report.parse import NotAResult, restored
from scanready.report.plain_result import is_plain
from scanready.report.serialize import as_object, identity_of_all
from tests.cli.exports import lines
from tests.report.estate import many
from tests.report.reports import AGENT, SECRET, blocked, ready

SITES = (DeclaredAgent("proxy-nyc", ("nyc",), "Linux"), DeclaredAgent("proxy-lon", ("lon", "eu"), "Windows"))


def with_login(host: str, outcome: Outcome, cause: Any = None, authority: str | None = None, **facts: Any) -> Report:
    finding = Finding(cause, "what was seen") if cause else None
    login = Check(Step.LOGIN, f"{host}:5432", outcome, "login", facts, finding)
    credential = Credential("pg", "er", SECRET, authority=authority)
    return dataclasses.replace(
        ready(host), target=Target(host, "postgresql", 5432, {}, credential), checks=[*ready(host).checks, login]
    )


def test_the_header_says_whose_results_follow_and_of_which_inventory() -> None:
    targets = [ready("db1").target, dataclasses.replace(ready("db2").target, sites=("lon",))]
    estate = estate_of(targets, SITES, "estate.yaml")
    header = Header("0.2.0", AGENT, "2026-01-01T00:00:00.000Z", estate)
    told = header.as_object()
    assert told["scanready_export"] == 1
    assert told["schema"] == 1
    assert told["inventory"] == identity_of_all(targets)
    assert told["shares"] == {"proxy-nyc": 1, "proxy-lon": 2}
    assert told["agents"][1] == {"name": "proxy-lon", "sites": ["lon", "eu"], "platform": "Windows"}
    assert header_restored(json.loads(json.dumps(told))) == header


def test_another_target_is_another_digest_and_a_secret_is_not_in_it() -> None:
    one, other = [ready("db1").target], [ready("db1").target, ready("db2").target]
    assert estate_of(one, (), "").inventory != estate_of(other, (), "").inventory
    accounts = [Credential("pg", "er", password) for password in ("first", "second")]
    first, second = (estate_of([dataclasses.replace(one[0], credential=account)], (), "") for account in accounts)
    assert first.inventory == second.inventory


def test_without_declared_agents_there_are_no_shares() -> None:
    assert estate_of([ready().target], (), "e.yaml").shares == {}


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("scanready_export", 2, "format '2', and this version reads 1; use a newer scanready"),
        ("scanready_export", True, "format 'True'"),
        ("schema", 7, "newer version"),
        ("inventory", None, "inventory is not a text"),
        ("agent", [], "agent is not an object"),
        ("agents", {}, "agents is not a list"),
        ("agents", [{"name": "a", "sites": "nyc", "platform": ""}], "sites is not a list of texts"),
        ("agents", [{"name": f"a{n}", "sites": [], "platform": ""} for n in range(1001)], "at most 1000 agents"),
        ("shares", {"proxy-nyc": -1}, "proxy-nyc is not a count"),
        ("shares", {f"a{n}": 1 for n in range(1001)}, "more than 1000 agents"),
        ("started", 5, "started is not a text"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "value",
)
def test_a_header_that_is_none_is_refused_with_the_reason(name: str, value: Any, why: str) -> None:
    header = Header("0.2.0", AGENT, "2026-01-01T00:00:00.000Z", Estate()).as_object()
    with pytest.raises(NotAResult) as refused:
        header_restored(header | {name: value})
    assert why in str(refused.value)


def test_the_last_line_counts_the_results_and_tells_of_an_interruption() -> None:
    written = lines([ready("db1"), blocked("db2")], [], interrupted=True)
    end = end_restored(json.loads(written[-1])["end"])
    assert (end.results, end.targets, end.interrupted) == (2, 2, True)
    assert end.ended >= json.loads(written[0])["started"]
    assert [json.loads(line)["target"]["host"] for line in written[1:-1]] == ["db1", "db2"]


def test_what_became_of_each_account() -> None:
    accounts = Accounts({("er", "pg"): 2})
    for report in (
        with_login("db1", Outcome.PASSED, authority="corp", account_proven=True),
        with_login("db2", Outcome.FAILED, common.LOGIN_REFUSED),
        with_login("db3", Outcome.FAILED, common.OUT_OF_TIME),
        with_login("db4", Outcome.FAILED, common.LOGIN_WITHHELD),
        with_login("db5", Outcome.SKIPPED),
        with_login("db6", Outcome.FAILED, common.REFUSED),
        ready("db7"),
        with_login("db8", Outcome.PASSED, account_proven=False),
        with_login("db9", Outcome.WARNED, nt.GUEST),
        with_login("db10", Outcome.PASSED),
        with_login("db11", Outcome.FAILED, common.LOGIN_REFUSED, authority="corp", refusal_ambiguous=True),
    ):
        accounts.add(report)
    agent = ready("db7").agent.name
    account = {"credential": "pg", "user": "er", "when": "2026-01-01T00:00:00Z", "agent": agent}
    refused = {**account, "ambiguous": False, "tries": 3, "authority": None}
    found = {one["where"]: one for one in accounts.as_list()}
    assert found == {
        "db1:5432": {**account, "authority": "corp", "outcome": "accepted", "where": "db1:5432", "proven": True},
        "db2:5432": {**refused, "outcome": "login.refused", "where": "db2:5432"},
        "db3:5432": {**refused, "outcome": None, "where": "db3:5432"},
        "db11:5432": {
            **refused,
            **{"authority": "corp", "outcome": "login.refused", "where": "db11:5432", "ambiguous": True, "tries": 1},
        },
    }


def test_no_secret_of_a_credential_is_in_an_export() -> None:
    secrets = {"password": "canary-pass", "key_file": "canary-key", "key_passphrase": "canary-phrase"}
    report = with_login("db1", Outcome.PASSED)
    target = dataclasses.replace(
        report.target,
        credential=Credential("pg", "er", **secrets),
        options={"token": "canary-token", "url": "http://u:canary-url@proxy/"},
    )
    text = "".join(lines([dataclasses.replace(report, target=target)], [target]))
    assert '"credential":"pg"' in text
    assert "canary" not in text


def _altered(value: Any, path: tuple[Any, ...] = ()) -> Any:
    """Yield the paths of all parts of a result."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _altered(part, (*path, key))
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield from _altered(part, (*path, place))


def _with(result: Any, path: tuple[Any, ...], change: Any) -> Any:
    made = json.loads(json.dumps(result))
    part = made
    for key in path[:-1]:
        part = part[key]
    if change is ...:
        del part[path[-1]]
    else:
        part[path[-1]] = change
    return made


#: Values in place of a part of a result; the last one stands for its absence.
CHANGES: tuple[Any, ...] = (None, [], {}, "x", -1, True, 1e300, 1 << 70, ["x"], [{}], ...)


def test_the_quick_check_accepts_nothing_that_the_full_check_refuses() -> None:
    refused = 0
    for report in (blocked(), next(many(4, 2)), list(many(6, 2))[4], list(many(6, 2))[2]):
        result = json.loads(json.dumps(as_object(report)))
        assert is_plain(result, result["agent"])
        for path in _altered(result):
            if path[0] == "agent":
                continue
            for change in CHANGES:
                made = _with(result, path, change)
                if is_plain(made, made["agent"]):
                    restored(made)
                else:
                    refused += 1
    assert refused > 1000


def test_the_quick_check_leaves_another_agent_to_the_full_one() -> None:
    result = as_object(ready())
    assert not is_plain(result, as_object(dataclasses.replace(ready(), agent=Agent("other", "Linux")))["agent"])
    assert not is_plain([], {})
