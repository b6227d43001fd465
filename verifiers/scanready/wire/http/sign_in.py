"""Find the first page of a login in two steps: a form that asks for a user name or an e-mail address, and no more.

A search, a newsletter, a registration or a contact form has such a field, too. So the form counts only if the page
calls it a login: in its attributes, on its button, in the title or in the first heading.
"""

from __future__ import annotations

import re

from .tags import Tag

_USER = re.compile(
    r"(?:.*[-_.:\[])?(?:j_)?(?:user(?:[-_]?(?:name|id|email))?|login(?:[-_]?(?:name|id|fmt|hint))?|loginfmt|uname|uid|upn|"
    r"e-?mail(?:[-_]?address)?|account(?:[-_]?name)?|identifier|benutzer(?:name)?|kennung|webauthn)\]?",
    re.IGNORECASE,
)
_LOGIN = re.compile(
    r"\b(?:log[-_ ]?[io]n|sign[-_ ]?in|anmelden|anmeldung|einloggen|connexion|se connecter|authenticate|"
    r"iniciar sesi.n|accedi|inloggen)\b|kc-form-login|/authenticate\b|/saml2?\b|/oauth2?\b",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"newsletter|subscri|abonn|regist|sign[-_ ]?up|create (?:an )?account|search|suche|contact|kontakt|feedback|"
    r"comment|notify|waitlist",
    re.IGNORECASE,
)
_TEXT_FIELDS = ("", "text", "email")
_BUTTONS = ("submit", "button", "image")
#: Attributes of a form that say what it is for, and characters of the texts that are kept.
_ATTRIBUTES = (b"action", b"id", b"name", b"class", b"aria-label")
_MOST = 2000


class SignIn:
    """Collects from one tag after the other whether a form asks who its visitor is."""

    def __init__(self) -> None:
        self._in_form = self._posts = self._in_button = False
        self._fields: list[bool] = []
        self._words = ""
        self._found: list[str] = []

    def add(self, tag: Tag) -> None:
        """Take the next tag."""
        if tag.name in (b"form", b"/form"):
            self._end()
            self._in_form = tag.name == b"form"
            self._posts = tag.attributes.get(b"method", "").strip().lower() == "post"
            self._words = " ".join(tag.attributes.get(name, "")[:_MOST] for name in _ATTRIBUTES)
        elif self._in_form and tag.name == b"input":
            self._field(tag)
        elif tag.name == b"textarea":
            self._fields.append(False)
        self._in_button = tag.name == b"button"
        if self._in_form and (self._in_button or tag.name in (b"label", b"h3")):
            self._say(tag.text.decode("utf-8", "replace"))

    def _field(self, tag: Tag) -> None:
        kind = tag.attributes.get(b"type", "").strip().lower()
        if kind in _TEXT_FIELDS:
            names = [tag.attributes.get(name, "").strip() for name in (b"name", b"id")]
            names += tag.attributes.get(b"autocomplete", "").split()
            self._fields.append(any(_USER.fullmatch(name[:100]) for name in names))
            self._say(tag.attributes.get(b"placeholder", ""))
        elif kind == "password":
            self._fields.append(False)
        elif kind in _BUTTONS:
            self._say(tag.attributes.get(b"value", ""))

    def _say(self, words: str) -> None:
        self._words = f"{self._words} {words}"[:_MOST]

    def _end(self) -> None:
        """Keep the words of a form that posts a user name and no other text."""
        if self._in_form and self._posts and self._fields == [True]:
            self._found.append(self._words)
        self._in_form, self._fields, self._words = False, [], ""

    def asks(self, title: str, heading: str) -> bool:
        """Say whether the only form of the page is the first step of a login."""
        self._end()
        around = f"{title} {heading}"
        words = [f"{one} {around}" for one in self._found]
        return len(words) == 1 and bool(_LOGIN.search(words[0])) and not _OTHER.search(words[0])
