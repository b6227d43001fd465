"""Describe what a check of a web site sends on each step, with the equivalent curl commands."""

from __future__ import annotations

from scanready.catalogue.exchange import OPENSSL, TLS_JUDGED, Exchange, Sent
from scanready.model import Step

_ACCOUNT = "curl -vk --anyauth -u {user} {url}   # asks for the password, and counts as one attempt"
_SITE = {
    Step.TLS: Exchange(TLS_JUDGED, OPENSSL),
    Step.HANDSHAKE: Exchange(
        Sent(head="HEAD with our User-Agent", get="GET with our User-Agent", redirect="the redirects were followed"),
        "curl -vkIL {url}",
    ),
    Step.AUTH: Exchange(
        Sent("nothing more: the previous answer shows it", get="GET without an account, up to 64 KiB"), "curl -vk {url}"
    ),
    Step.LOGIN: Exchange(
        "one request with the account, with a scheme that the site offers; if the answer is a redirect, 403 or "
        "404, the same request without the account, to compare the answers",
        _ACCOUNT,
    ),
    Step.ACCESS: Exchange(
        Sent(
            "nothing more: the previous answer contained the page",
            get="GET without an account, up to 64 KiB",
            account="GET with the account, up to 64 KiB",
        ),
        "curl -vk {url}",
    ),
}

STORY: dict[str, dict[Step, Exchange]] = {"http": _SITE, "https": _SITE}
