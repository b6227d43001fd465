"""Find the elements of a page that wait for a script: an application's root, with nothing or a "Loading..." in it.

React, Vue and Next fill a ``div`` with an id, Angular an element of its own, older ones an element with an attribute.
"""

from __future__ import annotations

from dataclasses import dataclass

from .tags import Tag

#: Elements that take an application, if they have a name: an id, or one of these attributes.
_ELEMENTS = frozenset((b"div", b"main", b"section", b"article", b"app", b"body"))
_ATTRIBUTES = (b"ng-view", b"ui-view", b"data-ng-view", b"data-reactroot")
#: Characters of a text in the place of the content ("Loading, please wait...").
_NO_TEXT = 30
#: Elements within each other that are looked at, and names that are kept.
_MOST_OPEN, _MOST_NAMES = 200, 50


@dataclass(slots=True)
class _Open:
    """An element that has begun; ``within`` counts the nameless elements of the same kind that are open in it."""

    element: bytes
    name: str
    text: int = 0
    shows: bool = False
    within: int = 0


class Mounts:
    """Collects the names of elements without content from one tag after the other."""

    def __init__(self) -> None:
        self._open: list[_Open] = []
        self._names: list[str] = []

    def add(self, tag: Tag, text: int, *, shows: bool) -> None:
        """Take the next tag, the characters of the text after it, and whether it is an image, a field or a link."""
        last = self._open[-1] if self._open else None
        if tag.name.startswith(b"/"):
            self._close(tag.name[1:])
        elif (name := _name_of(tag)) and len(self._open) < _MOST_OPEN:
            self._open.append(_Open(tag.name, name))
        elif last is not None and tag.name == last.element:
            last.within += 1
        if self._open:
            self._open[-1].text += text
            self._open[-1].shows = self._open[-1].shows or shows

    def _close(self, element: bytes) -> None:
        if not self._open or self._open[-1].element != element:
            return
        last = self._open[-1]
        if last.within:
            last.within -= 1
            return
        self._open.pop()
        if self._open:
            self._open[-1].text += last.text
            self._open[-1].shows = self._open[-1].shows or last.shows
        self._note(last)

    def _note(self, one: _Open) -> None:
        if one.text < _NO_TEXT and not one.shows and len(self._names) < _MOST_NAMES:
            self._names.append(one.name)

    def empty(self) -> tuple[str, ...]:
        """Return the names of the elements without content; one that is not closed ends with the page."""
        while self._open:
            self._open[-1].within = 0
            self._close(self._open[-1].element)
        return tuple(self._names)


def _name_of(tag: Tag) -> str:
    """Return the name by which a script finds an element; empty for an element that takes no application."""
    if b"-" in tag.name:  # an element of the application's own
        return tag.name.decode("latin-1")[:80]
    if tag.name not in _ELEMENTS:
        return ""
    by_attribute = next((one.decode() for one in _ATTRIBUTES if one in tag.attributes), "")
    return by_attribute or tag.attributes.get(b"id", "").strip()[:80] or ("app" if tag.name == b"app" else "")
