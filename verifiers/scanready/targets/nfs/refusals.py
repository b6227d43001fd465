"""What a server's refusals mean: of a call, of a flavor, of a path."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe
from scanready.climb.rung import Rung
from scanready.remedies.fixes import together
from scanready.wire import UnknownValue
from scanready.wire.rpc import message, mount, nfs3, nfs4

from . import causes, fixes
from .rpc_talk import Calls

_FLAVORS = {
    0: "none",
    1: "sys",
    2: "short",
    3: "dh",
    6: "gss",
    390003: "krb5",
    390004: "krb5i",
    390005: "krb5p",
}
#: Exports that a detail quotes.
_MOST_QUOTED = 8
#: The same numbers in MOUNT, NFSv3 and NFSv4.
_STATUS = {
    10008: "NFS4ERR_DELAY",
    10013: "NFS4ERR_GRACE",
    1: "not permitted",
    5: "input/output error",
    70: "stale handle",
    10001: "bad handle",
    10006: "server fault",
}
#: What a client would get over, and we do not: no refusal of the server's.
_NOT_FOLLOWED = {
    nfs4.RESOURCE: "the path has more parts than the server takes at once (NFS4ERR_RESOURCE)",
    nfs4.MOVED: "its files are on another server (NFS4ERR_MOVED), which is to be a target of its own",
    nfs4.SYMLINK: "is a symbolic link, which was not followed",
}


def parts(path: str) -> list[str]:
    """The names on the way to a path."""
    return [part for part in path.split("/") if part]


def flavor_names(flavors: tuple[int, ...]) -> list[str]:
    """As exports write them: sys, krb5, krb5i, krb5p."""
    return list(dict.fromkeys(_FLAVORS.get(number, str(number)) for number in flavors))


def refuse_kerberos_only(flavors: tuple[int, ...]) -> None:
    """Check that a plain Unix user may come: ``none`` takes everybody, an empty list is of a server without flavors.

    Raises:
        Failure: ``nfs.kerberos-only``; ``scanready.limit`` for flavors that are not known here.
    """
    if flavors and not {0, message.AUTH_SYS} & set(flavors):
        names = flavor_names(flavors)
        if unknown := set(flavors) - set(_FLAVORS):
            raise Failure(common.LIMIT, str(UnknownValue("a flavor that it takes in place of sys", min(unknown))))
        raise Failure(causes.KERBEROS_ONLY, f"takes {', '.join(names)}", auth_methods=names)


def credential_for(flavors: tuple[int, ...], credential: bytes) -> bytes:
    """What to come with where these flavors are taken: as nobody, where that alone will do (sec=none).

    Raises:
        Failure: ``nfs.kerberos-only``.
    """
    refuse_kerberos_only(flavors)
    return message.AUTH_NONE if flavors and message.AUTH_SYS not in flavors else credential


def of_call(probe: Probe, calls: Calls, reply: message.Reply) -> Failure:
    """The refusal of a call itself: by its credential, or by the port it came from."""
    said = str(reply)
    if reply.state is not message.State.AUTH_ERROR or reply.auth not in message.AUTH_REFUSALS:
        return of_reply(reply, said)
    if reply.auth == message.BAD_CREDENTIAL:  # Linux, to who is in none of its exports (svcauth_unix_set_client)
        path = probe.target.options.get("export")
        fix = fixes.EXPORT(path=path, agent=probe.agent_address) if path else None
        return Failure(
            causes.NOT_FOR_AGENT, f"{said}: the server knows {probe.agent_address} in none of its exports", fix
        )
    if not calls.privileged:
        return Failure(causes.UNPRIVILEGED_PORT, said)
    return Failure(causes.AUTH_TOO_WEAK if reply.auth == message.TOO_WEAK else causes.REFUSED, said)


def of_reply(reply: message.Reply, detail: str) -> Failure:
    """Return the failure of a call that the server did not carry out, for no reason that names who must act."""
    if reply.state is message.State.AUTH_ERROR and reply.auth not in message.AUTH_REFUSALS:
        return Failure(common.LIMIT, str(UnknownValue("the reason why it rejects our credential", reply.auth)))
    return Failure(causes.REFUSED, detail)


@dataclass(frozen=True, slots=True)
class Wish:
    """A path that somebody is to read, and what is known about it.

    ``exports`` is the mount daemon's list, None if there is none; ``uid`` who asks.
    """

    probe: Probe
    path: str
    calls: Calls
    exports: tuple[mount.Export, ...] | None
    uid: int

    def unreadable(self, why: str = "") -> Failure:
        """It is there, and its mode bits (or what the server makes of root) keep this user out."""
        detail, fix = why or f"uid {self.uid} may not read {self.path}", None
        if self.uid == 0:
            detail += " (root is usually squashed to nobody: see root_squash)"
            path = self._listed.path if self._listed else self.path
            fix = fixes.EXPORT_TO_ROOT(path=path, agent=self.probe.agent_address)
        return Failure(common.ACCESS_DENIED, detail, fix)

    def of_mount(self, status: int) -> Failure:
        """A mount daemon's refusal."""
        if status == mount.NOENT:
            return Failure(common.ACCESS_NOT_FOUND, f"{self.path} does not exist on the server{self._known}")
        if status == mount.NOTDIR:
            return Failure(common.ACCESS_NOT_FOUND, f"{self.path} is not a directory, or a part of it is none")
        if status in (mount.ACCES, mount.PERM):
            return self._kept_out(f"MNT says {'ACCES' if status == mount.ACCES else 'PERM'}")
        return _refused(status, f"the mount daemon answers with {_status(status)} for {self.path}")

    def of_walk(self, found: nfs4.Result, visible: tuple[str, ...] = ()) -> Failure:
        """NFSv4's refusal on the way; ``visible`` are the names in its root, where that is how far it went."""
        names = parts(self.path)
        here = names[found.done - 1] if 0 < found.done <= len(names) else self.path if found.done else "/"
        if found.status == nfs4.WRONGSEC:
            return Failure(causes.KERBEROS_ONLY, f"{here} wants another flavor than sys (NFS4ERR_WRONGSEC)")
        if found.status == nfs4.NOTDIR:
            return Failure(common.ACCESS_NOT_FOUND, f"a part of {self.path} is not a directory")
        if found.status == nfs4.NOENT:
            listed = self._listed
            if listed is not None and found.done > len(parts(listed.path)):
                return Failure(common.ACCESS_NOT_FOUND, f"{here} is not in the export {listed.path}")
            seen = f"; its root has {_quoted(visible)}" if visible else ""
            return self._kept_out(f"there is no {here} for this agent{seen}", may_be_elsewhere=True)
        if found.status in (nfs4.ACCES, nfs4.PERM) and not self.calls.privileged:
            return Failure(causes.UNPRIVILEGED_PORT, f"{here} is refused; the source port was not below 1024")
        if found.status == nfs4.ACCES:
            return self.unreadable(f"uid {self.uid} may not enter {here}")
        if found.status in _NOT_FOLLOWED:
            return Failure(common.LIMIT, f"{here}: {_NOT_FOLLOWED[found.status]}")
        return _refused(found.status, f"{_status(found.status)} at {here}")

    def of_reading(self, status: int) -> Failure:
        """NFSv3's refusal of what was mounted."""
        if status in (nfs3.ACCES, nfs3.PERM) and not self.calls.privileged:
            return Failure(causes.UNPRIVILEGED_PORT, "mounted, and NFS refuses; the source port was not below 1024")
        if status == nfs3.ACCES:
            return self.unreadable()
        return _refused(status, f"mounted, and NFS answers with {_status(status)}")

    def _kept_out(self, said: str, *, may_be_elsewhere: bool = False) -> Failure:
        """Refused in words that do not tell why; the list of exports may.

        ``may_be_elsewhere``: NFSv4 may know the exports by other paths than the list has.
        """
        agent, listed = self.probe.agent_address, self._listed
        fix = fixes.EXPORT(path=listed.path if listed else self.path, agent=agent)
        if listed is not None and _for_others(listed, agent):
            return Failure(causes.NOT_FOR_AGENT, f"{_told(listed)}; {said}", fix)
        if listed is None and not may_be_elsewhere and any(_for_others(export, agent) for export in self.exports or ()):
            # A list with what is for others is a whole one.
            return Failure(common.ACCESS_NOT_FOUND, f"{self.path} is not exported{self._known}")
        if not self.calls.privileged:
            return Failure(causes.UNPRIVILEGED_PORT, f"{said}; the source port was not below 1024")
        if listed is not None and parts(listed.path) == parts(self.path):
            return Failure(causes.NOT_FOR_AGENT, f"{_told(listed)}; {said}", fix)
        return Failure(causes.HIDDEN, f"{said}: {self.path} is not there, or not for this agent{self._known}", fix)

    @property
    def _listed(self) -> mount.Export | None:
        """The export that the path is, or lies in."""
        names = parts(self.path)
        above = [export for export in self.exports or () if names[: len(parts(export.path))] == parts(export.path)]
        return max(above, key=lambda export: len(export.path), default=None)

    @property
    def _known(self) -> str:
        if self.exports is None:
            return ""
        return f"; the server exports {_quoted(tuple(export.path for export in self.exports))}"


def warn_of_others_exports(probe: Probe, rung: Rung, exports: tuple[mount.Export, ...]) -> None:
    """Tell where all that is exported is for others: whichever is to be scanned, it is not to be had from here."""
    agent = probe.agent_address
    if not all(_for_others(export, agent) for export in exports):
        return
    shown = exports[:_MOST_QUOTED]
    fix = together(fixes.EXPORT(path=export.path, agent=agent) for export in shown)
    rung.warn(causes.NOT_FOR_AGENT, "; ".join(map(_told, shown)) or "the mount daemon lists no export", fix)


def _told(export: mount.Export) -> str:
    return f"{export.path} is exported to {_quoted(export.groups) if export.groups else 'everybody'}"


def _for_others(export: mount.Export, agent: str) -> bool:
    """Whether it is for addresses or networks alone, and none has the agent in it; a name may be anybody's."""
    try:
        address = ipaddress.ip_address(agent)
        networks = [ipaddress.ip_network(group, strict=False) for group in export.groups]
    except ValueError:
        return False
    return bool(networks) and not any(address in network for network in networks)


def _refused(status: int, told: str) -> Failure:
    """A status that has no cause of its own; one that no version of NFS has is not a refusal that we understand."""
    if status in nfs4.LATER:
        return Failure(causes.BUSY, told)
    known = status in nfs3.STATUSES or status in nfs4.STATUSES
    return Failure(causes.REFUSED if known else common.LIMIT, told if known else f"{told}, which is not known here")


def _status(number: int) -> str:
    return f"status {number} ({_STATUS[number]})" if number in _STATUS else f"status {number}"


def _quoted(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:_MOST_QUOTED]) or "nothing"
    return shown + (" ..." if len(names) > _MOST_QUOTED else "")
