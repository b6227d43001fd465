"""``--only``: which targets of an inventory. ``type=ssh,host=web*`` is both; a second ``--only`` is or."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

import click

from scanready.model import Target

from .messages import did_you_mean, fitting

#: The keys, and what of a target each looks at. Any one value that matches is enough.
KEYS: dict[str, Callable[[Target], tuple[str, ...]]] = {
    "type": lambda target: (target.type,),
    "host": lambda target: (target.host,),
    "port": lambda target: (str(target.port),),
    "tag": lambda target: target.tags,
    "credential": lambda target: (target.credential.name,) if target.credential else (),
}
Terms = list[tuple[str, str]]


def select(targets: Sequence[Target], expressions: Sequence[str], types: Sequence[str] = ()) -> list[Target]:
    """Return the targets that all terms of some expression match, and whose type is among ``types`` (none: any).

    Raises:
        click.UsageError: an expression is none.
    """
    parsed = [parse(expression) for expression in expressions]
    return [
        target
        for target in targets
        if (not types or target.type in types) and (not parsed or any(_matches(target, terms) for terms in parsed))
    ]


def parse(expression: str) -> Terms:
    """Read ``key=pattern,key=pattern``; patterns have ``*``, ``?`` and ``[...]``, and take no notice of case.

    Raises:
        click.UsageError: unknown key, or not of this form.
    """
    terms: Terms = []
    for term in expression.split(","):
        key, equals, pattern = (part.strip() for part in term.partition("="))
        if not equals or not pattern:
            raise click.UsageError(
                f"--only {fitting(expression)}: {fitting(term)!r} is not KEY=PATTERN, as in type=ssh"
            )
        if key not in KEYS:
            there = ", ".join(KEYS)
            raise click.UsageError(
                f"--only {fitting(expression)}: no key {fitting(key)!r}: there are {there}{did_you_mean(key, KEYS)}"
            )
        terms.append((key, pattern.lower()))
    return terms


def nothing_selected(targets: Sequence[Target], expressions: Sequence[str]) -> str:
    """Return the message for an empty selection: which pattern matches no target at all, and what was perhaps meant."""
    for key, pattern in [term for expression in expressions for term in parse(expression)]:
        if not any(_matches(target, [(key, pattern)]) for target in targets):
            known = {value.lower() for target in targets for value in KEYS[key](target)}
            return f"nothing selected: no target has {key}={fitting(pattern)}{did_you_mean(pattern, known)}"
    return "nothing selected" if expressions or targets else "nothing selected: `targets` is empty"


def _matches(target: Target, terms: Terms) -> bool:
    return all(any(fnmatchcase(value.lower(), pattern) for value in KEYS[key](target)) for key, pattern in terms)
