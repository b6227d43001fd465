"""docs/adding-a-target.md builds a built-in type: what it shows is written and run as it stands."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from tests.tree_copy import copy_of_the_tree, git, run

PAGE = (Path(__file__).parents[2] / "docs" / "adding-a-target.md").read_text(encoding="utf-8")

#: A file that is named before its block, or commands of a shell.
_BLOCK = re.compile(r"(?:<!-- file: (?P<file>\S+) -->\n```\w+\n|```sh\n)(?P<text>.*?)```", re.DOTALL)
#: Tests that every target type has to pass.
_OF_EVERY_TYPE = (
    "tests/climb/test_signatures.py",
    "tests/test_generated_docs.py",
    "tests/wire/test_fields.py",
    "tests/wire/test_unknown_values.py",
    "tests/targets/memcached",
)


@pytest.mark.timeout(300)
def test_a_built_in_type_as_the_page_builds_it(tmp_path: Path) -> None:
    """Each file is written and each command is run, in the order of the page, in a copy of this tree."""
    tree = copy_of_the_tree(tmp_path)
    project_python = tree / ".venv" / "bin" / "python"  # in place of the environment that script/check makes
    project_python.parent.mkdir(parents=True)
    project_python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    project_python.chmod(0o755)
    blocks = list(_BLOCK.finditer(PAGE))
    assert len(blocks) >= 10
    for block in blocks:
        if block["file"]:
            assert (tree / block["file"]).exists(), f"script/new-target does not write {block['file']}"
            (tree / block["file"]).write_text(block["text"])
            continue
        for line in block["text"].splitlines():
            done = run(tree, "sh", "-c", line)
            assert done.returncode == 0, line + done.stdout + done.stderr
    for check in (["-m", "ruff", "format", "--check", "."], ["-m", "ruff", "check", "."]):
        done = run(tree, "python", *check)
        assert done.returncode == 0, done.stdout
    done = run(tree, "python", "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *_OF_EVERY_TYPE)
    assert done.returncode == 0, done.stdout
    assert "memcached" in run(tree, "python", "-m", "scanready", "types", "memcached").stdout
    touched = [line[3:] for line in git(tree, "status", "--porcelain").splitlines()]
    own = [path for path in touched if "memcached" not in path]
    profile = "verifiers/scanready/profiles/er2-2.0.28.yaml"
    assert set(own) <= {"README.md", "docs/causes.md", "docs/facts.md", "docs/target-types.md", profile}
