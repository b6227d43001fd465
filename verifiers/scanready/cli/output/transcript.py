"""``--transcript FILE``: the bytes exchanged, as hex and text, without secrets."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable

from scanready.model import Credential, Target
from scanready.net.stream import TRACEBACK, Tap
from scanready.run import timestamps
from scanready.wire.printable import visible

from .outlet import Outlet

_WIDTH = 16
_HEAD = (
    "# Bytes exchanged, TLS removed, secrets replaced by asterisks. What client libraries send at login is not here.\n"
)


def recorder(*outlets: Outlet) -> Callable[[Target], Tap]:
    """Return a tap for the engine; every piece is a block of its own that names its target, since talks overlap."""
    for outlet in outlets:
        outlet.write(_HEAD)

    def tap(target: Target) -> Tap:
        secrets = _forms(target.credential)

        def take(direction: str, data: bytes) -> None:
            clean = _without(data, secrets)
            shown = _indented(clean) if direction == TRACEBACK else dump(clean)
            block = f"\n{timestamps.now()} {visible(str(target))} {direction} {len(data)} bytes\n{shown}"
            for outlet in outlets:
                outlet.write(block)

        return take

    return tap


def _indented(text: bytes) -> str:
    return "".join(f"    {line}\n" for line in text.decode("utf-8", "backslashreplace").split("\n"))


def dump(data: bytes) -> str:
    """Return ``data`` as lines of offset, hex and text."""
    lines = []
    for offset in range(0, len(data), _WIDTH):
        piece = data[offset : offset + _WIDTH]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in piece)
        lines.append(f"{offset:06x}  {piece.hex(' '):<{_WIDTH * 3 - 1}}  {text}\n")
    return "".join(lines)


#: DRDA's user names and passwords are in EBCDIC; TDS 5.0, SQLI and HTTP know no Unicode but as UTF-8.
_CODE_PAGES = ("utf-8", "latin-1", "cp500")
#: SQLI's strings are cut here, and what is cut is still a secret.
_LONGEST = 1020


def _forms(credential: Credential | None) -> list[bytes]:
    """Every shape in which a protocol of ours could carry the secret, longest first."""
    if credential is None:
        return []
    forms: set[bytes] = set()
    for secret in (credential.password, credential.key_passphrase):
        if not secret:
            continue
        plain, wide = secret.encode("utf-8", "surrogateescape"), secret.encode("utf-16-le", "surrogatepass")
        name = credential.username.encode("utf-8", "surrogateescape")
        forms |= {plain, plain[:_LONGEST], wide, bytes(_tds(byte) for byte in wide), plain.hex().encode()}
        for text in (plain, name + b":" + plain, b"\0" + name + b"\0" + plain, name + b"\0" + name + b"\0" + plain):
            forms.add(base64.b64encode(text))
        for page in _CODE_PAGES:
            with contextlib.suppress(UnicodeEncodeError):
                forms.add(secret.encode(page))
            if not secret.isascii():
                forms.add(secret.encode(page, "replace"))
    return sorted(forms, key=len, reverse=True)


def _tds(byte: int) -> int:
    """TDS LOGIN7's disguise of a password: nibbles swapped, then XOR 0xA5 ([MS-TDS] 2.2.6.4)."""
    return ((byte << 4 | byte >> 4) & 0xFF) ^ 0xA5


def _without(data: bytes, secrets: list[bytes]) -> bytes:
    for secret in secrets:
        data = data.replace(secret, b"*" * len(secret))
    return data
