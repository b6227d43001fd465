"""Refusals of NFS servers at raw bytes that are not about the export, or not about the user that a scan would be."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from fixtures.emulators import in_background
from scanready.model import Owner, Report, Step, Verdict
from tests.ladder import climb, expect, finding_of, target

from .test_nfs import DONE, HEALTHY, MOUNTD, NFS, ROOT, asked, exported, fourth

ACCES = DONE + struct.pack(">I", 13)
MINOR_MISMATCH = 10021


def root_answers(status: int, **options: Any) -> Report:
    """Climb to an NFSv4 server that answers each COMPOUND with this status; operation 0 is PUTROOTFH (24)."""
    answer = DONE + struct.pack(">III", status, 0, 0)
    with in_background(fourth(answer)) as server:
        return climb(target("nfs", "127.0.0.1", server.port, nfs_version=4, **options))


@ROOT
@pytest.mark.parametrize("export", [{}, {"export": "/home"}])
def test_a_root_that_is_denied_to_an_unnamed_user_decides_nothing(export: dict[str, str]) -> None:
    report = root_answers(13, **export)
    expect(report, Verdict.UNDECIDED, "auth.identity-invented", owner=Owner.OPERATOR)
    assert finding_of(report).fix is None, "an export of / with no_root_squash opens the server"


@ROOT
def test_a_root_that_is_denied_to_the_targets_user_limits() -> None:
    report = expect(root_answers(13, uid=0), Verdict.LIMITED, "access.denied", owner=Owner.SERVER)
    assert finding_of(report).fix is None


@ROOT
def test_a_denied_root_does_not_hide_what_is_said_of_the_export() -> None:
    report = root_answers(13, uid=1000, export="/home")
    expect(report, Verdict.LIMITED, "access.denied", step=Step.ACCESS, owner=Owner.SERVER)


@ROOT
def test_a_server_without_a_root_gets_no_line_that_exports_its_root() -> None:
    report = expect(root_answers(2), Verdict.BLOCKED, "nfs.export-hidden", owner=Owner.SERVER)
    assert finding_of(report).fix is None


def test_a_server_whose_minor_versions_are_all_unknown() -> None:
    report = expect(root_answers(MINOR_MISMATCH), Verdict.BLOCKED, "nfs.version-not-offered")
    assert "it offers NFS 4, but none of the minor versions 0, 1, 2" in finding_of(report).detail


def mounted(*flavors: int) -> bytes:
    handle = struct.pack(">II8s", 0, 8, b"handle..")
    return DONE + handle + struct.pack(f">I{len(flavors)}I", len(flavors), *flavors)


@pytest.mark.parametrize(
    ("flavors", "verdict", "code"),
    [
        ((390003,), Verdict.BLOCKED, "nfs.kerberos-only"),
        ((3, 390005), Verdict.BLOCKED, "nfs.kerberos-only"),
        ((3,), Verdict.UNDECIDED, "scanready.limit"),  # Diffie-Hellman
        ((6,), Verdict.UNDECIDED, "scanready.limit"),  # GSS, of no named mechanism
        ((390006,), Verdict.UNDECIDED, "scanready.limit"),  # SPKM-3
    ],
)
def test_flavors_in_place_of_sys(
    monkeypatch: pytest.MonkeyPatch, flavors: tuple[int, ...], verdict: Verdict, code: str
) -> None:
    expect(asked(monkeypatch, HEALTHY | {(MOUNTD, 1): mounted(*flavors)}), verdict, code)


def test_a_size_that_is_too_small_is_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    report = asked(monkeypatch, HEALTHY | {(NFS, 16): DONE + struct.pack(">II", 10005, 0)}, uid=1000)
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.ACCESS, owner=Owner.SCANREADY)
    assert "TOOSMALL" in finding_of(report).detail


@pytest.mark.parametrize("status", [10005, 10036, 10044])
def test_a_call_that_version_4_does_not_understand(status: int) -> None:
    expect(root_answers(status), Verdict.UNDECIDED, "scanready.limit", owner=Owner.SCANREADY)


@ROOT
@pytest.mark.parametrize("group", ["*", "(everyone)", "0.0.0.0/0", "127.0.0.0/8"])
def test_a_list_that_includes_the_agent_is_not_told_as_one_for_others(
    monkeypatch: pytest.MonkeyPatch, group: str
) -> None:
    answers = HEALTHY | {(MOUNTD, 1): ACCES, (MOUNTD, 5): exported("/finance", group)}
    expect(asked(monkeypatch, answers), Verdict.BLOCKED, "nfs.export-hidden", owner=Owner.SERVER)


@ROOT
@pytest.mark.parametrize("group", ["@trusted", "*.corp", "db7.corp"])
def test_a_list_of_names_may_leave_the_agent_out(monkeypatch: pytest.MonkeyPatch, group: str) -> None:
    answers = HEALTHY | {(MOUNTD, 1): ACCES, (MOUNTD, 5): exported("/finance", group)}
    expect(asked(monkeypatch, answers), Verdict.BLOCKED, "nfs.export-not-for-agent", owner=Owner.SERVER)
