"""Share words, marks and drawing between the outputs for people."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from scanready.model import Cause, Check, Outcome, Owner, Report, Step, Target, Verdict, bracketed
from scanready.run.registry import catalogue
from scanready.wire.printable import MOST, visible, visible_lines

from .document import Totals
from .headline import known, summed
from .look import Look

#: The meaning of each verdict, in one sentence.
SENTENCES: dict[Verdict, str] = {
    Verdict.SCANNABLE: "the agent logged in, if required, and read data as a scan would",
    Verdict.READY: "every check that needs no credential passed, up to the login prompt",
    Verdict.LIMITED: "a scan may run, but a check found a problem that could make it fail",
    Verdict.BLOCKED: "a scan would fail",
    Verdict.UNDECIDED: "the checks do not show whether a scan would run",
}
#: For types without a login prompt.
_READY_THERE = "every check from this agent passed; this target type has no login"


_LOGGED_IN = "the agent logged in and read data as a scan would"
#: For an open page or an anonymous share, "logged in" would be untrue.
_OPEN = "no login is required, and the agent read data as a scan would"


def _is_login(check: Check) -> bool:
    return check.step is Step.LOGIN and check.outcome in (Outcome.PASSED, Outcome.WARNED)


def sentence(report: Report) -> str:
    """Return the meaning of one report's verdict."""
    row = catalogue().get(report.target.type)
    if report.verdict is Verdict.SCANNABLE:
        return _LOGGED_IN if any(_is_login(check) for check in report.checks) else _OPEN
    if report.verdict is Verdict.READY and row is not None and row.proof.height < Step.AUTH.height:
        return _READY_THERE
    return SENTENCES[report.verdict]


_STYLES: dict[Verdict, str] = {
    Verdict.SCANNABLE: "bold green",
    Verdict.READY: "green",
    Verdict.LIMITED: "yellow",
    Verdict.BLOCKED: "bold red",
    Verdict.UNDECIDED: "magenta",
}
# mark, mark where the terminal's encoding has none of these, colour
_MARKS: dict[Outcome, tuple[str, str, str]] = {
    Outcome.PASSED: ("✓", "+", "green"),
    Outcome.WARNED: ("!", "!", "yellow"),
    Outcome.FAILED: ("✗", "x", "red"),
    Outcome.SKIPPED: ("–", "-", "dim"),
}
_OUTCOMES: dict[Verdict, Outcome] = {
    Verdict.SCANNABLE: Outcome.PASSED,
    Verdict.READY: Outcome.PASSED,
    Verdict.LIMITED: Outcome.WARNED,
    Verdict.BLOCKED: Outcome.FAILED,
    Verdict.UNDECIDED: Outcome.WARNED,
}
#: The gravest first.
GRAVITY: tuple[Verdict, ...] = (Verdict.BLOCKED, Verdict.UNDECIDED, Verdict.LIMITED, Verdict.READY, Verdict.SCANNABLE)


#: Lines of a page; no drawing depends on it.
_HEIGHT = 100


class Paper:
    """Collects what is drawn and gives it back as text. Markup is off: all text is taken literally."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self._text = io.StringIO()
        self._terminal = Console(
            file=self._text,
            width=max(look.width, 40),
            height=_HEIGHT,  # otherwise rich trusts the environment, even with a number of many digits
            _environ={},
            force_terminal=look.color,
            color_system="standard" if look.color else None,
            no_color=not look.color,
            markup=False,
            emoji=False,
            highlight=False,
            legacy_windows=False,
        )

    def draw(self, *things: RenderableType, indent: int = 0) -> None:
        """Draw each thing on lines of its own."""
        for thing in things:
            self._terminal.print(Padding(thing, (0, 0, 0, indent)) if indent else thing)

    def paste(self, text: str, indent: int) -> None:
        """Draw text for copying: the terminal wraps a long line, so a copy has no line breaks of ours."""
        for line in visible_lines(text, 2000):
            self._terminal.print(Text(" " * indent).append(line, "cyan"), soft_wrap=True)

    def text(self) -> str:
        """Return all drawn text, without the trailing blanks that tables add."""
        return "".join(line.rstrip() + "\n" for line in self._text.getvalue().splitlines())

    def mark(self, outcome: Outcome) -> Text:
        """Return the sign of an outcome, as far as the terminal can show it."""
        sign, plain, style = _MARKS[outcome]
        return Text(sign if self.look.unicode else plain, style)

    def verdict_mark(self, verdict: Verdict) -> Text:
        """Return the sign of a verdict."""
        return self.mark(_OUTCOMES[verdict])


def columns(*ratios: int | None) -> Table:
    """Return a table without lines or header; columns with a ratio share the remaining width."""
    grid = Table.grid(padding=(0, 2), pad_edge=False)
    for ratio in ratios:
        grid.add_column(overflow="fold", no_wrap=ratio is None, ratio=ratio)
    return grid


def headed() -> Table:
    """Return a table with a header and without lines; the caller adds its columns."""
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")


#: Texts of the catalogue are never cut; texts of targets are.
_OURS, _LONGEST_OF_OURS = ("meaning", "remedy"), 4000


def verdict_word(verdict: Verdict) -> Text:
    """Return the verdict in its colour."""
    return Text(verdict.value, _STYLES[verdict])


def address(target: Target) -> str:
    """Return ``host:port``, or only the host if a broken plug-in leaves the port unknown."""
    return f"{bracketed(target.host)}:{target.port}" if target.port else bracketed(target.host)


def owned(cause: Cause, owner: Owner | None = None) -> Text:
    """Return ``code (owner)``; None stands for the owner in the catalogue."""
    return Text.assemble((cause.code, "bold"), f" ({owner or cause.owner})")


def pairs(entries: Iterable[tuple[str, str]]) -> Table:
    """Return a table of words and explanations, one pair a line, the explanations aligned."""
    grid = columns(None, 1)
    for word, text in entries:
        most = _LONGEST_OF_OURS if word in _OURS else MOST
        grid.add_row(Text(word, "dim"), Text(visible(text, most), overflow="fold"))
    return grid


def duration(seconds: float) -> str:
    """Return a time in milliseconds or seconds, with its unit."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def fact(value: Any) -> str:
    """Return a fact as text for people; unescaped."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(map(fact, value))
    if isinstance(value, dict):
        return "; ".join(f"{key}: {fact(item)}" for key, item in value.items())
    return str(value)


def counted(number: int, what: str) -> str:
    """Return ``1 target``, ``2 targets``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def counts(totals: Totals) -> str:
    """Return one line with the number of targets, the time and the count of each verdict."""
    words = summed(totals.verdicts, named=True)
    line = f"{counted(totals.targets, 'target')} in {duration(totals.seconds)}" + (f": {words}" if words else "")
    for further in (known(totals.known), f"{totals.unchecked} not checked" if totals.unchecked else ""):
        line += f"; {further}" if further else ""
    return line + (" (interrupted)" if totals.interrupted else "")
