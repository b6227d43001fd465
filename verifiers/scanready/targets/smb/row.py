"""CIFS and SMB file shares as a target type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from scanready.catalogue.notation import Notation
from scanready.catalogue.option import Option, text
from scanready.catalogue.row import Called, Cost, Detour, Driver, Group, Judge, Nmap, TargetType
from scanready.catalogue.wrong import Wrong
from scanready.model import Step


def _share(name: str, value: Any) -> str:
    plain = text(name, value)
    if re.search(r"[/\\]", plain):
        raise Wrong("`share` is only the name of the share; a folder in it goes into the option `path`")
    return plain


def _share_and_folder(path: str) -> Mapping[str, str] | None:
    """Split ``/share/folder``; return None for ``/share``, which needs no split."""
    share, slash, folder = path.strip("/").partition("/")
    return {"share": share, "path": folder} if slash else None


SMB = TargetType(
    "smb",
    "CIFS/SMB file share",
    445,
    # SMB 2; if needed, SMB 1, SMB 2 again, and 137/udp for names. With a credential, one more for the login.
    Cost(
        4,
        5,
        login_attempts=1,
        shared=True,
        detours=(Detour("445", "the path is a DFS link; no login is made there", "the servers of the link"),),
    ),
    speaks="smb",
    home=__package__,
    group=Group.STORAGE,
    place=1,
    path="share",
    split=_share_and_folder,
    options=(Option("share", _share), Option("path", tree=True, rooted=True)),
    steps=tuple(step for step in Step if step is not Step.TLS),
    guessed=True,
    drivers=(Driver("impacket", "impacket", "windows", script="script/install-windows"),),
    nmap=Nmap(
        services=("microsoft-ds", "netbios-ssn"),
        ports={139: "file shares over NetBIOS; the smb check tests this port if 445 does not answer"},
    ),
    called=Called(names=("cifs", "samba", "file share", "fileshare", "share", "windows share")),
    notations=(
        Notation(
            "a UNC path", r"\\\\<HOST>\\(?P<share>[^\\/?#]+)(?:\\(?P<path>[^?#]*))?", "smb://{host}[/{share}][/{path}]"
        ),
    ),
    proven_by="Samba 4.17, impacket's smbserver",
    judges=(
        Judge("Samba", "server", "tests/lab/test_smb.py"),
        Judge("smbserver", "server", "tests/peers/test_smb.py"),
        Judge("smbclient", "client", "tests/peers/test_smb.py"),
    ),
)
