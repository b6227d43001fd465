"""Load and check the sibling modules of a row that another package brings.

Parts that decide a check (the requirements, the client program, the services of a hostless type) must be right, or the
type cannot be used. Parts that only add words (conditions of profiles, story, signatures, causes) are left out where
they are wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from scanready.catalogue import Requirements, TargetType
from scanready.catalogue.bounds import ConditionName, Line, Title
from scanready.catalogue.exchange import Exchange
from scanready.catalogue.facts import Fact
from scanready.catalogue.requirement import Condition
from scanready.climb.signature import Signature
from scanready.model import Cause, Step

from .attempt import Unusable
from .checks import places_fault, wrong_cause
from .guards import Guards, module_of
from .importing import importing
from .shape import shape_fault, shown

#: The names of a module ``client``, with their types.
_PROGRAM = {
    "NAME": Title,
    "present": Callable[[], Any],
    "describe": Callable[[Any, Any], None],
    "examine": Callable[[Any, Any, Any, Any], None],
}
#: The names of a module ``driver``, with their types.
_KNOWS_OF_A_DRIVER = {"facts": Callable[[Any], dict[str, Any]], "limits": Callable[[Any, Any], tuple[str, Any]]}
#: The attributes of each of a hostless type's ``SERVICES``.
_SERVICE = {"name": Title, "title": Title, "source": Line, "needs": tuple[Title, ...]}


def checked_parts(row: TargetType, guards: Guards) -> tuple[dict[str, ModuleType | None], list[tuple[str, str]]]:
    """Load the sibling modules of ``row`` that scanready reads, and check them.

    Returns:
        The modules by name (None for one that is not there or is left out), with their functions guarded; and a phrase
        for each that was left out, with the code of a cause that it is about.

    Raises:
        Unusable: one that a check rests upon is wrong.
    """
    parts: dict[str, ModuleType | None] = {}
    left_out: list[tuple[str, str]] = []
    for name in _NEEDED:
        parts[name], fault = _checked(row, name, guards)
        if fault:
            raise Unusable(f"its module {name} cannot be used: {fault}", fault.trace)
    if row.requirements_of(parts["requirements"]).client and not parts["client"]:
        raise Unusable("its requirements name a client program, and it has no module client that looks for it")
    for name in _WORDS:
        parts[name], fault = _checked(row, name, guards)
        left_out += [(f"its module {name} is left out: {fault}", "")] if fault else []
    if causes := parts["causes"]:
        wrong = {name: says for name, cause in vars(causes).items() if (says := wrong_cause(cause))}
        left_out += [
            (f"its cause {name} is left out: {says}", str(vars(causes)[name].code)) for name, says in wrong.items()
        ]
        for name in wrong:
            delattr(causes, name)
    return parts, left_out


def _checked(row: TargetType, name: str, guards: Guards) -> tuple[ModuleType | None, Unusable | None]:
    """Load one sibling module, and return its usable form, or the fault that makes it unusable."""

    def read() -> ModuleType | None:
        module = row.part(name) if row.home else None
        return _READERS[name](row, module, guards) if module else None

    try:
        return importing(read), None
    except Unusable as unusable:
        return None, unusable


def _right(value: Any, hint: Any, of: str) -> None:
    """Check a declared value.

    Raises:
        Unusable: it is not what its type and bounds say.
    """
    if fault := shape_fault(value, hint, of):
        raise Unusable(fault)


def _requirements(row: TargetType, module: ModuleType, guards: Guards) -> ModuleType:
    found = module.REQUIREMENTS
    if not isinstance(found, Mapping) or row.name not in found:
        raise Unusable(f"its REQUIREMENTS have nothing for {row.name!r}; write {{{row.name!r}: Requirements(...)}}")
    wanted = found[row.name]
    _right(wanted, Requirements, "its requirements")
    if not row.brokers and any(line.ports == "dynamic" for line in wanted.lines):
        raise Unusable("a line of its requirements has 'dynamic' ports; write the Broker that names them in its row")
    return module_of("requirements", REQUIREMENTS={row.name: guards.requirements(wanted)})


def _client(_: TargetType, module: ModuleType, __: Guards) -> ModuleType:
    _names(module, _PROGRAM, "its module client")
    return module


def _names(of: Any, kinds: Mapping[str, Any], what: str) -> None:
    """Check the attributes of an object that is no dataclass of ours.

    Raises:
        Unusable: one is missing, or of another type.
    """
    for name, hint in kinds.items():
        if not hasattr(of, name):
            raise Unusable(f"{what} has no {name}")
        _right(getattr(of, name), hint, f"`{name}` of {what}")


def _conditions(_: TargetType, module: ModuleType, guards: Guards) -> ModuleType:
    _right(module.CONDITIONS, Mapping[ConditionName, Condition], "its CONDITIONS")
    return module_of("conditions", CONDITIONS=guards.conditions(module.CONDITIONS))


def _services(_: TargetType, module: ModuleType, guards: Guards) -> ModuleType:
    if not isinstance(module.SERVICES, tuple):
        raise Unusable(f"its SERVICES are {shown(module.SERVICES)}; write a tuple")
    for place, one in enumerate(module.SERVICES):
        _names(one, _SERVICE, f"SERVICES[{place}]")
        for number, endpoint in enumerate(one.endpoints):
            _names(endpoint, {"host": Title, "use": Line}, f"SERVICES[{place}].endpoints[{number}]")
    _right(module.placed, Callable[[Any], list[Any]], "`placed` of its module")
    return guards.services(module)


def _driver(_: TargetType, module: ModuleType, __: Guards) -> ModuleType:
    _names(module, _KNOWS_OF_A_DRIVER, "its module driver")
    return module


def _facts(row: TargetType, module: ModuleType, _: Guards) -> ModuleType:
    found = module.FACTS
    own = found.get(row.name, ()) if isinstance(found, Mapping) else found
    _right(own, tuple[Fact, ...], f"the FACTS of {row.name!r}")
    return module_of("facts", FACTS={row.name: own})


def _story(row: TargetType, module: ModuleType, guards: Guards) -> ModuleType:
    if not isinstance(module.STORY, Mapping) or row.name not in module.STORY:
        raise Unusable(f"its STORY has nothing for {row.name!r}; write {{{row.name!r}: {{Step.AUTH: Exchange(...)}}}}")
    story = module.STORY[row.name]
    _right(story, Mapping[Step, Exchange], "its STORY")
    for step, exchange in story.items():
        if fault := places_fault(exchange.by_hand):
            raise Unusable(f"in `by_hand` of its STORY for the step {step}, {fault}")
    return module_of("story", STORY={row.name: {step: guards.exchange(exchange) for step, exchange in story.items()}})


def _signatures(_: TargetType, module: ModuleType, guards: Guards) -> ModuleType:
    found = module.SIGNATURES
    _right(found, tuple[Signature, ...], "its SIGNATURES")
    return module_of("signatures", SIGNATURES=tuple(guards.signature(one) for one in found))


def _causes(_: TargetType, module: ModuleType, __: Guards) -> ModuleType:
    return module_of("causes", **{name: value for name, value in vars(module).items() if isinstance(value, Cause)})


_NEEDED = ("requirements", "client", "services", "driver")
_WORDS = ("conditions", "facts", "story", "signatures", "causes")
_READERS: Mapping[str, Callable[[TargetType, ModuleType, Guards], ModuleType]] = {
    "requirements": _requirements,
    "conditions": _conditions,
    "client": _client,
    "services": _services,
    "driver": _driver,
    "facts": _facts,
    "story": _story,
    "signatures": _signatures,
    "causes": _causes,
}
