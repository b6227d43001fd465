"""``report RUN --export FILE``: the export of a stored run, afterwards."""

from __future__ import annotations

import contextlib
import gzip
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.cli import plugin
from tests.cli.in_process import call
from tests.cli.test_merge import LON, NYC, SECRET, export, folder, inventory

__all__ = ["folder"]
AGENTS = """
agents:
  - {{name: proxy-nyc, sites: [nyc], platform: linux}}
  - {{name: proxy-lon, sites: [lon]}}
credentials:
  pg: {{username: er, password: env:PW}}
targets:
  - {{host: 127.0.0.1, type: mood, port: 99, is: {mood}}}
  - {{host: 127.0.0.2, type: mood, port: 99, credential: pg, site: nyc}}
  - {{host: 127.0.0.3, type: mood, port: 99, site: lon}}
"""


def run(where: Path, *words: str) -> Any:
    return plugin.run(where, words, {"PW": SECRET, "MOOD_LOG": str(where / "log")})


def content(file: Path) -> list[Any]:
    """Return the lines; the results in an order of their own, since a stored run has the order of the inventory."""
    header, *results, end = map(json.loads, gzip.decompress(file.read_bytes()).splitlines())
    end["end"].pop("ended")  # of the file, and of the run: some milliseconds apart
    return [header, *sorted(results, key=json.dumps), end]


@pytest.mark.parametrize("mood", ["ready", "judges", "refused", "odd", "hostile"])
@pytest.mark.parametrize("of_agents", [False, True])
def test_it_is_what_verify_would_have_written(plugins: Path, mood: str, of_agents: bool) -> None:
    if of_agents:
        path = plugins / "estate.yaml"
        path.write_text(AGENTS.format(mood=mood))
        words = [str(path), "--as", "proxy-nyc"]
    else:
        words = [inventory(plugins, mood)]
    at_once, later = plugins / "at-once.scanready", plugins / "later.scanready"
    assert run(plugins, "verify", *words, "--export", str(at_once)).returncode in (0, 1, 3)
    done = run(plugins, "report", "last", "--export", str(later))
    assert done.returncode in (0, 1, 3), done.stderr
    assert content(later) == content(at_once)
    assert later.stat().st_mode & 0o777 == 0o600
    assert SECRET not in gzip.decompress(later.read_bytes()).decode()


def test_one_result_makes_the_same_bytes(plugins: Path) -> None:
    path = plugins / "estate.yaml"
    path.write_text("targets: [{host: 127.0.0.1, type: mood, port: 99}]\n")
    files = [plugins / "at-once.scanready", plugins / "later.scanready"]
    run(plugins, "verify", str(path), "--export", str(files[0]))
    run(plugins, "report", "last", "--export", str(files[1]))
    lines = [gzip.decompress(file.read_bytes()).splitlines() for file in files]
    assert lines[0][:-1] == lines[1][:-1]


def test_a_refusal_that_an_earlier_run_met_is_in_it(plugins: Path) -> None:
    path = plugins / "estate.yaml"
    path.write_text(
        "credentials: {pg: {username: er, password: env:PW}}\n"
        "targets: [{host: 127.0.0.2, type: mood, port: 99, is: judges, credential: pg}]\n"
    )
    files = [plugins / "at-once.scanready", plugins / "later.scanready"]
    run(plugins, "verify", str(path))  # the password is wrong
    run(plugins, "verify", str(path), "--export", str(files[0]))
    run(plugins, "report", "last", "--export", str(files[1]))
    accounts = [content(file)[-1]["end"]["accounts"] for file in files]
    assert accounts[0] == accounts[1]
    assert [one["outcome"] for one in accounts[0]] == ["login.refused"]


def accounts(file: Path) -> list[Any]:
    found: list[Any] = content(file)[-1]["end"]["accounts"]
    return found


@pytest.mark.parametrize("resumed", [False, True])
def test_a_login_in_which_the_run_was_killed_binds_another_agent(plugins: Path, resumed: bool) -> None:
    path, file = plugins / "estate.yaml", plugins / "killed.scanready"
    path.write_text(
        "credentials: {pg: {username: er, password: env:PW, authority: corp}}\n"
        "targets:\n"
        "  - {host: 127.0.0.2, type: mood, port: 99, is: slow-login, credential: pg}\n"
        "  - {host: 127.0.0.3, type: mood, port: 99, is: judges, credential: pg}\n"
    )
    log, release = plugins / "log", plugins / "release"
    extra = {"PW": SECRET, "MOOD_LOG": str(log), "MOOD_RELEASE": str(release)}
    with plugin.started(plugins, "verify", str(path), **extra) as process:
        plugin.until(lambda: log.exists() and "127.0.0.2" in log.read_text())
        process.kill()
    release.touch()
    if resumed:
        assert run(plugins, "verify", "--resume", "last").returncode == 3
    done = run(plugins, "report", "last", "--export", str(file))
    assert done.returncode == 3, done.stderr
    (entry,) = accounts(file)
    assert (entry["outcome"], entry["where"], entry["tries"]) == (None, "127.0.0.2:99", 1)
    log.unlink()
    other = run(
        plugins, "verify", str(path), "--guard", str(file), "--store", str(plugins / "other.db"), "--format", "json"
    )
    causes = [one["cause"]["code"] for one in json.loads(other.stdout)["results"]]
    assert causes == ["login.withheld"] * 2, other.stderr
    assert not log.exists()
    run(plugins, "credentials", "--forget", "pg")
    run(plugins, "report", "last", "--export", str(file))
    assert accounts(file) == []


def test_a_refusal_whose_result_was_not_stored_is_in_it(plugins: Path) -> None:
    path, file = plugins / "estate.yaml", plugins / "killed.scanready"
    path.write_text(
        "credentials: {pg: {username: er, password: env:PW}}\n"
        "targets: [{host: 127.0.0.2, type: mood, port: 99, is: judges, credential: pg}]\n"
    )
    run(plugins, "verify", str(path))
    run(plugins, "report", "last", "--export", str(file))
    (known,) = accounts(file)
    with contextlib.closing(sqlite3.connect(plugins / "runs.db")) as store:
        store.execute("DELETE FROM results")
        store.commit()
    run(plugins, "report", "last", "--export", str(file))
    (entry,) = accounts(file)
    assert entry | {"when": known["when"]} == known


def test_it_ends_when_the_run_ended(plugins: Path) -> None:
    run(plugins, "verify", inventory(plugins, "ready"))
    later = plugins / "later.scanready"
    run(plugins, "report", "last", "--export", str(later))
    ended = json.loads(run(plugins, "runs", "--json").stdout)[0]["ended"]
    assert json.loads(gzip.decompress(later.read_bytes()).splitlines()[-1])["end"]["ended"] == ended


def test_two_of_them_are_merged(plugins: Path) -> None:
    path = plugins / "estate.yaml"
    path.write_text(AGENTS.format(mood="ready"))
    for name in ("proxy-nyc", "proxy-lon"):
        run(plugins, "verify", str(path), "--as", name)
        run(plugins, "report", "last", "--export", str(plugins / f"{name}.scanready"))
    done = run(plugins, "merge", str(plugins / "proxy-nyc.scanready"), str(plugins / "proxy-lon.scanready"))
    assert done.returncode == 0, done.stderr
    assert "4 results of 2 agents about 3 targets" in done.stderr


def test_the_environment_of_verify_writes_none(plugins: Path) -> None:
    run(plugins, "verify", inventory(plugins, "ready"))
    file = plugins / "own.scanready"
    plugin.run(plugins, ["report", "last"], {"SCANREADY_EXPORT": str(file)})
    assert not file.exists()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["{export}"], "--export needs a stored run; `scanready merge` takes {export} as it is"),
        (["{mixed}"], "has results of several agents; `scanready merge` takes it as it is"),
        (["last", "--only", "host=127.0.0.1"], "--export writes the whole run and cannot be combined with --only"),
    ],
)
def test_what_cannot_be_exported_is_said(folder: Path, plugins: Path, words: list[str], problem: str) -> None:
    files = {"export": export(folder, LON), "mixed": str(folder / "mixed.jsonl")}
    results = [gzip.decompress(Path(export(folder, agent)).read_bytes()).splitlines()[1] for agent in (LON, NYC)]
    Path(files["mixed"]).write_bytes(b"\n".join(results) + b"\n")
    run(plugins, "verify", inventory(plugins, "ready"), "--store", str(folder / "runs.db"))
    done = call("report", *(word.format(**files) for word in words), "--export", str(folder / "new.scanready"))
    assert done.exit_code == 2
    assert problem.format(**files) in done.output
    assert not (folder / "new.scanready").exists()


def test_a_run_that_does_not_describe_its_inventory_is_for_merge(plugins: Path) -> None:
    """One of check has no inventory, and one of an earlier version did not keep the description."""
    store = plugins / "runs.db"
    run(plugins, "verify", inventory(plugins, "ready"), "--store", str(store))
    with sqlite3.connect(store) as connection:
        connection.execute("update runs set asked = json_remove(asked, '$.export')")
    connection.close()
    for words in (["last"], ["last"]):
        done = run(plugins, "report", *words, "--store", str(store), "--export", str(plugins / "new.scanready"))
        assert done.returncode == 2
        assert "has no description of an inventory, since it is a run of " in done.stderr
        run(plugins, "check", "mood://127.0.0.1:99", "--store", str(store))
