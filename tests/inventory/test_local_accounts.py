"""The modes and owners with which a host's own file of credentials is used: one rule for every user."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanready.inventory import InventoryError, local_accounts
from tests.files.test_atomic_file import as_root, as_user

pytestmark = pytest.mark.skipif(os.name == "nt", reason="users and modes of POSIX")
ROOT, SERVICE, STRANGER, AGENTS = 0, 65531, 65532, 65530
ENTRY = "svc: {username: er, password: env:LOCAL, hosts: ['*']}\n"


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file in a folder that every user can enter."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    monkeypatch.setattr(local_accounts, "folders", lambda: [folder])
    file = folder / local_accounts.NAME
    file.write_text(ENTRY)
    yield file
    shutil.rmtree(folder)


def found_by(user: int, group: int, file: Path) -> str:
    """Return what a user gets: the names of the credentials, or the problem."""
    told = file.with_name("told")
    told.touch()
    told.chmod(0o666)

    def act() -> None:
        try:
            words = ",".join(local_accounts.local_accounts().by_name)
        except InventoryError as error:
            words = str(error)
        told.write_text(words)

    if user == ROOT:
        act()
    else:
        as_user(user, act, group)
    return told.read_text()


#: Owner, group and mode of the file; the user that scanready runs as; a part of the problem, or "" if there is none.
CASES = [
    (ROOT, ROOT, 0o600, ROOT, ""),
    (ROOT, ROOT, 0o640, ROOT, ""),
    (ROOT, AGENTS, 0o640, ROOT, ""),
    (ROOT, AGENTS, 0o440, ROOT, ""),
    (ROOT, AGENTS, 0o640, SERVICE, ""),
    (ROOT, AGENTS, 0o660, ROOT, "(mode 0660): chmod 640 "),
    (ROOT, AGENTS, 0o660, SERVICE, "(mode 0660): chmod 640 "),
    (ROOT, AGENTS, 0o644, ROOT, "(mode 0644): chmod 640 "),
    (ROOT, AGENTS, 0o644, SERVICE, "(mode 0644): chmod 640 "),
    (ROOT, ROOT, 0o644, ROOT, "(mode 0644): chmod 600 "),
    (ROOT, ROOT, 0o640, SERVICE, "; a file of root needs a group of this user, and mode 640"),
    (SERVICE, AGENTS, 0o600, SERVICE, ""),
    (SERVICE, AGENTS, 0o400, SERVICE, ""),
    (SERVICE, AGENTS, 0o640, SERVICE, "(mode 0640): chmod 600 "),
    (SERVICE, AGENTS, 0o604, SERVICE, "(mode 0604): chmod 600 "),
    (SERVICE, AGENTS, 0o602, SERVICE, "(mode 0602): chmod 600 "),
    (SERVICE, AGENTS, 0o620, SERVICE, "(mode 0620): chmod 600 "),
    (SERVICE, AGENTS, 0o600, ROOT, f"it belongs to {SERVICE}: chown it to this user or to root"),
    (STRANGER, AGENTS, 0o640, SERVICE, f"it belongs to {STRANGER}: chown it to this user or to root"),
]


@as_root
@pytest.mark.parametrize(("owner", "group", "mode", "user", "problem"), CASES)
def test_the_rule_is_the_same_whoever_runs_scanready(
    file: Path, owner: int, group: int, mode: int, user: int, problem: str
) -> None:
    os.chown(file, owner, group)
    file.chmod(mode)
    told = found_by(user, AGENTS, file)
    if problem:
        assert problem in told
        assert str(file) in told
    else:
        assert told == "svc"


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_of_ones_own_that_nobody_else_reads_is_used(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert list(local_accounts.local_accounts().by_name) == ["svc"]


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o606, 0o602, 0o660, 0o620])
def test_a_file_of_ones_own_that_others_read_or_write_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(InventoryError, match=rf"\(mode {mode:04o}\): chmod 600 "):
        local_accounts.local_accounts()
