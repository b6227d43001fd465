"""An exception in another package's verifier: its traceback is under ``-v``, in transcript and bundle, nowhere else."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from tests import third_party
from tests.cli import plugin
from tests.run.test_leftovers import garbage, of_climbs

SECRET = "never-shown-3141"
TARGET = "queue://scan@127.0.0.1:9"
BUG = """
from scanready.model import Step
def broken(where, credential, seconds):
    raise LookupError(f"no {credential.password} in \\x1b[31m here")
async def verify(probe):
    async with probe.step(Step.LOGIN):
        await probe.login(broken, probe.host)
"""

__all__ = ["garbage"]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    third_party.queue(tmp_path, verify=BUG)
    return tmp_path


def run(site: Path, *arguments: str) -> str:
    done = plugin.run_fresh(
        site,
        ["check", TARGET, "--no-canary", "--password-from", "env:PW", *arguments],
        {"PW": SECRET, "COLUMNS": "200"},
    )
    assert done.returncode == 3, done.stderr
    assert SECRET not in done.stdout + done.stderr
    return str(done.stdout)


def shows_it(text: str) -> bool:
    where = 'verify.py", line 4, in broken'
    return where in text and "raise LookupError(" in text and "LookupError: no *** in \\x1b[31m here" in text


def test_where_it_is_and_where_it_is_not(site: Path) -> None:
    bundle, transcript = site / "case.zip", site / "t.txt"
    verbose = run(site, "-v", "--bundle", str(bundle), "--transcript", str(transcript))
    assert shows_it(verbose)
    assert shows_it(transcript.read_text())
    assert " traceback " in transcript.read_text()
    with zipfile.ZipFile(bundle) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert shows_it(parts["transcript.txt"])
    for text in (*parts.values(), transcript.read_text()):
        assert SECRET not in text
    assert "verify.py" not in parts["result.json"]
    assert json.loads(parts["about.json"])["plugins"] == ["queue = acme_queue.row:QUEUE"]
    for arguments in ([], ["--json"], ["--format", "csv"], ["--format", "html"], ["--format", "junit"]):
        # The fate of the secret of the run before is unknown, so another try must be asked for.
        plain = run(site, "--retry-refused", *arguments)
        assert "LookupError: no *** in" in plain
        assert "verify.py" not in plain, arguments
    for stored in ("-v", "--json"):
        assert "verify.py" not in plugin.run_fresh(site, ["report", "last", stored]).stdout


def test_it_keeps_nothing_of_the_climb(garbage: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    from scanready.climb.probe import Probe
    from scanready.model import Step, Target
    from scanready.run import registry
    from scanready.run.engine import verify
    from scanready.run.settings import Settings

    async def broken(probe: Probe) -> None:
        async with probe.step(Step.AUTH):
            raise LookupError("inside")

    async def outside(probe: Probe) -> None:
        raise LookupError("outside")

    for verifier in (broken, outside):
        monkeypatch.setattr(registry, "verifier", lambda _, verifier=verifier: verifier)
        report = asyncio.run(verify(Target("127.0.0.1", "mysql", 3306), Settings(canary=False)))
        assert any("test_tracebacks.py" in check.trace for check in report.checks)
        assert not of_climbs(garbage)
