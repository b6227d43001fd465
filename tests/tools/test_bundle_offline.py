"""script/bundle-offline: a zip that installs without an index, and one file that unpacks into a private folder only."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import offline_bundle
import pins
import pytest

from fixtures.limits import HANG

NAME = "bundle"
HERE = pins.Environment(sys.platform, platform.machine(), f"{sys.version_info[0]}.{sys.version_info[1]}")
#: In place of scanready: it tells where it runs from, and imports its neighbour.
MODULES = {
    "scanready/__init__.py": "",
    "scanready/__main__.py": (
        "import sys\ndef start():\n    import helper\n    print('scanready 0.0', helper.__file__, *sys.argv[1:])\n"
        "if __name__ == '__main__':\n    start()\n"
    ),
}
IMPACKET = {"impacket/__init__.py": "", "impacket-1.0.data/scripts/mimikatz.py": "", "impacket/examples/x.py": ""}


def wheel(folder: Path, name: str, files: dict[str, str]) -> Path:
    info = f"{name}-1.0.dist-info"
    made = folder / f"{name}-1.0-py3-none-any.whl"
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(made, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"]))
    return made


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    helper = {"helper-1.0.data/purelib/helper.py": "", "helper-1.0.data/scripts/attack.py": ""}
    return [wheel(tmp_path, "scanready", MODULES), wheel(tmp_path, "helper", helper)]


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | environment
    return subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=HANG, check=False)


def one_line(done: subprocess.CompletedProcess[str], words: str) -> None:
    """It refused with one clear line, and no traceback."""
    assert done.returncode == 2, done
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert words in line


# --- the zip -----------------------------------------------------------------------------------------------------


@pytest.fixture
def bundle(wheels: list[Path], tmp_path: Path) -> Path:
    """The unpacked zip."""
    file = tmp_path / "bundle.zip"
    offline_bundle.write_zip(file, NAME, wheels, HERE)
    with zipfile.ZipFile(file) as archive:
        archive.extractall(tmp_path)
    return tmp_path / NAME


def install(bundle: Path, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, bundle / "install.py", *arguments, **environment)


def test_it_installs_without_an_index_whatever_pip_is_set_to(bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    done = run("sh", bundle / "install.sh", folder, PIP_INDEX_URL="https://index.invalid/", PIP_REQUIRE_VIRTUALENV="1")
    assert (done.returncode, done.stderr) == (0, ""), done
    assert done.stdout.startswith("installed scanready 0.0 ")
    assert run(folder / "bin" / "python", "-m", "scanready", "x").stdout.endswith("helper.py x\n")
    one_line(install(bundle, folder), "exists already")


HELPER = "wheels/helper-1.0-py3-none-any.whl"


def change(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"?")


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "another-byte": (lambda bundle: change(bundle / HELPER), "hash of wheels/helper-1.0"),
    "another-pin": (lambda bundle: change(bundle / "pins.txt"), "the hash of pins.txt differs"),
    "missing": (
        lambda bundle: (bundle / HELPER).unlink(),
        "helper-1.0-py3-none-any.whl is",
    ),
    "one-more": (
        lambda bundle: (bundle / "wheels/evil-1.0-py3-none-any.whl").touch(),
        "evil-1.0-py3-none-any.whl is not",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_changed_bundle_installs_nothing(name: str, bundle: Path, tmp_path: Path) -> None:
    damage, words = DAMAGE[name]
    damage(bundle)
    one_line(install(bundle, tmp_path / "there"), words)
    one_line(install(bundle, "--check"), words)
    assert not (tmp_path / "there").exists()


def test_a_bundle_for_another_python_installs_nothing(wheels: list[Path], tmp_path: Path) -> None:
    other = pins.Environment("win32", "AMD64", "3.12")
    file = tmp_path / "bundle.zip"
    offline_bundle.write_zip(file, NAME, wheels, other)
    with zipfile.ZipFile(file) as archive:
        archive.extractall(tmp_path)
    one_line(install(tmp_path / NAME, tmp_path / "there"), "the wheels are for Python 3.12 on win32 AMD64; this is")
    assert not (tmp_path / "there").exists()


def test_the_same_wheels_make_the_same_bytes(wheels: list[Path], tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.zip" for name in "ab"]
    for file in files:
        offline_bundle.write_zip(file, NAME, wheels, HERE)
    assert files[0].read_bytes() == files[1].read_bytes()


# --- which wheels ------------------------------------------------------------------------------------------------


def names(platform: str, python: str, *extras: str) -> set[str]:
    return set(offline_bundle.needed(extras, offline_bundle.environment(platform, python)))


def test_markers_are_those_of_the_named_platform() -> None:
    assert {"sspilib", "pywin32-ctypes", "paramiko"} <= names("win_amd64", "3.12", "agent")
    assert not {"sspilib", "pywin32-ctypes"} & names("linux_x86_64", "3.12", "agent")
    assert "paramiko" not in names("win_amd64", "3.12", "core")
    assert {"paramiko", "pymysql"} <= names("win_amd64", "3.12", "ssh", "db")


def test_only_the_extra_windows_brings_impacket() -> None:
    assert "impacket" in names("linux_x86_64", "3.11", "windows")
    assert names("linux_x86_64", "3.11", "all") >= names("linux_x86_64", "3.11", "agent") | {"impacket"}
    fleet = names("linux_x86_64", "3.11", "fleet")
    assert "celery" in fleet
    assert "impacket" not in fleet


def test_aws_is_only_in_a_bundle_that_asks_for_it() -> None:
    assert {"boto3", "botocore", "click", "paramiko"} <= names("win_amd64", "3.12", "agent", "aws")
    assert {"boto3", "click"} <= names("linux_x86_64", "3.11", "aws")
    assert "boto3" not in names("linux_x86_64", "3.11", "all")


def test_what_cannot_be_made_is_one_line() -> None:
    script = pins.ROOT / "script" / "bundle-offline"
    done = run(sys.executable, script, "--extra", "db,nothing")
    assert done.returncode == 2
    assert "--extra: unknown: nothing" in done.stderr
    done = run(sys.executable, script, "--platform", "amiga")
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)


# --- the file that runs ------------------------------------------------------------------------------------------


@pytest.fixture
def pyz(wheels: list[Path], tmp_path: Path) -> Path:
    file = tmp_path / "scanready.pyz"
    offline_bundle.write_pyz(file, wheels, HERE)
    return file


def start(pyz: Path, root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, pyz, *arguments, SCANREADY_UNPACK=str(root))


def test_it_unpacks_once_into_a_private_folder(pyz: Path, tmp_path: Path) -> None:
    root = tmp_path / "above" / "cache"
    first = start(pyz, root, "check", "x")
    assert (first.returncode, first.stderr) == (0, ""), first
    (folder,) = root.iterdir()
    assert first.stdout == f"scanready 0.0 {folder / 'site' / 'helper.py'} check x\n"
    assert not list(folder.rglob("attack.py"))
    assert (root.stat().st_mode & 0o077, folder.stat().st_mode & 0o077) == (0, 0)
    (folder / "site" / "helper.py").write_text("__file__ = 'as before'")
    assert start(pyz, root).stdout == "scanready 0.0 as before\n"


def planted(root: Path, kind: str) -> None:
    """Make the folder as another user could."""
    root.mkdir()
    if kind == "writable by all":
        root.chmod(0o777)
    elif kind == "writable by the group":
        root.chmod(0o770)
    elif kind == "of another user":
        os.chown(root, 12345, 12345)
    elif kind == "a link":
        root.rename(root.with_name("elsewhere"))
        root.symlink_to("elsewhere")
    elif kind == "a file":
        root.rmdir()
        root.touch()


REFUSALS = {
    "writable by all": "other users can write to it",
    "writable by the group": "other users can write to it",
    "of another user": "another user owns it",
    "a link": "it is a link",
    "a file": "cannot unpack into",
}


@pytest.mark.parametrize("kind", REFUSALS)
@pytest.mark.parametrize("level", ["root", "content"])
def test_a_planted_folder_is_refused(kind: str, level: str, pyz: Path, tmp_path: Path) -> None:
    if kind == "of another user" and os.geteuid():
        pytest.skip("only root can give a folder to another user")
    root = tmp_path / "cache"
    place = root
    if level == "content":
        assert start(pyz, root).returncode == 0
        (place,) = root.iterdir()
        place.rename(tmp_path / "real")
    planted(place, kind)
    words = "it is no folder" if (level, kind) == ("content", "a file") else REFUSALS[kind]
    one_line(start(pyz, root), words)


def test_a_folder_that_others_can_replace_is_refused(pyz: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    one_line(start(pyz, shared / "cache"), "other users can write to the folder above it")
    shared.chmod(0o1777)  # as /tmp is
    assert start(pyz, shared / "cache").returncode == 0


def test_no_writable_folder_is_one_line(pyz: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    one_line(start(pyz, tmp_path / "file" / "cache"), "set SCANREADY_UNPACK to a folder that only you can write to")


def test_a_file_for_another_python_is_one_line(wheels: list[Path], tmp_path: Path) -> None:
    file = tmp_path / "scanready.pyz"
    offline_bundle.write_pyz(file, wheels, pins.Environment("win32", "AMD64", "3.12"))
    one_line(start(file, tmp_path / "cache"), "this file is for Python 3.12 on win32 AMD64; this is Python")
    assert not (tmp_path / "cache").exists()


def test_a_start_that_was_broken_off_leaves_nothing_to_run(pyz: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pyz"
    data = bytearray(pyz.read_bytes())
    at = data.index(b"site/scanready/__main__.py") + len(b"site/scanready/__main__.py") + 5
    data[at] ^= 0xFF
    broken.write_bytes(data)
    one_line(start(broken, tmp_path / "cache"), "is damaged")
    assert list((tmp_path / "cache").iterdir()) == []
