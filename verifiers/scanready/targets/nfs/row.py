"""NFS as a target type."""

from __future__ import annotations

from typing import Any

from scanready.catalogue.notation import Notation
from scanready.catalogue.option import Option, identifier, rooted
from scanready.catalogue.row import Broker, Called, Cost, Group, Nmap, TargetType
from scanready.catalogue.wrong import Wrong
from scanready.model import Step

from .options import PINNED

_VERSIONS = (2, 3, 4)
_PART = "a part of NFS; the nfs check covers it"


def _version(name: str, value: Any) -> int:
    if str(value) not in map(str, _VERSIONS):
        raise Wrong(f"`{name}` is 2, 3 or 4 (the minor version is negotiated)")
    return int(value)


NFS = TargetType(
    "nfs",
    "NFS file share",
    2049,
    # Two for 2049, including UDP; the rest for NFSv3, where each version of mountd may have its own port.
    Cost(18, 18, log="nothing"),
    speaks="rpc",
    home=__package__,
    group=Group.STORAGE,
    place=3,
    path="export",
    options=(
        Option("export", rooted, tree=True, rooted=True),
        Option("nfs_version", _version, {"enum": list(_VERSIONS)}, aliases=("version",)),
        Option("uid", identifier),
        Option("gid", identifier),
        *PINNED,
    ),
    steps=tuple(step for step in Step if step not in (Step.TLS, Step.LOGIN)),
    guessed=True,
    privileged=True,
    # Ports that are not pinned are chosen by the server's system: below 1024 if a daemon requests a reserved port
    # (bindresvport starts at 600), above 32767 otherwise. Servers other than Unix may differ.
    brokers=(Broker("rpcbind", 111, "tcp", "600-65535"),),
    # nmap may report port 2049 under the name of any RPC service of this family.
    nmap=Nmap(
        services=("nfs",),
        on_own_port=dict.fromkeys(("rpcbind", "nfs", "nfs_acl", "mountd", "nlockmgr", "status"), "the port of NFS"),
        parts={"rpcbind": _PART, "mountd": _PART, "nlockmgr": _PART, "status": _PART},
    ),
    called=Called(names=("nfs share",)),
    notations=(Notation("an NFS export", r"<HOST>:(?P<export>/(?!/)[^\s?#]*)", "nfs://{host}{export}"),),
    proven_by="NFS-Ganesha 4.3 with rpcbind and statd",
)
