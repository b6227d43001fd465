"""Select targets with ``--only``: ``type=ssh,host=web*`` must both match; a second ``--only`` is an alternative.

The keys of a target are known before a run. Verdict, owner and cause are known only after it: a command that reads a
stored run accepts them; any other command says where to use them. A run also tells more about one key of a target: the
types of a host without a type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import click

from scanready.model import GOOD, DeclaredAgent, Owner, Report, Target, Verdict, assigned

from .messages import did_you_mean, fitting

Values = tuple[str, ...]
#: The type of a host without a type, as an inventory writes it.
_ANY = "any"
#: The keys of a target, each with a function that returns its values. One matching value is enough.
KEYS: dict[str, Callable[[Target], Values]] = {
    "type": lambda target: (target.type, _ANY) if target.guessed else (target.type,),
    "host": lambda target: (target.host,),
    "port": lambda target: (str(target.port),),
    "tag": lambda target: target.tags,
    "credential": lambda target: tuple(account.name for account in target.credentials),
    "site": lambda target: target.sites,
    # `_values` adds the agents that check a target without naming it, and the agent of a result.
    "agent": lambda target: target.agents,
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """Hold what a run found of one target: its verdict, its causes, and the owners who can do something about them.

    ``types`` is for a host without a type: the type that decided the verdict, and all types that hold. ``agents`` are
    the agents that checked the target; if there are any, the agents that should check it do not count.
    """

    verdict: Verdict
    owners: Values
    causes: Values
    types: Values = ()
    agents: Values = ()

    @classmethod
    def of(cls, report: Report) -> Judgement:
        """Return the judgement of a report."""
        from scanready.report.findings import besides, decisive
        from scanready.report.groups import worth_telling

        reports = worth_telling(report)
        causes = [told for one in reports for told in (decisive(one), *besides(one)) if told]
        owners = dict.fromkeys(part.owner.value for told in causes for part in told.parts)
        codes = dict.fromkeys(told.cause.code for told in causes)
        types = tuple(one.target.type for one in report.types[:1])
        types += tuple(one.target.type for one in report.types[1:] if one.verdict in GOOD)
        return cls(report.verdict, tuple(owners), tuple(codes), types, (report.agent.name,))


#: The keys of a result, what of it each looks at, and all values that there are (none: any text).
JUDGED_KEYS: dict[str, tuple[Callable[[Judgement], Values], Values]] = {
    "verdict": (lambda found: (found.verdict.value,), tuple(one.value for one in Verdict)),
    "owner": (lambda found: found.owners, tuple(one.value for one in Owner)),
    "cause": (lambda found: found.causes, ()),
}
#: Advice for a filter that needs a run, in a command without one.
_NEEDS_A_RUN = (
    "is known only after a run: `scanready report RUN --only {expression}` shows those targets, and `scanready verify "
    "INVENTORY --failed-from RUN --only {expression}` checks them again"
)


@dataclass(frozen=True, slots=True)
class Selection:
    """Select the targets that match every term of at least one expression; all targets if there is no expression.

    Args:
        expressions: the expressions as the user wrote them, for messages.
        alternatives: the terms of each, as (key, pattern in lower case).
        agents: the declared agents; by them, ``agent=`` finds the targets that name no agent.
    """

    expressions: Sequence[str]
    alternatives: Sequence[Sequence[tuple[str, str]]]
    agents: Sequence[DeclaredAgent] = ()

    def among(self, agents: Sequence[DeclaredAgent]) -> Selection:
        """Return the selection for targets of an inventory that declares these agents."""
        return replace(self, agents=agents)

    @property
    def asks_a_run(self) -> bool:
        """True if a term is about the results of a run, or about the type or the agent, which results add to."""
        return any(key in ("type", "agent") or key in JUDGED_KEYS for terms in self.alternatives for key, _ in terms)

    def takes(self, target: Target, judgement: Judgement | None = None) -> bool:
        """Return whether a target is selected; without a judgement, no term about results matches."""
        if not self.alternatives:
            return True
        return any(
            all(self._matches(key, pattern, target, judgement) for key, pattern in terms) for terms in self.alternatives
        )

    def may_take(self, target: Target) -> bool:
        """Return whether a target without a result may be selected: no term about the target itself excludes it."""
        return not self.alternatives or any(
            all(
                key == "agent" or key in JUDGED_KEYS or self._matches(key, pattern, target, None)
                for key, pattern in terms
            )
            for terms in self.alternatives
        )

    def concerns(self, owner: Owner) -> bool:
        """Return whether the selection can contain everything that this owner has to do: no ``owner=`` excludes it."""
        return not self.alternatives or any(
            all(fnmatchcase(owner.value, pattern) for key, pattern in terms if key == "owner")
            for terms in self.alternatives
        )

    def takes_nothing(self, targets: Sequence[Target], judgements: Mapping[int, Judgement] | None = None) -> str:
        """Return the message for an empty selection: which pattern matches no target, and a near one.

        Args:
            targets: all targets before the selection.
            judgements: the results of a run, by the ``id()`` of the target.
        """
        found = judgements or {}
        for key, pattern in (term for terms in self.alternatives for term in terms):
            if not any(self._matches(key, pattern, target, found.get(id(target))) for target in targets):
                known = {value.lower() for one in targets for value in self._values(key, one, found.get(id(one)))}
                return f"nothing selected: no target has {key}={fitting(pattern)}{did_you_mean(pattern, known)}"
        if self.alternatives:
            return "nothing selected: no target matches all parts of one --only (or --type)"
        return "nothing selected" if targets else "nothing selected: `targets` is empty"

    def _matches(self, key: str, pattern: str, target: Target, judgement: Judgement | None) -> bool:
        return any(fnmatchcase(value.lower(), pattern) for value in self._values(key, target, judgement))

    def _values(self, key: str, target: Target, judgement: Judgement | None) -> Values:
        if key == "agent":
            return (judgement.agents if judgement else ()) or assigned(target, self.agents)
        if key in KEYS:
            return KEYS[key](target) + (judgement.types if key == "type" and judgement else ())
        return JUDGED_KEYS[key][0](judgement) if judgement else ()


def selection(expressions: Sequence[str], *, of_a_run: bool = False) -> Selection:
    """Parse ``key=pattern,key=pattern``; patterns may contain ``*``, ``?`` and ``[...]``, and ignore case.

    Args:
        of_a_run: accept the keys of a result, since the command reads a run.

    Raises:
        click.UsageError: unknown key, another form, a key that needs a run, or a value that does not exist.
    """
    return Selection(expressions, [_terms(expression, of_a_run=of_a_run) for expression in expressions])


def _terms(expression: str, *, of_a_run: bool) -> list[tuple[str, str]]:
    return [_term(expression, term, of_a_run=of_a_run) for term in expression.split(",")]


def _term(expression: str, term: str, *, of_a_run: bool) -> tuple[str, str]:
    key, equals, pattern = (part.strip() for part in term.partition("="))
    where = f"--only {fitting(expression)}"
    if not equals or not pattern:
        raise click.UsageError(f"{where}: {fitting(term)!r} is not KEY=PATTERN, as in type=ssh")
    pattern = pattern.lower()
    if key in JUDGED_KEYS:
        if not of_a_run:
            raise click.UsageError(f"{where}: {key} {_NEEDS_A_RUN.format(expression=fitting(expression))}")
        _, values = JUDGED_KEYS[key]
        if values and not any(fnmatchcase(value, pattern) for value in values):
            there = ", ".join(values)
            hint = did_you_mean(pattern, values)
            raise click.UsageError(f"{where}: there is no {key} {fitting(pattern)!r}; write one of {there}{hint}")
    elif key not in KEYS:
        known = [*KEYS, *(JUDGED_KEYS if of_a_run else ())]
        raise click.UsageError(
            f"{where}: there is no key {fitting(key)!r}; the keys are {', '.join(known)}{did_you_mean(key, known)}"
        )
    return key, pattern
