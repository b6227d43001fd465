"""Look at a page as a scan reads it: login forms, redirects of its own, and whether there is any text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .mounts import Mounts
from .sign_in import SignIn
from .tags import ASCII_BLANKS, Tag, tags, without_entities

#: Elements whose text no visitor reads.
_HIDDEN = frozenset((b"noscript", b"template", b"svg"))
#: Elements that hold a page of their own, and the attribute that names it.
_FRAMES = {b"frame": b"src", b"iframe": b"src", b"embed": b"src", b"object": b"data"}
#: Elements that lead a scan on.
_LEADS = frozenset((b"a", b"area", *_FRAMES))
#: Elements beside text and links that show something.
_SHOWS = frozenset(
    (b"img", b"image", b"picture", b"video", b"audio", b"canvas", b"svg", b"input", b"button", b"select", b"textarea")
)
_FIELDS = frozenset((b"input", b"select", b"textarea"))
#: Fields of a form that leads to a single sign-on or back from it (SAML, WS-Federation).
_SIGN_ON = frozenset(("samlrequest", "samlresponse", "wresult"))
#: A page that leaves later than this many seconds is read before.
_SOON = 60
_REFRESH = re.compile(
    r"\s*+([0-9]{1,9}|\.[0-9])[0-9.]*+(?=[\s;,])\s*+[;,]?+\s*+(?:url\s*+=\s*+)?+(?:\"([^\"]*+)|'([^']*+)|(\S.*+))",
    re.IGNORECASE | re.DOTALL,
)
#: Where a script sends its visitors (``location = "..."``, ``location.replace("...")``).
_SCRIPT_TO = re.compile(
    rb"\blocation(?:\.href)?(?:\s{0,9}=\s{0,9}|\.(?:replace|assign)\s{0,9}\(\s{0,9})[\"']([^\"'\s<>]{1,2000})[\"']",
    re.IGNORECASE,
)
#: Handlers that a browser runs when it shows a page.
_AT_ONCE = frozenset((b"onload", b"onpageshow"))
#: A page with fewer characters whose script submits a form is there for that.
_NO_TEXT = 30
_SUBMITS = re.compile(rb"\bsubmit\s{0,9}\(", re.IGNORECASE)
#: Elements around a page's content: the menu, and the lines at its end.
_AROUND = frozenset((b"nav", b"footer"))
#: Tags that no link goes on beyond, whether it is closed or not.
_ENDS_LINK = frozenset((b"/a", b"p", b"/p", b"li", b"/li", b"div", b"/div", b"td", b"/td", b"ul", b"/ul", b"/nav"))
#: The name of a notice about cookies, in an id or a class.
_NOTICE = re.compile(r"cookie|consent|gdpr", re.IGNORECASE)
#: Characters of a link's text that are kept, and of a title or a heading.
_MOST_LABEL = 80
_MOST_HEADLINE = 200
_HEADINGS = frozenset((b"h1", b"h2"))
#: Tags that no heading goes on beyond, whether it is closed or not.
_ENDS_HEADING = frozenset((b"/h1", b"/h2", b"h3", b"p", b"hr", b"div", b"/div", b"ul", b"table", b"pre", b"form"))
#: The scripts of an application, by the usual names of its bundles.
_BUNDLE = re.compile(
    r"(?:^|/)(?:main|app|index|bundle|runtime|polyfills|vendor|vendors|chunk|client|bootstrap|flutter_bootstrap)"
    r"(?:[.~_-][^/]{0,100})?\.m?js(?:\?|$)",
    re.IGNORECASE,
)
#: The place in a template that a script fills with a text.
_TEMPLATE = re.compile(rb"\{\{[^{}]{0,500}\}\}")
#: White space that bytes.split() keeps, in UTF-8: a no-break space, a zero-width one, a byte order mark.
_BLANKS = re.compile(rb"\xc2\xa0|\xe2\x80\x8b|\xef\xbb\xbf")


@dataclass(frozen=True, slots=True)
class Look:
    """The content of a page for a scan that runs no scripts.

    ``text`` counts the characters of text, white space left out; ``beside`` those outside of forms. ``links`` counts
    links and frames; ``hrefs`` is where links outside of forms lead, ``frames`` the pages in frames. ``scripted`` is
    true if the page has a script; ``script_leads_to`` is where that sends visitors, as far as it is written out.
    ``password`` is true if there is a password field; ``refresh`` is where the page sends its visitors by itself;
    ``posts_to`` is where a form leads that is there to be sent on at once. ``shows`` counts images and fields.
    ``base`` is the address to which all of these are relative, None for the page's own.
    ``prose`` counts the characters of text outside of links, menus, footers and notices about cookies. ``menu`` is
    where the links of menus and footers lead, a part of ``hrefs``; ``labels`` are the texts of ``hrefs``, in order.
    ``mounts`` names the elements that wait for a script to fill them (see :mod:`.mounts`). ``bundled`` is true if a
    script is named like an application's. ``title`` is the text of the title, ``heading`` that of the first heading of
    the two highest levels, each empty if there is none. ``asks_user`` is true if a form asks for a user name only, as
    the first step of a login (see :mod:`.sign_in`).
    """

    text: int
    beside: int
    links: int
    scripted: bool
    script_leads_to: str | None = None
    password: bool = False
    refresh: str | None = None
    posts_to: str | None = None
    base: str | None = None
    hrefs: tuple[str, ...] = field(default=(), compare=False)
    frames: tuple[str, ...] = field(default=(), compare=False)
    shows: int = field(default=0, compare=False)
    prose: int = field(default=0, compare=False)
    menu: tuple[str, ...] = field(default=(), compare=False)
    labels: tuple[str, ...] = field(default=(), compare=False)
    mounts: tuple[str, ...] = field(default=(), compare=False)
    bundled: bool = field(default=False, compare=False)
    title: str = field(default="", compare=False)
    heading: str = field(default="", compare=False)
    asks_user: bool = field(default=False, compare=False)

    @property
    def empty(self) -> bool:
        """Return whether there is no text, picture, link or script."""
        return not (self.text or self.links or self.scripted or self.shows)


def look(body: bytes) -> Look:
    """Look at a page of HTML; the time is in proportion to its length."""
    collected = _Collected()
    for tag in tags(body):
        collected.add(tag)
    return collected.look()


def is_login_form(body: bytes) -> bool:
    """Say whether a page has a password field. A form that a script builds in the browser is not seen."""
    return look(body).password


def refresh_of(body: bytes) -> str | None:
    """Return where a page sends its visitors by itself (``<meta http-equiv=refresh>``), None if it does not."""
    return look(body).refresh


def refresh_to(value: str) -> str | None:
    """Return where the value of a Refresh leads (``5; url=/start``) that does not wait for minutes, None if nowhere."""
    found = _REFRESH.match(value)
    if found is None or float(found[1]) > _SOON:
        return None
    leads = next((one.strip(ASCII_BLANKS) for one in found.groups()[1:] if one and one.strip(ASCII_BLANKS)), None)
    return leads[:2000] if leads else None


def is_empty(body: bytes) -> bool:
    """Say whether there is nothing but white space in a body."""
    return not body.strip()


class _Collected:
    """Collects a :class:`Look` from one tag after the other."""

    def __init__(self) -> None:
        self._text = self._beside = self._links = self._shows = self._prose = 0
        self._hidden = b""
        self._around = self._in_notice = 0
        self._notice = b""
        self._in_link = self._bundled = False
        self._menu: list[str] = []
        self._labels: list[bytes] = []
        self._mounts = Mounts()
        self._sign_in = SignIn()
        self._title = self._heading = b""
        self._in_heading = False
        self._in_form = self._scripted = self._password = self._signs_on = False
        self._submits = self._submits_at_once = False
        self._refresh: str | None = None
        self._action: str | None = None
        self._base: str | None = None
        self._scripts: list[bytes] = []
        self._hrefs: list[str] = []
        self._frames: list[str] = []

    def add(self, tag: Tag) -> None:
        self._run(tag)
        self._fill_in(tag)
        self._sign_in.add(tag)
        if self._hidden:
            self._hidden = b"" if tag.name == b"/" + self._hidden else self._hidden
        else:
            self._follow(tag)
            self._shows += tag.name in _SHOWS
            self._surround(tag)
            self._hidden = tag.name if tag.name in _HIDDEN else b""
        if not self._hidden:
            count = _visible(tag.text)
            self._text += count
            self._beside += 0 if self._in_form else count
            self._prose += 0 if self._in_link or self._around or self._in_notice else count
            if self._in_link and self._labels:
                self._labels[-1] = (self._labels[-1] + tag.text)[:_MOST_LABEL]
            self._headline(tag)
            self._mounts.add(tag, count, shows=tag.name in _LEADS or tag.name in _FIELDS)

    def _headline(self, tag: Tag) -> None:
        """Keep the title and the first heading that has a text."""
        if tag.name == b"title":
            self._title = self._title or tag.raw[:_MOST_HEADLINE].strip()
        elif tag.name in _HEADINGS:
            self._in_heading = not self._heading.strip()
        elif tag.name in _ENDS_HEADING:
            self._in_heading = False
        if self._in_heading:
            self._heading = (self._heading + b" " + tag.text)[:_MOST_HEADLINE]

    def _surround(self, tag: Tag) -> None:
        """Note whether what follows is within a link, a menu, a footer, or a notice about cookies."""
        self._in_link = tag.name == b"a" or (self._in_link and tag.name not in _ENDS_LINK)
        if tag.name in _AROUND:
            self._around += 1
        elif tag.name[1:] in _AROUND and tag.name.startswith(b"/"):
            self._around = max(0, self._around - 1)
        if self._in_notice:
            self._in_notice += (tag.name == self._notice) - (tag.name == b"/" + self._notice)
        elif tag.name in (b"div", b"section", b"aside", b"dialog", b"form") and any(
            _NOTICE.search(tag.attributes.get(name, "")) for name in (b"id", b"class")
        ):
            self._notice, self._in_notice = tag.name, 1

    def _run(self, tag: Tag) -> None:
        if tag.name == b"script":
            source = tag.attributes.get(b"src", "")
            is_module = tag.attributes.get(b"type", "").strip().lower() == "module"
            self._bundled = self._bundled or is_module or _BUNDLE.search(source) is not None
            self._scripted = True
            self._scripts.append(tag.raw)
            self._submits = self._submits or _SUBMITS.search(tag.raw) is not None
        for name in tag.attributes.keys() & _AT_ONCE:
            handler = tag.attributes[name].encode()
            self._scripted = self._scripted or _SCRIPT_TO.search(handler) is not None
            self._submits_at_once = self._submits_at_once or _SUBMITS.search(handler) is not None
            self._scripts.append(handler)

    def _fill_in(self, tag: Tag) -> None:
        if tag.name == b"form":
            self._in_form = True
            self._action = self._action if self._action is not None else tag.attributes.get(b"action", "")
        elif tag.name == b"/form":
            self._in_form = False
        elif tag.name == b"input":
            self._password = self._password or tag.attributes.get(b"type", "").strip().lower() == "password"
            self._signs_on = self._signs_on or tag.attributes.get(b"name", "").lower() in _SIGN_ON
        elif tag.name == b"meta" and tag.attributes.get(b"http-equiv", "").strip().lower() == "refresh":
            self._refresh = self._refresh or refresh_to(tag.attributes.get(b"content", ""))

    def _follow(self, tag: Tag) -> None:
        if tag.name == b"base" and self._base is None:
            self._base = tag.attributes.get(b"href", "").strip(ASCII_BLANKS)[:2000] or None
        self._links += tag.name in _LEADS
        if tag.name in _FRAMES and (source := tag.attributes.get(_FRAMES[tag.name], "").strip(ASCII_BLANKS)):
            self._frames.append(source[:2000])
        elif (
            tag.name in (b"a", b"area")
            and not self._in_form
            and (href := tag.attributes.get(b"href", "").strip(ASCII_BLANKS))
        ):
            self._hrefs.append(href[:2000])
            self._labels.append(b"")
            if self._around:
                self._menu.append(href[:2000])

    def look(self) -> Look:
        scripts = b"\n".join(self._scripts)
        leads = _SCRIPT_TO.search(scripts) if self._scripted else None
        submits = self._signs_on or self._submits_at_once or (self._submits and self._text < _NO_TEXT)
        title, heading = _words(self._title), _words(self._heading)
        return Look(
            self._text,
            self._beside,
            self._links,
            self._scripted,
            leads[1].decode("latin-1") if leads else None,
            self._password,
            self._refresh,
            self._action if submits else None,
            self._base,
            tuple(self._hrefs),
            tuple(self._frames),
            self._shows,
            self._prose,
            tuple(self._menu),
            tuple(map(_words, self._labels)),
            self._mounts.empty(),
            self._bundled,
            title,
            heading,
            not self._password and self._sign_in.asks(title, heading),
        )


def _words(text: bytes) -> str:
    return " ".join(without_entities(text.decode("utf-8", "replace")).split())


def _visible(text: bytes) -> int:
    plain = _BLANKS.sub(b" ", text).replace(b"<", b"")
    plain = _TEMPLATE.sub(b"", plain) if b"{{" in plain else plain
    if b"&" in plain:
        characters = without_entities(plain.decode("latin-1")).translate({0x200B: " ", 0xFEFF: " "})
        return len("".join(characters.split()))
    return len(b"".join(plain.split()))
