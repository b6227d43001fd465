"""Causes that only NFS and the programs around it can give."""

from __future__ import annotations

from scanready.model import Cause, Owner, Scope, Step

#: How the ports are kept from changing at the next restart, by the server's system.
PIN = (
    "These ports change with a restart unless they are pinned. Linux, /etc/nfs.conf: [mountd] port=20048, [statd] "
    'port=32765, [lockd] port=32803 and udp-port=32769; rquotad: RPCRQUOTADOPTS="-p 875" in /etc/sysconfig/rpc-rquotad '
    "(RHEL) or /etc/default/quota (Debian). RHEL 7 and older: MOUNTD_PORT, STATD_PORT, LOCKD_TCPPORT, LOCKD_UDPPORT "
    "and RQUOTAD_PORT in /etc/sysconfig/nfs. NFS-Ganesha: MNT_Port, NLM_Port and Rquota_Port in NFS_CORE_PARAM. "
    "FreeBSD, /etc/rc.conf: mountd_flags, rpc_statd_flags and rpc_lockd_flags with -p PORT. Solaris: lockd is always "
    "on 4045; `sharectl get nfs` shows whether mountd and statd can be pinned. HP-UX: MOUNTD_PORT and STATD_PORT in "
    "/etc/default/nfs. NetApp ONTAP: pinned from the start (635, 4045, 4046, 4049)."
)

PORT_BLOCKED = Cause(
    "nfs.port-blocked",
    Owner.NETWORK,
    Step.CONNECT,
    "rpcbind says where the programs of NFSv3 listen, and a firewall on the way lets nothing through to those ports: a "
    "mount fails or hangs although 111 and 2049 are open.",
    f"Permit the ports that the fix lists from this agent. {PIN}",
    "On the agent: rpcinfo -p {host}; then nc -vz -w 5 {host} PORT for each port it lists (rpcinfo -T udp for UDP).",
)
UDP_SILENT = Cause(
    "nfs.udp-silent",
    Owner.NETWORK,
    Step.CONNECT,
    "A program of locking (nlockmgr, status) that is registered for UDP did not answer over UDP, though it, or others, "
    "can be reached. The requirements name UDP for it; silence over UDP is no proof that a firewall drops it.",
    f"Permit the UDP ports too. {PIN}",
    "On the agent: rpcinfo -T udp {host} nlockmgr; rpcinfo -T udp {host} status",
)
STALE = Cause(
    "nfs.stale-registration",
    Owner.SERVER,
    Step.CONNECT,
    "rpcbind says that a program listens on a port, and nothing of the kind is there: the service died, or was "
    "restarted without registering again. A firewall that answers with resets in its place looks the same.",
    "Restart the service that the detail names on the server, so that it registers anew; if it runs and listens there, "
    "permit the port on the firewalls between the two.",
    "On the server: rpcinfo -p; ss -lntup   # compare the ports",
    scoped=Scope.TARGET,
)
NOT_REGISTERED = Cause(
    "nfs.not-registered",
    Owner.SERVER,
    Step.HANDSHAKE,
    "NFSv3 answers, and rpcbind does not know a program that it needs beside it: the mount daemon, without which "
    "nothing can be mounted, or the lock daemon, which the requirements name.",
    "Start the service that the detail names on the server, or restart it if rpcbind was restarted after it; or scan "
    "with NFSv4 (option `nfs_version: 4`), which needs none of them.",
    "On the agent: rpcinfo -p {host}",
)
NO_RPCBIND = Cause(
    "nfs.no-rpcbind",
    Owner.SERVER,
    Step.CONNECT,
    "NFSv3 is to be used, and nothing listens on the port of rpcbind, which says where its mount and lock daemons are "
    "(or a firewall answers with a reset in its place).",
    "Start rpcbind and the services of NFSv3 on the server, or scan with NFSv4 (option `nfs_version: 4`), which needs "
    "port 2049 alone.",
    "On the agent: rpcinfo -p {host}",
    scoped=Scope.TARGET,
)
RPCBIND_DENIED = Cause(
    "nfs.rpcbind-denied",
    Owner.SERVER,
    Step.HANDSHAKE,
    "rpcbind runs, and refuses to talk to this agent (hosts.deny, or its own access rules).",
    "Permit the agent in /etc/hosts.allow of the server: rpcbind: AGENT.",
    "On the agent: rpcinfo -p {host}; on the server: grep rpcbind /etc/hosts.allow /etc/hosts.deny",
    scoped=Scope.PATH,
)
VERSION_NOT_OFFERED = Cause(
    "nfs.version-not-offered",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server does not offer the version of NFS that the target asks for.",
    "Scan with a version that it offers (the detail has them), or enable the version on the server.",
    "On the agent: rpcinfo -T tcp {host} nfs 3; rpcinfo -T tcp {host} nfs 4",
)
KERBEROS_ONLY = Cause(
    "nfs.kerberos-only",
    Owner.SERVER,
    Step.AUTH,
    "The export wants Kerberos (sec=krb5, krb5i or krb5p) and does not take a plain Unix user (sec=sys), which is what "
    "a mount without further options comes with. Whether this agent's Kerberos would be let in was not tried.",
    "Give the agent the export with sec=sys, or mount it on the agent with Kerberos (a keytab and rpc.gssd there) and "
    "scan the mount.",
    "On the server: exportfs -v. On the agent: mount -o sec=sys {host}:EXPORT /mnt",
)
AUTH_TOO_WEAK = Cause(
    "nfs.auth-too-weak",
    Owner.SERVER,
    Step.ACCESS,
    "The server refuses the credential as too weak (AUTH_TOOWEAK) though it came from a port below 1024: it wants "
    "another security flavor than sec=sys. NFS-Ganesha may say so, too, to a client that it does not let in.",
    "Give the agent the export with sec=sys.",
    "On the server: exportfs -v",
)
UNPRIVILEGED_PORT = Cause(
    "nfs.unprivileged-port",
    Owner.AGENT,
    Step.ACCESS,
    "The server refused, and this check had no source port below 1024, on which servers insist by default: whether it "
    "would have refused anyway is not known.",
    "Run the check as root (or with CAP_NET_BIND_SERVICE), as the scanner's mount is; or export with the option "
    "`insecure`.",
    "On the server: exportfs -v   # look for `secure`",
    definite=False,
)
NOT_FOR_AGENT = Cause(
    "nfs.export-not-for-agent",
    Owner.SERVER,
    Step.ACCESS,
    "The server exports this path, or whatever it has, to others and not to this agent. Servers look at the address, "
    "and at the name that it resolves to backwards.",
    "Add the agent to the export (the fix has the line) and run exportfs -ra; if the export names hosts, have the "
    "agent's reverse DNS record say that name.",
    "On the agent: showmount -e {host}; on the server: exportfs -v",
    scoped=Scope.PATH,
)
HIDDEN = Cause(
    "nfs.export-hidden",
    Owner.SERVER,
    Step.ACCESS,
    "The server says of this path what it says of one that is not there. Some servers (NFS-Ganesha) say the same of an "
    "export that this agent may not use.",
    "Correct the path; or, if it exists, export it to this agent (the fix has the line).",
    "On the server: is the path exported, and to whom (exportfs -v, or ganesha.conf)?",
)
REFUSED = Cause(
    "nfs.refused",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server speaks RPC and refuses to serve NFS; the detail has its answer.",
    "Look at the NFS service on the server: does it run, and did it read its exports?",
    "On the agent: rpcinfo -T tcp {host} nfs",
)
BUSY = Cause(
    "nfs.busy",
    Owner.SERVER,
    Step.ACCESS,
    "The server asked again and again to come back later (NFS4ERR_DELAY, NFS3ERR_JUKEBOX): it fetches from slower "
    "storage, waits for its own name service, or is overloaded.",
    "Repeat the check later; look on the server at what it waits for (tape or cloud tier, DNS, rpc.mountd).",
    "On the agent: time ls of the mounted export",
    definite=False,
)
