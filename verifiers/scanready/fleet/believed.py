"""Believe what an agent says of its logins as far as it was asked: one that lies must not speak for others. No I/O."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from scanready.model import Target, bracketed
from scanready.wire.printable import visible

from .login_end import End, LoginEnd

#: The places of an earlier run, which need not be among those that were asked for now.
_OF_EARLIER = (End.EARLIER, End.EARLIER_HERE)


def believed(told: Sequence[LoginEnd], asked: Iterable[Target]) -> tuple[list[LoginEnd], str]:
    """Return the ends of the logins that an agent was asked for, and a remark about what else it said.

    The remark is empty if there was nothing else. Hosts are in lower case. An end names no endpoint but that of its
    target: a withheld login names it as the place of the refusal.

    Args:
        asked: the targets of the batch.
    """
    endpoints: dict[tuple[str, str], set[str]] = {}
    for target in asked:
        if target.credential is not None:
            key = target.credential.name, target.host.casefold()
            endpoints.setdefault(key, set()).update(map(_endpoint, target.tries or (target,)))
    kept, odd = [], list[str]()
    for end in told:
        host = end.host.casefold()
        own = endpoints.get((end.credential, host))
        if own is None:
            odd.append(f"{visible(end.host, 80)} with {visible(end.credential, 80)}")
            continue
        if end.where and end.where not in own and end.end not in _OF_EARLIER:
            odd.append(f"{visible(end.where, 80)} as the place of {visible(end.host, 80)}")
        where, detail = end.where if end.where in own else "", visible(end.detail, 1000)
        kept.append(dataclasses.replace(end, host=host, where=where, detail=detail))
    return kept, f"{odd[0]}{f' and {len(odd) - 1} more' if odd[1:] else ''}" if odd else ""


def _endpoint(target: Target) -> str:
    """Return the place of a target, as the lockout guard names it."""
    host = bracketed(target.host)
    return f"{host}:{target.port}" if target.port else host
