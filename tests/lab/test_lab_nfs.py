"""Is every NFS server of the lab what its name says? Asked with rpcinfo, showmount and libnfs, never with ours."""

from __future__ import annotations

import struct
import subprocess
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from fixtures.lab.lab import Lab
from fixtures.lab.namespace import pids_in, wait_until
from fixtures.lab.nfs import EXPORTS, FILE, FIREWALLS, OWNER, VARIANTS, Nfs, firewall
from fixtures.lab.rpc_peers import HostileRpcbind
from fixtures.lab.server import as_user
from fixtures.lab.witness import watching
from fixtures.limits import HANG
from tests.lab.plain import dial

HANGS = "hangs"  # in place of the output of a client that did not end in time
BARRED = "MNT3ERR_ACCES"
HIDDEN = "NFS4ERR_NOENT"
NOBODY = 65534
SYSTEM_PATHS = [Path(name) for name in ("/run/rpcbind.sock", "/run/rpcbind.lock", "/run/ganesha.pid", "/dev/log")]


def ask(lab: Lab, *argv: str, seconds: float = HANG) -> str:
    """Run a command on the agent and return its output, also if it fails; HANGS if it does not end in time."""
    try:
        done = lab.agent.command(argv, timeout=seconds)
    except subprocess.TimeoutExpired:
        return HANGS
    return done.stdout + done.stderr


NAMES = {"100003": "nfs", "100005": "mountd", "100011": "rquotad", "100021": "nlockmgr", "100024": "status"}


def registered(lab: Lab, address: str) -> dict[str, str]:
    """Program name to its versions, transports and ports as rpcinfo prints them, rpcbind's own left out."""
    rows = [line.split() for line in ask(lab, "rpcinfo", "-p", address).splitlines()[1:]]
    found: dict[str, set[str]] = {}
    for program, version, transport, port, *_ in rows:
        if program != "100000":
            found.setdefault(NAMES[program], set()).add(f"{version}/{transport}:{port}")
    return {name: " ".join(sorted(which)) for name, which in found.items()}


def listed(lab: Lab, address: str, seconds: float = HANG) -> str:
    """Return the exported paths that showmount lists, or its error message."""
    output = ask(lab, "showmount", "--exports", "--no-headers", address, seconds=seconds)
    return " ".join(line.split()[0] for line in output.splitlines() if line.startswith("/")) or output.strip()


def read(lab: Lab, address: str, export: str, version: int, uid: int = 0, seconds: float = HANG) -> str:
    """Return "files" if libnfs lists the files of the export, or else its error message."""
    url = f"nfs://{address}/{export}?version={version}"
    output = ask(lab, *as_user(uid, uid, "nfs-ls", url), seconds=seconds)
    return "files" if FILE in output and "finance" in output else output.strip()


# Programs registered at rpcbind

FULL = {
    "nfs": "3/tcp:2049 3/udp:2049 4/tcp:2049 4/udp:2049",
    "mountd": "1/tcp:20048 1/udp:20048 3/tcp:20048 3/udp:20048",
    "nlockmgr": "4/tcp:32803 4/udp:32803",
    "rquotad": "1/tcp:875 1/udp:875 2/tcp:875 2/udp:875",
    "status": "1/tcp:32765 1/udp:32765",
}
ONLY_V4 = {"nfs": "4/tcp:2049 4/udp:2049"}


def without(*names: str) -> dict[str, str]:
    return {name: which for name, which in FULL.items() if name not in names}


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("both", FULL),
        ("v3", {**FULL, "nfs": "3/tcp:2049 3/udp:2049"}),
        ("v4-registered", ONLY_V4),
        ("krb5", FULL),
        ("no-lock", without("nlockmgr")),
        ("no-quota", without("rquotad")),
        ("no-statd", without("status")),
        ("stale", FULL),
        ("forgotten", {}),
        ("lock-over-udp", {**FULL, "nlockmgr": "4/udp:32803"}),
        ("other-paths", FULL),
        ("no-server", {"status": FULL["status"]}),
        (
            "tcp-only",
            {
                **{"nfs": "3/tcp:2049 4/tcp:2049", "mountd": "1/tcp:20048 3/tcp:20048", "nlockmgr": "4/tcp:32803"},
                **{"rquotad": "1/tcp:875 2/tcp:875", "status": FULL["status"]},
            },
        ),
    ],
)
def test_registrations(lab: Lab, variant: str, expected: dict[str, str]) -> None:
    assert registered(lab, lab.nfs(variant).address) == expected


@pytest.mark.parametrize("transport", ["tcp", "udp", "tcp6", "udp6"])
@pytest.mark.parametrize(
    "program", ["100000 2", "100003 3", "100003 4", "100005 3", "100011 2", "100021 4", "100024 1"]
)
def test_every_service_answers_over_every_transport(lab: Lab, program: str, transport: str) -> None:
    server = lab.nfs("both")
    number, version = program.split()
    if transport.endswith("6") and number == "100000":
        version = "4"  # version 2 knows no IPv6
    address = server.address6 if transport.endswith("6") else server.address
    assert "ready and waiting" in ask(lab, "rpcinfo", "-T", transport, address, number, version)


def test_no_rpcbind(lab: Lab) -> None:
    for variant in ("v4", "v4.1"):
        assert "Connection refused" in ask(lab, "rpcinfo", "-p", lab.nfs(variant).address)


def test_a_stale_registration(lab: Lab) -> None:
    server = lab.nfs("stale")
    assert "Connection refused" in ask(lab, "rpcinfo", "-T", "tcp", server.address, "100024", "1")
    assert "ready and waiting" in ask(lab, "rpcinfo", "-T", "tcp", server.address, "100021", "4")


def test_rpcbind_refuses_strangers_and_says_so_in_its_log(lab: Lab) -> None:
    server = lab.nfs("denied")
    assert "Authentication error" in ask(lab, "rpcinfo", "-p", server.address)
    assert wait_until(lambda: "request from unauthorized host" in server.log)


# Exports

OPEN = "/export /private /mine /network /by-name /reserved /only-v3 /kerberos"


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("both", OPEN),
        ("other-paths", OPEN.replace("/", "/srv/")),
        ("krb5", "/export"),
        ("for-others", ""),
        ("unusual", "/anonymous /no-entry /homes"),
        ("v4", "clnt_create: RPC: Unable to receive"),
        ("v4-registered", "clnt_create: RPC: Program not registered"),
        ("forgotten", "clnt_create: RPC: Program not registered"),
        ("denied", "clnt_create: RPC: Authentication error"),
    ],
)
def test_exports(lab: Lab, variant: str, expected: str) -> None:
    assert listed(lab, lab.nfs(variant).address) == expected


def test_exports_over_ipv6_and_to_whom(lab: Lab) -> None:
    output = ask(lab, "showmount", "-e", lab.nfs("both").address6)
    assert "/mine     10.77.0.2/32,fd77::2/128\n" in output
    assert "/by-name  *.lab\n" in output


# Reading files

TOO_WEAK = bytes.fromhex("00000001 00000001 00000005")  # denied, AUTH_ERROR, AUTH_TOOWEAK
WRONG_FLAVOUR = "(null)"  # libnfs has no word for a mount whose flavours it lacks


@pytest.mark.parametrize(
    ("export", "v3", "v4"),
    [
        ("export", "files", "files"),
        ("export/finance", FILE, FILE),
        ("elsewhere", BARRED, HIDDEN),
        ("no-such-export", BARRED, HIDDEN),
        ("private", "NFS3ERR_ACCES", "NFS4ERR_ACCESS"),
        ("mine", "files", "files"),
        ("network", "files", "files"),
        ("by-name", "files", "files"),
        ("reserved", "files", "files"),
        ("only-v3", "files", HIDDEN),
        ("only-v4", BARRED, "files"),
        ("kerberos", WRONG_FLAVOUR, "NFS4ERR_WRONGSEC"),
    ],
)
def test_reading(lab: Lab, export: str, v3: str, v4: str) -> None:
    address = lab.nfs("both").address
    assert v3 in read(lab, address, export, 3)
    assert v4 in read(lab, address, export, 4)


def test_every_export_is_tried_above() -> None:
    marks = test_reading.pytestmark  # type: ignore[attr-defined]  # set by pytest's decorator
    tried = {parameters[0] for parameters in marks[0].args[1]}
    assert {export.name for export in EXPORTS} <= tried


def test_reading_what_is_unusual(lab: Lab) -> None:
    """libnfs supports only AUTH_UNIX credentials, which the export "anonymous" rejects."""
    address = lab.nfs("unusual").address
    assert "NFS4ERR_WRONGSEC" in read(lab, address, "anonymous", 4)
    assert read(lab, address, "no-entry", 3) == "files"  # their names
    assert "NFS4ERR_ACCESS" in read(lab, address, "no-entry", 4)
    for version in (3, 4):
        assert read(lab, address, "homes", version) == "files"
        assert "ERR_ACCES" in read(lab, address, "homes/finance", version)
        assert read(lab, address, "homes/finance", version, uid=OWNER) != "files"  # it has one file, and no directory


@pytest.mark.parametrize(
    ("variant", "v3", "v4"),
    [
        ("v3", "files", WRONG_FLAVOUR),
        ("v4", "nfs_service failed", "files"),
        ("v4-registered", "Program is not available", "files"),
        ("v4.1", "nfs_service failed", "NFS4ERR_MINOR_VERS_MISMATCH"),
        ("krb5", WRONG_FLAVOUR, "NFS4ERR_WRONGSEC"),
        ("no-lock", "files", "files"),
        ("no-quota", "files", "files"),
        ("no-statd", "files", "files"),
        ("stale", "files", "files"),
        ("forgotten", "Program is not available", "files"),
        ("tcp-only", "files", "files"),
        ("lock-over-udp", "files", "files"),
        ("denied", WRONG_FLAVOUR, "files"),
        ("other-paths", BARRED, "files"),
        ("no-server", "Program is not available", "nfs_service failed"),
    ],
)
def test_reading_each_variant(lab: Lab, variant: str, v3: str, v4: str) -> None:
    address = lab.nfs(variant).address
    assert v3 in read(lab, address, "export", 3)
    assert v4 in read(lab, address, "export", 4)


def test_reading_over_ipv6(lab: Lab) -> None:
    name = lab.nfs("both").host.hostname6
    assert [read(lab, name, "export", version) for version in (3, 4)] == ["files", "files"]


def test_a_source_port_below_1024_is_demanded(lab: Lab) -> None:
    address = lab.nfs("both").address
    assert read(lab, address, "reserved", 3, uid=NOBODY) == "Failed to mount nfs share : mount_cb: (null)"
    assert HIDDEN in read(lab, address, "reserved", 4, uid=NOBODY)
    assert [read(lab, address, "export", version, uid=NOBODY) for version in (3, 4)] == ["files", "files"]


@pytest.mark.parametrize(("export", "answer"), [("export", b"\0" * 16), ("reserved", TOO_WEAK), ("kerberos", TOO_WEAK)])
def test_a_granted_mount_proves_nothing(lab: Lab, export: str, answer: bytes) -> None:
    """NFSv3 from an unprivileged port: mountd hands out the file handle, and only NFS itself refuses (or answers)."""
    address = lab.nfs("both").address

    def call(port: int, program: int, procedure: int, argument: bytes) -> bytes:
        header = struct.pack(">I5I", 7, 0, 2, program, 3, procedure)
        header += struct.pack(">2I5I", 1, 20, 0, 0, 0, 0, 0) + bytes(8)  # AUTH_SYS: no name, uid 0, gid 0
        message = header + argument
        with dial(address, port) as peer:
            peer.sendall(struct.pack(">I", 0x80000000 | len(message)) + message)
            return peer.recv(4096)[8:]  # behind the record's length and the xid

    def mount_and_ask() -> tuple[bytes, bytes]:
        path = b"/" + export.encode()
        mounted = call(20048, 100005, 1, struct.pack(">I", len(path)) + path + bytes(-len(path) % 4))
        handle = mounted[24 : 24 + 4 + struct.unpack_from(">I", mounted, 24)[0]]
        return mounted[:24], call(2049, 100003, 1, handle)

    mounted, attributes = lab.agent.run(mount_and_ask)
    assert mounted == b"\0\0\0\1" + bytes(20)
    assert attributes[4:20] == answer


def test_only_its_owner_reads_the_private_export(lab: Lab) -> None:
    address = lab.nfs("both").address
    assert [read(lab, address, "private", version, uid=OWNER) for version in (3, 4)] == ["files", "files"]


# Clients behind a firewall


@pytest.fixture(scope="module")
def through(lab: Lab) -> dict[str, list[str]]:
    """Run five clients through each firewall concurrently; return their outputs by firewall.

    There is one server, and each of its addresses is behind a different firewall.
    """
    server = lab.nfs("both", "firewalls", addresses=len(FIREWALLS))
    where = dict(zip(FIREWALLS, server.host.addresses, strict=True))
    rules = "\n".join(firewall(name, address) for name, address in where.items())
    patience = 4  # seconds; what is rejected is given up after 1.03

    def five(pool: ThreadPoolExecutor, address: str) -> list[Future[str]]:
        return [
            pool.submit(ask, lab, "rpcinfo", "-p", address, seconds=patience),
            pool.submit(ask, lab, "rpcinfo", "-T", "udp", address, "100003", "3", seconds=patience),
            pool.submit(listed, lab, address, patience),
            *(pool.submit(read, lab, address, "export", version, seconds=patience) for version in (3, 4)),
        ]

    with lab.policy(rules), ThreadPoolExecutor(5 * len(where)) as pool:
        asked = {name: five(pool, address) for name, address in where.items()}
        return {name: [one.result() for one in futures] for name, futures in asked.items()}


@pytest.mark.parametrize(
    ("name", "dump", "udp", "exports", "v3", "v4"),
    [
        ("rest-dropped", "100003", "ready", HANGS, HANGS, "files"),
        ("rest-rejected", "100003", "ready", "No route to host", "nfs_service failed", "files"),
        ("rest-refused", "100003", "ready", OPEN, "nfs_service failed", "files"),  # showmount goes on over UDP
        ("mountd-dropped", "100003", "ready", HANGS, HANGS, "files"),
        ("locks-dropped", "100003", "ready", OPEN, "files", "files"),
        ("udp-dropped", "100003", HANGS, OPEN, "files", "files"),
        ("udp-rejected", "100003", "Unable to receive", OPEN, "files", "files"),
        ("rpcbind-dropped", HANGS, HANGS, HANGS, HANGS, "files"),
        ("rpcbind-rejected", "No route to host", "Unable to receive", "Unable to receive", "nfs_service", "files"),
        ("rpcbind-tcp-dropped", HANGS, "ready", HANGS, HANGS, "files"),
        ("rpcbind-udp-dropped", "100003", HANGS, OPEN, "files", "files"),
        ("nfs-dropped", "100003", HANGS, OPEN, HANGS, HANGS),
        ("all-but-nfs-dropped", HANGS, HANGS, HANGS, HANGS, "files"),
    ],
)
def test_firewalls(
    through: dict[str, list[str]], name: str, dump: str, udp: str, exports: str, v3: str, v4: str
) -> None:
    for output, expected in zip(through[name], (dump, udp, exports, v3, v4), strict=True):
        assert expected in output, through[name]


# The servers themselves


@pytest.mark.parametrize(("service", "program"), [("statd", "100024"), ("ganesha", "100003"), ("rpcbind", "100000")])
def test_a_paused_service_is_silent_and_comes_back(lab: Lab, service: str, program: str) -> None:
    server = lab.nfs("both", "paused")
    with server.paused(service):
        assert ask(lab, "rpcinfo", "-T", "tcp", server.address, program, seconds=0.5) == HANGS
    assert "ready and waiting" in ask(lab, "rpcinfo", "-T", "tcp", server.address, program)


def test_the_log_is_quiet_unless_somebody_hangs_up(lab: Lab) -> None:
    server = lab.nfs("both", "quiet")
    before = server.log
    assert registered(lab, server.address) == FULL
    assert listed(lab, server.address) == OPEN
    assert server.log == before
    assert read(lab, server.address, "export", 3) == "files"  # libnfs does
    assert "recv errno 104" in server.logged_since(len(before))


@pytest.mark.parametrize("variant", VARIANTS)
def test_up_and_gone_without_a_trace(lab: Lab, variant: str, tmp_path: Path) -> None:
    before = [path.exists() for path in SYSTEM_PATHS]
    # A host each: what statd asked rpcbind from is a port below 1024 at random, and is taken for a minute more.
    server = Nfs(lab.host(f"nfs-short-lived-{variant}"), tmp_path / variant, variant)
    server.start()
    server.stop()
    assert pids_in(server.host.name) == []
    assert [path.exists() for path in SYSTEM_PATHS] == before


# Further tools of the lab


def test_a_hostile_rpcbind_says_what_it_is_told_to(lab: Lab) -> None:
    rows = [(100005, 3, "tcp", "10.99.99.99", 70000), (100003, 3, "udp", "0.0.0.0", 0)]
    server = lab.beside(lab.nfs("v4", "beside"), "rpcbind", lambda host, own: HostileRpcbind(host, own, rows))
    listed_rows = [line.split()[:4] for line in ask(lab, "rpcinfo", "-p", server.address).splitlines()[1:]]
    assert listed_rows == [["100005", "3", "tcp", "70000"], ["100003", "3", "udp", "0"]]
    assert "10.99.99.99.273.112" in ask(lab, "rpcinfo", server.address)
    assert f"tcp {lab.agent.address} 100000 2 4" in server.calls
    assert read(lab, server.address, "export", 4) == "files"


def test_a_slow_server_is_slow_with_every_answer(lab: Lab) -> None:
    slow, quick = lab.slow_nfs(0.2), lab.nfs("both")
    began = time.monotonic()
    assert registered(lab, slow.address) == registered(lab, quick.address)
    assert time.monotonic() - began > 0.2
    assert read(lab, slow.address, "export", 3) == "files"


def test_rpcinfo_goes_where_rpcbind_sends_it(lab: Lab) -> None:
    """Behind the relay rpcbind tells its own address, as one behind NAT does; another host than was asked."""
    slow, quick = lab.slow_nfs(0.2), lab.nfs("both")
    with watching(lab) as flows:
        assert "ready and waiting" in ask(lab, "rpcinfo", "-T", "tcp", slow.address, "100005", "3")
    assert {(flow.to, flow.port) for flow in flows()} == {(quick.address, 20048), (slow.address, 111)}


def test_the_router_notes_every_flow(lab: Lab) -> None:
    server = lab.nfs("both")
    with watching(lab) as flows:
        ask(lab, "rpcinfo", "-T", "tcp", server.address, "100005", "3")
        ask(lab, "rpcinfo", "-T", "udp6", server.address6, "100021", "4")
        with lab.policy(firewall("mountd-dropped", server.address)):
            ask(lab, "rpcinfo", "-n", "20048", "-T", "udp", server.address, "100005", "3", seconds=0.5)
    endpoints = [(flow.to, flow.transport, flow.port) for flow in flows()]
    assert sorted(endpoints) == [
        (server.address, "tcp", 111),
        (server.address, "tcp", 20048),
        (server.address, "udp", 111),
        (server.address, "udp", 20048),
        (server.address6, "udp", 111),
        (server.address6, "udp", 32803),
    ]
    assert all(flow.packets >= 1 for flow in flows())
