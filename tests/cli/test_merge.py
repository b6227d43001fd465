"""``verify --export`` and ``merge``: the results of many agents as one stored run, with the names of the misfits."""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
import signal
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from scanready.cli.source import opened
from scanready.inventory import load
from scanready.model import Agent, DeclaredAgent, Report, Target
from scanready.report.serialize import as_line, identity_at
from scanready.store import Store
from tests.cli import plugin
from tests.cli.exports import DECLARED, ago, lines, write
from tests.cli.in_process import call
from tests.report.estate import many
from tests.report.estate_view.lab import ADDRESSES

LON, NYC, PAR = (Agent(one.name, "Linux", (ADDRESSES[one.name],)) for one in DECLARED)
REPORTS = list(many(6, 3))
TARGETS = [report.target for report in REPORTS]
SECRET = "canary-of-a-password"

INVENTORY = """
agent: {{name: proxy-nyc}}
credentials:
  pg: {{username: er, password: env:PW}}
targets:
  - {{host: 127.0.0.1, type: mood, port: 99, is: {mood}}}
  - {{host: 127.0.0.2, type: mood, port: 99, credential: pg}}
"""


def of(agent: Agent, reports: Sequence[Report] = REPORTS) -> list[Report]:
    return [dataclasses.replace(report, agent=agent) for report in reports]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with the store of the test."""
    monkeypatch.setenv("SCANREADY_STORE", str(tmp_path / "runs.db"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def export(folder: Path, agent: Agent, reports: Sequence[Report] = REPORTS, name: str = "", **more: Any) -> str:
    return write(folder / f"{name or agent.name}.scanready", lines(of(agent, reports), TARGETS, **more))


def frame_of(run: str = "last") -> Any:
    with opened(run, os.environ["SCANREADY_STORE"]) as source:
        assert source.frame is not None
        return source.frame


def stored(folder: Path) -> list[str]:
    with Store(folder / "runs.db") as store:
        return list(store.results(store.find("last")))


def remarks(folder: Path, *arguments: str, code: int | None = None) -> str:
    done = call("merge", *arguments, "--format", "jsonl", "-q")
    assert code is None or done.exit_code == code, done.output
    return done.stderr


def inventory(folder: Path, mood: str = "ready") -> str:
    file = folder / "estate.yaml"
    file.write_text(INVENTORY.format(mood=mood))
    return str(file)


def test_an_export_of_a_real_run_has_header_results_and_end(plugins: Path) -> None:
    file = plugins / "nyc.scanready"
    done = plugin.run(plugins, ["verify", inventory(plugins), "--export", str(file)], {"PW": SECRET})
    assert done.returncode == 0, done.stderr
    head, *results, end = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    assert (head["agent"]["name"], head["inventory_name"]) == ("proxy-nyc", "estate.yaml")
    assert {one["target"]["host"] for one in results} == {"127.0.0.1", "127.0.0.2"}
    assert end["end"]["results"] == 2
    assert [(one["credential"], one["outcome"]) for one in end["end"]["accounts"]] == [("pg", "accepted")]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    shown = plugin.run(plugins, ["report", str(file), "--format", "jsonl"])
    assert sorted(map(json.loads, shown.stdout.splitlines()), key=str) == sorted(results, key=str)


def test_the_secret_is_neither_in_an_export_nor_in_the_store_of_a_merge(plugins: Path) -> None:
    file = plugins / "nyc.scanready"
    plugin.run(plugins, ["verify", inventory(plugins), "--export", str(file), "--no-store"], {"PW": SECRET})
    done = plugin.run(plugins, ["merge", str(file)])
    assert done.returncode == 0, done.stderr
    assert SECRET.encode() not in gzip.decompress(file.read_bytes())
    assert SECRET.encode() not in (plugins / "runs.db").read_bytes()


def test_the_digest_is_of_the_whole_inventory_whatever_was_selected(plugins: Path) -> None:
    digests = set()
    for number, only in enumerate(([], ["--only", "host=127.0.0.1"])):
        file = plugins / f"{number}.scanready"
        plugin.run(plugins, ["verify", inventory(plugins), "--export", str(file), *only], {"PW": SECRET})
        digests.add(json.loads(gzip.decompress(file.read_bytes()).splitlines()[0])["inventory"])
    assert len(digests) == 1


@pytest.mark.parametrize("other", ["estate.yaml", "same.json"])
def test_an_export_overwrites_neither_the_inventory_nor_another_output(plugins: Path, other: str) -> None:
    asked = ["verify", inventory(plugins), "--report", f"json={plugins / 'same.json'}"]
    done = plugin.run(plugins, [*asked, "--export", str(plugins / other)], {"PW": SECRET})
    assert done.returncode == 2
    assert "is the input or another output" in done.stderr
    assert not (plugins / "same.json").exists()


def test_an_export_to_standard_output_is_refused(plugins: Path) -> None:
    done = plugin.run(plugins, ["verify", inventory(plugins), "--export", "-"], {"PW": SECRET})
    assert (done.returncode, done.stdout) == (2, "")
    assert "name one, as in --export proxy-nyc.scanready" in done.stderr


def test_an_interrupted_run_exports_what_is_finished_and_says_so(plugins: Path) -> None:
    file, log = plugins / "nyc.scanready", plugins / "log"
    extra = {"PW": SECRET, "MOOD_LOG": str(log), "MOOD_RELEASE": str(plugins / "go")}
    slow = ["verify", inventory(plugins, "mends"), "--wait", "5m", "--export", str(file), "--per-host", "1"]
    with plugin.started(plugins, *slow, **extra) as process:
        plugin.until(log.exists)
        assert not file.exists()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    end = json.loads(gzip.decompress(file.read_bytes()).splitlines()[-1])["end"]
    assert end["interrupted"] is True
    assert end["targets"] == 2
    done = plugin.run(plugins, ["merge", str(file)])
    assert f"nyc.scanready is from an interrupted run: {end['results']} of its 2 targets" in done.stderr


def test_a_killed_run_leaves_no_file_under_the_name(plugins: Path) -> None:
    file, log = plugins / "nyc.scanready", plugins / "log"
    extra = {"PW": SECRET, "MOOD_LOG": str(log)}
    with plugin.started(plugins, "verify", inventory(plugins, "mends"), "--wait", "5m", "--export", str(file), **extra):
        plugin.until(log.exists)
    assert not file.exists()


def test_two_agents_are_one_run_target_by_target(folder: Path) -> None:
    names = export(folder, LON), export(folder, NYC, REPORTS[::-1])
    done = call("merge", *names, "--format", "jsonl")
    assert "12 results of 2 agents about 6 targets, stored as " in done.stderr
    hosts = [(json.loads(line)["target"]["name"], json.loads(line)["agent"]["name"]) for line in stored(folder)]
    assert [name for name, _ in hosts[::2]] == [name for name, _ in hosts[1::2]]
    assert {agent for _, agent in hosts} == {"proxy-lon", "proxy-nyc"}
    with Store(folder / "runs.db") as store:
        run = store.find("last")
        assert (run.command, run.targets, run.ended is None) == ("merge", 6, False)
        assert store.keys(run) == {identity_at(one) for agent in (LON, NYC) for one in of(agent)}


def test_the_report_of_a_merge_goes_to_standard_output(folder: Path) -> None:
    """As a process: `merge` runs `report`, and neither may take the stream of data for the one of messages."""
    lon, nyc = export(folder, LON), export(folder, NYC)
    done = plugin.run_fresh(folder, ["merge", lon, nyc, "--format", "jsonl"])
    assert [json.loads(line)["agent"]["name"] for line in done.stdout.splitlines()].count("proxy-lon") == 6
    assert "12 results of 2 agents" in done.stderr


def test_a_result_file_and_a_stored_merge_can_be_merged(folder: Path) -> None:
    call("merge", export(folder, LON), "--format", "jsonl")
    mixed = folder / "more.jsonl"
    fresh = [dataclasses.replace(one, started=ago()) for agent in (NYC, PAR) for one in of(agent)]
    mixed.write_text("".join(as_line(one) + "\n" for one in fresh))
    done = call("merge", "last", str(mixed), "--format", "jsonl")
    assert "18 results of 3 agents about 6 targets" in done.stderr


def test_the_inventory_of_a_merge_keeps_agents_and_sites(folder: Path) -> None:
    agents = (
        DeclaredAgent("proxy-lon", ("lon", "eu"), "Linux"),
        DeclaredAgent("proxy-nyc", ("nyc",), "Windows"),
        DeclaredAgent("proxy-par", (), ""),
    )
    good = [one for one in REPORTS if one.verdict.value in ("scannable", "ready", "limited")]
    sited, named, everybody = (dataclasses.replace(one) for one in good[:3])
    sited.target = dataclasses.replace(sited.target, sites=("lon", "nyc"))
    named.target = dataclasses.replace(named.target, agents=("proxy-nyc",))
    targets = [one.target for one in (sited, named, everybody)]
    for agent, results in ((LON, [sited, everybody]), (NYC, [sited, named, everybody]), (PAR, [everybody])):
        write(folder / f"{agent.name}.scanready", lines(of(agent, results), targets, agents=agents))
    call("merge", *(f"{agent.name}.scanready" for agent in (LON, NYC, PAR)), "-o", "x.txt")
    assert call("import", "--infer", "last", "-o", "made.yaml").exit_code == 0
    made = load("made.yaml", credentials=())
    assert tuple(made.agents) == agents
    found = {one.host + one.type: (one.agents, one.sites) for one in made.targets}
    assert [found[one.host + one.type] for one in targets] == [
        ((), ("lon", "nyc")),
        (("proxy-nyc",), ()),
        ((), ()),
    ]
    call("merge", "proxy-lon.scanready", "proxy-nyc.scanready", "-o", "x.txt")
    call("import", "--infer", "last", "-o", "two.yaml")
    two = {one.host + one.type: one.agents for one in load("two.yaml", credentials=()).targets}
    assert two[everybody.target.host + everybody.target.type] == ("proxy-lon", "proxy-nyc")


def test_an_agent_whose_name_no_inventory_takes_is_left_out_of_an_import(folder: Path) -> None:
    agents = (DeclaredAgent("a, b", ("x*", "ok"), "Plan 9"), DeclaredAgent("proxy-nyc", ("x*", "ok", "OK"), "Plan 9"))
    odd = Agent("a, b", "Plan 9", ("10.9.9.9",))
    for agent in (odd, NYC):
        write(folder / f"{agent.addresses[0]}.scanready", lines(of(agent), TARGETS, agents=agents))
    call("merge", f"{odd.addresses[0]}.scanready", f"{NYC.addresses[0]}.scanready", "-o", "x.txt")
    assert "the agent `a, b` is not imported" in call("import", "--infer", "last", "-o", "made.yaml").stderr
    made = load("made.yaml", credentials=())
    assert [(one.name, one.sites, one.platform) for one in made.agents] == [("proxy-nyc", ("ok",), "")]
    assert {one.agents for one in made.targets} <= {(), ("proxy-nyc",)}


def test_the_file_of_another_inventory_is_left_out_and_named(folder: Path) -> None:
    other = write(folder / "other.scanready", lines(of(PAR), TARGETS[:5], name="old.yaml"))
    told = remarks(folder, export(folder, LON), export(folder, NYC), other)
    assert "other.scanready was left out: it is of another inventory (old.yaml)" in told
    assert "the agent proxy-par is missing: its export " in told
    assert {json.loads(line)["agent"]["name"] for line in stored(folder)} == {"proxy-lon", "proxy-nyc"}


def test_the_targets_of_a_file_that_is_left_out_are_not_counted(folder: Path) -> None:
    *written, end = lines(of(NYC), TARGETS)
    miscounted = write(folder / "nyc.scanready", [*written, end.replace('"results":6', '"results":5')])
    done = call("merge", miscounted, export(folder, LON, REPORTS[:2]), "--format", "jsonl")
    assert "nyc.scanready was left out: it has 6 results, and its end counts 5" in done.stderr
    assert "2 results of 1 agent about 2 targets" in done.stderr
    assert "no result yet" not in done.stderr
    with Store(folder / "runs.db") as store:
        assert store.find("last").targets == 2


@pytest.mark.parametrize("asked", [["-o"], ["--report", "html"]])
@pytest.mark.parametrize("read", ["proxy-nyc.scanready", "estate.yaml"])
def test_an_output_overwrites_none_of_the_files_that_are_merged(folder: Path, asked: list[str], read: str) -> None:
    files = [export(folder, LON), export(folder, NYC), "--inventory", inventory(folder)]
    kept = (folder / read).read_bytes()
    *options, last = asked
    output = [*options, f"{last}={read}"] if options else [last, read]
    done = call("merge", *files, *output)
    assert done.exit_code == 2
    assert f"{read} would be overwritten: it is the input" in done.stderr
    assert (folder / read).read_bytes() == kept
    assert not (folder / "runs.db").exists()


def test_a_file_twice_counts_once_and_is_said_once(folder: Path) -> None:
    first = export(folder, LON)
    copy = folder / "copy.scanready"
    copy.write_bytes(Path(first).read_bytes())
    told = remarks(folder, first, str(copy), first)
    assert told.count("6 results given twice; the later one counts") == 1
    assert "proxy-lon.scanready is named twice; it counts once" in told
    assert len(stored(folder)) == 6


@pytest.mark.parametrize("later_first", [False, True], ids=["later-last", "later-first"])
def test_of_two_exports_of_an_agent_the_later_results_win(folder: Path, *, later_first: bool) -> None:
    old = export(folder, LON, name="old", began=ago(days=1))
    new = export(folder, LON, name="new", began=ago(days=0.5))
    remarks(folder, *((new, old) if later_first else (old, new)))
    began = {json.loads(line)["started"][:16] for line in stored(folder)}
    assert began == {ago(days=0.5)[:16]}


def test_a_missing_agent_is_named_with_its_number_of_targets(folder: Path) -> None:
    told = remarks(folder, export(folder, LON), export(folder, NYC))
    assert "the agent proxy-par is missing: no export; 6 targets of the inventory are assigned to it" in told
    assert "without --inventory, this view lacks the targets that only a missing agent checks" in told
    assert [(one.agent, one.why) for one in frame_of().absent] == [("proxy-par", "no export")]


def test_results_that_are_too_old_do_not_count(folder: Path) -> None:
    old = export(folder, NYC, began=ago(days=9))
    told = remarks(folder, export(folder, LON), old)
    day = ago(days=9)[:10]
    assert f"the agent proxy-nyc is missing: its newest result is from {day}, older than 7d" in told
    assert len(stored(folder)) == 6
    assert "older than" not in remarks(folder, export(folder, LON), old, "--max-age", "30d")
    assert len(stored(folder)) == 12


def test_some_results_that_are_too_old_are_counted(folder: Path) -> None:
    stale = dataclasses.replace(of(NYC)[0], started=ago(days=9))
    fresh = [dataclasses.replace(one, started=ago()) for one in of(NYC)[1:]]
    (folder / "mixed.jsonl").write_text("".join(as_line(one) + "\n" for one in (stale, *fresh)))
    assert "proxy-nyc: 1 result too old to count" in remarks(folder, str(folder / "mixed.jsonl"))
    assert len(stored(folder)) == 5


def test_only_old_results_are_nothing_to_merge(folder: Path) -> None:
    told = remarks(folder, export(folder, NYC, began=ago(days=9)), code=2)
    assert "nothing to merge: every result is older than 7d; --max-age accepts older ones" in told
    assert call("runs", "--json").output.strip() == "[]"


def test_a_clock_in_the_future_is_named(folder: Path) -> None:
    told = remarks(folder, export(folder, LON), export(folder, NYC, began=ago(days=-1)))
    assert "proxy-nyc.scanready ends 24 h in the future" in told
    assert "proxy-lon.scanready ends" not in told


@pytest.mark.parametrize("first", ["ahead", "right"])
def test_a_result_of_a_moment_to_come_hides_none_of_now(folder: Path, first: str) -> None:
    """The clock of the agent was a year ahead, and was set right; for a year, nothing new would count."""
    blocked = [report for report in REPORTS if report.verdict == "blocked"][:1]
    ready = [dataclasses.replace(report, target=blocked[0].target) for report in REPORTS if report.verdict == "ready"]
    ahead = export(folder, NYC, blocked, name="ahead", began=ago(days=-365))
    right = export(folder, NYC, ready[:1], name="right")
    told = remarks(folder, *((ahead, right) if first == "ahead" else (right, ahead)))
    assert [json.loads(line)["verdict"] for line in stored(folder)] == ["ready"]
    assert "Its results count where its agent has no others" in told
    remarks(folder, ahead)
    assert [json.loads(line)["verdict"] for line in stored(folder)] == ["blocked"]


def test_a_clock_that_was_set_back_during_a_run_is_named(folder: Path) -> None:
    late = lines(of(LON), TARGETS)
    late[-1] = json.dumps({"end": json.loads(late[-1])["end"] | {"ended": ago(1)}}) + "\n"
    early = lines(of(NYC), TARGETS)
    early[1] = json.dumps(json.loads(early[1]) | {"started": ago(1)}) + "\n"
    told = remarks(folder, write(folder / "late.scanready", late), write(folder / "early.scanready", early))
    assert "late.scanready has times after its end: the clock of its agent was set back during the run" in told
    (left_out,) = [line for line in told.splitlines() if "early.scanready: result 1 (" in line]
    assert f") was left out: it began on {ago(1)[:10]}" in left_out
    assert left_out.endswith(", before its run")


def test_one_agent_on_two_hosts_and_one_host_under_two_names_are_said(folder: Path) -> None:
    again = dataclasses.replace(LON, addresses=("10.77.0.1",))
    other = dataclasses.replace(NYC, name="proxy-par")
    exports = export(folder, LON), export(folder, again, name="again"), export(folder, NYC), export(folder, other)
    told = remarks(folder, *exports)
    assert "proxy-lon is described in different ways: Linux at 10.1.0.5 and Linux at 10.77.0.1" in told
    assert "proxy-nyc, proxy-par are all Linux at 10.2.0.5; does one host have several names?" in told


def test_results_for_an_assumed_agent_are_said(folder: Path) -> None:
    told = remarks(folder, export(folder, dataclasses.replace(LON, assumed=True)))
    assert "proxy-lon has results that were judged with --assume-agent, not by such an agent" in told


def test_an_agent_with_fewer_results_than_its_share_is_named(folder: Path) -> None:
    assert "proxy-lon has results for 2 of 6 assigned targets" in remarks(folder, export(folder, LON, REPORTS[:2]))


def test_with_the_inventory_the_targets_without_a_result_are_there_by_name(folder: Path) -> None:
    (folder / "estate.yaml").write_text(
        "targets:\n- {host: db1, type: ssh}\n- {host: db2, type: ssh, credential: c}\n"
        "credentials: {c: {username: er, password: 'env:NOT_SET_HERE'}}\n"
    )
    targets = [Target("db1", "ssh", 22), Target("db9", "ssh", 22)]
    (folder / "one.jsonl").write_text(
        "".join(as_line(dataclasses.replace(of(LON)[0], target=target, started=ago())) + "\n" for target in targets)
    )
    told = remarks(folder, str(folder / "one.jsonl"), "--inventory", "estate.yaml")
    assert "1 result of targets that the inventory does not have: left out" in told
    frame = frame_of()
    assert [target.host for target in frame.unseen] == ["db2"]
    assert len(stored(folder)) == 1


@pytest.mark.posix("pipes among the files")
def test_an_open_pipe_is_copied_since_files_are_read_twice(folder: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, "".join(as_line(dataclasses.replace(one, started=ago())) + "\n" for one in of(NYC)[:1]).encode())
    os.close(writer)
    told = remarks(folder, export(folder, LON, REPORTS[:1]), f"/dev/fd/{reader}")
    os.close(reader)
    assert "left out" not in told
    assert len(stored(folder)) == 2


def test_a_merge_of_a_merge_keeps_the_targets_without_a_result(folder: Path) -> None:
    (folder / "estate.yaml").write_text("targets: [ssh://db1, ssh://db2, ssh://db3]\n")
    for agent, host in ((LON, "db1"), (NYC, "db2")):
        one = dataclasses.replace(of(agent)[0], target=Target(host, "ssh", 22), started=ago())
        (folder / f"{host}.jsonl").write_text(as_line(one) + "\n")
    remarks(folder, "db1.jsonl", "--inventory", "estate.yaml")
    done = call("merge", "last", "db2.jsonl", "--format", "json")
    assert "2 results of 2 agents about 3 targets" in done.stderr
    assert [target.host for target in frame_of().unseen] == ["db3"]
    assert json.loads(done.stdout)["estate"]["targets"][-1]["verdict"] == "undecided"


def test_an_export_of_another_inventory_than_the_given_one_is_left_out(folder: Path) -> None:
    (folder / "estate.yaml").write_text("targets: [ssh://db1]\n")
    told = remarks(folder, export(folder, LON), "--inventory", "estate.yaml", code=2)
    assert "proxy-lon.scanready was left out: it is of another inventory (estate.yaml)" in told
    assert "nothing to merge: no file has a result" in told


def test_a_lost_file_makes_the_exit_code_3(folder: Path) -> None:
    good = export(folder, LON, [REPORTS[0]], agents=(DeclaredAgent("proxy-lon"),))
    assert call("merge", good, "-q").exit_code == 0
    (folder / "bad.scanready").write_bytes(b"\x1f\x8bnot gzip")
    done = call("merge", good, "bad.scanready", "missing.scanready", "-q")
    assert done.exit_code == 3
    assert "bad.scanready was left out: it is damaged" in done.stderr
    assert "missing.scanready was left out: it cannot be read: No such file or directory" in done.stderr


def test_runs_lists_a_merge_without_a_number_that_mixes_agents(folder: Path) -> None:
    call("merge", export(folder, LON), export(folder, NYC))
    assert "2 agents" in (listed := call("runs").output)
    assert "12 results" in listed
    assert "blocked" not in listed
    (run,) = json.loads(call("runs", "--json").output)
    assert (run["command"], run["verdicts"], run["agents"], run["results"], run["targets"]) == (
        "merge",
        None,
        ["proxy-lon", "proxy-nyc"],
        12,
        6,
    )


def test_a_merge_is_not_resumed(folder: Path) -> None:
    call("merge", export(folder, LON))
    done = call("verify", "--resume", "last")
    assert done.exit_code == 2
    assert "is a run of `merge`; --resume continues only runs of `verify`" in done.stderr


@pytest.mark.parametrize("age", ["7", "week", "-1d"])
def test_an_age_that_is_none_is_refused(folder: Path, age: str) -> None:
    done = call("merge", "x.scanready", "--max-age", age)
    assert done.exit_code == 2
    assert "write 12h, 90d or 8w" in done.stderr


def test_a_full_disk_is_said_before_the_merge_begins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanready.cli.merging.merging._MODEST", 1)
    told = remarks(folder, export(folder, LON))
    assert "the merge needs about 0.0 GB in " in told
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10})())
    told = remarks(folder, export(folder, LON), code=2)
    assert "free some space, or name a file on another disk with --store" in told


def test_an_estate_with_many_targets_without_a_result_is_read_back(folder: Path) -> None:
    (folder / "estate.yaml").write_text(
        "targets:\n- {host: db1, type: ssh}\n" + "".join(f"- ssh://host-{n:05}.corp\n" for n in range(20_000))
    )
    one = dataclasses.replace(of(LON)[0], target=Target("db1", "ssh", 22), started=ago())
    (folder / "one.jsonl").write_text(as_line(one) + "\n")
    done = call("merge", "one.jsonl", "--inventory", "estate.yaml", "--format", "csv", "-o", "x.csv")
    assert "1 result of 1 agent about 20001 targets" in done.stderr
    assert len(frame_of().unseen) == 20_000


def test_more_remarks_than_a_person_reads_are_counted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanready.cli.merging.merging._MOST_REMARKS", 3)
    told = remarks(folder, export(folder, LON), *(f"missing-{number}.scanready" for number in range(9)))
    assert "scanready: and 10 more remarks" in told
    assert told.count("was left out") == 3


def test_an_export_with_very_many_accounts_is_read(folder: Path) -> None:
    written = lines(of(LON), TARGETS)
    end = json.loads(written[-1])["end"]
    account = {"credential": "c", "user": "u", "authority": None, "outcome": "accepted", "where": "h:1", "when": ago()}
    name = write(
        folder / "many.scanready", [*written[:-1], json.dumps({"end": end | {"accounts": [account] * 30_000}}) + "\n"]
    )
    assert "6 results of 1 agent" in call("merge", name).stderr
    assert call("report", name).exit_code == 1
