"""Mailboxes."""

from __future__ import annotations

from scanready.model import Step

from .row import Cost, TargetType, one_port

_MAIL = "Proxy Agent Network Requirements"

MAIL: tuple[TargetType, ...] = (
    TargetType(
        "imap",
        "Mailboxes over IMAP",
        143,
        one_port(143, "IMAP server", _MAIL, '"To scan email accounts using IMAP."'),
        Cost(1, 2, login_attempts=1, log="one info line: logged out without authenticating"),
        speaks="imap",
        server_first=True,
        path="folder",
        options=("allow_cleartext",),
        verifies_certificate=True,
        proven_by="Dovecot",
    ),
    TargetType(
        "imaps",
        "Mailboxes over IMAPS",
        993,
        one_port(993, "IMAPS server", _MAIL, '"To scan email accounts using IMAPS."'),
        Cost(1, 2, login_attempts=1, log="one info line: logged out without authenticating"),
        speaks="imap",
        tls=True,
        path="folder",
        verifies_certificate=True,
        proven_by="Dovecot",
    ),
    TargetType(
        "ews",
        "Microsoft Exchange (EWS)",
        443,
        one_port(443, "Microsoft Exchange Server (EWS)", _MAIL, '"To scan Microsoft Exchange servers via EWS."'),
        Cost(
            *(8, 9),  # the endpoint twice where connections are not kept; with autodiscover, each place it looks
            login_attempts=1,
            log="a line in IIS's log with our User-Agent for each request: the endpoint twice (for NTLM's challenge), "
            "the health page, two more paths where neither shows Exchange; no logon event without a credential",
        ),
        speaks="http",
        tls=True,
        path="mailbox",
        options=("path", "autodiscover", "proxy"),
        verifies_certificate=True,
        proven_by="Apache with real NTLM; exchangelib against literal SOAP answers",
        doubt="The vendor's later guides ask for a Windows agent of Exchange's own bitness and an account with a "
        "mailbox and ApplicationImpersonation; this document does not.",
    ),
    TargetType(
        "notes",
        "IBM / Lotus Notes",
        1352,
        one_port(1352, "IBM / Lotus Notes client", _MAIL, '"To scan IBM / Lotus Notes clients."'),
        Cost(1, 1, log="nothing, unless Log_Sessions is set: session opened, session closed"),
        speaks="nrpc",
        needs_client="Notes, set up with an ID file",
        proof=Step.HANDSHAKE,
        steps=tuple(step for step in Step if step is not Step.TLS),
        logs_in=False,
        doubt="The document says client; 1352 is the Domino server's port, and the agent needs a Notes client besides. "
        "The protocol is not public: never more than ready, and no vendor's client has judged our side of it.",
        proven_by="nobody: literal bytes only, no client can be had",
    ),
)
