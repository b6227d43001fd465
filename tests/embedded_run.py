"""Read the run that an HTML report carries in itself, as any program that knows the page's documentation would."""

from __future__ import annotations

from html.parser import HTMLParser


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
    """Return the JSON document that a report's page carries; fail if there is none."""
    reader = _Page()
    reader.feed(page)
    assert reader.found, "no run is embedded in this page"
    return "".join(reader.found).strip()
