"""Check a web site as a crawler sees it: whether it asks for a login, and whether its page has content.

A page on the target's own host counts as the target's. If another host answers, the site itself was not checked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from scanready.causes import common
from scanready.causes import web as causes
from scanready.clients import http_schemes, http_talk
from scanready.clients.http_block_pages import filter_of, refusal_of
from scanready.clients.http_pages import REDIRECTS, Page, arrive, follow, is_elsewhere, refuses_head, through, usable
from scanready.clients.http_talk import Url
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe, Rung
from scanready.climb.shared import login_methods
from scanready.model import Step
from scanready.net.events import record
from scanready.net.stream import StreamError
from scanready.wire import WireError
from scanready.wire import http as wire

from . import content, fixes, login

# In the order they are tried: schemes that do not reveal the password come first.
PASSWORD_SCHEMES = ("ntlm", "digest", "basic")
#: The most pages that are requested if one only leads to others: frames, and pages that redirect by themselves.
_MOST_DOORS = 4


@dataclass(frozen=True, slots=True)
class Prompt:
    """Describe the login prompt: ``schemes`` are those that a password can use, lower case, in the order to try.

    ``withheld`` is the reason why a credential must not be sent there, empty if it may.
    """

    url: Url
    open: bool
    elsewhere: bool
    schemes: tuple[str, ...]
    withheld: str


async def reach(probe: Probe, scheme: str) -> Prompt:
    """Climb to the login prompt, or to the open page and read it; once for all types with the same options."""
    options = probe.target.options
    asked = (scheme, options.get("path"), options.get("proxy"), probe.credential is not None)

    async def climb(probe: Probe) -> Prompt:
        url = http_talk.asked_for(probe, scheme)
        talk = await http_talk.open_talk(probe, url, or_in_clear=True)
        arrived = await arrive(probe, talk, url)
        page, error = await _crawled(probe, url, arrived)
        crawled = page is not arrived or error is not None
        prompt, entered = await look_for_prompt(probe, page, crawled=crawled, readable=error is None)
        if prompt.open:
            await read_openly(probe, page, prompt, error or entered)
        return prompt

    return await probe.share(asked, climb)


async def _crawled(probe: Probe, url: Url, page: Page) -> tuple[Page, Exception | None]:
    """Return the page as a crawler gets it, with GET, because some servers answer HEAD differently.

    If GET fails, return the page from HEAD and the error, which belongs to the access step.
    """
    known = {url, page.url}
    while (
        page.talk.method == "HEAD"
        and 200 <= page.answer.status < 300
        and not is_elsewhere(url, page.url)
        and probe.depth.height >= Step.ACCESS.height
    ):
        try:
            asked = Page(page.url, await page.talk.ask("GET", page.url), page.talk)
            usable(probe, asked)
        except (Failure, WireError, StreamError, OSError) as error:
            return page, error
        page = await follow(probe, url, asked, known)
    return page, None


# --- auth: does it ask for a login? ------------------------------------------------------------------------------


#: The judgement of a page, the error that prevented it, or None if the page was not read.
Entered = content.Judged | Exception | None


async def look_for_prompt(
    probe: Probe, page: Page, *, crawled: bool = False, readable: bool = True
) -> tuple[Prompt, Entered]:
    """Return the login prompt of the page, or of the page that it leads to, and the judgement of its content.

    ``crawled``: a GET was sent after the page's HEAD. A page that is not ``readable`` is not judged.
    """
    url, status = page.url, page.answer.status
    elsewhere = is_elsewhere(http_talk.asked_for(probe, url.scheme), url)
    missing = status in (404, 410)
    async with probe.step(Step.AUTH, url.endpoint) as rung:
        if crawled:
            record("get")
        if elsewhere and refuses_head(page.answer):
            reply = http_talk.described(page.answer)
            detail = f"the site redirects to {url}, on another host, which answers {reply} to HEAD"
            rung.warn(causes.REDIRECTS_ELSEWHERE, detail, http_talk.in_inventory(url))
            return Prompt(url, True, elsewhere, (), _withheld(probe, url)), None
        if status != 401 and not missing and not 200 <= status < 300:
            reply = f"{url} answers {http_talk.described(page.answer)}"
            if product := filter_of(page.answer) if status in (403, 451) else refusal_of(page.answer):
                rung.stop(causes.BLOCK_PAGE, f"{reply} with the page of {product}")
            if status in REDIRECTS and page.answer.header("location") is None:
                rung.stop(causes.REDIRECT_BROKEN, f"{reply}, without the field Location")
            if status in (403, 451):
                rung.stop(causes.FORBIDDEN, reply, _allow_line(probe, page.answer))
            rung.stop(causes.REQUEST_REFUSED, reply)
        if missing and (product := refusal_of(page.answer)):
            reply = f"{url} answers {http_talk.described(page.answer)}"
            rung.stop(causes.BLOCK_PAGE, f"{reply} with the page of {product}")
        entered: Entered = None
        if readable and page.talk.method == "GET" and 200 <= status < 300 and not elsewhere:
            page, entered = await _behind_doors(probe, rung, page)
        schemes = _asked_schemes(rung, page)
        if elsewhere:
            rung.warn(
                causes.REDIRECTS_ELSEWHERE, f"the site redirects to {url}, on another host", http_talk.in_inventory(url)
            )
    url = page.url
    return Prompt(url, page.answer.status != 401, elsewhere, schemes, _withheld(probe, url)), entered


async def _behind_doors(probe: Probe, rung: Rung, page: Page) -> tuple[Page, Entered]:
    """Judge a page, or the pages that it leads to; return the first of those that asks for a login in its place.

    An error is not a finding about the login prompt: it is returned, for the access step.
    """
    if probe.depth.height < Step.ACCESS.height:
        return page, None
    try:
        found, asks = await _judged(probe, rung, page)
    except (Failure, WireError, StreamError, OSError) as error:
        return page, error
    if asks is None:
        return page, found
    rung.ok(found.detail)
    return asks, found


def _asked_schemes(rung: Rung, page: Page) -> tuple[str, ...]:
    if page.answer.status != 401:
        rung.ok("the page needs no login", auth_methods=["anonymous"])
        return ()
    offered = list(dict.fromkeys(c.scheme for c in wire.challenges(page.answer) if not c.proxy))
    lower = {scheme.lower() for scheme in offered}
    can = tuple(scheme for scheme in PASSWORD_SCHEMES if scheme in lower)
    words = login_methods.offers(offered)
    if can:
        rung.ok(words, auth_methods=offered)
    elif "negotiate" in lower:
        rung.warn(causes.NEGOTIATE_ONLY, words, auth_methods=offered)
    else:
        http_schemes.demand_known(lower)
        rung.stop(causes.NO_PASSWORD_SCHEME, words, auth_methods=offered)
    return can


def _withheld(probe: Probe, url: Url) -> str:
    """Return why a credential must not be sent to the redirects' target; empty if it may."""
    own = http_talk.asked_for(probe, url.scheme)
    upgraded = url.port == 443 and own.port == 80 and url.scheme == "https"
    if url.host.lower() == own.host.lower() and (url.port == own.port or upgraded):
        return ""
    return f"{url.endpoint} asks for the login, not the target; the credential was not sent there"


def _allow_line(probe: Probe, answer: wire.Response) -> str | None:
    """Return the line that permits this agent's address, for nginx and Apache; else None."""
    product = (answer.header("server") or "").lower()
    if product.startswith("nginx"):
        return fixes.NGINX_ALLOW(agent=probe.agent_address)
    return fixes.APACHE_ALLOW(agent=probe.agent_address) if product.startswith("apache") else None


# --- login and access: the page itself ---------------------------------------------------------------------------


async def visit(probe: Probe, prompt: Prompt) -> None:
    """Log in with the credential, if there is one and the prompt has a scheme for a password."""
    if probe.credential is None or not prompt.schemes:
        return
    if prompt.withheld:
        async with probe.step(Step.LOGIN, prompt.url.endpoint) as rung:
            rung.stop(common.LOGIN_WITHHELD, prompt.withheld, http_talk.in_inventory(prompt.url))
    else:
        await _log_in(probe, prompt)


async def read_openly(probe: Probe, page: Page, prompt: Prompt, entered: Entered) -> None:
    """Record the judgement of the page that asks for no login, unless it is on another host."""
    async with probe.step(Step.LOGIN) as rung:
        rung.skip("the page needs no login" + ("; the credential was not sent" if probe.credential else ""))
    async with probe.step(Step.ACCESS, page.url.endpoint) as rung:
        if prompt.elsewhere:
            rung.skip("the page is on another host")
            return
        if page.answer.status in (404, 410):
            raise _not_found(page.url, page.answer.status)
        if isinstance(entered, Exception):
            raise entered
        assert entered is not None, "a page that asks for no login was read"
        entered.tell(rung)


async def _judged(probe: Probe, rung: Rung, page: Page) -> tuple[content.Judged, Page | None]:
    """Judge a page; if it only leads to pages on the same host, judge those instead.

    The second result is a page that asks for a login (401), if none of the others has content.

    Raises:
        Failure: one of those pages does not answer with a page.
    """
    found = content.judge(page.url, content.answered(page.answer))
    if found.ways:
        return await _behind_terms(probe, rung, page, found)
    entered, known, doors = found.detail, {page.url}, list(found.doors)
    first, asks = None, None
    while doors:
        if len(known) > _MOST_DOORS:
            raise Failure(common.LIMIT, f"{entered}; there are more pages than this check follows")
        door = doors.pop(0)
        if door in known:
            continue
        known.add(door)
        page = await through(probe, rung, page, door)
        if page.answer.status == 401:
            asks = asks or page
            first = first or content.Judged(f"{entered}, which asks for a login")
            continue
        found = _behind(entered, page)
        if found.cause is None and not found.doors:
            return found, None
        doors = [*found.doors, *doors]
        first = first or (found if found.cause else None)
    if asks is not None and first is not None:
        return first, asks
    if first is None and found.doors:
        return content.Judged(f"{entered}, and from there back in a loop", causes.EMPTY), None
    return first or found, None


async def _behind_terms(
    probe: Probe, rung: Rung, page: Page, found: content.Judged
) -> tuple[content.Judged, Page | None]:
    """Judge a page of terms, age check or consent: by a login behind it, else by its own content."""
    for way in found.ways:
        try:
            behind = await through(probe, rung, page, way)
            entered = f"{page.url} asks to accept terms and leads to {way}"
            if behind.answer.status == 401:
                return content.Judged(f"{entered}, which asks for a login"), behind
            judged = _behind(entered, behind)
        except (Failure, WireError, StreamError, OSError):
            return found, None
        if judged.cause is causes.LOGIN_FORM:
            return judged, None
        page = replace(page, talk=behind.talk) if behind.url.origin == page.url.origin else page
    return found, None


def _behind(entered: str, page: Page) -> content.Judged:
    """Judge the answer of a page that another page leads to; ``entered`` describes the other page."""
    url, answer = page.url, page.answer
    text = f"{entered}, which answers {http_talk.described(answer)}"
    if answer.status in REDIRECTS and (leads := url.joined(answer.header("location") or "")):
        if is_elsewhere(url, leads):
            text += f" and redirects to {leads}, on another host"
            return content.Judged(text, causes.REDIRECTS_ELSEWHERE, http_talk.in_inventory(leads))
        return content.Judged(text, doors=(leads,))
    if answer.status in (404, 410):
        return content.Judged(text, causes.EMPTY)
    if not 200 <= answer.status < 300:
        raise Failure(common.LIMIT, f"{text}; name its path in the inventory to check it")
    return content.judge(url, content.answered(answer))


async def _log_in(probe: Probe, prompt: Prompt) -> None:
    """Log in once with the credential, and read a limited amount."""
    credential = probe.credential
    assert credential is not None, "a login needs a credential"
    async with probe.step(Step.LOGIN, prompt.url.endpoint) as rung:
        scheme = prompt.schemes[0]
        if scheme == "basic" and prompt.url.scheme == "http":
            probe.about_to_send_in_clear()
        if prompt.url.scheme == "https":
            probe.about_to_send_over_tls(prompt.url.host)
        proxy = http_talk.proxy_of(probe)
        through = "http://" + wire.authority(*proxy) if proxy else None
        where = login.Where(str(prompt.url), scheme, http_talk.USER_AGENT, through, probe.login_trust(prompt.url.host))
        result = await probe.login(login.visit, where, hosts=[proxy[0]] if proxy else [])
        rung.ok(f"logged in as {credential.username} with {scheme}")
    async with probe.step(Step.ACCESS, prompt.url.endpoint) as rung:
        record("account")
        if result.status in (404, 410):
            raise _not_found(prompt.url, result.status)
        if result.denied is not None:
            rung.judge_access(result.denied)
        else:
            kind, cut = result.content_type, result.truncated
            read = content.Read(result.body, kind, cut, result.coded, result.refresh, result.later, result.cut_off)
            judged = content.judge(prompt.url, read)
            if judged.doors:
                raise Failure(common.LIMIT, f"{judged.detail}, which was not followed after the login")
            judged.tell(rung)


def _not_found(url: Url, status: int) -> Failure:
    """Return the failure of a path that does not exist."""
    return Failure(common.ACCESS_NOT_FOUND, f"{url} answers {status}")
