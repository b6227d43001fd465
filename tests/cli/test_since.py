"""The context of a report: ``--since``, ``--title``, and the trend over the stored runs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli import plugin


def run(where: Path, *arguments: str, **extra: str) -> Any:
    return plugin.run(where, arguments, extra)


def estate(where: Path, *moods: str) -> str:
    lines = [f"  - {{host: 127.0.0.{n + 1}, port: 99, type: mood, is: {name}}}" for n, name in enumerate(moods)]
    path = where / "estate.yaml"
    path.write_text("\n".join(["targets:", *lines, ""]))
    return str(path)


def page(where: Path, *arguments: str) -> str:
    done = run(where, *arguments, "--format", "html", "-o", str(where / "page.html"))
    assert done.returncode in (0, 1, 3), done.stderr
    return (where / "page.html").read_text()


def changes(text: str) -> str:
    found = re.search(r'<section id="changes".*?</section>', text, re.DOTALL)
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", found[0])) if found else ""


def runs(where: Path) -> list[str]:
    return [one["run"] for one in json.loads(run(where, "runs", "--json").stdout)]


@pytest.fixture
def moved(plugins: Path) -> Path:
    """Two runs of one inventory; a target has gone between them, one has come."""
    run(plugins, "verify", estate(plugins, "ready", "ready", "refused"))
    first = json.loads(run(plugins, "report", "last", "--json").stdout)
    for result in first["results"]:
        if result["target"]["host"] == "127.0.0.1":
            result["target"]["host"] = "127.0.0.77"
        elif result["target"]["host"] == "127.0.0.2":
            result["verdict"] = "undecided"
    (plugins / "before.json").write_text(json.dumps(first))
    return plugins


def test_a_page_and_a_table_say_what_changed(moved: Path) -> None:
    before = str(moved / "before.json")
    told = changes(page(moved, "report", "last", "--since", before))
    assert f"Since {before}" in told
    assert "1 fixed, 1 added, 1 no longer checked, 1 unchanged" in told
    assert "127.0.0.77" in told
    done = run(moved, "report", "last", "--since", before)
    assert "before.json: 1 fixed, 1 added," in " ".join(done.stdout.split())
    assert changes(page(moved, "report", "last")) == ""


def test_a_new_run_is_compared_as_it_is_made(moved: Path) -> None:
    told = changes(page(moved, "verify", str(moved / "estate.yaml"), "--since", "last"))
    assert f"Since {runs(moved)[1]} " in told
    assert told.rstrip().endswith(": 3 unchanged")


def test_of_a_part_nothing_is_said_to_have_gone(moved: Path) -> None:
    told = changes(page(moved, "report", "last", "--only", "host=127.0.0.2", "--since", str(moved / "before.json")))
    assert "1 fixed, 0 unchanged" in told
    part = ("verify", str(moved / "estate.yaml"), "--only", "host=127.0.0.2", "--since", str(moved / "before.json"))
    assert "1 fixed, 0 unchanged" in changes(page(moved, *part))
    assert "1 fixed, 0 unchanged" in changes(page(moved, *part, "--no-store"))


@pytest.mark.parametrize("name", ["last~9", "no-such-run", "nothing.json", "broken.json", "page.txt"])
@pytest.mark.parametrize("command", ["verify", "report"])
def test_an_earlier_run_that_cannot_be_read_is_one_line_and_nothing_is_contacted(
    plugins: Path, name: str, command: str
) -> None:
    path = estate(plugins, "ready")
    run(plugins, "verify", path)
    (plugins / "broken.json").write_text('{"schema": 1, "results": [')
    (plugins / "page.txt").write_text("hello")
    given = str(plugins / name) if "." in name else name
    log = plugins / "log"
    subject = path if command == "verify" else "last"
    done = run(plugins, command, subject, "--since", given, "-o", str(plugins / "out"), MOOD_LOG=str(log))
    assert done.returncode == 2
    (line,) = [text for text in done.stderr.splitlines() if not text.startswith(("Usage:", "Try "))][-1:]
    assert "--since: " in line
    assert "`scanready runs`" in line
    assert not log.exists()
    assert not (plugins / "out").exists()
    assert len(runs(plugins)) == 1


def trend(text: str) -> list[str]:
    found = re.search('aria-label="Verdicts of the last runs. ([^"]*)"', text)
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d: ", "", found[1]).split("; ") if found else []


def test_the_trend_is_of_the_runs_of_the_same_targets(plugins: Path) -> None:
    path = estate(plugins, "ready", "refused")
    assert trend(page(plugins, "verify", path)) == [], "one run is no trend"
    run(plugins, "check", "mood://127.0.0.1:99")
    run(plugins, "verify", path, "--only", "host=127.0.0.1")
    once = "1 ready (fine up to the login prompt), 1 blocked"
    assert trend(page(plugins, "verify", path)) == [once, once]
    assert trend(page(plugins, "report", "last")) == [once, once]
    assert trend(page(plugins, "report", runs(plugins)[-1])) == [], "what came later is not before it"
    assert trend(page(plugins, "report", "last", "--only", "host=127.0.0.1")) == []
    estate(plugins, "ready", "refused", "limited")
    assert trend(page(plugins, "verify", path)) == [], "other targets"
    assert trend(page(plugins, "verify", path, "--no-store")) == []


def test_the_trend_has_twelve_runs_at_the_most(plugins: Path) -> None:
    from scanready.store import NewRun, Writer

    path = estate(plugins, "ready")
    run(plugins, "verify", path)
    (kept,) = json.loads(run(plugins, "runs", "--json").stdout)
    from scanready.store import Store

    with Store(plugins / "runs.db") as store:
        old = store.find(kept["run"])
    for _ in range(14):
        new = NewRun(old.started, old.command, old.source, old.targets, old.version, old.agent, old.asked)
        writer = Writer(plugins / "runs.db", new, lambda count: None, lambda why: None)
        writer.end(1.0, False, 10.0)
    assert len(trend(page(plugins, "verify", path))) == 12


def test_a_title(plugins: Path) -> None:
    text = page(plugins, "verify", estate(plugins, "ready"), "--title", "Estate <i>\x1b")
    assert "<title>Estate &lt;i&gt;\\x1b - Scan readiness from " in text
    assert '<p class="own">Estate &lt;i&gt;\\x1b</p>' in text
