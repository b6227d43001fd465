"""Describe the target type for Exchange Web Services."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.catalogue.option import ALLOW_UNTRUSTED, Option, switch
from scanready.catalogue.row import Called, Cost, Detour, Driver, Group, Judge, Nmap, TargetType
from scanready.clients.http_options import PATH, PROXY
from scanready.model import Target


def _endpoint(path: str) -> Mapping[str, str] | None:
    """Return the option ``path`` for a URL path that ends in .asmx, as Exchange's endpoint does; else None."""
    return {"path": path} if path.lower().endswith(".asmx") else None


def _discovers(target: Target) -> bool:
    return bool(target.options.get("autodiscover"))


EWS = TargetType(
    "ews",
    "Microsoft Exchange (EWS)",
    443,
    # The endpoint twice if the server does not keep connections; with autodiscover, each location that is asked.
    Cost(
        8,
        9,
        login_attempts=1,
        log="IIS: one line with scanready's User-Agent for each request: the endpoint twice (for NTLM's challenge), "
        "the health page, and two more paths if these do not prove Exchange; no logon event without a credential",
        detours=(
            Detour("80,443", "`autodiscover` is set", "autodiscover.DOMAIN", applies=_discovers),
            Detour("443", "`autodiscover` is set", "the server that Autodiscover names", applies=_discovers),
        ),
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
    proven_by="Apache with real NTLM; exchangelib against fixed SOAP answers",
    judges=(
        Judge("Apache", "server", "tests/lab/test_ews.py"),
        Judge("exchangelib", "client", "tests/targets/ews/test_ews_login.py"),
    ),
)
