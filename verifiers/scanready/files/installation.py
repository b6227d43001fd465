"""Say what to type where scanready was started from a checkout that no installer has seen, or lost a package."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

#: The packages whose modules are called otherwise, as an installer wants them.
_PACKAGES = {"OpenSSL": "pyOpenSSL", "ruamel": "ruamel.yaml", "service_identity": "service-identity"}


def how_to_complete(error: ModuleNotFoundError) -> str:
    """Return the message for a package of others that is missing; empty if the module is one of ours."""
    module = (error.name or "").partition(".")[0]
    if module in ("", "scanready"):
        return ""
    root = Path(__file__).resolve().parents[3]
    what = f"{root}[agent]" if (root / "pyproject.toml").exists() else "scanready[agent]"
    return (
        f"scanready: {sys.executable} lacks the package {_PACKAGES.get(module, module)}. To install it, type:\n"
        f"  python3 -m venv .venv && .venv/bin/pip install {shlex.quote(what)}\n"
        "  .venv/bin/scanready --help\n"
    )
