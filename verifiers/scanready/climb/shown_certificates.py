"""The certificates that servers showed to one climb: judged and reported, and what a login is held to by them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scanready.catalogue.option import ALLOW_UNTRUSTED
from scanready.causes import common
from scanready.model import Target
from scanready.net.events import record
from scanready.net.tls import TlsSession

from . import certificate_loading, channel
from .login_trust import LoginTrust
from .port_memory import Shown
from .rung import Rung

if TYPE_CHECKING:
    from . import certificates


@dataclass(slots=True, eq=False)
class ShownCertificates:
    """The last certificate of each name.

    Attributes:
        target: its options permit a login in spite of one.
        ca_file: PEM file of further authorities to trust, beside the system's.
        days: a certificate that ends within so many days is a warning, if it should have been renewed by then.
        by_name: the certificates, by the name that each was judged for.
    """

    target: Target
    ca_file: str | None
    days: float
    by_name: dict[str, Shown] = field(default_factory=dict)

    def loading(self, end: float) -> Callable[[], Awaitable[None]]:
        """Return what a connection awaits before its certificate is judged; see :func:`certificate_loading.loading`."""
        return certificate_loading.loading(self.ca_file, end)

    def judge(self, session: TlsSession, name: str) -> certificates.Judgement:
        """Judge the certificate of a finished handshake, and keep it.

        Raises:
            Failure: ``scanready.limit``: ``ca_file`` cannot be read.
        """
        from . import certificates  # no packet waits for what a handshake needs

        judgement = certificates.judge(session, name, self.ca_file)  # cached by certificate
        self.by_name[name] = Shown(session.chain[0] if session.chain else b"", judgement.faults)
        return judgement

    def report(self, session: TlsSession, name: str, rung: Rung, *, verifies: bool) -> None:
        """Record TLS version and certificate on ``rung``; warn of its faults if the scanner's client ``verifies``."""
        from . import certificates

        judgement = self.judge(session, name)
        record("certificate")
        rung.ok(
            f"{session.version} {session.cipher}", tls=session.version, tls_cipher=session.cipher, **judgement.facts
        )
        if judgement.faults:
            rung.check.facts["certificate_faults"] = [cause.code for cause, _ in judgement.faults]
        where = rung.check.endpoint
        if session.old:
            rung.also(certificates.check_of(where, common.TLS_VERSION, f"only {session.version}", warns=True))
        rung.also(*(certificates.check_of(where, *fault, warns=verifies) for fault in judgement.faults))
        self.mention_end(judgement, rung, verifies=verifies)

    def mention_end(self, judgement: certificates.Judgement, rung: Rung, *, verifies: bool) -> None:
        """Warn of a certificate that ends soon if the scanner's client ``verifies``; mention an end within a month."""
        from . import certificate_dates, certificates

        if verifies and (words := self.ends_soon(judgement)):
            rung.also(certificates.check_of(rung.check.endpoint, common.TLS_EXPIRES_SOON, words, warns=True))
        elif words := certificate_dates.within(judgement.ends, certificate_dates.MENTIONED):
            rung.ok(words)

    def ends_soon(self, judgement: certificates.Judgement) -> str:
        """Return when a certificate ends that ends soon; empty for any other."""
        from . import certificate_dates

        return certificate_dates.soon(judgement.ends, self.days)

    def permit(self, name: str) -> None:
        """Permit a secret for the server of that name.

        Raises:
            Failure: ``login.withheld``, as :func:`channel.permit_certificate` does.
        """
        shown = self.by_name.get(name)
        channel.permit_certificate(self.target, shown.faults if shown else ())

    def trust(self, name: str) -> LoginTrust:
        """Return which certificates the server of that name may show to a login."""
        shown, any_server = self.by_name.get(name), bool(ALLOW_UNTRUSTED.of(self.target.options))
        return LoginTrust(name, shown.leaf if shown else b"", self.ca_file, any_server)
