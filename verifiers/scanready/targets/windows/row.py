"""Target type of Windows hosts that are scanned without an agent on them."""

from __future__ import annotations

from scanready.catalogue.row import Called, Cost, Driver, Group, Nmap, TargetType
from scanready.model import Step

from .options import WMI_PORT

WINDOWS = TargetType(
    "windows",
    "Windows host, agentless",
    135,
    Cost(
        4,
        7,
        login_attempts=3,
        log="one logon event per login; if the first is rejected, no other is tried",
        logins_for="two for WMI and one for ADMIN$; the later ones only after the first was accepted",
        login_port=445,
        login_port_for="the test of ADMIN$ after a login",
    ),
    speaks="dcerpc",
    home=__package__,
    group=Group.HOSTS,
    place=1,
    steps=tuple(step for step in Step if step is not Step.TLS),
    guessed=True,
    options=(WMI_PORT,),
    drivers=(Driver("impacket", "impacket", "windows", script="script/install-windows"),),
    nmap=Nmap(
        services=("epmap",),
        on_own_port={"msrpc": "the port of the endpoint mapper"},
        parts={"msrpc": "a dynamic RPC port; the check asks the endpoint mapper for these"},
        ports={5985: "WinRM, which a scan does not use", 5986: "WinRM, which a scan does not use", 47001: "WinRM"},
    ),
    called=Called(
        names=("wmi", "winrm", "windows server", "microsoft windows", "win"),
        systems=("windows", "win", "winnt", "w2k"),
        ansible=("winrm", "psrp"),
        ansible_shells=("powershell", "cmd"),
    ),
    proven_by="Samba's endpoint mapper; impacket logs in to an emulated Windows",
)
