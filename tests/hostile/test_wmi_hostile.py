"""The WMI login against hosts that break the rules; see test_wmi_login.py for what the emulator is."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from fixtures.emulators import Behaviour, dcom, in_background, misbehave
from fixtures.emulators.dcom import HEALTHY
from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.targets.windows import causes, login
from scanready.targets.windows.login_dcom import MOST
from tests.ladder import WAIT, in_time
from tests.targets.windows.wmi_peers import account, denied, nothing_stays, visit, where

__all__ = ["nothing_stays"]


class TestHostile:
    @pytest.mark.parametrize("stage", dcom.STAGES)
    def test_it_hangs_up(self, stage: str) -> None:
        with dcom.in_background(f"closes-at-{stage}") as host:
            try:
                failure = visit(host).denied
            except Failure as told:
                failure = told
        assert failure is not None
        assert failure.cause is causes.BROKEN_OFF

    @pytest.mark.parametrize("stage", ["alive", "activation", "next"])
    def test_it_never_stops(self, stage: str) -> None:
        with dcom.in_background(f"floods-{stage}") as host:
            try:
                failure = visit(host).denied
            except Failure as told:
                failure = told
        assert failure is not None
        assert failure.cause is common.LIMIT
        assert f"more than {MOST} octets" in failure.detail

    @pytest.mark.parametrize(
        "behaviour",
        [
            misbehave.says(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
            misbehave.says(b"\x05\x00\x0c\x03\x10\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00"),  # a length of nothing
            misbehave.says(b"\x05\x00\x0c\x03\x10\x00\x00\x00\x18\x00\xff\xff\x01\x00\x00\x00" + bytes(8)),
            misbehave.garbage(seed=7),
            misbehave.closes_at_once,
            misbehave.resets,
        ],
        ids=["http", "no-length", "absurd-authentication", "garbage", "closes", "resets"],
    )
    def test_it_is_no_windows(self, behaviour: Behaviour) -> None:
        with in_background(behaviour) as server, pytest.raises(Failure) as failure:
            login.visit(where(server.port), account(), 3)
        assert failure.value.cause in (causes.BROKEN_OFF, causes.WMI_ERROR, common.LIMIT)

    @pytest.mark.parametrize("seed", range(12))
    def test_its_object_is_nonsense(self, seed: int) -> None:
        chance = random.Random(seed)
        noise = bytearray(HEALTHY.os)
        for _ in range(1 + seed % 6):
            noise[chance.randrange(4, len(noise))] = chance.choice((0, 0xFF, chance.randrange(256)))
        with dcom.in_background(replace(HEALTHY, os=bytes(noise))) as host:
            result = visit(host)
        assert result.denied is None or result.denied.cause in (common.LIMIT, causes.WMI_ERROR)

    @pytest.mark.parametrize("seed", range(6))
    @pytest.mark.parametrize("stage", ["bind", "alive", "activation", "login", "query", "next", "release"])
    def test_its_answer_is_nonsense(self, stage: str, seed: int) -> None:
        with dcom.in_background(replace(HEALTHY, mangles=stage, seed=seed)) as host:
            try:
                failure = visit(host, seconds=3).denied
            except Failure as told:
                failure = told
        assert failure is None or failure.cause is not common.BUG
        assert host.counts["logons"] <= 2

    def test_its_object_cannot_be_read(self) -> None:
        with dcom.in_background(replace(HEALTHY, os=b"\x78\x56\x34\x12\xff\xff\xff\x7f")) as host:
            failure = denied(host)
        assert failure.cause is common.LIMIT
        assert "impacket cannot read the answer" in failure.detail


class TestAdminShare:
    def test_is_not_looked_at_where_445_is_closed(self) -> None:
        with dcom.in_background("dynamic-port-closed") as other, dcom.in_background("healthy") as host:
            there = replace(where(host.mapper.port), smb_port=other.wmi_port)
            result = login.visit(there, account(), 8)
        assert result.denied is None
        assert result.advice == (
            f"ADMIN$ was not tested: port {other.wmi_port} cannot be reached ([Errno 111] Connection refused); "
            "a scan may need it"
        )
        assert there.trace.logons == 2

    @pytest.mark.parametrize(
        "behaviour",
        [
            misbehave.silent,
            misbehave.closes_at_once,
            misbehave.garbage(3),
            misbehave.drips(b"\0\0\1\0" + bytes(256), 0.1),
        ],
        ids=["silent", "closes", "garbage", "drips"],
    )
    def test_never_decides(self, behaviour: Behaviour) -> None:
        with dcom.in_background("healthy") as host, in_background(behaviour) as smb, in_time(WAIT):
            result = login.visit(replace(where(host.mapper.port), smb_port=smb.port), account(), WAIT)
        assert result.denied is None
        assert result.advice.startswith("ADMIN$ was not tested: ")

    def test_is_not_looked_at_after_a_denial(self) -> None:
        with dcom.in_background("namespace-denied") as host, in_background(misbehave.silent) as smb:
            assert login.visit(replace(where(host.mapper.port), smb_port=smb.port), account(), 8).advice == ""
        assert smb.connections == []
