"""Tell what a foreign file is by its content; one that is better given in another form is refused with the command.

Refused are inventories of Ansible as people write them, our own, nmap's texts, workbooks and archives.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

from scanready.catalogue.wrong import Wrong

from .found import KINDS
from .lines import looks_like_etc_hosts
from .source import Source
from .table import is_table

#: First bytes of files that are no text, with what to do.
_BINARY = {
    b"PK\x03\x04": "an Excel workbook or another archive: save the sheet as CSV (UTF-8), and import that",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: save the sheet as CSV (UTF-8), and import that",
    b"\x1f\x8b": "compressed: unpack it first, as `gunzip` does",
    b"%PDF": "a PDF: export the list as CSV instead",
    b"SQLite format 3": "a database: export the table as CSV",
}
_LINES = 200


def recognise(source: Source) -> str:
    """Return the kind of a file, a word of ``--from``.

    Raises:
        Wrong: it is none of them, and the message says what to do.
    """
    text = source.start()
    if refused := refusal(source, text):
        raise Wrong(refused)
    start = text.lstrip()
    if start.startswith("<"):
        return "nmap"
    if start.startswith("{"):
        return "ansible"
    if looks_like_etc_hosts(text):
        return "etc-hosts"
    return "csv" if is_table(text) else "hosts"


def refusal(source: Source, text: str) -> str:
    """Return the kind of a file that cannot be imported, and the remedy; an empty text for any other file."""
    for begins, told in _BINARY.items():
        if source.data.startswith(begins):
            return f"the file is {told}"
    lines = [line.rstrip() for line in text.splitlines()[:_LINES] if line.strip()]
    return next((told for one in _REFUSALS if (told := one(source, lines))), "")


def other_than_inventory(source: Source) -> str:
    """Return what a file is instead of an inventory, with the command to run; empty if it may be an inventory."""
    text = source.start()
    lines = [line.rstrip() for line in text.splitlines()[:_LINES] if line.strip()]
    if not lines or _our_own(source, lines):
        return ""
    if refused := refusal(source, text):
        return refused
    kind = recognise(source)
    if kind == "ansible" and '"_meta"' not in text:
        return ""
    entries = [line for line in lines if not line.lstrip().startswith("#")]
    if kind in ("csv", "hosts", "etc-hosts") and any(_YAML.match(line) for line in entries):
        return ""
    if kind == "hosts" and any(len(line.partition(" #")[0].split()) > 1 for line in entries):
        return ""
    command = f"scanready import {_argument(source)} -o estate.yaml"
    return f"this is {KINDS[kind]}, not an inventory; to make one of it: `{command}`"


#: A line of an inventory, which may be broken YAML; one with only a URL is not.
_YAML = re.compile(r"\s*(?:-\s|[\w\"']+:(?:\s|$)|[{}\[\]])")


def ansible_command(source: Source) -> str:
    """Return the command that gives an inventory of Ansible in the form that is imported."""
    return f"ansible-inventory -i {_argument(source)} --list | scanready import -"


def _argument(source: Source) -> str:
    named = source.file if source.file.isprintable() and source.file != "<stdin>" else "FILE"
    return shlex.quote(named)


def _our_own(source: Source, lines: list[str]) -> str:
    plain = [line for line in lines if not line.lstrip().startswith("#")]
    keys = {key[1] for line in plain if (key := re.match(r"([a-z]+):(?:\s|$)", line))}
    in_json = plain and plain[0].startswith("{") and re.search(r'"targets"\s*:\s*\[', " ".join(plain[:50]))
    if in_json and '"_meta"' not in " ".join(plain[:50]):
        keys |= {"targets"}
    if "targets" not in keys or not keys <= {"agent", "defaults", "credentials", "targets"}:
        return ""
    name = _argument(source)
    return (
        f"this is an inventory already: `scanready plan {name}` shows what a check would contact; "
        f"`scanready import FILE --against {name}` compares another list with it"
    )


def _our_results(_: Source, lines: list[str]) -> str:
    start = " ".join(lines[:5]).replace(" ", "")
    if not re.match(r'\{"schema":1,"(run|agent|target)"', start):
        return ""
    return "this is a result file of scanready; to show it: `scanready report FILE`"


def _ansible_yaml(source: Source, lines: list[str]) -> str:
    plain = [line for line in lines if not line.lstrip().startswith("#") and line not in ("---", "...")]
    group = bool(plain) and re.fullmatch(r"[\w.-]+:(\s.*)?", plain[0]) is not None
    inside = any(re.fullmatch(r"\s+(hosts|children|vars):(\s.*)?", line) for line in plain)
    if group and inside:
        return f"this is an Ansible inventory in YAML; to import it: `{ansible_command(source)}`"
    plays = any(re.match(r"\s*-?\s*(hosts|tasks|roles):", line) for line in plain) and plain[:1] != []
    if plays and plain[0].startswith("-"):
        return (
            "this is an Ansible playbook, not an inventory; to import an inventory: "
            "`ansible-inventory --list | scanready import -`"
        )
    return ""


_INI_VARIABLE = re.compile(r"\bansible_(host|user|port|connection|ssh_\w+|password|become\w*|network_os)\s*=")


def _ansible_ini(source: Source, lines: list[str]) -> str:
    plain = [line.strip() for line in lines if line.strip()[:1] not in ("#", ";")]
    sections = any(re.fullmatch(r"\[[\w.: -]+\]", line) for line in plain)
    if not sections and not any(_INI_VARIABLE.search(line) for line in plain):
        return ""
    return f"this is an Ansible inventory in INI; to import it: `{ansible_command(source)}`"


def _nmap_text(_: Source, lines: list[str]) -> str:
    texts = ("# Nmap ", "Starting Nmap ", "Nmap scan report for ", "#masscan")
    if any(line.startswith(texts) for line in lines[:3]) or any(re.match(r"Host: \S+ \(", line) for line in lines[:3]):
        return "this is nmap's text output: import its XML, which `nmap -oX FILE` (or masscan -oX) writes"
    return ""


#: An address in brackets begins a line of a list, and a section one of INI.
_JSON_LIST = re.compile(r'\s*\[\s*(?:["{\[\]]|-?\d+\s*[,\]]|$)')


def _other_json(_: Source, lines: list[str]) -> str:
    if not lines or not _JSON_LIST.match(lines[0]):
        return ""
    return "this is a JSON list; of JSON, only the output of `ansible-inventory --list` can be imported: export a CSV"


_REFUSALS: tuple[Callable[[Source, list[str]], str], ...] = (
    _our_own,
    _our_results,
    _nmap_text,
    _other_json,
    _ansible_yaml,
    _ansible_ini,
)
