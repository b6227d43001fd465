"""Send the HTTP requests of all types over HTTP: one connection to one origin, kept as long as the server keeps it.

    we                                 proxy, if one is configured       server
    CONNECT host:port             ->                                               (https)
                                  <-   200: a tunnel
    TLS                           ->                                               (https)
                                                                    <-   TLS
    HEAD /path                    ->
                                                                    <-   status and fields
    GET /path                     ->                                               (if HEAD shows no page, or gets no
                                                                                   answer in a third of the time)
                                                                    <-   status, fields, up to 64 KiB
    close_notify, FIN             ->

Through a proxy, http requests have the absolute form (RFC 9112, 3.2.2), and https uses a tunnel (RFC 9110, 9.3.6).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import replace

from scanready.causes import common
from scanready.causes import web as causes
from scanready.climb.explain import Failure
from scanready.climb.probe import ClimbEnded, Probe, Rung
from scanready.model import Check, Owner, Step, bracketed
from scanready.net.echo import Echoed
from scanready.net.events import record
from scanready.net.stream import PeerClosed, ReadTimeout, Stream, TlsError
from scanready.remedies.fixes import IN_INVENTORY, Fix
from scanready.remedies.quoting import BRACKETED_HOST, PORTS, URL_PATH, Place
from scanready.wire import Buffer, WireError, tls
from scanready.wire import http as wire

from .http_options import PATH, PROXY
from .http_tunnel import USER_AGENT as USER_AGENT
from .http_tunnel import described as described
from .http_tunnel import proxy_wants_login as proxy_wants_login
from .http_tunnel import tunnel as tunnel
from .http_url import DEFAULT_PORTS as DEFAULT_PORTS
from .http_url import Url as Url
from .http_url import carried as carried

ALPN = ("http/1.1",)
#: Offered if a server that selected nothing by ALPN closed the connection: a server with only HTTP/2 selects h2.
_EITHER = ("http/1.1", "h2")
_IDENTITY = (("Accept-Encoding", "identity"),)
#: The share of the remaining time that HEAD may take without an answer; GET has the rest.
_FOR_HEAD = 1 / 3
# Some servers refuse only HEAD, in many ways. A crawler uses GET, so a refusal of HEAD is confirmed with GET. GET would
# only repeat these: a login, a limit, a gateway in between.
TRUSTED_REFUSALS = (401, 429, 511)
REDIRECTS = (301, 302, 303, 307, 308)
# The texts of nginx, Apache httpd, Go's net/http and Tomcat for plain HTTP on their TLS port.
_WANTS_TLS = (
    b"plain HTTP request was sent to HTTPS",
    b"speaking plain HTTP to an SSL",
    b"HTTP request to an HTTPS",
    b"This combination of host and port requires TLS",
)
#: For the inventory: the same page in TLS, and without.
_SCHEME = Place("https", lambda text: text if text in ("http", "https") else None)
PAGE = Fix("{scheme}://{host}{path}", at=IN_INVENTORY, scheme=_SCHEME, host=BRACKETED_HOST, path=URL_PATH)
PAGE_AT_PORT = Fix(
    "{scheme}://{host}:{port}{path}", at=IN_INVENTORY, scheme=_SCHEME, host=BRACKETED_HOST, port=PORTS, path=URL_PATH
)
IN_TLS = Fix("https://{host}:{port}{path}", at=IN_INVENTORY, host=BRACKETED_HOST, port=PORTS, path=URL_PATH)
IN_CLEAR = Fix("http://{host}:{port}{path}", at=IN_INVENTORY, host=BRACKETED_HOST, port=PORTS, path=URL_PATH)
_ALSO_BEHIND_PROXY = (
    "; a TLS server also answers 400 if a load balancer sends it a PROXY protocol header that it does not accept"
)


def asked_for(probe: Probe, scheme: str) -> Url:
    """Return the URL of the target's own page."""
    host = probe.host
    with contextlib.suppress(UnicodeError):  # an invalid name fails later, when it is resolved
        host = host if host.isascii() else host.encode("idna").decode()
    return Url(scheme, host, probe.target.port, carried(PATH.of(probe.target.options) or "/"))


def proxy_of(probe: Probe) -> tuple[str, int] | None:
    """Return host and port of the proxy in the target's options, None without one."""
    named = str(PROXY.of(probe.target.options) or "").removeprefix("http://").rstrip("/")
    if not named:
        return None
    host, _, port = named.rpartition(":")
    return host.strip("[]"), int(port)


class Talk:
    """Send requests to one origin in turn, on one connection as long as the server keeps it."""

    def __init__(self, probe: Probe, origin: Url, stream: Stream) -> None:
        self._probe = probe
        self._origin = origin
        self._stream = stream
        self._over = False
        self._asked = 0
        self.method = ""  # the last request's method: only GET brings a body
        self._absolute = origin.scheme == "http" and proxy_of(probe) is not None

    async def question(self, url: Url, refusal: int = 400) -> wire.Response:
        """Request a page with HEAD, and with GET if HEAD does not give a usable answer.

        HEAD is not enough if the server refuses it (a status from ``refusal`` on, a status without a page, or a closed
        connection), does not answer it with HTTP, or takes longer than a third of the remaining time.

        Raises:
            WireError, StreamError, Failure: as :meth:`ask` does, for GET.
        """
        waited = 0.0
        try:
            answer = await self.ask("HEAD", url, patience=self._for_head())
        except PeerClosed as error:
            if error.heard and self._is_no_web_server(error):
                raise
            await (self._anew() if error.heard else self._anew_after_a_hang_up(url))
        except WireError as error:
            if self._is_no_web_server(error):
                raise
            await self._anew()
        except ReadTimeout as error:
            if error.patience is None or self._probe.remaining <= 0:
                raise
            waited = error.waited
            await self._anew()
        else:
            if self._is_believed(answer, refusal) or wants_tls(url, answer):
                return answer
        return await self._by_get(url, waited)

    async def _by_get(self, url: Url, waited: float) -> wire.Response:
        """Request a page with GET after HEAD gave no usable answer in ``waited`` seconds; a proxy answers for itself.

        Raises:
            WireError, StreamError, Failure: as :meth:`ask` does.
        """
        try:
            return await self.ask("GET", url)
        except ReadTimeout as error:
            error.waited += waited
            if self._absolute and not error.heard:
                detail = f"the proxy did not answer GET {url}; it may be waiting for the target itself"
                raise Failure(common.OUT_OF_TIME, detail) from error
            raise
        except PeerClosed as error:
            if error.heard:
                raise
            if self._absolute:
                detail = f"the proxy closes the connection after GET {url}"
                raise Failure(causes.PROXY_REFUSED, detail) from error
            raise Failure(common.HUNG_UP, f"{error}{self._hung_up()}") from error

    def _is_believed(self, answer: wire.Response, refusal: int) -> bool:
        """Return whether GET would get the same answer as HEAD; 304 and 299 do not answer a first request."""
        match answer.status:
            case 401 if refusal <= 401:
                return any(not challenge.proxy for challenge in wire.challenges(answer))
            case 407:
                return proxy_of(self._probe) is not None
            case 503:  # an overload that asks for a pause
                return answer.header("retry-after") is not None
            case status if 300 <= status < 400:
                return status in REDIRECTS and answer.header("location") is not None
            case status:
                return status in TRUSTED_REFUSALS or (status < refusal and status in wire.STATUSES)

    def _is_no_web_server(self, error: WireError | PeerClosed) -> bool:
        """Return whether the answer to HEAD is, or may be, of another protocol: then no further request is sent."""
        if isinstance(error, Echoed) or self._probe.target.guessed:
            return True
        return self._probe.shared.signatures.foreigner(error.heard, self._probe.row.speaks) is not None

    def _for_head(self) -> float | None:
        """Return the seconds to wait for an answer to HEAD; None for a guessed type whose port may be no web server."""
        if self._probe.target.guessed and not self._stream.answered:
            return None
        return self._probe.remaining * _FOR_HEAD

    def _hung_up(self) -> str:
        """Describe a server that answers neither HEAD nor GET."""
        if not self._stream.encrypted:
            return "; a port that requires TLS and a listener that expects the PROXY protocol behave like this"
        return f"; by ALPN it selected {self._stream.alpn or f'neither {_EITHER[0]} nor {_EITHER[1]}'}"

    async def ask(
        self, method: str, url: Url, headers: Iterable[tuple[str, str]] = (), *, patience: float | None = None
    ) -> wire.Response:
        """Send one request and read its answer, on a new connection if the last answer ended the old one.

        ``headers`` are further fields of the request; ``patience`` bounds the wait for the first byte, in seconds.

        Raises:
            WireError, StreamError: as :meth:`Stream.receive` does.
            Failure: no new connection.
        """
        if self._over:
            await self._anew()
        if patience is not None:
            self._stream.wait_for_first_byte(patience)
        try:
            return await self._once(method, url, headers)
        except (PeerClosed, WireError):
            # A server may close a kept connection at any time (RFC 9112, 9.5). Late data on it may be the body of an
            # answer to HEAD, which must have none.
            if not self._asked:
                raise
            await self._anew()
            return await self._once(method, url, headers)

    async def get(self, url: Url) -> wire.Response:
        """Request a page with GET, without HEAD before it.

        Raises:
            WireError, StreamError: as :meth:`ask` does.
            Failure: the server supports only HTTP/2.
        """
        try:
            return await self.ask("GET", url)
        except PeerClosed as error:
            if not (error.heard or self._asked) and self._stream.encrypted and self._stream.alpn is None:
                await self._anew_after_a_hang_up(url)
            raise

    async def _once(self, method: str, url: Url, headers: Iterable[tuple[str, str]]) -> wire.Response:
        form = str(url) if self._absolute else url.path
        request = wire.request(
            method, form, host=url.authority, user_agent=USER_AGENT, keep_alive=True, headers=(*_IDENTITY, *headers)
        )
        record(method.lower())
        await self._stream.send(request)
        try:
            answer = await self._stream.receive(wire.ResponseReader(method))
        except ReadTimeout as error:
            error.spoke = error.spoke or self._stream.encrypted  # a server that finished TLS is reachable
            raise
        except WireError as error:
            if wire.is_http2(error.heard):
                raise Failure(common.LIMIT, f"{url} supports only HTTP/2, and this check only HTTP/1.1") from error
            if url.scheme == "http" and not self._absolute and (alert := tls.alert(error.heard)):
                detail = f"a TLS server answers ({alert.description}); this port requires TLS"
                raise Failure(common.OTHER_PROTOCOL, detail, in_tls(url), speaks="tls") from error
            raise
        # Some servers report in a body, which HEAD must not have, that they require TLS. It may come with the head.
        if method == "HEAD" and answer.status == 400:
            answer = replace(answer, body=(await self._stream.receive(Buffer.everything))[: wire.MAX_BODY])
        answer = wire.decoded(answer)
        self.method = method
        self._asked += 1
        self._over = _ends_connection(answer) or self._stream.unread > 0
        return answer

    @property
    def over(self) -> bool:
        """Return whether the last answer ended the connection."""
        return self._over

    async def _anew(self, alpn: tuple[str, ...] = ALPN) -> None:
        await self._probe.leave(self._stream)
        self._stream = await _again(self._probe, self._origin, alpn)
        self._over, self._asked = False, 0

    async def _anew_after_a_hang_up(self, url: Url) -> None:
        """Connect again; offer HTTP/2 besides HTTP/1.1 to a server that selected nothing by ALPN.

        Raises:
            Failure: it selects HTTP/2, so this check cannot talk to it.
        """
        await self._anew(_EITHER if self._stream.encrypted and self._stream.alpn is None else ALPN)
        if self._stream.alpn == "h2":
            detail = f"{url} closes the connection after an HTTP/1.1 request and selects h2 by ALPN; it supports only "
            detail += "HTTP/2, and this check only HTTP/1.1"
            raise Failure(common.LIMIT, detail, speaks="http")


def wants_tls(url: Url, answer: wire.Response) -> bool:
    """Return whether a server answers plain HTTP with the message that its port requires TLS (only with status 400)."""
    return url.scheme == "http" and answer.status == 400 and any(words in answer.body for words in _WANTS_TLS)


def in_inventory(url: Url) -> str:
    """Return the line for the inventory that names a page, without the scheme's default port."""
    if url.port == DEFAULT_PORTS.get(url.scheme):
        return PAGE(scheme=url.scheme, host=url.host, path=url.path)
    return PAGE_AT_PORT(scheme=url.scheme, host=url.host, port=url.port, path=url.path)


def in_tls(url: Url) -> str | None:
    """Return the line for the inventory with the same page over TLS."""
    return IN_TLS(host=url.host, port=url.port, path=url.path)


def _ends_connection(answer: wire.Response) -> bool:
    tokens = [token.strip().lower() for value in answer.all("connection") for token in value.split(",")]
    kept = "keep-alive" in tokens or answer.version == "1.1"
    return "close" in tokens or not kept or answer.truncated


# --- getting a connection ----------------------------------------------------------------------------------------


async def open_talk(probe: Probe, url: Url, *, or_in_clear: bool = False) -> Talk:
    """Climb ``resolve``, ``connect`` (through the proxy, if any) and ``tls``; return the open talk.

    With ``or_in_clear``, the fix advises ``http://`` if a web server without TLS answers.
    """
    proxy = proxy_of(probe)
    stream = await probe.connect() if proxy is None else await _through(probe, url, proxy)
    if url.scheme == "https":
        async with probe.step(Step.TLS) as rung:
            try:
                await probe.start_tls(stream, rung, ALPN)
            except TlsError as error:
                if or_in_clear and error.securing and _is_web_in_clear(probe, error.heard):
                    found = probe.explain(error, Step.TLS)
                    fix = IN_CLEAR(host=url.host, port=url.port, path=url.path)
                    detail = found.detail + (_ALSO_BEHIND_PROXY if b" 400 " in error.heard[:16] else "")
                    raise Failure(
                        found.cause, detail, also=((Owner.OPERATOR, fix),), speaks=probe.row.speaks
                    ) from error
                raise
    return Talk(probe, url, stream)


def _is_web_in_clear(probe: Probe, heard: bytes) -> bool:
    """Return whether a web server answered the ClientHello in clear text, with a status line or only a page."""
    found = probe.shared.signatures.identify(heard)
    return found is not None and found.protocol == "http"


async def _through(probe: Probe, url: Url, proxy: tuple[str, int]) -> Stream:
    where = f"{bracketed(proxy[0])}:{proxy[1]}"
    async with probe.step(Step.RESOLVE, probe.host) as rung:
        rung.skip("the proxy resolves the name")
    async with probe.step(Step.CONNECT, where) as rung:
        dead: list[Check] = []
        stream = await probe.dial(*proxy, dead=dead)
        rung.ok("connected to the proxy", proxy=where)
        rung.also(*dead)
    if url.scheme == "https":
        async with probe.step(Step.CONNECT) as rung:
            await tunnel(stream, url)
            rung.ok(f"the proxy {where} opened a tunnel")
    elif probe.depth is Step.CONNECT:
        raise ClimbEnded  # over plain http, the request itself is the first message to a proxy
    return stream


async def prove_proxy(talk: Talk, answer: wire.Response) -> None:
    """Check that the option ``proxy`` names a proxy: it must fail for a host name that cannot exist.

    A web server also answers the absolute form, with its own page or its own login. The request is sent only to the
    proxy, and only if the answer does not name a proxy itself (Via, RFC 9110, 7.6.3).

    Raises:
        Failure: it is no proxy.
    """
    if answer.header("via") is not None or (answer.status >= 400 and answer.status != 401):
        return
    nowhere = await talk.ask("HEAD", Url("http", "scanready.invalid", 80, "/"))  # RFC 6761, 6.4
    if nowhere.status < 400 or nowhere.status == 401:
        raise Failure(
            causes.NOT_A_PROXY, f"it answers {described(nowhere)} for every host name, even one that does not exist"
        )


async def _again(probe: Probe, url: Url, alpn: tuple[str, ...]) -> Stream:
    """Open another connection to an origin that was reached before; its certificate was judged then."""
    proxy = proxy_of(probe)
    stream = await probe.dial(*(proxy or (url.host, url.port)))
    if url.scheme == "https":
        if proxy:
            await tunnel(stream, url)
        await stream.start_tls(url.host, alpn)
    return stream


async def open_elsewhere(probe: Probe, url: Url, rung: Rung, dead: list[Check] | None = None) -> Talk:
    """Connect to another origin to which a redirect leads; a fault of its certificate is a warning on this rung.

    ``dead`` receives a check for each address that does not answer, if another address does.
    """
    proxy = proxy_of(probe)
    stream = await probe.dial(*(proxy or (url.host, url.port)), dead=dead)
    if url.scheme == "https":
        if proxy:
            await tunnel(stream, url)
        session = await stream.start_tls(url.host, ALPN)
        judgement = probe.shown.judge(session, url.host)
        for cause, detail in judgement.faults:
            rung.warn(cause, f"certificate of {url.endpoint}: {detail}")
        if soon := probe.shown.ends_soon(judgement):
            rung.warn(common.TLS_EXPIRES_SOON, f"{url.endpoint}: {soon}")
        if session.old:
            rung.warn(common.TLS_VERSION, f"{url.endpoint} supports only {session.version}")
    return Talk(probe, url, stream)
