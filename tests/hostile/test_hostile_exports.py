"""Exports made to harm the host that merges them: each is left out with one clear line, and costs only itself."""

from __future__ import annotations

import dataclasses
import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scanready.model import Agent, DeclaredAgent
from scanready.report.serialize import as_line
from scanready.store import Store
from tests.cli.exports import ago, lines, write
from tests.cli.in_process import call
from tests.hostile.test_hostile_files import more_memory
from tests.report.estate import many
from tests.report.reports import HOSTILE

if sys.platform != "linux":
    pytest.skip("the peak of a process's memory is read from /proc", allow_module_level=True)

MIB = 1 << 20
GOOD, BAD = Agent("proxy-good", "Linux", ("10.0.0.1",)), Agent("proxy-bad", "Linux", ("10.0.0.2",))
DECLARED = (DeclaredAgent(GOOD.name), DeclaredAgent(BAD.name))
REPORTS = list(many(5, 2))
TARGETS = [report.target for report in REPORTS]


def written(agent: Agent = BAD) -> list[str]:
    return lines([dataclasses.replace(report, agent=agent) for report in REPORTS], TARGETS, agents=DECLARED)


def changed(number: int, **values: Any) -> list[str]:
    """The lines of an export, one of which has other values."""
    made = written()
    made[number] = json.dumps(json.loads(made[number]) | values) + "\n"
    return made


def replaced(number: int, line: str) -> list[str]:
    made = written()
    made[number] = line
    return made


def end(**values: Any) -> list[str]:
    return changed(-1, end=json.loads(written()[-1])["end"] | values)


def agents() -> list[str]:
    return changed(0, agents=[{"name": str(n), "sites": [], "platform": ""} for n in range(1_000_000)])


def gaps() -> list[str]:
    return [*written()[:3], "\n", *written()[3:]]


LINES: dict[str, tuple[Callable[[], list[str]], str]] = {
    "second header": (lambda: [*written()[:2], *written()], "line 3 is a second header"),
    "text after the end": (lambda: [*written(), "{}\n"], "line 8 follows the end"),
    "fewer results than it counts": (
        lambda: [*written()[:2], *written()[3:]],
        "it has 4 results, and its end counts 5",
    ),
    "not a number": (lambda: replaced(2, written()[2].replace('"seconds":', '"seconds":NaN,"x":', 1)), "NaN is not"),
    "infinity": (lambda: replaced(2, written()[2].replace('"port":', '"port":-Infinity,"x":', 1)), "-Infinity is not"),
    "deep nesting": (lambda: replaced(2, "[" * 100_000 + "]" * 100_000 + "\n"), "line 3 is nested too deep"),
    "digits": (lambda: replaced(2, '{"schema":' + "9" * 10_000 + "}\n"), "line 3 is not JSON"),
    "long line": (lambda: replaced(2, '{"schema":"' + "x" * (2 * MIB) + '"}\n'), "line 3 is larger than 1 MiB"),
    "a million agents": (agents, "line 1 is larger than 1 MiB"),
    "no header": (lambda: written()[1:], "its first line is not the header of one"),
    "newer export": (lambda: changed(0, scanready_export=2), "use a newer scanready"),
    "gap": (gaps, "line 4 is "),
    "end is no object": (lambda: [*written()[:-1], '{"end":7}\n'], "end is not an object"),
    "accounts are no list": (lambda: end(accounts=7), "`[` is missing"),
    "accounts are no objects": (lambda: end(accounts=[7]), "accounts is not a list of objects"),
    "seconds of the end": (lambda: end(seconds=-1), "seconds of its end is not a number"),
    "cut end": (lambda: [*written()[:-1], '{"end":{"ended":"x"\n'], "line 7, the end of the export: `,` is missing"),
    "empty": (list, "it is cut off before its first line ends"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with the store of the test, and a good export."""
    monkeypatch.setenv("SCANREADY_STORE", str(tmp_path / "runs.db"))
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "good.scanready", written(GOOD))
    return tmp_path


def told(*files: str) -> str:
    done = call("merge", *files, "--format", "csv", "-o", "x.csv", "-q")
    assert not isinstance(done.exception, Exception), done.exception
    return done.stderr


def agents_stored(folder: Path) -> set[str]:
    with Store(folder / "runs.db") as store:
        return {json.loads(line)["agent"]["name"] for line in store.results(store.find("last"))}


@pytest.mark.parametrize("name", list(LINES))
@pytest.mark.parametrize("first", [True, False], ids=["bad-first", "bad-last"])
def test_a_bad_file_costs_only_itself(folder: Path, name: str, *, first: bool) -> None:
    make, why = LINES[name]
    bad = write(folder / "bad.scanready", make())
    messages = told(*((bad, "good.scanready") if first else ("good.scanready", bad)))
    (line,) = [one for one in messages.splitlines() if "bad.scanready was left out" in one]
    assert why in line
    assert agents_stored(folder) == {"proxy-good"}
    with Store(folder / "runs.db") as store:
        assert store.find("last").finished == 5


def test_the_earlier_results_of_an_agent_survive_its_damaged_later_export(folder: Path) -> None:
    later = lines(
        [dataclasses.replace(report, agent=GOOD) for report in REPORTS], TARGETS, agents=DECLARED, began=ago(-0.001)
    )
    before = [json.loads(line) for line in written(GOOD)[1:-1]]
    bad = write(folder / "bad.scanready", [*later[:4], "{\n"])
    assert "bad.scanready was left out" in told("good.scanready", bad)
    with Store(folder / "runs.db") as store:
        kept = [json.loads(line) for line in store.results(store.find("last"))]
    assert [one["target"] for one in kept] == [one["target"] for one in before]
    assert max(one["started"] for one in kept) < ago(-0.0005)


def test_of_a_file_that_was_cut_off_the_results_before_the_cut_count(folder: Path) -> None:
    whole = gzip.compress("".join(written()).encode(), 0)
    (folder / "bad.scanready").write_bytes(whole[: len(whole) * 6 // 10])
    messages = told("bad.scanready", "good.scanready")
    assert "bad.scanready is cut off: 3 results before the cut count; copy it again" in messages
    assert "was left out" not in messages
    assert agents_stored(folder) == {"proxy-good", "proxy-bad"}


def test_a_file_without_its_last_line_is_cut_off_too(folder: Path) -> None:
    bad = write(folder / "bad.scanready", written()[:-1])
    assert "bad.scanready is cut off: 5 results before the cut count" in told(bad, "good.scanready")


@pytest.mark.parametrize("place", [0.3, 0.6, 0.95])
def test_a_changed_byte_is_noticed(folder: Path, place: float) -> None:
    content = bytearray(gzip.compress("".join(written()).encode()))
    content[int(len(content) * place)] ^= 0x55
    (folder / "bad.scanready").write_bytes(content)
    assert "bad.scanready was left out: " in told("bad.scanready", "good.scanready")
    assert agents_stored(folder) == {"proxy-good"}


@pytest.mark.parametrize(
    "content",
    [b"", b"\x1f\x8b", b"junk", b"\x00" * 99, gzip.compress(b"\xff\xfe\n", mtime=0), b"\x80\x04."],
    ids=["empty", "the mark of gzip", "text", "zeros", "no UTF-8", "a pickle"],
)
def test_a_file_that_is_no_export_is_left_out(folder: Path, content: bytes) -> None:
    (folder / "bad.scanready").write_bytes(content)
    assert "bad.scanready was left out: " in told("bad.scanready", "good.scanready")


def test_no_escape_sequence_of_a_name_reaches_the_terminal(folder: Path) -> None:
    evil = dataclasses.replace(BAD, name=HOSTILE, platform=HOSTILE)
    other = dataclasses.replace(evil, addresses=(HOSTILE,))
    declared = (DeclaredAgent(HOSTILE), DeclaredAgent(HOSTILE + "2"))
    for number, agent in enumerate((evil, other)):
        reports = [dataclasses.replace(report, agent=agent) for report in REPORTS]
        write(folder / f"{number}.scanready", lines(reports, TARGETS, agents=declared, name=HOSTILE))
    messages = told("0.scanready", "1.scanready", "good.scanready")
    assert "described in different ways" in messages
    assert not {"\x1b", "\x9b", "\u202e", "\r", "\x07"} & set(messages)


def test_more_than_a_thousand_agents_are_no_estate(folder: Path) -> None:
    reports = (dataclasses.replace(REPORTS[0], agent=Agent(f"a{n}", "Linux"), started=ago()) for n in range(1100))
    (folder / "bad.jsonl").write_text("".join(as_line(report) + "\n" for report in reports))
    assert "bad.jsonl was left out: with it the estate has more than 1,000 agents" in told(
        "bad.jsonl", "good.scanready"
    )


def bomb(path: Path) -> None:
    """A line of 1 GiB in a megabyte."""
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write(written()[0].encode())
        for _ in range(1024):
            file.write(b" " * MIB)


def endless_end(path: Path) -> None:
    """A last line with 20 million empty accounts."""
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write("".join(written()[:-1]).encode() + b'{"end":{"accounts":[')
        for _ in range(60):
            file.write(b"{}," * (MIB // 3))
        file.write(b"{}]}}\n")


def endless_header(path: Path) -> None:
    with gzip.open(path, "wb") as file:
        file.write(b'{"scanready_export":1,"agents":[' + b"{}," * (64 * MIB // 3))


def crowded(path: Path) -> None:
    """Results with a million empty lists each."""
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(written()[0].encode())
        for _ in range(20):
            file.write(b'{"schema":1,"checks":[' + b"[]," * 300_000 + b"[]]}\n")


@pytest.mark.parametrize("make", [bomb, endless_header, endless_end, crowded], ids=lambda make: make.__name__)
def test_a_bomb_takes_little_memory(tmp_path: Path, make: Callable[[Path], None]) -> None:
    bad = tmp_path / "bad.scanready"
    make(bad)
    used, messages = more_memory("merge", str(bad), "--store", str(tmp_path / "runs.db"))
    assert "bad.scanready was left out: " in messages
    assert used < 100 << 10, f"{used >> 10} MB"
    used, messages = more_memory("report", str(bad))
    assert "bad.scanready: not a scanready result: " in messages
    assert used < 100 << 10, f"{used >> 10} MB"
