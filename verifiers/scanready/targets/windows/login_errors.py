"""Translate the errors of a WMI login into failures: DCE/RPC faults, HRESULTs of DCOM and WMI, impacket's exceptions.

Sources: [MS-ERREF] 2.1 and 2.2, [MS-WMI] 2.2.11. Which error Windows sends in which situation: issues of impacket
(#449, #661, #664) and NetExec's list of RPC faults.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from scanready.causes import common, nt
from scanready.clients import nt_status
from scanready.clients.nt_status import Account
from scanready.clients.watchdog import Watchdog
from scanready.climb.explain import Failure, unfinished
from scanready.model import Cause
from scanready.remedies.fixes import Fix
from scanready.wire.printable import printable

from . import causes, fixes
from .login_dcom import Broken, NotRead, Pipe

_ACCESS_DENIED = 0x5

#: The fault of a logon's first call is a Win32 error; the equivalent NT status has the cause and the text.
AS_NT_STATUS: Mapping[int, int] = {
    0x51F: 0xC000005E,  # no logon servers
    0x525: 0xC0000064,  # no such user
    0x52B: 0xC000006A,  # wrong password
    0x52E: 0xC000006D,  # logon failure
    0x52F: 0xC000006E,  # account restriction
    0x530: 0xC000006F,  # invalid logon hours
    0x531: 0xC0000070,  # invalid workstation
    0x532: 0xC0000071,  # password expired
    0x533: 0xC0000072,  # account disabled
    0x569: 0xC000015B,  # logon type not granted
    0x576: 0xC0000133,  # time difference at the domain controller
    0x6FD: 0xC000018C,  # trusted domain failure
    0x6FE: 0xC000018D,  # trusted relationship failure
    0x701: 0xC0000193,  # account expired
    0x773: 0xC0000224,  # password must change
    0x775: 0xC0000234,  # account locked out
    0x791: 0xC0000418,  # NTLM blocked
}
#: Faults with another meaning in this login: one gives no reason, one is about a workstation name that is not sent.
_HERE: Mapping[int, tuple[Cause, str]] = {
    _ACCESS_DENIED: (common.LOGIN_REFUSED, "access denied (unknown account, wrong password, or NTLM not permitted)"),
    0x531: (causes.LOGON_WORKSTATION, "the account is not permitted on this workstation"),
}

#: HRESULTs after the logon: cause, text, and the fix for this HRESULT.
_DENIED = frozenset({_ACCESS_DENIED, 0x80070005})
_AFTER: Mapping[int, tuple[Cause, str, Fix | None]] = {
    0x1: (causes.WMI_DAMAGED, "WMI returned no object (WBEM_S_FALSE)", fixes.REGISTER_CLASSES),
    0x80080005: (causes.WMI_NOT_RUNNING, "WMI's process does not start (CO_E_SERVER_EXEC_FAILURE)", fixes.START_WMI),
    0x80070422: (causes.WMI_NOT_RUNNING, "WMI's service is disabled", fixes.START_WMI),
    0x8007041D: (causes.WMI_NOT_RUNNING, "WMI's service did not start in time", fixes.START_WMI),
    0x80041033: (causes.WMI_NOT_RUNNING, "WMI is shutting down", None),
    0x80040154: (causes.WMI_DAMAGED, "WMI's class is not registered (REGDB_E_CLASSNOTREG)", fixes.REGISTER_WMI),
    0x8004100E: (causes.NAMESPACE_MISSING, "invalid namespace (WBEM_E_INVALID_NAMESPACE)", fixes.REPAIR_WMI),
    0x80041010: (causes.WMI_DAMAGED, "invalid class (WBEM_E_INVALID_CLASS)", fixes.REGISTER_CLASSES),
    0x80041013: (causes.WMI_DAMAGED, "the provider does not load", fixes.REGISTER_CLASSES),
    0x80041014: (causes.WMI_DAMAGED, "a part of WMI does not start", fixes.REPAIR_WMI),
    0x80041004: (causes.WMI_DAMAGED, "the provider fails", fixes.REGISTER_CLASSES),
    0x8004100A: (causes.WMI_DAMAGED, "critical error", fixes.REPAIR_WMI),
}
_NAMESPACE_DENIED = 0x80041003
_TIMED_OUT = 0x40004  # WBEM_S_TIMEDOUT
#: Texts of impacket, and of login_dcom, for an interface that the host does not accept.
_REJECTED = ("Bind context rejected", "Bind context ", "the server does not accept the interface")
_NO_SUCH_AUTHENTICATION = 8  # of a bind_nak ([MS-RPCE] 2.2.2.5)


class Stage:
    """Turn the exceptions of one part of a login into a Failure; use as a context manager.

    impacket raises bare ``Exception`` for an answer that it cannot read. There is no class to catch, so every exception
    from impacket's own code counts as an unreadable answer.
    """

    def __init__(
        self, what: str, pipe: Pipe | None, watchdog: Watchdog, account: Account, *, logon: bool = False
    ) -> None:
        self._what = what
        self._pipe = pipe
        self._watchdog = watchdog
        self._account = account
        self._logon = logon

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not isinstance(error, Exception) or isinstance(error, Failure):
            return
        if failure := self._failure(error, at):
            raise (unfinished(failure) if self._logon else failure) from error

    def _failure(self, error: Exception, at: TracebackType | None) -> Failure | None:
        from impacket.dcerpc.v5.rpcrt import DCERPCException

        if isinstance(error, Broken | OSError):
            if self._watchdog.bitten:
                return Failure(common.OUT_OF_TIME, f"{self._what} did not finish in time")
            return Failure(causes.BROKEN_OFF, f"{self._what}: {printable(str(error)) or type(error).__name__}")
        if isinstance(error, NotRead):
            return Failure(common.LIMIT, f"{self._what}: {error}")
        if isinstance(error, DCERPCException) and self._pipe is not None:
            if self._pipe.nak is not None:
                cause = nt.NTLM_BLOCKED if self._pipe.nak == _NO_SUCH_AUTHENTICATION else causes.WMI_ERROR
                return Failure(cause, f"{self._what}: the host rejects it (bind_nak, reason {self._pipe.nak})")
            code = error.get_error_code() if self._pipe.fault is None else self._pipe.fault
            if code is None:
                return self._in_words(printable(str(error)))
            if self._logon and self._pipe.fault is not None:  # an error status without a fault: the logon worked
                return refused_logon(code, self._account)
            return refused_later(code, self._what, self._account)
        if _raised_by_impacket(at):
            text = f"{type(error).__name__}: {printable(str(error), 200)}"
            return Failure(common.LIMIT, f"{self._what}: impacket cannot read the answer: {text}")
        return None

    def _in_words(self, text: str) -> Failure:
        """Judge an error without a number: a rejected bind, or an answer that impacket cannot read."""
        if text.startswith(_REJECTED):
            return Failure(causes.WMI_ERROR, f"{self._what}: {text}")
        return Failure(common.LIMIT, f"{self._what}: impacket cannot read the answer: {text}")


def refused_logon(code: int, account: Account) -> Failure:
    """Return why Windows rejected the account."""
    refused = f"the host rejects the logon of {account.name}"
    status = AS_NT_STATUS.get(code, 0)
    if code in _HERE:
        cause, words = _HERE[code]
    elif status in nt_status.LOGIN:
        _, cause, words = nt_status.LOGIN[status]
    else:
        return Failure(nt.LOGON_UNEXPLAINED, f"{refused} with fault 0x{code:x}")
    fix = nt_status.refused_login(status, account).fix
    return Failure(cause, f"{refused}: {words} (fault 0x{code:x})", fix)


def refused_later(code: int, what: str, account: Account) -> Failure:
    """Return why an accepted account could not read."""
    denied = f"{what}: access denied to {account.name}"
    if code in _DENIED:
        detail = f"{denied} (0x{code:x})"
        if account.local and account.user.lower() != "administrator":  # remote UAC exempts this account
            return Failure(causes.REMOTE_UAC, detail, fixes.LIFT_REMOTE_UAC())
        return Failure(causes.ACTIVATION_DENIED, detail, fixes.MAKE_ADMINISTRATOR(account=account.name))
    if code == _NAMESPACE_DENIED:
        fix = fixes.ALLOW_NAMESPACE(account=account.name)
        return Failure(causes.NAMESPACE_DENIED, f"{denied} (WBEM_E_ACCESS_DENIED)", fix)
    if code == _TIMED_OUT:
        return Failure(common.OUT_OF_TIME, f"{what} did not finish in time")
    if code in _AFTER:
        cause, words, repair = _AFTER[code]
        return Failure(cause, f"{what}: {words} (0x{code:08x})", repair() if repair else None)
    return Failure(causes.WMI_ERROR, f"{what}: error 0x{code:08x}")


def _raised_by_impacket(at: TracebackType | None) -> bool:
    """Return True if impacket, or a library that it calls, raised the exception."""
    whose = ""
    while at is not None:
        package = str(at.tb_frame.f_globals.get("__name__")).partition(".")[0]
        whose = package if package in ("impacket", "scanready") else whose
        at = at.tb_next
    return whose == "impacket"
