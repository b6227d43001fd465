"""`scanready selftest`: every type has an emulator, its verdict is compared, and no other host is contacted."""

from __future__ import annotations

import dataclasses
import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.limits import HANG
from scanready.catalogue import TargetType
from scanready.selftest import emulator
from tests.cli.in_process import call
from tests.cli.plugin import environment
from tests.ladder import TYPES
from tests.third_party import queue

#: Prints the address of each connection, datagram and name that is looked up.
WATCHED = """
import sys
def watch(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg") and isinstance(args[1], tuple):
        kind = "udp" if args[0].type & 0xF == 2 else "tcp"
        print(event, kind, args[1][0], file=sys.stderr)
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        print(event, "name", args[0], file=sys.stderr)
sys.addaudithook(watch)
from scanready.cli import main
sys.argv = ["scanready", "selftest", "--json"]
main()
"""


def test_every_type_has_an_emulator_and_gets_the_expected_verdict() -> None:
    done = call("selftest", "--json")
    told = json.loads(done.output)
    assert [one for one in told["checks"] if not one["passed"]] == []
    assert done.exit_code == 0
    assert told["passed"]
    assert told["without_emulator"] == []
    tried = [one["type"] for one in told["checks"]]
    assert sorted(set(tried)) == sorted(row.name for row in TYPES)
    assert [tried.count(name) for name in set(tried)] == [2] * len(TYPES)


def test_the_report_tells_versions_and_no_name_of_the_host() -> None:
    done = call("selftest")
    assert done.exit_code == 0
    assert f"CPython {platform.python_version()}" in done.output
    assert f"all {2 * len(TYPES)} checks of {len(TYPES)} target types passed" in done.output
    assert "not checked" not in done.output
    words = done.output.split()
    assert platform.node() not in words


@pytest.mark.parametrize("option", ["table", "json"])
def test_another_verdict_is_told_and_fails(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    real = emulator.emulator_of

    def other(row: TargetType) -> emulator.Emulator | None:
        found = real(row)
        return (
            dataclasses.replace(found, verdict="limited", cause="tls.expired") if row.name == "nfs" and found else None
        )

    monkeypatch.setattr(sys.modules["scanready.selftest.examine"], "emulator_of", other)
    done = call("selftest", "--format", option)
    assert done.exit_code == 1
    if option == "table":
        assert "expected limited tls.expired, got ready: NFS-Ganesha 4.3 (captured)" in " ".join(done.output.split())
        assert "1 of 2 checks failed" in done.output
    else:
        told = json.loads(done.output)
        assert not told["passed"]
        assert [one["got"] for one in told["checks"] if not one["passed"]] == ["ready"]


def test_no_emulator_at_all_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["scanready.selftest.examine"], "emulator_of", lambda row: None)
    assert call("selftest").exit_code == 1


def test_it_contacts_loopback_only_and_looks_up_no_name() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", WATCHED], capture_output=True, text=True, timeout=HANG, check=False
    )
    assert done.returncode == 0, done.stderr
    contacts = {tuple(line.split()) for line in done.stderr.splitlines() if line.startswith("socket.")}
    # A UDP socket that is connected and never written to sends nothing: so a host finds its own address.
    sent = {one for one in contacts if one[:2] != ("socket.connect", "udp")}
    assert sent == {("socket.connect", "tcp", "127.0.0.1")}


BAD = {
    "syntax": "what = ",
    "a-key-is-missing": 'what = "x"',
    "no-such-file": 'what = "x"\nverdict = "ready"\ngreeting = ["absent.hex"]',
    "no-expression": 'what = "x"\nverdict = "ready"\n[[answer]]\nto = "("',
    "no-text": 'what = "x"\nverdict = "ready"\ngreeting = [{}]',
}


@pytest.mark.parametrize("name", BAD)
def test_the_broken_emulator_of_another_package_fails_alone(name: str, tmp_path: Path) -> None:
    queue(tmp_path)
    folder = tmp_path / "acme_queue" / emulator.FOLDER
    folder.mkdir()
    (folder / "queue.toml").write_text(BAD[name])
    done = subprocess.run(
        [sys.executable, "-P", "-m", "scanready", "selftest", "--json"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=HANG,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    failed = [one for one in json.loads(done.stdout)["checks"] if not one["passed"]]
    assert [one["type"] for one in failed] == ["queue"]
    assert failed[0]["detail"].startswith("the emulator of queue cannot be read: ")


def test_help_does_not_load_it() -> None:
    script = "import sys; from scanready.cli import main; sys.argv = ['scanready', '--help']\n"
    script += "try: main()\nexcept SystemExit: pass\n"
    script += "print(*[name for name in sys.modules if 'selftest' in name], file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], capture_output=True, text=True, timeout=HANG, check=True
    )
    assert done.stderr.split() == []
