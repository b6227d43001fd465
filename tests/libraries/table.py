"""The client libraries, what each refuses by an opinion of its own, and what of its errors came from the wire.

``docs/libraries.md`` is made of this table, and the tests of this folder provoke every row.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Library:
    """One library.

    Attributes:
        name: as its users call it.
        does: what it does for scanready.
        told: how its own opinion differs from the words of the server.
    """

    name: str
    does: str
    told: str


@dataclass(frozen=True, slots=True)
class Row:
    """One error of a library, or answer of a server, and its report.

    Attributes:
        key: names the row in the tests.
        library: the name of its library.
        says: the opinion, or the answer of the server, in words.
        reported: verdict and code of the cause; only the verdict where nothing is wrong.
    """

    key: str
    library: str
    says: str
    reported: str


LIBRARIES = (
    Library(
        "imaplib, imapclient",
        "The login of `imap` and `imaps`, and the first read.",
        "imaplib raises `abort` for both. Our reader of lines notes the end of the connection; BYE is kept by imaplib.",
    ),
    Library(
        "PyMySQL",
        "The login of `mysql`, on the connection whose greeting was read; the first read.",
        "Errors that repeat an ERR packet are marked where the packet is read. The pipe below knows whether the "
        "connection ended. The numbers tell neither: proxies send 2003 and 2006.",
    ),
    Library(
        "psycopg, libpq",
        "The login of `postgresql`, and the first read.",
        "Words of the server have an SQLSTATE, or a severity before them. The relay below libpq knows whether the "
        "server ended the connection.",
    ),
    Library(
        "oracledb",
        "The login of `oracle` (thin mode), and the first read.",
        "The driver's own errors are DPY-NNNN. DPY-6000 repeats an error of the listener, other ORA numbers are the "
        "database's.",
    ),
    Library(
        "pytds",
        "The login of `mssql`, and the first read.",
        "Our own codec reads the answer to the login first, and pytds reads it again only if the login is accepted.",
    ),
    Library(
        "paramiko",
        "The login of `ssh` and `unix`, one command, one directory over SFTP.",
        "SSHException and SFTPError are its own; AuthenticationException, ChannelException and SFTP's statuses are the "
        "server's. A transport that is no longer active has lost its connection.",
    ),
    Library(
        "impacket",
        "The logins of `smb` and `windows` (NTLM), shares, directories, WMI.",
        "Only its errors with an NT status, a fault or an HRESULT come from the server. The others have words only.",
    ),
    Library(
        "requests, urllib3",
        "The login of `http` and `https`, and the page behind it.",
        "An answer with a status is the server's; every exception is the library's.",
    ),
    Library(
        "requests_ntlm, pyspnego",
        "NTLM over HTTP, for `http`, `https` and `ews`; NTLM of SQL Server.",
        "A status is the server's; every exception is the library's.",
    ),
    Library(
        "exchangelib",
        "The login of `ews`, and the inbox.",
        "A ResponseCode in the XML is Exchange's. exchangelib gives errors of other libraries the names of Exchange's, "
        "with the words `Reraised from`.",
    ),
    Library(
        "informix-driver",
        "The first read of `informix`; our own codec logs in.",
        "The server's errors have an attribute `sqlcode`; a number within words counts only as `-NNN` after a blank or "
        "bracket.",
    ),
    Library(
        "ibm_db",
        "The login of `db2` where only encrypted passwords are taken.",
        "The reason of SQL30082N has a name; those of the client's own security have CLIENT or PLUGIN in it, or are "
        "UNSUPPORTED FUNCTION. Numbers that are not known here are the driver's.",
    ),
    Library(
        "teradatasql",
        "The login of `teradata`, and the first read.",
        "Errors of the database have numbers from 2000 on; those of the driver lower ones.",
    ),
    Library(
        "OpenSSL",
        "TLS everywhere.",
        "The name of an alert of the peer begins with TLSV1 or SSLV3. Versions and ciphers that both sides lack are no "
        "limit of OpenSSL: they are `tls.version` and `tls.no-common-cipher`.",
    ),
    Library(
        "cryptography",
        "Reads the certificates that a server shows.",
        "It sees bytes only after the handshake; whatever it raises is its own.",
    ),
    Library(
        "the agent's ssh client",
        "Says which algorithms a scan from this agent can use. It is asked (`ssh -Q`, `ssh -G`), and connects nowhere.",
        "It never talks to the target. Its lists are compared with what the server offers.",
    ),
)

OWN = (
    Row(
        "imap-blank-line",
        "imaplib, imapclient",
        "An answer has an empty line (\"unexpected response: b''\").",
        "undecided: scanready.limit",
    ),
    Row(
        "imap-blank-line-at-login",
        "imaplib, imapclient",
        "The answer to the login begins with an empty line.",
        "undecided: scanready.limit",
    ),
    Row(
        "imap-long-line", "imaplib, imapclient", "A line is longer than 1,000,000 bytes.", "undecided: scanready.limit"
    ),
    Row(
        "imap-status",
        "imaplib, imapclient",
        "The login is answered with a status that IMAP does not have.",
        "undecided: scanready.limit",
    ),
    Row("imap-no-exists", "imaplib, imapclient", "EXAMINE is answered without EXISTS.", "undecided: scanready.limit"),
    Row(
        "imap-no-capability",
        "imaplib, imapclient",
        "The server does not tell its capabilities to the login.",
        "undecided: scanready.limit",
    ),
    Row(
        "imap-preauth",
        "imaplib, imapclient",
        "The login's connection is greeted with PREAUTH, and imaplib sends no login then.",
        "undecided: login.not-judged",
    ),
    Row("mysql-number", "PyMySQL", "A packet is numbered otherwise than PyMySQL counts.", "undecided: scanready.limit"),
    Row("mysql-cut-off", "PyMySQL", "An error packet ends within its number.", "undecided: scanready.limit"),
    Row(
        "mysql-plugin",
        "PyMySQL",
        "The account logs in with a plugin that PyMySQL does not have.",
        "undecided: scanready.limit",
    ),
    Row(
        "mysql-before-4.1",
        "PyMySQL",
        "The server takes logins in the form before MySQL 4.1 only.",
        "undecided: scanready.limit",
    ),
    Row(
        "mysql-our-question",
        "PyMySQL",
        "The server knows neither `CURRENT_USER()` nor `information_schema`, and no table is named.",
        "undecided: mysql.other-product",
    ),
    Row(
        "postgresql-encoding",
        "psycopg, libpq",
        "The session has a character set that Python does not have.",
        "undecided: scanready.limit",
    ),
    Row(
        "postgresql-out-of-step",
        "psycopg, libpq",
        "libpq does not know the type of a message.",
        "undecided: scanready.limit",
    ),
    Row(
        "postgresql-our-question",
        "psycopg, libpq",
        "The server does not know our question for its tables, and no table is named.",
        "undecided: scanready.limit",
    ),
    Row(
        "mssql-our-question",
        "pytds",
        "The server does not know our question for its databases, and no table is named.",
        "undecided: scanready.limit",
    ),
    Row("oracle-old", "oracledb", "The database is older than 12.1.", "undecided: scanready.limit"),
    Row(
        "oracle-message",
        "oracledb",
        "The driver does not know the type of a message in the login (DPY-5000 to 5016).",
        "undecided: scanready.limit",
    ),
    Row("mssql-token", "pytds", "pytds does not know a token behind an accepted login.", "undecided: scanready.limit"),
    Row(
        "ssh-cipher",
        "paramiko",
        "The server has chacha20-poly1305 only, as tinysshd has.",
        "undecided: scanready.limit",
    ),
    Row(
        "ssh-sftp-answer",
        "paramiko",
        'The SFTP server answers with another kind of message ("Expected name response").',
        "undecided: scanready.limit",
    ),
    Row(
        "ssh-mac",
        "paramiko",
        'A packet after the login is not what paramiko deciphers ("Mismatched MAC").',
        "undecided: scanready.limit",
    ),
    Row(
        "smb-flood",
        "impacket",
        "The server sends more than 4 MB, which are all that is read.",
        "undecided: scanready.limit",
    ),
    Row(
        "smb-answer", "impacket", "impacket does not understand an answer in the session.", "undecided: scanready.limit"
    ),
    Row(
        "smb-share-list",
        "impacket",
        "impacket does not know the answer to the question for the shares.",
        "undecided: scanready.limit",
    ),
    Row(
        "wmi-header",
        "impacket",
        "The answer to the bind is no DCE/RPC that is read here.",
        "undecided: scanready.limit",
    ),
    Row(
        "wmi-kind",
        "impacket",
        'The answer to the bind is of another kind ("Unknown DCE RPC packet type").',
        "undecided: scanready.limit",
    ),
    Row(
        "http-digest",
        "requests, urllib3",
        "The server wants a digest that requests does not have (SHA-512-256).",
        "undecided: scanready.limit",
    ),
    Row(
        "http-chunk",
        "requests, urllib3",
        "The page behind the login has a chunk without a size.",
        "undecided: scanready.limit",
    ),
    Row(
        "http-ntlm-none",
        "requests_ntlm, pyspnego",
        "The first message is answered without a challenge, which requests_ntlm looks for (KeyError).",
        "undecided: scanready.limit",
    ),
    Row(
        "http-ntlm-challenge",
        "requests_ntlm, pyspnego",
        "The server's challenge is none that pyspnego reads.",
        "undecided: scanready.limit",
    ),
    Row(
        "ews-reraised",
        "exchangelib",
        "NTLM ends with a status that exchangelib tells as `ErrorInternalServerTransientError`.",
        "undecided: scanready.limit",
    ),
    Row("ews-soap", "exchangelib", "exchangelib does not understand the XML.", "undecided: scanready.limit"),
    Row(
        "informix-type",
        "informix-driver",
        "The driver does not know the type of the answer to the login.",
        "undecided: scanready.limit",
    ),
    Row(
        "informix-host",
        "informix-driver",
        "The driver's own words name a host whose name has the number of an error (db-951).",
        "undecided: scanready.limit",
    ),
    Row("db2-licence", "ibm_db", "The driver has no licence for the server (SQL1598N).", "undecided: scanready.limit"),
    Row(
        "db2-client-security",
        "ibm_db",
        "The client's own security fails (SQL30082N with reason 17, or UNEXPECTED CLIENT ERROR).",
        "undecided: scanready.limit",
    ),
    Row("teradata-driver", "teradatasql", "The driver fails with a number of its own.", "undecided: scanready.limit"),
    Row(
        "tls-small-group",
        "OpenSSL",
        'The server\'s Diffie-Hellman group has 512 bits ("dh key too small").',
        "undecided: scanready.limit",
    ),
    Row(
        "certificate-version",
        "cryptography",
        "The certificate has a version that cryptography does not know.",
        "undecided: scanready.limit",
    ),
    Row(
        "ssh-key-kind",
        "paramiko",
        "The credential's key is of a kind that paramiko, or cryptography below it, does not have (DSA).",
        "undecided: scanready.limit",
    ),
    Row(
        "ssh-client-missing",
        "the agent's ssh client",
        "It is not installed on the agent.",
        "blocked: agent.client-missing",
    ),
)

WIRE = (
    Row(
        "imap-hang-up",
        "imaplib, imapclient",
        "The connection ends in place of the answer to the login.",
        "undecided: imap.backend-unavailable",
    ),
    Row(
        "imap-bye",
        "imaplib, imapclient",
        "BYE in place of the answer, in words that resemble imaplib's.",
        "undecided: imap.backend-unavailable",
    ),
    Row(
        "imap-bare-lf",
        "imaplib, imapclient",
        "Lines that LF ends without CR; other clients read them, and so do we.",
        "scannable",
    ),
    Row("mysql-2003", "PyMySQL", "ERR 2003 of a proxy whose database is away.", "undecided: mysql.server-error"),
    Row(
        "mysql-hang-up",
        "PyMySQL",
        "The connection ends in place of the answer to the login.",
        "blocked: mysql.login-broken-off",
    ),
    Row("mysql-hang-up-later", "PyMySQL", "The connection ends in the first read.", "undecided: access.broken-off"),
    Row("mysql-compatible", "PyMySQL", "ERR for every question of ours, and a row of the named table.", "scannable"),
    Row(
        "postgresql-hang-up", "psycopg, libpq", "The connection ends in the first read.", "undecided: access.broken-off"
    ),
    Row("postgresql-28P01", "psycopg, libpq", "FATAL 28P01.", "blocked: login.refused"),
    Row(
        "postgresql-compatible",
        "psycopg, libpq",
        "ERROR for every question of ours, and a row of the named table.",
        "scannable",
    ),
    Row(
        "oracle-tns",
        "oracledb",
        "ERR 1153 of a listener, which is TNS-01153 and no ORA-01153.",
        "undecided: oracle.listener-error",
    ),
    Row(
        "oracle-hang-up",
        "oracledb",
        "The connection ends in place of the answer to the login.",
        "undecided: login.broken-off",
    ),
    Row(
        "postgresql-hang-up-at-login",
        "psycopg, libpq",
        "The connection ends in place of the answer to the password.",
        "undecided: login.broken-off",
    ),
    Row("mssql-compatible", "pytds", "Errors for every question of ours, and a row of the named table.", "scannable"),
    Row(
        "imap-list-refused",
        "imaplib, imapclient",
        "NO to LIST, which is our question, and an inbox to read.",
        "scannable",
    ),
    Row(
        "teradata-version", "teradatasql", "Error 3523 for the version, which is our question, and a row.", "scannable"
    ),
    Row("mssql-hang-up-later", "pytds", "The connection ends in the first read.", "undecided: access.broken-off"),
    Row(
        "http-hang-up",
        "requests, urllib3",
        "The connection ends in place of the answer to the password.",
        "undecided: login.broken-off",
    ),
    Row(
        "http-hang-up-before",
        "requests, urllib3",
        "The connection ends before the password is sent.",
        "undecided: login.not-judged",
    ),
    Row(
        "ews-hang-up",
        "exchangelib",
        "The connection ends in place of the answer to the login.",
        "undecided: login.broken-off",
    ),
    Row(
        "informix-hang-up", "informix-driver", "The connection ends in the first read.", "undecided: access.broken-off"
    ),
    Row("oracle-1017", "oracledb", "ORA-01017.", "blocked: login.refused"),
    Row("mssql-18456", "pytds", "Error 18456.", "blocked: login.refused"),
    Row(
        "ssh-sftp-failure",
        "paramiko",
        "SSH_FX_FAILURE, which has no reason and is no SSH_FX_PERMISSION_DENIED.",
        "undecided: ssh.sftp-failed",
    ),
    Row(
        "ssh-hang-up-later",
        "paramiko",
        "The connection ends in place of the answer to our command.",
        "undecided: access.broken-off",
    ),
    Row("smb-status", "impacket", "STATUS_LOGON_FAILURE.", "blocked: login.refused"),
    Row("wmi-fault", "impacket", "Fault 5 of the first call.", "blocked: login.refused"),
    Row("http-401", "requests, urllib3", "401 after the password.", "blocked: login.refused"),
    Row("http-ntlm-401", "requests_ntlm, pyspnego", "401 after the answer to the challenge.", "blocked: login.refused"),
    Row("ews-response-code", "exchangelib", "ErrorServerBusy in the XML.", "undecided: ews.busy"),
    Row("informix-206", "informix-driver", "Error -206 in the session.", "blocked: access.not-found"),
    Row("db2-24", "ibm_db", "SQL30082N, reason 24.", "blocked: login.refused"),
    Row("teradata-8017", "teradatasql", "Error 8017 of the database.", "blocked: login.refused"),
    Row(
        "teradata-timeout",
        "teradatasql",
        'Error 2631 of the database, whose words have "timeout".',
        "undecided: teradata.server-error",
    ),
    Row("tls-alert", "OpenSSL", "The alert internal_error.", "blocked: tls.failed"),
)
