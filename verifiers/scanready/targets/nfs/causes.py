"""Causes that only NFS and the programs around it can give."""

from __future__ import annotations

from scanready.model import Cause, OtherOwner, Owner, Scope, Step

#: How to pin the ports on each system, so that they survive a restart.
PIN = (
    "The ports change with a restart of the server unless its administrator pins them. Linux, /etc/nfs.conf: "
    '[mountd] port=20048, [statd] port=32765, [lockd] port=32803 and udp-port=32769; rquotad: RPCRQUOTADOPTS="-p '
    '875" in /etc/sysconfig/rpc-rquotad (RHEL) or /etc/default/quota (Debian). RHEL 7 and older: MOUNTD_PORT, '
    "STATD_PORT, LOCKD_TCPPORT, LOCKD_UDPPORT and RQUOTAD_PORT in /etc/sysconfig/nfs. NFS-Ganesha: MNT_Port, "
    "NLM_Port and Rquota_Port in NFS_CORE_PARAM. FreeBSD, /etc/rc.conf: mountd_flags, rpc_statd_flags and "
    "rpc_lockd_flags with -p PORT. Solaris: lockd always uses 4045; `sharectl get nfs` shows whether mountd and "
    "statd can be pinned. HP-UX: MOUNTD_PORT and STATD_PORT in /etc/default/nfs. NetApp ONTAP: pinned by default "
    "(635, 4045, 4046, 4049)."
)

PORT_BLOCKED = Cause(
    "nfs.port-blocked",
    Owner.NETWORK,
    Step.CONNECT,
    "A firewall on the path blocks ports that NFSv3 needs: rpcbind (111) or the ports that rpcbind reports. A mount "
    "fails or hangs even if 2049 is open.",
    f"On the firewall, permit these ports from this agent: 111, and those that `rpcinfo -p` lists. {PIN}",
    "On the agent: rpcinfo -p {host}; then nc -vz -w 5 {host} PORT for each port it lists (rpcinfo -T udp for UDP).",
    wire="The agent's SYN to 111, or to a port in rpcbind's reply, gets no answer or an ICMP error. Or it gets a RST "
    "although the same program answers over UDP.",
)
UDP_SILENT = Cause(
    "nfs.udp-silent",
    Owner.NETWORK,
    Step.CONNECT,
    "A locking service (nlockmgr, status) is registered for UDP but did not answer over UDP. Other ports of the server "
    "work. The scanner's network requirements list UDP for locking. Silence over UDP does not prove that a firewall "
    "drops it.",
    f"On the firewall, permit the UDP ports too. {PIN}",
    "On the agent: rpcinfo -T udp {host} nlockmgr; rpcinfo -T udp {host} status",
    wire="The agent's RPC NULL call to the service's UDP port gets no reply and no ICMP error.",
)
STALE = Cause(
    "nfs.stale-registration",
    Owner.SERVER,
    Step.CONNECT,
    "rpcbind reports a port for this service, but the service does not answer there. It has ended, or it restarted "
    "without registering again. A firewall that sends the reset on the server's behalf looks the same.",
    "On the server, restart the service named in the detail, so that it registers again. If it already listens on that "
    "port, permit the port on the firewalls between agent and server.",
    "On the server: rpcinfo -p; ss -lntup   # compare the ports",
    wire="The port in rpcbind's reply answers with a RST or an ICMP port unreachable, or its RPC reply is PROG_UNAVAIL "
    "or PROG_MISMATCH.",
    scoped=Scope.TARGET,
)
NOT_REGISTERED = Cause(
    "nfs.not-registered",
    Owner.SERVER,
    Step.HANDSHAKE,
    "NFSv3 answers, but a service that it needs is not registered with rpcbind, or no suitable version of it answers. "
    "Without the mount daemon (mountd) no mount works. The scanner's network requirements also list the lock daemon "
    "(nlockmgr).",
    "On the server, start the service named in the detail. If rpcbind was restarted after it, restart the service.",
    "On the agent: rpcinfo -p {host}",
    wire="rpcbind's DUMP and GETPORT replies on 111 do not list mountd (100005) or nlockmgr (100021), or no mountd "
    "of the required version.",
    also=(
        OtherOwner(
            Owner.OPERATOR,
            "If the server supports NFSv4, set the option `nfs_version: 4` for this target in the inventory. "
            "NFSv4 needs neither service.",
        ),
    ),
)
PORT_DIFFERS = Cause(
    "nfs.port-differs",
    Owner.SERVER,
    Step.HANDSHAKE,
    "rpcbind reports a service on another port than the inventory says. Firewall rules that were made from the "
    "inventory do not cover it. If the port is not pinned, it changes with the next restart of the server.",
    f"On the server, give the service the port that the firewall permits (the detail names it), and restart it. {PIN}",
    "On the agent: rpcinfo -p {host}",
    wire="The port of the service in rpcbind's DUMP reply is not the one that the inventory states.",
    also=(
        OtherOwner(
            Owner.OPERATOR,
            "If the server's port is right, correct the option in the inventory (`mountd_port`, `nlockmgr_port`, "
            "`status_port` or `rquotad_port`), and make the firewall rules again.",
        ),
    ),
)
NO_RPCBIND = Cause(
    "nfs.no-rpcbind",
    Owner.SERVER,
    Step.CONNECT,
    "The scan needs NFSv3, but port 111 (rpcbind) refuses the connection. rpcbind reports the ports of the mount and "
    "lock daemons. A firewall that sends the reset on the server's behalf looks the same.",
    "On the server, start rpcbind and the NFSv3 services.",
    "On the agent: rpcinfo -p {host}",
    wire="The agent's SYN to 111 is answered with a RST.",
    scoped=Scope.TARGET,
    also=(
        OtherOwner(
            Owner.OPERATOR,
            "If the server supports NFSv4, set the option `nfs_version: 4` for this target in the inventory. "
            "NFSv4 needs only port 2049.",
        ),
    ),
)
RPCBIND_DENIED = Cause(
    "nfs.rpcbind-denied",
    Owner.SERVER,
    Step.HANDSHAKE,
    "rpcbind runs, but rejects calls from this agent (hosts.deny, or its own access rules).",
    "On the server, permit the agent in /etc/hosts.allow: rpcbind: AGENT.",
    "On the agent: rpcinfo -p {host}; on the server: grep rpcbind /etc/hosts.allow /etc/hosts.deny",
    wire="rpcbind on 111 answers the agent's DUMP call with MSG_DENIED (AUTH_ERROR), or accepts the TCP connection and "
    "closes it.",
    scoped=Scope.PATH,
)
VERSION_NOT_OFFERED = Cause(
    "nfs.version-not-offered",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server does not offer the NFS version that the target requires.",
    "Enable the version on the server.",
    "On the agent: rpcinfo -T tcp {host} nfs 3; rpcinfo -T tcp {host} nfs 4",
    wire="The server answers the NULL call of that NFS version with PROG_MISMATCH. For NFSv4 it may answer COMPOUND "
    "with NFS4ERR_MINOR_VERS_MISMATCH.",
    also=(
        OtherOwner(
            Owner.OPERATOR,
            "Set the option `nfs_version` of this target to a version that the server offers (the detail lists "
            "them), or remove the option.",
        ),
    ),
)
KERBEROS_ONLY = Cause(
    "nfs.kerberos-only",
    Owner.SERVER,
    Step.AUTH,
    "The export requires Kerberos (sec=krb5, krb5i or krb5p) and rejects plain Unix users (sec=sys). A mount without "
    "further options uses sec=sys. The check did not test this agent's Kerberos.",
    "On the server, export the path to the agent with sec=sys.",
    "On the server: exportfs -v. On the agent: mount -o sec=sys {host}:EXPORT /mnt",
    scoped=Scope.PATH,
    wire="The SECINFO reply (NFSv4) or the MNT reply (NFSv3) has neither AUTH_SYS nor AUTH_NONE, or the server answers "
    "with NFS4ERR_WRONGSEC.",
    also=(
        OtherOwner(
            Owner.AGENT,
            "On the agent, mount the export with Kerberos (this needs a keytab and rpc.gssd), and scan the mount.",
        ),
    ),
)
AUTH_TOO_WEAK = Cause(
    "nfs.auth-too-weak",
    Owner.SERVER,
    Step.ACCESS,
    "The server rejects the credential as too weak (AUTH_TOOWEAK) although the call came from a port below 1024. It "
    "requires a security flavor other than sec=sys. NFS-Ganesha also sends this to clients that an export does not "
    "include.",
    "On the server, export the path to the agent with sec=sys.",
    "On the server: exportfs -v",
    wire="The server answers an AUTH_SYS call with MSG_DENIED, AUTH_ERROR, AUTH_TOOWEAK (5).",
)
UNPRIVILEGED_PORT = Cause(
    "nfs.unprivileged-port",
    Owner.AGENT,
    Step.ACCESS,
    "The server rejected a call from a source port of 1024 or above. By default, NFS servers require a source port "
    "below 1024. It is unknown whether the server accepts the agent from a port below 1024.",
    "On the agent, run the check as root (or with CAP_NET_BIND_SERVICE), as the scanner's mount does.",
    "On the server: exportfs -v   # look for `secure`",
    wire="The agent's source port is 1024 or above. The server answers with MSG_DENIED (AUTH_ERROR) or with an error "
    "status such as NFS4ERR_PERM, NFS4ERR_ACCESS or MNT3ERR_ACCES.",
    definite=False,
    also=(OtherOwner(Owner.SERVER, "On the server, export the path with the option `insecure`."),),
)
NOT_FOR_AGENT = Cause(
    "nfs.export-not-for-agent",
    Owner.SERVER,
    Step.ACCESS,
    "The server exports this path (or all its paths) to other hosts, but not to this agent. Servers compare the "
    "agent's address, and the name in its reverse DNS record, with the export list.",
    "On the server, add the agent to the export (see the fix) and run exportfs -ra. If the export lists host names, "
    "make the agent's reverse DNS record match.",
    "On the agent: showmount -e {host}; on the server: exportfs -v",
    wire="The MOUNT EXPORT reply lists the path for other hosts. Or the server rejects the call (AUTH_BADCRED), "
    "answers MNT with MNT3ERR_ACCES, or returns an empty NFSv4 root.",
    scoped=Scope.PATH,
)
HIDDEN = Cause(
    "nfs.export-hidden",
    Owner.SERVER,
    Step.ACCESS,
    "The server's answer does not show whether the path is missing or is not exported to this agent. Some servers "
    "(NFS-Ganesha) send the same answer in both cases.",
    "If the path exists on the server, export it to this agent (see the fix).",
    "On the server: run exportfs -v (or read ganesha.conf) to see whether the path is exported, and to which hosts.",
    scoped=Scope.PATH,
    wire="The server answers LOOKUP (NFSv4) with NFS4ERR_NOENT, or MNT (NFSv3) with MNT3ERR_ACCES or MNT3ERR_PERM.",
    also=(OtherOwner(Owner.OPERATOR, "If the path is misspelt, correct it in the inventory."),),
)
REFUSED = Cause(
    "nfs.refused",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server speaks RPC but does not serve NFS. The detail quotes its answer.",
    "On the server, check that the NFS service runs and has loaded its exports.",
    "On the agent: rpcinfo -T tcp {host} nfs",
    wire="An RPC reply with an error such as PROG_UNAVAIL or SYSTEM_ERR, an NFS or MOUNT error status, or a closed "
    "connection after the first COMPOUND (see the detail).",
)
BUSY = Cause(
    "nfs.busy",
    Owner.SERVER,
    Step.ACCESS,
    "The server asked the agent several times to retry later (NFS4ERR_DELAY, NFS3ERR_JUKEBOX). It reads from slower "
    "storage, waits for its name service, or is overloaded.",
    "Repeat the check later. On the server, look for the cause of the delay (tape or cloud tier, DNS, rpc.mountd).",
    "On the agent: time ls MOUNTPOINT   # the directory where the export is mounted",
    wire="The server answers four attempts at the same call with NFS4ERR_DELAY or NFS3ERR_JUKEBOX.",
    definite=False,
)
