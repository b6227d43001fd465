"""A plug-in that holds a run up, raises, or claims what is not its own: the run ends, and a line names the package."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fixtures.emulators import in_background, misbehave
from fixtures.limits import HANG
from tests import third_party
from tests.cli import plugin
from tests.cli.test_broken_plugins import WHO, check, install_each, who_is

VERIFY = "import asyncio, os, time\nfrom scanready.model import Step\nasync def verify(probe):\n    "
REFUSES = """async with probe.step(Step.HANDSHAKE):
        open(os.environ["MOOD_LOG"], "w").close()
        while True:
            try:
                await asyncio.sleep(3600)
            except BaseException:
                pass
"""
LOGIN_HANGS = """async with probe.step(Step.LOGIN):
        await probe.login(lambda *given: time.sleep(3600), probe.host)
"""


@pytest.mark.parametrize("body", [REFUSES, LOGIN_HANGS], ids=["coroutine", "thread"])
def test_the_process_ends(tmp_path: Path, body: str) -> None:
    third_party.queue(tmp_path, verify=VERIFY + body)
    arguments = ["check", "queue://127.0.0.1:9", "mysql://127.0.0.1:10", "--timeout", "0.5", "--format", "jsonl"]
    env = {"PW": "Passw0rd!", "MOOD_LOG": str(tmp_path / "begun")}
    done = plugin.run(tmp_path, [*arguments, "--user", "scan", "--password-from", "env:PW"], env)
    results = {one["target"]["type"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert results["mysql"]["cause"]["code"] == "connect.refused"
    assert results["queue"]["verdict"] == "undecided"
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    if body is REFUSES:
        assert results["queue"]["cause"]["code"] == "agent.plugin-failed"
        assert [one["outcome"] for one in results["queue"]["checks"]].count("failed") == 1
        assert f"{WHO}the verifier of queue ignored the end of its time" in results["queue"]["cause"]["detail"]


def test_a_terminal_can_interrupt_it(tmp_path: Path) -> None:
    """Once: what is in flight ends at its deadline. The store has the result."""
    third_party.queue(tmp_path, verify=VERIFY + REFUSES)
    begun = tmp_path / "begun"
    arguments = ("check", "queue://127.0.0.1:9", "--timeout", "3", "--format", "jsonl")
    with plugin.started(tmp_path, *arguments, MOOD_LOG=str(begun)) as process:
        plugin.until(begun.exists)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=HANG)
    assert process.returncode == 130
    assert json.loads(out)["cause"]["code"] == "agent.plugin-failed"
    assert "Traceback" not in err


RAISES = VERIFY + "raise LookupError('oops')"


URLS: Mapping[str, tuple[str, str]] = {
    "none": ("", "report it to its authors"),
    "home": ("Home-page: https://acme.example/", "report it at https://acme.example/"),
    "best": (
        "Project-URL: Source, https://acme.example/code\nProject-URL: Bug Tracker, https://acme.example/bugs",
        "report it at https://acme.example/bugs",
    ),
    "escapes": ("Project-URL: Issues, https://acme.example/\x1b[31m\u202e", "https://acme.example/\\x1b[31m\\u202e;"),
    "script": ("Project-URL: Issues, javascript:alert(1)", "report it to its authors"),
    "file": ("Project-URL: Issues, file:///etc/passwd", "report it to its authors"),
    "password": ("Project-URL: Issues, https://user:pw@acme.example/", "report it to its authors"),
    "no url": ("Project-URL: Issues, https://[", "report it to its authors"),
}


def test_where_to_report_it(tmp_path: Path) -> None:
    names = install_each(tmp_path, {case: ({"verify": RAISES}, "") for case in URLS})
    for name, case in names.items():
        with (tmp_path / f"acme_{name}-1.0.dist-info" / "METADATA").open("a", encoding="utf-8") as file:
            file.write(f"{URLS[case][0]}\n" if URLS[case][0] else "")
    results, _ = check(tmp_path, *(f"{name}://127.0.0.1:9" for name in names))
    causes = {names[result["target"]["type"]]: result["cause"] for result in results}
    for name, case in names.items():
        cause = causes[case]
        assert (cause["code"], cause["owner"]) == ("agent.plugin-failed", "agent")
        assert cause["detail"] == f"{who_is(name)}LookupError: oops"
        assert "authors of the package" in cause["remedy"]
        assert URLS[case][1] in cause["fix"], case
        assert cause["fix"].isprintable()
        assert cause["fix"].endswith(f"; or on the agent: python -m pip uninstall acme-{name}")


SIGNATURE = """
import time
from scanready.climb.signature import Signature
def recognise(data):
    {}
SIGNATURES = (Signature("queue", recognise, {}),)
"""


def heard(site: Path, greeting: bytes, *types: str) -> tuple[list[dict[str, Any]], str]:
    """Check a server that says ``greeting``, as each of the types."""
    with in_background(misbehave.says(greeting)) as server:
        targets = [f"{name}://127.0.0.1:{server.port}" for name in types]
        arguments = ["check", *targets, "--no-canary", "--no-store", "-q", "--timeout", "5", "--format", "jsonl"]
        done = plugin.run(site, arguments)
    assert "Traceback" not in done.stderr, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


SIGNATURES: Mapping[str, tuple[str, int]] = {
    "sleeps": ("time.sleep(3600)", 1),
    "loops": ("while True: pass", 2),
    "sleeps now": ("if b'greeting' in data: time.sleep(3600)", 3),
    "raises": ("1 / 0", 4),
    "exits": ("raise SystemExit", 5),
    "interrupts": ("raise KeyboardInterrupt", 6),
    "no text": ("return 7", 7),
    "claims all": ("return 'a queue'", -8),
}
FAULTS: Mapping[str, str] = {
    "sleeps": "it took longer than 0.25 s",
    "loops": "it took longer than 0.25 s",
    "sleeps now": "it took longer than 0.25 s",
    "raises": "ZeroDivisionError",
    "exits": "SystemExit",
    "interrupts": "KeyboardInterrupt",
    "no text": "it returned a int, neither a phrase nor None",
    "claims all": "it claims bytes that no protocol sends",
}


def test_signatures_that_fail_are_left_out(tmp_path: Path) -> None:
    """Each of a package of its own; all in one run, whose target is judged as if they were not there."""
    names = install_each(
        tmp_path, {case: ({"signatures": SIGNATURE.format(*SIGNATURES[case])}, "") for case in SIGNATURES}
    )
    (imap, *_), err = heard(tmp_path, b"a greeting that no table knows\r\n", "imap")
    assert imap["cause"]["code"] == "handshake.other-protocol"
    assert "a greeting that no table knows" in imap["cause"]["detail"]
    for name, case in names.items():
        says = f"{who_is(name)}a signature of it is left out: {FAULTS[case]}"
        assert err.count(says) == 1, (case, err)
    assert len(err.splitlines()) == len(names), err


def test_a_signature_takes_nothing_from_scanready(tmp_path: Path) -> None:
    """A built-in signature decides first, for any rank of the other; the greeting of the new protocol is recognised."""
    body = "return 'a queue\\x1b[31m' + 'x' * 999 if data[:3] in (b'RFB', b'QUE') else None"
    third_party.queue(tmp_path, signatures=SIGNATURE.format(body, -7))
    (vnc, *_), err = heard(tmp_path, b"RFB 003.008\n", "imap")
    assert "a VNC server (003.008) answers" in vnc["cause"]["detail"]
    (queue, *_), err = heard(tmp_path, b"QUEUE 1.0\r\n", "imap")
    assert queue["cause"]["code"] == "handshake.other-protocol"
    assert queue["cause"]["detail"].startswith("a queue\\x1b[31mxxx")
    assert len(queue["cause"]["detail"]) < 300
    assert not err


def test_the_checks_of_a_verifier_that_proves_nothing_say_nothing_to_others(tmp_path: Path) -> None:
    """It claims the port of a MySQL server; the server is checked all the same."""
    third_party.queue(tmp_path, verify=third_party.VERIFY.replace("probe.footprint.connections += 1", ""))
    results, _ = check(tmp_path, "queue://127.0.0.1:10", "mysql://127.0.0.1:10")
    found = {one["target"]["type"]: (one["verdict"], one["cause"]["code"]) for one in results}
    assert found == {"queue": ("undecided", "agent.plugin-unproven"), "mysql": ("blocked", "connect.refused")}
