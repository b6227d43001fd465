"""Send all authentications of one connection after a single SERVICE_REQUEST, as OpenSSH's client does.

    we                                          the server
    SERVICE_REQUEST ssh-userauth        ->      once a connection (RFC 4253, 10)
                                        <-      SERVICE_ACCEPT
    USERAUTH_REQUEST none               ->
                                        <-      USERAUTH_FAILURE: the methods
    USERAUTH_REQUEST password           ->      no second SERVICE_REQUEST before it

paramiko's Transport requests the service before each authentication, and strict servers close the connection at the
second request. Its subclass ServiceRequestingTransport waits for the acceptance without a limit, loses an answer that
arrives immediately, and cannot send ``none``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from scanready.causes import common
from scanready.climb.explain import Failure

from .login_limits import UNCHECKED, Leash, words_of

if TYPE_CHECKING:
    import paramiko

_SERVICE = "ssh-userauth"


class Authentications:
    """Send authentications, one after the other, over a transport whose key exchange is complete."""

    def __init__(self, transport: paramiko.Transport, leash: Leash) -> None:
        self.transport, self.leash = transport, leash
        self._handler: Any = _handler_class()(transport)
        transport.auth_handler = self._handler

    @property
    def banner(self) -> bytes | str | None:
        """Return the last USERAUTH_BANNER, even after the connection has ended."""
        banner: bytes | str | None = self._handler.banner
        return banner

    def none(self, user: str) -> list[str]:
        """Authenticate with ``none``; return and raise as :meth:`password`."""
        return self._await(lambda event: self._handler.auth_none(user, event))

    def key(self, user: str, key: paramiko.PKey) -> list[str]:
        """Authenticate with a private key; return and raise as :meth:`password`."""
        return self._await(lambda event: self._handler.auth_publickey(user, key, event))

    def password(self, user: str, password: str) -> list[str]:
        """Authenticate with a password; return the methods that the server asks for next, empty once logged in.

        Raises:
            Failure: the library cannot build the message, so nothing was sent.
            paramiko.AuthenticationException: refused, no answer in time, or the connection ended.
            paramiko.SSHException, EOFError, OSError: other errors of the library.
        """
        return self._await(lambda event: self._handler.auth_password(user, password, event))

    def interactive(self, user: str, answers: Callable[..., list[str]]) -> list[str]:
        """Authenticate with keyboard-interactive; return and raise as :meth:`password`."""
        return self._await(lambda event: self._handler.auth_interactive(user, answers, event))

    def _await(self, begin: Callable[[threading.Event], None]) -> list[str]:
        import paramiko

        event = threading.Event()
        try:
            begin(event)
        except paramiko.SSHException as error:  # such as: no signature algorithm in common
            raise Failure(common.LIMIT, f"paramiko cannot log in with this credential: {words_of(error)}") from error
        try:
            left: list[str] = self._handler.wait_for_response(event)
        except UNCHECKED as error:
            raise paramiko.SSHException(words_of(error)) from error
        return left


@lru_cache(maxsize=1)
def _handler_class() -> type:
    """Create the handler class once the library is loaded."""
    import paramiko
    from paramiko.auth_handler import AuthHandler

    class OneServiceRequest(AuthHandler):
        """Extend paramiko's handler: request the service once, and only authenticate afterwards.

        A second or late SERVICE_ACCEPT does not send an authentication again.
        """

        def __init__(self, transport: paramiko.Transport) -> None:
            super().__init__(transport)
            self._requested = self._begun = False

        def _request_auth(self) -> None:
            if self._requested:
                self._submit()
            else:
                self._requested = True
                super()._request_auth()  # type: ignore[misc]

        def _parse_service_accept(self, message: paramiko.Message) -> None:
            """Begin to authenticate, whatever service the acceptance names, as OpenSSH's client does (measured)."""
            name = message.get_remainder()
            if name and (len(name) < 4 or len(name) - 4 < int.from_bytes(name[:4], "big")):
                raise paramiko.SSHException("the server's SERVICE_ACCEPT is truncated inside the service name")
            if not self._begun:
                self._submit()

        def _submit(self) -> None:
            """Send the authentication that paramiko sends after the service is accepted."""
            self._begun = True
            accepted = paramiko.Message()
            accepted.add_string(_SERVICE)
            accepted.rewind()
            super()._parse_service_accept(accepted)  # type: ignore[misc]

    return OneServiceRequest
