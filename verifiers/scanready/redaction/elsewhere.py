"""The secrets of a run's other targets: a server may repeat what one with another name, or of another owner, has heard.

A run may use hundreds of secrets, and a search for each of them would cost every text as many searches. So they are
found by parts of four characters, in one pass over the text, whatever their number.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from .forms import LEAST_CUT, forms_of, pieces_of

#: Characters of a part.
_PART = 4
#: Secrets that are known at most; each takes some kilobytes. The secrets of a target's own host are known in any case.
_MOST = 1024


class Elsewhere:
    """The secrets that a run has used so far, or is about to use. Short ones are left out: they occur by chance."""

    def __init__(self) -> None:
        self._secrets: dict[str, None] = {}
        self._by_part: dict[str, dict[str, None]] = {}

    def add(self, secrets: Iterable[str]) -> None:
        """Know these, too, from now on."""
        for secret in secrets:
            if len(secret) < LEAST_CUT or secret in self._secrets or len(self._secrets) >= _MOST:
                continue
            self._secrets[secret] = None
            parts = {form[:_PART] for form in forms_of(secret)}
            for whole in pieces_of(secret):
                parts |= {whole[:_PART], whole[-_PART:]}
            for part in parts:
                self._by_part.setdefault(part, {})[secret] = None

    def has_more_than(self, secrets: Collection[str]) -> bool:
        """Return True if there is a secret that is none of these."""
        return bool(self._secrets) and not self._secrets.keys() <= set(secrets)

    def near(self, text: str) -> list[str]:
        """Return the secrets that may be in a text in lower case, or of which it may show a half at its edges."""
        parts = {text[at : at + _PART] for at in range(len(text) - _PART + 1)}
        found = (self._by_part[part] for part in self._by_part.keys() & parts)
        return list(dict.fromkeys(secret for secrets in found for secret in secrets))
