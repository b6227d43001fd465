"""The rules of the house (docs/architecture.md), each as a check."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import scanready
from fixtures.limits import HANG
from scanready.catalogue import Group, TargetType
from scanready.model import Owner
from scanready.run.registry import all_causes
from tests.asserted_causes import asserted
from tests.ladder import TYPES
from tests.syntax import forgotten, nodes, tree

__all__ = ["forgotten"]

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "verifiers" / "scanready"
SOURCES = sorted(PACKAGE.rglob("*.py"))
CLIENT_LIBRARIES = ("paramiko", "impacket", "pymysql", "psycopg", "oracledb", "pytds", "imapclient", "exchangelib")
#: First word of the evidence of a type whose servers and clients are not available for tests.
UNJUDGED = ("nothing: ", "nothing yet: ")
HEAVY = (*CLIENT_LIBRARIES, "requests", "requests_ntlm", "keyring")


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def imports(module: ast.Module) -> Iterator[tuple[str, bool]]:
    """Each imported top-level package, and whether it stands inside a function."""
    waiting: list[tuple[ast.AST, bool]] = [(module, False)]
    while waiting:
        node, inside = waiting.pop()
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.split(".")[0], inside
        inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        waiting += [(child, inside) for child in ast.iter_child_nodes(node)]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    yield from (node for node in nodes(path) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_client_libraries_are_imported_only_by_logins_and_only_when_needed() -> None:
    offences = [
        (name(path), library)
        for path in SOURCES
        for library, inside in imports(_without_type_checking(tree(path)))
        if library in HEAVY
        and not (inside and ((path.parent.name == "clients" or path.name.startswith("login")) or library == "keyring"))
    ]
    assert not offences


def _logs_in(path: Path) -> bool:
    return path.parent.name == "clients" or path.name.startswith("login")


def _without_type_checking(module: ast.Module) -> ast.Module:
    """Leave out what only a type checker imports."""
    body = [
        node
        for node in module.body
        if not (isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING")
    ]
    return ast.Module(body, module.type_ignores)


def test_importing_everything_loads_no_client_library() -> None:
    script = f"""
import pkgutil, importlib, sys
sys.path.insert(0, {str(PACKAGE.parent)!r})
import scanready
for module in pkgutil.walk_packages(scanready.__path__, "scanready."):
    if not module.name.endswith("__main__") and not module.name.startswith("scanready.fleet."):
        importlib.import_module(module.name)
print(*[library for library in {(*HEAVY, "amqp", "celery", "kombu")!r} if library in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=HANG, check=True)
    assert done.stdout.split() == []


def test_one_module_opens_sockets() -> None:
    opens = {
        name(path)
        for path in SOURCES
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func) in ("socket.socket", "socket.create_connection", "asyncio.open_connection")
    }
    assert opens <= {"net/sockets.py"}


#: The functions that catch any exception and do not raise it again. None ends a run.
_TAKES_ALL = [
    "clients/libraries.py: _look_at",  # a library that does not load: the others are still examined
    "clients/login_process/child.py: load",  # a library may raise anything; the login that needs it says so
    "clients/login_process/outcomes.py: of_call",  # travels to the parent, and is raised there
    "climb/confinement.py: ended",  # raised again, by the task that waits
    "climb/confinement.py: __await__",  # an exception that would end the event loop becomes Misconduct
    "climb/confinement.py: __await__",  # an exception that is thrown in goes on to the verifier
    "climb/confinement.py: let_go",  # the end of another package's coroutine
    "climb/probe.py: climb",  # a verifier's bug is one report
    "fleet/agent.py: take",  # a batch that fails is reported to the coordinator, which waits for it
    "fleet/agent.py: check",  # raised again, where the batch is carried out
    "fleet/cancels.py: _named",  # a hostile message is dropped, and the next one is heard
    "fleet/connection.py: drop",  # the end of a connection that may be broken in any way
    "fleet/publisher.py: _tried",  # a result that is not sent is sent again
    "fleet/publisher.py: _wait_for_end_of_alarm",  # the message is sent again, through another connection
    "fleet/threads.py: loop",  # a thread of the agent survives any error
    "fleet/worker_log.py: emit",  # an error of a log handler would end the worker
    "inventory/key_ring.py: ask",  # the words of any exception may be the secret
    "net/threads.py: _work",  # raised again, where the result is awaited
    "run/plugins/attempt.py: attempted",  # another package's function
    "run/plugins/recogniser.py: _answer",  # another package's signature, on a thread of its own
]


def test_every_except_names_a_class_and_few_take_all() -> None:
    """Around verifiers, threads and client libraries, around secrets, and around what other packages bring."""
    unnamed = [
        name(path)
        for path in SOURCES
        for node in nodes(path)
        if isinstance(node, ast.ExceptHandler) and node.type is None
    ]
    assert not unnamed
    assert [f"{name(path)}: {function}" for path in SOURCES for function, _ in _swallowing(path)] == _TAKES_ALL


def test_whatever_takes_all_says_why() -> None:
    without = [
        f"{name(path)}:{line}"
        for path in SOURCES
        for _, line in _swallowing(path)
        if "#" not in path.read_text().splitlines()[line - 1].replace("# noqa: BLE001", "")
    ]
    assert not without


@cache
def _swallowing(path: Path) -> tuple[tuple[str, int], ...]:
    """Return function and line of each place that stops any exception; to clean up and raise it again is none."""
    return tuple(_places_that_swallow(path))


def _places_that_swallow(path: Path) -> Iterator[tuple[str, int]]:
    for function in functions(path):
        for node in _own_nodes(function):
            match node:
                case ast.ExceptHandler(type=ast.expr() as kind, body=[*_, last]):
                    if _takes_all(kind) and not (isinstance(last, ast.Raise) and last.exc is None):
                        yield function.name, node.lineno
                case ast.Call(func=ast.Attribute(attr="suppress")) if any(map(_takes_all, node.args)):
                    yield function.name, node.lineno
                case _:
                    pass


def _own_nodes(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """Walk a function without those within it."""
    waiting = deque(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.popleft()
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
            waiting.extend(ast.iter_child_nodes(node))


def _takes_all(kind: ast.expr) -> bool:
    names = {node.id for node in ast.walk(kind) if isinstance(node, ast.Name)}
    return bool(names & {"Exception", "BaseException"})


def test_files_and_functions_are_short() -> None:
    """At most 500 lines a file; a function fits on a screen."""
    long = [name(path) for path in SOURCES if len(path.read_text().splitlines()) > 500]
    long += [
        f"{name(path)}: {function.name}"
        for path in SOURCES
        for function in functions(path)
        if (function.end_lineno or 0) - function.lineno > 60
    ]
    assert not long


#: The names that pytest's plug-in manager calls.
_CALLED_BY_OTHERS = ("pytest_", "fake_target")


def test_every_function_and_class_is_used_outside_the_tests() -> None:
    """A function that only tests call belongs to the tests. Protocols say what modules of a target type have."""
    used = {word for path in SOURCES for word in _words_used(path)}
    unused = [
        f"{name(path)}: {node.name}"
        for path in SOURCES
        for node in tree(path).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith(("__", *_CALLED_BY_OTHERS))
        and node.name not in used
    ]
    assert unused == ["catalogue/agent_program.py: AgentProgram"]


def _words_used(path: Path) -> Iterator[str]:
    """Every name that a module uses, and the words of its short texts, such as the names that are loaded lazily."""
    for node in nodes(path):
        match node:
            case ast.Name(word) | ast.Attribute(attr=word) | ast.keyword(arg=str(word)) | ast.alias(name=word):
                yield word
            case ast.Constant(str(text)) if "\n" not in text:
                yield from re.findall(r"\w+", text)
            case _:
                pass


def test_every_module_says_what_it_is() -> None:
    assert not [name(path) for path in SOURCES if not ast.get_docstring(tree(path))]


def test_every_cause_is_provoked_by_a_test() -> None:
    proven, constants = asserted(ROOT / "tests"), _cause_constants()
    assert constants.keys() == all_causes().keys()
    assert not [code for code in all_causes() if not {code, constants[code]} & proven]


def _cause_constants() -> dict[str, str]:
    """The dotted name of each cause's constant, by the cause's code."""
    found: dict[str, str] = {}
    for path in (*(PACKAGE / "causes").glob("*.py"), *PACKAGE.glob("targets/*/causes.py")):
        module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for node in tree(path).body:
            match node:
                case ast.Assign([ast.Name(constant)], ast.Call(ast.Name("Cause"), [ast.Constant(str(code)), *_])):
                    found[code] = f"{module}.{constant}"
    return found


def test_every_cause_that_a_page_names_exists() -> None:
    codes = set(all_causes())
    areas = {code.partition(".")[0] for code in codes}
    ours = {f"scanready.{name}" for name in (*scanready.__all__, *(path.stem for path in PACKAGE.iterdir()))}
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        named = re.findall(r"`([a-z0-9]+\.[a-z0-9-]+)`", page.read_text(encoding="utf-8"))
        files = {code for code in named if code.endswith((".cnf", ".conf", ".ini", ".ora", ".toml", ".yaml"))}
        unknown = {code for code in named if code.partition(".")[0] in areas} - codes - files - ours
        assert not unknown, f"{page.name} names causes that do not exist: {unknown}"


def test_cause_codes_have_one_shape() -> None:
    for code, cause in all_causes().items():
        assert re.fullmatch(r"[a-z0-9]+\.[a-z0-9-]+", code)
        assert cause.meaning.endswith(".")
        assert cause.remedy
        assert cause.confirm


def test_every_built_in_cause_says_how_it_looks_on_the_wire() -> None:
    for code, cause in all_causes().items():
        assert cause.wire.endswith("."), code


def test_each_owner_has_a_remedy_of_their_own() -> None:
    """The operator writes the inventory: another owner's remedy that names it is never read by the operator."""
    for code, cause in all_causes().items():
        for owner, remedy in ((cause.owner, cause.remedy), *((other.owner, other.remedy) for other in cause.also)):
            assert owner is Owner.OPERATOR or "inventory" not in remedy, f"{code}: {remedy}"


def test_every_built_type_is_proven_by_somebody_else() -> None:
    """By a real server in the lab, or by the emulator that a vendor's or an independent client accepts."""
    lab = "\n".join(path.read_text() for path in (ROOT / "tests" / "lab").glob("test_*.py"))
    for row in TYPES:
        if not row.proven_by.startswith(UNJUDGED) and f'"{row.name}"' not in lab:
            judges = list((ROOT / "tests" / "emulators").glob(f"test_{row.name}_judge*.py"))
            assert judges, f"neither a lab test nor a judged emulator for {row.name}"


#: The types of databases and mail, for which two independent programs are the least where two exist.
JUDGED = [row for row in TYPES if row.group in (Group.DATABASES, Group.MAIL)]


def test_two_independent_programs_judge_each_database_and_mail_type() -> None:
    assert len(JUDGED) >= 13
    for row in JUDGED:
        enough = len({judge.name.lower() for judge in row.judges}) >= 2
        assert enough is not bool(row.no_other_judge), f"{row.name}: two judges, or the reason for fewer"


@pytest.mark.parametrize("row", TYPES, ids=lambda row: row.name)
def test_the_judges_that_a_type_names_exist_as_tests(row: TargetType) -> None:
    """Each file has tests, is about the type's protocol, and names the program."""
    for judge in row.judges:
        text = (ROOT / judge.test).read_text()
        assert re.search(r"\n *def test_", text), judge
        assert judge.name.lower() in text.lower(), judge
        family = row.home.rpartition(".")[2]
        assert any(word in text for word in (f'"{row.name}"', row.name, family)), judge


def test_no_source_names_a_place_it_should_not() -> None:
    """Paths of one machine and addresses of package indexes have no place in the project."""
    bad = re.compile(r"/(work|farm|root(?!/cimv2|/nowhere))/|\bpypi\.o" + r"rg|python" + r"hosted|npm" + r"js")
    offences = []
    for path in _project_files():
        offences += [f"{path}: {match[0]}" for match in bad.finditer(path.read_text(errors="replace"))]
    assert not offences


def _project_files() -> Iterator[Path]:
    """Yield the files of the project: those that git lists or, without git, all that are not hidden."""
    if shutil.which("git") and (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        paths = [ROOT / file for file in listed.split("\0") if file]
    else:
        paths = [
            path for path in ROOT.rglob("*") if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
        ]
    kinds = (".py", ".md", ".toml", ".txt", ".sh", ".yaml", "")
    yield from (path for path in paths if path.is_file() and path.suffix in kinds and "__pycache__" not in path.parts)
