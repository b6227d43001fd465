"""The SMB login against peers of literal bytes: every status at every stage, one attempt, and peers that stall."""

from __future__ import annotations

import struct
import sys
from typing import Any

import pytest

from fixtures.emulators import Server
from scanready.causes import common, nt
from scanready.clients import nt_status
from scanready.climb.explain import Failure
from scanready.model import Cause, Credential, Owner
from scanready.targets.smb import login
from tests.ladder import in_time, pasted
from tests.targets.smb import smb_login_peer as peers
from tests.targets.smb.smb_login_peer import CREATE, DIRECTORY, IOCTL, LOGOFF, NEGOTIATE, SCANNER, SETUP, TREE, UNTREE


def visit(running: Server, seconds: float = 5.0, credential: Credential = SCANNER, **more: Any) -> login.Result:
    return login.visit(peers.where(running, **more), credential, seconds)


def refused(answers: dict[int, peers.Answer], seconds: float = 5.0, **more: Any) -> tuple[Failure, Server]:
    with peers.peer(answers) as running:
        with pytest.raises(Failure) as failed:
            visit(running, seconds, **more)
        running.wait()
    return failed.value, running


def last_setup(answer: peers.Answer) -> dict[int, peers.Answer]:
    """Return the answers of a server that gives ``answer`` to the message with the account in it."""
    return {SETUP: [(peers.MORE_PROCESSING_REQUIRED, peers.CHALLENGE[64:]), answer]}


def test_one_login_one_look_and_a_polite_end() -> None:
    with peers.peer() as running:
        where = peers.where(running)
        result = login.visit(where, SCANNER, 5.0)
        running.wait()
    assert result.read == "listed finance: 1 name; opened customers.csv"
    assert (result.guest, result.passwordless, result.denied, result.referral) == (False, False, None, [])
    assert running.counts == {
        **{"negotiate": 1, "setup": 2, "tree": 1, "create": 2, "directory": 1, "close": 2, "untree": 1, "logoff": 1}
    }
    assert (where.trace.connections, where.trace.logons) == (1, 1)
    received = running.connections[0].received
    assert "read" not in running.counts
    assert SCANNER.password is not None
    for spelt in (SCANNER.password.encode(), SCANNER.password.encode("utf-16le")):
        assert spelt not in received
    assert running.connections[0].ended == "fin"


class TestLogin:
    """Answers to the one message with the account in it."""

    @pytest.mark.parametrize("status", sorted(nt_status.LOGIN.keys() | nt_status.TROUBLE.keys()), ids=hex)
    def test_every_status(self, status: int) -> None:
        name, cause, words = {**nt_status.LOGIN, **nt_status.TROUBLE}[status]
        failure, running = refused(last_setup(status))
        if status in nt_status.NTLM_NOT_PERMITTED:  # this Samba offers nothing else
            cause, words = nt.NO_LOGIN_POSSIBLE, "it offers only NTLM"
        assert failure.cause is cause
        assert words in failure.detail
        assert f"STATUS_{name}" in failure.detail
        assert running.counts["setup"] == 2, "never again"
        assert (len(running.connections), running.counts["logoff"]) == (1, 0)

    @pytest.mark.parametrize(
        ("status", "code", "owner"),
        [
            (0xC000006D, "login.refused", Owner.IDENTITY),
            (0xC000006A, "login.refused", Owner.IDENTITY),
            (0xC0000064, "login.refused", Owner.IDENTITY),
            (0xC0000234, "login.locked", Owner.IDENTITY),
            (0xC0000072, "login.locked", Owner.IDENTITY),
            (0xC0000071, "login.expired", Owner.IDENTITY),
            (0xC0000224, "login.expired", Owner.IDENTITY),
            (0xC0000193, "login.expired", Owner.IDENTITY),
            (0xC000006F, "windows.logon-hours", Owner.IDENTITY),
            (0xC0000070, "smb.workstation-not-listed", Owner.IDENTITY),
            (0xC000006E, "windows.account-restricted", Owner.IDENTITY),
            (0xC00002FA, "windows.account-restricted", Owner.IDENTITY),
            (0xC000015B, "windows.logon-right", Owner.SERVER),
            (0xC0000413, "smb.selective-authentication", Owner.SERVER),
            (0xC0000133, "windows.clock-differs", Owner.SERVER),
            (0xC000018C, "windows.no-logon-server", Owner.SERVER),
            (0xC000018D, "windows.no-logon-server", Owner.SERVER),
            (0xC000005E, "windows.no-logon-server", Owner.SERVER),
            (0xC0000418, "smb.no-login-possible", Owner.SERVER),
            (0xC0000022, "smb.session-denied", Owner.SERVER),
            (0xC00000D0, "handshake.throttled", Owner.SERVER),
            (0xC00000E5, "smb.server-trouble", Owner.SERVER),
            (0xC0000203, "smb.broken-off", Owner.SERVER),
        ],
    )
    def test_what_each_comes_to(self, status: int, code: str, owner: Owner) -> None:
        failure, _ = refused(last_setup(status))
        assert (failure.cause.code, failure.cause.owner) == (code, owner)

    def test_a_status_that_nobody_knows_protects_the_account(self) -> None:
        failure, _ = refused(last_setup(0xC0001234))
        assert failure.cause is nt.LOGON_UNEXPLAINED
        assert failure.cause.owner is Owner.IDENTITY
        assert "status 0xC0001234" in failure.detail

    def test_only_a_refused_account_is_withheld_elsewhere(self) -> None:
        ours = {cause for _, cause, _ in nt_status.LOGIN.values() if cause.owner is Owner.IDENTITY}
        assert ours == {
            common.LOGIN_REFUSED,
            common.LOGIN_LOCKED,
            common.LOGIN_EXPIRED,
            nt.LOGON_HOURS,
            nt.ACCOUNT_RESTRICTED,
            nt.WORKSTATION_NOT_LISTED,
        }
        assert not any(cause.owner is Owner.IDENTITY for _, cause, _ in nt_status.TROUBLE.values())

    @pytest.mark.parametrize(
        ("username", "told", "fix"),
        [
            ("svc", {"samba": True, "server": "FS01", "domain": "FS01"}, "smbpasswd -e svc"),
            ("svc", {"server": "FS01", "domain": "FS01"}, 'net user "svc" /active:yes'),
            ("FS01\\svc", {"server": "FS01", "domain": "CORP"}, 'net user "svc" /active:yes'),
            (".\\svc", {"server": "FS01", "domain": "CORP"}, 'net user "svc" /active:yes'),
            ("CORP\\svc", {"server": "FS01", "domain": "CORP"}, "Enable-ADAccount -Identity 'svc'"),
            ("o'neill@corp.example", {"server": "FS01", "domain": "FS01"}, "Enable-ADAccount -Identity 'o''neill'"),
            ("svc", {"server": "FS01", "domain": "CORP"}, "Enable-ADAccount -Identity 'svc'"),
            ("svc", {}, "Enable-ADAccount -Identity 'svc'"),
        ],
    )
    def test_the_fix_is_for_whose_account_it_is(self, username: str, told: dict[str, Any], fix: str) -> None:
        failure, _ = refused(last_setup(0xC0000072), credential=Credential("c", username, "Passw0rd!"), **told)
        assert failure.cause is common.LOGIN_LOCKED
        assert (failure.fix and pasted(failure.fix)) == fix

    def test_what_is_refused_before_the_account_was_named_is_no_attempt(self) -> None:
        with peers.peer({SETUP: 0xC0000022}) as running:
            where = peers.where(running)
            with pytest.raises(Failure) as failed:
                login.visit(where, SCANNER, 5.0)
        assert failed.value.cause is nt.SESSION_DENIED
        assert (where.trace.connections, where.trace.logons) == (1, 0)

    def test_a_server_that_offers_no_ntlm_is_not_asked(self) -> None:
        """Other clients may be able to log in with the mechanism that the server offers."""
        ntlm, kerberos = bytes.fromhex("060a2b06010401823702020a"), bytes.fromhex("060a2a864886f71201020203")
        failure, running = refused({NEGOTIATE: (0, peers.NEGOTIATED[64:].replace(ntlm, kerberos))})
        assert failure.cause is nt.NTLM_BLOCKED
        assert not failure.cause.definite
        assert running.counts["setup"] == 0

    @pytest.mark.parametrize("flags", [1, 2])
    def test_a_guest_and_nobody_are_told_apart_from_the_account(self, flags: int) -> None:
        with peers.peer(last_setup((0, peers.session(flags)))) as running:
            result = visit(running)
        assert result.guest
        assert result.passwordless, "it proves nothing of the password"
        with peers.peer({**last_setup((0, peers.session(flags))), TREE: 0xC0000022}) as running:
            denied = visit(running).denied
        assert denied is not None
        assert "a guest (login of scanuser)" in denied.detail
        assert denied.fix is None, "no grant to the account would change it"

    def test_no_driver(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with peers.peer() as running:
            monkeypatch.setitem(sys.modules, "impacket", None)
            with pytest.raises(Failure) as failed:
                visit(running)
            assert failed.value.cause is common.DRIVER_MISSING
            assert running.connections == []

    def test_a_second_negotiation_that_is_refused(self) -> None:
        assert refused({NEGOTIATE: 0xC00000D0})[0].cause is nt.TROUBLE
        other = peers.NEGOTIATED[64:68] + b"\x10\x02" + peers.NEGOTIATED[70:]
        failure, running = refused({NEGOTIATE: (0, other)})
        assert failure.cause is nt.TROUBLE
        assert "0x0202 in the handshake and 0x0210 for the login" in failure.detail
        assert running.counts["setup"] == 0, "in no other dialect than the handshake's"


class TestReading:
    """Answers after the login was accepted; the session is logged off after each of them."""

    @pytest.mark.parametrize("status", sorted(nt_status.READING.keys() | nt_status.TROUBLE.keys()), ids=hex)
    @pytest.mark.parametrize("command", [TREE, CREATE], ids=["share", "path"])
    def test_every_status(self, command: int, status: int) -> None:
        name, cause, _ = {**nt_status.READING, **nt_status.TROUBLE}[status]
        with peers.peer({command: status}) as running:
            result = visit(running, path="2026")
            running.wait()
        assert result.denied is not None
        assert result.denied.cause is cause
        assert f"STATUS_{name}" in result.denied.detail
        assert result.read == ""
        assert running.counts["logoff"] == 1

    @pytest.mark.parametrize(
        ("status", "code", "owner"),
        [
            (0xC0000022, "access.denied", Owner.SERVER),
            (0xC00000CC, "access.not-found", Owner.OPERATOR),
            (0xC0000034, "access.not-found", Owner.OPERATOR),
            (0xC00000CB, "smb.not-a-disk-share", Owner.OPERATOR),
            (0xC0000257, "smb.dfs-elsewhere", Owner.OPERATOR),
            (0xC0000043, "smb.read-failed", Owner.SERVER),
            (0xC0001234, "smb.read-failed", Owner.SERVER),
            (0xC000009A, "smb.server-trouble", Owner.SERVER),
        ],
    )
    def test_what_each_comes_to(self, status: int, code: str, owner: Owner) -> None:
        with peers.peer({CREATE: status}) as running:
            denied = visit(running).denied
        assert denied is not None
        assert (denied.cause.code, denied.cause.owner) == (code, owner)

    def test_the_access_list_of_the_share_and_the_rights_of_the_file_system_are_two(self) -> None:
        with peers.peer({TREE: 0xC0000022}) as running:
            share = visit(running).denied
        with peers.peer({CREATE: 0xC0000022}) as running:
            path = visit(running, path="2026/q3").denied
        assert share is not None and path is not None  # noqa: PT018
        assert share.cause is path.cause is common.ACCESS_DENIED
        assert "the access list of the share finance" in share.detail
        assert (
            pasted(share.fix) == "Grant-SmbShareAccess -Name 'finance' -AccountName 'scanuser' -AccessRight Read -Force"
        )
        assert r"the file system denies reading finance\2026\q3" in path.detail
        assert pasted(path.fix) == r'icacls "DIRECTORY-OF-finance\2026\q3" /grant "scanuser:(OI)(CI)RX"'

    def test_a_directory_that_may_be_listed_and_no_file_that_may_be_read(self) -> None:
        names = peers.listing(*((f"{number}.csv", peers.FILE) for number in range(9)))
        answers: dict[int, peers.Answer] = {
            DIRECTORY: (0, names),
            CREATE: [(0, peers.created(peers.DIRECTORY_)), 0xC0000022],
        }
        with peers.peer(answers) as running:
            result = visit(running)
        assert result.denied is not None
        assert result.denied.cause is common.ACCESS_DENIED
        assert r"finance\0.csv" in result.denied.detail
        assert running.counts["create"] == 1 + 3, "the directory, and three files"

    def test_homes_that_may_be_listed_and_none_of_them_entered(self) -> None:
        names = peers.listing(*((name, peers.DIRECTORY_) for name in ("ada", "grace")), ("link", 0x410))
        with peers.peer({DIRECTORY: (0, names), CREATE: [(0, peers.created(peers.DIRECTORY_)), 0xC0000022]}) as running:
            result = visit(running)
        assert result.denied is not None
        assert result.denied.cause is common.ACCESS_DENIED
        assert r"finance\ada" in result.denied.detail
        assert running.counts["create"] == 1 + 2, "the directory, and two in it: a link leads elsewhere"

    def test_a_file_in_use_is_no_missing_right(self) -> None:
        answers: dict[int, peers.Answer] = {CREATE: [(0, peers.created(peers.DIRECTORY_)), nt_status.SHARING_VIOLATION]}
        with peers.peer(answers) as running:
            result = visit(running)
        assert result.denied is None
        assert "could not open its first entry" in result.read

    @pytest.mark.parametrize("attributes", [0x1020, 0x40020, 0x400020, 0x420])
    def test_what_is_kept_elsewhere_is_not_called_back(self, attributes: int) -> None:
        with peers.peer({DIRECTORY: (0, peers.listing(("archived.pst", attributes)))}) as running:
            assert visit(running).read == "listed finance: 1 name"
        assert running.counts["create"] == 1

    def test_an_empty_directory_and_a_file(self) -> None:
        with peers.peer({DIRECTORY: peers.NO_MORE_FILES}) as running:
            assert visit(running).read == "listed finance: no names; it is empty, or hides them from this account"
        with peers.peer({CREATE: (0, peers.created(peers.FILE))}) as running:
            assert visit(running, path="a.csv").read == r"opened the file finance\a.csv"

    def test_a_share_without_files(self) -> None:
        with peers.peer({TREE: (0, peers.tree(kind=3))}) as running:
            denied = visit(running).denied
        assert denied is not None
        assert denied.cause is nt.SHARE_OF_ANOTHER_KIND

    def test_no_share_named_and_none_told(self) -> None:
        with peers.peer({CREATE: 0xC0000022}) as running:
            result = visit(running, share=None)
        assert result.denied is not None
        assert result.denied.cause is nt.NO_SHARE_NAMED
        assert not result.denied.cause.definite
        assert result.shares is None

    def test_a_link_of_a_namespace_leads_elsewhere(self) -> None:
        place = "\\fs02.corp\\finance\0".encode("utf-16le")
        entry = struct.pack("<HHHHIHHH", 4, 34, 0, 0, 300, 34, 34, 34) + bytes(16)
        used = len("\\127.0.0.1\\finance\\q3".encode("utf-16le"))
        answer = peers.answered(struct.pack("<HHI", used, 1, 2) + entry + place)
        with peers.peer({TREE: (0, peers.tree(capabilities=8)), CREATE: 0xC0000257, IOCTL: (0, answer)}) as running:
            result = visit(running, path="q3/eu/2026")
        assert result.referral == [r"\fs02.corp\finance\eu\2026"], "what is below the link stays below it"
        assert result.denied is not None
        assert result.denied.cause is nt.ELSEWHERE
        assert result.denied.detail.startswith(r"finance\q3\eu\2026 is at \fs02.corp\finance\eu\2026")
        assert "127.0.0.1\\finance\\q3".encode("utf-16le") in running.connections[0].received

    def test_a_share_that_demands_a_cipher_we_lack(self) -> None:
        with peers.peer({TREE: (0, peers.tree(flags=0x8000))}) as running:
            result = visit(running)
        assert result.facts["encryption_required"] == "share"
        assert result.denied is None, "in this dialect there is none"


#: The time of a login whose server falls silent; the computing before the silence takes 30 ms.
SECONDS = 1.5
HOSTILE = {"silent": peers.silent, "drips": peers.drips}
STAGES = {"negotiate": NEGOTIATE, "setup": SETUP, "share": TREE, "path": CREATE, "list": DIRECTORY, "end": LOGOFF}


class TestHostile:
    """The deadline holds at every stage, and a missing answer is never taken for a refusal."""

    @pytest.mark.parametrize("stage", STAGES)
    @pytest.mark.parametrize("manner", HOSTILE)
    def test_a_server_that_never_finishes(self, manner: str, stage: str) -> None:
        with peers.peer({STAGES[stage]: HOSTILE[manner]}) as running, in_time(SECONDS):
            if stage in ("negotiate", "setup"):
                with pytest.raises(Failure) as failed:
                    visit(running, SECONDS)
                found = failed.value
            else:
                result = visit(running, SECONDS)
                assert stage == "end" or result.denied is not None
                found = result.denied or Failure(common.OUT_OF_TIME, "")
        assert found.cause is common.OUT_OF_TIME

    @pytest.mark.parametrize("stage", ["negotiate", "setup", "share", "path"])
    @pytest.mark.parametrize("manner", [peers.resets, peers.closes])
    def test_a_server_that_breaks_off(self, manner: peers.Odd, stage: str) -> None:
        with peers.peer({STAGES[stage]: manner}) as running:
            if stage in ("negotiate", "setup"):
                with pytest.raises(Failure) as failed:
                    visit(running)
                found: Failure | None = failed.value
            else:
                found = visit(running).denied
            running.wait()
        assert found is not None
        assert found.cause is nt.BROKEN_OFF
        assert not found.cause.definite
        assert len(running.connections) == 1

    def test_nobody_listens_any_more(self) -> None:
        with peers.peer() as running:
            gone = peers.where(running)
        with pytest.raises(Failure) as failed:
            login.visit(gone, SCANNER, 5.0)
        assert failed.value.cause is nt.BROKEN_OFF
        assert failed.value.detail == "no answer: Connection refused"

    def test_memory_stays_bounded(self) -> None:
        failure, _ = refused({SETUP: peers.endless})
        assert failure.cause is common.LIMIT
        assert "more than 4194304 octets" in failure.detail

    @pytest.mark.parametrize("stage", [NEGOTIATE, SETUP, TREE, CREATE, DIRECTORY])
    @pytest.mark.parametrize("body", [b"", b"\0", b"\xff" * 8, b"\xff" * 200])
    def test_nonsense_is_a_limit_of_ours(self, stage: int, body: bytes) -> None:
        with peers.peer({stage: (0, body)}) as running:
            try:
                found = visit(running).denied
            except Failure as failure:
                found = failure
        allowed: tuple[Cause, ...] = (common.LIMIT, nt.SHARE_OF_ANOTHER_KIND, nt.BROKEN_OFF, nt.TROUBLE)
        assert found is None or found.cause in allowed, found

    def test_a_server_in_another_dialect(self) -> None:
        with peers.peer({NEGOTIATE: peers.silent, UNTREE: 0}) as running, pytest.raises(Failure) as failed:
            visit(running, 0.3, dialect=login.SMB1)
        assert failed.value.cause is common.OUT_OF_TIME
