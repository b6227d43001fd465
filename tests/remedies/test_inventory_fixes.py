"""A fix for the inventory is the operator's: it goes with a cause of theirs, or into ``also`` under their name."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

import scanready
from scanready.model import Cause, Owner
from scanready.remedies.fixes import IN_INVENTORY, Fix
from tests.syntax import tree

PACKAGE = Path(scanready.__file__).parent
#: The calls that attach a fix to a cause, which they take first, second and third: Failure(cause, detail, fix).
ATTACHING = ("Failure", "Finding", "Unfinished", "Judged", "stop", "fail", "warn", "inconclusive")


def written(module: ModuleType, name: str) -> object:
    """Return what a dotted name of a module stands for; None if that is known only when it runs."""
    found: object = module
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def names_in(node: ast.AST | None) -> set[str]:
    """Return the dotted names in a piece of code."""
    return {name for one in ast.walk(node) if (name := dotted(one))} if node else set()


def dotted(node: ast.AST) -> str:
    """Return a dotted name as it is written; empty for other code."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=of, attr=name) if of_what := dotted(of):
            return f"{of_what}.{name}"
        case _:
            return ""


class Entries:
    """The fixes for the inventory, and the functions that return one."""

    def __init__(self) -> None:
        found = (one for _, module in sources() for one in vars(module).values() if isinstance(one, Fix))
        self.all: list[object] = [one for one in found if one.at == IN_INVENTORY]
        for code, module in sources():
            for function in functions(code):
                returned = [one for one in ast.walk(function) if isinstance(one, ast.Return)]
                if any(written(module, name) in self for one in returned for name in names_in(one)):
                    self.all.append(written(module, function.name))

    def __contains__(self, value: object) -> bool:
        return value is not None and any(value is one for one in self.all)


@cache
def sources() -> list[tuple[ast.Module, ModuleType]]:
    """Return each file of ours that may attach a fix."""
    found = []
    for folder in ("clients", "climb", "targets"):
        for path in sorted((PACKAGE / folder).rglob("*.py")):
            name = ".".join(("scanready", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
            if "fix" in path.read_text(encoding="utf-8").lower() and not path.name.startswith("__"):
                found.append((tree(path), importlib.import_module(name)))
    return found


def functions(code: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return the functions and methods of a file."""
    return [one for one in ast.walk(code) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]


def attached(code: ast.AST, module: ModuleType, entries: Entries) -> Iterator[tuple[str, bool, Cause | None, int]]:
    """Yield the name of each cause that a fix for the inventory goes with, whether as its first owner's, and where."""
    for function in functions(code):
        of_ours = {name for name in names_in(function) if written(module, name) in entries}
        for one in ast.walk(function):  # names that a fix is given, before it is attached
            if isinstance(one, ast.Assign) and names_in(one.value) & of_ours:
                of_ours |= {ast.unparse(place) for place in one.targets}
        for call in ast.walk(function):
            if (
                isinstance(call, ast.Assign)
                and dotted(call.targets[0]).endswith(".fix")
                and names_in(call.value) & of_ours
            ):
                yield ast.unparse(call), True, None, call.lineno
            if not isinstance(call, ast.Call) or ast.unparse(call.func).split(".")[-1] not in ATTACHING:
                continue
            named = {keyword.arg: keyword.value for keyword in call.keywords}
            first, at = (1, 2) if ast.unparse(call.func).endswith("Judged") else (0, 2)
            fix = named.get("fix", call.args[at] if len(call.args) > at else None)
            cause = named.get("cause", call.args[first] if len(call.args) > first else None)
            known = written(module, ast.unparse(cause)) if cause else None
            for piece, is_first in ((fix, True), (named.get("also"), False)):
                if names_in(piece) & of_ours:
                    yield ast.unparse(cause or call), is_first, known if isinstance(known, Cause) else None, call.lineno


def faults(code: ast.AST, module: ModuleType, entries: Entries) -> list[str]:
    """Return what is wrong in one file, a line each."""
    found = []
    for name, is_first, cause, line in attached(code, module, entries):
        if is_first and (cause is None or cause.owner is not Owner.OPERATOR):
            found.append(f"{module.__name__}:{line}: a fix for the inventory is the first owner's of {name}")
        elif cause and not is_first and all(one.owner is not Owner.OPERATOR for one in cause.also):
            found.append(f"{module.__name__}:{line}: {name} has no part for the operator")
    return found


@pytest.fixture(scope="module")
def entries() -> Entries:
    """Return what writes for the inventory."""
    return Entries()


def test_a_fix_for_the_inventory_is_the_operators(entries: Entries) -> None:
    assert {getattr(one, "__name__", "") for one in entries.all} >= {"in_inventory", "in_tls", "_as_target"}
    places = [one for code, module in sources() for one in attached(code, module, entries)]
    assert {is_first for _, is_first, _, _ in places} == {True, False}
    assert len(places) > 15
    assert not [fault for code, module in sources() for fault in faults(code, module, entries)]


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    raise Failure(common.TLS_NOT_OFFERED, 'said', IN_CLEAR(host='h', port=80, path='/'))",
        "def f():\n    fix = in_tls(url)\n    rung.stop(common.TLS_REQUIRED, 'said', fix)",
        "def f():\n    failure.fix = in_tls(url)",
        "def f():\n    raise Failure(common.TLS_VERSION, 'said', also=((Owner.OPERATOR, in_tls(url)),))",
    ],
)
def test_what_the_rule_finds(entries: Entries, code: str) -> None:
    module = importlib.import_module("scanready.clients.http_talk")
    assert len(faults(ast.parse(code), module, entries)) == 1
