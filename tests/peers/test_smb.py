"""`smb` at impacket's smbserver in its modes, beside what smbclient gets."""

from __future__ import annotations

import pytest

from fixtures.lab.lab import Lab
from fixtures.lab.smb_peers import MODES, SmbServer
from scanready.model import Credential, Owner, Step, Verdict
from tests.ladder import account, climb, expect, story, target
from tests.peers.running import running, says

ME, WRONG = account("scanuser"), account("scanuser", "wrong")


def smbserver(lab: Lab, mode: str) -> SmbServer:
    return running(lab, SmbServer, f"smbserver-{mode}", lambda host, own: SmbServer(host, own, mode))


def by_smbclient(lab: Lab, server: SmbServer, credential: Credential, newest: str) -> tuple[bool, str]:
    """List the share with smbclient, in no newer dialect; by address, for it keeps names from one run to the next."""
    who = f"{credential.username}%{credential.password}"
    options = ("-p", "445", "-m", newest, "--option=client min protocol=NT1", "-c", "ls")
    return says(lab, "smbclient", f"//{server.address}/FINANCE", "-U", who, *options)


@pytest.mark.parametrize("mode", sorted(MODES))
def test_up_to_the_prompt(lab: Lab, mode: str) -> None:
    server = smbserver(lab, mode)
    report = climb(target("smb", server.hostname), lab.agent)
    if "smb1" in mode:
        expect(report, Verdict.LIMITED, "smb.smb1-only", step=Step.HANDSHAKE, owner=Owner.SERVER)
    else:
        expect(report, Verdict.READY)
    assert not {"os", "product", "version"} & set(report.facts), "a version of 0xff in all octets is no Windows"
    assert report.footprint.login_attempts == 0


@pytest.mark.parametrize(
    ("mode", "credential", "verdict", "code", "step", "owner"),
    [
        ("smb2", ME, Verdict.SCANNABLE, None, None, None),
        ("smb2", WRONG, Verdict.BLOCKED, "login.refused", Step.LOGIN, Owner.IDENTITY),
        ("smb1", ME, Verdict.LIMITED, "smb.smb1-only", Step.HANDSHAKE, Owner.SERVER),
        ("smb1", WRONG, Verdict.BLOCKED, "login.refused", Step.LOGIN, Owner.IDENTITY),
        ("guest", ME, Verdict.LIMITED, "smb.guest", Step.LOGIN, Owner.SERVER),
        ("guest", WRONG, Verdict.LIMITED, "smb.guest", Step.LOGIN, Owner.SERVER),
    ],
)
def test_with_a_password(
    lab: Lab,
    mode: str,
    credential: Credential,
    verdict: Verdict,
    code: str | None,
    step: Step | None,
    owner: Owner | None,
) -> None:
    server = smbserver(lab, mode)
    where = target("smb", server.hostname, None, credential, share="FINANCE")
    report = expect(climb(where, lab.agent), verdict, code, step=step, owner=owner)
    assert report.footprint.login_attempts == 1
    got, printed = by_smbclient(lab, server, credential, "NT1" if "smb1" in mode else "SMB3")
    assert got is (verdict is not Verdict.BLOCKED), f"{printed}\n{story(report)}"


def test_smbclient_agrees_that_it_is_smb1_only(lab: Lab) -> None:
    argv = (
        "smbclient",
        f"//{smbserver(lab, 'smb1').address}/FINANCE",
        "-p",
        "445",
        "-U",
        "scanuser%Passw0rd!",
        "-c",
        "ls",
    )
    got, printed = says(lab, *argv, "-m", "SMB3", "--option=client min protocol=SMB2_02")
    assert not got, printed
