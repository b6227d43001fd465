"""Query SRV records with dnspython, because the operating system's resolver cannot."""

from __future__ import annotations

from scanready.causes import common
from scanready.clients.imports import importing
from scanready.climb.explain import Failure

_MISSING = "SRV records were not queried, because dnspython is not installed: pip install 'scanready[mail]'"


def service(name: str, seconds: float) -> tuple[str, int] | None:
    """Return host and port of the best SRV record of ``name``, None if there is none.

    Raises:
        Failure: no name server answered; dnspython is not installed.
    """
    with importing(_MISSING):
        import dns.exception
        import dns.resolver
    try:
        found = dns.resolver.resolve(name, "SRV", lifetime=seconds, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return None
    except dns.exception.DNSException as error:
        raise Failure(common.NO_ANSWER, f"{name}: {type(error).__name__}: {str(error)[:200]}") from error
    best = min(found, key=lambda record: (record.priority, -record.weight))
    host = best.target.to_text(omit_final_dot=True)
    return (host, int(best.port)) if host and host != "." else None
