"""Reading an export: the walk there over NFSv4, or mount, read and unmount over NFSv3; without state at the server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ..causes import nfs as causes
from ..explain import Failure
from ..probe import Probe
from ..stream import StreamError
from ..wire import WireError
from ..wire.rpc import message, mount, nfs3, nfs4
from . import nfs_refusals as refusals
from .nfs import identity
from .nfs_refusals import Wish
from .nfs_v3 import ThirdVersion
from .rpc_services import MOUNTD
from .rpc_talk import Calls, Talk

T = TypeVar("T")

#: Seconds between asking again where a server says "later" (the Linux client begins with a tenth of a second, too).
_PAUSES = (0.1, 0.4, 1.0)


async def read_v4(probe: Probe, calls: Calls, path: str, third: ThirdVersion | None) -> str:
    """Walk to the export and read the first names in it.

    Returns:
        what was read.

    Raises:
        Failure: not to be had, and why; ``access.denied`` if it is there.
    """
    credential, uid = identity(probe)
    wish = Wish(probe, path, calls, third.exports if third else None, uid)
    walk = [nfs4.ROOT, *map(nfs4.lookup, refusals.parts(path))]

    async def ask(*operations: bytes) -> nfs4.Result:
        async def once() -> tuple[int, nfs4.Result]:
            arguments = nfs4.compound(0, *operations)
            reply = await calls.call(nfs4.PROGRAM, nfs4.VERSION, nfs4.COMPOUND, arguments, credential)
            if reply.state is not message.State.SUCCESS:
                raise refusals.of_call(probe, calls, reply)
            result = nfs4.parse(reply.results)
            return result.status, result

        return await _patiently(once)

    found = await ask(*walk, nfs4.ACCESS)
    if found.status != nfs4.OK:
        lost_at_root = found.status == nfs4.NOENT and found.done == 1
        visible = (await ask(nfs4.ROOT, nfs4.READDIR)).names if lost_at_root else ()
        raise wish.of_walk(found, visible)
    if not found.access & nfs4.READ:
        raise wish.unreadable()
    listing = await ask(*walk, nfs4.READDIR)
    if listing.status == nfs4.NOTDIR:
        return f"may read the file {path} over NFSv4"
    if listing.status != nfs4.OK:
        raise wish.of_walk(listing)
    if not found.access & nfs4.LOOKUP_ALLOWED:
        raise wish.unreadable(f"uid {uid} may list {path}, and open nothing in it")
    first = listing.names[0] if listing.names else "which is empty"
    return f"read the directory {path} over NFSv4 ({first})"


async def read_v3(probe: Probe, calls: Calls, path: str, third: ThirdVersion) -> str:
    """Mount, read the first names, unmount. A granted mount alone proves nothing (measured: NFS-Ganesha).

    Returns:
        what was read.

    Raises:
        Failure: not to be had, and why; ``access.denied`` if it is there.
    """
    daemon = third.mountd
    assert daemon is not None, "asked only where there is a mount daemon"
    assert daemon.calls is not None, "kept for this"
    credential, uid = identity(probe)
    wish = Wish(probe, path, calls, third.exports, uid)
    argument = mount.path(path)
    daemon.mounted = argument, credential  # from the question on: its answer may come too late for us
    reply = await daemon.calls.call(MOUNTD, mount.VERSION, mount.MNT, argument, credential)
    if reply.state is not message.State.SUCCESS:
        daemon.mounted = None
        raise refusals.of_call(probe, daemon.calls, reply)
    mounted = mount.parse_mounted(reply.results)
    if mounted.status != mount.OK:
        daemon.mounted = None
        raise wish.of_mount(mounted.status)
    try:
        refusals.refuse_kerberos_only(mounted.flavors)
        return await _read_mounted(wish, mounted.handle, credential)
    finally:
        if not isinstance(daemon.calls, Talk):  # a connection has its farewell for that
            with contextlib.suppress(StreamError, WireError, OSError):
                await daemon.calls.call(MOUNTD, mount.VERSION, mount.UMNT, argument, credential)


async def _read_mounted(wish: Wish, handle: bytes, credential: bytes) -> str:
    async def ask(procedure: int, arguments: bytes, parse: Callable[[bytes], tuple[int, T]]) -> tuple[int, T]:
        async def once() -> tuple[int, tuple[int, T]]:
            reply = await wish.calls.call(nfs3.PROGRAM, nfs3.VERSION, procedure, arguments, credential)
            if reply.state is not message.State.SUCCESS:
                raise refusals.of_call(wish.probe, wish.calls, reply)
            result = parse(reply.results)
            return result[0], result

        return await _patiently(once)

    status, granted = await ask(nfs3.ACCESS, nfs3.access(handle), nfs3.parse_access)
    if status != nfs3.OK:
        raise _refused(wish, status)
    if not granted & nfs3.READ:
        raise wish.unreadable()
    status, first = await ask(nfs3.READDIR, nfs3.readdir(handle), nfs3.parse_readdir)
    if status == nfs3.NOTDIR:
        return f"mounted {wish.path} over NFSv3: a file that may be read"
    if status != nfs3.OK:
        raise _refused(wish, status)
    if not granted & nfs3.LOOKUP:
        raise wish.unreadable(f"uid {wish.uid} may list {wish.path}, and open nothing in it")
    return f"mounted {wish.path} over NFSv3 and read it ({first or 'which is empty'})"


def _refused(wish: Wish, status: int) -> Failure:
    """Mounted, and NFS itself refuses."""
    if status in (nfs3.ACCES, nfs3.PERM) and not wish.calls.privileged:
        return Failure(causes.UNPRIVILEGED_PORT, "mounted, and NFS refuses; the source port was not below 1024")
    if status == nfs3.ACCES:
        return wish.unreadable()
    return Failure(causes.REFUSED, f"mounted, and NFS answers with status {status}")


async def _patiently(ask: Callable[[], Awaitable[tuple[int, T]]]) -> T:
    """Ask again while the status is "later".

    Raises:
        Failure: ``nfs.busy``.
    """
    for pause in (*_PAUSES, 0.0):
        status, answer = await ask()
        if status not in (nfs4.DELAY, nfs3.JUKEBOX):
            return answer
        await asyncio.sleep(pause)
    raise Failure(causes.BUSY, f"asked {len(_PAUSES) + 1} times")
