"""The first lines of SSH servers, read by us and by OpenSSH's client: it decides, since a scan uses it."""

from __future__ import annotations

import asyncio
import shutil
import subprocess

import pytest

from fixtures.emulators import Reader, Record, Writer, in_background
from scanready.wire import Buffer, WireError, ssh

SSH = shutil.which("ssh")
OPTIONS = ["BatchMode=yes", "ConnectTimeout=5", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"]


def understood(greeting: bytes) -> bool:
    """Return True if our reader takes it for an SSH server's greeting."""
    try:
        return isinstance(ssh.read_identification(Buffer(greeting)), ssh.Identification)
    except WireError:
        return False


@pytest.mark.skipif(SSH is None, reason="no OpenSSH client on this machine")
@pytest.mark.parametrize(
    ("greeting", "understands"),
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.2p1 " + b"a" * 280 + b"\r\n", True, id="VersionAddendum of 280 characters"),
        pytest.param(b"SSH-2.0-" + b"a" * 8184 + b"\r\n", True, id="8192 bytes"),
        pytest.param(b"SSH-2.0-" + b"a" * 8185 + b"\r\n", False, id="8193 bytes"),
        pytest.param(b"SSH-2.0-\r\n", False, id="no software version"),
        pytest.param(b"SSH-2.0- \r\n", True, id="a blank for a software version"),
        pytest.param(b"SSH-2.0- a\r\n", True, id="a comment and no software version"),
        pytest.param(b"SSH-2.0-a\rb\r\n", False, id="a carriage return within"),
        pytest.param(b"SSH-2.0-a\r\r\n", True, id="two carriage returns at the end"),
        pytest.param(b"SSH-2.0-a\0b\r\n", False, id="a NUL"),
        pytest.param(b"SSH-2-a\r\n", False, id="a version without minor"),
        pytest.param(b"SSH-2.0\r\n", False, id="no minus after the version"),
        pytest.param(b"SSH- 2.0-a\r\n", True, id="a blank before the version"),
        pytest.param(b"SSH-02.00-a\r\n", True, id="zeros before the version"),
        pytest.param(b"SSH-1.99x-a\r\n", False, id="a version with a letter"),
        pytest.param(b"SSH-\r\nSSH-2.0-a\r\n", True, id="SSH- as text before"),
        pytest.param(b"SSH-x\r\nSSH-2.0-a\r\n", False, id="SSH-x before"),
        pytest.param(b"SSH-2.0-\xe9\r\n", True, id="a letter with an accent"),
        pytest.param(b"hi\r\n" * 1023 + b"SSH-2.0-a\r\n", True, id="1023 lines before"),
        pytest.param(b"hi\r\n" * 1024 + b"SSH-2.0-a\r\n", False, id="1024 lines before"),
        pytest.param(b"h" * 8192 + b"\nSSH-2.0-a\r\n", True, id="8192 bytes before"),
        pytest.param(b"h" * 8193 + b"\nSSH-2.0-a\r\n", False, id="8193 bytes before"),
        pytest.param(b"\a\b\f\v\x1b[1mhi\nSSH-2.0-a\r\n", True, id="control characters before"),
        pytest.param(b"h\0\nSSH-2.0-a\r\n", False, id="a NUL before"),
        pytest.param(b"h\ri\nSSH-2.0-a\r\n", False, id="a carriage return within the text before"),
    ],
)
def test_openssh_and_we_understand_the_same(greeting: bytes, understands: bool) -> None:
    assert SSH is not None

    async def greets(reader: Reader, writer: Writer, record: Record) -> None:
        writer.write(greeting)
        await writer.drain()
        await asyncio.wait_for(reader.read(1 << 16), 5)

    words = [word for option in OPTIONS for word in ("-o", option)]
    with in_background(greets) as server:
        line = [SSH, "-F", "none", "-v", *words, "-p", str(server.port), "svc@127.0.0.1", "true"]
        done = subprocess.run(line, capture_output=True, text=True, errors="replace", timeout=30, check=False)
    assert ("Remote protocol version" in done.stderr) is understands, done.stderr
    assert understood(greeting) is understands
