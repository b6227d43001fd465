"""Write the reference part of docs/api.md, out of the signatures and docstrings of both public surfaces."""

from __future__ import annotations

import ast
import enum
import inspect
import re
import textwrap
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import scanready
from scanready import author, inventory

#: Methods that the engine calls, and no author.
_INTERNAL = {"Probe": ("answers", "climb", "use"), "TargetType": ("part",), "ClimbEnded": ()}
#: The names of `scanready` that the page begins with.
_LIBRARY = ("check", "verify", "verify_all", "Settings", "Report", "Verdict", "Target", "Credential", "Agent", "Check")
_SECTIONS = {"Args:": "Arguments", "Attributes:": "Attributes", "Raises:": "Raises", "Returns:": "Returns"}
_MODULES = {
    "common": "The causes that all types share, as constants (`common.LOGIN_REFUSED`), as in [causes.md](causes.md).",
    "facts": "The facts that several protocols share, as constants (`facts.PRODUCT`): see [facts.md](facts.md).",
    "subprocess_call": "Runs a client library in a process of its own, which can be killed.",
}


def reference() -> Iterator[str]:
    """Yield the lines of the reference."""
    yield from ("## Reference: `scanready`", "")
    names = [name for name in scanready.__all__ if not name.startswith("_")]
    for name in (*_LIBRARY, *(name for name in names if name not in _LIBRARY)):
        yield from _entry(name, getattr(scanready, name))
    for name in ("parse_target", "InventoryError", "Problem"):
        yield from _entry(f"inventory.{name}", getattr(inventory, name))
    yield from ("", "## Reference: `scanready.author`", "")
    yield "The names that `scanready` exports, too, are described above."
    for name in sorted(author.__all__, key=str.lower):
        if name not in scanready.__all__:
            yield from _entry(name, getattr(author, name))


def _entry(name: str, value: Any) -> Iterator[str]:
    yield from ("", f"### `{name}`", "")
    if isinstance(value, ModuleType):
        yield _MODULES[name]
        if name == "subprocess_call":
            yield from ("", *_function(value.run, "subprocess_call."))
    elif inspect.isclass(value):
        yield from _class(value)
    elif inspect.isfunction(value):
        yield from _function(value)
    else:
        yield from _constant(name)


def _class(value: type) -> Iterator[str]:
    body = _source(value).body
    fields = [node for node in body if isinstance(node, ast.AnnAssign | ast.Assign) and not _private(node)]
    methods = [node for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    yield "```python"
    yield _head(value)
    if issubclass(value, enum.Enum):
        yield from (f"    {member.name} = {_quoted(repr(member.value))}" for member in value)
    else:
        yield from (f"    {_quoted(ast.unparse(node))}" for node in fields if isinstance(node, ast.AnnAssign))
        for node in methods:
            if node.name == "__init__":
                yield from textwrap.indent(_signature(node), "    ").splitlines()
    yield "```"
    yield from ("", *_prose(inspect.getdoc(value) or ""))
    for node in methods:
        if not node.name.startswith("_") and node.name not in _INTERNAL.get(value.__name__, ()):
            yield from ("", *_method(node))


def _quoted(code: str) -> str:
    """Code with the quotes of the house."""
    return re.sub(r"'([^'\"]*)'", r'"\1"', code)


def _head(value: type) -> str:
    bases = [base.__name__ for base in value.__bases__ if base is not object]
    return f"class {value.__name__}({', '.join(bases)}):" if bases else f"class {value.__name__}:"


def _method(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    if any(ast.unparse(decorator) == "property" for decorator in node.decorator_list):
        yield f"**`{node.name}: {ast.unparse(node.returns) if node.returns else 'Any'}`** (property)"
    else:
        yield from ("```python", *_signature(node).splitlines(), "```")
    yield from ("", *_prose(ast.get_docstring(node) or ""))


def _function(value: Any, prefix: str = "") -> Iterator[str]:
    node = _source(value)
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    node.name = prefix + node.name
    yield from ("```python", *_signature(node).splitlines(), "```")
    yield from ("", *_prose(inspect.getdoc(value) or ""))


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    arguments = re.sub(r"(: [^=:]+?)=", r"\1 = ", _quoted(ast.unparse(node.args)))
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    line = f"{word} {node.name}({arguments}){returns}"
    if len(line) <= 100:
        return line
    parts = re.split(r", (?![^\[(]*[\])])", arguments)
    return "\n".join([f"{word} {node.name}(", *(f"    {part}," for part in parts), f"){returns}"])


def _constant(name: str) -> Iterator[str]:
    """A constant or an alias of a type, with the comment above it."""
    lines, at = _assignment(name)
    yield from ("```python", lines[at], "```")
    comment: list[str] = []
    while at and lines[at - 1].startswith("#:"):
        at -= 1
        comment.insert(0, lines[at].removeprefix("#:").strip())
    if comment:
        yield from ("", *_prose("\n".join(comment)))


def _assignment(name: str) -> tuple[list[str], int]:
    """The source of the module that defines a name, and the line where it does, modules that re-export it followed."""
    home = next(home for home, names in author._HOMES.items() if name in names.split())
    while True:
        module = import_module(home)
        lines = inspect.getsource(module).splitlines()
        for at, line in enumerate(lines):
            if re.match(rf"{name}\b.*=", line):
                return lines, at
        home = _origin(module, name)


def _origin(module: ModuleType, name: str) -> str:
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.ImportFrom) and any(alias.name == name for alias in node.names):
            return f"{module.__package__}.{node.module}" if node.level else str(node.module)
    raise LookupError(f"{module.__name__}.{name}")


def _source(value: Any) -> Any:
    return ast.parse(textwrap.dedent(inspect.getsource(value))).body[0]


def _private(node: ast.AnnAssign | ast.Assign) -> bool:
    target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
    return ast.unparse(target).startswith("_")


def _prose(text: str) -> Iterator[str]:
    """A docstring as Markdown: its sections become lists, its roles and double backquotes code."""
    text = re.sub(r":[a-z]+:`~?([^`]+)`", r"`\1`", text).replace("``", "`")
    section, entry = "", ""
    for line in text.splitlines():
        if line.strip() in _SECTIONS and not line.startswith(" "):
            section = _SECTIONS[line.strip()]
            yield f"*{section}*"
            yield ""
        elif section and re.match(r"    [^ ]", line):
            entry, _, rest = line.strip().partition(": ")
            yield f"* `{entry}`: {rest}" if rest else f"* {entry}"
        elif section and line.startswith("     "):
            yield f"  {line.strip()}"
        else:
            section = section if not line else ""
            yield line
