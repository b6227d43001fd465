"""The WMI login against the emulated Windows, and against peers that break the rules.

The emulator's answers are synthesised from the specifications, and impacket's client accepts them; no Windows took
part. tests/lab checks against a real server, Samba, that there is one logon per connection.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.emulators import dcom
from fixtures.emulators.dcom import HEALTHY, Windows
from scanready.causes import common, nt
from scanready.clients import nt_status
from scanready.climb.explain import Failure
from scanready.model import Cause, Owner, Step
from scanready.targets.windows import causes, login
from scanready.targets.windows.login_errors import AS_NT_STATUS
from tests.ladder import PLENTY, in_time, pasted
from tests.targets.windows.wmi_peers import (
    AGENT,
    SCANNER,
    account,
    denied,
    nothing_stays,
    refused,
    visit,
    where,
)

__all__ = ["nothing_stays"]

ROOT = Path(__file__).parents[3]


class TestAccepted:
    def test_reads_one_object_at_the_price_of_two_logons(self) -> None:
        with dcom.in_background("healthy") as host:
            there = where(host.mapper.port)
            result = login.visit(there, account(), 8)
        assert result.denied is None
        assert result.read == "one Win32_OperatingSystem: Microsoft Windows Server 2019 Standard 10.0.17763"
        assert (result.os, result.version) == ("Microsoft Windows Server 2019 Standard", "10.0.17763")
        assert (result.server_name, result.domain) == ("win-srv19.corp.example", "CORP")
        assert result.port == host.wmi_port
        assert (there.trace.connections, there.trace.logons) == (2, 2)
        assert host.counts["logons"] == 2
        assert host.counts["refused-logons"] == 0
        assert host.offences == {}

    def test_lets_go_of_what_it_held_and_leaves_with_a_fin(self) -> None:
        with dcom.in_background("healthy") as host:
            visit(host)
            for server in host.servers:
                server.wait()
            assert host.counts["release"] == 1
            assert {record.ended for server in host.servers for record in server.connections} == {"fin"}

    @pytest.mark.parametrize(
        "username", ["svc-scan", "svc-scan@corp.example", r"WIN-SRV19\scan-local", r".\scan-local", SCANNER]
    )
    def test_however_the_account_is_written(self, username: str) -> None:
        with dcom.in_background("healthy") as host:
            assert visit(host, username).denied is None

    @pytest.mark.parametrize("variant", ["windows-2003", "privacy-demanded", "clock-ahead", "anonymous-refused"])
    def test_by_every_windows(self, variant: str) -> None:
        with dcom.in_background(variant) as host:
            assert visit(host).denied is None
        assert host.offences == {}

    def test_dials_the_target_whatever_its_bindings_name(self) -> None:
        with dcom.in_background("foreign-bindings") as host:
            result = visit(host)
        assert result.denied is None
        assert result.bindings == [
            r"\\WIN-SRV19[\PIPE\atsvc]",
            f"WIN-SRV19[{host.wmi_port}]",
            f"192.0.2.77[{host.wmi_port}]",
        ]

    def test_beside_others_to_the_same_host(self) -> None:
        results: list[login.Result] = []
        with dcom.in_background("healthy") as host:
            threads = [threading.Thread(target=lambda: results.append(visit(host))) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert [one.denied for one in results] == [None] * 4
        assert host.counts["logons"] == 8
        assert host.offences == {}


LOGONS = [
    (0x5, common.LOGIN_REFUSED, Owner.IDENTITY, None),
    (0x51F, nt.NO_LOGON_SERVER, Owner.SERVER, None),
    (0x52E, common.LOGIN_REFUSED, Owner.IDENTITY, None),
    (0x52F, nt.ACCOUNT_RESTRICTED, Owner.IDENTITY, None),
    (0x530, nt.LOGON_HOURS, Owner.IDENTITY, 'net user "svc-scan" /times:all /domain'),
    (0x531, causes.LOGON_WORKSTATION, Owner.IDENTITY, "Set-ADUser -Identity 'svc-scan' -LogonWorkstations $null"),
    (0x532, common.LOGIN_EXPIRED, Owner.IDENTITY, "Set-ADAccountPassword -Identity 'svc-scan' -Reset"),
    (0x533, common.LOGIN_LOCKED, Owner.IDENTITY, "Enable-ADAccount -Identity 'svc-scan'"),
    (0x569, nt.LOGON_RIGHT, Owner.SERVER, r"Access this computer from the network: add CORP\svc-scan"),
    (0x576, nt.CLOCK_DIFFERS, Owner.SERVER, "w32tm /resync"),
    (0x6FE, nt.NO_LOGON_SERVER, Owner.SERVER, "Test-ComputerSecureChannel -Repair"),
    (0x701, common.LOGIN_EXPIRED, Owner.IDENTITY, "Clear-ADAccountExpiration -Identity 'svc-scan'"),
    (0x721, nt.LOGON_UNEXPLAINED, Owner.IDENTITY, None),
    (0x773, common.LOGIN_EXPIRED, Owner.IDENTITY, "Set-ADUser -Identity 'svc-scan' -ChangePasswordAtLogon $false"),
    (0x775, common.LOGIN_LOCKED, Owner.IDENTITY, "Unlock-ADAccount -Identity 'svc-scan'"),
    (0x791, nt.NTLM_BLOCKED, Owner.SERVER, None),
]


class TestRefusedLogon:
    @pytest.mark.parametrize(("fault", "cause", "owner", "fix"), LOGONS, ids=[hex(row[0]) for row in LOGONS])
    def test_ends_everything_after_one(self, fault: int, cause: Cause, owner: Owner, fix: str | None) -> None:
        with dcom.in_background(f"logon-0x{fault:x}") as host:
            failure = refused(host)
        assert failure.cause is cause
        assert (cause.step, cause.owner) == (Step.LOGIN, owner)
        assert f"0x{fault:x}" in failure.detail
        assert SCANNER in failure.detail
        assert fix is None or fix in str(failure.fix)
        assert host.counts["logons"] == 1
        assert host.counts["activation"] == 0

    def test_every_fault_of_the_emulator_is_told(self) -> None:
        assert {row[0] for row in LOGONS} == set(dcom.LOGON_FAULTS)

    @pytest.mark.parametrize("fault", sorted(AS_NT_STATUS), ids=hex)
    def test_every_fault_has_the_cause_of_its_nt_status(self, fault: int) -> None:
        with dcom.in_background(replace(HEALTHY, logon=fault)) as host:
            failure = refused(host)
        _, cause, words = nt_status.LOGIN[AS_NT_STATUS[fault]]
        if fault == 0x531:  # this login cannot name its workstation, which an SMB login does
            cause = causes.LOGON_WORKSTATION
        assert failure.cause is cause
        assert f"{words} (fault 0x{fault:x})" in failure.detail

    @pytest.mark.parametrize("username", [SCANNER, "nobody", r"OTHER\svc-scan"])
    def test_of_a_wrong_password_or_account(self, username: str) -> None:
        with dcom.in_background("healthy") as host:
            assert refused(host, username, "wrong").cause is common.LOGIN_REFUSED
        assert host.counts["logons"] == host.counts["refused-logons"] == 1

    def test_of_a_local_account_is_mended_on_the_host(self) -> None:
        with dcom.in_background("logon-0x533") as host:
            assert pasted(refused(host, r"WIN-SRV19\scan-local").fix) == 'net user "scan-local" /active:yes'

    def test_what_nobody_knows_protects_the_account(self) -> None:
        with dcom.in_background(replace(HEALTHY, logon=0x4D5)) as host:
            failure = refused(host)
        assert failure.cause is nt.LOGON_UNEXPLAINED
        assert failure.cause.owner is Owner.IDENTITY
        assert not failure.cause.definite

    @pytest.mark.parametrize(
        ("variant", "cause"), [("ntlm-unknown", nt.NTLM_BLOCKED), ("bind-refused", causes.WMI_ERROR)]
    )
    def test_a_bind_that_is_refused_costs_none(self, variant: str, cause: Cause) -> None:
        with dcom.in_background(variant) as host:
            assert refused(host).cause is cause
        assert host.counts["logons"] == 0

    def test_nothing_is_tried_without_impacket(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "impacket.dcerpc.v5", None)
        with pytest.raises(Failure, match="python script/install-windows") as failure:
            login.visit(where(1), account(), 8)
        assert failure.value.cause is common.DRIVER_MISSING


AFTER = [
    ("activation-denied", causes.ACTIVATION_DENIED, r'net localgroup Administrators "CORP\svc-scan" /add'),
    ("activation-fault", causes.ACTIVATION_DENIED, r'net localgroup Administrators "CORP\svc-scan" /add'),
    ("wmi-does-not-start", causes.WMI_NOT_RUNNING, "net start winmgmt"),
    ("wmi-disabled", causes.WMI_NOT_RUNNING, "sc config winmgmt start= auto"),
    ("wmi-not-registered", causes.WMI_DAMAGED, "regsvr32"),
    ("activation-unheard-of", causes.WMI_ERROR, None),
    ("no-tcp-binding", causes.NO_TCP_BINDING, None),
    ("namespace-denied", causes.NAMESPACE_DENIED, r"allow CORP\svc-scan Enable Account and Remote Enable"),
    ("namespace-missing", causes.NAMESPACE_MISSING, "winmgmt /salvagerepository"),
    ("class-missing", causes.WMI_DAMAGED, "mofcomp"),
    ("query-denied", causes.NAMESPACE_DENIED, r"Root\CIMV2"),
    ("no-object", causes.WMI_DAMAGED, "mofcomp"),
    ("provider-fails", causes.WMI_DAMAGED, "mofcomp"),
]


#: HRESULTs of [MS-ERREF] 2.1 and [MS-WMI] 2.2.11, and whether WMI does not run or is damaged.
HRESULTS = [
    *((number, causes.WMI_NOT_RUNNING) for number in (0x80080005, 0x80070422, 0x8007041D, 0x80041033)),
    *((number, causes.WMI_DAMAGED) for number in (0x80040154, 0x80041010, 0x80041013, 0x80041014, 0x80041004)),
    *((0x8004100A, causes.WMI_DAMAGED), (0x8004100E, causes.NAMESPACE_MISSING), (0x80041003, causes.NAMESPACE_DENIED)),
    *((0x80070005, causes.ACTIVATION_DENIED), (0x8004BEEF, causes.WMI_ERROR)),
]


class TestDeniedAfterTheLogon:
    @pytest.mark.parametrize("stage", ["activation", "login", "query"])
    @pytest.mark.parametrize(("number", "cause"), HRESULTS, ids=[hex(number) for number, _ in HRESULTS])
    def test_every_number_wherever_it_comes(self, number: int, cause: Cause, stage: str) -> None:
        odd: dict[str, Any] = {stage: number}
        with dcom.in_background(replace(HEALTHY, **odd)) as host:
            failure = denied(host)
        assert failure.cause is cause
        told = {0x80041003: "WBEM_E_ACCESS_DENIED"}.get(number, f"0x{number:08x}")
        assert told in failure.detail

    @pytest.mark.parametrize(("variant", "cause", "fix"), AFTER, ids=[row[0] for row in AFTER])
    def test_is_told_with_what_mends_it(self, variant: str, cause: Cause, fix: str | None) -> None:
        with dcom.in_background(variant) as host:
            failure = denied(host)
        assert failure.cause is cause
        assert (cause.step, cause.owner) == (Step.ACCESS, Owner.SERVER)
        assert fix is None or fix in str(failure.fix)
        assert host.counts["logons"] <= 2
        assert host.offences == {}

    @pytest.mark.parametrize("variant", ["activation-denied", "activation-fault"])
    @pytest.mark.parametrize(
        ("username", "cause"),
        [
            (r"WIN-SRV19\scan-local", causes.REMOTE_UAC),
            (r".\scan-local", causes.REMOTE_UAC),
            (r"WIN-SRV19\Administrator", causes.ACTIVATION_DENIED),
            ("svc-scan@corp.example", causes.ACTIVATION_DENIED),
        ],
    )
    def test_a_local_account_meets_remote_uac(self, variant: str, username: str, cause: Cause) -> None:
        with dcom.in_background(variant) as host:
            failure = denied(host, username)
        assert failure.cause is cause
        assert ("LocalAccountTokenFilterPolicy /t REG_DWORD /d 1" in str(failure.fix)) is (cause is causes.REMOTE_UAC)

    def test_the_dynamic_port_is_named(self) -> None:
        with dcom.in_background("dynamic-port-closed") as host:
            failure = denied(host)
        assert failure.cause is causes.DYNAMIC_PORT_BLOCKED
        assert failure.detail == f"WMI's port 127.0.0.1:{host.wmi_port}: Connection refused"
        assert pasted(failure.fix) == f"ip saddr {AGENT} ip daddr 127.0.0.1 tcp dport {host.wmi_port} accept"
        assert host.counts["logons"] == 1

    def test_a_silent_dynamic_port_is_blocked_after_a_fair_while_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def never(port: int, seconds: float) -> None:
            raise TimeoutError

        for left, cause in ((8.0, causes.DYNAMIC_PORT_BLOCKED), (2.0, common.OUT_OF_TIME)):
            with dcom.in_background("healthy") as host, monkeypatch.context() as patch:
                real = login._Login._dial
                patch.setattr(
                    login._Login,
                    "_dial",
                    lambda self, port, seconds, host=host, real=real: (
                        real(self, port, seconds) if port == host.mapper.port else never(port, seconds)
                    ),
                )
                assert denied(host, seconds=left).cause is cause


class TestDeadline:
    SECONDS = 0.8

    @pytest.mark.parametrize("stage", dcom.STAGES)
    def test_holds_when_it_falls_silent(self, stage: str) -> None:
        with dcom.in_background(f"silent-at-{stage}") as host:
            self.ends_in_time(host)
        assert host.counts["logons"] <= (1 if dcom.STAGES.index(stage) < dcom.STAGES.index("login") else 2)

    @pytest.mark.parametrize("stage", ["bind", "alive", "activation", "next"])
    def test_holds_when_it_drips(self, stage: str) -> None:
        with dcom.in_background(f"drips-{stage}") as host:
            self.ends_in_time(host)

    def ends_in_time(self, host: Windows) -> None:
        with in_time(self.SECONDS):
            try:
                failure = visit(host, seconds=self.SECONDS).denied
            except Failure as error:
                failure = error
        assert failure is not None
        assert failure.cause is common.OUT_OF_TIME

    def test_lets_the_process_end(self) -> None:
        """A ping timer of impacket's, or a thread that still waits, would keep it alive for minutes."""
        with dcom.in_background("silent-at-query") as host:
            program = (
                "from scanready.targets.windows import login; from scanready.model import Credential; "
                f"result = login.visit(login.Where('127.0.0.1', '{AGENT}', {host.mapper.port}), "
                r"Credential('c', r'CORP\svc-scan', 'Passw0rd!'), 1.0); print(result.denied.cause.code)"
            )
            done = subprocess.run(
                [sys.executable, "-c", program],
                cwd=ROOT / "verifiers",
                capture_output=True,
                text=True,
                timeout=PLENTY,
                check=True,
            )
        assert done.stdout.strip() == common.OUT_OF_TIME.code
        assert done.stderr == ""
