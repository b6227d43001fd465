"""Every hostile text in every protocol, verified once by the command; the outputs, for tests to look at."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fixtures.emulators import serve
from fixtures.hostile_text import PEERS, TEXTS
from fixtures.limits import HANG

FORMATS = ("json", "jsonl", "csv", "junit", "tap", "sarif", "github", "prometheus", "nagios", "md", "html")


@dataclass(frozen=True)
class Estate:
    """The files of the outputs by format; ``table``, ``ladder``, ``plan`` and ``stderr`` are text."""

    directory: Path
    table: str
    table_in_colour: str
    ladder: str
    plan: str
    stderr: str
    targets: int

    def read(self, name: str) -> str:
        """The text of an output's file, line ends as they are."""
        return (self.directory / name).read_bytes().decode()


@contextlib.contextmanager
def servers() -> Iterator[list[str]]:
    """The inventory's lines of all that say something hostile."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="hostile")
    thread.start()

    async def start() -> tuple[contextlib.AsyncExitStack, list[str]]:
        held, lines = contextlib.AsyncExitStack(), []
        for number, (name, text) in enumerate(TEXTS.items()):
            for kind, peer in PEERS.items():
                # Each text on a host of its own: what one says must not look like the doing of another.
                server = await held.enter_async_context(serve(peer(text), f"127.0.7.{number + 1}"))
                lines.append(f"  - {{host: {server.host}, port: {server.port}, type: {kind}, tags: [{name}]}}\n")
        return held, lines

    try:
        held, lines = asyncio.run_coroutine_threadsafe(start(), loop).result()
        try:
            yield lines
        finally:
            asyncio.run_coroutine_threadsafe(held.aclose(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def verified(directory: Path) -> Estate:
    """Verify the hostile estate, with every output at once."""
    with servers() as lines:
        inventory = directory / "estate.yaml"
        head = "agent: {name: agent-1}\ndefaults: {timeout: 8}\ntargets:\n"
        inventory.write_text(head + "".join(lines))
        reports = [f"--report={name}={directory / name}" for name in FORMATS]
        common = ("verify", str(inventory), "--no-canary", "-v")
        first = command(*common, *reports, f"--transcript={directory / 'transcript'}")
        coloured = command(*common, "--only", "type=imap", FORCE_COLOR="1")
        ladder = command("check", *(_url(line) for line in lines), "--no-canary", "-v", "--timeout", "8")
        plan = command("plan", str(inventory))
        assert first.returncode in (1, 3), first.stderr
        errors = first.stderr + ladder.stderr + plan.stderr
        return Estate(directory, first.stdout, coloured.stdout, ladder.stdout, plan.stdout, errors, len(lines))


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command, as a process whose output is text byte for byte."""
    clean = {
        key: value for key, value in os.environ.items() if key == "SCANREADY_STORE" or not key.startswith("SCANREADY_")
    }
    done = subprocess.run(
        [sys.executable, "-m", "scanready", *arguments],
        capture_output=True,
        timeout=HANG,
        check=False,
        env={**clean, "NO_COLOR": "" if "FORCE_COLOR" in environment else "1", **environment},
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def _url(line: str) -> str:
    fields = dict(part.strip().split(": ") for part in line.strip(" -{}\n").split(",")[:3])
    return f"{fields['type']}://{fields['host']}:{fields['port']}"
