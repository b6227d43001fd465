"""Verify Exchange Web Services, 443.

    we                                       server, or a device in front of it
    (with `autodiscover`: the mail domain's Autodiscover locations, each asked without a credential)
    TLS, with the name (SNI)            ->
                                        <-   certificate: judged after the handshake
    GET /EWS/Exchange.asmx              ->
                                        <-   401 and the ways to log in
    GET /EWS/healthcheck.htm            ->
    GET /EWS/Exchange.asmx, NTLM type 1 ->
                                        <-   401 and type 2: the login prompt
    close_notify, FIN                   ->

With a credential: one login by exchangelib, the inbox's counts and the id of one item in it. With another user's
`mailbox`, the account impersonates it, as a scan of many mailboxes does.
"""

from __future__ import annotations

from scanready.causes import common
from scanready.clients import http_talk
from scanready.clients.http_talk import Talk, Url
from scanready.climb.explain import Failure
from scanready.climb.probe import ClimbEnded, Probe
from scanready.model import Check, Step

from . import autodiscover, causes, endpoint, fixes, login
from .endpoint import Prompt


async def verify(probe: Probe) -> None:
    """Climb to the login prompt; with a credential, log in and read the mailbox."""
    options = probe.target.options
    asked = ("ews", options.get("path"), options.get("proxy"), options.get("autodiscover"))
    prompt = await probe.share(asked, _reach)
    if probe.credential is not None and prompt.schemes:
        await _log_in(probe, prompt)


async def _reach(probe: Probe) -> Prompt:
    withheld = ""
    if probe.target.options.get("autodiscover"):
        if http_talk.proxy_of(probe):
            raise Failure(common.LIMIT, "Autodiscover through a proxy is not supported: name Exchange's own host")
        url = await autodiscover.discover(probe)
        talk = await _open_found(probe, url)
        if not autodiscover.trusted(probe.host, url):
            withheld = (
                f"Autodiscover leads to {url.endpoint}, outside the mail domain; put it in the inventory to log in"
            )
    else:
        url = Url("https", http_talk.asked_for(probe, "https").host, probe.target.port, _path(probe))
        talk = await http_talk.open_talk(probe, url)
    answer = await endpoint.arrive(probe, talk, url)
    prompt = await endpoint.look_for_prompt(probe, talk, url, answer)
    return Prompt(prompt.url, prompt.schemes, prompt.in_front, withheld)


def _path(probe: Probe) -> str:
    return http_talk.carried(str(probe.target.options.get("path", endpoint.ENDPOINT)))


async def _open_found(probe: Probe, url: Url) -> Talk:
    """Connect to the host that Autodiscover named; its certificate counts as the target's."""
    async with probe.step(Step.CONNECT, url.endpoint) as rung:
        dead: list[Check] = []
        stream = await probe.dial(url.host, url.port, dead=dead)
        probe.address = stream.peer  # for checks of other ports of the same host
        rung.ok("connected")
        rung.also(*dead)
    if probe.depth is Step.CONNECT:
        raise ClimbEnded
    async with probe.step(Step.TLS, url.endpoint) as rung:
        probe.judge_tls(await stream.start_tls(url.host, http_talk.ALPN), rung, url.host)
    return Talk(probe, url, stream)


async def _log_in(probe: Probe, prompt: Prompt) -> None:
    """Log in once with the credential, and read a limited amount."""
    credential = probe.credential
    assert credential is not None, "a login needs a credential"
    mailbox = probe.target.options.get("mailbox")
    proxy = http_talk.proxy_of(probe)
    where = login.Where(
        str(prompt.url),
        prompt.schemes[0],
        http_talk.USER_AGENT,
        mailbox,
        f"http://{proxy[0]}:{proxy[1]}" if proxy else None,
        prompt.in_front,
        probe.login_trust(prompt.url.host),
    )
    async with probe.step(Step.LOGIN, prompt.url.endpoint) as rung:
        if prompt.withheld:
            other = fixes.OTHER_SERVER(host=prompt.url.host, port=prompt.url.port)
            rung.stop(common.LOGIN_WITHHELD, prompt.withheld, other)
        probe.about_to_send_over_tls(prompt.url.host)
        hosts = [prompt.url.host] if autodiscover.trusted(probe.host, prompt.url) else []
        result = await probe.login(login.visit, where, hosts=[*hosts, *([proxy[0]] if proxy else [])])
        rung.ok(f"logged in as {credential.username} with {prompt.schemes[0]}")
    async with probe.step(Step.ACCESS, prompt.url.endpoint) as rung:
        if result.version:
            rung.check.facts |= {"version": result.version, "product": endpoint.product_of(result.version)}
        if result.denied is None:
            rung.ok(f"read the inbox{f' of {mailbox}' if mailbox else ''}: {result.read}")
        elif result.denied.cause is causes.IMPERSONATION_DENIED:
            rung.warn(result.denied.cause, result.denied.detail, result.denied.fix, also=result.denied.also)
        else:
            rung.judge_access(result.denied)
