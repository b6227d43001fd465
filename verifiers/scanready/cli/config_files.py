"""Read ``scanready.toml`` and ``[tool.scanready]`` of ``pyproject.toml``: settings for the options of all commands.

A key is the long option without its hyphens: ``per-host = 2``. The command line comes first, then the environment,
the working folder, the folder of this user, and the folder of the system. The working folder may be anybody's, such
as a repository's: only keys of `FREE` are read from it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from scanready.files.config_folders import folders, is_protected, written_by_others

from .environment import KNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME, PROJECT = "scanready.toml", "pyproject.toml"
KEYS = frozenset(name.lower().replace("_", "-") for name in KNOWN)
#: Not settings: each of them does something once.
ONCE = frozenset(["forget", "prune", "resume", "failed-from"])
#: The keys of the working folder: they choose the questions and the output. The other keys loosen a rule that protects
#: targets, accounts or firewalls, name an account or a trusted party, read another file, or write one.
FREE = frozenset(
    [
        "address",
        "as",
        "assume-agent",
        "certificate-days",
        "max-attempts",
        "depth",
        "format",
        "interval",
        "json",
        "ladder",
        "no-canary",
        "no-color",
        "no-login",
        "only",
        "platform",
        "quiet",
        "rate",
        "require",
        "site",
        "timeout",
        "title",
        "type",
        "verbose",
        "wait",
    ]
)
_LARGEST_FILE = 256 << 10
_META = f"{__name__}.settings"
_MOST_PROBLEMS = 20


class Unusable(click.ClickException):
    """A configuration file cannot be used: one problem a line, exit code 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        """Write the problems as FILE:LINE, as a compiler does."""
        from .messages import warn

        for line in self.message.split("\n"):
            warn(line)


class Setting(NamedTuple):
    """One key of a file with its value, and where it is."""

    key: str
    value: Any
    file: str
    line: int

    @property
    def origin(self) -> str:
        """The place, as ``FILE:LINE``."""
        return f"{self.file}:{self.line}"


class _Place(NamedTuple):
    """A file to look for: the table that counts, and whether it may hold every key."""

    file: Path
    table: tuple[str, ...] = ()
    all_keys: bool = True


def settings() -> Mapping[str, Setting]:
    """Read the files and return the settings that count, by key.

    Raises:
        Unusable: a file has problems.
    """
    found: dict[str, Setting] = {}
    problems: list[str] = []
    for place in reversed(list(_places())):
        for setting in _read(place, problems):
            found[setting.key] = setting
    if problems:
        more = len(problems) - _MOST_PROBLEMS
        raise Unusable("\n".join(problems[:_MOST_PROBLEMS] + ([f"{more} more problems"] if more > 0 else [])))
    return found


def _places() -> Iterator[_Place]:
    """Yield the files that exist, the first one counts most."""
    own = [_Place(folder / NAME, (), is_protected(folder)) for folder in folders()]
    here = Path(NAME)
    if _exists(here):
        if not any(_is_same(here, place.file) for place in own):
            yield _Place(here, (), all_keys=False)
    elif _exists(Path(PROJECT)):
        yield _Place(Path(PROJECT), ("tool", "scanready"), all_keys=False)
    yield from (place for place in own if _exists(place.file))


def _exists(file: Path) -> bool:
    """Return whether there is a file; one that cannot be looked at is reported when it is read."""
    try:
        os.stat(file)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _read(place: _Place, problems: list[str]) -> list[Setting]:
    """Return the settings of a file; note its problems."""
    import tomllib

    from scanready.files import reading
    from scanready.files.byte_order import encoding_of

    file = str(place.file)
    try:
        content = reading.read(place.file, _LARGEST_FILE)
        if place.table and place.table[-1].encode() not in content:
            return []
        if encoding_of(content) == "utf-16":
            problems.append(f"{file}:1: the file is UTF-16: save it as UTF-8")
            return []
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        table: Any = tomllib.loads(text)
        for name in place.table:
            table = table.get(name, {}) if isinstance(table, dict) else {}
    except reading.Unreadable as error:
        problems.append(f"{file} {error}")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        problems.append(f"{file}:{line}: not UTF-8: save the file as UTF-8")
    except tomllib.TOMLDecodeError as error:
        problems.append(_syntax(file, text, str(error)))
    except RecursionError:
        problems.append(f"{file}:1: the values are nested too deeply")
    else:
        if not isinstance(table, dict):
            problems.append(f"{file}:{_line(text, (place.table or ('',))[-1], place.table[:-1])}: it must be a table")
        elif table:
            return _checked(place, table, text, problems)
    return []


def _checked(place: _Place, table: Mapping[str, Any], text: str, problems: list[str]) -> list[Setting]:
    file = str(place.file)
    try:
        if refusal := _refusal(place):
            problems.append(f"{file}: {refusal}")
            return []
    except OSError as error:
        problems.append(f"{file}: {error.strerror}")
        return []
    found = []
    for key, value in table.items():
        line = _line(text, key, place.table)
        if problem := _problem(place, key, value):
            problems.append(f"{file}:{line}: {problem}")
        else:
            found.append(Setting(key, value, file, line))
    return found


def _refusal(place: _Place) -> str:
    """Return why a file is not used: another user wrote it, or can."""
    if place.all_keys:
        return written_by_others(place.file)
    found = place.file.stat()
    if os.name == "nt":
        return ""
    from scanready.files.trust import is_trusted, user_name

    if not is_trusted(found.st_uid):
        return f"it belongs to {user_name(found.st_uid)}: run scanready in another folder, or chown it to this user"
    if found.st_mode & stat.S_IWOTH:
        return "every user can write it: chmod o-w"
    return ""


def _problem(place: _Place, key: str, value: Any) -> str:
    """Return what is wrong with a key; no value is repeated, since it may be a password."""
    from .messages import did_you_mean, fitting

    if key in ONCE or key not in KEYS:
        what = "is not a setting, but something to do once: use the option" if key in ONCE else "is no option"
        return f"the key {fitting(key)!r} {what}{'' if key in ONCE else did_you_mean(key, sorted(KEYS - ONCE))}"
    if key not in FREE and not place.all_keys:
        own = folders()[0] / NAME
        return f"{key!r} is not read from this folder, since anybody may have written it there: move it to {own}"
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, (str, int, float)) for item in items):
        return f"{key!r} must be a text, a number, true or false, or a list of them"
    return ""


def _syntax(file: str, text: str, message: str) -> str:
    """Return the problem of a file that is not TOML."""
    found = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    place = f"{found[1]}:{found[2]}" if found else str(text.count("\n") + 1)
    return f"{file}:{place}: not TOML: {re.sub(r' .at (line|end).*$', '', message)}"


def _line(text: str, key: str, table: Sequence[str]) -> int:
    """Return the line of a key in a table, 1 if it is not found; the parser of the standard library tells none."""
    inside, wanted = not table, ".".join(table)
    written = re.compile(rf"""\s*(?:{re.escape(wanted)}\s*\.\s*)?["']?{re.escape(key)}["']?\s*[=.]""")
    for number, line in enumerate(text.split("\n"), 1):
        if head := re.match(r"\s*\[+\s*([^\]]+?)\s*\]", line):
            name = re.sub(r"""[\s"']""", "", head[1])
            if name == ".".join([*table, key]):
                return number
            inside = name == wanted
        elif (inside or line.strip().startswith(wanted)) and written.match(line):
            return number
    return 1


def value_for(ctx: click.Context, param: click.Parameter) -> Any:
    """Return the value that a file sets for an option of a command, as its type wants it; None without one.

    Raises:
        Unusable: the value does not fit the option.
    """
    setting = setting_of(ctx, param)
    if setting is None:
        return None
    problem = _misfit(param, setting.value)
    value = [setting.value] if param.multiple and not isinstance(setting.value, list) else setting.value
    if not problem:
        try:
            param.type_cast_value(ctx, value)
        except click.BadParameter as error:
            problem = error.message
    if problem:
        raise Unusable(f"{setting.origin}: {setting.key}: {problem}")
    return value


def key_of(param: click.Parameter) -> str | None:
    """Return the key of an option; None for an argument, and for an option that the environment does not set either."""
    if not isinstance(param, click.Option) or not param.envvar:
        return None
    return next(name[2:] for name in param.opts if name.startswith("--"))


def setting_of(ctx: click.Context, param: click.Parameter) -> Setting | None:
    """Return the setting of an option; None without one. A call of the program reads the files once.

    Raises:
        Unusable: a file has problems.
    """
    key, kept = key_of(param), ctx.find_root().meta
    if _META not in kept:
        kept[_META] = settings()
    found: Mapping[str, Setting] = kept[_META]
    return found.get(key) if key is not None else None


def named_inventory(ctx: click.Context) -> str:
    """Return the inventory of a file, for a command whose arguments name none; empty without one.

    Raises:
        Unusable: a file has problems, or its inventory is not a text.
    """
    param = click.Option(["--inventory"], envvar="SCANREADY_INVENTORY")
    return str(value_for(ctx, param) or "")


def _misfit(param: click.Parameter, value: Any) -> str:
    """Return why a value is not of the option's kind, since click takes 1.5 for 1 and ``true`` for a text."""
    if isinstance(param, click.Option) and param.is_flag:
        return "" if isinstance(value, bool) else "it must be true or false"
    if isinstance(value, list):
        if not param.multiple:
            return "it must be one value, not a list"
        return "" if all(isinstance(item, str) for item in value) else "it must be a list of texts"
    whole = isinstance(param.type, click.IntRange)
    if isinstance(value, bool) or (whole and not isinstance(value, int)):
        return f"it must be a {'whole number' if whole else 'text or a number'}"
    is_text = isinstance(param.type, (click.Choice, click.types.StringParamType))
    if is_text and not isinstance(value, str):
        return "it must be a text in quotation marks"
    return ""
