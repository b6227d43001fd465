"""A target type whose package is broken refuses no inventory: its targets are undecided, and all others are checked.

Each in a process of its own, with packages that are installed as an installer does it.
"""

from __future__ import annotations

import json
import signal
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from scanready.model import Step
from scanready.run.plugins.attempt import Unusable
from scanready.run.plugins.importing import importing
from tests import third_party
from tests.cli import plugin
from tests.third_party import ROW, VERIFY

try:
    Step.SHAKE  # type: ignore[attr-defined]  # noqa: B018
except AttributeError as error:
    WITHOUT_SUCH_A_STEP = str(error)  # in the words of this version of Python

#: Ways in which a package brings no type that can be used: the source of its row, and what its line says.
WAYS: Mapping[str, tuple[str, str]] = {
    "no library": ("import no_such_library", "does not load: ModuleNotFoundError: No module named 'no_such_library'"),
    "no name": ("from scanready.catalogue import Nope", "does not load: ImportError: cannot import name 'Nope'"),
    "no syntax": ("QUEUE = (", "does not load: SyntaxError: "),
    "exits": ("raise SystemExit(0)", "does not load: SystemExit: 0"),
    "interrupts": ("raise KeyboardInterrupt", "does not load: KeyboardInterrupt"),
    "ends a generator": ("raise GeneratorExit('x')", "does not load: GeneratorExit: x"),
    "any other": ("class Halt(BaseException): pass\nraise Halt('no')", "does not load: Halt: no"),
    "no attribute": ("OTHER = 1", "does not load: AttributeError: module 'acme_queue.row' has no attribute 'QUEUE'"),
    "no row": ("QUEUE = 7", "is 7, neither a TargetType nor a coroutine function"),
    "no port": (ROW.replace("5671", "0"), "`port` of its row is 0; write a whole number from 1 to 65535"),
    "no step": (
        ROW.replace("home=__package__", "home=__package__, steps=('dance',)"),
        "`steps[0]` of its row is 'dance'; write one of Step.AGENT",
    ),
    "another name": (ROW.replace('"queue", ', '"kew", '), "`name` of its row is 'kew'; write 'queue', the name of its"),
    "no arguments": (
        ROW.replace("Cost(1, 1)", "Cost()"),
        "does not load: TypeError: Cost.__init__() missing 2 ",
    ),
    "refuses an option": (
        "from scanready.author import Wrong\nraise Wrong('no box')",
        "does not load: Wrong: no box (acme_queue/row.py, line 2)",
    ),
    "unknown step": (
        "from scanready.author import Step\nSTEPS = (Step.SHAKE,)",
        f"does not load: AttributeError: {WITHOUT_SUCH_A_STEP} (acme_queue/row.py, line 2)",
    ),
}


def install_each(site: Path) -> dict[str, tuple[str, str]]:
    """Install a package for each way; return its words for itself and its fault, by type: queue0, queue1 ..."""
    told = {}
    for number, (source, says) in enumerate(WAYS.values()):
        name = f"queue{number}"
        third_party.install(
            site,
            f"acme-{name}",
            {name: f"acme_{name}.row:QUEUE"},
            row=source.replace('"queue"', f'"{name}"'),
            verify=VERIFY,
        )
        who = f"plug-in acme-{name} ({name} = acme_{name}.row:QUEUE): "
        told[name] = who, says.replace("acme_queue", f"acme_{name}").replace("'queue'", f"'{name}'")
    return told


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = tmp_path_factory.mktemp("site")
    install_each(site)
    third_party.install(site, "good", {"good": "good.row:QUEUE"}, row=ROW.replace('"queue"', '"good"'), verify=VERIFY)
    third_party.install(site, "shouts", {"Loud": "shouts.row:QUEUE"}, row=ROW, verify=VERIFY)
    lines = [f"  - {name}://h/db?x=1" for name in names()]
    lines += [f"  - {{host: h2, type: {name}, size: 5, table: [1, 2]}}" for name in names()]
    lines += ["  - queue0://h/other", "  - Loud://h", "  - good://127.0.0.1:9", "  - mysql://127.0.0.1:10"]
    (site / "i.yaml").write_text("targets:\n" + "\n".join(lines) + "\n")
    return site


def names() -> list[str]:
    return [f"queue{number}" for number in range(len(WAYS))]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    return install_each(tmp_path_factory.mktemp("told"))


def run(site: Path, *arguments: str) -> Any:
    done = plugin.run(site, [*arguments], {"COLUMNS": "300", "SCANREADY_NO_STORE": "1"})
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_verify_goes_on(site: Path, told: Mapping[str, tuple[str, str]]) -> None:
    done = run(site, "verify", str(site / "i.yaml"), "--format", "jsonl", "--no-canary")
    results = [json.loads(line) for line in done.stdout.splitlines()]
    found: dict[str, list[Any]] = {}
    for result in results:
        found.setdefault(result["target"]["type"], []).append(result)
    assert [len(found[name]) for name in told] == [3] + [2] * (len(told) - 1)
    for name, (who, says) in told.items():
        for result in found[name]:
            assert (result["verdict"], result["cause"]["code"]) == ("undecided", "agent.plugin-broken"), name
            assert result["cause"]["detail"].startswith(who + says), name
            assert result["footprint"]["connections"] == 0
        assert [line for line in done.stderr.splitlines() if line.startswith(f"scanready: {who}{says}")], name
    assert "its name has capital letters; write loud" in found["loud"][0]["cause"]["detail"]
    assert [result["verdict"] for result in found["good"]] == ["ready"]
    assert [result["cause"]["code"] for result in found["mysql"]] == ["connect.refused"]
    assert done.returncode == 1


def test_plan_contacts_the_others_only(site: Path, told: Mapping[str, tuple[str, str]]) -> None:
    done = run(site, "plan", str(site / "i.yaml"), "--json")
    plan = json.loads(done.stdout)
    assert done.returncode == 0
    assert {kind for row in plan["endpoints"] for kind in row["types"]} == {"good", "mysql"}
    reasons = {entry["type"]: entry["reason"] for entry in plan["not_built"]}
    assert reasons.keys() == {*told, "loud"}
    assert all(reasons[name].startswith(who + says) for name, (who, says) in told.items())
    words = run(site, "plan", "queue0://h", "mysql://h").stdout
    assert "not contacted: queue0 (1): plug-in acme-queue0 (queue0 = " in words


def test_firewall_has_rules_for_the_others(site: Path, told: Mapping[str, tuple[str, str]]) -> None:
    done = run(site, "firewall", str(site / "i.yaml"), "--format", "csv", "--source", "127.0.0.1")
    assert done.returncode == 0
    assert {line.split(",")[4] for line in done.stdout.splitlines()[1:]} == {"9", "10"}, done.stdout
    for name, (who, says) in told.items():
        assert f"scanready: {who}{says}" in done.stderr
        assert f"scanready: no rule for {name} (" in done.stderr


@pytest.mark.parametrize("target", ["queue0://h", "queue0://h/db", "queue7://h/a/b?x=%zz", "queue4://h:9", "Loud://h"])
def test_check_says_why(site: Path, target: str) -> None:
    done = run(site, "check", target, "mysql://127.0.0.1:10", "--no-canary")
    kind = target.partition(":")[0]
    assert f"({kind} = " in done.stdout
    assert "connect.refused" in done.stdout
    told = run(site, "check", target, "--no-canary", "--format", "md")
    assert "h:0" not in done.stdout + told.stdout
    assert done.returncode == 1


def test_a_secret_of_a_type_that_is_not_known_is_not_kept(site: Path) -> None:
    done = run(site, "check", "queue0://h?password=hunter2&Token=hunter2", "--format", "json")
    assert done.returncode == 3
    assert "hunter2" not in done.stdout + done.stderr


def test_types_and_explain_tell_of_one_type_only_what_is_its_own(site: Path) -> None:
    for command in ("types", "explain"):
        assert run(site, command).stderr.count("scanready: plug-in ") == len(WAYS) + 1
    assert run(site, "types", "good").stderr == ""
    assert run(site, "explain", "connect.refused").stderr == ""
    one = run(site, "types", "queue3")
    assert one.stderr.splitlines() == [one.stderr.strip()]
    assert "(queue3 = " in one.stderr
    assert "does not load: SystemExit" in one.stdout
    assert json.loads(run(site, "types", "queue3", "--json").stdout)["built"] is False
    unknown = run(site, "explain", "queue3.full")
    assert unknown.returncode == 2
    assert "(queue3 = acme_queue3.row:QUEUE): does not load" in unknown.stderr


@pytest.mark.parametrize(
    ("entries", "second", "says"),
    [
        ({"mysql": "beta.row:QUEUE"}, "mysql", "mysql is a type of scanready itself; ignored"),
        (
            {"queue": "beta.row:QUEUE"},
            "queue",
            "plug-in acme-queue (queue = acme_queue.row:QUEUE) has that name",
        ),
    ],
)
def test_a_name_that_is_taken(tmp_path: Path, entries: Mapping[str, str], second: str, says: str) -> None:
    third_party.queue(tmp_path)
    third_party.install(tmp_path, "beta", entries, row="raise KeyboardInterrupt")
    (tmp_path / "i.yaml").write_text("targets: [queue://127.0.0.1, mysql://127.0.0.1:10]\n")
    done = run(tmp_path, "verify", str(tmp_path / "i.yaml"), "--format", "jsonl", "--no-canary")
    results = {result["target"]["type"]: result["verdict"] for result in map(json.loads, done.stdout.splitlines())}
    assert results == {"queue": "ready", "mysql": "blocked"}
    assert f"plug-in beta ({second} = beta.row:QUEUE): {says}" in done.stderr


def test_a_name_twice_in_one_package(tmp_path: Path) -> None:
    third_party.queue(tmp_path)
    entries = tmp_path / "acme_queue-1.0.dist-info" / "entry_points.txt"
    entries.write_text(entries.read_text() + "queue = acme_queue.verify:verify\n")
    done = run(tmp_path, "check", "queue://127.0.0.1", "--no-canary")
    assert done.returncode == 0
    assert "(queue = acme_queue.verify:verify): plug-in acme-queue (queue = acme_queue.row:QUEUE) has" in done.stderr


def test_what_a_package_prints_goes_to_stderr(tmp_path: Path) -> None:
    loud = 'import sys\nprint("NOISE")\nsys.stdout.write("NOISE")\n'
    parts = {"causes": "", "story": "STORY = {'queue': {}}", "signatures": "SIGNATURES = ()", "facts": "FACTS = {}"}
    modules = {"row": ROW, "verify": VERIFY, **parts}
    third_party.queue(tmp_path, **{name: loud + source for name, source in modules.items()})
    for arguments in (["types", "--json"], ["check", "queue://127.0.0.1:9", "--no-canary", "--format", "json"]):
        done = run(tmp_path, *arguments)
        json.loads(done.stdout)
        assert done.stderr.count("NOISE") == 2 * len(modules)


def test_what_a_verifier_or_an_option_prints_goes_to_stderr(tmp_path: Path) -> None:
    prints = 'import sys\nprint("NOISE", flush=True)\n'
    reads = f"def read(name, value):\n{textwrap.indent(prints, '    ')}    return value\n"
    options = "home=__package__, options=(Option('box', read),)"
    row = f"from scanready.author import Option\n{reads}{ROW.replace('home=__package__', options)}"
    third_party.queue(tmp_path, row=row, verify=f"{VERIFY}{textwrap.indent(prints, '    ')}")
    target = "queue://127.0.0.1:9?box=1"
    checked = ["check", target, "--no-canary", "--no-store", "--format"]
    for arguments, count in ((["plan", target, "--json"], 1), ([*checked, "json"], 2), ([*checked, "table"], 2)):
        done = run(tmp_path, *arguments)
        assert "NOISE" not in done.stdout
        assert done.stderr.count("NOISE") == count
        if "table" not in arguments:
            json.loads(done.stdout)


def test_a_package_that_forks_when_it_is_imported_runs_nothing_twice(tmp_path: Path) -> None:
    forks = "import os, sys\nchild = os.fork()\nif child == 0:\n    sys.exit()\nos.waitpid(child, 0)\n"
    third_party.queue(tmp_path, row=forks + ROW, verify=VERIFY)
    done = run(tmp_path, "types", "--json")
    assert [one["type"] for one in json.loads(done.stdout)].count("queue") == 1
    assert not done.stderr


def test_the_traceback_of_an_import_is_under_v_and_in_the_transcript(tmp_path: Path) -> None:
    for site, modules in (("row", {"row": "1 / 0\n" + ROW}), ("part", {"requirements": "1 / 0"})):
        where = tmp_path / site
        where.mkdir()
        third_party.queue(where, **modules)
        transcript = where / "transcript"
        done = run(where, "check", "queue://127.0.0.1", "-v", "--transcript", str(transcript))
        for text in (done.stdout, transcript.read_text()):
            assert "ZeroDivisionError: division by zero" in text
            assert f"{next(iter(modules))}.py" in text
            assert "Traceback (most recent call last):" in text


def test_ctrl_c_while_a_package_loads_is_no_fault_of_it() -> None:
    before = signal.getsignal(signal.SIGINT)

    def pressed() -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        importing(pressed)
    assert signal.getsignal(signal.SIGINT) is before

    def pretended() -> None:
        raise KeyboardInterrupt

    with pytest.raises(Unusable, match="KeyboardInterrupt"):
        importing(pretended)


REPORTS = """
from dataclasses import replace
from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.model import Cause, Owner, Step
from . import causes
async def verify(probe):
    async with probe.step(Step.AUTH) as rung:
        raise Failure({cause}, "no", "set {{nope}} on {{host}}")
"""
PLACES = """
from scanready.model import Cause, Owner, Step
FULL = Cause("queue.full", Owner.SERVER, Step.AUTH, "It is full.", "Empty {nope} on {host}.", "Look.")
EMPTY = Cause("queue.empty", Owner.SERVER, Step.AUTH, "It is empty.", "Fill {path}.", "Look.")
"""


def test_a_code_of_scanready_means_what_scanready_says(tmp_path: Path) -> None:
    wrong = "replace(common.REFUSED, owner=Owner.OPERATOR)"
    for name, cause in {"kew0": "common.REFUSED", "kew1": wrong}.items():
        modules = {"row": ROW.replace('"queue"', f'"{name}"'), "verify": REPORTS.format(cause=cause), "causes": ""}
        third_party.install(tmp_path, name, {name: f"{name}.row:QUEUE"}, **modules)
    done = run(tmp_path, "check", "kew0://127.0.0.1", "kew1://127.0.0.1", "--format", "jsonl", "--no-canary")
    right, refused = sorted(map(json.loads, done.stdout.splitlines()), key=lambda result: result["target"]["type"])
    assert (right["verdict"], right["cause"]["code"], right["cause"]["owner"]) == (
        "blocked",
        "connect.refused",
        "server",
    )
    assert refused["verdict"] == "undecided"
    assert "the code connect.refused is scanready's own, with another owner; use that" in refused["cause"]["detail"]


def test_a_place_that_nothing_fills_is_never_shown(tmp_path: Path) -> None:
    third_party.queue(tmp_path, verify=REPORTS.format(cause="causes.FULL"), causes=PLACES)
    done = run(tmp_path, "check", "queue://127.0.0.1", "--no-canary", "-v", "--report", f"json={tmp_path / 'r.json'}")
    who = "plug-in acme-queue (queue = acme_queue.row:QUEUE): "
    assert f"{who}its cause FULL is left out: nothing fills {{nope}}; write one of {{host}}, {{port}}, " in done.stderr
    assert done.returncode == 1
    shown = done.stdout + (tmp_path / "r.json").read_text()
    assert "{" + "nope}" not in shown
    assert "Empty NOPE on 127.0.0.1." in shown
    assert "set NOPE on 127.0.0.1" in shown
    listed = run(tmp_path, "explain", "queue")
    assert "queue.empty" in listed.stdout
    assert "queue.full" not in listed.stdout


def test_a_split_that_gives_no_option_of_its_type(tmp_path: Path) -> None:
    row = ROW.replace("home=", "split=lambda path: {'nope': path} if path == '/odd' else None, home=")
    third_party.queue(tmp_path, row=row)
    done = run(tmp_path, "check", "queue://127.0.0.1/odd")
    assert done.returncode == 2
    assert "plug-in acme-queue (queue = acme_queue.row:QUEUE) fails: ValueError: it gives 'nope', which is none" in (
        done.stderr
    )
