"""Say that an account works today and ends within days, as some servers tell after the login."""

from __future__ import annotations

from scanready.causes.expiry import LOGIN_EXPIRES_SOON

from .login_result import LoginResult
from .rung import Rung

#: Days within which an end is a warning: a scan of a large estate, and the time that an operator needs to act.
SOON = 7.0
_DAY, _HOUR = 86_400.0, 3_600.0


def expires(what: str, seconds: float) -> str:
    """Return ``the password expires in 3 days``; empty if that is not within :data:`SOON`, or has been.

    Args:
        what: the password or the account.
        seconds: until its end, by the server's clock.
    """
    if not 0 <= seconds < SOON * _DAY:
        return ""
    number, unit = (int(seconds // _DAY), "day") if seconds >= 2 * _DAY else (int(seconds // _HOUR), "hour")
    return f"{what} expires in {number} {unit}{'' if number == 1 else 's'}"


def tell_expiry(rung: Rung, result: LoginResult) -> None:
    """Warn on the rung of the login if its account ends soon."""
    if result.expires:
        rung.warn(LOGIN_EXPIRES_SOON, result.expires)
