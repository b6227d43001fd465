"""List the cloud services of the document's row "Cloud services", and the endpoints on 443 that their scans need.

The document names no endpoints. These are the ones that the vendors publish; each service names the page that lists
them. A host may contain a placeholder in braces, which is an option of the target. An endpoint whose option is not set
is not asked, and the report says so. Pages for people, uploads and telemetry are left out. Services and endpoints that
are not in this list can be named in the option ``endpoints`` of the inventory.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from scanready.model import Target

#: The options that fill placeholders.
PLACEHOLDERS = ("tenant", "account", "region", "bucket", "domain")


@dataclass(frozen=True, slots=True)
class CloudEndpoint:
    """Describe one host that a scan connects to, and its use."""

    host: str
    use: str

    @property
    def placeholders(self) -> tuple[str, ...]:
        """Return the options that its host name contains."""
        return tuple(re.findall(r"\{(\w+)\}", self.host))


@dataclass(frozen=True, slots=True)
class CloudService:
    """Describe a service by the name that targets use.

    ``needs`` are the placeholders that a target must set. ``domains`` are the vendor's: a redirect to one of them
    belongs to the service. ``also`` are other names of the service.
    """

    name: str
    title: str
    endpoints: tuple[CloudEndpoint, ...]
    domains: tuple[str, ...]
    source: str
    needs: tuple[str, ...] = ()
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Describe one endpoint of a target; ``fixed`` if its name contains no option."""

    host: str
    port: int
    use: str
    fixed: bool = False


_LOGIN = CloudEndpoint("login.microsoftonline.com", "sign-in and tokens")
_GRAPH = CloudEndpoint("graph.microsoft.com", "sites, files and mail (Microsoft Graph)")
_SHAREPOINT = CloudEndpoint("{tenant}.sharepoint.com", "SharePoint sites")
_ONEDRIVE = CloudEndpoint("{tenant}-my.sharepoint.com", "OneDrive")
_OUTLOOK = CloudEndpoint("outlook.office365.com", "mailboxes")
_MICROSOFT = ("microsoftonline.com", "microsoft.com", "sharepoint.com", "office365.com", "office.com", "live.com")
_MICROSOFT_PAGE = 'Microsoft Learn, "Microsoft 365 URLs and IP address ranges"; "Use the Microsoft Graph API"'
_AZURE_PAGE = 'Microsoft Learn, "Storage account overview", Storage account endpoints'
_AZURE_DOMAINS = ("core.windows.net",)
_BLOBS = CloudEndpoint("{account}.blob.core.windows.net", "blobs")
_QUEUES = CloudEndpoint("{account}.queue.core.windows.net", "queues")
_TABLES = CloudEndpoint("{account}.table.core.windows.net", "tables")

SERVICES: tuple[CloudService, ...] = (
    CloudService(
        "s3",
        "Amazon S3",
        (
            CloudEndpoint("s3.amazonaws.com", "the list of buckets"),
            CloudEndpoint("s3.{region}.amazonaws.com", "buckets of the region"),
            CloudEndpoint("{bucket}.s3.{region}.amazonaws.com", "the bucket by its own name"),
        ),
        ("amazonaws.com", "amazon.com"),
        'AWS General Reference, "Amazon Simple Storage Service endpoints and quotas"',
        also=("aws", "amazon", "amazon-s3"),
    ),
    CloudService(
        "azure-storage",
        "Azure Storage",
        (_BLOBS, _QUEUES, _TABLES),
        _AZURE_DOMAINS,
        _AZURE_PAGE,
        ("account",),
        ("azure",),
    ),
    CloudService("azure-blobs", "Azure Storage, blobs only", (_BLOBS,), _AZURE_DOMAINS, _AZURE_PAGE, ("account",)),
    CloudService(
        "google-workspace",
        "Google Workspace",
        (
            CloudEndpoint("oauth2.googleapis.com", "tokens"),
            CloudEndpoint("www.googleapis.com", "Drive and Calendar"),
            CloudEndpoint("gmail.googleapis.com", "mailboxes"),
            CloudEndpoint("admin.googleapis.com", "the list of users"),
        ),
        ("googleapis.com", "google.com"),
        'Google, "Using OAuth 2.0 to Access Google APIs"; the service endpoints of the Drive, Gmail and Admin SDK '
        "API references",
        also=("google", "gsuite", "gmail", "google-drive"),
    ),
    CloudService(
        "sharepoint",
        "SharePoint Online",
        (_LOGIN, _SHAREPOINT, _GRAPH),
        _MICROSOFT,
        _MICROSOFT_PAGE,
        ("tenant",),
        ("sharepoint-online", "spo"),
    ),
    CloudService(
        "onedrive",
        "OneDrive for Business",
        (_LOGIN, _ONEDRIVE, _GRAPH),
        _MICROSOFT,
        _MICROSOFT_PAGE,
        ("tenant",),
        ("onedrive-for-business",),
    ),
    CloudService(
        "exchange-online",
        "Exchange Online",
        (_LOGIN, _OUTLOOK, _GRAPH),
        _MICROSOFT,
        _MICROSOFT_PAGE,
        (),
        ("exo", "outlook"),
    ),
    CloudService(
        "microsoft365",
        "Microsoft 365: SharePoint Online, OneDrive and Exchange Online",
        (_LOGIN, _SHAREPOINT, _ONEDRIVE, _OUTLOOK, _GRAPH),
        _MICROSOFT,
        _MICROSOFT_PAGE,
        ("tenant",),
        ("office365", "o365", "m365"),
    ),
    CloudService(
        "dropbox",
        "Dropbox",
        (
            CloudEndpoint("www.dropbox.com", "authorization"),
            CloudEndpoint("api.dropboxapi.com", "folders"),
            CloudEndpoint("content.dropboxapi.com", "files"),
        ),
        ("dropbox.com", "dropboxapi.com"),
        'Dropbox, "HTTP documentation"; Dropbox Help, "What domains does Dropbox use in an official capacity?"',
        also=("dropbox-business",),
    ),
    CloudService(
        "box",
        "Box",
        (
            CloudEndpoint("account.box.com", "authorization"),
            CloudEndpoint("api.box.com", "folders and tokens"),
            CloudEndpoint("dl.boxcloud.com", "files"),
        ),
        ("box.com", "boxcloud.com", "box.net"),
        'Box Support, "Configuring A Firewall For Box Applications and Services"',
    ),
    CloudService(
        "salesforce",
        "Salesforce",
        (
            CloudEndpoint("login.salesforce.com", "sign-in and tokens"),
            CloudEndpoint("{domain}.my.salesforce.com", "the organisation's own domain"),
        ),
        ("salesforce.com", "force.com"),
        'Salesforce Help, "Allow the Required Domains"; "My Domain URL Formats"',
    ),
    CloudService(
        "rackspace",
        "Rackspace Cloud Files",
        (
            CloudEndpoint("identity.api.rackspacecloud.com", "tokens"),
            CloudEndpoint("storage101.{region}.clouddrive.com", "files of the region, such as dfw1"),
        ),
        ("rackspacecloud.com", "clouddrive.com", "rackspace.com"),
        'Rackspace, Cloud Files API, "Service access endpoints"',
        ("region",),
        ("cloudfiles", "rackspace-cloud"),
    ),
)
BY_SERVICE: dict[str, CloudService] = {service.name: service for service in SERVICES}
#: Other names of the services, for "did you mean".
OTHER_NAMES: dict[str, str] = {other: service.name for service in SERVICES for other in service.also}
_DOMAINS = frozenset(domain for service in SERVICES for domain in service.domains)


def places(
    service: str, port: int, values: Mapping[str, Any], own: str = ""
) -> tuple[list[Place], list[CloudEndpoint]]:
    """Return the endpoints that a scan of ``service`` needs, and those that lack an option.

    Args:
        service: a name of the catalogue, or any other name for a service with only ``own`` endpoints.
        port: the port of endpoints that name none.
        values: the values of the placeholders.
        own: further endpoints, ``host`` or ``host:port``, comma-separated. An unknown service without any is its own
            endpoint.
    """
    known = BY_SERVICE.get(service)
    asked: list[Place] = []
    missing: list[CloudEndpoint] = []
    for endpoint in known.endpoints if known else ():
        if all(values.get(name) for name in endpoint.placeholders):
            asked.append(Place(endpoint.host.format_map(values), port, endpoint.use, not endpoint.placeholders))
        else:
            missing.append(endpoint)
    for one in filter(None, own.split(",")):
        host, colon, number = one.rpartition(":") if not one.endswith("]") else (one, "", "")
        name, at = (host, int(number)) if colon else (one, port)
        asked.append(Place(name.strip("[]"), at, "named by the inventory"))
    if not known and not asked:
        asked.append(Place(service, port, "the target itself"))
    return asked, missing


def placed(target: Target) -> list[Target]:
    """Return one target for each endpoint of a cloud target; the only option that they keep is the proxy."""
    options = target.options
    asked, _ = places(target.host, target.port, options, str(options.get("endpoints") or ""))
    left = {"proxy": options["proxy"]} if "proxy" in options else {}
    return [replace(target, host=one.host, port=one.port, options=left) for one in asked]


def domain_of(host: str) -> str | None:
    """Return the vendor's domain that a name belongs to; None if it belongs to no vendor of the catalogue."""
    plain = host.lower().removesuffix(".")
    return next((domain for domain in _DOMAINS if plain == domain or plain.endswith(f".{domain}")), None)


def is_own(host: str, of: str) -> bool:
    """Return whether ``host`` belongs to the same vendor as ``of``."""
    domain = domain_of(of)
    others = {one for service in SERVICES if domain in service.domains for one in service.domains}
    return domain_of(host) in others
