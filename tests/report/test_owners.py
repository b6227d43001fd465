"""Each owner who can act gets a remedy and a fix; a second cause is reported beside the first one."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from dataclasses import replace

import jsonschema
import pytest

from scanready.causes import common
from scanready.model import Check, Finding, Footprint, Outcome, Owner, Report, Step, Target, Verdict
from scanready.report import handover, new_document, story
from scanready.report.document import RunInfo, Totals
from scanready.report.findings import besides, decisive
from scanready.report.groups import Groups
from scanready.report.ladders import Ladder
from scanready.report.look import Look
from scanready.report.parse import restored
from scanready.report.schema import result_schema
from scanready.report.serialize import as_line, as_object
from scanready.run.registry import all_causes
from scanready.targets.ssh import causes as ssh
from scanready.targets.windows import causes as windows

from .reports import AGENT, ready

SERVERS = "# On web1, in /etc/ssh/sshd_config (afterwards reload sshd):\nKexAlgorithms +curve25519-sha256"
AGENTS = (
    "# On the agent proxy-nyc, in ~/.ssh/config of the user that the scanner runs as:\nHost web1\n    Ciphers +3des"
)
RULE = "# On every firewall between 10.0.0.1 and 10.0.0.2, as a rule (nftables syntax):\nip saddr x accept"
NETSH = "# On web1, in a command prompt as an administrator:\nnetsh advfirewall"


def of_two_owners(kind: str = "unix") -> Report:
    """Return a target with three causes: no common algorithm, the agent's platform, and a blocked port."""
    found = Finding(ssh.NO_COMMON_ALGORITHM, "kex: the server offers x", SERVERS, ((Owner.AGENT, AGENTS),))
    ports = [
        Finding(windows.DYNAMIC_PORT_BLOCKED, "no answer", f"{RULE} {port}", ((Owner.SERVER, NETSH),))
        for port in (1, 2)
    ]
    mismatch = Finding(common.PLATFORM_MISMATCH, "a Windows agent is demanded")
    checks = [
        Check(Step.AGENT, "proxy-nyc", Outcome.FAILED, mismatch.detail, finding=mismatch),
        *(
            Check(Step.CONNECT, f"web1:{port}", Outcome.WARNED, "no answer", finding=one)
            for port, one in enumerate(ports)
        ),
        Check(Step.HANDSHAKE, "web1:22", Outcome.FAILED, found.detail, finding=found),
    ]
    target = Target("web1", kind, 22)
    facts = dict[str, object]()
    cost = Footprint(1, 0, 0)
    at = "2026-01-01T00:00:00Z"
    return Report(AGENT, target, Verdict.BLOCKED, Step.CONNECT, found, Step.HANDSHAKE, facts, checks, cost, at, 0.5)


def drawn(kind: str, *reports: Report) -> str:
    document = Ladder(Look(160)) if kind == "ladder" else new_document(kind, Look(160))
    run = RunInfo("0", AGENT, "2026-01-01T00:00:00Z", 10, Step.ACCESS, [report.target for report in reports], {})
    text = document.begin(run) + "".join(document.add(report) for report in reports)
    return text + document.end(Totals(Counter(report.verdict for report in reports), 2.0))


class TestJson:
    def test_the_first_owner_stays_where_it_was_and_the_others_are_added(self) -> None:
        cause = as_object(of_two_owners())["cause"]
        assert (cause["owner"], cause["fix"]) == ("server", SERVERS)
        assert cause["remedy"] == ssh.NO_COMMON_ALGORITHM.remedy
        (other,) = cause["also"]
        assert other == {"owner": "agent", "remedy": ssh.NO_COMMON_ALGORITHM.also[0].remedy, "fix": AGENTS}

    def test_second_causes_have_all_that_the_first_has(self) -> None:
        result = as_object(of_two_owners())
        mismatch, ports = result["besides"]
        assert mismatch.keys() == ports.keys() == result["cause"].keys()
        assert (mismatch["code"], mismatch["owner"], mismatch["step"]) == ("agent.platform-mismatch", "agent", "agent")
        assert ports["fix"] == f"{RULE} 1\n{RULE.splitlines()[1]} 2", "two rules under one heading"
        assert [(one["owner"], one["fix"]) for one in ports["also"]] == [("server", NETSH)]

    def test_the_schema_takes_it_and_a_result_of_before(self) -> None:
        result = as_object(of_two_owners())
        jsonschema.validate(result, result_schema())
        for older in (result, *result["checks"]):
            older.pop("besides", None)
            older.pop("also", None)
        del result["cause"]["also"]
        jsonschema.validate(result, result_schema())
        again = restored(result)
        assert again.finding is not None
        assert (again.finding.owner, again.finding.fix, again.finding.also) == (Owner.SERVER, SERVERS, ())

    def test_a_stored_result_is_restored_whole(self) -> None:
        line = as_line(of_two_owners())
        assert as_line(restored(json.loads(line))) == line

    def test_causes_of_a_package_that_is_not_here_keep_owners_and_words(self) -> None:
        report = of_two_owners()
        for place, check in enumerate(report.checks):
            assert check.finding is not None
            cause = replace(check.finding.cause, code=f"acme.cause-{check.finding.cause.code.rpartition('.')[2]}")
            report.checks[place] = replace(check, finding=replace(check.finding, cause=cause))
        line = as_line(replace(report, finding=report.checks[-1].finding))
        assert as_line(restored(json.loads(line))) == line

    @pytest.mark.parametrize("also", [[1], [{"owner": "nobody", "fix": "x"}], [{"owner": "agent", "fix": 1}]])
    def test_others_that_are_none_are_refused(self, also: list[object]) -> None:
        result = as_object(of_two_owners())
        result["checks"][-1]["also"] = also
        with pytest.raises(ValueError, match=r"owner|also|fix"):
            restored(result)


@pytest.mark.parametrize(
    "kind", ["ladder", "table", "md", "html", "csv", "junit", "json", "jsonl", "tap", "sarif", "github"]
)
def test_every_format_has_both_owners_fixes_and_the_second_causes(kind: str) -> None:
    text = drawn(kind, of_two_owners(), ready())
    wanted = ["KexAlgorithms +curve25519-sha256", "Ciphers +3des", "agent.platform-mismatch", "netsh advfirewall"]
    if kind in ("table", "csv"):  # of a second cause they show, as the ladder does, what its first owner applies
        wanted.remove("netsh advfirewall")
    for words in (*wanted, "windows.dynamic-port-blocked", "as a rule (nftables syntax)"):
        assert words in text, words


def test_monitoring_has_the_second_causes_too() -> None:
    lines = [line for line in drawn("prometheus", of_two_owners()).splitlines() if "_besides{" in line]
    assert len(lines) == 2
    assert 'cause="agent.platform-mismatch"' in lines[0]
    assert 'owner="agent",step="agent"' in lines[0]


def test_nagios_has_the_second_causes_too() -> None:
    line = drawn("nagios", of_two_owners())
    besides = (
        "; ssh.no-common-algorithm (server); also found agent.platform-mismatch (agent), windows.dynamic-port-blocked ("
    )
    assert besides in line
    several = drawn("nagios", of_two_owners(), of_two_owners("ssh"), ready())
    assert "; also found agent.platform-mismatch (agent) 2x, windows.dynamic-port-blocked (" in several
    assert "besides" not in drawn("nagios", ready())


def test_csv_has_a_column_for_each() -> None:
    (row,) = csv.DictReader(io.StringIO(drawn("csv", of_two_owners())))
    assert (row["owner"], row["cause"]) == ("server", "ssh.no-common-algorithm")
    assert row["fix"].endswith(SERVERS)
    assert row["also"].startswith(
        "agent: For each kind of algorithm that the detail names, enable in the agent's ssh_config"
    )
    assert row["also"].endswith(AGENTS)
    assert row["besides"].splitlines()[0] == "agent.platform-mismatch (agent): a Windows agent is demanded"


def test_each_owner_has_a_ticket_with_their_own_fix() -> None:
    report = of_two_owners()
    server, agent = story.tell(report).requests
    assert story.tell(report).request == server
    assert (server.owner, agent.owner) == (Owner.SERVER, Owner.AGENT)
    assert SERVERS in server.text
    assert AGENTS not in server.text
    assert AGENTS in agent.text
    assert f"Please: {ssh.NO_COMMON_ALGORITHM.also[0].remedy}" in agent.text
    assert "the administrator of the agent proxy-nyc" in agent.whom
    ladder = Ladder(Look(160, verbosity=1))
    ladder.begin(RunInfo("0", AGENT, "", 10, Step.ACCESS, [report.target], {}))
    assert ladder.add(report).count("Fix:") == 2


def test_a_cause_is_in_the_hand_over_of_every_owner_it_names() -> None:
    report = of_two_owners()
    groups = Groups(RunInfo("0", AGENT, "", 10, Step.ACCESS, [report.target], {}))
    groups.add(report)
    found = {owner: {group.cause.code: group for group in of} for owner, of in groups.by_owner().items()}
    assert {owner: set(of) for owner, of in found.items()} == {
        Owner.SERVER: {"ssh.no-common-algorithm", "windows.dynamic-port-blocked"},
        Owner.AGENT: {"ssh.no-common-algorithm", "agent.platform-mismatch"},
        Owner.NETWORK: {"windows.dynamic-port-blocked"},
    }
    agents = found[Owner.AGENT]["ssh.no-common-algorithm"]
    assert list(agents.fixes) == [AGENTS], "the stanza of the agent's ssh_config is no server's"
    assert agents.remedy == ssh.NO_COMMON_ALGORITHM.also[0].remedy
    assert [owner for owner, _ in agents.others] == [Owner.SERVER]
    assert list(found[Owner.SERVER]["ssh.no-common-algorithm"].fixes) == [SERVERS]
    assert found[Owner.NETWORK]["windows.dynamic-port-blocked"].verdict is Verdict.LIMITED


def test_what_denies_access_in_a_database_is_the_database_administrators() -> None:
    denied = Finding(common.ACCESS_DENIED, "no grant")
    for kind, owner in (("postgresql", "database"), ("mysql", "database"), ("smb", "server"), ("imap", "server")):
        report = of_two_owners(kind)
        report.checks[-1] = replace(report.checks[-1], finding=denied)
        result = as_object(replace(report, finding=denied))
        again = restored(result)
        assert again.owner == owner, kind
        assert as_object(again)["cause"]["owner"] == owner


def test_others_are_told_apart_from_the_first_owner() -> None:
    for cause in all_causes().values():
        owners = [cause.owner, *(other.owner for other in cause.also)]
        assert len(owners) == len(set(owners)), cause.code
        for other in cause.also:
            assert other.remedy.strip(), cause.code
            assert other.remedy[0].isupper(), cause.code


def test_nothing_besides_where_all_is_well() -> None:
    assert (decisive(ready()), besides(ready())) == (None, [])
    assert as_object(ready())["besides"] == []


def of_a_limit() -> Report:
    found = Finding(common.LIMIT, "a group of 16,384 bits")
    target = Target("db7", "postgresql", 5432)
    checks = [Check(Step.HANDSHAKE, "db7:5432", Outcome.FAILED, found.detail, finding=found)]
    cost, at = Footprint(1, 0, 0), "2026-01-01T00:00:00Z"
    return Report(AGENT, target, Verdict.UNDECIDED, Step.CONNECT, found, Step.HANDSHAKE, {}, checks, cost, at, 0.5)


def test_a_limit_of_scanready_is_for_its_user_and_no_change_at_the_target() -> None:
    """Every surface says that the target has no fault and what the user does."""
    report = of_a_limit()
    run = RunInfo("0", AGENT, "2026-01-01T00:00:00Z", 10, Step.ACCESS, [report.target], {})
    groups = Groups(run)
    groups.add(report)
    page = handover.page(Owner.SCANREADY, groups.by_owner()[Owner.SCANREADY], run)
    assert page.startswith("# 1 target: manual checks for the user of scanready\n")
    assert "**Do this:** Check the target manually" in page
    assert "**Change:**" not in page
    assert "until this is changed" not in page
    for text in (page, drawn("md", report), drawn("html", report)):
        assert "limits or errors of scanready, not faults of the targets" in " ".join(text.split())
        assert "For the user of scanready" in text or text is page
    assert "1 target for the user of scanready" in drawn("table", report)
    (request,) = story.tell(report).requests
    assert request.whom == "the user of scanready: check the target manually (this is no fault of the target)"
