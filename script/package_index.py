"""Read the package index that pip uses: the files of a version, their hashes, and the requirements of a version."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zipfile
from email import message_from_string
from email.message import Message
from email.parser import BytesParser
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.version import InvalidVersion, Version
from pins import normalised
from pip._internal.commands.index import IndexCommand
from pip._internal.index.collector import parse_links
from pip._internal.models.link import Link


class Index:
    """Ask the index once for each package."""

    def __init__(self) -> None:
        command = IndexCommand("index", "")
        options, _ = command.parse_args(["versions", "anything"])
        options.find_links = []
        session = command._build_session(options)
        finder = command._build_package_finder(options=options, session=session, ignore_requires_python=True)
        self._collector = finder._link_collector
        self._address = self._collector.search_scope.index_urls[0].rstrip("/")
        self.links = cache(self._links)

    def _links(self, name: str) -> tuple[Link, ...]:
        page = self._collector.fetch_response(Link(f"{self._address}/{name}/"))
        return tuple(parse_links(page)) if page else ()

    def files(self, name: str, version: str) -> list[Link]:
        """The wheels and source archives of a version."""
        return [link for link in self.links(name) if of(link, name, version)]

    def newest(self, name: str) -> str:
        """The newest final version that has a wheel."""
        versions = set()
        for link in self.links(name):
            if link.filename.endswith(".whl") and not link.is_yanked:
                try:
                    versions.add(Version(link.filename.split("-")[1]))
                except InvalidVersion:
                    continue
        return str(max(one for one in versions if not one.is_prerelease))


def requires(name: str, version: str) -> list[str]:
    """The Requires-Dist of a version."""
    return metadata(name, version).get_all("Requires-Dist") or []


@cache
def metadata(name: str, version: str) -> Message:
    """The metadata of a version: of this environment's, or of a wheel that is downloaded."""
    try:
        found = distribution(name)
        if found.version == version:
            return message_from_string(found.read_text("METADATA") or "")
    except PackageNotFoundError:
        pass
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", place]
        # Any platform's wheel has the metadata.
        elsewhere = ["--platform", "win_amd64", "--python-version", "3.12", "--only-binary", ":all:"]
        subprocess.run([*command, *elsewhere, f"{name}=={version}"], check=True)
        with zipfile.ZipFile(next(Path(place).glob("*.whl"))) as wheel:
            (written,) = (one for one in wheel.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", one))
            return BytesParser().parsebytes(wheel.read(written))


def of(link: Link, name: str, version: str) -> bool:
    """True for a wheel or source archive of this version."""
    stem = re.sub(r"\.(tar\.gz|zip)$", "", link.filename)
    if link.filename.endswith(".whl"):
        parts = link.filename.split("-")
        return normalised(parts[0]) == name and parts[1] == version
    return normalised(stem[: -len(version) - 1]) == name and stem.endswith(f"-{version}")


def sha256(link: Link) -> list[str]:
    """Return the hash of a file; empty if the index tells none."""
    return [link._hashes["sha256"]] if "sha256" in (link._hashes or {}) else []
