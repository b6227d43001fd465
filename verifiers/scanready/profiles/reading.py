"""Read a profile: check all of it, and report all problems together, each with its file, line and column."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scanready.catalogue import TargetType
from scanready.catalogue.requirement import ALWAYS, About, Profile, Requirement, Requirements
from scanready.catalogue.wrong import did_you_mean, shown
from scanready.files import reading
from scanready.inventory.encoding import decode
from scanready.inventory.nodes import Node
from scanready.inventory.options import accepted, type_row
from scanready.inventory.problem_log import Page
from scanready.inventory.problems import InventoryError, Problem
from scanready.inventory.yaml_nodes import compose
from scanready.model import Step
from scanready.run.plugins.shape import shape_fault

from .keys import ABOUT, HEAD, LINE, TYPE, Key, Keys

#: The most bytes of a profile. One with every type has some ten thousand.
LARGEST_FILE = 1 << 20
#: The most lines of one type; each may become several firewall rules of each target.
MOST_LINES = 100


def read_profile(path: str | Path) -> Profile:
    """Return the profile of a file.

    Raises:
        InventoryError: all problems of the file.
    """
    try:
        content = reading.read(path, LARGEST_FILE)
    except reading.Unreadable as error:
        problem = Problem(str(error), str(path))
    else:
        return parsed(decode(content, str(path)), str(path))
    raise InventoryError([problem])


def parsed(text: str, file: str) -> Profile:
    """Return the profile of a text; ``file`` stands in the problems.

    Raises:
        InventoryError: all problems of the text.
    """
    root, problems = compose(text, file)
    page = Page(file, Path(), problems)
    found = _Reader(page).profile(root or Node(None, 1, 1))
    if page.problems:
        raise InventoryError(sorted(page.problems, key=lambda problem: (problem.line or 0, problem.column or 0)))
    return found


class _Reader:
    """Turns the nodes of a file into a profile; what is wrong is noted, and stands for its default meanwhile."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def profile(self, root: Node) -> Profile:
        """Return the profile; it is of use only if the page has no problems."""
        parts = self._mapping(root, "a profile")
        self._refuse_unknown(parts, list(HEAD))
        for name in HEAD.keys() - parts.keys():
            self._page.wrong(root, f"`{name}` is missing")
        about = self._values(parts["profile"][1], "`profile`", ABOUT) if "profile" in parts else {}
        types = self._mapping(parts["types"][1], "`types`") if "types" in parts else {}
        if "types" in parts and not types and isinstance(parts["types"][1].value, dict):
            self._page.wrong(parts["types"][1], "`types` is empty: name at least one target type")
        wanted = {name: self._type(key, node) for name, (key, node) in types.items()}
        return Profile(
            About(about.get("name", ""), about.get("scanner", ""), about.get("document", "")),
            {name: one for name, one in wanted.items() if one is not None},
        )

    def _type(self, key: Node, node: Node) -> Requirements | None:
        row: TargetType | None = None
        with self._page.reading(key):
            row = type_row(key.text)
        values = self._values(node, f"`{key.text[:40]}`", TYPE, beside=("requires",))
        if row is None or not isinstance(node.value, dict):
            return None
        if "client" in values and row.part("client") is None:
            words = f"no client of `{row.name}` can be looked for: remove `client`, and write the need as `doubt`"
            self._page.wrong(node.value["client"][0], words)
        if values.get("verifies_certificate") and Step.TLS not in row.steps:
            words = f"`{row.name}` has no certificate: remove `verifies_certificate`"
            self._page.wrong(node.value["verifies_certificate"][0], words)
        if "requires" not in node.value:
            self._page.wrong(node, f"`requires` of `{row.name}` is missing")
            return None
        lines = tuple(self._lines(row, node["requires"]))
        return Requirements(lines, **values)

    def _lines(self, row: TargetType, listed: Node) -> Iterator[Requirement]:
        if not isinstance(listed.value, list) or not listed.value:
            self._page.wrong(listed, "`requires` must be a list of ports, the target's own port first")
            return
        if len(listed.value) > MOST_LINES:
            self._page.wrong(listed, f"`requires` has more than {MOST_LINES} lines")
            return
        for place, node in enumerate(listed.value):
            values = self._values(node, "an item of `requires`", LINE)
            if not isinstance(node.value, dict):
                continue
            ports = values.get("ports", "")
            if place == 0 and ports and not ports.isdigit():
                self._page.wrong(node["ports"], "the first line is the target's own port: write one port")
            if ports == "dynamic" and not row.brokers:
                self._page.wrong(node["ports"], f"no service names ports of `{row.name}`: write the ports")
            yield self._line(row, node, values)

    def _line(self, row: TargetType, node: Node, values: dict[str, Any]) -> Requirement:
        when, known = values.get("when"), row.conditions
        if when is not None and when not in known:
            has = f"its conditions are: {', '.join(known)}" if known else "it has none"
            message = f"{shown(when)} is no condition of `{row.name}`{did_you_mean(when, known)} ({has})"
            self._page.wrong(node["when"], message)
        for option in values.get("pinned_by", ()):
            if option not in accepted(row) and not row.any_option:
                near = did_you_mean(option, accepted(row))
                self._page.wrong(node["pinned_by"], f"{shown(option)} is no option of `{row.name}`{near}")
        return Requirement(
            values.get("ports", ""),
            values.get("transport", ""),
            values.get("source", ""),
            known.get(when, ALWAYS) if when else ALWAYS,
            values.get("pinned_by", ()),
            values.get("confidence", ""),
            values.get("doubt", ""),
        )

    def _values(self, node: Node, what: str, keys: Keys, beside: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return the right values of a mapping by their keys; note the others, and the needed ones that are missing."""
        parts = self._mapping(node, what)
        self._refuse_unknown(parts, [*keys, *beside])
        if isinstance(node.value, dict):
            for name, key in keys.items():
                if key.needed and name not in parts:
                    self._page.wrong(node, f"`{name}` of {what} is missing")
        found = {name: self._value(name, keys[name], parts[name][1]) for name in parts.keys() & keys.keys()}
        return {name: value for name, value in found.items() if value is not None}

    def _value(self, name: str, key: Key, node: Node) -> Any:
        """Return a value as its key declares it; None for a wrong one, which is noted."""
        value = _written(key, node)
        if value is None or value == "":
            self._page.wrong(node, f"`{name}` is empty")
            return None
        if fault := shape_fault(value, key.hint, f"`{name}`"):
            self._page.wrong(node, fault)
            return None
        return value

    def _mapping(self, node: Node, what: str) -> dict[str, tuple[Node, Node]]:
        if isinstance(node.value, dict):
            return node.value
        self._page.wrong(node, f"{what} is empty" if node.value is None else f"{what} must be a mapping")
        return {}

    def _refuse_unknown(self, parts: dict[str, tuple[Node, Node]], known: list[str]) -> None:
        for key, _ in (pair for name, pair in parts.items() if name not in known):
            hint = did_you_mean(key.text, known) or f" (the keys are: {', '.join(known)})"
            self._page.wrong(key, f"unknown key {shown(key.text)}{hint}")


def _written(key: Key, node: Node) -> Any:
    """Return a value as its key wants it: a scalar as it is written, since ports are text; a list as a tuple."""
    if isinstance(node.value, list):
        return tuple(one.text if not isinstance(one.value, (list, dict)) else one.plain() for one in node.value)
    if isinstance(node.value, dict) or node.value is None or key.hint is bool:
        return node.plain()
    return node.text
