"""Recognise an ONC RPC server (NFS, rpcbind) by its first bytes."""

from __future__ import annotations

from scanready.climb.signature import Signature


def _rpc(data: bytes) -> str | None:
    """Record mark (last fragment), xid, REPLY, MSG_ACCEPTED or MSG_DENIED (RFC 5531, 9 and 11)."""
    length = int.from_bytes(data[1:4], "big")
    if len(data) < 20 or data[0] != 0x80 or data[8:15] != b"\x00\x00\x00\x01\x00\x00\x00" or data[15] > 1:
        return None
    return "an ONC RPC server (rpcbind, NFS ...)" if len(data) - 4 <= length <= 0x10000 and length % 4 == 0 else None


SIGNATURES: tuple[Signature, ...] = (Signature("rpc", _rpc, 370),)
