"""Read the agents of an inventory and their sites, and check the names by which targets refer to them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from scanready.catalogue.wrong import Wrong, did_you_mean, nearest, shown
from scanready.model import DeclaredAgent
from scanready.model.platforms import PLATFORMS
from scanready.net.hosts import clean_host

from .nodes import Node
from .problem_log import Page
from .shapes import DECLARED_AGENT

#: The most agents of an inventory; an estate view holds no more.
MOST_AGENTS = 10_000
#: The longest name of an agent or site.
_LONGEST_NAME = 64
#: Characters that ``--only`` gives a meaning.
_RESERVED = ",*?[]"
_FORM = "{name: proxy-nyc, sites: [nyc], platform: linux}"


class Agents:
    """The declared agents of an inventory; none until :meth:`read`.

    Args:
        readable: the list of agents has the right shape, or is missing; if not, no name is compared with it.

    Attributes:
        declared: the agents, in the order of the file.
        masters: the Master Server of each agent that names one.
    """

    def __init__(self, page: Page, *, readable: bool = True) -> None:
        self._readable = readable
        self.declared: list[DeclaredAgent] = []
        self.masters: dict[str, str] = {}
        self._page = page
        self._lines: dict[str, int] = {}
        self._sites: dict[str, str] = {}  # by its name in lower case
        self._names: set[str] = set()
        self._site_names: set[str] = set()

    def read(self, listed: Node) -> None:
        """Read the list ``agents``; note each problem at its place."""
        if not listed.value:
            self._page.wrong(listed, f"`agents` is empty: add an agent, such as {_FORM}, or remove the key")
        if len(listed.value) > MOST_AGENTS:
            self._page.wrong(listed, f"more than {MOST_AGENTS:,} agents: split the inventory")
            return
        for entry in listed.value:
            if isinstance(entry.value, dict):
                self._read(entry)
            else:
                self._page.wrong(entry, f"an agent must be a mapping, such as {_FORM}")

    def _read(self, node: Node) -> None:
        """Read one agent. Its name and sites are known even if it is faulty, so that their users get no error."""
        entry = self._page.shaped(DECLARED_AGENT, node)
        name = self._name(node)
        sites = tuple(dict.fromkeys(self._new_sites(node)))
        platform = ""
        if entry and entry.platform:
            with self._page.reading(node["platform"]):
                platform = _platform(entry.platform)
        if entry and entry.master:
            with self._page.reading(node["master"]):
                self.masters[name] = clean_host(entry.master)
        if name:
            self.declared.append(DeclaredAgent(name, sites, platform))
            self._names.add(name)
            self._site_names.update(sites)

    def _name(self, node: Node) -> str:
        """Return the name of an agent; an empty text if it has none that can be used."""
        place = node["name"] if "name" in node.value else None
        if place is None or not isinstance(place.value, str) or not place.value:
            return ""
        name: str = place.value
        with self._page.reading(place):
            check_name("agent", name)
        # Case does not distinguish hosts' names, nor patterns of `--only`.
        if first := self._lines.get(name.casefold()):
            self._page.wrong(place, f"the agent {shown(name)} is declared twice, first in line {first}: rename one")
        self._lines.setdefault(name.casefold(), place.line)
        return name

    def _new_sites(self, node: Node) -> Iterable[str]:
        """Yield the sites of an agent, and note the misspelt ones."""
        listed = node["sites"].value if "sites" in node.value else None
        for place in listed if isinstance(listed, list) else ():
            if not isinstance(place.value, str) or not place.value:
                continue
            site: str = place.value
            with self._page.reading(place):
                check_name("site", site)
                if (same := self._sites.setdefault(site.casefold(), site)) != site:
                    raise Wrong(f"the site {shown(site)} is also written {shown(same)}: write it in one way")
            yield site

    def agents_of(self, node: Node) -> tuple[str, ...]:
        """Return the agents that a target names; note each that is not declared."""
        return self._known(node, "agent", self._names)

    def sites_of(self, node: Node) -> tuple[str, ...]:
        """Return the sites that a target names; note each that no agent has."""
        return self._known(node, "site", self._site_names)

    def _known(self, node: Node, kind: str, there: Collection[str]) -> tuple[str, ...]:
        places = node.value if isinstance(node.value, list) else [node]
        names: dict[str, None] = {}
        for place in places:
            if not isinstance(place.value, str) or not place.value:
                continue  # the shape of the entry says so
            names[place.value] = None
            if self._readable and place.value not in there:
                self._page.wrong(place, self._unknown(kind, place.value, there))
        return tuple(names)

    def _unknown(self, kind: str, name: str, known: Iterable[str]) -> str:
        if kind == "site" and not self.declared:
            return f"unknown site {shown(name)}: the inventory declares no agents; list them in `agents`"
        if kind == "site" and (near := near_name(name, known)):
            return f"no agent has the site {shown(name)}{near}"
        if kind == "site":
            return f"no agent has the site {shown(name)}: add it to the `sites` of an agent"
        return unknown_agent(name, self.declared)

    def unknown_in_expectation(self, name: object) -> str:
        """Return the problem of a name under ``agents`` of a known failure; an empty text if there is none."""
        if not self.declared or not isinstance(name, str) or name in self._names:
            return ""
        return unknown_agent(name, self.declared)


def unknown_agent(name: str, declared: Iterable[DeclaredAgent]) -> str:
    """Return the message for an agent that the inventory does not declare."""
    names = [one.name for one in declared]
    if not names:
        return f"unknown agent {shown(name)}: the inventory declares no agents; list them in `agents`"
    return f"unknown agent {shown(name)}{near_name(name, names) or f' (the inventory declares {listed(names)})'}"


def near_name(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean `x`?"``, in the spelling of the inventory, or an empty text; case does not matter."""
    spelt: dict[str, str] = {}
    for one in sorted(known):
        spelt.setdefault(one.casefold(), one)
    near = nearest(name.casefold(), spelt)
    return f"; did you mean {shown(spelt[near])}?" if near else ""


def listed(names: list[str], most: int = 8) -> str:
    """Return the first names, and how many further ones there are."""
    rest = len(names) - most
    return ", ".join(map(shown, names[:most])) + (f" and {rest} more" if rest > 0 else "")


def _platform(name: str) -> str:
    """Return the ``platform.system()`` of a platform.

    Raises:
        Wrong: there is no such platform.
    """
    if name not in PLATFORMS:
        raise Wrong(f"`platform` must be one of {', '.join(PLATFORMS)}{did_you_mean(name, PLATFORMS)}")
    return PLATFORMS[name]


def check_name(kind: str, name: str) -> None:
    """Check the name of an agent or site.

    Raises:
        Wrong: it cannot be used.
    """
    if not name.strip():
        raise Wrong(f"the name of the {kind} is blank")
    if name != name.strip():
        raise Wrong(f"the name of the {kind}, {shown(name)}, begins or ends with a space: remove it")
    if len(name) > _LONGEST_NAME:
        raise Wrong(f"the name of the {kind} has {len(name)} characters; at most {_LONGEST_NAME} are allowed")
    if not name.isprintable():
        raise Wrong(f"the name of the {kind}, {shown(name)}, has an invisible character: remove it")
    if found := next((character for character in name if character in _RESERVED), ""):
        raise Wrong(f"the name of the {kind}, {shown(name)}, has a `{found}`; a name must not have any of , * ? [ ]")
