"""Write a comparison of two runs as a table for people, as Markdown for a ticket, or as JSON for programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.text import Text

from scanready.model import Outcome, Verdict
from scanready.report.markdown import code
from scanready.run.target_name import LONGEST_NAME, name_of, visible_name
from scanready.wire.printable import visible

from .diff import Change, Comparison
from .glimpse import AGENTS, BETWEEN, MISSING, Glimpse
from .look import Look
from .paper import Paper, columns, verdict_word
from .serialize import SCHEMA, target_object

#: Changed facts shown for one target; the others are counted.
_MOST_FACTS = 12
#: Agents that a change names; the others are counted.
_MOST_NAMES = 6
#: Columns of the longest target name for which the verdicts are aligned.
_WIDEST = 36
_MARKS = {"failures": Outcome.FAILED, "worse": Outcome.WARNED, "fixed": Outcome.PASSED}
#: The kinds of changes, the gravest first, in words.
TITLES = {
    "failures": "newly failing",
    "worse": "worse than before",
    "fixed": "fixed",
    "verdicts": "with a changed verdict or cause",
    "facts": "with changed facts",
    "added": "added",
    "removed": "no longer checked",
}


def table(found: Comparison, names: tuple[str, str], look: Look) -> str:
    """Return the comparison for a terminal; ``names`` are the names of the two runs."""
    paper = Paper(look)
    paper.draw(heading(names))
    draw(found, paper)
    return paper.text()


def heading(names: tuple[str, str]) -> Text:
    """Return the line with the names of the two runs."""
    return Text.assemble("from ", (visible(names[0]), "bold"), " to ", (visible(names[1]), "bold"))


def draw(found: Comparison, paper: Paper) -> None:
    """Draw the changes and the line with their numbers."""
    for kind, title in TITLES.items():
        entries = getattr(found, kind)
        if entries:
            paper.draw(Text.assemble("\n", (title, "bold"), f" ({len(entries)})"))
        width = max((min(len(_where(entry)), _WIDEST) for entry in entries), default=0)
        for entry in entries:
            _draw(entry, kind, paper, width)
    paper.draw(Text(f"\n{summary(found)}", "bold"))


def _where(entry: Change | Glimpse) -> str:
    target = _latest(entry).target
    return visible_name(target)


def _draw(entry: Change | Glimpse, kind: str, paper: Paper, width: int) -> None:
    glimpse = _latest(entry)
    grid = columns(None, None, 1)
    mark = paper.mark(_MARKS[kind]) if kind in _MARKS else Text(" ")
    where = Text(_where(entry).ljust(width), overflow="fold")
    grid.add_row(mark, where, _verdicts(entry))
    paper.draw(grid, indent=2)
    if kind in ("failures", "worse", "verdicts") and glimpse.detail:
        paper.draw(Text(visible(glimpse.detail), overflow="fold"), indent=5)
    if kind in ("failures", "worse") and glimpse.fix:
        paper.draw(Text("fix", "dim"), indent=5)
        paper.paste(glimpse.fix, indent=7)
    if isinstance(entry, Change) and kind != "failures":
        for name, was, now in entry.facts[:_MOST_FACTS]:
            words = " -> ".join(_values(name, was, now))
            paper.draw(Text(f"{visible(name, 40)}: {words}", overflow="fold"), indent=5)
        if len(entry.facts) > _MOST_FACTS:
            paper.draw(Text(f"and {len(entry.facts) - _MOST_FACTS} more facts"), indent=5)


def _latest(entry: Change | Glimpse) -> Glimpse:
    return entry.after if isinstance(entry, Change) else entry


def _verdicts(entry: Change | Glimpse) -> Text:
    if isinstance(entry, Glimpse):
        return Text.assemble(verdict_word(entry.verdict), _cause(entry), overflow="fold")
    if (entry.before.verdict, entry.before.code) == (entry.after.verdict, entry.after.code):
        return Text.assemble(verdict_word(entry.after.verdict), _cause(entry.after), overflow="fold")
    before = Text.assemble(verdict_word(entry.before.verdict), _cause(entry.before, owner=False))
    return Text.assemble(before, " -> ", verdict_word(entry.after.verdict), _cause(entry.after), overflow="fold")


def _cause(glimpse: Glimpse, *, owner: bool = True) -> str:
    if glimpse.code is None:
        return ""
    return f" {visible(glimpse.code)}" + (f" ({glimpse.owner})" if owner else "")


def _values(name: str, was: str | None, now: str | None) -> tuple[str, str]:
    """Return the values of a fact before and after; of long lists of agents, the numbers and the names that differ."""
    if name not in (AGENTS, MISSING):
        return _value(was), _value(now)
    lists = [value.split(BETWEEN) if value is not None else [] for value in (was, now)]
    if max(map(len, lists)) <= _MOST_NAMES:
        return _names(lists[0]), _names(lists[1])
    others = set(lists[1]), set(lists[0])
    lost, won = ([one for one in own if one not in other] for own, other in zip(lists, others, strict=True))
    words = [str(len(lists[0])), str(len(lists[1]))]
    words[1] += f", without {_names(lost)}" if lost else ""
    words[1] += f", with {_names(won)}" if won else ""
    return words[0], words[1]


def _names(names: list[str]) -> str:
    left = len(names) - _MOST_NAMES
    told = ", ".join(visible(name, 80) for name in names[:_MOST_NAMES]) or "nothing"
    return f"{told} and {left} more" if left > 0 else told


def _value(value: str | None) -> str:
    return "nothing" if value is None else visible(value, 120)


def summary(found: Comparison) -> str:
    """Return the number of targets with each kind of change, in one line."""
    words = [f"{len(getattr(found, kind))} {title}" for kind, title in TITLES.items() if getattr(found, kind)]
    return ", ".join([*words, f"{found.same} unchanged"])


def json_object(found: Comparison, runs: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    """Return the comparison as JSON types; ``runs`` describe the two."""
    return {"schema": SCHEMA, "from": runs[0], "to": runs[1], **changes_object(found)}


def changes_object(found: Comparison) -> dict[str, Any]:
    """Return the changes as JSON types, without the runs."""
    made: dict[str, Any] = {"regressions": found.regressions}
    for kind in TITLES:
        made[kind] = [_entry(entry) for entry in getattr(found, kind)]
    return {**made, "same": found.same}


def _entry(entry: Change | Glimpse) -> dict[str, Any]:
    if isinstance(entry, Glimpse):
        return {"target": target_object(entry.target), **_state(entry)}
    return {
        "target": target_object(entry.after.target),
        "before": _state(entry.before),
        "after": _state(entry.after),
        "facts": {name: {"before": was, "after": now} for name, was, now in entry.facts},
    }


def _state(glimpse: Glimpse) -> dict[str, Any]:
    cause = None
    if glimpse.code is not None:
        cause = {
            "code": glimpse.code,
            "owner": glimpse.owner,
            "step": glimpse.step,
            "detail": glimpse.detail,
            "fix": glimpse.fix,
        }
    return {"verdict": glimpse.verdict.value, "cause": cause}


def markdown(found: Comparison, names: tuple[str, str]) -> str:
    """Return the comparison for a ticket or a pull request. Texts of targets are code spans."""
    lines = [f"**From {code(names[0])} to {code(names[1])}**: {summary(found)}", *sections(found)]
    return "\n".join(lines) + "\n"


def sections(found: Comparison, level: str = "###") -> list[str]:
    """Return the lines of Markdown with the changes, each kind under a heading of a level."""
    lines: list[str] = []
    for kind, title in TITLES.items():
        entries = getattr(found, kind)
        if entries:
            lines += ["", f"{level} {title[0].upper()}{title[1:]}", "", *_rows(entries, kind)]
    return lines


def _rows(entries: list[Change] | list[Glimpse], kind: str) -> list[str]:
    heads = {"facts": ("target", "changed")}.get(kind, ("target", "verdict", "detail"))
    rows = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    tell: Callable[[Change | Glimpse], list[str]] = _facts_cells if kind == "facts" else _verdict_cells
    rows += [f"| {' | '.join(tell(entry))} |" for entry in entries]
    return rows


def _verdict_cells(entry: Change | Glimpse) -> list[str]:
    glimpse = _latest(entry)
    words = _plain(glimpse)
    if isinstance(entry, Change) and _plain(entry.before) != words:
        words = f"{_plain(entry.before)} → {words}"
    detail = code(glimpse.detail) if glimpse.verdict not in (Verdict.SCANNABLE, Verdict.READY) else ""
    return [code(name_of(glimpse.target), LONGEST_NAME), words, detail]


def _facts_cells(entry: Change | Glimpse) -> list[str]:
    facts = entry.facts[:_MOST_FACTS] if isinstance(entry, Change) else ()
    glimpse = _latest(entry)
    changed = "<br>".join(
        f"{code(name)}: {' → '.join(code(value, 2000) for value in _values(name, was, now))}"
        for name, was, now in facts
    )
    return [code(name_of(glimpse.target), LONGEST_NAME), changed]


def _plain(glimpse: Glimpse) -> str:
    return f"{glimpse.verdict.value} {code(glimpse.code)} ({glimpse.owner})" if glimpse.code else glimpse.verdict.value
