"""Exchange's web services as a target type."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.catalogue.option import ALLOW_UNTRUSTED, Option, switch
from scanready.catalogue.row import Called, Cost, Driver, Group, Judge, Nmap, TargetType
from scanready.clients.http_options import PATH, PROXY


def _endpoint(path: str) -> Mapping[str, str] | None:
    """A URL that ends as the endpoint's does names the endpoint, as Exchange's administrators have it."""
    return {"path": path} if path.lower().endswith(".asmx") else None


EWS = TargetType(
    "ews",
    "Microsoft Exchange (EWS)",
    443,
    # The endpoint twice where connections are not kept; with autodiscover, each place it looks.
    Cost(
        8,
        9,
        login_attempts=1,
        log="a line in IIS's log with our User-Agent for each request: the endpoint twice (for NTLM's challenge), "
        "the health page, two more paths where neither shows Exchange; no logon event without a credential",
    ),
    speaks="http",
    home=__package__,
    group=Group.MAIL,
    place=3,
    tls=True,
    path="mailbox",
    split=_endpoint,
    options=(Option("mailbox"), PATH, switch("autodiscover", elsewhere=True), PROXY, ALLOW_UNTRUSTED),
    guessed=True,
    drivers=(Driver("exchangelib", "exchangelib", "mail"),),
    nmap=Nmap(by_port=False),
    called=Called(names=("exchange", "ms exchange")),
    proven_by="Apache with real NTLM; exchangelib against literal SOAP answers",
    judges=(
        Judge("Apache", "server", "tests/lab/test_ews.py"),
        Judge("exchangelib", "client", "tests/targets/ews/test_ews_login.py"),
    ),
)
