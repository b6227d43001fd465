"""Hold the TLS connection that a login makes to the certificate that the climb has judged.

A client library makes a connection of its own. Another server may answer it, with another certificate, and the
judgement of the first one says nothing about that. Servers behind a load balancer have several certificates, so another
one is judged as the first was, in the process of the login and before anything is sent.
"""

from __future__ import annotations

from dataclasses import dataclass

from scanready.causes import common
from scanready.net.tls import TlsSession

from . import channel
from .explain import Failure


@dataclass(frozen=True, slots=True)
class LoginTrust:
    """The certificates that a server may show to a login.

    Attributes:
        name: what the certificate must be for.
        leaf: the certificate that the climb has judged (DER); empty if it judged none.
        ca_file: PEM file of further authorities to trust, beside the system's.
        any_server: the operator permits every certificate (``allow_untrusted``).
    """

    name: str
    leaf: bytes = b""
    ca_file: str | None = None
    any_server: bool = False

    def demand(self, session: TlsSession) -> None:
        """Check what a finished handshake showed, before a secret goes over it.

        Raises:
            Failure: ``login.withheld``: another certificate than the climb has judged, and it does not prove who
                receives the secret; ``scanready.limit``: ``ca_file`` cannot be read.
        """
        if self.any_server or (self.leaf and session.chain[:1] == (self.leaf,)):
            return
        from . import certificates  # no packet waits for what a handshake needs

        doubts = channel.doubts(certificates.judge(session, self.name, self.ca_file).faults)
        if doubts:
            other = (
                "another certificate than the check before" if self.leaf else "a certificate that no check has judged"
            )
            raise Failure(
                common.LOGIN_WITHHELD,
                f"the server sent the login {other}, and it does not prove the server's identity: {'; '.join(doubts)}; "
                "the credential was not sent; `ca_file` adds a trusted CA, "
                "and `allow_untrusted: true` at the target accepts any certificate",
            )


#: For a login without TLS: a server that shows it a certificate gets no secret.
NO_CERTIFICATE = LoginTrust("")
