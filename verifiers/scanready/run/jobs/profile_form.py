"""A profile as JSON, for a process of the same run, which judges by it too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from scanready.catalogue.requirement import ALWAYS, About, Profile, Requirement, Requirements
from scanready.run import registry


def profile_form(profile: Profile | None) -> dict[str, Any] | None:
    """Return the form of a profile; None for the built-in one, which every process has."""
    if profile is None:
        return None
    types = {
        name: _fields(wanted) | {"lines": list(map(_line, wanted.lines))} for name, wanted in profile.types.items()
    }
    return {"about": list(profile.about), "types": types}


def profile_of(form: Mapping[str, Any] | None) -> Profile | None:
    """Return the profile of its form; the conditions are those of this process' types.

    Raises:
        KeyError: this process does not know a type or a condition.
    """
    if form is None:
        return None
    types = {
        name: Requirements(**one | {"lines": tuple(_line_of(name, line) for line in one["lines"])})
        for name, one in form["types"].items()
    }
    return Profile(About(*form["about"]), types)


def _line(line: Requirement) -> dict[str, Any]:
    return _fields(line) | {"when": line.when.name}


def _line_of(type_: str, form: Mapping[str, Any]) -> Requirement:
    named = form["when"]
    when = registry.catalogue()[type_].conditions[named] if named else ALWAYS
    return Requirement(**{**form, "when": when, "pinned_by": tuple(form["pinned_by"])})


def _fields(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass as they are: a condition has a function, which cannot be copied."""
    return {field.name: getattr(value, field.name) for field in fields(value)}
