"""Describe what a check of a file share over SMB sends on each step, with the smbclient lines that ask the same."""

from __future__ import annotations

from scanready.catalogue.exchange import Exchange, Sent, when_read
from scanready.model import Step

_SMB = "smbclient //{host}/{path} -p {port} -U {user} -c ls   # asks for the password, and counts as one attempt"
_NEGOTIATED = "smbclient -L {host} -p {port} -N -d 4   # tells what is negotiated; logs in as nobody"

STORY: dict[str, dict[Step, Exchange]] = {
    "smb": {
        Step.HANDSHAKE: Exchange(
            Sent(smb2="NEGOTIATE, SMB 2.0.2 to 3.1.1", smb1="NEGOTIATE of SMB 1, on another connection"), _NEGOTIATED
        ),
        Step.AUTH: Exchange(Sent(ntlm="SESSION_SETUP with NTLM type 1, without a user name"), _NEGOTIATED),
        Step.LOGIN: Exchange("the account by NTLM, once, on a connection of its own", _SMB),
        Step.ACCESS: Exchange(
            when_read("the share was opened, one directory listed, one file opened for reading"), _SMB
        ),
    },
}
