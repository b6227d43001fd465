"""Habits of Windows, macOS and FreeBSD: each test has one of them, and the rest of the machine as it is."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import signal
import socket
import sqlite3
import ssl
import sys
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import ModuleType, SimpleNamespace
from urllib.parse import unquote, urlsplit

import certifi
import click
import dns.name
import dns.resolver
import pytest
from OpenSSL import crypto

from scanready.causes import common
from scanready.cli.job.interrupt import interruptible
from scanready.cli.output import outputs, progress, terminal
from scanready.climb import certificates
from scanready.files import same
from scanready.fitness import resolvers
from scanready.model import Target
from scanready.net import interfaces, sockets
from scanready.run.registry import all_causes
from scanready.store import database
from scanready.targets.nfs import versions
from scanready.targets.ssh import client
from scanready.wire.rpc import message


def on(platform: str, monkeypatch: pytest.MonkeyPatch, *modules: ModuleType) -> None:
    """Let modules find another platform."""
    for module in modules:
        monkeypatch.setattr(module, "sys", SimpleNamespace(platform=platform, stderr=sys.stderr))


@pytest.mark.parametrize("console", ["old", "terminal"])
def test_an_old_console_gets_no_escape_codes(
    console: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on("win32", monkeypatch, terminal)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "")
    monkeypatch.setenv("COLUMNS", "40")
    for name in ("WT_SESSION", "CONEMUANSI"):
        monkeypatch.delenv(name, raising=False)
    if console == "terminal":
        monkeypatch.setenv("WT_SESSION", "1")
    bar = progress.Progress(3)
    bar._draw()
    bar.clear()
    written = capsys.readouterr().err
    if console == "terminal":
        assert written.count("\x1b[K") == 2
    else:
        bar_line = "[....................] 0/3  0 s"
        assert written == f"\r{bar_line:<39}\r\r{'':39}\r"


@pytest.mark.skipif(hasattr(signal, "SIGBREAK"), reason="stands in for Windows' signal")
def test_ctrl_break_and_a_closed_console_end_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "SIGBREAK", signal.SIGUSR1, raising=False)
    ended = asyncio.Event()

    async def run() -> None:
        with interruptible(ended.set, lambda: None):
            signal.raise_signal(signal.SIGUSR1)
            await asyncio.wait_for(ended.wait(), 10)

    asyncio.run(run())


_PLACES = {
    "share": (PureWindowsPath(r"\\server\share\a b\runs.db"), "//server/share/a b/runs.db"),
    "drive": (PureWindowsPath(r"C:\Users\J Doe\runs 100%?.db"), "/C:/Users/J Doe/runs 100%?.db"),
    "posix": (PurePosixPath("/var/lib/größe #1/runs.db"), "/var/lib/größe #1/runs.db"),
}


@pytest.mark.parametrize("kind", _PLACES)
def test_a_store_has_a_uri_without_a_host(kind: str) -> None:
    place, name = _PLACES[kind]
    found = urlsplit(database.uri_of(place))
    assert (found.scheme, found.netloc, unquote(found.path), found.query) == ("file", "", name, "")


def test_sqlite_opens_a_name_that_begins_with_two_slashes(tmp_path: Path) -> None:
    """As the name of a share does; SQLite refuses a URI with a host."""
    sqlite3.connect(tmp_path / "a b?.db").execute("CREATE TABLE made (one)").connection.close()
    uri = database.uri_of(PurePosixPath("/" + str(tmp_path / "a b?.db")))
    assert uri.startswith("file:////")
    opened = sqlite3.connect(uri + "?mode=ro", uri=True)
    assert opened.execute("SELECT name FROM sqlite_master").fetchall() == [("made",)]
    opened.close()


_LISTS = {
    "plain": ("/home/a/.ssh/known_hosts /etc/ssh/b", ["/home/a/.ssh/known_hosts", "/etc/ssh/b"]),
    "none": ("none", ["none"]),
    "blanks": (
        r"C:\Users\J Doe\.ssh\known_hosts C:\Users\J Doe\.ssh\known_hosts2",
        [r"C:\Users\J Doe\.ssh\known_hosts", r"C:\Users\J Doe\.ssh\known_hosts2"],
    ),
    "quoted": (r'"C:\Users\J Doe\k" ~/k', [r"C:\Users\J Doe\k", "~/k"]),
    "program-data": (
        r"__PROGRAMDATA__\ssh/ssh_known_hosts __PROGRAMDATA__\ssh/ssh_known_hosts2",
        [r"D:\Pro Data\ssh/ssh_known_hosts", r"D:\Pro Data\ssh/ssh_known_hosts2"],
    ),
}


@pytest.mark.parametrize("kind", _LISTS)
def test_the_files_that_ssh_lists(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_PROGRAM_DATA", r"D:\Pro Data")
    listed, files = _LISTS[kind]
    assert client._files(listed) == files


def test_a_process_without_a_uid_calls_nfs_as_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has none, and its own client calls as -2; root would be refused or squashed, and the fix be wrong."""
    for name in ("geteuid", "getegid"):
        monkeypatch.delattr(os, name)
    probe = SimpleNamespace(
        target=Target("nas", "nfs", 2049), shared=SimpleNamespace(agent=SimpleNamespace(name="proxy"))
    )
    credential, uid = versions.identity(probe)  # type: ignore[arg-type]  # it needs no more of one
    assert uid == 2**32 - 2
    assert credential == message.auth_sys("proxy", uid, uid)


@pytest.mark.parametrize(("platform", "own", "public"), [("win32", 1, True), ("darwin", 0, True), ("linux", 0, False)])
def test_public_authorities_that_the_system_does_not_list(
    platform: str, own: int, public: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows fetches one when it is first met, and Python for macOS has none; Linux' clients have the same as we."""
    on(platform, monkeypatch, certificates)
    listed = [_first_of_certifi()][:own]

    class Context:
        def __init__(self, _: object) -> None: ...

        def load_default_certs(self) -> None: ...

        def get_ca_certs(self, binary_form: bool) -> list[bytes]:
            return listed

    monkeypatch.setattr(ssl, "SSLContext", Context)
    certificates._store.cache_clear()
    store = certificates._store(None)
    certificates._store.cache_clear()
    last = crypto.load_certificate(crypto.FILETYPE_PEM, _blocks()[-1])
    if public:
        crypto.X509StoreContext(store, last).verify_certificate()
    else:
        with pytest.raises(crypto.X509StoreContextError):
            crypto.X509StoreContext(store, last).verify_certificate()


def _blocks() -> list[bytes]:
    end = b"-----END CERTIFICATE-----\n"
    return [one + end for one in Path(certifi.where()).read_bytes().split(end) if b"BEGIN" in one]


def _first_of_certifi() -> bytes:
    first = crypto.load_certificate(crypto.FILETYPE_PEM, _blocks()[0])
    return crypto.dump_certificate(crypto.FILETYPE_ASN1, first)


@pytest.mark.parametrize("platform", ["win32", "darwin", "linux"])
def test_names_that_differ_in_case_only(platform: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on(platform, monkeypatch, same)
    one, other = str(tmp_path / "Größe.json"), str(tmp_path / "GRO\u0308SSE.JSON")
    assert same.is_same(one, other) is (platform != "linux")
    Path(one).touch()
    Path(other).touch()
    assert not same.is_same(one, other)  # the file system says so
    Path(other).unlink()
    os.link(one, other)
    assert same.is_same(one, other)  # as it is where there is no difference
    assert not same.is_same(one, str(tmp_path / "size.json"))


def test_the_input_is_not_overwritten_under_another_case(tmp_path: Path) -> None:
    inventory, output = tmp_path / "estate.yaml", tmp_path / "ESTATE.YAML"
    inventory.touch()
    os.link(inventory, output)
    with pytest.raises(click.UsageError, match="would be overwritten"):
        outputs.spare([str(output)], [str(inventory)])


_POSIX_ONLY = ("getent ", "/etc/resolv.conf", "ulimit -n")


def test_a_command_that_windows_lacks_has_one_beside_it_that_it_has() -> None:
    lacking = [
        cause.code
        for cause in all_causes().values()
        for text in (cause.confirm,)
        if "On the agent" in text and any(word in text for word in _POSIX_ONLY) and "Windows" not in text
    ]
    assert lacking == []
    assert "Resolve-DnsName" in common.NOT_FOUND.confirm


def test_interfaces_of_windows_have_the_addresses_that_the_system_lists() -> None:
    """By psutil, which tells no mask of an IPv6 address on Windows."""
    found = interfaces._of_adapters()
    assert found is not None
    assert ("127.0.0.1/8", True) in {(str(one.where), one.name != "") for one in found}
    if sys.platform == "linux" and "AS_IF_WINDOWS" not in os.environ:
        listed = {(one.name, one.where) for one in interfaces._of_the_c_library() or ()}
        assert {(one.name, one.where) for one in found} == listed
    assert str(interfaces._with_mask(ipaddress.ip_address("fe80::1"), None)) == "fe80::1/128"
    assert str(interfaces._with_mask(ipaddress.ip_address("10.1.2.3"), "255.255.240.0")) == "10.1.2.3/20"


class Adapters:
    """Stands for dnspython's resolver, with what a registry of Windows has."""

    nameservers = ("192.0.2.53", "2001:db8::53", "https://dns.example/dns-query")
    search = (dns.name.from_text("corp.example"), dns.name.from_text("branch.corp.example"))


def test_dns_servers_of_windows_are_those_of_its_adapters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns.resolver, "Resolver", Adapters)
    expected = resolvers.Configured(("192.0.2.53", "2001:db8::53"), ("corp.example", "branch.corp.example"))
    assert resolvers._of_adapters() == expected
    monkeypatch.setattr(Adapters, "nameservers", ())
    assert resolvers._of_adapters() is None, "the system's resolver is asked as a whole"

    def fails() -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver, "Resolver", fails)
    assert resolvers._of_adapters() is None


@pytest.mark.parametrize("missing", ["psutil", "dns.resolver"])
def test_an_install_without_a_library_says_that_it_does_not_know(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert (interfaces._of_adapters if missing == "psutil" else resolvers._of_adapters)() is None


@pytest.mark.parametrize(
    ("taken", "tried"), [([errno.EADDRINUSE] * 3, 4), ([errno.EADDRINUSE] * 99, 12), ([errno.EACCES], 1)]
)
def test_a_source_port_that_is_taken_leads_to_another(
    taken: list[int], tried: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Elsewhere than on Windows, EACCES says that this process may have none of them."""
    ports: list[int] = []
    monkeypatch.setattr(sockets, "_TAKEN", {errno.EADDRINUSE})

    def bind(_: object, address: tuple[str, int]) -> None:
        ports.append(address[1])
        if len(ports) <= len(taken):
            raise OSError(taken[len(ports) - 1], "taken")

    monkeypatch.setattr(sockets.KeepingSocket, "bind", bind, raising=False)
    sockets.udp(socket.AF_INET, privileged=True).close()
    assert len(set(ports)) == len(ports) == tried
    assert set(ports) <= set(range(665, 1024))
