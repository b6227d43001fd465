"""The player of an emulator: whole requests however they arrive, TLS, and the end of a flood."""

from __future__ import annotations

import asyncio
import re
import ssl
from pathlib import Path

import pytest

from fixtures.transcripts import HERE, TARGETS, load
from scanready.selftest.certificate import certified
from scanready.selftest.emulator import Answer, Emulator, Fill, emulator_of
from scanready.selftest.examine import LOOPBACK, playing
from scanready.selftest.player import MOST
from tests.ladder import TYPES

SHIPPED = sorted(TARGETS.glob("*/emulated/*/*.hex"))


def emulator(*answers: Answer, tls: bool = False, greeting: bytes = b"") -> Emulator:
    return Emulator("a test", "ready", None, "connect.refused", {}, tls, greeting, answers)


def answer(to: bytes, data: bytes = b"", *fills: Fill, tls: bool = False, closes: bool = False) -> Answer:
    return Answer(re.compile(to, re.DOTALL), data, fills, None, tls, closes)


async def asked(played: Emulator, folder: Path, *pieces: bytes, most: int = 4096) -> bytes:
    context, _ = certified(folder, LOOPBACK)
    async with playing(played, context) as port:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        found = await reader.read(most)
        writer.close()
        return found


def test_a_request_in_single_bytes_gets_its_answer_once(tmp_path: Path) -> None:
    played = emulator(answer(b"HELLO (.)\n", b"ID=x", Fill(b"x", 1), closes=True))
    request = [bytes([byte]) for byte in b"HELLO 7\n"]
    assert asyncio.run(asked(played, tmp_path, *request)) == b"ID=7"


def test_an_offset_keeps_the_length_of_an_answer(tmp_path: Path) -> None:
    played = emulator(answer(b"(..)!", b"abcdef", Fill(2, 1), Fill(5, text=b"Z"), closes=True))
    assert asyncio.run(asked(played, tmp_path, b"12!")) == b"ab12eZ"


def test_an_answer_names_the_second_port_where_the_emulator_listens_as_well(tmp_path: Path) -> None:
    played = emulator(answer(b"WHERE", b"??", Fill(0, port=True)), answer(b"HELLO", b"here", closes=True))

    async def talk() -> bytes:
        context, _ = certified(tmp_path, LOOPBACK)
        async with playing(played, context) as port:
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.write(b"WHERE")
            second = int.from_bytes(await reader.readexactly(2))
            assert second != port
            there, to = await asyncio.open_connection(LOOPBACK, second)
            to.write(b"HELLO")
            found = await there.read(10)
            writer.close()
            to.close()
            return found

    assert asyncio.run(talk()) == b"here"


def test_a_flood_ends_the_connection(tmp_path: Path) -> None:
    assert asyncio.run(asked(emulator(answer(b"never")), tmp_path, b"x" * (MOST + 1))) == b""


def test_bytes_that_are_no_tls_end_the_connection(tmp_path: Path) -> None:
    found = asyncio.run(asked(emulator(tls=True, greeting=b"hidden"), tmp_path, b"GET / HTTP/1.1\r\n\r\n"))
    assert b"hidden" not in found


def test_a_client_hello_directly_after_the_request_for_tls(tmp_path: Path) -> None:
    """asyncio's own ``start_tls`` would lose it."""
    played = emulator(answer(b"STARTTLS\n", tls=True), answer(b"PING", b"PONG"))
    server, trusted = certified(tmp_path, LOOPBACK)
    client = ssl.create_default_context(cafile=str(trusted))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = client.wrap_bio(incoming, outgoing, server_hostname=LOOPBACK)

    async def talk() -> bytes:
        async with playing(played, server) as port:
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            with pytest.raises(ssl.SSLWantReadError):
                session.do_handshake()
            writer.write(b"STARTTLS\n" + outgoing.read())
            for step in (session.do_handshake, lambda: session.write(b"PING"), lambda: session.read(4)):
                while True:
                    try:
                        done = step()
                        writer.write(outgoing.read())
                        break
                    except ssl.SSLWantReadError:
                        writer.write(outgoing.read())
                        incoming.write(await reader.read(4096))
            writer.close()
            assert isinstance(done, bytes)
            return done

    assert asyncio.run(talk()) == b"PONG"


def test_the_bytes_are_those_that_the_tests_use() -> None:
    """One file each: what is in the package is not in fixtures/transcripts as well."""
    for path in SHIPPED:
        name = f"{path.parent.name}/{path.name}"
        assert not (HERE / name).exists(), name
        assert load(name) == bytes.fromhex(path.read_text("ascii"))


def test_every_shipped_byte_is_used_and_each_family_brings_data_only() -> None:
    for folder in TARGETS.glob("*/emulated"):
        scripts = "".join(path.read_text("utf-8") for path in folder.glob("*.toml"))
        unused = [path.name for path in folder.glob("*/*") if f'"{path.parent.name}/{path.name}"' not in scripts]
        assert not unused, folder
        assert {path.suffix for path in folder.rglob("*") if path.is_file()} <= {".toml", ".hex"}, folder
        names = {row.name for row in TYPES if row.home.endswith(f".{folder.parent.name}")}
        assert {path.stem for path in folder.glob("*.toml")} <= names, folder


def test_each_emulator_says_where_its_bytes_are_from() -> None:
    plain = {"master", "update"}  # they send nothing of a protocol
    for row in TYPES:
        played = emulator_of(row)
        if played is not None and row.name not in plain:
            assert played.what.endswith(("(captured)", "(constructed)")), row.name
            made_up = any("SYNTH-" in path.name for path in SHIPPED if path.parts[-4] == row.home.rpartition(".")[2])
            assert not made_up or played.what.endswith("(constructed)"), row.name
