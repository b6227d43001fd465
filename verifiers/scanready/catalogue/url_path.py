"""The path of a target URL: which options it gives, and the path that gives them.

``smb://fs01/finance/2025`` gives ``share`` and ``path``, ``postgresql://db7/hr`` gives ``database``. Each row says how
(``path`` and ``split``). Reading and writing stand side by side, since one must undo the other.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote

from .option import Option
from .row import TargetType
from .wrong import Wrong

#: The characters that no text of an inventory or of a target may have.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: Characters that stand for themselves in a path, beside letters and digits (RFC 3986, 3.3).
_IN_PATH = "/!$&'()*+,;=:@"


def decoded(what: str, text: str) -> str:
    """Percent-decode, strictly.

    Args:
        what: what the text is, for a message; the text may be private and is not repeated.
        text: a part of a URL.

    Raises:
        Wrong: a ``%`` without two digits, no UTF-8, or a control character. Others may be there though they are
            invisible, as in an inventory: an author who encodes them means them.
    """
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise Wrong(f"{what} has a `%` that is not followed by two hexadecimal digits; write `%25` for a `%`")
    try:
        plain = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise Wrong(f"{what} is not UTF-8 after percent-decoding") from None
    if CONTROL.search(plain):
        raise Wrong(f"{what} contains a line end or control character")
    return plain


def encoded(text: str, safe: str) -> str:
    """Percent-encode a part of a URL for people: letters of every script stay as they are, invisible ones do not."""
    return "".join(
        one if ord(one) > 127 and one.isprintable() else quote(one, safe, errors="surrogatepass") for one in text
    )


def read_path(row: TargetType, path: str) -> dict[str, str]:
    """Return the options that a URL's path gives: as the row splits it, else the one that it fills.

    Raises:
        Wrong: the type has no path, or this is none of it.
    """
    parts = row.split(path)
    if parts is None:
        parts = {row.path or "": _one_part(row, path)} if path.strip("/") else {}
    return {name: _as_read(row.option(name), part) for name, part in parts.items()}


def write_path(row: TargetType, options: Mapping[str, Any]) -> tuple[str, frozenset[str]]:
    """Return the path that gives as many of ``options`` as it can, percent-encoded, and the names of those it gives."""
    for path in _paths(row, options):
        with contextlib.suppress(Wrong):
            given = {name: _read(row, name, part) for name, part in read_path(row, path).items()}
            if given and given.items() <= options.items() and not re.search(r"[?#\s]", path):
                return path, frozenset(given)
    return "", frozenset()


def as_text(value: Any) -> str:
    """Return the value of an option as a URL writes it, before percent-encoding."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def _read(row: TargetType, name: str, part: str) -> Any:
    option = row.option(name)
    return option.read(name, part) if option else part


def _paths(row: TargetType, options: Mapping[str, Any]) -> Iterator[str]:
    """Yield candidate paths: of two options, of the row's own, and of another that the row splits off."""
    chosen = [option for option in row.options if option.name in options]
    parts = {option.name: _in_path(option, as_text(options[option.name])) for option in chosen}
    own = parts.pop(row.path, None) if row.path else None
    if own is not None:
        yield from (f"/{own}/{other}" for other in parts.values())
        yield f"/{own}"
    yield from (f"/{other}" for other in parts.values())


def _in_path(option: Option, value: str) -> str:
    """Return a value in the form of a path, without the slash that separates it from the part before."""
    if option.verbatim:
        return value.removeprefix("/")
    part = encoded(value.removeprefix("/") if option.rooted else value, _IN_PATH)
    return part if option.tree or option.rooted else part.replace("/", "%2F")


def _one_part(row: TargetType, path: str) -> str:
    option = row.option(row.path) if row.path else None
    if option is None:
        options = "any, as in `?name=value`" if row.any_option else ", ".join(one.name for one in row.options) or "none"
        raise Wrong(f"a target of type `{row.name}` has no path; its options: {options}")
    if not option.tree:
        path = path.strip("/")
        if "/" in path:
            raise Wrong(
                f"the path of a target of type `{row.name}` is only its {row.path}; write a `/` within it as `%2F`"
            )
    return path if option.rooted else path.strip("/")


def _as_read(option: Option | None, part: str) -> str:
    """Percent-decode a part of the path, unless its option is carried as it is written."""
    plain = decoded("the path", part)
    return part if option is not None and option.verbatim else plain
