"""List the output formats: one class for each, which turns reports into text.

Each class is a :class:`scanready.report.document.Document`. It is imported on first use, so that a simple format does
not wait for the table's libraries.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .document import Document
    from .estate.view import EstateDocument
    from .look import Look


class Format(NamedTuple):
    """One format.

    Attributes:
        made_by: the class, as ``module:Class`` of the package ``formats``.
        whole: the file appears complete or not at all, since a collector or a pipeline may read it at any moment.
        for_files: the text is of no use on a terminal.
        own_codes: the reader of the format defines its exit codes, among them ``UNKNOWN`` (3).
        people: text for people, in the encoding of their console; the others are UTF-8.
        lines: it names the line of the inventory that declares a target.
        estate: the class for an estate view, as ``module:Class`` of the package ``estate``; empty if there is none.
    """

    made_by: str
    whole: bool = False
    for_files: bool = False
    own_codes: bool = False
    people: bool = False
    lines: bool = False
    estate: str = ""


FORMATS: dict[str, Format] = {
    "table": Format("table:Table", people=True, estate="table:EstateTable"),
    "json": Format("json:Json", whole=True, estate="json:EstateJson"),
    "jsonl": Format("jsonl:JsonLines", estate="jsonl:EstateJsonLines"),
    "csv": Format("csv:Csv", estate="csv:EstateCsv"),
    "junit": Format("junit:JUnit", whole=True, estate="junit:EstateJUnit"),
    "tap": Format("tap:Tap", lines=True, estate="tap:EstateTap"),
    "sarif": Format("sarif:Sarif", whole=True, lines=True, estate="sarif:EstateSarif"),
    "github": Format("github:GitHub", lines=True, estate="github:EstateGitHub"),
    "prometheus": Format("prometheus:Prometheus", whole=True, estate="prometheus:EstatePrometheus"),
    "nagios": Format("nagios:Nagios", own_codes=True, estate="nagios:EstateNagios"),
    "md": Format("md:Markdown", whole=True, estate="md:EstateMarkdown"),
    "html": Format("html:Html", whole=True, for_files=True, estate="html:Html"),
}


def new_document(name: str, look: Look) -> Document:
    """Return a fresh document of the named format.

    Raises:
        KeyError: there is no such format.
    """
    module, _, cls = FORMATS[name].made_by.partition(":")
    made: Document = getattr(import_module(f"{__name__}.formats.{module}"), cls)(look)
    return made


def new_estate_document(name: str, look: Look) -> EstateDocument:
    """Return a fresh document of an estate view in the named format.

    Raises:
        KeyError: there is no such format, or it has no estate view.
    """
    if not FORMATS[name].estate:
        raise KeyError(name)
    module, _, cls = FORMATS[name].estate.partition(":")
    made: EstateDocument = getattr(import_module(f"{__name__}.estate.{module}"), cls)(look)
    return made
