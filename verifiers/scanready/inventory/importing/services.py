"""Which target type an open port may be: by the service that nmap names, else by the port's number. All guesses."""

from __future__ import annotations

from dataclasses import dataclass

from scanready.catalogue import TYPES

# nmap's names (nmap-services, nmap-service-probes) to our types.
_SERVICES = {
    "ssh": "unix", "msrpc": "windows", "epmap": "windows", "microsoft-ds": "smb", "netbios-ssn": "smb", "nfs": "nfs",
    "http": "http", "http-proxy": "http", "http-alt": "http", "https": "https", "https-alt": "https", "imap": "imap",
    "imap2": "imap", "imaps": "imaps", "mysql": "mysql", "mariadb": "mysql", "ms-sql-s": "mssql", "oracle": "oracle",
    "oracle-tns": "oracle", "postgresql": "postgresql", "sybase": "sybase", "sybaseanywhere": "sybase", "db2": "db2",
    "ibm-db2": "db2", "drda": "db2", "informix": "informix", "lotusnotes": "notes",
}  # fmt: skip
_IN_TLS = {"http": "https", "imap": "imaps"}
_NO_TARGET = {
    "rpcbind": "a part of NFS, which is asked about it",
    "mountd": "a part of NFS, which is asked about it",
    "nlockmgr": "a part of NFS, which is asked about it",
    "status": "a part of NFS, which is asked about it",
    "ms-sql-m": "the SQL Browser, which is asked about the instances of an mssql target",
    "tcpwrapped": "it accepts and hangs up: nobody knows what it is",
}
# What a port can tell nothing of, and what is no target, is left out; of several types on one port the first counts.
_NOT_BY_PORT = ("master", "console", "update", "cloud", "ews")
_BY_PORT = {row.port: row.name for row in reversed(TYPES) if row.name not in _NOT_BY_PORT}
# A port that Windows of some age uses besides 445; the check of smb looks there itself.
_NETBIOS = 139
# nmap calls every program of rpcbind's there by some name of the family.
_NFS, _RPC = 2049, ("rpcbind", "nfs", "nfs_acl", "mountd", "nlockmgr", "status")


@dataclass(frozen=True, slots=True)
class Guess:
    """A type and what the guess rests on; or no type, and why."""

    type: str
    why: str


def guess(port: int, service: str, *, tls: bool, probed: bool, product: str = "") -> Guess:
    """Return what an open TCP port probably is.

    Args:
        service: as nmap names it; may be empty.
        tls: the service was found inside TLS.
        probed: nmap talked to it; otherwise the name is that of the port in a table.
        product: as nmap recognised it.
    """
    if port == _NFS and service in _RPC:
        return Guess("nfs", f"the port of NFS, and nmap found {service}")
    if service in _NO_TARGET:
        return Guess("", _NO_TARGET[service])
    if port == _NETBIOS:
        return Guess("", "file shares over NetBIOS; the check of smb looks there where 445 does not answer")
    by_service, by_port = _SERVICES.get(service, ""), _BY_PORT.get(port, "")
    if probed and by_service:
        found = _IN_TLS.get(by_service, by_service) if tls else by_service
        recognised = f"nmap recognised {service}{f', {product}' if product else ''}"
        return Guess(found, recognised + (" in TLS" if tls else ""))
    if probed and service and service != "unknown":
        return Guess("", f"nmap recognised {service}, which is no target type")
    if found := by_service or by_port:
        return Guess(found, f"by the number of the port alone{f' ({service})' if service else ''}")
    return Guess("", f"no target type has this port{f' ({service})' if service else ''}")
