"""Test whether ADMIN$ of a Windows host can be opened: advice, since a scan copies its engine there.

The test costs one more logon over SMB 2 or 3 with an account that was just accepted. It never affects the verdict.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from scanready.clients.nt_status import Account
from scanready.clients.watchdog import Watchdog
from scanready.climb.explain import Failure
from scanready.model import Credential

from .login_dcom import Trace, split
from .login_errors import Stage

if TYPE_CHECKING:
    from impacket.smb3 import SMB3

PORT = 445
SHARE = "ADMIN$"
_PATIENCE = 3.0  # seconds for the connection, and for each answer
_LEAST = 1.0
_WORKSTATION = "SCANREADY"
_NOT_LOOKED_AT = "ADMIN$ was not tested"
# NTSTATUS ([MS-ERREF] 2.3) of a tree connect, with the consequence for a scan.
_REFUSED = {
    0xC0000022: "{user} may not open ADMIN$: a scan cannot copy its engine there",
    0xC00000CC: "the host has no ADMIN$, so a scan cannot copy its engine there: AutoShareServer (AutoShareWks on a "
    r"client) in HKLM\SYSTEM\CurrentControlSet\Services\LanmanServer\Parameters is 0",
}


def look(
    address: str,
    credential: Credential,
    deadline: float,
    watchdog: Watchdog,
    trace: Trace,
    port: int = PORT,
    share: str = SHARE,
) -> str:
    """Log on to SMB and open the share before ``deadline`` (:func:`time.monotonic`); return the result as text."""
    from impacket.nmb import NetBIOSError, NetBIOSTimeout
    from impacket.smb3 import SessionError

    patience = min(_PATIENCE, deadline - time.monotonic())
    if patience < _LEAST:
        return f"{_NOT_LOOKED_AT}: no time was left"
    try:
        with contextlib.ExitStack() as held, Stage("ADMIN$", None, watchdog, Account(credential.username, local=False)):
            try:
                connection = _connection(address, port, patience, watchdog, held)
            except OSError as error:  # impacket puts the system's error behind its own text
                return f"{_NOT_LOOKED_AT}: port {port} cannot be reached ({error.args[-1]}); a scan may need it"
            trace.connections += 1
            return _open(connection, credential, trace, share)
    except SessionError as error:
        return f"{_NOT_LOOKED_AT}: the SMB server answers with status 0x{error.get_error_code():08x}"
    except (NetBIOSError, NetBIOSTimeout) as error:
        return f"{_NOT_LOOKED_AT}: the server does not answer in SMB 2 ({error})"
    except Failure as failure:
        return f"{_NOT_LOOKED_AT}: {failure.detail}"


def _connection(address: str, port: int, patience: float, watchdog: Watchdog, held: contextlib.ExitStack) -> SMB3:
    """Connect and negotiate; impacket does both in one constructor, so a subclass guards the socket in between."""
    from impacket import smb3

    class Guarded(smb3.SMB3):  # type: ignore[misc]  # impacket has no types
        def negotiateSession(self, *given: Any, **named: Any) -> None:
            watchdog.guard(self.get_socket().fileno())
            held.callback(self.get_socket().close)
            super().negotiateSession(*given, **named)

    return Guarded(address, address, my_name=_WORKSTATION, sess_port=port, timeout=patience)


def _open(connection: SMB3, credential: Credential, trace: Trace, share: str) -> str:
    from impacket.smb3 import SessionError

    domain, user = split(credential.username)
    trace.logons += 1
    connection.login(user, credential.password, domain)
    try:
        connection.disconnectTree(connection.connectTree(share))
        advice = "ADMIN$ can be opened"
    except SessionError as error:
        status = error.get_error_code()
        text = _REFUSED.get(status, f"ADMIN$ cannot be opened (status 0x{status:08x})")
        advice = text.format(user=credential.username)
    connection.logoff()
    return advice
