"""Provide the transport of requests for logins over HTTP: TLS with the judged certificate, and a watchdog.

http.client accepts a truncated head as complete. Here a head without its end is no answer, because a truncated status
would judge the account.
"""

from __future__ import annotations

import base64
import binascii
import http.client
import re
from typing import TYPE_CHECKING, Any

from scanready.climb.login_trace import SecretTrace
from scanready.climb.login_trust import LoginTrust

from .held_tls import held_context
from .watchdog import Watchdog

if TYPE_CHECKING:
    from requests.adapters import HTTPAdapter

_ALPN = ("http/1.1",)
_AUTHORIZATION = re.compile(rb"^(?:Proxy-)?Authorization: *(\S+) *([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_AUTHENTICATE = b"NTLMSSP\0\3\0\0\0"  # the message of NTLM that answers the challenge ([MS-NLMP] 2.2.1.3)


def carries_secret(head: bytes) -> bool:
    """Return whether the head of a request contains a credential, or a response computed from one.

    NTLM's first message names no account; the third message answers the server's challenge. Every other scheme counts.
    """
    for scheme, answer in _AUTHORIZATION.findall(head):
        if scheme.lower() not in (b"ntlm", b"negotiate"):
            return True
        try:
            token = base64.b64decode(answer, validate=True)
        except binascii.Error:
            return True
        if not token.startswith(b"NTLMSSP\0") or token.startswith(_AUTHENTICATE):
            return True
    return False


def adapter(watchdog: Watchdog, trust: LoginTrust, trace: SecretTrace) -> type[HTTPAdapter]:
    """Return a transport class for requests under the watchdog; over TLS only to servers that ``trust`` permits.

    ``trace`` is set when a secret is sent.
    """
    from requests.adapters import HTTPAdapter

    class Adapter(HTTPAdapter):
        """See :func:`adapter`."""

        def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
            context = held_context(trust, _ALPN)
            super().init_poolmanager(*arguments, ssl_context=context, **named)
            _guarded(self.poolmanager, watchdog, trace)

        def proxy_manager_for(self, *arguments: Any, **named: Any) -> Any:
            context = held_context(trust, _ALPN)
            return _guarded(super().proxy_manager_for(*arguments, ssl_context=context, **named), watchdog, trace)

    return Adapter


class _WholeLines:
    """Wrap the file of an answer, and raise if the connection ends inside a line."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def readline(self, most: int) -> bytes:
        line: bytes = self.file.readline(most)
        if not line.endswith(b"\n") and len(line) < most:
            raise http.client.RemoteDisconnected(f"the connection ended in the head of the answer, after {line[:80]!r}")
        return line

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


class _WholeHead(http.client.HTTPResponse):
    """Read an answer, and raise if its head is truncated."""

    def begin(self) -> None:
        file = self.fp
        lines: Any = _WholeLines(file)
        self.fp = lines
        super().begin()
        if self.fp is lines:  # else there is no body, and it is closed
            self.fp = file


def _guarded(manager: Any, watchdog: Watchdog, trace: SecretTrace) -> Any:
    """Put each connection of a urllib3 pool manager under the watchdog from its first byte, including TLS."""
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    def guarded(pool: type[HTTPConnectionPool], connection: type[HTTPConnection]) -> type[HTTPConnectionPool]:
        def _new_conn(self: HTTPConnection) -> Any:
            sock = connection._new_conn(self)
            watchdog.guard(sock.fileno())
            return sock

        def send(self: HTTPConnection, data: Any) -> None:
            if isinstance(data, bytes) and not trace.sent and carries_secret(data):
                if self.sock is None:
                    self.connect()  # nothing is sent if that fails
                trace.sent = True
            connection.send(self, data)

        own = {"_new_conn": _new_conn, "send": send, "response_class": _WholeHead}
        ours = type(connection.__name__, (connection,), own)
        return type(pool.__name__, (pool,), {"ConnectionCls": ours})

    manager.pool_classes_by_scheme = {
        "http": guarded(HTTPConnectionPool, HTTPConnection),
        "https": guarded(HTTPSConnectionPool, HTTPSConnection),
    }
    return manager
