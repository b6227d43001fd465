"""Where fuzzing begins: the transcripts of real servers, the floods of the readers, and one file of each format."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fixtures.transcripts import HERE, load, names
from scanready.model import Step
from scanready.report import new_document
from scanready.report.document import RunInfo, Totals
from scanready.report.look import Look
from tests.cli import exports
from tests.fuzzing import files
from tests.report.reports import AGENT, blocked, ready
from tests.wire.floods import all_floods

ROOT = Path(__file__).parents[2]
#: Where a fault of the past is kept, in a folder by its entry: it is replayed, and it is a seed.
FAULTS = ROOT / "fixtures" / "faults"

#: The folder of transcripts of a module that is not named like it.
_FOLDERS = {
    "smb1": "smb",
    "smb2": "smb",
    "drda_encryption": "drda",
    "mssql": "tds7",
    "infrastructure": "http",
    "login_process": "http",
    "transcript": "http",
}
#: Bytes of the carrier before a message that has no end of its own: NetBIOS, and the record and reply of ONC RPC.
_CARRIERS = {"smb": 4, "rpc": 28, "nbt": 0}
_FLOOD = 600


def seeds(name: str) -> list[bytes]:
    """Return the seeds of an entry."""
    found = faults(name)
    if name in _MADE:
        return [*found, *_MADE[name]()]
    found += [flood(_FLOOD) for flood in all_floods().get(name, {}).values()]
    for part in reversed(name.split(".")):
        folder = _FOLDERS.get(part, part)
        if (HERE / folder).is_dir() and folder:
            return found + _transcripts(folder)
    return [*found, b"password=hunter2-hunter2", b"User 'scan'@'10.0.1.5' \xc3\xa4\r\n", b"::error:: ##vso["]


def faults(name: str) -> list[bytes]:
    """Return the inputs that once were faults of an entry."""
    return [bytes.fromhex(path.read_text("ascii")) for path in sorted((FAULTS / name).glob("*.hex"))]


def _transcripts(folder: str) -> list[bytes]:
    found = [load(name) for name in names(folder)]
    carrier = _CARRIERS.get(folder, 0)
    return found + [data[carrier:] for data in found if carrier and len(data) > carrier]


def _all_transcripts() -> list[bytes]:
    return [load(name) for name in names("*", "*.s2c.hex")]


def _export() -> bytes:
    reports = [blocked(), ready()]
    return "".join(exports.lines(reports, [one.target for one in reports])).encode()


def _document(form: str) -> bytes:
    reports = [blocked(), ready()]
    document = new_document(form, Look(80, False, True, 0))
    text = document.begin(
        RunInfo("0.1", AGENT, "2026-01-01T00:00:00Z", 10, Step.ACCESS, [one.target for one in reports])
    )
    totals = Totals(seconds=2.0)
    for report in reports:
        text += document.add(report)
        totals.verdicts[report.verdict] += 1
    return (text + document.end(totals)).encode()


def _bundle(packed: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packed) as archive:
        archive.writestr("about.json", json.dumps({"bundle": 1, "command": "verify", "tried": []}))
        archive.writestr("result.json", _document("json"))
    return file.getvalue()


def _lists(pattern: str, *texts: str) -> Callable[[], list[bytes]]:
    samples = ROOT / "fixtures" / "imports"
    return lambda: [path.read_bytes() for path in sorted(samples.glob(pattern))] + [text.encode() for text in texts]


_TABLE = "host;type;port;tags\ndb7.corp;postgresql;5432;hr\n10.0.0.7;smb;445;\n"
_NMAP = """<?xml version="1.0" encoding="utf-7"?><!DOCTYPE nmaprun><nmaprun><host><address addr="10.0.0.7"
addrtype="ipv4"/><ports><port portid="22"><state state="open"/></port></ports></host></nmaprun>"""
_HOSTS = "db7.corp\nssh://10.0.0.9:2222  # a comment\n10.1.0.0/30\n"
_ETC_HOSTS = "127.0.0.1 localhost\n10.0.0.7 db7.corp db7\nfe80::1%eth0 router\n"
_LOGINS: tuple[dict[str, Any], ...] = (
    {"code": "login.refused", "detail": "x", "fix": None, "facts": {}},
    {"value": {"proof": "1 row", "facts": {"user": "scan"}, "denied": None}},
)

_MADE: Mapping[str, Callable[[], list[bytes]]] = {
    "file.inventory": lambda: [(ROOT / "fixtures/estate/estate.scanready.yaml").read_bytes()],
    "file.import": _lists("*.*", _TABLE, _HOSTS, _ETC_HOSTS),
    "file.import-nmap": _lists("*.xml", _NMAP),
    "file.import-ansible": _lists("*.json"),
    "file.import-csv": _lists("*.csv", _TABLE, _TABLE.replace(";", ",")),
    "file.import-hosts": _lists("*.txt", _HOSTS),
    "file.import-etc-hosts": _lists("*.etc", _ETC_HOSTS),
    "file.json": lambda: [_document("json")],
    "file.guard": lambda: [_export(), gzip.compress(_export())],
    "file.scanready": lambda: [_export(), gzip.compress(_export())],
    "file.jsonl": lambda: [_document("jsonl")],
    "file.html": lambda: [_document("html")],
    "file.profile": lambda: [
        next((ROOT / "verifiers/scanready/profiles").glob("*.yaml")).read_bytes(),
        b"profile: {name: a, scanner: b, document: c}\ntypes: {ssh: {requires: [{ports: 22, transport: tcp}]}}\n",
    ],
    "file.settings": lambda: [
        b'timeout = 20\nper-host = 2\nonly = ["tag=hr"]\nno-canary = true\n',
        b"[tool.scanready]\n",
    ],
    "file.zip": lambda: [_bundle(zipfile.ZIP_STORED), _bundle(zipfile.ZIP_DEFLATED)],
    "target": lambda: [b"postgresql://scan@db7.corp:5432/hr", b"smb://[fe80::1%25eth0]/share", b"ssh://10.0.0.0/30"],
    "login-answer": lambda: [json.dumps(one).encode() for one in _LOGINS],
    "certificate": files.certificate_seeds,
    "redaction": lambda: [b"hunter2-hunter2", b"aHVudGVyMi1odW50ZXIy", b"%68unter2-hunter2", b"correct horse"],
    "identify": _all_transcripts,
}
