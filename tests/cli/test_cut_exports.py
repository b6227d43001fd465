"""An export without its end, as a killed run or a broken copy leaves one: its whole lines count in every command."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.exports import lines, write
from tests.cli.in_process import call
from tests.cli.test_guard_passed_on import exported
from tests.cli.test_lockout_across_runs import WITHHELD, Site, _entry
from tests.cli.test_lockout_across_runs import site as site  # a fixture
from tests.cli.test_merge import LON, NYC, REPORTS, TARGETS, of
from tests.cli.test_merge import folder as folder  # a fixture

WHAT_TO_DO = "copy it again, or, if its run was killed, write it on its agent: `scanready report RUN --export FILE`"


def cut(site: Site, file: str, results: int, *, packed: bool = True) -> str:
    """Cut an export off after its first results, in the middle of the next line."""
    whole = gzip.decompress(Path(file).read_bytes()).splitlines(keepends=True)
    text = b"".join(whole[: 1 + results]) + whole[1 + results][:40]
    path = site.where / "cut.scanready"
    path.write_bytes(gzip.compress(text)[:-9] if packed else text)
    return str(path)


def refused_first(site: Site) -> str:
    """Let another agent find the account refused at its first target; return its export."""
    return exported(site, "other")[1]


@pytest.mark.parametrize("packed", [True, False])
def test_whole_lines_of_a_guard_count_and_the_rest_is_told(site: Site, packed: bool) -> None:
    site.inventory = site.estate("judges")
    file = cut(site, refused_first(site), 1, packed=packed)
    results = site.verify("--guard", file)
    assert [one["cause"]["code"] for one in results] == ["login.withheld"]
    assert "127.0.0.1:99 refused the credential 'ad' from the agent" in results[0]["cause"]["detail"]
    assert site.refused == 1
    (line,) = [
        one for one in site.command("verify", site.inventory, "--guard", file).stderr.splitlines() if "cut" in one
    ]
    assert line == (
        f"scanready: --guard: {file} is cut off: the logins of its 1 complete results count, and a credential that "
        f"they do not have is withheld; {WHAT_TO_DO}"
    )


def test_an_account_that_the_lines_of_a_cut_guard_do_not_have_is_not_used(site: Site) -> None:
    file = cut(site, refused_first(site), 0)
    results = site.verify("--guard", file, PW="right")
    assert [one["cause"]["code"] for one in results] == WITHHELD
    assert results[0]["cause"]["detail"] == (
        f"{file}, a file of --guard, is cut off and does not say what became of the credential 'ad'; it is not tried: "
        "get a whole file from that agent, or verify with `--retry-refused=ad`"
    )
    assert site.causes("--guard", file, "--retry-refused=ad", PW="right") == ["scannable"] * 3
    assert site.refused == 1


def test_an_account_that_a_cut_guard_proves_is_used(site: Site) -> None:
    site.inventory = site.estate("ready", "ready")
    _, file = exported(site, "other", PW="right")
    assert site.causes("--guard", cut(site, file, 1), PW="right") == ["scannable"] * 2


def test_a_cut_guard_whose_line_is_no_result_ends_the_command(site: Site) -> None:
    path = site.where / "cut.scanready"
    path.write_text('{"scanready_export":1}\n{"no": "result"}\n{"')
    done = site.command("verify", site.inventory, "--guard", str(path))
    assert done.returncode == 2
    assert "cut.scanready is cut off, and its line 2 is no result" in done.stderr
    assert not site.log.exists()


OUTCOMES: dict[str, tuple[Any, str | None]] = {
    "newer": ("newer.cause", "'newer.cause', which this version does not know"),
    "hand-made": ("Accepted", "'Accepted', which this version does not know"),
    "hostile": ("\x1b[2J\n\u202e" + "x" * 900, "'\\x1b[2J\\x0a\\u202exxx"),
    "number": (7, None),
    "list": (["login.refused"], None),
    "truth": (True, None),
    "empty": ("", None),
    "long": ("x" * 2_000_000, None),
}


@pytest.mark.parametrize("case", OUTCOMES)
def test_an_unknown_outcome_withholds_in_one_clear_line(site: Site, case: str) -> None:
    outcome, quoted = OUTCOMES[case]
    path = site.where / "other.json"
    path.write_text(json.dumps({"accounts": [_entry(outcome=outcome)]}))
    done = site.command("verify", site.inventory, "--guard", str(path), "--format", "json")
    (line,) = [one for one in done.stderr.splitlines() if "--guard" in one]
    assert len(line) < 400
    assert line.isprintable()
    assert not site.log.exists(), "no login"
    if quoted is None:
        assert done.returncode == 2
        assert line.endswith("has an entry with a text that is empty, too long, or no text")
        return
    assert quoted in line
    assert line.endswith("such a login counts as refused")
    results = json.loads(done.stdout)["results"]
    assert [one["cause"]["code"] for one in results] == WITHHELD
    assert quoted[:12] in results[0]["cause"]["detail"]
    assert len(results[0]["cause"]["detail"]) < 400


def test_a_cut_export_gives_its_results_to_every_reader(folder: Path) -> None:
    written = lines(of(LON), TARGETS)
    whole, short = write(folder / "whole.scanready", written), write(folder / "cut.scanready", written)
    text = "".join(written[:4]) + written[4][:40]
    Path(short).write_bytes(gzip.compress(text.encode())[:-9])
    told = f"scanready: {short} is cut off: 3 results before the cut count; {WHAT_TO_DO}\n"
    for command in (
        ["report", short, "--format", "json"],
        ["firewall", "--from", short, "--rank", "--json"],
        ["diff", short, short, "--json"],
    ):
        done = call(*command)
        assert done.exit_code in (0, 1, 3), (command, done.output)
        assert done.stderr.count(told) == 1 + (command[0] == "diff"), (command, done.stderr)
    assert len(json.loads(call("report", short, "--format", "json").stdout)["results"]) == 3
    assert len(json.loads(call("report", whole, "--format", "json").stdout)["results"]) == len(REPORTS)
    merged = call("merge", short, write(folder / "nyc.scanready", lines(of(NYC), TARGETS)), "--format", "json")
    assert f"cut.scanready is cut off: 3 results before the cut count; {WHAT_TO_DO}" in merged.stderr
    ranked = call("firewall", "--from", "last", "--rank", "--json")
    assert ranked.exit_code in (0, 1, 3), ranked.output
