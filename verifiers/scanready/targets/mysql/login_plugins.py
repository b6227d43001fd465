"""Decide how pymysql answers each authentication plugin that the server asks for.

Without TLS some plugins expose the password: in clear text, or encrypted to any key that the peer shows
(``sha256_password``, the full exchange of ``caching_sha2_password``). These plugins, and plugins that pymysql does not
know, get an empty answer, which the server refuses. Closing the connection would count towards
``max_connect_errors``. Nothing else is sent before, not even the request for the key.

Source: MySQL internals manual, "Caching_sha2_password information" and "SHA256 information"; MariaDB knowledge base,
"Connection"; source code of pymysql 1.2 (``_auth.py``, ``connections.py``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.login_trace import SecretWithheldError
from scanready.model import INVENTED_USER
from scanready.wire import mysql as wire
from scanready.wire.printable import printable

if TYPE_CHECKING:
    import pymysql

_SHA256, _CACHING, _ED25519 = "sha256_password", "caching_sha2_password", "client_ed25519"
_IN_CLEAR, _TO_ANY_KEY = "sends the password in clear text", "encrypts the password to any key that the server shows"
#: Plugins whose answer can be read on the network without TLS, and how they send the password.
_EXPOSES = {
    "mysql_clear_password": _IN_CLEAR,
    "dialog": _IN_CLEAR,
    _SHA256: _TO_ANY_KEY,
}
#: Plugins that pymysql answers. The name is empty for a greeting without plugins.
_ANSWERED = frozenset({"", "mysql_native_password", _CACHING, _ED25519, *_EXPOSES})
_CACHE_MISSED = "does not find the account in its cache and then " + _TO_ANY_KEY
_WITHHELD = (
    "the account's plugin {} {}, and the server does not offer TLS. scanready sent an empty answer instead. "
    "Enable TLS on the server, or permit the login without TLS: `allow_cleartext: true` at the target"
)
#: Packets of a login without a proof: an empty answer, and the requests of two plugins for the server's key.
_WITHOUT_PROOF = (b"", b"\1", b"\2")
#: The most requests of a server that get an empty answer before it refuses.
_MOST_ANSWERS = 4
_FULL_EXCHANGE = b"\x01\x04"  # AuthMoreData: perform_full_authentication
# AuthSwitchRequest of servers before 5.5, which MariaDB still sends for old accounts; pymysql would disconnect.
_OLD_SWITCH, _OLD_PASSWORD_SWITCH = b"\xfe", b"\xfemysql_old_password\0"

Handler = Callable[[Any], Any]


def objections(encrypted: bool, allow_cleartext: bool) -> dict[str, Handler]:
    """Return pymysql's ``auth_plugin_map``: handlers of the plugins that get the password never or only sometimes.

    Args:
        encrypted: whether TLS protects the login.
        allow_cleartext: whether the operator permits a login that can be read on the network.
    """
    handlers = _Handlers()
    if find_spec("nacl") is None:
        detail = "the account uses ed25519, for which pymysql needs PyNaCl: pip install pynacl"
        handlers[_ED25519] = _objecting(Failure(common.LIMIT, detail))
    if not encrypted and not allow_cleartext:
        handlers |= {plugin: _objecting(_withheld(plugin, how)) for plugin, how in _EXPOSES.items()}
        handlers[_CACHING] = _FromTheCacheOnly
    return handlers


class _Handlers(dict[str, Handler]):
    """Provide a handler for every plugin that pymysql does not support, also for unknown names."""

    def __bool__(self) -> bool:
        return True  # pymysql would replace an empty one

    def get(self, name: str | bytes | None, default: Any = None) -> Any:
        """Return the handler of a plugin, or the default if pymysql answers the plugin itself."""
        plugin = name.decode("utf-8", "replace") if isinstance(name, bytes) else name or ""
        if plugin in self or plugin in _ANSWERED:
            return super().get(plugin, default)
        detail = f"the account uses {printable(plugin)}, which pymysql does not support; it got an empty answer"
        return _objecting(Failure(common.LIMIT, detail))


class Proofs(Protocol):
    """Count the proofs of the password, and the invented logins that replaced a withheld one."""

    proofs: int
    invented: int


def connection_type(encrypted: bool, trace: Proofs) -> type[pymysql.Connection[Any]]:
    """Return a subclass of pymysql's connection with four differences during the login.

    It records each proof of the password in ``trace`` before it is sent. A proof that may not be sent is replaced: the
    first by the login of an invented user, a later one by an empty answer; the server's refusal ends the session.

    Without TLS it does not start with a request for the server's RSA key, even if ``sha256_password`` is the server's
    default. It starts with the plugin of MySQL 4.1, and the server then asks for the account's plugin. It also
    understands the old format of a request for another plugin. It does not send `SET NAMES` as a part of the login:
    the server has accepted the login then, so a failure there is no failure of the login.
    """
    import pymysql
    from pymysql.protocol import MysqlPacket

    pymysqls: Any = pymysql.connections.Connection  # the types of its private methods are unknown

    class Connection(pymysqls):  # type: ignore[misc]
        _auth_plugin_name: str
        _authenticating = False

        def _get_server_information(self) -> None:
            super()._get_server_information()
            if not encrypted and self._auth_plugin_name == _SHA256:
                self._auth_plugin_name = "mysql_native_password"

        def _request_authentication(self) -> None:
            self._authenticating = True
            super()._request_authentication()
            self._authenticating = False

        def write_packet(self, payload: bytes) -> None:
            asks_for_tls = encrypted and not self._secure
            if self._authenticating and not asks_for_tls and payload not in _WITHOUT_PROOF:
                _permit(self, trace, encrypted)
            super().write_packet(payload)

        def set_character_set(self, *_: Any) -> None:
            """Do nothing: the first statements after the login set the character set."""

        def _read_packet(self, packet_type: Any = MysqlPacket) -> Any:
            packet = super()._read_packet(_marking(packet_type))
            if self._authenticating and packet.get_all_data() == _OLD_SWITCH:
                return packet_type(_OLD_PASSWORD_SWITCH, self.encoding)
            return packet

    return Connection


def _permit(session: Any, trace: Proofs, encrypted: bool) -> None:
    """Record that a proof of the password is about to be sent.

    Raises:
        SecretWithheldError: it may not be sent; the server has refused the replacement.
    """
    try:
        trace.proofs += 1
    except SecretWithheldError:
        session._authenticating = False
        _be_refused(session, trace, encrypted)
        raise


def _be_refused(session: Any, trace: Proofs, encrypted: bool) -> None:
    """Finish the login without a proof, so that the server does not count a hang-up."""
    import pymysql

    answer = b""
    if not trace.proofs:  # the server does not know the account yet
        trace.invented += 1
        plugin, offers = str(session._auth_plugin_name), session.server_capabilities
        # Without the header, which write_packet() adds.
        answer = wire.login(INVENTED_USER, plugin, 0, capabilities=offers, tls=encrypted)[4:]
    with contextlib.suppress(pymysql.err.Error, ValueError):
        for _ in range(_MOST_ANSWERS):
            session.write_packet(answer)
            if session._read_packet().is_ok_packet():
                session._write_bytes(wire.quit())
                return
            answer = b""


def is_from_server(error: BaseException) -> bool:
    """Return True if an error of pymysql is the server's ERR packet; the error number does not show this."""
    return getattr(error, "of_the_server", False) is True


@lru_cache(maxsize=8)
def _marking(packet_type: Any) -> Any:
    """Return a subclass of pymysql's packet that marks errors of ERR packets as the server's own.

    For a packet that ends too early it raises ValueError, where pymysql raises a bare Exception.
    """
    import pymysql

    class Marking(packet_type):  # type: ignore[misc]
        def advance(self, length: int) -> None:
            if not 0 <= self._position + length <= len(self._data):
                raise ValueError(f"a packet of {len(self._data)} bytes ends {length} bytes after {self._position}")
            super().advance(length)

        def raise_for_error(self) -> None:
            try:
                super().raise_for_error()
            except pymysql.err.Error as error:
                error.of_the_server = True  # type: ignore[attr-defined]
                raise

    return Marking


def _withheld(plugin: str, how: str) -> Failure:
    return Failure(common.LOGIN_WITHHELD, _WITHHELD.format(plugin, how), tried=True)


def _object(session: Any, failure: Failure) -> NoReturn:
    """Send an empty answer, read the server's refusal, and raise the failure."""
    import pymysql

    with contextlib.suppress(pymysql.err.Error):
        session.write_packet(b"")
        session._read_packet()
    raise failure


def _objecting(failure: Failure) -> Handler:
    """Return a handler for pymysql's ``auth_plugin_map`` that sends an empty answer and raises the failure."""

    class Objection:
        def __init__(self, session: Any) -> None:
            self.session = session

        def authenticate(self, _: object) -> NoReturn:
            _object(self.session, failure)

    return Objection


class _FromTheCacheOnly:
    """Answer ``caching_sha2_password`` with its scramble, and never with the password itself."""

    def __init__(self, session: Any) -> None:
        self.session = session

    def authenticate(self, packet: Any) -> Any:
        """Answer one request of the server; return its last packet, as pymysql's own handler does."""
        from pymysql import _auth

        session = self.session
        if packet.is_auth_switch_request():
            session.salt = packet.read_all().removesuffix(b"\0")
            session.write_packet(_auth.scramble_caching_sha2(session.password, session.salt))
            packet = session._read_packet()
            packet.check_error()
            if not packet.is_extra_auth_data():  # pymysql's own loop handles it
                return packet
        if packet.get_all_data().startswith(_FULL_EXCHANGE):
            _object(session, _withheld(_CACHING, _CACHE_MISSED))
        return _auth.caching_sha2_password_auth(session, packet)
