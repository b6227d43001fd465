"""The emulators count what a real server counts: these tests do the harm and look whether it was noticed."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct

import pytest

from fixtures.emulators import Server, http, imap, misbehave, mysql, postgresql, serve, ssh
from fixtures.emulators.certificates import authority
from fixtures.transcripts import load

LOGIN = load("mysql/anon-login.c2s.hex")
SSL_REQUEST = load("postgresql/sslrequest.c2s.hex")
STARTUP = load("postgresql/startup-v3.c2s.hex")
IDENTIFY = b"SSH-2.0-test\r\n"


async def talk(server: Server, *flights: bytes, reset: bool = False) -> bytes:
    """Send each flight (it may be empty), wait for an answer to it, then leave; return all that was heard."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    heard = b""
    with contextlib.suppress(ConnectionError):
        for flight in flights:
            writer.write(flight)
            if not (part := await asyncio.wait_for(reader.read(65536), 5)):
                break
            heard += part
    if reset:
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return heard


class TestEnds:
    async def ended(self, *, reset: bool) -> Server:
        async with serve(misbehave.says(b"hello")) as server:
            await talk(server, b"abc", reset=reset)
            await server.ended()
        return server

    def test_fin_and_reset_are_told_apart(self) -> None:
        assert asyncio.run(self.ended(reset=False)).connections[0].ended == "fin"
        assert asyncio.run(self.ended(reset=True)).connections[0].ended == "rst"

    def test_what_was_sent_is_kept(self) -> None:
        assert asyncio.run(self.ended(reset=False)).connections[0].received == b"abc"

    def test_a_mistake_in_a_behaviour_is_not_swallowed(self) -> None:
        async def mistaken(*_: object) -> None:
            raise LookupError("a bug")

        async def main() -> None:
            async with serve(mistaken) as server:
                await talk(server, b"")

        with pytest.raises(LookupError, match="a bug"):
            asyncio.run(main())


class TestMySQL:
    @staticmethod
    async def offences(*flights: bytes) -> tuple[dict[str, int], dict[str, int]]:
        async with serve(mysql.mariadb_10_11) as server:
            await talk(server, *flights)
            await server.ended()
        return dict(server.offences), dict(server.counts)

    def test_a_refused_login_harms_nobody(self) -> None:
        assert asyncio.run(self.offences(b"", LOGIN)) == ({}, {"logins": 1})

    @pytest.mark.parametrize("flights", [(b"",), (b"", b"\x01\0\0\0\x01"), (b"", b"GET / HTTP/1.1\r\n\r\n")])
    def test_a_hang_up_is_aborted(self, flights: tuple[bytes, ...]) -> None:
        assert asyncio.run(self.offences(*flights)) == ({"aborted": 1}, {})

    def test_too_many_hang_ups_block_the_host(self) -> None:
        async def main() -> bytes:
            async with serve(mysql.max_connect_errors(2, mysql.mariadb_10_11)) as server:
                for count in (1, 2):
                    await talk(server, b"", LOGIN)
                    await talk(server, b"")
                    await server.ended(2 * count)
                return await talk(server, b"")

        assert b"is blocked because of many connection errors" in asyncio.run(main())

    def test_a_login_may_follow_right_behind_the_request_for_tls(self) -> None:
        """SSLRequest and ClientHello in one segment: the emulator must not lose the second."""

        async def main() -> Server:
            async with serve(mysql.mariadb_10_11) as server:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.load_verify_locations(authority().ca_file)
                incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                session = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
                with pytest.raises(ssl.SSLWantReadError):
                    session.do_handshake()
                hello = load("mysql/sslrequest.c2s.hex") + outgoing.read()
                answer = await talk(server, hello, b"")
                assert b"\x16\x03\x03" in answer
                await server.ended()
            return server

        assert asyncio.run(main()).connections[0].received == load("mysql/sslrequest.c2s.hex")


class TestPostgreSQL:
    @staticmethod
    async def offences(*flights: bytes, reset: bool = False) -> dict[str, int]:
        async with serve(postgresql.sasl_in_tls) as server:
            await talk(server, *flights, reset=reset)
            await server.ended()
        return dict(server.offences)

    def test_leaving_at_the_prompt_is_silent(self) -> None:
        assert asyncio.run(self.offences(STARTUP)) == {}

    @pytest.mark.parametrize(
        ("flights", "reset", "offence"),
        [
            ((STARTUP,), True, "connection-reset"),
            ((SSL_REQUEST,), False, "tls-eof"),
            ((STARTUP, b"X\0\0\0\x04"), False, "terminate-before-password"),
            ((b"GET / HTTP/1.1\r\n\r\n",), False, "invalid-startup-length"),
        ],
    )
    def test_the_log_line_is_counted(self, flights: tuple[bytes, ...], reset: bool, offence: str) -> None:
        assert asyncio.run(self.offences(*flights, reset=reset)) == {offence: 1}

    @pytest.mark.parametrize("polite", [True, False])
    def test_close_notify_is_asked_for(self, polite: bool) -> None:
        def client(port: int) -> None:
            context = ssl.create_default_context(cafile=str(authority().ca_file))
            with socket.create_connection(("127.0.0.1", port), 5) as plain:
                plain.sendall(SSL_REQUEST)
                assert plain.recv(1) == b"S"
                inside = context.wrap_socket(plain, server_hostname="localhost")
                inside.sendall(STARTUP)
                assert inside.recv(100).startswith(b"R")
                if polite:
                    with contextlib.suppress(ssl.SSLError, OSError):
                        inside.unwrap()
                inside.close()

        async def main() -> dict[str, int]:
            async with serve(postgresql.sasl_in_tls) as server:
                await asyncio.to_thread(client, server.port)
                await server.ended()
            return dict(server.offences)

        assert asyncio.run(main()) == ({} if polite else {"tls-without-close-notify": 1})


class TestSSH:
    @staticmethod
    async def counted(*flights: bytes) -> tuple[dict[str, int], dict[str, int]]:
        async with serve(ssh.openssh_9_2) as server:
            await talk(server, *flights)
            await server.ended()
        return dict(server.offences), dict(server.counts)

    def test_the_polite_way(self) -> None:
        """Banner, KEXINIT, DISCONNECT."""
        polite = (IDENTIFY, b"", load("ssh/disconnect11.c2s.hex"))
        assert asyncio.run(self.counted(*polite)) == ({}, {"disconnects": 1})

    @pytest.mark.parametrize(
        ("flights", "offence"),
        [
            ((b"",), "closed-before-identification"),
            ((b"GET / HTTP/1.1\r\n\r\n",), "invalid-identification"),
            ((b"", IDENTIFY), "closed-preauth"),
        ],
    )
    def test_what_its_log_would_hold_against_us(self, flights: tuple[bytes, ...], offence: str) -> None:
        assert asyncio.run(self.counted(*flights)) == ({offence: 1}, {})

    def test_a_burst_is_penalised_however_polite(self) -> None:
        async def main() -> list[bytes]:
            async with serve(ssh.per_source_penalties(ssh.openssh_10_0)) as server:
                answers = []
                for count in range(18):
                    answers.append(await talk(server, b"", IDENTIFY, load("ssh/disconnect11.c2s.hex")))
                    await server.ended(count + 1)
                return answers

        answers = asyncio.run(main())
        assert answers[15].startswith(b"SSH-2.0-")
        assert answers[17] == ssh.PENALTY

    def test_max_startups_drops_what_is_too_much_at_once(self) -> None:
        async def main() -> bytes:
            async with serve(ssh.max_startups(1, ssh.openssh_9_2)) as server:
                reader, writer = await asyncio.open_connection(server.host, server.port)
                await reader.readuntil(b"\n")
                dropped = await talk(server, b"")
                writer.close()
                return dropped

        assert asyncio.run(main()) == ssh.EXCEEDED


class TestTheRest:
    def test_imap_wants_a_logout(self) -> None:
        async def main(*flights: bytes) -> dict[str, int]:
            async with serve(imap.dovecot) as server:
                await talk(server, *flights)
                await server.ended()
            return dict(server.offences)

        assert asyncio.run(main(b"", b"a CAPABILITY\r\nb LOGOUT\r\n", b"")) == {}
        assert asyncio.run(main(b"", b"a CAPABILITY\r\n")) == {"closed-without-logout": 1}

    def test_http_notices_tls(self) -> None:
        async def main() -> tuple[bytes, dict[str, int]]:
            async with serve(http.ok) as server:
                answer = await talk(server, b"\x16\x03\x01")
                await server.ended()
            return answer, dict(server.offences)

        answer, offences = asyncio.run(main())
        assert answer.startswith(b"HTTP/1.1 400 Bad Request")
        assert offences == {"bad-request": 1}
