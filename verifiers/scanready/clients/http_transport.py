"""The transport under requests, for logins over HTTP: our TLS, and a watchdog over every connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scanready.net.tls import handshake_context

from .watchdog import Watchdog

if TYPE_CHECKING:
    from requests.adapters import HTTPAdapter


def adapter(watchdog: Watchdog) -> type[HTTPAdapter]:
    """A transport for requests: TLS as the handshake did it, which judged the certificate, and guarded.

    A version or cipher of the server's must not fail here alone.
    """
    from requests.adapters import HTTPAdapter

    class Adapter(HTTPAdapter):
        """See :func:`adapter`."""

        def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
            context = handshake_context.__wrapped__(("http/1.1",))  # one of its own: urllib3 changes it
            super().init_poolmanager(*arguments, ssl_context=context, **named)
            _guarded(self.poolmanager, watchdog)

        def proxy_manager_for(self, *arguments: Any, **named: Any) -> Any:
            context = handshake_context.__wrapped__(("http/1.1",))
            return _guarded(super().proxy_manager_for(*arguments, ssl_context=context, **named), watchdog)

    return Adapter


def _guarded(manager: Any, watchdog: Watchdog) -> Any:
    """Have each connection of a urllib3 pool manager guarded from its first byte on, TLS included."""
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    def guarded(pool: type[HTTPConnectionPool], connection: type[HTTPConnection]) -> type[HTTPConnectionPool]:
        def _new_conn(self: HTTPConnection) -> Any:
            sock = connection._new_conn(self)
            watchdog.guard(sock.fileno())
            return sock

        ours = type(connection.__name__, (connection,), {"_new_conn": _new_conn})
        return type(pool.__name__, (pool,), {"ConnectionCls": ours})

    manager.pool_classes_by_scheme = {
        "http": guarded(HTTPConnectionPool, HTTPConnection),
        "https": guarded(HTTPSConnectionPool, HTTPSConnection),
    }
    return manager
