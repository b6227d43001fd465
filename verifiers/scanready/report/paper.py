"""What the outputs for people share: the words, the marks, the paper they are drawn on."""

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

from .document import Look, Totals
from .headline import known, summed

#: What a verdict says, in one sentence.
SENTENCES: dict[Verdict, str] = {
    Verdict.SCANNABLE: "logged in where a login is asked for, and read what a scan would read",
    Verdict.READY: "everything that can be proven without a credential holds, up to the login prompt",
    Verdict.LIMITED: "it would scan, but something a scan needs is missing or at risk",
    Verdict.BLOCKED: "a scan would fail",
    Verdict.UNDECIDED: "we could not tell",
}
#: Of types that have no login prompt to come to.
_READY_THERE = "everything that can be proven from here holds; there is no login to come to"


_LOGGED_IN = "logged in, and read what a scan would read"
#: An open page, an anonymous share: to say "logged in" of them would be untrue.
_OPEN = "no login is asked for, and what a scan would read was read"


def _is_login(check: Check) -> bool:
    return check.step is Step.LOGIN and check.outcome in (Outcome.PASSED, Outcome.WARNED)


def sentence(report: Report) -> str:
    """What the verdict of one report says."""
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
#: Bad news first: what blocks, what we do not know, what is at risk.
GRAVITY: tuple[Verdict, ...] = (Verdict.BLOCKED, Verdict.UNDECIDED, Verdict.LIMITED, Verdict.READY, Verdict.SCANNABLE)


#: Lines of a page: nothing that is drawn here depends on it.
_HEIGHT = 100


class Paper:
    """Collects what is drawn and gives it back as text. Markup is off: all text is taken literally."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self._text = io.StringIO()
        self._terminal = Console(
            file=self._text,
            width=max(look.width, 40),
            height=_HEIGHT,  # or rich believes what the environment says, however many digits that has
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
        """Draw what is meant to be copied: a long line is left to the terminal to wrap, never broken by us."""
        for line in visible_lines(text, 2000):
            self._terminal.print(Text(" " * indent).append(line, "cyan"), soft_wrap=True)

    def text(self) -> str:
        """Return all that was drawn, without the blanks that tables pad their lines with."""
        return "".join(line.rstrip() + "\n" for line in self._text.getvalue().splitlines())

    def mark(self, outcome: Outcome) -> Text:
        """Return the sign of an outcome, as far as the terminal can show it."""
        sign, plain, style = _MARKS[outcome]
        return Text(sign if self.look.unicode else plain, style)

    def verdict_mark(self, verdict: Verdict) -> Text:
        """Return the sign of a verdict."""
        return self.mark(_OUTCOMES[verdict])


def columns(*ratios: int | None) -> Table:
    """Return a table without lines or header; a column with a ratio takes what width is left."""
    grid = Table.grid(padding=(0, 2), pad_edge=False)
    for ratio in ratios:
        grid.add_column(overflow="fold", no_wrap=ratio is None, ratio=ratio)
    return grid


def headed() -> Table:
    """Return a table without lines that has a header; its columns are still to be added."""
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")


#: What the catalogue of causes says is whole, however long; only what targets say is cut.
_OURS, _LONGEST_OF_OURS = ("meaning", "remedy"), 4000


def verdict_word(verdict: Verdict) -> Text:
    """Return the verdict in its colour."""
    return Text(verdict.value, _STYLES[verdict])


def address(target: Target) -> str:
    """Return ``host:port``, or the host where a broken plug-in leaves the port unknown."""
    return f"{bracketed(target.host)}:{target.port}" if target.port else bracketed(target.host)


def owned(cause: Cause, owner: Owner | None = None) -> Text:
    """Return ``code (owner)``; None is the owner of the catalogue."""
    return Text.assemble((cause.code, "bold"), f" ({owner or cause.owner})")


def pairs(entries: Iterable[tuple[str, str]]) -> Table:
    """Return a word and its explanation a line, the explanations under one another."""
    grid = columns(None, 1)
    for word, text in entries:
        most = _LONGEST_OF_OURS if word in _OURS else MOST
        grid.add_row(Text(word, "dim"), Text(visible(text, most), overflow="fold"))
    return grid


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def fact(value: Any) -> str:
    """Return a fact as people read it; unescaped."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(map(fact, value))
    if isinstance(value, dict):
        return "; ".join(f"{key}: {fact(item)}" for key, item in value.items())
    return str(value)


def counted(number: int, what: str) -> str:
    """Return ``1 target``, ``2 targets``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def counts(totals: Totals) -> str:
    """Return the one line that says it all."""
    words = summed(totals.verdicts, named=True)
    line = f"{counted(totals.targets, 'target')} in {duration(totals.seconds)}" + (f": {words}" if words else "")
    for further in (known(totals), f"{totals.unchecked} not checked" if totals.unchecked else ""):
        line += f"; {further}" if further else ""
    return line + (" (interrupted)" if totals.interrupted else "")
