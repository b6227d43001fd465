"""The error for one wrong value in a person's input: a host, a port, an option of a target."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from scanready.wire.printable import escaped

#: Long enough for a file's whole name, nearly always.
_LONGEST_SHOWN = 200


class Wrong(ValueError):
    """Raise for a value that cannot be used; ``messages`` are sentences that repeat no secret."""

    def __init__(self, *messages: str) -> None:
        self.messages = messages or ("this value cannot be used",)
        super().__init__(*self.messages)


class Collected:
    """Hand the messages of a :class:`Wrong` that is raised in the block to ``note``, and continue after the block.

    It is no generator, since an inventory enters five of them for each target.
    """

    __slots__ = ("_note",)

    def __init__(self, note: Callable[..., None]) -> None:
        self._note = note

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, Wrong):
            return False
        self._note(*error.messages)
        return True


@dataclass(slots=True)
class Complaints:
    """Collect the errors in several parts of one value, and raise all of them together."""

    messages: list[str] = field(default_factory=list)

    def collected(self) -> Collected:
        """Note a :class:`Wrong` and continue after the block."""
        return Collected(lambda *messages: self.messages.extend(messages))

    def settle(self) -> None:
        """Raise the collected errors, if there are any.

        Raises:
            Wrong: with every message.
        """
        if self.messages:
            raise Wrong(*self.messages)


def shown(text: str) -> str:
    """``text`` in back quotes for a message: terminal escapes and other invisible characters spelled out, bounded."""
    return f"`{escaped(text[:_LONGEST_SHOWN])}{'…' if len(text) > _LONGEST_SHOWN else ''}`"


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that is spelt most like ``word``, or an empty text if none is near."""
    from difflib import get_close_matches  # loaded late: an input without mistakes needs none of it

    near = get_close_matches(word.lower()[:_LONGEST_SHOWN], list(known), n=1)
    return near[0] if near else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``"; did you mean `x`?"``, or nothing if no known word is near."""
    near = nearest(word, known)
    return f"; did you mean `{near}`?" if near else ""
