"""Log in to Exchange's web services with exchangelib, once, and read the inbox's counts and the id of one item.

Endpoint, scheme and version are given, so the library discovers, guesses and retries nothing: it sends two requests on
one connection, the second after the first answer was valid. It uses no proxies and no credentials from the environment,
no redirects, and no cache of connections, which would keep the password. The server must present the certificate that
was judged. NTLM binds its login to that certificate (RFC 5929), as Extended Protection requires.
"""

from __future__ import annotations

import contextlib
import logging
import re
import struct
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from scanready.causes import common, talk_ended
from scanready.clients.http_login_errors import broken_challenge
from scanready.clients.http_transport import adapter
from scanready.clients.imports import importing
from scanready.clients.peer_ended import peer_ended
from scanready.clients.watchdog import Watchdog
from scanready.climb.explain import Failure, unfinished
from scanready.climb.login_result import LoginResult
from scanready.climb.login_trace import SecretTrace
from scanready.climb.login_trust import NO_CERTIFICATE, LoginTrust
from scanready.model import Credential
from scanready.wire.printable import printable

from . import causes
from .login_answers import refused, translated

_MISSING = "exchangelib is not installed: pip install 'scanready[mail]'"
#: Exceptions of the libraries at an answer that they parse without validating it.
_UNCHECKED = (LookupError, ValueError, TypeError, AttributeError, AssertionError, struct.error)
#: The root element of SOAP, after a declaration and comments.
_ENVELOPE = re.compile(rb"\A[^<]{0,20}(?:<[?!][^<>]{0,500}>\s{0,50}){0,5}<(?:[\w.-]{1,30}:)?Envelope\b")
#: Bytes of one answer. An inbox's counts are 2 KiB.
_MOST = 1 << 20
#: The library logs its requests at each error; the report has the error instead.
_LOG = "exchangelib"
#: exchangelib requires an address; this one is never sent.
_NOBODY = "scanready@scanready.invalid"


@dataclass(frozen=True, slots=True)
class Where:
    """Describe the endpoint and the scheme of the login ("ntlm", "digest" or "basic").

    ``mailbox`` is the mailbox whose inbox is read, None for the account's own. ``in_front`` is the device that
    terminates TLS before Exchange, empty if none is known. ``trust`` has the certificates that the endpoint may
    present. ``trace`` records whether the secret was sent.
    """

    url: str
    scheme: str
    user_agent: str
    mailbox: str | None = None
    proxy: str | None = None
    in_front: str = ""
    trust: LoginTrust = NO_CERTIFICATE
    trace: SecretTrace = field(default_factory=SecretTrace, compare=False)

    def acts_for_another(self, username: str) -> bool:
        """Return whether the account impersonates another mailbox."""
        return self.mailbox is not None and self.mailbox.lower() != username.lower()


def load() -> None:
    """Load the library before a login begins, because it takes a second or two."""
    import exchangelib  # noqa: F401


def visit(where: Where, credential: Credential, seconds: float) -> LoginResult:
    """Log in once and read the inbox, within ``seconds``.

    Raises:
        Failure: the login was refused, or the server failed before it was judged; exchangelib is not installed.
    """
    with importing(_MISSING):
        import exchangelib
        import requests
        from spnego.exceptions import SpnegoError

    assert credential.password is not None, "a login needs a password"
    with Watchdog(time.monotonic() + seconds) as watchdog, _quietly():
        mailbox = _Mailbox(where, credential, watchdog, seconds)
        result = LoginResult()
        try:
            result.read = mailbox.look()
        except Failure as failure:
            if not mailbox.accepted:
                raise unfinished(failure) from failure
            result.denied = failure
        except exchangelib.errors.EWSError as error:
            result.denied = _by_name(error, where, credential.username, mailbox, watchdog)
        except (requests.RequestException, SpnegoError, PermissionError, *_UNCHECKED) as error:
            result.denied = _without_a_name(error, where, mailbox, watchdog)
        finally:
            mailbox.close()
        if not where.trace.sent:
            detail = "the web services asked for a login before, but now they answer without one"
            raise Failure(common.LOGIN_NOT_JUDGED, detail)
        result.version = mailbox.version
    return result


def _by_name(error: Exception, where: Where, username: str, mailbox: _Mailbox, watchdog: Watchdog) -> Failure:
    """Return why nothing was read, by an exception of exchangelib: mostly one of Exchange's error codes.

    Raises:
        Failure: the login was not accepted, or the account is locked or has expired.
    """
    if watchdog.bitten:
        raise Failure(common.OUT_OF_TIME, "the login did not finish in time") from error
    denied = translated(error, where.mailbox, username)
    if denied.cause is common.LIMIT and peer_ended(error):
        denied = _ended(error, accepted=mailbox.accepted)
    if not mailbox.accepted:
        raise unfinished(denied) from error
    if denied.cause in (common.LOGIN_LOCKED, common.LOGIN_EXPIRED):
        raise denied from error
    return denied


def _without_a_name(error: Exception, where: Where, mailbox: _Mailbox, watchdog: Watchdog) -> Failure:
    """Return why nothing was read, by an exception that exchangelib passes on: of invalid NTLM or XML.

    Raises:
        Failure: the login was not accepted.
    """
    if watchdog.bitten:
        raise Failure(common.OUT_OF_TIME, "the login did not finish in time") from error
    denied = Failure(common.LIMIT, broken_challenge("exchangelib", where.scheme, error))
    if where.trace.sent and peer_ended(error):
        denied = _ended(error, accepted=mailbox.accepted)
    if not mailbox.accepted:
        raise unfinished(denied) from error
    return denied


def _ended(error: Exception, *, accepted: bool) -> Failure:
    """Return the failure if Exchange, or a device in front of it, closed the connection."""
    cause = talk_ended.ACCESS_BROKEN_OFF if accepted else talk_ended.LOGIN_BROKEN_OFF
    return Failure(cause, f"the server closed the connection instead of answering: {printable(str(error), 300)}")


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    log = logging.getLogger(_LOG)
    log.propagate = False
    if not log.handlers:
        log.addHandler(logging.NullHandler())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # urllib3 warns about the unverified certificate, which was judged before
        yield


class _Mailbox:
    """Access one account at one endpoint with exchangelib, with all settings given."""

    def __init__(self, where: Where, credential: Credential, watchdog: Watchdog, seconds: float) -> None:
        import exchangelib
        from exchangelib.protocol import Protocol
        from exchangelib.version import EXCHANGE_2007_SP1

        self._where = where
        #: True once Exchange accepted the login: every later error is about reading.
        self.accepted = False
        scheme = {"ntlm": exchangelib.NTLM, "digest": exchangelib.DIGEST, "basic": exchangelib.BASIC}[where.scheme]
        config = exchangelib.Configuration(
            service_endpoint=where.url,
            credentials=exchangelib.Credentials(credential.username, credential.password),
            auth_type=scheme,
            # The oldest version, which every Exchange accepts, so that no version has to be tried.
            version=exchangelib.Version(build=EXCHANGE_2007_SP1),
            retry_policy=_policy(self),
            max_connections=1,
        )
        impersonates = where.acts_for_another(credential.username)
        self._account = exchangelib.Account(
            where.mailbox or _NOBODY,
            config=config,
            autodiscover=False,
            access_type=exchangelib.IMPERSONATION if impersonates else exchangelib.DELEGATE,
            locale="en_US",
            default_timezone=exchangelib.UTC,
        )
        with contextlib.suppress(KeyError):
            del Protocol[config]
        # A call of the class itself would keep the object in that cache.
        self._account.protocol = type.__call__(_protocol(where, watchdog, seconds), config=config)

    def look(self) -> str:
        """Request the inbox, then one item in it; return a summary."""
        from exchangelib.folders import Inbox, Root
        from exchangelib.items import ID_ONLY, SHALLOW

        folder = Inbox(root=Root(account=self._account), _distinguished_id=_inbox())
        if self._where.mailbox is None:
            folder._distinguished_id.mailbox = None  # the account's own mailbox, without its address
        inbox = _service("GetFolder", self._account, self._where).get(
            folders=[folder], additional_fields=None, shape="Default"
        )
        items = list(
            _service("FindItem", self._account, self._where, page_size=1).call(
                folders=[folder],
                additional_fields=None,
                restriction=None,
                order_fields=None,
                shape=ID_ONLY,
                query_string=None,
                depth=SHALLOW,
                calendar_view=None,
                max_items=1,
                offset=0,
            )
        )
        for item in items:
            if isinstance(item, Exception):
                raise item
        return f"{inbox.total_count} items, {'the id of one was' if items else 'none was'} read"

    @property
    def version(self) -> str:
        """Return the version in the server's answer, empty if there was none."""
        from exchangelib.version import EXCHANGE_2007_SP1

        build = self._account.version.build
        return str(build) if build and build != EXCHANGE_2007_SP1 else ""

    def close(self) -> None:
        self._account.protocol.close()


def _protocol(where: Where, watchdog: Watchdog, seconds: float) -> Any:
    """Return exchangelib's connection class with a watchdog, limits, and no settings from the environment."""
    from exchangelib.protocol import Protocol
    from requests.auth import HTTPBasicAuth

    ours = adapter(watchdog, where.trust, where.trace)

    class Bounded(ours):  # type: ignore[misc,valid-type]  # made for this one login
        """Limit the length of each answer."""

        def build_response(self, request: Any, answer: Any) -> Any:
            answer.stream = _at_most(answer.stream)
            return super().build_response(request, answer)

    class OneLogin(Protocol):  # type: ignore[misc]
        """See :func:`_protocol`."""

        TIMEOUT = max(0.1, seconds)
        USERAGENT = where.user_agent
        HTTP_ADAPTER_CLS = Bounded

        @classmethod
        def raw_session(cls, *arguments: Any, **named: Any) -> Any:
            session = super().raw_session(*arguments, **named)
            session.trust_env, session.verify = False, False
            session.headers["Accept-Encoding"] = "identity"
            if where.proxy:
                session.proxies.update({"http": where.proxy, "https": where.proxy})
            return session

        def create_session(self) -> Any:
            session = super().create_session()
            if where.scheme == "basic":
                # As bytes, because requests would encode text as Latin-1; RFC 7617 uses UTF-8 beyond ASCII.
                account = self.credentials
                session.auth = HTTPBasicAuth(account.username.encode(), account.password.encode())
            return session

    return OneLogin


def _inbox() -> Any:
    """Return the inbox's folder id without a mailbox, which exchangelib's class requires but Exchange does not."""
    from exchangelib.properties import DistinguishedFolderId, FolderId

    class Inbox(DistinguishedFolderId):  # type: ignore[misc]
        """See :func:`_inbox`."""

        def clean(self, version: Any = None) -> None:
            FolderId.clean(self, version=version)

    return Inbox(id="inbox")


def _at_most(stream: Any) -> Any:
    def bounded(*arguments: Any, **named: Any) -> Iterator[bytes]:
        left = _MOST
        for chunk in stream(*arguments, **named):
            left -= len(chunk)
            if left < 0:
                raise Failure(common.LIMIT, f"the answer has more than {_MOST} bytes, the limit of this check")
            yield chunk

    return bounded


def _service(name: str, account: Any, where: Where, **named: Any) -> Any:
    """Return one of exchangelib's services that uses one version, and names a mailbox only if one was given."""
    from exchangelib import services

    class Once(getattr(services, name)):  # type: ignore[misc]
        """See :func:`_service`."""

        def _api_versions_to_try(self) -> tuple[str, ...]:
            return ("Exchange2007_SP1",)

        def _extra_headers(self) -> dict[str, str]:
            return super()._extra_headers() if where.mailbox else {}

    return Once(account=account, **named)


def _policy(mailbox: _Mailbox) -> Any:
    """Return the retry policy for exchangelib: retry nothing, and map every status to its cause."""
    from exchangelib.protocol import FailFast
    from exchangelib.util import is_xml

    class Policy(FailFast):  # type: ignore[misc]
        """See :func:`_policy`."""

        def raise_response_errors(self, response: Any) -> None:
            # A page may also be XML. Only SOAP comes from the web services, which answer only after a login.
            if response.status_code in (200, 500) and is_xml(response.content) and _ENVELOPE.search(response.content):
                mailbox.accepted = True
                return
            failure = refused(response, mailbox._where.in_front, proxied=mailbox._where.proxy is not None)
            mailbox.accepted = mailbox.accepted or failure.cause is causes.POLICY
            raise failure

    return Policy()
