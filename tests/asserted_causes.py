"""Find the causes that tests assert, in the syntax of the tests: a comment, an input or an unused table does not count.

A cause is asserted where its code or its constant stands in an ``assert``, in an argument of a function that asserts
(such as ``expect``) or in ``pytest.raises(match=...)``; directly, or through names: parameters of the test, loops,
assignments. Denied parts (``!=``, ``not in``, ``not``) do not count, nor do arguments of the code under test.
"""

from __future__ import annotations

import ast
import gc
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

_CODE = re.compile(r"[a-z0-9]+\\?\.[a-z0-9]+(?:-[a-z0-9]+)*")
Function = ast.FunctionDef | ast.AsyncFunctionDef
#: The expressions that each name may stand for.
Values = dict[str, list[ast.expr]]


#: Calls whose arguments are a part of the assertion, like those of classes; those of others go to the code under test.
_TRANSPARENT = frozenset(
    re.findall(
        r"\w+",
        "all any count dict endswith escape findall format frozenset fullmatch get index isinstance issubset items "
        "join keys len list map match max min next search set sorted startswith str sum tuple union values zip",
    )
)


@dataclass(slots=True)
class _Module:
    tree: ast.Module
    #: The dotted name of each imported module, class and constant, by its local name.
    imported: dict[str, str] = field(default_factory=dict)
    values: Values = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in _nodes(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                self.imported |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        for statement in self.tree.body:
            _assign(statement, self.values)


def asserted(tests: Path) -> set[str]:
    """Return what the tests below a folder assert: codes, and dotted names such as ``scanready.causes.common.BUG``."""
    collecting = gc.isenabled()
    gc.disable()  # millions of nodes, and none of them is garbage: looking for it takes a third of the time
    try:
        modules = [_Module(ast.parse(path.read_text(encoding="utf-8"))) for path in sorted(tests.rglob("*.py"))]
        helpers = _helpers(modules)
        found: set[str] = set()
        for module in modules:
            found |= _asserted(module.tree, module, module.values, helpers)
        return found
    finally:
        _nodes.cache_clear()
        if collecting:
            gc.enable()


@cache
def _nodes(node: ast.AST) -> tuple[ast.AST, ...]:
    """Return a node and all below it. Each function is looked through several times."""
    return tuple(ast.walk(node))


def _asserted(scope: ast.AST, module: _Module, outer: Values, helpers: set[str]) -> set[str]:
    """Collect from the outermost functions and classes of a scope; each knows the names around it."""
    found: set[str] = set()
    for inner in ast.iter_child_nodes(scope):
        if isinstance(inner, ast.ClassDef):
            found |= _asserted(inner, module, _merged(outer, _values(inner)), helpers)
        elif isinstance(inner, Function):
            values = _merged(outer, _values(inner))
            for expression in _assertions(inner, helpers):
                found |= _codes(expression, module, values, set())
    return found


def _merged(outer: Values, inner: Values) -> Values:
    return {**outer, **{name: [*found, *outer.get(name, ())] for name, found in inner.items()}}


def _helpers(modules: Iterable[_Module]) -> set[str]:
    """Name the functions of the tests that assert something, or call one that does."""
    helpers: set[str] = set()
    called: dict[str, set[str]] = {}
    for module in modules:
        for function in _functions(module.tree):
            names = called.setdefault(function.name, set())
            for node in _nodes(function):
                if isinstance(node, ast.Assert):
                    helpers.add(function.name)
                elif isinstance(node, ast.Call):
                    names.add(_called(node))
    while callers := {name for name, names in called.items() if name not in helpers and names & helpers}:
        helpers |= callers
    return helpers


def _called(call: ast.Call) -> str:
    """The last part of the called name."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _functions(node: ast.AST) -> Iterator[Function]:
    yield from (found for found in _nodes(node) if isinstance(found, Function))


def _assertions(function: Function, helpers: set[str]) -> Iterator[ast.expr]:
    """Yield the expressions that a function asserts."""
    for node in _nodes(function):
        if isinstance(node, ast.Assert):
            yield node.test
        elif isinstance(node, ast.Call) and (name := _called(node)) in helpers:
            yield from node.args
            yield from (keyword.value for keyword in node.keywords)
        elif isinstance(node, ast.Call) and name == "raises":
            yield from (keyword.value for keyword in node.keywords if keyword.arg == "match")


def _values(node: ast.AST) -> Values:
    """Collect what names stand for: cases of parametrised tests, loops and assignments."""
    values: Values = {}
    for decorator in getattr(node, "decorator_list", ()):
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("parametrize"):
            names, cases = decorator.args[:2]
            _unpack(_argument_names(names), cases, values)
    for inner in _nodes(node):
        _assign(inner, values)
    return values


def _argument_names(names: ast.expr) -> ast.expr:
    """Turn the names of a parametrised test into the target of a loop."""
    listed = ast.literal_eval(names)
    words = [word.strip() for word in listed.split(",")] if isinstance(listed, str) else listed
    parts: list[ast.expr] = [ast.Name(word) for word in words]
    return parts[0] if len(parts) == 1 else ast.Tuple(parts)


def _assign(node: ast.AST, values: Values) -> None:
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                _bind(target, value, values)
        case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target=target, value=value):
            _bind(target, value, values)
        case ast.For(target=target, iter=cases) | ast.AsyncFor(target=target, iter=cases):
            _unpack(target, cases, values)
        case ast.comprehension(target=target, iter=cases):
            _unpack(target, cases, values)


def _unpack(target: ast.expr, cases: ast.expr, values: Values) -> None:
    """Bind the target to each element of a literal list, or to the whole expression."""
    elements = cases.elts if isinstance(cases, ast.List | ast.Tuple | ast.Set) else [cases]
    for element in elements:
        if isinstance(element, ast.Call) and ast.unparse(element.func) == "pytest.param":
            element = element.args[0] if len(element.args) == 1 else ast.Tuple(list(element.args))
        _bind(target, element, values)


def _bind(target: ast.expr, value: ast.expr, values: Values) -> None:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and _same_shape(target, value):
        for name, part in zip(target.elts, value.elts, strict=True):
            _bind(name, part, values)
        return
    if isinstance(value, ast.Call) and isinstance(target, ast.Name) and target.id.isupper():
        value = ast.Tuple([*value.args, *(keyword.value for keyword in value.keywords)])  # a function makes the table
    for node in ast.walk(target):
        if isinstance(node, ast.Name):
            values.setdefault(node.id, []).append(value)


def _same_shape(one: ast.Tuple, other: ast.Tuple) -> bool:
    starred = any(isinstance(part, ast.Starred) for part in (*one.elts, *other.elts))
    return len(one.elts) == len(other.elts) and not starred


def _codes(expression: ast.expr, module: _Module, values: Values, known: set[str]) -> set[str]:
    """Collect codes and constants in an asserted expression, and in what its names stand for."""
    found: set[str] = set()
    for node in _affirmed(expression):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= {code.replace("\\", "") for code in _CODE.findall(node.value)}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.add(f"{module.imported.get(node.value.id)}.{node.attr}")
        elif isinstance(node, ast.Name):
            found.add(module.imported.get(node.id, node.id))
            if node.id not in known:
                known.add(node.id)
                for value in values.get(node.id, ()):
                    found |= _codes(value, module, values, known)
    return found


def _affirmed(node: ast.AST) -> Iterator[ast.AST]:
    """Walk an expression without the parts that it denies, and without what it hands to the code under test."""
    if isinstance(node, ast.Compare) and all(isinstance(op, ast.NotEq | ast.NotIn) for op in node.ops):
        return
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return
    yield node
    if isinstance(node, ast.Call) and not (_called(node) in _TRANSPARENT or _called(node)[:1].isupper()):
        return
    for child in ast.iter_child_nodes(node):
        yield from _affirmed(child)
