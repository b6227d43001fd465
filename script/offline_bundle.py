"""Collect the wheels of an install without internet, and pack them: script/bundle-offline."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Sequence
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pins

#: sys.platform and the processor of each platform.
PLATFORMS = {
    "win_amd64": ("win32", "AMD64"),
    "linux_x86_64": ("linux", "x86_64"),
    "linux_aarch64": ("linux", "aarch64"),
    "macosx_arm64": ("darwin", "arm64"),
    "macosx_x86_64": ("darwin", "x86_64"),
}
CORE, ALL = "core", "all"
EXTRAS = (CORE, pins.AGENT, *pins.PARTS, pins.AWS, pins.WINDOWS, pins.FLEET, ALL)
OFFLINE = pins.ROOT / "script" / "offline"
#: In the zip, beside the wheels.
INSTALLER = ("install.py", "install.sh", "install.ps1", "README.txt")
#: The licences of this project and of the packages in a bundle.
LICENCES = ("LICENSE", "NOTICE")
#: A zip of the same wheels has the same bytes: no file has a time of its own.
_TIME = (2000, 1, 1, 0, 0, 0)
_REPACKED = "impacket"


class Refused(Exception):
    """Say why nothing is written, in one line."""


def environment(platform: str, python: str) -> pins.Environment:
    """Return the environment that markers are evaluated for."""
    return pins.Environment(*PLATFORMS[platform], python)


def needed(extras: Sequence[str], where: pins.Environment) -> dict[str, pins.Pin]:
    """Return the pins of these extras in an environment, by name. The core is always among them."""
    wanted = {pins.AGENT, pins.WINDOWS} if ALL in extras else set(extras)
    if pins.AGENT in wanted:
        wanted.update(pins.PARTS)
    files = [pins.CORE, *(file for file, part in pins.BESIDES_CORE.items() if part in wanted)]
    if wanted & {pins.WINDOWS, pins.FLEET}:  # both leave out the pins of the default install
        files += ["constraints.txt", "constraints-windows.txt"]
    if pins.FLEET in wanted:
        files.append("constraints-fleet.txt")
    found = {pin.name: pin for file in files for pin in pins.read(file) if where in pin.where}
    if pins.WINDOWS not in wanted:
        found.pop(_REPACKED, None)
    return found


def collected(extras: Sequence[str], where: pins.Environment, platform: str, folder: Path) -> list[Path]:
    """Build scanready's wheel and download those of its pins; scanready's own is the first.

    Raises:
        Refused: a wheel is missing, or its hash differs from the pins.
    """
    ours = folder / "ours"
    run("hatchling", "build", "--target", "wheel", "--directory", str(ours))
    wanted, theirs = needed(extras, where), folder / "theirs"
    listed = folder / "listed.txt"
    listed.write_text(
        "".join(
            f"{pin.name}=={pin.version} {' '.join(f'--hash=sha256:{one}' for one in sorted(pin.hashes))}\n"
            for pin in wanted.values()
        ),
        encoding="utf-8",
    )
    fitting = [word for tag in tags(platform) for word in ("--platform", tag)]
    fitting += ["--python-version", where.python, "--implementation", "cp", "--only-binary", ":all:"]
    quietly = ("--quiet", "--disable-pip-version-check", "--no-input")
    run("pip", "download", *quietly, "--no-deps", "--require-hashes", *fitting, "-d", str(theirs), "-r", str(listed))
    for wheel in theirs.glob(f"{_REPACKED}-*.whl"):
        wheel.write_bytes(install_windows().without_scripts(wheel.read_bytes()))
    return [*ours.glob("*.whl"), *sorted(theirs.glob("*.whl"))]


def tags(platform: str) -> list[str]:
    """Return the platforms of wheels that fit: glibc 2.28 and macOS 13, as docs/install.md says, and older."""
    system, machine = PLATFORMS[platform]
    if system == "linux":
        return [f"{one}_{machine}" for one in (*(f"manylinux_2_{n}" for n in range(28, 16, -1)), "manylinux2014")]
    return [f"macosx_13_0_{machine}"] if system == "darwin" else [platform]


def install_windows() -> Any:
    """Load script/install-windows as a module."""
    loader = SourceFileLoader("install_windows", str(pins.ROOT / "script" / "install-windows"))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules[loader.name] = module
    loader.exec_module(module)
    return module


def run(module: str, *arguments: str) -> None:
    """Run a module of this Python in the root of the source.

    Raises:
        Refused: it failed; its line about an error is the reason.
    """
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=pins.ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise Refused(next((line for line in lines if line.startswith("ERROR: ")), " ".join(lines[-1:])))


def write_zip(file: Path, name: str, wheels: Iterable[Path], where: pins.Environment) -> None:
    """Write the zip: wheels, their pins with hashes, and the installer, in a folder of that name."""
    held = {wheel.name: wheel.read_bytes() for wheel in wheels}
    pinned = "".join(f"{pin(wheel)} --hash=sha256:{hashlib.sha256(data).hexdigest()}\n" for wheel, data in held.items())
    parts = {f"wheels/{wheel}": data for wheel, data in held.items()}
    parts |= {one: (OFFLINE / one).read_bytes() for one in INSTALLER}
    parts |= {one: (pins.ROOT / one).read_bytes() for one in LICENCES}
    parts |= {"pins.txt": pinned.encode(), "bundle.json": described(where)}
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {part}\n" for part, data in sorted(parts.items()))
    parts["SHA256SUMS"] = sums.encode()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for part, data in sorted(parts.items()):
            add(made, f"{name}/{part}", data, runs=part.endswith(".sh"))


def pin(wheel: str) -> str:
    """Return ``name==version`` of a wheel."""
    name, version, *_ = wheel.split("-")
    return f"{pins.normalised(name)}=={version}"


def described(where: pins.Environment, **more: str) -> bytes:
    """Return the description that the installer reads: the Python and the platform that the wheels are for."""
    facts = {"python": where.python, "system": where.system, "machine": where.machine, **more}
    return (json.dumps(facts, indent=2, sort_keys=True) + "\n").encode()


def write_pyz(file: Path, wheels: Iterable[Path], where: pins.Environment) -> None:
    """Write one file that Python runs: it unpacks the packages into a private folder at its first start."""
    parts: dict[str, bytes] = {}
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as read:
            for member in read.infolist():
                place = re.sub(r"^[^/]+\.data/(?:purelib|platlib)/", "", member.filename)
                if not member.is_dir() and not re.match(r"[^/]+\.data/", place):  # else a script, or for a compiler
                    parts[f"site/{place}"] = read.read(member)
    digest = hashlib.sha256()
    for part, data in sorted(parts.items()):
        digest.update(f"{part}\0{len(data)}\0".encode() + data)
    parts |= {one: (pins.ROOT / one).read_bytes() for one in LICENCES}
    parts["bundle.json"] = described(where, content=digest.hexdigest())
    parts["__main__.py"] = (OFFLINE / "start.py").read_bytes()
    with file.open("wb") as out:
        out.write(b"#!/usr/bin/env python3\n")
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
            for part, data in sorted(parts.items()):
                add(made, part, data)
    file.chmod(0o755)


def add(archive: zipfile.ZipFile, name: str, data: bytes, *, runs: bool = False) -> None:
    """Add a file, with the time and the mode that every build gives it."""
    member = zipfile.ZipInfo(name, _TIME)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.create_system = 3  # so that the mode counts, whatever system writes it
    member.external_attr = (0o100755 if runs else 0o100644) << 16
    archive.writestr(member, data)
