"""Read the login schemes that an answer offers (RFC 9110, 11.6.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .answer import Response


@dataclass(frozen=True, slots=True)
class Challenge:
    """Hold one login scheme that a server (or, with ``proxy``, a proxy) offers (RFC 9110, 11.6.1).

    ``params`` have lower-case names; ``token`` is the bare base64 that NTLM and Negotiate carry instead.
    """

    scheme: str
    params: Mapping[str, str] = field(default_factory=dict)
    token: str = ""
    proxy: bool = False


_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
#: List elements: commas inside quoted strings do not part them; a quote that is never closed runs to the end.
_ELEMENT = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*+"?)++', re.DOTALL)
_PARAM = re.compile(rf'({_TOKEN})[ \t]*=[ \t]*("(?:[^"\\]|\\.)*+"?|[^\s"=]+)[ \t]*', re.DOTALL)
_SCHEME = re.compile(rf"({_TOKEN})(?:[ \t]+(.*))?", re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"?', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def challenges(response: Response) -> list[Challenge]:
    """Return the challenges in WWW-Authenticate and Proxy-Authenticate, in order, without those that are invalid."""
    found: list[Challenge] = []
    for name, proxy in (("www-authenticate", False), ("proxy-authenticate", True)):
        for value in response.all(name):
            found.extend(_challenges(value, proxy=proxy))
    return found


def _challenges(value: str, *, proxy: bool) -> Iterator[Challenge]:
    """Parse one field: a comma parts challenges and parameters alike, so what an element is shows in the element."""
    scheme, token, params = "", "", dict[str, str]()
    for element in (match[0].strip() for match in _ELEMENT.finditer(value)):
        if scheme and (param := _PARAM.fullmatch(element)):
            params.setdefault(param[1].lower(), _unquoted(param[2]))
        elif opening := _SCHEME.fullmatch(element):
            if scheme:
                yield Challenge(scheme, params, token, proxy)
            scheme, token, params = opening[1], "", {}
            first = (opening[2] or "").strip()
            if param := _PARAM.fullmatch(first):
                params[param[1].lower()] = _unquoted(param[2])
            else:
                token = first
    if scheme:
        yield Challenge(scheme, params, token, proxy)


def _unquoted(value: str) -> str:
    quoted = _QUOTED.fullmatch(value)
    return _ESCAPED.sub(r"\1", quoted[1]) if quoted else value
