"""Describe what a check of a Windows host sends on each step, with commands that do the same."""

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
                alive="ServerAlive2 (asks for names and addresses)",
                lookup="ept_lookup (asks for services and their ports)",
            ),
            _PORTQRY,
        ),
        Step.AUTH: Exchange(Sent(ntlm="NTLM type 1, without a user name"), _PORTQRY),
        Step.LOGIN: Exchange("an NTLM logon for WMI over DCOM", f"on another Windows: {_CIM}"),
        Step.ACCESS: Exchange(
            when_read("SELECT Caption, Version FROM Win32_OperatingSystem, over WMI's own port"),
            f"on another Windows: Get-CimInstance Win32_OperatingSystem -CimSession ({_CIM})",
        ),
    },
}
