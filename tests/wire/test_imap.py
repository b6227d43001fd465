from __future__ import annotations

import imaplib
import io

import imapclient
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.transcripts import load, names
from scanready.wire import Buffer, Reader, WireError, imap
from tests.readers import reads, survives
from tests.wire import fuzz

GREETING = load("imap/dovecot2.3-greeting.s2c.hex")
DISABLED = load("imap/dovecot2.3-greeting-logindisabled.s2c.hex")
CAPABILITY = load("imap/dovecot2.3-capability.s2c.hex")
GARBAGE = load("imap/dovecot2.3-http-garbage.s2c.hex")
FROM_SERVERS = tuple(load(name) for name in names("imap", "*.s2c.hex"))
COMMON = frozenset({"IMAP4REV1", "SASL-IR", "LOGIN-REFERRALS", "ID", "ENABLE", "IDLE", "LITERAL+", "STARTTLS"})


def test_a_line_without_an_end_that_is_no_greeting() -> None:
    with pytest.raises(WireError) as caught:
        imap.read_greeting(Buffer(b"* " + b"x" * imap.LINE_LIMIT))
    assert type(caught.value) is WireError, "no limit of ours keeps a greeting from us"


class TestGreeting:
    def test_captured(self) -> None:
        ready = "Dovecot (Debian) ready."
        assert reads(imap.read_greeting, GREETING) == imap.Greeting("OK", ready, "CAPABILITY", COMMON | {"AUTH=PLAIN"})
        assert reads(imap.read_greeting, DISABLED) == imap.Greeting(
            "OK", ready, "CAPABILITY", COMMON | {"LOGINDISABLED"}
        )

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            (b"* PREAUTH ready\r\n", imap.Greeting("PREAUTH", "ready", None, None)),
            (b"* BYE [ALERT] Too many\r\n", imap.Greeting("BYE", "Too many", "ALERT", None)),
            (b"* bye [unavailable]\n", imap.Greeting("BYE", "", "UNAVAILABLE", None)),
            (b"* OK\r\n", imap.Greeting("OK", "", None, None)),
            (b"* NO\r\n", imap.Greeting("NO", "", None, None)),
            (b"* bad [ALERT] down\r\n", imap.Greeting("BAD", "down", "ALERT", None)),
            (
                b"* BYE [REFERRAL imap://MIKE@SERVER2/] Try SERVER2.\r\n",
                imap.Greeting("BYE", "Try SERVER2.", "REFERRAL", None, "imap://MIKE@SERVER2/"),
            ),
            (b"* OK [mail.example] ready {3}\r\n", imap.Greeting("OK", "[mail.example] ready {3}", None, None)),
            (b"* OK [CAPABILITY\r\n", imap.Greeting("OK", "[CAPABILITY", None, None)),
            (b"* OK \xfcber\r\n", imap.Greeting("OK", "\\xfcber", None, None)),
            (
                b"* OK [CAPABILITY imap4rev1 auth=Plain]\r\n",
                imap.Greeting("OK", "", "CAPABILITY", frozenset({"IMAP4REV1", "AUTH=PLAIN"})),
            ),
        ],
    )
    def test_its_kinds(self, line: bytes, expected: imap.Greeting) -> None:
        assert reads(imap.read_greeting, line) == expected

    @pytest.mark.parametrize(
        "data",
        [b"+OK POP3 ready", b"220 mail ESMTP", b"SSH-2.0-x", b"HTTP/1.1 200 OK", b"\x15\x03\x03\0\x02", b"*OK", b"\0"],
    )
    def test_another_protocol_is_told_by_its_first_bytes(self, data: bytes) -> None:
        with pytest.raises(WireError, match="an IMAP server greets with"):
            imap.read_greeting(Buffer(data))

    def test_another_protocol_is_quoted(self) -> None:
        with pytest.raises(WireError) as caught:
            imap.read_greeting(Buffer(b"+OK POP3 server ready and waiting"))
        assert str(caught.value).endswith("begins with b'+OK POP3 server ready an'")

    @pytest.mark.parametrize("line", [b"* NOW\r\n", b"* CAPABILITY IMAP4rev1\r\n", b"* OKAY\r\n", b"* \r\n"])
    def test_another_line_is_no_greeting(self, line: bytes) -> None:
        with pytest.raises(WireError, match="no IMAP greeting"):
            imap.read_greeting(Buffer(line))

    @pytest.mark.parametrize(
        ("argument", "place"),
        [
            ("imap://MIKE@SERVER2/", ("SERVER2", None)),
            ("IMAP://user;AUTH=*@mail.example:1143/INBOX", ("mail.example", 1143)),
            ("imap://192.0.2.7", ("192.0.2.7", None)),
            ("imap://a/x imap://b/x", ("a", None)),
            ("http://a/", None),
            ("imap://", None),
            ("imap://a b/", ("a", None)),
            ("imap://[::1", None),
            ("", None),
        ],
    )
    def test_a_referral_names_a_place(self, argument: str, place: tuple[str, int | None] | None) -> None:
        assert imap.referred_to(argument) == place

    def test_an_endless_one_ends(self) -> None:
        assert survives(imap.read_greeting, b"* OK " + b"x" * (imap.LINE_LIMIT - 6)) is None
        assert isinstance(survives(imap.read_greeting, b"* OK " + b"x" * imap.LINE_LIMIT), WireError)

    def test_a_preliminary_one_is_one(self) -> None:
        """Dovecot that has just started: the real greeting is untagged text of the next command then."""
        buffer = Buffer(GARBAGE)
        first = imap.read_greeting(buffer)
        assert first == imap.Greeting("OK", "Waiting for authentication process to respond..", None, None)
        answer = reads(imap.read_tagged("GET"), buffer.everything()[: -len(_after(GARBAGE, b"GET"))])
        assert isinstance(answer, imap.Tagged)
        assert answer.status == "BAD"
        assert answer.capabilities == COMMON | {"AUTH=PLAIN"}


def _after(data: bytes, tag: bytes) -> bytes:
    """Return what follows the line that answers ``tag``."""
    return data[data.index(b"\n", data.index(b"\n" + tag) + 1) + 1 :]


class TestTagged:
    def test_capability(self) -> None:
        answer = reads(imap.read_tagged("c1"), CAPABILITY)
        assert isinstance(answer, imap.Tagged)
        assert (answer.status, answer.code) == ("OK", None)
        assert answer.text == "Pre-login capabilities listed, post-login capabilities have more."
        assert len(answer.untagged) == 1
        assert answer.capabilities == imap.capabilities(answer.untagged) == COMMON | {"AUTH=PLAIN"}

    @pytest.mark.parametrize(
        ("name", "status", "code", "untagged"),
        [
            ("id", "OK", None, 1),
            ("starttls-ok", "OK", None, 0),
            ("login-failed", "NO", "AUTHENTICATIONFAILED", 0),
            ("login-cleartext-refused", "NO", "AUTHENTICATIONFAILED", 0),
            ("login-privacyrequired", "NO", "PRIVACYREQUIRED", 1),
        ],
    )
    def test_captured(self, name: str, status: str, code: str | None, untagged: int) -> None:
        answer = reads(imap.read_tagged("c1"), load(f"imap/dovecot2.3-{name}.s2c.hex"))
        assert isinstance(answer, imap.Tagged)
        assert (answer.status, answer.code, len(answer.untagged)) == (status, code, untagged)
        assert "[" not in answer.text

    @pytest.mark.parametrize("code", ["UNAVAILABLE", "EXPIRED", "CONTACTADMIN", "ALERT", "LIMIT"])
    def test_response_codes(self, code: str) -> None:
        answer = reads(imap.read_tagged("c1"), f"c1 NO [{code.lower()}] sorry\r\n".encode())
        assert answer == imap.Tagged("NO", code, "sorry", ())

    def test_a_response_code_may_say_more(self) -> None:
        answer = reads(imap.read_tagged("c1"), b"c1 OK [CAPABILITY IMAP4rev1 IDLE] in\r\n")
        assert answer == imap.Tagged("OK", "CAPABILITY", "in", (), "IMAP4rev1 IDLE")
        assert isinstance(answer, imap.Tagged)
        assert answer.capabilities == {"IMAP4REV1", "IDLE"}

    def test_logout(self) -> None:
        flight = load("imap/dovecot2.3-logout.s2c.hex")
        answer = reads(imap.read_tagged("c2", logout=True), flight)
        assert answer == imap.Tagged("OK", None, "Logout completed.", ("BYE Logging out",))

    def test_logout_of_a_server_that_just_closes(self) -> None:
        reader = imap.read_tagged("c2", logout=True)
        assert survives(reader, b"* BYE so long\r\n") is None
        assert survives(reader, b"* BYE so long\r\n", eof=True) == imap.Bye("so long", None)
        assert survives(reader, b"* OK\r\n", eof=True) is None
        assert survives(reader, b"* BYE so long\r\n* X {5}\r\nab", eof=True) == imap.Bye("so long", None)

    def test_bye_instead_of_an_answer(self) -> None:
        answer = reads(imap.read_tagged("c1"), b"* OK wait\r\n* BYE [UNAVAILABLE] going down\r\n")
        assert answer == imap.Bye("going down", "UNAVAILABLE")
        after = _after(GARBAGE, b"Host")
        assert reads(imap.read_tagged("c1"), after) == imap.Bye("Too many invalid IMAP commands.", None)

    def test_the_longest_answer(self) -> None:
        """65,536 bytes, 8,192 in a line and 1,000 lines before the tagged one are read, and not one more."""
        end = b"c1 OK\r\n"
        many = reads(imap.read_tagged("c1"), b"* X\r\n" * 1000 + end, trailing=b"")
        assert many == imap.Tagged("OK", None, "", ("X",) * 1000)
        size = 65_536 - len(end) - len(b"* X {65000}\r\n\r\n") - 65_000
        longest = b"* X {65000}\r\n" + bytes(65_000) + b"y" * size + b"\r\n" + end
        assert len(longest) == 65_536
        answer = imap.read_tagged("c1")(Buffer(longest))
        assert isinstance(answer, imap.Tagged)
        for longer in (longest.replace(b"{65000}", b"{65001}"), longest.replace(end, b" " + end)):
            with pytest.raises(WireError, match="more than 65536 bytes without an answer to c1"):
                imap.read_tagged("c1")(Buffer(longer[:-1] + b" \n"))
        line = b"* " + b"x" * 8188 + b"\r\n"
        assert isinstance(imap.read_tagged("c1")(Buffer(line + end)), imap.Tagged)
        with pytest.raises(WireError, match="a line of more than 8192 bytes"):
            imap.read_tagged("c1")(Buffer(b"*" + line + end))

    def test_a_number_of_eight_digits_at_most_is_a_length(self) -> None:
        answer = reads(imap.read_tagged("c1"), b"* X {00000002}\r\nab\r\nc1 OK\r\n")
        assert answer == imap.Tagged("OK", None, "", ("X {00000002}\r\nab",))
        with pytest.raises(WireError, match="a literal of 000000002 bytes"):
            imap.read_tagged("c1")(Buffer(b"* X {000000002}\r\n"))
        with pytest.raises(WireError, match="a literal of 65537 bytes"):
            imap.read_tagged("c1")(Buffer(b"* X {65537}\r\n"))

    def test_what_follows_a_literal_is_no_status(self) -> None:
        answer = reads(imap.read_tagged("c1"), b"* X {2}\r\nabz OK y {1}\r\nc\r\nc1 OK done\r\n")
        assert answer == imap.Tagged("OK", None, "done", ("X {2}\r\nabz OK y {1}\r\nc",))

    def test_a_bye_is_expected_only_after_logout(self) -> None:
        assert imap.read_answer(Buffer(b"* BYE x\r\nc1 OK\r\n"), "c1") == imap.Bye("x", None)

    def test_literals_belong_to_their_line(self) -> None:
        flight = b'* LIST () "/" {9}\r\nc1 NO\r\n* \r\n* X {2}\r\nab {1+}\r\n\n\r\n* OK ends in {3}\r\nc1 OK done\r\n'
        answer = reads(imap.read_tagged("c1"), flight)
        assert answer == imap.Tagged(
            "OK",
            None,
            "done",
            ('LIST () "/" {9}\r\nc1 NO\r\n* ', "X {2}\r\nab {1+}\r\n\n", "OK ends in {3}"),
        )

    @pytest.mark.parametrize(
        ("data", "sentence"),
        [
            (b"* X {99999999}\r\n", "a literal of 99999999 bytes"),
            (b"* X {" + b"9" * 5000 + b"}\r\n", "a literal of 9{24} bytes"),
            (b"* " + b"x" * imap.LINE_LIMIT, "a line of more than 8192 bytes"),
            (b"* X {65536}\r\n" + b"x" * imap.ANSWER_LIMIT, "more than 65536 bytes"),
            (b"* OK\r\n" * 1001, "more than 1000 lines"),
            ((b"* " + b"x" * 1000 + b"\r\n") * 70, "more than 65536 bytes"),
            (b"+ go on\r\n", "asks to continue"),
            (b"c7 OK\r\n", "neither an untagged line nor an answer to c1: 'c7'"),
            (b"\x1b[2J\r\n", r"neither an untagged line nor an answer to c1: '\\x1b\[2J'"),
            (b"\r\n", "neither an untagged line"),
            (b"c1 MAYBE\r\n", "neither OK nor NO nor BAD"),
            (b"c1\r\n", "neither OK nor NO nor BAD"),
        ],
    )
    def test_broken(self, data: bytes, sentence: str) -> None:
        with pytest.raises(WireError, match=sentence):
            imap.read_tagged("c1")(Buffer(data))


class TestCapabilities:
    def test_the_last_list_wins(self) -> None:
        lines = ["CAPABILITY IMAP4rev1 LOGINDISABLED", "FLAGS ()", "* OK [CAPABILITY imap4rev1 Auth=plain] hi", "NO x"]
        assert imap.capabilities(lines) == {"IMAP4REV1", "AUTH=PLAIN"}
        assert imap.capabilities(lines[:2]) == {"IMAP4REV1", "LOGINDISABLED"}
        assert imap.capabilities([]) == frozenset()


class TestCommand:
    def test_one_line(self) -> None:
        assert imap.command("c1", "CAPABILITY") == b"c1 CAPABILITY\r\n"

    @pytest.mark.parametrize(("tag", "text"), [("c1", "NOOP\r\nc2 LOGOUT"), ("c1", "ü"), ("*", "NOOP"), ("", "NOOP")])
    def test_and_no_more(self, tag: str, text: str) -> None:
        with pytest.raises(ValueError, match="IMAP"):
            imap.command(tag, text)


class Replayed(imapclient.imap4.IMAP4WithTimeout):  # type: ignore[misc]  # imapclient has no types
    """The client of the standard library, which hears captured bytes instead of a network."""

    def __init__(self, greeting: bytes, answer: bytes) -> None:
        self.heard, self.answer = io.BytesIO(greeting), answer
        super().__init__("replayed", 143, None)

    def open(self, host: str = "", port: int = 143, timeout: float | None = None) -> None:
        self.host, self.port, self.sock = host, port, None

    def read(self, size: int) -> bytes:
        return self.heard.read(size)

    def readline(self) -> bytes:
        return self.heard.readline()

    def send(self, data: bytes) -> None:
        """Answer each command with the captured answer, under the tag this client made up."""
        self.heard = io.BytesIO(self.answer.replace(b"c1 ", data.split()[0] + b" "))

    def shutdown(self) -> None:
        pass


class TestAgainstImaplib:
    """An independent implementation reads the same bytes, without a network."""

    @pytest.mark.parametrize("data", [GREETING, DISABLED])
    def test_greeting_and_capabilities(self, data: bytes) -> None:
        theirs = Replayed(data, CAPABILITY)
        greeting = imap.read_greeting(Buffer(data))
        assert greeting is not None
        assert theirs.welcome.endswith(greeting.text.encode())
        assert theirs.state == "NONAUTH"
        answer = imap.read_tagged("c1")(Buffer(CAPABILITY))
        assert isinstance(answer, imap.Tagged)
        assert frozenset(theirs.capabilities) == answer.capabilities
        parsed = imapclient.IMAPClient.__new__(imapclient.IMAPClient)
        parsed._imap, parsed._cached_capabilities, parsed._starttls_done = theirs, None, False
        assert {name.decode() for name in parsed.capabilities()} == answer.capabilities

    @pytest.mark.parametrize("name", ["login-failed", "login-privacyrequired"])
    def test_a_refused_login(self, name: str) -> None:
        data = load(f"imap/dovecot2.3-{name}.s2c.hex")
        theirs = Replayed(GREETING, CAPABILITY)
        theirs.answer = data
        answer = imap.read_tagged("c1")(Buffer(data))
        assert isinstance(answer, imap.Tagged)
        # imaplib takes the untagged BAD for the answer to the login, which is a reason not to use it.
        text = answer.untagged[0].partition("] ")[2] if answer.untagged else answer.text
        with pytest.raises(imaplib.IMAP4.error, match=text[:20]):
            theirs.login("u", "p")

    def test_bye(self) -> None:
        with pytest.raises(imaplib.IMAP4.error):
            Replayed(b"* BYE Too many connections\r\n", CAPABILITY)


@pytest.mark.parametrize("reader", [imap.read_greeting, imap.read_tagged("c1"), imap.read_tagged("c1", logout=True)])
@given(fuzz.hostile(*FROM_SERVERS, b"* X {3}\r\nabc {2}\r\nde\r\nc1 OK\r\n"), st.booleans())
def test_nothing_but_wire_error_escapes(reader: Reader[object], data: bytes, eof: bool) -> None:
    survives(reader, data, eof=eof)


@given(st.lists(st.text(max_size=100)))
def test_capabilities_never_fails(lines: list[str]) -> None:
    imap.capabilities(lines)
