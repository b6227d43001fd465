"""Log in to an IMAP server with imapclient, once, and read one header.

The folder is opened with EXAMINE and the header fetched with BODY.PEEK: no flag
of any message changes (RFC 3501, 6.3.2 and 6.4.5). TLS is done where the
handshake had it, and held to the certificate that was judged there.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from scanready.causes import common
from scanready.clients.held_tls import held_context
from scanready.clients.imports import importing
from scanready.clients.watchdog import Watchdog
from scanready.climb.explain import Failure, Unfinished
from scanready.climb.login_result import LoginResult
from scanready.climb.login_trace import LoginTrace
from scanready.climb.login_trust import NO_CERTIFICATE, LoginTrust
from scanready.model import Credential
from scanready.net.errors import local_limit
from scanready.net.tls import server_name
from scanready.wire.printable import printable

from . import causes, fixes, referrals, refusals
from .login_reading import NotUnderstood, OwnReading, UnknownStatus

if TYPE_CHECKING:
    from imapclient import IMAPClient

Encryption = Literal["TLS", "STARTTLS", "none"]

INBOX = "INBOX"  # every account has it, whatever its language (RFC 3501, 5.1)
HEADER = "BODY.PEEK[HEADER.FIELDS (DATE)]"
_MOST_SHOWN = 240  # characters of a server's own words in a detail
_MOST_FOLDERS = 1000

_NOT_THERE = re.compile(r"n't exist|not exist|unknown mailbox|not found|no such|non-?existent", re.IGNORECASE)

_ATOM = re.compile(r"[A-Za-z0-9!#$&'+,./:;<=>?@^_`|~-]+")  # atom-specials left out (RFC 3501, 9)
_BYTES = re.compile(r"""b(['"])(.*)\1""", re.DOTALL)
_WRAPPING = re.compile(r"^[a-z]+ failed: | \([\d.]+ \+ [\d.]+ secs\)\.?$")  # imapclient's, and Dovecot's clock
_CODE = re.compile(r"\[([A-Z-]+)(?: [^\]]*)?\]")
_TURNED_AWAY = re.compile(r"\* (?:BYE|NO|BAD)\b", re.IGNORECASE)  # in place of a greeting
# Exceptions of imapclient and imaplib on an answer that they take apart without checking it.
_UNCHECKED = (ValueError, LookupError, TypeError, AttributeError, AssertionError)
_NONAUTH = "NONAUTH"  # imaplib's state of a connection that takes a login
_LOST = "the library does not understand the server"


@dataclass(slots=True)
class Trace(LoginTrace):
    """How far a visit came, however it ended: whether the server saw a password."""

    tried: bool = False

    @property
    def secret_left(self) -> bool:
        """Whether the server may have the password."""
        return self.tried


@dataclass(frozen=True, slots=True)
class Where:
    """Where to log in, and how the handshake said: ``address`` is dialled, ``name`` goes into SNI.

    ``login_command`` is false where the server bars LOGIN (LOGINDISABLED), whatever it has among its ``sasl``.
    ``product`` is who answered, as its greeting named it. ``trust`` has the certificates that it may be shown;
    ``trace`` records what the login did.
    """

    address: str
    name: str
    port: int
    encryption: Encryption
    login_command: bool
    sasl: frozenset[str]
    folder: str | None = None
    product: str = ""
    trust: LoginTrust = NO_CERTIFICATE
    trace: Trace = field(default_factory=Trace, compare=False)


@dataclass(slots=True, kw_only=True)
class Result(LoginResult):
    """``referred`` is a referral beside an accepted login: the account's own mailboxes are on another server."""

    referred: Failure | None = None


class _Context:
    """The handshake's TLS context, with the target's name for SNI though an address is dialled."""

    def __init__(self, where: Where, watchdog: Watchdog) -> None:
        self._name = where.name
        self._context = held_context(where.trust)
        self._watchdog = watchdog

    def wrap_socket(self, sock: socket.socket, server_hostname: str | None = None) -> ssl.SSLSocket:
        """What imaplib and imapclient call."""
        self._watchdog.guard(sock.fileno())
        return self._context.wrap_socket(sock, server_hostname=server_name(self._name))


def load() -> None:
    """Load the library."""
    import imapclient  # noqa: F401


def visit(where: Where, credential: Credential, seconds: float) -> Result:
    """Log in once, list the folders and read one header of ``where.folder`` or INBOX, within ``seconds``.

    Raises:
        Failure: the credential or the session was refused; imapclient is not installed.
    """
    with importing("imapclient is not installed: pip install 'scanready[mail]'"):
        from imapclient.exceptions import IMAPClientError
    assert credential.password is not None, "nobody logs in with a name alone"
    log_in = _way(where, credential.username, credential.password)
    with _session(where, seconds) as client:
        if client._imap.state != _NONAUTH:
            raise Failure(common.LOGIN_NOT_JUDGED, "the server greets the login with PREAUTH, and takes none then")
        try:
            answer = printable(str(log_in(client)), _MOST_SHOWN)
        except IMAPClientError as error:
            raise _refused(error, where) from error
        except UnknownStatus as error:
            raise Unfinished(common.LIMIT, f"the answer to the login is none that IMAP has: {error}") from error
        except (NotUnderstood, *_UNCHECKED) as error:
            detail = f"imaplib does not understand the answer to the login: {_words(error)}"
            raise Unfinished(common.LIMIT, detail) from error
        result = _look_around(client, where, credential.username)
        result.referred = referrals.in_words(answer, tls=where.encryption == "TLS")
        return result


def _way(where: Where, user: str, password: str) -> Callable[[IMAPClient], object]:
    """The LOGIN command, or AUTHENTICATE where that is barred or imaplib would send it wrong.

    imaplib sends the user name of LOGIN unquoted, and everything as ASCII (read in Python 3.11).
    """
    if where.login_command and _ATOM.fullmatch(user) and password.isascii() and password.isprintable():
        return lambda client: _by_command(client, user, password, where.trace)
    if "PLAIN" in where.sasl:
        return _sasl(where.trace, "PLAIN", f"\0{user}\0{password}")
    if "LOGIN" in where.sasl:
        return _sasl(where.trace, "LOGIN", user, password)  # it asks for one, then for the other
    raise Failure(
        common.LIMIT, "this account's name or password needs AUTH=PLAIN here, which the server does not offer"
    )


def _by_command(client: IMAPClient, user: str, password: str, trace: Trace) -> object:
    if "LOGINDISABLED" in client._imap.capabilities:  # as this connection said, in TLS where it has it
        detail = "the server bars LOGIN on this connection (LOGINDISABLED), and did not on the one before it"
        raise Failure(common.LOGIN_NOT_JUDGED, detail)
    trace.tried = True
    return client.login(user, password)


def _sasl(trace: Trace, mechanism: str, *answers: str) -> Callable[[IMAPClient], object]:
    """AUTHENTICATE; each answer leaves once; a server that asks for more gets the cancellation of the exchange.

    The library repeats PLAIN's answer at each request of the server (read in imapclient 4.1). The last is the secret.
    """
    left = [answer.encode() for answer in answers]

    def answer(_: bytes) -> bytes | None:
        trace.tried = trace.tried or len(left) == 1
        return left.pop(0) if left else None

    return lambda client: client.sasl_login(mechanism, answer)


@contextmanager
def _session(where: Where, seconds: float) -> Iterator[IMAPClient]:
    """Connect as the handshake did, log out politely at the end; whatever the peer does, it ends after ``seconds``."""
    from imapclient.exceptions import IMAPClientError

    # The caller gives up first; the watchdog ends the thread where the peer drips for ever, be it in its greeting.
    with Watchdog(time.monotonic() + seconds + 1) as watchdog:
        context = _Context(where, watchdog)
        try:
            with _client(where, seconds, context, watchdog) as client:
                if where.encryption == "STARTTLS":
                    _start_tls(client, context)
                yield client
        except TimeoutError as error:
            raise Failure(common.OUT_OF_TIME, "the login did not end in time") from error
        except UnknownStatus as error:
            raise Failure(common.LIMIT, f"an answer before the login is none that IMAP has: {error}") from error
        except NotUnderstood as error:
            detail = f"imaplib does not understand an answer before the login: {_words(error)}"
            raise Failure(common.LIMIT, detail) from error
        except (OSError, IMAPClientError) as error:
            if watchdog.bitten:
                raise Failure(common.OUT_OF_TIME, "the login did not end in time") from error
            if isinstance(error, OSError) and (limit := local_limit(error)) and not where.trace.tried:
                raise Failure(common.LOCAL_LIMIT, f"the login could not connect: {limit}") from error
            if _is_an_opinion(error) and not where.trace.tried:
                raise Failure(common.LIMIT, f"imaplib does not begin with this server: {_words(error)}") from error
            code, text = _said(error)
            if not where.trace.tried and (referred := referrals.in_words(text, tls=where.encryption == "TLS")):
                raise referred from error
            cause = common.THROTTLED if causes.too_many(code, text) else causes.BACKEND_UNAVAILABLE
            if where.trace.tried:
                raise Unfinished(cause, f"the connection ended at the login: {printable(text)}") from error
            raise Failure(cause, f"the login could not connect: {printable(text)}") from error


def _start_tls(client: IMAPClient, context: _Context) -> None:
    """Begin TLS, or do without the login: a server that had it a moment ago is another one, or is reached through one.

    Raises:
        Failure: ``login.withheld``: the server does not offer TLS, or refuses it.
    """
    from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

    try:
        client.starttls(context)
    except IMAPClientAbortError:
        raise
    except IMAPClientError as error:
        detail = f"the server has no TLS for the login, though it had for the check: {_said(error)[1]}"
        raise Failure(common.LOGIN_WITHHELD, detail) from error


def _client(where: Where, seconds: float, context: _Context, watchdog: Watchdog) -> IMAPClient:
    from imapclient import IMAPClient
    from imapclient.imap4 import IMAP4WithTimeout
    from imapclient.tls import IMAP4_TLS

    class InClear(OwnReading, IMAP4WithTimeout):  # type: ignore[misc]  # imapclient has no types
        def _create_socket(self, timeout: float | None = None) -> socket.socket:
            sock: socket.socket = super()._create_socket(timeout)
            watchdog.guard(sock.fileno())
            return sock

    class InTls(OwnReading, IMAP4_TLS):  # type: ignore[misc]
        """See :class:`OwnReading`."""

    class Guarded(IMAPClient):  # type: ignore[misc]
        def _create_IMAP4(self) -> Any:  # inside TLS the context guards
            if self.ssl:
                return InTls(self.host, self.port, self.ssl_context, seconds)
            return InClear(self.host, self.port, seconds)

    return Guarded(where.address, where.port, ssl=where.encryption == "TLS", ssl_context=context, timeout=seconds)


def _refused(error: Exception, where: Where) -> Failure:
    """Why the login came to nothing. Only what the server says of the account is held against it."""
    code, text = _said(error)
    if referred := referrals.in_words(text, tls=where.encryption == "TLS"):
        return referred
    if judged := refusals.of_login(code, text, encrypted=where.encryption != "none"):
        return judged
    if _broke_off(error):
        return Unfinished(causes.BACKEND_UNAVAILABLE, f"the server broke off instead of an answer: {printable(text)}")
    return refusals.of_words(code, text, where.product)


def _look_around(client: IMAPClient, where: Where, user: str) -> Result:
    from imapclient.exceptions import IMAPClientError

    folders: list[str] = []
    result, wanted = Result(facts={"folders": folders}), where.folder or INBOX
    try:
        folders += _top_folders(client)
        exists = client.select_folder(wanted, readonly=True).get(b"EXISTS")
        messages = None if exists is None else int(exists)
        # The newest message by its number, which needs no search: some servers find nothing in a folder that they show.
        client.use_uid = False
        if messages is None:
            detail = f"the server opens {wanted}, and does not say how many messages it has (no EXISTS)"
            result.denied = Failure(common.LIMIT, detail)
        elif not messages:
            result.read = f"{wanted}, which has no messages"
        elif client.fetch([messages], [HEADER]):
            result.read = f"one header of {messages} in {wanted}"
        else:  # no refusal: it may have been deleted since
            detail = f"{wanted} has {messages} messages; asked for the newest, the server returns nothing and says OK"
            result.denied = Failure(common.LIMIT, detail)
    except TimeoutError:
        result.denied = Failure(common.OUT_OF_TIME, "reading did not end in time")
    except (OSError, IMAPClientError) as error:
        referred = referrals.in_words(_said(error)[1], tls=where.encryption == "TLS")
        result.denied = referred or _unreadable(error, wanted, user, folders)
    except (NotUnderstood, *_UNCHECKED) as error:
        result.denied = Failure(common.LIMIT, f"{_LOST}: {_words(error)}")
    except RecursionError:
        result.denied = Failure(common.LIMIT, f"{_LOST}: an answer is nested too deep")
    return result


def _top_folders(client: IMAPClient) -> list[str]:
    """Return the folders at the top; none where the server refuses the question, which is ours and no scan's."""
    from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, ProtocolError

    try:
        return [name for _, _, name in client.list_folders("", "%")[:_MOST_FOLDERS]]
    except (IMAPClientAbortError, ProtocolError):
        raise
    except IMAPClientError:
        return []


def _unreadable(error: Exception, wanted: str, user: str, folders: list[str]) -> Failure:
    """Why nothing could be read after the password was accepted."""
    from imapclient.exceptions import IllegalStateError, IMAPClientAbortError, ProtocolError

    code, text = _said(error)
    if isinstance(error, ProtocolError | IllegalStateError):
        return Failure(common.LIMIT, f"{_LOST}: {printable(text)}")
    if isinstance(error, OSError | IMAPClientAbortError):
        return Failure(causes.BACKEND_UNAVAILABLE, f"the server broke off instead of an answer: {printable(text)}")
    if code in ("NONEXISTENT", "TRYCREATE") or _NOT_THERE.search(text):
        shown = ", ".join(folders[:8]) or "no folders at all"
        if wanted == INBOX:
            return Failure(causes.NO_INBOX, f"{printable(text)}; at its top the account has {shown}")
        return Failure(common.ACCESS_NOT_FOUND, f"{printable(text)}; at its top the account has {shown}")
    if otherwise := refusals.of_folder(code, text):
        return otherwise
    return Failure(common.ACCESS_DENIED, printable(text), fixes.GRANT_FOLDER(folder=_typed(wanted), user=_typed(user)))


def _typed(name: str) -> str:
    """A name as a client types it: folders beyond ASCII in modified UTF-7 (RFC 3501, 5.1.3)."""
    from imapclient.imap_utf7 import encode

    return str(encode(name).decode("ascii"))


def _said(error: Exception) -> tuple[str | None, str]:
    """The response code, if there is one, and the server's words; imaplib shows some of them as a bytes literal."""
    text = str(error)
    if literal := _BYTES.fullmatch(text):
        text = literal[2]
    text = _WRAPPING.sub("", printable(text)).strip()
    code = _CODE.search(text)
    return (code[1] if code else None), text[:_MOST_SHOWN]


def _words(error: Exception) -> str:
    """An error in imaplib's own words, with its kind where they are no sentence."""
    kind = f"{type(error).__name__}: " if isinstance(error, LookupError | TypeError | AttributeError) else ""
    return kind + printable(str(error), _MOST_SHOWN)


def _is_an_opinion(error: Exception) -> bool:
    """True where imaplib refuses to begin with a server that answers: its greeting, or what it says that it can do."""
    from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

    refused = isinstance(error, IMAPClientError) and not isinstance(error, IMAPClientAbortError)
    return refused and not _TURNED_AWAY.match(_said(error)[1])


def _broke_off(error: Exception) -> bool:
    """True where imapclient's LoginError stands for a connection that ended."""
    from imapclient.exceptions import IMAPClientAbortError

    return isinstance(error.__context__, IMAPClientAbortError)
