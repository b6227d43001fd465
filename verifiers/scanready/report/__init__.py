"""One class per format: reports in, text out. The formats are this literal table.

A format is a :class:`scanready.report.document.Document`. It is imported when it is
asked for, so that the quick ones do not wait for the table's libraries.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .document import Document, Look


@dataclass(frozen=True, slots=True)
class Format:
    """One format: the class that makes it, as ``module:Class`` of the package ``formats``.

    ``whole`` says that its file appears complete or not at all, since a collector, a web server or a pipeline may read
    it at any moment; ``for_files`` that it is no use on a terminal; ``own_codes`` that its reader has exit codes of
    its own, among them ``UNKNOWN`` (3).
    """

    made_by: str
    whole: bool = False
    for_files: bool = False
    own_codes: bool = False


FORMATS: dict[str, Format] = {
    "table": Format("table:Table"),
    "json": Format("json:Json", whole=True),
    "jsonl": Format("jsonl:JsonLines"),
    "csv": Format("csv:Csv"),
    "junit": Format("junit:JUnit", whole=True),
    "prometheus": Format("prometheus:Prometheus", whole=True),
    "nagios": Format("nagios:Nagios", own_codes=True),
    "md": Format("md:Markdown", whole=True),
    "html": Format("html:Html", whole=True, for_files=True),
}


def new_document(name: str, look: Look) -> Document:
    """Return a fresh document of the named format.

    Raises:
        KeyError: there is no such format.
    """
    module, _, cls = FORMATS[name].made_by.partition(":")
    made: Document = getattr(import_module(f"{__name__}.formats.{module}"), cls)(look)
    return made
