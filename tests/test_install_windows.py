"""script/install-windows puts impacket into an environment without the scripts and examples that attack networks."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import sysconfig
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

from fixtures.limits import HANG

SCRIPT = Path(__file__).parent.parent / "script" / "install-windows"
METADATA = """\
Metadata-Version: 2.1
Name: {name}
Version: 1.0
Requires-Dist: helper
Requires-Dist: flask>=1.0
Requires-Dist: ldap3!=2.5.0,>=2.5
Requires-Dist: ldapdomaindump>=0.9.0

A page.
Requires-Dist: flask is only a word here
"""
LIBRARY = {"impacket/__init__.py": "", "impacket/smb.py": "import helper\n"}
ATTACKS = {
    "impacket-1.0.data/scripts/secretsdump.py": "#!python\n",
    "impacket-1.0.data/scripts/mimikatz.py": "#!python\n",
    "impacket/examples/__init__.py": "",
    "impacket/examples/ntlmrelayx/attacks/smbattack.py": "",
    "impacket-1.0.dist-info/entry_points.txt": "[console_scripts]\nsecretsdump = impacket.smb:main\n",
}


def wheel(folder: Path, name: str, files: dict[str, str]) -> Path:
    """Make a wheel, and return it."""
    info = f"{name}-1.0.dist-info"
    metadata = METADATA if name == "impacket" else "Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    files = {
        **files,
        f"{info}/METADATA": metadata.format(name=name),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    made = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"]))
    return made


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A folder with the wheels and their pins."""
    made = [wheel(tmp_path, "impacket", LIBRARY | ATTACKS), wheel(tmp_path, "helper", {"helper.py": ""})]
    pins = [f"{one.name.split('-')[0]}==1.0 \\\n    --hash=sha256:{digest(one)}\n" for one in made]
    (tmp_path / "pins.txt").write_text("# pins\n" + "".join(pins))
    return tmp_path


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """The interpreter of a fresh environment with pip."""
    venv.create(tmp_path / "fresh", with_pip=True)
    return tmp_path / "fresh" / ("Scripts" if sys.platform == "win32" else "bin") / "python"


def installed(python: Path, wheels: Path) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [python, SCRIPT, "--wheels", wheels, "--pins", wheels / "pins.txt"]
    return subprocess.run(command, capture_output=True, text=True, timeout=HANG, check=False)


def packages(python: Path) -> set[str]:
    """The packages of an environment, by the folders of their metadata."""
    return {found.name.split("-")[0] for found in python.parent.parent.rglob("*.dist-info")} - {"pip", "setuptools"}


def attacks(python: Path) -> list[str]:
    """The files of the scripts and the examples in an environment."""
    found = [path for path in python.parent.iterdir() if path.stem in ("secretsdump", "mimikatz", "smbattack")]
    return [str(path) for path in [*found, *python.parent.parent.rglob("impacket/examples/**/*")]]


@pytest.mark.parametrize("before", ["nothing", "with its scripts"])
def test_no_script_and_no_example_is_left(python: Path, wheels: Path, before: str) -> None:
    listed = sorted(python.parent.iterdir())
    if before != "nothing":
        plain = ["pip", "install", "-q", "--no-deps", "--no-index", str(wheels / "impacket-1.0-py3-none-any.whl")]
        subprocess.run([python, "-m", *plain], check=True, timeout=HANG)
        assert len(attacks(python)) > 3, "as pip itself installs it"
    done = installed(python, wheels)
    assert (done.returncode, done.stderr) == (0, ""), done
    assert packages(python) == {"impacket", "helper"}
    assert attacks(python) == []
    assert [path for path in sorted(python.parent.iterdir()) if "__pycache__" not in path.name] == listed
    works = "import impacket.smb; from importlib.metadata import distribution as d; print(d('impacket').requires)"
    answer = subprocess.run([python, "-c", works], capture_output=True, text=True, timeout=HANG, check=True)
    assert answer.stdout == "['helper']\n"
    ours = subprocess.run([python, "-m", "pip", "check"], capture_output=True, text=True, timeout=HANG, check=False)
    assert ours.returncode == 0, ours.stdout


def test_wheels_that_must_not_be_installed(python: Path, wheels: Path) -> None:
    """Each gives one line and exit code 2, and leaves the environment as it was."""
    impacket, helper = wheels / "impacket-1.0-py3-none-any.whl", wheels / "helper-1.0-py3-none-any.whl"
    pins = wheels / "pins.txt"
    good = {path: path.read_bytes() for path in (impacket, helper, pins)}

    def refused() -> str:
        done = installed(python, wheels)
        assert (done.returncode, done.stdout, packages(python)) == (2, "", set()), done
        (line,) = done.stderr.splitlines()
        assert line.startswith("install-windows: ")
        assert line.endswith("; nothing was installed")
        for path, data in good.items():
            path.write_bytes(data)
        return line

    impacket.write_bytes(good[impacket] + b"\0")
    changed = digest(impacket)
    assert f"the hash of {impacket.name} is not the pinned one: it is sha256:{changed}" in refused()
    helper.write_bytes(good[helper] + b"\0")
    assert "HASHES" in refused()
    impacket.unlink()
    assert impacket.name in refused()
    helper.unlink()
    assert "helper" in refused()
    pins.write_text("helper==1.0 \\\n    --hash=sha256:00\n")
    assert "has no pin of impacket" in refused()
    impacket.write_bytes(b"<html>a page of a proxy</html>")
    pins.write_bytes(good[pins].replace(hashlib.sha256(good[impacket]).hexdigest().encode(), digest(impacket).encode()))
    assert "is no wheel" in refused()


def test_the_environment_of_these_tests_has_no_such_file() -> None:
    """script/test installs by the script: what is listed here is what an agent would have."""
    pytest.importorskip("impacket")
    scripts = {path.name for path in Path(sysconfig.get_path("scripts")).iterdir()}
    assert "pip" in scripts or "pip.exe" in scripts
    assert not scripts & {"secretsdump.py", "mimikatz.py", "wmiexec.py", "ntlmrelayx.py", "ldapdomaindump"}
    files = [str(file) for file in distribution("impacket").files or ()]
    assert "impacket/smb3.py" in files
    assert not [file for file in files if "examples/" in file or "/bin/" in file or "/Scripts/" in file]
