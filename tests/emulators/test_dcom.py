"""Check the emulated Windows with impacket, a DCOM client that works with real hosts.

impacket accepts the emulator's answers as those of Windows. This does not prove that a real Windows always sends them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from impacket.dcerpc.v5 import epm, transport
from impacket.dcerpc.v5.dcom import wmi
from impacket.dcerpc.v5.dcomrt import DCOMConnection, IObjectExporter, IRemoteSCMActivator
from impacket.dcerpc.v5.dtypes import NULL
from impacket.dcerpc.v5.rpcrt import (
    RPC_C_AUTHN_LEVEL_CONNECT,
    RPC_C_AUTHN_LEVEL_NONE,
    RPC_C_AUTHN_LEVEL_PKT_INTEGRITY,
    RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
    DCERPCException,
)
from impacket.ntlm import AV_PAIRS, NTLMSSP_AV_HOSTNAME, NTLMSSP_AV_TIME, NTLMAuthChallenge
from impacket.uuid import uuidtup_to_bin

from fixtures.emulators import dcom
from fixtures.emulators.dcom import Windows, in_background

EVENTLOG = uuidtup_to_bin(("f6beaff7-1e19-4fbb-9f8f-b89e2018337c", "1.0"))
UNKNOWN = uuidtup_to_bin(("3919286a-b10c-11d0-9ba8-00c04fd92ef5", "0.0"))
LEVELS = [RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, RPC_C_AUTHN_LEVEL_PKT_PRIVACY]
ACCOUNT = ("svc-scan", "Passw0rd!", "CORP")


def client(port: int, level: int = RPC_C_AUTHN_LEVEL_NONE, account: tuple[str, str, str] = ACCOUNT) -> Any:
    """impacket's connection to a port, logged on if a level is given."""
    tcp = transport.TCPTransport("127.0.0.1", port)
    tcp.set_connect_timeout(5)
    dce = tcp.get_dce_rpc()
    if level != RPC_C_AUTHN_LEVEL_NONE:
        tcp.set_credentials(*account)
        dce.set_auth_level(level)
    dce.connect()
    return dce


@contextmanager
def connected(
    windows: Windows, monkeypatch: pytest.MonkeyPatch, level: int, account: tuple[str, str, str] = ACCOUNT
) -> Iterator[DCOMConnection]:
    """impacket's DCOMConnection, sent to the emulator's port in place of 135."""
    real = transport.DCERPCTransportFactory

    def factory(binding: str) -> Any:
        return real(f"{binding}[{windows.mapper.port}]" if binding == "ncacn_ip_tcp:127.0.0.1" else binding)

    monkeypatch.setattr(transport, "DCERPCTransportFactory", factory)
    connection = DCOMConnection("127.0.0.1", *account, authLevel=level)
    try:
        yield connection
    finally:
        connection.disconnect()


def towers(entries: list[dict[str, Any]]) -> list[str]:
    return [epm.PrintStringBinding(entry["tower"]["Floors"]).replace("%s", "") for entry in entries]


class TestEndpointMapper:
    def test_lists_its_endpoints(self) -> None:
        with in_background("healthy") as windows:
            entries = epm.hept_lookup(None, dce=client(windows.mapper.port))
        listed = towers(entries)
        assert len(listed) == 24
        assert listed.count(f"ncacn_ip_tcp:127.0.0.1[{windows.wmi_port}]") == 10
        assert r"ncacn_np:\\WIN-SRV19[\PIPE\atsvc]" in listed
        assert "ncalrpc:[samss lpc]" in listed
        assert f"ncacn_http:127.0.0.1[{windows.wmi_port}]" in listed
        assert f"ncadg_ip_udp:127.0.0.1[{windows.wmi_port}]" in listed
        assert [entry for entry in entries if entry["annotation"] == b"Event log TCPIP\0"]

    def test_lists_them_in_pages(self) -> None:
        with in_background("paged-lookup") as windows:
            assert len(epm.hept_lookup(None, dce=client(windows.mapper.port))) == 24
        assert windows.counts["lookup"] == 2

    def test_lists_nothing(self) -> None:
        with in_background("empty-lookup") as windows, pytest.raises(DCERPCException, match="ept_s_not_registered"):
            epm.hept_lookup(None, dce=client(windows.mapper.port))

    def test_of_2003_lists_low_ports(self) -> None:
        with in_background("windows-2003") as windows:
            listed = towers(epm.hept_lookup(None, dce=client(windows.mapper.port)))
        assert len(listed) == 6
        assert r"ncacn_np:\\FILES2003[\PIPE\atsvc]" in listed

    def test_refuses_strangers(self) -> None:
        with in_background("lookup-refused") as windows:
            with pytest.raises(DCERPCException, match="rpc_s_access_denied"):
                epm.hept_lookup(None, dce=client(windows.mapper.port))
            logged_on = client(windows.mapper.port, RPC_C_AUTHN_LEVEL_PKT_INTEGRITY)
            assert len(epm.hept_lookup(None, dce=logged_on)) == 24

    def test_maps_an_interface(self) -> None:
        with in_background("healthy") as windows:
            dce = client(windows.mapper.port)
            binding = epm.hept_map("127.0.0.1", EVENTLOG, protocol="ncacn_ip_tcp", dce=dce)
            assert binding == f"ncacn_ip_tcp:127.0.0.1[{windows.wmi_port}]"
            with pytest.raises(DCERPCException, match="ept_s_not_registered"):
                epm.hept_map("127.0.0.1", UNKNOWN, protocol="ncacn_ip_tcp", dce=client(windows.mapper.port))

    def test_refuses_a_bind(self) -> None:
        with in_background("bind-refused") as windows, pytest.raises(DCERPCException, match="rejected"):
            client(windows.mapper.port).bind(epm.MSRPC_UUID_PORTMAP)

    def test_does_not_know_every_interface(self) -> None:
        with in_background("healthy") as windows, pytest.raises(DCERPCException, match="abstract_syntax_not_supported"):
            client(windows.mapper.port).bind(UNKNOWN)

    def test_dynamic_port_takes_a_bind(self) -> None:
        with in_background("healthy") as windows:
            for listed in epm.hept_lookup(None, dce=client(windows.mapper.port)):
                interface = listed["tower"]["Floors"][0]
                version = (interface["MajorVersion"], interface["MinorVersion"])
                assert client(windows.wmi_port).bind(interface["InterfaceUUID"] + struct.pack("<HH", *version))


class TestObjectExporter:
    @pytest.mark.parametrize(
        ("variant", "address"), [("healthy", "127.0.0.1"), ("foreign-bindings", "192.0.2.77")], ids=["own", "foreign"]
    )
    def test_names_the_host(self, variant: str, address: str) -> None:
        with in_background(variant) as windows:
            bindings = IObjectExporter(client(windows.mapper.port)).ServerAlive2()
        assert [(b["wTowerId"], b["aNetworkAddr"]) for b in bindings] == [(7, "WIN-SRV19\0"), (7, f"{address}\0")]

    def test_answers_pings(self) -> None:
        with in_background("healthy") as windows:
            exporter = IObjectExporter(client(windows.mapper.port))
            assert exporter.ComplexPing(0, 0, [1], [])["pSetId"] == 1
            assert IObjectExporter(client(windows.mapper.port)).SimplePing(1)["ErrorCode"] == 0


class TestChallenge:
    @pytest.mark.parametrize(
        ("variant", "name", "build"), [("healthy", "WIN-SRV19", 17763), ("windows-2003", "FILES2003", 3790)]
    )
    def test_names_host_and_build(self, variant: str, name: str, build: int) -> None:
        challenge = self.of(variant)
        pairs = AV_PAIRS(challenge["TargetInfoFields"])
        assert pairs[NTLMSSP_AV_HOSTNAME][1].decode("utf-16le") == name
        assert int.from_bytes(challenge["Version"][2:4], "little") == build

    def test_has_the_clock(self) -> None:
        ahead, behind = (
            int.from_bytes(AV_PAIRS(self.of(variant)["TargetInfoFields"])[NTLMSSP_AV_TIME][1], "little")
            for variant in ("clock-ahead", "clock-behind")
        )
        assert 1790e7 < ahead - behind < 1810e7  # 30 minutes, in units of 100 ns

    @staticmethod
    def of(variant: str) -> Any:
        with in_background(variant) as windows:
            dce = client(windows.mapper.port, RPC_C_AUTHN_LEVEL_CONNECT)
            answer = dce.bind(epm.MSRPC_UUID_PORTMAP).getData()
        return NTLMAuthChallenge(answer[answer.index(b"NTLMSSP\0") :])


class TestLogon:
    @pytest.mark.parametrize("level", [RPC_C_AUTHN_LEVEL_CONNECT, *LEVELS])
    def test_is_accepted(self, level: int) -> None:
        with in_background("healthy") as windows:
            assert len(epm.hept_lookup(None, dce=client(windows.mapper.port, level))) == 24
        assert windows.counts["logons"] == 1
        assert windows.offences == {}

    @pytest.mark.parametrize(
        "account",
        [
            ("svc-scan@corp.example", "Passw0rd!", ""),
            ("scan-local", "Passw0rd!", "WIN-SRV19"),
            ("svc-scan", "Passw0rd!", ""),
        ],
    )
    def test_knows_its_accounts(self, account: tuple[str, str, str]) -> None:
        with in_background("healthy") as windows:
            epm.hept_lookup(None, dce=client(windows.mapper.port, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, account))

    @pytest.mark.parametrize(
        "account", [("svc-scan", "wrong", "CORP"), ("nobody", "Passw0rd!", "CORP"), ("svc-scan", "Passw0rd!", "OTHER")]
    )
    def test_refuses_what_is_wrong(self, account: tuple[str, str, str]) -> None:
        with in_background("healthy") as windows, pytest.raises(DCERPCException, match="0000052e"):
            epm.hept_lookup(None, dce=client(windows.mapper.port, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, account))
        assert windows.counts["refused-logons"] == 1

    @pytest.mark.parametrize("fault", [code for code in dcom.LOGON_FAULTS if code != 5])
    def test_tells_the_state_of_an_account(self, fault: int) -> None:
        with in_background(f"logon-0x{fault:x}") as windows, pytest.raises(DCERPCException, match=f"{fault:08x}"):
            epm.hept_lookup(None, dce=client(windows.mapper.port, RPC_C_AUTHN_LEVEL_PKT_PRIVACY))

    def test_tells_no_more_than_access_denied(self) -> None:
        with in_background("logon-0x5") as windows, pytest.raises(DCERPCException, match="rpc_s_access_denied"):
            epm.hept_lookup(None, dce=client(windows.mapper.port, RPC_C_AUTHN_LEVEL_PKT_PRIVACY))


class TestActivation:
    @staticmethod
    def error(windows: Windows, level: int) -> int | None:
        dce = client(windows.mapper.port, level)
        with pytest.raises(DCERPCException) as refused:
            IRemoteSCMActivator(dce).RemoteCreateInstance(wmi.CLSID_WbemLevel1Login, wmi.IID_IWbemLevel1Login)
        dce.disconnect()
        return None if refused.value.get_error_code() is None else int(refused.value.get_error_code())

    @pytest.mark.parametrize(
        ("variant", "status"),
        [
            ("activation-denied", 0x80070005),
            ("wmi-does-not-start", 0x80080005),
            ("wmi-disabled", 0x80070422),
            ("wmi-not-registered", 0x80040154),
        ],
    )
    def test_is_refused(self, variant: str, status: int) -> None:
        with in_background(variant) as windows:
            assert self.error(windows, RPC_C_AUTHN_LEVEL_PKT_PRIVACY) == status

    def test_is_refused_below_packet_integrity(self) -> None:
        with in_background("healthy") as windows:
            assert self.error(windows, RPC_C_AUTHN_LEVEL_CONNECT) is None  # a fault has no code in impacket
        assert windows.offences == {"event-10036": 1}


class TestWmi:
    @pytest.mark.parametrize("level", LEVELS)
    def test_reads_the_operating_system(self, level: int, monkeypatch: pytest.MonkeyPatch) -> None:
        with in_background("healthy") as windows, connected(windows, monkeypatch, level) as connection:
            first = connection.CoCreateInstanceEx(wmi.CLSID_WbemLevel1Login, wmi.IID_IWbemLevel1Login)
            bindings = [b["aNetworkAddr"] for b in first.get_cinstance().get_string_bindings()]
            assert bindings == [
                "\\\\WIN-SRV19[\\PIPE\\atsvc]\0",
                f"WIN-SRV19[{windows.wmi_port}]\0",
                f"127.0.0.1[{windows.wmi_port}]\0",
            ]
            login = wmi.IWbemLevel1Login(first)
            services = login.NTLMLogin("//./root/cimv2", NULL, NULL)
            login.RemRelease()
            found = services.ExecQuery("SELECT Caption, Version FROM Win32_OperatingSystem")
            (system,) = found.Next(wmi.WBEM_INFINITE, 1)
            with pytest.raises(DCERPCException, match="WBEM_S_FALSE"):
                found.Next(wmi.WBEM_INFINITE, 1)
        assert system.getClassName() == "Win32_OperatingSystem"
        told = {name: value["value"] for name, value in system.getProperties().items()}
        assert told == {"Caption": "Microsoft Windows Server 2019 Standard", "Version": "10.0.17763"}
        assert system.getObject()["Decoration"]["DecNamespaceName"]["Character"] == "ROOT\\cimv2"
        # impacket logs on once a connection, and once more for each further interface.
        assert windows.counts["logons"] == 5
        assert windows.offences == {}

    def test_of_2003(self, monkeypatch: pytest.MonkeyPatch) -> None:
        level = RPC_C_AUTHN_LEVEL_CONNECT
        with in_background("windows-2003") as windows, connected(windows, monkeypatch, level) as connection:
            first = connection.CoCreateInstanceEx(wmi.CLSID_WbemLevel1Login, wmi.IID_IWbemLevel1Login)
            services = wmi.IWbemLevel1Login(first).NTLMLogin("//./root/cimv2", NULL, NULL)
            (system,) = services.ExecQuery("SELECT * FROM Win32_OperatingSystem").Next(wmi.WBEM_INFINITE, 1)
        assert system.getProperties()["Version"]["value"] == "5.2.3790"

    @pytest.mark.parametrize(
        ("variant", "namespace", "query", "status"),
        [
            ("namespace-denied", "//./root/cimv2", "Win32_OperatingSystem", "WBEM_E_ACCESS_DENIED"),
            ("namespace-missing", "//./root/cimv2", "Win32_OperatingSystem", "WBEM_E_INVALID_NAMESPACE"),
            ("class-missing", "//./root/cimv2", "Win32_OperatingSystem", "WBEM_E_INVALID_CLASS"),
            ("healthy", "//./root/nowhere", "Win32_OperatingSystem", "WBEM_E_INVALID_NAMESPACE"),
            ("healthy", "//./root/cimv2", "Win32_Nothing", "WBEM_E_INVALID_CLASS"),
        ],
    )
    def test_refuses(
        self, variant: str, namespace: str, query: str, status: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        level = RPC_C_AUTHN_LEVEL_PKT_PRIVACY
        with in_background(variant) as windows, connected(windows, monkeypatch, level) as connection:
            first = connection.CoCreateInstanceEx(wmi.CLSID_WbemLevel1Login, wmi.IID_IWbemLevel1Login)
            with pytest.raises(DCERPCException, match=status):
                wmi.IWbemLevel1Login(first).NTLMLogin(namespace, NULL, NULL).ExecQuery(f"SELECT * FROM {query}")
