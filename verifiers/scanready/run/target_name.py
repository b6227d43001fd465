"""The name of a target: one URL, the same in every run, which no other target of a run has.

``scanready check NAME`` asks for that target again: ``NAME`` says type, user, host, port, path, and every option that
was set. It holds no secret: an option that may be one is masked.
"""

from __future__ import annotations

from collections.abc import Iterable

from scanready.catalogue import TargetType
from scanready.catalogue.url_path import as_text, encoded, write_path
from scanready.model import Target, bracketed
from scanready.redaction.options import options_shown
from scanready.wire.printable import visible

from .registry import catalogue

#: Stands for the type in the URL of a host without one: every type is tried there.
ANY = "any"
#: Characters of a name: a URL of the command line has at most 4096, a value of an inventory may need three for one.
LONGEST_NAME = 16_384
#: Characters that stand for themselves in a user name and in a value, beside letters and digits (RFC 3986, 3.2.1, 3.4).
_IN_USER, _IN_QUERY = "!$&'()*+,;=", "/:@,;!$'()*"


def name_of(target: Target) -> str:
    """Return the name of a target, such as ``postgresql://scan@db7:5432/hr?tls=true``."""
    row = catalogue().get(target.type)
    options = options_shown(target.options) if target.options and not target.tries else {}
    path, given = write_path(row, options) if row and options else ("", frozenset[str]())
    query = [(name, as_text(value)) for name, value in options.items() if name not in given]
    account = target.credential
    user = f"{encoded(account.username, _IN_USER)}@" if account is not None and account.username else ""
    return f"{target.type}://{user}{bracketed(target.host)}{_port(target, row)}{path}{_query(query)}"


def visible_name(target: Target) -> str:
    """Return the name for an output: harmless, and never cut as short as two names may be alike."""
    return visible(name_of(target), LONGEST_NAME)


def _port(target: Target, row: TargetType | None) -> str:
    """Nothing where a broker names the port: with one, the broker would not be asked."""
    brokers = row.brokers if row and not target.explicit_port else ()
    named_elsewhere = any(broker.names(target) for broker in brokers)
    return f":{target.port}" if target.port and not named_elsewhere else ""


def _query(pairs: Iterable[tuple[str, str]]) -> str:
    parts = [f"{encoded(name, _IN_QUERY)}={encoded(value, _IN_QUERY)}" for name, value in sorted(pairs)]
    return f"?{'&'.join(parts)}" if parts else ""
