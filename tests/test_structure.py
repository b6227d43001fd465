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

from scanready.climb.login_result import LoginResult
from tests.ladder import TYPES

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "verifiers" / "scanready"
FAMILIES = sorted(path.name for path in (PACKAGE / "targets").iterdir() if (path / "row.py").exists())
#: Folders below ``targets``: what stands there knows no target type.
LOWER = ("wire", "catalogue", "causes", "remedies", "net", "climb", "clients")

#: Words that are a target type's name and mean something else in general code: the word, its meaning there, and the
#: places, as folders or files below the package. At most ten: each is one word in one meaning.
EXCEPTIONS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("http", "the scheme of a URL, and the protocol that the HTTP clients share", ("clients", "cli/commands/agent.py")),
    ("https", "the scheme of a URL", ("clients", "cli/commands/agent.py")),
    ("import http", "the codec of that protocol", ("clients",)),
    ("windows", "the platform of an agent, as --assume-agent has it", ("cli/job/job.py",)),
    ("windows", "a firewall dialect", ("report/rule_forms.py", "report/formats/html.py")),
    (
        "master",
        "a key of the inventory and of a report",
        ("inventory/reading.py", "report/schema.py", "catalogue/option.py"),
    ),
    ("master", "the Master Server, whose ways the examination of an agent climbs", ("cli/commands", "fitness")),
    ("update", "the update server, which --update-server names", ("cli/commands/agent.py",)),
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
    for node in ast.walk(ast.parse(path.read_text())):
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
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []


def test_relative_imports_stay_in_their_folder() -> None:
    offences = [
        f"{module}:{node.lineno}"
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text()))
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
    assert not offences
    assert len(EXCEPTIONS) <= 10
    assert {(name, meaning) for name, meaning, _ in EXCEPTIONS} == set(used), "an exception that nothing needs"


def _names() -> Iterator[tuple[str, int, str]]:
    """Every type's name in general code, as a string or as a part of an import: file, line, name."""
    names = {row.name for row in TYPES}
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE).as_posix()
        if place.startswith("wire/") or (place.startswith("targets/") and place != "targets/__init__.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in names:
                yield place, node.lineno, node.value
            elif isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("scanready")):
                parts = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
                yield from ((place, node.lineno, f"import {part}") for part in parts if part in names)
