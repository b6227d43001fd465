"""Describe the target type for cloud services: the host is a service's name (``cloud://s3?region=eu-west-1``)."""

from __future__ import annotations

from scanready.catalogue.option import Option
from scanready.catalogue.row import Called, Cost, Group, Nmap, TargetType
from scanready.clients.http_options import PROXY
from scanready.model import Step

from .options import ENDPOINTS, check_service, placeholder
from .services import PLACEHOLDERS

CLOUD = TargetType(
    "cloud",
    "Cloud service",
    443,
    Cost(5, 5, log="one access-log line (HEAD) with scanready's User-Agent at each endpoint of the service"),
    speaks="http",
    home=__package__,
    group=Group.WEB,
    place=3,
    tls=True,
    scheme="https",
    options=(*(Option(name, placeholder) for name in PLACEHOLDERS), ENDPOINTS, PROXY),
    proof=Step.HANDSHAKE,
    steps=tuple(Step)[:5],
    hostless=True,
    check=check_service,
    nmap=Nmap(by_port=False),
    called=Called(names=("s3", "sharepoint", "onedrive", "azure", "aws")),
    proven_by="nginx in place of the services; squid with TLS inspection and tinyproxy in between; no real cloud "
    "service",
)
