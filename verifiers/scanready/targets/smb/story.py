"""Describe what a check of a file share over SMB sends on each step, with the smbclient lines that ask the same."""

from __future__ import annotations

from scanready.catalogue.exchange import Exchange
from scanready.model import Step

_SMB = "smbclient //{host}/{path} -p {port} -U {user} -c ls   # asks for the password, and counts as one attempt"
_NEGOTIATED = "smbclient -L {host} -p {port} -N -d 4   # tells what is negotiated; logs in as nobody"

STORY: dict[str, dict[Step, Exchange]] = {
    "smb": {
        Step.HANDSHAKE: Exchange(
            "NEGOTIATE, SMB 2.0.2 to 3.1.1; SMB 1 on a second connection where that draws not a byte", _NEGOTIATED
        ),
        Step.AUTH: Exchange("SESSION_SETUP with NTLM type 1, which names nobody", _NEGOTIATED),
        Step.LOGIN: Exchange("the account by NTLM, once, on a connection of its own", _SMB),
        Step.ACCESS: Exchange("the share was opened, one directory listed, one file opened for reading", _SMB),
    },
}
