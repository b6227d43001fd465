"""``--bundle FILE``: write one archive with everything that support needs to understand a check.

``result.json`` is the output of ``--format json``, and ``transcript.txt`` that of ``--transcript``. ``about.json``
describes the agent and the versions of all components. None of them contains secrets.
"""

from __future__ import annotations

import json
import platform
import ssl
import tempfile
import time
import zipfile
from collections.abc import Mapping
from importlib import metadata
from typing import IO, Any, BinaryIO, cast

from scanready.clients.libraries import CORE, known
from scanready.report.document import RunInfo
from scanready.report.serialize import agent_object
from scanready.run.registry import catalogue, plugins_installed, problems

from .outlet import Outlet

FORMAT = 1
_PIECE = 1 << 20
RESULT, TRANSCRIPT, ABOUT = "result.json", "transcript.txt", "about.json"


class Bundle:
    """Build one archive: write its parts side by side to unnamed files, and pack them at the end."""

    def __init__(self, archive: Outlet) -> None:
        self._archive = archive
        self._results: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # closed by finish()
        self._transcript: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self.results = Outlet(cast("BinaryIO", self._results), "the bundle's results")
        self.transcript = Outlet(cast("BinaryIO", self._transcript), "the bundle's transcript")

    def finish(self, run: RunInfo, command: str) -> bool:
        """Pack the archive; return False if it could not be written."""
        about = json.dumps(about_object(run, command), indent=2).encode()
        try:
            with tempfile.TemporaryFile() as packed:
                self._pack(packed, about)
                packed.seek(0)
                while piece := packed.read(_PIECE):
                    self._archive.raw.write(piece)
        except OSError as error:
            self._archive.fail(error)
        finally:
            self._results.close()
            self._transcript.close()
            self._archive.close()
        return self._archive.error is None

    def _pack(self, packed: IO[bytes], about: bytes) -> None:
        """Write the archive to a seekable file, since an archive written to a stream has a different layout."""
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            archive.writestr(_member(ABOUT), about)
            for name, part in ((RESULT, self._results), (TRANSCRIPT, self._transcript)):
                part.seek(0)
                with archive.open(_member(name), "w", force_zip64=True) as member:
                    while piece := part.read(_PIECE):
                        member.write(piece)


def _member(name: str) -> zipfile.ZipInfo:
    """Return the entry of a part, with the present time; without one, it would be a file of 1980."""
    entry = zipfile.ZipInfo(name, time.localtime()[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry


def about_object(run: RunInfo, command: str) -> dict[str, Any]:
    """Return the bundle's description of the run and the agent, as JSON types."""
    return {
        "bundle": FORMAT,
        "scanready": run.version,
        "command": command,
        "tried": list(dict.fromkeys(run.tried.values())),
        "agent": agent_object(run.agent),
        "system": platform.platform(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "openssl": ssl.OPENSSL_VERSION,
        "libraries": _versions(),
        "plugins": plugins_installed(),
        "plugin_problems": problems(),
    }


def _versions() -> Mapping[str, str]:
    """Return the version of every library that may influence a result; "not installed" if it is missing."""
    found = {}
    for name in (*CORE, *(one.driver.distribution for one in known(catalogue()))):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
