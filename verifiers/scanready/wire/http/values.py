"""The values of HTTP/1 that are known here; see :mod:`scanready.wire.fields`."""

from __future__ import annotations

from scanready.wire.fields import Field, Role

#: Statuses that have a meaning: IANA's ("HTTP Status Codes"), and those of widespread products: IIS (440, 449), nginx
#: (444, 494 to 499), load balancers of AWS (460, 463, 464, 561), Cloudflare (520 to 527, 530), cPanel (508, 509), 529.
STATUSES = frozenset(
    (*range(100, 105), *range(200, 209), 226, *range(300, 309), *range(400, 419), *range(421, 427), 428, 429, 431, 451)
) | frozenset((440, 444, 449, 460, 463, 464, *range(494, 500), *range(500, 512), *range(520, 528), 529, 530, 561))

#: Transfer codings (IANA's "HTTP Transfer Coding Registry"), and words that say that there is none.
TRANSFER_CODINGS = ("", "none", "identity", "chunked", "compress", "x-compress", "deflate", "gzip", "x-gzip")

FIELDS = (
    Field(
        "the protocol",
        rb"^(HTTP)/1",
        (b"HTTP",),
        Role.DISCRIMINATOR,
        why="every answer begins with it, and only it distinguishes HTTP from other protocols of lines",
    ),
    Field(
        "the status",
        rb"^HTTP/1\.\d (\d{3})",
        tuple(str(status).encode() for status in STATUSES),
        Role.VALUE,
        unknown=(b"299", b"600", b"999"),
    ),
    Field("a way to log in", rb"WWW-Authenticate: (Basic|Negotiate)", (b"BASIC", b"NEGOTIATE"), Role.VALUE),
)
