"""Sans-I/O codecs, one module per protocol.

A codec module has three kinds of things and no I/O:

* plain functions that build our messages (``bytes``),
* frozen dataclasses for the peer's answers,
* *readers*: functions that read a :class:`Buffer` and return one whole message, or ``None`` if they need more bytes
  (they then consume nothing). :func:`stepwise` makes a reader from a generator, which keeps its place between calls.

For any bytes from a peer, a reader returns a message, returns ``None`` or raises :class:`WireError`. It raises nothing
else, and its memory is bounded. A reader distinguishes these answers:

* It returns a message with known values.
* A message of the protocol with an unknown value raises :class:`UnknownValue`. The reader returns it instead where the
  rest of the message is worth more.
* Bytes whose beginning is no message of the protocol raise :class:`ForeignBytes`; other broken bytes raise a plain
  ``WireError``.
* A message beyond a bound of the codec raises :class:`OurLimit`.

:class:`UnknownValue` and :class:`OurLimit` must not block a target. ``FIELDS`` of each codec lists the values that it
knows; see :mod:`scanready.wire.fields`. The cost of a reader is proportional to the number of bytes received, however
they are split.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from .buffer import Buffer as Buffer
from .buffer import ForeignBytes as ForeignBytes
from .buffer import OurLimit as OurLimit
from .buffer import UnknownValue as UnknownValue
from .buffer import WireError as WireError
from .reading import Cursor as Cursor
from .reading import Steps as Steps
from .reading import Stepwise as Stepwise
from .reading import stepwise as stepwise

T = TypeVar("T")

#: A reader consumes one whole message from the buffer, or returns None and consumes nothing.
Reader = Callable[[Buffer], T | None]
