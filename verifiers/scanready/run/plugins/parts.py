"""Load and check the sibling modules of a row that another package brings.

Parts that decide a check (the requirements, the client program, the services of a hostless type) must be right, or the
type cannot be used. Parts that only add words (story, signatures, causes) are left out where they are wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType

from scanready.catalogue import Condition, Requirement, Requirements, TargetType
from scanready.catalogue.exchange import Exchange
from scanready.climb.identify import Signature
from scanready.model import Cause, Step

from .attempt import Unusable, attempted
from .checks import cause_fault
from .guards import Guards, module_of

#: As a line of the requirements has them: "445", "49152-65535", "80,443", or what a broker gives out.
_PORTS = re.compile(r"dynamic|\d{1,5}(?:-\d{1,5})?(?:,\d{1,5}(?:-\d{1,5})?)*")
_TRANSPORTS = ("tcp", "udp", "tcp,udp")
_PROGRAM = ("NAME", "present", "describe", "examine")


def checked_parts(row: TargetType, guards: Guards) -> tuple[dict[str, ModuleType | None], list[str]]:
    """Load the sibling modules of ``row`` that scanready reads, and check them.

    Returns:
        The modules by name (None for one that is not there or is left out), with their functions guarded; and a phrase
        for each that was left out.

    Raises:
        Unusable: one that a check rests upon is wrong.
    """
    parts: dict[str, ModuleType | None] = {}
    left_out: list[str] = []
    for name in _NEEDED:
        parts[name], fault = _checked(row, name, guards)
        if fault:
            raise Unusable(f"its module {name} cannot be used: {fault}")
    if row.requirements_of(parts["requirements"]).client and not parts["client"]:
        raise Unusable("its requirements name a client program, and it has no module client that looks for it")
    for name in _WORDS:
        parts[name], fault = _checked(row, name, guards)
        left_out += [f"its module {name} is left out: {fault}"] if fault else []
    return parts, left_out


def _checked(row: TargetType, name: str, guards: Guards) -> tuple[ModuleType | None, str]:
    """Load one sibling module, and return its usable form, or the fault that makes it unusable."""

    def read() -> ModuleType | None:
        module = row.part(name) if row.home else None
        return _READERS[name](row, module, guards) if module else None

    try:
        return attempted(read)
    except Unusable as unusable:
        return None, str(unusable)


def _requirements(row: TargetType, module: ModuleType, guards: Guards) -> ModuleType:
    found = module.REQUIREMENTS
    wanted = found[row.name] if isinstance(found, Mapping) and row.name in found else None
    if not isinstance(wanted, Requirements):
        raise Unusable(f"its REQUIREMENTS are no mapping with Requirements for {row.name!r}")
    for line in wanted.lines:
        if not isinstance(line, Requirement) or not isinstance(line.when, Condition):
            raise Unusable("a line of its requirements is no Requirement")
        if not _PORTS.fullmatch(line.ports) or not all(_is_range(one) for one in line.ports.split(",")):
            raise Unusable(f"a line of its requirements has no ports, but {line.ports!r}")
        if line.transport not in _TRANSPORTS or not isinstance(line.source, str):
            raise Unusable(f"a line of its requirements is not over tcp or udp, but over {line.transport!r}")
    return module_of("requirements", REQUIREMENTS={row.name: guards.requirements(wanted)})


def _is_range(ports: str) -> bool:
    first, _, last = ports.partition("-")
    return ports == "dynamic" or 1 <= int(first) <= int(last or first) <= 65535


def _client(_: TargetType, module: ModuleType, __: Guards) -> ModuleType:
    if missing := [name for name in _PROGRAM if not hasattr(module, name)]:
        raise Unusable(f"it has no {missing[0]}")
    return module


def _services(_: TargetType, module: ModuleType, guards: Guards) -> ModuleType:
    for one in module.SERVICES:
        for field in ("name", "title", "needs", "source", "endpoints"):
            getattr(one, field)  # raises where it is missing
    return guards.services(module)


def _driver(_: TargetType, module: ModuleType, __: Guards) -> ModuleType:
    return module  # scanready reads nothing of it before a driver is there; that it loads is enough


def _story(row: TargetType, module: ModuleType, guards: Guards) -> ModuleType:
    told: dict[Step, Exchange] = {}
    if row.name not in module.STORY:
        raise Unusable(f"its STORY has nothing for {row.name!r}")
    for step, exchange in dict(module.STORY[row.name]).items():
        if not isinstance(step, Step) or not isinstance(exchange, Exchange) or not isinstance(exchange.by_hand, str):
            raise Unusable(f"its STORY is no mapping of steps to exchanges, but has {step!r}")
        if not isinstance(exchange.sent, str) and not callable(exchange.sent):
            raise Unusable(f"its STORY has neither words nor a function for the step {step}")
        told[step] = guards.exchange(exchange)
    return module_of("story", STORY={row.name: told})


def _signatures(_: TargetType, module: ModuleType, guards: Guards) -> ModuleType:
    found: Iterable[Signature] = tuple(module.SIGNATURES)
    for one in found:
        if not isinstance(one, Signature) or not callable(one.recognise):
            raise Unusable("its SIGNATURES are not all a Signature")
        if not isinstance(one.protocol, str) or not isinstance(one.rank, int):
            raise Unusable(f"the signature of {one.protocol!r} has no rank in whole numbers")
    return module_of("signatures", SIGNATURES=tuple(guards.signature(one) for one in found))


def _causes(_: TargetType, module: ModuleType, __: Guards) -> ModuleType:
    found = {name: value for name, value in vars(module).items() if isinstance(value, Cause)}
    for name, cause in found.items():
        if fault := cause_fault(cause):
            raise Unusable(f"of its cause {name}, {fault}")
    return module_of("causes", **found)


_NEEDED = ("requirements", "client", "services", "driver")
_WORDS = ("story", "signatures", "causes")
_READERS: Mapping[str, Callable[[TargetType, ModuleType, Guards], ModuleType]] = {
    "requirements": _requirements,
    "client": _client,
    "services": _services,
    "driver": _driver,
    "story": _story,
    "signatures": _signatures,
    "causes": _causes,
}
