"""Know the words of our own texts: a secret that equals one must not be recognisable by a hole in our sentences.

The words are the text constants of this package's source files. They are read when a message first holds a form of a
credential, which is rare.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

#: One text constant on a line. Texts in three quotes are documentation.
_CONSTANT = r"""\"([^\"\\\n]*(?:\\.[^\"\\\n]*)*)\"|'([^'\\\n]*(?:\\.[^'\\\n]*)*)'"""
_ESCAPED = r"\\(['\"\\])"
#: Marks that join our texts to one sentence, and how much must be left of a word without them.
_MARKS, _LEAST_BARE = ".,:;!?()'\"` ", 4


def holds(text: str) -> bool:
    """Whether ``text``, without marks around it, occurs in our own texts, within a word or not, in whatever case."""
    low = text.lower()
    return low in _texts() or (len(bare := low.strip(_MARKS)) >= _LEAST_BARE and bare in _texts())


@cache
def _texts() -> str:
    found: dict[str, None] = {}
    for path in sorted(Path(__file__).parent.parent.rglob("*.py")):
        source = "".join(path.read_text(encoding="utf-8").split('"""')[::2])
        for constant in re.finditer(_CONSTANT, source):
            raw = (constant[1] or constant[2] or "").lower()
            found |= {raw: None, re.sub(_ESCAPED, r"\1", raw): None}
    return "\n".join(found)
