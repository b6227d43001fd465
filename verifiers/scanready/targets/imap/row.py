"""Describe the target types for mailboxes over IMAP: with STARTTLS, and inside TLS from the first byte."""

from __future__ import annotations

from scanready.catalogue.option import ALLOW_CLEARTEXT, ALLOW_UNTRUSTED, Option
from scanready.catalogue.row import Cost, Driver, Group, Judge, Nmap, TargetType

_COST = Cost(1, 2, login_attempts=1, log="one info line: logged out without authenticating")
_DRIVERS = (Driver("imapclient", "IMAPClient", "mail"),)
_FOLDER = Option("folder", tree=True)

IMAP = TargetType(
    "imap",
    "Mailboxes over IMAP",
    143,
    _COST,
    speaks="imap",
    home=__package__,
    verifier="verify_imap",
    group=Group.MAIL,
    place=1,
    server_first=True,
    starttls="imap",
    path="folder",
    options=(_FOLDER, ALLOW_CLEARTEXT, ALLOW_UNTRUSTED),
    guessed=True,
    drivers=_DRIVERS,
    nmap=Nmap(services=("imap", "imap2"), in_tls="imaps"),
    proven_by="Dovecot, Courier IMAP, GNU Mailutils",
    judges=(
        Judge("Dovecot", "server", "tests/lab/test_imap.py"),
        Judge("Courier", "server", "tests/peers/test_imap.py"),
        Judge("imap4d", "server", "tests/peers/test_imap.py"),
        Judge("curl", "client", "tests/peers/test_imap.py"),
        Judge("openssl", "client", "tests/lab/test_imap.py"),
        Judge("imaplib", "client", "tests/lab/test_imap.py"),
    ),
)

IMAPS = TargetType(
    "imaps",
    "Mailboxes over IMAPS",
    993,
    _COST,
    speaks="imap",
    home=__package__,
    verifier="verify_imaps",
    group=Group.MAIL,
    place=2,
    tls=True,
    path="folder",
    options=(_FOLDER, ALLOW_UNTRUSTED),
    guessed=True,
    drivers=_DRIVERS,
    nmap=Nmap(services=("imaps",)),
    proven_by="Dovecot, Courier IMAP, GNU Mailutils",
    judges=(
        Judge("Dovecot", "server", "tests/lab/test_imap.py"),
        Judge("Courier", "server", "tests/peers/test_imap.py"),
        Judge("imap4d", "server", "tests/peers/test_imap.py"),
        Judge("curl", "client", "tests/peers/test_imap.py"),
        Judge("openssl", "client", "tests/lab/test_imap.py"),
        Judge("imaplib", "client", "tests/lab/test_imap.py"),
    ),
)
