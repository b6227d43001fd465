"""The tables of known values: every codec has one, each entry stands in bytes of a server, no comparison lacks one."""

from __future__ import annotations

import ast
import pkgutil
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from scanready.wire.fields import Field, Length, Role, bits
from tests.wire.samples import SAMPLES, messages
from tests.wire.unknown import CODECS, WIRE, changes, fields_of

#: Literals that are compared and are no value of a field: an end, nothing, a sign, a letter of a text we build.
NOT_OF_A_FIELD: dict[str, dict[object, str]] = {
    "dcerpc": {">": "a sign of our own for the byte order"},
    "drda": {"/": "parts a release text of Derby"},
    "http": {
        ":": "stands in an IPv6 address that we write",
        "CONNECT": "our own method",
        "HEAD": "our own method",
        101: "a status that changes the protocol, which is a limit of ours",
        **dict.fromkeys((204, 304), "a status without a body; every other one has one"),
        **dict.fromkeys(("chunked", "deflate"), "a coding; one that is not in TRANSFER_CODINGS raises UnknownValue"),
        b"http/": "the name of the protocol, in any case of letters",
        "\0": "no text",
        **dict.fromkeys((b"!", b"?", b"a", b"area", b"base", b"input", b"meta"), "a piece of HTML, which is text"),
        **dict.fromkeys((b"&", "&", "#", "password", "refresh"), "a piece of HTML, which is text"),
        **dict.fromkeys((b"/form", b"form", b"script", b"title"), "a piece of HTML, which is text"),
        **dict.fromkeys((b"textarea", b"button", b"label", b"h3", "post"), "a piece of HTML, which is text"),
        True: "a flag of our own",
        **dict.fromkeys(
            (b"-", b"app", b"div", b"section", b"aside", b"dialog", "module"), "a piece of HTML, which is text"
        ),
        b"{": "a piece of JSON or script, which is text",
        b"\r": "a line end",
        b";": "begins the extensions of a chunk",
        b"\x04\0\0\0\0\0": "recognises HTTP/2, another protocol",
        b"\x07\0\0\0\0\0": "recognises HTTP/2, another protocol",
        0: "a rest of zero",
    },
    "mysql": {
        "mariadb": "a word in a version, which is text",
        b"#": "begins an SQLSTATE where there is one",
        "\0": "ends a text that we write",
    },
    "postgresql": {
        "sasl": "a word of our own",
        "\0": "ends a text that we write",
        b"E\0": "begins an error: E, length",
    },
    "rpc.nfs3": {".": "a name of a directory", "..": "a name of a directory"},
    "rpc.nfs4": {bytes.fromhex("2a864886f712010202"): "the object identifier of Kerberos; others keep their number"},
    "rpc.rpcbind": {2: "the version that we asked in"},
    "ssh": {b"\r": "a line end", b"\0": "no text", 0: "a boolean (RFC 4251, 5)"},
    "ssrp": {b"\0": "ends a name that we write"},
    "tds5": {0x30: "bits of a token that tell its length"},
    "tds7": {b"\xe5": "a token of TDS 5.0, another protocol"},
    "tls": {b"\0\2": "the length of an alert"},
    "tns": {b"\0\0": "the checksum, which nobody uses"},
}


def test_every_codec_has_a_table_and_samples() -> None:
    assert set(SAMPLES) <= set(CODECS)
    assert all(fields_of(codec) and messages(codec) for codec in CODECS)


@pytest.mark.parametrize("codec", CODECS)
def test_every_field_stands_in_a_message_of_a_server(codec: str) -> None:
    found = {field.name for field in fields_of(codec) for message in messages(codec) if list(changes(field, message))}
    assert {field.name for field in fields_of(codec)} == found


@pytest.mark.parametrize("codec", CODECS)
def test_what_stands_there_is_known(codec: str) -> None:
    for field in fields_of(codec):
        for message in messages(codec) if not field.flags else ():
            for start, end in field.places(message):
                present = message[start:end]
                if field.role is Role.OFFER or field.of_words:
                    continue
                assert int.from_bytes(present, field.order) in field.known, (field.name, present)


@pytest.mark.parametrize("codec", CODECS)
def test_a_discriminator_says_why(codec: str) -> None:
    for field in fields_of(codec):
        assert bool(field.why) is (field.role is Role.DISCRIMINATOR), field.name
        assert bool(field.member) is (field.role is Role.OFFER), field.name


class _Comparisons(ast.NodeVisitor):
    """Collect the literals that a module compares something with: in `==`, `!=`, `in`, and in the cases of a match."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.found: list[tuple[int, object]] = []

    def visit_Compare(self, node: ast.Compare) -> None:
        sides = [node.left, *node.comparators]
        equal = all(isinstance(operator, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for operator in node.ops)
        for side in sides if equal and not any(self._is_size(side) for side in sides) else ():
            self._literal(side, each=isinstance(node.ops[0], ast.In | ast.NotIn))
        self.generic_visit(node)

    def visit_match_case(self, node: ast.match_case) -> None:
        for part in ast.walk(node.pattern):
            if isinstance(part, ast.MatchValue):
                self._literal(part.value)
        self.generic_visit(node)

    def _is_size(self, node: ast.expr) -> bool:
        """Whether a number of bytes, members or rounds is compared, which is no value of a message."""
        return isinstance(node, ast.Call) and ast.unparse(node.func) in ("len", "min", "max")

    def _literal(self, node: ast.expr, *, each: bool = False) -> None:
        if each and isinstance(node, ast.Constant) and isinstance(node.value, bytes):
            self.found += [(node.lineno, bytes([octet])) for octet in node.value]
        elif isinstance(node, ast.Constant) and isinstance(node.value, int | bytes | str):
            self.found.append((node.lineno, node.value))
        elif isinstance(node, ast.Tuple | ast.Set | ast.List):
            for part in node.elts:
                self._literal(part)
        elif isinstance(node, ast.Name | ast.Attribute) and self._constant(node) is not None:
            self.found.append((node.lineno, self._constant(node)))

    def _constant(self, node: ast.Name | ast.Attribute) -> object:
        name = node.id if isinstance(node, ast.Name) else ""
        value = getattr(self.module, name, None) if name.lstrip("_").isupper() else None
        return value if isinstance(value, int | bytes | str) else None


def compared(codec: str) -> list[tuple[int, object]]:
    module = import_module(f"scanready.wire.{codec}")
    parts = [module]
    if Path(str(module.__file__)).name == "__init__.py":  # a codec of several files
        parts += [import_module(f"{module.__name__}.{part.name}") for part in pkgutil.iter_modules(module.__path__)]
    found: list[tuple[int, object]] = []
    for part in parts:
        visitor = _Comparisons(part)
        visitor.visit(ast.parse(Path(str(part.__file__)).read_text("utf-8")))
        found += visitor.found
    return found


def _listed(codec: str) -> set[object]:
    """The values of the tables, and how else they may be written: a number as octets, a word as text."""
    known: set[object] = set(NOT_OF_A_FIELD.get(codec, ()))
    for field in fields_of(codec):
        for value in field.known:
            if isinstance(value, bytes):
                word = value.rstrip(b"\0").decode("latin-1")
                known |= {value, value.lower(), word, word.lower()}
                continue
            known.add(int(value))
            for size in (1, 2, 4):
                if value < 1 << 8 * size:
                    known |= {value.to_bytes(size, "big"), value.to_bytes(size, "little")}
    return known


@pytest.mark.parametrize("codec", CODECS)
def test_no_value_is_compared_that_is_in_no_table(codec: str) -> None:
    listed = _listed(codec)
    unlisted = [(line, value) for line, value in compared(codec) if value not in listed and value not in (b"", "")]
    assert not unlisted, f"wire/{codec.replace('.', '/')}.py compares with {unlisted}"


def test_an_empty_place_is_none() -> None:
    field = Field("a letter", rb"a(b*)", (b"B",), Role.VALUE)
    assert list(field.places(b"abb a ab")) == [(1, 3), (7, 8)]
    assert (field.of_words, Field("a number", rb"(.)", (1,), Role.VALUE).of_words) == (True, False)
    assert list(Field("any", rb"^(.)$", (1,), Role.VALUE).places(b"\n")) == [(0, 1)], "a dot is any byte"
    assert (bits(0), bits(1), bits(0xA2)) == ((), (1,), (2, 32, 128))
    assert Length(rb"(.)") == Length(rb"(.)", "big", counts=False, of_carrier=False)
    plain = Field("x", rb"(.)", (1,), Role.VALUE)
    assert (plain.order, plain.flags, plain.unknown, plain.member, plain.lengths) == ("big", False, (), b"", ())


def test_the_lint_sees_a_comparison() -> None:
    """It must be able to fail."""
    module = ModuleType("made_up")
    vars(module)["_KIND"] = 7
    visitor = _Comparisons(module)
    visitor.visit(ast.parse("x == 5\nkind != _KIND\nmatch y:\n    case b'q': pass\nz in (1, 2)\nlen(a) == 9"))
    assert [value for _, value in visitor.found] == [5, 7, b"q", 1, 2]
    assert {path.stem for path in WIRE.glob("t*.py")} >= {"tds5", "tns"}
