"""A web server to check, a port that is closed, and a program ``scanready`` on a PATH."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.closed_ports import closed_port
from tests.recipes.programs import ROOT


class Page(BaseHTTPRequestHandler):
    """Answer each request with a page of text."""

    def do_GET(self) -> None:
        content = b"<!doctype html><title>Page</title><p>Text to scan.</p>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Keep the log of the requests out of the tests' output."""


@pytest.fixture
def web_port() -> Iterator[int]:
    """The port of a web server on 127.0.0.1."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield int(server.server_address[1])
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def closed() -> Iterator[int]:
    """A port of 127.0.0.1 that refuses connections."""
    with closed_port() as port:
        yield port


@pytest.fixture
def silent() -> Iterator[int]:
    """A port of 127.0.0.1 that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with the program ``scanready`` of this source."""
    folder = tmp_path / "programs"
    folder.mkdir()
    start = folder / "scanready"
    start.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}/verifiers" exec "{sys.executable}" -m scanready "$@"\n')
    start.chmod(0o755)
    return folder
