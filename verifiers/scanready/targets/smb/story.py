"""Describe what a check of an SMB file share sends on each step, with smbclient commands that do the same."""

from __future__ import annotations

from scanready.catalogue.exchange import Exchange, Sent, when_read
from scanready.model import Step

_SMB = "smbclient //{host}/{path} -p {port} -U {user} -c ls   # asks for the password, and counts as one attempt"
_NEGOTIATED = "smbclient -L {host} -p {port} -N -d 4   # prints the negotiation; logs in anonymously"

STORY: dict[str, dict[Step, Exchange]] = {
    "smb": {
        Step.HANDSHAKE: Exchange(
            Sent(smb2="NEGOTIATE for SMB 2.0.2 to 3.1.1", smb1="NEGOTIATE for SMB 1, on another connection"),
            _NEGOTIATED,
        ),
        Step.AUTH: Exchange(Sent(ntlm="SESSION_SETUP with NTLM type 1, without a user name"), _NEGOTIATED),
        Step.LOGIN: Exchange("one NTLM login, on its own connection", _SMB),
        Step.ACCESS: Exchange(
            when_read("requests to open the share, list one directory and open one file for reading"), _SMB
        ),
    },
}
