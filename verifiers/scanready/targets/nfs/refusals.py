"""Translate an NFS server's refusals of a call, a security flavor or a path into failures."""

from __future__ import annotations

import contextlib
import ipaddress
from dataclasses import dataclass

from scanready.causes import common, unproven
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe
from scanready.climb.rung import Rung
from scanready.remedies.fixes import together
from scanready.wire import UnknownValue
from scanready.wire.rpc import message, mount, nfs3, nfs4

from . import causes, fixes
from .rpc_talk import Calls

_KERBEROS = {390003: "krb5", 390004: "krb5i", 390005: "krb5p"}
_FLAVORS = {0: "none", 1: "sys", 2: "short", 3: "dh", 6: "gss", **_KERBEROS}
#: The most exports that a detail quotes.
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
#: Statuses that a real client handles and this check does not; the server does not refuse anything.
_NOT_FOLLOWED = {
    nfs4.RESOURCE: "the path has more parts than the server accepts in one call (NFS4ERR_RESOURCE)",
    nfs4.MOVED: "the files are on another server (NFS4ERR_MOVED); add that server as a target",
    nfs4.SYMLINK: "a symbolic link, which was not followed",
}
#: Statuses that reject the form of a call: other clients ask in other forms. The numbers mean the same in NFSv3.
_OUR_CALL = {
    nfs4.TOOSMALL: "its answer does not fit into the size that this check permits (TOOSMALL)",
    nfs4.BADXDR: "it does not understand this check's call (BADXDR)",
    nfs4.OP_ILLEGAL: "it does not know an operation of this check's call (OP_ILLEGAL)",
}
#: Clients of an export that name every host; ONTAP's list has "(everyone)" for each export, whatever its policy is.
_EVERYONE = ("*", "(everyone)", "everyone", "0.0.0.0/0", "::/0")


def parts(path: str) -> list[str]:
    """Split a path into its names."""
    return [part for part in path.split("/") if part]


def flavor_names(flavors: tuple[int, ...]) -> list[str]:
    """Return the flavors in the notation of /etc/exports: sys, krb5, krb5i, krb5p."""
    return list(dict.fromkeys(_FLAVORS.get(number, str(number)) for number in flavors))


def refuse_kerberos_only(flavors: tuple[int, ...]) -> None:
    """Check that the flavors accept a plain Unix user; ``none`` and an empty list do too.

    Raises:
        Failure: ``nfs.kerberos-only``; ``scanready.limit`` for unknown flavors, and for those of no Kerberos.
    """
    if flavors and not {0, message.AUTH_SYS} & set(flavors):
        names = flavor_names(flavors)
        if unknown := set(flavors) - set(_FLAVORS):
            raise Failure(common.LIMIT, str(UnknownValue("a flavor that it accepts in place of sys", min(unknown))))
        if not set(flavors) & set(_KERBEROS):
            detail = f"accepts only {', '.join(names)}: neither a plain Unix user (sys) nor a known form of Kerberos"
            raise Failure(common.LIMIT, detail, auth_methods=names)
        raise Failure(causes.KERBEROS_ONLY, f"accepts only {', '.join(names)}", auth_methods=names)


def credential_for(flavors: tuple[int, ...], credential: bytes) -> bytes:
    """Return the credential for these flavors: AUTH_NONE if only sec=none is accepted, otherwise ``credential``.

    Raises:
        Failure: ``nfs.kerberos-only``.
    """
    refuse_kerberos_only(flavors)
    return message.AUTH_NONE if flavors and message.AUTH_SYS not in flavors else credential


def of_call(probe: Probe, calls: Calls, reply: message.Reply) -> Failure:
    """Return the failure for a call that the server rejects because of its credential or source port."""
    answer = str(reply)
    if reply.state is not message.State.AUTH_ERROR or reply.auth not in message.AUTH_REFUSALS:
        return of_reply(reply, answer)
    if reply.auth == message.BAD_CREDENTIAL:  # Linux, to hosts outside of all its exports (svcauth_unix_set_client)
        path = probe.target.options.get("export")
        fix = fixes.EXPORT(path=path, agent=probe.agent_address) if path else None
        return Failure(causes.NOT_FOR_AGENT, f"{answer}: no export of the server includes {probe.agent_address}", fix)
    if not calls.privileged:
        return Failure(causes.UNPRIVILEGED_PORT, answer)
    return Failure(causes.AUTH_TOO_WEAK if reply.auth == message.TOO_WEAK else causes.REFUSED, answer)


def of_reply(reply: message.Reply, detail: str) -> Failure:
    """Return the failure of a call that the server did not carry out, for no reason that names who must act."""
    if reply.state is message.State.AUTH_ERROR and reply.auth not in message.AUTH_REFUSALS:
        return Failure(common.LIMIT, str(UnknownValue("the reason why it rejects our credential", reply.auth)))
    return Failure(causes.REFUSED, detail)


@dataclass(frozen=True, slots=True)
class Wish:
    """Hold the path to read and the context to judge a refusal of it.

    ``exports`` is the mount daemon's list, None if there is none; ``uid`` is the user that makes the calls.
    """

    probe: Probe
    path: str
    calls: Calls
    exports: tuple[mount.Export, ...] | None
    uid: int

    def unreadable(self, why: str = "") -> Failure:
        """Return the failure for an existing path that this user may not read, by its mode bits or by root_squash."""
        detail, fix = why or f"uid {self.uid} may not read {self.path}", None
        if self.uid == 0:
            detail += " (servers usually map root to the user nobody: see root_squash)"
            path = self._listed.path if self._listed else self.path
            fix = fixes.EXPORT_TO_ROOT(path=path, agent=self.probe.agent_address) if self._is_named else None
        return Failure(common.ACCESS_DENIED, detail, fix)

    def of_mount(self, status: int) -> Failure:
        """Return the failure for a mount daemon's error status."""
        if status == mount.NOENT:
            return Failure(common.ACCESS_NOT_FOUND, f"{self.path} does not exist on the server{self._known}")
        if status == mount.NOTDIR:
            return Failure(common.ACCESS_NOT_FOUND, f"{self.path}, or a part of it, is not a directory")
        if status in (mount.ACCES, mount.PERM):
            return self._kept_out(f"MNT answers {'ACCES' if status == mount.ACCES else 'PERM'}")
        return _refused(status, f"the mount daemon answers {_status(status)} for {self.path}")

    def of_walk(self, found: nfs4.Result, visible: tuple[str, ...] = ()) -> Failure:
        """Return the failure for an NFSv4 error on the path; ``visible`` lists the root if its first LOOKUP failed."""
        names = parts(self.path)
        here = names[found.done - 1] if 0 < found.done <= len(names) else self.path if found.done else "/"
        if found.status == nfs4.WRONGSEC:
            return Failure(causes.KERBEROS_ONLY, f"{here} requires a flavor other than sys (NFS4ERR_WRONGSEC)")
        if found.status == nfs4.NOTDIR:
            return Failure(common.ACCESS_NOT_FOUND, f"a part of {self.path} is not a directory")
        if found.status == nfs4.NOENT:
            listed = self._listed
            if listed is not None and found.done > len(parts(listed.path)):
                return Failure(common.ACCESS_NOT_FOUND, f"{here} is not in the export {listed.path}")
            root = f"; the root has {_quoted(visible)}" if visible else ""
            return self._kept_out(f"NFSv4 has no {here} for this agent{root}", may_be_elsewhere=True)
        if found.status in (nfs4.ACCES, nfs4.PERM) and not self.calls.privileged:
            return Failure(causes.UNPRIVILEGED_PORT, f"{here} is denied; the source port was not below 1024")
        if found.status == nfs4.ACCES:
            return self.unreadable(f"uid {self.uid} may not enter {here}")
        if found.status in _NOT_FOLLOWED:
            return Failure(common.LIMIT, f"{here}: {_NOT_FOLLOWED[found.status]}")
        return _refused(found.status, f"{_status(found.status)} at {here}")

    def of_reading(self, status: int) -> Failure:
        """Return the failure for an NFSv3 error after the mount."""
        if status in (nfs3.ACCES, nfs3.PERM) and not self.calls.privileged:
            detail = "the mount works, but NFS denies the read; the source port was not below 1024"
            return Failure(causes.UNPRIVILEGED_PORT, detail)
        if status == nfs3.ACCES:
            return self.unreadable()
        return _refused(status, f"the mount works, but NFS answers {_status(status)}")

    def _kept_out(self, answer: str, *, may_be_elsewhere: bool = False) -> Failure:
        """Judge an answer without a reason by the list of exports.

        ``may_be_elsewhere``: True for NFSv4, whose paths may differ from those in the list.
        """
        agent, listed = self.probe.agent_address, self._listed
        path = listed.path if listed else self.path
        fix = fixes.EXPORT(path=path, agent=agent) if self._is_named else None
        if listed is not None and _for_others(listed, agent):
            return Failure(causes.NOT_FOR_AGENT, f"{_shown(listed)}; {answer}", fix)
        if listed is None and not may_be_elsewhere and any(_for_others(export, agent) for export in self.exports or ()):
            # A list that includes exports for other hosts is complete.
            return Failure(common.ACCESS_NOT_FOUND, f"{self.path} is not exported{self._known}")
        if not self.calls.privileged:
            return Failure(causes.UNPRIVILEGED_PORT, f"{answer}; the source port was not below 1024")
        if listed is not None and parts(listed.path) == parts(self.path):
            cause = causes.HIDDEN if _for_everyone(listed, agent) else causes.NOT_FOR_AGENT
            return Failure(cause, f"{_shown(listed)}; {answer}", fix)
        detail = f"{answer}: {self.path} does not exist or is not exported to this agent{self._known}"
        return Failure(causes.HIDDEN, detail, fix)

    @property
    def _is_named(self) -> bool:
        """Return True if the target names an export; without one, the refused path is an invented one."""
        return "export" in self.probe.target.options

    @property
    def _listed(self) -> mount.Export | None:
        """Return the export that the path names or lies in."""
        names = parts(self.path)
        above = [export for export in self.exports or () if names[: len(parts(export.path))] == parts(export.path)]
        return max(above, key=lambda export: len(export.path), default=None)

    @property
    def _known(self) -> str:
        if self.exports is None:
            return ""
        return f"; the server exports {_quoted(tuple(export.path for export in self.exports))}"


def judge_denied(probe: Probe, rung: Rung, failure: Failure) -> None:
    """Judge ``access.denied``: the refusal of a user that the target does not name leaves the result open.

    Raises:
        Failure: it has another cause.
    """
    if failure.cause is common.ACCESS_DENIED and "uid" not in probe.target.options:
        own = "calls with this process's own uid; the target names no uid"
        rung.inconclusive(unproven.IDENTITY_INVENTED, f"{failure.detail} ({own})", **failure.facts)
    else:
        rung.judge_access(failure)


def warn_of_others_exports(probe: Probe, rung: Rung, exports: tuple[mount.Export, ...]) -> None:
    """Warn if every export is for other hosts, so that this agent can read none of them."""
    agent = probe.agent_address
    if not all(_for_others(export, agent) for export in exports):
        return
    shown = exports[:_MOST_QUOTED]
    fix = together(fixes.EXPORT(path=export.path, agent=agent) for export in shown)
    rung.warn(causes.NOT_FOR_AGENT, "; ".join(map(_shown, shown)) or "the mount daemon lists no export", fix)


def _shown(export: mount.Export) -> str:
    return f"{export.path} is exported to {_quoted(export.groups) if export.groups else 'all hosts'}"


def _for_others(export: mount.Export, agent: str) -> bool:
    """Return True if the export lists only addresses and networks without the agent; a name could be the agent's."""
    try:
        address = ipaddress.ip_address(agent)
        networks = [ipaddress.ip_network(group, strict=False) for group in export.groups]
    except ValueError:
        return False
    return bool(networks) and not any(address in network for network in networks)


def _for_everyone(export: mount.Export, agent: str) -> bool:
    """Return True if the export's list includes the agent: it names every host, or a network with the agent."""
    if not export.groups or set(export.groups) & set(_EVERYONE):
        return True
    for group in export.groups:
        with contextlib.suppress(ValueError):  # a name
            if ipaddress.ip_address(agent) in ipaddress.ip_network(group, strict=False):
                return True
    return False


def _refused(status: int, detail: str) -> Failure:
    """Return the failure for a status without its own cause.

    A status that no NFS version defines is a limit, and so is one that rejects the form of this check's call.
    """
    if status in nfs4.LATER:
        return Failure(causes.BUSY, detail)
    if status in _OUR_CALL:
        return Failure(common.LIMIT, f"{detail}: {_OUR_CALL[status]}")
    known = status in nfs3.STATUSES or status in nfs4.STATUSES
    return Failure(causes.REFUSED if known else common.LIMIT, detail if known else f"{detail}, which is not known here")


def _status(number: int) -> str:
    return f"status {number} ({_STATUS[number]})" if number in _STATUS else f"status {number}"


def _quoted(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:_MOST_QUOTED]) or "nothing"
    return shown + (" ..." if len(names) > _MOST_QUOTED else "")
