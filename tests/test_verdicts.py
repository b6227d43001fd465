"""The safety net of script/verdicts: it removes only values that differ in every run, and reports differences."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fixtures.limits import HANG
from fixtures.verdicts import bytestalk, chance, demo, emulated, entries, masks, normal
from fixtures.verdicts.cases import ADDRESSES, batches
from fixtures.verdicts.comparing import ABSENT, Difference, differences

ROOT = Path(__file__).parent.parent

TRANSCRIPT = """\
# Bytes exchanged.

2026-11-29T21:53:58.555Z http://127.0.0.16:20005 sent 18 bytes
000000  48 45 41 44 20 2f 20 48 54 54 50 2f 31 2e 31 0d  HEAD / HTTP/1.1.
000010  0a 0d                                            ..

2026-11-29T21:53:58.556Z ssh://127.0.0.1:22/srv sent 2 bytes
000000  aa bb                                            ..

2026-11-29T21:53:58.557Z http://127.0.0.16:20005 sent 1 bytes
000000  0a                                               .

2026-11-29T21:53:58.558Z http://127.0.0.16:20005 received 4 bytes
000000  48 54 54 50                                      HTTP
"""


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("expired on 2026-11-28", "expired on <date>"),
        ("at 2026-11-28T21:53:57+00:00, and", "at <time>, and"),
        ("no answer over UDP in 3.0 s", "no answer over UDP in <seconds>"),
        ("its clock is 600 s behind", "its clock is <some time> behind"),
        ("/tmp/scanready-lab-952503d6/home/scanuser", "<temporary>/home/scanuser"),
        ("PostgreSQL 15.18 on 10.77.5.10:5432", "PostgreSQL 15.18 on 10.77.5.10:5432"),
    ],
)
def test_what_is_new_in_every_run(text: str, kept: str) -> None:
    assert normal.text(text) == kept


@pytest.mark.parametrize(
    ("seconds", "kept"), [(0, 0), (-1, 0), (-601, -600), (899, 900), (-600_123, "<behind>"), (7200, "<ahead>")]
)
def test_clocks(seconds: int, kept: int | str) -> None:
    assert normal.value({"facts": {"clock_skew_seconds": seconds}, "seconds": 0.1}) == {
        "facts": {"clock_skew_seconds": kept}
    }


def test_a_turn_is_one_however_it_was_cut() -> None:
    talks = bytestalk.talks(TRANSCRIPT)
    assert masks.lines("http", talks["http://127.0.0.16:20005"]) == ['> 19: "HEAD / HTTP/1.1\r\n\r\n"', '< 4: "HTTP"']
    assert entries.transcript({"type": "ssh", "host": "127.0.0.1", "port": 22}, talks) == ["> 2: aabb"]
    assert entries.transcript({"type": "http", "host": "127.0.0.16", "port": 2000}, talks) == []


@pytest.mark.parametrize(
    ("data", "hidden"),
    [
        (b"\x80\x00\x00\x28\x01\x02\x03\x04" + bytes(7) + b"\x02\x00\x01\x86\xa3", {4, 5, 6, 7}),
        (b"NTLMSSP\0\2\0\0\0" + bytes(12) + b"nonceee!" + bytes(8), set(range(24, 32))),
        (b"HTTP/1.1 200 OK\r\nServer: nginx\r\n\r\n", set()),
    ],
)
def test_what_is_hidden_of_bytes(data: bytes, hidden: set[int]) -> None:
    assert masks.hidden(data) == hidden


def test_a_flood_is_kept_by_its_beginning() -> None:
    assert bytestalk.shown(False, b"A" * 5000) == f'< many: "{"A" * 256}" ...'


def test_what_a_peer_leaves_to_chance() -> None:
    entry = {"checks": [{"summary": "the server reset the connection"}], "transcript": ["> 1: 00", "< 1: 00"]}
    assert chance.less(entry, "misbehave closes-at-once as ssh")["checks"] != entry["checks"]
    assert chance.less(entry, "misbehave drips as ssh")["transcript"] == ["> 1: 00", "< <some bytes>"]
    assert chance.less(entry, "misbehave silent as ssh") == entry


def test_further_findings_are_those_that_did_not_decide() -> None:
    def check(cause: str | None) -> dict[str, Any]:
        return {"cause": cause, "step": "tls", "detail": cause, "fix": None}

    result = {"cause": {"code": "a.b"}, "checks": [check("a.b"), check(None), check("c.d")]}
    assert [found["cause"] for found in entries.besides(result)] == ["c.d"]


def test_every_difference_is_told_with_its_place() -> None:
    before = {"one": {"verdict": "ready", "checks": [{"step": "tls"}]}, "gone": {"verdict": "ready"}, "same": {"a": 1}}
    after = {"one": {"verdict": "blocked", "checks": [{"step": "auth"}], "fix": None}, "same": {"a": 1}}
    assert list(differences(before, after)) == [
        Difference("gone", "", {"verdict": "ready"}, ABSENT),
        Difference("one", "checks[0].step", "tls", "auth"),
        Difference("one", "fix", ABSENT, None),
        Difference("one", "verdict", "ready", "blocked"),
    ]


@pytest.mark.parametrize(("verdict", "code"), [("ready", 0), ("blocked", 1)])
def test_the_comparison_as_a_command(tmp_path: Path, verdict: str, code: int) -> None:
    files = []
    for name, recorded in {"before": "ready", "after": verdict}.items():
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(json.dumps({"demo: one": {"verdict": recorded}}))
    command = [sys.executable, "-m", "fixtures.verdicts", "--compare", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=HANG)
    assert done.returncode == code, done.stderr
    assert ("before  " in done.stdout) is bool(code)


def test_no_two_cases_have_one_name() -> None:
    for cases in (list(demo.cases()), list(emulated.cases())):
        names = [case.name for case in cases]
        assert sorted(set(names)) == sorted(names)
        assert all(len(batch.cases) <= len(ADDRESSES) for batch in batches(cases))
