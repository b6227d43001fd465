"""Wrap the functions that another package brings, so that what they raise is one message and never ends a run."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

from scanready.catalogue import Requirements, TargetType
from scanready.catalogue.exchange import Exchange
from scanready.catalogue.requirement import Condition
from scanready.catalogue.wrong import Wrong
from scanready.model import Check, Report, Target
from scanready.wire.printable import visible

from .attempt import attempted
from .evidence import LONGEST_TEXT
from .shape import shown

if TYPE_CHECKING:
    from scanready.climb.signature import Signature

#: Characters of what a function of another package says is wrong with a value.
_LONGEST_MESSAGE = 500


class Guards:
    """Wraps the functions of one plug-in, which ``who`` names; ``note`` takes a fault that shows while they run."""

    def __init__(self, who: str, note: Callable[[str], object]) -> None:
        self._who, self._note = who, note

    def row(self, row: TargetType, parts: Mapping[str, ModuleType | None]) -> TargetType:
        """Return the row with every function of it wrapped, and with ``parts`` in place of its sibling modules."""
        return replace(
            row,
            verifier=row.verify(),  # the climb confines it, and its checks are reviewed
            split=self._judging("split", row.split, _split_fault),
            check=self._judging("check", row.check),
            options=tuple(
                replace(option, read=self._judging(f"the option `{option.name}`", option.read, _option_fault))
                for option in row.options
            ),
            brokers=tuple(replace(broker, names=_or_none(broker.names, str)) for broker in row.brokers),
            parts=parts,
        )

    def requirements(self, wanted: Requirements) -> Requirements:
        """Return requirements whose conditions cannot fail: where one does, it is unknown whether it holds."""
        return replace(wanted, lines=tuple(replace(line, when=_guarded(line.when)) for line in wanted.lines))

    def conditions(self, known: Mapping[str, Condition]) -> Mapping[str, Condition]:
        """Return conditions that a profile may name, which cannot fail."""
        return {name: replace(_guarded(condition), name=name) for name, condition in known.items()}

    def exchange(self, exchange: Exchange) -> Exchange:
        """Return the words of one step; where they are made by a function that fails, they say so."""
        made = exchange.sent
        if isinstance(made, str):
            return exchange

        def safely(report: Report, check: Check) -> str:
            found, _ = attempted(made, report, check)
            return found[:LONGEST_TEXT] if isinstance(found, str) else f"not known: the story of {self._who} fails"

        return replace(exchange, sent=safely)

    def signature(self, signature: Signature) -> Signature:
        """Return a signature that cannot fail, and that takes no claim away from scanready's own."""
        from .recogniser import AFTER_OURS, BoundedRecogniser

        recognise = BoundedRecogniser(signature.recognise, self._note)
        return replace(signature, recognise=recognise, rank=AFTER_OURS + max(0, signature.rank))

    def services(self, module: ModuleType) -> ModuleType:
        """Return a module ``services`` whose ``placed`` cannot fail: the target's own name and port stand then."""
        placed = module.placed

        def safely(target: Target) -> list[Target]:
            found, _ = attempted(placed, target)
            right = isinstance(found, list) and all(isinstance(one, Target) for one in found)
            return found if right else [target]

        return module_of("services", SERVICES=module.SERVICES, placed=safely)

    def _judging(
        self, what: str, function: Callable[..., Any], fault: Callable[[Any], str] = lambda _: ""
    ) -> Callable[..., Any]:
        """Return ``function``, raising :class:`Wrong` and nothing else."""

        @functools.wraps(function)
        def judge(*arguments: Any) -> Any:
            try:
                found, error = attempted(function, *arguments)
            except Wrong as refused:
                raise Wrong(*map(_one_line, refused.messages)) from None
            if wrong := error or fault(found):
                raise Wrong(f"{what} cannot be judged, for {self._who} fails: {wrong}")
            return found

        return judge


def module_of(name: str, **constants: Any) -> ModuleType:
    """Return a module with these constants and nothing else."""
    module = ModuleType(name)
    vars(module).update(constants)
    return module


def _one_line(message: Any) -> str:
    """Return a message of another package as one line of printable text, whatever it is."""
    text, error = attempted(str, message)
    return visible(" ".join((error or text).split()), _LONGEST_MESSAGE) or "this value cannot be used"


def _guarded(condition: Condition) -> Condition:
    return replace(condition, holds=_or_none(condition.holds, bool))


def _option_fault(value: Any) -> str:
    """An option is part of a target's name and of its stored result."""
    _, error = attempted(json.dumps, value)
    return f"it gives {shown(value)}; write text, a number, True, False, None, a list or a dict" if error else ""


def _split_fault(parts: Any) -> str:
    if parts is None or (isinstance(parts, Mapping) and all(isinstance(one, str) for one in parts.values())):
        return ""
    return "it gives neither a mapping of texts nor None"


def _or_none(function: Callable[..., Any], kind: type) -> Callable[..., Any]:
    """Return ``function``, giving None where it raises, or gives what is not a ``kind``."""

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        found, _ = attempted(function, *arguments)
        return found if isinstance(found, kind) else None

    return call
