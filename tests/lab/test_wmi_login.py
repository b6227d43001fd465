"""Check the WMI login in the network: a firewall before the dynamic ports, and the parts that Samba implements.

The Windows host is emulated. Samba is real: its endpoint mapper confirms that one logon serves several interfaces of
one connection, and its file server confirms the results of opening a share.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from fixtures.lab.accounts import PASSWORD
from fixtures.lab.lab import Lab
from fixtures.lab.namespace import wait_until
from scanready.clients.watchdog import Watchdog
from scanready.climb.explain import Failure
from scanready.model import Agent, Credential, Owner, Step, Verdict
from scanready.run.engine import verify
from scanready.run.settings import Settings
from scanready.targets.windows import causes, login, login_admin_share
from scanready.targets.windows.login_dcom import Pipe, Session, Trace, dial
from tests.ladder import PLENTY, account, expect, pasted, target


def visit(lab: Lab, host: Any, seconds: float = PLENTY) -> tuple[login.Result, Trace]:
    where = login.Where(host.address, lab.agent.address, smb_port=None)
    credential = Credential("ad-scan", host.user, PASSWORD)
    return lab.agent.run(login.visit, where, credential, seconds), where.trace


class TestWindows:
    def test_is_read(self, lab: Lab) -> None:
        host = lab.windows("healthy", label="login")
        result, trace = visit(lab, host)
        assert result.denied is None
        assert result.bindings[1:] == ["WIN-SRV19[49667]", f"{host.address}[49667]"]
        assert (trace.connections, trace.logons) == (2, 2)
        assert wait_until(lambda: host.counts.get("release") == 1)
        assert host.counts["logons"] == 2
        assert not [name for name in host.counts if name.startswith("offence")]

    def test_of_2003_is_read_on_a_low_port(self, lab: Lab) -> None:
        result, _ = visit(lab, lab.windows("windows-2003"))
        assert result.denied is None
        assert result.port == 1027

    @pytest.mark.parametrize(
        ("rule", "reason"),
        [
            ("tcp dport 49152-65535 drop", "no answer"),
            ("tcp dport 49152-65535 reject with icmp type admin-prohibited", "No route to host"),
            ("tcp dport 49152-65535 reject with tcp reset", "Connection refused"),
        ],
        ids=["dropped", "prohibited", "reset"],
    )
    def test_behind_a_firewall_names_the_port(self, lab: Lab, rule: str, reason: str) -> None:
        host = lab.windows("healthy")
        with lab.policy(f"ip daddr {host.address} {rule}"):
            result, trace = visit(lab, host)
        assert result.denied is not None
        assert result.denied.cause is causes.DYNAMIC_PORT_BLOCKED
        assert result.denied.detail == f"WMI's port {host.address}:49667: {reason}"
        assert (
            pasted(result.denied.fix) == f"ip saddr {lab.agent.address} ip daddr {host.address} tcp dport 49667 accept"
        )
        assert trace.logons == 1

    @pytest.mark.parametrize(
        ("rule", "verdict", "code"),
        [("", Verdict.SCANNABLE, None), ("drop", Verdict.BLOCKED, "windows.dynamic-port-blocked")],
        ids=["open", "dropped"],
    )
    def test_verdict(self, lab: Lab, rule: str, verdict: Verdict, code: str | None) -> None:
        host = lab.windows("healthy")
        where = target("windows", host.address, credential=account(host.user, PASSWORD))
        proxy = Agent("proxy", "Windows", (lab.agent.address,), assumed=True)
        with lab.policy(f"ip daddr {host.address} tcp dport 49152-65535 {rule}" if rule else ""):
            report = lab.agent.run(lambda: asyncio.run(verify(where, Settings(agent=proxy, timeout=PLENTY))))
        expect(report, verdict, code)
        if code:
            rule = f"ip saddr {lab.agent.address} ip daddr {host.address} tcp dport 49667 accept"
            expect(report, verdict, code, step=Step.ACCESS, owner=Owner.NETWORK, fix=rule)


class TestSamba:
    @staticmethod
    def mapper(address: str, user: str, password: str) -> tuple[Trace, int, int | None]:
        """Log on to an endpoint mapper, use two interfaces, and the first once more."""
        from impacket.dcerpc.v5 import mgmt
        from impacket.dcerpc.v5.epm import MSRPC_UUID_PORTMAP, hept_map
        from impacket.dcerpc.v5.rpcrt import DCERPCException
        from impacket.uuid import uuidtup_to_bin

        samr, trace = uuidtup_to_bin(("12345778-1234-abcd-ef00-0123456789ac", "1.0")), Trace()
        with Watchdog(time.monotonic() + PLENTY) as watchdog:
            session = Session(Pipe(dial(address, 135, PLENTY, watchdog), Credential("c", user, password), "key", trace))
            interfaces = 0
            try:
                for _ in range(2):
                    assert hept_map(address, samr, protocol="ncacn_ip_tcp", dce=session)
                    session.alter_ctx(mgmt.MSRPC_UUID_MGMT)
                    interfaces += session.request(mgmt.inq_if_ids())["if_id_vector"]["count"]
                    session.bind(MSRPC_UUID_PORTMAP)
            except DCERPCException:
                pass
            session.pipe.disconnect()
        return trace, interfaces, session.pipe.fault

    def test_takes_one_logon_for_several_interfaces(self, lab: Lab) -> None:
        server = lab.samba("rpc")
        trace, interfaces, fault = lab.agent.run(self.mapper, server.address, server.user, PASSWORD)
        assert fault is None
        assert interfaces >= 4
        assert trace.logons == 1

    def test_counts_one_wrong_password(self, lab: Lab) -> None:
        server = lab.samba("rpc")
        before = server.wrong_passwords("careless")
        trace, interfaces, fault = lab.agent.run(self.mapper, server.address, "careless", "wrong")
        assert fault is not None
        assert (trace.logons, interfaces) == (1, 0)
        assert server.wrong_passwords("careless") == before + 1

    def test_is_no_windows(self, lab: Lab) -> None:
        server = lab.samba("rpc")
        with pytest.raises(Failure, match="abstract_syntax_not_supported"):
            visit(lab, server)
        assert server.wrong_passwords(server.user) == 0

    @pytest.mark.parametrize(
        ("variant", "share", "text"),
        [
            ("smb3", "finance", "ADMIN$ can be opened"),
            ("smb3", "board", "scanuser may not open ADMIN$: a scan cannot copy its engine there"),
            ("smb3", "ADMIN$", "the host has no ADMIN$, so a scan cannot copy its engine there"),
            ("encrypted", "finance", "ADMIN$ can be opened"),
            ("smb1", "finance", "ADMIN$ was not tested: "),
        ],
    )
    def test_share(self, lab: Lab, variant: str, share: str, text: str) -> None:
        server, trace = lab.samba(variant), Trace()

        def look() -> str:
            deadline = time.monotonic() + PLENTY
            with Watchdog(deadline) as watchdog:
                credential = Credential("c", server.user, PASSWORD)
                return login_admin_share.look(server.address, credential, deadline, watchdog, trace, share=share)

        assert lab.agent.run(look).startswith(text)
        assert trace.logons == (variant != "smb1")
