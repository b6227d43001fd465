from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.transcripts import load, names
from scanready.wire import Buffer, ForeignBytes, OurLimit, UnknownValue, WireError, ssh
from scanready.wire.fields import Role
from tests.pace import computes_within
from tests.readers import reads, survives
from tests.wire import fuzz

BANNER = load("ssh/openssh9.2-banner.s2c.hex")
KEXINIT = load("ssh/openssh9.2-kexinit.s2c.hex")
KEXINIT_10 = load("ssh/openssh10.0-kexinit.s2c.hex")
OURS = load("ssh/kexinit.c2s.hex")
DISCONNECT = load("ssh/disconnect11.c2s.hex")
EVERYTHING = [load(name) for name in names("ssh")]


def at_the_end(data: bytes) -> Buffer:
    buffer = Buffer(data)
    buffer.eof = True
    return buffer


def packet(payload: bytes) -> bytes:
    """Frame a payload as RFC 4253, 6 says, apart from the codec's own writer."""
    padding = 8 - (5 + len(payload)) % 8
    padding += 8 if padding < 4 else 0
    return struct.pack(">IB", 1 + len(payload) + padding, padding) + payload + b"\xaa" * padding


# --- identification ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("transcript", "software", "comments"),
    [
        ("ssh/openssh9.2-banner.s2c.hex", "OpenSSH_9.2p1", "Debian-2+deb12u10"),
        ("ssh/openssh10.0-banner.s2c.hex", "OpenSSH_10.0p2", "Debian-7+deb13u4"),
    ],
)
def test_openssh_greets(transcript: str, software: str, comments: str) -> None:
    answer = reads(ssh.read_identification, load(transcript))
    assert answer == ssh.Identification("2.0", software, comments)
    assert isinstance(answer, ssh.Identification)
    assert answer.speaks_ssh2


def test_text_may_come_before_the_identification() -> None:
    answer = reads(ssh.read_identification, b"Authorised use only.\r\n\r\nReally.\n" + BANNER)
    assert isinstance(answer, ssh.Identification)
    assert answer.preamble == ("Authorised use only.", "", "Really.")
    assert answer.software == "OpenSSH_9.2p1"


@pytest.mark.parametrize(
    ("line", "expected", "ssh2"),
    [
        (b"SSH-2.0-Cisco-1.25\n", ssh.Identification("2.0", "Cisco-1.25"), True),
        (b"SSH-1.99-OpenSSH_3.9p1\r\n", ssh.Identification("1.99", "OpenSSH_3.9p1"), True),
        (b"SSH-1.5-OldDevice\r\n", ssh.Identification("1.5", "OldDevice"), False),
        (b"SSH-2.0- \r\n", ssh.Identification("2.0", ""), True),
        (b"SSH-02.00-x\r\n", ssh.Identification("02.00", "x"), True),
        (b"SSH-2.1-x\n", ssh.Identification("2.1", "x"), True),
        (b"SSH-1.98-x\r\n", ssh.Identification("1.98", "x"), False),
        (b"SSH-2.0-x\r\r\n", ssh.Identification("2.0", "x"), True),
        (b"SSH-\r\nSSH-2.0-x\r\n", ssh.Identification("2.0", "x", preamble=("SSH-",)), True),
        (b"SSH-2.0-" + b"a" * 280 + b"\r\n", ssh.Identification("2.0", "a" * 280), True),
        (b"SSH-2.0-" + b"a" * 8184 + b"\r\n", ssh.Identification("2.0", "a" * 8184), True),
        (b"SSH-2.0-x a b\r\n", ssh.Identification("2.0", "x", "a b"), True),
        (b"SSH-2.0-\x1b[31mred\xff\r\n", ssh.Identification("2.0", "\\x1b[31mred\\xff"), True),
    ],
)
def test_other_identifications(line: bytes, expected: ssh.Identification, ssh2: bool) -> None:
    answer = reads(ssh.read_identification, line)
    assert answer == expected
    assert isinstance(answer, ssh.Identification)
    assert answer.speaks_ssh2 is ssh2


@pytest.mark.parametrize(
    ("transcript", "kind"),
    [
        ("ssh/openssh9.2-exceeded-maxstartups.s2c.hex", ssh.RefusalKind.MAX_STARTUPS),
        ("ssh/openssh10-not-allowed-penalty.s2c.hex", ssh.RefusalKind.PENALTY),
    ],
)
def test_openssh_refuses_instead_of_greeting(transcript: str, kind: ssh.RefusalKind) -> None:
    line = load(transcript)
    assert reads(ssh.read_identification, line) == ssh.Refusal(kind, kind.value)
    assert ssh.read_identification(at_the_end(line.rstrip(b"\r\n"))) == ssh.Refusal(kind, kind.value)
    assert ssh.read_identification(Buffer(line.rstrip(b"\r\n"))) is None


def test_openssh_refuses_what_we_said_after_its_greeting() -> None:
    buffer = Buffer(load("ssh/openssh9.2-http-garbage.s2c.hex"))
    assert isinstance(ssh.read_identification(buffer), ssh.Identification)
    rest = buffer.everything()
    refusal = ssh.Refusal(ssh.RefusalKind.IDENTIFICATION, "Invalid SSH identification string.")
    assert reads(ssh.read_kexinit, rest) == refusal
    assert ssh.read_kexinit(at_the_end(rest.rstrip(b"\r\n"))) == refusal


def test_versions_that_differ_are_a_refusal() -> None:
    line = b"Protocol major versions differ.\n"
    expected = ssh.Refusal(ssh.RefusalKind.VERSION, "Protocol major versions differ.")
    assert reads(ssh.read_identification, line) == expected
    assert reads(ssh.read_kexinit, line) == expected


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "not SSH: HTTP/1.1 400 Bad Request"),
        (b"220 mail.example ESMTP\r\n", "not SSH: 220 mail"),
        (load("tls/openssl3.0-alert-protocol-version.s2c.hex"), "binary data"),
        (b"J\0\0\0\x0a8.0.39\0", "binary data"),
        (b"SSH-2.0-" + b"a" * 8185 + b"\r\n", "a line of more than 8192 bytes"),
        (b"SSH-2.0-" + b"a" * 8200, "a line of more than 8192 bytes"),
        (b"SSH-2.0-a\0b\r\n", "a NUL"),
        (b"SSH-2.0-a\rb\r\n", "a carriage return"),
        (b"hel\rlo\r\nSSH-2.0-x\r\n", "a carriage return"),
        (b"SSH-2.0\r\n", "clients reject: SSH-2.0"),
        (b"SSH-2.0-\r\n", "clients reject: SSH-2.0-"),
        (b"SSH-2-x\r\n", "clients reject: SSH-2-x"),
        (b"SSH-2.0x-x\r\n", "clients reject: SSH-2.0x-x"),
        (b"hello\n" * 1024 + b"SSH-2.0-x\n", "more than 1023 lines"),
        (b"x" * 8193, "a line of more than 8192 bytes"),
    ],
)
def test_what_is_no_identification(data: bytes, complaint: str) -> None:
    """The limits are those measured at OpenSSH's client, which also refuses each of these."""
    with pytest.raises(WireError) as caught:
        ssh.read_identification(Buffer(data))
    assert complaint in str(caught.value)
    assert type(caught.value) in (WireError, ForeignBytes)


@pytest.mark.parametrize(
    "before",
    [b"hello\n" * 1023, b"x" * 8192 + b"\r\n", (b"y" * 1000 + b"\r\n") * 20, b"\a\b\f ring\r\n"],
    ids=["1023 lines", "a line of 8192 bytes", "20 KB", "a bell"],
)
def test_text_that_the_ssh_client_reads_is_read(before: bytes) -> None:
    answer = reads(ssh.read_identification, before + b"SSH-2.0-x\r\n")
    assert isinstance(answer, ssh.Identification)
    assert answer.software == "x"


def test_our_own_limit_counts_the_text_and_the_identification() -> None:
    text = (b"y" * 4000 + b"\n") * 16
    for room, filler in ((0, 65_536 - len(text) - 11), (1, 65_537 - len(text) - 11)):
        buffer = Buffer(text + b"z" * (filler - 1) + b"\n" + b"SSH-2.0-x\r\n")
        if room:
            with pytest.raises(OurLimit):
                ssh.read_identification(buffer)
        else:
            assert isinstance(ssh.read_identification(buffer), ssh.Identification)


def test_text_beyond_our_own_limit_is_ours() -> None:
    with pytest.raises(OurLimit, match="65536 bytes of text"):
        ssh.read_identification(Buffer((b"y" * 4000 + b"\n") * 17))


@pytest.mark.parametrize("version", ["3.0", "20.0", "0.9"])
def test_a_version_of_the_protocol_that_nobody_knows_is_told(version: str) -> None:
    with pytest.raises(UnknownValue, match=rf"version of the SSH protocol is '{version}'"):
        ssh.read_identification(Buffer(f"SSH-{version}-x\r\n".encode()))


def test_text_and_then_the_end_is_quoted() -> None:
    with pytest.raises(WireError, match=r"closed without an SSH identification string after the text: You may not\."):
        ssh.read_identification(at_the_end(b"Hello.\r\nYou may not.\r\n"))


@pytest.mark.parametrize("data", [b"", b"SSH-2.0-Open"])
def test_an_end_within_the_identification_is_left_to_the_stream(data: bytes) -> None:
    assert ssh.read_identification(at_the_end(data)) is None


def test_fifty_lines_are_allowed() -> None:
    assert isinstance(reads(ssh.read_identification, b"hello\n" * 50 + BANNER), ssh.Identification)


def test_a_foreign_greeting_is_quoted_as_far_as_it_tells() -> None:
    with pytest.raises(WireError) as caught:
        ssh.read_identification(Buffer(b"220 " + b"x" * 200))
    assert str(caught.value) == "not SSH: 220 " + "x" * 96


def test_what_we_call_ourselves() -> None:
    assert len(ssh.identification("x" * 245)) == 255
    line = ssh.identification("scanready_0.1")
    assert line == b"SSH-2.0-scanready_0.1\r\n"
    assert reads(ssh.read_identification, line) == ssh.Identification("2.0", "scanready_0.1")


@pytest.mark.parametrize("software", ["", "scan ready", "scan-ready", "scanr\u00e9ady", "a\r\nb", "x" * 246])
def test_what_we_must_not_call_ourselves(software: str) -> None:
    with pytest.raises(ValueError, match="software version"):
        ssh.identification(software)


# --- packets and KEXINIT -----------------------------------------------------------------------------------------


def test_openssh_offers() -> None:
    offered = reads(ssh.read_kexinit, KEXINIT)
    assert isinstance(offered, ssh.KexInit)
    assert offered.kex[0] == "sntrup761x25519-sha512"
    assert offered.kex[-1] == "kex-strict-s-v00@openssh.com"
    assert offered.host_keys == ("ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256")
    assert offered.ciphers_c2s == offered.ciphers_s2c
    assert offered.ciphers_c2s[0] == "chacha20-poly1305@openssh.com"
    assert len(offered.ciphers_c2s) == 6
    assert offered.macs_c2s == offered.macs_s2c
    assert offered.macs_c2s[-1] == "hmac-sha1"
    assert offered.compression_c2s == offered.compression_s2c == ("none", "zlib@openssh.com")
    assert offered.strict
    assert not offered.first_kex_follows


def test_openssh_10_offers_no_diffie_hellman() -> None:
    offered = reads(ssh.read_kexinit, KEXINIT_10)
    assert isinstance(offered, ssh.KexInit)
    assert offered.kex[0] == "mlkem768x25519-sha256"
    assert not [name for name in offered.kex if name.startswith("diffie-hellman")]
    assert offered.strict


def test_all_eight_lists_are_offers_in_the_table() -> None:
    offers = [field.name for field in ssh.FIELDS if field.role is Role.OFFER]
    lists = ("kex", "host key", "cipher", "cipher", "mac", "mac", "compression", "compression")
    assert offers == [f"a {name} algorithm" for name in lists]


@pytest.mark.parametrize("name", names("ssh", "*-kexinit.s2c.hex"))
def test_every_captured_offer_is_read(name: str) -> None:
    offered = reads(ssh.read_kexinit, load(name))
    assert isinstance(offered, ssh.KexInit)
    assert offered.kex
    assert offered.host_keys
    assert offered.compression_s2c[0] == "none"


def test_a_client_offers_too() -> None:
    offered = reads(ssh.read_kexinit, OURS)
    assert isinstance(offered, ssh.KexInit)
    assert offered.macs_c2s == ("hmac-sha2-256",)
    assert not offered.strict


def test_a_first_guess_that_follows_is_told() -> None:
    spoiled = bytearray(OURS)
    spoiled[-OURS[4] - 5] = 1
    offered = reads(ssh.read_kexinit, bytes(spoiled))
    assert isinstance(offered, ssh.KexInit)
    assert offered.first_kex_follows


def test_each_list_of_an_offer_has_its_place() -> None:
    """RFC 4253, 7.1: ten lists, the languages last, then first_kex_packet_follows and a reserved word."""
    lists = [b"kex", b"key", b"c1", b"c2", b"m1", b"m2", b"z1", b"z2", b"l1", b"l2"]
    head = b"\x14" + b"c" * 16 + b"".join(struct.pack(">I", len(name)) + name for name in lists)
    offered = reads(ssh.read_kexinit, packet(head + b"\2\0\0\0\0"))
    assert offered == ssh.KexInit(("kex",), ("key",), ("c1",), ("c2",), ("m1",), ("m2",), ("z1",), ("z2",), True)
    assert isinstance(offered, ssh.KexInit)
    assert ssh.offer((), (), (), ()).first_kex_follows is False
    written = ssh.kexinit(offered, b"c" * 16)
    assert (len(written) % 8, int.from_bytes(written[:4], "big"), written[4] in range(4, 12)) == (0, 92, True)
    assert written[5 : -written[4]] == head[:-12] + bytes(8) + b"\1\0\0\0\0"


def test_the_smallest_and_the_largest_packet() -> None:
    smallest, largest = packet(b"\x02\0\0\0\2hi"), packet(b"\x02" + bytes(262_134))
    assert (len(smallest), len(largest)) == (16, 262_144)
    for chatter in (smallest * 8, largest):
        assert ssh.read_kexinit(Buffer(chatter + KEXINIT)) == ssh.read_kexinit(Buffer(KEXINIT))


def test_a_disconnect_is_an_answer() -> None:
    assert reads(ssh.read_kexinit, DISCONNECT) == ssh.Disconnected(11, "canscan: handshake check finished")


def test_a_disconnect_without_language_is_understood() -> None:
    message = packet(struct.pack(">BII", 1, 2, 3) + b"no!")
    assert reads(ssh.read_kexinit, message) == ssh.Disconnected(2, "no!")


@pytest.mark.parametrize(
    ("rest", "text"),
    [(b"", ""), (b"\0\0", ""), (b"\xff\xff\xff\xff", ""), (b"\0\0\0\x09go away", "go away")],
)
def test_a_disconnect_without_a_whole_text_is_one(rest: bytes, text: str) -> None:
    assert reads(ssh.read_kexinit, packet(b"\x01\0\0\0\x0b" + rest)) == ssh.Disconnected(11, text)


@pytest.mark.parametrize("number", [3, 5, 6, 7, 8, 9, 19, 21, 30, 31, 49])
@pytest.mark.parametrize("rest", [b"", bytes(4), b"\0\0\0\1\0\0\0\x0fserver-sig-algs\0\0\0\1x"])
def test_what_opensshs_client_passes_over_is_passed_over(number: int, rest: bytes) -> None:
    """Messages of the transport, in any form; measured with OpenSSH 9.2, whose client disconnects from 50 on."""
    assert reads(ssh.read_kexinit, packet(bytes([number]) + rest) + KEXINIT) == ssh.read_kexinit(Buffer(KEXINIT))


@pytest.mark.parametrize(
    ("names", "offered"),
    [
        (b"a\xc3b,curve", ("a\\xc3b", "curve")),
        (b"\xff\xfe", ("\\xff\\xfe",)),
        (b"a\nb,\x1b[2J", ("a\\x0ab", "\\x1b[2J")),
    ],
)
def test_a_name_beyond_printable_ascii_is_one_that_nobody_knows(names: bytes, offered: tuple[str, ...]) -> None:
    answer = reads(ssh.read_kexinit, kexinit(struct.pack(">I", len(names)) + names))
    assert isinstance(answer, ssh.KexInit)
    assert answer.kex == offered


def test_ignore_and_debug_are_skipped() -> None:
    chatter = packet(b"\x02\0\0\0\4noise") + packet(b"\x04\1\0\0\0\2hi\0\0\0\0")
    assert reads(ssh.read_kexinit, chatter + KEXINIT) == ssh.read_kexinit(Buffer(KEXINIT))


def test_endless_chatter_ends() -> None:
    with pytest.raises(OurLimit, match="more than 8 messages before KEXINIT"):
        ssh.read_kexinit(Buffer(packet(b"\x02\0\0\0\0") * 9))


def kexinit(first: bytes, after: bytes = bytes(5)) -> bytes:
    return packet(b"\x14" + bytes(16) + first + bytes(4 * 9) + after)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"\0\1\0\0", "a packet of 65536 bytes"),
        (b"\0\x04\0\x04", "a packet of 262148 bytes"),
        (b"\0\x04\0\0", "not padded to a multiple of 8"),
        (b"\0\0\0\0", "a packet of 0 bytes"),
        (b"\0\0\0\x0d", "not padded to a multiple of 8"),
        (b"\0\0\0\x0c\x03" + bytes(11), "3 bytes of padding"),
        (b"\0\0\0\x0c\xff" + bytes(11), "255 bytes of padding"),
        (b"\0\0\0\x0c\x0b" + bytes(11), "11 bytes of padding"),
        (packet(b"\x14" + bytes(10)), "string of 0 bytes|within a length"),
        (kexinit(b"\xff\xff\xff\xff"), "a string of 4294967295 bytes"),
        (kexinit(bytes(4), bytes(4)), "4 bytes after the name-lists"),
        (kexinit(bytes(4), bytes(6)), "6 bytes after the name-lists"),
        (packet(b"\x32"), "message 50 where KEXINIT was expected"),
        (packet(b"\x01\0\0"), "without reason"),
        (b"HTTP/1.1 200 OK\r\n", "not an SSH packet: HTTP/1.1 200 OK"),
        (b"Exceeding", "not an SSH packet: Exceeding"),
    ],
)
def test_what_is_no_offer(data: bytes, complaint: str) -> None:
    with pytest.raises(WireError, match=complaint.replace("a packet", "an SSH packet")):
        ssh.read_kexinit(Buffer(data))


def test_empty_names_are_no_algorithms() -> None:
    offered = reads(ssh.read_kexinit, kexinit(b"\0\0\0\4a,,b"))
    assert isinstance(offered, ssh.KexInit)
    assert offered.kex == ("a", "b")
    assert offered.ciphers_c2s == ()


def test_the_longest_packet_costs_little_byte_by_byte() -> None:
    """A reader that starts from the front each time must not copy the bytes again."""
    longest = packet(b"\x02" + bytes(34900))
    buffer = Buffer()
    with computes_within(5):  # 70,000 calls
        for byte in (longest * 2)[:-1]:
            buffer.feed(bytes([byte]))
            assert ssh.read_kexinit(buffer) is None


# --- DISCONNECT --------------------------------------------------------------------------------------------------


def test_our_disconnect_is_what_servers_have_accepted() -> None:
    assert ssh.disconnect("canscan: handshake check finished") == DISCONNECT


@given(st.text(max_size=400))
def test_every_disconnect_is_a_valid_packet(text: str) -> None:
    message = ssh.disconnect(text)
    length, padding = struct.unpack_from(">IB", message)
    assert len(message) == 4 + length
    assert len(message) % 8 == 0
    assert 4 <= padding < 12
    payload = message[5:-padding]
    description = text.encode()[:255]
    assert payload == b"\1\0\0\0\x0b" + struct.pack(">I", len(description)) + description + bytes(4)


# --- our offer ---------------------------------------------------------------------------------------------------


def test_our_offer_is_read_as_it_was_written() -> None:
    offered = ssh.read_kexinit(Buffer(KEXINIT))
    assert isinstance(offered, ssh.KexInit)
    assert reads(ssh.read_kexinit, ssh.kexinit(offered, bytes(16))) == offered


def test_our_offer_is_the_packet_of_a_client() -> None:
    """The transcript is what a client sent to sshd, its cookie and padding replaced."""
    offered = ssh.read_kexinit(Buffer(OURS))
    assert isinstance(offered, ssh.KexInit)
    written = ssh.kexinit(offered, OURS[6:22])
    assert written[5 : -written[4]] == OURS[5 : -OURS[4]]


# --- agreement ---------------------------------------------------------------------------------------------------


def server(transcript: bytes = KEXINIT) -> ssh.KexInit:
    offered = ssh.read_kexinit(Buffer(transcript))
    assert isinstance(offered, ssh.KexInit)
    return offered


def test_the_first_of_ours_that_they_have_is_agreed() -> None:
    ours = ssh.offer(
        kex=("ecdh-sha2-nistp256", "curve25519-sha256"),
        host_keys=("ssh-rsa", "rsa-sha2-256", "ssh-ed25519"),
        ciphers=("aes128-cbc", "aes256-ctr", "aes128-ctr"),
        macs=("hmac-sha2-512", "hmac-sha2-256"),
    )
    assert ssh.common(ours, server()) == ssh.Agreement(
        kex="ecdh-sha2-nistp256",
        host_key="rsa-sha2-256",
        cipher_c2s="aes256-ctr",
        cipher_s2c="aes256-ctr",
        mac_c2s="hmac-sha2-512",
        mac_s2c="hmac-sha2-512",
        compression_c2s="none",
        compression_s2c="none",
    )


def test_an_old_client_and_a_new_server_have_no_key_exchange() -> None:
    ours = ssh.offer(("diffie-hellman-group14-sha1",), ("ssh-rsa",), ("aes128-ctr",), ("hmac-sha1",))
    agreed = ssh.common(ours, server(KEXINIT_10))
    assert (agreed.kex, agreed.host_key) == (None, None)
    assert agreed.mac_c2s == "hmac-sha1"
    assert [slot.name for slot in agreed.missing] == ["kex", "host_key"]
    assert [slot.label for slot in agreed.missing] == ["key exchange", "host key algorithm"]
    assert ssh.Slot("mac_s2c", (), ()).label == "MAC (server to client)"
    assert agreed.missing[0].ours == ("diffie-hellman-group14-sha1",)
    assert agreed.missing[1].theirs == ("ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256")


def test_signals_in_the_kex_list_are_no_key_exchange() -> None:
    theirs = server(KEXINIT_10)
    ours = ssh.offer(("ext-info-s", "kex-strict-s-v00@openssh.com"), ("ssh-ed25519",), ("aes128-ctr",), ("hmac-sha1",))
    agreed = ssh.common(ours, theirs)
    assert agreed.kex is None
    assert agreed.missing[0].ours == ()
    assert not [name for name in agreed.missing[0].theirs if name.startswith(("ext-info", "kex-strict"))]


def test_each_direction_is_agreed_by_itself() -> None:
    ours = ssh.KexInit(
        *(("k",), ("h",), ("a", "b"), ("c", "d"), ("m", "n"), ("o", "p"), ("none", "zlib"), ("zlib", "none"))
    )
    theirs = ssh.KexInit(("k",), ("h",), ("b",), ("d",), ("n",), ("p",), ("zlib",), ("none",))
    assert ssh.common(ours, theirs) == ssh.Agreement("k", "h", "b", "d", "n", "p", "zlib", "none")
    x = ("x",)
    other = ssh.KexInit(x, x, x, x, x, x, x, x)
    agreed = ssh.common(ours, other)
    assert agreed.missing == tuple(
        ssh.Slot(name, getattr(ours, listed), ("x",))
        for name, listed in (
            *(("kex", "kex"), ("host_key", "host_keys"), ("cipher_c2s", "ciphers_c2s"), ("cipher_s2c", "ciphers_s2c")),
            *(("mac_c2s", "macs_c2s"), ("mac_s2c", "macs_s2c")),
            *(("compression_c2s", "compression_c2s"), ("compression_s2c", "compression_s2c")),
        )
    )
    assert agreed == ssh.Agreement(None, None, None, None, None, None, None, None, agreed.missing)


@pytest.mark.parametrize("cipher", sorted(ssh.AEAD_CIPHERS))
def test_a_cipher_that_authenticates_needs_no_mac(cipher: str) -> None:
    agreed = ssh.common(ssh.offer(("curve25519-sha256",), ("ssh-ed25519",), (cipher,), ("hmac-md5",)), server())
    assert agreed.cipher_c2s == cipher
    assert agreed.mac_c2s is None
    assert agreed.missing == ()


def test_other_ciphers_do() -> None:
    agreed = ssh.common(ssh.offer(("curve25519-sha256",), ("ssh-ed25519",), ("aes128-ctr",), ("hmac-md5",)), server())
    assert [slot.name for slot in agreed.missing] == ["mac_c2s", "mac_s2c"]


# --- hostile peers -----------------------------------------------------------------------------------------------


@given(fuzz.hostile(*EVERYTHING, BANNER + KEXINIT), st.booleans())
def test_nothing_but_wire_error_escapes(data: bytes, eof: bool) -> None:
    for reader in (ssh.read_identification, ssh.read_kexinit):
        survives(reader, data, eof=eof)


@given(fuzz.mutations(KEXINIT, KEXINIT_10, OURS))
def test_what_is_read_is_printable_and_no_larger_than_the_packet(data: bytes) -> None:
    answer = survives(ssh.read_kexinit, data)
    if isinstance(answer, ssh.KexInit):
        assert all(name.isprintable() for name in answer.kex + answer.macs_c2s)
        assert sum(map(len, answer.kex + answer.host_keys)) <= ssh.MAX_PACKET
    elif isinstance(answer, ssh.Disconnected | ssh.Refusal):
        assert answer.text.isprintable()
