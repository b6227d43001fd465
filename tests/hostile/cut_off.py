"""A relay before a healthy server, which lets so many of its answers through and then does something else."""

from __future__ import annotations

import asyncio
import contextlib

from fixtures.emulators import Reader, Record, Writer

#: Bytes that belong to no protocol.
NOISE = b"\x00\xa7\x93\xee\x01noise\r\n\xff\xd8" * 6
ENDS = ("silent", "fin", "reset", "garbage")


class Relay:
    """Pass ``most`` answers of the server at ``host:port`` on, over all connections together; then end as ``end`` says.

    Attributes:
        passed: the answers so far.
    """

    def __init__(self, host: str, port: int, most: float, end: str = "silent") -> None:
        self.passed = 0
        self._server, self._most, self._end = (host, port), most, end

    async def __call__(self, reader: Reader, writer: Writer, record: Record) -> None:
        """Play one connection."""
        if self.passed >= self._most and self._end != "silent":
            await self._finish(reader, writer, record)
            return
        theirs, ours = await asyncio.open_connection(*self._server)
        record.tasks.append(asyncio.get_running_loop().create_task(_copy(reader, ours)))
        try:
            while answer := await theirs.read(1 << 16):
                if self.passed >= self._most:
                    await self._finish(reader, writer, record)
                    return
                self.passed += 1
                writer.write(answer)
                await writer.drain()
        finally:
            ours.close()

    async def _finish(self, reader: Reader, writer: Writer, record: Record) -> None:
        if self._end == "reset":
            record.reset()
        elif self._end == "garbage":
            writer.write(NOISE)
            await writer.drain()
        if self._end in ("silent", "garbage"):
            await record.lost.wait()


async def _copy(reader: Reader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while part := await reader.read(1 << 16):
            writer.write(part)
            await writer.drain()
        writer.write_eof()
