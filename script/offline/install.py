"""Check the wheels beside this file and install them into a virtual environment; nothing is downloaded.

    python install.py [FOLDER]     the environment; default: the folder "environment" beside this file
    python install.py --check      only compare the files with their hashes

Exit codes: 0 done, 2 not: nothing was installed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


class Refused(Exception):
    """Say why nothing is installed, in one line."""


def main() -> None:
    """Read the command line, check, and install."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=HERE / "environment", metavar="FOLDER")
    parser.add_argument("--check", action="store_true", help="only compare the files with their hashes")
    given = parser.parse_args()
    try:
        count = check_files()
        if given.check:
            print(f"{count} files have the listed hashes")
            return
        check_python()
        install(given.folder.absolute())
    except (Refused, OSError) as error:
        print(f"install: {error}; nothing was installed", file=sys.stderr)
        raise SystemExit(2) from None


def check_files() -> int:
    """Compare each file with its hash; return their number.

    Raises:
        Refused: a file is missing, differs, or is a wheel that is not listed.
    """
    listed = {}
    for line in (HERE / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        digest, name = line.split("  ", 1)
        listed[name] = digest
    for name, digest in listed.items():
        path = HERE / name
        if not path.is_file():
            raise Refused(f"{name} is missing")
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise Refused(f"the hash of {name} differs from the one in SHA256SUMS")
    for path in sorted((HERE / "wheels").iterdir()):
        if f"wheels/{path.name}" not in listed:
            raise Refused(f"wheels/{path.name} is not listed in SHA256SUMS")
    return len(listed)


def check_python() -> None:
    """Compare this Python with the one that the wheels are for.

    Raises:
        Refused: it is another version or platform.
    """
    wanted = json.loads((HERE / "bundle.json").read_text(encoding="utf-8"))
    here = {
        "python": "{}.{}".format(*sys.version_info),
        "system": sys.platform,
        "machine": platform.machine(),
    }
    differing = [f"{name} {here[name]}" for name in here if here[name].lower() != wanted[name].lower()]
    if differing:
        told = f"Python {wanted['python']} on {wanted['system']} {wanted['machine']}"
        raise Refused(f"the wheels are for {told}; this is {', '.join(differing)}")


def install(folder: Path) -> None:
    """Make the environment and install the wheels into it.

    Raises:
        Refused: it exists already, or Python's venv or pip failed.
    """
    if folder.exists():
        raise Refused(f"{folder} exists already; remove it, or name another folder")
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    try:
        run([sys.executable, "-m", "venv", str(folder)], "Python's module venv failed (Debian: install python3-venv)")
        command = [str(python), "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--require-hashes"]
        wheels = ["--find-links", str(HERE / "wheels"), "-r", str(HERE / "pins.txt")]
        run([*command, "--disable-pip-version-check", *wheels], "pip failed")
        version = run([str(python), "-m", "scanready", "--version"], "scanready does not start")
    except Refused:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    print(f"installed {version.strip()}: {python.parent / 'scanready'}")


def run(command: list[str], fault: str) -> str:
    """Run a command without pip's settings of this host, such as an index; return its output.

    Raises:
        Refused: it failed.
    """
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    surroundings["PIP_CONFIG_FILE"] = os.devnull
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise Refused(f"{fault}: {' '.join(lines[-1:])}")
    return done.stdout


if __name__ == "__main__":
    main()
