"""The wheel and the sdist have the right files, and the launcher of a bare checkout works."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from fixtures.limits import HANG

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(directory)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, timeout=HANG, check=False)
    assert done.returncode == 0, done.stderr
    return directory


def test_the_wheel_holds_the_package_and_nothing_else(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = wheel.namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"scanready"}
    assert "scanready/py.typed" in names
    assert "scanready/targets/postgresql/verify.py" in names
    assert {
        "scanready/targets/ssh/emulated/unix.toml",
        "scanready/targets/ssh/emulated/ssh/openssh9.2-banner.s2c.hex",
    } <= set(names)
    for folder in ("formats/page", "estate/page"):
        page = {path.name for path in (ROOT / "verifiers" / "scanready" / "report" / folder).iterdir()}
        assert {f"scanready/report/{folder}/{name}" for name in page} <= set(names), "the HTML report's parts"


def test_an_installed_wheel_brings_the_pytest_plug_in(built: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "site")
    (tmp_path / "empty").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--fixtures", "-q"],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        cwd=tmp_path / "empty",
        capture_output=True,
        text=True,
        timeout=HANG,
        check=False,
    )
    assert re.search(r"^fake_target -- .*site/scanready/pytest_plugin.py", done.stdout, re.MULTILINE), done.stdout


def test_the_sdist_holds_the_tests_and_the_lab(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        names = {name.split("/", 1)[1] for name in sdist.getnames() if "/" in name}
    wanted = {"cli.py", "tests/readers.py", "fixtures/lab/net.py", "script/test", "README.md"}
    wanted |= {"constraints.txt", "constraints-windows.txt", "constraints-fleet.txt", "constraints-test.txt"}
    wanted |= {"constraints/core.txt", "script/install-windows", "NOTICE"}
    wanted |= {"examples/scanready-redis/src/scanready_redis/row.py", "examples/scanready-redis/pyproject.toml"}
    wanted |= {"fixtures/estate/estate.scanready.yaml", "fixtures/imports/nmap-7.93-probed.xml"}
    assert wanted <= names


def test_wheel_and_sdist_carry_the_licence(built: Path) -> None:
    text = (ROOT / "LICENSE").read_bytes()
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        (licence,) = [name for name in wheel.namelist() if name.endswith(".dist-info/licenses/LICENSE")]
        (metadata,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
        assert wheel.read(licence) == text
        fields = wheel.read(metadata).decode().partition("\n\n")[0].splitlines()
    assert {"License-Expression: Apache-2.0", "License-File: LICENSE", "Author: The scanready authors"} <= set(fields)
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        (member,) = [one for one in sdist.getmembers() if one.name.partition("/")[2] == "LICENSE"]
        packed = sdist.extractfile(member)
        assert packed is not None
        assert packed.read() == text


def test_a_bare_checkout_has_a_launcher() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), "--help"],
        cwd="/",
        capture_output=True,
        text=True,
        timeout=HANG,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "scanready check" in done.stdout
