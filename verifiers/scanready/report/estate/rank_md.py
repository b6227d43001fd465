"""Write a ranking of changes as Markdown for a ticket: a section for each entry, with changes, targets and fixes."""

from __future__ import annotations

from scanready.report.formats.md import MOST
from scanready.report.look import Look
from scanready.report.markdown import codes, escaped, fenced
from scanready.report.paper import counted

from .rank_formats import UNKNOWN, fixes, instead, remarks, together, words
from .ranking import Changes, Entry

#: Targets that an entry names.
_MOST_TARGETS = 12


def md(found: Changes, _: Look) -> str:
    """Return the page. If it would be too long, the last entries are left out and counted."""
    entries = found.ranked()
    head = ["## The changes that help most targets", ""]
    end = [*([UNKNOWN] if entries else []), *(escaped(note) for note in remarks(found, entries))]
    room = MOST - sum(len(line) + 3 for line in (*head, *end)) - 200
    lines: list[str] = []
    for shown, entry in enumerate(entries):
        part = _entry(shown + 1, entry)
        room -= sum(len(line) + 1 for line in part)
        if room < 0:
            lines += [f"_This page has no room for {len(entries) - shown} more; `--format csv` has all._", ""]
            break
        lines += part
    return "\n".join([*head, *lines, *(f"- {line}" for line in end), ""])


def _entry(rank: int, entry: Entry) -> list[str]:
    owners = ", ".join(dict.fromkeys(part.change.owner.value for part in entry.parts))
    lines = [f"### {rank}. Up to {counted(len(entry.names), 'target')} ({owners})", ""]
    lines += [f"- {escaped(words(part))}" for part in entry.parts]
    lines += [f"- {escaped(note)}" for note in (together(entry), instead(entry)) if note]
    lines += [f"- targets: {codes(entry.names, _MOST_TARGETS)}", ""]
    if told := fixes(entry):
        lines += [*fenced("\n".join(told)), ""]
    return lines
