"""A message of the protocol with a value that is not known is never a broken one.

Every declared field of every codec is given values that no specification has yet, in messages that servers sent. The
codec returns what it can, or raises UnknownValue, which names the value. The climbs that meet them are in
`tests/hostile/test_unknown_values.py`.
"""

from __future__ import annotations

import pytest

from scanready.wire import UnknownValue, WireError
from scanready.wire.fields import Role
from tests.wire.samples import Read, samples
from tests.wire.unknown import CODECS, changes, fields_of


def error_of(read: Read, message: bytes) -> WireError | None:
    """Return the error of a reader; None where it makes something of the message."""
    try:
        read(message)
    except WireError as error:
        return error
    return None


@pytest.mark.parametrize("codec", CODECS)
def test_the_samples_are_read(codec: str) -> None:
    assert samples(codec)
    for message, read in samples(codec):
        assert read(message) is not None


@pytest.mark.parametrize("codec", CODECS)
def test_an_unknown_value_is_no_broken_message(codec: str) -> None:
    tried = 0
    for field in fields_of(codec):
        if field.role is Role.DISCRIMINATOR:
            continue
        for message, read in samples(codec):
            for change in changes(field, message):
                tried += 1
                changed = change.apply(message)
                assert changed != message
                error = error_of(read, changed)
                if isinstance(error, UnknownValue):
                    assert field.role is Role.VALUE, f"{change}: an unknown member of an offer counts for nothing"
                    assert str(error.value) in str(error) or ascii(error.value) in str(error)
                else:
                    assert error is None, f"{change} in {message[:40].hex()}: {error}"
    assert tried or all(field.role is Role.DISCRIMINATOR for field in fields_of(codec))


def test_how_much_is_tried() -> None:
    """The numbers of the documentation: fields, places and values."""
    tried = [
        (codec, field.name, str(change))
        for codec in CODECS
        for field in fields_of(codec)
        if field.role is not Role.DISCRIMINATOR
        for message, _ in samples(codec)
        for change in changes(field, message)
    ]
    assert len({(codec, name) for codec, name, _ in tried}) >= 80
    assert len(tried) >= 1000
