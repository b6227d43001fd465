"""Another package's target type has everything that a built-in type has: each surface, with both side by side.

The package ``acme-queue`` is installed as an installer does it, and declares a row with all its sibling modules.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.emulators import in_background, misbehave
from tests import third_party
from tests.cli import plugin

ROW = """
from scanready.catalogue import Called, Cost, Group, Nmap, Option, TargetType
from scanready.catalogue.option import ALLOW_CLEARTEXT

QUEUE = TargetType(
    "queue", "Message queue", 5671, Cost(1, 2, login_attempts=1, log="one line for each login"),
    speaks="queue", home=__package__, group=Group.DATABASES, server_first=True,
    path="topic", options=(Option("topic", tree=True), Option("size", aliases=("bytes",)), ALLOW_CLEARTEXT),
    nmap=Nmap(services=("amqps",)), called=Called(names=("rabbit",)),
    guessed=GUESSED, proven_by="a real queue",
)
"""
MODULES = {
    "requirements": """
        from scanready.catalogue import Condition, Requirement, Requirements
        LARGE = Condition("large topics", lambda target, seen: "size" in target.options or None)
        REQUIREMENTS = {"queue": Requirements(
            (Requirement("5671", "tcp", 'the book: "5671 queue"'), Requirement("5672", "tcp", "the book", LARGE)),
            doubt="the book is old", verifies_certificate=True,
        )}
    """,
    "conditions": """
        from scanready.catalogue import Condition
        def large(target, seen):
            return "size" in target.options or None
        def fails(target, seen):
            raise OSError("no answer")
        CONDITIONS = {
            "large": Condition("large topics of Acme", large), "odd": Condition("odd topics of Acme", fails),
        }
    """,
    "causes": """
        from scanready.model import Cause, Owner, Step
        FULL = Cause(
            "queue.full", Owner.DATABASE, Step.ACCESS,
            "The queue {path} is full.", "Empty {path}.", "count {host}:{port}",
        )
    """,
    "story": """
        from scanready.catalogue.exchange import Exchange
        from scanready.model import Step
        STORY = {"queue": {Step.AUTH: Exchange("a queue's hello", "queue-client {host}:{port} {path}")}}
    """,
    "signatures": """
        from scanready.climb.signature import Signature, says
        SIGNATURES = (Signature("queue", says(rb"QUEUE (\\S+)", "a message queue ({0})"), 5),)
    """,
    "verify": """
        from scanready.climb.login_result import LoginResult
        from scanready.model import Step
        from . import causes
        def log_in(where, credential, seconds): return LoginResult()
        async def verify(probe):
            options = probe.target.options
            stream = await probe.connect()
            async with probe.step(Step.HANDSHAKE) as rung:
                greeting = await stream.receive(lambda buffer: buffer.line(80))
                if not greeting.startswith(b"QUEUE"):
                    rung.stop(causes.FULL, "no queue")
                rung.ok("speaks queue", product="Queue")
            async with probe.step(Step.AUTH) as rung:
                rung.ok("asks for a password", auth_methods=["password"])
            if probe.credential:
                async with probe.step(Step.LOGIN) as rung:
                    probe.about_to_send_in_clear()
                    await probe.login(log_in, probe.host)
                    rung.ok("logged in")
                async with probe.step(Step.ACCESS) as rung:
                    if options.get("topic") == "full":
                        rung.stop(causes.FULL, "no room")
                    rung.ok("read one")
    """,
}


def installed(where: Path, guessed: str = "False") -> Path:
    third_party.queue(where, **{**MODULES, "row": ROW.replace("GUESSED", guessed)})
    return where


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with in_background(misbehave.says(b"QUEUE 1.0\r\n")) as found:
        yield f"127.0.0.1:{found.port}"


def run(site: Path, *arguments: str, code: int | None = 0, **env: str) -> str:
    done = plugin.run(site, arguments, {"COLUMNS": "200", "SCANREADY_NO_STORE": "1", **env})
    assert code is None or done.returncode == code, done.stdout + done.stderr
    assert not done.stderr, done.stderr
    return str(done.stdout)


def as_json(site: Path, *arguments: str) -> Any:
    return json.loads(run(site, *arguments, "--json"))


def test_types_lists_it_with_the_others(site: Path) -> None:
    rows = {line.split()[0]: line.split() for line in run(site, "types").splitlines() if line}
    assert rows["queue"] == ["queue", "5671", "5671,", "5672", "auth", "access", "1/2", "a", "real", "queue"]
    assert rows["mysql"][:2] == ["mysql", "3306"]


def test_types_describes_it_as_a_built_in(site: Path) -> None:
    ours, theirs = as_json(site, "types", "mysql"), as_json(site, "types", "queue")
    assert theirs.keys() == ours.keys()
    assert theirs["requirements"][1] == {
        "ports": "5672",
        "transport": "tcp",
        "when": "large topics",
        "source": "the book",
        "confidence": "stated",
        "doubt": "",
    }
    told = " ".join(run(site, "types", "queue").split())
    for words in (
        "queue: Message queue",
        "port 5671",
        "the verdict is ready when auth passes",
        "with a credential login, access",
        "requires 5672/tcp (large topics)",
        "options topic (the URL's path), size, allow_cleartext",
        "certificate a bad one limits the target",
        "1 login attempt with a credential",
        "in the target's log one line for each login",
        "caveat the book is old",
        "verified against a real queue",
    ):
        assert words in told, told


def test_types_names_its_package(site: Path) -> None:
    brought = {"name": "acme-queue", "version": "1.0", "entry_point": "queue = acme_queue.row:QUEUE"}
    assert as_json(site, "types", "queue")["package"] == brought
    assert as_json(site, "types", "mysql")["package"] is None
    assert {row["type"]: row["package"] for row in as_json(site, "types")}["queue"] == brought
    told = run(site, "types", "queue").split("\n")
    assert [line.split() for line in told if "acme" in line] == [
        ["package", "acme-queue", "1.0"],
        ["entry", "point", "queue", "=", "acme_queue.row:QUEUE"],
    ]
    assert "package" not in run(site, "types", "mysql")


def test_explain_has_its_causes(site: Path) -> None:
    ours, theirs = as_json(site, "explain", "connect.refused"), as_json(site, "explain", "queue.full")
    assert theirs.keys() == ours.keys()
    assert theirs["owner"] == "database"
    assert "The queue PATH is full." in run(site, "explain", "queue.full")
    assert "queue.full" in run(site, "explain", "queue")


def test_plan_has_its_cost(site: Path) -> None:
    (theirs,) = as_json(site, "plan", "queue://db7/a/b", "--user", "scan")["endpoints"]
    assert (theirs["port"], theirs["connections"], theirs["login_attempts"]) == (5671, 2, 1)
    assert theirs["log"] == {"queue": "one line for each login"}
    (ours,) = as_json(site, "plan", "postgresql://db7/hr", "--user", "scan")["endpoints"]
    assert theirs.keys() == ours.keys()


def test_firewall_has_its_requirements(site: Path) -> None:
    rules = [line.split() for line in run(site, "firewall", "queue://192.0.2.7", "--format", "csv").splitlines()]
    text = "\n".join(" ".join(rule) for rule in rules)
    assert "5671" in text
    assert "5672" in text
    assert "large topics" in text
    certain = run(site, "firewall", "queue://192.0.2.7?bytes=7", "--format", "csv")
    assert "large topics" not in certain
    assert "5672" in certain


def test_a_profile_names_it_and_its_conditions(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "acme.yaml"
    file.write_text(
        "profile: {name: acme-1, scanner: Acme, document: Ports}\n"
        "types:\n  queue:\n    requires:\n"
        "      - {ports: 5671, transport: tcp, confidence: stated, source: 'p. 1'}\n"
        "      - {ports: 6000, transport: tcp, confidence: stated, source: 'p. 2', when: large}\n"
        "      - {ports: 7000, transport: tcp, confidence: stated, source: 'p. 3', when: odd}\n"
    )
    rules = run(site, "firewall", "queue://192.0.2.7", "--format", "csv", "--profile", str(file))
    assert "6000" in rules
    assert "large topics of Acme" in rules
    assert "odd topics of Acme" in rules, "a condition that fails is not known"
    assert "5672" not in rules, "its own requirements do not count beside those of a profile"
    certain = run(site, "firewall", "queue://192.0.2.7?bytes=7", "--format", "csv", "--profile", str(file))
    assert "6000" in certain
    assert "large topics of Acme" not in certain
    other = run(site, "firewall", "queue://192.0.2.7", "--format", "csv", "--profile", "er2-2.0.28")
    assert "5672" in other, "a profile that does not name it leaves its own"


def test_check_tells_its_story(site: Path, server: str) -> None:
    told = " ".join(run(site, "check", f"queue://{server}/a/b?bytes=7", "--no-canary", "-v").split())
    assert "a queue's hello" in told
    assert f"queue-client {server} a/b" in told
    assert "product Queue" in told
    assert "no credential was given" in told


def test_check_logs_in_under_the_same_rules(site: Path, server: str) -> None:
    account = ("--user", "scan", "--password-from", "env:PW", "--no-canary")
    where = f"queue://{server}/a"
    withheld = run(site, "check", where, *account, code=3, PW="x")
    assert "login.withheld" in withheld
    assert "allow_cleartext" in withheld
    proven = json.loads(run(site, "check", f"{where}?allow_cleartext=yes", *account, "--format", "jsonl", PW="x"))
    assert (proven["verdict"], proven["footprint"]["login_attempts"]) == ("scannable", 1)
    full = run(site, "check", f"queue://{server}/full?allow_cleartext=yes", *account, "-v", code=1, PW="x")
    assert "queue.full" in full
    assert "Empty full." in full
    assert f"count {server}" in full


def test_options_are_read_and_refused_alike(site: Path) -> None:
    done = plugin.run(site, ["check", "queue://db7?topc=x"])
    assert (done.returncode, "`topc` is not an option of queue; did you mean `topic`?" in done.stderr) == (2, True)
    done = plugin.run(site, ["check", "rabbit://db7"])
    assert "unknown target type `rabbit`; did you mean `queue`?" in done.stderr


def test_the_shell_is_offered_it(site: Path) -> None:
    for words, offered in (("scanready types que", "queue"), ("scanready explain queue.", "queue.full")):
        env = {"_SCANREADY_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": "2"}
        assert offered in plugin.run(site, [], env).stdout


def test_imports_know_it(site: Path, tmp_path: Path) -> None:
    port = '<port protocol="tcp" portid="7"><state state="open"/><service name="amqps" method="probed"/></port>'
    host = f'<host><status state="up"/><address addr="192.0.2.7" addrtype="ipv4"/><ports>{port}</ports></host>'
    (tmp_path / "scan.xml").write_text(f'<?xml version="1.0"?><nmaprun scanner="nmap">{host}</nmaprun>')
    (tmp_path / "table.csv").write_text("host,type\nq1,Rabbit\n")
    for name, expected in (("scan.xml", "queue://192.0.2.7:7"), ("table.csv", "queue")):
        done = plugin.run(site, ["import", str(tmp_path / name)])
        assert done.returncode == 0, done.stderr
        assert expected.partition(":")[0] in done.stdout


def test_type_selects_it(site: Path, server: str) -> None:
    assert "queue" in run(site, "check", server, "--type", "queue", "--no-canary")


def test_the_schema_has_it(site: Path) -> None:
    entry = json.loads(run(site, "schema", "inventory"))["$defs"]["TargetEntry"]
    assert "queue" in entry["properties"]["type"]["enum"]
    assert entry["properties"]["topic"]["description"] == "Option of queue."
    assert entry["additionalProperties"] is False


def test_its_servers_are_recognised_where_another_is_expected(site: Path, server: str) -> None:
    told = run(site, "check", f"mysql://{server}", "--no-canary", code=1)
    assert "handshake.other-protocol" in told
    assert "a message queue (1.0) answers" in " ".join(told.split())


def test_it_is_tried_at_a_host_without_a_type_only_if_its_row_says_so(site: Path, tmp_path: Path) -> None:
    assert not [row for row in as_json(site, "plan", "db7")["endpoints"] if "queue" in row["types"]]
    guessed = installed(tmp_path, "True")
    assert [row["port"] for row in as_json(guessed, "plan", "db7")["endpoints"] if "queue" in row["types"]] == [5671]


def test_check_v_and_the_transcript_say_what_its_facts_lack(site: Path, server: str, tmp_path: Path) -> None:
    """The row declares no facts, and the verifier states two; a reader who asks for no details sees nothing of it."""
    lines = [
        f"the fact `{name}` is declared nowhere; declare it in FACTS of the module facts"
        for name in ("product", "auth_methods")
    ]
    transcript = tmp_path / "transcript"
    told = run(site, "check", f"queue://{server}", "--no-canary", "-v", "--transcript", str(transcript))
    assert all(line in told and line in transcript.read_text() for line in lines)
    assert "for the plug-in's authors" in told
    assert "declared nowhere" not in run(site, "check", f"queue://{server}", "--no-canary")
    assert as_json(site, "check", f"queue://{server}", "--no-canary")["results"][0]["facts"]["product"] == "Queue"
