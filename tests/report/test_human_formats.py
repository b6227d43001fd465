"""The outputs for people show no hostile text unescaped and leave out no important information."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanready.causes import client_program, common, unproven
from scanready.model import Check, Credential, Finding, Outcome, Report, Step, Target, Verdict
from scanready.remedies.placeholders import named
from scanready.report import new_document
from scanready.report.document import Document, RunInfo, Totals
from scanready.report.filled import fill
from scanready.report.groups import ByCause
from scanready.report.ladders import Ladder
from scanready.report.look import Look
from scanready.wire.printable import visible, visible_lines
from tests.report.reports import AGENT, HOSTILE, SECRET, blocked, ready


def drawn(document: Document, reports: list[Report], tried: dict[int, str] | None = None) -> str:
    targets = [report.target for report in reports]
    text = document.begin(RunInfo("0", AGENT, "", 10, Step.ACCESS, targets, tried or {}))
    for report in reversed(reports):  # they end in another order than they were asked for
        text += document.add(report)
    return text + document.end(Totals(Counter(report.verdict for report in reports), 2.0))


@given(st.text())
def test_no_unprintable_character_survives(text: str) -> None:
    assert visible(text).isprintable()
    assert all(unicodedata.category(char)[0] != "C" for char in visible(text))


def test_escapes_are_visible_and_length_is_bounded() -> None:
    assert visible("a\x1b[31m\u202e\u2066\U000e0001\n") == "a\\x1b[31m\\u202e\\u2066\\U000e0001\\x0a"
    assert visible("Größe ✓ 漢字") == "Größe ✓ 漢字"
    assert len(visible("x" * 1_000_000)) < 450
    assert visible_lines("a\tb\r\nc\x07\n") == ["a   b", "c\\x07"]
    assert len(visible_lines("x\n" * 1000)) == 41


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("db7", "nc -vz db7 22"),
        ("fe80::1%eth0", "nc -vz fe80::1%eth0 22"),
        ("a;rm -rf ~", "nc -vz 'a;rm -rf ~' 22"),
        ("{port}", "nc -vz '{port}' 22"),
        ("{0.__class__}$(id)", "nc -vz '{0.__class__}$(id)' 22"),
        ("\x1b[2J", "nc -vz HOST 22"),
    ],
)
def test_hosts_are_filled_in_as_one_harmless_word(host: str, shown: str) -> None:
    assert fill("nc -vz {host} {port}", Target(host, "ssh", 22)) == shown
    assert fill("ssh {user}@x", Target(host, "ssh", 22, {}, Credential("c", "o'er"))) == "ssh 'o'\"'\"'er'@x"


def test_a_place_that_nothing_fills_is_a_word_in_capitals() -> None:
    text = "set {nope} on {host}:{port} as ${HOME} { print } {'a': 1} {}"
    assert fill(text, Target("db7", "ssh", 22)) == "set NOPE on db7:22 as ${HOME} { print } {'a': 1} {}"
    assert named(text) == "set NOPE on HOST:PORT as ${HOME} { print } {'a': 1} {}"
    assert fill("{user}", Target("{nope}", "ssh", 22, {"user": "{host}"})) == "'{host}'"


@pytest.mark.parametrize("width", [40, 80, 140])
@pytest.mark.parametrize("name", ["ladder", "table"])
@pytest.mark.parametrize("color", [False, True])
def test_hostile_text_is_harmless_everywhere(name: str, width: int, color: bool) -> None:
    look = Look(width, color, True, 1)
    document: Document = Ladder(look) if name == "ladder" else new_document("table", look)
    report = blocked(HOSTILE, HOSTILE, product=HOSTILE)
    report.finding = Finding(common.MALFORMED, HOSTILE, HOSTILE)
    report.checks.append(Check(Step.ACCESS, HOSTILE, Outcome.FAILED, HOSTILE, {}, report.finding))
    text = drawn(document, [report])
    for sequence in ("\x1b]", "\x07", "\u202e", "\x9b", "\r", "\u2028"):
        assert sequence not in text
    assert "\\x1b" in text
    assert "[red]" in text.replace("\n", "")
    assert ("\x1b[" in text) == color
    assert SECRET not in text


def test_the_ladder_says_all_there_is_to_say() -> None:
    report = blocked()
    missing = Finding(client_program.MISSING, "no ssh")
    report.checks.insert(0, Check(Step.AGENT, "db7", Outcome.WARNED, "x", {}, missing))
    text = drawn(Ladder(Look(100, verbosity=1)), [report])
    for words in (
        "postgresql://er@db7:5432/hr  from proxy-nyc",
        "✓  resolve",
        "✗  connect",
        "–  login",
        "1 ms",
        "blocked: a scan would fail",
        "connect.filtered, at connect",
        "no answer",
        common.FILTERED.meaning,
        "network",
        "Permit the connection",
        "    tcp dport 5432 accept\n    tcp dport 5433 accept\n",
        "agent.client-missing (agent): no ssh",
        "nc -vz -w 5 db7 5432",
        "PostgreSQL",
    ):
        assert words in text, words


def test_ladders_come_in_the_order_they_were_asked_for() -> None:
    text = drawn(Ladder(Look()), [ready("a"), ready("b"), ready("c")])
    assert text.index("mysql://a") < text.index("mysql://b") < text.index("mysql://c")


def test_quiet_is_one_line_a_target() -> None:
    text = drawn(Ladder(Look(verbosity=-1)), [ready("a"), blocked("b")])
    assert text == "mysql://a:3306  ready\npostgresql://er@b:5432/hr  blocked  connect.filtered (network)\n"


def test_a_long_fix_is_never_broken() -> None:
    report = blocked()
    fix = "ip saddr 10.0.1.5 " * 20 + "accept"
    report.checks[1].finding = report.finding = Finding(common.FILTERED, "no answer", fix)
    for document in (Ladder(Look(60)), new_document("table", Look(60))):
        assert f"    {fix}\n" in drawn(document, [report])


def test_a_host_without_a_type_is_an_overview() -> None:
    missing = [ready("h", kind) for kind in ("db2", "notes")]
    for report in missing:
        report.verdict, report.reached, report.checks = Verdict.UNDECIDED, None, []
        report.finding = Finding(unproven.NOT_BUILT, "")
    closed = blocked("h")
    closed.checks = closed.checks[1:2]
    reports = [ready("h", "ssh"), ready("h", "unix"), closed, *missing]
    text = drawn(Ladder(Look(100)), reports, {id(report.target): "h" for report in reports})
    assert text.startswith("h: passes up to the login prompt as target type ssh or unix\n")
    assert "connect.filtered           postgresql 5432\n" in text
    assert "not built in this version  db2, notes\n" in text
    nothing = [closed, *missing]
    text = drawn(Ladder(Look(100)), nothing, {id(report.target): "h" for report in nothing})
    assert text.startswith("h cannot be scanned as the one type tried\n")


def test_the_table_keeps_the_inventory_order_and_groups_by_cause() -> None:
    reports = [blocked("a"), ready("b"), blocked("c"), blocked("d", "other detail")]
    text = drawn(new_document("table", Look(100)), reports)
    lines = text.splitlines()
    assert lines[0].split() == ["target", "verdict", "last", "passed", "cause"]
    assert [line.split()[0] for line in lines[1:5]] == [
        "postgresql://er@a:5432/hr",
        "mysql://b:3306",
        "postgresql://er@c:5432/hr",
        "postgresql://er@d:5432/hr",
    ]
    assert text.count(common.FILTERED.meaning) == 1
    assert "connect.filtered (network)  3 targets" in text
    assert "postgresql://er@a:5432/hr, postgresql://er@c:5432/hr\n    detail no answer\n" in text
    assert lines[-1] == "4 targets in 2.0 s: 1 ready (fine up to the login prompt), 3 blocked"


@pytest.mark.parametrize("width", [50, 80, 140])
def test_tables_fit_their_width(width: int) -> None:
    reports = [blocked("a-very-long-name-of-a-host.department.example.com"), ready("b")]
    for report in reports:
        report.finding = report.finding and Finding(common.FILTERED, "no answer")
        report.checks = report.checks[:1]
    text = drawn(new_document("table", Look(width)), reports)
    assert max(len(line) for line in text.splitlines()) <= width
    assert "a-very-long-name-of-a-host.department.example.com" in text.replace("\n", "").replace(" ", "") or width < 60


def test_ten_thousand_rows_are_drawn_in_seconds_and_kept_small() -> None:
    document = new_document("table", Look(100))
    sample = ready()
    text = drawn(document, [sample] * 3)
    assert "3 targets" in text
    row = next(iter(document._rows.values()))  # type: ignore[attr-defined]  # of one format only
    assert not hasattr(row, "checks")


def test_groups_keep_equal_texts_once_and_no_checks() -> None:
    causes = ByCause()
    for place, host in enumerate("cba"):
        causes.add(blocked(host, "".join(["no ", "answer at all"])), place)
    causes.add(ready("d"), 3)
    (group,) = causes.groups()
    assert [member.where for member in group.members] == [f"postgresql://er@{host}:5432/hr" for host in "cba"]
    assert len({id(member.detail) for member in group.members}) == 1
    assert not any(hasattr(member, "checks") for member in group.members)
    assert group.alike == [group.members]
    assert list(group.fixes.values()) == [group.members]


def test_a_large_run_lists_what_is_not_fine_and_ranges_of_hosts() -> None:
    reports = [ready(f"web{number}") for number in range(300)] + [blocked(f"10.0.0.{n}") for n in range(1, 251)]
    text = drawn(new_document("table", Look(width=120)), reports)
    assert "web1" not in text
    assert text.count("postgresql://er@10.0.0.") == 200 + 1
    assert "not listed: 300 targets without a problem, 50 more below, by cause (-v lists every target)" in text
    assert "postgresql://er@10.0.0.[1-250]:5432/hr" in text
    todo = "to do, by owner (a target counts for each owner who can fix it)"
    both = "250 targets for the network and firewall team; 250 targets for the server administrators"
    assert f"{todo}: {both}" in " ".join(text.split())
    assert "blocked  connect.filtered (network)  250 targets" in text
    assert "mysql://web299:3306" in drawn(new_document("table", Look(width=120, verbosity=1)), reports)


def test_a_large_run_shows_some_fixes_of_a_cause_and_counts_the_others() -> None:
    """Each blocked target has a fix with its own address: a person does not read four thousand of them."""
    reports = [blocked(f"10.0.0.{n}", f"no answer from 10.0.0.{n}") for n in range(1, 251)]
    text = drawn(new_document("table", Look(width=160)), reports)
    assert text.count("no answer from") == 10
    assert (
        "and 240 more targets with details or fixes of their own: -v shows them, `scanready report RUN --split" in text
    )
    for look, of in ((Look(width=160, verbosity=1), reports), (Look(width=160), reports[:200])):
        assert drawn(new_document("table", look), of).count("no answer from") == len(of)


def test_a_warning_does_not_look_like_a_blocker() -> None:
    limited = replace(blocked("old"), verdict=Verdict.LIMITED)
    assert "limited  connect.filtered (network)  1 target" in drawn(new_document("table", Look(width=120)), [limited])
