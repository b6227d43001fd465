"""The network requirements of Enterprise Recon 2.0.28 as data: one row a target type.

Every row says which sentence of the document it comes from (``source``), what
this product knows to be doubtful in it (``doubt``), and what its check costs the
target (``footprint``). Defaults are the document's; a target's own port wins.
"""

from __future__ import annotations

from dataclasses import dataclass

from .model import Step


@dataclass(frozen=True, slots=True)
class Requirement:
    """One line of the document: what must be reachable, and when.

    ``ports`` is as printed ("135", "49152-65535"); ``transport`` "tcp" or "udp";
    ``when`` the condition, empty if it always holds.
    """

    ports: str
    transport: str
    source: str
    when: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one check costs a target: ``connections`` without and with a credential, and what it may log."""

    connections: int
    with_credential: int
    probe_logins: int = 0
    login_attempts: int = 0
    log: str = ""


@dataclass(frozen=True, slots=True)
class TargetType:
    """One row of the catalogue.

    ``speaks`` is the protocol as :mod:`scanready.identify` names it;
    ``server_first`` is true where the server opens the talk; ``path`` names the
    option that a target URL's path fills; ``options`` are the keys an inventory
    may set besides; ``verifies_certificate`` says whether the scanner's client
    judges the certificate (then a faulty one warns, else it is told as a fact);
    ``proof`` is the step that must hold to be ``ready``.
    """

    name: str
    title: str
    port: int
    requirements: tuple[Requirement, ...]
    cost: Cost
    speaks: str
    server_first: bool = False
    tls: bool = False
    path: str | None = None
    options: tuple[str, ...] = ()
    verifies_certificate: bool = False
    needs_agent: str | None = None
    needs_client: str | None = None
    proof: Step = Step.AUTH
    steps: tuple[Step, ...] = tuple(Step)
    doubt: str = ""


_AGENTLESS = "Proxy Agent Network Requirements, Agentless Scan"
_STORAGE = "Proxy Agent Network Requirements, Network Storage"
_WEB = "Proxy Agent Network Requirements, WebSites and Cloud Services"
_MAIL = "Proxy Agent Network Requirements"
_DATABASES = "Proxy Agent Network Requirements"
_MASTER = "Master Server Network Requirements"


def _tcp(port: int, title: str, section: str, purpose: str) -> tuple[Requirement, ...]:
    """The common shape: one TCP port, one sentence."""
    return (Requirement(str(port), "tcp", f'{section}: "{port} {title}" {purpose}'),)


_SSH_LOG = "sshd: one or two lines with our own disconnect text"
_HTTP_LOG = "an access-log line with our User-Agent for each request: HEAD, then GET where the page is open"

TYPES: tuple[TargetType, ...] = (
    TargetType(
        "windows",
        "Windows host, agentless",
        135,
        (
            Requirement("135", "tcp", f'{_AGENTLESS}: "Windows host", "Port 135."'),
            Requirement(
                "49152-65535", "tcp", f'{_AGENTLESS}: "Dynamic ports 9152 - 65535"', "Windows Server 2008 and newer"
            ),
            Requirement("139,445", "tcp", f'{_AGENTLESS}: "Port 139 and 445"', "Windows Server 2003R2 and older"),
            Requirement(
                "1024-65535", "tcp", f'{_AGENTLESS}: "Dynamic ports 1024 - 65535"', "Windows Server 2003R2 and older"
            ),
        ),
        Cost(2, 7, login_attempts=1, log="a logon event for each of the connections, three at the most"),
        speaks="dcerpc",
        needs_agent="Windows",
        doubt="The document prints 9152-65535; Windows uses 49152-65535 for dynamic ports since Server 2008.",
    ),
    TargetType(
        "unix",
        "Unix or Unix-like host, agentless",
        22,
        _tcp(
            22,
            "Unix or Unix-like host",
            _AGENTLESS,
            '"Target host must have an SSH server running. Proxy Agent host must have an SSH client installed."',
        ),
        Cost(1, 2, login_attempts=1, log=_SSH_LOG),
        speaks="ssh",
        server_first=True,
        needs_client="ssh",
        options=("user", "directory", "known_hosts"),
        doubt="The document recommends an agent of the target's own platform; that is a note, not a requirement.",
    ),
    TargetType(
        "smb",
        "CIFS/SMB file share",
        445,
        (
            Requirement("445", "tcp", f'{_STORAGE}: "CIFS/SMB server" "To scan Windows remote file shares via CIFS."'),
            Requirement("139", "tcp", f'{_STORAGE}: "139 (TCP)"', "Windows 2000 and older"),
            Requirement("137,138", "udp", f'{_STORAGE}: "137 (UDP)", "138 (UDP)"', "Windows 2000 and older"),
        ),
        Cost(1, 2, login_attempts=1),
        speaks="smb",
        path="share",
        options=("path",),
        doubt="The row's own port number is missing in the document; 445 is what CIFS uses since Windows 2000.",
    ),
    TargetType(
        "ssh",
        "SSH file share",
        22,
        _tcp(22, "SSH server", _STORAGE, '"To scan Unix or Unix-like remote file shares via SSH."'),
        Cost(1, 2, login_attempts=1, log=_SSH_LOG),
        speaks="ssh",
        server_first=True,
        path="path",
        needs_client="ssh",
        options=("user", "known_hosts"),
    ),
    TargetType(
        "nfs",
        "NFS file share",
        2049,
        (
            Requirement("2049", "tcp", f'{_STORAGE}: "NFS server", "NFSv4 requires only port 2049 (TCP only)."'),
            Requirement("111", "tcp,udp", f'{_STORAGE}: "111 (TCP or UDP)"', "NFSv3 and older"),
            Requirement("dynamic", "tcp,udp", f'{_STORAGE}: "Dynamic ports assigned by rpcbind."', "NFSv3 and older"),
        ),
        Cost(13, 13, log="nothing"),
        speaks="rpc",
        path="export",
        options=("nfs_version", "uid", "gid"),
        steps=tuple(step for step in Step if step is not Step.LOGIN),
    ),
    TargetType(
        "http",
        "Website over HTTP",
        80,
        _tcp(80, "HTTP server", _WEB, '"To scan websites."'),
        Cost(1, 2, login_attempts=1, log=_HTTP_LOG),
        speaks="http",
        path="path",
        options=("proxy", "allow_cleartext"),
    ),
    TargetType(
        "https",
        "Website over HTTPS",
        443,
        _tcp(443, "HTTPS server", _WEB, '"To scan HTTPS websites."'),
        Cost(1, 2, login_attempts=1, log=_HTTP_LOG),
        speaks="http",
        tls=True,
        path="path",
        options=("proxy",),
        verifies_certificate=True,
    ),
    TargetType(
        "cloud",
        "Cloud service",
        443,
        _tcp(443, "Cloud services", _WEB, '"To scan cloud services."'),
        Cost(1, 1),
        speaks="http",
        tls=True,
        path="service",
        options=("proxy",),
        verifies_certificate=True,
    ),
    TargetType(
        "imap",
        "Mailboxes over IMAP",
        143,
        _tcp(143, "IMAP server", _MAIL, '"To scan email accounts using IMAP."'),
        Cost(1, 2, login_attempts=1, log="one info line: logged out without authenticating"),
        speaks="imap",
        server_first=True,
        path="folder",
        options=("allow_cleartext",),
        verifies_certificate=True,
    ),
    TargetType(
        "imaps",
        "Mailboxes over IMAPS",
        993,
        _tcp(993, "IMAPS server", _MAIL, '"To scan email accounts using IMAPS."'),
        Cost(1, 2, login_attempts=1, log="one info line: logged out without authenticating"),
        speaks="imap",
        tls=True,
        path="folder",
        verifies_certificate=True,
    ),
    TargetType(
        "ews",
        "Microsoft Exchange (EWS)",
        443,
        _tcp(443, "Microsoft Exchange Server (EWS)", _MAIL, '"To scan Microsoft Exchange servers via EWS."'),
        Cost(1, 2, login_attempts=1),
        speaks="http",
        tls=True,
        path="mailbox",
        verifies_certificate=True,
    ),
    TargetType(
        "notes",
        "IBM / Lotus Notes",
        1352,
        _tcp(1352, "IBM / Lotus Notes client", _MAIL, '"To scan IBM / Lotus Notes clients."'),
        Cost(1, 1),
        speaks="nrpc",
        doubt="The document says client; 1352 is the Domino server's port, and the agent needs a Notes client besides.",
    ),
    TargetType(
        "db2",
        "IBM DB2",
        50000,
        _tcp(50000, "IBM DB2 server", _DATABASES, '"To scan IBM DB2 databases."'),
        Cost(1, 1, login_attempts=1, log="nothing"),
        speaks="drda",
        path="database",
        options=("allow_cleartext",),
    ),
    TargetType(
        "informix",
        "IBM Informix",
        9088,
        _tcp(9088, "IBM Informix server", _DATABASES, '"To scan IBM Informix databases."'),
        Cost(1, 2, login_attempts=1),
        speaks="sqli",
        path="database",
        options=("server", "table", "tls", "allow_login_probe", "allow_cleartext"),
        doubt="9088 is usually the native SQLI listener; DRDA clients use 9089.",
    ),
    TargetType(
        "mysql",
        "MySQL or MariaDB",
        3306,
        _tcp(3306, "MySQL or MariaDB server", _DATABASES, '"To scan MySQL or MariaDB databases."'),
        Cost(1, 1, probe_logins=1, login_attempts=1, log="without a credential one refused login of scanready_probe"),
        speaks="mysql",
        server_first=True,
        path="database",
        options=("table", "allow_cleartext"),
    ),
    TargetType(
        "mssql",
        "Microsoft SQL Server",
        1433,
        _tcp(1433, "Microsoft SQL server", _DATABASES, '"To scan Microsoft SQL databases."'),
        Cost(1, 1, login_attempts=1, log="one event (17830) where a handshake is left before the login"),
        speaks="tds",
        path="instance",
        options=("database", "table", "allow_cleartext"),
        doubt="Named instances listen on a dynamic port that only the SQL Browser (UDP 1434) tells.",
    ),
    TargetType(
        "oracle",
        "Oracle Database",
        1521,
        _tcp(1521, "Oracle database server", _DATABASES, '"To scan Oracle databases."'),
        Cost(1, 2, login_attempts=1, log="one line of the alert log (ORA-00609) where a service is named"),
        speaks="tns",
        path="service",
        options=("sid", "table"),
    ),
    TargetType(
        "postgresql",
        "PostgreSQL",
        5432,
        _tcp(5432, "PostgreSQL server", _DATABASES, '"To scan PostgreSQL databases."'),
        Cost(1, 2, login_attempts=1, log="nothing when the login prompt is reached"),
        speaks="postgresql",
        path="database",
        options=("table", "user", "allow_cleartext"),
    ),
    TargetType(
        "sybase",
        "Sybase / SAP ASE",
        3638,
        _tcp(3638, "Sybase/SAP ASE", _DATABASES, '"To scan Sybase/SAP ASE databases."'),
        Cost(1, 1, login_attempts=1, log="one failed login of scanready_probe, with allow_login_probe alone"),
        speaks="tds",
        path="database",
        options=("table", "tls", "allow_login_probe", "allow_cleartext"),
        doubt="SAP ASE usually listens on 5000 or 4901.",
    ),
    TargetType(
        "teradata",
        "Teradata",
        1025,
        _tcp(1025, "Teradata database server", _DATABASES, '"To scan Teradata databases."'),
        Cost(2, 3, login_attempts=1),
        speaks="teradata",
        path="database",
    ),
    TargetType(
        "tibero",
        "Tibero",
        8629,
        _tcp(8629, "Tibero database server", _DATABASES, '"To scan Tibero databases."'),
        Cost(1, 1),
        speaks="tibero",
        server_first=True,
        path="database",
    ),
    TargetType(
        "master",
        "Enterprise Recon Master Server",
        11117,
        (Requirement("11117", "tcp", f'{_MASTER}: "11117 Inbound From: Node or Proxy Agent hosts."'),),
        Cost(1, 1),
        speaks="er-master",
        proof=Step.HANDSHAKE,
        steps=tuple(Step)[:5],
    ),
    TargetType(
        "console",
        "Enterprise Recon Web Console",
        443,
        (Requirement("80,443", "tcp", f'{_MASTER}: "80/443 Inbound From: Hosts connecting to the Web Console."'),),
        Cost(1, 1),
        speaks="http",
        tls=True,
        verifies_certificate=True,
        proof=Step.HANDSHAKE,
        steps=tuple(Step)[:5],
    ),
    TargetType(
        "update",
        "Ground Labs update server",
        8843,
        (Requirement("8843", "tcp", f'{_MASTER}: "8843 Outbound To: Ground Labs update server."', "optional"),),
        Cost(1, 1),
        speaks="tls",
        tls=True,
        verifies_certificate=True,
        proof=Step.TLS,
        steps=tuple(Step)[:4],
        doubt="Reached from the Master Server, not from an agent.",
    ),
)

BY_NAME: dict[str, TargetType] = {row.name: row for row in TYPES}
