"""What outgoing connections start from: source ports below 1024 for NFS, the ephemeral range, and open files."""

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
    """Bind to such a port, without connecting anywhere: that is all the proof there is."""
    answers: list[Answer] = []
    with Line("source ports < 1024", answers) as line:
        with sockets.tcp(socket.AF_INET, privileged=True) as sock:
            port = sockets.source_port(sock)
        if port:
            line.ok(f"can be used (bound to {port}), as {_who()} servers demand by default", bound=port)
        elif hasattr(os, "geteuid") and os.geteuid() != 0:
            line.skip(f"not for this user; only {_who()} servers demand them, and a scanner that runs as root has them")
        elif asked.named_types and not any(row.privileged for row in asked.named_types):
            line.skip("cannot be used here; none of these targets needs them")
        else:
            detail = f"a port below 1024 cannot be bound, although this is the administrator; needed for {_who()}"
            line.warn(causes.NO_PRIVILEGED_PORTS, detail)
    return answers


def _who() -> str:
    """The types whose servers take no other source ports by default."""
    return ", ".join(row.name for row in catalogue() if row.privileged)


async def look_at_range(asked: Asked) -> list[Answer]:
    """Compare the kernel's range with what is in use of it."""
    answers: list[Answer] = []
    with Line("ephemeral ports", answers) as line:
        bounds, open_ = proc.local_port_range(), proc.tcp_sockets()
        if bounds is None or open_ is None:
            line.skip("not known on this platform")
            return answers
        first, last = bounds
        used = len({entry.port for entry in open_ if first <= entry.port <= last and entry.state != proc.LISTEN})
        free = last - first + 1 - used
        said = f"{first} to {last}: {last - first + 1}, of which {used} are in use"
        facts = {"first": first, "last": last, "in_use": used}
        if free < _LEAST_FREE:
            fix = _WIDEN() if last - first + 1 < _LEAST_FREE else None
            line.warn(causes.FEW_PORTS, f"{said}; {free} are left", fix, **facts)
        else:
            line.ok(said, **facts)
    return answers


async def look_at_descriptors(asked: Asked) -> list[Answer]:
    """Judge the hard limit: up to that we raise the soft one ourselves."""
    answers: list[Answer] = []
    with Line("open files", answers) as line:
        limits = open_files.limits()
        if limits is None:
            line.skip("this platform sets no limit of open files")
            return answers
        soft, hard = limits
        facts = {"soft": soft, "hard": hard}
        possible = CONCURRENCY if hard == -1 else min(CONCURRENCY, open_files.targets_at_once(hard))
        shown = "no limit" if hard == -1 else f"{hard} at the most"
        said = f"{'no limit' if soft == -1 else soft}, {shown}: {possible} targets at once"
        if possible < _FEW_TARGETS:
            line.warn(causes.FEW_DESCRIPTORS, said, _MORE_FILES(), **facts)
        else:
            line.ok(said, **facts)
    return answers
