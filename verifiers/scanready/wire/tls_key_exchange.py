"""Read the size of a server's Diffie-Hellman group from its TLS handshake, before OpenSSL computes with it.

A group of 9,990 bits costs a client 0.6 s of computing. The handshake has the size in clear text: TLS 1.2 and older in
ServerKeyExchange, TLS 1.3 as the named group of a ServerHello or HelloRetryRequest.

Source: RFC 5246, 7.4.1.3 and 7.4.3 (ServerDHParams); RFC 8446, 4.1.3, 4.2.8 and 5.1; RFC 7919 (the named groups).
OpenSSL judges the rest of the handshake; this module ignores bytes that are not a handshake.
"""

from __future__ import annotations

from collections.abc import Set

_HANDSHAKE = 22
_SERVER_HELLO, _SERVER_KEY_EXCHANGE = 2, 12
_KEY_SHARE = 51
_NAMED_GROUPS = {0x0100: 2048, 0x0101: 3072, 0x0102: 4096, 0x0103: 6144, 0x0104: 8192}
#: Bytes kept of a message. OpenSSL rejects a ServerHello of more than 20,000 (SERVER_HELLO_MAX_LENGTH).
_KEPT = {_SERVER_HELLO: 20_000, _SERVER_KEY_EXCHANGE: 66}
_RECORD_HEAD, _MESSAGE_HEAD = 5, 4


class KeyExchange:
    """Follow the TLS records of a server.

    ``bits`` is the size of the last Diffie-Hellman group that the server named, or 0. ``handshakes`` counts the records
    of handshake messages; one more after a complete handshake of TLS 1.2 or older is a renegotiation.

    Args:
        dhe_suites: the numbers of the cipher suites whose ServerKeyExchange begins with such a group.
    """

    __slots__ = (
        "_body",
        "_dhe_suites",
        "_expected",
        "_finite_field",
        "_head",
        "_left",
        "_record",
        "bits",
        "handshakes",
    )

    def __init__(self, dhe_suites: Set[int]) -> None:
        self.bits = self.handshakes = 0
        self._dhe_suites = dhe_suites
        self._finite_field = False
        self._record = bytearray()  # the head of the record at hand
        self._left = 0  # bytes of it that are still to come
        self._head, self._body = bytearray(), bytearray()  # of the message at hand
        self._expected = 0  # bytes of that message that are still to come

    def feed(self, data: bytes) -> None:
        """Process the next bytes of the server, however they are split."""
        at = 0
        while at < len(data):
            if self._left == 0:
                part = data[at : at + _RECORD_HEAD - len(self._record)]
                self._record += part
                at += len(part)
                if len(self._record) == _RECORD_HEAD:
                    self._begin_record()
                continue
            part = data[at : at + self._left]
            at += len(part)
            self._left -= len(part)
            if self._record[0] == _HANDSHAKE:
                self._messages(part)
            if self._left == 0:
                self._record.clear()

    def _begin_record(self) -> None:
        self.handshakes += self._record[0] == _HANDSHAKE
        self._left = int.from_bytes(self._record[3:], "big")
        if self._left == 0:
            self._record.clear()

    def _messages(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            if len(self._head) < _MESSAGE_HEAD:
                part = data[at : at + _MESSAGE_HEAD - len(self._head)]
                self._head += part
                at += len(part)
                if len(self._head) < _MESSAGE_HEAD:
                    return
                self._expected = int.from_bytes(self._head[1:], "big")
                if self._expected:
                    continue
            else:
                part = data[at : at + self._expected]
                at += len(part)
                self._expected -= len(part)
                self._body += part[: _KEPT.get(self._head[0], 0) - len(self._body)]
            if self._expected == 0:
                self._judge(self._head[0], bytes(self._body))
                self._head.clear()
                self._body.clear()

    def _judge(self, kind: int, body: bytes) -> None:
        if kind == _SERVER_HELLO:
            # Version, random, session; then the suite, the compression, and the extensions.
            after = 35 + int.from_bytes(body[34:35], "big")
            self._finite_field = int.from_bytes(body[after : after + 2], "big") in self._dhe_suites
            self.bits = _NAMED_GROUPS.get(_key_share(body[after + 5 :]), 0)
        elif kind == _SERVER_KEY_EXCHANGE and self._finite_field:
            size, leads = int.from_bytes(body[:2], "big"), body[2:]  # of the modulus; noughts before it do not count
            self.bits = max(0, 8 * (size - len(leads)) + int.from_bytes(leads, "big").bit_length())


def _key_share(extensions: bytes) -> int:
    """Return the group of the key share; -1 without one."""
    at = 0
    while at + 6 <= len(extensions):
        kind, size = (int.from_bytes(extensions[at + skip : at + skip + 2], "big") for skip in (0, 2))
        if kind == _KEY_SHARE:
            return int.from_bytes(extensions[at + 4 : at + 6], "big")
        at += 4 + size
    return -1
