"""The library refuses wrong arguments of each kind, in words that help, and as docs/api.md lists it."""

from __future__ import annotations

import asyncio
import os
import re
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import scanready
from fixtures.emulators import in_background
from fixtures.emulators.certificates import authority
from scanready import Credential, Settings, Step
from scanready.inventory import InventoryError, load, parse_target
from scanready.testing import FakeTarget
from tests.cli.in_process import call
from tests.ladder import TYPES
from tests.websites import OK, site

ROOT = Path(__file__).parent.parent
SECRET = "hunter2-of-the-test"
HUGE = 10**5000  # longer than Python writes a number, larger than any float
#: Words for a person at a command line, or with an inventory.
COMMAND_WORDS = re.compile(r"(?<!\w)--[a-z]|env:|YAML|by reference|(?<!scanready\.)inventory")
UNTYPED: Any = scanready  # a type checker would refuse the arguments, too


def target(**fields: Any) -> Any:
    return UNTYPED.Target(**{"host": "127.0.0.1", "type": "ssh", "port": 9, **fields})


async def all_of(targets: Any, settings: Any = None) -> list[Any]:
    return [report async for report in UNTYPED.verify_all(targets, settings)]


def outside_asyncio(waiting: Any) -> None:
    """Take the first step of something that waits, with no loop that runs."""
    try:
        waiting.send(None)
    finally:
        waiting.close()


def settings(**fields: Any) -> Callable[[], Any]:
    return lambda: UNTYPED.Settings(**fields)


def check(*arguments: Any, **named: Any) -> Callable[[], Any]:
    return lambda: UNTYPED.check(*arguments, **named)


def built(**fields: Any) -> Callable[[], Any]:
    return lambda: target(**fields)


def account(**fields: Any) -> Callable[[], Any]:
    return lambda: UNTYPED.Credential(**{"name": "scan", "username": "er", **fields})


def agent(**fields: Any) -> Callable[[], Any]:
    return lambda: UNTYPED.Agent(**{"name": "proxy-nyc", "platform": "Linux", **fields})


WRONG_TYPES: tuple[Any, ...] = ("5", True, None, 5j, [5])
#: Numbers that are neither a time nor a rate.
_OUT_OF_RANGE: tuple[Any, ...] = (-1, 0, -0.0, float("nan"), float("inf"), HUGE, -HUGE)
#: The heading in docs/api.md, a call, the error that it raises, and words of its text.
CASES: list[tuple[str, Callable[[], Any], type[Exception], str]] = [
    *(
        ("check", check(value), TypeError, "such as 'postgresql://")
        for value in (5, None, b"ssh://a", ["ssh://a"], 1.5)
    ),
    ("check", check("ssh://127.0.0.1:9", credential="er"), TypeError, r"write Credential\(NAME"),
    ("check", check("ssh://127.0.0.1:9", credential=("er", SECRET)), TypeError, r"write Credential\(NAME"),
    ("check", check("ssh://127.0.0.1:9", settings=5), TypeError, r"write Settings\(timeout=5\)"),
    ("check", check(""), InventoryError, "write HOST"),
    ("check", check("estate.yaml"), InventoryError, "has no type: write it as in"),
    ("check", check("/no/such/estate.yaml"), InventoryError, "needs a type before it"),
    (
        "check",
        check(f"postgresql://er:{SECRET}@db7"),
        InventoryError,
        r"in credential=Credential\(NAME, USER",
    ),
    (
        "check",
        check(f"postgresql://er:{SECRET}/x@db7"),
        InventoryError,
        r"in credential=Credential\(NAME, USER",
    ),
    ("check", check(f"ssh://db7?password={SECRET}"), InventoryError, r"give the target a Credential\(NAME, USERNAME"),
    (
        "check",
        check("ssh://db7", credential=Credential("c", "", SECRET)),
        InventoryError,
        "username of the Credential",
    ),
    ("check", check("db7", credential=Credential("c", "", SECRET)), InventoryError, "username of the Credential"),
    ("check", check("10.1.0.0/28"), InventoryError, "write one target for each host of a network"),
    ("check", lambda: parse_target("ssh://db7", types=["nfs"]), InventoryError, "types says `nfs`"),
    ("check", check("nonsense://db7"), InventoryError, "`scanready types` lists them"),
    ("check", check("ssh://db7?colour=red"), InventoryError, "not an option of ssh.*it has: "),
    (
        "check",
        lambda: UNTYPED.check(target(host="a b")),
        InventoryError,
        "is not a host name: each part between dots has",
    ),
    ("check", lambda: UNTYPED.check(target(host="")), InventoryError, "the host is empty"),
    ("check", lambda: UNTYPED.check(target(port=0)), InventoryError, "its port is 0; write 1 to 65535"),
    ("check", lambda: UNTYPED.check(target(host=f"er:{SECRET}@db7")), InventoryError, "put the user into a credential"),
    ("check", lambda: UNTYPED.check(target(type="postgres")), InventoryError, "did you mean `postgresql`"),
    ("check", lambda: UNTYPED.check(target(options={"colour": 1})), InventoryError, "it has: "),
    (
        "check",
        lambda: UNTYPED.check(target(options={"password": SECRET})),
        InventoryError,
        r"give the target a Credential\(NAME, USERNAME, PASSWORD\)",
    ),
    ("check", lambda: UNTYPED.check(target(options={5: 1})), TypeError, "names as text"),
    *(
        (
            "check",
            lambda n=n: UNTYPED.check(target(options={"user": n})),
            InventoryError,
            "`user` is a number of more than",
        )
        for n in (HUGE, -HUGE)
    ),
    ("check", lambda: UNTYPED.check(target(options={"user": b"er"})), TypeError, "must be text, a number"),
    ("check", lambda: UNTYPED.check(target(credential=account(username="")())), InventoryError, "give the account"),
    *(
        ("check", check("https://127.0.0.1:9", settings=Settings(ca_file=name)), InventoryError, "give a PEM file")
        for name in ("/no/such.pem", "/", "", "a\0b", __file__)
    ),
    ("verify", lambda: asyncio.run(UNTYPED.verify("ssh://db7")), TypeError, "use scanready.inventory.parse_target"),
    ("verify", lambda: asyncio.run(UNTYPED.verify(None)), TypeError, "must be a scanready.Target, not None"),
    ("verify", lambda: asyncio.run(UNTYPED.verify(target(), 5)), TypeError, r"write Settings\(timeout=5\)"),
    ("verify", lambda: asyncio.run(UNTYPED.verify(target(type="nonsense"))), InventoryError, "lists them"),
    ("verify", lambda: outside_asyncio(scanready.verify(target())), RuntimeError, r"asyncio.run\(...\), or scanready"),
    *(
        ("verify_all", lambda given=given: UNTYPED.verify_all(given), TypeError, words)
        for given, words in (
            (None, "such as a list"),
            (5, "such as a list"),
            ("ssh://db7", "such as a list"),
            ({"host": "db7"}, "such as a list"),
            (target(), r"write \[target\], or use scanready.verify"),
            ([target(), "ssh://db7"], r"targets\[1\] must be a scanready.Target.*use scanready.inventory.parse_target"),
            ((one for one in [target(), None]), r"targets\[1\]"),
        )
    ),
    ("verify_all", lambda: UNTYPED.verify_all([target()], settings="x"), TypeError, r"write Settings\(timeout=5\)"),
    (
        "verify_all",
        lambda: UNTYPED.verify_all([target(type="nonsense"), target(), target(host="")]),
        InventoryError,
        "(?s)lists them.*host is empty",
    ),
    ("verify_all", lambda: outside_asyncio(all_of([target()])), RuntimeError, r"asyncio.run\(...\), or scanready"),
    *(("Settings", settings(timeout=value), TypeError, "seconds") for value in WRONG_TYPES),
    *(("Settings", settings(timeout=value), ValueError, "greater than 0") for value in _OUT_OF_RANGE),
    *(("Settings", settings(rate=value), TypeError, "None for no limit") for value in WRONG_TYPES if value),
    *(("Settings", settings(rate=value), ValueError, "None for no limit") for value in _OUT_OF_RANGE),
    *(("Settings", settings(**{name: 0}), ValueError, "at least 1") for name in ("concurrency", "per_host")),
    *(
        ("Settings", settings(**{name: value}), TypeError, "whole number")
        for name in ("concurrency", "per_host")
        for value in ("4", 4.0, True, None)
    ),
    *(("Settings", settings(depth=value), TypeError, "Step.CONNECT") for value in ("connect", None, 3)),
    *(("Settings", settings(depth=value), ValueError, "Step.CONNECT") for value in (Step.AGENT, Step.RESOLVE)),
    ("Settings", settings(canary="no"), TypeError, "True or False"),
    ("Settings", settings(ca_file=5), TypeError, "path of a file"),
    ("Settings", settings(agent="proxy-nyc"), TypeError, "None for this host"),
    *(
        ("Settings", settings(agent=agent(networks=(value,))()), ValueError, "such as '10.0.1.5/24', not")
        for value in ("office", "10.0.1.5/99", "", "\x1b[2J")
    ),
    ("Settings", settings(tap="log"), TypeError, "function of a Target"),
    *(("Target", built(port=value), ValueError, "must be 1 to 65535") for value in (-1, 65536, 99999, HUGE)),
    *(("Target", built(port=value), TypeError, "whole number") for value in ("5432", 5432.0, True, None)),
    *(("Target", built(**{name: None}), TypeError, f"{name} must be text") for name in ("host", "type")),
    *(("Target", built(options=value), TypeError, "dict of names") for value in (None, "database=hr", [("a", 1)])),
    ("Target", built(credential=SECRET), TypeError, "must be a Credential"),
    *(("Target", built(tags=value), TypeError, "tuple of texts") for value in ("finance", ("a", 5), (None,), None, 5)),
    ("Target", built(source=5), TypeError, "source must be text"),
    *(("Target", built(**{name: "yes"}), TypeError, "True or False") for name in ("guessed", "explicit_port")),
    *(("Agent", agent(**{name: 5}), TypeError, "must be text") for name in ("name", "platform", "distribution")),
    *(
        ("Agent", agent(**{name: value}), TypeError, f"{name} must be a tuple of texts")
        for name in ("addresses", "networks")
        for value in ("10.0.1.5", (5,), None)
    ),
    ("Agent", agent(assumed="no"), TypeError, "True or False"),
    *(
        ("Credential", account(**{name: SECRET.encode()}), TypeError, f"{name} must be text")
        for name in ("name", "username", "password", "key_file", "key_passphrase", "authority")
    ),
    ("Credential", account(username=None), TypeError, "must be text"),
    ("inventory.parse_target", lambda: UNTYPED.inventory.parse_target(5), TypeError, "must be text"),
    ("inventory.parse_target", lambda: UNTYPED.inventory.parse_target("a", types="ssh"), TypeError, "list of texts"),
    ("inventory.parse_target", lambda: UNTYPED.inventory.parse_target("a", options=5), TypeError, "dict of names"),
    ("inventory.parse_target", lambda: UNTYPED.inventory.parse_target("a", credential=5), TypeError, "Credential"),
    ("inventory.parse_target", lambda: parse_target("ssh://a:99999"), InventoryError, "1 to 65535"),
]


def readable(where: str, _: object, error: type[Exception], words: str) -> str:
    """The id of a case: the function, the error and the words that are looked for."""
    return f"{where} {error.__name__} {re.sub('[^a-zA-Z0-9 ]+', ' ', words).strip()}"


@pytest.mark.parametrize("case", CASES, ids=[readable(*case) for case in CASES])
def test_it_raises_what_the_page_lists_in_words_that_help(
    case: tuple[str, Callable[[], Any], type[Exception], str],
) -> None:
    _, call, error, words = case
    with pytest.raises(error, match=words) as caught:
        call()
    assert type(caught.value) is error
    assert SECRET not in str(caught.value)
    assert len(str(caught.value)) < 600
    assert not COMMAND_WORDS.search(str(caught.value)), "a program has neither the command's options nor an inventory"
    frames = traceback.extract_tb(caught.value.__traceback__)
    inside = [frame.filename for frame in frames if "/scanready/" in frame.filename]
    assert not [name for name in inside if re.search(r"/(?:climb|net|clients|targets|wire)/", name)]
    assert not inside or not inside[-1].endswith("/engine.py")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def sections() -> Iterator[tuple[str, str]]:
    """The headings of the reference with their text."""
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    for part in page.split("\n### ")[1:]:
        heading, _, text = part.partition("\n")
        yield heading.strip("`"), text


@pytest.mark.parametrize("where", sorted({case[0] for case in CASES}))
def test_the_page_lists_exactly_the_errors_that_are_raised(where: str) -> None:
    _, _, raises = dict(sections())[where].partition("*Raises*")
    listed = re.findall(r"^\* `(\w+)`:", raises.partition("**`")[0], re.MULTILINE)
    assert set(listed) == {error.__name__ for place, _, error, _ in CASES if place == where}


def test_every_entry_of_the_library_with_errors_is_tried() -> None:
    entries = {*scanready.__all__, "inventory.parse_target"}
    listed = {where for where, text in sections() if where in entries and "*Raises*" in text}
    assert listed == {case[0] for case in CASES}


def test_an_inventory_error_is_a_value_error() -> None:
    assert issubclass(InventoryError, ValueError)


def test_an_inventory_that_is_not_there_is_named() -> None:
    with pytest.raises(InventoryError, match=r"no/such\.yaml: cannot be read: No such file"):
        load("/no/such.yaml")


# arguments that are fine ----------------------------------------------------------------------------------------------


def test_no_targets_give_no_reports() -> None:
    assert asyncio.run(all_of([])) == []
    assert asyncio.run(all_of(iter(()))) == []


def test_a_generator_of_targets_is_read_to_its_end() -> None:
    with FakeTarget() as fake:
        fake.send(b"220 mail ESMTP\r\n")
        reports = asyncio.run(all_of(fake.target("ssh") for _ in range(1)))
    assert [report.verdict for report in reports] == [scanready.Verdict.BLOCKED]


def test_a_host_is_brought_to_its_canonical_spelling() -> None:
    wanted = Settings(timeout=2.0, canary=False)
    for written, host in (("[::1]", "::1"), ("0:0:0:0:0:0:0:1", "::1"), ("LocalHost", "localhost")):
        assert scanready.check(target(host=written), settings=wanted).target.host == host


def test_a_target_with_nothing_to_change_is_passed_as_it_is() -> None:
    given = target(options={"user": "er"})
    assert scanready.check(given, settings=Settings(timeout=2.0, canary=False)).target is given


#: Values of options as people write them.
WRITTEN = {
    "text": "a", "number": "7", "yes": "yes", "path": "/a%20b/c", "version": "3", "hosts": "a.example,b.example:8443",
    "host": "proxy.example:3128", "url": "http://proxy.example:3128",
}  # fmt: skip


def test_what_a_reader_of_options_returned_it_reads_again_to_the_same() -> None:
    """A Target of ``parse_target`` has options that were read already."""
    tried = set()
    for row in TYPES:
        for option in row.options:
            for value in (*WRITTEN.values(), True):
                try:
                    found = option.read(option.name, value)
                except ValueError:
                    continue
                assert option.read(option.name, found) == found
                tried.add((row.name, option.name))
    assert tried == {(row.name, option.name) for row in TYPES for option in row.options}


@pytest.mark.parametrize("kind", ["empty", "no certificate", "a certificate cut short", "pipe", "directory", "absent"])
def test_a_file_of_authorities_that_is_none_is_an_error_before_any_contact(kind: str, tmp_path: Path) -> None:
    """A pipe without a writer must not hold the program up, either."""
    path = tmp_path / "ca.pem"
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "directory":
            path.mkdir()
        case "empty" | "no certificate" | "a certificate cut short":
            whole = authority().ca_file.read_text()
            path.write_text({"empty": "", "no certificate": "-----\n"}.get(kind, whole[: len(whole) // 2]))
    wanted = Settings(timeout=2.0, canary=False, ca_file=str(path))
    with in_background(site({"/": OK}), tls=authority().context("good")) as server:
        given = target(type="https", port=server.port)
        for way in (
            lambda: scanready.check(given, settings=wanted),
            lambda: asyncio.run(scanready.verify(given, wanted)),
            lambda: asyncio.run(all_of([given], wanted)),
        ):
            with pytest.raises(InventoryError, match=r"Settings\.ca_file .*ca\.pem.*: give a PEM file"):
                way()
    assert server.connections == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check", f"postgresql://er:{SECRET}@db7"], "and the password as --password-from env:NAME"),
        (["check", f"ssh://db7?password={SECRET}"], "give the password as --password-from env:NAME"),
        (["check", "10.1.0.0/28"], "write a network in `hosts` of an inventory"),
        (["check", "ssh://db7", "--type", "nfs"], "--type says `nfs`"),
        (["agent", "--clock-from", f"https://er:{SECRET}@db7"], "remove it, there is no login"),
    ],
)
def test_a_command_line_is_told_its_options(arguments: list[str], says: str) -> None:
    done = call(*arguments)
    assert done.exit_code == 2
    assert says in " ".join(done.output.split())
    assert SECRET not in done.output


def test_an_inventory_is_told_its_keys(tmp_path: Path) -> None:
    file = tmp_path / "estate.yaml"
    file.write_text(f"targets:\n- postgresql://er:{SECRET}@db7\n- ssh://a?password={SECRET}\n")
    with pytest.raises(InventoryError) as raised:
        load(file)
    assert str(raised.value).count("a credential whose password is a reference such as env:NAME") == 2
    assert SECRET not in str(raised.value)
