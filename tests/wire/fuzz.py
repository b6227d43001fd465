"""Hostile bytes for readers: arbitrary ones, and real messages spoiled in the ways that hurt parsers.

A fuzz test of a codec is four lines::

    @given(fuzz.hostile(load("ssh/openssh9.2-kexinit.s2c.hex")), st.booleans())
    def test_nothing_but_wire_error_escapes(data: bytes, eof: bool) -> None:
        survives(ssh.read_kexinit, data, eof=eof)

``survives`` (tests/readers.py) lets anything but WireError escape, and so fails the test.
"""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

#: Lengths that parsers trip over: sign bits, "all ones", off by one, more than any message may hold.
HUGE = tuple(
    number.to_bytes(width, order)
    for width in (1, 2, 3, 4, 8)
    for number in (0, 1, (1 << (8 * width - 1)) - 1, 1 << (8 * width - 1), (1 << (8 * width)) - 1)
    for order in ("big", "little")
)


def mutations(*seeds: bytes, most: int = 6) -> st.SearchStrategy[bytes]:
    """Return a strategy of ``seeds``, each spoiled by one to ``most`` flips, cuts, insertions and huge lengths."""
    spoiled = st.tuples(st.sampled_from(seeds), st.lists(_SPOILS, min_size=1, max_size=most))
    return spoiled.map(lambda drawn: _apply(*drawn))


def hostile(*seeds: bytes, max_size: int = 2048) -> st.SearchStrategy[bytes]:
    """Return a strategy of arbitrary bytes, up to ``max_size``, and of :func:`mutations` of ``seeds``."""
    arbitrary = st.binary(max_size=max_size)
    return st.one_of(arbitrary, mutations(*seeds)) if seeds else arbitrary


# A spoil is (what to do, where as a fraction of the message, with which bytes); drawn apart from the
# seed, so that hypothesis can shrink each by itself.
_Spoil = tuple[Callable[[bytes, int, bytes], bytes], float, bytes]


def _flip(data: bytes, at: int, extra: bytes) -> bytes:
    return data[:at] + bytes([data[at] ^ (extra[0] or 1)]) + data[at + 1 :] if at < len(data) else data


def _overwrite(data: bytes, at: int, extra: bytes) -> bytes:
    return data[:at] + extra + data[at + len(extra) :]


def _insert(data: bytes, at: int, extra: bytes) -> bytes:
    return data[:at] + extra + data[at:]


def _truncate(data: bytes, at: int, extra: bytes) -> bytes:
    return data[:at]


def _drop(data: bytes, at: int, extra: bytes) -> bytes:
    return data[:at] + data[at + len(extra) :]


def _repeat(data: bytes, at: int, extra: bytes) -> bytes:
    return data[:at] + data[at : at + 64] * (extra[0] % 16) + data[at:]


_BYTES = st.one_of(st.sampled_from(HUGE), st.binary(min_size=1, max_size=16))
_WHERE = st.one_of(st.floats(0, 1), st.floats(0, 0.05))  # headers are where lengths are: visit them more often
_SPOILS: st.SearchStrategy[_Spoil] = st.tuples(
    st.sampled_from((_flip, _overwrite, _insert, _truncate, _drop, _repeat)), _WHERE, _BYTES
)


def _apply(seed: bytes, spoils: list[_Spoil]) -> bytes:
    for spoil, where, extra in spoils:
        seed = spoil(seed, int(where * len(seed)), extra)
    return seed
