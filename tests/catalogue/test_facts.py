"""The vocabulary of facts: what the code states is declared, what is declared is stated, and values have their type."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanready.catalogue.facts import CORE, TLS, Fact, Kind
from scanready.clients.http_facts import HTTP
from scanready.fitness import facts as fitness
from scanready.model import Check, Outcome, Step
from scanready.run.plugins.stand_in import stand_in
from scanready.run.registry import catalogue
from tests.ladder import TYPES
from tests.vocabulary import of_agent, wrong_with

PACKAGE = Path(__file__).parents[2] / "verifiers" / "scanready"
FAMILIES = sorted({row.home.rpartition(".")[2] for row in TYPES})
#: The words with which a rung, an answer of `scanready agent` or an error takes facts as keywords.
VERBS = ("ok", "warn", "fail", "inconclusive", "stop", "skip", "Failure")
#: Keywords of those words that are no facts.
NO_FACTS = ("fix", "also")
EVERYTHING = (*(fact for row in TYPES for fact in row.facts), *of_agent())


def stated(path: Path) -> Iterator[tuple[int, str]]:
    """The names of facts that a module states or reads, by the line: keywords, subscripts and literal dictionaries."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield from _of_call(node)
        elif isinstance(node, ast.Subscript) and _is_facts(node.value):
            yield from _text(node.slice)
        elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) and _assigns_facts(node):
            yield from _keys(node.value)


def _assigns_facts(node: ast.Assign | ast.AugAssign | ast.AnnAssign) -> bool:
    if isinstance(node, ast.Assign):
        return any(_is_facts(target) for target in node.targets)
    return _is_facts(node.target) or (isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "Facts")


def _of_call(node: ast.Call) -> Iterator[tuple[int, str]]:
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name in VERBS:
        yield from ((node.lineno, word.arg) for word in node.keywords if word.arg and word.arg not in NO_FACTS)
        for word in node.keywords:
            if word.arg is None:
                yield from _keys(word.value)
    elif name == "Check":
        for argument in node.args:
            yield from _keys(argument)
    elif isinstance(function, ast.Attribute) and _is_facts(function.value):
        yield from ((node.lineno, word.arg) for word in node.keywords if word.arg)
        for argument in node.args[:1]:
            yield from _text(argument)
            yield from _keys(argument)


def _is_facts(node: ast.expr) -> bool:
    return ast.unparse(node).rpartition(".")[2] == "facts"


def _text(node: ast.expr) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.lineno, node.value


def _keys(node: ast.expr | None) -> Iterator[tuple[int, str]]:
    """The literal keys of a dictionary, of both sides of ``|``, and of both branches of a condition."""
    match node:
        case ast.Dict():
            for key in node.keys:
                if key is not None:
                    yield from _text(key)
        case ast.BinOp():
            yield from (*_keys(node.left), *_keys(node.right))
        case ast.IfExp():
            yield from (*_keys(node.body), *_keys(node.orelse))


def of_family(family: str) -> set[str]:
    """The names that a family may state: its types' own, and its programs'."""
    rows = [row for row in TYPES if row.home.endswith(f".{family}")]
    part = rows[0].part("facts")
    return {fact.name for row in rows for fact in (*row.facts, *getattr(part, "AGENT_FACTS", ()))}


def undeclared(paths: Iterator[Path], declared: set[str]) -> list[str]:
    return [
        f"{path.relative_to(PACKAGE)}:{line}: {name}"
        for path in sorted(paths)
        if path.name not in ("driver.py", "libraries.py")  # theirs are kept between the two, and reach no report
        for line, name in stated(path)
        if name not in declared
    ]


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_family_states_is_declared(family: str) -> None:
    assert not undeclared((PACKAGE / "targets" / family).glob("*.py"), of_family(family))


@pytest.mark.parametrize("folder", ["climb", "clients", "run"])
def test_what_shared_code_states_is_declared(folder: str) -> None:
    assert not undeclared((PACKAGE / folder).rglob("*.py"), {fact.name for fact in EVERYTHING})


def test_what_the_examination_of_an_agent_states_is_declared() -> None:
    assert not undeclared((PACKAGE / "fitness").glob("*.py"), {fact.name for fact in fitness.FACTS})


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_family_declares_is_somewhere_in_its_code(family: str) -> None:
    """Or in what families share; a fact that no code states any more leaves the vocabulary."""
    shared = [*(PACKAGE / "climb").rglob("*.py"), *(PACKAGE / "clients").glob("*.py")]
    paths = [*(PACKAGE / "targets" / family).glob("*.py"), *shared]
    words = {name for path in paths if "facts" not in path.name for name in _words(path)}
    assert not {name for name in of_family(family) if name not in words} - {fact.name for fact in CORE}


def _words(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg


def test_every_subject_of_the_examination_is_a_line_of_it() -> None:
    source = "\n".join(path.read_text() for path in (PACKAGE / "fitness").glob("*.py") if path.name != "facts.py")
    served = {f"listens for {row.serves}" for row in TYPES if row.serves}
    assert 'f"listens for {row.serves}"' in source
    assert not [subject for subject in fitness.BY_SUBJECT if subject not in served and f'"{subject}"' not in source]


def test_every_type_declares_its_facts() -> None:
    for row in TYPES:
        part = row.part("facts")
        assert part is not None, row.name
        assert part.FACTS.get(row.name), row.name
        assert set(CORE) <= set(row.facts)
        assert (set(TLS) <= set(row.facts)) is (row.tls or Step.TLS in row.steps)


def test_a_name_is_declared_once_a_type() -> None:
    """Twice only where its values are of two types."""
    for row in TYPES:
        declared = [(fact.name, fact.type) for fact in row.facts]
        assert len(declared) == len(set(declared)), row.name


def test_a_declaration_is_a_sentence() -> None:
    for fact in EVERYTHING:
        assert fact.meaning.endswith(".")
        assert fact.meaning[0] in "`ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        assert fact.name.isidentifier()
        assert fact.name.islower()


def test_a_type_of_a_bare_coroutine_declares_none_of_its_own() -> None:
    async def verify(_: object) -> None: ...

    assert stand_in("echo", verify).facts[: len(CORE)] == CORE


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Kind.TEXT, "x", 1),
        (Kind.TEXT, Step.TLS, None),
        (Kind.INTEGER, 7, True),
        (Kind.INTEGER, -1, 1.5),
        (Kind.FLAG, False, 0),
        (Kind.TEXTS, [], "text"),
        (Kind.TEXTS, ("a", "b"), ["a", 1]),
        (Kind.INTEGERS, [1], [True]),
        (Kind.MAP, {"a": {}}, {1: "a"}),
    ],
)
def test_a_value_has_the_declared_type(kind: Kind, good: object, bad: object) -> None:
    fact = Fact("name", kind, "", "It.")
    assert fact.accepts(good)
    assert not fact.accepts(bad)
    assert not fact.accepts(None)
    assert Fact("name", kind, "", "It.", nullable=True).accepts(None)


def test_a_fact_outside_the_vocabulary_is_found_in_a_report() -> None:
    row = catalogue()["db2"]
    check = Check(Step.HANDSHAKE, "h:1", Outcome.PASSED, "", {"product": "Db2", "colour": "blue", "version": 11})
    wrong = wrong_with([check], row.facts)
    assert [line.partition(" states ")[2] or line.partition(": ")[2] for line in wrong] == [
        "colour='blue', which is not declared",
        "version=11 is no text",
    ]


def test_http_facts_are_those_of_every_http_type() -> None:
    for row in TYPES:
        if row.speaks == "http":
            assert set(HTTP) <= set(row.facts), row.name
