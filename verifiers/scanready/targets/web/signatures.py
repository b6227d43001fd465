"""Recognise a web server by its first bytes."""

from __future__ import annotations

import re

from scanready.climb.signature import Signature, says, shown
from scanready.wire import http

_SERVER = re.compile(rb"\n[Ss]erver:[ \t]*([^\r\n]*)")
#: The texts of nginx, Apache httpd, Go's net/http and Tomcat for plain HTTP on their TLS port.
_PLAIN_TO_TLS = (
    b"plain HTTP request was sent to HTTPS",
    b"speaking plain HTTP to an SSL",
    b"HTTP request to an HTTPS",
    b"This combination of host and port requires TLS",
)


def _http(data: bytes) -> str | None:
    if http.is_http2(data):
        return "an HTTP/2 server"
    if not (status := re.match(rb"HTTP/\d(?:\.\d)? (\d{3})\b", data)):
        return None
    named = _SERVER.search(data)
    product = shown(named[1]) if named else ""
    server = f" ({product})" if product else ""
    if any(words in data for words in _PLAIN_TO_TLS):
        return f"an HTTPS server{server} that received plain HTTP"
    return f"an HTTP proxy{server}" if status[1] == b"407" else f"an HTTP server{server}"


SIGNATURES: tuple[Signature, ...] = (
    # Before SSH, because a page may quote an SSH banner.
    Signature("http", _http, 0),
    Signature(
        "http", says(rb"\s{0,16}(?i:<!doctype html|<html)\b", "a web server that sends HTML without a header"), 30
    ),
)
