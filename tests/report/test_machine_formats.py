"""The result as JSON has exactly the fields of the contract and is valid by our schema, with any facts."""

from __future__ import annotations

import datetime
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from scanready.model import Step, Target, Verdict
from scanready.report import new_document, serialize
from scanready.report.document import RunInfo, Totals
from scanready.report.look import Look
from scanready.report.schema import result_schema
from scanready.report.serialize import as_line, as_object
from tests.report.reports import AGENT, SECRET, blocked, ready

if TYPE_CHECKING:
    import pytest

SCHEMA = jsonschema.Draft202012Validator(result_schema())
RUN = RunInfo("0.1.0", AGENT, "2026-01-01T00:00:00Z", 10.0, Step.ACCESS, [])


def test_the_fields_are_those_of_the_contract() -> None:
    serialize = json.loads(as_line(blocked()))
    assert list(serialize) == [
        "schema",
        "agent",
        "target",
        "verdict",
        "reached",
        "cause",
        "besides",
        "facts",
        "checks",
        "footprint",
        "started",
        "seconds",
    ]
    assert serialize["agent"] == {
        "name": "proxy-nyc",
        "platform": "Linux",
        "distribution": "",
        "addresses": ["10.0.1.5"],
        "networks": [],
        "assumed": False,
        "profile": "",
    }
    assert serialize["target"] == {
        "name": "postgresql://er@db7:5432/hr",
        "host": "db7",
        "type": "postgresql",
        "port": 5432,
        "options": {"database": "hr"},
        "credential": "pg",
        "user": "er",
        "tags": [],
        "guessed": False,
        "explicit_port": False,
    }
    cause = serialize["cause"]
    assert (cause["code"], cause["owner"], cause["step"]) == ("connect.filtered", "network", "connect")
    assert cause["detail"] == "no answer"
    assert cause["fix"] == "tcp dport 5432 accept\ntcp dport 5433 accept"
    assert serialize["checks"][0] == {
        "step": "resolve",
        "endpoint": "db7",
        "outcome": "passed",
        "summary": "10.0.0.7",
        "facts": {"addresses": ["10.0.0.7"]},
        "cause": None,
        "detail": None,
        "fix": None,
        "tentative": False,
        "seconds": 0.001235,
    }
    assert cause["confirm"].startswith("On the agent: nc -vz -w 5 db7 5432")
    assert serialize["checks"][1]["cause"] == "connect.filtered"
    assert (serialize["checks"][2]["detail"], serialize["checks"][2]["fix"]) == ("no answer", "tcp dport 5433 accept")
    assert serialize["seconds"] == 0.042123


def test_there_is_no_cause_where_it_holds() -> None:
    assert json.loads(as_line(ready()))["cause"] is None


def test_the_schema_is_a_schema_and_takes_results() -> None:
    jsonschema.Draft202012Validator.check_schema(result_schema())
    for report in (blocked(), ready()):
        SCHEMA.validate(json.loads(as_line(report)))
        assert as_object(report) == json.loads(as_line(report))


def test_the_schema_refuses_what_is_no_result() -> None:
    for broken in ({}, {**as_object(ready()), "verdict": "fine"}, {"schema": 1, "run": {}, "results": []}):
        assert not SCHEMA.is_valid(broken)


def test_facts_of_any_kind_become_json() -> None:
    loop: list[object] = []
    loop.append(loop)
    report = blocked(
        lone="a\ud800b",
        bag={2, 1},
        nan=float("nan"),
        raw=b"\xff\x00",
        when=datetime.date(2026, 1, 2),
        path=Path("x"),
        keys={1: (2, 3)},
        step=Step.TLS,
        endless=loop,
        verdict=Verdict.READY,
        emoji="\U0001f600",
    )
    line = as_line(report)
    assert line.isascii()
    facts = json.loads(line)["facts"]
    assert facts["lone"] == "a\\ud800b"
    assert facts["bag"] == [1, 2]
    assert facts["nan"] is None
    assert facts["raw"] == "\\xff\x00"
    assert facts["when"] == "2026-01-02"
    assert facts["keys"] == {"1": [2, 3]}
    assert (facts["step"], facts["verdict"], facts["path"], facts["emoji"]) == ("tls", "ready", "x", "\U0001f600")
    SCHEMA.validate(json.loads(line))


LEAVES = st.none() | st.floats() | st.text() | st.binary() | st.integers()
FACTS = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.binary(), inner))


@given(FACTS)
def test_whatever_a_verifier_notes_is_one_ascii_line(fact: object) -> None:
    line = as_line(blocked(fact=fact))
    assert line.isascii()
    assert "\n" not in line
    json.loads(line).keys()


def test_secrets_are_never_in_it() -> None:
    report = blocked()
    options = {"proxy": f"http://me:{SECRET}@proxy:3128", "password": SECRET, "path": "/a"}
    report.target = Target("h", "http", 80, options, report.target.credential)
    line = as_line(report)
    assert SECRET not in line
    assert json.loads(line)["target"]["options"] == {
        "proxy": "http://me:***@proxy:3128",
        "password": "***",
        "path": "/a",
    }


def test_the_document_is_valid_with_many_results_one_and_none() -> None:
    for reports in ([blocked(), ready(), ready()], [ready()], []):
        document = new_document("json", Look())
        text = document.begin(RUN) + "".join(document.add(report) for report in reports)
        text += document.end(Totals(Counter(report.verdict for report in reports), 1.5))
        parsed = json.loads(text)
        SCHEMA.validate(parsed)
        assert list(parsed) == ["schema", "run", "results", "summary"]
        assert len(parsed["results"]) == len(reports)
        assert parsed["summary"]["seconds"] == 1.5


def test_json_lines_are_lines() -> None:
    document = new_document("jsonl", Look())
    assert document.begin(RUN) + document.end(Totals()) == ""
    text = document.add(blocked(detail="two\nlines"))
    assert text.count("\n") == 1
    assert json.loads(text)["cause"]["detail"] == "two\nlines"


def test_usual_facts_take_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fast encoder takes 37 us a line, the other one ten times that, which would halve the speed of a large run."""

    def slow(*_: object) -> None:
        raise AssertionError("not for a usual report")

    monkeypatch.setattr(serialize, "_plain", slow)
    assert json.loads(as_line(blocked()))["verdict"] == "blocked"
