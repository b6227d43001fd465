"""Read the run that an HTML report carries in itself, as any program that knows the page's documentation would."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

from scanready.report.formats.packing import Unpacker


class _Page(HTMLParser):
    """Collects the text of the element with the run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._within = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = tag == "script" and ("id", "scanready-run") in attrs

    def handle_endtag(self, tag: str) -> None:
        self._within = False

    def handle_data(self, data: str) -> None:
        if self._within:
            self.found.append(data)


def run_in(page: str) -> str:
    """Return the JSON document that a report's page carries, with its results unpacked; fail if there is none.

    Each result has its story as well, under ``story``.
    """
    document, texts = packed_run_in(page)
    document["results"] = [json.loads(line) | {"story": json.loads(story)} for line, story in texts]
    return json.dumps(document)


def packed_run_in(page: str) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Return the same in two parts: the document without results, and the JSON of each result and of its story."""
    reader = _Page()
    reader.feed(page)
    assert reader.found, "no run is embedded in this page"
    document = json.loads("".join(reader.found))
    unpacker = Unpacker(1 << 30, 1 << 30)
    return document, [unpacker.texts(row) for row in document.pop("rows")]
