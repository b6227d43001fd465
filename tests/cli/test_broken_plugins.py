"""A plug-in that is broken: one clear line with its package and entry point, and the rest of the run goes on.

Each in a process of its own, with packages that are installed as an installer does it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import third_party
from tests.cli import plugin
from tests.third_party import ROW, VERIFY

WHO = "plug-in acme-queue (queue = acme_queue.row:QUEUE): "


def check(site: Path, *targets: str, also: tuple[str, ...] = ()) -> tuple[list[dict[str, Any]], list[str]]:
    """Check targets, that of the broken plug-in first; return the results in that order, and the lines of stderr."""
    done = plugin.run(site, ["check", *targets, "--format", "jsonl", "--no-canary", "-q", "--no-store", *also])
    assert "Traceback" not in done.stderr, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    return sorted(results, key=lambda result: result["target"]["type"] != "queue"), done.stderr.splitlines()


def row(**fields: str) -> str:
    """The source of the row with further fields, or others."""
    known = {"port": "5671", "cost": "Cost(1, 1)", **fields}
    port, cost = known.pop("port"), known.pop("cost")
    more = "".join(f", {name}={value}" for name, value in {"home": "__package__", **known}.items())
    return f"""
from scanready.catalogue import Broker, Cost, Driver, Option, TargetType
from scanready.model import Step
QUEUE = TargetType("queue", "Message queue", {port}, {cost}, speaks="queue"{more})
"""


def install_each(site: Path, cases: Mapping[str, tuple[Mapping[str, str], str]]) -> dict[str, str]:
    """Install a package for each case, and return the case by the name of its type: queue0, queue1 ..."""
    names = {f"queue{number}": case for number, case in enumerate(cases)}
    for name, case in names.items():
        modules = {"row": ROW, "verify": VERIFY, **cases[case][0]}
        sources = {part: source.replace("queue", name) for part, source in modules.items()}
        third_party.install(site, f"acme-{name}", {name: f"acme_{name}.row:QUEUE"}, **sources)
    return names


def who_is(name: str) -> str:
    """The words that begin a problem of one of those packages."""
    return WHO.replace("queue", name)


UNUSABLE: Mapping[str, tuple[Mapping[str, str], str]] = {
    "no port": ({"row": row(port="0")}, "`port` of its row is 0; write a whole number from 1 to 65535"),
    "port as text": ({"row": row(port="'80'")}, "`port` of its row is '80'; write a whole number from 1 to 65535"),
    "unknown step": (
        {"row": row(steps="(Step.CONNECT, 'dance')")},
        "`steps[1]` of its row is 'dance'; write one of Step.AGENT, ",
    ),
    "steps in disorder": (
        {"row": row(steps="(Step.AUTH, Step.TLS)")},
        "`steps` of its row is not in the order of the ladder; write (Step.TLS, Step.AUTH,)",
    ),
    "steps are a number": (
        {"row": row(steps="5")},
        "`steps` of its row is 5; write a tuple, each item one of Step.AGENT, ",
    ),
    "no cost": ({"row": row(cost="3")}, "`cost` of its row is 3; write Cost(...)"),
    "option of no kind": ({"row": row(options="('x',)")}, "`options[0]` of its row is 'x'; write Option(...)"),
    "option twice": ({"row": row(options="(Option('x'), Option('x'))")}, "two of its options are called 'x'"),
    "no schema": (
        {"row": row(options="(Option('x', schema={1, 2}),)")},
        "`options[0].schema` of its row is {1, 2}; write a mapping",
    ),
    "path of no option": (
        {"row": row(path="'x'")},
        "`path` of its row is 'x', which is none of its options; it has no options",
    ),
    "check is no function": ({"row": row(check="7")}, "`check` of its row is 7; write a function of 2 arguments"),
    "another name": (
        {"row": row().replace('"queue", "M', '"kew", "M')},
        "`name` of its row is 'kew'; write 'queue', the name of",
    ),
    "nothing to climb with": (
        {"row": row(home="''")},
        "its row has neither a `home` nor a coroutine as its `verifier`",
    ),
    "no row": ({"row": "QUEUE = 7"}, "is 7, neither a TargetType nor a coroutine function `verify(probe)`"),
    "no such name": ({"row": ""}, "does not load: AttributeError: module 'acme_queue.row' has no attribute 'QUEUE'"),
    "raises on import": ({"row": "raise OSError('no\\x1b[31m disk')"}, "does not load: OSError: no\\x1b[31m disk"),
    "ends the process": ({"row": "raise SystemExit(3)"}, "does not load: SystemExit: 3"),
    "no syntax": ({"row": "QUEUE = ("}, "does not load: SyntaxError: '(' was never closed"),
    "verifier raises": ({"verify": "import no_such_library"}, "does not load: ModuleNotFoundError: No module named"),
    "verifier has no verify": ({"verify": ""}, "does not load: AttributeError: module 'acme_queue.verify' has no"),
    "verify waits for nothing": (
        {"verify": "def verify(probe): pass"},
        "its verify is a function that is no coroutine; write a coroutine function of 1 argument",
    ),
    "requirements raise": ({"requirements": "1/0"}, "its module requirements cannot be used: ZeroDivisionError: "),
    "no requirements": ({"requirements": ""}, "its module requirements cannot be used: AttributeError: module"),
    "requirements of others": (
        {"requirements": "REQUIREMENTS = {}"},
        "its module requirements cannot be used: its REQUIREMENTS have nothing for 'queue'; write ",
    ),
    "requirements without ports": (
        {
            "requirements": """
                from scanready.catalogue import Requirement, Requirements
                REQUIREMENTS = {"queue": Requirements((Requirement("many", "tcp", "a book"),))}
            """
        },
        "its module requirements cannot be used: `lines[0].ports` of its requirements is 'many'; write ports as text",
    ),
    "no client": (
        {
            "requirements": """
                from scanready.catalogue import Requirements
                REQUIREMENTS = {"queue": Requirements(client="queue client")}
            """
        },
        "its requirements name a client program, and it has no module client that looks for it",
    ),
}


def test_types_that_cannot_be_used(tmp_path: Path) -> None:
    """All in one run: their targets end undecided with ``agent.plugin-broken``; those of other types are checked."""
    names = install_each(tmp_path, UNUSABLE)
    results, lines = check(tmp_path, *(f"{name}://127.0.0.1:9" for name in names), "mysql://127.0.0.1:10")
    assert len(lines) == len(results) - 1 == len(UNUSABLE), lines
    for name, case in names.items():
        who, says = who_is(name), UNUSABLE[case][1].replace("queue", name)
        (line,) = [line for line in lines if who in line]
        assert f"{who}{says}" in line, case
        (broken,) = [result for result in results if result["target"]["type"] == name]
        assert (broken["verdict"], broken["cause"]["code"]) == ("undecided", "agent.plugin-broken"), case
        assert f"{who}{says}" in broken["cause"]["detail"].replace("\\\\", "\\"), case
        assert broken["footprint"]["connections"] == 0
    assert [result["cause"]["code"] for result in results if result["target"]["type"] == "mysql"] == ["connect.refused"]


WORDS: Mapping[str, tuple[Mapping[str, str], str]] = {
    "story raises": ({"story": "import no_such_library"}, "its module story is left out: ModuleNotFoundError: "),
    "no story": ({"story": ""}, "its module story is left out: AttributeError: "),
    "story of others": ({"story": "STORY = {}"}, "its module story is left out: its STORY has nothing for 'queue'"),
    "story of words": (
        {"story": "STORY = {'queue': {'auth': 'hello'}}"},
        "its module story is left out: `key` of its STORY is",
    ),
    "signatures raise": (
        {"signatures": "raise SystemExit"},
        "its module signatures is left out: SystemExit (acme_queue/signatures.py, line 1)",
    ),
    "signatures of words": (
        {"signatures": "SIGNATURES = 'AMQP'"},
        "its module signatures is left out: its SIGNATURES is 'AMQP'",
    ),
    "conditions raise": (
        {"conditions": "1/0"},
        "its module conditions is left out: ZeroDivisionError: division by zero",
    ),
    "no conditions": (
        {"conditions": "CONDITIONS = {'Large Topics': 1}"},
        "its module conditions is left out: `key` of its CONDITIONS is 'Large Topics'; write a word",
    ),
    "causes raise": ({"causes": "1/0"}, "its module causes is left out: ZeroDivisionError: division by zero"),
    "cause without a shape": (
        {
            "causes": """
                from scanready.model import Cause, Owner, Step
                FULL = Cause("queue full", Owner.SERVER, Step.AUTH, "Full.", "Empty it.", "Look.")
            """
        },
        "its cause FULL is left out: the code is 'queue full', not of the form",
    ),
}


def test_words_that_cannot_be_used(tmp_path: Path) -> None:
    """The types work without them."""
    names = install_each(tmp_path, WORDS)
    results, lines = check(tmp_path, *(f"{name}://127.0.0.1:9" for name in names))
    assert len(lines) == len(results) == len(WORDS), lines
    assert {result["verdict"] for result in results} == {"ready"}
    for name, case in names.items():
        says = WORDS[case][1].replace("queue", name)
        assert any(f"{who_is(name)}{says}" in line for line in lines), (case, lines)
    told = plugin.run(tmp_path, ["check", "queue0://127.0.0.1:9", "--no-canary", "-v"])
    assert told.returncode == 0, told.stderr
    assert "speaks queue0" in told.stdout


def test_functions_that_fail_when_they_are_called(tmp_path: Path) -> None:
    fails = "lambda *given: 1/0"
    third_party.queue(
        tmp_path,
        row=row(options=f"(Option('x', {fails}),)", split=fails, brokers=f"(Broker('b', 7, 'tcp', '1-2', {fails}),)"),
        requirements=f"""
            from scanready.catalogue import Condition, Requirement, Requirements
            WHEN = Condition("a full moon", {fails})
            LINES = (Requirement("5671", "tcp", "a book"), Requirement("5672", "tcp", "a book", WHEN))
            REQUIREMENTS = {{"queue": Requirements(LINES)}}
        """,
        story=f"""
            from scanready.catalogue.exchange import Exchange
            from scanready.model import Step
            STORY = {{"queue": {{Step.HANDSHAKE: Exchange({fails})}}}}
        """,
        signatures=f"""
            from scanready.climb.signature import Signature
            SIGNATURES = (Signature("queue", {fails}, 1),)
        """,
    )
    told = plugin.run(tmp_path, ["check", "queue://127.0.0.1:9", "--no-canary", "-v"])
    assert told.returncode == 2
    fault = "plug-in acme-queue (queue = acme_queue.row:QUEUE) fails: ZeroDivisionError: division by zero"
    assert told.stderr.count("\n") == 1, told.stderr
    assert f"split cannot be judged, for {fault}" in told.stderr
    (tmp_path / "inv.yaml").write_text("targets:\n  - {host: 127.0.0.1, type: queue, port: 9}\n")
    told = plugin.run(tmp_path, ["verify", str(tmp_path / "inv.yaml"), "--no-canary", "-v"])
    assert (told.returncode, told.stderr.count("Traceback")) == (0, 0), told.stderr
    rules = plugin.run(tmp_path, ["firewall", str(tmp_path / "inv.yaml")])
    assert "5672" in rules.stdout
    assert "a full moon" in rules.stdout
    (tmp_path / "inv.yaml").write_text("targets:\n  - {host: 127.0.0.1, type: queue, port: 9, x: 1}\n")
    told = plugin.run(tmp_path, ["verify", str(tmp_path / "inv.yaml")])
    assert told.returncode == 2
    assert f":2:48: the option `x` cannot be judged, for {fault}" in told.stderr


def test_a_check_of_host_and_options_that_fails_is_a_usage_error(tmp_path: Path) -> None:
    third_party.queue(tmp_path, row=row(check="lambda host, options: options['x']"))
    told = plugin.run(tmp_path, ["check", "queue://127.0.0.1:9"])
    assert told.returncode == 2
    assert "check cannot be judged, for plug-in acme-queue (queue = acme_queue.row:QUEUE) fails: KeyError: 'x'" in (
        told.stderr
    )


def test_a_story_that_fails_says_so(tmp_path: Path) -> None:
    third_party.queue(
        tmp_path,
        story="""
            from scanready.catalogue.exchange import Exchange
            from scanready.model import Step
            STORY = {"queue": {Step.HANDSHAKE: Exchange(lambda report, check: report.no_such_thing)}}
        """,
    )
    told = plugin.run(tmp_path, ["check", "queue://127.0.0.1:9", "--no-canary", "-v"])
    assert told.returncode == 0
    assert "not known: the story of plug-in acme-queue" in " ".join(told.stdout.split())


def test_a_verifier_that_ends_the_process_ends_its_own_check(tmp_path: Path) -> None:
    third_party.queue(tmp_path, verify="async def verify(probe):\n    raise SystemExit(0)")
    (broken, other), _ = check(tmp_path, "queue://127.0.0.1:9", "mysql://127.0.0.1:10")
    assert broken["cause"]["code"] == "agent.plugin-failed"
    assert "asked the process to exit" in broken["cause"]["detail"]
    assert other["cause"]["code"] == "connect.refused"


VERIFIERS: Mapping[str, tuple[Mapping[str, str], str]] = {
    name: ({"verify": "import asyncio\nfrom scanready.model import *\nasync def verify(probe):\n    " + body}, says)
    for name, (body, says) in {
        "cancelled": ("raise asyncio.CancelledError", "the verifier of queue was cancelled from within"),
        "cancels all": (
            "[task.cancel() for task in asyncio.all_tasks()]; await asyncio.sleep(9)",
            "the verifier of queue was cancelled from within",
        ),
        "no check": ("probe.record('fine')", "the verifier recorded 'fine', which is no Check"),
        "no text": (
            "probe.record(Check(Step.AUTH, 'a', Outcome.PASSED, 5))",
            "the verifier recorded a check",
        ),
        "no finding": (
            "probe.record(Check(Step.AUTH, 'a', Outcome.FAILED, 'x', {}, 'why'))",
            "the verifier recorded a check of auth with a str without a Cause",
        ),
        "no cause": (
            "async with probe.step(Step.AUTH) as rung: rung.fail(Cause('x', 1, 2, '', '', ''), 'no')",
            "the verifier recorded a cause of which the code is 'x'",
        ),
        "no words": ("raise type('E', (Exception,), {'__str__': lambda self: 1 / 0})", "E: <exception str() failed>"),
    }.items()
}


def test_verifiers_that_do_what_none_should(tmp_path: Path) -> None:
    """Each is an error of its own check; all others of the run are reported."""
    names = install_each(tmp_path, VERIFIERS)
    results, _ = check(tmp_path, *(f"{name}://127.0.0.1:9" for name in names), "mysql://127.0.0.1:10")
    found = {result["target"]["type"]: result["cause"] for result in results}
    assert found.pop("mysql")["code"] == "connect.refused"
    assert {name: cause["code"] for name, cause in found.items()} == dict.fromkeys(names, "agent.plugin-failed")
    for name, case in names.items():
        says = f"{who_is(name)}{VERIFIERS[case][1]}".replace("of queue", f"of {name}")
        assert says in found[name]["detail"], case
        assert f"pip uninstall acme-{name}" in found[name]["fix"]


def test_two_plugins_of_one_name(tmp_path: Path) -> None:
    third_party.queue(tmp_path)
    third_party.install(tmp_path, "beta", {"queue": "beta.row:QUEUE"}, row="1/0")
    results, lines = check(tmp_path, "queue://127.0.0.1:9")
    assert [result["verdict"] for result in results] == ["ready"]
    assert len(lines) == 1, lines
    assert (
        "plug-in beta (queue = beta.row:QUEUE): plug-in acme-queue (queue = acme_queue.row:QUEUE) has that name; "
        in (lines[0])
    )


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mysql", "mysql is a type of scanready itself; ignored"),
        ("My Queue", "its name is 'My Queue'; write a word of lower-case letters, digits and hyphens that begins with"),
    ],
)
def test_a_name_that_cannot_be_had(tmp_path: Path, name: str, says: str) -> None:
    third_party.queue(tmp_path)
    third_party.install(tmp_path, "beta", {name: "beta.row:QUEUE"}, row="1/0")
    results, lines = check(tmp_path, "queue://127.0.0.1:9", "mysql://127.0.0.1:10")
    assert [(result["verdict"], result["cause"] and result["cause"]["code"]) for result in results] == [
        ("ready", None),
        ("blocked", "connect.refused"),
    ]
    assert len(lines) == 1, lines
    assert f"plug-in beta ({name} = beta.row:QUEUE): {says}" in lines[0]


CAUSE = """
    from scanready.model import Cause, Owner, Step
    MINE = Cause("{code}", Owner.SERVER, Step.AUTH, "{meaning}.", "Mend it.", "Look.")
"""


def test_causes_whose_codes_are_taken(tmp_path: Path) -> None:
    """The first one's words stand, and a line says so; nothing breaks."""
    third_party.queue(tmp_path, causes=CAUSE.format(code="queue.full", meaning="Full"))
    cause = CAUSE.format(code="queue.full", meaning="Other") + CAUSE.format(code="login.refused", meaning="No").replace(
        "MINE", "OURS"
    )
    other = {"row": ROW.replace("queue", "kew"), "verify": VERIFY, "causes": cause}
    third_party.install(tmp_path, "beta", {"kew": "beta.row:QUEUE"}, **other)
    told = plugin.run(tmp_path, ["explain", "queue.full"])
    assert told.returncode == 0
    assert "Full." in told.stdout
    who = "plug-in beta (kew = beta.row:QUEUE): its cause"
    taken = f"{who} queue.full is left out: plug-in acme-queue (queue = acme_queue.row:QUEUE) has that code"
    assert taken in told.stderr
    assert "login.refused" not in told.stderr
    told = plugin.run(tmp_path, ["explain", "login.refused"])
    assert (
        "(kew = beta.row:QUEUE): its cause OURS is left out: the code login.refused is scanready's own" in told.stderr
    )
    listed = plugin.run(tmp_path, ["types"])
    assert taken in listed.stderr
    completed = plugin.run(tmp_path, ["check", "kew://127.0.0.1:9", "--no-canary"])
    assert completed.returncode == 0, completed.stderr


def test_an_unreadable_entry_point_file_hides_no_other_package(tmp_path: Path) -> None:
    third_party.queue(tmp_path)
    third_party.install(tmp_path, "beta", {})
    (tmp_path / "beta-1.0.dist-info" / "entry_points.txt").write_bytes(b"[scanready.targets]\n\xff\xfe = x\n")
    results, lines = check(tmp_path, "queue://127.0.0.1:9")
    assert [result["verdict"] for result in results] == ["ready"]
    assert len(lines) == 1, lines
    assert "beta-1.0.dist-info cannot be read: UnicodeDecodeError" in lines[0]


def test_a_package_without_metadata(tmp_path: Path) -> None:
    third_party.queue(tmp_path, row="1/0")
    (tmp_path / "acme_queue-1.0.dist-info" / "METADATA").unlink()
    results, lines = check(tmp_path, "queue://127.0.0.1:9")
    assert [result["cause"]["code"] for result in results] == ["agent.plugin-broken"]
    assert "(queue = acme_queue.row:QUEUE): does not load: ZeroDivisionError" in lines[0]
    told = json.loads(plugin.run(tmp_path, ["types", "queue", "--json"]).stdout)
    assert told["package"]["entry_point"] == "queue = acme_queue.row:QUEUE"
    assert "acme_queue.row:QUEUE" in plugin.run(tmp_path, ["types", "queue"]).stdout


def test_a_missing_library_is_installed_by_the_package_that_names_it(tmp_path: Path) -> None:
    extra, plain = 'Driver("no_such_queue", "queue", "client")', 'Driver("no_such_kew", "kew-client", "")'
    third_party.queue(tmp_path, row=row(drivers=f"({extra}, {plain})"))
    told = json.loads(plugin.run(tmp_path, ["agent", "--json"]).stdout)
    words = " ".join(check["summary"] for check in told["checks"])
    assert "queue (no_such_queue: pip install 'acme-queue[client]')" in words
    assert "queue (no_such_kew: pip install kew-client)" in words
    assert "db2 (ibm_db: pip install 'scanready[db2]')" in words or "ibm_db " in words


def test_a_module_driver_without_its_functions(tmp_path: Path) -> None:
    third_party.queue(tmp_path, driver="def facts(module): return {}")
    done = plugin.run(tmp_path, ["types", "queue"])
    assert f"{WHO}its module driver cannot be used: its module driver has no limits" in done.stderr


@pytest.mark.parametrize("arguments", [["types"], ["types", "queue"], ["explain"], ["schema", "inventory"], ["agent"]])
def test_every_command_survives(tmp_path: Path, arguments: list[str]) -> None:
    third_party.queue(tmp_path, row="1/0")
    done = plugin.run(tmp_path, arguments)
    assert "Traceback" not in done.stderr
    assert done.stdout
    if arguments[0] in ("types", "explain"):
        assert f"{WHO}does not load: ZeroDivisionError" in done.stderr
