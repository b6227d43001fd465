"""Network storage: file shares."""

from __future__ import annotations

from scanready.model import Step

from .row import Cost, Requirement, TargetType, When, one_port

_STORAGE = "Proxy Agent Network Requirements, Network Storage"
_SSH_LOG = "sshd: one or two lines with our own disconnect text"

STORAGE: tuple[TargetType, ...] = (
    TargetType(
        "smb",
        "CIFS/SMB file share",
        445,
        (
            Requirement("445", "tcp", f'{_STORAGE}: "CIFS/SMB server" "To scan Windows remote file shares via CIFS."'),
            Requirement("139", "tcp", f'{_STORAGE}: "139 (TCP)"', When.WINDOWS_2000),
            Requirement("137,138", "udp", f'{_STORAGE}: "137 (UDP)", "138 (UDP)"', When.WINDOWS_2000),
        ),
        # Without a credential SMB 1, SMB 2 again, and 137/udp for names, where need be; one more for a login.
        Cost(4, 5, login_attempts=1),
        speaks="smb",
        path="share",
        options=("path",),
        suits="Windows",
        doubt="The row's own port number is missing in the document; 445 is what CIFS uses since Windows 2000. "
        "It demands no agent platform for shares; the scanner's later documents ask for a Windows Proxy Agent.",
        proven_by="Samba 4.17",
    ),
    TargetType(
        "ssh",
        "SSH file share",
        22,
        one_port(22, "SSH server", _STORAGE, '"To scan Unix or Unix-like remote file shares via SSH."'),
        Cost(1, 2, login_attempts=1, log=_SSH_LOG),
        speaks="ssh",
        takes_keys=True,
        server_first=True,
        path="path",
        needs_client="ssh",
        options=("user", "known_hosts"),
        proven_by="OpenSSH",
    ),
    TargetType(
        "nfs",
        "NFS file share",
        2049,
        (
            Requirement("2049", "tcp", f'{_STORAGE}: "NFS server", "NFSv4 requires only port 2049 (TCP only)."'),
            Requirement("111", "tcp,udp", f'{_STORAGE}: "111 (TCP or UDP)"', When.NFS_3),
            Requirement("dynamic", "tcp,udp", f'{_STORAGE}: "Dynamic ports assigned by rpcbind."', When.NFS_3),
        ),
        # Two for 2049, over UDP too; the rest for NFSv3, each version of mountd on ports of its own.
        Cost(18, 18, log="nothing"),
        speaks="rpc",
        path="export",
        options=("nfs_version", "uid", "gid"),
        steps=tuple(step for step in Step if step is not Step.LOGIN),
        proven_by="NFS-Ganesha 4.3 with rpcbind and statd",
    ),
)
