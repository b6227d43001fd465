"""Targets with their agents as an inventory: the loader reads them back as they were."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from scanready.inventory import load, parse_target
from scanready.inventory.assigned import AssignedTarget, assigned_inventory
from scanready.model import Credential, DeclaredAgent, Expectation, Target, Verdict, assigned
from scanready.report.parse import target_restored
from scanready.report.serialize import identity, target_object
from tests.report.reports import HOSTILE

if TYPE_CHECKING:
    import pytest

AGENTS = (
    DeclaredAgent("proxy-nyc", ("nyc",), "Linux"),
    DeclaredAgent("yes", ("nyc", "l: on"), "Windows"),
    DeclaredAgent("0x1F", (), "Plan 9"),
)
URLS = (
    "postgresql://db7/hr",
    "postgresql://db7:5433/hr",
    "smb://fs01/finance/2025%20%231",
    "nfs://nas/export/home?version=3",
    "mssql://sql1/INSTANCE",
    "oracle://db/SERVICE",
    "https://intranet/path?allow_untrusted=true",
    "https://[2001:db8::7]:8443/",
    "imap://mail.corp",
    "ssh://10.0.0.7",
    "windows://null",
    "unix://1e3",
)


def stored(target: Target) -> Target:
    """Return the target as it comes out of a stored run."""
    return target_restored(target_object(target))


def read(tmp_path: Path, text: str) -> list[Target]:
    file = tmp_path / "assigned.yaml"
    file.write_text(text, encoding="utf-8")
    return load(str(file), credentials=()).targets


def written(targets: list[Target], agent: str = "proxy-nyc", why: str = "ready") -> str:
    return assigned_inventory(AGENTS, [AssignedTarget(one, agent, why) for one in targets], [], ["Assigned."])


def test_targets_come_back_as_they_were(tmp_path: Path) -> None:
    targets = [stored(parse_target(url)[0]) for url in URLS]
    found = read(tmp_path, written(targets))
    assert list(map(identity, found)) == list(map(identity, targets))
    assert [one.explicit_port for one in found] == [one.explicit_port for one in targets]
    assert {one.agents for one in found} == {("proxy-nyc",)}


def test_accounts_tags_and_known_failures_come_back(tmp_path: Path) -> None:
    agents = ("yes", "proxy-of-no-result")
    known = Expectation(Verdict.BLOCKED, "connect.filtered", datetime.date(2030, 1, 2), "CHG: 4711 # x", agents)
    account = Credential("unix: scan", r"CORP\svc-er")
    target = Target("db7", "postgresql", 5432, {"database": "hr"}, account, ("a b", "no", "#x"), expected=known)
    (found,) = read(tmp_path, written([stored(target)]))
    assert found.credential is not None
    assert (found.credential.name, found.credential.username) == (account.name, account.username)
    assert (found.tags, found.expected) == (target.tags, known)
    assert identity(found) == identity(target)


def test_a_host_without_a_type_comes_back(tmp_path: Path) -> None:
    file = tmp_path / "estate.yaml"
    file.write_text("targets: [{host: db9, types: any}]\n")
    (target,) = load(str(file)).targets
    (found,) = read(tmp_path, written([stored(target)]))
    assert identity(found) == identity(target)
    assert len(found.tries) == len(target.tries) > 10


def test_agents_keep_their_sites_and_platforms(tmp_path: Path) -> None:
    """A platform that no inventory can name is left out."""
    text = written([stored(parse_target("ssh://web1")[0])], "yes")
    file = tmp_path / "assigned.yaml"
    file.write_text(text)
    inventory = load(str(file))
    assert inventory.agents == (replace(AGENTS[2], platform=""), *AGENTS[:2])
    assert assigned(inventory.targets[0], inventory.agents) == ("yes",)
    assert inventory.share("proxy-nyc").targets == []


def test_a_secret_is_not_copied(tmp_path: Path) -> None:
    target = Target("db7", "postgresql", 5432, {"database": "hr", "sslpassword": "hunter2"})
    text = written([target])
    assert "hunter2" not in text
    assert "not copied, as it may be a secret: sslpassword" in text
    assert len(read(tmp_path, text)) == 1


def test_what_a_run_says_begins_no_line(tmp_path: Path) -> None:
    hostile = [f"{HOSTILE}\ntargets: []", "x\n# y", "half \ud800"]
    text = assigned_inventory(AGENTS, [AssignedTarget(Target("a", "ssh", 22), "yes", hostile[0])], hostile, hostile)
    assert len(read(tmp_path, text)) == 1
    assert read(tmp_path, written([Target("db7", "ssh", 22, tags=("half \ud800",))])) == []
    assert not set(text) & set("\x1b\x07\x9b\u202e\u2028\r")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=4))
def test_any_tag_comes_back_or_its_target_is_named_in_a_comment(
    tmp_path_factory: pytest.TempPathFactory, tags: list[str]
) -> None:
    target, other = Target("db7", "postgresql", 5432, tags=tuple(tags)), Target("db8", "postgresql", 5432)
    *found, last = read(tmp_path_factory.mktemp("any"), text := written([target, other]))
    assert last.host == "db8"
    if found:
        assert found[0].tags == target.tags
    else:
        assert "# postgresql://db7:5432: not written" in text
        assert any(not tag.isprintable() for tag in tags)


def test_an_agent_that_no_inventory_can_name_is_left_out(tmp_path: Path) -> None:
    target = Target("db7", "postgresql", 5432)
    agents = [DeclaredAgent("proxy*"), DeclaredAgent("proxy-nyc")]
    text = assigned_inventory(agents, [AssignedTarget(target, "proxy*", "ready")], [], [])
    assert read(tmp_path, text) == []
    assert "# postgresql://db7:5432: no inventory can name its agent proxy*; rename the agent" in text


def test_without_targets_it_is_an_inventory_still(tmp_path: Path) -> None:
    assert read(tmp_path, assigned_inventory(AGENTS, [], ["No agent can scan these:"], [])) == []
