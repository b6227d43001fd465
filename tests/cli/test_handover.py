"""One filter for every command, and a file for each owner: ``--only``, ``--failed-from``, ``--split``."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.cli import plugin
from tests.report.estate import document, reports


def run(where: Path, *arguments: str) -> Any:
    return plugin.run(where, arguments, {})


@pytest.fixture
def estate(plugins: Path) -> Path:
    """A run of 60 targets as a file: 10 ready, scannable, limited and undecided each, 20 blocked."""
    (plugins / "run.json").write_text(document("json", list(reports(60))))
    return plugins


def report(where: Path, *arguments: str) -> Any:
    return run(where, "report", str(where / "run.json"), *arguments)


def shown(done: Any) -> list[str]:
    return [json.loads(text)["target"]["name"] for text in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("expression", "count"),
    [
        ("verdict=blocked", 20),
        ("verdict=BLOCKED,type=ssh", 4),
        ("verdict=un*", 10),
        ("owner=network", 10),
        ("owner=database", 10),
        ("owner=server", 30),
        ("cause=connect.*", 10),
        ("cause=*.hba-rejected,tag=finance", 0),
        ("cause=tls.expired,owner=server,host=host-0000*", 3),
    ],
)
def test_a_report_of_the_targets_with_a_verdict_an_owner_or_a_cause(estate: Path, expression: str, count: int) -> None:
    done = report(estate, "--only", expression, "--format", "jsonl")
    assert len(shown(done)) == count
    assert (done.returncode == 4) == (count == 0)


@pytest.mark.parametrize("command", ["verify", "plan", "firewall"])
@pytest.mark.parametrize("key", ["verdict=blocked", "owner=network", "cause=connect.filtered"])
def test_before_a_run_nothing_is_known_of_its_results(plugins: Path, command: str, key: str) -> None:
    path = plugins / "estate.yaml"
    path.write_text("targets:\n  - {host: 127.0.0.1, port: 99, type: mood}\n")
    done = run(plugins, command, str(path), "--only", key)
    assert done.returncode == 2
    assert f"{key.partition('=')[0]} is known only after a run" in done.stderr
    assert f"scanready report RUN --only {key}" in done.stderr


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("owner=netwrk", "there is no owner 'netwrk'; write one of network, server, database"),
        ("owner=netwrk", "did you mean 'network'?"),
        ("verdict=bad", "there is no verdict 'bad'; write one of scannable, ready, limited, blocked, undecided"),
        (
            "ower=network",
            "there is no key 'ower'; the keys are type, host, port, tag, credential, site, agent, verdict, owner",
        ),
        ("cause=", "is not KEY=PATTERN"),
    ],
)
def test_a_filter_that_is_none_is_one_line(estate: Path, expression: str, words: str) -> None:
    done = report(estate, "--only", expression)
    assert done.returncode == 2
    assert words in done.stderr


def test_a_file_for_each_owner_has_its_part_and_nothing_else(estate: Path) -> None:
    where = estate / "to do"
    done = report(estate, "--split", f"owner={where}", "-o", os.devnull)
    assert done.returncode == 1
    assert sorted(path.name for path in where.iterdir()) == ["database.md", "network.md", "server.md"]
    assert stat.S_IMODE(where.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in where.iterdir()} == {0o600}
    assert f"{where}/network.md: 10 targets" in done.stderr
    network = (where / "network.md").read_text()
    blocked = [one for one in reports(60) if one.cause and one.cause.code == "connect.filtered"]
    others = [one for one in reports(60) if not one.cause or one.cause.code != "connect.filtered"]
    for one in blocked:
        assert f"{one.target.host}:{one.target.port}" in network
        assert one.finding is not None
        assert str(one.finding.fix) in network
    for one in others:
        assert f"{one.target.type}://{one.target.host}:{one.target.port}" not in network
        assert f"daddr {one.facts['addresses'][0]} " not in network
    assert "tls.expired" not in network
    assert "## Permit these connections" in network


def test_an_owner_with_nothing_to_do_any_more_is_told_so_in_an_old_file(estate: Path) -> None:
    where = estate / "todo"
    report(estate, "--split", f"owner={where}")
    (where / "notes.txt").write_text("mine")
    rest = [one for one in reports(60) if not one.cause or one.cause.code != "connect.filtered"]
    (estate / "run.json").write_text(document("json", rest))
    done = report(estate, "--split", f"owner={where}")
    assert f"{where}/network.md: nothing left to do" in done.stderr
    assert (where / "network.md").read_text().startswith("# Nothing to change for the network and firewall team")
    assert (where / "notes.txt").read_text() == "mine"


def test_a_filter_leaves_the_files_of_other_owners_as_they_are(estate: Path) -> None:
    """A filtered report proves nothing about the targets that it omits."""
    where = estate / "todo"
    report(estate, "--split", f"owner={where}")
    before = {path.name: path.read_text() for path in where.iterdir()}
    assert not any("This page is filtered" in text for text in before.values())
    done = report(estate, "--only", "owner=network", "--split", f"owner={where}")
    assert f"{where}/network.md: 10 targets" in done.stderr
    assert f"{where}/server.md" not in done.stderr
    after = {path.name: path.read_text() for path in where.iterdir()}
    assert "**This page is filtered:** `--only owner=network`." in "".join(after["network.md"].splitlines()[:3])
    assert {name for name in before if before[name] != after[name]} == {"network.md"}


def test_a_filter_without_an_owner_replaces_no_file_by_an_all_clear(estate: Path) -> None:
    where = estate / "todo"
    report(estate, "--split", f"owner={where}")
    network = (where / "network.md").read_text()
    done = report(estate, "--only", "cause=tls.expired", "--only", "cause=x", "--split", f"owner={where}")
    assert f"{where}/network.md: left as it is; --only selects nothing for this owner" in done.stderr
    assert (where / "network.md").read_text() == network
    assert "`--only cause=tls.expired` or `--only cause=x`" in (where / "server.md").read_text()


@pytest.mark.parametrize("given", ["owner", "owner=", "host=x", "=x"])
def test_split_says_what_to_write(estate: Path, given: str) -> None:
    done = report(estate, "--split", given)
    assert done.returncode == 2
    assert "is not owner=DIR, as in owner=todo" in done.stderr


def test_split_into_a_file_is_one_line(estate: Path) -> None:
    (estate / "file").write_text("")
    done = report(estate, "--split", f"owner={estate / 'file'}")
    assert done.returncode == 2
    assert f"--split: cannot create {estate / 'file'}" in done.stderr


def test_only_what_failed_is_checked_again(plugins: Path) -> None:
    path = plugins / "estate.yaml"
    moods = ["ready", "refused", "throttled", "limited", "refused"]
    targets = [f"  - {{host: 127.0.0.{n}, port: 99, type: mood, is: {mood}}}" for n, mood in enumerate(moods, 1)]
    path.write_text("\n".join(["targets:", *targets, ""]))
    assert run(plugins, "verify", str(path)).returncode == 1
    first = json.loads(run(plugins, "runs", "--json").stdout)[0]["run"]

    def again(*more: str) -> list[str]:
        done = run(plugins, "verify", str(path), "--failed-from", first, "--no-store", "--format", "jsonl", *more)
        return sorted(json.loads(text)["target"]["host"] for text in done.stdout.splitlines())

    assert again() == ["127.0.0.2", "127.0.0.3", "127.0.0.5"]
    assert again("--only", "verdict=undecided") == ["127.0.0.3"]
    assert again("--only", "verdict=blocked,host=*.5") == ["127.0.0.5"]
    assert again("--require", "ready") == ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"]
    done = run(plugins, "verify", str(path), "--failed-from", first, "--only", "verdict=ready")
    assert done.returncode == 4
    assert "nothing selected: no target has verdict=ready" in done.stderr
    path.write_text("\n".join(["targets:", targets[0], targets[1].replace("127.0.0.2", "127.0.0.9"), ""]))
    done = run(plugins, "verify", str(path), "--failed-from", first)
    assert done.returncode == 4
    assert f"not checked: 1 target of the inventory without a result in {first}" in done.stderr
    assert f"nothing selected: no target of the inventory failed in {first}" in done.stderr


def test_a_failed_from_that_is_no_run_contacts_nothing(plugins: Path) -> None:
    path = plugins / "estate.yaml"
    path.write_text("targets:\n  - {host: 127.0.0.1, port: 99, type: mood}\n")
    done = run(plugins, "verify", str(path), "--failed-from", "20200101-0000-abc")
    assert done.returncode == 2
    assert done.stdout == ""


def test_a_difference_of_the_targets_that_match_in_either_run(plugins: Path) -> None:
    path = plugins / "estate.yaml"
    for moods in (["ready", "refused", "refused"], ["refused", "ready", "refused"]):
        rows = [f"  - {{host: 127.0.0.{n}, port: 99, type: mood, is: {mood}}}" for n, mood in enumerate(moods, 1)]
        path.write_text("\n".join(["targets:", *rows, ""]))
        run(plugins, "verify", str(path))

    def hosts(*more: str) -> Any:
        return json.loads(run(plugins, "diff", "last~1", "last", "--json", *more).stdout)

    whole, one = hosts(), hosts("--only", "host=127.0.0.1")
    assert json.dumps(whole).count("127.0.0.2") > 0
    assert json.dumps(one).count("127.0.0.2") == 0
    assert run(plugins, "diff", "last~1", "last", "--only", "host=nobody").returncode == 4


def interrupted(where: Path, moods: list[str], finished: int) -> Path:
    """A stored run that was interrupted after its first results: the later ones are taken out of the store."""
    path = where / "estate.yaml"
    rows = [f"  - {{host: 127.0.0.{n}, port: 99, type: mood, is: {mood}}}" for n, mood in enumerate(moods, 1)]
    path.write_text("\n".join(["targets:", *rows, ""]))
    run(where, "verify", str(path))
    with contextlib.closing(sqlite3.connect(next(where.rglob("*.db")))) as store:
        store.execute("DELETE FROM results WHERE place >= ?", (finished,))
        store.execute("UPDATE runs SET interrupted = 1")
        store.commit()
    return path


def test_a_file_of_an_interrupted_run_names_the_targets_that_were_not_checked(plugins: Path) -> None:
    path, where = interrupted(plugins, ["filtered", "ready", "refused", "filtered"], 2), plugins / "todo"
    where.mkdir()
    (where / "database.md").write_text("old")
    done = run(plugins, "report", "last", "--split", f"owner={where}")
    name = json.loads(run(plugins, "runs", "--json").stdout)[0]["run"]
    assert f"{where}/database.md: nothing found yet, 2 not checked" in done.stderr
    assert (
        f"the run was interrupted: 2 targets not checked; to check them: scanready verify --resume {name}"
        in done.stderr
    )
    for file in ("network.md", "database.md"):
        text = (where / file).read_text()
        assert "**Not checked:** the run was interrupted before it checked 2 targets: `mood://127.0.0.3:99" in text
        assert "mood://127.0.0.4:99" in text
        assert "mood://127.0.0.2" not in text
        assert f"`scanready verify --resume {name}` checks them." in text
    assert (where / "database.md").read_text().startswith("# Not finished: 2 targets not checked for ")
    filtered = run(plugins, "report", "last", "--only", "owner=network,host=*.1", "--split", f"owner={where}")
    assert "not checked" not in filtered.stderr, "the filter excludes the targets without a result"
    assert "Not checked" not in (where / "network.md").read_text()
    path.write_text(path.read_text() + "  - {host: 127.0.0.9, port: 99, type: mood, is: ready}\n")
    run(plugins, "report", "last", "--split", f"owner={where}")
    network = (where / "network.md").read_text()
    assert "before it checked 2 targets. This page has nothing about them." in network, "the inventory is another one"


def test_a_file_of_an_interrupted_document_says_how_many_are_missing(plugins: Path) -> None:
    of = [one for one in reports(60) if one.cause and one.cause.code == "connect.filtered"]
    (plugins / "run.json").write_text(document("json", of, asked=len(of) + 1))
    report(plugins, "--split", f"owner={plugins / 'todo'}")
    network = (plugins / "todo" / "network.md").read_text()
    assert (
        "**Not checked:** the run was interrupted before it checked 1 target. This page has nothing about it."
        in network
    )
