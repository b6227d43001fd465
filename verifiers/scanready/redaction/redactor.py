"""Mask the credentials of one target, or of a whole run, in texts and bytes.

Two kinds of text are treated differently. A text of a peer, a library or a plug-in (:meth:`Redactor.peer`) loses every
form of a secret. A sentence of ours, with such words in it (:meth:`Redactor.composed`), is the second net: it loses the
secrets that are no words of ours, so that no hole in our sentence tells which of its words is a password.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from . import vocabulary
from .elsewhere import Elsewhere
from .forms import LEAST_CUT, folded, forms_of, pieces_of
from .readings import Reading, Span, readings
from .workflow import harmless, harmless_lines

HIDDEN = "***"
#: Replaces a whole text in which a hole would tell the secret: one that is short, or an ordinary word.
WITHHELD = "(withheld: it contains a credential)"
#: A longer secret of letters only is no word of a sentence.
_LONGEST_WORD = 16
#: A shorter secret occurs in our numbers and addresses by chance.
_LEAST_IN_COMPOSED = 4
#: At the edge of a text, a half of a secret is masked from this length on; it may go on in another text.
_LEAST_PIECE = 4
#: One encoded byte of a longer secret is no beginning of it yet: the rest is more than a half, and masked as such.
_LEAST_ENCODED = 2
#: Characters of one text; of a longer one, which did not come from a bounded reader, the middle is left out.
_MOST = 1 << 16
#: From so many texts on, a list is searched as a whole first.
_LONG_LIST = 8
#: A run of text in a protocol's bytes: a line, or a field; in UTF-16 as well.
_TEXT = re.compile(r"(?:[^\x00-\x1f\x7f]\x00?)+")
#: Facts are flat by rule; what is nested deeper is not evidence any more.
_DEEPEST = 6


class Redactor:
    """Hide secrets in what others say.

    Args:
        secrets: the texts that must not be in any output; empty ones are ignored.
        public: what everybody may read of the target (user, host, database), and what therefore stays as it is.
        verbatim: long secrets, of which only the text itself is masked (the lines of a private key).
        elsewhere: the secrets of other targets. One that is a word says nothing here, and stays.
    """

    __slots__ = ("_cuttable", "_elsewhere", "_folded", "_least", "_said", "_verbatim", "secrets")

    def __init__(
        self,
        secrets: Iterable[str | None],
        public: Iterable[str] = (),
        verbatim: Iterable[str] = (),
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self.secrets = tuple(dict.fromkeys(secret for secret in secrets if secret))
        self._verbatim = tuple(verbatim)
        self._elsewhere = elsewhere
        self._least = min((len(secret) for secret in self.secrets), default=LEAST_CUT)
        self._said: Iterable[str] = public
        self._folded: frozenset[str] | None = None
        self._cuttable: dict[str, bool] = {}

    @property
    def settings(self) -> dict[str, list[str]]:
        """The arguments that make the same redactor in another process. They hold the secrets."""
        return {"secrets": [*self.secrets], "public": [*self._public], "verbatim": [*self._verbatim]}

    def __reduce__(self) -> tuple[Any, ...]:
        """For the process of a login, which gets the secrets of its own target only."""
        return Redactor, (self.secrets, tuple(self._public), self._verbatim)

    @property
    def _public(self) -> frozenset[str]:
        """The public words in one spelling; made when a secret was found, which a run without secrets never does."""
        if self._folded is None:
            self._folded, self._said = frozenset(folded(text) for text in self._said if text), ()
        return self._folded

    def __repr__(self) -> str:
        return f"Redactor({len(self.secrets)} secrets)"

    def peer(self, text: str) -> str:
        """Return what a peer, a library or a plug-in said, without any form of a secret.

        Secrets are replaced by three asterisks; the whole text is, by :data:`WITHHELD`, if a secret is short or an
        ordinary word. A text that is public as a whole stays.
        """
        if text == WITHHELD:
            return text
        if len(text) > _MOST:
            return _joined(self.peer(text[: _MOST // 2]), self.peer(text[-_MOST // 2 :]))
        spans: list[Span] = []
        for secret, span in self._found(text, edges=True):
            if not self._can_be_cut(secret):
                return text if folded(text.strip()) in self._public else WITHHELD
            spans.append(span)
        return harmless(_cut(text, spans))

    def composed(self, text: str, *, ours: bool = False) -> str:
        """Return a sentence of ours without the secrets that are no words of ours; none of its own words changes.

        ``ours`` is true for text in a language that may have the marks of workflow commands (``[Net.Dns]::``).
        """
        if len(text) > _MOST:
            halves = text[: _MOST // 2], text[-_MOST // 2 :]
            return _joined(*(self.composed(half, ours=ours) for half in halves))
        spans: list[Span] = []
        for secret, span in self._found(text, edges=True) if self.knows_any else ():
            if self._is_ours(secret):
                continue
            if not self._can_be_cut(secret):
                return WITHHELD
            spans.append(span)
        shown = _cut(text, spans)
        return harmless_lines(shown) if ours else harmless(shown)

    def value(self, value: Any, depth: int = 0) -> Any:
        """Return a fact, whatever its type, with :meth:`composed` applied to every text in it."""
        match value:
            case str():
                return self.composed(value)
            case bytes() | bytearray():
                return self.data(bytes(value))
            case bool() | None:
                return value
            case int() | float():
                return HIDDEN if self._is_number(value) else value
            case Mapping() if depth < _DEEPEST:
                return {self.value(key, depth + 1): self.value(one, depth + 1) for key, one in value.items()}
            case list() | tuple() | set() | frozenset() if depth < _DEEPEST:
                held = list(value)
                if len(held) >= _LONG_LIST and all(isinstance(one, str) for one in held) and self._is_clean(held):
                    return value
                hidden = [self.value(one, depth + 1) for one in held]
                return value if hidden == held else hidden
            case _:
                shown = str(value)
                masked = self.composed(shown)
                return value if masked == shown else masked

    def _is_clean(self, texts: list[str]) -> bool:
        """True if a long list holds no secret; one search is quicker than one for each of ten thousand names."""
        joined = "\n".join(texts)
        return harmless(joined) == joined and next(self._found(joined, edges=False), None) is None

    def data(self, data: bytes) -> bytes:
        """Return ``data`` with an asterisk for each byte of a secret, short ones and halves at its edges included."""
        masked = bytearray(data)
        for start, end in self.spans(data):
            masked[start:end] = b"*" * (end - start)
        return bytes(masked)

    def spans(self, data: bytes) -> list[Span]:
        """Return where ``data`` holds a form of a secret, or a half of one at its edges.

        Where a hole would tell the secret, it is the whole run of text around it.
        """
        text = data.decode("latin-1")
        spans: list[Span] = []
        words: list[Span] = []
        for secret, span in self._found(text, edges=True):
            (spans if self._can_be_cut(secret) else words).append(span)
        if not words:
            return spans
        held = bytearray(len(text))
        for start, end in words:
            held[start] = held[end - 1] = 1
        return spans + words + [run.span() for run in _TEXT.finditer(text) if held.find(1, *run.span()) >= 0]

    def beginning(self, data: bytes) -> int:
        """Return where at the end of ``data`` a form of a secret may begin that goes on behind it, else its length."""
        rest = bytearray(data)
        for _, (start, end) in self._found(data.decode("latin-1"), edges=False):  # the end of one is no beginning
            rest[start:end] = b"*" * (end - start)
        text = rest.decode("latin-1")
        first = len(text)
        for reading in readings(text, 1) if self.secrets else ():
            low = folded(reading.text) if reading.ends else ""
            for secret in self.secrets:
                least = _LEAST_ENCODED if reading.decoded and len(secret) >= LEAST_CUT else 1
                for form in forms_of(secret):
                    longest = min(len(form) - 1, len(low))
                    size = next((size for size in range(longest, least - 1, -1) if low.endswith(form[:size])), 0)
                    if size:
                        first = min(first, reading.origin(len(low) - size, len(low))[0])
        return first

    def _found(self, text: str, *, edges: bool) -> Iterator[tuple[str, Span]]:
        """Yield each secret that ``text`` holds, with its place; ``edges``: halves that were cut off there, too."""
        for line in self._verbatim:
            yield from ((line, span) for span in _places(line, text))
        elsewhere = self._elsewhere if self._elsewhere and self._elsewhere.has_more_than(self.secrets) else None
        if not self.secrets and elsewhere is None:
            return
        least = min(self._least, LEAST_CUT) if elsewhere else self._least
        for reading in readings(text, max(1, least // 2) if edges else least):
            low = folded(reading.text)
            for secret in (*self.secrets, *(self._of_others(elsewhere, low) if elsewhere else ())):
                within = low if len(secret) >= LEAST_CUT else reading.text
                for form in forms_of(secret):
                    yield from ((secret, reading.origin(*span)) for span in _places(form, within))
                if edges and len(secret) >= LEAST_CUT:
                    yield from ((secret, span) for span in self._halves(secret, reading, low))

    @property
    def knows_any(self) -> bool:
        """True if there is a secret at all: most runs have none, and a target has some thirty texts."""
        return bool(self.secrets or self._verbatim or (self._elsewhere and self._elsewhere.has_more_than(())))

    def _of_others(self, elsewhere: Elsewhere, low: str) -> Iterator[str]:
        return (one for one in elsewhere.near(low) if one not in self.secrets and self._can_be_cut(one))

    def _halves(self, secret: str, reading: Reading, low: str) -> Iterator[Span]:
        """A half of the secret at least with which the text ends or begins, and which is no word of ours."""
        for whole in pieces_of(secret):
            least = max(_LEAST_PIECE, (len(whole) + 1) // 2)
            # The smallest half of most texts is nowhere in the secret: one search spares one comparison for each size.
            ends, starts = reading.ends and low[-least:] in whole, reading.starts and low[:least] in whole
            for size in range(len(whole) - 1, least - 1, -1) if ends else ():
                if low.endswith(whole[:size]) and not self._is_ours(whole[:size]):
                    yield reading.origin(len(low) - size, len(low))
                    break
            for size in range(len(whole) - 1, least - 1, -1) if starts else ():
                if low.startswith(whole[-size:]) and not self._is_ours(whole[-size:]):
                    yield reading.origin(0, size)
                    break

    def _can_be_cut(self, secret: str) -> bool:
        """Return whether a hole in a sentence does not tell what was there. Looked up once, not at each place."""
        if secret not in self._cuttable:
            self._cuttable[secret] = self._is_no_word(secret)
        return self._cuttable[secret]

    def _is_no_word(self, secret: str) -> bool:
        """Return whether a secret is neither short nor an ordinary word."""
        letters = "".join(secret.split())
        word = letters.isalpha() and len(secret) < _LONGEST_WORD and secret in (low := secret.lower(), low.title())
        word = word or (letters.isalpha() and len(secret) < _LONGEST_WORD and secret.isupper())
        return len(secret) >= LEAST_CUT and not word and not self._is_ours(secret)

    def _is_ours(self, text: str) -> bool:
        """Whether our own sentences may hold ``text``, for another reason than that it is a secret."""
        if len(text) < _LEAST_IN_COMPOSED or (not any(char.isalpha() for char in text) and len(text) < LEAST_CUT):
            return True
        low = folded(text)
        return any(low in word for word in self._public) or vocabulary.holds(text)

    def _is_number(self, value: float) -> bool:
        shown = str(value)
        secrets = (*self.secrets, *(self._elsewhere.near(shown) if self._elsewhere else ()))
        return any(len(secret) >= LEAST_CUT and secret in shown for secret in secrets)


#: Hides nothing, and makes commands to a build server harmless all the same.
NOTHING = Redactor(())


def _places(part: str, text: str) -> Iterator[Span]:
    """Where ``text`` has ``part``, each time."""
    start = text.find(part)
    while start >= 0:
        yield start, start + len(part)
        start = text.find(part, start + len(part))


def _joined(first: str, last: str) -> str:
    return WITHHELD if WITHHELD in (first, last) else f"{first} ... {last}"


def _cut(text: str, spans: list[Span]) -> str:
    """Replace the spans, which may overlap, by asterisks."""
    if not spans:
        return text
    parts, last = [], 0
    for start, end in _merged(spans):
        parts += [text[last:start], HIDDEN]
        last = end
    return "".join((*parts, text[last:]))


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged
