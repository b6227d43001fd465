"""Check the resources of outgoing connections: source ports below 1024 (NFS), the ephemeral range, open files."""

from __future__ import annotations

import os
import socket

from scanready.causes import agent as causes
from scanready.net import open_files, sockets
from scanready.remedies.fixes import Fix, on_agent
from scanready.run.registry import catalogue
from scanready.run.settings import CONCURRENCY

from . import proc
from .question import Answer, Line
from .request import Asked

#: Fewer free source ports than this, towards one place, and a run's own connections may not find one.
_LEAST_FREE = 2 * CONCURRENCY
#: Fewer targets at once make a large inventory with silent hosts slow: each keeps a place for its whole time.
_FEW_TARGETS = 200
#: A line of the service.
_MORE_FILES = Fix(
    f"LimitNOFILE={_FEW_TARGETS * 20}",
    at=on_agent("in the [Service] section of the unit that runs the scanner (systemctl edit)"),
)
_WIDEN = Fix("net.ipv4.ip_local_port_range = 32768 60999", at=on_agent("in /etc/sysctl.conf; then run sysctl -p"))


async def look_below_1024(asked: Asked) -> list[Answer]:
    """Bind to a source port below 1024 without connecting; a successful bind is the proof."""
    answers: list[Answer] = []
    with Line("source ports < 1024", answers) as line:
        with sockets.tcp(socket.AF_INET, privileged=True) as sock:
            port = sockets.source_port(sock)
        if port:
            line.ok(f"usable (bound to {port}); {_who()} servers require them by default", bound=port)
        elif hasattr(os, "geteuid") and os.geteuid() != 0:
            line.skip(
                f"not for this user; only {_who()} servers require them, and a scanner that runs as root can use them"
            )
        elif asked.named_types and not any(row.privileged for row in asked.named_types):
            line.skip("cannot be used here; none of these targets needs them")
        else:
            detail = (
                f"a port below 1024 cannot be bound, although this is the administrator; {_who()} servers require one"
            )
            line.warn(causes.NO_PRIVILEGED_PORTS, detail)
    return answers


def _who() -> str:
    """Return the types whose servers accept no other source ports by default."""
    return ", ".join(row.name for row in catalogue() if row.privileged)


async def look_at_range(asked: Asked) -> list[Answer]:
    """Compare the kernel's range of ephemeral ports with the ports in use."""
    answers: list[Answer] = []
    with Line("ephemeral ports", answers) as line:
        bounds, open_ = proc.local_port_range(), proc.tcp_sockets()
        if bounds is None or open_ is None:
            line.skip("scanready cannot read the range on this platform")
            return answers
        first, last = bounds
        used = len({entry.port for entry in open_ if first <= entry.port <= last and entry.state != proc.LISTEN})
        free = last - first + 1 - used
        summary = f"{first} to {last}: {last - first + 1} ports, {used} in use"
        facts = {"first": first, "last": last, "in_use": used}
        if free < _LEAST_FREE:
            fix = _WIDEN() if last - first + 1 < _LEAST_FREE else None
            line.warn(causes.FEW_PORTS, f"{summary}; {free} are free", fix, **facts)
        else:
            line.ok(summary, **facts)
    return answers


async def look_at_descriptors(asked: Asked) -> list[Answer]:
    """Judge the hard limit of open files; scanready raises the soft limit to it."""
    answers: list[Answer] = []
    with Line("open files", answers) as line:
        limits = open_files.limits()
        if limits is None:
            line.skip("this platform sets no limit of open files")
            return answers
        soft, hard = limits
        facts = {"soft": soft, "hard": hard}
        possible = CONCURRENCY if hard == -1 else min(CONCURRENCY, open_files.targets_at_once(hard))
        shown = ["none" if limit == -1 else str(limit) for limit in limits]
        summary = f"soft limit {shown[0]}, hard limit {shown[1]}: {possible} targets at once"
        if possible < _FEW_TARGETS:
            line.warn(causes.FEW_DESCRIPTORS, summary, _MORE_FILES(), **facts)
        else:
            line.ok(summary, **facts)
    return answers
