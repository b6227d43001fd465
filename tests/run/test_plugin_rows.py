"""The row of another package, judged field by field: each fault names the field, and says what to write instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, get_args, get_type_hints

import pytest

from scanready.catalogue import (
    Broker,
    Called,
    Cost,
    Detour,
    Driver,
    Judge,
    Nmap,
    Notation,
    Option,
    Requirement,
    Requirements,
    TargetType,
)
from scanready.catalogue.exchange import Exchange
from scanready.catalogue.facts import Fact
from scanready.catalogue.option import RESERVED
from scanready.climb.identify import Signatures
from scanready.climb.signature import Signature
from scanready.inventory import schema
from scanready.model import Cause, Owner, Step
from scanready.run.built_in import built_in_causes, built_in_rows
from scanready.run.plugins.checks import cause_fault, wrong_cause
from scanready.run.plugins.name import name_fault
from scanready.run.plugins.row import RowSource, row_fault
from scanready.run.plugins.shape import shape_fault
from scanready.run.registry import catalogue
from tests.ladder import TYPES

ORIGIN = RowSource("queue", "tests", lambda top: top == "fixtures", {"queue", "web"})


async def verify(probe: Any) -> None:
    """Climb nothing."""


ROW = TargetType("queue", "Message queue", 5671, Cost(1, 1), speaks="queue", verifier=verify)


def fault(**changed: Any) -> str:
    return row_fault(replace(ROW, **changed), ORIGIN)


@pytest.mark.parametrize("row", TYPES, ids=lambda row: row.name)
def test_every_built_in_type_has_its_declared_shape(row: TargetType) -> None:
    """Our own rows obey the rules for others: types, bounds, and the rules between fields."""
    assert row_fault(row, RowSource(row.name, "scanready", lambda _: False, built_in_rows())) == ""
    assert shape_fault(row.requirements, Requirements, "it") == ""
    assert shape_fault(row.facts, tuple[Fact, ...], "it") == ""
    story = row.part("story")
    assert story
    assert shape_fault(story.STORY[row.name], Mapping[Step, Exchange], "it") == ""


def test_every_built_in_signature_and_cause_has_its_declared_shape() -> None:
    assert shape_fault(Signatures.of(catalogue()).rows, tuple[Signature, ...], "it") == ""
    assert [fault for cause in built_in_causes().values() if (fault := wrong_cause(cause))] == []


def leaves(kind: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every field of a tree of dataclasses, with its annotation."""
    hints = get_type_hints(kind, include_extras=True)
    for field in fields(kind):
        hint = hints[field.name]
        yield (*path, field.name), hint
        inner = [one for one in (hint, *get_args(hint)) if isinstance(one, type) and is_dataclass(one)]
        for one in inner:
            yield from leaves(one, (*path, field.name))


def planted(value: Any, path: tuple[str, ...], wrong: Any) -> Any:
    """A copy of a dataclass with ``wrong`` at ``path``; in a tuple, its first item is changed."""
    if not path:
        return wrong
    if isinstance(value, tuple):
        return (planted(value[0], path, wrong), *value[1:])
    return replace(value, **{path[0]: planted(getattr(value, path[0]), path[1:], wrong)})


FULL = replace(
    ROW,
    cost=replace(ROW.cost, detours=(Detour("5673", "the port refuses"),)),
    options=(Option("topic"),),
    drivers=(Driver("acme", "acme", "queue"),),
    judges=(Judge("a real queue", "server", "tests/test_queue.py"),),
    brokers=(Broker("the broker", 5670, "tcp", "6000-7000"),),
    notations=(Notation("a JDBC URL", r"jdbc:queue://<HOST><PORT>", "queue://{host}[:{port}]"),),
)
DEEP = Requirements((Requirement("5671", "tcp", "the book"),))
TREES = [
    *(pytest.param(FULL, TargetType, path, id=".".join(path)) for path, _ in leaves(TargetType)),
    *(pytest.param(DEEP, Requirements, path, id="requirements." + ".".join(path)) for path, _ in leaves(Requirements)),
    *(pytest.param(Exchange("x"), Exchange, path, id="exchange." + ".".join(path)) for path, _ in leaves(Exchange)),
]


@pytest.mark.parametrize(("right", "kind", "path"), TREES)
def test_a_wrong_type_is_found_in_every_field_of_the_tree(right: Any, kind: type, path: tuple[str, ...]) -> None:
    """Derived from the classes: a field that is added tomorrow is checked, too."""
    assert shape_fault(right, kind, "its row") == ""
    for wrong in (object(), 3.5, b"x", {1, 2}):
        found = shape_fault(planted(right, path, wrong), kind, "its row")
        assert path[-1] in found.partition(" of its row ")[0], found
        assert "; write " in found


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError


WRONG: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "flag as a number": ({"cost": Cost(True, 1)}, "`cost.connections` of its row is True; write a whole number from 0"),
    "below zero": ({"cost": Cost(-1, 1)}, "`cost.connections` of its row is -1; write a whole number from 0 to 1000"),
    "huge": ({"cost": Cost(1, 10**5000)}, "`cost.with_credential` of its row is a value of int; write a whole number"),
    "fraction": ({"cost": Cost(1, 1, login_attempts=1.5)}, "`cost.login_attempts` of its row is 1.5; write a whole"),  # type: ignore[arg-type]
    "number as a flag": ({"tls": 1}, "`tls` of its row is 1; write True or False"),
    "number as a group": ({"group": 5}, "`group` of its row is 5; write one of Group.HOSTS, "),
    "word as a step": ({"proof": "auth"}, "`proof` of its row is 'auth'; write one of Step.AGENT, "),
    "no steps": ({"steps": ()}, "`steps` of its row is empty; write the steps"),
    "steps None": ({"steps": None}, "`steps` of its row is None; write a tuple, each item one of Step.AGENT"),
    "steps twice": ({"steps": (Step.AUTH, Step.AUTH)}, "`steps` of its row is not in the order of the ladder; write "),
    "list of options": ({"options": [Option("x")]}, "`options` of its row is [Option("),
    "one word for many": ({"nmap": Nmap(services="amqp")}, "`nmap.services` of its row is 'amqp'; write a tuple"),  # type: ignore[arg-type]
    "item within": ({"called": Called(names=("mq", 5))}, "`called.names[1]` of its row is 5; write words in lower"),  # type: ignore[arg-type]
    "capitals": ({"called": Called(names=("MQ",))}, "`called.names[0]` of its row is 'MQ'; write words in lower case"),
    "port as a key": ({"nmap": Nmap(ports={0: "x"})}, "`nmap.ports.key` of its row is 0; write a whole number from 1"),
    "reason of a port": ({"nmap": Nmap(ports={80: 5})}, "`nmap.ports[80]` of its row is 5; write text on one line"),  # type: ignore[dict-item]
    "in a type that is none": (
        {"nmap": Nmap(in_tls="kew")},
        "`nmap.in_tls` of its row is 'kew', which is no target type",
    ),
    "shell in starttls": ({"starttls": "x;reboot"}, "`starttls` of its row is 'x;reboot'; write a word of lower-case"),
    "shell in scheme": ({"scheme": "$(x)"}, "`scheme` of its row is '$(x)'; write a word of lower-case letters"),
    "broker over sctp": (
        {"brokers": (Broker("b", 1, "sctp", "1-2"),)},
        "`brokers[0].transport` of its row is 'sctp'; write one of 'tcp', 'udp'",
    ),
    "range backwards": (
        {"brokers": (Broker("b", None, "tcp", "9-8"),)},
        "`brokers[0].ports` of its row is '9-8'; write ports as text",
    ),
    "broker on no port": ({"brokers": (Broker("b", 0, "tcp", "1"),)}, "`brokers[0].port` of its row is 0; write"),
    "driver": ({"drivers": ("acme",)}, "`drivers[0]` of its row is 'acme'; write Driver(...)"),
    "escape in the title": ({"title": "a\x1b[31m"}, r"`title` of its row is 'a\x1b[31m'; write words on one line"),
    "no title": ({"title": " "}, "`title` of its row is ' '; write words on one line"),
    "long title": ({"title": "x" * 300}, "`title` of its row is a text of 300 characters; write words on one line, at"),
    "long name": ({"name": "q" * 300}, "`name` of its row is a text of 300 characters; write a word of lower-case"),
    "rude value": ({"speaks": Rude()}, "`speaks` of its row is a value of Rude; write a word"),
    "check of one argument": (
        {"check": lambda host: None},
        "`check` of its row is a function of other arguments: (host)",
    ),
    "check that waits": ({"check": verify}, "`check` of its row is a coroutine; write a function of 2 arguments"),
    "verifier that does not wait": ({"verifier": lambda probe: None}, "`verifier` of its row is a function that is no"),
    "verifier of two": ({"verifier": 7}, "`verifier` of its row is 7; write the name of a sibling module"),
    "option with the key of an inventory": ({"options": (Option("host"),)}, "its option 'host' has the name of a key"),
    "alias with one": ({"options": (Option("x", aliases=("tags",)),)}, "its option 'tags' has the name of a key that"),
    "option with a secret": (
        {"options": (Option("db_passwd"),)},
        "its option 'db_passwd' would hold a secret; leave it",
    ),
    "option in capitals": ({"options": (Option("Topic"),)}, "`options[0].name` of its row is 'Topic'; write a word of"),
    "alias of another option": (
        {"options": (Option("x"), Option("y", aliases=("x",)))},
        "two of its options are called 'x'; write another name",
    ),
    "schema that is no JSON": (
        {"options": (Option("x", schema={"minimum": float("nan")}),)},
        "`options[0].schema` of its row is no JSON; write",
    ),
    "path of no option": ({"path": "x", "options": (Option("y"),)}, "`path` of its row is 'x', which is none of its"),
    "split to a foreign option": (
        {"split": lambda path: {"nope": path}, "options": (Option("y"),)},
        "`split` of its row gives 'nope', which is none of its options; write one of 'y'",
    ),
    "split to text": ({"split": lambda path: path or None}, "`split` of its row gives '/'; write a mapping of its"),
    "proof before a connection": ({"proof": Step.RESOLVE}, "`proof` of its row is Step.RESOLVE, where no target has"),
    "proof of no step": (
        {"steps": (Step.CONNECT, Step.HANDSHAKE)},
        "`proof` of its row is Step.AUTH, which is none of its steps: it is never ready; write one of Step.CONNECT, ",
    ),
    "proof of no step where TLS is not": (
        {"proof": Step.TLS, "tls": True, "clear_port": 80},
        "`proof` of its row is Step.TLS, which is none of its steps on its port without TLS (80)",
    ),
    "home of scanready": (
        {"home": "scanready.catalogue"},
        "`home` of its row is 'scanready.catalogue', another package than its own (tests); write __package__",
    ),
    "home nowhere": ({"home": "tests.nowhere"}, "`home` of its row wants the module tests.nowhere, which is not there"),
    "home without the verifier": (
        {"home": "tests.run", "verifier": "verify_queue"},
        "`verifier` of its row wants the module tests.run.verify_queue, which is not there; write tests/run/verify",
    ),
    "hostless without services": (
        {"home": "tests.run", "hostless": True},
        "`hostless` of its row wants the module tests.run.services, which is not there",
    ),
    "home with words": ({"home": "no package"}, "`home` of its row is 'no package'; write the row's own package"),
    "neither": ({"verifier": "verify"}, "its row has neither a `home` nor a coroutine as its `verifier`"),
    "parts": ({"parts": {"story": None}}, "`parts` of its row is given; leave it out"),
    "broken": ({"broken": "yes"}, "`broken` of its row is given; leave it out"),
}


@pytest.mark.parametrize(("changed", "says"), WRONG.values(), ids=WRONG)
def test_a_fault_names_the_field_and_what_to_write(changed: Mapping[str, Any], says: str) -> None:
    found = fault(**changed)
    assert found.startswith(says), found
    assert found.isprintable()
    assert len(found) < 400


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"home": "fixtures.emulators"},  # a second package of the same distribution
        {"split": lambda path: {"y": path}, "options": (Option("y"),), "path": "y"},
        {"options": (Option("passive"), Option("bypass"), Option("pass_through"))},
        {"public": False, "steps": (Step.CONNECT, Step.HANDSHAKE)},  # its protocol is not public: never ready
        {"nmap": Nmap(in_tls="web")},
        {"proof": Step.CONNECT, "steps": (Step.RESOLVE, Step.CONNECT)},
        {"check": lambda *given: None},
    ],
)
def test_what_is_right_passes(changed: Mapping[str, Any]) -> None:
    assert fault(**changed) == ""


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Caps", "its name has capital letters; write caps"),
        ("x" * 300, "its name has 300 characters; write at most 40"),
        ("My Queue", "its name is 'My Queue'; write a word of lower-case letters"),
        ("a\x1bb", r"its name is 'a\x1bb'; write a word"),
        ("ä", "its name is 'ä'; write a word"),
        ("7up", "its name is '7up'; write a word"),
        ("a--b", "its name is 'a--b'; write a word"),
        ("", "its name is ''; write a word"),
    ],
)
def test_names(name: str, says: str) -> None:
    assert name_fault(name).startswith(says)


def test_names_that_are_right() -> None:
    assert [name_fault(name) for name in ("queue", "my-queue", "s3", "x" * 40)] == [""] * 4


MINE = Cause("queue.full", Owner.SERVER, Step.AUTH, "It is full.", "Empty it.", "Look.")


def changed(**fields: Any) -> Cause:
    return replace(MINE, **fields)


REFUSED = built_in_causes()["connect.refused"]


@pytest.mark.parametrize(
    ("cause", "says"),
    [
        (MINE, ""),
        (replace(MINE, code="my-queue.full"), ""),
        (REFUSED, ""),
        (replace(REFUSED), ""),
        (
            replace(REFUSED, owner=Owner.OPERATOR),
            "the code connect.refused is scanready's own, with another owner; use",
        ),
        (replace(REFUSED, remedy="Do it."), "the code connect.refused is scanready's own, with another remedy; use"),
        (replace(REFUSED, definite=False), "the code connect.refused is scanready's own, with another definite; use"),
        (replace(MINE, code="login.odd"), "the code login.odd has an area of scanready's own; write one of your own"),
        (replace(MINE, code="full"), "the code is 'full', not of the form"),
        (changed(owner="server"), "`owner` of it is 'server'; write one of Owner.NETWORK"),
        (changed(step="auth"), "`step` of it is 'auth'; write one of Step.AGENT"),
        (changed(definite=1), "`definite` of it is 1; write True or False"),
        (replace(MINE, remedy=" "), "`remedy` of it is empty; write what the owner does"),
        (replace(MINE, remedy="x" * 5000), "`remedy` of it is a text of 5000 characters; write at most 4000"),
        (replace(MINE, meaning="a\x1bb"), r"`meaning` of it is 'a\x1bb'; write text without control"),
    ],
)
def test_a_code_names_one_cause(cause: Cause, says: str) -> None:
    found = cause_fault(cause)
    assert found.startswith(says) if says else not found, found


@pytest.mark.parametrize("name", ["meaning", "remedy", "confirm"])
def test_a_place_that_nothing_fills_is_refused(name: str) -> None:
    found = wrong_cause(changed(**{name: "Look at {nope} of {host}."}))
    assert found == ("nothing fills {nope}; write one of {host}, {port}, {user}, {database}, {path}, {url}, {starttls}")
    right = "openssl {starttls}-connect {host}:{port} ${HOME} { print } {'a': 1} {1,2}"
    assert not wrong_cause(changed(**{name: right}))


def test_no_option_has_the_name_of_a_key_of_an_inventory() -> None:
    models = (schema.TargetEntry, schema.AgentEntry, schema.DefaultsEntry, schema.CredentialEntry, schema.Head)
    assert {key for model in models for key in model.model_fields} <= RESERVED
