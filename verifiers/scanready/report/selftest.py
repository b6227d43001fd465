"""Write the result of ``scanready selftest``: lines for people, a JSON object for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.text import Text

from scanready.selftest import Comparison, Host, SelfTest
from scanready.wire.printable import visible

from .look import Look
from .paper import Paper, columns, duration, pairs
from .serialize import SCHEMA

_TITLES = {
    "scanready": "scanready",
    "python": "Python",
    "openssl": "OpenSSL",
    "platform": "platform",
    "event_loop": "event loop",
    "encodings": "encodings",
}


def draw(host: Host, done: SelfTest, look: Look) -> str:
    """Return the description of this host, each check, and the sum."""
    paper = Paper(look)
    described = [(title, visible(getattr(host, name), 200)) for name, title in _TITLES.items()]
    described += [("libraries", ", ".join(f"{name} {visible(state, 200)}" for name, state in host.libraries.items()))]
    paper.draw(pairs(described), Text(""))
    grid = columns(None, None, 1)
    for one in done.comparisons:
        mark = Text("ok", "green") if one.passed else Text("FAILED", "red")
        grid.add_row(mark, Text(one.type, "bold"), Text(_words(one)), Text(duration(one.seconds), "dim"))
    paper.draw(grid, Text(""))
    if done.without:
        paper.draw(Text(f"not checked, since they have no emulator: {', '.join(done.without)}"))
    failed = sum(not one.passed for one in done.comparisons)
    sentence = f"{failed} of {len(done.comparisons)} checks failed" if failed else _all_passed(done)
    paper.draw(Text(f"{sentence}; took {duration(done.seconds)}", "bold"))
    return paper.text()


def _all_passed(done: SelfTest) -> str:
    types = len({one.type for one in done.comparisons})
    return f"all {len(done.comparisons)} checks of {types} target types passed"


def _words(one: Comparison) -> str:
    if one.passed:
        return visible(f"{one.got}: {one.server}", 200)
    return visible(f"expected {one.expected}, got {one.got}: {one.server}; {one.detail}", 400)


def as_object(host: Host, done: SelfTest) -> dict[str, Any]:
    """Return the whole report for JSON."""
    return {
        "schema": SCHEMA,
        "passed": done.passed,
        "host": asdict(host),
        "checks": [{**asdict(one), "passed": one.passed} for one in done.comparisons],
        "without_emulator": list(done.without),
        "seconds": round(done.seconds, 3),
    }
