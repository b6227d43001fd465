"""Build the fixed parts of a self-contained page: inert data, the content security policy, and the templates."""

from __future__ import annotations

import base64
import hashlib
import json
import textwrap
from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import Any

from scanready.model import Report
from scanready.redaction.workflow import harmless_json
from scanready.report.paper import duration
from scanready.report.story import tell
from scanready.wire.printable import visible, visible_lines

#: The package whose folders hold the files of the pages.
_PACKAGE = __package__.rpartition(".")[0]
#: Its folders with templates, styles and scripts. Names of files are unique among them.
_FOLDERS = ("formats/page", "estate/page")


def told(report: Report) -> str:
    """Return the story as JSON: bytes sent, meaning and commands of each check; then the tickets."""
    story = tell(report)
    rungs = [[rung.sent, rung.means, *rung.by_hand] for rung in story.rungs]
    asked = [[one.whom, *one.text.split("\n")] for one in story.requests] if story.request else []
    return harmless_json(json.dumps({"rungs": rungs, "asked": asked}, separators=(",", ":")))


def inert(data: str) -> str:
    """Escape ``<`` in JSON, so that no text in it can begin or end an element."""
    return data.replace("<", "\\u003c")


def policy(styles: tuple[str, ...], scripts: tuple[str, ...]) -> str:
    """Return the content security policy of a page with these files: it allows nothing else."""
    style, script = _hash(joined(styles)), _hash(joined(scripts))
    return f"default-src 'none'; style-src '{style}'; script-src '{script}'; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def joined(names: tuple[str, ...]) -> str:
    """Return the text of our package files, one after another, as safe markup."""
    from markupsafe import Markup

    return Markup("\n" + "".join(_file(name) for name in names))


def _file(name: str) -> str:
    files = (resources.files(_PACKAGE) / folder / name for folder in _FOLDERS)
    return next(file for file in files if file.is_file()).read_text(encoding="utf-8")


@cache
def template(name: str) -> Any:
    """Return one of our templates; it escapes every value."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(_PACKAGE, folder) for folder in _FOLDERS]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters: dict[str, Callable[..., str]] = {
        "visible": visible,
        "lines": _lines,
        "duration": duration,
        "prose": _prose,
        "shortened": _shortened,
        "grouped": _grouped,
    }
    environment.filters |= filters
    return environment.get_template(name)


def _prose(text: str) -> str:
    """Return a sentence of the catalogue as HTML; text in backticks becomes code."""
    from markupsafe import Markup, escape

    parts = visible(text, 4000).split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if n % 2 else escape(part) for n, part in enumerate(parts)
    )


def _shortened(text: str, most: int) -> str:
    """Return a sentence of the catalogue without its backticks, cut between two words."""
    return textwrap.shorten(visible(text.replace("`", ""), 4000), most, placeholder=" ...")


def _lines(text: str) -> str:
    return "\n".join(visible_lines(text, 2000))


def _grouped(number: int) -> str:
    """Return a count with a comma between thousands."""
    return f"{number:,}"
