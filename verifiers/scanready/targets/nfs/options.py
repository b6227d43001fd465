"""The services of NFSv3 whose ports a server can pin, and the options that say where they are."""

from __future__ import annotations

from scanready.catalogue.option import Option, pinned

#: Named as rpcbind names the services: nlockmgr is lockd, status is statd.
PINNED: tuple[Option, ...] = tuple(
    pinned(f"{service}_port", several=True) for service in ("mountd", "nlockmgr", "status", "rquotad")
)
MOUNTD_PORT, NLOCKMGR_PORT, STATUS_PORT, RQUOTAD_PORT = PINNED
