"""Fixes for Exchange: commands of its Management Shell and of IIS, and entries of the inventory."""

from __future__ import annotations

import re

from scanready.remedies.fixes import Fix
from scanready.remedies.quoting import ADDRESS, BRACKETED_HOST, PORTS, POWERSHELL_TEXT, URL_PATH, Place

ENABLE_MAILBOX = Fix("Enable-Mailbox -Identity {user}", user=POWERSHELL_TEXT.called("USER"))
GRANT_MAILBOX = Fix(
    "Add-MailboxPermission -Identity {mailbox} -User {user} -AccessRights FullAccess",
    mailbox=POWERSHELL_TEXT.called("MAILBOX"),
    user=POWERSHELL_TEXT.called("USER"),
)
ASSIGN_IMPERSONATION = Fix(
    "New-ManagementRoleAssignment -Name scanready-impersonation -Role ApplicationImpersonation -User {user}",
    user=POWERSHELL_TEXT.called("USER"),
)
ALLOW_ADDRESS = Fix(
    "Add-WebConfigurationProperty -PSPath 'IIS:\\' -Location 'Default Web Site/EWS' -Filter "
    "system.webServer/security/ipSecurity -Name . -Value @{{ipAddress='{agent}';allowed='true'}}",
    agent=ADDRESS,
)
WINDOWS_AUTHENTICATION = Fix(
    "Get-WebServicesVirtualDirectory -Server {server} | Set-WebServicesVirtualDirectory -WindowsAuthentication $true",
    server=Place("SERVER", lambda text: text if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", text) else None),
)
#: For the inventory.
OTHER_SERVER = Fix("ews://{host}:{port}", host=BRACKETED_HOST, port=PORTS)
OTHER_ENDPOINT = Fix("ews://{host}:{port}{path}", host=BRACKETED_HOST, port=PORTS, path=URL_PATH)
