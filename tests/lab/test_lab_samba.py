"""Is every Samba server of the lab what its name says? Asked with other people's clients, never with ours."""

from __future__ import annotations

import pytest
from impacket.dcerpc.v5 import epm, samr, transport
from impacket.dcerpc.v5.rpcrt import RPC_C_AUTHN_LEVEL_PKT_PRIVACY
from impacket.smbconnection import SMBConnection

from fixtures.lab import samba
from fixtures.lab.accounts import PASSWORD, SCANNER
from fixtures.lab.lab import Lab
from fixtures.lab.samba import Samba
from fixtures.lab.samba_dc import SambaDC
from fixtures.limits import HANG

READ = "customers.csv"


def told(lab: Lab, program: str, *arguments: str) -> str:
    """All that one of Samba's own clients says."""
    done = lab.agent.command([program, *samba.client(lab.directory), *arguments])
    return done.stdout + done.stderr


def smbclient(
    lab: Lab, server: Samba | SambaDC, share: str, user: str = SCANNER, password: str = PASSWORD, *options: str
) -> str:
    """All that smbclient says when it lists a share."""
    return told(lab, "smbclient", f"//{server.hostname}/{share}", "-U", f"{user}%{password}", *options, "-c", "ls")


@pytest.mark.parametrize("variant", ["smb3", "signing", "encrypted", "encrypted-gcm", "guest", "audited", "no-listing"])
def test_smbclient_reads_the_share(lab: Lab, variant: str) -> None:
    assert READ in smbclient(lab, lab.samba(variant), "finance")


@pytest.mark.parametrize(
    ("variant", "protocol", "accepted"),
    [
        *(("smb3", "SMB2_02", True), ("smb3", "SMB2_10", True), ("smb3", "SMB3_00", True), ("smb3", "NT1", False)),
        *(("signing", "SMB3_02", False), ("signing", "SMB3_11", True), ("encrypted", "SMB2_10", False)),
        *(("smb1", "NT1", True), ("smb1", "SMB3_11", False), ("smb2.1", "SMB2_10", True), ("smb2.1", "SMB3_00", False)),
    ],
)
def test_dialects(lab: Lab, variant: str, protocol: str, accepted: bool) -> None:
    only = ("--option", f"client min protocol={protocol}", "--option", f"client max protocol={protocol}")
    assert (READ in smbclient(lab, lab.samba(variant), "finance", SCANNER, PASSWORD, *only)) is accepted


def test_the_session_service_and_the_names(lab: Lab) -> None:
    server = lab.samba("smb3")
    assert READ in smbclient(lab, server, "finance", SCANNER, PASSWORD, "-p", str(samba.NETBIOS_SESSION))
    names = told(lab, "nmblookup", "-A", server.address)
    assert f"{server.netbios_name:15} <20>" in names
    assert f"{samba.WORKGROUP:15} <00> - <GROUP>" in names


def test_signing_is_demanded_of_a_client_that_would_rather_not(lab: Lab) -> None:
    def security_mode(server: Samba) -> int:
        session = SMBConnection(server.address, server.address, timeout=HANG)
        try:
            return int(session.getSMBServer()._Connection["ServerSecurityMode"])
        finally:
            session.close()

    assert lab.agent.run(security_mode, lab.samba("signing")) == 3
    assert lab.agent.run(security_mode, lab.samba("smb3")) == 1


def test_encryption_is_demanded_of_a_client_that_cannot(lab: Lab) -> None:
    off = ("--client-protection=off", "--option", "client smb encrypt=off", "--option", "client max protocol=SMB2_10")
    assert "NT_STATUS_ACCESS_DENIED" in smbclient(lab, lab.samba("encrypted"), "finance", SCANNER, PASSWORD, *off)
    server = lab.samba("encrypted-share")
    assert READ in smbclient(lab, server, "finance", SCANNER, PASSWORD, *off)
    assert "NT_STATUS_ACCESS_DENIED" in smbclient(lab, server, "sealed", SCANNER, PASSWORD, *off)
    assert READ in smbclient(lab, server, "sealed")


@pytest.mark.parametrize(
    ("user", "status"),
    [
        ("nobody-of-that-name", "LOGON_FAILURE"),
        ("disabled", "ACCOUNT_DISABLED"),
        ("locked", "ACCOUNT_LOCKED_OUT"),
        ("expired", "ACCOUNT_EXPIRED"),
        ("stale-password", "PASSWORD_EXPIRED"),
        ("must-change", "PASSWORD_MUST_CHANGE"),
        ("off-hours", "INVALID_LOGON_HOURS"),
        ("elsewhere", "INVALID_WORKSTATION"),
    ],
)
def test_accounts_that_are_refused(lab: Lab, user: str, status: str) -> None:
    assert smbclient(lab, lab.samba("smb3"), "finance", user) == f"session setup failed: NT_STATUS_{status}\n"


def test_wrong_passwords_are_counted_and_lock(lab: Lab) -> None:
    server = lab.samba("smb3", label="lockout")
    for count in range(samba.LOCKOUT_AFTER):
        assert server.wrong_passwords("careless") == count
        assert "NT_STATUS_LOGON_FAILURE" in smbclient(lab, server, "finance", "careless", "wrong")
    assert "NT_STATUS_ACCOUNT_LOCKED_OUT" in smbclient(lab, server, "finance", "careless")


@pytest.mark.parametrize(
    ("share", "user", "output"),
    [
        ("board", SCANNER, "tree connect failed: NT_STATUS_ACCESS_DENIED"),
        ("board", samba.DIRECTOR, READ),
        ("vault", SCANNER, r"NT_STATUS_ACCESS_DENIED listing \*"),
        ("nowhere", SCANNER, "tree connect failed: NT_STATUS_BAD_NETWORK_NAME"),
    ],
)
def test_shares(lab: Lab, share: str, user: str, output: str) -> None:
    assert output in smbclient(lab, lab.samba("smb3"), share, user)


def test_a_share_whose_directory_is_gone_is_listed_and_cannot_be_opened(lab: Lab) -> None:
    server = lab.samba("odd-shares")
    assert {"broken", "a-file"} <= set(shares(lab, server))
    for share in ("broken", "a-file"):
        assert "tree connect failed: NT_STATUS_BAD_NETWORK_NAME" in smbclient(lab, server, share)


def test_a_share_that_is_listed_and_holds_nothing_for_others(lab: Lab) -> None:
    server = lab.samba("odd-shares")
    assert "ada" in smbclient(lab, server, "homes-of-all")
    assert r"NT_STATUS_ACCESS_DENIED listing \ada" in smbclient(
        lab, server, "homes-of-all", SCANNER, PASSWORD, "-D", "ada"
    )


def test_nothing_but_the_session_service(lab: Lab) -> None:
    server = lab.samba("netbios")
    assert READ in smbclient(lab, server, "finance", SCANNER, PASSWORD, "-p", str(samba.NETBIOS_SESSION))
    assert "NT_STATUS_CONNECTION_REFUSED" in smbclient(lab, server, "finance", SCANNER, PASSWORD, "-p", "445")


def test_guests(lab: Lab) -> None:
    assert "news.txt" in smbclient(lab, lab.samba("guest"), "public", "nobody-of-that-name", "any")
    assert "NT_STATUS_LOGON_FAILURE" in smbclient(lab, lab.samba("guest"), "public", SCANNER, "wrong")
    assert "news.txt" in smbclient(lab, lab.samba("guest-always"), "public", SCANNER, "wrong")
    assert "NT_STATUS_LOGON_FAILURE" in smbclient(lab, lab.samba("smb3"), "finance", "nobody-of-that-name", "any")


def shares(lab: Lab, server: Samba) -> list[str]:
    listed = told(lab, "smbclient", "-g", "-L", server.hostname, "-U", f"{SCANNER}%{PASSWORD}")
    return sorted(line.split("|")[1] for line in listed.splitlines() if line.startswith("Disk|"))


def test_the_list_of_shares(lab: Lab) -> None:
    assert shares(lab, lab.samba("smb3")) == list(samba.SHARES)
    assert "NT_STATUS_ACCESS_DENIED" in smbclient(lab, lab.samba("no-listing"), "IPC$")
    assert shares(lab, lab.samba("hidden-shares")) == []
    assert READ in smbclient(lab, lab.samba("hidden-shares"), "finance")


def test_ntlm_is_blocked(lab: Lab) -> None:
    assert "NT_STATUS_NTLM_BLOCKED" in smbclient(lab, lab.samba("no-ntlm"), "finance")


def test_a_host_that_may_not_connect(lab: Lab) -> None:
    assert "protocol negotiation failed" in smbclient(lab, lab.samba("host-denied"), "finance")


def test_dfs_links_lead_to_another_server(lab: Lab) -> None:
    server = lab.samba("dfs")
    assert "finance" in smbclient(lab, server, "namespace")
    assert READ in smbclient(lab, server, "namespace", SCANNER, PASSWORD, "-D", "finance")
    assert READ in smbclient(lab, server, "proxy")
    assert READ not in smbclient(lab, server, "namespace", SCANNER, PASSWORD, "-D", "gone")


def test_a_session_leaves_the_log_empty(lab: Lab) -> None:
    server = lab.samba("smb3", label="quiet")
    mark = len(server.log)
    assert READ in smbclient(lab, server, "finance")
    assert shares(lab, server) == list(samba.SHARES)
    assert "NT_STATUS_LOGON_FAILURE" in smbclient(lab, server, "finance", SCANNER, "wrong")
    assert server.logged_since(mark) == ""
    assert "NT_STATUS_ACCESS_DENIED" in smbclient(lab, server, "vault")
    assert "vfs_ChDir" in server.logged_since(mark)


def test_the_audit_log_has_every_login(lab: Lab) -> None:
    server = lab.samba("audited")
    mark = len(server.log)
    assert READ in smbclient(lab, server, "finance")
    lines = [line for line in server.logged_since(mark).splitlines() if "Auth:" in line]
    assert len(lines) == 1
    assert "with [NTLMv2] status [NT_STATUS_OK]" in lines[0]


# The endpoint mapper


def users_over_rpc(address: str, user: str, domain: str = "") -> list[str]:
    """The account domains that SAMR tells of over the dynamic port the mapper names."""
    binding = epm.hept_map(address, samr.MSRPC_UUID_SAMR, protocol="ncacn_ip_tcp")
    assert int(binding.partition("[")[2].rstrip("]")) >= 49152
    way = transport.DCERPCTransportFactory(binding)
    way.set_credentials(user, PASSWORD, domain)
    session = way.get_dce_rpc()
    session.set_auth_level(RPC_C_AUTHN_LEVEL_PKT_PRIVACY)
    session.connect()
    try:
        session.bind(samr.MSRPC_UUID_SAMR)
        opened = samr.hSamrConnect(session)["ServerHandle"]
        found = samr.hSamrEnumerateDomainsInSamServer(session, opened)
        return [str(domain["Name"]) for domain in found["Buffer"]["Buffer"]]
    finally:
        session.disconnect()


def test_an_endpoint_mapper_beside_a_file_server(lab: Lab) -> None:
    server = lab.samba_rpc()
    assert server.port == samba.ENDPOINT_MAPPER
    assert lab.agent.run(users_over_rpc, server.address, SCANNER) == [server.netbios_name, "Builtin"]
    binding = f"ncacn_ip_tcp:{server.hostname}[sign]"
    assert server.netbios_name in told(lab, "rpcclient", "-U", f"{SCANNER}%{PASSWORD}", binding, "-c", "srvinfo")


def test_a_domain_controller(lab: Lab) -> None:
    server = lab.samba_dc()
    assert READ in smbclient(lab, server, "finance", server.user)
    assert READ in smbclient(lab, server, "finance", f"{SCANNER}@lab.example")
    assert lab.agent.run(users_over_rpc, server.address, SCANNER, "LAB") == ["LAB", "BUILTIN"]


@pytest.mark.parametrize(
    ("user", "status"),
    [
        ("nobody-of-that-name", "LOGON_FAILURE"),
        ("disabled", "ACCOUNT_DISABLED"),
        ("locked", "ACCOUNT_LOCKED_OUT"),
        ("expired", "ACCOUNT_EXPIRED"),
        ("must-change", "PASSWORD_MUST_CHANGE"),
        ("off-hours", "INVALID_LOGON_HOURS"),
        ("elsewhere", "INVALID_WORKSTATION"),
    ],
)
def test_accounts_of_the_directory_that_are_refused(lab: Lab, user: str, status: str) -> None:
    assert smbclient(lab, lab.samba_dc(), "finance", f"LAB\\{user}") == f"session setup failed: NT_STATUS_{status}\n"


def test_a_domain_controller_without_ntlm(lab: Lab) -> None:
    server = lab.samba_dc("no-ntlm")
    assert "NT_STATUS_NTLM_BLOCKED" in smbclient(lab, server, "finance", server.user)
