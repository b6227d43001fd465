"""The SMB login against real Samba: every way to be let in or turned away, one attempt, and what its log says of us."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from fixtures.lab import samba
from fixtures.lab.accounts import PASSWORD
from fixtures.lab.lab import Lab
from fixtures.lab.samba import Samba
from fixtures.lab.samba_dc import SambaDC
from scanready.causes import common, nt
from scanready.model import Owner, Report, Step, Verdict
from scanready.targets.smb import login
from tests.ladder import account, check_of, climb, expect, passed, story, target

SCANNER = account("scanuser")
READ = "listed finance: 4 names; opened customers.csv"


def scan(
    lab: Lab, server: Samba | SambaDC, share: str | None = "finance", user: str = "scanuser", **options: Any
) -> Report:
    password = str(options.pop("password", PASSWORD))
    named: dict[str, Any] = {"share": share} if share else {}
    where = target("smb", server.hostname, credential=account(user, password), **named, **options)
    return climb(where, lab.agent)


def visit(lab: Lab, server: Samba, dialect: int, share: str = "finance", path: str = "") -> login.Result:
    """Run only the login, in a dialect chosen by the test."""
    where = login.Where(server.hostname, server.address, 445, share, path, dialect)
    return lab.agent.run(login.visit, where, SCANNER, 8.0)


# Let in


@pytest.mark.parametrize(
    "variant", ["smb3", "signing", "encrypted", "guest", "no-listing", "hidden-shares", "audited", "dfs"]
)
def test_the_share_is_read(lab: Lab, variant: str) -> None:
    report = expect(scan(lab, lab.samba(variant)), Verdict.SCANNABLE)
    assert check_of(report, Step.ACCESS).summary == READ
    assert report.footprint.login_attempts == 1


def test_smb_1_is_read_too(lab: Lab) -> None:
    report = expect(scan(lab, lab.samba("smb1")), Verdict.LIMITED, "smb.smb1-only")
    assert check_of(report, Step.ACCESS).summary == READ
    assert report.footprint.login_attempts == 1


@pytest.mark.parametrize("dialect", [0x0202, 0x0210, 0x0300, 0x0302, 0x0311])
def test_every_dialect_is_spoken(lab: Lab, dialect: int) -> None:
    assert visit(lab, lab.samba("smb3"), dialect).read == READ


@pytest.mark.parametrize("path", ["2026", "/2026/", "2026/payroll.csv", r"2026\payroll.csv"])
def test_a_path_in_the_share(lab: Lab, path: str) -> None:
    report = expect(scan(lab, lab.samba("smb3"), path=path), Verdict.SCANNABLE)
    assert "payroll.csv" in check_of(report, Step.ACCESS).summary


def test_an_empty_share_is_read_too(lab: Lab) -> None:
    report = expect(scan(lab, lab.samba("smb3"), "empty"), Verdict.SCANNABLE)
    assert "listed empty: no names" in check_of(report, Step.ACCESS).summary


def test_no_share_named_finds_one_that_may_be_read(lab: Lab) -> None:
    for variant in ("smb3", "smb1"):
        report = scan(lab, lab.samba(variant), None)
        assert READ in check_of(report, Step.ACCESS).summary, story(report)
        assert report.facts["shares"] == list(samba.SHARES)
        listed = lab.agent.command(["smbclient", *samba.client(lab.directory), *_listing(lab.samba(variant), variant)])
        theirs = [line.split("|")[1] for line in listed.stdout.splitlines() if line.startswith("Disk|")]
        assert sorted(theirs) == report.facts["shares"]


def _listing(server: Samba, variant: str) -> list[str]:
    old = ["-m", "NT1", "--option", "client min protocol=NT1"] if variant == "smb1" else []
    return ["-g", "-L", server.hostname, "-U", f"scanuser%{PASSWORD}", *old]


def test_the_session_service_on_139(lab: Lab) -> None:
    where = target("smb", lab.samba("smb3").hostname, samba.NETBIOS_SESSION, SCANNER, share="finance")
    report = climb(where, lab.agent)
    assert READ in check_of(report, Step.ACCESS).summary, story(report)


def test_over_ipv6(lab: Lab) -> None:
    where = target("smb", lab.samba("smb3").address6, credential=SCANNER, share="finance")
    expect(climb(where, lab.agent), Verdict.SCANNABLE)


@pytest.mark.parametrize(("dialect", "demands"), [(0x0311, "share"), (0x0302, "share"), (0x0300, "share")])
def test_a_share_that_demands_encryption(lab: Lab, dialect: int, demands: str) -> None:
    result = visit(lab, lab.samba("encrypted-share"), dialect, "sealed")
    assert "opened customers.csv" in result.read
    assert result.facts["encryption_required"] == demands


@pytest.mark.parametrize("dialect", [0x0311, 0x0302, 0x0300])
def test_a_server_that_demands_encryption(lab: Lab, dialect: int) -> None:
    assert visit(lab, lab.samba("encrypted"), dialect).facts["encryption_required"] == "session"


def test_a_server_whose_ciphers_impacket_lacks(lab: Lab) -> None:
    report = scan(lab, lab.samba("encrypted-gcm"))
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.LOGIN, owner=Owner.SCANREADY)
    assert "ciphers" in check_of(report, Step.LOGIN).summary


# Turned away


@pytest.mark.parametrize(
    ("user", "code", "owner", "fix"),
    [
        ("nobody-of-that-name", "login.refused", Owner.IDENTITY, None),
        ("disabled", "login.locked", Owner.IDENTITY, "smbpasswd -e disabled"),
        ("locked", "login.locked", Owner.IDENTITY, "pdbedit -u locked -z -c '[]'"),
        ("expired", "login.expired", Owner.IDENTITY, "pdbedit -u expired -K never"),
        ("stale-password", "login.expired", Owner.IDENTITY, "smbpasswd stale-password"),
        ("must-change", "login.expired", Owner.IDENTITY, "smbpasswd must-change"),
        ("off-hours", "windows.logon-hours", Owner.IDENTITY, "pdbedit -u off-hours -Z"),
        ("elsewhere", "smb.workstation-not-listed", Owner.IDENTITY, "net sam set workstations elsewhere ''"),
    ],
)
@pytest.mark.parametrize("variant", ["smb3", "smb1"])
def test_accounts_that_are_refused(lab: Lab, variant: str, user: str, code: str, owner: Owner, fix: str | None) -> None:
    report = scan(lab, lab.samba(variant), user=user)
    expect(report, Verdict.BLOCKED, code, step=Step.LOGIN, owner=owner, fix=fix)
    assert report.footprint.login_attempts == 1


@pytest.mark.parametrize("user", ["disabled", "locked", "expired", "off-hours", "elsewhere"])
def test_the_fix_lets_the_account_in(lab: Lab, user: str) -> None:
    server = lab.samba("smb3", label="healed")
    report = scan(lab, server, user=user)
    assert report.finding is not None
    assert report.finding.fix is not None
    server.administer(report.finding.fix)
    expect(scan(lab, server, user=user), Verdict.SCANNABLE)


def test_the_workstation_that_is_told_is_this_agents_own_name(lab: Lab) -> None:
    server = lab.samba("smb3", label="workstations")
    expect(scan(lab, server, user="elsewhere"), Verdict.BLOCKED, "smb.workstation-not-listed")
    ours = socket.gethostname().partition(".")[0][:15]
    server.administer(f"net sam set workstations elsewhere {ours}")
    expect(scan(lab, server, user="elsewhere"), Verdict.SCANNABLE)


def test_a_wrong_password_is_tried_once(lab: Lab) -> None:
    """Counted by the server, for the lockout that it has."""
    server = lab.samba("smb3", label="once")
    for count in range(1, 3):
        report = scan(lab, server, user="careless", password="not-this-one")
        expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)
        assert server.wrong_passwords("careless") == count
    expect(scan(lab, server, user="careless"), Verdict.SCANNABLE)
    assert server.wrong_passwords("careless") == 0, "a login resets it"


def test_a_password_beyond_ascii(lab: Lab) -> None:
    server = lab.samba("smb3", label="umlaut")
    password = "Pässwörd 1€ \N{GRINNING FACE}"
    server.administer(f"printf '{password}\\n{password}\\n' | smbpasswd -s careless")
    expect(scan(lab, server, user="careless", password=password), Verdict.SCANNABLE)


@pytest.mark.parametrize(("share", "code"), [("finance", None), (None, None), ("nowhere", "access.not-found")])
def test_one_login_and_it_is_ntlmv2(lab: Lab, share: str | None, code: str | None) -> None:
    server = lab.samba("audited")
    mark = len(server.log)
    expect(scan(lab, server, share), Verdict.BLOCKED if code else Verdict.SCANNABLE, code)
    lines = [line for line in server.logged_since(mark).splitlines() if "Auth:" in line]
    assert len(lines) == 1, lines
    assert r"user []\[scanuser]" in lines[0]
    assert "with [NTLMv2] status [NT_STATUS_OK]" in lines[0]


def test_one_refused_login_and_nobody_else_in_its_place(lab: Lab) -> None:
    server = lab.samba("audited")
    mark = len(server.log)
    scan(lab, server, password="not-this-one")
    lines = [line for line in server.logged_since(mark).splitlines() if "Auth:" in line]
    assert len(lines) == 1, lines
    assert "status [NT_STATUS_WRONG_PASSWORD]" in lines[0]


def test_the_log_stays_empty_and_no_session_is_left(lab: Lab) -> None:
    server = lab.samba("smb3", label="quiet")
    mark = len(server.log)
    expect(scan(lab, server), Verdict.SCANNABLE)
    expect(scan(lab, server, None), Verdict.SCANNABLE)
    expect(scan(lab, server, "nowhere"), Verdict.BLOCKED, "access.not-found")
    expect(scan(lab, server, "board"), Verdict.LIMITED, "access.denied")
    expect(scan(lab, server, password="not-this-one"), Verdict.BLOCKED, "login.refused")
    assert server.logged_since(mark) == ""
    assert "scanuser" not in server.administer("smbstatus -b")


# Permissions to read


@pytest.mark.parametrize(
    ("share", "options", "detail", "fix"),
    [
        ("board", {}, "access list of the share board", "in smb.conf; keep the users already listed:\n[board]\n"),
        ("vault", {}, "the file system", "setfacl -R -m u:scanuser:rX DIRECTORY-OF-vault"),
        ("finance", {"path": "locked-away"}, "the file system", "DIRECTORY-OF-finance/locked-away"),
        ("finance", {"path": "sealed.csv"}, r"reading finance\sealed.csv", "DIRECTORY-OF-finance/sealed.csv"),
    ],
)
def test_what_may_not_be_read_limits(lab: Lab, share: str, options: dict[str, str], detail: str, fix: str) -> None:
    report = scan(lab, lab.samba("smb3"), share, **options)
    expect(report, Verdict.LIMITED, "access.denied", step=Step.ACCESS, owner=Owner.SERVER, fix=fix)
    passed(report, Step.LOGIN)
    assert detail in check_of(report, Step.ACCESS).summary


@pytest.mark.parametrize(
    ("share", "path", "detail"),
    [
        ("nowhere", "", "shares that the server lists: board, empty, finance, vault"),
        ("finance", "2025", "STATUS_OBJECT_NAME_NOT_FOUND"),
        ("finance", "2025/q1", "STATUS_OBJECT_PATH_NOT_FOUND"),
        ("finance", "customers.csv/2026", "STATUS_OBJECT_PATH_NOT_FOUND"),
    ],
)
def test_what_is_not_there_blocks(lab: Lab, share: str, path: str, detail: str) -> None:
    report = scan(lab, lab.samba("smb3"), share, path=path)
    expect(report, Verdict.BLOCKED, "access.not-found", step=Step.ACCESS, owner=Owner.OPERATOR)
    assert detail in check_of(report, Step.ACCESS).summary


@pytest.mark.parametrize("share", ["broken", "a-file"])
def test_a_share_that_is_listed_and_cannot_be_opened(lab: Lab, share: str) -> None:
    report = scan(lab, lab.samba("odd-shares"), share)
    expect(report, Verdict.BLOCKED, "smb.share-broken", step=Step.ACCESS, owner=Owner.SERVER)
    passed(report, Step.LOGIN)


def test_a_share_that_everybody_lists_and_others_own(lab: Lab) -> None:
    report = scan(lab, lab.samba("odd-shares"), "homes-of-all")
    fix = "setfacl -R -m u:scanuser:rX DIRECTORY-OF-homes-of-all/"
    expect(report, Verdict.LIMITED, "access.denied", step=Step.ACCESS, owner=Owner.SERVER, fix=fix)
    passed(report, Step.LOGIN)


def test_a_server_that_cannot_encrypt_denies_for_no_want_of_it(lab: Lab) -> None:
    server = lab.samba("no-encryption")
    expect(scan(lab, server), Verdict.SCANNABLE)
    for share, reason in (("board", "access list of the share board"), ("vault", "the file system")):
        report = scan(lab, server, share)
        expect(report, Verdict.LIMITED, "access.denied", step=Step.ACCESS, owner=Owner.SERVER)
        assert reason in check_of(report, Step.ACCESS).summary


@pytest.mark.parametrize("variant", ["smb3", "smb1"])
def test_a_share_without_files(lab: Lab, variant: str) -> None:
    report = scan(lab, lab.samba(variant), "IPC$")
    expect(report, Verdict.BLOCKED, "smb.not-a-disk-share", step=Step.ACCESS, owner=Owner.OPERATOR)


@pytest.mark.parametrize("variant", ["no-listing", "hidden-shares"])
def test_no_share_named_and_none_shown(lab: Lab, variant: str) -> None:
    report = scan(lab, lab.samba(variant), None)
    expect(report, Verdict.UNDECIDED, "smb.no-share-named", step=Step.ACCESS, owner=Owner.OPERATOR)
    passed(report, Step.LOGIN)


# Guests


def test_a_guest_is_a_false_success(lab: Lab) -> None:
    for variant, user, password in (("guest", "nobody-of-that-name", PASSWORD), ("guest-always", "scanuser", "wrong")):
        report = scan(lab, lab.samba(variant), "public", user=user, password=password)
        expect(report, Verdict.LIMITED, "smb.guest", step=Step.LOGIN, owner=Owner.SERVER)
        assert "opened news.txt" in check_of(report, Step.ACCESS).summary
    expect(scan(lab, lab.samba("guest"), "public", password="wrong"), Verdict.BLOCKED, "login.refused")


def test_what_a_guest_may_not_read_is_not_granted_to_the_account(lab: Lab) -> None:
    report = scan(lab, lab.samba("guest-always"), password="wrong")
    expect(report, Verdict.LIMITED, "smb.guest", step=Step.LOGIN)
    denied = check_of(report, Step.ACCESS)
    assert denied.finding is not None
    assert denied.finding.cause is common.ACCESS_DENIED
    assert denied.finding.fix is None


# Namespaces


@pytest.mark.parametrize("dialect", [0x0202, 0x0210, 0x0302, 0x0311], ids=hex)
@pytest.mark.parametrize(
    ("share", "path", "place"),
    [
        ("namespace", "finance", r"\samba-smb3.lab\finance"),
        ("namespace", "finance/2026/payroll.csv", r"\samba-smb3.lab\finance\2026\payroll.csv"),
        ("namespace", "gone", r"\gone.lab\finance"),
        ("proxy", "2026", r"\samba-smb3.lab\finance\2026"),
    ],
)
def test_a_link_is_told_with_what_is_below_it(lab: Lab, share: str, path: str, place: str, dialect: int) -> None:
    """The referral of a DFS link is reported with its path; the server requires signing, with or without encryption."""
    result = visit(lab, lab.samba("dfs"), dialect, share, path)
    assert result.referral == [place]
    assert result.denied is not None
    assert result.denied.cause is nt.ELSEWHERE


def test_a_namespace_itself_is_read(lab: Lab) -> None:
    assert visit(lab, lab.samba("dfs"), 0x0311, "namespace").read == "listed namespace: 2 names"
    denied = visit(lab, lab.samba("dfs"), 0x0311, "namespace", "nothing").denied
    assert denied is not None
    assert denied.cause is common.ACCESS_NOT_FOUND


# NTLM that is not permitted


def test_a_server_of_no_domain_without_ntlm_lets_nobody_in(lab: Lab) -> None:
    report = scan(lab, lab.samba("no-ntlm"))
    expect(report, Verdict.BLOCKED, "smb.no-login-possible", owner=Owner.SERVER)


# A domain controller


@pytest.mark.parametrize("user", ["LAB\\scanuser", "scanuser@lab.example", "scanuser"])
def test_accounts_of_a_domain(lab: Lab, user: str) -> None:
    report = expect(scan(lab, lab.samba_dc(), user=user), Verdict.SCANNABLE)
    assert "opened customers.csv" in check_of(report, Step.ACCESS).summary


@pytest.mark.parametrize(
    ("user", "code", "fix"),
    [
        ("disabled", "login.locked", "Enable-ADAccount -Identity 'disabled'"),
        ("locked", "login.locked", "Unlock-ADAccount -Identity 'locked'"),
        ("expired", "login.expired", "Clear-ADAccountExpiration -Identity 'expired'"),
        ("must-change", "login.expired", "Set-ADUser -Identity 'must-change' -ChangePasswordAtLogon $false"),
        ("off-hours", "windows.logon-hours", 'net user "off-hours" /times:all /domain'),
        ("elsewhere", "smb.workstation-not-listed", "Set-ADUser -Identity 'elsewhere' -LogonWorkstations $null"),
    ],
)
def test_accounts_of_a_domain_that_are_refused(lab: Lab, user: str, code: str, fix: str) -> None:
    report = scan(lab, lab.samba_dc(), user=f"LAB\\{user}")
    expect(report, Verdict.BLOCKED, code, step=Step.LOGIN, owner=Owner.IDENTITY, fix=fix)


def test_a_domain_without_ntlm_is_not_judged(lab: Lab) -> None:
    """A member of the domain may well log in, with Kerberos."""
    report = scan(lab, lab.samba_dc("no-ntlm"), user="LAB\\scanuser")
    assert report.verdict is Verdict.UNDECIDED, story(report)
