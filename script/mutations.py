"""Find the small changes of a Python module that its tests should notice, each as a replacement of a piece of text.

Docstrings, annotations, decorators, imports, ``__repr__`` and blocks for type checkers are left as they are; so are
f-strings, whose inner positions Python 3.11 reports wrongly.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], tuple[str, ...]] = {
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
    ast.Lt: ("<=", ">="),
    ast.LtE: ("<", ">"),
    ast.Gt: (">=", "<="),
    ast.GtE: (">", "<"),
    ast.Is: ("is not",),
    ast.IsNot: ("is",),
    ast.In: ("not in",),
    ast.NotIn: ("in",),
}
OPERATORS: dict[type[ast.operator], str] = {ast.Add: "-", ast.Sub: "+", ast.Mult: "//", ast.FloorDiv: "*", ast.Div: "*"}
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}
SKIPPED_FUNCTIONS = ("__repr__",)
DELETED = (ast.Raise, ast.Continue, ast.Break, ast.Delete, ast.AugAssign)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: the bytes from ``start`` to ``end`` become ``text``."""

    line: int
    kind: str
    start: int
    end: int
    text: str

    def apply(self, source: str) -> str:
        """Return the source with this change."""
        data = source.encode()
        return (data[: self.start] + self.text.encode() + data[self.end :]).decode()

    def diff(self, source: str) -> str:
        """Return the first line that differs, before and after, as a unified diff has them."""
        changed = difflib.unified_diff(source.splitlines(), self.apply(source).splitlines(), lineterm="", n=0)
        lines = list(changed)[3:]
        shown = []
        for sign in "-+":
            of_sign = [line for line in lines if line.startswith(sign)]
            shown += [of_sign[0] + (" ..." if len(of_sign) > 1 else "")] if of_sign else []
        return "\n".join(shown)


class Mutator:
    """Walks a module and collects its mutants."""

    def __init__(self, source: str, names: Sequence[str] = ()) -> None:
        self._data = source.encode()
        self._names = set(names)
        self._starts = [0]
        for line in self._data.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._found: list[Mutant] = []

    def mutants(self) -> list[Mutant]:
        """Return the mutants that are valid Python and differ from the source in more than layout."""
        source = self._data.decode()
        tree = ast.parse(source)
        self._walk(tree, inside=not self._names)
        original = ast.dump(tree)
        return [mutant for mutant in dict.fromkeys(self._found) if _differs(mutant.apply(source), original)]

    def _walk(self, node: ast.AST, *, inside: bool) -> None:
        """Visit the children that may change; outside the wanted functions and classes, only look for those."""
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if node.name in SKIPPED_FUNCTIONS:
                return
            inside = inside or node.name in self._names
        if inside:
            self._visit(node)
        for child in _children(node):
            self._walk(child, inside=inside)

    def _visit(self, node: ast.AST) -> None:
        match node:
            case ast.Compare():
                self._compare(node)
            case ast.BoolOp():
                self._bool_op(node)
            case ast.BinOp(op=operator, left=left, right=right) if type(operator) in OPERATORS:
                self._between(left, right, "operator", OPERATORS[type(operator)])
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self._replace(node, "drop not", self._text(operand))
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) | ast.Assert(test=test):
                self._negate(test)
            case ast.comprehension(ifs=conditions) if conditions:
                self._negate(conditions[0])
            case ast.match_case(guard=ast.expr() as guard):
                self._negate(guard)
            case ast.Constant() | ast.MatchSingleton():
                self._constant(node)
            case ast.Return(value=ast.expr() as value) if not _is_false(value):
                self._replace(value, "return None", "None")
            case ast.Call():
                self._call(node)
            case ast.stmt() if _deletable(node):
                self._replace(node, "delete statement", "pass")

    def _compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for left, operator, right in zip(operands, node.ops, operands[1:], strict=False):
            for text in COMPARISONS[type(operator)]:
                self._between(left, right, "comparison", text)
        for operand in operands:
            strings = operand.elts if isinstance(operand, ast.Tuple | ast.List | ast.Set) else [operand]
            for string in strings:
                self._string(string)

    def _bool_op(self, node: ast.BoolOp) -> None:
        text = "or" if isinstance(node.op, ast.And) else "and"
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._between(left, right, "and/or", text)

    def _constant(self, node: ast.Constant | ast.MatchSingleton) -> None:
        if isinstance(node.value, bool):
            self._replace(node, "boolean", str(not node.value))
        elif isinstance(node.value, int | float):
            for changed in (node.value + 1, node.value - 1):
                self._replace(node, "constant", repr(changed))

    def _string(self, node: ast.expr) -> None:
        """Change a string or bytes that something is compared with."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            changed = node.value + "X" if isinstance(node.value, str) else node.value + b"X"
            self._replace(node, "string", repr(changed))

    def _call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in CALLS:
            self._replace(node.func, "call", CALLS[node.func.id])
        for keyword in node.keywords:
            if keyword.arg and keyword.arg != "repr":
                start, end = self._span(keyword)
                if after := re.match(rb"\s*,\s*", self._data[end:]):
                    end += after.end()
                elif before := re.search(rb",\s*\Z", self._data[:start]):
                    start = before.start()
                self._add(keyword, "drop keyword", start, end, "")

    def _negate(self, test: ast.expr) -> None:
        if isinstance(test, ast.Name) and test.id == "TYPE_CHECKING":
            return
        if not isinstance(test, ast.Compare) and not (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)):
            self._replace(test, "negate", f"(not ({self._text(test)}))")

    def _between(self, left: ast.expr, right: ast.expr, kind: str, text: str) -> None:
        """Replace the operator between two operands, and keep parentheses and line ends around it."""
        start, end = self._span(left)[1], self._span(right)[0]
        if found := re.fullmatch(rb"([\s)\\]*)([^\s()\\]+(?:\s+(?:not|in))?)([\s(\\]*)", self._data[start:end]):
            self._add(left, kind, start + found.start(2), start + found.end(2), text)

    def _replace(self, node: ast.AST, kind: str, text: str) -> None:
        self._add(node, kind, *self._span(node), text)

    def _add(self, node: ast.AST, kind: str, start: int, end: int, text: str) -> None:
        line = self._data.count(b"\n", 0, start) + 1
        self._found.append(Mutant(line, kind, start, end, text))

    def _text(self, node: ast.AST) -> str:
        start, end = self._span(node)
        return self._data[start:end].decode()

    def _span(self, node: ast.AST) -> tuple[int, int]:
        """Return the first byte of a node and the one after its last."""
        line, column, end_line, end_column = (
            getattr(node, name) for name in ("lineno", "col_offset", "end_lineno", "end_col_offset")
        )
        return self._starts[line - 1] + column, self._starts[end_line - 1] + end_column


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the children that may change."""
    skipped: set[int] = set()
    match node:
        case ast.JoinedStr() | ast.Import() | ast.ImportFrom():
            return
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            yield from node.orelse
            return
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            skipped = {id(child) for child in (*node.decorator_list, getattr(node, "returns", None))}
        case ast.arg() | ast.AnnAssign():
            skipped = {id(node.annotation)}
        case ast.keyword(arg="repr"):
            return
    yield from (child for child in ast.iter_child_nodes(node) if id(child) not in skipped)


def _deletable(node: ast.stmt) -> bool:
    """True for statements that a test can miss: calls, raises, jumps, and changes of attributes and items."""
    if isinstance(node, ast.Expr):
        return not isinstance(node.value, ast.Constant | ast.Yield)
    if isinstance(node, ast.Assign):
        return all(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets)
    return isinstance(node, DELETED)


def _is_false(node: ast.expr) -> bool:
    """True for None and False, which callers seldom tell apart."""
    return isinstance(node, ast.Constant) and (node.value is None or node.value is False)


def _differs(source: str, original: str) -> bool:
    """True for valid Python with another meaning than the original's."""
    try:
        return ast.dump(ast.parse(source)) != original
    except (SyntaxError, ValueError):
        return False
