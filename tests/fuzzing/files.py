"""The decoders of files, of stored results and of what joins several codecs, ready to fuzz.

Each names the modules that it covers. A module that reads files and that no entry covers fails a test.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import ssl
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import click

from fixtures.emulators import certificates
from scanready.cli import config_files, group
from scanready.cli.job.guard_files import read_guard_files
from scanready.cli.source import Source, opened
from scanready.clients.login_process import codec
from scanready.climb.certificates import judge
from scanready.climb.identify import Signatures
from scanready.inventory import InventoryError, load, parse_target
from scanready.inventory import entries as reading_entries
from scanready.inventory.importing import KINDS, as_inventory, import_file
from scanready.model import Report
from scanready.net.tls import TlsSession
from scanready.profiles.reading import read_profile
from scanready.redaction import Redactor
from scanready.redaction.pieces import Pieces
from scanready.report import FORMATS, new_document
from scanready.report.document import Totals
from scanready.report.look import Look
from scanready.run.jobs.profile_form import profile_form, profile_of
from scanready.run.judged_by import JudgedBy
from scanready.run.registry import all_causes, catalogue
from tests.fuzzing.entries import Entry

#: The modules that the entries below cover, of those that read files.
COVERED = {
    "cli.config_files": "file.settings",
    "cli.export_file": "file.scanready",
    "cli.job.guard_files": "file.guard",
    "cli.result_file": "file.json",
    "cli.source": "file.json",
    "inventory.importing.ansible": "file.import-ansible",
    "inventory.importing.nmap": "file.import-nmap",
    "inventory.importing.source": "file.import",
    "inventory.reading": "file.inventory",
    "profiles.reading": "file.profile",
}
#: Modules that read files which no entry covers, with the reason.
NOT_COVERED = {
    "net.hosts_file": "reads /etc/hosts, which only root writes",
    "fitness.resolvers": "reads /etc/resolv.conf and its like, which only root writes",
    "inventory.local_accounts": "reads a file that only its owner or root can write, as `inventory.reading` does",
    "inventory.secrets": "reads one line of a file that the operator names",
    "targets.notes.client": "reads the installation of a client on this host",
    "targets.ssh.client": "reads known_hosts of this user, which paramiko parses",
    "targets.ssh.login": "hands a private key of the operator's to paramiko",
}

_SECRETS = ("hunter2-hunter2", "correct horse", "123456789012")
#: CPU seconds for a byte of a text format: its libraries build objects for each value.
_SLOW = 150e-6


@functools.cache
def _folder() -> Path:
    """Return a folder of this process, gone with it."""
    folder = tempfile.TemporaryDirectory(prefix="scanready-fuzz-")
    _KEPT.append(folder)
    return Path(folder.name)


_KEPT: list[tempfile.TemporaryDirectory[str]] = []


def _as_file(read: Callable[[str], object], suffix: str) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        path = _folder() / f"{os.getpid()}{suffix}"
        path.write_bytes(data)
        read(str(path))

    return run


def _import(kind: str | None) -> Callable[[str], object]:
    def read(path: str) -> None:
        found = import_file(path, kind)
        written = Path(path).with_suffix(".yaml")
        written.write_text(as_inventory(found), "utf-8")
        if found.entries:
            try:
                _inventory(str(written))
            except InventoryError as error:
                if "more than 1,000 targets" not in str(error):
                    raise AssertionError(f"an inventory of ours does not load: {error}") from error

    return read


def _inventory(path: str) -> None:
    """Read an inventory with a lower bound of targets: a network of ten characters stands for 65,536."""
    with mock.patch.object(reading_entries, "MOST_TARGETS", 1000):
        load(path, credentials=())


def _profile(path: str) -> None:
    """Read a profile; one that is right travels to another process, and has rules for a target of each type."""
    profile = read_profile(path)
    assert profile_of(json.loads(json.dumps(profile_form(profile)))) == profile
    rows = JudgedBy(catalogue().built_in, profile, unnamed=False)
    assert all(rows[name].requirements == wanted for name, wanted in profile.types.items() if name in rows)


def _results(path: str) -> None:
    """Read results, and write every format of them."""
    with opened(path, None) as source:
        targets = source.targets()
        reports = [report for report, _ in source.with_stored_verdicts(targets)]
        _all_formats(source, reports)
        if source.has_several_agents():
            assert all(row.expected for row in source.view().rows() if row.reports)


def _all_formats(source: Source, reports: list[Report]) -> None:
    info = source.info([report.target for report in reports])
    for name in FORMATS:
        document = new_document(name, Look(80, True, True, 1))
        document.begin(info)
        for report in reports:
            document.add(report)
        document.end(Totals(Counter(report.verdict for report in reports), 2.0))


def _settings(path: str) -> None:
    """Read settings as from the folder of this user, and set the options of every command."""
    own = Path(path)
    context = click.Context(group)
    with mock.patch.multiple(config_files, NAME=own.name, folders=lambda: (own.parent,)):
        for param in _options():
            try:
                config_files.value_for(context, param)
            except config_files.Unusable:
                if not context.meta:  # the file is unusable, not one value
                    raise


@functools.cache
def _options() -> tuple[click.Parameter, ...]:
    context = click.Context(group)
    commands = (group.get_command(context, name) for name in group.list_commands(context))
    return tuple(param for command in commands if command for param in command.params)


def _logins() -> Iterator[tuple[Any, Mapping[str, Any]]]:
    for module in catalogue().parts("login"):
        if hasattr(module, "visit"):
            yield codec.returned_by(module.visit), all_causes()


@functools.cache
def _login_types() -> tuple[tuple[Any, Mapping[str, Any]], ...]:
    return tuple(_logins())


def _login_answer(data: bytes) -> None:
    """Take the JSON of a login apart as each login's type; one of them must not hinder the others."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return
    for hint, causes in _login_types():
        with contextlib.suppress(codec.CodecError):
            codec.decode(hint, value, causes)
        with contextlib.suppress(codec.CodecError):
            codec.failure(value, causes)


def _certificate(data: bytes) -> None:
    judge(TlsSession("TLSv1.3", "x", None, (data,)), "localhost")


def _redaction(data: bytes) -> None:
    redactor = Redactor(_SECRETS, ("scan", "db7"))
    masked = redactor.data(data)
    assert len(masked) == len(data), "masking bytes keeps their places"
    text = data.decode("utf-8", "replace")
    for secret in _SECRETS:
        assert secret not in redactor.peer(text), "a secret is left"
        assert secret.encode() not in masked, "a secret is left"
    redactor.composed(text)
    left = bytearray()
    pieces = Pieces(redactor, lambda _way, _label, piece: left.extend(piece))
    size = 1 + len(data) // 16
    for at in range(0, len(data), size):
        pieces.take("received", data[at : at + size])
    pieces.flush()
    assert len(left) == len(data), "a transcript loses no byte"


@functools.cache
def _signatures() -> Signatures:
    return Signatures.of(catalogue())


def certificate_seeds() -> list[bytes]:
    """Return a certificate as DER."""
    return [ssl.PEM_cert_to_DER_cert(certificates.authority().ca_file.read_text())]


@functools.cache
def entries() -> Mapping[str, Entry]:
    """Return the entries of files and of what joins codecs, by name."""
    bad_file = (InventoryError,)
    made = [
        Entry("file.inventory", _as_file(_inventory, ".yaml"), bad_file, _SLOW),
        Entry("file.import", _as_file(_import(None), ".list"), bad_file, _SLOW),
        *(Entry(f"file.import-{kind}", _as_file(_import(kind), ".list"), bad_file, _SLOW) for kind in KINDS),
        *(
            Entry(f"file.{suffix}", _as_file(_results, f".{suffix}"), (click.UsageError,), _SLOW)
            for suffix in ("json", "jsonl", "html", "zip", "scanready")
        ),
        Entry("file.guard", _as_file(lambda path: read_guard_files([path]), ".guard"), (click.UsageError,), _SLOW),
        Entry("file.profile", _as_file(_profile, ".yaml"), bad_file, _SLOW),
        Entry("file.settings", _as_file(_settings, ".toml"), (config_files.Unusable,), _SLOW),
        Entry("target", lambda data: parse_target(data.decode("utf-8", "replace")), bad_file),
        Entry("login-answer", _login_answer, ()),
        Entry("certificate", _certificate, ()),
        Entry("redaction", _redaction, (), _SLOW),
        Entry("identify", lambda data: _signatures().identify(data), ()),
    ]
    return {entry.name: entry for entry in made}
