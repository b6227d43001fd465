"""Describe what a check of Windows over WMI sends on each step, with the lines that ask the same."""

from __future__ import annotations

from scanready.catalogue.exchange import Exchange, Sent, when_read
from scanready.model import Step

_CIM = "New-CimSession {host} -Credential {user} -SessionOption (New-CimSessionOption -Protocol Dcom)"
_PORTQRY = "on another Windows: portqry -n {host} -e {port}"

STORY: dict[str, dict[Step, Exchange]] = {
    "windows": {
        Step.HANDSHAKE: Exchange(
            Sent(
                bind="bind to the endpoint mapper",
                alive="ServerAlive2: its names and addresses",
                lookup="ept_lookup: its services and their ports",
            ),
            _PORTQRY,
        ),
        Step.AUTH: Exchange(Sent(ntlm="NTLM type 1, without a user name"), _PORTQRY),
        Step.LOGIN: Exchange("a logon with NTLM, to start WMI over DCOM", f"on another Windows: {_CIM}"),
        Step.ACCESS: Exchange(
            when_read("SELECT Caption, Version FROM Win32_OperatingSystem, over WMI's own port"),
            f"on another Windows: Get-CimInstance Win32_OperatingSystem -CimSession ({_CIM})",
        ),
    },
}
