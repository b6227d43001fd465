"""Build and read a COMPOUND of NFS version 4 with operations that create no state on the server (RFC 7530, 7862)."""

from __future__ import annotations

from dataclasses import dataclass, field

from scanready.wire import OurLimit, UnknownValue, WireError
from scanready.wire.fields import Field, Length, Role

from .xdr import Items, text, u32, u64

PROGRAM, VERSION, COMPOUND = 100003, 4, 1
OK, PERM, NOENT, ACCES, NOTDIR = 0, 1, 2, 13, 20
DELAY, WRONGSEC, RESOURCE, MOVED = 10008, 10016, 10018, 10019
GRACE = 10013
#: "Try again later": the server fetches data from slower storage, or has restarted and waits for its earlier clients.
LATER = frozenset((DELAY, GRACE))
MINOR_MISMATCH, SYMLINK, NOT_IN_SESSION = 10021, 10029, 10071
#: Statuses that reject the form of a call, not the file or the user.
TOOSMALL, BADXDR, OP_ILLEGAL = 10005, 10036, 10044
#: nfsstat4 (RFC 7530, 13.1; RFC 8881, 15.1; RFC 7862, 11.1).
STATUSES = frozenset((*range(3), 5, 6, 13, 17, 18, 20, 21, 22, 27, 28, 30, 31, 63, 66, 69, 70, *range(10001, 10097)))
READ, LOOKUP_ALLOWED = 0x01, 0x02
#: Minor versions that are tried. Newer ones are not: NFS-Ganesha logs a critical error for each try (measured).
MINORS = (0, 1, 2)

_ACCESS, _GETATTR, _LOOKUP, _PUTROOTFH, _READDIR, _SECINFO = 3, 9, 15, 24, 26, 33
_SUPPORTED_TYPE_LEASE, _TYPE = 0x403, 0x2  # attributes 0, 1 and 10; only attribute 1
_MOST_OPERATIONS, _MOST_FLAVORS, _MOST_ATTRIBUTES, _MOST_WORDS = 128, 64, 8192, 16
_MOST_NAME = 1024
_RPCSEC_GSS = 6
# The object identifier of Kerberos 5 (RFC 4121), with and without the header that DER gives it.
_KERBEROS = bytes.fromhex("2a864886f712010202")
_KERBEROS_FLAVORS = {1: 390003, 2: 390004, 3: 390005}  # krb5, krb5i, krb5p (RFC 2623, 2.5)


@dataclass(frozen=True, slots=True)
class Result:
    """The results of a COMPOUND: the overall status, the number of completed operations, and their values.

    ``access`` has the bits that are granted or that the server cannot determine. ``kind`` is the type of the object, 0
    if it was not requested. ``names`` is None if no directory was read. ``flavors`` have the numbers of NFSv3: 1 for
    sys, 390003 to 390005 for the services of Kerberos.
    """

    status: int
    done: int
    access: int = 0
    kind: int = 0
    names: tuple[str, ...] | None = None
    flavors: tuple[int, ...] = field(default=())


def compound(minor: int, *operations: bytes) -> bytes:
    """Build the arguments of COMPOUND: tag, minor version, operations."""
    return text("scanready") + u32(minor) + u32(len(operations)) + b"".join(operations)


#: Go to the root of the exported tree.
ROOT = u32(_PUTROOTFH)
#: Read attributes that every object has.
ATTRIBUTES = u32(_GETATTR) + u32(1) + u32(_SUPPORTED_TYPE_LEASE)
#: Read the type of the object: directory, file or link (nfs_ftype4).
KIND = u32(_GETATTR) + u32(1) + u32(_TYPE)
REGULAR, DIRECTORY, LINK = 1, 2, 5
#: Ask whether this user may read and look up names.
ACCESS = u32(_ACCESS) + u32(READ | LOOKUP_ALLOWED)
#: Read the first names of a directory: cookie, verifier, two sizes, no attributes.
READDIR = u32(_READDIR) + u64(0) + bytes(8) + u32(512) + u32(4096) + u32(0)


def lookup(name: str) -> bytes:
    """Build the operation that goes to an entry of the current directory."""
    return u32(_LOOKUP) + text(name)


def secinfo(name: str) -> bytes:
    """Build the operation that asks which flavors an entry of the current directory requires."""
    return u32(_SECINFO) + text(name)


def parse(results: bytes, asked: tuple[bytes, ...] | None = None) -> Result:
    """Read the answer to COMPOUND.

    Args:
        results: the bytes behind the header of the RPC reply.
        asked: the operations of the call. A server that completed all of them sends a result for each (RFC 7530, 15.2).

    Raises:
        WireError: the answer is broken, has an operation that was not requested, or reports success without the
            results of all operations.
        UnknownValue: the answer reports success, but one of its operations failed.
    """
    items = Items(results)
    status = items.u32()
    items.opaque(1024)
    count = items.u32()
    if count > _MOST_OPERATIONS:
        raise WireError(f"results of {count} operations")
    access, kind, names, flavors = 0, 0, None, ()  # type: int, int, tuple[str, ...] | None, tuple[int, ...]
    carried_out: list[int] = []
    for _ in range(count):
        operation, own = items.u32(), items.u32()
        if own != OK and status == OK and asked is not None:
            raise UnknownValue("the status of an operation of a call that succeeded", own)
        if own != OK:
            break
        carried_out.append(operation)
        match operation:
            case 24 | 15:
                pass
            case 9:
                kind = _kind(items)
            case 3:
                determined = items.u32()
                access = items.u32() | (READ | LOOKUP_ALLOWED) & ~determined
            case 26:
                names = _first_names(items)
            case 33:
                flavors = _flavors(items)
            case _:
                raise WireError(f"a result of operation {operation}, which was not asked for")
    if asked is not None and status == OK:
        _demand_all(carried_out, asked)
    return Result(status, len(carried_out), access, kind, names, flavors)


def _demand_all(carried_out: list[int], asked: tuple[bytes, ...]) -> None:
    """Raise WireError unless each operation of the call has its result, in the order of the call."""
    wanted = [int.from_bytes(operation[:4], "big") for operation in asked]
    if carried_out != wanted:
        shown = ", ".join(map(str, carried_out)) or "none"
        raise WireError(f"success of the operations {', '.join(map(str, wanted))} with the results of {shown}")


def _kind(items: Items) -> int:
    """Return the type if it is the only attribute of the answer, else 0."""
    which, values = _bitmap(items), items.opaque(_MOST_ATTRIBUTES)
    return int.from_bytes(values, "big") if which == _TYPE and len(values) == 4 else 0


def _bitmap(items: Items) -> int:
    """Return the bits as one number; attribute 0 is its lowest bit."""
    words = items.u32()
    items.demand(words)
    if words > _MOST_WORDS:
        raise OurLimit(f"a bitmap of {words} words, of which {_MOST_WORDS} are read")
    return sum(items.u32() << 32 * at for at in range(words))


def _first_names(items: Items) -> tuple[str, ...]:
    items.fixed(8)
    found: list[str] = []
    while items.flag():
        items.u64()
        found.append(items.text(_MOST_NAME))
        _bitmap(items)
        items.opaque(_MOST_ATTRIBUTES)
        if len(found) > 1024:
            raise WireError("more names than were asked for")
    items.flag()  # "these are all names"
    return tuple(found)


def _flavors(items: Items) -> tuple[int, ...]:
    count = items.u32()
    items.demand(count)
    if count > _MOST_FLAVORS:
        raise OurLimit(f"{count} authentication flavors, of which {_MOST_FLAVORS} are read")
    found = []
    for _ in range(count):
        flavor = items.u32()
        if flavor == _RPCSEC_GSS:
            mechanism, _, service = items.opaque(256), items.u32(), items.u32()
            if mechanism.removeprefix(b"\x06\x09") == _KERBEROS:
                flavor = _KERBEROS_FLAVORS.get(service, flavor)
        found.append(flavor)
    return tuple(found)


FIELDS = (
    Field("the status of a COMPOUND", rb"\0{16}(.{4})\0\0\0[\x07\x09][a-z]", STATUSES, Role.VALUE),
    Field(
        "an operation",
        rb"[a-z]{7,9}\0{1,3}\0\0\0[\x01-\x09](\0\0\0\x18)",
        (_ACCESS, _GETATTR, _LOOKUP, _PUTROOTFH, _READDIR, _SECINFO),
        Role.DISCRIMINATOR,
        why="results are in the order of our operations, so another number means an answer to another request",
    ),
    Field("the status of an operation", rb"[a-z]{7,9}\0{1,3}\0\0\0[\x01-\x09]\0\0\0\x18(.{4})", STATUSES, Role.VALUE),
    Field(
        "a flavor of a directory",
        rb"\0\0\0\x21\0\0\0\0\0\0\0.(?:.{4})*?(\0\0\0\x01)$",
        (0, 1, 2, 3, _RPCSEC_GSS),
        Role.OFFER,
        member=b"\0\0\0\x2a",
        lengths=(Length(rb"\0\0\0\x21\0\0\0\0(\0\0\0.)", counts=True), Length(rb"^\x80(...)", of_carrier=True)),
    ),
)
