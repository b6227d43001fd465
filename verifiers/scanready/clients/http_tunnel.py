"""Ask a proxy for a tunnel to a server (CONNECT, RFC 9110, 9.3.6), and judge the proxy's answer.

we                                 proxy
CONNECT host:port             ->
                              <-   2xx: a tunnel, and nothing else before the server's own bytes
"""

from __future__ import annotations

from scanready.causes import common
from scanready.causes import web as causes
from scanready.climb.explain import Failure
from scanready.net.stream import PeerClosed, ReadTimeout, Stream
from scanready.version import __version__
from scanready.wire import Buffer, UnknownValue
from scanready.wire import http as wire
from scanready.wire.printable import printable

from .http_block_pages import block_page_of, portal_of
from .http_portals import portal_at
from .http_url import Url

USER_AGENT = f"scanready/{__version__} (pre-scan check; reads one page, changes nothing)"
# A web server's answers to CONNECT, besides 403: nginx 400, Apache httpd 405, others 401, 404 or 501.
_NO_PROXY = (400, 401, 404, 405, 501)


async def tunnel(stream: Stream, url: Url) -> None:
    """Ask the proxy for a tunnel; any known status other than 2xx is the proxy's own refusal.

    Raises:
        Failure: there is no tunnel.
        UnknownValue: neither IANA nor a widespread product defines the status.
    """
    target = wire.authority(url.host, url.port)
    try:
        await stream.send(wire.request("CONNECT", target, host=target, user_agent=USER_AGENT, keep_alive=True))
        answer = await stream.receive(wire.ResponseReader("CONNECT"))
    except ReadTimeout as error:
        detail = f"the proxy did not answer CONNECT {target}; it may be waiting for the target itself"
        raise Failure(common.OUT_OF_TIME, detail) from error
    except PeerClosed as error:
        if error.heard:
            raise
        raise Failure(causes.PROXY_REFUSED, f"the proxy closes the connection after CONNECT {target}") from error
    if 200 <= answer.status < 300:
        await _demand_no_page(stream, answer, target)
        return
    _refused(url, answer, target)


def _refused(url: Url, answer: wire.Response, target: str) -> None:
    """Raise for an answer to CONNECT that opens no tunnel.

    Raises:
        Failure: the proxy refuses, or is none; or a device in the path answers in its place.
        UnknownValue: as :func:`tunnel`.
    """
    leads = answer.header("location") if 300 <= answer.status < 400 else None
    reply = f"answers {described(answer)} to CONNECT {target}"
    reply += f" and redirects to {printable(leads, 300)}" if leads else ""
    onward = url.joined(leads) if leads else None
    if answer.status == 511 or (onward is not None and portal_at(url, onward)):
        raise Failure(causes.CAPTIVE_PORTAL, f"the proxy {reply}")
    if answer.status == 407:
        raise proxy_wants_login(answer)
    if answer.status in _NO_PROXY:
        raise Failure(causes.NOT_A_PROXY, f"it {reply}")
    if answer.status == 429:
        raise Failure(common.THROTTLED, f"the proxy {reply}")
    if answer.status not in wire.STATUSES:
        raise UnknownValue("the status of the proxy", answer.status)
    raise Failure(causes.PROXY_REFUSED, f"the proxy {reply}")


async def _demand_no_page(stream: Stream, answer: wire.Response, target: str) -> None:
    """Check that no page follows the head: a tunnel carries only the server's bytes, and a TLS server waits for ours.

    Raises:
        Failure: a page follows, of a web server or of a device that answers in place of the proxy.
    """
    announced = (answer.header("content-length") or "0").strip() != "0"
    if not stream.unread and not announced:
        return
    page: bytes = (await stream.receive(Buffer.everything))[: wire.MAX_BODY] if stream.unread else b""
    reply = f"answers {described(answer)} to CONNECT {target}, with a page in place of a tunnel"
    if product := portal_of(page):
        raise Failure(causes.CAPTIVE_PORTAL, f"the proxy {reply}, the network login page of {product}")
    if product := block_page_of(page):
        raise Failure(causes.BLOCK_PAGE, f"the proxy {reply}, that of {product}")
    raise Failure(causes.NOT_A_PROXY, f"it {reply}")


def proxy_wants_login(answer: wire.Response) -> Failure:
    """Return the failure of the configured proxy's 407, with the schemes it offers."""
    schemes = [challenge.scheme for challenge in wire.challenges(answer) if challenge.proxy]
    detail = f"the proxy requires a login ({', '.join(schemes) or 'no scheme named'})"
    return Failure(causes.PROXY_LOGIN, detail, proxy_auth_methods=schemes)


def described(answer: wire.Response) -> str:
    """Return status, reason and server, such as ``403 Forbidden (nginx/1.22.1)``."""
    server = printable(answer.header("server") or "", 100)
    return f"{answer.status} {printable(answer.reason, 60)}".strip() + (f" ({server})" if server else "")
