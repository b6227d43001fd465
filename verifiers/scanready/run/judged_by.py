"""Show target types as a profile judges them: with the requirements of its scanner, and its default ports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from scanready.catalogue import TargetType
from scanready.catalogue.option import ALLOW_UNTRUSTED
from scanready.catalogue.requirement import Profile, Requirements

from .plugins.guards import module_of


class JudgedBy(Mapping[str, TargetType]):
    """The rows of ``rows`` as ``profile`` judges them; for a secret, the care that they have themselves stays.

    Args:
        unnamed: whether a row that the profile does not name keeps its own requirements, as one of another package
            does; those of a built-in type are another scanner's, so such a type has none.
    """

    def __init__(self, rows: Mapping[str, TargetType], profile: Profile, *, unnamed: bool) -> None:
        self._rows, self._profile, self._unnamed = rows, profile, unnamed
        self._made: dict[str, TargetType] = {}

    def __getitem__(self, name: str) -> TargetType:
        if name not in self._made:
            self._made[name] = self._judged(self._rows[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def _judged(self, row: TargetType) -> TargetType:
        wanted = self._profile.types.get(row.name)
        if row.broken or (wanted is None and self._unnamed):
            return row
        if wanted is None:
            wanted = Requirements(doubt=f"The profile {self._profile.about.name} does not name this target type.")
        port = int(wanted.lines[0].ports) if wanted.lines else row.port
        options = row.options
        if wanted.verifies_certificate and ALLOW_UNTRUSTED not in options:
            options = (*options, ALLOW_UNTRUSTED)  # the remedy for a certificate that proves nothing names it
        requirements = {"requirements": module_of("requirements", REQUIREMENTS={row.name: wanted})}
        return replace(row, port=port, options=options, careful=row.needs_trust, parts={**row.parts, **requirements})
