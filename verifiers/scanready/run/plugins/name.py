"""The name of an entry point, which is the name of a target type; light, as is :mod:`.attempt`."""

from __future__ import annotations

from scanready.catalogue.bounds import NAME


def name_fault(name: str) -> str:
    """Say what is wrong with the name of an entry point; empty if a target type can have it."""
    if NAME.holds(name):
        return ""
    if len(name) > NAME.most:
        return f"its name has {len(name)} characters; write at most {NAME.most}"
    if NAME.holds(name.lower()):
        return f"its name has capital letters; write {name.lower()}"
    from .shape import shown

    return f"its name is {shown(name)}; write {NAME.wanted}"
