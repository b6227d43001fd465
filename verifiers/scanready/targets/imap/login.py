"""Log in to an IMAP server with imapclient, once, and read one header.

The folder is opened with EXAMINE and the header fetched with BODY.PEEK: no flag
of any message changes (RFC 3501, 6.3.2 and 6.4.5). TLS is used if
the handshake used it, and the server must present the certificate that was judged there.
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

INBOX = "INBOX"  # every account has it, in any language (RFC 3501, 5.1)
HEADER = "BODY.PEEK[HEADER.FIELDS (DATE)]"
_MOST_SHOWN = 240  # characters of a server's text in a detail
_MOST_FOLDERS = 1000

_NOT_THERE = re.compile(r"n't exist|not exist|unknown mailbox|not found|no such|non-?existent", re.IGNORECASE)

_ATOM = re.compile(r"[A-Za-z0-9!#$&'+,./:;<=>?@^_`|~-]+")  # atom-specials left out (RFC 3501, 9)
_BYTES = re.compile(r"""b(['"])(.*)\1""", re.DOTALL)
_WRAPPING = re.compile(r"^[a-z]+ failed:(?: |$)| \([\d.]+ \+ [\d.]+ secs\)\.?$")  # imapclient's, and Dovecot's clock
_CODE = re.compile(r"\[([A-Z-]+)(?: [^\]]*)?\]")
_TURNED_AWAY = re.compile(r"\* (?:BYE|NO|BAD)\b", re.IGNORECASE)  # in place of a greeting
# Exceptions of imapclient and imaplib at an answer that they parse without validating it.
_UNCHECKED = (ValueError, LookupError, TypeError, AttributeError, AssertionError)
_NONAUTH = "NONAUTH"  # imaplib's state of a connection that accepts a login
_LOST = "the library does not understand the server's answer"


@dataclass(slots=True)
class Trace(LoginTrace):
    """Record whether a password was sent, however the visit ended."""

    tried: bool = False

    @property
    def secret_left(self) -> bool:
        """Return whether the server may have received the password."""
        return self.tried


@dataclass(frozen=True, slots=True)
class Where:
    """Describe where and how to log in: ``address`` is dialled, ``name`` is the SNI.

    ``login_command`` is false if the server disables LOGIN (LOGINDISABLED); ``sasl`` has its AUTH mechanisms.
    ``product`` is the server software that the greeting names. ``trust`` has the certificates that the server may
    present. ``trace`` records whether the password was sent.
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
    """Add ``referred``: a referral with an accepted login, because the account's mailboxes are on another server."""

    referred: Failure | None = None


class _Context:
    """Wrap the handshake's TLS context, to send the target's name as SNI although an address is dialled."""

    def __init__(self, where: Where, watchdog: Watchdog) -> None:
        self._name = where.name
        self._context = held_context(where.trust)
        self._watchdog = watchdog

    def wrap_socket(self, sock: socket.socket, server_hostname: str | None = None) -> ssl.SSLSocket:
        """Wrap a socket in TLS; imaplib and imapclient call this."""
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
    assert credential.password is not None, "a login needs a password"
    log_in = _way(where, credential.username, credential.password)
    with _session(where, seconds) as client:
        if client._imap.state != _NONAUTH:
            raise Failure(
                common.LOGIN_NOT_JUDGED, "the server greets the login connection with PREAUTH and accepts no login"
            )
        try:
            answer = printable(str(log_in(client)), _MOST_SHOWN)
        except IMAPClientError as error:
            raise _refused(error, where) from error
        except UnknownStatus as error:
            raise Unfinished(common.LIMIT, f"the answer to the login has no status of IMAP: {error}") from error
        except (NotUnderstood, *_UNCHECKED) as error:
            detail = f"imaplib does not understand the answer to the login: {_words(error)}"
            raise Unfinished(common.LIMIT, detail) from error
        result = _look_around(client, where, credential.username)
        result.referred = referrals.in_words(answer, tls=where.encryption == "TLS")
        return result


def _way(where: Where, user: str, password: str) -> Callable[[IMAPClient], object]:
    """Return the login function: LOGIN, or AUTHENTICATE if LOGIN is disabled or imaplib would send it incorrectly.

    imaplib sends the user name of LOGIN unquoted, and everything as ASCII (read in Python 3.11).
    """
    if where.login_command and _ATOM.fullmatch(user) and password.isascii() and password.isprintable():
        return lambda client: _by_command(client, user, password, where.trace)
    if "PLAIN" in where.sasl:
        return _sasl(where.trace, "PLAIN", f"\0{user}\0{password}")
    if "LOGIN" in where.sasl:
        return _sasl(where.trace, "LOGIN", user, password)  # it asks for one, then for the other
    raise Failure(common.LIMIT, "this account's name or password requires AUTH=PLAIN, which the server does not offer")


def _by_command(client: IMAPClient, user: str, password: str, trace: Trace) -> object:
    if "LOGINDISABLED" in client._imap.capabilities:  # the capabilities of this connection, inside TLS if it is used
        detail = "the server disables LOGIN on this connection (LOGINDISABLED), but did not on the previous one"
        raise Failure(common.LOGIN_NOT_JUDGED, detail)
    trace.tried = True
    return client.login(user, password)


def _sasl(trace: Trace, mechanism: str, *answers: str) -> Callable[[IMAPClient], object]:
    """Return a login function with AUTHENTICATE that sends each answer once, and cancels if the server asks for more.

    The library repeats PLAIN's answer at each request of the server (read in imapclient 4.1). The last answer is the
    secret.
    """
    left = [answer.encode() for answer in answers]

    def answer(_: bytes) -> bytes | None:
        trace.tried = trace.tried or len(left) == 1
        return left.pop(0) if left else None

    return lambda client: client.sasl_login(mechanism, answer)


@contextmanager
def _session(where: Where, seconds: float) -> Iterator[IMAPClient]:
    """Connect as the handshake did, and log out at the end; the session ends after ``seconds`` in any case."""
    from imapclient.exceptions import IMAPClientError

    # The caller stops first. The watchdog ends the thread if the peer sends slowly without end, even in its greeting.
    with Watchdog(time.monotonic() + seconds + 1) as watchdog:
        context = _Context(where, watchdog)
        try:
            with _client(where, seconds, context, watchdog) as client:
                if where.encryption == "STARTTLS":
                    _start_tls(client, context)
                yield client
        except TimeoutError as error:
            raise Failure(common.OUT_OF_TIME, "the login did not finish in time") from error
        except UnknownStatus as error:
            raise Failure(common.LIMIT, f"an answer before the login has no status of IMAP: {error}") from error
        except NotUnderstood as error:
            detail = f"imaplib does not understand an answer before the login: {_words(error)}"
            raise Failure(common.LIMIT, detail) from error
        except (OSError, IMAPClientError) as error:
            if watchdog.bitten:
                raise Failure(common.OUT_OF_TIME, "the login did not finish in time") from error
            if isinstance(error, OSError) and (limit := local_limit(error)) and not where.trace.tried:
                raise Failure(common.LOCAL_LIMIT, f"the login could not connect: {limit}") from error
            if _is_an_opinion(error) and not where.trace.tried:
                raise Failure(
                    common.LIMIT, f"imaplib does not accept this server's greeting: {_words(error)}"
                ) from error
            code, text = _answer(error)
            if not where.trace.tried and (referred := referrals.in_words(text, tls=where.encryption == "TLS")):
                raise referred from error
            cause = common.THROTTLED if causes.too_many(code, text) else causes.BACKEND_UNAVAILABLE
            if where.trace.tried:
                raise Unfinished(cause, f"the connection ended during the login: {printable(text)}") from error
            raise Failure(cause, f"the login could not connect: {printable(text)}") from error


def _start_tls(client: IMAPClient, context: _Context) -> None:
    """Start TLS, or do not log in: a server that no longer offers TLS is another one, or an attacker removes it.

    Raises:
        Failure: ``login.withheld``: the server does not offer TLS, or refuses it.
    """
    from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

    try:
        client.starttls(context)
    except IMAPClientAbortError:
        raise
    except IMAPClientError as error:
        detail = f"the server offers no TLS for the login, although it did for the check: {_answer(error)[1]}"
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
    """Return why the login failed. Only a text about the account is held against the account."""
    code, text = _answer(error)
    if referred := referrals.in_words(text, tls=where.encryption == "TLS"):
        return referred
    if judged := refusals.of_login(code, text, encrypted=where.encryption != "none"):
        return judged
    if _broke_off(error) and refusals.is_about_the_account(text):
        return Failure(common.LOGIN_REFUSED, f"the server closed the connection: {printable(text)}")
    if _broke_off(error):
        detail = f"the server closed the connection instead of answering: {printable(text)}"
        return Unfinished(causes.BACKEND_UNAVAILABLE, detail)
    return refusals.of_words(code, text, where.product)


def _look_around(client: IMAPClient, where: Where, user: str) -> Result:
    from imapclient.exceptions import IMAPClientError

    folders: list[str] = []
    result, wanted = Result(facts={"folders": folders}), where.folder or INBOX
    try:
        folders += _top_folders(client)
        exists = client.select_folder(wanted, readonly=True).get(b"EXISTS")
        messages = None if exists is None else int(exists)
        # The newest message by its number, without SEARCH: on some servers, SEARCH finds nothing in such a folder.
        client.use_uid = False
        if messages is None:
            detail = f"the server opens {wanted}, but does not report its number of messages (no EXISTS)"
            result.denied = Failure(common.LIMIT, detail)
        elif not messages:
            result.read = f"{wanted}, which has no messages"
        elif client.fetch([messages], [HEADER]):
            result.read = f"one header of {messages} in {wanted}"
        else:  # not a refusal: the message may have been deleted meanwhile
            detail = f"{wanted} has {messages} messages, but the server answers FETCH of the newest with OK and no data"
            result.denied = Failure(common.LIMIT, detail)
    except TimeoutError:
        result.denied = Failure(common.OUT_OF_TIME, "reading did not finish in time")
    except (OSError, IMAPClientError) as error:
        referred = referrals.in_words(_answer(error)[1], tls=where.encryption == "TLS")
        result.denied = referred or _unreadable(error, wanted, user, folders)
    except (NotUnderstood, *_UNCHECKED) as error:
        result.denied = Failure(common.LIMIT, f"{_LOST}: {_words(error)}")
    except RecursionError:
        result.denied = Failure(common.LIMIT, f"{_LOST}: it is nested too deeply")
    return result


def _top_folders(client: IMAPClient) -> list[str]:
    """Return the top-level folders; none if LIST fails, which a scan does not need.

    A library that does not understand the list has read the whole answer, so the connection can still be used.
    """
    from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, IMAPClientReadOnlyError

    try:
        return [name for _, _, name in client.list_folders("", "%")[:_MOST_FOLDERS]]
    except IMAPClientReadOnlyError:  # imaplib raises it, once, if the answer to the login has [READ-ONLY]
        return []
    except IMAPClientAbortError:
        raise
    except (IMAPClientError, *_UNCHECKED):
        return []


def _unreadable(error: Exception, wanted: str, user: str, folders: list[str]) -> Failure:
    """Return why nothing could be read after the server accepted the password."""
    from imapclient.exceptions import IllegalStateError, IMAPClientAbortError, ProtocolError

    code, text = _answer(error)
    if isinstance(error, ProtocolError | IllegalStateError):
        return Failure(common.LIMIT, f"{_LOST}: {printable(text)}")
    if isinstance(error, OSError | IMAPClientAbortError):
        detail = f"the server closed the connection instead of answering: {printable(text)}"
        return Failure(causes.BACKEND_UNAVAILABLE, detail)
    if code in ("NONEXISTENT", "TRYCREATE") or _NOT_THERE.search(text):
        shown = ", ".join(folders[:8]) or "none"
        detail = f"{printable(text)}; the account's top-level folders: {shown}"
        return Failure(causes.NO_INBOX if wanted == INBOX else common.ACCESS_NOT_FOUND, detail)
    if otherwise := refusals.of_folder(code, text):
        return otherwise
    words = printable(text) or "the server answers NO without a text"
    return Failure(common.ACCESS_DENIED, words, fixes.GRANT_FOLDER(folder=_typed(wanted), user=_typed(user)))


def _typed(name: str) -> str:
    """Return a name as a client sends it: folders beyond ASCII in modified UTF-7 (RFC 3501, 5.1.3)."""
    from imapclient.imap_utf7 import encode

    return str(encode(name).decode("ascii"))


def _answer(error: Exception) -> tuple[str | None, str]:
    """Return the response code, if there is one, and the server's text; imaplib shows some as a bytes literal."""
    text = str(error)
    if literal := _BYTES.fullmatch(text):
        text = literal[2]
    text = _WRAPPING.sub("", printable(text)).strip()
    code = _CODE.search(text)
    return (code[1] if code else None), text[:_MOST_SHOWN]


def _words(error: Exception) -> str:
    """Return imaplib's text for an error, with the exception's class if the text is no sentence."""
    kind = f"{type(error).__name__}: " if isinstance(error, LookupError | TypeError | AttributeError) else ""
    return kind + printable(str(error), _MOST_SHOWN)


def _is_an_opinion(error: Exception) -> bool:
    """Return whether imaplib does not accept a server's greeting or its capabilities."""
    from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

    refused = isinstance(error, IMAPClientError) and not isinstance(error, IMAPClientAbortError)
    return refused and not _TURNED_AWAY.match(_answer(error)[1])


def _broke_off(error: Exception) -> bool:
    """Return whether imapclient's LoginError was raised because the connection ended."""
    from imapclient.exceptions import IMAPClientAbortError

    return isinstance(error.__context__, IMAPClientAbortError)
