"""impacket's scripts beside scanready are named, with the command that removes them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scanready.fitness import attack_tools
from scanready.model import Outcome, Owner
from tests.fitness.helpers import ask, asked, expect

NAMES = ["GetNPUsers.py", "atexec.py", "mimikatz.py", "net.py", "psexec.py", "secretsdump.py"]


def impacket(place: Path, files: dict[str, bool]) -> None:
    """Install a distribution that lists these files, by whether they exist."""
    info = place / "lib" / "impacket-9.9.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: impacket\nVersion: 9.9\n")
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))
    for file, exists in files.items():
        path = place / "lib" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if exists:
            path.write_text("")


def test_each_script_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripts = {f"../bin/{name}": True for name in NAMES}
    others = {"../bin/removed.py": False, "impacket/examples/smbclient.py": True, "impacket/smb.py": True}
    impacket(tmp_path, scripts | others)
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    (answer,) = ask(attack_tools.look, asked())
    expect(answer, Outcome.WARNED, "agent.attack-tools", Owner.AGENT)
    shown = "(atexec.py, GetNPUsers.py, mimikatz.py, net.py, psexec.py, ...)"
    assert answer.summary == (
        f"impacket is installed with 6 scripts in {tmp_path / 'bin'} {shown} and 1 file in impacket/examples"
    )
    assert answer.facts["scripts"] == sorted(NAMES, key=str.lower)
    assert answer.finding is not None
    assert answer.finding.fix is not None
    assert answer.finding.fix.splitlines()[1] == f"{sys.executable} script/install-windows"


@pytest.mark.parametrize(
    "files",
    [
        {"impacket/smb.py": True, "../share/doc/impacket/README.md": True, "../bin/__pycache__/net.pyc": True},
        {"../bin/secretsdump.py": False, "impacket/examples/__init__.py": False, "impacket/smb.py": True},
    ],
    ids=["by the script", "removed by hand"],
)
def test_a_host_without_them_has_no_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, bool]
) -> None:
    impacket(tmp_path, files)
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    assert ask(attack_tools.look, asked()) == []
