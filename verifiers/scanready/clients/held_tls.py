"""Do TLS for the client libraries of logins as the handshake did, and require the certificate that was judged.

A version or cipher of the server's must not fail in the library where it passed before, so the context is the
handshake's. The socket class checks the certificate: in whatever way a library uses the context, its handshake ends
here before it sends a byte.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

from scanready.climb.explain import Failure
from scanready.climb.login_trust import LoginTrust
from scanready.net.tls import handshake_context, session_of

#: Errors that a library wraps around one of ours.
_MOST_BEHIND = 16


def held_context(
    trust: LoginTrust, alpn: tuple[str, ...] = (), see: Callable[[bytes], None] = lambda _: None
) -> ssl.SSLContext:
    """Return a context for one login, whose sockets raise ``login.withheld`` unless ``trust`` permits the certificate.

    It is made anew: libraries change the context they are given. ``see`` gets what a library sends, before it leaves.
    """

    class HeldSocket(ssl.SSLSocket):
        """Check the certificate at the end of the handshake."""

        def do_handshake(self, block: bool = False) -> None:
            super().do_handshake(block)
            try:
                trust.demand(session_of(self))
            except Failure:
                self.close()
                raise

        def send(self, data: Any, flags: int = 0) -> int:
            see(bytes(data))
            return super().send(data, flags)

    context: ssl.SSLContext = handshake_context.__wrapped__(alpn)
    context.sslsocket_class = HeldSocket
    return context


def withheld(error: BaseException) -> Failure | None:
    """Return why a held socket ended the login, where a library made an error of its own of that; else None."""
    behind: BaseException | None = error
    for _ in range(_MOST_BEHIND):
        if behind is None or isinstance(behind, Failure):
            return behind
        behind = behind.__cause__ or behind.__context__
    return None
