"""Files of every format that we read, made to fill the memory: each takes less than 100 MB, and a message says why."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scanready.report.serialize import as_object
from tests.cli import plugin
from tests.cli.test_bundle import ABOUT, DOCUMENT
from tests.report.reports import ready

if sys.platform != "linux":
    pytest.skip("the peak of a process's memory is read from /proc", allow_module_level=True)

MIB = 1 << 20
#: Runs a command of ours and prints how much memory it needed at most, beyond what its modules need, in KiB.
MEASURE = """
import sys
from scanready.cli import group
import scanready.cli.commands.report, scanready.cli.commands.import_, scanready.cli.commands.plan
import scanready.inventory.reading
import scanready.inventory.importing.ansible, scanready.inventory.importing.nmap, scanready.inventory.importing.table
import scanready.cli.job.runner, scanready.store.reading, scanready.report.formats.table, defusedxml.sax, ssl
from scanready.run.registry import catalogue
tuple(catalogue())
def peak(): return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
before = peak()
try:
    group.main(sys.argv[1:], prog_name="scanready")
finally:
    print(f"peak {peak() - before}", file=sys.stderr)
"""


def more_memory(*arguments: str, code: int = 2) -> tuple[int, str]:
    """KiB beyond the baseline, and the messages."""
    environment = {**os.environ, "PYTHONPATH": str(plugin.ROOT / "verifiers"), "SCANREADY_NO_STORE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == code, done.stderr[-2000:]
    messages, _, peak = done.stderr.rpartition("peak ")
    return int(peak), messages


def zipped(path: Path, pieces: Iterator[bytes] | list[bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("about.json", json.dumps(ABOUT))
        with archive.open("result.json", "w") as member:
            for piece in pieces:
                member.write(piece)


HEAD = json.dumps(DOCUMENT).partition('"results": [')[0].encode() + b'"results": ['
ONE = json.dumps(as_object(ready())).encode()


def crowded(path: Path) -> None:
    """A bundle of some 400 KB with 120 MiB of empty lists."""
    zipped(path, [HEAD, *[b"[]," * (MIB // 3)] * 120, b"[]]}"])


def wide(path: Path) -> None:
    """One result of 100 MiB."""
    zipped(path, [HEAD, b'{"schema":1,"checks":[', *[b"{}," * (MIB // 3)] * 100, b"{}]}]}"])


def directory(path: Path) -> None:
    """An archive that is a directory of 8 MiB, with 60,000 entries."""
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 0, 0, 0)
    entries = b"".join(entry + b"%0100d" % number for number in range(60_000))
    path.write_bytes(entries + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 60_000, 60_000, len(entries), 0, 0))


def many_results(path: Path) -> None:
    path.write_bytes(b"\n".join([ONE] * 50_010))


def ansible(path: Path) -> None:
    path.write_bytes(b'{"all":{"vars":[' + b"[]," * (10 * MIB) + b"[]]}}")


def ansible_hosts(path: Path) -> None:
    path.write_bytes(b'{"all":{"hosts":[' + b",".join(b'"h%06d"' % n for n in range(2_000_000)) + b"]}}")


def nmap_ports(path: Path) -> None:
    path.write_bytes(b"<nmaprun><host>" + b'<port portid="1"><state state="open"/></port>' * 600_000)


def nmap_tag(path: Path) -> None:
    path.write_bytes(b'<nmaprun><host><address addr="' + b"x" * (30 * MIB))


def nmap_names(path: Path) -> None:
    names = b"".join(b'<address addrtype="%d"/>' % number for number in range(1_000_000))
    path.write_bytes(b"<nmaprun><host>" + names + b"</host></nmaprun>")


def table(path: Path) -> None:
    path.write_bytes(b"host,type\n" + b"," * (31 * MIB))


def hosts(path: Path) -> None:
    path.write_bytes(b"".join(b"h%06d.corp\n" % number for number in range(2_000_000)))


def long_line(path: Path) -> None:
    path.write_text("h \N{GRINNING FACE}" + "\N{GRINNING FACE}" * (7 * MIB), encoding="utf-8")


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(20 << 30)


def authorities(path: Path) -> None:
    path.with_name("ca.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\n" + b"A" * (5 * MIB))
    path.write_text("defaults: {ca_file: ca.pem}\ntargets: [h]\n")


def no_authorities(path: Path) -> None:
    path.with_name("ca.pem").write_bytes(b"no certificate")
    path.write_text("defaults: {ca_file: ca.pem}\ntargets: [h]\n")


HOSTILE: dict[str, tuple[str, str, Callable[[Path], None], str]] = {
    "bundle-of-lists": ("report", "b.zip", crowded, "more than 50,000 results"),
    "bundle-with-a-wide-result": ("report", "b.zip", wide, "larger than 1 MiB"),
    "bundle-with-a-directory": ("report", "b.zip", directory, "directory is too large"),
    "results-without-end": ("report", "r.jsonl", many_results, "more than 50,000 results"),
    "huge-report": ("report", "r.json", huge, "larger than 128 MiB"),
    "ansible-of-lists": ("import", "a.json", ansible, "larger than"),
    "ansible-of-hosts": ("import", "a.json", ansible_hosts, "more than 100,000 hosts"),
    "nmap-of-ports": ("import", "n.xml", nmap_ports, "open ports on a host"),
    "nmap-with-a-long-tag": ("import", "n.xml", nmap_tag, "longer than 1 MiB"),
    "nmap-of-names": ("import", "n.xml", nmap_names, ""),
    "table-with-a-long-row": ("import", "t.csv", table, "longer than 1 MiB"),
    "list-of-hosts": ("import", "h.txt", hosts, "more than 100,000 targets"),
    "list-with-a-long-line": ("import", "h.txt", long_line, "unrecognised file"),
    "huge-list": ("import", "h.txt", huge, "larger than 32 MiB"),
    "huge-inventory": ("plan", "i.yaml", huge, "larger than 128 MiB"),
    "huge-authorities": ("plan", "i.yaml", authorities, "`ca.pem` is larger than 4 MiB"),
    "no-authorities": ("plan", "i.yaml", no_authorities, "`ca.pem` holds no certificates in PEM form"),
}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", HOSTILE)
def test_memory_is_bounded(tmp_path: Path, name: str) -> None:
    command, file, make, words = HOSTILE[name]
    make(tmp_path / file)
    peak, messages = more_memory(command, str(tmp_path / file), code=2 if words else 4)
    assert peak < 100 * 1024, messages[-1000:]
    assert words in " ".join(messages.split())


@pytest.mark.timeout(400)
@pytest.mark.parametrize("item", ["[],", "1,", "{a: b},"])
def test_an_inventory_of_nothing_but_values_is_refused(
    tmp_path: Path, item: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weight that is allowed takes 80 MB and a minute to read; here a tenth of it is."""
    from scanready.inventory import InventoryError, load, plain_yaml, yaml_nodes

    for module in (plain_yaml, yaml_nodes):
        monkeypatch.setattr(module, "HEAVIEST", 7_000)
    (tmp_path / "i.yaml").write_text(f"targets: [{item * 8_000}]")
    with pytest.raises(InventoryError, match="too many values"):
        load(tmp_path / "i.yaml")


def test_a_thousand_problems_are_enough(tmp_path: Path) -> None:
    from scanready.inventory import InventoryError, load

    for entries in (
        "- {a: b}\n" * 3_000,
        "- {host: x, hosts: [" + "-," * 3_000 + "]}\n",
        "- {" + "a: 1, " * 3_000 + "}\n",
    ):
        (tmp_path / "i.yaml").write_text("targets:\n" + entries)
        with pytest.raises(InventoryError) as caught:
            load(tmp_path / "i.yaml")
        assert len(caught.value.problems) <= 1_002
        assert "the rest of the file was not checked" in str(caught.value.problems[-1])


@pytest.mark.parametrize("width", ["99999999999999999999", "9" * 6000, "-5", "0", "1", "\u0663"])
def test_any_width_is_survived(plugins: Path, width: str) -> None:
    done = plugin.run(plugins, ["check", "mood://host:99?is=ready"], {"COLUMNS": width, "LINES": width})
    assert done.returncode == 0, done.stderr
    assert "mood" in done.stdout
    assert len(done.stdout) < 100_000


def test_another_schema_is_refused(tmp_path: Path, plugins: Path) -> None:
    for schema, words in (
        (99, "not 1 (a newer version of scanready wrote it"),
        (True, "not 1"),
        ("1", "not 1"),
        (None, "it has no schema"),
    ):
        (tmp_path / "r.json").write_text(json.dumps({**DOCUMENT, "schema": schema}))
        done = plugin.run(plugins, ["report", str(tmp_path / "r.json")])
        assert (done.returncode, done.stdout) == (2, "")
        assert words in " ".join(done.stderr.split())
    (tmp_path / "i.yaml").write_text("schema: 99\ntargets: [h]\n")
    done = plugin.run(plugins, ["plan", str(tmp_path / "i.yaml")])
    assert (done.returncode, done.stdout) == (2, "")
    assert "i.yaml:1:1: unknown key `schema`" in done.stderr


def test_a_newer_bundle_is_refused(tmp_path: Path, plugins: Path) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("about.json", json.dumps({**ABOUT, "bundle": 2}))
        archive.writestr("result.json", json.dumps(DOCUMENT))
    done = plugin.run(plugins, ["report", str(tmp_path / "b.zip")])
    assert done.returncode == 2
    assert "the bundle has format 2, and this version reads 1" in " ".join(done.stderr.split())


def test_a_sorted_document_and_one_through_a_pipe_are_read(tmp_path: Path, plugins: Path) -> None:
    (tmp_path / "r.json").write_text(json.dumps(DOCUMENT, sort_keys=True, indent=2))
    plain = plugin.run(plugins, ["report", str(tmp_path / "r.json")])
    assert plain.returncode == 1, plain.stderr
    command = [*plugin.command("report", "/dev/stdin")]
    with (tmp_path / "r.json").open("rb") as file:
        piped = subprocess.run(
            command, stdin=file, env=plugin.environment(plugins), capture_output=True, text=True, check=False
        )
    assert (piped.returncode, piped.stdout) == (1, plain.stdout), piped.stderr
