"""NFS on its own port: which versions are there, and what an export says to this agent."""

from __future__ import annotations

import os
from dataclasses import dataclass

from .. import fixes
from ..causes import common
from ..causes import nfs as causes
from ..explain import Failure
from ..probe import Probe
from ..wire.rpc import message, mount, nfs3, nfs4
from .nfs_v3 import ThirdVersion
from .rpc_services import MOUNTD
from .rpc_talk import Talk

_THIRD, _FOURTH = 3, 4


@dataclass(slots=True)
class Offered:
    """The versions that answered on the port, as administrators write them: 3, 4.0, 4.1, 4.2."""

    versions: tuple[str, ...]
    said: str = ""

    def has(self, version: int) -> bool:
        """Whether any of that major version answered."""
        return any(offered.startswith(str(version)) for offered in self.versions)


def identity(probe: Probe) -> tuple[bytes, int]:
    """The Unix credential to ask with, and its uid: the operator's, or this process's own."""
    own = getattr(os, "geteuid", lambda: 0)(), getattr(os, "getegid", lambda: 0)()
    uid, gid = probe.target.options.get("uid", own[0]), probe.target.options.get("gid", own[1])
    return message.auth_sys(probe.around.agent.name, uid, gid), uid


async def versions(probe: Probe, talk: Talk) -> Offered:
    """Ask for every version; leaves no state at the server.

    Raises:
        Failure: the program is not NFS, or refuses.
    """
    credential, _ = identity(probe)
    found: list[str] = []
    said = ""
    for version in (2, 3, 4):
        reply = await talk.call(nfs4.PROGRAM, version, 0)
        if reply.state is message.State.SUCCESS:
            found += await _minors(talk, credential) if version == _FOURTH else [str(version)]
        elif reply.state is message.State.VERSION_MISMATCH:
            said = f"offers {reply.low} to {reply.high}"
        else:
            raise Failure(causes.REFUSED, f"NFS version {version}: {reply.state}")
    return Offered(tuple(found), said)


async def _minors(talk: Talk, credential: bytes) -> list[str]:
    """A question in each minor version; 4.1 and later want a session first, and say so: that is an answer too."""
    found = []
    for minor in nfs4.MINORS:
        arguments = nfs4.compound(minor, nfs4.ROOT, nfs4.ATTRIBUTES)
        reply = await talk.call(nfs4.PROGRAM, nfs4.VERSION, nfs4.COMPOUND, arguments, credential)
        if reply.state is message.State.AUTH_ERROR or (
            reply.state is message.State.SUCCESS and nfs4.parse(reply.results).status != nfs4.MINOR_MISMATCH
        ):
            found.append(f"4.{minor}")
    return found


@dataclass(slots=True)
class Read:
    """What reading an export came to: in which words, and with which flavors."""

    summary: str
    flavors: tuple[int, ...]
    denied: Failure | None = None


async def read_v4(probe: Probe, talk: Talk, path: str, third: ThirdVersion | None) -> Read:
    """Walk to the export and read the first names in it, in one breath, without state at the server.

    Raises:
        Failure: not to be had, and why.
    """
    credential, _ = identity(probe)
    parts = [part for part in path.split("/") if part]
    walk = [nfs4.ROOT, *map(nfs4.lookup, parts)]

    async def ask(*operations: bytes) -> nfs4.Result:
        arguments = nfs4.compound(0, *operations)
        reply = await talk.call(nfs4.PROGRAM, nfs4.VERSION, nfs4.COMPOUND, arguments, credential)
        if reply.state is not message.State.SUCCESS:
            raise _refused(talk, reply)
        return nfs4.parse(reply.results)

    flavors: tuple[int, ...] = ()
    if parts:
        security = await ask(*walk[:-1], nfs4.secinfo(parts[-1]))
        flavors = security.flavors
        if security.status == nfs4.OK and message.AUTH_SYS not in flavors:
            raise Failure(causes.KERBEROS_ONLY, f"takes {flavor_names(flavors)}", flavors=flavor_names(flavors))
    found = await ask(*walk, nfs4.ACCESS)
    if found.status != nfs4.OK:
        raise _status(probe, talk, path, found.status, third)
    if not found.access & (nfs4.READ | nfs4.LOOKUP_ALLOWED):
        return Read("", flavors, _unreadable(probe, path))
    listing = await ask(*walk, nfs4.READDIR)
    if listing.status == nfs4.NOTDIR:
        return Read(f"{path}, a file, may be read", flavors)
    if listing.status != nfs4.OK:
        return Read("", flavors, _unreadable(probe, path))
    first = listing.names[0] if listing.names else "which is empty"
    return Read(f"read the directory {path} over NFSv4 ({first})", flavors)


async def read_v3(probe: Probe, talk: Talk, path: str, third: ThirdVersion) -> Read:
    """Mount, read the first names, unmount. A granted mount alone proves nothing (measured: NFS-Ganesha).

    Raises:
        Failure: not to be had, and why.
    """
    credential, _ = identity(probe)
    assert third.mountd is not None
    daemon = Talk(await probe.dial(probe.address or probe.host, third.mountd.port, privileged=True))
    argument = mount.path(path if path.startswith("/") else f"/{path}")
    reply = await daemon.call(MOUNTD, mount.VERSION, mount.MNT, argument, credential)
    if reply.state is not message.State.SUCCESS:
        raise _refused(daemon, reply)
    mounted = mount.parse_mounted(reply.results)
    if mounted.status != mount.OK:
        raise _status(probe, daemon, path, mounted.status, third)
    try:
        if message.AUTH_SYS not in mounted.flavors and mounted.flavors:
            names = flavor_names(mounted.flavors)
            raise Failure(causes.KERBEROS_ONLY, f"takes {names}", flavors=names)
        return await _read_mounted(probe, talk, path, mounted, credential)
    finally:
        await daemon.call(MOUNTD, mount.VERSION, mount.UMNT, argument, credential)
        await probe.leave(daemon.stream)


async def _read_mounted(probe: Probe, talk: Talk, path: str, mounted: mount.Mounted, credential: bytes) -> Read:
    reply = await talk.call(nfs3.PROGRAM, nfs3.VERSION, nfs3.ACCESS, nfs3.access(mounted.handle), credential)
    if reply.state is not message.State.SUCCESS:
        raise _refused(talk, reply)
    status, granted = nfs3.parse_access(reply.results)
    if status != nfs3.OK:
        raise Failure(causes.REFUSED, f"mounted, and NFS answers with status {status}")
    if not granted & (nfs3.READ | nfs3.LOOKUP):
        return Read("", mounted.flavors, _unreadable(probe, path))
    reply = await talk.call(nfs3.PROGRAM, nfs3.VERSION, nfs3.READDIR, nfs3.readdir(mounted.handle), credential)
    if reply.state is not message.State.SUCCESS:
        raise _refused(talk, reply)
    status, first = nfs3.parse_readdir(reply.results)
    if status == nfs3.NOTDIR:
        return Read(f"{path}, a file, may be read", mounted.flavors)
    if status != nfs3.OK:
        return Read("", mounted.flavors, _unreadable(probe, path))
    return Read(f"mounted {path} over NFSv3 and read it ({first or 'which is empty'})", mounted.flavors)


def flavor_names(flavors: tuple[int, ...]) -> str:
    """As exports write them: sys, krb5, krb5i, krb5p."""
    known = {0: "none", 1: "sys", 6: "krb5", 390003: "krb5", 390004: "krb5i", 390005: "krb5p"}
    return ", ".join(dict.fromkeys(known.get(number, str(number)) for number in flavors)) or "no flavor at all"


def _refused(talk: Talk, reply: message.Reply) -> Failure:
    """A refusal of the call itself: by its credential, or by the port it came from."""
    if reply.state is message.State.AUTH_ERROR:
        said = message.AUTH_REFUSALS.get(reply.auth, f"auth_stat {reply.auth}")
        return Failure(causes.AUTH_TOO_WEAK if talk.stream.privileged else causes.UNPRIVILEGED_PORT, said)
    return Failure(causes.REFUSED, str(reply.state))


def _status(probe: Probe, talk: Talk, path: str, status: int, third: ThirdVersion | None) -> Failure:
    """A refusal of the path: what it means depends on whether the path is known to be exported."""
    fix = fixes.nfs_export(path, probe.agent_address)
    if status == nfs4.WRONGSEC:
        return Failure(causes.KERBEROS_ONLY, "wants another security flavor than sys (NFS4ERR_WRONGSEC)")
    exports = (third.exports if third else None) or ()
    listed = next((export for export in exports if path == export.path), None)
    detail = f"status {status} for {path}"
    if listed is not None:
        detail = f"{path} is exported to {', '.join(listed.groups) or 'everybody'}, and refused to this agent"
    if not talk.stream.privileged:
        return Failure(causes.UNPRIVILEGED_PORT, f"{detail}; the source port was not below 1024")
    if listed is not None:
        return Failure(causes.NOT_FOR_AGENT, detail, fix)
    known = f"; it exports to this agent {', '.join(export.path for export in exports)}" if exports else ""
    if status in (mount.NOENT, nfs4.NOENT, mount.ACCES, mount.PERM):
        return Failure(causes.HIDDEN, f"{path} is not there, or not for this agent{known}", fix)
    if status == nfs3.NOTDIR:
        return Failure(common.ACCESS_NOT_FOUND, f"a part of {path} is not a directory")
    return Failure(causes.REFUSED, f"status {status} for {path}")


def _unreadable(probe: Probe, path: str) -> Failure:
    uid = identity(probe)[1]
    squashed = " (root is usually squashed to nobody: see root_squash)" if uid == 0 else ""
    detail = f"mounted, and uid {uid} may not read {path}{squashed}"
    return Failure(common.ACCESS_DENIED, detail, f"{fixes.nfs_export(path, probe.agent_address)[:-1]},no_root_squash)")


def unreachable(offered: Offered) -> Failure:
    """No version in which we could read."""
    detail = f"the server offers {', '.join(offered.versions)}; reading in NFSv4.1 and later needs a session"
    return Failure(common.LIMIT, f"{detail} at the server, which this tool does not open")
