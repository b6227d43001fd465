"""All authentications of one connection behind one request for the service, as OpenSSH's client does.

    we                                          the server
    SERVICE_REQUEST ssh-userauth        ->      once a connection (RFC 4253, 10)
                                        <-      SERVICE_ACCEPT
    USERAUTH_REQUEST none               ->
                                        <-      USERAUTH_FAILURE: the methods
    USERAUTH_REQUEST password           ->      no second SERVICE_REQUEST before it

paramiko's Transport requests the service before each authentication, and strict servers hang up at the second request.
Its subclass ServiceRequestingTransport waits for the acceptance without end, loses an answer that comes at once, and
cannot send ``none``.
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
    """Sends authentications over a transport whose keys are exchanged, one after the other."""

    def __init__(self, transport: paramiko.Transport, leash: Leash) -> None:
        self.transport, self.leash = transport, leash
        self._handler: Any = _handler_class()(transport)
        transport.auth_handler = self._handler

    @property
    def banner(self) -> bytes | str | None:
        """The last USERAUTH_BANNER, also once the connection is down."""
        banner: bytes | str | None = self._handler.banner
        return banner

    def none(self, user: str) -> list[str]:
        """Authenticate with ``none``; return and raise as :meth:`password`."""
        return self._await(lambda event: self._handler.auth_none(user, event))

    def key(self, user: str, key: paramiko.PKey) -> list[str]:
        """Authenticate with a private key; return and raise as :meth:`password`."""
        return self._await(lambda event: self._handler.auth_publickey(user, key, event))

    def password(self, user: str, password: str) -> list[str]:
        """Authenticate with a password; return the methods that the server asks for next, none once logged in.

        Raises:
            Failure: the library cannot make the message, so nothing was sent.
            paramiko.AuthenticationException: refused, no answer in time, or the connection ended.
            paramiko.SSHException, EOFError, OSError: as the library says it.
        """
        return self._await(lambda event: self._handler.auth_password(user, password, event))

    def interactive(self, user: str, answers: Callable[..., list[str]]) -> list[str]:
        """Authenticate with keyboard-interactive; return and raise as :meth:`password`."""
        return self._await(lambda event: self._handler.auth_interactive(user, answers, event))

    def _await(self, begin: Callable[[threading.Event], None]) -> list[str]:
        import paramiko

        event = threading.Event()
        self.transport.auth_timeout = self.leash.remaining
        try:
            begin(event)
        except paramiko.SSHException as error:  # such as: no algorithm to sign with that both sides know
            raise Failure(common.LIMIT, f"paramiko cannot log in with this credential: {words_of(error)}") from error
        try:
            left: list[str] = self._handler.wait_for_response(event)
        except UNCHECKED as error:
            raise paramiko.SSHException(words_of(error)) from error
        return left


@lru_cache(maxsize=1)
def _handler_class() -> type:
    """Make the handler when the library is loaded."""
    import paramiko
    from paramiko.auth_handler import AuthHandler

    class OneServiceRequest(AuthHandler):
        """paramiko's handler, which sends an authentication where the original requests the service again.

        An acceptance that comes twice, or late, sends no authentication a second time.
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
            """Begin to authenticate, whatever name the acceptance has, or none: so does OpenSSH's client (measured)."""
            name = message.get_remainder()
            if name and (len(name) < 4 or len(name) - 4 < int.from_bytes(name[:4], "big")):
                raise paramiko.SSHException("the server's SERVICE_ACCEPT ends within the name of the service")
            if not self._begun:
                self._submit()

        def _submit(self) -> None:
            """Send the authentication that paramiko would send once the service is accepted."""
            self._begun = True
            accepted = paramiko.Message()
            accepted.add_string(_SERVICE)
            accepted.rewind()
            super()._parse_service_accept(accepted)  # type: ignore[misc]

    return OneServiceRequest
