"""Tell whether a secret may have changed, without anything that comes from the secret itself.

A secret of a file is a new one once the file was written again. A secret that somebody types is always a new one. The
value of an environment variable, of a key ring, or of another store can change unnoticed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scanready.catalogue.wrong import Wrong, shown

#: The values of a file in a source: the reference, the path, the last change (nanoseconds), the size.
_FILE = 4


def path_of(name: str, base: Path) -> Path:
    """Return the path of a file name in an inventory.

    Raises:
        Wrong: it is not a file name.
    """
    if name.endswith("/"):  # Path drops it
        raise Wrong(f"{shown(name)} is the name of a directory: name a file")
    try:
        return base / Path(name).expanduser()
    except (ValueError, RuntimeError):  # no home directory for "~"
        raise Wrong(f"{shown(name)} is not a file name") from None


def source_of(references: Mapping[str, str], base: Path) -> str:
    """Return the source of a credential's secrets as JSON text; look at the files before they are read.

    Args:
        references: by key: `password` and `key_passphrase` are references, `key_file` is a file name.
        base: the directory of relative file names.
    """
    parts = {key: _part(key, reference, base) for key, reference in sorted(references.items())}
    return json.dumps(parts, separators=(",", ":"))


def written_at(source: str) -> float | None:
    """Return when the files of a source were last written, in seconds of the epoch; None if it has no file."""
    parts = json.loads(source) if source else {}
    times = [part[2] for part in parts.values() if len(part) == _FILE]
    return max(times) / 1e9 if times else None


def changes_unseen(source: str) -> bool:
    """Return whether a new secret may have the same source: an environment variable's, a key ring's."""
    parts = json.loads(source) if source.startswith("{") else {}
    return any(len(part) == 1 for part in parts.values())


def _part(key: str, reference: str, base: Path) -> list[Any]:
    if reference == "prompt:":
        return [reference, uuid.uuid4().hex]
    if reference.startswith("exec:"):  # the arguments of a command are not kept
        return [f"exec:{hashlib.sha256(reference.encode()).hexdigest()[:16]}"]
    name = reference if key == "key_file" else reference.removeprefix("file:")
    if name == reference and key != "key_file":
        return [reference]
    with contextlib.suppress(OSError, Wrong, ValueError):
        path = path_of(name, base)
        found = path.stat()
        return [reference, str(path.absolute()), found.st_mtime_ns, found.st_size]
    return [reference]
