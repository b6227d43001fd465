"""Log in to a web page with requests, once, and read the beginning of it.

The scheme is the one that the handshake chose, so the library negotiates nothing: no redirects, no retries, no proxies
and no credentials from the environment. The server must present the certificate that was judged. One attempt is: Basic
sends the password with the first request; Digest and NTLM answer one challenge. Some statuses prove a login only in
comparison with the answer to a request without a credential. Then the page is requested once more without one.
"""

from __future__ import annotations

import struct
import time
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scanready.causes import common, talk_ended
from scanready.clients.http_login_errors import broken_challenge
from scanready.clients.http_transport import adapter
from scanready.clients.imports import importing
from scanready.clients.peer_ended import peer_ended
from scanready.clients.watchdog import Watchdog
from scanready.climb.explain import Failure, Unfinished
from scanready.climb.login_trace import SecretTrace
from scanready.climb.login_trust import NO_CERTIFICATE, LoginTrust
from scanready.model import Credential
from scanready.wire.http import MAX_BODY, undo
from scanready.wire.printable import printable

from .login_answers import WITH_A_PAGE, Answer, Control, How, Result, judged, url_of

if TYPE_CHECKING:
    import requests
    from requests.auth import AuthBase

_MISSING = "requests or requests-ntlm is not installed: pip install 'scanready[web]'"


#: Exceptions of the libraries at an answer that they parse without validating it.
_UNCHECKED = (LookupError, ValueError, TypeError, AttributeError, AssertionError, struct.error)


@dataclass(frozen=True, slots=True)
class Where:
    """Describe the page, the scheme of the login ("basic", "digest" or "ntlm"), and the proxy's URL if there is one.

    ``trust`` has the certificates that the server may present; ``trace`` records whether the secret was sent.
    """

    url: str
    scheme: str
    user_agent: str
    proxy: str | None = None
    trust: LoginTrust = NO_CERTIFICATE
    trace: SecretTrace = field(default_factory=SecretTrace, compare=False)


def load() -> None:
    """Load the libraries."""
    import requests  # noqa: F401
    import requests_ntlm  # noqa: F401


def visit(where: Where, credential: Credential, seconds: float) -> Result:
    """Log in once and read up to 64 KiB of the page. ``seconds`` bounds each wait, and the reading as a whole.

    Raises:
        Failure: the login was refused, or the server failed; a library is not installed.
    """
    with importing(_MISSING):
        import requests
        import requests_ntlm  # noqa: F401  one extra installs both; report its absence before any attempt
        import urllib3
        from spnego.exceptions import FeatureMissingError, SpnegoError
    assert credential.password is not None, "a login needs a password"
    with Watchdog(time.monotonic() + seconds) as watchdog:
        try:
            with _session(where, watchdog) as session, warnings.catch_warnings():
                warnings.simplefilter("ignore")  # urllib3 warns about the certificate, which was judged before
                answer = session.get(
                    where.url,
                    auth=_auth(where.scheme, credential.username, credential.password),
                    timeout=max(0.1, seconds),
                    allow_redirects=False,
                    verify=False,
                    stream=True,
                )
                reply = _answer_of(answer, watchdog)
                if watchdog.bitten:  # http.client accepts a truncated head
                    raise Failure(common.OUT_OF_TIME, "the login did not finish in time")
                how = How(url_of(where.url), where.proxy is not None, where.trace.sent)
                return judged(reply, how, _control(where, watchdog, seconds))
        except requests.Timeout as error:
            raise Failure(common.OUT_OF_TIME, f"the login did not finish in time: {printable(str(error))}") from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            if watchdog.bitten:
                raise Failure(common.OUT_OF_TIME, "the login did not finish in time") from error
            if peer_ended(error):
                detail = f"the server closed the connection instead of answering: {printable(str(error))}"
                cause = talk_ended.LOGIN_BROKEN_OFF if where.trace.sent else common.LOGIN_NOT_JUDGED
                raise _broken_off(where.trace)(cause, detail) from error
            raise _broken_off(where.trace)(common.LIMIT, f"requests reports: {printable(str(error))}") from error
        except (PermissionError, *_UNCHECKED, SpnegoError, FeatureMissingError) as error:
            # requests_ntlm passes these on if the server's NTLM message is invalid, or if the server closes the
            # connection with it (AttributeError); requests raises TypeError for an unknown digest algorithm.
            detail = broken_challenge("requests", where.scheme, error)
            raise _broken_off(where.trace)(common.LIMIT, detail) from error


def _broken_off(trace: SecretTrace) -> type[Failure]:
    """Return the class for an error of requests: Failure before the secret was sent, Unfinished afterwards.

    The kind of error does not decide this: TLS may fail in the handshake, or with the answer to the login.
    """
    return Unfinished if trace.sent else Failure


def _session(where: Where, watchdog: Watchdog) -> requests.Session:
    import requests

    ours = adapter(watchdog, where.trust, where.trace)
    session = requests.Session()
    session.trust_env = False
    session.headers.update({"User-Agent": where.user_agent, "Accept-Encoding": "identity"})
    session.mount("http://", ours(max_retries=0))
    session.mount("https://", ours(max_retries=0))
    if where.proxy:
        session.proxies.update({"http": where.proxy, "https": where.proxy})
    return session


def _auth(scheme: str, user: str, password: str) -> AuthBase:
    from requests.auth import HTTPBasicAuth, HTTPDigestAuth
    from requests_ntlm import HttpNtlmAuth

    match scheme:
        case "ntlm":
            ntlm: AuthBase = HttpNtlmAuth(user, password)
            return ntlm
        case "digest":
            return HTTPDigestAuth(user, password)
        case _:
            # As bytes, because requests would encode text as Latin-1; RFC 7617 uses UTF-8 beyond ASCII.
            return HTTPBasicAuth(user.encode(), password.encode())


def _answer_of(answer: requests.Response, watchdog: Watchdog) -> Answer:
    """Return the answer to the login, with its page if the status may have a page that decides."""
    status, body, truncated, cut_off = answer.status_code, b"", False, ""
    if 200 <= status < 300 or status in WITH_A_PAGE:
        body, truncated, cut_off = _body(answer, watchdog)
    plain = undo([answer.headers.get("Content-Encoding", "")], body, truncated=truncated)
    fields = {name.lower(): value for name, value in answer.headers.items()}
    answered = bool(answer.request.headers.get("Authorization"))
    return Answer(status, answer.reason or "", fields, plain.body, plain.truncated, plain.coded, answered, cut_off)


def _control(where: Where, watchdog: Watchdog, seconds: float) -> Control:
    """Return a function that requests the same page without a credential and returns its status, None if unanswered.

    It uses a new connection and session, because NTLM authenticates a connection, and a cookie may authenticate a
    session.
    """

    def status() -> int | None:
        import requests
        import urllib3

        with _session(where, watchdog) as session:
            try:
                asked = session.get(
                    where.url, timeout=max(0.1, seconds), allow_redirects=False, verify=False, stream=True
                )
            except (requests.RequestException, urllib3.exceptions.HTTPError):
                return None
            return asked.status_code

    return status


def _body(answer: requests.Response, watchdog: Watchdog) -> tuple[bytes, bool, str]:
    """Return up to 64 KiB, whether that is not all of it, and where the connection ended before the announced end."""
    import urllib3

    body = bytearray()
    try:
        while len(body) < MAX_BODY:
            chunk = answer.raw.read1(MAX_BODY - len(body))
            if not chunk:
                return bytes(body), watchdog.bitten, ""
            body += chunk
    except urllib3.exceptions.HTTPError:
        if not body:
            raise
        return bytes(body), True, "" if watchdog.bitten else f"after {len(body)} bytes"
    return bytes(body), True, ""
