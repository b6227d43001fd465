"""What one row of the catalogue holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from scanready.model import Credential, Step


class When(StrEnum):
    """The condition of a requirement, as people are told it; false if there is none."""

    ALWAYS = ""
    NFS_3 = "NFSv3 and older"
    WINDOWS_2008 = "Windows Server 2008 and newer"
    WINDOWS_2003 = "Windows Server 2003R2 and older"
    WINDOWS_2000 = "Windows 2000 and older"
    MASTER_UPDATES = "the Master Server, unless updates are brought by hand"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One line of the document: what must be reachable, and when.

    ``ports`` is as printed ("135", "49152-65535"); ``transport`` "tcp" or "udp".
    """

    ports: str
    transport: str
    source: str
    when: When = When.ALWAYS


@dataclass(frozen=True, slots=True)
class Cost:
    """What one check costs a target: ``connections`` without and with a credential, and what it may log."""

    connections: int
    with_credential: int
    probe_logins: int = 0
    login_attempts: int = 0
    log: str = ""


@dataclass(frozen=True, slots=True)
class TargetType:
    """One row of the catalogue.

    ``speaks`` is the protocol as :mod:`scanready.climb.identify` names it;
    ``server_first`` is true where the server opens the talk; ``path`` names the
    option that a target URL's path fills; ``options`` are the keys an inventory
    may set besides; ``verifies_certificate`` says whether the scanner's client
    judges the certificate (then a faulty one warns, else it is told as a fact);
    ``alike`` that the document recommends an agent of the target's own platform;
    ``suits`` the agent platform that later documents of the scanner ask for, which this one does not demand;
    ``proof`` is the step that must hold to be ``ready``; ``steps`` are all that can
    be climbed; with ``logs_in`` false they end at the proof, whatever the credential,
    for the scanner's own client alone can log in. ``named_only`` types are tried only where somebody names them: that
    they answer says nothing of a host. With ``hostless`` a target's host is the name
    of a service, not of a machine. ``by_connection`` means that the requirement is
    the connection itself, so that a neighbouring port must not take one likewise.
    ``clear_port`` is the port on which a type in TLS is spoken without. ``takes_keys`` says that a private key logs in.
    ``proven_by`` is who, besides our own tests, says that the check is right.
    """

    name: str
    title: str
    port: int
    requirements: tuple[Requirement, ...]
    cost: Cost
    speaks: str
    server_first: bool = False
    tls: bool = False
    path: str | None = None
    options: tuple[str, ...] = ()
    verifies_certificate: bool = False
    needs_agent: str | None = None
    needs_client: str | None = None
    alike: bool = False
    suits: str | None = None
    proof: Step = Step.AUTH
    steps: tuple[Step, ...] = tuple(Step)
    logs_in: bool = True
    named_only: bool = False
    hostless: bool = False
    by_connection: bool = False
    clear_port: int | None = None
    takes_keys: bool = False
    doubt: str = ""
    proven_by: str = ""

    def on(self, port: int) -> TargetType:
        """The row as it holds for a target on ``port``: without TLS on the port where there is none."""
        if port != self.clear_port:
            return self
        return replace(self, tls=False, steps=tuple(step for step in self.steps if step is not Step.TLS))

    def usable(self, credential: Credential | None) -> Credential | None:
        """The credential if a login can be tried with it, which takes a password (an empty one will do) or a key."""
        if credential is None or (credential.password is None and not (self.takes_keys and credential.key_file)):
            return None
        return credential

    @property
    def unaided(self) -> tuple[Step, ...]:
        """The steps that can be climbed without a credential; an open page or share is read without one, too."""
        if Step.LOGIN not in self.steps:
            return self.steps
        return tuple(step for step in self.steps if step.height <= self.proof.height)

    @property
    def readiness(self) -> str:
        """Where it is ``ready``, in words."""
        return f"ready at {self.proof}" if self.proof in self.steps else "never ready"

    @property
    def aided(self) -> tuple[Step, ...]:
        """The steps that a credential adds."""
        return tuple(step for step in self.steps if step not in self.unaided) if self.logs_in else ()


def one_port(port: int, title: str, section: str, purpose: str) -> tuple[Requirement, ...]:
    """The common shape: one TCP port, one sentence."""
    return (Requirement(str(port), "tcp", f'{section}: "{port} {title}" {purpose}'),)
