"""Sans-I/O codecs, one module per protocol.

A codec module has three kinds of things and no I/O:

* plain functions that build what we send (``bytes``),
* frozen dataclasses that name what a peer may answer,
* *readers*: functions that look at a :class:`Buffer` and return one whole
  message, or ``None`` for "I need more bytes" (and then take nothing).
  :func:`stepwise` makes them of generators that keep their place.

Whatever a peer sends, a reader returns, returns ``None`` or raises
:class:`WireError`; nothing else ever escapes, and nothing grows without bound.
Three answers are kept apart: a known one is returned; a message of the protocol
with a value that the codec does not know raises :class:`UnknownValue` (or is
returned, where the rest is worth more); anything else is a plain ``WireError``,
or :class:`ForeignBytes` where the beginning is no message of the protocol's.
Only the last of these may block a target; :class:`OurLimit` may not either. ``FIELDS`` of each codec lists the
values that it knows; see :mod:`scanready.wire.fields`.
The cost of a reader is in proportion to the bytes received, whatever the pieces.
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

#: A reader takes one whole message from the buffer, or returns None and takes nothing.
Reader = Callable[[Buffer], T | None]
