"""The one writer of files: links, other users' files, races, permissions, pipes, and failures halfway."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.limits import HANG
from scanready.files import atomic_file, nt_place, places
from scanready.files.atomic_file import AtomicFile, ordinary_mode
from scanready.files.trust import Refused

if os.name == "nt":
    pytest.skip("users, modes and links of POSIX", allow_module_level=True)

VICTIM, ATTACKER = 65531, 65532
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")


def write(path: Path | str, content: bytes = b"new", **options: Any) -> None:
    with AtomicFile(str(path), **options) as file:
        file.write(content)
        file.commit()


def as_user(user: int, act: Callable[[], object], group: int | None = None) -> None:
    """Do something as another user, in a child; what it raises fails the test. Its group has its number by default."""
    child = os.fork()
    if child:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        return
    code = 1
    try:
        os.umask(0o022)
        os.setgroups([])
        group = user if group is None else group
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
        act()
        code = 0
    except BaseException as error:  # noqa: BLE001  # told, and the child ends
        os.write(2, f"{error!r}\n".encode())
    finally:
        os._exit(code)


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(OSError) as caught:  # noqa: PT011  # the words are what is looked at
        write(path, **options)
    return str(caught.value.strerror)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory that every user can write, as /tmp is."""
    path = Path(tempfile.mkdtemp(dir="/tmp"))  # a parent that every user can search
    path.chmod(0o1777)
    yield path
    shutil.rmtree(path)


def leftovers(path: Path) -> list[str]:
    return [one.name for one in path.iterdir() if one.name.startswith(".scanready")]


@pytest.mark.posix("permissions, owners and groups")
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("umask", [0, 0o027, 0o777])
def test_a_new_file_is_its_owners_only(tmp_path: Path, streamed: bool, umask: int) -> None:
    before = os.umask(umask)
    try:
        write(tmp_path / "report", streamed=streamed)
        write(tmp_path / "open", streamed=streamed, mode=0o644)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "report").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "open").stat().st_mode) == 0o644
    assert leftovers(tmp_path) == []


@pytest.mark.posix("permissions, owners and groups")
@pytest.mark.parametrize(
    ("before", "after"), [(0o644, 0o644), (0o640, 0o640), (0o4755, 0o755), (0o2775, 0o775), (0o1666, 0o666)]
)
def test_ordinary_permissions_are_kept_and_others_are_not(tmp_path: Path, before: int, after: int) -> None:
    file = tmp_path / "report"
    file.write_bytes(b"old")
    file.chmod(before)
    write(file)
    assert stat.S_IMODE(file.stat().st_mode) == after
    write(file, mode=0o600)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.posix("permissions, owners and groups")
@as_root
def test_owner_and_group_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "report"
    file.write_bytes(b"old")
    os.chown(file, VICTIM, ATTACKER)
    file.chmod(0o640)
    write(file)
    found = file.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (VICTIM, ATTACKER, 0o640)


@pytest.mark.posix("permissions, owners and groups")
@as_root
def test_a_group_that_cannot_be_kept_gives_its_permissions_to_no_other(shared: Path) -> None:
    home = shared / "home"
    home.mkdir()
    file = home / "report"
    file.write_bytes(b"old")
    os.chown(home, VICTIM, VICTIM)
    os.chown(file, VICTIM, ATTACKER)
    file.chmod(0o664)
    as_user(VICTIM, lambda: write(file))
    found = file.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (VICTIM, VICTIM, 0o604)


@pytest.mark.posix("access lists in extended attributes")
def test_an_access_list_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "report"
    file.write_bytes(b"old")
    entries = [(1, 6, 0xFFFFFFFF), (2, 4, 12345), (4, 0, 0xFFFFFFFF), (16, 4, 0xFFFFFFFF), (32, 0, 0xFFFFFFFF)]
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(file, "system.posix_acl_access", acl)
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        pytest.skip("this file system has no access lists")
    write(file)
    assert os.getxattr(file, "system.posix_acl_access") == acl


def test_a_hard_link_is_not_written_through(tmp_path: Path) -> None:
    kept, name = tmp_path / "kept", tmp_path / "name"
    kept.write_bytes(b"old")
    os.link(kept, name)
    for streamed in (False, True):
        write(name, streamed=streamed)
        assert (kept.read_bytes(), name.read_bytes()) == (b"old", b"new")


def test_links_of_our_own_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "report").write_bytes(b"old")
    (tmp_path / "directory").symlink_to("real")
    (tmp_path / "absolute").symlink_to(tmp_path / "directory" / ".." / "directory" / "report")
    write(tmp_path / "absolute")
    assert (tmp_path / "real" / "report").read_bytes() == b"new"
    assert (tmp_path / "absolute").is_symlink()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="symbolic links"):
        write(tmp_path / "loop")
    (tmp_path / "dangling").symlink_to("real/other")
    write(tmp_path / "dangling")
    assert (tmp_path / "real" / "other").read_bytes() == b"new"


def test_relative_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    write("report")
    write("../above")
    write("./../below//twice")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["above", "below", "report", "twice"]


def _in_two_steps(name: Path, aim: Path) -> None:
    name.symlink_to(name.with_name("next"))
    name.with_name("next").symlink_to(aim)


def _writable(name: Path, _: Path) -> None:
    name.touch()
    name.chmod(0o666)


PLANTED: dict[str, Callable[[Path, Path], object]] = {
    "link": lambda name, aim: name.symlink_to(aim),
    "link-to-nothing": lambda name, aim: name.symlink_to(aim.with_name("new")),
    "link-in-two-steps": _in_two_steps,
    "file": _writable,
    "pipe": lambda name, _: os.mkfifo(name, 0o666),
}


@pytest.mark.posix("directories that every user can write")
@as_root
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("victim", [0, VICTIM])
@pytest.mark.parametrize("planted", PLANTED)
def test_what_another_user_left_in_a_shared_directory_is_refused(
    shared: Path, planted: str, victim: int, streamed: bool
) -> None:
    home = shared / "home"
    home.mkdir()
    (home / "precious").write_bytes(b"precious")
    for path in (home / "precious", home):
        os.chown(path, victim, victim)
    as_user(ATTACKER, lambda: PLANTED[planted](shared / "report", home / "precious"))

    def try_it() -> None:
        words = refused(shared / "report", streamed=streamed)
        assert "another user" in words or "belongs to" in words, words
        assert "name" in words, words

    as_user(victim, try_it)
    assert (home / "precious").read_bytes() == b"precious"
    assert [path.name for path in home.iterdir()] == ["precious"]
    assert leftovers(shared) == []


@pytest.mark.posix("directories that every user can write")
@as_root
def test_a_directory_that_another_user_put_in_the_way_is_not_entered_by_a_link(shared: Path) -> None:
    home = shared / "home"
    home.mkdir(mode=0o700)
    (home / "report").write_bytes(b"precious")
    as_user(ATTACKER, lambda: (shared / "theirs").symlink_to(home))
    assert "symbolic link" in refused(shared / "theirs" / "report")

    def plant() -> None:
        (shared / "dir").mkdir()
        (shared / "dir" / "report").symlink_to(home / "report")

    as_user(ATTACKER, plant)
    assert "symbolic link" in refused(shared / "dir" / "report"), "root wrote through a link in a user's own directory"
    assert (home / "report").read_bytes() == b"precious"


@pytest.mark.posix("permissions, owners and groups")
@as_root
def test_root_replaces_a_users_file_in_the_users_own_directory(shared: Path) -> None:
    home = shared / "home"
    home.mkdir()
    (home / "report").write_bytes(b"old")
    for path in (home, home / "report"):
        os.chown(path, VICTIM, VICTIM)
    write(home / "report")
    assert ((home / "report").read_bytes(), (home / "report").stat().st_uid) == (b"new", VICTIM)


SWAPS: tuple[Callable[[Path, Path], object], ...] = (*PLANTED.values(), lambda name, aim: os.link(aim, name))


@pytest.mark.posix("directories that every user can write")
@as_root
@pytest.mark.parametrize("sticky", [0o1777, 0o777])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_race_is_lost_by_the_attacker(shared: Path, sticky: int, streamed: bool) -> None:
    """The name, and a directory on the way, are exchanged as fast as the attacker can, while root writes."""
    home, report, lane = shared / "home", shared / "report", shared / "lane"
    home.mkdir(mode=0o755)
    (home / "report").write_bytes(b"precious")
    shared.chmod(sticky)

    def swap() -> None:
        turn = 0
        while not (home / "over").exists():
            for name in (report, lane, shared / "next"):
                try:
                    name.unlink()
                except OSError:
                    shutil.rmtree(name, ignore_errors=True)
            try:
                SWAPS[turn % len(SWAPS)](report, home / "report")
                if turn % 2:
                    lane.symlink_to(home)
                else:
                    lane.mkdir()
            except OSError:
                pass
            turn += 1

    attacker = os.fork()
    if not attacker:
        as_user(ATTACKER, swap)
        os._exit(0)
    outcomes = {"written": 0, "refused": 0}
    try:
        for _ in range(400):
            for path in (report, lane / "report"):
                try:
                    write(path, streamed=streamed, durable=False)
                    outcomes["written"] += 1
                except OSError:
                    outcomes["refused"] += 1
                assert (home / "report").read_bytes() == b"precious", outcomes
    finally:
        (home / "over").touch()
        os.waitpid(attacker, 0)
    assert sorted(path.name for path in home.iterdir()) == ["over", "report"]
    assert outcomes["refused"] > 0, "the attacker did nothing"


@pytest.mark.posix("permissions of a directory")
@as_root
def test_a_file_whose_directory_takes_no_new_ones_is_written_in_place(shared: Path) -> None:
    home = shared / "home"
    home.mkdir(mode=0o755)
    file = home / "report"
    file.write_bytes(b"a much longer old one")
    os.chown(file, VICTIM, VICTIM)
    before = file.stat().st_ino
    as_user(VICTIM, lambda: write(file))
    assert (file.read_bytes(), file.stat().st_ino) == (b"new", before)
    os.link(file, home / "second")
    as_user(VICTIM, lambda: _assert("hard link" in refused(file)))
    as_user(VICTIM, lambda: _assert("takes no new files" in refused(home / "other")))
    assert file.read_bytes() == b"new"


@as_root
def test_a_file_that_is_protected_stays(shared: Path) -> None:
    def try_it() -> None:
        (shared / "report").write_bytes(b"old")
        (shared / "report").chmod(0o444)
        _assert(refused(shared / "report") == "Permission denied")

    as_user(VICTIM, try_it)
    assert (shared / "report").read_bytes() == b"old"


def _assert(truth: bool) -> None:
    assert truth


@pytest.mark.posix("sockets and devices among the files")
def test_what_is_no_file_is_said(tmp_path: Path) -> None:
    assert "directory" in refused(tmp_path)
    assert "directory" in refused(tmp_path / "..")
    assert "directory" in refused(Path("/"))
    with pytest.raises(Refused, match="not a file name"):
        write("a\0b")
    with pytest.raises(OSError, match="directory"):
        write(f"{tmp_path}/none/")
    assert "No such file" in refused(tmp_path / "none" / "report")
    assert "too long" in refused(tmp_path / ("x" * 300))
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "socket"))
    listening.close()
    assert "socket" in refused(tmp_path / "socket")


@pytest.mark.posix("devices among the files")
def test_a_disk_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "disk").write_bytes(b"boot sector")
    found = (tmp_path / "disk").stat()
    fake = os.stat_result((stat.S_IFBLK | 0o660, *found[1:]))
    monkeypatch.setattr(places.PosixPlace, "look", lambda _: fake)
    assert "disk" in refused(tmp_path / "disk")
    assert (tmp_path / "disk").read_bytes() == b"boot sector"


@pytest.mark.posix("files of /proc and /sys")
@pytest.mark.skipif(not os.path.ismount("/proc"), reason="the file system of processes is Linux's")
@pytest.mark.parametrize("streamed", [True, False])
def test_a_file_that_the_kernel_makes_up_is_not_written(streamed: bool) -> None:
    words = refused(Path("/proc/version"), streamed=streamed)
    assert words == "it is a file of the kernel's: name a regular file, or a new one"


@pytest.mark.posix("pipes among the files")
def test_a_pipe_without_a_reader_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic_file, "PATIENCE", 0.05)
    os.mkfifo(tmp_path / "pipe")
    assert "no program reads" in refused(tmp_path / "pipe")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()))
    monkeypatch.setattr(atomic_file, "PATIENCE", 20.0)
    reader.start()
    write(tmp_path / "pipe", b"x" * 300_000)
    reader.join(HANG)
    assert got == [b"x" * 300_000]


@pytest.mark.posix("descriptors among the files")
def test_an_open_descriptor_is_written_to(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    try:
        write(f"/dev/fd/{writer}")
        (tmp_path / "log").symlink_to(f"/dev/fd/{writer}")
        write(tmp_path / "log", b"er")
        assert os.read(reader, 100) == b"newer"
    finally:
        os.close(reader)
        os.close(writer)
    assert "Bad file descriptor" in refused(Path(f"/dev/fd/{writer}"))


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "report").write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert "No space" in refused(tmp_path / "report")
    assert (tmp_path / "report").read_bytes() == b"old"
    assert leftovers(tmp_path) == []


def test_what_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    with AtomicFile(str(tmp_path / "report")) as file:
        file.write(b"half of")
        assert leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []
    AtomicFile(str(tmp_path / "report"), streamed=True).close()
    assert list(tmp_path.iterdir()) == []


def test_a_streamed_file_can_be_followed(tmp_path: Path) -> None:
    path = tmp_path / "results"
    path.write_bytes(b"old")
    with AtomicFile(str(path), streamed=True) as file:
        assert path.read_bytes() == b"old"
        file.write(b"one\n")
        assert path.read_bytes() == b"one\n"
        file.write(b"two\n")
    assert path.read_bytes() == b"one\ntwo\n"
    with AtomicFile(str(path), streamed=True) as file:
        file.commit()
    assert path.read_bytes() == b"", "no results are a result"


@pytest.mark.posix("mount points that are files")
def test_a_mount_point_is_copied_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's single mounted file cannot be renamed over."""
    path = tmp_path / "report"
    path.write_bytes(b"an older and longer one")
    before = path.stat().st_ino

    def busy(*_: object) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    monkeypatch.setattr(places.PosixPlace, "replace_with", busy)
    write(path, b"x" * 200_000)
    assert (path.stat().st_ino, path.read_bytes()) == (before, b"x" * 200_000)
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("links", [True, False], ids=["links", "no-links"])
def test_an_exclusive_file_never_replaces_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    if not links:

        def no_links(*_: object, **__: object) -> None:
            raise OSError(errno.EOPNOTSUPP, "")

        monkeypatch.setattr(os, "link", no_links)
    path = tmp_path / "estate.yaml"
    write(path, exclusive=True, mode=ordinary_mode())
    with pytest.raises(FileExistsError):
        write(path, b"other", exclusive=True)
    (tmp_path / "dangling").symlink_to("missing")
    write(tmp_path / "dangling", exclusive=True)
    assert (tmp_path / "missing").read_bytes() == b"new"
    late = AtomicFile(str(tmp_path / "late"), exclusive=True)
    late.write(b"late")
    (tmp_path / "late").write_bytes(b"first")
    with pytest.raises(FileExistsError):
        late.commit()
    late.close()
    assert ((tmp_path / "late").read_bytes(), path.read_bytes()) == (b"first", b"new")
    assert leftovers(tmp_path) == []


# Windows, as far as a file system of POSIX can stand in for it.


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "find", nt_place.NtPlace)


@pytest.mark.usefixtures("windows")
def test_windows_writes_replaces_and_refuses(tmp_path: Path) -> None:
    write(tmp_path / "report", b"old")
    write(tmp_path / "report")
    write(tmp_path / "streamed", streamed=True)
    write(tmp_path / "added", exclusive=True)
    with pytest.raises(FileExistsError):
        write(tmp_path / "added", exclusive=True)
    assert sorted(path.read_bytes() for path in tmp_path.iterdir()) == [b"new"] * 3
    assert "directory" in refused(tmp_path)
    assert "No such file" in refused(tmp_path / "none" / "report")


class Held(PermissionError):
    winerror = 32


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize("times", [3, 1000])
def test_windows_waits_for_a_program_that_holds_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    now, left, replace = [0.0], [times], Path.replace
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))

    def held(path: Path, target: Path) -> Path:
        left[0] -= 1
        if left[0] >= 0:
            raise Held(errno.EACCES, "The process cannot access the file")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", held)
    (tmp_path / "report").write_bytes(b"old")
    if times == 3:
        write(tmp_path / "report")
    else:
        assert "another program holds it" in refused(tmp_path / "report")
        assert now[0] < 3
    assert (tmp_path / "report").read_bytes() == (b"new" if times == 3 else b"old")
    assert leftovers(tmp_path) == []


@pytest.mark.usefixtures("windows")
def test_windows_gives_up_at_once_where_access_is_denied_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "replace", denied)
    assert refused(tmp_path / "report") == "Permission denied"
    assert leftovers(tmp_path) == []
