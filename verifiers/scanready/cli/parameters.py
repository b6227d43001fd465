"""Parse command-line values: durations, formats with files, positive numbers, file modes."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import click

from scanready.report import FORMATS

from .messages import did_you_mean, fitting

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}
_AGES = {"h": 3600, "d": 86_400, "w": 7 * 86_400}


class Duration(click.ParamType[Any]):
    """``30s``, ``5m``, ``1h``; a bare number is seconds.

    Args:
        least: the shortest accepted duration, in seconds.
    """

    name = "duration"

    def __init__(self, least: float = 0.0) -> None:
        self._least = least

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds."""
        if isinstance(value, (int, float)):
            return float(value)
        found = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)(s|m|h|)", str(value).strip())
        if found is None:
            self.fail(f"{fitting(str(value))!r} is not a duration; write 30s, 5m or 1h", param, ctx)
        seconds = float(found[1]) * _UNITS[found[2]]
        if seconds < self._least:
            self.fail(
                f"{fitting(str(value))} is less than {self._least:g}s; servers take faster retries for an attack",
                param,
                ctx,
            )
        return seconds


class Age(click.ParamType[Any]):
    """``12h``, ``90d``, ``8w``."""

    name = "age"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds."""
        if isinstance(value, (int, float)):
            return float(value)
        found = re.fullmatch(r"(\d{1,5})(h|d|w)", str(value).strip())
        if found is None:
            self.fail(f"{fitting(str(value))!r} is not an age; write 12h, 90d or 8w", param, ctx)
        return float(found[1]) * _AGES[found[2]]


class Positive(click.ParamType[Any]):
    """A number greater than 0 that a clock or a counter can use."""

    name = "number"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        try:
            number = float(str(value))
        except ValueError:
            number = math.nan
        if not 0 < number <= 1e6:
            self.fail(f"{fitting(str(value))!r} is not a number greater than 0 (and at most 1000000)", param, ctx)
        return number


class FileMode(click.ParamType[Any]):
    """Permissions in octal, ``600`` to ``664``: others may read; the group may also write."""

    name = "mode"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the mode's bits."""
        if isinstance(value, int):
            return value
        text = str(value).strip()
        mode = int(text, 8) if re.fullmatch(r"(0o?)?[0-7]{3}", text) else 0
        if mode & 0o600 != 0o600 or mode & ~0o664:
            self.fail(f"{fitting(text)!r} is not a mode for a report; write one from 600 to 664, as in 644", param, ctx)
        return mode


class FormatName(click.ParamType[Any]):
    """The name of a report format."""

    name = "format"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name."""
        return known_format(str(value), param, ctx)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Show the choice."""
        return f"[{'|'.join(FORMATS)}]"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[Any]]:
        """Complete a format's name."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(name) for name in FORMATS if name.startswith(incomplete)]


class FormatAndFile(click.ParamType[Any]):
    """``FORMAT=FILE``."""

    name = "format=file"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return both."""
        if isinstance(value, tuple):
            return value
        name, equals, file = str(value).partition("=")
        if not equals or not file:
            self.fail(f"{fitting(str(value))!r} is not FORMAT=FILE, as in json=run.json", param, ctx)
        return known_format(name, param, ctx), file

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[Any]]:
        """Complete ``FORMAT=``; the user adds the file."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(f"{name}=") for name in FORMATS if name.startswith(incomplete)]


class KeyAndDirectory(click.ParamType[Any]):
    """``KEY=DIR``, with one of the given keys."""

    name = "key=dir"

    def __init__(self, *keys: str) -> None:
        self._keys = keys

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return both."""
        if isinstance(value, tuple):
            return value
        key, equals, directory = str(value).partition("=")
        if not equals or not directory or key not in self._keys:
            wanted = " or ".join(f"{key}=DIR" for key in self._keys)
            self.fail(f"{fitting(str(value))!r} is not {wanted}, as in {self._keys[0]}=todo", param, ctx)
        return key, directory


def known_format(name: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
    """Return ``name`` if it is a format.

    Raises:
        click.BadParameter: it is not a format; the message lists all formats.
    """
    if name not in FORMATS:
        there = ", ".join(FORMATS)
        raise click.BadParameter(
            f"there is no format {fitting(name)!r}; the formats are {there}{did_you_mean(name, FORMATS)}", ctx, param
        )
    return name
