"""The transport under requests, for logins over HTTP: TLS held to the judged certificate, and a watchdog over all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scanready.climb.login_trust import LoginTrust

from .held_tls import held_context
from .watchdog import Watchdog

if TYPE_CHECKING:
    from requests.adapters import HTTPAdapter

_ALPN = ("http/1.1",)


def adapter(watchdog: Watchdog, trust: LoginTrust) -> type[HTTPAdapter]:
    """A transport for requests, guarded from its first byte on; over TLS only to servers that ``trust`` permits."""
    from requests.adapters import HTTPAdapter

    class Adapter(HTTPAdapter):
        """See :func:`adapter`."""

        def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
            context = held_context(trust, _ALPN)
            super().init_poolmanager(*arguments, ssl_context=context, **named)
            _guarded(self.poolmanager, watchdog)

        def proxy_manager_for(self, *arguments: Any, **named: Any) -> Any:
            context = held_context(trust, _ALPN)
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
