"""The name of an operating system means a target type, none with the reason, or nothing."""

from __future__ import annotations

import pytest

from scanready.inventory.importing.systems import type_of_system


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        *((name, "unix") for name in ("RHEL 8", "RHEL8", "rhel-9.3", "CentOS", "CentOS Linux 7", "Red Hat", "SLES 15")),
        *((name, "unix") for name in ("SLES12 SP5", "SUSE Linux Enterprise Server 15", "Rocky Linux 9", "AlmaLinux 8")),
        *((name, "unix") for name in ("Debian GNU/Linux 12", "Ubuntu 22.04 LTS", "Oracle Linux Server 8", "Fedora 39")),
        *((name, "unix") for name in ("Amazon Linux 2", "AIX 7.2", "Oracle Solaris 11", "SunOS 5.11", "HP-UX B.11.31")),
        *(
            (name, "unix")
            for name in ("FreeBSD 13.2", "OpenBSD", "macOS 14", "Mac OS X 10.15", "Other 4.x Linux (64-bit)")
        ),
        *(
            (name, "windows")
            for name in ("Windows Server 2019", "Windows 2008 R2", "Microsoft Windows 10 Pro", "Win 11")
        ),
        *(
            (name, "windows")
            for name in ("win2016", "W2K12 R2", "Microsoft® Windows Server® 2022", "Windows Storage Server")
        ),
    ],
)
def test_systems_that_are_scanned(name: str, type_: str) -> None:
    found = type_of_system(name)
    assert found is not None
    assert (found.type, found.why) == (type_, f"type taken from its operating system, {name}")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("VMware ESXi 7.0.3", "a hypervisor"),
        ("ESX 4", "a hypervisor"),
        ("XenServer 8", "a hypervisor"),
        ("Proxmox VE (Debian 12)", "a hypervisor"),
        ("NetApp Release 9.11.1 (ONTAP)", "a storage system"),
        ("Data ONTAP", "a storage system"),
        ("Isilon OneFS v9", "a storage system"),
        ("Synology DSM 7 (Linux)", "a storage system"),
        ("Cisco IOS XE", "a network device"),
        ("Cisco NX-OS", "a network device"),
        ("Junos OS (FreeBSD)", "a network device"),
        ("Cumulus Linux 5", "a network device"),
        ("FortiOS 7", "a network device"),
        ("F5 BIG-IP (TMOS, Linux)", "a network device"),
        ("pfSense (FreeBSD)", "a network device"),
        ("Windows CE", "an appliance"),
        ("iOS 17", "a network device or a phone"),
        ("Android 14", "a device"),
        ("IBM z/OS", "name the type of a service"),
        ("IBM i (OS/400)", "name the type of a service"),
    ],
)
def test_systems_that_stay_unmapped(name: str, says: str) -> None:
    found = type_of_system(name)
    assert found is not None
    assert found.type == ""
    assert found.why.startswith(f"{name} is ")
    assert says in found.why


@pytest.mark.parametrize(
    "name",
    [
        "Linux/Windows",
        "Windows Server 2019 on Linux KVM",
        "OpenVMS",
        "Other (32-bit)",
        "Twinax",
        "Lindows-like",
        "",
        "Darwinia",
        "unixodbc",
    ],
)
def test_systems_that_say_nothing(name: str) -> None:
    assert type_of_system(name) is None
