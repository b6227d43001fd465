"""The vocabulary of facts: the name, type, unit and meaning of every value in ``Check.facts`` and ``Report.facts``.

Facts that several protocols share are constants here. A family's module ``facts`` lists what its types state: the
constant ``FACTS`` maps a type's name to its facts, the shared ones included; ``AGENT_FACTS`` has those that its client
program or library adds to ``scanready agent``. :attr:`scanready.catalogue.TargetType.facts` puts all of it together.

A name is never renamed and never changes its type (schema 1). A type may give a shared name a narrower meaning by
declaring it itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """The type of a fact, named as JSON readers know it."""

    TEXT = "text"
    INTEGER = "integer"
    FLAG = "true or false"
    TEXTS = "list of texts"
    INTEGERS = "list of integers"
    MAP = "object"


@dataclass(frozen=True, slots=True)
class Fact:
    """Declare one fact.

    Attributes:
        name: the key in ``facts``.
        type: of its value.
        unit: "s", "TCP port" ...; empty for none.
        meaning: one sentence.
        source: the field of the protocol's message that it is read from; empty if it is no field's value.
        nullable: whether the value may be null: asked for, and not stated by the server.
    """

    name: str
    type: Kind
    unit: str
    meaning: str
    source: str = ""
    nullable: bool = False

    def accepts(self, value: Any) -> bool:
        """Return whether a value has the declared type."""
        if value is None:
            return self.nullable
        match self.type:
            case Kind.TEXT:
                return isinstance(value, str)
            case Kind.INTEGER:
                return _is_integer(value)
            case Kind.FLAG:
                return isinstance(value, bool)
            case Kind.TEXTS:
                return isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)
            case Kind.INTEGERS:
                return isinstance(value, (list, tuple)) and all(_is_integer(item) for item in value)
            case Kind.MAP:
                return isinstance(value, dict) and all(isinstance(key, str) for key in value)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


# stated by the climb itself, whatever the type -----------------------------------------------------------------------

ADDRESSES = Fact("addresses", Kind.TEXTS, "IP address", "The addresses that the host name resolves to.")
REJECTED_BY = Fact(
    "rejected_by", Kind.TEXT, "IP address", "The router or firewall that rejected the connection.", "ICMP sender"
)
REASON = Fact(
    "reason",
    Kind.TEXT,
    "",
    "Why the host is unreachable: `no-neighbour` (nothing answers at the link layer), `no-route` (this agent has "
    "none), `said-by` (a router says so).",
    "errno, ICMP type and code",
)
NEIGHBOUR = Fact(
    "neighbour",
    Kind.TEXT,
    "link-layer address",
    "The address at which the host, in a subnet of this agent, has answered within the last half minute.",
    "Linux neighbour table, NUD_REACHABLE",
)
HOST_ANSWERS = Fact(
    "host_answers",
    Kind.TEXTS,
    "host:port",
    "Other ports of the address that accepted or refused a connection in this run.",
)
HOST_SILENT = Fact(
    "host_silent",
    Kind.TEXTS,
    "host:port",
    "Other ports of the address that did not answer in this run, if none did.",
)
HOSTS_FILE = Fact(
    "hosts_file",
    Kind.TEXT,
    "file:line",
    "The line of this agent's hosts file that has the address of the target's name.",
)
SPEAKS = Fact("speaks", Kind.TEXT, "", "The protocol that answers in place of the expected one, as `ssh`.")
SAME_PLATFORM = Fact("same_platform", Kind.FLAG, "", "Whether the target runs the same platform as this agent.")
SAME_SUBNET = Fact("same_subnet", Kind.FLAG, "", "Whether this agent has an address in a subnet of the target.")
AGENT_PROXY = Fact("agent_proxy", Kind.TEXT, "", "The proxy that this agent's environment names for the target.")
PLATFORM_NOTE = Fact("platform_note", Kind.TEXT, "", "The agent platform that is recommended for this target.")
ACCOUNT_PROVEN = Fact(
    "account_proven",
    Kind.FLAG,
    "",
    "True if the server checked the password or key before it accepted the account; false if it lets in anybody.",
)
REFUSED_AT = Fact(
    "refused_at", Kind.TEXT, "host:port", "The endpoint that refused the account, so that this login was withheld."
)
REFUSED_ACCOUNT = Fact(
    "refused_account", Kind.TEXTS, "", "The user of that refusal, and its authority or else the credential's name."
)
UNANSWERED_AT = Fact(
    "unanswered_at",
    Kind.TEXT,
    "host:port",
    "The endpoint whose answer to a login of this run is unknown, so that this login was withheld.",
)
CREDENTIAL = Fact(
    "credential", Kind.TEXT, "", "The name of the credential that this login was made with, if the target has several."
)
REFUSED_CREDENTIALS = Fact(
    "refused_credentials",
    Kind.MAP,
    "cause code",
    "The credentials of the target that were refused before, by name, with the causes.",
)
ASSUMED = Fact(
    "assumed",
    Kind.TEXTS,
    "",
    "The assumptions of `report --assume` that left out the cause of this check: no measurement.",
)

#: Any type may state these.
CORE = (
    ADDRESSES,
    REJECTED_BY,
    REASON,
    NEIGHBOUR,
    HOST_ANSWERS,
    HOST_SILENT,
    HOSTS_FILE,
    SPEAKS,
    SAME_PLATFORM,
    SAME_SUBNET,
    PLATFORM_NOTE,
    AGENT_PROXY,
    ACCOUNT_PROVEN,
    REFUSED_AT,
    REFUSED_ACCOUNT,
    UNANSWERED_AT,
    CREDENTIAL,
    REFUSED_CREDENTIALS,
    ASSUMED,
)

# stated by every TLS handshake ---------------------------------------------------------------------------------------

TLS = (
    Fact("tls", Kind.TEXT, "", "The TLS version, as `TLSv1.3`.", "ServerHello version"),
    Fact("tls_cipher", Kind.TEXT, "", "The cipher suite, as OpenSSL names it.", "ServerHello cipher_suite"),
    Fact("tls_issuer", Kind.TEXT, "", "The issuer of the certificate (RFC 4514).", "X.509 issuer"),
    Fact("tls_subject", Kind.TEXT, "", "The subject of the certificate (RFC 4514).", "X.509 subject"),
    Fact("tls_expires", Kind.TEXT, "ISO 8601", "The end of the certificate's validity.", "X.509 notAfter"),
    Fact("certificate_faults", Kind.TEXTS, "cause code", "The fault of the certificate; absent if it has none."),
)

# shared by several protocols -----------------------------------------------------------------------------------------

PRODUCT = Fact("product", Kind.TEXT, "", "The server software.")
VERSION = Fact("version", Kind.TEXT, "", "The version of the server software.")
OS = Fact("os", Kind.TEXT, "", "The operating system of the target, as the server states it.")
SERVER_NAME = Fact("server_name", Kind.TEXT, "", "The host name that the server reports.")
NETBIOS_NAME = Fact("netbios_name", Kind.TEXT, "", "The NetBIOS name of the server.")
DOMAIN = Fact("domain", Kind.TEXT, "", "The Windows domain of the server: its DNS name, else its NetBIOS name.")
INSTANCE = Fact("instance", Kind.TEXT, "", "The database instance on the host.")
AUTH_METHODS = Fact(
    "auth_methods", Kind.TEXTS, "", "The login methods that the server offers, by the protocol's own names."
)
ANONYMOUS = Fact("anonymous", Kind.FLAG, "", "True if the server accepted an invented user without a password.")
DATABASES = Fact("databases", Kind.TEXTS, "", "The databases that the account can see.")
ERROR_CODE = Fact("error_code", Kind.INTEGER, "", "The number of the server's error message.")
REDIRECTED_TO = Fact("redirected_to", Kind.TEXT, "host:port", "The address to which the server redirects clients.")
PORTS = Fact("ports", Kind.INTEGERS, "TCP port", "The dynamic ports that a broker named.")
DYNAMIC_PORT = Fact("dynamic_port", Kind.INTEGER, "TCP port", "The dynamic port that was reached.", nullable=True)
CLOCK_SKEW_SECONDS = Fact(
    "clock_skew_seconds", Kind.INTEGER, "s", "The server's clock minus this agent's; negative if it is behind."
)
SUGGESTED_PORT = Fact("suggested_port", Kind.INTEGER, "TCP port", "Another usual port on which the protocol answers.")
#: Another agent may try the account once more.
REFUSAL_AMBIGUOUS = Fact(
    "refusal_ambiguous", Kind.FLAG, "", "True if the refusal may be about the agent's address, not the password."
)
PROOF = Fact("proof", Kind.TEXT, "", "The strength of the evidence, if no public protocol confirms the service.")
