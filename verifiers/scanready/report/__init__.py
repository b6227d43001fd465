"""One class per format: reports in, text out. The formats are this literal table.

A format is a :class:`scanready.report.document.Document`. It is imported when it is
asked for, so that the quick ones do not wait for the table's libraries.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .document import Document, Look

FORMATS: dict[str, str] = {
    "table": "scanready.report.formats.table:Table",
    "json": "scanready.report.formats.json:Json",
    "jsonl": "scanready.report.formats.jsonl:JsonLines",
    "csv": "scanready.report.formats.csv:Csv",
    "junit": "scanready.report.formats.junit:JUnit",
    "prometheus": "scanready.report.formats.prometheus:Prometheus",
    "nagios": "scanready.report.formats.nagios:Nagios",
    "md": "scanready.report.formats.md:Markdown",
    "html": "scanready.report.formats.html:Html",
}
#: Nobody must see half of one of these: a collector, a web server or a pipeline reads the file at any moment.
WHOLE = frozenset(("junit", "prometheus", "html", "md"))
#: No use on a terminal.
FOR_FILES = frozenset(("html",))


def new_document(name: str, look: Look) -> Document:
    """Return a fresh document of the named format.

    Raises:
        KeyError: there is no such format.
    """
    module, _, cls = FORMATS[name].partition(":")
    made: Document = getattr(import_module(module), cls)(look)
    return made
