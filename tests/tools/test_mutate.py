"""The mutation tester: the changes it makes, and that a strong test kills what a weak one lets live."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import mutate_module
import mutations
import pytest

from fixtures.limits import HANG

ROOT = Path(__file__).parents[2]

TOY = '''\
"""A toy."""


def price(age: int, member: bool = False) -> int:
    """Return the price of a ticket."""
    if age < 18 or member:
        return 5
    return 9


class Ticket:
    def __init__(self) -> None:
        self.used = False

    def __repr__(self) -> str:
        return "Ticket" if self.used else "Unused"

    def use(self) -> None:
        if self.used:
            raise ValueError("used")
        self.used = True
'''
WEAK = "from toy import Ticket, price\n\n\ndef test_weak():\n    assert price(10)\n    Ticket().use()\n"
STRONG = """\
import pytest
from toy import Ticket, price


def test_strong():
    assert [price(17), price(18), price(19), price(18, member=True)] == [5, 9, 9, 5]
    ticket = Ticket()
    ticket.use()
    with pytest.raises(ValueError):
        ticket.use()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in (
        ("toy.py", TOY),
        ("test_weak.py", WEAK),
        ("test_strong.py", STRONG),
        ("pytest.ini", "[pytest]\n"),
    ):
        (tmp_path / name).write_text(text)
    return tmp_path


def run(project: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    output = project.parent / "mutants.json"
    output.unlink(missing_ok=True)
    command = [sys.executable, str(ROOT / "script" / "mutate_module.py"), "--root", str(project), "-o", str(output)]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=HANG, check=False)
    return done, json.loads(output.read_text()) if output.exists() else {}


def changes(source: str) -> set[str]:
    """Return the source once for each mutant, with its change."""
    return {mutant.apply(source) for mutant in mutations.Mutator(source).mutants()}


def test_a_strong_test_kills_what_a_weak_one_lets_live(project: Path) -> None:
    done, strong = run(project, "toy.py", "--tests", "test_strong.py")
    assert done.returncode == 0, done.stderr
    assert strong["killed"] == strong["mutants"] > 10, done.stdout
    done, weak = run(project, "toy.py", "--tests", "test_weak.py")
    assert weak["mutants"] == strong["mutants"]
    assert 0 < weak["killed"] < weak["mutants"]
    assert weak["survived"] == len(weak["survivors"]) == weak["mutants"] - weak["killed"]
    boundary = "-    if age < 18 or member:\n+    if age <= 18 or member:"
    survivor = {"file": "toy.py", "line": 6, "kind": "comparison", "diff": boundary, "reason": ""}
    assert survivor in weak["survivors"]
    assert f"toy.py:6: comparison survived\n{boundary}\n  not accepted\n" in done.stdout
    assert done.returncode == 1
    assert (project / "toy.py").read_text() == TOY, "the sources stay as they are"


def test_a_test_that_draws_its_input_judges_no_change(project: Path) -> None:
    """Its find of today is luck, and may be missed tomorrow."""
    drawn = "from hypothesis import given, strategies as st\nfrom toy import price\n\n\n@given(st.integers(0, 99))\n"
    drawn += "def test_drawn(age):\n    assert price(age) in (5, 9)\n\n\ndef test_nothing():\n    pass\n"
    (project / "test_drawn.py").write_text(drawn)
    done, result = run(project, "toy.py", "--tests", "test_drawn.py", "--count", "4")
    assert (result["mutants"], result["killed"]) == (4, 0), done.stdout


def test_the_seed_chooses_and_the_count_limits(project: Path) -> None:
    weak = ("toy.py", "--tests", "test_weak.py", "--count", "3")
    first, again, other = (run(project, *weak, "--seed", seed)[1] for seed in ("1", "1", "2"))
    assert first["mutants"] == 3
    assert first == again
    assert other["survivors"] != first["survivors"]


def test_the_table_names_the_tests_and_the_functions(project: Path) -> None:
    (project / "script").mkdir()
    table = '[price]\nsources = ["toy.py::price"]\ntests = ["test_strong.py"]\n'
    (project / "script" / "mutate-modules.toml").write_text(table)
    done, result = run(project, "price")
    assert result["survived"] == 0
    assert result["mutants"] == len(mutations.Mutator(TOY, ["price"]).mutants()) < len(mutations.Mutator(TOY).mutants())
    done, _ = run(project, "toy.py")
    assert done.returncode == 1
    assert "toy.py is not in mutate-modules.toml (price); give --tests" in done.stderr


def test_the_projects_own_table_names_files_that_exist() -> None:
    table = tomllib.loads((ROOT / "script" / "mutate-modules.toml").read_text(encoding="utf-8"))
    assert {"model", "guard", "explain", "certificates", "resolve", "judgement"} <= table.keys()
    for module, entry in table.items():
        for source in entry["sources"]:
            path, _, names = source.partition("::")
            code = (ROOT / path).read_text(encoding="utf-8")
            assert [name for name in names.split(",") if f"def {name}(" not in code and name] == [], module
        assert [test for test in entry["tests"] if not (ROOT / test).is_file()] == [], module


def test_the_projects_own_survivors_are_of_lines_that_exist() -> None:
    assert mutate_module.read_known(ROOT)


def test_survivors_are_accepted_with_a_reason(project: Path) -> None:
    source, weak = "def f(a):\n    return max(a, 0) + 1\n", ("toy.py", "--tests", "test_weak.py")
    (project / "toy.py").write_text(source)
    (project / "test_weak.py").write_text("from toy import f\n\n\ndef test_it():\n    assert f(3) == 4\n")
    entry = """
[[survivor]]
file = "toy.py"
before = "return max(a, 0) + 1"
after = "return max(a, 1) + 1"
reason = "0 never gets here, and negative numbers are nobody's"
"""
    known = project / "script" / "mutate-survivors.toml"
    known.parent.mkdir()
    known.write_text(entry)
    done, result = run(project, *weak)
    assert done.returncode == 1
    assert (result["accepted"], result["survived"]) == (1, 2), done.stdout
    assert "  accepted: 0 never gets here, and negative numbers are nobody's\n" in done.stdout
    known.write_text(entry + entry.replace("(a, 1)", "(a, -1)"))
    done, result = run(project, *weak)
    assert done.returncode == 0, done.stdout
    for change, complaint in (("max(a, 0)", "no such line"), ("0 never gets", "no reason")):
        known.write_text(entry.replace(change, "") if complaint == "no such line" else entry.partition("reason")[0])
        done, _ = run(project, *weak)
        assert done.returncode == 1
        assert f"mutate-survivors.toml: {complaint}: toy.py" in done.stderr


def test_an_endless_loop_counts_as_noticed(project: Path) -> None:
    (project / "toy.py").write_text("def count():\n    n = 0\n    while n < 3:\n        n += 1\n    return n\n")
    (project / "test_weak.py").write_text("from toy import count\n\n\ndef test_it():\n    assert count() == 3\n")
    _, result = run(project, "toy.py", "--tests", "test_weak.py", "--timeout", "4")
    assert result["timeouts"] >= 1
    assert "delete statement" not in [survivor["kind"] for survivor in result["survivors"]]


def test_tests_that_fail_without_a_change_judge_nothing(project: Path) -> None:
    (project / "test_weak.py").write_text("def test_it():\n    assert False, 'never'\n")
    done, _ = run(project, "toy.py", "--tests", "test_weak.py")
    assert done.returncode == 1
    assert "the tests fail without a change" in done.stderr
    assert "never" in done.stderr


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("x = a <= b", {"x = a < b", "x = a > b"}),
        ("x = a is not None", {"x = a is None"}),
        ("x = (a) not in (b)", {"x = (a) in (b)"}),
        ("x = a and b or c", {"x = a or b or c", "x = a and b and c"}),
        ("x = not a", {"x = a"}),
        ("x = a + b", {"x = a - b"}),
        ("x = 3", {"x = 4", "x = 2"}),
        ("x = True", {"x = False"}),
        ("x = a == 'é'", {"x = a != 'é'", "x = a == 'éX'"}),
        ("x = min(a, b)", {"x = max(a, b)"}),
        ("x = f(a, b=c, d=e)", {"x = f(a, d=e)", "x = f(a, b=c)"}),
        ("f(a)", {"pass"}),
        ("a.b = c", {"pass"}),
        ("x = y if a else z", {"x = y if (not (a)) else z"}),
        ("x: Literal[1] = y", set()),
        ("x = f'{a + 1}'", set()),
        ("from a import b", set()),
        ("x = field(repr=False)", set()),
        ("'text'", set()),
    ],
)
def test_the_changes_of_a_line(source: str, wanted: set[str]) -> None:
    assert changes(source) == wanted


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("def f():\n    return g\n", "return None"),
        ("match a:\n    case B(c=True) if d:\n        pass\n", "c=False"),
        ("match a:\n    case B() if d:\n        pass\n", "if (not (d))"),
        ("if TYPE_CHECKING:\n    x = 1\nelse:\n    x = [y for y in z if y]\n", "if (not (y))"),
    ],
)
def test_a_change_within_a_block(source: str, text: str) -> None:
    assert any(text in changed for changed in changes(source))
    assert not any("x = 2" in changed for changed in changes(source))


def test_every_change_of_a_whole_module_is_valid_python_on_one_place() -> None:
    source = Path(mutations.__file__).read_text(encoding="utf-8")
    found = mutations.Mutator(source).mutants()
    assert len(found) > 100
    assert len({mutant.apply(source) for mutant in found}) == len(found)
    for mutant in found[::10]:
        ast.parse(mutant.apply(source))
        assert mutant.diff(source).startswith("-")
