"""Write Markdown for a pull request or a ticket: the failures by owner, with fixes; then all targets, folded.

Text of a target is a code span or block, with a fence longer than any run of backticks in it. So it contains no markup,
link, mention or picture. All other text is ours or escaped.
"""

from __future__ import annotations

from collections import Counter

from scanready.model import Owner, Report, Verdict
from scanready.report.document import Places, RunInfo, Totals
from scanready.report.groups import INTRODUCTIONS, OWNERS, Group, Groups, Known, firewall
from scanready.report.headline import held_how
from scanready.report.known import is_waived
from scanready.report.look import Look
from scanready.report.markdown import code, codes, escaped, fenced
from scanready.report.paper import GRAVITY, SENTENCES, duration
from scanready.run.target_name import LONGEST_NAME, name_of

#: Characters: a comment on GitHub may have 65,536, a description in Jira 32,767.
MOST = 30_000
_MOST_TARGETS = 12
_MOST_RULES = 40
_MOST_FIXES = 10
SIGNS = {
    Verdict.SCANNABLE: "✅",
    Verdict.READY: "✅",
    Verdict.LIMITED: "⚠️",
    Verdict.BLOCKED: "❌",
    Verdict.UNDECIDED: "❔",
}


class Markdown:
    """Write everything at the end: the gravest causes are first."""

    def __init__(self, look: Look) -> None:
        self._rows: dict[int, str] = {}

    def begin(self, run: RunInfo) -> str:
        """Begin to collect."""
        self._run, self._groups = run, Groups(run)
        self._places = Places(run)
        return ""

    def add(self, report: Report) -> str:
        """Keep a line."""
        self._groups.add(report)
        cells = (
            code(name_of(report.target), LONGEST_NAME),
            f"{SIGNS[report.verdict]} {report.verdict}{' (known)' if is_waived(report) else ''}",
            report.reached or "",
            ", ".join(filter(None, (report.cause.code if report.cause else "", escaped(held_how(report))))),
        )
        self._rows[self._places.of(report.target)] = f"| {' | '.join(cells)} |"
        return ""

    def end(self, totals: Totals) -> str:
        """Return the page. If it would be too long, targets are left out and counted."""
        parts = [self._headline(totals)]  # first, as reading the groups empties their list of tried types
        for owner, groups in self._groups.by_owner().items():
            parts.append(section(owner, groups))
        if known := self._groups.known():
            parts.append(_known(known))
        text = "\n".join(parts)
        if len(text) > MOST:
            cut = text.rfind("\n### ", 0, MOST)
            text = text[: cut if cut > 0 else len(parts[0])]
            text += "\n\n_This page has no room for the other causes; the HTML report has all of them._\n"
        return text + self._table(MOST - len(text))

    def _headline(self, totals: Totals) -> str:
        headline = escaped(self._groups.headline(totals))
        lines = [f"## Checked from {code(self._run.agent.name, 80)}: {headline}", ""]
        lines += ["| verdict | targets | |", "|---|---:|---|"]
        for verdict in GRAVITY:
            if count := totals.verdicts[verdict]:
                lines.append(f"| {SIGNS[verdict]} {verdict} | {count} | {SENTENCES[verdict]} |")
        if totals.unchecked:
            lines.append(f"| not checked | {totals.unchecked} | the run was interrupted |")
        lines += [
            "",
            f"{escaped(self._run.started)}, {duration(totals.seconds)}, scanready {escaped(self._run.version)}"
            + (f", profile {code(self._run.agent.profile, 40)}" if self._run.agent.profile else ""),
            "",
        ]
        return "\n".join(lines)

    def _table(self, room: int) -> str:
        head = ["<details><summary>All targets</summary>", "", "| target | verdict | last passed | cause |"]
        lines = [*head, "|---|---|---|---|"]
        room -= sum(map(len, lines)) + 200
        rows = [self._rows[place] for place in sorted(self._rows)]
        shown = 0
        for row in rows:
            room -= len(row) + 1
            if room < 0:
                break
            lines.append(row)
            shown += 1
        if shown < len(rows):
            lines += ["", f"... and {len(rows) - shown} more"]
        return "\n".join(["", *lines, "", "</details>", ""])


def section(owner: Owner, groups: list[Group]) -> str:
    """Return the part of one owner."""
    lines = [f"### For {OWNERS[owner]} ({owner})", ""]
    lines += [INTRODUCTIONS[owner], ""] if owner in INTRODUCTIONS else []
    for group in groups:
        lines += _group(group)
    if rules := firewall(groups):
        several = any(member.agents for group in groups for member in group.members)
        whose = (
            "agents to the targets; a target needs the rule of one agent only" if several else "agent to the targets"
        )
        lines += [f"Firewall rules, from the {whose}:", ""]
        lines += ["| source | destination | protocol | ports | for |", "|---|---|---|---|---|"]
        for rule in rules[:_MOST_RULES]:
            where = rule.destination if rule.destination == rule.host else f"{rule.destination} {rule.host}"
            what = " ".join(rule.types) + (f", only for {rule.when}" if rule.when else "")
            cells = (code(rule.source), code(where, 120), rule.transport, rule.ports, code(what, 120))
            lines.append(f"| {' | '.join(cells)} |")
        if len(rules) > _MOST_RULES:
            lines += ["", f"... and {len(rules) - _MOST_RULES} more (`scanready firewall` writes all of them)"]
        lines.append("")
    return "\n".join(lines)


def _known(known: list[Known]) -> str:
    lines = ["### Known failures", ""]
    for one in known[:_MOST_TARGETS]:
        cause = f" `{one.code}`" if one.code else ""
        lines.append(f"- {code(one.where, 120)}: {one.verdict}{cause}; {escaped(one.note)}")
    if len(known) > _MOST_TARGETS:
        lines.append(f"- ... and {len(known) - _MOST_TARGETS} more")
    return "\n".join([*lines, ""])


def _group(group: Group) -> list[str]:
    count = Counter(member.verdict for member in group.members)
    words = ", ".join(f"{count[verdict]} {verdict}" for verdict in GRAVITY if count[verdict])
    lines = [f"#### {SIGNS[group.verdict]} `{group.cause.code}`: {words}", ""]
    lines += [escaped(group.meaning), "", f"**Remedy:** {escaped(group.remedy)}", ""]
    for owner, remedy in group.alternatives:
        lines += [f"**Alternative (owner: {owner}):** {escaped(remedy)}", ""]
    for member in group.members[:_MOST_TARGETS]:
        met = f" (met by {codes(member.agents)})" if member.agents else ""
        lines.append(f"- {code(member.where, 120)}: {code(member.detail, 240)}{met}")
        lines += [f"  - also found: `{one.code}` ({one.owner}): {code(one.detail, 240)}" for one in member.besides]
    if len(group.members) > _MOST_TARGETS:
        lines.append(f"- ... and {len(group.members) - _MOST_TARGETS} more")
    for fix, members in list(group.fixes.items())[:_MOST_FIXES]:
        of = ", ".join(code(member.where, 120) for member in members[:3]) + (", ..." if len(members) > 3 else "")
        lines += ["", f"Fix for {of}:", "", *fenced(fix)]
    if len(group.fixes) > _MOST_FIXES:
        lines += ["", f"... and {len(group.fixes) - _MOST_FIXES} more fixes"]
    return [*lines, ""]
