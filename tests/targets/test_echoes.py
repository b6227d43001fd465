"""A password that a server repeats is in no report, for every type that logs in and every form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from fixtures.emulators import in_background
from fixtures.emulators.certificates import authority
from scanready.model import Report, Step
from scanready.redaction import WITHHELD
from scanready.report import FORMATS, new_document
from scanready.report.document import RunInfo, Totals
from scanready.report.ladder import draw
from scanready.report.look import Look
from scanready.report.serialize import as_line
from scanready.testing.verdicts import failure
from tests.ladder import TYPES, account, climb, target
from tests.targets.echoing import CLEAR, ECHOES, MARK, SECRET, WORD, echoing, forms, postgresql


def echoed(type_: str, secret: str) -> Report:
    serve, options = ECHOES[type_]
    with serve(echoing(secret)) as server:
        where = target(type_, "127.0.0.1", server.port, account("er", secret), **options)
        return climb(where, canary=False, ca_file=str(authority().ca_file))


def outputs(report: Report) -> Iterator[tuple[str, str]]:
    """The report in every format, as JSON, and as the ladder with everything in it."""
    look = Look(width=160, verbosity=2)
    totals = Totals(Counter([report.verdict]))
    run = RunInfo("0", report.agent, report.started, 6.0, Step.ACCESS, [report.target])
    for name in FORMATS:
        document = new_document(name, look)
        yield name, document.begin(run) + document.add(report) + document.end(totals)
    yield "line", as_line(report)
    yield "ladder", draw(report, look)
    yield "pytest", failure(report, "wanted: ready")


def test_every_type_that_logs_in_has_such_a_server() -> None:
    assert {row.name for row in TYPES if row.aided} == set(ECHOES)


@pytest.mark.parametrize("type_", ECHOES)
def test_no_form_of_the_password_is_in_any_output(type_: str) -> None:
    report = echoed(type_, SECRET)
    assert "***" in as_line(report) or WITHHELD in as_line(report), "the text arrived"
    for name, text in outputs(report):
        for form in forms(SECRET):
            assert form[:8] not in text.replace("\n", ""), name


@pytest.mark.parametrize("type_", [type_ for type_ in ECHOES if type_ not in ("smb", "informix", "db2", "oracle")])
def test_a_word_of_ours_takes_the_whole_text_with_it(type_: str) -> None:
    """The servers that do not judge the password."""
    report = echoed(type_, WORD)
    assert WITHHELD in as_line(report), "the text arrived"
    for name, text in outputs(report):
        assert MARK not in text, name


@pytest.mark.parametrize("secret", [WORD, "refused", "Step", "er"])
def test_what_a_server_does_not_repeat_changes_no_report(secret: str) -> None:
    """Our own words are the same whatever the password is: no output tells which of them it equals."""
    reports = []
    for password in (secret, "w4-Kxv-00"):
        with in_background(postgresql("no")) as server:
            where = target("postgresql", "127.0.0.1", server.port, account("er", password), **CLEAR)
            report = climb(where, canary=False)
            reports.append([(check.summary, check.outcome) for check in report.checks])
    port = {str(check) for check in reports[0]} ^ {str(check) for check in reports[1]}
    assert not [text for text in port if "127.0.0.1" not in text], port
