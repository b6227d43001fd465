"""Every function of the package that takes bytes or words of a peer or a file, found by construction, ready to fuzz.

Three rules find them, and each new function falls under one or fails a test:

* every reader (:class:`scanready.wire.Stepwise`), wherever it is defined;
* every public function whose first parameter is ``bytes``, and in the modules of `TEXT` also ``str``, unless it returns
  ``bytes`` (it writes a message then) or stands in `NOT_FUZZED` with its reason;
* every function of a codec that takes what a reader of the codec returned, and every property of that: they are called
  with each answer.

Decoders of files are in tests/fuzzing/files.py.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import pkgutil
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

import scanready
from scanready.wire import Buffer, Stepwise, WireError, ssh
from tests.wire.floods import ARGUMENTS

#: Modules whose functions take a peer's words as text.
TEXT = ("wire.", "redaction.userinfo", "redaction.workflow", "redaction.vocabulary", "remedies.quoting")

#: Functions that the rules find and that no peer and no file reaches, with the reason.
NOT_FUZZED = {
    "climb.signature.says": "its bytes are a pattern of ours",
    "climb.signature.framed": "its bytes are a pattern of ours",
    "clients.login_process.job.unpack": "its bytes come from our own process, which started the one that reads them",
    "wire.drda.exchange_attributes": "writes",
    "wire.drda.unexpected": "names one of the replies that read_replies returned",
    "wire.fields.bits": "its mask is ours",
    "wire.http.asking.authority": "writes the name of the host that the operator gave",
    "wire.imap.command": "writes",
    "wire.imap.read_tagged": "returns the reader read_answer",
    "wire.reading.stepwise": "makes a reader",
    "wire.ssh.offer": "its names are ours",
    "wire.tns.service": "writes, with names that the operator gave",
}

#: The further arguments of functions, made of the fuzzed bytes.
FURTHER: Mapping[str, Callable[[bytes], Mapping[str, Any]]] = {
    "inventory.encoding.decode": lambda data: {"file": "estate.yaml"},
    "targets.smb.login_answers.referral": lambda data: {"asked": r"\server\share\folder"},
    "inventory.importing.source.source_of": lambda data: {"file": "file.import"},
    "wire.nbt.read_node_status": lambda data: {"transaction": int.from_bytes(data[:2], "big")},
    "wire.rpc.rpcbind.parse_dump": lambda data: {"version": 2 + len(data) % 3},
    "wire.rpc.rpcbind.parse_port": lambda data: {"version": 2 + len(data) % 3},
}

#: Calls of functions whose first parameter is neither bytes nor text nor an answer of its codec.
CALLED: Mapping[str, Callable[[bytes], object]] = {
    "wire.http.coding.undo": lambda data: importlib.import_module("scanready.wire.http").undo(
        ["gzip", "deflate"], data
    ),
    "wire.imap.capabilities": lambda data: importlib.import_module("scanready.wire.imap").capabilities(
        data.decode("utf-8", "replace").split("\n")
    ),
    "wire.tns.version_of": lambda data: importlib.import_module("scanready.wire.tns").version_of(
        int.from_bytes(data[:4], "big")
    ),
}

#: The errors of its own that a function may raise, where that is not WireError only.
OWN: Mapping[str, tuple[type[Exception], ...]] = {
    "fleet.messages.decode": (importlib.import_module("scanready.fleet.messages").MessageError,),
    "inventory.encoding.decode": (importlib.import_module("scanready.inventory.problems").InventoryError,),
    "targets.smb.login_answers.directory": (ValueError,),
    "targets.smb.login_answers.referral": (ValueError,),
}

#: Readers that hand on what has come, whatever it is.
OF_PIECES = {"clients.login_process.lent._part", "targets.mssql.login.read_part"}

_OUR_KEXINIT = ssh.offer(("curve25519-sha256",), ("ssh-ed25519",), ("aes128-ctr",), ("hmac-sha2-256",))
#: Functions that take an answer and something of ours beside it.
BESIDE: Mapping[str, Callable[[Any], object]] = {
    "wire.ssh.common": lambda theirs: ssh.common(_OUR_KEXINIT, theirs),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One function to fuzz.

    Attributes:
        name: the module without the package's name, and the function.
        run: calls it with bytes; raises only `own`.
        own: the errors that it says it raises.
        seconds_per_byte: CPU time that a byte may cost.
    """

    name: str
    run: Callable[[bytes], object]
    own: tuple[type[Exception], ...] = (WireError,)
    seconds_per_byte: float = 20e-6


@functools.cache
def modules() -> tuple[types.ModuleType, ...]:
    """Return every module of the package but those that run when they are imported."""
    found = (module.name for module in pkgutil.walk_packages(scanready.__path__, "scanready."))
    return tuple(importlib.import_module(name) for name in found if not name.endswith("__main__"))


def place(function: Any) -> str:
    """Return the name of a function's entry."""
    return f"{function.__module__.removeprefix('scanready.')}.{function.__qualname__}"


@functools.cache
def functions() -> Mapping[str, Callable[..., Any]]:
    """Return every public function of the package, by the name of its entry."""
    return {
        place(value): value
        for module in modules()
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    }


@functools.cache
def readers() -> Mapping[str, Stepwise[..., Any]]:
    """Return every reader of the package, private ones included, by the name of its entry."""
    return {
        place(value.steps): value
        for module in modules()
        for value in vars(module).values()
        if isinstance(value, Stepwise)
    }


def first_parameter(function: Callable[..., Any]) -> Any:
    """Return the type of a function's first parameter, None if it has no parameter."""
    for name in inspect.signature(function).parameters:
        return _hints(function).get(name)
    return None


def returns_bytes(function: Callable[..., Any]) -> bool:
    """Return True for a function that writes a message."""
    return _hints(function).get("return") is bytes


def takes(function: Callable[..., Any], name: str) -> type | None:
    """Return ``bytes`` or ``str`` if a peer's bytes or words go into this function by the rules above."""
    if returns_bytes(function) or name in NOT_FUZZED:
        return None
    first = first_parameter(function)  # a pipe of bytes, such as IO[bytes], is no text of a peer's
    is_union = typing.get_origin(first) in (typing.Union, types.UnionType)
    kinds = typing.get_args(first) if is_union else (first,)
    if bytes in kinds:
        return bytes
    return str if str in kinds and name.startswith(TEXT) else None


@functools.cache
def takes_answers(module: str) -> Mapping[type, tuple[Callable[[Any], object], ...]]:
    """Return, by its type, the functions of a codec that take an answer."""
    found: dict[type, tuple[Callable[[Any], object], ...]] = {}
    for name, function in functions().items():
        if function.__module__ == module and name not in NOT_FUZZED:
            kind = first_parameter(function)
            if isinstance(kind, type) and dataclasses.is_dataclass(kind) and not returns_bytes(function):
                found[kind] = (*found.get(kind, ()), BESIDE.get(name, function))
    return found


def look_at(answer: object, module: str) -> None:
    """Read all that an answer offers: properties, what is within it, and the functions of its codec that take it."""
    if isinstance(answer, (list, tuple)):
        for item in answer:
            look_at(item, module)
    elif dataclasses.is_dataclass(answer):
        for name, value in inspect.getmembers_static(type(answer)):
            if isinstance(value, property):
                look_at(getattr(answer, name), module)
        for field in dataclasses.fields(answer):
            look_at(getattr(answer, field.name), module)
        for function in takes_answers(module).get(type(answer), ()):
            with _own_errors():
                look_at(function(answer), module)
        repr(answer)


class _own_errors:  # noqa: N801  # reads as a keyword does
    """Let a codec's own error pass: the answer itself was read."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is not None and issubclass(kind, WireError)


def _reading(reader: Stepwise[..., Any], arguments: Mapping[str, Any]) -> Callable[[bytes], object]:
    """Return a function that reads bytes whole, in pieces, and with their end; all three must agree."""
    module = reader.steps.__module__

    def outcome(data: bytes, piece: int, *, eof: bool) -> object:
        buffer = Buffer()
        for at in range(0, len(data), piece):
            buffer.feed(data[at : at + piece])
            buffer.eof = eof and at + piece >= len(data)
            try:
                answer = reader(buffer, **arguments)
            except WireError as error:
                return type(error)
            if answer is not None:
                return answer
        return None

    def run(data: bytes) -> None:
        size = max(1, len(data))
        answer = outcome(data, size, eof=False)
        in_pieces = outcome(data, 1 + size % 13, eof=False)
        if not isinstance(answer, type) and not isinstance(in_pieces, type) and place(reader.steps) not in OF_PIECES:
            assert in_pieces == answer, "the answer depends on the pieces"
        look_at(answer, module)
        look_at(outcome(data, size, eof=True), module)

    return run


def _nothing(data: bytes) -> Mapping[str, Any]:
    return {}


def _calling(name: str, function: Callable[..., Any], kind: type) -> Callable[[bytes], object]:
    further = FURTHER.get(name, _nothing)

    def run(data: bytes) -> None:
        taken = data if kind is bytes else data.decode("utf-8", "replace")
        answer = function(taken, **further(data))
        look_at(answer, function.__module__)

    return run


@functools.cache
def entries() -> Mapping[str, Entry]:
    """Return the entries of all readers and functions, by name."""
    found = {name: Entry(name, _reading(reader, ARGUMENTS.get(name, {}))) for name, reader in sorted(readers().items())}
    for name, function in sorted(functions().items()):
        if kind := takes(function, name):
            found[name] = Entry(name, _calling(name, function, kind), OWN.get(name, (WireError,)))
    return found | {name: Entry(name, run) for name, run in CALLED.items()}


@functools.cache
def _hints(function: Callable[..., Any]) -> Mapping[str, Any]:
    try:
        return typing.get_type_hints(function)
    except NameError:  # imported for type checkers only: no bytes
        return {}
