"""Define the fixes for Exchange: commands of its Management Shell and of IIS, and entries of the inventory."""

from __future__ import annotations

import re

from scanready.remedies.fixes import IN_INVENTORY, Fix, on_target
from scanready.remedies.quoting import ADDRESS, BRACKETED_HOST, PORTS, POWERSHELL_TEXT, URL_PATH, Place

_SHELL = on_target("in the Exchange Management Shell")

ENABLE_MAILBOX = Fix("Enable-Mailbox -Identity {user}", at=_SHELL, user=POWERSHELL_TEXT.called("USER"))
GRANT_MAILBOX = Fix(
    "Add-MailboxPermission -Identity {mailbox} -User {user} -AccessRights FullAccess",
    at=_SHELL,
    mailbox=POWERSHELL_TEXT.called("MAILBOX"),
    user=POWERSHELL_TEXT.called("USER"),
)
ASSIGN_IMPERSONATION = Fix(
    "New-ManagementRoleAssignment -Name scanready-impersonation -Role ApplicationImpersonation -User {user}",
    at=_SHELL,
    user=POWERSHELL_TEXT.called("USER"),
)
ALLOW_ADDRESS = Fix(
    "Add-WebConfigurationProperty -PSPath 'IIS:\\' -Location 'Default Web Site/EWS' -Filter "
    "system.webServer/security/ipSecurity -Name . -Value @{{ipAddress='{agent}';allowed='true'}}",
    at=on_target("in PowerShell as an administrator (module WebAdministration)"),
    agent=ADDRESS,
)
WINDOWS_AUTHENTICATION = Fix(
    "Get-WebServicesVirtualDirectory -Server {server} | Set-WebServicesVirtualDirectory -WindowsAuthentication $true",
    at=_SHELL,
    server=Place("SERVER", lambda text: text if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", text) else None),
)
#: For the inventory.
OTHER_SERVER = Fix("ews://{host}:{port}", at=IN_INVENTORY, host=BRACKETED_HOST, port=PORTS)
OTHER_ENDPOINT = Fix("ews://{host}:{port}{path}", at=IN_INVENTORY, host=BRACKETED_HOST, port=PORTS, path=URL_PATH)
