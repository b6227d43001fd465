"""Write a ranking of changes as a table or as JSON."""

from __future__ import annotations

import itertools
import json
from typing import Any

from scanready.redaction.workflow import harmless_json
from scanready.report.groups import without_reference
from scanready.report.listed import listed
from scanready.report.look import Look
from scanready.report.paper import counted
from scanready.report.rule_forms import rule_object
from scanready.wire.printable import visible, visible_lines

from .ranking import Changes, Entry, Part

#: Entries of a table; JSON and CSV have all of them.
MOST = 20
#: Destinations that a table names for each change, and agents in one sentence.
_MOST_NAMED = 8
#: Pieces of evidence that a table shows for one change at a server.
_MOST_DETAILS = 3
#: Why each number is the most.
UNKNOWN = "What a check finds behind a closed port is unknown until it opens, so each number is the most."


def table(found: Changes, look: Look) -> str:
    """Return the ranking for people: the first entries, then what no change helps."""
    from rich.text import Text

    from scanready.report.paper import Paper, headed

    paper, entries = Paper(look), found.ranked()
    drawn = headed()
    drawn.add_column("targets", no_wrap=True)
    drawn.add_column("change", overflow="fold")
    drawn.add_column("owner", no_wrap=True)
    for entry in entries[:MOST]:
        owners = dict.fromkeys(part.change.owner.value for part in entry.parts)
        drawn.add_row(Text(f"up to {len(entry.names)}", "bold"), Text(_cell(entry)), ", ".join(owners))
    if entries:
        paper.draw(drawn)
        if len(entries) > MOST:
            paper.draw(Text(f"and {len(entries) - MOST} more (--json has all)", "dim"))
        paper.draw(Text(f"\n{UNKNOWN}"))
    for note in remarks(found, entries):
        paper.draw(Text(note))
    return paper.text()


def _cell(entry: Entry) -> str:
    lines = [words(part) for part in entry.parts]
    if len(lines) > 1:
        lines = [f"{line}, and" for line in lines[:-1]] + lines[-1:]
    lines += [f"({note})" for note in (together(entry), instead(entry)) if note]
    lines.append(f"  {listed((visible(name, 200) for name in entry.names), 4)}")
    return "\n".join([*lines, *(f"  {line}" for line in fixes(entry))])


def together(entry: Entry) -> str:
    """Return how many targets several changes help together, if others lack only some of them; else no text."""
    if len(entry.parts) < 2 or entry.together <= len(entry.names):
        return ""
    return f"all of these together: up to {counted(entry.together, 'target')}, with those that lack only some"


def instead(entry: Entry) -> str:
    """Name the other agents at which the same helps the same targets; no text if there are none."""
    names = [visible(agent, 80) for other in entry.instead for agent in other.parts[0].agents]
    if not names:
        return ""
    of_several = f"one of {len(names)} other agents" if len(names) > 1 else "another agent"
    return f"or the same for {of_several}: {listed(names, _MOST_NAMED)}"


def fixes(entry: Entry) -> list[str]:
    """Return the lines of the texts to apply, each once; a server's may have a line for each agent."""
    told = [fix for part in entry.parts for fix in part.fixes[:_MOST_NAMED]]
    left = sum(max(0, len(part.fixes) - _MOST_NAMED) for part in entry.parts)
    lines = list(dict.fromkeys(line for fix in told for line in visible_lines(fix, 400) if line))
    return [*lines, f"and the fixes for {left} more (--json has all)"] if left else lines


def words(part: Part) -> str:
    """Return a change in one sentence: who makes it, where, for which destinations."""
    change = part.change
    agent, at = _agents(part), visible(change.at, 200)
    if not change.is_rule:
        where = f"{agent}, for {at}" if at else agent
        do = without_reference(change.do)
        details = "; ".join(visible(detail, 200) for detail in part.details[:_MOST_DETAILS])
        return f"{where}: {visible(change.code, 80)}. {visible(do, 1000)}{f' [{details}]' if details else ''}"
    several, different = len(part.destinations) > 1, len({*part.destinations.values()}) > 1
    hosts = ", ".join(
        f"{visible(name, 100)} ({count})" if different else visible(name, 100)
        for name, count in itertools.islice(part.destinations.items(), _MOST_NAMED)
    )
    left = len(part.destinations) - _MOST_NAMED
    hosts += f" and {left} more" if left > 0 else ""
    causes = ", ".join(f"{visible(code, 80)} {count}" for code, count in part.causes.items())
    do, ports = visible(change.do, 200).rsplit(" to ", 1)
    to = f"{len(part.destinations)} hosts in {at}: {hosts}" if several else hosts
    return f"{agent}: {do} to {ports} of {to} [{causes}]"


def _agents(part: Part) -> str:
    names = [visible(name, 80) for name in part.agents]
    left = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {counted(left, 'more agent')}" if left > 0 else "")


def remarks(found: Changes, entries: list[Entry]) -> list[str]:
    """Return what the entries do not say."""
    notes = []
    if not entries:
        notes.append("No single change of one agent or path takes a target further.")
    if found.scannable:
        have = "has" if found.scannable == 1 else "have"
        of = counted(found.targets, "target")
        notes.append(f"{found.scannable} of {of} {have} an agent already; no change counts these.")
    if found.spared:
        most = sorted(found.spared.items(), key=lambda one: (-one[1], one[0]))
        spared = ", ".join(f"{visible(name, 80)} {count}" for name, count in most[:_MOST_NAMED])
        spared += f" and {len(most) - _MOST_NAMED} more agents" if len(most) > _MOST_NAMED else ""
        notes.append(f"Targets that fail at these agents, and not at another one: {spared}.")
    if found.helpless:
        causes = ", ".join(
            f"{visible(code, 80) or 'no result'} {count}" for code, count in found.helpless.most_common()
        )
        number = counted(found.helpless.total(), "target")
        notes.append(f"No change of one agent or path helps {number}: {causes}.")
    return notes


def document(found: Changes, _: object = None) -> str:
    """Return the ranking as JSON."""
    plain = {
        "schema": 1,
        "ranking": [_entry(entry) for entry in found.ranked()],
        "targets": found.targets,
        "scannable": found.scannable,
        "scannable_from_others": dict(sorted(found.spared.items())),
        "without_a_change": {code or "no result": count for code, count in found.helpless.most_common()},
    }
    return harmless_json(json.dumps(plain, indent=2)) + "\n"


def _entry(entry: Entry) -> dict[str, Any]:
    others = [_changes(other) for other in entry.instead]
    return {"up_to": len(entry.names), **_changes(entry), "targets": list(entry.names), "instead": others}


def _changes(entry: Entry) -> dict[str, Any]:
    return {"together": entry.together, "changes": [_part(part) for part in entry.parts]}


def _part(part: Part) -> dict[str, Any]:
    change = part.change
    return {
        "agent": part.agents[0] if len(part.agents) == 1 else None,
        "agents": list(part.agents),
        "owner": change.owner.value,
        "cause": change.code or None,
        "do": change.do,
        "at": change.at or None,
        "fix": "\n".join(part.fixes) or None,
        "detail": "; ".join(part.details) or None,
        "destinations": part.destinations,
        "causes": part.causes,
        "rules": [rule_object(rule) for rule in part.rules],
    }
