"""The structure of the house: one room a protocol, no type's name outside it, no circles, nothing that looks upward."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from fixtures.limits import HANG
from scanready.climb.login_result import LoginResult
from tests.ladder import TYPES
from tests.syntax import forgotten, nodes, tree

__all__ = ["forgotten"]

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "verifiers" / "scanready"
FAMILIES = sorted(path.name for path in (PACKAGE / "targets").iterdir() if (path / "row.py").exists())
#: Folders below ``targets``: what stands there knows no target type.
LOWER = ("wire", "catalogue", "causes", "remedies", "net", "climb", "clients")

#: Where the proxies of the agent's environment are read: that of http, and that of https.
PROXIES = ("net/proxy_settings.py", "run/proxy_note.py")

#: Words that are a target type's name and mean something else in general code: the word, its meaning there, and the
#: places, as folders or files below the package. At most ten: each is one word in one meaning.
EXCEPTIONS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "http",
        "the scheme of a URL, and the protocol that the HTTP clients share",
        ("clients", "cli/commands/agent.py", *PROXIES),
    ),
    ("option table", "a format of output", ("cli",)),
    ("option user", "an account, in a report and in a table of hosts", ("report/serialize.py", "inventory/importing")),
    ("https", "the scheme of a URL", ("clients", "cli/commands/agent.py", *PROXIES)),
    ("import http", "the codec of that protocol", ("clients",)),
    ("windows", "the platform of an agent, as --assume-agent has it", ("model/platforms.py",)),
    ("windows", "a firewall dialect", ("report/rule_forms",)),
    (
        "master",
        "a key of the inventory and of a report",
        ("inventory", "report/schema.py", "catalogue/option.py", "cli/output/plan_table.py"),
    ),
    ("master", "the Master Server, whose ways the examination of an agent climbs", ("cli/commands", "fitness")),
    ("update", "the update server, which --update-server names", ("cli/commands/agent.py", "fitness/request.py")),
)


def modules() -> Mapping[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imported(module: str) -> Iterator[str]:
    """The modules of the package that a module imports, those inside functions and for type checkers included."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")
                base = ".".join([*above[: len(above) - node.level + 1], *filter(None, [node.module])])
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                if whole in MODULES:
                    yield whole
                elif base in MODULES:
                    yield base


def test_the_root_holds_few_modules() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= 6


def test_no_module_is_imported_in_a_circle() -> None:
    """Where a package's own ``__init__`` names a module of it for type checkers, that is no circle."""
    graph = {module: {other for other in imported(module) if other != module} for module in MODULES}
    while leaves := {module for module, others in graph.items() if not others & graph.keys()}:
        for module in leaves:
            del graph[module]
    while roots := graph.keys() - {other for others in graph.values() for other in others}:
        for module in roots:
            del graph[module]
    assert not graph, {module: sorted(others & graph.keys()) for module, others in graph.items()}


@pytest.mark.parametrize("folder", LOWER)
def test_nothing_below_the_targets_loads_one(folder: str) -> None:
    """Import-linter cannot see an import by name: a fresh interpreter can."""
    names = [module for module in MODULES if module.split(".")[1:2] == [folder]]
    script = f"""
import importlib, sys
sys.path.insert(0, {str(PACKAGE.parent)!r})
for name in {names!r}:
    importlib.import_module(name)
print(*[name for name in sys.modules if name.startswith("scanready.targets")])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=HANG, check=True)
    assert done.stdout.split() == []


def test_relative_imports_stay_in_their_folder() -> None:
    offences = [
        f"{module}:{node.lineno}"
        for module, path in MODULES.items()
        for node in nodes(path)
        if isinstance(node, ast.ImportFrom) and node.level > 1
    ]
    assert not offences


def test_every_login_has_one_signature() -> None:
    """``visit(where, credential, seconds)`` of a family's ``Where``, and what it returns is a LoginResult."""
    for name in MODULES:
        if not re.fullmatch(r"scanready\.targets\.\w+\.login", name):
            continue
        login = importlib.import_module(name)
        signature = inspect.signature(login.visit)
        parameters = {parameter.name: parameter.annotation for parameter in signature.parameters.values()}
        assert parameters == {"where": "Where", "credential": "Credential", "seconds": "float"}, name
        assert issubclass(getattr(login, signature.return_annotation), LoginResult), name
        assert login.Where.__dataclass_params__.frozen, name


def test_each_family_declares_its_types_and_what_is_demanded_for_them() -> None:
    for family in FAMILIES:
        files = {path.name for path in (PACKAGE / "targets" / family).glob("*.py")}
        assert {"__init__.py", "row.py", "requirements.py", "story.py"} <= files, family
        assert any(name.startswith("verify") for name in files), family
    for row in TYPES:
        assert row.requirements.lines, f"{row.name}: nothing is demanded"
        assert callable(row.verify())


def test_no_type_is_named_outside_its_folder(capsys: pytest.CaptureFixture[str]) -> None:
    used: dict[tuple[str, str], int] = {}
    offences = []
    for place, line, word in _names():
        for name, meaning, places in EXCEPTIONS:
            if word == name and any(place == one or place.startswith(f"{one}/") for one in places):
                used[name, meaning] = used.get((name, meaning), 0) + 1
                break
        else:
            offences.append(f"{place}:{line}: {word}")
    with capsys.disabled():
        print()
        for (name, meaning), count in used.items():
            print(f"    {name:11} {count:3} x  {meaning}")
    assert not offences, "a target type's name, or the key of an option, in general code"
    assert len(EXCEPTIONS) <= 10
    assert {(name, meaning) for name, meaning, _ in EXCEPTIONS} == set(used), "an exception that nothing needs"


def _names() -> Iterator[tuple[str, int, str]]:
    """Everything in general code that knows a type: file, line, and what it names."""
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE).as_posix()
        if place.startswith("wire/") or (place.startswith("targets/") and place != "targets/__init__.py"):
            continue
        yield from ((place, line, word) for line, word in named_in(tree(path), path.stem))


def named_in(module: ast.Module, stem: str) -> Iterator[tuple[int, str]]:
    """Find what a module names: types in strings, imports and identifiers, options where a target's are read."""
    names = {row.name for row in TYPES}
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in names:
            yield node.lineno, node.value
        elif isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("scanready")):
            parts = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            yield from ((node.lineno, f"import {part}") for part in parts if part in names)
    for line, identifier in [(1, stem), *_identifiers(module)]:
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", identifier).lower().split("_")
        yield from ((line, word) for word in words if word in names)
    yield from _option_keys(module)


def _identifiers(module: ast.Module) -> Iterator[tuple[int, str]]:
    """The names that a module gives: to its constants, functions, classes, parameters and attributes."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr
        if isinstance(node, ast.Module | ast.ClassDef):
            targets = [one for part in node.body for one in _assigned(part)]
            yield from ((one.lineno, one.id) for one in targets if isinstance(one, ast.Name))


def _assigned(statement: ast.stmt) -> list[ast.expr]:
    if isinstance(statement, ast.Assign):
        return statement.targets
    return [statement.target] if isinstance(statement, ast.AnnAssign) else []


def _option_keys(module: ast.Module) -> Iterator[tuple[int, str]]:
    """The keys of declared options, as texts or constants, in functions that read a target's options.

    General code asks the declared option (``USER.of(target.options)``), or the row for the options that have a meaning.
    """
    keys = {option.name for row in TYPES for option in row.options}
    constants = {
        name.id: part.value.value
        for part in module.body
        for name in _assigned(part)
        if isinstance(name, ast.Name)
        and isinstance(part, ast.Assign | ast.AnnAssign)
        and isinstance(part.value, ast.Constant)
    }
    outermost = [part for whole in module.body for part in (whole.body if isinstance(whole, ast.ClassDef) else [whole])]
    for function in outermost:
        nodes = list(ast.walk(function))
        if not any("options" in (getattr(node, "attr", ""), getattr(node, "id", "")) for node in nodes):
            continue
        for node in nodes:
            value = node.value if isinstance(node, ast.Constant) else constants.get(getattr(node, "id", ""))
            if isinstance(value, str) and value in keys:
                yield node.lineno, f"option {value}"  # type: ignore[attr-defined]  # an expression has a line


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('USUAL = "postgresql"', ["postgresql"]),
        ("from scanready.targets.mysql import login", ["import mysql"]),
        ("def mysql_grant(account): ...", ["mysql"]),
        ("def grant(mysql_account): ...", ["mysql"]),
        ("class OracleFix: ...", ["oracle"]),
        ("MYSQL_NAME = 1", ["mysql"]),
        ("class Fix:\n    smb_share: str", ["smb"]),
        ('KEY = "proxy"\ndef f(target): return KEY in target.options', ["option proxy"]),
        (
            'def f(target): return {n: v for n, v in target.options.items() if n != "autodiscover"}',
            ["option autodiscover"],
        ),
        ('def f(options): return options.get("database") or "postgres"', ["option database"]),
        ("def f(target): return USER.of(target.options)", []),
        ('def f(fields): return fields["user"]', []),
    ],
    ids=[
        "text",
        "import",
        "function",
        "parameter",
        "class",
        "constant",
        "field",
        "key",
        "items",
        "get",
        "asked",
        "other",
    ],
)
def test_what_that_rule_finds(source: str, found: list[str]) -> None:
    assert [word for _, word in named_in(ast.parse(source), "module")] == found
