"""Read an export: LOOKUPs over NFSv4, or mount, read and unmount over NFSv3; no state is left on the server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe
from scanready.wire.rpc import message, mount, nfs3, nfs4

from . import causes, refusals
from .refusals import Wish
from .rpc_services import MOUNTD, Endpoint
from .rpc_talk import Calls, Datagrams, Talk, read
from .version3 import ThirdVersion
from .versions import compound, identity

T = TypeVar("T")

#: The most entries of a directory whose rights are tested, and entries that only root may read.
_MOST_LOOKED_INTO, _OF_ROOT_ONLY = 3, ("lost+found",)
#: Seconds before each new attempt while the server answers "later" (the Linux client also starts with 0.1).
_PAUSES = (0.1, 0.4, 1.0)
_DENIED_V4 = (nfs4.ACCES, nfs4.PERM)


async def read_v4(probe: Probe, calls: Calls, path: str, third: ThirdVersion | None) -> str:
    """Look up the export and read the first names in it.

    Returns:
        what was read, in words.

    Raises:
        Failure: the export cannot be read; ``access.denied`` if it exists.
    """
    credential, uid = identity(probe)
    wish = Wish(probe, path, calls, third.exports if third else None, uid)
    names = refusals.parts(path)
    walk = [nfs4.ROOT, *map(nfs4.lookup, names)]

    async def ask(*operations: bytes) -> nfs4.Result:
        return await _patiently(
            probe, lambda: compound(probe, calls, credential, *operations), lambda result: result.status
        )

    found = await ask(*walk, nfs4.ACCESS, nfs4.KIND)
    if found.status == nfs4.WRONGSEC and 0 < found.done <= len(names):
        security = await ask(*walk[: found.done], nfs4.secinfo(names[found.done - 1]))
        credential = refusals.credential_for(security.flavors, credential)
        found = await ask(*walk, nfs4.ACCESS, nfs4.KIND)
    if found.status != nfs4.OK:
        lost_at_root = found.status == nfs4.NOENT and found.done == 1
        visible = (await ask(nfs4.ROOT, nfs4.READDIR)).names if lost_at_root else None
        raise wish.of_walk(found, visible or ())
    if found.kind == nfs4.LINK:
        raise Failure(common.LIMIT, f"{path} is a symbolic link, which was not followed")
    if not found.access & nfs4.READ:
        raise wish.unreadable()
    if found.kind == nfs4.REGULAR:
        return f"may read the file {path} over NFSv4"
    listing = await ask(*walk, nfs4.READDIR)
    if listing.status != nfs4.OK:
        raise wish.of_walk(listing)
    if not found.access & nfs4.LOOKUP_ALLOWED:
        raise wish.unreadable(f"uid {uid} may list {path}, but may not open anything in it")

    async def readable(name: str) -> bool:
        entry = await compound(probe, calls, credential, *walk, nfs4.lookup(name), nfs4.ACCESS)
        return bool(entry.access & nfs4.READ) if entry.status == nfs4.OK else entry.status not in _DENIED_V4

    return f"read the directory {path} over NFSv4 ({await _looked_into(wish, listing.names or (), readable)})"


async def read_v3(probe: Probe, calls: Calls, path: str, third: ThirdVersion) -> str:
    """Mount, read the first names, unmount; a granted mount by itself proves nothing (measured: NFS-Ganesha).

    Returns:
        what was read, in words.

    Raises:
        Failure: the export cannot be read; ``access.denied`` if it exists.
    """
    daemon = third.mountd
    assert daemon is not None, "called only if there is a mount daemon"
    credential, uid = identity(probe)
    wish = Wish(probe, path, calls, third.exports, uid)
    if daemon.calls is None:
        host = probe.address or probe.host
        daemon.calls = Talk(await probe.dial(host, daemon.port, daemon.unmount, privileged=True))
    try:
        return await _mount_and_read(wish, daemon, daemon.calls, credential)
    finally:
        if isinstance(daemon.calls, Datagrams) and daemon.mounted:  # over TCP, the connection's close does this
            daemon.calls.tell(MOUNTD, mount.VERSION, mount.UMNT, *daemon.mounted)


async def _mount_and_read(wish: Wish, daemon: Endpoint, calls: Calls, credential: bytes) -> str:
    argument = mount.path(wish.path)
    daemon.mounted = argument, credential  # set before the call, since the answer may arrive after the deadline
    reply = await calls.call(MOUNTD, mount.VERSION, mount.MNT, argument, credential)
    if reply.state is not message.State.SUCCESS:
        daemon.mounted = None
        raise refusals.of_call(wish.probe, calls, reply)
    mounted = read(mount.parse_mounted, reply)
    if mounted.status != mount.OK:
        daemon.mounted = None
        raise wish.of_mount(mounted.status)
    return await _read_mounted(wish, mounted.handle, refusals.credential_for(mounted.flavors, credential))


async def _read_mounted(wish: Wish, handle: bytes, credential: bytes) -> str:
    async def ask(procedure: int, arguments: bytes, parse: Callable[[bytes], tuple[int, T]]) -> tuple[int, T]:
        async def once() -> tuple[int, T]:
            reply = await wish.calls.call(nfs3.PROGRAM, nfs3.VERSION, procedure, arguments, credential)
            if reply.state is not message.State.SUCCESS:
                raise refusals.of_call(wish.probe, wish.calls, reply)
            return read(parse, reply)

        return await _patiently(wish.probe, once, lambda result: result[0])

    status, granted = await ask(nfs3.ACCESS, nfs3.access(handle), nfs3.parse_access)
    if status != nfs3.OK:
        raise wish.of_reading(status)
    if not granted & nfs3.READ:
        raise wish.unreadable()
    status, names = await ask(nfs3.READDIR, nfs3.readdir(handle), nfs3.parse_readdir)
    if status == nfs3.NOTDIR:
        return f"mounted {wish.path} over NFSv3: a file that this user may read"
    if status != nfs3.OK:
        raise wish.of_reading(status)
    if not granted & nfs3.LOOKUP:
        raise wish.unreadable(f"uid {wish.uid} may list {wish.path}, but may not open anything in it")

    async def readable(name: str) -> bool:
        result, entry = await ask(nfs3.LOOKUP_NAME, nfs3.lookup(handle, name), nfs3.parse_lookup)
        if result == nfs3.OK:
            result, bits = await ask(nfs3.ACCESS, nfs3.access(entry), nfs3.parse_access)
            return result != nfs3.OK or bool(bits & nfs3.READ)
        return result not in (nfs3.ACCES, nfs3.PERM)

    return f"mounted {wish.path} over NFSv3 and read it ({await _looked_into(wish, names, readable)})"


async def _looked_into(wish: Wish, names: tuple[str, ...], readable: Callable[[str], Awaitable[bool]]) -> str:
    """Find one entry that is not denied to this user: the right to list a directory does not include its files.

    Returns:
        a description of the directory's entries.

    Raises:
        Failure: ``access.denied`` if all of the first entries are denied.
    """
    looked = [name for name in names if name not in _OF_ROOT_ONLY][:_MOST_LOOKED_INTO]
    for name in looked:
        try:
            may_be_read = await readable(name)
        except Failure:  # for example a nested export with other flavors; only the parent has to be readable
            may_be_read = True
        if may_be_read:
            return f"entry: {name}"
    if looked:
        some = f"the first {len(looked)} entries" if len(looked) > 1 else "its one entry"
        raise wish.unreadable(f"uid {wish.uid} may list {wish.path} but may not read {some}: {', '.join(looked)}")
    return f"entry: {names[0]}" if names else "empty"


async def _patiently(probe: Probe, ask: Callable[[], Awaitable[T]], status_of: Callable[[T], int]) -> T:
    """Repeat a call while the server answers "later".

    Raises:
        Failure: ``nfs.busy``.
    """
    for pause in (*_PAUSES, 0.0):
        answer = await ask()
        if status_of(answer) not in nfs4.LATER:  # NFSv3's JUKEBOX has the number of DELAY
            return answer
        await asyncio.sleep(min(pause, probe.remaining))
    raise Failure(causes.BUSY, f'the server answered "later" {len(_PAUSES) + 1} times')
