"""Web sites and mailboxes."""

from __future__ import annotations

from scanready.catalogue.exchange import Exchange, with_login
from scanready.model import Step

_TLS = "openssl s_client {starttls}-connect {host}:{port}"
_HANDSHAKE = "a TLS hello with the server's name (SNI); its certificate was judged after the handshake"
_CURL = "curl -vk --ssl-reqd -u {user} {url}   # asks for the password, and counts as one attempt"


def _site(kind: str) -> dict[tuple[str, str], Exchange]:
    account = "curl -vk --anyauth -u {user} {url}   # asks for the password, and counts as one attempt"
    return {
        (kind, Step.TLS): Exchange(_HANDSHAKE, _TLS),
        (kind, Step.HANDSHAKE): Exchange(
            "HEAD with our User-Agent; GET where HEAD alone was refused; redirects were followed", "curl -vkIL {url}"
        ),
        (kind, Step.AUTH): Exchange("nothing of its own: the answer's status and fields say it", "curl -vkI {url}"),
        (kind, Step.LOGIN): Exchange("one request with the account, by the scheme that the site offers", account),
        (kind, Step.ACCESS): Exchange(
            with_login("GET with the account, up to 64 KiB", "GET without an account, up to 64 KiB"), "curl -vk {url}"
        ),
    }


def _mailbox(kind: str, encrypting: str) -> dict[tuple[str, str], Exchange]:
    return {
        (kind, Step.TLS): Exchange(encrypting, _TLS),
        (kind, Step.HANDSHAKE): Exchange(
            "CAPABILITY, unless the greeting told it; the server speaks first", "curl -vk {url} -X CAPABILITY"
        ),
        (kind, Step.AUTH): Exchange(
            "CAPABILITY, where what was told no longer counts", "curl -vk --ssl {url} -X CAPABILITY"
        ),
        (kind, Step.LOGIN): Exchange("the account, once, on a connection of its own", _CURL),
        (kind, Step.ACCESS): Exchange("EXAMINE of a folder, and the date of one message; no flag changes", _CURL),
    }


_EWS = "curl -vkI https://{host}:{port}/EWS/Exchange.asmx"
_EWS_LOGIN = "curl -vk --anyauth -u {user} https://{host}:{port}/EWS/Exchange.asmx   # counts as one attempt"
_OTHERS: dict[tuple[str, str], Exchange] = {
    ("ews", Step.TLS): Exchange(_HANDSHAKE, _TLS),
    ("ews", Step.HANDSHAKE): Exchange("GET of Exchange's endpoint, and of its health check, without an account", _EWS),
    ("ews", Step.AUTH): Exchange("GET with NTLM type 1, which names nobody, where NTLM is offered", _EWS),
    ("ews", Step.LOGIN): Exchange("the account, once, by exchangelib", _EWS_LOGIN),
    ("ews", Step.ACCESS): Exchange("the inbox's counts, and the id of one item in it", _EWS_LOGIN),
    ("notes", Step.HANDSHAKE): Exchange("a request to open a session, which names nobody", "nc -vz -w 5 {host} {port}"),
    ("cloud", Step.TLS): Exchange(_HANDSHAKE),
    ("cloud", Step.HANDSHAKE): Exchange("HEAD / to each endpoint that a scan of the service needs"),
    ("master", Step.HANDSHAKE): Exchange(
        "nothing, for two seconds: the protocol is not public", "nc -vz -w 5 {host} {port}"
    ),
    ("console", Step.TLS): Exchange(_HANDSHAKE, _TLS),
    ("console", Step.HANDSHAKE): Exchange(
        "HEAD / with our User-Agent; redirects were followed", "curl -vkIL https://{host}:{port}/"
    ),
    ("update", Step.TLS): Exchange(_HANDSHAKE, _TLS),
}

WEB: dict[tuple[str, str], Exchange] = {
    **_site("http"),
    **_site("https"),
    ("cloud", Step.TLS): Exchange(_HANDSHAKE, "openssl s_client -connect {host}:{port} -servername {host}"),
    ("cloud", Step.HANDSHAKE): Exchange("HEAD with our User-Agent", "curl -vkI {url}"),
    **_mailbox("imap", f"STARTTLS, then {_HANDSHAKE}"),
    **_mailbox("imaps", _HANDSHAKE),
    **_OTHERS,
}
