"""Check the arguments of the library's functions before anything is contacted.

A Target that a program builds must obey the same rules as one of an inventory: the type is known, the host is a name
or an address, and the type has each option.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from scanready.catalogue import TargetType
from scanready.catalogue.wrong import Complaints, Wrong, shown
from scanready.model import Credential, Target, bracketed
from scanready.net.hosts import clean_host

from .options import options_for, refuse_unknown, type_row
from .problems import InventoryError, Problem
from .words import IN_PROGRAM

EXAMPLE = "postgresql://db7:5433/hr"
#: The values that a file or a URL can hold. For another value, a reader of options would use its ``str``.
_PLAIN = (str, int, float, list)
#: Python writes no number of more than 4,300 digits, so no result could hold it.
_MOST_BITS = 4096


def target_as_given(value: object, index: int | None = None) -> Target:
    """Return a Target, with its host and options in the spelling of an inventory.

    Args:
        value: the caller's argument.
        index: its position among several, from 0; None if it is the only one.

    Raises:
        TypeError: it is not a Target, or an option is not text, a number, a bool or a list.
        InventoryError: it cannot be checked; has every problem.
    """
    if not isinstance(value, Target):
        which = "target" if index is None else f"targets[{index}]"
        hint = "; to read a text, use scanready.inventory.parse_target" if isinstance(value, str) else ""
        raise TypeError(f"{which} must be a scanready.Target, not {_kind(value)}{hint}")
    problems: tuple[str, ...]
    try:
        return _read(value)
    except Wrong as error:
        problems = error.messages
    place = shown(f"{value.type}://{bracketed(value.host)}" if "@" not in value.host else f"{value.type}://…")
    raise InventoryError(Problem(f"target {place}: {message}") for message in problems)


def targets_as_given(values: object) -> list[Target]:
    """Return several Targets, each as :func:`target_as_given` does; all problems are collected first.

    Raises:
        TypeError: it is not an iterable of Targets.
        InventoryError: some cannot be checked; has every problem of each.
    """
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        hint = "; write [target], or use scanready.verify" if isinstance(values, Target) else ", such as a list"
        raise TypeError(f"targets must be an iterable of scanready.Target, not {_kind(values)}{hint}")
    found: list[Target] = []
    problems: list[Problem] = []
    for index, value in enumerate(values):
        try:
            found.append(target_as_given(value, index))
        except InventoryError as error:
            problems.extend(error.problems)
    if problems:
        raise InventoryError(problems)
    return found


def require_credential(value: object) -> None:
    """Check that a credential is a Credential or None.

    Raises:
        TypeError: it is something else.
    """
    if value is not None and not isinstance(value, Credential):
        example = "Credential(NAME, USERNAME, PASSWORD)"
        raise TypeError(f"credential must be a scanready.Credential or None, not {_kind(value)}: write {example}")


def require_settings(value: object) -> None:
    """Check that settings are Settings or None, and that their ``ca_file`` can be read.

    Raises:
        TypeError: they are something else.
        InventoryError: ``ca_file`` cannot be read, or holds no certificate.
    """
    if value is None:
        return
    from scanready.run.settings import Settings  # imported late: reading an inventory loads no engine

    if not isinstance(value, Settings):
        raise TypeError(f"settings must be a scanready.Settings or None, not {_kind(value)}: write Settings(timeout=5)")
    problems: tuple[str, ...] = ()
    try:
        if value.ca_file is not None:
            from .secrets import check_certificates

            check_certificates(value.ca_file, Path(value.ca_file))  # "~" is not expanded when it is opened
    except Wrong as wrong:
        problems = wrong.messages
    if problems:
        raise InventoryError(Problem(f"Settings.ca_file {problem}: give a PEM file") for problem in problems)


def require_target(target: object) -> None:
    """Check that a target is a Target or a text.

    Raises:
        TypeError: it is something else.
    """
    if not isinstance(target, (Target, str)):
        raise TypeError(f"target must be a scanready.Target or a text such as {EXAMPLE!r}, not {_kind(target)}")


def require_texts(**values: object) -> None:
    """Check arguments that must be text.

    Raises:
        TypeError: one is not; its value is not repeated.
    """
    for name, value in values.items():
        if not isinstance(value, str):
            raise TypeError(f"{name} must be text (str), not {_kind(value)}")


def require_names(types: object) -> None:
    """Check names of types.

    Raises:
        TypeError: they are not a list of texts.
    """
    if isinstance(types, str) or not isinstance(types, Sequence) or not all(isinstance(name, str) for name in types):
        raise TypeError("types must be a list of texts, such as [NAME]")


def require_options(options: object) -> None:
    """Check that options have names, and that a file or a URL could hold each value.

    Raises:
        TypeError: they are not a dict, or one of them is something else.
    """
    if not isinstance(options, Mapping):
        raise TypeError(f"options must be a dict of names and values, not {_kind(options)}")
    for name, value in options.items():
        if not isinstance(name, str):
            raise TypeError(f"options must have names as text (str), not {_kind(name)}")
        if not isinstance(value, _PLAIN):
            allowed = "text, a number, True, False or a list"
            raise TypeError(f"the option {shown(name)} must be {allowed}, not {_kind(value)}")


def _read(target: Target) -> Target:
    """Return the target in the spelling of an inventory.

    Raises:
        Wrong: all problems of the target.
    """
    if target.tries:
        tries = tuple(map(_read, target.tries))
        return dataclasses.replace(target, host=tries[0].host, tries=tries)
    row = type_row(target.type)
    complaints = Complaints()
    host = target.host
    with complaints.collected():
        if not target.port and not row.broken:
            raise Wrong("its port is 0; write 1 to 65535")
    with complaints.collected():
        host = clean_host(target.host)
    if not all(account.username for account in target.credentials):
        complaints.messages.append("the credential has no username: give the account that logs in")
    options: Mapping[str, Any] = target.options
    with complaints.collected():
        options = _options(row, target.options)
    complaints.settle()
    row.check(host, options)
    if host == target.host and options == target.options:
        return target
    return dataclasses.replace(target, host=host, options=options)


def _options(row: TargetType, options: Mapping[str, Any]) -> Mapping[str, Any]:
    for name, value in options.items():
        if isinstance(value, int) and value.bit_length() > _MOST_BITS:
            raise Wrong(f"{shown(str(name))} is a number of more than {_MOST_BITS} bits; write it as text")
    if row.any_option:
        return options
    require_options(options)
    refuse_unknown([row], options, IN_PROGRAM)
    return options_for(row, options)


def _kind(value: object) -> str:
    return "None" if value is None else type(value).__name__
