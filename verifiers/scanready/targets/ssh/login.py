"""Log in over SSH with paramiko: query the methods, log in once, run one command, look at one path, disconnect.

No agent keys, no keys of the home directory, no second method after a refusal. paramiko has no total deadline and no
limit of memory, so its socket is a :class:`Leash`. It also closes without a reason, which sshd logs as a reset, so a
DISCONNECT with our text is sent first. paramiko supports fewer algorithms than OpenSSH. An algorithm that it lacks is a
limit of this check, never the target's failure.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from scanready.causes import common, talk_ended
from scanready.clients.imports import importing
from scanready.clients.login_process.lent import Lent
from scanready.climb.explain import Failure, Unfinished, unfinished
from scanready.climb.login_result import LoginResult
from scanready.files import reading
from scanready.model import Credential, Facts
from scanready.wire import ssh as wire
from scanready.wire.printable import collapsed, printable

from . import causes
from .fixes import match_stanza
from .login_inspect import Command, Listing, list_path, run_command
from .login_limits import MOST_RECEIVED, UNCHECKED, Leash, Trace, disconnect, open_transport, take_leave, words_of
from .login_service import Authentications

if TYPE_CHECKING:
    import paramiko

# A private key of 16,384 bits in PEM is 13 KB.
_LARGEST_KEY = 1 << 20

#: Prompts for another factor, of PAM modules and appliances: "RSA SecurID: ", "Yubikey for `er': ", "SMS code: ".
_OTP = re.compile(
    r"one.?time|einmal|otp|token|verification|passcode|\bcode\b|authenticator|\bpin\b|duo|secur ?id|yubi|s/key|\bsms\b|"
    r"\b[m2]fa\b|challenge|response|\bsecond\b",
    re.IGNORECASE,
)
_NEW_PASSWORD = re.compile(
    r"new (unix )?password|\b(current|old)\)? (unix )?password|expired|must change", re.IGNORECASE
)
#: Reasons of a DISCONNECT (RFC 4253, 11.1): these say that the host, the methods or the user are not accepted.
_TOO_MANY_CONNECTIONS, _ABOUT_THE_ACCOUNT = 12, (1, 14, 15)
_KEPT_OUT = re.compile(
    r"denied|not (allowed|permitted|authori[sz]ed)|disabled|locked|suspended|blocked|prohibited|no access",
    re.IGNORECASE,
)
#: The names of methods in RFC 4252, 4256 and 4462.
_METHODS = ("publickey", "password", "hostbased", "none", "keyboard-interactive", "gssapi-with-mic", "gssapi-keyex")
_EXPIRED = re.compile(r"expired", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Name the actions after the login: run ``command``, list ``path`` ("." is the home directory); None skips one."""

    command: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Where:
    """Describe where to log in, and the actions after it.

    Attributes:
        connection: a separate connection for the login.
        host, port: the server as known_hosts names it.
        agent: this host's address as the server sees it.
        known_hosts: the files that are searched for the server's key.
        wanted: the actions after the login.
        trace: records whether a secret was sent.
        pinned: the target names the file of ``known_hosts``: without it no password is sent.
    """

    connection: Lent
    host: str
    port: int
    agent: str
    known_hosts: tuple[str, ...] = ()
    wanted: Wanted = Wanted()
    trace: Trace = field(default_factory=Trace, compare=False)
    pinned: bool = False


@dataclass(slots=True, kw_only=True)
class Result(LoginResult):
    """Hold the findings of a visit; its texts are printable and short.

    ``key_on_record`` is "yes", "no", "other types" or "changed".
    """

    methods: tuple[str, ...] = ()
    host_key: str = ""
    key_on_record: str = "no"
    banner: str = ""
    wanted: Wanted | None = None
    command: Command | Failure | None = None
    listing: Listing | Failure | None = None


def load() -> None:
    """Load the library."""
    import paramiko  # noqa: F401


def limits(offered: wire.KexInit) -> str:
    """Describe the algorithms that paramiko lacks for this server; empty if it lacks none.

    Raises:
        Failure: paramiko is not installed.
    """
    paramiko = _import()
    lists = ("_preferred_kex", "_preferred_keys", "_preferred_ciphers", "_preferred_macs")
    ours = wire.offer(*(getattr(paramiko.Transport, name) for name in lists))
    slots = wire.common(ours, offered).missing
    return "; ".join(f"no common {slot.label}: the server offers only {', '.join(slot.theirs)[:200]}" for slot in slots)


def ask_methods(where: Where, user: str, seconds: float) -> Result:
    """Query the login methods of ``user`` with ``none`` authentication, and disconnect; no secret is sent.

    Raises:
        Failure: paramiko is not installed or cannot talk to this server; out of time.
    """
    _import()
    leash = Leash(where.connection.take(), seconds, where.trace)
    transport = open_transport(leash)
    try:
        result = _meet(transport, leash, where)
        result.passwordless = _ask_none(Authentications(transport, leash), result, user)
        return result
    finally:
        take_leave(transport, leash)


def visit(where: Where, credential: Credential, seconds: float) -> Result:
    """Log in once and perform the wanted actions, within ``seconds``.

    Raises:
        Failure: the credential was refused or does not fit, or a limit of this check; its facts have ``auth_methods``.
    """
    _import()
    key, wanted = _load_key(credential), where.wanted
    leash = Leash(where.connection.take(), seconds, where.trace)
    transport = open_transport(leash)
    try:
        result = _meet(transport, leash, where)
        try:
            _log_in(Authentications(transport, leash), result, where, credential, key)
        except Failure as failure:
            failure.facts.update(_facts_of(result))
            raise
        result.banner = _banner(transport) or result.banner
        result.facts = _facts_of(result)
        if wanted.command is not None:
            result.command = run_command(transport, leash, wanted.command)
        if wanted.path is not None:
            result.listing = list_path(transport, leash, wanted.path)
        return result
    finally:
        take_leave(transport, leash)


def _facts_of(result: Result) -> Facts:
    """Return the findings of a visit as facts."""
    found = {
        "auth_methods": list(result.methods),
        "host_key": result.host_key,
        "host_key_on_record": result.key_on_record,
        "login_banner": printable(result.banner),
    }
    return {name: value for name, value in found.items() if value}


def _import() -> Any:
    with importing("paramiko is not installed: pip install 'scanready[ssh]'"):
        import paramiko
    return paramiko


# meeting ----------------------------------------------------------------------------------------------------------


def _meet(transport: paramiko.Transport, leash: Leash, where: Where) -> Result:
    """Exchange keys, and compare the host key with the agent's known_hosts."""
    import paramiko

    try:
        transport.start_client()
    except paramiko.ssh_exception.IncompatiblePeer as error:
        raise Failure(common.LIMIT, f"paramiko cannot talk to this server: {printable(str(error))}") from error
    except (paramiko.SSHException, EOFError, OSError, *UNCHECKED) as error:
        raise leash.verdict(f"the key exchange with paramiko failed: {words_of(error)}") from error
    if not (transport.is_active() and transport.initial_kex_done):
        raise Failure(common.OUT_OF_TIME, "the key exchange did not finish within the time limit")
    leash.most = MOST_RECEIVED
    key = transport.get_remote_server_key()
    name = where.host if where.port == 22 else f"[{where.host}]:{where.port}"
    on_record = _on_record(name, key, where.known_hosts)
    return Result(host_key=f"{key.get_name()} {key.fingerprint}", key_on_record=on_record, wanted=where.wanted)


@lru_cache(maxsize=8)
def _recorded(path: str, changed: int) -> paramiko.HostKeys:
    """Parse the known_hosts file with the modification time ``changed``; cached, since a large one takes 0.5 s."""
    import paramiko

    return paramiko.HostKeys(path)


def _on_record(name: str, key: paramiko.PKey, files: tuple[str, ...]) -> str:
    import paramiko

    of_other_types = False
    for path in files:
        try:
            recorded = _recorded(path, os.stat(path).st_mtime_ns).lookup(name)
        except (OSError, paramiko.SSHException, ValueError):
            continue  # no such file, or one that ssh cannot read either
        if recorded is None:
            continue
        same_type = recorded.get(key.get_name())
        if same_type is not None:
            return "yes" if same_type == key else "changed"
        of_other_types = True
    return "other types" if of_other_types else "no"


def _demand_readable(files: tuple[str, ...]) -> None:
    """Refuse to go on without a file that the target names for the keys of its host.

    Raises:
        Failure: ``login.withheld``: this agent cannot read one of them.
    """
    import paramiko

    for path in files:
        try:
            _recorded(path, os.stat(path).st_mtime_ns)
        except (OSError, paramiko.SSHException, ValueError) as error:
            why = (error.strerror if isinstance(error, OSError) else "") or "it has no host keys"
            raise Failure(
                common.LOGIN_WITHHELD,
                f"the password was not sent, because the option `known_hosts` names {printable(path)}, which this "
                f"agent cannot read ({why}): put the file there on the agent, or correct the option",
            ) from error


def _ask_none(auth: Authentications, result: Result, user: str) -> bool:
    """Store the methods that the server offers to ``user``; return whether it accepted the user without a secret."""
    import paramiko

    try:
        auth.none(user)
    except paramiko.AuthenticationException as error:
        if not auth.transport.is_active() or auth.leash.methods is None:
            raise _closed(auth, result, error) from error
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise _closed(auth, result, error) from error
    finally:
        result.banner = _banner(auth.transport)
    if auth.transport.is_authenticated():
        result.methods = ("none",)
        return True
    result.methods = auth.leash.methods or ()
    return False


# logging in -------------------------------------------------------------------------------------------------------


def _log_in(
    auth: Authentications, result: Result, where: Where, credential: Credential, key: paramiko.PKey | None
) -> None:
    """Make one attempt: with the key if the server accepts keys, else with the password."""
    user = credential.username
    result.passwordless = _ask_none(auth, result, user)
    if result.passwordless:
        where.trace.tried = True
        return
    left = result.methods
    if key is not None and "publickey" in left:
        left = _attempt(auth, result, lambda: auth.key(user, key), "the key")
        if auth.transport.is_authenticated():
            return
    elif not _takes_password(left, credential):
        raise _not_offered(result, where, credential)
    if not _takes_password(left, credential):
        raise _more_factors(left, where, user)
    if result.key_on_record == "changed":
        raise Failure(
            common.LOGIN_WITHHELD, "the password was not sent, because the host key differs from the one in known_hosts"
        )
    if where.pinned:
        _demand_readable(where.known_hosts)
    left = _with_password(auth, result, where, credential, left)
    if not auth.transport.is_authenticated():
        raise _more_factors(left, where, user)


def _takes_password(methods: tuple[str, ...], credential: Credential) -> bool:
    return credential.password is not None and ("password" in methods or "keyboard-interactive" in methods)


def _with_password(
    auth: Authentications, result: Result, where: Where, credential: Credential, methods: tuple[str, ...]
) -> tuple[str, ...]:
    user, password = credential.username, credential.password or ""
    if "password" in methods:
        return _attempt(auth, result, lambda: auth.password(user, password), "the password")
    answers = _Answers(auth.transport, password)
    try:
        return _attempt(auth, result, lambda: auth.interactive(user, answers), "the password")
    except Failure as failure:
        if answers.unanswered is None:
            raise
        asked = f"the server asks: {printable(answers.unanswered)}"
        if _NEW_PASSWORD.search(answers.unanswered):
            raise Failure(common.LOGIN_EXPIRED, asked) from failure
        if not answers.given:
            raise Failure(causes.MORE_FACTORS, asked, _without_factors(where, user)) from failure
        # A server judges an exchange as a whole, at its end. A further prompt does not prove that the password is
        # right.
        if _OTP.search(answers.unanswered):
            raise Unfinished(causes.MORE_FACTORS, asked, _without_factors(where, user)) from failure
        asked = f"after the password, {asked}; this may be a refusal or a second password, so it was not sent again"
        raise Unfinished(common.LIMIT, asked) from failure


class _Answers:
    """Answer the first hidden prompt with the password, and refuse any other prompt: it is meant for a human."""

    def __init__(self, transport: paramiko.Transport, password: str) -> None:
        self._transport = transport
        self._password: str | None = password
        self.unanswered: str | None = None

    @property
    def given(self) -> bool:
        """Return True if a prompt was answered with the password."""
        return self._password is None

    def __call__(self, title: str, instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
        import paramiko

        if not prompts:
            return []
        text = collapsed(" ".join(filter(None, [title, instructions, *(prompt for prompt, _ in prompts)])), 300)
        (prompt, echo), *more = prompts
        if self._password is None or more or echo or _OTP.search(prompt) or _NEW_PASSWORD.search(text):
            self.unanswered = text
            disconnect(self._transport)
            raise paramiko.SSHException("the server sent a prompt that is not for the password")
        answer, self._password = self._password, None
        return [answer]


def _attempt(auth: Authentications, result: Result, send: Callable[[], list[str]], what: str) -> tuple[str, ...]:
    """Send one authentication; return the methods that the server asks for next (none once logged in).

    A refusal may also mean that AllowUsers, DenyUsers or a lock bars the account: sshd answers the same for all of
    them.
    """
    import paramiko

    try:
        return tuple(collapsed(str(method), 60) for method in send()[:20])
    except paramiko.AuthenticationException as error:
        if not auth.transport.is_active() or auth.leash.expired or "timeout" in str(error):
            raise _closed(auth, result, error) from error
        detail = (
            f"the server refused {what} or bars the account (AllowUsers, DenyUsers and a locked account look the same)"
        )
        raise Failure(common.LOGIN_REFUSED, detail) from error
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise _closed(auth, result, error) from error


def _closed(auth: Authentications, result: Result, error: BaseException) -> Failure:
    """Return why the connection ended at the login: a limit, the library, a rule of the server, or its message."""
    # get_banner() returns nothing once the connection has ended; a banner then holds PAM's message about the account.
    leash, banner = auth.leash, collapsed(_raw_text(auth.banner), 300) or result.banner
    words = " ".join(filter(None, [leash.disconnect_text, banner]))
    if leash.expired or leash.flooded:
        return unfinished(leash.verdict(str(error)))
    if "Illegal info request" in str(error) and leash.trace.secret_left:  # PASSWD_CHANGEREQ (RFC 4252, 8)
        return Failure(common.LOGIN_EXPIRED, "the server asks for a new password")
    if _is_of_paramiko(error):
        return Unfinished(common.LIMIT, f"paramiko, the library for this login, failed: {words_of(error)}")
    if not leash.trace.secret_left:
        reason = f"; its message: {printable(words)}" if words else ""
        return Failure(common.LOGIN_NOT_JUDGED, f"the server closed the connection before any secret was sent{reason}")
    if _EXPIRED.search(words):
        return Failure(common.LOGIN_EXPIRED, printable(words))
    if "authentication failures" in leash.disconnect_text:
        return Failure(common.LOGIN_REFUSED, f"after one attempt: {printable(leash.disconnect_text)}")
    detail = f"the server closed the connection during the login{': ' if words else ''}{printable(words)}"
    if leash.disconnect_reason == _TOO_MANY_CONNECTIONS:
        return Unfinished(common.THROTTLED, detail)
    if _bars(auth, words):
        return Failure(causes.ACCOUNT_BARRED, detail)
    return Unfinished(talk_ended.LOGIN_BROKEN_OFF, detail)


def _bars(auth: Authentications, words: str) -> bool:
    """Return True if the end of the connection is an answer about the account.

    sshd closes the connection without a DISCONNECT if PAM's account rules reject the user (measured with pam_access);
    it may have sent PAM's message before. Other servers close it for load, maintenance or a backend, too.
    """
    reason = auth.leash.disconnect_reason
    if reason is None and auth.transport.remote_version.startswith("SSH-2.0-OpenSSH"):
        return True
    return reason in _ABOUT_THE_ACCOUNT or _KEPT_OUT.search(words) is not None


def _is_of_paramiko(error: BaseException) -> bool:
    """Return whether the library itself found an error; it raises other exceptions if the connection ends."""
    import paramiko

    return isinstance(error, paramiko.SSHException) and not isinstance(error, paramiko.AuthenticationException)


def _not_offered(result: Result, where: Where, credential: Credential) -> Failure:
    """Return the failure of a login for which the server accepts no secret that the credential has.

    An offer of only unknown methods proves nothing: the agent's ssh client may support them.
    """
    if result.methods and not set(result.methods) & set(_METHODS):
        methods = _named(result.methods)
        detail = f"the server accepts only {methods} from {credential.username}, which this check does not support"
        return Failure(common.LIMIT, detail)
    has = " and ".join(
        filter(None, ["a password" if credential.password is not None else "", "a key" if credential.key_file else ""])
    )
    offered = _named(result.methods) or "nothing"
    line = "PasswordAuthentication yes" if credential.password is not None else "PubkeyAuthentication yes"
    method = "password" if credential.password is not None else "publickey"
    fix = match_stanza(credential.username, where.agent, line, f"AuthenticationMethods {method}")
    return Failure(
        causes.METHOD_NOT_OFFERED,
        f"the server accepts {offered} from {credential.username}; the credential has {has}",
        fix,
    )


def _named(methods: tuple[str, ...]) -> str:
    """Return the methods, comma-separated; names that are not in the standards are made printable and quoted."""
    return ", ".join(method if method in _METHODS else printable(method) for method in methods)


def _more_factors(left: tuple[str, ...], where: Where, user: str) -> Failure:
    asked = _named(left) or "more"
    return Failure(
        causes.MORE_FACTORS,
        f"the server accepts the credential and then asks for {asked}",
        _without_factors(where, user),
    )


def _without_factors(where: Where, user: str) -> str:
    return match_stanza(user, where.agent, "AuthenticationMethods any")


def _load_key(credential: Credential) -> paramiko.PKey | None:
    if credential.key_file is None:
        return None
    from cryptography.exceptions import UnsupportedAlgorithm
    from paramiko import PKey, SSHException
    from paramiko.pkey import UnknownKeyType

    passphrase = credential.key_passphrase
    try:
        reading.check_regular(credential.key_file, _LARGEST_KEY)
        # cryptography requires bytes, and paramiko passes on its argument unchanged.
        return PKey.from_path(credential.key_file, passphrase.encode() if passphrase else None)  # type: ignore[arg-type]
    except (UnknownKeyType, UnsupportedAlgorithm) as error:
        detail = f"{credential.key_file}: paramiko does not support this kind of key: {printable(str(error), 200)}"
        raise Failure(common.LIMIT, detail) from error
    except (reading.Unreadable, OSError, ValueError, TypeError, SSHException) as error:
        raise Failure(causes.KEY_UNUSABLE, f"{credential.key_file}: {printable(str(error), 200)}") from error


def _banner(transport: paramiko.Transport) -> str:
    return collapsed(_raw_text(transport.get_banner()), 500)


def _raw_text(raw: bytes | str | None) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else (raw or "")
