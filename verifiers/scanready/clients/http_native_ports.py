"""Recognise servers of other protocols that answer an HTTP request with a polite hint about their native port.

The words are the servers' own, from their sources. A page that quotes them has more to say, so the whole body counts.
"""

from __future__ import annotations

import re

from scanready.wire import http as wire

#: Characters of the longest of these answers, with room for a further sentence.
_MOST = 600

_WORDS = (
    # mongod 3.0 and later, with the status 200; before that the second sentence
    (rb"It looks like you are trying to access MongoDB over HTTP on the native driver port\.", "MongoDB"),
    (rb"You are trying to access MongoDB on the native driver port\.", "MongoDB"),
    # TCPHandler.cpp, with the status 400
    (rb"Port \d{1,5} is for clickhouse-client program", "ClickHouse"),
    # TcpTransport.java sends it without a status; a proxy in front may add one
    (rb"This is not an? HTTP port", "the transport of Elasticsearch or OpenSearch"),
    # Server.java, with the status 404
    (rb"It looks like you are making an HTTP request to a Hadoop IPC port\.", "Hadoop IPC"),
)
_NATIVE = tuple((re.compile(rb"\s*" + words), product) for words, product in _WORDS)
#: Tor's connection_edge.c, with the status 501 and a page.
_TOR = (b"This is a SOCKS Proxy, Not An HTTP Proxy", b"Tor is not an HTTP Proxy")


def native_port_of(answer: wire.Response) -> str | None:
    """Return the product whose native port an answer comes from, None if it is none that is known."""
    if len(answer.body) <= _MOST and (found := next((name for one, name in _NATIVE if one.match(answer.body)), None)):
        return found
    tor = answer.status == 501 and (_TOR[0] in answer.body or answer.reason == _TOR[1].decode())
    return "a SOCKS proxy (Tor)" if tor else None
