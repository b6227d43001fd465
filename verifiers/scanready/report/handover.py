"""Write the hand-over for one owner as a Markdown file: the changes, where to paste them, and how to check them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scanready.model import Owner, Verdict
from scanready.wire.printable import visible

from .document import RunInfo
from .estate.view import EstateInfo
from .groups import INTRODUCTIONS, OWNERS, Group, Member, firewall
from .listed import listed
from .markdown import code, codes, escaped, fenced
from .paper import counted
from .rule_forms import FORMS
from .rules import Rule

_NEEDED = {
    Verdict.BLOCKED: "cannot be scanned until this is changed",
    Verdict.UNDECIDED: "cannot be checked completely until this is changed",
    Verdict.LIMITED: "may fail in a scan until this is changed",
}
#: Forms of firewall rules that no device reads.
_NO_DEVICE = ("table", "csv", "json")
#: The limits of scanready itself are nothing to change at a target.
_WHAT = {Owner.SCANREADY: "manual checks"}
_CHANGE, _TO_DO = "the change that removes it", {Owner.SCANREADY: "what to do about it"}


@dataclass(frozen=True, slots=True)
class Unchecked:
    """The targets without a result, because the run was interrupted.

    Attributes:
        count: their number.
        names: their names; empty if only their number is known.
        again: the command that checks them; empty if there is none.
    """

    count: int = 0
    names: tuple[str, ...] = ()
    again: str = ""

    def sentence(self) -> str:
        """Return what the reader has to know about them."""
        names = f": {code(listed(self.names), 4000)}" if self.names else ""
        again = f" {code(self.again)} checks them." if self.again else ""
        return (
            f"**Not checked:** the run was interrupted before it checked {counted(self.count, 'target')}{names}. "
            f"This page has nothing about {'it' if self.count == 1 else 'them'}.{again}"
        )


def page(
    owner: Owner,
    groups: list[Group],
    run: RunInfo | EstateInfo,
    only: Sequence[str] = (),
    unchecked: Unchecked | None = None,
) -> str:
    """Return the file for one owner, with all targets, fixes and rules of this owner and of no other.

    Args:
        owner: the reader.
        groups: the causes that this owner can remove, the gravest first.
        run: the run, or the estate view, that they were found in.
        only: the filter expressions that selected the targets; empty if the page has all of them.
        unchecked: the targets that the run did not check.
    """
    places = {member.place for group in groups for member in group.members}
    parts = [
        f"# {counted(len(places), 'target')}: {_WHAT.get(owner, 'changes')} for {OWNERS[owner]}",
        *(_filtered(only) if only else ()),
        *((unchecked.sentence(),) if unchecked and unchecked.count else ()),
        f"{_who(run)} these targets (started {visible(run.started, 40)}, "
        f"scanready {visible(run.version, 40)}). Each section describes a problem, {_TO_DO.get(owner, _CHANGE)}, and "
        "the targets with this problem.",
        *((INTRODUCTIONS[owner],) if owner in INTRODUCTIONS else ()),
        *(_section(group) for group in groups),
    ]
    if rules := firewall(groups):
        parts.append(_rules(rules, several=isinstance(run, EstateInfo)))
    return "\n\n".join(parts) + "\n"


def _who(run: RunInfo | EstateInfo) -> str:
    if isinstance(run, EstateInfo):
        return f"{counted(len(run.columns), 'scan agent')} checked whether at least one of them can scan"
    agent = ", ".join((code(run.agent.name, 80), *map(code, run.agent.addresses)))
    return f"A scan agent ({agent}) checked whether it can scan"


def _filtered(only: Sequence[str]) -> list[str]:
    words = " or ".join(code(f"--only {expression}", 200) for expression in only)
    return [f"**This page is filtered:** {words}. The run may have more targets for you."]


def nothing(owner: Owner, run: RunInfo | EstateInfo, unchecked: Unchecked | None = None) -> str:
    """Return the file for an owner without a problem; it replaces the file of an earlier run."""
    started = visible(run.started, 40)
    if unchecked is None or not unchecked.count:
        return f"# Nothing to change for {OWNERS[owner]}\n\nThe run of {started} found no problem that you can fix.\n"
    return (
        f"# Not finished: {counted(unchecked.count, 'target')} not checked for {OWNERS[owner]}\n\n"
        f"The run of {started} found no problem that you can fix at the targets that it checked.\n\n"
        f"{unchecked.sentence()}\n"
    )


def _section(group: Group) -> str:
    count = counted(len(group.members), "target")
    ours = group.owner is Owner.SCANREADY
    needed = "could not be checked completely" if ours else _NEEDED[group.verdict]
    lines = [f"## {escaped(group.meaning)}", f"{count} {needed}. Code: `{group.cause.code}`."]
    lines.append(f"**{'Do this' if ours else 'Change'}:** {escaped(group.remedy)}")
    if group.others:
        others = "; ".join(OWNERS[owner] for owner, _ in group.others)
        lines.append(f"One of these can fix this, and only one needs to act: you; {others}.")
    lines += ["**To confirm the problem:**", "\n".join(fenced(group.confirm))]
    lines.append("\n".join(map(_target, group.members)))
    for fix, members in group.fixes.items():
        of = ", ".join(code(member.where, 400) for member in members)
        lines += [f"**Fix** for {of}:", "\n".join(fenced(fix))]
    return "\n\n".join(lines)


def _target(member: Member) -> str:
    met = f" (met by {codes(member.agents)})" if member.agents else ""
    return f"- {code(member.where, 400)}: {code(member.detail, 400)}{met}"


def _rules(rules: list[Rule], *, several: bool) -> str:
    lines = ["| source | destination | protocol | ports | for |", "|---|---|---|---|---|"]
    for rule in rules:
        where = rule.destination if rule.destination == rule.host else f"{rule.destination} {rule.host}"
        purpose = " ".join(rule.types) + (f", only for {rule.when}" if rule.when else "")
        cells = (code(rule.source), code(where, 400), rule.transport, rule.ports, code(purpose, 400))
        lines.append(f"| {' | '.join(cells)} |")
    forms = ", ".join(name for name in FORMS if name not in _NO_DEVICE)
    ask = (
        f"If your firewall reads one of these forms ({forms}), ask the sender of this page for the output of "
        "`scanready firewall INVENTORY --from RUN --only owner=network --format FORM`."
    )
    one = "A target needs the connections from one of these agents only.\n\n" if several else ""
    return f"## Permit these connections\n\n{one}" + "\n".join(lines) + f"\n\n{ask}"
