"""SMB up to the login prompt, against servers of literal bytes: answers that no real server at hand gives."""

from __future__ import annotations

import asyncio
import struct
from dataclasses import replace

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Server, Writer, in_background, misbehave, serve, smb, ssh
from fixtures.emulators.smb import HEALTHY, OLD_SAMBA, OLD_WINDOWS, WINDOWS, Answers
from scanready.model import Outcome, Owner, Report, Step, Target, Verdict
from scanready.run.engine import Run, verify
from scanready.run.settings import Settings
from scanready.wire import ntlm, spnego
from tests.interrupted import cancelled
from tests.ladder import PLENTY, WAIT, check_of, climb, expect, finding_of, passed, story, target

#: The ends of a connection (``Record.ended``) that a server does not log as a fault of the client.
POLITELY = ("fin", "closed-by-us")


def asked(behaviour: Behaviour | Answers, depth: Step = Step.ACCESS, timeout: float = PLENTY) -> tuple[Report, Server]:
    """Climb once, and assert that the server recorded no offence, such as bytes that are not SMB."""
    played = smb.server(behaviour) if isinstance(behaviour, Answers) else behaviour
    with in_background(played) as server:
        report = climb(target("smb", "127.0.0.1", server.port), depth=depth, timeout=timeout)
        server.wait(len(server.connections))
    assert not server.offences, story(report)
    return report, server


# The prompt -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "facts"),
    [
        (
            HEALTHY,
            {
                "product": "Samba",
                "dialect": "SMB 3.1.1",
                "signing": "enabled",
                "encryption": "AES-128-GCM",
                "server_name": "vm",
                "netbios_name": "SMBLABB",
                "auth_methods": ["NTLM"],
                "server_guid": "6c626d73-6261-0062-0000-000000000000",
            },
        ),
        (
            WINDOWS,
            {
                "product": "Windows",
                "os": "Windows Server 2019 or Windows 10 1809 (10.0.17763)",
                "version": "10.0.17763",
                "server_name": "fs01.corp.example",
                "netbios_name": "FS01",
                "domain": "corp.example",
                "forest": "example",
                "auth_methods": ["NEGOEX", "Kerberos", "Kerberos user-to-user", "NTLM"],
                "server_guid": "b3a0e7d1-f5c4-4ae6-a1b2-c3d4e5f60718",
            },
        ),
        (replace(HEALTHY, negotiate=smb.SAMBA_SIGNING), {"signing": "required"}),
        (replace(HEALTHY, negotiate=smb.SAMBA_202), {"dialect": "SMB 2.0.2", "encryption": "none"}),
        (
            replace(WINDOWS, negotiate=smb.WINDOWS_302),
            {"dialect": "SMB 3.0.2", "encryption": "AES-128-CCM", "signing": "required"},
        ),
        (Answers(smb.DC_NEGOTIATE, smb.DC_CHALLENGE), {"domain": "lab.example", "auth_methods": ["Kerberos", "NTLM"]}),
    ],
    ids=["samba", "windows", "signing", "2.0.2", "3.0.2", "domain controller"],
)
def test_the_prompt_is_ready(answers: Answers, facts: dict[str, object]) -> None:
    report, server = asked(answers)
    expect(report, Verdict.READY)
    passed(report, Step.CONNECT, Step.HANDSHAKE, Step.AUTH)
    assert {name: report.facts[name] for name in facts} == facts
    assert abs(report.facts["clock_skew_seconds"]) <= 2
    assert (report.footprint.connections, report.footprint.login_attempts, report.footprint.probe_logins) == (1, 0, 0)
    assert server.counts == {"negotiations": 1, "prompts": 1}
    assert server.connections[0].ended in POLITELY


def test_we_name_ourselves_and_nobody_else() -> None:
    _, server = asked(HEALTHY)
    sent = server.connections[0].received
    assert b"SCANREADY" in sent
    assert sent.count(b"NTLMSSP\0\x01") == 1
    assert b"NTLMSSP\0\x03" not in sent


@pytest.mark.parametrize("depth", [Step.CONNECT, Step.HANDSHAKE])
def test_a_lesser_depth_ends_politely(depth: Step) -> None:
    report, server = asked(HEALTHY, depth)
    expect(report, Verdict.UNDECIDED, "scanready.depth-limited")
    assert server.connections[0].ended in POLITELY
    assert server.counts["prompts"] == 0


def test_an_interim_answer_is_waited_out() -> None:
    report, server = asked(replace(WINDOWS, challenge=smb.PENDING + smb.WINDOWS_CHALLENGE))
    expect(report, Verdict.READY)
    assert server.counts["prompts"] == 1


def test_interim_answers_without_end() -> None:
    report, _ = asked(replace(WINDOWS, challenge=smb.PENDING * 500))
    expect(report, Verdict.UNDECIDED, "smb.refused", step=Step.AUTH)


def test_a_challenge_without_spnego() -> None:
    """Raw NTLMSSP, as some devices answer."""
    whole = smb.WINDOWS_CHALLENGE
    token = whole[whole.index(b"NTLMSSP") :]
    body = struct.pack("<HHHH", 9, 0, 72, len(token)) + token
    message = whole[4:68] + body
    report, _ = asked(replace(WINDOWS, challenge=len(message).to_bytes(4) + message))
    expect(report, Verdict.READY)
    assert report.facts["netbios_name"] == "FS01"


def without_mechanisms(whole: bytes) -> bytes:
    return whole[: 4 + 64 + 58] + b"\0\0" + whole[4 + 64 + 60 :]


def test_mechanisms_that_are_not_told() -> None:
    """Windows may leave the choice to its client: no token in the negotiation."""
    report, _ = asked(replace(HEALTHY, negotiate=without_mechanisms(smb.SAMBA_202)))
    expect(report, Verdict.READY)
    assert report.facts["auth_methods"] == ["NTLM"]


def test_two_shares_of_one_server_are_one_handshake() -> None:
    async def both() -> tuple[list[Report], Server]:
        async with serve(smb.samba) as server, Run(Settings(canary=False)) as run:
            where = [Target("127.0.0.1", "smb", server.port, {"share": share}) for share in ("hr", "finance")]
            reports = [report async for report in run.results(where)]
            await server.ended(len(server.connections))
        return reports, server

    reports, server = asyncio.run(both())
    for report in reports:
        expect(report, Verdict.READY)
    assert len(server.connections) == 1


# The clock ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("skew", "way"), [(-600, "behind"), (3600, "ahead of")])
def test_a_clock_that_kerberos_does_not_take(skew: int, way: str) -> None:
    report, _ = asked(replace(WINDOWS, skew=skew))
    expect(report, Verdict.LIMITED, "smb.clock-skew", step=Step.AUTH, owner=Owner.SERVER)
    assert abs(report.facts["clock_skew_seconds"] - skew) <= 2
    assert way in check_of(report, Step.AUTH).summary


def test_a_clock_that_only_ntlm_sees_is_a_fact() -> None:
    report, _ = asked(replace(HEALTHY, skew=7200))
    expect(report, Verdict.READY)
    assert abs(report.facts["clock_skew_seconds"] - 7200) <= 2
    assert "does not affect NTLM" in check_of(report, Step.AUTH).summary


def test_four_minutes_are_in_step() -> None:
    report, _ = asked(replace(WINDOWS, skew=240))
    expect(report, Verdict.READY)


# SMB 1 ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
def test_smb1_only(reset: bool) -> None:
    """A server with only SMB 1 closes the connection on a negotiation of SMB 2, with FIN or RST."""
    played = smb.server(OLD_WINDOWS)

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        await played(reader, writer, record)
        if reset and not record.counts["smb1-negotiations"]:
            record.reset()

    report, server = asked(behaviour)
    expect(report, Verdict.LIMITED, "smb.smb1-only", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert report.facts["dialect"] == "SMB 1 (NT LM 0.12)"
    assert report.facts["signing"] == "required"
    assert report.facts["encryption"] == "none"
    assert report.facts["os"] == "Windows Server 2003 3790 Service Pack 2"
    assert report.facts["server_name"] == "old.corp.example"
    assert report.finding is not None
    assert report.finding.fix is None, "a Windows of that age has no SMB 2 to be switched on"
    assert server.counts == {"negotiations": 1, "smb1-negotiations": 1, "prompts": 1}
    assert len(server.connections) == 2


def test_smb1_only_samba_has_a_fix() -> None:
    report, _ = asked(OLD_SAMBA)
    expect(report, Verdict.LIMITED, "smb.smb1-only", fix="server min protocol = SMB2_02")
    assert (report.facts["product"], report.facts["version"]) == ("Samba", "4.17.12-Debian")
    assert "os" not in report.facts, "the Windows 6.1 that Samba tells of itself is none"


@pytest.mark.parametrize(
    ("version", "fix"), [((6, 3, 9600), "-EnableSMB2Protocol $true"), ((6, 1, 7601), "SMB2 -Type")]
)
def test_a_newer_windows_has_smb2_to_be_switched_on(version: tuple[int, int, int], fix: str) -> None:
    major, minor, build = version
    at = smb.WINDOWS_2003_CHALLENGE.index(b"NTLMSSP") + 48
    whole = bytearray(smb.WINDOWS_2003_CHALLENGE)
    whole[at : at + 4] = struct.pack("<BBH", major, minor, build)
    report, _ = asked(replace(OLD_WINDOWS, again=(smb.WINDOWS_2003, bytes(whole))))
    expect(report, Verdict.LIMITED, "smb.smb1-only", fix=fix)


def test_smb1_in_answer_to_smb2() -> None:
    report, server = asked(replace(OLD_SAMBA, negotiate=smb.SMB1_REFUSED))
    expect(report, Verdict.LIMITED, "smb.smb1-only")
    assert "answers SMB 2 with SMB 1" in check_of(report, Step.HANDSHAKE).summary
    assert len(server.connections) == 2


def test_smb1_only_behind_silence() -> None:
    report, server = asked(replace(OLD_SAMBA, negotiate=None), timeout=WAIT)
    expect(report, Verdict.LIMITED, "smb.smb1-only")
    assert len(server.connections) == 2


def test_windows_nt_has_its_challenge_in_the_negotiation() -> None:
    report, server = asked(replace(OLD_SAMBA, again=(smb.WINDOWS_NT4, b"")))
    expect(report, Verdict.LIMITED, "smb.smb1-only")
    assert (report.facts["server_name"], report.facts["domain"]) == ("NT4", "CORP")
    assert report.facts["auth_methods"] == ["NTLM"]
    assert abs(report.facts["clock_skew_seconds"]) <= 2
    assert server.counts["prompts"] == 0


def test_shares_with_passwords_of_their_own() -> None:
    report, _ = asked(replace(OLD_SAMBA, again=(smb.SHARE_LEVEL, b"")))
    expect(report, Verdict.LIMITED, "smb.smb1-only")
    assert report.facts["auth_methods"] == ["share passwords"]


def test_the_names_of_a_server_of_old_are_asked_for_and_its_datagrams_are_not_passed() -> None:
    report, _ = asked(OLD_SAMBA)
    told = {check.endpoint: check for check in report.checks if check.endpoint.endswith("/udp")}
    assert told["127.0.0.1:137/udp"].outcome is Outcome.SKIPPED
    assert "no service listens" in told["127.0.0.1:137/udp"].summary
    assert told["127.0.0.1:138/udp"].outcome is Outcome.SKIPPED
    assert "cannot be checked" in told["127.0.0.1:138/udp"].summary


def test_a_modern_server_is_not_asked_for_netbios() -> None:
    report, _ = asked(WINDOWS)
    assert not [check for check in report.checks if check.endpoint.rpartition(":")[2][:3] in ("137", "138", "139")]


# Refusals before anybody is named -------------------------------------------------------------------------------------


def test_neither_smb2_nor_smb1() -> None:
    report, server = asked(replace(HEALTHY, negotiate=b""))
    expect(report, Verdict.BLOCKED, "smb.no-common-dialect", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert len(server.connections) == 3


@pytest.mark.parametrize("first", [b"", None], ids=["hangs up", "is silent"])
def test_a_server_that_does_not_answer_the_first_time_is_asked_again(first: bytes | None) -> None:
    """A busy one: to refuse SMB 1 it must speak SMB 2."""
    turns = iter([smb.server(replace(HEALTHY, negotiate=first)), *[smb.server(HEALTHY)] * 2])

    async def in_turn(reader: Reader, writer: Writer, record: Record) -> None:
        await next(turns)(reader, writer, record)

    report, server = asked(in_turn)
    expect(report, Verdict.READY)
    assert report.facts["dialect"] == "SMB 3.1.1"
    assert server.counts == {"negotiations": 2, "smb1-negotiations": 1, "prompts": 1}


def test_silence_to_smb2_alone_is_slowness() -> None:
    """Somebody is there, for he refuses SMB 1 in SMB's words: no SYN proxy, and nothing of the network's."""
    report, _ = asked(replace(HEALTHY, negotiate=None), timeout=WAIT)
    expect(report, Verdict.UNDECIDED, "handshake.too-slow", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert "rejects SMB 1" in story(report)


def test_no_dialect_in_common() -> None:
    report, server = asked(replace(HEALTHY, negotiate=smb.NO_DIALECT))
    expect(report, Verdict.BLOCKED, "smb.no-common-dialect", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert server.counts == {"negotiations": 1, "smb1-negotiations": 1}, "no dialect is denied that was not offered"


def test_a_server_of_smb2_that_answers_smb1_in_its_own_words() -> None:
    """It refuses both, each time in SMB 2: that is no broken SMB 1."""

    async def refuses(reader: Reader, writer: Writer, record: Record) -> None:
        head = await reader.readexactly(4)
        await reader.readexactly(int.from_bytes(head[2:]))
        writer.write(smb.NO_DIALECT)

    report, _ = asked(refuses)
    expect(report, Verdict.BLOCKED, "smb.no-common-dialect", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert "it also rejects SMB 1" in finding_of(report).detail


def test_a_server_of_smb1_that_refuses_smb2_in_words() -> None:
    report, _ = asked(replace(smb.OLD_SAMBA, negotiate=smb.NO_DIALECT))
    expect(report, Verdict.LIMITED, "smb.smb1-only", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert "rejects the dialects 2.0.2 to 3.1.1" in check_of(report, Step.HANDSHAKE).summary


def test_smb1_unanswered_is_not_denied() -> None:
    report, _ = asked(replace(HEALTHY, negotiate=smb.NO_DIALECT, again=(None, b"")), timeout=WAIT)
    expect(report, Verdict.UNDECIDED, "handshake.too-slow", step=Step.HANDSHAKE, owner=Owner.SERVER)


def test_a_server_of_smb1_only_that_refuses_in_smb2() -> None:
    """impacket's smbserver does so: what was not asked for is not denied."""
    only = replace(OLD_WINDOWS, negotiate=smb.NO_DIALECT)
    report, server = asked(only)
    expect(report, Verdict.LIMITED, "smb.smb1-only", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert "rejects the dialects" in finding_of(report).detail
    assert server.counts["smb1-negotiations"] == 1


def test_the_agent_is_denied() -> None:
    report, server = asked(smb.host_denied)
    fix = "hosts allow = 127.0.0.1"
    expect(report, Verdict.BLOCKED, "smb.host-denied", step=Step.HANDSHAKE, owner=Owner.SERVER, fix=fix)
    assert len(server.connections) == 1


def status(whole: bytes, number: int) -> bytes:
    return whole[:12] + number.to_bytes(4, "little") + whole[16:]


@pytest.mark.parametrize(
    ("answers", "verdict", "code", "step"),
    [
        (replace(HEALTHY, challenge=smb.NOT_ACCEPTED), Verdict.UNDECIDED, "handshake.throttled", Step.HANDSHAKE),
        (
            replace(HEALTHY, negotiate=status(smb.NO_DIALECT, 0xC00000D0)),
            Verdict.UNDECIDED,
            "handshake.throttled",
            Step.HANDSHAKE,
        ),
        (
            replace(HEALTHY, challenge=status(smb.ACCESS_DENIED, 0xC000009A)),
            Verdict.UNDECIDED,
            "smb.server-trouble",
            Step.AUTH,
        ),
        (
            replace(HEALTHY, negotiate=status(smb.NO_DIALECT, 0xC000000D)),
            Verdict.UNDECIDED,
            "smb.refused",
            Step.HANDSHAKE,
        ),
        (
            replace(HEALTHY, challenge=status(smb.ACCESS_DENIED, 0xC0001234)),
            Verdict.UNDECIDED,
            "smb.refused",
            Step.AUTH,
        ),
        (
            replace(HEALTHY, negotiate=status(smb.NO_DIALECT, 0xC05D0000)),
            Verdict.BLOCKED,
            "smb.no-common-dialect",
            Step.HANDSHAKE,
        ),
    ],
)
def test_other_refusals(answers: Answers, verdict: Verdict, code: str, step: Step) -> None:
    report, _ = asked(answers)
    expect(report, verdict, code, step=step)


# NTLM -----------------------------------------------------------------------------------------------------------------


def test_kerberos_only() -> None:
    report, server = asked(smb.kerberos_only)
    expect(report, Verdict.LIMITED, "smb.ntlm-disabled", step=Step.AUTH, owner=Owner.SERVER)
    assert report.facts["auth_methods"] == ["Kerberos"]
    assert "Kerberos needs the server's name in place of the address 127.0.0.1" in check_of(report, Step.AUTH).summary
    assert server.counts["prompts"] == 0, "what it does not take is not tried"


@pytest.mark.parametrize("refusal", [smb.ACCESS_DENIED, smb.NOT_SUPPORTED, smb.NTLM_BLOCKED])
def test_ntlm_is_offered_and_refused(refusal: bytes) -> None:
    report, _ = asked(replace(WINDOWS, challenge=refusal))
    expect(report, Verdict.LIMITED, "smb.ntlm-disabled", step=Step.AUTH, owner=Owner.SERVER)
    assert "NTLM" not in report.facts["auth_methods"]
    assert "Kerberos" in report.facts["auth_methods"]
    report, _ = asked(replace(HEALTHY, challenge=refusal))
    expect(report, Verdict.BLOCKED, "smb.no-login-possible", step=Step.AUTH, owner=Owner.SERVER)
    report, _ = asked(replace(HEALTHY, negotiate=without_mechanisms(smb.SAMBA_202), challenge=refusal))
    expect(report, Verdict.UNDECIDED, "smb.refused", step=Step.AUTH)


def test_ntlm_is_refused_in_smb1() -> None:
    report, _ = asked(replace(OLD_SAMBA, again=(smb.SAMBA_SMB1, smb.SMB1_DENIED)))
    expect(report, Verdict.BLOCKED, "smb.no-login-possible", step=Step.AUTH)


def test_spnego_says_no() -> None:
    rejected = bytes.fromhex("a1073005a0030a0102")
    body = struct.pack("<HHHH", 9, 0, 72, len(rejected)) + rejected
    message = smb.WINDOWS_CHALLENGE[4:68] + body
    report, _ = asked(replace(WINDOWS, challenge=len(message).to_bytes(4) + message))
    expect(report, Verdict.LIMITED, "smb.ntlm-disabled")
    assert "reject" in check_of(report, Step.AUTH).summary


@pytest.mark.parametrize(
    "answers",
    [
        replace(WINDOWS, negotiate=smb.WINDOWS_NEGOTIATE.replace(b"\x60\x76\x06\x06", b"\x60\x7f\x06\x06")),
        replace(WINDOWS, challenge=smb.WINDOWS_CHALLENGE.replace(b"NTLMSSP\0\x02", b"NTLMSSP\0\x07")),
        replace(WINDOWS, challenge=smb.WINDOWS_CHALLENGE.replace(b"\xa1\x81\xd8", b"\xa1\x81\xff")),
    ],
)
def test_a_broken_token(answers: Answers) -> None:
    report, _ = asked(answers)
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.AUTH, owner=Owner.SCANREADY)
    assert "SMB" in check_of(report, Step.AUTH).summary, "with what it said"


def test_a_login_that_nobody_made() -> None:
    report, _ = asked(replace(WINDOWS, challenge=status(smb.WINDOWS_CHALLENGE, 0)))
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.AUTH)


# Other peers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "code", "owner", "connections"),
    [
        (misbehave.silent, "handshake.silent", Owner.NETWORK, 2),
        (misbehave.closes_at_once, "handshake.hung-up", Owner.SERVER, 2),
        (misbehave.resets, "handshake.hung-up", Owner.SERVER, 2),
        (misbehave.says(b"220 mail.example ESMTP Postfix\r\n"), "handshake.other-protocol", Owner.OPERATOR, 1),
        (ssh.openssh_9_2, "handshake.other-protocol", Owner.OPERATOR, 1),
        (misbehave.says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "handshake.other-protocol", Owner.OPERATOR, 1),
        (misbehave.garbage(3), "handshake.other-protocol", Owner.OPERATOR, 1),
        (misbehave.says(b"\0\xff\xff\xff\xfeSMB"), "handshake.malformed", Owner.SERVER, 1),
        (misbehave.says(b"\0\0\0\x50\xfeSMB" + bytes(76)), "handshake.malformed", Owner.SERVER, 1),
        (misbehave.says_and_closes(smb.SAMBA_NEGOTIATE[:150]), "handshake.broken-off", Owner.SERVER, 1),
        (misbehave.says(smb.SESSION), "handshake.malformed", Owner.SERVER, 1),
        (misbehave.endless(bytes(16384), b"\0\1\xff\xff\xfeSMB"), "handshake.malformed", Owner.SERVER, 1),
    ],
)
def test_who_is_no_smb_server(behaviour: Behaviour, code: str, owner: Owner, connections: int) -> None:
    with in_background(behaviour) as server:
        report = climb(target("smb", "127.0.0.1", server.port), timeout=WAIT)
    expect(report, Verdict.BLOCKED, code, step=Step.HANDSHAKE, owner=owner)
    assert len(server.connections) == connections, story(report)


def test_a_drip_is_out_of_time_and_blames_nobody() -> None:
    with in_background(misbehave.drips(smb.SAMBA_NEGOTIATE, 0.3)) as server:
        report = climb(target("smb", "127.0.0.1", server.port), timeout=WAIT)
    expect(report, Verdict.UNDECIDED, "handshake.too-slow", step=Step.HANDSHAKE)


def test_a_session_that_breaks_off_at_the_prompt() -> None:
    report, _ = asked(replace(HEALTHY, challenge=b""))
    expect(report, Verdict.UNDECIDED, "smb.broken-off", step=Step.AUTH)
    report, _ = asked(replace(HEALTHY, challenge=None), timeout=WAIT)
    expect(report, Verdict.UNDECIDED, "auth.too-slow", step=Step.AUTH)


def test_a_short_time_calls_nobody_silent() -> None:
    with in_background(misbehave.silent) as server:
        report = climb(target("smb", "127.0.0.1", server.port), timeout=1.7)
    expect(report, Verdict.UNDECIDED, "scanready.out-of-time")


def test_a_guess_does_not_come_twice() -> None:
    """A guessed port gets no second question in SMB 1."""

    async def run() -> int:
        async with serve(misbehave.closes_at_once) as server:
            await verify(Target("127.0.0.1", "smb", server.port, guessed=True))
            await server.ended()
        return len(server.connections)

    assert asyncio.run(run()) == 1


def test_cancelled_anywhere_it_ends_politely() -> None:
    async def run() -> None:
        pieces = 4
        for at in range(1, pieces + 1):
            async with serve(smb.samba) as server:
                await cancelled(target("smb", "127.0.0.1", server.port), at)
                await server.ended()
            assert server.connections[0].ended in POLITELY

    asyncio.run(run())


def test_the_token_we_send_is_read_by_our_own_reader() -> None:
    assert spnego.read_offer(spnego.offer_ntlm(ntlm.NEGOTIATE)).mechanisms == ("NTLM",)
