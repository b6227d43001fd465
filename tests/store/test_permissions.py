"""A store that others can change is not used, and one that they can read is warned of."""

from __future__ import annotations

import os
import sqlite3
import stat
import tempfile
from pathlib import Path
from typing import Any

import pytest

from scanready.store import StoreError, remarks
from scanready.store.database import open_for_reading, open_for_writing
from tests.cli import plugin
from tests.cli.conftest import plugins  # noqa: F401  # a fixture

if os.name == "nt":
    pytest.skip("modes and owners of POSIX", allow_module_level=True)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of other users")
SOMEBODY, ANOTHER = 65531, 65532


def made(path: Path) -> Path:
    open_for_writing(path).close()
    return path


def refused(path: Path) -> str:
    words = []
    for use in (open_for_writing, open_for_reading):
        with pytest.raises(StoreError) as caught:
            use(path)
        words.append(str(caught.value))
    assert len(set(words)) == 1
    return words[0]


@pytest.mark.posix("permissions, owners and groups")
def test_a_store_is_made_for_its_owner_whatever_the_umask(tmp_path: Path) -> None:
    for umask in (0, 0o777):
        before = os.umask(umask)
        try:
            made(tmp_path / f"{umask}.db")
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / f"{umask}.db").stat().st_mode) == 0o600


@pytest.mark.posix("permissions, owners and groups")
@pytest.mark.parametrize("mode", [0o666, 0o602, 0o660])
def test_a_file_that_others_can_write_is_refused_with_the_remedy(
    tmp_path: Path, mode: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scanready.files.trust._is_private", lambda _: False)
    path = made(tmp_path / "my runs.db")
    path.chmod(mode)
    words = refused(path)
    assert f"other users can change it (mode {mode:04o})" in words
    assert f"chmod 600 '{path}'" in words
    path.chmod(0o600)
    open_for_reading(path).close()


def test_a_private_group_is_no_other_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanready.files.trust._is_private", lambda _: True)
    tmp_path.chmod(0o770)
    open_for_reading(made(tmp_path / "runs.db")).close()


@pytest.mark.posix("permissions, owners and groups")
@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o703])
def test_a_directory_that_others_can_write_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    path = made(tmp_path / "runs.db")
    tmp_path.chmod(mode)
    words = refused(path)
    tmp_path.chmod(0o700)
    assert "other users can change its directory" in words
    assert (f"chmod go-w {tmp_path}" in words) is not (mode == 0o1777)
    assert "with --store" in words


@pytest.mark.posix("permissions, owners and groups")
@as_root
def test_another_users_store_is_read_and_not_written(tmp_path: Path) -> None:
    path = made(tmp_path / "runs.db")
    os.chown(path, SOMEBODY, SOMEBODY)
    os.chown(tmp_path, SOMEBODY, SOMEBODY)
    open_for_reading(path).close()
    with pytest.raises(StoreError, match=r"belongs to 65531; name a file of your own with --store"):
        open_for_writing(path)
    os.chown(tmp_path, ANOTHER, ANOTHER)
    with pytest.raises(StoreError, match=r"65532 can change its directory"):
        open_for_reading(path)


@pytest.mark.posix("permissions, owners and groups")
@as_root
def test_a_link_of_another_user_is_not_followed(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as made_:
        shared = Path(made_)
        shared.chmod(0o1777)
        (shared / "runs.db").symlink_to(tmp_path / "new.db")
        os.lchown(shared / "runs.db", SOMEBODY, SOMEBODY)
        with pytest.raises(StoreError, match="symbolic link"):
            open_for_writing(shared / "runs.db")
        assert not (tmp_path / "new.db").exists()


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refused(tmp_path / "pipe").endswith("a pipe; name a regular file, or a new one, with --store")
    assert "no regular file; name a regular file" in refused(Path(os.devnull))
    assert "directory" in refused(tmp_path)


@pytest.mark.posix("files of /proc")
@pytest.mark.skipif(not os.path.ismount("/proc"), reason="the file system of processes is Linux's")
@pytest.mark.parametrize("name", ["/proc/kmsg", "/proc/version", "/proc/self/maps", "/proc/self/cwd/../../proc/stat"])
def test_a_file_that_the_kernel_makes_up_is_refused_before_sqlite_waits_for_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_: object, **__: object) -> None:
        pytest.fail("SQLite waits 5 s for each of its questions")

    (tmp_path / "runs.db").symlink_to(name)
    monkeypatch.setattr(sqlite3, "connect", connect)
    for path in (Path(name), tmp_path / "runs.db"):
        if path.exists():
            assert refused(path).endswith("a file of the kernel's; name a regular file, or a new one, with --store")
            assert remarks(path) == []


@pytest.mark.posix("permissions, owners and groups")
def test_a_store_that_others_can_read_is_warned_of(tmp_path: Path) -> None:
    path = made(tmp_path / "runs.db")
    assert remarks(path) == remarks(tmp_path / "none") == []
    path.chmod(0o644)
    (remark,) = remarks(path)
    assert remark == f"{path}: other users can read the stored runs (mode 0644): chmod 600 {path}"


@pytest.mark.posix("permissions, owners and groups")
def test_a_check_says_so_and_goes_on(plugins: Path) -> None:  # noqa: F811
    store = made(plugins / "open.db")
    store.chmod(0o666)
    done = plugin.run(plugins, ["check", "mood://host:99?is=ready", "--store", str(store)])
    assert done.returncode == 0
    assert "this run is not stored" in done.stderr
    assert f"chmod 600 {store}" in done.stderr
    asked = plugin.run(plugins, ["report", "last", "--store", str(store)])
    assert (asked.returncode, asked.stdout) == (2, "")
    assert "chmod 600" in asked.stderr.replace("\n", " ")


@pytest.mark.parametrize("pages", [1, 3])
def test_a_full_disk_is_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pages: int) -> None:
    real = sqlite3.connect

    def small(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = real(*arguments, **options)
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    monkeypatch.setattr(sqlite3, "connect", small)
    with pytest.raises(StoreError, match="the disk is full; free some space"):
        open_for_writing(tmp_path / "runs.db")
