"""The library: what `import scanready` offers to programs, and `scanready.author` to verifiers."""

from __future__ import annotations

import ast
import asyncio
import os
import pydoc
import re
import subprocess
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

import scanready
from fixtures.emulators import in_background, postgresql
from fixtures.limits import HANG
from scanready import author, model
from scanready.inventory import InventoryError
from scanready.testing import FakeTarget

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "verifiers" / "scanready"
#: The classes that describe a check and its result.
WORDS = (
    *("Agent", "Target", "Step", "Outcome", "Check", "Finding", "Cause", "Owner", "Verdict", "Report", "Credential"),
    "Footprint",
)
#: A greeting that the ssh verifier takes for another protocol: blocked, after one packet.
SMTP = b"220 mail.example.com ESMTP Postfix\r\n"


def loaded_by(statement: str) -> set[str]:
    """The modules of ours that a fresh interpreter has loaded after a statement."""
    script = f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r})\n{statement}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=HANG, check=True)
    return {name for name in done.stdout.splitlines()[-1].split() if name.partition(".")[0] == "scanready"}


def environment() -> dict[str, str]:
    """The environment with this package first."""
    return {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}


def test_the_package_exports_the_model_and_four_names() -> None:
    assert len(WORDS) == 12
    assert set(scanready.__all__) == {*WORDS, "Settings", "__version__", "check", "verify", "verify_all"}


def test_every_exported_name_is_there_and_listed() -> None:
    for name in scanready.__all__:
        assert getattr(scanready, name) is not None
        assert name in dir(scanready)


@pytest.mark.parametrize("module", ["scanready", "scanready.author"])
def test_only_public_names_are_listed_before_and_after_use(module: str) -> None:
    """No submodule, no name that the module itself needs: they would show up in completion."""
    script = f"""
import importlib, {module}
module = importlib.import_module({module!r})
assert dir(module) == sorted(module.__all__), dir(module)
for name in module.__all__: getattr(module, name)
import scanready.cli, scanready.inventory, scanready.run.engine, scanready.author
assert dir(module) == sorted(module.__all__), dir(module)
before = set(globals())
from {module} import *
brought = set(globals()) - before - {{"before"}}
assert brought <= set(module.__all__), brought
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=HANG, check=False, env=environment()
    )
    assert done.returncode == 0, done.stderr


def test_help_describes_arguments_and_errors() -> None:
    text = pydoc.plain(pydoc.render_doc(scanready.check))
    for words in ("check(target: ", "Check one target and block", "Args:", "Raises:", "InventoryError: "):
        assert words in text
    assert "Check many targets" in pydoc.plain(pydoc.render_doc(scanready))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'scanready' has no attribute 'nonsense'"):
        _ = scanready.nonsense  # type: ignore[attr-defined]  # a type checker knows that, too


def test_the_package_alone_loads_its_version_and_no_more() -> None:
    assert loaded_by("import scanready; dir(scanready)") == {"scanready", "scanready.version"}


def test_check_takes_a_text() -> None:
    with FakeTarget() as fake:
        fake.send(SMTP)
        report = scanready.check(fake.url("ssh"))
    assert report.verdict is scanready.Verdict.BLOCKED
    assert report.cause is not None
    assert report.cause.code == "handshake.other-protocol"


def test_check_takes_a_target_and_settings() -> None:
    with FakeTarget() as fake:
        report = scanready.check(fake.target("ssh"), settings=scanready.Settings(depth=scanready.Step.CONNECT))
    assert report.verdict is scanready.Verdict.UNDECIDED
    assert report.reached is scanready.Step.CONNECT


def test_check_takes_a_credential_for_either() -> None:
    account = scanready.Credential("scan", "svc-er", "secret")
    with FakeTarget() as fake:
        fake.send(SMTP)
        for target in (fake.url("ssh"), fake.target("ssh")):
            assert scanready.check(target, credential=account).target.credential is account


def test_check_works_inside_a_running_event_loop() -> None:
    async def notebook(url: str) -> scanready.Report:
        return scanready.check(url)

    with FakeTarget() as fake:
        fake.send(SMTP)
        report = asyncio.run(notebook(fake.url("ssh")))
    assert report.verdict is scanready.Verdict.BLOCKED


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("db7", "target db7 has no type"),
        ("2001:db8::7", "IPv6"),
        ("nonsense://db7", "nonsense"),
        ("postgresql://svc:hunter2@db7/hr", "a password in a target is refused"),
    ],
    ids=["no type", "no brackets", "unknown type", "password"],
)
def test_check_refuses_a_text_that_is_no_target(text: str, words: str) -> None:
    with pytest.raises(InventoryError, match=words) as caught:
        scanready.check(text)
    assert "hunter2" not in str(caught.value)


# the surface for authors ------------------------------------------------------------------------------------------


def for_type_checkers(module: str) -> set[str]:
    """The names that a module imports for type checkers only."""
    path = PACKAGE.parent.joinpath(*module.split(".")).with_suffix(".py")
    tree = ast.parse((path if path.exists() else path.with_suffix("") / "__init__.py").read_text())
    blocks = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    return {
        alias.asname or alias.name
        for block in blocks
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@pytest.mark.parametrize("module", ["scanready", "scanready.author"])
def test_type_checkers_know_the_same_names(module: str) -> None:
    exported = __import__(module, fromlist=["__all__"]).__all__
    assert for_type_checkers(module) | {"__version__"} == {*exported, "__version__"}


def test_an_author_finds_every_name() -> None:
    for name in author.__all__:
        assert getattr(author, name) is not None
        assert name in dir(author)
    assert {name for names in author._HOMES.values() for name in names.split()} == set(author.__all__)


def test_an_author_is_told_of_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match=r"'scanready.author' has no attribute 'Prober'"):
        _ = author.Prober  # type: ignore[attr-defined]  # absent on purpose


def test_the_authors_names_are_those_of_the_modules() -> None:
    from scanready.causes import common
    from scanready.climb.rung import Rung
    from scanready.wire.printable import printable

    assert author.common is common
    assert author.Rung is Rung
    assert author.printable is printable


def test_a_row_loads_the_declaration_only() -> None:
    names = "TargetType, Cost, Option, Driver, Nmap, Called, Group, Step, Requirement, Requirements, one_port, switch"
    loaded = loaded_by(f"from scanready.author import {names}")
    assert not [name for name in loaded if name.split(".")[1:2] in (["climb"], ["net"], ["clients"], ["run"])]


def test_help_does_not_load_the_authors_surface() -> None:
    statement = """
import contextlib, io
sys.argv = ["scanready", "--help"]
from scanready.cli import main
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    main()
"""
    assert "scanready.author" not in loaded_by(statement)


# the example ---------------------------------------------------------------------------------------------------------


def run_example(*targets: str) -> subprocess.CompletedProcess[str]:
    """Run examples/check_estate.py as a user does."""
    command = [sys.executable, str(ROOT / "examples" / "check_estate.py"), *targets]
    return subprocess.run(command, capture_output=True, text=True, timeout=HANG, check=False, env=environment())


def test_the_example_reports_verdict_cause_owner_and_fix() -> None:
    with FakeTarget() as mail, FakeTarget() as database:
        mail.send(SMTP)
        database.wait(0.1).reset()
        done = run_example(mail.url("ssh"), database.url("postgresql", "/hr"))
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert f"{mail.url('ssh')}  blocked" in done.stdout
    assert "    handshake.other-protocol: " in done.stdout
    assert "    handshake.hung-up: " in done.stdout
    assert sum(line.startswith("    for ") for line in lines) == 2


def test_the_example_accepts_a_target_that_is_ready() -> None:
    with in_background(postgresql.sasl) as server:
        done = run_example(f"postgresql://127.0.0.1:{server.port}/hr")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "  ready  (" in done.stdout or "  limited  (" in done.stdout


def test_the_example_tells_undecided_from_blocked() -> None:
    with FakeTarget() as fake:
        fake.wait()
        done = run_example(fake.url("informix"))  # its first packet is a login, which needs allow_login_probe
    assert (done.returncode, "  undecided  (" in done.stdout) == (3, True), done.stdout + done.stderr


def test_the_example_without_arguments_shows_its_usage() -> None:
    done = run_example()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: check_estate.py")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense://db7", "unknown target type `nonsense`"),
        ("/no/such/estate.yaml", "needs a type before it"),
        ("estate.yaml", "has no type"),
        ("db7\x1b[2J", "invisible character"),
        ("postgresql://er:hunter2@db7/hr", "a password in a target is refused"),
        ("", "the host is empty"),
    ],
    ids=["unknown type", "a path", "a file name", "escape", "password", "empty"],
)
def test_the_example_says_in_one_line_what_is_wrong(text: str, words: str) -> None:
    done = run_example("ssh://127.0.0.1:9", text)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: target ")
    assert words in line
    assert "hunter2" not in line
    assert line.isprintable()


def test_the_example_says_all_that_is_wrong() -> None:
    done = run_example("nonsense://db7", "ssh://", "db8")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 3


def _frozen_values() -> list[type]:
    """The frozen dataclasses of both surfaces."""
    public = [getattr(module, name) for module in (scanready, author, model) for name in dir(module)]
    kept = [one for one in public if isinstance(one, type) and is_dataclass(one)]
    return [one for one in dict.fromkeys(kept) if getattr(one, "__dataclass_params__").frozen]  # noqa: B009  # typeshed has no such attribute


def test_every_frozen_value_can_be_hashed() -> None:
    """A field that cannot is left out, or the class has a hash of its own; what can change has none."""
    frozen = _frozen_values()
    assert {scanready.Agent, scanready.Settings, scanready.Target, author.Option, author.Nmap} <= set(frozen)
    generated = [one for one in frozen if getattr(one.__hash__, "__module__", "") != one.__module__ or _is_made(one)]
    assert scanready.Agent in generated
    assert scanready.Target not in generated
    changing = [
        f"{one.__name__}.{field.name}"
        for one in generated
        for field in fields(one)
        if field.hash is not False and re.match(r"(Mapping|dict|list|set)\[", str(field.type))
    ]
    assert changing == ["TargetType.parts"]  # two rows are equal only if they are one
    assert author.TargetType.__hash__ is object.__hash__
    changing_ones: list[type] = [scanready.Check, scanready.Footprint, scanready.Report]
    assert [getattr(one, "__hash__", None) for one in changing_ones] == [None, None, None]


def _is_made(one: type) -> bool:
    """Return whether the hash of a class is the one that dataclasses write."""
    code = getattr(one.__hash__, "__code__", None)
    return code is not None and code.co_filename == "<string>"


def test_targets_are_members_of_sets_and_options_have_hashes() -> None:
    targets = [scanready.Target("nas", "nfs", 2049, {"export": f"/{number}"}) for number in range(100)]
    assert len({*targets, *targets}) == 100
    assert len({hash(target) for target in targets}) > 90
    assert hash(author.Option("a", schema={"type": "string"})) == hash(author.Option("a", schema={"type": "number"}))
    assert hash(author.Nmap(parts={"x": "y"})) == hash(author.Nmap())
