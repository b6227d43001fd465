"""Read a TARGET as users write it: ``host``, ``host:port``, or a URL whose scheme is the type.

The parser follows RFC 3986. The standard library's URL parser silently accepts tabs, empty
ports and text after a bracket; here they are errors.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from scanready.catalogue import TargetType
from scanready.catalogue.notation import hint
from scanready.catalogue.url_path import decoded, read_path
from scanready.catalogue.wrong import Complaints, Wrong, shown
from scanready.model import Credential, Target
from scanready.net.hosts import CLEAN_HOST, LONGEST_NAME, host_and_port
from scanready.run.registry import catalogue
from scanready.run.target_name import ANY

from .arguments import require_credential, require_names, require_options, require_texts
from .options import options_for, port_of_target, refuse_unknown, type_row
from .problems import InventoryError, Problem
from .words import IN_INVENTORY, IN_PROGRAM, Words

EXAMPLES = "write HOST, HOST:PORT or TYPE://HOST:PORT/PATH, as in `postgresql://db7:5433/hr`"
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?", re.DOTALL)
#: Most lines of a large inventory: a type, a host as it is kept, and maybe a port.
_PLAIN_URL = re.compile(rf"([a-z][a-z0-9]*)://({CLEAN_HOST})(?::([1-9][0-9]{{0,3}}))?")
_LONGEST = 4096
#: The beginning of the settings in any tool's connection string; a password may be one of them.
_SETTINGS = re.compile(r"[?;]|[^\w.-][\w .-]*=")
#: The options of nearly all targets: one mapping for all, which nothing changes.
_NO_OPTIONS: Mapping[str, Any] = {}
_PASSWORD_REFUSED = "a password in a target is refused (and not repeated here): "


def parse_target(
    text: str,
    *,
    types: Sequence[str] = (),
    credential: Credential | None = None,
    options: Mapping[str, Any] | None = None,
    words: Words = IN_PROGRAM,
) -> list[Target]:
    """Read a target as on the command line; return one Target for each type that it stands for.

    A text without a type stands for every type that is tried on a host.

    Args:
        text: "host", "host:port" or a URL whose scheme is the type.
        types: names of types, as with ``--type``; with exactly one, the text may have a path and options.
        credential: given to every target; the user name of the URL completes it.
        options: further options, each for the types that have it.
        words: the advice for the place of the text, for messages.

    Raises:
        TypeError: an argument has another type than listed here.
        InventoryError: every problem of the text, without repeating a secret.
    """
    require_texts(text=text)
    require_names(types)
    require_credential(credential)
    require_options(options or {})
    wrong: tuple[str, ...]
    try:
        return read_target(text, types=types, credential=credential, options=options or {}, words=words)
    except Wrong as error:
        wrong = error.messages
    raise InventoryError(Problem(f"target {_label(text)}: {message}") for message in wrong)


def read_target(
    text: str,
    *,
    types: Sequence[str] = (),
    credential: Credential | None = None,
    options: Mapping[str, Any],
    source: str | None = None,
    words: Words = IN_INVENTORY,
) -> list[Target]:
    """Read a target as :func:`parse_target` does, for a caller that adds the place in a file.

    Raises:
        Wrong: all problems of the text.
    """
    if (plain := _plain_url(text, source)) and not (types or credential or options):
        return [plain]
    text = text.strip(" ")
    if len(text) > _LONGEST:
        raise Wrong(f"it is longer than {_LONGEST} characters")
    if not text.isprintable():
        raise Wrong("it contains a control or invisible character")
    try:
        return _read(text, types, credential, options, source, words)
    except Wrong:
        if written := in_other_notation(text):
            raise Wrong(written) from None
        raise


def _plain_url(text: str, source: str | None) -> Target | None:
    """Return the target of a URL without any detail, at a third of the usual time; None if the URL is no such one."""
    url = _PLAIN_URL.fullmatch(text)
    row = catalogue().get(url[1]) if url else None
    if url is None or row is None or row.broken or len(url[2]) > LONGEST_NAME or read_path(row, ""):
        return None
    port = int(url[3]) if url[3] else None
    if not (port or row.port):
        return None
    try:
        row.check(url[2], {})
    except Wrong:
        return None
    return Target(url[2], row.name, port or row.port, source=source, explicit_port=port is not None)


def in_other_notation(text: str) -> str:
    """Return the sentence that says how a target in another tool's notation is written here; empty if it is in none.

    The sentence repeats no user name and no secret.
    """
    if len(text) > _LONGEST:
        return ""
    return hint(text, (notation for row in catalogue() for notation in row.notations))


def _read(
    text: str,
    types: Sequence[str],
    credential: Credential | None,
    options: Mapping[str, Any],
    source: str | None,
    words: Words,
) -> list[Target]:
    rows = [type_row(name) for name in types]
    if "://" not in text:
        if len(rows) != 1:
            return _without_type(text, rows, credential, options, source, words)
        text = f"{rows[0].name}://{text}"
    url = _URL.fullmatch(text)
    if url is None:
        raise Wrong(f"this is not a target; {EXAMPLES}")
    if url[1].lower() == ANY:
        return _without_type(text.partition("://")[2], rows, credential, options, source, words)
    row = type_row(url[1].lower())
    if rows and row not in rows:
        raise Wrong(f"the URL says `{row.name}`, but {words.types} {', '.join(f'`{other.name}`' for other in rows)}")
    complaints = Complaints()
    if url[5] is not None:
        complaints.messages.append("`#` is not allowed in a target; write `%23` if it belongs to a name")
    host, port, user = "", None, None
    with complaints.collected():
        host, port, user = _authority(url[2], text, words)
    if user is not None:
        with complaints.collected():
            credential = _with_user(credential, user)
    elif credential is not None and not credential.username:
        complaints.messages.append(f"a password is given without a user name; add {words.user}")
    asked: dict[str, Any] = dict(options)
    with complaints.collected():
        asked |= _path_and_query(row, url[3], url[4], words)
    with complaints.collected():
        refuse_unknown([row], options, words)
    complaints.settle()
    return expand(host, [row], port, asked, credential, source=source)


def _without_type(
    text: str,
    rows: list[TargetType],
    credential: Credential | None,
    options: Mapping[str, Any],
    source: str | None,
    words: Words,
) -> list[Target]:
    if "@" in text:
        raise Wrong(f"a user name needs a type before it, as in TYPE://USER@HOST; {EXAMPLES}")
    if re.search(r"[/?#\\]", text):
        network = f"{words.network}; " if re.search(r"/\d+$", text) else ""
        raise Wrong(f"{network}a path or an option needs a type before it; {EXAMPLES}")
    if credential is not None and not credential.username:
        raise Wrong(f"a password is given without a user name; add {words.user}")
    refuse_unknown(rows or catalogue().guessed, options, words)
    try:
        host, port = host_and_port(text)
    except Wrong as wrong:
        raise Wrong(*(f"{message}; {EXAMPLES}" for message in wrong.messages)) from None
    return expand(host, rows, port, options, credential, source=source)


def expand(
    host: str,
    rows: Sequence[TargetType],
    port: int | None,
    options: Mapping[str, Any],
    credential: Credential | None,
    *,
    tags: tuple[str, ...] = (),
    source: str | None = None,
) -> list[Target]:
    """Return one target per type; no ``rows`` means every type. ``host`` is already normalised.

    Raises:
        Wrong: an option has an invalid value, or no port is given for a type that has none.
    """
    complaints = Complaints()
    found: list[Target] = []
    for row in rows or every_type(port):
        with complaints.collected():
            own = options_for(row, options) if options else _NO_OPTIONS
            row.check(host, own)
            used = port_of_target(row, port)
            found.append(Target(host, row.name, used, own, credential, tags, source, port is not None, not rows))
    complaints.settle()
    return found


def of_any_type(tries: Sequence[Target]) -> Target:
    """Return the one target that represents a host without a type; ``tries`` are the targets of its types."""
    first = tries[0]
    options = {name: value for one in tries for name, value in one.options.items()}
    port = first.port if first.explicit_port else 0
    return dataclasses.replace(first, type=ANY, port=port, options=options, guessed=False, tries=tuple(tries))


def every_type(port: int | None) -> Sequence[TargetType]:
    """Return all types that a host can be scanned as; on a given port the likeliest first.

    First come the types with this default port. Then come types whose server speaks first,
    since a check of them sends no foreign bytes; among these, first the types that ban a
    client for connections that end early. The rest follow.
    """
    guessed = catalogue().guessed
    if port is None:
        return guessed
    return sorted(guessed, key=lambda row: (row.port != port, not row.server_first, not row.counts_hang_ups))


def _authority(authority: str, text: str, words: Words) -> tuple[str, int | None, str | None]:
    """Split ``user@host:port``; refuse a password in it."""
    userinfo, at, place = authority.rpartition("@")
    if ":" in userinfo:
        raise Wrong(_PASSWORD_REFUSED + words.password)
    port = "" if place.startswith("[") else place.partition(":")[2]
    if port and not port.isdigit() and "@" in text:
        raise Wrong(_PASSWORD_REFUSED + words.password)  # a password with a slash in it ends the authority early
    host, number = host_and_port(place)
    if not at:
        return host, number, None
    user = decoded("the user name", userinfo)
    if not user:
        raise Wrong("the user name before `@` is empty")
    return host, number, user


def _with_user(credential: Credential | None, user: str) -> Credential:
    if credential is None:
        return Credential(user, user)
    if not credential.username:
        return dataclasses.replace(credential, name=user, username=user)
    if credential.username != user:
        raise Wrong(
            f"the user names differ: {shown(user)} in the target, {shown(credential.username)} in the credential"
        )
    return credential


def _path_and_query(row: TargetType, path: str, query: str | None, words: Words) -> dict[str, Any]:
    if row.broken:
        return _not_judged(path, query)
    complaints = Complaints()
    found: dict[str, Any] = {}
    aliases = {alias: option.name for option in row.options for alias in option.aliases}
    with complaints.collected():
        found |= read_path(row, path)
    for part in (query or "").split("&"):
        if not part:
            continue
        name, equals, value = part.partition("=")
        name = aliases.get(name, name)
        with complaints.collected():
            refuse_unknown([row], [name], words)
            if not equals:
                raise Wrong(f"`{name}` has no value: write `{name}=VALUE`")
            if name in found:
                raise Wrong(f"`{name}` is given twice: remove one")
            found[name] = decoded(f"`{name}`", value)
    complaints.settle()
    return found


def _not_judged(path: str, query: str | None) -> dict[str, Any]:
    """Return path and query as written, for a type whose plug-in is broken; they distinguish its targets."""
    parts = (part.partition("=") for part in (query or "").split("&") if part)
    return {**({"path": path} if path.strip("/") else {}), **{name: value for name, _, value in parts}}


def _label(text: str) -> str:
    """Return the target for a message, without parts that may be secret: before ``@``, after ``?`` or ``name=``."""
    scheme, separator, rest = text.strip(" ").partition("://")
    if not separator:
        scheme, rest = "", scheme
    if "@" in text and "?" in text:
        rest = "…"
    elif "@" in text:
        rest = "…@" + re.split(r"[/#]", rest.rpartition("@")[2])[0]
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*|jdbc:[A-Za-z0-9-]+", scheme) is not None
    return shown((scheme if plain else "") + separator + _SETTINGS.split(rest, maxsplit=1)[0])
